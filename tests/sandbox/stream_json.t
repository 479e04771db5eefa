#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""stream-json against real sandboxes: what a brain may rely on."""
import hashlib
import os
import random
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.path.insert(0, os.path.join(HERE, "..", "..", "contrib", "brain"))

from brain import Brain, Closed, Refused, payload
from stack import Stack, wait_for
from tap import check, done, equal, run


def refused(code, call, *args, **members):
    """Whether a request is refused with this code; what was said."""
    try:
        return False, call(*args, **members)
    except Refused as why:
        return why.code == code, str(why)


def connect(stack):
    return Brain.ssh(stack.config)


def tasks(stack):
    def tasks_live_and_end():
        with connect(stack) as brain:
            reply = brain.request("task.create", name="life",
                                  labels={"a": "b"}, ttl_ms=600000)
            info = reply["info"]
            equal((info["name"], info["state"], info["labels"]),
                  ("life", "ready", {"a": "b"}), "a task is created ready")
            check(info["provision_ms"] >= 0, "and says how long it took")
            listed = brain.request("task.list")["tasks"]
            check(reply["task"] in [t["task"] for t in listed],
                  "it is in the list")
            brain.request("task.update", task="life", labels={"c": "d"})
            info = brain.request("task.get", task=reply["task"])["info"]
            equal(info["labels"], {"c": "d"}, "its labels can be replaced")
            check(*refused("state", brain.request, "task.create",
                           name="life"))
            check(*refused("invalid", brain.request, "task.create",
                           name="brain"))
            check(*refused("not_found", brain.request, "task.create",
                           profile="nope"))
            check(*refused("limit", brain.request, "task.create",
                           limits={"memory": 1 << 39}))
            brain.request("task.destroy", task="life")
            states = []
            while "destroyed" not in states:
                event = brain.event()
                if event["type"] == "task" and \
                        event["task"] == reply["task"]:
                    states.append(event["state"])
            check(states[-2:] == ["stopping", "destroyed"],
                  "its states were told on the way", states)
            check(*refused("not_found", brain.request, "exec", task="life",
                           argv=["true"]))

    def a_name_can_be_used_again():
        with connect(stack) as brain:
            seen = []
            for word in ("first", "second"):
                brain.request("task.create", name="again")
                brain.run("again", command=f"echo {word} >> /tmp/mark")
                seen.append(brain.run("again", ["cat", "/tmp/mark"]).stdout)
                brain.request("task.destroy", task="again")
            equal(seen, [b"first\n", b"second\n"],
                  "a new task of an old name is another one")

    def the_client_is_a_command_too():
        def client(*words):
            return subprocess.run(
                [os.path.join(HERE, "../../contrib/brain/brain.py"),
                 "--config", stack.config, *words], capture_output=True,
                check=False)

        task = client("create", "cli").stdout.decode().strip()
        done = client("exec", task, "--", "sh", "-c",
                      "echo o; echo e >&2; exit 5")
        equal((done.stdout, done.stderr, done.returncode),
              (b"o\n", b"e\n", 5), "brain.py exec passes all on")
        equal(client("exec", task, "--", "/nope").returncode, 255,
              "what cannot start is 255")
        equal(client("destroy", task).returncode, 0, "brain.py destroy")

    def a_canceled_create_leaves_no_task():
        with connect(stack) as brain:
            number = brain.send("task.create", name="never")
            brain.request("cancel", request=number)
            check(*refused("canceled", brain.wait, number))
            wait_for(lambda: "never" not in [
                t["name"] for t in brain.request("task.list")["tasks"]
                if t["state"] != "destroyed"])
            check(True, "what was made is destroyed again")

    return [tasks_live_and_end, a_name_can_be_used_again,
            the_client_is_a_command_too, a_canceled_create_leaves_no_task]


