#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Brains that do not read or only write, and keepers that lie."""
import hashlib
import os
import struct
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from peers import (CONTROL, STDIN, STDOUT, TASK, WINDOW, Session, cases,
                   exit_message, payload, refusal)
from tap import check, done, equal, run


def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS"):
                return int(line.split()[1]) << 10
    return 0


def as_many_tasks_and_execs_as_there_may_be():
    with Session() as session:
        for i in range(257):
            session.send({"type": "exec", "id": f"e{i}", "task": f"t{i}",
                          "argv": ["x"]})
        check(refusal(session.reply("e256"), "limit", "256"),
              "the 257th task at once is refused, naming the limit")
        for i in range(256):
            session.attach()
        stream, _ = session.keepers["t0"].expect("start")
        session.keepers["t0"].say(stream, "refused", code="not_found",
                                  text="no")
        session.reply("e0")
        session.send({"type": "exec", "id": "n", "task": "new",
                      "argv": ["x"]})
        check(session.keepers["t0"].closes(), "an idle one makes room")
        session.attach().expect("start")
    with Session() as session:
        keeper, _ = session.started()
        for i in range(2, 1025):
            session.started(f"e{i}", i)
        check(refusal(session.ask("e", "exec", task="abc", argv=["x"]),
                      "limit", "1024"),
              "the 1025th exec at once is refused, naming the limit")
        keeper.say(1, "exit", **exit_message(code=0))
        session.event()
        session.started("again", 2000)
        check(True, "one that ends makes room")


def a_task_that_goes_loses_its_execs_and_says_so():
    with Session() as session:
        keeper, stream = session.started(stdin="open")
        keeper.send(STDOUT, stream, b"x\xe2")
        session.send({"type": "stdin", "id": "s", "exec": "abc-1",
                      "data": "y"})
        keeper.recv()
        session.send({"type": "exec", "id": "e", "task": "abc",
                      "argv": ["x"]})
        keeper.expect("start")
        keeper.sock.close()
        session.refuse("attach", "not_found", "no task abc")
        del session.keepers["abc"]
        check(refusal(session.reply("e"), "system"), "a start is answered")
        check(refusal(session.reply("s"), "system"), "stdin too")
        kinds = [session.event() for _ in range(3)]
        equal([k["type"] for k in kinds], ["stdout", "stdout", "exit"],
              "held bytes come, then an exit")
        check(kinds[2]["reason"] == "lost" and "code" not in kinds[2] and
              "signal" not in kinds[2], "lost: no invented code", kinds[2])
        session.started("f", 2)
        check(True, "the next exec asks for a new attachment")


def a_lying_keeper_costs_its_own_attachment_only():
    lies = [
        ("an unknown message", lambda k, s: k.say(s, "nonsense")),
        ("a gate's message", lambda k, s: k.say(s, "detach")),
        ("broken JSON", lambda k, s: k.send(CONTROL, s, b"{")),
        ("a stdin frame", lambda k, s: k.send(STDIN, s, b"x")),
        ("too much credit",
         lambda k, s: k.send(WINDOW, s, struct.pack(">I", 1 << 30))),
        ("an over-long frame",
         lambda k, s: k.sock.sendall(struct.pack(">IBI", 1 << 30, 3, s))),
        ("an unknown kind", lambda k, s: k.send(9, s, b"")),
        ("an exit without a reason",
         lambda k, s: k.say(s, "exit", code=1, duration_ms=1)),
    ]
    with Session() as session:
        for number, (what, lie) in enumerate(lies, 1):
            keeper, stream = session.started(f"e{number}", number)
            lie(keeper, stream)
            del session.keepers["abc"]
            event = session.event()
            check(event["type"] == "exit" and event["reason"] == "lost" and
                  keeper.closes(), "the attachment ends: " + what, event)
        for late in (lambda k, s: k.say(s + 50, "taken"),
                     lambda k, s: k.send(STDOUT, s + 50, b"who"),
                     lambda k, s: k.say(s, "taken")):
            keeper, stream = session.started("l", 70)
            late(keeper, stream)
            keeper.say(stream, "exit", **exit_message(code=0))
            equal(session.event()["type"], "exit",
                  "what is nobody's is ignored")


