#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a gate asks of a terminal: screen, keys, wait, lists."""
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from keeper_terminals import *  # noqa: E402,F403

RACES = 10000
WAITS = 64
KEYS = 1024


def a_screen_is_what_was_written():
    keeper = new()
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    keeper.agent.data(PTY, number, b"\x1b]2;title\a\x1b[31mred\x1b[m \xe6\xbc"
                      b"\xa2\r\n\x1b[7m> menu\x1b[m\x1b[?2004h\x1b[4;6H")
    waits(gate, {"cursor": {"row": 3, "col": 5}})
    now = screen(gate)
    assert now["lines"][:2] == ["red \u6f22", "> menu"], now
    assert now["rows"] == 24 and now["cols"] == 80
    assert now["cursor"]["row"] == 3 and now["cursor"]["col"] == 5
    assert now["title"] == "title" and not now["alt"]
    assert now["modes"] == ["bracketed_paste"], now
    assert now["highlights"][0]["text"] == "> menu", now
    cells = screen(gate, format="cells")
    assert cells["runs"][0]["text"] == "red" and "fg" in cells["runs"][0]
    assert "\x1b[" in screen(gate, format="ansi")["lines"][0]


def a_screen_says_what_the_agent_says_of_the_terminal():
    keeper = new()
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    assert "echo_off" not in screen(gate).get("modes", [])
    keeper.agent.say(number, "terminal", echo=False, canonical=False)
    assert waits(gate, {"echo": False})["which"] == 0
    assert screen(gate)["modes"] == ["echo_off", "canonical_off"]
    keeper.agent.say(number, "terminal", echo=True, canonical=False)
    now = waits(gate, {"echo": True})["screen"]
    assert now["modes"] == ["canonical_off"], now


def a_screen_outlives_its_command():
    keeper = new()
    gate, other = keeper.gate(), keeper.gate()
    number = run_terminal(keeper, gate)
    keeper.agent.data(PTY, number, b"last words")
    keeper.agent.ends(number, PTY, code=3)
    while True:
        kind, _, payload = gate.frame()
        if kind == CONTROL and json.loads(payload)["type"] == "exit":
            break
    for at in range(1, 4):
        # The exit follows at once: what is asked with the attach is answered
        # before it.
        other.send(message(at, "attach", exec="abc-1")
                   + message(at, "screen", ask=5)
                   + message(at, "wait", ask=6, until=[{"exit": True}],
                             timeout_ms=HOUR)
                   + message(at, "wait", ask=7, until=[{"bell": True}],
                             timeout_ms=HOUR)
                   + message(at, "keys", ask=8, text="x"))
        seen = []
        while not seen or seen[-1]["type"] != "exit":
            kind, on, payload = other.frame()
            if kind == CONTROL and on == at:
                seen.append(json.loads(payload))
        by = {body.get("ask"): body for body in seen}
        assert by[5]["screen"]["lines"][0] == "last words", seen
        assert by[6]["wait"]["which"] == 0, seen
        assert by[7]["code"] == "state" and by[8]["code"] == "state", seen


def a_command_without_a_terminal_has_no_screen():
    keeper = new()
    gate = keeper.gate()
    keeper.run(gate)
    for kind, members in (("screen", {}), ("keys", {"text": "x"}),
                          ("wait", {"until": [{"bell": True}],
                                    "timeout_ms": 5})):
        body = asks(gate, kind, 4, **members)
        assert code(body) == "state" and "abc-1" in body["text"], body


def keys_go_as_the_program_wants_them():
    keeper = new()
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    gate.say(1, "keys", ask=1, keys=["Up", "C-c", "Enter", "x"])
    gate.hears_nothing()
    assert taken(keeper.agent, number) == b"\x1b[A\x03\rx"
    assert "code" not in answer(gate, 1)
    keeper.agent.data(PTY, number, b"\x1b[?1h\x1b[?2004hready")
    assert waits(gate, {"text": "ready"})["which"] == 0
    gate.say(1, "keys", ask=2, keys=["Up"])
    assert taken(keeper.agent, number) == b"\x1bOA"
    answer(gate, 2)
    gate.say(1, "keys", ask=3, paste="a\nb\x1b[201~c")
    assert taken(keeper.agent, number) == b"\x1b[200~a\rbc\x1b[201~"
    answer(gate, 3)
    gate.say(1, "keys", ask=4, text="a\nb")
    assert taken(keeper.agent, number) == b"a\nb"
    answer(gate, 4)