def ends(brain):
    def codes_and_signals_are_what_happened():
        codes = (0, 1, 2, 126, 127, 255)
        equal([brain.run("t", command=f"exit {c}").code for c in codes],
              list(codes), "exit codes")
        spared = {signal.SIGCHLD, signal.SIGCONT, signal.SIGSTOP,
                  signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
                  signal.SIGURG, signal.SIGWINCH}
        wrong = []
        for number in set(range(1, 32)) - spared:
            name = ("IO" if number == signal.SIGIO
                    else signal.Signals(number).name[3:])
            ident = brain.request("exec", task="t", argv=["sleep", "9"]
                                  )["exec"]
            brain.request("signal", exec=ident, signal=name)
            end = list(brain.events(ident))[-1]
            if (end.get("code"), end.get("signal"), end["reason"]) != (
                    None, name, "signaled"):
                wrong.append((number, end))
        check(not wrong, "every signal that kills arrives by name", wrong)

    def a_program_that_cannot_start_says_why():
        rows = [("not_found", {"argv": ["/nope"]}),
                ("not_executable", {"argv": ["/etc/passwd"]}),
                ("not_executable", {"argv": ["/usr"]}),
                ("bad_cwd", {"argv": ["true"], "cwd": "/nope"}),
                ("no_user", {"argv": ["true"], "user": "nobody-at-all"})]
        for code, members in rows:
            check(*refused(code, brain.request, "exec", task="t",
                           **members))

    def a_timeout_kills_the_whole_tree():
        end = brain.run("t", command="(setsid sleep 77 & ) & sleep 77",
                        timeout_ms=300)
        equal((end.code, end.reason), (None, "timeout"), "reason timeout")
        left = brain.run("t", command="pgrep -f 'sleep 7[7]' | wc -l")
        equal(left.stdout.strip(), b"0", "no grandchild is left")
        end = brain.run("t", ["cat"], stdin=b"")
        equal(end.code, 0, "cat with an empty stdin ends")
        ident = brain.request("exec", task="t", argv=["cat"], stdin="open",
                              timeout_ms=300)["exec"]
        end = list(brain.events(ident))[-1]
        equal(end["reason"], "timeout", "one that nobody feeds times out")

    def signals_reach_the_process_or_the_tree():
        ident = brain.request("exec", task="t", command="trap 'echo hup' "
                              "HUP; echo up; while :; do sleep 0.1; done"
                              )["exec"]
        events = brain.events(ident)
        equal(payload(next(events)), b"up\n", "a trap is set")
        brain.request("signal", exec=ident, signal="HUP")
        equal(next(payload(e) for e in events if e["type"] == "stdout"),
              b"hup\n", "HUP is caught")
        brain.request("signal", exec=ident, signal="KILL", tree=True)
        end = list(events)[-1]
        equal((end.get("code"), end["signal"], end["reason"]),
              (None, "KILL", "signaled"), "KILL is not")
        check(*refused("state", brain.request, "signal", exec=ident,
                       signal="TERM"))

    def memory_over_the_limit_is_oom():
        brain.request("task.create", name="small",
                      limits={"memory": 64 << 20})
        end = brain.run("small", ["tail", "/dev/zero"])
        equal((end.code, end.signal, end.reason), (None, "KILL", "oom"),
              "the kernel's kill is told apart")
        equal(brain.run("small", ["echo", "on"]).stdout, b"on\n",
              "the task goes on")
        brain.request("task.destroy", task="small")

    def destroy_ends_what_runs():
        brain.request("task.create", name="gone")
        ident = brain.request("exec", task="gone", command="echo a; sleep 99"
                              )["exec"]
        events = brain.events(ident)
        equal(payload(next(events)), b"a\n", "it runs")
        brain.request("task.destroy", task="gone")
        end = list(events)[-1]
        check(end["reason"] == "killed" and "code" not in end,
              "its end is told, without a code", end)

    return [codes_and_signals_are_what_happened,
            a_program_that_cannot_start_says_why,
            a_timeout_kills_the_whole_tree,
            signals_reach_the_process_or_the_tree,
            memory_over_the_limit_is_oom, destroy_ends_what_runs]


