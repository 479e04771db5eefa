#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Terminals in a keeper: who sees what, who may type, how large they are."""
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from keeper_harness import *  # noqa: E402,F403

SIZE = {"rows": 24, "cols": 80}


def client(rows=24, cols=80, **more):
    return {"kind": "client", "rows": rows, "cols": cols, **more}


def watcher(rows=24, cols=80):
    return {"kind": "watch", "rows": rows, "cols": cols}


def session(keeper, gate, stream=1, name="main", view=None, **members):
    """Attach to a session, or start it; the agent's number of a new one."""
    view = view or client()
    gate.say(stream, "session", argv=["sh"], name=name,
             pty={"rows": view["rows"], "cols": view["cols"]}, view=view,
             **members)


def new_session(keeper, gate, stream=1, **members):
    session(keeper, gate, stream, **members)
    number, told = keeper.agent.runs()
    heard(gate, "started", stream)
    return number, told


def heard(gate, want, stream=1):
    """The next control message on a stream, past all output; its members."""
    while True:
        kind, on, payload = gate.frame()
        if kind == CONTROL and on == stream:
            body = json.loads(payload)
            assert body.pop("type") == want, payload
            return body


def joined(gate, stream=1):
    return heard(gate, "attached", stream)


def output(gate, want, stream=1, patience=PATIENCE):
    """PTY bytes until want (bytes or a pattern) is in them; all of them."""
    seen = b""
    want = want if hasattr(want, "search") else re.compile(re.escape(want))
    while not want.search(seen):
        kind, on, payload = gate.frame(patience)
        if kind == WINDOW or on != stream:
            continue
        assert kind == PTY, (kind, payload[:80], seen)
        seen += payload
    return seen


def quiet(gate, patience=0.3):
    """What still comes as PTY bytes before nothing comes any more."""
    seen = b""
    try:
        while True:
            kind, _, payload = gate.frame(patience)
            if kind == PTY:
                seen += payload
    except TimeoutError:
        return seen


def told(agent, want, patience=PATIENCE):
    """The next control message of this type to the agent."""
    while True:
        kind, stream, payload = agent.frame(patience)
        if kind == CONTROL:
            body = json.loads(payload)
            assert body.pop("type") == want, payload
            return stream, body


def typed(agent, length, patience=PATIENCE):
    """So many bytes of input, with their credit given back."""
    seen = b""
    while len(seen) < length:
        kind, stream, payload = agent.frame(patience)
        if kind == STDIN:
            seen += payload
            agent.data(WINDOW, stream, struct.pack(">I", len(payload)))
    return seen


def agent_hears_no_input(agent):
    try:
        while True:
            kind, _, payload = agent.frame(0.2)
            assert kind != STDIN, payload
    except TimeoutError:
        return


def a_plain_session_gets_every_byte_and_hangs_up_when_it_goes():
    keeper = new()
    gate = keeper.gate()
    gate.say(1, "start", login=True, pty={**SIZE, "term": "xterm"}, tied=True,
             view=client())
    number, got = keeper.agent.runs()
    assert got["pty"] == {**SIZE, "term": "xterm"}, got
    gate.hear("started", 1)
    noise = b"\x1b[6n\x1b]0;t\x07half \xc3" + os.urandom(5000) + b"\xa4\x1b["
    for at in range(0, len(noise), 7):
        keeper.agent.data(PTY, number, noise[at:at + 7])
    seen = b""
    while len(seen) < len(noise):
        kind, _, payload = gate.frame()
        assert kind == PTY
        seen += payload
    assert seen == noise
    # its own terminal has been asked, so nobody else answers
    agent_hears_no_input(keeper.agent)
    gate.say(1, "resize", rows=30, cols=90)
    gate.hear("taken", 1)
    assert told(keeper.agent, "resize") == (number, {"rows": 30, "cols": 90})
    gate.close()
    assert told(keeper.agent, "hangup") == (number, {})


