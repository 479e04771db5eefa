#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""stream-json's commands: what goes to a keeper, and what comes of it."""
import base64
import hashlib
import os
import random
import struct
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from peers import (CONTROL, CREDIT, STDERR, STDIN, STDOUT, WINDOW, Session,
                   cases, exit_message, payload, refusal)
from tap import check, done, equal, run


def an_exec_goes_through_its_life():
    with Session() as session:
        keeper, stream = session.started(
            argv=["sh", "-c", "x"], env={"A": "b"}, cwd="/tmp",
            timeout_ms=5000)
        start = session.start
        equal((start["argv"], start["cwd"], start["timeout_ms"]),
              (["sh", "-c", "x"], "/tmp", 5000), "the keeper gets the spec")
        keeper.send(STDOUT, stream, b"out\n")
        keeper.send(STDERR, stream, b"err\xff")
        keeper.send(STDOUT, stream, "h\u00e9".encode()[:2])
        keeper.send(STDOUT, stream, "h\u00e9".encode()[2:])
        keeper.send(STDOUT, stream)
        keeper.send(STDERR, stream)
        keeper.say(stream, "exit", **exit_message(code=3))
        got = [session.event() for _ in range(7)]
        equal([(e["type"], e.get("data", e.get("base64", e.get("total"))),
                e.get("offset")) for e in got[:6]],
              [("stdout", "out\n", 0), ("stderr", "ZXJy/w==", 0),
               ("stdout", "h", 4), ("stdout", "\u00e9", 5),
               ("eof", 7, None), ("eof", 4, None)],
              "events with offsets, text never cut")
        equal((got[6]["type"], got[6]["code"], got[6]["reason"]),
              ("exit", 3, "exited"), "exit is last")
        check(refusal(session.ask("s", "signal", exec="abc-1",
                                  signal="TERM"), "state"),
              "an exec that ended is not attached any more")


def a_gap_and_an_unfinished_character():
    with Session() as session:
        keeper, stream = session.started()
        keeper.send(STDOUT, stream, b"ab\xe2\x82")
        keeper.say(stream, "gap", stream="stdout", **{"from": 4, "to": 90})
        keeper.send(STDOUT, stream, b"\xacz")
        keeper.say(stream, "exit", **exit_message(signal="KILL", core=False,
                                                  reason="oom"))
        kinds = [(e["type"], e.get("offset"), e.get("data"), e.get("base64"))
                 for e in (session.event() for _ in range(5))]
        equal(kinds, [("stdout", 0, "ab", None), ("stdout", 2, None, "4oI="),
                      ("gap", None, None, None),
                      ("stdout", 90, None, "rHo="),
                      ("exit", None, None, None)],
              "a character that a gap cuts off is base64 before the gap")


def random_bytes_arrive_exactly_with_any_cuts():
    dice = random.Random(7)
    alphabet = ["a", "\n", '"', "\\", "\u00e9", "\u20ac", "\U0001f600"]
    text = "".join(dice.choice(alphabet) for _ in range(40000)).encode()
    noise = bytes(dice.randrange(256) for _ in range(40000))
    mixed = b"".join(text[i:i + 50] + noise[i:i + 3]
                     for i in range(0, 40000, 53))
    with Session() as session:
        for number, data in enumerate((text, noise, mixed), 1):
            keeper, stream = session.started(f"e{number}", number)
            at = 0
            while at < len(data):
                size = dice.choice((1, 2, 3, 7, 1000, 65536))
                keeper.send(STDOUT, stream, data[at:at + size])
                at += size
            keeper.send(STDOUT, stream)
            keeper.say(stream, "exit", **exit_message(code=0))
            got, texts = b"", True
            while (event := session.event())["type"] != "exit":
                if event["type"] == "stdout":
                    assert event["offset"] == len(got)
                    got += payload(event)
                    texts = texts and "data" in event
            check(got == data, f"stream {number} of random cuts is exact")
            if number == 1:
                check(texts, "valid text never becomes base64")


def what_could_not_start_says_why():
    with Session() as session:
        session.send({"type": "exec", "id": "e", "task": "abc",
                      "argv": ["/nope"]})
        keeper = session.attach()
        stream, _ = keeper.expect("start")
        keeper.say(stream, "refused", code="not_found",
                   text="no such file or directory: /nope")
        check(refusal(session.reply("e"), "not_found", "/nope"),
              "a refusal's code and text reach the brain")
        session.send({"type": "exec", "id": "e", "task": "gone",
                      "argv": ["true"]})
        session.refuse("attach", "not_found", "no such task: gone")
        check(refusal(session.reply("e"), "not_found", "gone"),
              "so does the manager's")


