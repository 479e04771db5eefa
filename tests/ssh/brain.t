#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The brain's subsystem through the stock client: what SSH adds to it."""
import json
import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from stack import Brain, Stack
from tap import check, done, equal, run

PINGS = 20000


def cases(stack):
    def a_flood_that_is_not_read_is_answered_in_full():
        with Brain(stack) as brain:
            lines = b"".join(b'{"type":"ping","id":"p%d"}\n' % i
                             for i in range(PINGS))
            writer = threading.Thread(target=brain.write, args=(lines,))
            writer.start()
            writer.join(timeout=1)  # it may well be stuck: that is the point
            got = [brain.read() for _ in range(PINGS)]
            writer.join()
            equal([(m["type"], m["id"], m["ok"]) for m in got],
                  [("reply", f"p{i}", True) for i in range(PINGS)],
                  f"{PINGS} requests written before a reply is read")

    def an_exec_that_was_left_can_be_attached_to_at_once():
        with Brain(stack) as brain:
            wrong = []
            for i in range(100):
                started = brain.ask("exec", task="t", argv=["echo", str(i)],
                                    attach=False)
                reply = brain.ask("attach", exec=started["exec"])
                if not reply["ok"]:
                    wrong.append(reply)
                    continue
                if brain.output(started["exec"]) != b"%d\n" % i:
                    wrong.append(i)
                brain.exit_of(started["exec"])
            equal(wrong, [], "started without attach, then attached to, 100 "
                  "times")

    def an_operator_sees_and_does_not_touch():
        key = os.path.join(stack.home.name, "operator")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C",
                        "watcher", "-f", key], check=True)
        with open(key + ".pub", encoding="ascii") as public, \
                open(os.path.join(stack.folder, "authorized_keys"), "a",
                     encoding="ascii") as keys:
            keys.write('role="operator" ' + public.read())
        owner = Brain(stack)
        started = owner.ask("exec", task="t", command="echo seen; cat",
                            stdin="open")
        brain = as_operator(stack, key)
        listed = brain.ask("task.list")["tasks"]
        equal([task["name"] for task in listed], ["t"],
              "an operator sees the tasks")
        reply = brain.ask("attach", exec=started["exec"])
        check(reply["ok"], "and attaches to output", reply)
        event = brain.event(lambda m: m["type"] == "stdout")
        equal(event["data"], "seen\n", "which it gets")
        for request, members in (
                ("exec", {"task": "t", "argv": ["true"]}),
                ("stdin", {"exec": started["exec"], "data": "x"}),
                ("signal", {"exec": started["exec"], "signal": "KILL"}),
                ("task.create", {})):
            reply = brain.ask(request, **members)
            equal((reply["ok"], reply["error"]["code"]), (False, "denied"),
                  f"but {request} is denied")
        brain.kill()
        owner.ask("stdin", exec=started["exec"], eof=True)
        equal(owner.exit_of(started["exec"])["code"], 0,
              "and the command noticed nothing")
        owner.close()

    return [a_flood_that_is_not_read_is_answered_in_full,
            an_exec_that_was_left_can_be_attached_to_at_once,
            an_operator_sees_and_does_not_touch]


def as_operator(stack, key):
    """A brain with the operator's key, once the gates know it."""
    config = os.path.join(stack.home.name, "operator_config")
    with open(stack.config, encoding="utf-8") as file:
        text = file.read()
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"IdentityFile {key}\n" + text.replace(
            os.path.join(stack.folder, "client_ed25519"), key))
    for _ in range(200):
        try:
            return Brain(stack, config)
        except (EOFError, json.JSONDecodeError):
            threading.Event().wait(0.05)
    raise TimeoutError("the operator's key was never taken")


def main():
    with Stack() as stack:
        stack.create("t")
        run(cases(stack))
    done()


main()