def a_paste_as_long_as_may_be_gets_there():
    keeper = new()
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    keeper.agent.data(PTY, number, b"\x1b[?2004hready")
    waits(gate, {"text": "ready"})
    text = "x" * (64 << 10)
    gate.say(1, "keys", ask=1, paste=text)
    seen = b""
    while len(seen) < len(text) + 12:
        seen += taken(keeper.agent, number)
    assert seen == b"\x1b[200~" + text.encode() + b"\x1b[201~"
    answer(gate, 1)


def keys_are_all_or_none():
    keeper = new()
    gate = keeper.gate()
    run_terminal(keeper, gate)
    body = asks(gate, "keys", 1, keys=["a", "b", "Entre"],
                wait={"until": [{"bell": True}], "timeout_ms": HOUR})
    assert code(body) == "invalid" and "Entre" in body["text"], body
    body = asks(gate, "keys", 2, text="x",
                wait={"until": [{"regex": "("}], "timeout_ms": HOUR})
    assert code(body) == "invalid" and '"regex"' in body["text"], body
    keeper.agent.hears_nothing()
    for members in ({}, {"text": "a", "paste": "b"}, {"keys": []},
                    {"keys": ["a"] * 257}, {"text": "x" * 65537}):
        gate.say(1, "keys", ask=3, **members)
        assert gate.hear("refused", 1)["code"] in ("invalid", "limit")
    keeper.agent.hears_nothing()


def keys_and_a_wait_are_one():
    keeper = new()
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    shows(keeper, gate, number, b"done before\r\n$ ")
    gate.say(1, "keys", ask=1, text="make\r",
             wait={"until": [{"regex": "^done"}, {"exit": True}],
                   "timeout_ms": HOUR})
    assert taken(keeper.agent, number) == b"make\r"
    keeper.agent.data(PTY, number, b"make\r\n")
    gate_hears = gate.frame()
    assert gate_hears[0] == PTY, gate_hears
    keeper.agent.data(PTY, number, b"done again\r\n")
    body = answer(gate, 1)
    assert body["wait"]["which"] == 0, body
    assert body["wait"]["where"]["row"] == 2, body


def keys_that_the_program_does_not_take_end_with_it():
    keeper = new()
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    gate.say(1, "keys", ask=1, text="x")
    assert keeper.agent.frame() == (STDIN, number, b"x")
    gate.hears_nothing()
    keeper.agent.ends(number, PTY)
    assert code(answer(gate, 1)) == "state"


def keys_that_nobody_takes_are_limited():
    keeper = new()
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    for at in range(KEYS):
        gate.say(1, "keys", ask=at + 1, text="x")
    assert code(asks(gate, "keys", KEYS + 1, text="y")) == "limit"
    got = 0
    while got < KEYS:
        piece = taken(keeper.agent, number)
        assert piece == b"x" * len(piece), piece
        got += len(piece)
    for at in range(KEYS):
        assert "code" not in answer(gate, at + 1)
    gate.say(1, "keys", ask=1, text="z")
    assert taken(keeper.agent, number) == b"z"


def a_gate_that_does_not_read_gets_no_more_screens():
    keeper = new()
    gate, other = keeper.gate(), keeper.gate()
    number = run_terminal(keeper, gate, rows=500, cols=1000)
    keeper.agent.data(PTY, number, (b"x" * 999 + b"\r\n") * 60)
    keeper.agent.data(PTY, number, (b"x" * 999 + b"\r\n") * 60 + b"last")
    waits(gate, {"text": "last"})
    gate.send(b"".join([message(1, "screen", ask=at + 1) for at in range(40)] + [
        message(1, "wait", ask=41, until=[{"text": "last"}],
                timeout_ms=HOUR)]))
    # Nothing is read before all of that was answered.
    for _ in range(3):
        other.say(9, "terminals", ask=1)
        other.hear("terminal", 9)
        answer(other, 1, stream=9)
    bodies = [answer(gate, at + 1) for at in range(41)]
    codes = [body.get("code") for body in bodies]
    assert codes[0] is None and codes[-1] == "limit", codes
    assert set(codes) == {None, "limit"}, codes
    assert screen(gate)["lines"][0] == "x" * 999