def a_session_outlives_its_clients_and_shows_its_screen_again():
    keeper = new()
    one = keeper.gate()
    number, _ = new_session(keeper, one)
    keeper.agent.data(PTY, number, b"\x1b[2J\x1b[5;7Hhello\x1b[31mred")
    output(one, b"red")
    one.close()
    agent_hears_no_input(keeper.agent)
    two = keeper.gate()
    session(keeper, two)
    assert joined(two)["exec"] == "abc-1"
    paint = output(two, b"red")
    assert b"hello" in paint and b"?2026h" in paint, paint
    keeper.agent.data(PTY, number, b"more")
    output(two, b"more")


def a_session_ends_with_its_command_and_its_name_is_free_again():
    keeper = new()
    gate = keeper.gate()
    number, _ = new_session(keeper, gate)
    gate.say(2, "start", argv=["sh"], name="main", pty=SIZE)
    refused = heard(gate, "refused", 2)
    assert refused["code"] == "state" and "abc-1" in refused["text"], refused
    keeper.agent.data(PTY, number, b"\x1b[?1049hbye")
    output(gate, b"bye")
    keeper.agent.ends(number, PTY, code=7)
    seen = b""
    while True:
        kind, _, payload = gate.frame()
        if kind == PTY and not payload:
            break
        seen += payload
    assert b"?1049l" in seen, seen
    assert gate.hear("exit", 1)["code"] == 7
    number, _ = new_session(keeper, gate)
    assert number == 2


def a_leader_answers_queries_and_another_client_never_sees_them():
    keeper = new()
    one, two = keeper.gate(), keeper.gate("bob")
    number, _ = new_session(keeper, one)
    session(keeper, two)
    joined(two)
    quiet(one)
    quiet(two)
    for part in (b"a\x1b[", b"6", b"nb\x1b[cc", b"\x1b]11;?\x1b", b"\\d"):
        keeper.agent.data(PTY, number, part)
    assert output(one, b"d") == b"a\x1b[6nb\x1b[cc\x1b]11;?\x1b\\d"
    assert output(two, b"d") == b"abcd"
    agent_hears_no_input(keeper.agent)


def a_leader_that_leaves_before_it_answers_is_answered_for():
    keeper = new()
    one, two = keeper.gate(), keeper.gate("bob")
    number, _ = new_session(keeper, one)
    keeper.agent.data(PTY, number, b"\x1b[3;5H\x1b[6nwhere")
    output(one, b"where")
    one.data(STDIN, 1, b"k")
    assert typed(keeper.agent, 1) == b"k"
    one.close()
    assert typed(keeper.agent, 6) == b"\x1b[3;5R"
    session(keeper, two)
    joined(two)
    quiet(two)
    keeper.agent.data(PTY, number, b"\x1b[3;5H\x1b[6nagain")
    output(two, b"again")
    two.data(STDIN, 1, b"\x1b[3;5R")
    assert typed(keeper.agent, 6) == b"\x1b[3;5R"
    two.close()
    agent_hears_no_input(keeper.agent)


def a_leader_that_stops_leading_is_answered_for_once():
    keeper = new()
    one, two = keeper.gate(), keeper.gate("bob")
    number, _ = new_session(keeper, one)
    session(keeper, two)
    joined(two)
    quiet(one)
    quiet(two)
    keeper.agent.data(PTY, number, b"\x1b[2;2H\x1b[6nwhere")
    output(one, b"where")
    output(two, b"where")
    two.data(STDIN, 1, b"k")
    assert typed(keeper.agent, 7) == b"\x1b[2;2Rk"
    one.data(STDIN, 1, b"\x1b[2;2R")
    agent_hears_no_input(keeper.agent)


def a_leader_that_was_asked_a_while_ago_is_not_answered_for():
    keeper = new()
    one = keeper.gate()
    number, _ = new_session(keeper, one)
    keeper.agent.data(PTY, number, b"\x1b[6nwhere")
    output(one, b"where")
    time.sleep(2.1)  # PTY_OWED_MS
    one.close()
    agent_hears_no_input(keeper.agent)


def a_program_that_asks_when_it_starts_asks_who_started_it():
    keeper = new()
    gate = keeper.gate()
    session(keeper, gate)
    kind, number, payload = keeper.agent.frame()
    assert json.loads(payload)["type"] == "exec", (kind, payload)
    keeper.agent.send(message(number, "started", pid=7) +
                      frame(PTY, number, b"\x1b[c\x1b[>qgo"))
    heard(gate, "started")
    assert output(gate, b"go").endswith(b"\x1b[c\x1b[>qgo")
    agent_hears_no_input(keeper.agent)


