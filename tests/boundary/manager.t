#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Lying gates and keepers against the real manager: what cannot be a message
ends the liar and nobody else; what may be asked is refused by name."""
import json
import os
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from manager_stand import Stand, is_alive  # noqa: E402
from peers import CONTROL, STDIN, WINDOW  # noqa: E402
from stack import wait_for  # noqa: E402
from tap import check, done, equal, run  # noqa: E402

WAITING_MAX = 16384


def control(text):
    return struct.pack(">IBI", len(text) + 5, CONTROL, 0) + text


def message(**members):
    return control(json.dumps(members).encode())


# What a gate that serves may never send: bytes, because.
FAULTS = [
    (struct.pack(">IBI", 5, STDIN, 0), "a data frame"),
    (struct.pack(">IBI", 9, WINDOW, 0) + b"\0\0\0\1", "a window"),
    (struct.pack(">IBI", 7, CONTROL, 1) + b"{}", "a stream that is not 0"),
    (struct.pack(">IBI", 5, 99, 0), "a kind that does not exist"),
    (struct.pack(">IBI", 0xFFFFFFFF, CONTROL, 0), "a length without end"),
    (struct.pack(">IBI", 4, CONTROL, 0), "a length below the header's"),
    (control(b""), "no JSON"),
    (control(b"{"), "half an object"),
    (control(b"[]"), "an array"),
    (control(b"{}"), "no type"),
    (control(b'{"type":"fly"}'), "an unknown type"),
    (control(b'{"type":1}'), "a type that is a number"),
    (message(type="task.list", principal="admin"), "no request number"),
    (message(type="task.list", request=0, principal="admin"), "request 0"),
    (message(type="task.list", request="1", principal="admin"),
     "a request that is text"),
    (message(type="task.list", request=1), "no principal"),
    (message(type="task.list", request=1, principal="a" * 97),
     "a principal of 97 bytes"),
    (message(type="task.list", request=1, principal="admin", color="red"),
     "an unknown member"),
    (control(b'{"type":"task.list","request":1,"request":1,'
             b'"principal":"admin"}'), "a member twice"),
    (control(b'{"type":"task.list","request":1,"principal":"\xff"}'),
     "text that is not UTF-8"),
    (message(type="task.get", request=1, principal="admin", task="a" * 49),
     "a task's name of 49 bytes"),
    (message(type="attach", request=1, principal="admin", session="s",
             task="x", right="own"), "a right that does not exist"),
    (message(type="task.create", request=1, principal="admin",
             limits={"memory": -5}), "a limit below its range"),
    (message(type="task.create", request=1, principal="admin", name="brain"),
     "a task with a reserved name"),
    (message(type="lease", request=1, principal="admin", task="x"),
     "a lease for no time"),
    (message(type="lease", request=1, principal="admin", task="x",
             ttl_ms=24 * 3600 * 1000 + 1), "a lease of more than a day"),
    (message(type="lease", request=1, principal="admin", task="x",
             ttl_ms=-1), "a lease that is over before it begins"),
    (message(type="task.update", request=1, principal="admin", task="x",
             idle_ms=366 * 24 * 3600 * 1000), "idle for more than a year"),
    (message(type="recordings", principal="admin"),
     "recordings without a request number"),
    (message(type="replay", request=1, principal="admin", session="s"),
     "a replay of nothing"),
    (message(type="replay", request=1, principal="admin", session="s",
             recording="a" * 65), "a recording's id of 65 bytes"),
    (message(type="recording", request=1, recording="x-1", task="x",
             owner="admin", bytes=1, modified="now"),
     "the manager's recording"),
    (message(type="ready", pid=1, sessions=0), "ready for the second time"),
    (message(type="down", request=1, principal="admin"), "the admin's down"),
    (message(type="drain"), "the manager's drain"),
    (message(type="configure", host_keys=["x"], grace_ms=1, connections=1,
             connections_per_address=1, channels=1, keepalive_ms=1,
             keepalive_count=1, rekey_bytes=0), "the manager's configure"),
    (message(type="keys", lines=[]), "the manager's keys"),
    (message(type="names", add=["x"]), "the manager's names"),
    (message(type="answer", request=1), "the manager's answer"),
]


def faults(stand):
    """Each is sent by a fresh gate, for the one before it was killed."""
    def every_fault_ends_its_gate():
        for text, because in FAULTS:
            gate = stand.next_gate()
            gate.serve()
            gate.sock.sendall(text)
            ended = gate.closes()
            wait_for(lambda: not is_alive(gate.pid))
            check(ended and stand.is_up(), f"{because}: that gate is killed",
                  stand.log_text()[-400:])
            gate.sock.close()

    def before_ready():
        gate = stand.next_gate()
        gate.told()
        gate.sock.sendall(message(type="task.list", request=1,
                                  principal="admin"))
        check(gate.closes(), "a question before ready: killed")
        gate.sock.close()

    def half_a_frame():
        gate = stand.next_gate()
        gate.serve()
        gate.sock.sendall(b"\0\0")
        gate.sock.close()
        wait_for(lambda: not is_alive(gate.pid))
        check(stand.is_up(), "half a frame, then silence: killed")

    def the_gate_after_all_of_them_serves():
        gate = stand.next_gate()
        equal(gate.told(), ["configure", "keys", "names"],
              "the next gate is told everything, in order")
        gate.say(0, "ready", pid=gate.pid, sessions=0)
        equal(gate.ask("task.list").get("code"), None, "and is answered")
        stand.gate = gate

    return [every_fault_ends_its_gate, before_ready, half_a_frame,
            the_gate_after_all_of_them_serves]


def refused(gate, kind, wanted, what, **members):
    answer = gate.ask(kind, **members)
    equal(answer.get("code"), wanted, what)
    return answer.get("text", "")


def questions(stand):
    """On one connection, which stays."""
    def what_is_not_there():
        gate = stand.gate
        refused(gate, "task.get", "not_found", "get of no task", task="nope")
        refused(gate, "task.update", "not_found", "update of no task",
                task="nope", ttl_ms=5)
        refused(gate, "task.destroy", "not_found", "destroy of no task",
                task="nope")
        refused(gate, "lease", "not_found", "a lease of no task",
                task="nope", ttl_ms=5)
        refused(gate, "attach", "not_found", "attach to no task", task="nope",
                session="s", right="write")
        refused(gate, "task.get", "invalid", "get without a task")
        refused(gate, "task.destroy", "invalid", "destroy without a task")

    def bad_creates():
        gate = stand.gate
        refused(gate, "task.create", "not_found", "an unknown profile",
                profile="huge")
        refused(gate, "task.create", "not_found", "an unknown image",
                image="nope")
        text = refused(gate, "task.create", "limit", "too much memory",
                       limits={"memory": 1 << 39})
        check("memory" in text, "and it names the limit", text)
        equal(stand.ps(), [], "nothing came of any of them")

    def tasks_are_hidden_from_who_may_not_see_them():
        gate = stand.gate
        made = gate.ask("task.create", name="mine")
        equal(made.get("code"), None, "an admin makes a task")
        stand.task = made["task"]
        for principal in ("someone", "nobody"):
            there = refused(gate, "task.get", "not_found",
                            "one who may not see it gets it", task="mine",
                            principal=principal)
            absent = refused(gate, "task.get", "not_found",
                             "or another", task="none", principal=principal)
            equal(there, absent.replace("none", "mine"),
                  "and is told the same")
            refused(gate, "attach", "not_found", "attaches", task="mine",
                    session="s", right="read", principal=principal)
            refused(gate, "task.destroy", "not_found", "destroys it",
                    task="mine", principal=principal)
            refused(gate, "task.create", "denied", "or makes one",
                    principal=principal)
            equal(gate.ask("task.list", principal=principal)["tasks"], [],
                  "it lists none")

    def an_operator_watches_only():
        gate = stand.gate
        refused(gate, "attach", None, "an operator may read", task="mine",
                session="s", right="read", principal="watcher")
        refused(gate, "attach", "denied", "but not write", task="mine",
                session="s", right="write", principal="watcher")

    def the_same_name_and_the_same_token():
        gate = stand.gate
        text = refused(gate, "task.create", "state", "a name in use",
                       name="mine")
        check("in use" in text, "and it says so", text)
        refused(gate, "task.create", "state", "an id in use as a name",
                name=stand.task)
        first = gate.ask("task.create", token="t1")
        again = gate.ask("task.create", token="t1")
        other = gate.ask("task.create", token="t1", principal="robot")
        equal(again["task"], first["task"],
              "the same token of the same principal is the same task")
        check(other.get("code") is None and other["task"] != first["task"],
              "of another principal it is another", other)
        equal([len(answer["tasks"]) for answer in (first, again, other)],
              [1, 1, 1], "each answer has its task before it")
        gate.ask("task.destroy", task=first["task"])
        gate.ask("task.destroy", task=other["task"])

    def labels_and_lifetime_are_changed():
        gate = stand.gate
        got = gate.ask("task.update", task="mine", labels={"a": "b"},
                       ttl_ms=60000)["tasks"][0]
        equal(got["labels"], {"a": "b"}, "labels are replaced")
        check(0 < got["ttl_ms"] <= 60000, "the lifetime runs", got)
        got = gate.ask("task.update", task="mine", ttl_ms=0)["tasks"][0]
        check(got["labels"] == {"a": "b"} and not got.get("ttl_ms"),
              "what is not named stays", got)

    def a_gate_that_reads_no_answers_is_not_asked_for_more():
        gate = stand.gate
        gate.sock.settimeout(1)
        line = message(type="task.list", request=77, principal="admin")
        sent = 0
        try:
            while sent < 64 << 20:
                sent += gate.sock.send(line * 1000)
        except TimeoutError:
            pass
        check(sent < 64 << 20, "its own writes come to a halt", sent)
        with open(f"/proc/{stand.up.pid}/status", encoding="ascii") as file:
            rss = [line for line in file if line.startswith("VmRSS")][0]
        check(stand.admin("ps").returncode == 0, "others are answered", rss)
        gate.sock.close()
        wait_for(lambda: not is_alive(gate.pid))

    return [what_is_not_there, bad_creates,
            tasks_are_hidden_from_who_may_not_see_them,
            an_operator_watches_only, the_same_name_and_the_same_token,
            labels_and_lifetime_are_changed,
            a_gate_that_reads_no_answers_is_not_asked_for_more]


def keys(stand):
    def a_changed_file_of_keys_is_pushed():
        gate = stand.gate
        stand.add_keys()
        count = 0
        while count < 4:
            _, _, told = gate.recv()
            if told["type"] == "keys":
                count = len(told["lines"])
        equal(count, 4, "gates get the keys that were added, at once")

    return [a_changed_file_of_keys_is_pushed]


KEEPER_FAULTS = [
    (struct.pack(">IBI", 5, STDIN, 0), "a data frame"),
    (struct.pack(">IBI", 7, CONTROL, 3) + b"{}", "a stream that is not 0"),
    (struct.pack(">IBI", 0xFFFFFFFF, CONTROL, 0), "a length without end"),
    (control(b'{"type":"fly"}'), "an unknown type"),
    (message(type="take"), "the manager's take"),
    (message(type="stop"), "the manager's stop"),
    (message(type="state", configured=True, ready=True, running=-1),
     "commands below none"),
    (message(type="activity"), "activity of no kind"),
    (message(type="activity", active=False, idle_ms=-1), "idle in the future"),
    (message(type="started", exec="x-1"), "a command without its principal"),
    (message(type="started", exec="other-1", principal="p", what="true"),
     "a command of another task"),
    (message(type="ended", exec="other-1", code=0, reason="exited",
             duration_ms=1, rusage={"user_ms": 1, "system_ms": 1,
                                    "max_rss": 1}),
     "the end of one of another task"),
]


def keepers(stand):
    def created(name, ready=True):
        asked = subprocess.Popen(
            [os.path.join(stand.bin, "sallyport"), "create", "--dir",
             stand.folder, "--name", name], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        keeper = stand.next_keeper()
        keeper.custody.expect("configure")
        keeper.custody.say(0, "state", configured=True, ready=False,
                           running=0)
        if ready:
            keeper.custody.say(0, "ready", protocol=1, version="x")
            equal(asked.wait(timeout=20), 0, f"{name} is made")
        asked.stdout.close()
        return keeper, asked

    def every_fault_ends_its_task():
        for i, (text, because) in enumerate(KEEPER_FAULTS):
            keeper, asked = created(f"k{i}")
            asked.stderr.close()
            keeper.custody.sock.sendall(text)
            wait_for(lambda: stand.ps() == [],
                     why=f"{because}: {stand.ps()} {stand.log_text()[-900:]}")
            check(stand.is_up() and not is_alive(keeper.pid),
                  f"{because}: its task and its keeper are gone")
            keeper.close()

    def one_that_hangs_up():
        keeper, asked = created("hangs-up")
        asked.stderr.close()
        keeper.custody.sock.close()
        wait_for(lambda: stand.ps() == [])
        check("keeper lost" in stand.log_text(), "hanging up: keeper lost")

    def one_that_is_killed():
        keeper, asked = created("killed")
        asked.stderr.close()
        os.kill(keeper.pid, 9)
        wait_for(lambda: stand.ps() == [])
        check(stand.is_up(), "killed: its task is gone")
        keeper.close()

    def one_that_lies_about_commands():
        keeper, asked = created("liar")
        asked.stderr.close()
        keeper.custody.say(0, "ended", exec=f"{keeper.task}-9", code=0,
                           reason="exited", duration_ms=1, rusage={
                               "user_ms": 1, "system_ms": 1, "max_rss": 1})
        for i in range(3000):
            keeper.custody.say(0, "started", exec=f"{keeper.task}-{i + 1}",
                               principal="p", what="x" * 256)
        wait_for(lambda: not stand.ps() or stand.ps()[0]["running"] == 1024)
        check(stand.is_up(), "invented commands are its own affair")
        stand.liar = keeper

    def one_that_does_not_stop():
        keeper = stand.liar
        before = time.monotonic()
        requests = []
        asked = subprocess.Popen(
            [os.path.join(stand.bin, "sallyport"), "destroy", "--dir",
             stand.folder, "liar"])
        requests.append(asked)
        equal(asked.wait(timeout=30), 0, "a keeper that will not stop")
        took = time.monotonic() - before
        check(4 < took < 15, "is killed after five seconds", took)
        wait_for(lambda: not is_alive(keeper.pid))
        keeper.close()

    def one_that_never_says_ready():
        keeper, asked = created("silent", ready=False)
        code = asked.wait(timeout=30)
        text = asked.stderr.read()
        asked.stderr.close()
        check(code == 1 and "hello" in text,
              "without the agent's hello a create fails, and says so", text)
        equal(stand.ps(), [], "and leaves nothing")
        equal(os.listdir(os.path.join(stand.folder, "tasks")), [],
              "no folder either")
        keeper.close()

    return [every_fault_ends_its_task, one_that_hangs_up, one_that_is_killed,
            one_that_lies_about_commands, one_that_does_not_stop,
            one_that_never_says_ready]


def waiters(stand):
    def too_many_wait():
        gate = stand.next_gate()
        gate.serve()
        gate.say(0, "task.create", request=1, principal="admin", name="slow")
        keeper = stand.next_keeper()
        gate.sock.settimeout(60)
        ask = b"".join(
            message(type="task.destroy", request=2 + i, principal="admin",
                    task="slow") for i in range(WAITING_MAX + 1))
        gate.sock.sendall(ask)
        answer = gate.answer(2 + WAITING_MAX - 1)
        equal(answer.get("code"), "limit", "one question more than may wait")
        keeper.close()
        os.kill(keeper.pid, 9)
        equal(gate.answer(2 + WAITING_MAX - 2).get("code"), None,
              "the others are answered when it is done")
        gate.sock.close()

    return [too_many_wait]


def main():
    # so many at once that none waits for the back-off of another's fault
    with Stand(gate=True, gates=len(FAULTS) + 4) as stand:
        run(faults(stand) + keys(stand) + questions(stand))
    with Stand(keeper=True) as stand:
        stand.up.stdout.readline()
        run(keepers(stand))
    with Stand(gate=True, keeper=True) as stand:
        run(waiters(stand))
    done()


main()