def who_may_only_read_sees_and_does_not_type():
    keeper = new()
    gate, reader = keeper.gate(), keeper.gate("bob", right="read")
    number = run_terminal(keeper, gate)
    shows(keeper, gate, number, b"hello")
    reader.say(1, "attach", exec="abc-1")
    reader.hear("attached", 1)
    assert screen(reader)["lines"][0] == "hello"
    assert waits(reader, {"text": "hello"})["which"] == 0
    reader.say(1, "keys", ask=3, text="x")
    while True:
        kind, _, payload = reader.frame()
        body = json.loads(payload) if kind == CONTROL else {}
        if "code" in body:
            assert body["code"] == "denied", body
            break
    keeper.agent.hears_nothing()


def a_time_out_has_the_screen():
    keeper = new()
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    keeper.agent.data(PTY, number, b"here")
    for timeout in (0, 1, 50):
        got = waits(gate, {"text": "never"}, timeout_ms=timeout)
        assert got["which"] == -1 and "where" not in got, got
    assert got["screen"]["lines"][0] == "here", got


def what_is_so_is_answered_at_once():
    keeper = new()
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    keeper.agent.data(PTY, number, b"\x1b[?1049h\x1b[2;3Hx")
    gen = waits(gate, {"text": "x"})["screen"]["gen"]
    for until in ({"text": "x"}, {"alt": True}, {"regex": "x$"},
                  {"cursor": {"row": 1, "col": 3}}, {"echo": True},
                  {"quiet_ms": 0}, {"stable_ms": 0}):
        assert waits(gate, {"bell": True}, until)["which"] == 1, until
        if "echo" not in until:
            got = waits(gate, until, since=gen, timeout_ms=0)
            assert got["which"] == -1, (until, got)
    body = asks(gate, "wait", 3, until=[{"bell": True}], timeout_ms=5,
                since=gen + 1)
    assert code(body) == "invalid", body


def quiet_is_counted_from_the_last_byte():
    keeper = new()
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    wait(gate, {"quiet_ms": 1000}, number=5)
    for _ in range(30):
        keeper.agent.data(PTY, number, b".")
        time.sleep(0.05)
    body = answer(gate, 5)
    assert body["wait"]["which"] == 0
    assert body["wait"]["screen"]["lines"][0] == "." * 30, body


def a_spinner_may_be_ignored():
    keeper = new()
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    shows(keeper, gate, number, b"log\r\nworking |")
    wait(gate, {"stable_ms": 1000}, number=1)
    wait(gate, {"stable_ms": 1000, "ignore": "^working"}, number=2)
    for at in range(30):
        keeper.agent.data(PTY, number, b"\b" + b"/-\\|"[at % 4:at % 4 + 1])
        time.sleep(0.05)
    # Both come in the end; the one that ignores the spinner came first.
    assert answer(gate)["ask"] == 2
    assert answer(gate)["ask"] == 1


def waits_are_limited():
    keeper = new()
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    for at in range(WAITS):
        wait(gate, {"bell": True}, number=at + 1)
    assert code(asks(gate, "wait", 99, until=[{"bell": True}],
                     timeout_ms=5)) == "limit"
    gate.say(1, "cancel", ask=7)
    assert code(answer(gate, 7)) == "canceled"
    gate.say(1, "cancel", ask=7)
    wait(gate, {"bell": True}, number=7)
    keeper.agent.data(PTY, number, b"\a")
    heard = sorted(answer(gate)["ask"] for _ in range(WAITS))
    assert heard == list(range(1, WAITS + 1)), heard
    for until in ([{"bell": True}] * 17, [], [{}], [{"text": ""}],
                  [{"text": "x" * 1025}], [{"text": "x", "bell": True}],
                  [{"bell": True, "ignore": "x"}]):
        gate.say(1, "wait", ask=1, until=until, timeout_ms=5)
        refused = gate.frame()
        while refused[0] != CONTROL:
            refused = gate.frame()
        body = json.loads(refused[2])
        assert body["type"] == "refused", (until, body)
        assert body["code"] in ("invalid", "limit"), body


