#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A keeper that was killed is replaced: nothing is lost, nothing comes twice."""
import json
import os
import random
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from keeper_harness import *  # noqa: E402,F403
from keeper_actors import Job, SelfAgent, SelfGate  # noqa: E402

STDIN_FULL = WINDOW_STDIN
KILLS = 200


def replaced(keeper, held=(), configure=True):
    """Kill the keeper and start another, to whom the agent says that it holds
    these: {number: members of held}."""
    keeper.kill()
    keeper.resume(configure)
    keeper.agent = keeper.agent.replaced()
    greet(keeper, held)


def greet(keeper, held=()):
    held = dict(held)
    credit = {number: WINDOW_OUTPUT for number in held}
    keeper.agent.credit = credit
    keeper.agent.hello(execs=len(held))
    for number, members in held.items():
        members = {"credit": STDIN_FULL, **members}
        keeper.agent.say(number, "held", **members)
    keeper.ended = []
    while True:
        said = json.loads(keeper.manager.frame()[2])
        if said["type"] == "ready":
            break
        if said["type"] == "ended":
            keeper.ended.append(said["exec"])
        else:
            assert said["type"] == "state" and said["ready"], said
    keeper.manager.keep_links(1)


def attached(keeper, stream=1, exec_id="abc-1", **members):
    gate = keeper.gate()
    gate.say(stream, "attach", exec=exec_id, **members)
    return gate, gate.hear("attached", stream)


def a_command_goes_on_where_it_was():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate, token="once")
    keeper.agent.data(STDOUT, number, pattern(0, 1000))
    keeper.agent.data(STDERR, number, pattern(0, 10))
    reader = Reader(gate).read(1000)
    replaced(keeper, {number: {}})
    resume = keeper.agent.hear("resume", number)
    assert resume["stdout"] == 1000, resume
    keeper.agent.say(number, "started", pid=7)
    gate, told = attached(keeper, **{"from": {"stdout": 1000}})
    assert told == {"exec": "abc-1", "stdout": 1000, "stderr": 0,
                    "running": True}, told
    if resume.get("stderr", 0) == 0:
        keeper.agent.data(STDERR, number, pattern(0, 10))
    keeper.agent.data(STDOUT, number, pattern(1000, 500))
    keeper.agent.ends(number, code=3)
    reader = Reader(gate, start=1000).read()
    assert reader.at[STDOUT] == 1500 and reader.at[STDERR] == 10
    assert reader.exit["code"] == 3 and not reader.gaps
    keeper.manager.hear("ended")
    wait_for(lambda: forgotten(keeper, number), "forget")


def forgotten(keeper, number):
    try:
        keeper.agent.frame(0.01)
    except TimeoutError:
        pass
    return number in keeper.agent.forgotten


def resumes(keeper, number, **want):
    """What the keeper resumes an exec from, which has started."""
    told = keeper.agent.hear("resume", number)
    assert told == want, (told, want)
    keeper.agent.say(number, "started", pid=7)


def what_was_acknowledged_is_not_asked_for_again():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    keeper.agent.write(number, 0, 3 << 20)
    reader = Reader(gate).read(3 << 20)
    while True:  # until all credit is back that will come
        try:
            kind, stream, payload = keeper.agent.frame(0.1)
        except TimeoutError:
            break
        keeper.agent.granted(stream, payload)
    base = (3 << 20) - (WINDOW_OUTPUT - keeper.agent.credit[number])
    replaced(keeper, {number: {"stdout": base}})
    resumes(keeper, number, stdout=3 << 20)
    gate, _ = attached(keeper, **{"from": {"stdout": 1 << 20}})
    keeper.agent.write(number, 3 << 20, 3 << 20)
    keeper.agent.ends(number)
    reader = Reader(gate, start=1 << 20).read()
    assert reader.at[STDOUT] == 6 << 20 and not reader.gaps


