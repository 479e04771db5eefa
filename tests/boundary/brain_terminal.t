#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Terminals of a brain, against a keeper that says what a test wants."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from peers import (PTY, STDIN, WINDOW, Session, cases, exit_message, payload,
                   refusal)
from tap import check, done, equal, run

SIZE = {"rows": 24, "cols": 80}
SCREEN = {"gen": 7, "offset": 5, "rows": 24, "cols": 80, "alt": False,
          "cursor": {"row": 0, "col": 2, "visible": True, "shape": "block"},
          "lines": ["$"]}


def aside(session, keeper, exec_id="abc-1"):
    """The exec that the gate opens for questions: its stream."""
    stream, asked = keeper.expect("attach")
    equal(asked, {"type": "attach", "exec": exec_id, "from": "none"},
          "it asks aside, without output")
    keeper.say(stream, "attached", exec=exec_id, stdout=9, stderr=0, pty=True,
               running=True)
    return stream


def left(keeper, stream):
    """Whether the gate leaves a stream."""
    on, _ = keeper.expect("detach")
    keeper.say(stream, "detached")
    return on == stream


def the_bytes_of_a_terminal_come_with_offsets():
    with Session() as session:
        keeper, stream = session.started(
            argv=["vim"], name="main",
            pty={**SIZE, "term": "screen", "size": "fixed"})
        equal((session.start["pty"], session.start["name"]),
              ({**SIZE, "term": "screen", "size": "fixed"}, "main"),
              "exec hands the terminal and its name on")
        for piece in (b"$ \xe2", b"\x82", b"\xac \xff\x1b[1m"):
            keeper.send(PTY, stream, piece)
        keeper.say(stream, "gap", stream="pty", **{"from": 11, "to": 100})
        keeper.send(PTY, stream, b"x")
        keeper.send(PTY, stream)
        keeper.say(stream, "exit", **exit_message(code=0))
        events = []
        while not events or events[-1]["type"] != "exit":
            events.append(session.event())
        output = [e for e in events if e["type"] == "pty"]
        equal(b"".join(payload(e) for e in output),
              b"$ \xe2\x82\xac \xff\x1b[1mx", "no byte is lost")
        equal([e["offset"] for e in output][-1], 100, "a gap moves the offset")
        check(any("base64" in e for e in output) and output[0]["data"] == "$ ",
              "text as data, others as base64", output)
        equal([e["stream"] for e in events if e["type"] in ("gap", "eof")],
              ["pty", "pty"], "gap and eof name the stream")


def a_terminal_takes_input_sizes_and_signals():
    with Session() as session:
        keeper, stream = session.started(pty=SIZE)
        session.send({"type": "stdin", "id": "s", "exec": "abc-1",
                      "data": "ls\n"})
        equal(keeper.recv(), (STDIN, stream, b"ls\n"), "stdin is open")
        keeper.send(WINDOW, stream, (3).to_bytes(4, "big"))
        check(session.reply("s")["ok"], "and answered when it was taken")
        session.send({"type": "resize", "id": "r", "exec": "abc-1",
                      "rows": 50, "cols": 132})
        session.send({"type": "signal", "id": "k", "exec": "abc-1",
                      "signal": "INT"})
        on, asked = keeper.expect("resize")
        equal((on, asked["rows"], asked["cols"]), (stream, 50, 132),
              "a resize goes on")
        keeper.expect("signal")
        keeper.say(stream, "refused", code="denied", text="it is fixed")
        keeper.say(stream, "taken")
        check(refusal(session.reply("r"), "denied", "fixed"),
              "it is answered in the order of signals")
        check(session.reply("k")["ok"], "of which the next is its own")