def a_stream_that_goes_takes_its_waits():
    keeper = new()
    gate, other = keeper.gate(), keeper.gate()
    number = run_terminal(keeper, gate)
    for at in range(20):
        other.say(1, "attach", exec="abc-1", **{"from": "live"})
        other.hear("attached", 1)
        wait(other, {"bell": True}, number=at)
        if at % 2:
            other.say(1, "detach")
            other.hear("detached", 1)
        else:
            other.close()
            other = keeper.gate()
    keeper.agent.data(PTY, number, b"\a")
    assert waits(gate, {"bell": True}, since=0)["which"] == 0
    other.hears_nothing()


def an_expression_without_end_is_stopped():
    keeper = new()
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    keeper.agent.data(PTY, number, b"a" * 70 + b"!")
    waits(gate, {"text": "!"})
    for at in range(WAITS):
        wait(gate, {"regex": "^(a+)+$"}, number=at + 1)
    began = time.monotonic()
    for at in range(WAITS):
        assert code(answer(gate, at + 1)) == "limit"
    print("# %d expressions without end: %.0f ms" % (
        WAITS, 1000 * (time.monotonic() - began)))


def costly_waits_hold_up_nobody_else():
    keeper = new()
    gate, reader = keeper.gate(), keeper.gate("bob", right="read")
    number = run_terminal(keeper, gate, rows=100, cols=500)
    keeper.agent.data(PTY, number, b"a" * 49999 + b"!")
    waits(gate, {"text": "!"})
    reader.say(1, "attach", exec="abc-1", **{"from": "none"})
    reader.hear("attached", 1)
    # Each takes nearly all the time that one wait has.
    until = [{"regex": "a{%d}[bc]" % at} for at in range(200, 216)]
    reader.send(b"".join(
        message(1, "wait", ask=at + 1, until=until, timeout_ms=HOUR)
        for at in range(WAITS)))
    assert code(answer(reader)) == "limit"
    screen(gate)
    heard = 1
    while heard < WAITS:
        try:
            answer(reader, patience=0.001)
        except TimeoutError:
            break
        heard += 1
    assert heard < WAITS, "the screen came behind every answer"
    # The command's end waits for none of them either.
    keeper.agent.ends(number, PTY)
    for _ in range(heard, WAITS):
        assert code(answer(reader)) == "limit"


def a_command_that_ends_ends_its_waits():
    keeper = new()
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    wait(gate, {"text": "never"}, number=1)
    wait(gate, {"text": "never"}, {"exit": True}, number=2)
    wait(gate, {"quiet_ms": HOUR}, number=3)
    wait(gate, {"text": "last"}, {"exit": True}, number=4)
    screen(gate)
    keeper.agent.data(PTY, number, b"last")
    keeper.agent.ends(number, PTY)
    heard = {}
    while len(heard) < 4:
        body = answer(gate)
        heard[body["ask"]] = body
    assert code(heard[1]) == "state", heard
    assert heard[2]["wait"]["which"] == 1, heard
    assert heard[3]["wait"]["which"] == 0, heard
    assert heard[4]["wait"]["which"] == 0, heard
    assert heard[4]["wait"]["where"]["text"] == "last", heard
    kind, _, payload = gate.frame()
    while kind != CONTROL:
        kind, _, payload = gate.frame()
    assert json.loads(payload)["type"] == "exit", payload