def acknowledged_output_that_is_gone_is_a_gap():
    keeper = new()
    number, _ = keeper.run(keeper.gate())
    keeper.agent.data(STDOUT, number, pattern(0, 1000))
    wait_for(lambda: os.path.exists(os.path.join(keeper.spool, "1")), "ring")
    keeper.kill()
    with open(os.path.join(keeper.spool, "1"), "r+b") as ring:
        ring.write(b"this is no ring")
    keeper.resume()
    keeper.agent = keeper.agent.replaced()
    greet(keeper, {number: {"stdout": 700}})
    resumes(keeper, number, stdout=700)
    keeper.agent.data(STDOUT, number, pattern(700, 400))
    keeper.agent.ends(number)
    gate, _ = attached(keeper)
    reader = Reader(gate).read()
    assert reader.gaps == [(0, 700)] and reader.at[STDOUT] == 1100


def ends_are_kept_and_forgotten_at_the_agent():
    keeper = new()
    gate = keeper.gate()
    for stream, code in ((1, 0), (2, 77)):
        number, _ = keeper.run(gate, stream)
        keeper.agent.data(STDOUT, number, pattern(0, 100))
        keeper.agent.ends(number, code=code)
        Reader(gate, stream).read()
    gate.say(3, "start", argv=["nope"])
    _, refused, _ = keeper.agent.frame()
    keeper.agent.say(refused, "refused", reason="not_found", text="no")
    gate.hear("refused", 3)
    # it has heard of none of them that it is to forget them
    replaced(keeper, {1: {"stdout": 100}, 2: {"stdout": 100}, refused: {}})
    wait_for(lambda: forgotten(keeper, refused), "forget")
    assert keeper.agent.forgotten == [1, 2, refused]
    for number, code in ((1, 0), (2, 77)):
        gate, told = attached(keeper, exec_id="abc-%d" % number)
        assert told["running"] is False, told
        reader = Reader(gate).read()
        assert reader.at[STDOUT] == 100 and reader.exit["code"] == code
    gate.say(1, "attach", exec="abc-%d" % refused)
    assert gate.hear("refused", 1)["code"] == "not_found"
    assert keeper.run(gate)[0] == 4


def what_never_got_to_the_agent_is_sent_in_order():
    keeper = new()
    gate = keeper.gate()
    for stream in (1, 2, 3):
        gate.say(stream, "start", argv=["c%d" % stream], timeout_ms=600000,
                 stdin={"data": "given %d" % stream})
    first = keeper.agent.runs()
    assert first[1]["argv"] == ["c1"]
    gate.hear("started", 1)
    for _ in range(2):
        keeper.agent.frame()  # the others, which the agent never saw
    replaced(keeper, {1: {"stdin": 3, "credit": STDIN_FULL - 3}})
    assert keeper.agent.hear("resume", 1) == {}
    assert keeper.agent.frame() == (STDIN, 1, b"en 1")
    assert keeper.agent.frame() == (STDIN, 1, b"")
    again = [keeper.agent.runs() for _ in range(2)]
    assert [(number, told["argv"]) for number, told in again] == [
        (2, ["c2"]), (3, ["c3"])], again
    for number in (2, 3):
        given = b"given %d" % number
        assert keeper.agent.frame() == (STDIN, number, given)
        assert keeper.agent.frame() == (STDIN, number, b"")
        keeper.agent.ends(number)
        gate, _ = attached(keeper, exec_id="abc-%d" % number)
        assert Reader(gate).read().exit["code"] == 0


def what_ran_and_is_not_held_is_lost():
    keeper = new()
    gate = keeper.gate()
    for stream in (1, 2, 3):
        keeper.run(gate, stream)
    keeper.agent.data(STDOUT, 1, pattern(0, 50))
    Reader(gate).read(50)
    gate.say(4, "start", argv=["unanswered"])
    keeper.agent.frame()
    gate.say(5, "start", argv=["above"])
    keeper.agent.frame()
    replaced(keeper, {2: {}, 5: {}})
    assert keeper.agent.hear("resume", 2) == {}
    assert keeper.agent.hear("resume", 5) == {}
    assert keeper.ended == ["abc-1", "abc-3"], keeper.ended
    for number in (1, 3):
        gate, _ = attached(keeper, exec_id="abc-%d" % number)
        end = Reader(gate).read()
        assert end.exit["reason"] == "lost", end.exit
        assert end.at[STDOUT] == (50 if number == 1 else 0)
    gate.say(1, "attach", exec="abc-4")
    assert gate.hear("refused", 1)["code"] == "not_found"