def streams(stack, brain):
    def bytes_arrive_as_they_were():
        noise = random.Random(3).randbytes(1 << 20)
        end = brain.run("t", ["cat"], stdin=noise)
        check(end.stdout == noise, "a mebibyte of anything, there and back")
        end = brain.run("t", command="cat >&2", stdin=noise)
        check(end.stderr == noise and end.stdout == b"", "on stderr too")
        end = brain.run("t", command="head -c 10485760 /dev/zero | "
                        "tr '\\0' x")
        check(end.stdout == b"x" * (10 << 20), "a line of 10 MiB")
        end = brain.run("t", command="for i in 1 2 3 4 5 6; do printf "
                        "'\\303'; sleep 0.02; printf '\\251'; done")
        equal(end.stdout.decode(), "\u00e9" * 6, "halves of characters")

    def sixty_four_mebibytes_of_stdin():
        data = random.Random(4).randbytes(64 << 20)
        end = brain.run("t", ["sha256sum"], stdin=data)
        equal(end.stdout.split()[:1],
              [hashlib.sha256(data).hexdigest().encode()],
              "64 MiB of stdin with their checksum")

    def both_streams_at_once():
        command = ("seq 1 700000 & seq 1 700000 >&2; wait")
        end = brain.run("t", command=command)
        wanted = b"".join(b"%d\n" % i for i in range(1, 700001))
        check(end.stdout == wanted and end.stderr == wanted,
              "two streams at once, none swapped")

    def many_execs_in_many_tasks():
        names = [f"many{i}" for i in range(3)]
        for name in names:
            brain.request("task.create", name=name)
        numbers = {brain.send("exec", task=names[i % 3], argv=[
            "sh", "-c", f"seq {i} 20000; exit {i}"]): i for i in range(48)}
        execs = {brain.wait(n)["exec"]: i for n, i in numbers.items()}
        got = {ident: bytearray() for ident in execs}
        codes = {}
        while len(codes) < 48:
            event = brain.event()
            if event["type"] == "stdout":
                assert event["offset"] == len(got[event["exec"]])
                got[event["exec"]] += payload(event)
            elif event["type"] == "exit":
                codes[event["exec"]] = event["code"]
        equal(codes, execs, "48 execs in three tasks: every code")
        check(all(bytes(got[ident]) == b"".join(
            b"%d\n" % n for n in range(i, 20001))
            for ident, i in execs.items()), "and every byte")
        for name in names:
            brain.request("task.destroy", task=name)

    def a_flood_starves_nobody_on_its_connection():
        brain.request("task.create", name="calm")
        flood = brain.request("exec", task="t", argv=["yes"])["exec"]
        began = time.monotonic()
        for task in ("t", "calm"):
            equal(brain.run(task, ["echo", "hi"]).stdout, b"hi\n",
                  f"a command in {task} beside a flood")
        check(time.monotonic() - began < 10, "does not wait for its end")
        brain.request("signal", exec=flood, signal="KILL")
        equal(list(brain.events(flood))[-1]["signal"], "KILL",
              "and the flood can be ended")
        brain.request("task.destroy", task="calm")

    def a_brain_that_does_not_read_slows_itself_only():
        with connect(stack) as slow:
            slow.request("exec", task="t", command="yes | head -c 50000000")
            began = time.monotonic()
            end = brain.run("t", command="seq 1 1000 | tail -1")
            equal(end.stdout, b"1000\n", "another connection goes on")
            check(time.monotonic() - began < 5, "at once")
            equal(drain(slow), 50000000, "and the slow one loses nothing")

    return [bytes_arrive_as_they_were, sixty_four_mebibytes_of_stdin,
            both_streams_at_once, many_execs_in_many_tasks,
            a_flood_starves_nobody_on_its_connection,
            a_brain_that_does_not_read_slows_itself_only]


def drain(brain):
    """Bytes of stdout up to the next exit."""
    total = 0
    while (event := brain.event())["type"] != "exit":
        if event["type"] == "stdout":
            assert event["offset"] == total
            total += len(payload(event))
    return total


def collect(events, out):
    """Add what events bring to out, by stream; the last event."""
    for event in events:
        if event["type"] in out:
            assert event["offset"] == len(out[event["type"]]), event
            out[event["type"]] += payload(event)
    return event