def a_brain_that_does_not_read_costs_bounded_memory():
    total = 64 << 20
    data = b"0123456789abcde\n" * 4096
    with Session() as session:
        keeper, stream = session.started()
        sent = [0]

        def flood():
            while sent[0] < total:
                keeper.send(STDOUT, stream, data)
                sent[0] += len(data)
            keeper.send(STDOUT, stream)
            keeper.say(stream, "exit", **exit_message(code=0))

        keeper.sock.settimeout(60)
        thread = threading.Thread(target=flood)
        thread.start()
        seen = -1
        while sent[0] != seen:  # until nothing moves any more
            seen = sent[0]
            thread.join(0.3)
        check(sent[0] < 8 << 20, "the keeper is stopped", sent[0])
        check(rss(session.process.pid) < 256 << 20,
              "memory stays bounded", rss(session.process.pid))
        for _ in range(2000):
            session.manager.say(0, "task", request=0, **TASK)
        digest, got = hashlib.sha256(), 0
        while (event := session.event())["type"] != "exit":
            if event["type"] == "stdout":
                assert event["offset"] == got
                digest.update(payload(event))
                got += len(payload(event))
        thread.join()
        check(got == total and
              digest.digest() == hashlib.sha256(data * 1024).digest(),
              "every byte arrives once it reads", got)


def a_brain_that_only_writes_is_not_read_for_ever():
    with Session() as session:
        os.set_blocking(session.input, False)
        line = b'{"type":"ping","id":"' + b"i" * 60 + b'"}\n'
        wrote = 0
        try:
            while wrote < 256 << 20:
                wrote += os.write(session.input, line * 1000)
        except BlockingIOError:
            pass
        check(wrote < 64 << 20, "pings without a reader stop", wrote)
    with Session() as session:
        session.started(stdin="open")
        os.set_blocking(session.input, False)
        body = b"x" * (512 << 10)
        wrote, tries = 0, 0
        while wrote < 256 << 20 and tries < 300:
            line = b'{"type":"stdin","id":"%d","exec":"abc-1","data":"' \
                % (wrote >> 10) + body + b'"}\n'
            view = memoryview(line)
            while view and tries < 300:
                try:
                    view = view[os.write(session.input, view):]
                    tries = 0
                except BlockingIOError:
                    tries += 1
                    threading.Event().wait(0.005)
            wrote += len(line)
        check(wrote < 32 << 20, "stdin that nobody takes stops", wrote)
        check(rss(session.process.pid) < 256 << 20, "in bounded memory",
              rss(session.process.pid))


def a_client_that_vanishes_leaves_nothing_behind():
    for moment in range(4):
        with Session() as session:
            if moment > 0:
                session.send({"type": "exec", "id": "e", "task": "abc",
                              "argv": ["x"], "stdin": {"data": "x" * 99}})
                session.send({"type": "task.create", "id": "c"})
                session.send({"type": "task.list", "id": "l"})
            if moment > 1:
                keeper = session.attach()
                stream, _ = keeper.expect("start")
            if moment > 2:
                keeper.say(stream, "started", exec="abc-1", pid=1)
                keeper.send(STDOUT, stream, b"x" * 60000)
                session.reply("e")
                session.send({"type": "signal", "id": "s", "exec": "abc-1",
                              "signal": "TERM"})
            session.process.stdout.close()
            session.send({"type": "ping", "id": "p"})
            if moment > 1:
                keeper.closes()
        check(session.process.returncode == 0,
              f"nothing is held after a break at moment {moment}",
              session.process.returncode)


def main():
    run(cases(sys.modules["__main__"]))
    done()


main()