def a_start_with_a_token_runs_once():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate, token="t1", stdin="open", tied=True)
    keeper.agent.data(STDOUT, number, pattern(0, 30))
    Reader(gate).read(30)
    gate.data(STDIN, 1, b"12345")
    assert keeper.agent.frame() == (STDIN, number, b"12345")
    replaced(keeper, {number: {"stdin": 5}})
    resumes(keeper, number, stdout=30)
    gate = keeper.gate()
    for stream in (1, 2):
        gate.say(stream, "start", argv=["true"], token="t1", stdin="open",
                 tied=True)
        assert gate.hear("started", stream) == {"exec": "abc-1", "pid": 7}
        assert gate.frame() == (STDOUT, stream, pattern(0, 30))
    # its stdin is said from the beginning, and given on from where it was
    gate.data(STDIN, 2, b"123456")
    assert gate.frame() == (WINDOW, 2, struct.pack(">I", 5))
    assert keeper.agent.frame() == (STDIN, number, b"6")
    for members, code in (({"argv": ["false"]}, "invalid"),
                          ({"argv": ["true"], "env": {"A": "b"}}, "invalid")):
        gate.say(3, "start", token="t1", stdin="open", tied=True, **members)
        refused = gate.hear("refused", 3)
        assert refused["code"] == code and "token" in refused["text"], refused
    other = keeper.gate(principal="bob")
    assert keeper.run(other, 1, token="t1", stdin="open")[0] == number + 1
    keeper.agent.ends(number, code=5)
    gate.say(9, "start", argv=["true"], token="t1", stdin="open", tied=True)
    ends = {}
    while len(ends) < 3:
        kind, stream, payload = gate.frame()
        if kind == CONTROL and json.loads(payload)["type"] == "exit":
            ends[stream] = json.loads(payload)["code"]
    assert ends == {1: 5, 2: 5, 9: 5}, ends


def a_session_has_no_token():
    keeper = new()
    gate = keeper.gate()
    pty = {"rows": 24, "cols": 80}
    view = {"kind": "client", **pty}
    gate.say(1, "session", login=True, name="main", token="t", pty=pty,
             view=view)
    keeper.agent.runs()
    gate.hear("started", 1)
    gate.say(2, "start", argv=["true"], token="t")
    assert keeper.agent.runs()[0] == 2


def deadlines_go_on():
    keeper = new()
    gate = keeper.gate(exec_ms=700)
    begin = time.monotonic()
    number, _ = keeper.run(gate)
    keeper.run(gate, 2, timeout_ms=60000)
    replaced(keeper, {number: {}, 2: {}})
    resumes(keeper, number)
    resumes(keeper, 2)
    assert keeper.agent.hear("kill", number) == {}
    assert 0.69 <= time.monotonic() - begin < 5
    replaced(keeper, {number: {}, 2: {}})
    resumes(keeper, number)
    assert keeper.agent.hear("kill", number) == {}
    resumes(keeper, 2)
    keeper.agent.ends(number, signal="KILL")
    gate, _ = attached(keeper)
    end = Reader(gate).read().exit
    assert end["reason"] == "timeout" and end["duration_ms"] >= 690, end


def what_was_asked_is_said_again():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    gate.say(1, "signal", signal="KILL", tree=True)
    gate.hear("taken", 1)
    keeper.agent.hear("signal", number)
    gate.say(1, "signal", signal="USR1")
    gate.hear("taken", 1)
    keeper.agent.hear("signal", number)
    pty = {"rows": 24, "cols": 80}
    keeper.run(gate, 2, tied=True, pty=pty)
    gate.say(2, "resize", rows=50, cols=132)
    gate.hear("taken", 2)
    keeper.agent.hear("resize", 2)
    gate.close()
    keeper.agent.hear("hangup", 2)
    replaced(keeper, {number: {}, 2: {}})
    resumes(keeper, number)
    # the agent had read the other one, as all that was sent
    assert keeper.agent.hear("signal", number) == {"signal": "KILL",
                                                   "tree": True}
    resumes(keeper, 2)
    assert keeper.agent.hear("resize", 2) == {"rows": 50, "cols": 132}
    assert keeper.agent.hear("hangup", 2) == {}