def terminals_are_listed():
    keeper = new()
    gate = keeper.gate()
    gate.say(9, "terminals", ask=1)
    answer(gate, 1, stream=9)
    keeper.run(gate, 1)
    first = run_terminal(keeper, gate, 2, name="main")
    run_terminal(keeper, gate, 3, rows=30, cols=100, argv=["vim", "x"])
    keeper.agent.data(PTY, first, b"\x1b]2;build\ahello")
    waits(gate, {"text": "hello"}, stream=2)
    reader = keeper.gate("bob", right="read")
    reader.say(9, "terminals", ask=5)
    one, two = reader.hear("terminal", 9), reader.hear("terminal", 9)
    assert "code" not in answer(reader, 5, stream=9)
    assert one["ask"] == 5 and one["exec"] == "abc-2", one
    assert one["name"] == "main" and one["title"] == "build", one
    assert one["principal"] == "ann" and not one["recorded"], one
    assert (two["rows"], two["cols"]) == (30, 100), two
    assert two["what"] == "vim x" and "name" not in two, two
    keeper.agent.ends(first, PTY)
    waited = json.loads(next(
        payload for kind, _, payload in iter(gate.frame, None)
        if kind == CONTROL))
    assert waited["type"] == "exit", waited
    reader.say(9, "terminals", ask=6)
    assert reader.hear("terminal", 9)["exec"] == "abc-3"
    answer(reader, 6, stream=9)


def no_wake_up_is_lost_in_ten_thousand_races():
    """The wait is sent before, while or after the text comes, on other sockets
    than it: who is first is up to the kernel."""
    seed = int(os.environ.get("SALLYPORT_SEED", random.randrange(1 << 30)))
    print("# SALLYPORT_SEED=%d" % seed)
    chance = random.Random(seed)
    keeper = new()
    gate = keeper.gate()
    number = run_terminal(keeper, gate, stream=1)
    gates = [keeper.gate() for _ in range(4)]
    for other in gates:
        other.say(1, "attach", exec="abc-1", **{"from": "live"})
        other.hear("attached", 1)
    drain = in_thread(lambda: drain_until(gate, "the end"))
    gen = 0
    deadline = time.monotonic() + 300
    for race in range(1, RACES + 1):
        assert time.monotonic() < deadline, "too slow at %d" % race
        other = chance.choice(gates)
        word = "word%d." % race
        text = word.encode() + b"\r\n" + b"-\r\n" * chance.randrange(40)
        cut = chance.randrange(len(text))
        until = chance.choice((
            [{"text": word}], [{"regex": "^" + word}],
            [{"prompt": True}, {"text": word}], [{"change": True}]))
        steps = [lambda: keeper.agent.data(PTY, number, text[:cut] or text),
                 lambda: cut and keeper.agent.data(
                     PTY, number, text[cut:])]
        steps.insert(chance.randrange(3), lambda: wait(
            other, *until, number=race, since=gen))
        for step in steps:
            step()
        body = answer(other, race)
        assert body["wait"]["which"] == len(until) - 1, body
        # The next one's since is behind all of this one.
        gen = waits(other, {"text": word}, number=race + RACES,
                    since=gen)["screen"]["gen"]
        for peer in gates:
            give_back(peer)
        credit(keeper.agent, number, len(text))
    keeper.agent.data(PTY, number, b"the end")
    drain()


def drain_until(gate, word):
    seen = b""
    while word.encode() not in seen:
        kind, _, payload = gate.frame(60)
        if kind == PTY:
            seen = seen[-100:] + payload


def give_back(peer):
    """Take what has come, so that no socket fills."""
    peer.sock.setblocking(False)
    try:
        while True:
            got = peer.sock.recv(1 << 18)
            assert got
            peer.buffer += got
    except BlockingIOError:
        pass
    peer.sock.setblocking(True)
    peer.sock.settimeout(PATIENCE)


def credit(agent, number, used):
    """Never more than the window: take what was granted."""
    agent.credit[number] -= used
    while agent.credit[number] < WINDOW_PTY // 2:
        kind, stream, payload = agent.frame()
        if kind == WINDOW:
            agent.granted(stream, payload)


HELPERS = ("drain_until", "give_back", "credit")

main([value for value in list(globals().values())
      if callable(value) and getattr(value, "__module__", "") == "__main__"
      and value.__name__ not in HELPERS])
