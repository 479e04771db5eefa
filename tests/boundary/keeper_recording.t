#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Recordings that a keeper makes of terminals."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from keeper_terminals import *  # noqa: E402,F403


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def recorded(keeper, number):
    path = os.path.join(keeper.recordings, "abc-%d.cast" % number)
    return lines_of(path) if os.path.exists(path) else None


def a_recording_is_what_was_shown():
    for version in (2, 3):
        keeper = new(recordings=True,
                     recording={"format": "asciicast-v%d" % version})
        gate = keeper.gate()
        number = run_terminal(keeper, gate)
        pieces = [b"one\r\n", b"\xe6\xbc", b"\xa2\r\n", bytes(range(1, 128))]
        for piece in pieces:
            keeper.agent.data(PTY, number, piece)
            screen(gate)
        gate.say(1, "resize", rows=30, cols=100)
        waits(gate, {"quiet_ms": 0})
        keeper.agent.data(PTY, number, b"\x1b]133;D;2\aafter")
        waits(gate, {"text": "after"})
        wait_for(lambda: any("after" in str(line) for line
                             in recorded(keeper, number)),
                 "the recording does not follow")
        keeper.agent.ends(number, PTY, code=4)
        answerless = gate.frame()
        while b'"exit"' not in answerless[2]:
            answerless = gate.frame()
        head, *events = recorded(keeper, number)
        assert head["version"] == version, head
        shown = "".join(event[2] for event in events[1:] if event[1] == "o")
        assert shown.encode() == (
            b"".join(pieces) + b"\x1b]133;D;2\aafter"), shown
        kinds = "".join(event[1] for event in events)
        assert kinds.startswith("oo") and "r" in kinds and "m" in kinds
        assert events[kinds.index("r")][2] == "100x30"
        assert kinds.endswith("x") == (version == 3), kinds
        for line in os.listdir(keeper.recordings):
            assert line == "abc-1.cast"
        mode = os.stat(os.path.join(keeper.recordings, line)).st_mode
        assert mode & 0o777 == 0o600, oct(mode)
        clean()


def a_recording_is_cut_and_the_terminal_is_not():
    keeper = new(recordings=True, recording={"bytes": 65536})
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    for _ in range(10):
        keeper.agent.data(PTY, number, b"x" * 60000)
        screen(gate)
    keeper.agent.data(PTY, number, b"\r\nbehind")
    waits(gate, {"text": "behind"})
    path = os.path.join(keeper.recordings, "abc-1.cast")
    wait_for(lambda: "recording cut at 65536 bytes" in str(lines_of(path)),
             "no mark of the cut")
    assert lines_of(path)[-1][1] == "m"
    assert os.path.getsize(path) <= 65536


def what_echo_does_not_show_is_not_recorded():
    for input in (True, False):
        keeper = new(recordings=True, recording={
            "format": "asciicast-v3", "input": input})
        gate = keeper.gate()
        number = run_terminal(keeper, gate)
        for text, echo in (("whoami\r", True), ("hunter2\r", False),
                           ("ls\r", True)):
            gate.say(1, "keys", ask=1, text=text)
            assert taken(keeper.agent, number, echo=echo) == text.encode()
            answer(gate, 1)
        keeper.agent.ends(number, PTY)
        wait_for(lambda: "'x'" in str(recorded(keeper, number)),
                 "the recording does not end")
        typed = [line[2] for line in recorded(keeper, number)[1:]
                 if line[1] == "i"]
        assert typed == (["whoami\r", "ls\r"] if input else []), typed
        assert "hunter2" not in str(recorded(keeper, number))
        clean()


def without_a_folder_nothing_is_recorded_and_all_goes_on():
    keeper = new(recording={})
    gate = keeper.gate()
    number = run_terminal(keeper, gate)
    shows(keeper, gate, number, b"hello")
    gate.say(9, "terminals", ask=5)
    while True:
        kind, on, payload = gate.frame()
        if kind == CONTROL and on == 9:
            break
    assert not json.loads(payload)["recorded"]
    assert "not recorded" in keeper.text()


main([value for value in list(globals().values())
      if callable(value) and getattr(value, "__module__", "") == "__main__"
      and value.__name__ not in ("lines_of", "recorded")])