def a_signal_that_waited_for_the_link_is_said_again():
    keeper = new()
    gate = keeper.gate()
    keeper.run(gate, 1)
    keeper.run(gate, 2, stdin="open")
    other = 3
    # nobody reads the link: it fills, and then the keeper
    while True:
        gate.say(other, "start", argv=["x" * 100000])
        other += 1
        gate.say(1, "signal", signal="USR2", tree=True)
        gate.hear("taken", 1)
        with open(os.path.join(keeper.spool, "journal"), "rb") as journal:
            if b'"signal"' in journal.read():
                break
    replaced(keeper, {1: {}, 2: {}})
    resumes(keeper, 1)
    assert keeper.agent.hear("signal", 1) == {"signal": "USR2",
                                              "tree": True}


def stdin_goes_on_where_the_command_is():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate, stdin="open")
    gate.data(STDIN, 1, pattern(0, 5000))
    assert keeper.agent.frame()[2] == pattern(0, 5000)
    replaced(keeper, {number: {"stdin": 4000, "credit": STDIN_FULL - 1000}})
    resumes(keeper, number)
    gate, told = attached(keeper)
    assert told["stdin"] == 4000, told
    gate.data(STDIN, 1, pattern(4000, 1000))
    gate.data(STDIN, 1)
    assert keeper.agent.frame() == (STDIN, number, pattern(4000, 1000))
    assert keeper.agent.frame() == (STDIN, number, b"")
    keeper.agent.send(frame(WINDOW, number, struct.pack(">I", 2000)))
    # the end of it was passed on, and is again
    replaced(keeper, {number: {"stdin": 5000}})
    resumes(keeper, number)
    assert keeper.agent.frame() == (STDIN, number, b"")
    gate, told = attached(keeper)
    assert "stdin" not in told, told


def an_agent_that_lies_of_its_stdin_is_lost():
    for held in ({"stdin": 10, "credit": STDIN_FULL - 11},
                 {"stdin": 8, "credit": STDIN_FULL}):
        keeper = new()
        number, _ = keeper.run(keeper.gate(), stdin={"data": "given"})
        keeper.kill()
        keeper.resume()
        keeper.agent = keeper.agent.replaced()
        keeper.agent.hello(execs=1)
        keeper.agent.say(number, "held", **held)
        assert keeper.agent.is_closed()
        keeper.manager.hear("ended")
        keeper.manager.hear("lost")


def ties_wait_for_their_attachments():
    keeper = new()
    gate = keeper.gate()
    keeper.run(gate, 1, tied=True, stdin="open")
    keeper.run(gate, 2, tied=True, stdin="open")
    pty = {"rows": 24, "cols": 80}
    for stream in (3, 4):
        keeper.run(gate, stream, tied=True, pty=pty,
                   view={"kind": "client", **pty})
    keeper.run(gate, 5, stdin="open")
    replaced(keeper, {number: {} for number in range(1, 6)})
    for number in range(1, 6):
        resumes(keeper, number)
        if number in (3, 4):
            keeper.agent.hear("resize", number)
    begin = time.monotonic()
    for members, code in (({"principal": "bob"}, "denied"),
                          ({"right": "read"}, "denied")):
        other = keeper.gate(**members)
        other.say(1, "attach", exec="abc-1", tied=True)
        assert other.hear("refused", 1)["code"] == code
    gate, told = attached(keeper, tied=True)
    assert told["stdin"] == 0, told
    gate.say(3, "attach", exec="abc-3", tied=True)
    gate.hear("attached", 3)
    gate.say(5, "attach", exec="abc-5", tied=True)
    refused = gate.hear("refused", 5)
    assert refused["code"] == "state" and "tied" in refused["text"], refused
    # nobody has come back to these two within the limit
    keeper.agent.hears_nothing()
    assert keeper.agent.frame() == (STDIN, 2, b"")
    assert keeper.agent.hear("hangup", 4) == {}
    assert 14.5 < time.monotonic() - begin < 20
    keeper.agent.hears_nothing()
    gate.close()
    assert sorted([keeper.agent.frame()[:2], keeper.agent.frame()[:2]]) == [
        (CONTROL, 3), (STDIN, 1)]


def attachments_wait_until_it_is_whole():
    keeper = new()
    number, _ = keeper.run(keeper.gate())
    keeper.agent.data(STDOUT, number, pattern(0, 10))
    keeper.kill()
    keeper.resume()
    early = keeper.gate()
    early.say(1, "attach", exec="abc-1")
    early.say(2, "start", argv=["true"])
    early.hears_nothing()
    keeper.agent = keeper.agent.replaced()
    early.hears_nothing()
    greet(keeper, {number: {}})
    early.hear("attached", 1)
    keeper.agent.hear("resume", number)
    keeper.agent.runs()