def a_terminal_is_attached_to_by_its_own_offset():
    with Session() as session:
        for place, wanted in (({"pty": 77}, {"stdout": 77}),
                              ("live", "live"), ({}, None)):
            session.send({"type": "attach", "id": "a", "exec": "abc-1",
                          "from": place})
            keeper = session.keepers.get("abc") or session.attach()
            stream, asked = keeper.expect("attach")
            if wanted is not None:
                equal(asked["from"], wanted, f"from {place}")
            keeper.say(stream, "attached", exec="abc-1", stdout=77, stderr=0,
                       pty=True, running=True)
            equal(session.reply("a"),
                  {"type": "reply", "id": "a", "ok": True, "exec": "abc-1",
                   "pty": 77, "running": True}, "the reply has \"pty\" only")
            keeper.send(PTY, stream, b"x")
            equal(session.event()["offset"], 77, "and its events go on there")
            session.send({"type": "detach", "id": "d", "exec": "abc-1"})
            check(left(keeper, stream) and session.reply("d")["ok"], "left")


def offsets_of_streams_that_are_not_there_are_refused():
    with Session() as session:
        for pty, place, words in ((True, {"stdout": 5}, "pty"),
                                  (True, {"stderr": 0}, "pty"),
                                  (False, {"pty": 5}, "no terminal")):
            session.send({"type": "attach", "id": "a", "exec": "abc-1",
                          "from": place})
            keeper = session.keepers.get("abc") or session.attach()
            stream, _ = keeper.expect("attach")
            keeper.say(stream, "attached", exec="abc-1", stdout=5, stderr=0,
                       running=True, **({"pty": True} if pty else {}))
            keeper.send(PTY, stream, b"unseen")
            check(refusal(session.reply("a"), "invalid", words),
                  f"from {place} of " + ("a terminal" if pty else "pipes"))
            check(left(keeper, stream), "and it is left")
        check(session.ask("p", "ping")["ok"] and not session.events,
              "nothing of them was shown")


def questions_go_over_the_stream_that_is_followed():
    with Session() as session:
        keeper, stream = session.started(pty=SIZE)
        until = [{"text": "ready"}, {"exit": True}]
        session.send({"type": "wait", "id": "w", "exec": "abc-1", "since": 3,
                      "until": until, "timeout_ms": 1000})
        session.send({"type": "screen", "id": "s", "exec": "abc-1",
                      "format": "ansi", "scrollback": 5, "join": True})
        session.send({"type": "keys", "id": "k", "exec": "abc-1",
                      "keys": ["C-c", "Enter"]})
        on, wait = keeper.expect("wait")
        equal((on, wait["since"], wait["until"], wait["timeout_ms"]),
              (stream, 3, until, 1000), "wait")
        _, screen = keeper.expect("screen")
        equal((screen["format"], screen["scrollback"], screen["join"]),
              ("ansi", 5, True), "screen")
        _, keys = keeper.expect("keys")
        equal(keys["keys"], ["C-c", "Enter"], "keys")
        equal(len({wait["ask"], screen["ask"], keys["ask"]}), 3,
              "each has a number")
        keeper.say(stream, "answer", ask=keys["ask"])
        equal(session.reply("k"), {"type": "reply", "id": "k", "ok": True},
              "keys are answered first here, and say no more")
        keeper.say(stream, "answer", ask=screen["ask"], screen=SCREEN)
        equal(session.reply("s")["screen"], SCREEN, "a screen comes whole")
        found = {"which": 0, "where": {"row": 0, "col": 0, "text": "ready"},
                 "screen": SCREEN}
        keeper.say(stream, "answer", ask=wait["ask"], wait=found)
        equal(session.reply("w")["wait"], found, "a wait says which and where")
        session.send({"type": "keys", "id": "k", "exec": "abc-1",
                      "text": "secret\n",
                      "wait": {"until": [{"echo": True}], "timeout_ms": 9}})
        _, keys = keeper.expect("keys")
        equal((keys["text"], keys["wait"]),
              ("secret\n", {"until": [{"echo": True}], "timeout_ms": 9}),
              "keys and their wait are one message")
        keeper.say(stream, "answer", ask=keys["ask"],
                   wait={"which": -1, "screen": SCREEN})
        equal(session.reply("k")["wait"]["which"], -1, "and one answer")
        session.send({"type": "keys", "id": "k", "exec": "abc-1",
                      "keys": ["Entr"]})
        _, keys = keeper.expect("keys")
        keeper.say(stream, "answer", ask=keys["ask"], code="invalid",
                   text='"keys[0]" is "Entr", which is no key')
        check(refusal(session.reply("k"), "invalid", "keys[0]", "Entr"),
              "what the keeper refuses is told")
        session.send({"type": "detach", "id": "d", "exec": "abc-1"})
        left(keeper, stream)
        check(session.reply("d")["ok"], "and the stream still ends")


