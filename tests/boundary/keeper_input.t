#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Standard input through a keeper: credit, who feeds, how it ends."""
import base64
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from keeper_harness import *  # noqa: E402,F403


def take_input(agent, number, size=None):
    """Read stdin as an agent does: consume, and return credit."""
    at, owed = 0, 0
    while size is None or at < size:
        kind, stream, payload = agent.frame()
        if kind != STDIN:
            continue
        assert stream == number
        if not payload:
            return at
        assert payload == pattern(at, len(payload)), at
        at += len(payload)
        owed += len(payload)
        assert owed <= WINDOW_STDIN
        if owed >= 32768:
            agent.data(WINDOW, number, struct.pack(">I", owed))
            owed = 0
    return at


def feed(gate, stream, size, credit=WINDOW_STDIN, end=True):
    at = 0
    while at < size:
        while credit == 0:
            kind, on, payload = gate.frame()
            assert (kind, on) == (WINDOW, stream), (kind, payload)
            credit += struct.unpack(">I", payload)[0]
            assert credit <= WINDOW_STDIN
        part = min(size - at, credit, DATA_MAX)
        gate.data(STDIN, stream, pattern(at, part))
        at += part
        credit -= part
    if end:
        gate.data(STDIN, stream)


def input_of_every_size_arrives_whole():
    keeper = new()
    gate = keeper.gate()
    for size in (0, 1, 2, 100, DATA_MAX, WINDOW_STDIN - 1, WINDOW_STDIN,
                 WINDOW_STDIN + 1, 8 << 20):
        number, told = keeper.run(gate, stdin="open")
        assert told["stdin"] == "open"
        join = in_thread(feed, gate, 1, size)
        assert take_input(keeper.agent, number) == size
        join()
        keeper.agent.ends(number)
        Reader(gate).read()


def input_before_started_is_kept():
    keeper = new(ready=False)
    gate = keeper.gate()
    gate.say(1, "start", argv=["cat"], stdin="open")
    feed(gate, 1, WINDOW_STDIN)
    keeper.agent.hello()
    number, _ = keeper.agent.runs()
    assert take_input(keeper.agent, number) == WINDOW_STDIN


def given_input_is_fed_within_the_credit():
    keeper = new()
    gate = keeper.gate()
    for size in (0, 1, DATA_MAX + 1, 150000):
        number, told = keeper.run(
            gate, stdin={"base64": base64.b64encode(
                pattern(0, size)).decode()})
        assert told["stdin"] == "open", told
        gate.data(STDIN, 1, b"more")
        assert gate.hear("refused", 1)["code"] == "state"
        assert take_input(keeper.agent, number) == size
        keeper.agent.ends(number)
        Reader(gate).read()


def input_that_is_closed_is_refused_once():
    keeper = new()
    gate = keeper.gate()
    number, told = keeper.run(gate)
    assert "stdin" not in told
    for _ in range(5):
        gate.data(STDIN, 1, b"x")
    gate.data(STDIN, 1)
    refused = gate.hear("refused", 1)
    assert refused["code"] == "state" and "stdin" in refused["text"]
    gate.hears_nothing()
    keeper.agent.ends(number)
    assert Reader(gate).read().exit["code"] == 0


def one_feeds_and_others_are_refused():
    keeper = new()
    gate, other = keeper.gate(), keeper.gate("bob")
    number, _ = keeper.run(gate, stdin="open")
    other.say(1, "attach", exec="abc-1")
    other.hear("attached", 1)
    other.data(STDIN, 1, b"mine")
    assert other.hear("refused", 1)["code"] == "state"
    gate.data(STDIN, 1, pattern(0, 10))
    assert keeper.agent.frame() == (STDIN, number, pattern(0, 10))
    gate.say(1, "detach")
    gate.hear("detached", 1)
    # What was refused once stays so; a new stream may feed.
    other.data(STDIN, 1, b"a hole before")
    other.say(2, "attach", exec="abc-1")
    other.hear("attached", 2)
    other.data(STDIN, 2, pattern(10, 10))
    assert keeper.agent.frame() == (STDIN, number, pattern(10, 10))
    other.data(STDIN, 2)
    assert keeper.agent.frame() == (STDIN, number, b"")
    other.data(STDIN, 2, b"behind the end")
    assert other.hear("refused", 2)["code"] == "state"


def tied_input_ends_with_its_attachment():
    keeper = new()
    for tied in (True, False):
        gate = keeper.gate()
        number, _ = keeper.run(gate, stdin="open", tied=tied)
        gate.data(STDIN, 1, b"last words")
        gate.close()
        assert keeper.agent.frame() == (STDIN, number, b"last words")
        if tied:
            assert keeper.agent.frame() == (STDIN, number, b"")
        else:
            keeper.agent.hears_nothing()


def a_new_feeder_gets_credit_for_its_own_bytes_only():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate, stdin="open")
    feed(gate, 1, WINDOW_STDIN, end=False)
    taken = 0
    while taken < WINDOW_STDIN:
        taken += len(keeper.agent.frame()[2])
    gate.close()
    other = keeper.gate()
    other.say(1, "attach", exec="abc-1")
    other.hear("attached", 1)
    other.data(STDIN, 1, b"x" * 1000)
    keeper.agent.hears_nothing()
    # The first feeder's bytes come back: nobody's credit any more.
    keeper.agent.data(WINDOW, number, struct.pack(">I", WINDOW_STDIN))
    assert keeper.agent.frame() == (STDIN, number, b"x" * 1000)
    other.hears_nothing()
    keeper.agent.data(WINDOW, number, struct.pack(">I", 1000))
    assert other.frame() == (WINDOW, 1, struct.pack(">I", 1000))


def feeders_that_come_and_go_cost_bounded_memory():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate, stdin="open")
    codes = []
    for _ in range(8):
        gate.close()
        gate = keeper.gate()
        gate.say(1, "attach", exec="abc-1")
        gate.hear("attached", 1)
        for _ in range(4):
            gate.data(STDIN, 1, b"x" * DATA_MAX)
        gate.say(1, "signal", signal="USR1")
        while True:
            kind, _, payload = gate.frame()
            body = payload.decode()
            if "taken" in body:
                break
            codes.append(body)
    assert codes and all('"limit"' in body for body in codes), codes


def input_over_the_credit_closes_the_attachment():
    keeper = new()
    gate, other = keeper.gate(), keeper.gate()
    number, _ = keeper.run(gate, stdin="open")
    for _ in range(4):
        gate.data(STDIN, 1, b"x" * DATA_MAX)
    gate.data(STDIN, 1, b"x")
    assert gate.is_closed()
    other.say(1, "attach", exec="abc-1")
    other.hear("attached", 1)


def a_command_that_takes_no_input_costs_one_window():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate, stdin="open")
    feed(gate, 1, WINDOW_STDIN, end=False)
    gate.hears_nothing()
    keeper.agent.ends(number, code=1)
    assert Reader(gate).read().exit["code"] == 1


main([value for value in list(globals().values())
      if callable(value) and getattr(value, "__module__", "") == "__main__"
      and value.__name__ not in ("feed", "take_input")])