def every_step_of_a_recovery_may_be_the_last():
    steps = ("spawned", "taken", "configured", "offered", "greeted", "held",
             "whole")
    for first in steps:
        for second in steps:
            step_by_step((first, second))


def step_by_step(deaths):
    keeper = new()
    gate = keeper.gate()
    for stream in (1, 2):
        keeper.run(gate, stream)
    for stream in (2, 1):
        keeper.agent.data(STDOUT, stream, pattern(0, 100))
    Reader(gate).read(100)
    for death in deaths:
        keeper.kill()
        recover_until(keeper, death)
    keeper.kill()
    keeper.resume()
    keeper.agent = newest(keeper.agent)
    greet(keeper, {1: {}, 2: {}})
    for number in (1, 2):
        kind, stream, payload = keeper.agent.frame()
        assert (kind, stream) == (CONTROL, number), (deaths, payload)
        told = json.loads(payload)
        assert told["type"] == "resume", told
        keeper.agent.say(number, "started", pid=7)
        at = told.get("stdout", 0)
        keeper.agent.data(STDOUT, number, pattern(at, 200 - at))
        keeper.agent.ends(number)
        gate, _ = attached(keeper, exec_id="abc-%d" % number)
        reader = Reader(gate).read()
        assert reader.at[STDOUT] == 200 and not reader.gaps, deaths
    assert len(os.listdir("/proc/%d/fd" % keeper.process.pid)) < 24
    keeper.process.kill()
    keeper.process.wait()
    LIVE.remove(keeper)
    keeper.stop()


def newest(agent):
    """Follow every offer there is, as an agent does."""
    while True:
        agent = agent.replaced()
        poll = select.poll()
        poll.register(agent.sock, select.POLLIN | select.POLLHUP)
        if not poll.poll(50):
            return agent


def recover_until(keeper, death):
    if death == "spawned":
        links = keeper.manager.links
        keeper.spawn(links[-1], "resume")
        keeper.process.kill()
        keeper.process.wait()
        return
    keeper.resume(configure=death != "taken")
    if death in ("taken", "configured"):
        keeper.process.kill()
        keeper.process.wait()
        return
    keeper.agent = newest(keeper.agent)
    if death == "greeted":
        keeper.agent.hello(execs=2)
    elif death == "held":
        keeper.agent.hello(execs=2)
        keeper.agent.say(1, "held", credit=STDIN_FULL)
    elif death == "whole":
        greet(keeper, {1: {}, 2: {}})
        keeper.agent.hear("resume", 1)
    keeper.process.kill()
    keeper.process.wait()


def what_was_being_written_does_not_count():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    keeper.agent.data(STDOUT, number, pattern(0, 100))
    Reader(gate).read(100)
    keeper.kill()
    with open(os.path.join(keeper.spool, "journal"), "ab") as journal:
        journal.write(b'{"type":"ended","number":1,"code":0,"rea')
    with open(os.path.join(keeper.spool, "1"), "ab") as ring:
        ring.write(os.urandom(100000))
    with open(os.path.join(keeper.spool, "journal.new"), "wb") as fresh:
        fresh.write(os.urandom(1000))
    keeper.resume()
    keeper.agent = keeper.agent.replaced()
    greet(keeper, {number: {}})
    resumes(keeper, number, stdout=100)
    keeper.agent.data(STDOUT, number, pattern(100, 100))
    keeper.agent.ends(number)
    gate, _ = attached(keeper)
    assert Reader(gate).read().at[STDOUT] == 200
    replaced(keeper, {})
    gate, _ = attached(keeper)
    assert Reader(gate).read().exit["code"] == 0