def an_exec_is_asked_about_without_its_output():
    with Session() as session:
        session.send({"type": "exec", "id": "e", "task": "abc",
                      "argv": ["vim"], "pty": SIZE, "attach": False})
        keeper = session.attach()
        stream, _ = keeper.expect("start")
        keeper.say(stream, "started", exec="abc-1", pid=2)
        check(session.reply("e")["ok"] and left(keeper, stream), "started")
        session.send({"type": "screen", "id": "s", "exec": "abc-1"})
        session.send({"type": "wait", "id": "w", "exec": "abc-1",
                      "until": [{"bell": True}], "timeout_ms": 9})
        stream = aside(session, keeper)
        _, screen = keeper.expect("screen")
        on, wait = keeper.expect("wait")
        equal(on, stream, "two questions share a stream")
        keeper.send(PTY, stream, b"a liar's output")
        keeper.say(stream, "answer", ask=screen["ask"], screen=SCREEN)
        check(session.reply("s")["ok"], "one is answered")
        session.send({"type": "resize", "id": "r", "exec": "abc-1", **SIZE})
        keeper.expect("resize")
        keeper.say(stream, "answer", ask=wait["ask"],
                   wait={"which": 0, "screen": SCREEN})
        check(session.reply("w")["ok"], "and the other")
        keeper.say(stream, "taken")
        check(session.reply("r")["ok"], "and a resize")
        check(left(keeper, stream), "with the last one it is left")
        session.send({"type": "screen", "id": "s", "exec": "abc-1"})
        stream = aside(session, keeper)
        _, screen = keeper.expect("screen")
        keeper.say(stream, "answer", ask=screen["ask"], screen=SCREEN)
        check(session.reply("s")["ok"], "and opened again for the next")
        check(not session.events, "no output was shown", session.events)


def a_wait_aside_does_not_hinder_an_attach():
    with Session() as session:
        session.send({"type": "wait", "id": "w", "exec": "abc-1",
                      "until": [{"exit": True}], "timeout_ms": 9})
        keeper = session.attach()
        stream = aside(session, keeper)
        _, wait = keeper.expect("wait")
        check(refusal(session.ask("x", "stdin", exec="abc-1", data="a"),
                      "state", "attach"), "it is not attached to")
        session.send({"type": "attach", "id": "a", "exec": "abc-1"})
        followed, _ = keeper.expect("attach")
        keeper.say(followed, "attached", exec="abc-1", stdout=0, stderr=0,
                   pty=True, running=True)
        check(session.reply("a")["ok"], "attach")
        session.send({"type": "screen", "id": "s", "exec": "abc-1"})
        _, screen = keeper.expect("screen")
        keeper.say(followed, "answer", ask=screen["ask"], screen=SCREEN)
        check(session.reply("s")["ok"], "a screen beside it")
        keeper.say(stream, "answer", ask=wait["ask"],
                   wait={"which": 0, "screen": SCREEN})
        check(session.reply("w")["ok"], "the wait is answered")


def questions_that_crossed_with_the_end_are_asked_again():
    with Session() as session:
        keeper, stream = session.started(pty=SIZE)
        session.send({"type": "screen", "id": "s", "exec": "abc-1"})
        session.send({"type": "wait", "id": "w", "exec": "abc-1",
                      "until": [{"exit": True}], "timeout_ms": 9})
        keeper.expect("screen")
        keeper.expect("wait")
        keeper.send(PTY, stream)
        keeper.say(stream, "exit", **exit_message(code=0))
        stream = aside(session, keeper)
        _, screen = keeper.expect("screen")
        _, wait = keeper.expect("wait")
        keeper.say(stream, "answer", ask=wait["ask"],
                   wait={"which": 0, "screen": SCREEN})
        keeper.say(stream, "answer", ask=screen["ask"], screen=SCREEN)
        check(session.reply("w")["ok"] and session.reply("s")["ok"],
              "and answered, from the screen that was kept")
        equal([e["type"] for e in session.events], ["eof", "exit"],
              "the exit was told once")
        check(left(keeper, stream), "then it is left")


