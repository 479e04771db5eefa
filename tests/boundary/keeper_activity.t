#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What keeps a task active, as its keeper tells the manager: a command that
runs and a writer that is attached do, and whoever only looks does not."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from keeper_harness import *  # noqa: E402,F403

QUIET = 0.1
BIG = 8 << 20


def fresh(**members):
    """A keeper that has said that its task is idle."""
    keeper = new(**members)
    assert not keeper.manager.activity()["active"]
    return keeper


def nothing_changes(keeper, seconds=4 * QUIET):
    try:
        got = keeper.manager.activity(seconds)
    except TimeoutError:
        return
    raise AssertionError(("it changed", got))


def a_command_makes_the_task_active():
    keeper = fresh()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    assert keeper.manager.activity() == {"active": True}
    nothing_changes(keeper)
    keeper.agent.ends(number)
    Reader(gate).read()
    idle = keeper.manager.activity()
    assert not idle["active"] and 100 <= idle["idle_ms"] < 5000, idle


def also_one_that_waits_to_be_started():
    keeper = fresh()
    gate = keeper.gate()
    gate.say(1, "start", argv=["true"])
    assert keeper.manager.activity()["active"]
    _, stream, _ = keeper.agent.frame()
    nothing_changes(keeper)
    keeper.agent.say(stream, "refused", reason="not_found", text="no")
    assert not keeper.manager.activity()["active"]


def a_row_of_short_commands_is_one_change():
    keeper = fresh()
    gate = keeper.gate()
    for stream in range(1, 40):
        number, _ = keeper.run(gate, stream)
        keeper.agent.ends(number)
        Reader(gate, stream).read()
    assert keeper.manager.activity()["active"]
    assert not keeper.manager.activity()["active"]
    nothing_changes(keeper)


def an_attached_brain_is_no_writer():
    keeper = fresh()
    gate = keeper.gate()
    nothing_changes(keeper)
    number, _ = keeper.run(gate)
    assert keeper.manager.activity()["active"]
    # its output is not taken, so the stream stays; the command is gone
    keeper.agent.write(number, 0, BIG)
    keeper.agent.ends(number)
    assert not keeper.manager.activity()["active"]
    other = keeper.gate()
    other.say(1, "attach", exec="abc-1")
    other.hear("attached", 1)
    quiet = keeper.gate()
    quiet.say(1, "attach", exec="abc-1", **{"from": "none"})
    quiet.hear("attached", 1)
    nothing_changes(keeper)


def an_ssh_session_is_one_until_it_has_everything():
    keeper = fresh()
    gate = keeper.gate()
    number, _ = keeper.run(gate, tied=True)
    assert keeper.manager.activity()["active"]
    # more than the socket takes: its owner has not had everything
    keeper.agent.write(number, 0, BIG)
    keeper.agent.ends(number)
    keeper.manager.hear("started")
    keeper.manager.hear("ended")
    nothing_changes(keeper)
    Reader(gate).read()
    assert not keeper.manager.activity()["active"]


def an_ssh_session_that_is_lost_is_none():
    keeper = fresh()
    gate = keeper.gate()
    number, _ = keeper.run(gate, tied=True)
    assert keeper.manager.activity()["active"]
    keeper.agent.write(number, 0, BIG)
    keeper.agent.ends(number)
    nothing_changes(keeper)
    gate.close()
    assert not keeper.manager.activity()["active"]


def who_may_type_into_a_terminal_is_one_who_watches_is_not():
    keeper = fresh()
    gate = keeper.gate()
    gate.say(1, "session", name="main", pty={"rows": 24, "cols": 80},
             login=True, view={"kind": "client", "rows": 24, "cols": 80})
    number, _ = keeper.agent.runs()
    gate.hear("started", 1)
    assert keeper.manager.activity()["active"]
    reader = keeper.gate(right="read")
    reader.say(1, "attach", session="main",
               view={"kind": "watch", "rows": 24, "cols": 80})
    reader.hear("attached", 1)
    gate.close()
    # the shell runs on, and that is what counts
    nothing_changes(keeper)
    keeper.agent.ends(number, PTY)
    assert not keeper.manager.activity()["active"]


def the_next_manager_is_told_for_how_long():
    keeper = fresh()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    assert keeper.manager.activity()["active"]
    second = keeper.take()
    second.hear("state")
    assert second.activity() == {"active": True}
    keeper.agent.ends(number)
    Reader(gate).read()
    assert not second.activity()["active"]
    time.sleep(0.3)
    third = keeper.take()
    third.hear("state")
    idle = third.activity()
    assert not idle["active"] and idle["idle_ms"] >= 350, idle


def nothing_is_said_before_the_agent_has_said_hello():
    keeper = new(ready=False)
    nothing_changes(keeper)
    gate = keeper.gate()
    gate.say(1, "start", argv=["true"])
    nothing_changes(keeper)
    keeper.agent.hello()
    keeper.manager.hear("ready")
    assert keeper.manager.activity()["active"]


main([value for value in list(globals().values())
      if callable(value) and getattr(value, "__module__", "") == "__main__"
      and value.__name__ not in ("fresh", "nothing_changes")])