def a_damaged_journal_is_refused_and_the_task_lost():
    first = b'{"type":"journal","version":1,"task":"abc","last":1}\n'
    for text, word in (
            (b"noise\n", "line 1"),
            (b'{"type":"sent","number":1,"at":1}\n', "no beginning"),
            (first.replace(b"abc", b"abd"), "task abd"),
            (first.replace(b":1,", b":2,"), "version is 2"),
            (first + first, "line 2"),
            (first + b'{"type":"sent","number":9,"at":1}\n', "not there"),
            (first + b"\0" * 100 + b"\n", "line 2"),
            (first + b"x" * (7 << 20), "line 2")):
        keeper = new()
        keeper.run(keeper.gate())
        keeper.kill()
        with open(os.path.join(keeper.spool, "journal"), "wb") as journal:
            journal.write(text)
        state = keeper.resume()
        assert state["ready"] is False, state
        keeper.manager.hear("lost")
        gate = keeper.gate()
        gate.say(1, "start", argv=["true"])
        assert gate.hear("refused", 1)["code"] == "state"
        said = keeper.text()
        assert "cannot resume: journal: line" in said and word in said, said
        keeper.manager.say(0, "stop")
        keeper.manager.hear("stopped")
        assert keeper.process.wait(PATIENCE) == 0
        LIVE.remove(keeper)
        keeper.stop()


def an_agent_that_is_gone_is_lost_with_what_it_ran():
    keeper = new()
    gate = keeper.gate()
    keeper.run(gate, 1)
    keeper.run(gate, 2)
    keeper.agent.data(STDOUT, 1, pattern(0, 100))
    keeper.agent.ends(1, code=4)
    Reader(gate).read()
    keeper.agent.data(STDOUT, 2, pattern(0, 50))
    Reader(gate, 2).read(50)
    keeper.kill()
    keeper.agent.close()
    keeper.resume()
    assert keeper.manager.hear("ended")["exec"] == "abc-2"
    keeper.manager.hear("lost")
    gate, _ = attached(keeper, exec_id="abc-1")
    end = Reader(gate).read()
    assert end.at[STDOUT] == 100 and end.exit["code"] == 4, end.exit
    gate, _ = attached(keeper, exec_id="abc-2")
    end = Reader(gate).read()
    assert end.at[STDOUT] == 50 and end.exit["reason"] == "lost", end.exit


def an_agent_that_says_nothing_is_lost_in_time():
    keeper = new()
    keeper.run(keeper.gate())
    keeper.kill()
    keeper.resume()
    begin = time.monotonic()
    assert keeper.manager.hear("ended", patience=30)["reason"] == "lost"
    assert 19.5 < time.monotonic() - begin < 29
    keeper.manager.hear("lost")


def a_lying_agent_loses_its_own_task():
    lies = (
        [message(0, "hello", protocol=1, version="x"),
         message(1, "started", pid=7)],
        [message(0, "hello", protocol=1, version="x", execs=1),
         message(1, "started", pid=7)],
        [message(0, "hello", protocol=1, version="x", execs=1),
         frame(STDOUT, 1, b"x")],
        [message(0, "hello", protocol=1, version="x", execs=1),
         message(2, "held", credit=WINDOW_STDIN)],
        [message(0, "hello", protocol=1, version="x", execs=2),
         message(1, "held", credit=WINDOW_STDIN),
         message(1, "held", credit=WINDOW_STDIN)],
        [message(0, "hello", protocol=1, version="x", execs=1),
         message(1, "held", credit=WINDOW_STDIN),
         message(1, "started", pid=8)],
        [message(0, "hello", protocol=1, version="x", execs=1),
         message(1, "held", credit=WINDOW_STDIN),
         message(1, "started", pid=7), message(1, "started", pid=7)],
        [message(0, "hello", protocol=1, version="x", execs=1),
         message(0, "hello", protocol=1, version="x", execs=1)],
    )
    for lie in lies:
        keeper = new()
        keeper.run(keeper.gate())
        keeper.kill()
        keeper.resume()
        keeper.agent = keeper.agent.replaced()
        keeper.agent.send(b"".join(lie))
        assert keeper.agent.is_closed(), lie
        gate, _ = attached(keeper)
        assert Reader(gate).read().exit["reason"] == "lost", lie
        assert "agent: link closed" in keeper.text(), lie
    keeper = new(ready=False)
    keeper.agent.hello(execs=1)
    assert keeper.agent.is_closed()