def returns(stack):
    both = ("i=0; while [ $i -lt 3000 ]; do echo o$i; echo e$i >&2; "
            "i=$((i+1)); [ $((i % 50)) = 0 ] && sleep 0.02; done; exit 9")

    def attach_at_exact_offsets_after_each_break():
        brain = connect(stack)
        ident = brain.request("exec", task="t", command=both)["exec"]
        out = {"stdout": bytearray(), "stderr": bytearray()}
        dice = random.Random(5)
        end = None
        for cut in ("client", "gate", "client", "gate", None):
            stop = len(out["stdout"]) + dice.randrange(500, 3000)
            for event in brain.events(ident):
                end = collect([event], out)
                if cut and len(out["stdout"]) > stop:
                    break
            if cut is None or end["type"] == "exit":
                break
            if cut == "gate":
                for pid in stack.gates():
                    os.kill(pid, signal.SIGKILL)
            brain.process.kill()
            brain.close()
            brain = wait_for(lambda: try_connect(stack), 30)
            reply = brain.request("attach", exec=ident, **{"from": {
                name: len(got) for name, got in out.items()}})
            assert (reply["stdout"], reply["stderr"]) == (
                len(out["stdout"]), len(out["stderr"])), reply
        brain.close()
        wanted = [b"".join(b"%c%d\n" % (c, i) for i in range(3000))
                  for c in b"oe"]
        check([bytes(out["stdout"]), bytes(out["stderr"])] == wanted,
              "both streams are byte-exact over two clients and two gates")
        equal((end["type"], end.get("code")), ("exit", 9), "and the end")

    def what_has_ended_can_be_read_again():
        with connect(stack) as brain:
            ident = brain.request("exec", task="t", argv=["seq", "5"],
                                  attach=False)["exec"]
            out = {"stdout": bytearray(), "stderr": bytearray()}
            brain.request("attach", exec=ident)
            end = collect(brain.events(ident), out)
            equal((bytes(out["stdout"]), end["code"]),
                  (b"1\n2\n3\n4\n5\n", 0), "from the start, once attached")
            reply = brain.request("attach", exec=ident, **{
                "from": {"stdout": 6, "stderr": 0}})
            equal((reply["stdout"], reply["running"]), (6, False),
                  "again, at an offset")
            got = b"".join(payload(e) for e in brain.events(ident)
                           if e["type"] == "stdout")
            equal(got, b"4\n5\n", "the rest")
            check(*refused("not_found", brain.request, "attach",
                           exec=ident.split("-")[0] + "-99999"))

    def detached_commands_go_on():
        with connect(stack) as brain:
            ident = brain.request("exec", task="t", command="read x; echo "
                                  "got $x", stdin="open")["exec"]
            brain.request("detach", exec=ident)
            check(*refused("state", brain.request, "stdin", exec=ident,
                           data="no\n"))
            brain.request("attach", exec=ident, **{"from": "live"})
            brain.request("stdin", exec=ident, data="this\n", eof=True)
            out = {"stdout": bytearray()}
            end = collect(brain.events(ident), out)
            equal((bytes(out["stdout"]), end["code"]), (b"got this\n", 0),
                  "stdin can be fed after coming back")

    def what_is_no_longer_kept_is_a_gap():
        with connect(stack) as brain:
            brain.request("task.create", name="short",
                          limits={"output": 256 << 10})
            ident = brain.request("exec", task="short",
                                  argv=["seq", "2000000"])["exec"]
            total = drain(brain)
            brain.request("attach", exec=ident)
            kinds, at = [], 0
            for event in brain.events(ident):
                if event["type"] == "gap":
                    assert event["from"] == at
                    at = event["to"]
                    kinds.append("gap")
                elif event["type"] == "stdout":
                    assert event["offset"] == at
                    at += len(payload(event))
                elif event["type"] == "eof" and event["stream"] == "stdout":
                    kinds.append(event["total"])
            equal((kinds, at), (["gap", total], total),
                  "one gap, then the rest up to the same total")
            brain.request("task.destroy", task="short")

    return [attach_at_exact_offsets_after_each_break,
            what_has_ended_can_be_read_again, detached_commands_go_on,
            what_is_no_longer_kept_is_a_gap]


def try_connect(stack):
    try:
        return connect(stack)
    except Closed:
        return None


def main():
    with Stack() as stack:
        run(tasks(stack))
        with connect(stack) as brain:
            brain.request("task.create", name="t")
            run(ends(brain) + streams(stack, brain))
        run(returns(stack))
    done()


main()