def a_terminal_without_clients_answers_itself_once():
    keeper = new()
    gate = keeper.gate()
    gate.say(1, "start", argv=["vi"], pty=SIZE)
    number, _ = keeper.agent.runs()
    keeper.agent.data(PTY, number, b"\x1b[3;5H\x1b[6n")
    assert typed(keeper.agent, 6) == b"\x1b[3;5R"
    agent_hears_no_input(keeper.agent)


def answers_that_nobody_reads_leave_room_for_what_is_typed():
    keeper = new()
    gate, one = keeper.gate(), keeper.gate()
    gate.say(1, "start", argv=["cat"], pty=SIZE)
    number, _ = keeper.agent.runs()
    heard(gate, "started")
    gate.say(1, "detach")
    heard(gate, "detached")
    queries = b"\x1b[c" * 8192
    for _ in range(16):
        keeper.agent.write_bytes(number, queries)
    one.say(1, "attach", exec="abc-1", view=client(30, 90))
    joined(one)
    one.data(STDIN, 1, b"x" * 4000)
    one.say(1, "detach")
    heard(one, "detached")


def a_screen_that_is_much_to_paint_is_shown_to_everybody():
    keeper = new()
    gate = keeper.gate()
    gate.say(1, "start", argv=["cat"], pty={"rows": 150, "cols": 600})
    number, _ = keeper.agent.runs()
    heard(gate, "started")
    gate.say(1, "detach")
    heard(gate, "detached")
    at = 0
    for row in range(150):
        line = b""
        for col in range(600):
            at += 1
            line += b"\x1b[1;4;38;2;1%02d;1%02d;1%02d;48;2;1%02d;211;233mX" \
                % (at % 97, at % 89, at % 83, at % 79)
        keeper.agent.write_bytes(number, b"\x1b[%dH" % (row + 1) + line)
    keeper.agent.write_bytes(number, b"\x1b[150;600Hz")
    for view in (client(150, 600), watcher(151, 600), client(149, 600)):
        one = keeper.gate()
        one.say(1, "attach", exec="abc-1", view=view)
        joined(one)
        # nothing is read yet, and it is more than may be queued
        time.sleep(0.3)
        seen = output(one, b"z")
        assert len(seen) > 2 << 20 and seen.count(b"X") >= 149 * 600 - 1
        one.close()


def sizes_in_a_burst_are_painted_once_in_a_while():
    keeper = new()
    one, two = keeper.gate(), keeper.gate("bob", right="read")
    number, _ = new_session(keeper, one)
    keeper.agent.data(PTY, number, b"hello")
    output(one, b"hello")
    two.say(1, "attach", session="main", view=watcher(400, 1000))
    joined(two)
    output(two, b"hello")
    two.send(b"".join(message(1, "resize", rows=400 + at % 2, cols=1000)
                      for at in range(1001)))
    seen = b""
    for _ in range(1001):
        kind, _, payload = two.frame()
        while kind != CONTROL:
            seen += payload
            kind, _, payload = two.frame()
        assert json.loads(payload) == {"type": "taken"}, payload
    assert seen.count(b"\x1b[2J") < 500
    keeper.agent.data(PTY, number, b" again")
    seen += output(two, b"again")
    assert b"\x1b[2J" in seen


def all_that_is_shown_has_a_bound():
    keeper = new()
    one, two = keeper.gate(), keeper.gate("bob", right="read")
    new_session(keeper, one)
    large = watcher(500, 1000)
    count = (16 << 20) // (500 * 1000)
    for at in range(1, count + 1):
        two.say(at, "attach", session="main", view=large)
        heard(two, "attached", at)
    two.say(99, "attach", session="main", view=large)
    assert heard(two, "refused", 99)["code"] == "limit"
    one.say(2, "start", argv=["x"], pty={"rows": 500, "cols": 1000})
    assert heard(one, "refused", 2)["code"] == "limit"
    two.say(99, "attach", session="main", view=watcher())
    heard(two, "attached", 99)
    two.say(99, "resize", rows=500, cols=1000)
    assert heard(two, "refused", 99)["code"] == "limit"
    for at in (1, 2):
        two.say(at, "detach")
        heard(two, "detached", at)
    two.say(99, "resize", rows=500, cols=1000)
    heard(two, "taken", 99)
    one.say(2, "start", argv=["x"], pty={"rows": 500, "cols": 1000})
    keeper.agent.runs()
    heard(one, "started", 2)