def a_manager_that_was_replaced_too_gets_every_link():
    keeper = new()
    number, _ = keeper.run(keeper.gate())
    keeper.kill()
    keeper.resume(configure=False)
    again = keeper.take()
    assert again.hear("state") == {"configured": False, "ready": False,
                                   "running": 1}
    wait_for(lambda: again.links or again.hears_nothing(0.01), "a link")
    links, keeper.manager.links = keeper.manager.links, []
    for fd in links:
        os.close(fd)
    keeper.manager = again
    again.say(0, "configure", **keeper.config)
    keeper.agent = keeper.agent.replaced()
    greet(keeper, {number: {}})
    resumes(keeper, number)
    replaced(keeper, {number: {}})
    resumes(keeper, number)


def tells_links(keeper):
    try:
        keeper.manager.frame(0.01)
    except TimeoutError:
        pass
    return len(keeper.manager.links)


def descriptors_and_disk_are_bounded():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    # the agent is busy while one after the other is killed
    for count in range(1, 21):
        keeper.kill()
        keeper.resume()
        wait_for(lambda: tells_links(keeper) > count, "its link")
    keeper.agent = newest(keeper.agent)
    greet(keeper, {number: {}})
    assert "earlier links" in keeper.text()
    resumes(keeper, number)
    wait_for(lambda: len(os.listdir("/proc/%d/fd" % keeper.process.pid)) < 24,
             "the earlier links to be closed")
    gate = keeper.gate()
    for count in range(2000):
        number, _ = keeper.run(gate, 2)
        keeper.agent.ends(number)
        Reader(gate, 2).read()
    size = os.path.getsize(os.path.join(keeper.spool, "journal"))
    print("# %d KiB of journal after 2000 commands" % (size >> 10))
    assert size < 1 << 20, size


def two_hundred_kills_under_load_lose_nothing():
    seed = int(os.environ.get("SALLYPORT_SEED", "41"))
    print("# SALLYPORT_SEED=%d" % seed, flush=True)
    chance = random.Random(seed)
    keeper = new(ready=False, output=4 << 20)
    keeper.born = 0
    agent = SelfAgent(os_dup(keeper.agent.sock), seed)
    keeper.manager.hear("ready")
    gate = SelfGate(keeper.gate)
    count, kills, begin, times = 0, 0, time.monotonic(), []
    due = time.monotonic() + 0.01
    while kills < KILLS or gate.jobs:
        assert not agent.wrong, agent.wrong
        assert time.monotonic() - begin < 300, "it takes too long"
        while len(gate.jobs) < 8 and kills < KILLS:
            count += 1
            argv = [str(chance.choice((0, 10, 70000, 900000, 3 << 20))),
                    str(chance.choice((0, 0, 5, 200000))),
                    str(chance.choice((0, 0, 3, 100000, 600000))),
                    str(chance.randrange(256))]
            gate.add(Job("j%d" % count, argv))
        gate.turn()
        times += settle_links(keeper)
        if kills < KILLS and time.monotonic() > due:
            kills += 1
            keeper.kill()
            keeper.born = time.monotonic()
            keeper.resume()
            due = time.monotonic() + chance.choice((0, 0.01, 0.03, 0.1, 0.2))
    agent.stop()
    assert len(gate.done) == count
    assert sorted(agent.ran) == sorted(job.token for job in gate.done)
    for job in gate.done:
        want = [int(each) for each in job.argv]
        got = job.reader
        assert [got.at[STDOUT], got.at[STDERR]] == want[:2], (job.argv, got.at)
        assert got.exit["code"] == want[3], (job.argv, got.exit)
        assert got.exit["reason"] == "exited" and not got.gaps, got.gaps
    print("# %d commands, %d kills, %d links taken, %.0f s; ready again after "
          "%.0f ms (median)" % (count, kills, agent.links,
                                time.monotonic() - begin,
                                sorted(times)[len(times) // 2] * 1000))


def settle_links(keeper):
    """As a manager: only the newest link counts once a keeper is ready."""
    try:
        said = json.loads(keeper.manager.frame(0.0001)[2])
    except (TimeoutError, EOFError):
        return []
    assert said["type"] in ("state", "ready", "started", "ended"), said
    if said["type"] == "ready":
        keeper.manager.keep_links(1)
        return [time.monotonic() - keeper.born] if keeper.born else []
    return []


def os_dup(sock):
    return socket.socket(fileno=os.dup(sock.fileno()))


main([value for value in list(globals().values())
      if callable(value) and getattr(value, "__module__", "") == "__main__"
      and value.__code__.co_argcount == 0])