def stdin_is_fed_by_credit_and_answered_when_taken():
    data = os.urandom(CREDIT + 1000)
    with Session() as session:
        keeper, stream = session.started(stdin="open")
        equal(session.start["stdin"], "open", "stdin is open")
        session.send({"type": "stdin", "id": "a", "exec": "abc-1",
                      "base64": base64.b64encode(data).decode()})
        session.send({"type": "stdin", "id": "b", "exec": "abc-1",
                      "data": "tail", "eof": True})
        got = b""
        while len(got) < CREDIT:
            kind, _, part = keeper.recv()
            assert kind == STDIN
            got += part
        check(session.ask("p", "ping")["ok"],
              "other requests go on while stdin waits for credit")
        keeper.send(WINDOW, stream, struct.pack(">I", 999))
        while len(got) < CREDIT + 999:
            got += keeper.recv()[2]
        equal(session.ask("q", "ping")["id"], "q",
              "what was not taken is not answered")
        check(not session.events, "no reply came early", session.events)
        keeper.send(WINDOW, stream, struct.pack(">I", CREDIT + 1 - 999))
        for _ in range(2):
            got += keeper.recv()[2]
        keeper.send(WINDOW, stream, struct.pack(">I", 1000 - 1))
        check(session.reply("a")["ok"], "the reply comes with the last byte")
        equal(keeper.recv()[2], b"", "then the end of stdin")
        keeper.send(WINDOW, stream, struct.pack(">I", 3))
        session.ask("r", "ping")
        check(not session.events, "three of four bytes are no reply")
        keeper.send(WINDOW, stream, struct.pack(">I", 1))
        check(session.reply("b")["ok"], "the fourth is")
        check(got == data + b"tail", "the bytes are those that were sent")
        check(refusal(session.ask("c", "stdin", exec="abc-1", data="x"),
                      "state", "eof"), "nothing follows an eof")


def stdin_that_fits_starts_with_the_command():
    # else a connection that ends now leaves the command waiting for it
    for given in ({"data": "all of it\n"}, {"base64": "AP8="},
                  {"data": ""}, {"data": "\u0001" * 40000}):
        with Session() as session:
            session.started(stdin=given)
            equal(session.start["stdin"], given, "the keeper has it at once")
            check(refusal(session.ask("c", "stdin", exec="abc-1", data="x"),
                          "state", "given"), "more is refused")


def stdin_in_the_exec_request_may_exceed_the_credit():
    data = os.urandom(700 << 10)
    with Session() as session:
        keeper, stream = session.started(
            stdin={"base64": base64.b64encode(data).decode()})
        equal(session.start["stdin"], "open", "it is fed piecewise")
        got = b""
        while len(got) < len(data):
            part = keeper.recv()[2]
            got += part
            keeper.send(WINDOW, stream, struct.pack(">I", len(part)))
        check(got == data and keeper.recv()[2] == b"",
              "all of it arrives, and its end")
        check(refusal(session.ask("c", "stdin", exec="abc-1", data="x"),
                      "state", "given"), "more is refused")


def stdin_that_is_closed_or_refused_is_answered():
    with Session() as session:
        keeper, stream = session.started()
        check(refusal(session.ask("c", "stdin", exec="abc-1", data="x"),
                      "state", "closed"), "stdin is closed by default")
        keeper, stream = session.started("f", 2, stdin="open")
        session.send({"type": "stdin", "id": "a", "exec": "abc-2",
                      "data": "x"})
        keeper.recv()
        keeper.say(stream, "refused", code="state", text="somebody feeds it")
        check(refusal(session.reply("a"), "state", "somebody"),
              "a keeper's refusal answers the request")
        check(refusal(session.ask("b", "stdin", exec="abc-2", data="x"),
                      "state", "somebody"), "and each one after it")
        keeper, stream = session.started("g", 3, stdin="open")
        session.send({"type": "stdin", "id": "d", "exec": "abc-3",
                      "data": "x"})
        keeper.recv()
        keeper.say(stream, "exit", **exit_message(code=0))
        check(refusal(session.reply("d"), "state", "ended"),
              "an exec that ends first refuses what it did not take")


def signals_are_answered_when_taken():
    with Session() as session:
        keeper, stream = session.started()
        session.send({"type": "signal", "id": "a", "exec": "abc-1",
                      "signal": "SIGTERM", "tree": True})
        _, asked = keeper.expect("signal")
        equal((asked["signal"], asked.get("tree")), ("TERM", True),
              "the keeper is told the name without SIG")
        session.ask("p", "ping")
        check(not session.events, "not answered yet")
        keeper.say(stream, "taken")
        check(session.reply("a")["ok"], "answered when the agent has it")
        check(refusal(session.ask("b", "signal", exec="abc-1",
                                  signal="NOPE"), "invalid", "signal"),
              "an unknown signal is refused by name")
        check(refusal(session.ask("c", "cancel", request="b"), "not_found"),
              "an answered request is not open")