def cancel_gives_up_a_question():
    with Session() as session:
        keeper, stream = session.started(pty=SIZE)
        for body in ({"type": "wait", "until": [{"exit": True}],
                      "timeout_ms": 9},
                     {"type": "keys", "keys": ["a"],
                      "wait": {"until": [{"exit": True}], "timeout_ms": 9}},
                     {"type": "keys", "keys": ["a"]}):
            session.send({**body, "id": "w", "exec": "abc-1"})
            _, asked = keeper.expect(body["type"])
            check(session.ask("c", "cancel", request="w")["ok"], "canceled")
            check(refusal(session.events.pop(), "canceled"), "and answered")
            equal(keeper.expect("cancel")[1]["ask"], asked["ask"],
                  "the keeper hears of it")
            keeper.say(stream, "answer", ask=asked["ask"], code="canceled",
                       text="canceled")
        session.send({"type": "resize", "id": "r", "exec": "abc-1", **SIZE})
        keeper.expect("resize")
        check(refusal(session.ask("c", "cancel", request="r"), "state",
                      "resize"), "a resize cannot be")
        keeper.say(stream, "taken")
        check(session.reply("r")["ok"], "late answers are of no harm")
        session.send({"type": "wait", "id": "w", "exec": "abc-2",
                      "until": [{"exit": True}], "timeout_ms": 9})
        stream = aside(session, keeper, "abc-2")
        keeper.expect("wait")
        check(session.ask("c", "cancel", request="w")["ok"], "one aside")
        keeper.expect("cancel")
        check(left(keeper, stream), "which is left")


def cancel_before_the_keeper_is_there():
    with Session() as session:
        for kind, more in (("screen", {"exec": "abc-1"}),
                           ("sessions", {"task": "abc"})):
            session.send({"type": kind, "id": "s", **more})
            check(session.ask("c", "cancel", request="s")["ok"], kind)
            check(refusal(session.events.pop(), "canceled"), "and answered")
        keeper = session.attach()
        keeper.expect("terminals")
        session.send({"type": "screen", "id": "s", "exec": "abc-1"})
        stream = aside(session, keeper)
        check(keeper.expect("screen")[0] == stream, "the next is asked")


def who_may_only_look_sees_screens_and_types_nothing():
    with Session() as session:
        rows = {"screen": {}, "wait": {"until": [{"exit": True}],
                                       "timeout_ms": 1},
                "keys": {"keys": ["a"]}, "resize": SIZE}
        for kind, more in rows.items():
            session.send({"type": kind, "id": kind, "exec": "abc-1", **more})
        session.refuse("attach", "denied", "read only")
        keeper = session.attach("read")
        stream = aside(session, keeper)
        _, screen = keeper.expect("screen")
        _, wait = keeper.expect("wait")
        for kind in ("keys", "resize"):
            check(refusal(session.reply(kind), "denied", "only look"), kind)
        keeper.say(stream, "answer", ask=screen["ask"], screen=SCREEN)
        keeper.say(stream, "answer", ask=wait["ask"],
                   wait={"which": -1, "screen": SCREEN})
        check(session.reply("screen")["ok"] and session.reply("wait")["ok"],
              "screen and wait are answered")
        check(left(keeper, stream), "left")
        session.send({"type": "keys", "id": "k", "exec": "abc-1",
                      "keys": ["a"]})
        check(refusal(session.reply("k"), "denied"), "keys alone are, too")
        stream, _ = keeper.expect("attach")
        check(left(keeper, stream), "and nothing is left open")