def what_only_a_leader_may_report_is_dropped_from_others():
    keeper = new()
    one, two = keeper.gate(), keeper.gate("bob")
    number, _ = new_session(keeper, one)
    session(keeper, two)
    joined(two)
    one.data(STDIN, 1, b"\x1b[24;80R")
    assert typed(keeper.agent, 8) == b"\x1b[24;80R"
    credit = 0
    two.data(STDIN, 1, b"\x1b[24;80R\x1b[?62;22c\x1b]11;rgb:0/0/0\x07x")
    assert typed(keeper.agent, 1) == b"x"
    agent_hears_no_input(keeper.agent)
    while credit < 32:
        kind, _, payload = two.frame()
        if kind == WINDOW:
            credit += struct.unpack(">I", payload)[0]
    assert credit == 32, credit


def the_credit_of_what_is_typed_comes_in_large_pieces():
    keeper = new()
    gate = keeper.gate()
    new_session(keeper, gate)
    for at in range(0, 64 << 10, 1024):
        gate.data(STDIN, 1, b"k" * 1024)
    assert typed(keeper.agent, 64 << 10) == b"k" * (64 << 10)
    while True:
        kind, _, payload = gate.frame()
        if kind == WINDOW:
            break
    assert struct.unpack(">I", payload)[0] >= 64 << 10, payload


def a_lone_escape_of_any_client_is_a_key():
    keeper = new()
    one, two = keeper.gate(), keeper.gate("bob")
    new_session(keeper, one)
    session(keeper, two)
    joined(two)
    two.data(STDIN, 1, b"\x1b")
    assert typed(keeper.agent, 1) == b"\x1b"


def the_size_is_that_of_who_typed_last():
    keeper = new()
    one, two = keeper.gate(), keeper.gate("bob")
    number, _ = new_session(keeper, one)
    session(keeper, two, view=client(30, 100))
    joined(two)
    keeper.agent.data(PTY, number, b"\x1b[2Jtext")
    output(one, b"text")
    output(two, b"text")
    two.data(STDIN, 1, b"l")
    # input and resize may come in either order
    seen = {"input": b"", "resize": None}
    while not seen["input"] or not seen["resize"]:
        kind, stream, payload = keeper.agent.frame()
        if kind == STDIN:
            seen["input"] += payload
        elif kind == CONTROL:
            body = json.loads(payload)
            assert body.pop("type") == "resize", body
            seen["resize"] = body
    assert seen == {"input": b"l", "resize": {"rows": 30, "cols": 100}}, seen
    quiet(one)
    quiet(two)
    # now two has the program's own bytes, and one a picture of them
    keeper.agent.data(PTY, number, b"\x1b[3mslanted\x1b]2;t\x07")
    assert output(two, b"\x07") == b"\x1b[3mslanted\x1b]2;t\x07"
    assert output(one, b"slanted").startswith(b"\x1b[?2026h")
    # when two goes, one has the say again
    two.close()
    assert told(keeper.agent, "resize") == (number, SIZE)


def the_size_follows_the_policy():
    keeper = new()
    gates = [keeper.gate() for _ in range(3)]
    number, _ = new_session(keeper, gates[0], view=client(24, 80))
    session(keeper, gates[1], view=client(40, 60, size="smallest"))
    joined(gates[1])
    assert told(keeper.agent, "resize") == (number, {"rows": 24, "cols": 60})
    session(keeper, gates[2], view=client(10, 200, size="largest"))
    joined(gates[2])
    assert told(keeper.agent, "resize") == (number, {"rows": 40, "cols": 200})
    gates[1].close()
    assert told(keeper.agent, "resize") == (number, {"rows": 24, "cols": 200})
    session(keeper, gates[0], 2, view=client(50, 50, size="fixed"))
    joined(gates[0], 2)
    assert told(keeper.agent, "resize") == (number, SIZE)
    gates[0].data(STDIN, 2, b"x")
    assert typed(keeper.agent, 1) == b"x"


