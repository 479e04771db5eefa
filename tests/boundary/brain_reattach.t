#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A brain whose tasks' keepers are killed at random points: a pause, no more.
"""
import base64
import os
import queue
import signal
import socket
import sys
import threading
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(here, "..", "lib"), here]

from peers import Session, payload, refusal
from reattach_harness import (
    ID, STDERR, STDOUT, Exec, Task, noise, settle)
from tap import check, done, equal, run

SEED = int(os.environ.get("SEED", "0")) or int(time.time())
print(f"# SEED={SEED}")
SIZE = {"rows": 24, "cols": 80}
SCREEN = {"gen": 7, "offset": 5, **SIZE, "alt": False, "lines": ["$"],
          "cursor": {"row": 0, "col": 2, "visible": True, "shape": "block"}}
signal.alarm(150)  # what never comes is a failure


def numbers(start):
    """What ["out", N, "err", N, "exit", N, SEED, "cat"?] writes."""
    words = start["argv"]
    return {STDOUT: noise(int(words[6]), int(words[1])),
            STDERR: noise(int(words[6]) + 1, int(words[3])),
            "code": int(words[5]), "waits": "cat" in words}


class Killed(Session):
    """A session whose manager leads to a Task."""

    def __init__(self, task):
        self.task = task
        self.attaching = True
        super().__init__()
        threading.Thread(target=self.manage, daemon=True).start()

    def manage(self):
        try:
            while True:
                _, asked = self.manager.expect("attach")
                settle(lambda: self.attaching)
                ours, theirs = socket.socketpair()
                self.task.serve(ours)
                self.manager.say(0, "answer", [theirs.fileno()],
                                 request=asked["request"], task=ID)
                theirs.close()
        except (EOFError, OSError, TimeoutError, ValueError):
            pass

    def start(self, ident, *argv, **members):
        self.send({"type": "exec", "id": ident, "task": ID,
                   "argv": [str(word) for word in argv], **members})

    def lose_keeper(self):
        """Kill the keeper; the next one comes when attaching is True."""
        self.attaching = False
        link = self.task.links[-1]
        link.die()
        settle(lambda: not link.is_alive())


def output_is_contiguous(events, exec_id, stream, wanted):
    got = b""
    for event in events:
        if event.get("exec") == exec_id and event["type"] == stream:
            if event["offset"] != len(got):
                return False
            got += payload(event)
    return got == wanted


def feed(session, to_feed, feeding):
    while (one := to_feed.get()) is not None:
        number, ident = one
        for part in range(4):
            some = feeding[number][part * 80000:(part + 1) * 80000]
            session.send({"type": "stdin", "id": f"s{number}.{part}",
                          "exec": ident, "eof": part == 3,
                          "base64": base64.b64encode(some).decode()})


def many_execs_and_their_stdin():
    task = Task(SEED, numbers)
    task.budget, task.input_cost = 60000, 20
    count = 12
    with Killed(task) as session:
        events, replies, ids = [], {}, {}
        for i in range(count):
            session.start(f"e{i}", "out", 90000 + i, "err", 30000 + i,
                          "exit", i, i, "cat", stdin="open")
        ends, feeding, to_feed = 0, {}, queue.Queue()
        # while it is not read, a gate does not read either
        threading.Thread(target=feed, args=(session, to_feed, feeding),
                         daemon=True).start()
        while ends < count:
            event = session.read()
            events.append(event)
            if event["type"] == "exit":
                ends += 1
            if event["type"] != "reply":
                continue
            replies[event["id"]] = replies.get(event["id"], 0) + 1
            check(event["ok"], f"{event['id']} is answered", event)
            if event["id"][0] == "e":
                number = int(event["id"][1:])
                ids[number] = event["exec"]
                feeding[number] = noise(500 + number, 300000 + number)
                to_feed.put((number, event["exec"]))
        to_feed.put(None)
        print(f"# {task.drops} keepers were killed")
        equal([n for n in replies.values() if n != 1], [],
              "every request has one reply")
        equal(len(task.execs), count, "no command ran twice")
        for i, ident in ids.items():
            of = task.execs[ident]
            check(output_is_contiguous(events, ident, "stdout",
                                       noise(i, 90000 + i)) and
                  output_is_contiguous(events, ident, "stderr",
                                       noise(i + 1, 30000 + i)),
                  f"output of {i}")
            check(of.given == feeding[i], f"stdin of {i}",
                  (len(of.given), len(feeding[i])))
            tail = [event["type"] for event in events
                    if event.get("exec") == ident and
                    event["type"] in ("eof", "exit", "gap")]
            equal(tail, ["eof", "eof", "exit"], f"ends of {i}, once")
        equal([e["code"] for e in events if e["type"] == "exit"].sort(),
              list(range(count)).sort(), "and how they ended")


def signals_are_said_until_they_are_taken():
    task = Task(SEED + 1, numbers)
    task.budget = 4000
    with Killed(task) as session:
        session.start("e", "out", 0, "err", 0, "exit", 0, 1, "cat",
                      stdin="open")
        ident = session.reply("e")["exec"]
        for i in range(20):
            check(session.ask(f"s{i}", "signal", exec=ident,
                              signal="USR1")["ok"], "a signal is taken")
        check(len(task.execs[ident].signals) >= 20, "every one of them",
              task.execs[ident].signals)
        task.calm = True
        session.ask("x", "stdin", exec=ident, eof=True)


def questions_are_asked_again():
    task = Task(SEED + 2, numbers)
    task.calm = True
    with Killed(task) as session:
        session.start("e", "out", 0, "err", 0, "exit", 0, 1, "cat", pty=SIZE)
        ident = session.reply("e")["exec"]
        task.execs[ID + "-9"] = Exec(9, task.execs[ident].start,
                                     task.execs[ident].output)
        session.send({"type": "wait", "id": "w", "exec": ident,
                      "until": [{"exit": True}], "timeout_ms": 60000})
        session.send({"type": "wait", "id": "c", "exec": ident,
                      "until": [{"exit": True}], "timeout_ms": 60000})
        session.send({"type": "keys", "id": "k", "exec": ident,
                      "keys": ["Enter"]})
        session.send({"type": "sessions", "id": "l", "task": ID})
        session.send({"type": "wait", "id": "a", "exec": ID + "-9",
                      "until": [{"exit": True}], "timeout_ms": 60000})
        settle(lambda: len(task.asked) == 5)
        session.lose_keeper()
        check(refusal(session.reply("k"), "system", "not known"),
              "keys that were sent are not pressed twice, and that is said")
        session.ask("cc", "cancel", request="c")
        session.send({"type": "screen", "id": "s", "exec": ident})
        session.send({"type": "keys", "id": "K", "exec": ident,
                      "keys": ["Tab"]})
        check(session.ask("p", "ping")["ok"], "the brain goes on meanwhile")
        done_already = len(task.asked)
        task.answers = {
            "wait": {"wait": {"which": 0, "screen": SCREEN}},
            "keys": {"code": "state", "text": "taken"}, "terminals": {}}
        session.attaching = True
        got = {}
        while not {"w", "a", "l", "K"} <= set(got):
            event = session.event()
            got[event.get("id")] = event
        check(got["w"]["ok"], "a wait is asked again", got["w"])
        check(got["a"]["ok"], "also that of another exec", got["a"])
        equal(len(got["l"]["sessions"]), 1,
              "a list is told once, though it was half told before")
        check(refusal(got["K"], "state", "taken"),
              "keys that came meanwhile are pressed then")
        kinds = [one["type"] for one in task.asked[done_already:]]
        equal(sorted(kinds), ["keys", "screen", "terminals", "wait", "wait"],
              "what was canceled is not asked")


def typing_that_was_in_flight():
    task = Task(SEED + 3, numbers)
    task.calm = True
    with Killed(task) as session:
        session.start("e", "out", 0, "err", 0, "exit", 0, 1, "cat", pty=SIZE)
        ident = session.reply("e")["exec"]
        check(session.ask("1", "stdin", exec=ident, data="abc")["ok"],
              "what a terminal takes is answered")
        session.lose_keeper()
        session.send({"type": "stdin", "id": "2", "exec": ident,
                      "data": "def"})
        session.attaching = True
        check(session.reply("2")["ok"], "what came meanwhile is typed then")
        equal(task.execs[ident].given, b"abcdef", "once")
        task.deaf = True
        session.send({"type": "stdin", "id": "3", "exec": ident,
                      "data": "ghi"})
        settle(lambda: any(b"ghi" == reader.pending for reader in
                           task.links[-1].readers.values()))
        session.lose_keeper()
        check(refusal(session.reply("3"), "system", "not known"),
              "of what was in flight it is said that nobody knows")
        task.deaf = False
        session.attaching = True
        check(session.ask("4", "stdin", exec=ident, data="j")["ok"],
              "and typing goes on")


def detaching_while_away():
    task = Task(SEED + 4, numbers)
    task.calm = True
    with Killed(task) as session:
        session.start("e", "out", 10, "err", 0, "exit", 0, 1, "cat",
                      stdin="open")
        ident = session.reply("e")["exec"]
        while session.read()["type"] != "stdout":
            pass
        session.lose_keeper()
        check(session.ask("d", "detach", exec=ident)["ok"],
              "nobody waits for a keeper that has nothing to add")
        session.send({"type": "attach", "id": "a", "exec": ident,
                      "from": {"stdout": 10}})
        session.attaching = True
        check(session.reply("a")["running"], "and it is attached to again")
        session.lose_keeper()
        session.start("n", "out", 0, "err", 0, "exit", 4, 1)
        session.attaching = True
        equal(session.reply("n")["ok"], True, "a start waits, too")


def a_token_of_the_brains_own():
    task = Task(SEED + 5, numbers)
    task.calm = True
    with Killed(task) as session:
        session.start("e", "out", 5, "err", 0, "exit", 0, 1, "cat",
                      stdin="open", token="mine", attach=False)
        ident = session.reply("e")["exec"]
        equal(task.execs[ident].start["token"], "mine", "it is handed on")
        session.start("f", "out", 5, "err", 0, "exit", 0, 1, "cat",
                      stdin="open", token="mine")
        reply = session.reply("f")
        equal((reply["exec"], reply["running"], reply["stdout"]),
              (ident, True, 0), "the second exec is the first")
        equal(len(task.execs), 1, "and ran once")


run([globals()[name] for name in os.environ["ONLY"].split()]
    if "ONLY" in os.environ else
    [many_execs_and_their_stdin, signals_are_said_until_they_are_taken,
     questions_are_asked_again, typing_that_was_in_flight,
     detaching_while_away, a_token_of_the_brains_own])
done()