def what_cannot_be_asked_is_refused():
    with Session() as session:
        keeper, _ = session.started()
        for kind, more in (("screen", {}), ("resize", SIZE),
                           ("keys", {"text": "a"})):
            check(refusal(session.ask("x", kind, exec="abc-1", **more),
                          "state", "pty"), f"{kind} of pipes")
        for number in range(2):
            session.send({"type": "screen", "id": "s", "exec": "abc-9"})
            stream, _ = keeper.expect("attach")
            keeper.say(stream, "refused", code="not_found",
                       text="no exec abc-9")
            check(refusal(session.reply("s"), "not_found", "abc-9"),
                  f"an exec that is not there, {number}")
            equal(keeper.expect("screen")[0], stream, "the question crossed")
        check(refusal(session.ask("x", "screen", exec="abc"), "invalid",
                      "exec"), "an id without a number")
        long = "\x01" * 65536
        for more in ({"text": long}, {"paste": long}):
            check(refusal(session.ask("x", "keys", exec="abc-1", **more),
                          "limit", "bytes"), "what no frame holds")
        check(refusal(session.ask("x", "wait", exec="abc-1", timeout_ms=1,
                                  until=[{"text": "\x01" * 1024}] * 16),
                      "state"), "the longest wait has its room")
        check(session.ask("p", "ping")["ok"], "the connection goes on")


def the_end_of_the_task_ends_its_questions():
    with Session() as session:
        keeper, _ = session.started(pty=SIZE)
        session.send({"type": "screen", "id": "s", "exec": "abc-1"})
        session.send({"type": "wait", "id": "w", "exec": "abc-2",
                      "until": [{"exit": True}], "timeout_ms": 9})
        session.send({"type": "sessions", "id": "l", "task": "abc"})
        for kind in ("screen", "attach", "wait", "terminals"):
            keeper.expect(kind)
        keeper.sock.close()
        session.refuse("attach", "not_found", "no task abc")
        replies = {}
        while len(replies) < 3:
            event = session.read()
            if event["type"] == "reply":
                replies[event["id"]] = event
            else:
                session.events.append(event)
        for ident in ("s", "w", "l"):
            check(refusal(replies[ident], "system", "lost"), ident)
        equal([e["type"] for e in session.events if e["type"] == "exit"],
              ["exit"], "the exec is lost once")
        del session.keepers["abc"]


def sessions_are_listed():
    row = {"exec": "abc-1", "what": "vim", "principal": "alice", **SIZE,
           "clients": 1, "watchers": 0, "age_ms": 5, "idle_ms": 1,
           "recorded": False}
    with Session() as session:
        session.send({"type": "sessions", "id": "l", "task": "abc"})
        keeper = session.attach()
        stream, asked = keeper.expect("terminals")
        keeper.say(stream, "terminal", ask=asked["ask"], name="main", **row)
        keeper.say(stream, "terminal", ask=asked["ask"], title="t", **row)
        keeper.say(stream, "answer", ask=asked["ask"])
        equal(session.reply("l")["sessions"],
              [{"name": "main", **row}, {"title": "t", **row}],
              "each with what it is")
        session.send({"type": "sessions", "id": "m", "task": "abc"})
        stream, asked = keeper.expect("terminals")
        keeper.say(stream, "answer", ask=asked["ask"])
        equal(session.reply("m")["sessions"], [], "none are an empty list")
        session.send({"type": "sessions", "id": "n", "task": "abc"})
        stream, asked = keeper.expect("terminals")
        keeper.say(stream, "answer", ask=asked["ask"], code="state",
                   text="not now")
        check(refusal(session.reply("n"), "state", "not now"), "or refused")
        session.send({"type": "sessions", "id": "o", "task": "other"})
        session.refuse("attach", "not_found", "no task")
        check(refusal(session.reply("o"), "not_found"), "of no task")
        # a list that is canceled may still be told
        session.send({"type": "sessions", "id": "q", "task": "abc"})
        stream, asked = keeper.expect("terminals")
        check(session.ask("c", "cancel", request="q")["ok"], "canceled")
        keeper.say(stream, "terminal", ask=asked["ask"], **row)
        keeper.say(stream, "answer", ask=asked["ask"])
        keeper.say(stream, "answer", ask=asked["ask"])
        check(session.ask("p", "ping")["ok"], "the connection goes on")