def an_idle_client_or_a_watcher_never_shrinks_the_terminal():
    keeper = new()
    one, two = keeper.gate(), keeper.gate("eve", "read")
    number, _ = new_session(keeper, one)
    session_small = keeper.gate("bob")
    session(keeper, session_small, view=client(5, 20))
    joined(session_small)
    two.say(1, "attach", session="main", view=watcher(3, 10))
    joined(two)
    two.say(1, "resize", rows=2, cols=8)
    keeper.agent.data(PTY, number, b"x")
    output(one, b"x")
    try:
        while True:
            kind, _, payload = keeper.agent.frame(0.3)
            assert kind != CONTROL, payload
    except TimeoutError:
        pass


def a_reader_may_watch_and_nothing_else():
    keeper = new()
    one = keeper.gate()
    number, _ = new_session(keeper, one)
    eve = keeper.gate("eve", "read")
    for view in (client(), {**watcher(), "size": "fixed"}):
        eve.say(1, "attach", session="main", view=view)
        assert eve.hear("refused", 1)["code"] == "denied"
    session(keeper, eve, 1)
    assert eve.hear("refused", 1)["code"] == "denied"
    eve.say(1, "attach", session="main", view=watcher())
    joined(eve)
    keeper.agent.data(PTY, number, b"\x1b]52;c;Zm9v\x07\x1b[6nseen\x1b]0;t\x07")
    picture = output(eve, b"seen")
    assert b"]52" not in picture and b"[6n" not in picture, picture
    assert b"\x1b]" not in picture and b"\x07" not in picture, picture
    eve.data(STDIN, 1, b"rm -rf /\r")
    eve.say(1, "signal", signal="KILL")
    eve.say(1, "keys", ask=1, text="x")
    codes = []
    while len(codes) < 3:
        kind, _, payload = eve.frame()
        if kind == CONTROL:
            body = json.loads(payload)
            codes.append(body.get("code"))
    assert codes == ["denied"] * 3, codes
    agent_hears_no_input(keeper.agent)
    eve.say(2, "attach", session="main", **{"from": "live"})
    joined(eve, 2)
    eve.say(2, "resize", rows=9, cols=9)
    assert heard(eve, "refused", 2)["code"] == "denied"


def a_slow_client_delays_nobody_and_is_right_again():
    keeper = new()
    fast, slow = keeper.gate(), keeper.gate("bob")
    number, _ = new_session(keeper, fast)
    session(keeper, slow)
    total = 0
    lines = b"".join(b"line %d of a flood that nobody can read\r\n" % i
                     for i in range(1500))

    def flood():
        for _ in range(200):
            keeper.agent.write_bytes(number, lines)
        keeper.agent.data(PTY, number, b"\x1b[2J\x1b[Hthe last picture")

    join = in_thread(flood)
    output_ends = b""
    while b"the last picture" not in output_ends:
        kind, _, payload = fast.frame()
        if kind == PTY:
            total += len(payload)
            output_ends = (output_ends + payload)[-4096:]
    join()
    joined(slow)
    seen = 0
    tail = b""
    while b"the last picture" not in tail:
        kind, _, payload = slow.frame()
        if kind == PTY:
            seen += len(payload)
            tail = (tail + payload)[-8192:]
    assert seen < 8 << 20, "a slow client was sent all of %d" % seen
    quiet(slow)
    keeper.agent.data(PTY, number, b"alive")
    output(slow, b"alive")


def until_detached(gate):
    """What a client gets of its last bytes."""
    seen = b""
    gate.say(1, "detach")
    while True:
        kind, _, payload = gate.frame()
        if kind == CONTROL:
            assert json.loads(payload)["type"] == "detached"
            return seen
        seen += payload


