#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Commands go on when gates and the manager are killed; every byte is there."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from stack import Brain, Stack, wait_for
from tap import check, done, equal, run

LINES = 20000
COUNTER = (f"i=0; while [ $i -lt {LINES} ]; do echo line-$i; i=$((i+1)); "
           "[ $((i % 200)) = 0 ] && sleep 0.02; done; exit 7")
WANTED = b"".join(b"line-%d\n" % i for i in range(LINES))


def bytes_of(message):
    return message["data"].encode()


def read_some(brain, exec_id, enough):
    """Bytes from now on, at least enough of them, with their offsets right."""
    collected = b""
    first = None
    while len(collected) < enough:
        message = brain.event(lambda m: m["type"] == "stdout"
                              and m["exec"] == exec_id)
        if first is None:
            first = message["offset"]
        assert message["offset"] == first + len(collected), message["offset"]
        collected += bytes_of(message)
    return collected


def interrupted(stack, what, kill):
    """Start, read a part, kill, come back at the offset, read the rest."""
    brain = Brain(stack)
    exec_id = brain.ask("exec", task="t", command=COUNTER)["exec"]
    got = read_some(brain, exec_id, 20000)
    kill()
    brain.kill()
    brain = wait_for(lambda: try_brain(stack), 30,
                     "no new connection after " + what)
    reply = brain.ask("attach", exec=exec_id,
                      **{"from": {"stdout": len(got), "stderr": 0}})
    check(reply["ok"], f"attach at an offset after {what}", reply)
    equal(reply["stdout"], len(got), "the attachment begins at that byte")
    got += brain.output(exec_id)
    end = brain.exit_of(exec_id)
    check(got == WANTED, f"byte-exact across {what}",
          f"{len(got)} bytes of {len(WANTED)}")
    equal((end["code"], end["reason"]), (7, "exited"),
          f"the exit code too, across {what}")
    brain.close()


def try_brain(stack):
    try:
        return Brain(stack)
    except (EOFError, BrokenPipeError):
        return None


def kills(stack):
    def a_gate():
        before = set(stack.gates())

        def kill():
            for pid in before:
                os.kill(pid, signal.SIGKILL)

        interrupted(stack, "kill -9 of every gate", kill)
        wait_for(lambda: len(set(stack.gates()) - before) == len(before))
        check(True, "the gates are started again")

    def the_manager():
        def kill():
            stack.up.kill()
            stack.up.wait()
            stack.start()

        interrupted(stack, "kill -9 of the manager", kill)
        tasks = stack.admin("ps").stdout
        check("t" in tasks.split(), "the new manager knows the task", tasks)

    def the_client():
        interrupted(stack, "kill -9 of the client", lambda: None)

    def a_connection_outlives_the_manager():
        with Brain(stack) as brain:
            exec_id = brain.ask("exec", task="t", command=COUNTER)["exec"]
            stack.up.kill()
            stack.up.wait()
            stack.start()
            check(brain.output(exec_id) == WANTED,
                  "an open connection goes on while the manager is replaced")
            reply = brain.ask("exec", task="t", argv=["true"])
            check(reply["ok"], "and starts commands again afterwards", reply)

    return [the_client, a_gate, the_manager,
            a_connection_outlives_the_manager]


def main():
    with Stack() as stack:
        stack.create("t")
        run(kills(stack))
    done()


main()
