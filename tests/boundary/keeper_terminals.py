# SPDX-License-Identifier: Apache-2.0
"""What a gate asks of a terminal, and what a scripted agent does with it."""
import json
import struct

from keeper_harness import *  # noqa: F403

HOUR = 3600000


def run_terminal(keeper, gate, stream=1, rows=24, cols=80, **members):
    """Start a command on a terminal; its number."""
    number, told = keeper.run(
        gate, stream, pty={"rows": rows, "cols": cols}, **members)
    assert told["pty"]["rows"] == rows, told
    return number


def answer(gate, number=None, stream=1, patience=PATIENCE):
    """The next answer, past all output."""
    while True:
        kind, on, payload = gate.frame(patience)
        if kind != CONTROL:
            continue
        body = json.loads(payload)
        if body["type"] != "answer":
            continue
        assert on == stream, (on, payload)
        assert number is None or body["ask"] == number, payload
        return body


def asks(gate, kind, number=1, stream=1, **members):
    gate.say(stream, kind, ask=number, **members)
    return answer(gate, number, stream)


def code(body):
    assert "wait" not in body and "screen" not in body, body
    assert body["text"], body
    return body["code"]


def screen(gate, stream=1, **members):
    return asks(gate, "screen", 900, stream, **members)["screen"]


def wait(gate, *until, number=1, stream=1, timeout_ms=HOUR, **members):
    gate.say(stream, "wait", ask=number, until=list(until),
             timeout_ms=timeout_ms, **members)


def waits(gate, *until, number=1, stream=1, **members):
    """Wait and hear; the answer's wait."""
    wait(gate, *until, number=number, stream=stream, **members)
    body = answer(gate, number, stream)
    assert "code" not in body, body
    return body["wait"]


def shows(keeper, gate, number, text, stream=1):
    """Write to the terminal and see that it got there."""
    keeper.agent.data(PTY, number, text)
    wanted = text.decode(errors="replace").split()[-1]
    return waits(gate, {"text": wanted}, stream=stream, number=901)


def taken(agent, number, echo=None):
    """The next input, which the agent takes; its bytes."""
    while True:
        kind, stream, payload = agent.frame()
        if kind == STDIN and stream == number:
            break
    if echo is not None:
        agent.say(number, "terminal", echo=echo, canonical=echo)
    agent.data(WINDOW, number, struct.pack(">I", len(payload)))
    return payload