def attach_at_offsets_and_detach():
    with Session() as session:
        session.send({"type": "attach", "id": "a", "exec": "abc-9",
                      "from": {"stdout": 70, "stderr": 3}})
        keeper = session.attach()
        stream, asked = keeper.expect("attach")
        equal(asked["from"], {"stdout": 70, "stderr": 3}, "offsets go along")
        keeper.say(stream, "attached", exec="abc-9", stdout=70, stderr=3,
                   pty=False, running=True)
        keeper.send(STDOUT, stream, b"more")
        reply = session.reply("a")
        equal((reply["stdout"], reply["stderr"], reply["running"]),
              (70, 3, True), "the reply has the first offsets")
        equal(session.event()["offset"], 70, "events go on from there")
        check(refusal(session.ask("b", "attach", exec="abc-9"), "state",
                      "already"), "twice is refused")
        session.send({"type": "detach", "id": "d", "exec": "abc-9"})
        keeper.expect("detach")
        keeper.send(STDOUT, stream, b"unseen")
        keeper.say(stream, "detached")
        check(session.reply("d")["ok"], "detached")
        check(not session.events, "nothing is shown after a detach")
        session.send({"type": "attach", "id": "e", "exec": "abc-9",
                      "from": "live"})
        stream, asked = keeper.expect("attach")
        equal(asked["from"], "live", "and attached again, live")
        keeper.say(stream, "refused", code="not_found", text="no such exec")
        check(refusal(session.reply("e"), "not_found"), "or refused")


def a_started_exec_may_stay_unattached():
    with Session() as session:
        keeper, _ = session.started(attach=False)
        keeper.expect("detach")
        check(refusal(session.ask("s", "signal", exec="abc-1",
                                  signal="TERM"), "state", "attach"),
              "what was started detached must be attached to first")


def who_may_only_look_is_attached_to_look():
    with Session() as session:
        session.send({"type": "attach", "id": "a", "exec": "abc-1"})
        session.refuse("attach", "denied", "not yours")
        keeper = session.attach("read")
        stream, _ = keeper.expect("attach")
        keeper.say(stream, "attached", exec="abc-1", stdout=0, stderr=0,
                   pty=False, running=True)
        check(session.reply("a")["ok"], "attach falls back to reading")
        for kind, members in (("signal", {"signal": "TERM"}),
                              ("stdin", {"data": "x"})):
            check(refusal(session.ask("s", kind, exec="abc-1", **members),
                          "denied"), f"{kind} is denied then")
    with Session() as session:
        session.send({"type": "exec", "id": "e", "task": "abc",
                      "argv": ["x"]})
        session.refuse("attach", "denied", "not yours")
        check(refusal(session.reply("e"), "denied"), "a start does not")


def a_command_too_long_for_a_frame_is_refused():
    with Session() as session:
        keeper, stream = session.started()
        reply = session.ask("e", "exec", task="abc",
                            argv=["x" * 100000] * 3)
        check(refusal(reply, "limit", "bytes"), "refused with the limit",
              reply)
        reply = session.ask("p", "ping")
        keeper.say(stream, "exit", **exit_message(code=0))
        equal(session.event()["type"], "exit", "its neighbours live on")


def serve(keeper, blocks):
    """Answer each start with blocks of output that depend on its number."""
    number = 0
    while True:
        try:
            kind, stream, message = keeper.recv()
        except (EOFError, OSError):
            return
        if kind != CONTROL or message["type"] != "start":
            continue
        number += 1
        name = message["argv"][0]
        keeper.say(stream, "started", exec=f"abc-{name}", pid=number)
        for i in range(blocks):
            keeper.send(STDOUT, stream, block(name, i))
        keeper.send(STDOUT, stream)
        keeper.say(stream, "exit", **exit_message(code=int(name) % 256))


def block(name, i):
    return hashlib.sha256(f"{name}.{i}".encode()).digest() * 300


def sixty_four_execs_at_once_lose_and_swap_nothing():
    blocks = 20
    with Session() as session:
        for i in range(1, 65):
            session.send({"type": "exec", "id": f"e{i}", "task": "abc",
                          "argv": [str(i)]})
        keeper = session.attach()
        thread = threading.Thread(target=serve, args=(keeper, blocks))
        thread.start()
        got, codes = {}, {}
        while len(codes) < 64:
            event = session.event()
            if event["type"] == "stdout":
                mine = got.setdefault(event["exec"], bytearray())
                assert event["offset"] == len(mine)
                mine += payload(event)
            elif event["type"] == "exit":
                codes[event["exec"]] = event["code"]
        equal(codes, {f"abc-{i}": i for i in range(1, 65)}, "64 right codes")
        check(all(bytes(got[f"abc-{i}"]) ==
                  b"".join(block(str(i), b) for b in range(blocks))
                  for i in range(1, 65)), "64 right outputs")
        keeper.sock.shutdown(2)
        thread.join()
        del session.keepers["abc"]


def main():
    run(cases(sys.modules["__main__"]))
    done()


main()