def a_detached_client_gets_its_terminal_back():
    keeper = new()
    gate = keeper.gate()
    number, _ = new_session(keeper, gate)
    keeper.agent.data(PTY, number, b"\x1b[?1049h\x1b[?1000h\x1b[?2004hvi")
    output(gate, b"vi")
    seen = until_detached(gate)
    for mode in (b"?1049l", b"?1000l", b"?2004l"):
        assert mode in seen, (mode, seen)
    agent_hears_no_input(keeper.agent)


def a_title_of_the_clients_own_is_put_aside_once_and_comes_back():
    keeper = new()
    gate = keeper.gate()
    number, _ = new_session(keeper, gate)
    keeper.agent.data(PTY, number, b"\x1b]2;theirs\x1b\\\x1b[22;2ta")
    seen = quiet(gate)
    # a picture, and the program's own bytes again
    for rows in (30, 24):
        gate.say(1, "resize", rows=rows, cols=80)
        seen += quiet(gate)
    late = keeper.gate("bob")
    session(keeper, late, view=client(10, 40))
    joined(late)
    other = quiet(late) + until_detached(late)
    assert other.count(b"\x1b[22;2t") == 1, other
    assert other.count(b"\x1b[23;2t") == 1, other
    seen += until_detached(gate)
    assert seen.count(b"\x1b[22;2t") > 1, seen
    assert seen.count(b"\x1b[22;2t") == seen.count(b"\x1b[23;2t"), seen


def more_queries_than_are_counted_paint_the_others_anew():
    keeper = new()
    one, two = keeper.gate(), keeper.gate("bob")
    number, _ = new_session(keeper, one)
    session(keeper, two)
    joined(two)
    quiet(one)
    quiet(two)
    keeper.agent.data(PTY, number, b"\x1b[2J\x1b[H" + b"\x1b[5n" * 500 + b"z")
    assert output(one, b"z").count(b"\x1b[5n") == 500
    assert b"\x1b[5n" not in output(two, b"z")


def half_a_sequence_is_not_shown_before_its_end():
    keeper = new()
    gate = keeper.gate()
    number, _ = new_session(keeper, gate)
    quiet(gate)
    keeper.agent.data(PTY, number, b"a\x1b[3")
    assert output(gate, b"a") == b"a"
    late = keeper.gate("bob")
    session(keeper, late)
    joined(late)
    output(late, b"a")
    quiet(late)
    keeper.agent.data(PTY, number, b"1mb")
    assert output(gate, b"b") == b"\x1b[31mb"
    assert output(late, b"b") == b"\x1b[31mb"
    # what is too long to be a query comes as it is written
    keeper.agent.data(PTY, number, b"\x1bP" + b"q" * 300)
    assert len(output(gate, b"q" * 300)) == 302


def the_terminal_last_in_use_is_the_one_that_is_meant():
    keeper = new()
    gate = keeper.gate()
    gate.say(9, "attach", view=watcher())
    assert gate.hear("refused", 9)["code"] == "not_found"
    first, _ = new_session(keeper, gate, 1, name="a")
    second, _ = new_session(keeper, gate, 2, name="b")
    time.sleep(0.01)
    keeper.agent.data(PTY, first, b"in a")
    output(gate, b"in a", 1)
    gate.say(9, "attach", view=watcher())
    got = heard(gate, "attached", 9)
    assert got["exec"] == "abc-%d" % first, got
    gate.say(10, "attach", session="c", view=watcher())
    assert heard(gate, "refused", 10)["code"] == "not_found"
    assert second == 2


def terminals_without_a_reader_do_not_stop():
    keeper = new(output=2 << 20)
    gate = keeper.gate()
    number, _ = new_session(keeper, gate)
    gate.close()
    keeper.agent.write(number, 0, 8 << 20, PTY)
    again = keeper.gate()
    again.say(1, "attach", exec="abc-1")
    reader = Reader(again)
    joined(again)
    while not reader.gaps:
        kind, _, payload = again.frame()
        reader.take(kind, payload)
    (kept, first), = reader.gaps
    assert 128 << 10 < kept <= 256 << 10 and first > 4 << 20, reader.gaps


main([value for value in list(globals().values())
      if callable(value) and getattr(value, "__module__", "") == "__main__"
      and value.__code__.co_argcount == 0])