def a_keeper_that_lies_about_screens():
    with Session() as session:
        keeper, stream = session.started(pty=SIZE)
        for body, said in (({"type": "screen"}, {}),
                           ({"type": "wait", "until": [{"exit": True}],
                             "timeout_ms": 9}, {"screen": SCREEN})):
            session.send({**body, "id": "s", "exec": "abc-1"})
            _, asked = keeper.expect(body["type"])
            keeper.say(stream, "answer", ask=asked["ask"] + 1, **said)
            keeper.say(stream, "answer", ask=asked["ask"], **said)
            check(refusal(session.reply("s"), "internal"),
                  f"an answer to {body['type']} that says nothing")
        row = {"exec": "abc-1", "what": "x", "principal": "a", **SIZE,
               "clients": 0, "watchers": 0, "age_ms": 0, "idle_ms": 0,
               "recorded": False}
        keeper.say(stream, "terminal", ask=1, **row)
        keeper.say(stream, "taken")
        keeper.say(99, "answer", ask=1)
        keeper.say(99, "terminal", ask=1, **row)
        check(session.ask("p", "ping")["ok"], "what was not asked is ignored")
        session.send({"type": "screen", "id": "s", "exec": "abc-1"})
        _, asked = keeper.expect("screen")
        lines = ["\x1b" * 400] * 100  # six bytes each, as JSON
        keeper.say(stream, "answer", ask=asked["ask"],
                   screen={**SCREEN, "lines": lines})
        equal(session.reply("s")["screen"]["lines"], lines,
              "a large screen is one line")
        session.send({"type": "screen", "id": "s", "exec": "abc-1"})
        _, asked = keeper.expect("screen")
        keeper.say(stream, "answer", ask=asked["ask"],
                   screen={**SCREEN, "rows": 501})
        check(refusal(session.reply("s"), "system"), "one out of range is not")


def what_is_open_is_answered_before_the_session_ends():
    session = Session()
    with session:
        session.send({"type": "wait", "id": "w", "exec": "abc-1",
                      "until": [{"exit": True}], "timeout_ms": 9})
        keeper = session.attach()
        stream = aside(session, keeper)
        _, wait = keeper.expect("wait")
        session.close_input()
        keeper.say(stream, "answer", ask=wait["ask"],
                   wait={"which": 0, "screen": SCREEN})
        check(session.reply("w")["ok"], "a wait is")
        check(left(keeper, stream), "the exec aside is left")
        equal(session.process.stdout.read(), b"", "then the session ends")
    equal(session.process.returncode, 0, "with status 0")


def questions_count_as_attached_execs():
    with Session() as session:
        body = {"until": [{"exit": True}], "timeout_ms": 9}
        for number in range(1, 1024):
            session.send({"type": "wait", "id": f"w{number}",
                          "exec": f"abc-{number}", **body})
        keeper = session.attach()
        for _ in range(1023):
            keeper.expect("attach")
            keeper.expect("wait")
        _, stream = session.started("e", 5000)
        check(refusal(session.ask("x", "cancel", request="e"), "not_found"),
              "1024 are followed")
        for ident in ("w1", "w2"):
            check(session.ask("c", "cancel", request=ident)["ok"], "free")
        keeper.expect("cancel")
        keeper.expect("detach")
        session.send({"type": "screen", "id": "y", "exec": "abc-5001"})
        check(refusal(session.reply("y"), "limit", "1024"),
              "and no more, until one has left", session.events)


def a_flood_waits_for_the_brain():
    with Session() as session:
        keeper, stream = session.started(pty=SIZE)
        block = b"y\r\n" * 20000
        keeper.sock.settimeout(0.5)
        sent = 0
        try:
            while sent < 64 << 20:
                keeper.send(PTY, stream, block)
                sent += len(block)
        except TimeoutError:
            pass
        check(sent < 16 << 20, "a brain that does not read is not fed", sent)
        offset = 0
        while offset < sent:
            event = session.event()
            if event["offset"] != offset:
                break
            offset += len(payload(event))
        check(offset >= sent, "then it gets every byte, once", offset)


def main():
    run(cases(sys.modules["__main__"]))
    done()


main()
