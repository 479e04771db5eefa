#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Agents, gates and strangers that lie to a keeper."""
import json
import os
import random
import resource
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from keeper_harness import *  # noqa: E402,F403

HELLO = message(0, "hello", protocol=1, version="x")
STARTED = {"pid": 9}
REFUSED = {"reason": "not_found", "text": "no"}
EXIT = {"code": 0}
ONE = struct.pack(">I", 1)

# Frames that no agent may send in any state, on any stream.
BROKEN = [
    (b"\0\0\0\0\1\0\0\0\1", "no kind"),
    (b"\0\0\0\4\1\0\0\0\1", "shorter than a header"),
    (b"\xff\xff\xff\xff\1\0\0\0\1", "longer than any frame"),
    (struct.pack(">IBI", 5 + DATA_MAX + 1, STDOUT, 1), "too much data"),
    (frame(0, 1), "kind 0"),
    (frame(7, 1), "kind 7"),
    (frame(WINDOW, 1, b"\0\0\0"), "a short window"),
    (frame(WINDOW, 1, b"\0\0\0\0\1"), "a long window"),
    (frame(CONTROL, 1), "no JSON"),
    (frame(CONTROL, 1, b"{"), "half JSON"),
    (frame(CONTROL, 1, b"[]"), "no object"),
    (frame(CONTROL, 1, b'{"type":"exit","code":0}x'), "more than one value"),
    (frame(CONTROL, 1, b'{"type":"nonsense"}'), "an unknown type"),
    (frame(CONTROL, 1, b'{"code":0}'), "no type"),
    (message(1, "exec", argv=["x"]), "the keeper's words"),
    (message(1, "signal", signal="TERM"), "the keeper's words"),
    (message(1, "kill"), "the keeper's words"),
    (frame(STDIN, 1, b"x"), "stdin from the agent"),
    (frame(STDOUT, 0, b"x"), "output of the link"),
    (frame(STDOUT, 77, b"x"), "output of nobody"),
    (frame(WINDOW, 77, ONE), "credit for nobody"),
    (message(77, "started", **STARTED), "started for nobody"),
    (message(77, "exit", **EXIT), "exit of nobody"),
    (message(0, "exit", **EXIT), "exit of the link"),
    (frame(PTY, 1, b"x"), "a terminal's output where there is none"),
    (message(1, "exit", code=0, signal="KILL"), "code and signal"),
    (message(1, "exit"), "neither code nor signal"),
    (message(1, "exit", code=256), "no code"),
    (message(1, "exit", code=-1), "no code"),
    (message(1, "exit", signal="BOGUS"), "no signal"),
    (message(1, "exit", code="0"), "a text for a code"),
    (frame(CONTROL, 1, b'{"type":"exit","code":0,"code":1}'), "twice"),
    (message(1, "exit", code=0, more=1), "an unknown member"),
    (message(1, "started", pid=0), "no pid"),
    (message(1, "refused", reason="whim", text="no"), "no reason"),
    (message(1, "refused", reason="limit", text="x" * 600), "a long text"),
    (HELLO, "hello again"),
]
ENDS = frame(STDOUT, 1) + frame(STDERR, 1)
STATES = {
    # What an agent may not say in a state, besides.
    "silent": [
        (message(1, "hello", protocol=1, version="x"), "hello on a stream"),
        (message(0, "hello", protocol=2, version="x"), "another protocol"),
        (message(1, "started", **STARTED), "before hello"),
        (frame(STDOUT, 1, b"x"), "before hello"),
        (frame(WINDOW, 0, ONE), "before hello"),
    ],
    "waiting": [
        (message(1, "started", **STARTED), "not sent yet"),
        (message(1, "refused", **REFUSED), "not sent yet"),
        (frame(STDOUT, 1, b"x"), "not sent yet"),
    ],
    "starting": [
        (frame(STDOUT, 1, b"x"), "not started"),
        (frame(STDERR, 1), "not started"),
        (frame(WINDOW, 1, ONE), "not started"),
        (message(1, "exit", **EXIT), "not started"),
    ],
    "running": [
        (message(1, "started", **STARTED), "started again"),
        (message(1, "refused", **REFUSED), "refused after started"),
        (message(1, "exit", **EXIT), "exit before the ends"),
        (frame(STDOUT, 1) + message(1, "exit", **EXIT), "one end of two"),
        (frame(STDOUT, 1) + frame(STDOUT, 1, b"x"), "behind the end"),
        (frame(STDERR, 1) + frame(STDERR, 1), "two ends"),
        (frame(WINDOW, 1, ONE), "credit that was not used"),
        (frame(WINDOW, 1, b"\0\0\0\0"), "credit of nothing"),
        (frame(WINDOW, 1, b"\xff\xff\xff\xff"), "a flood of credit"),
    ],
    "ended": [
        (message(1, "exit", **EXIT), "exit again"),
        (message(1, "started", **STARTED), "started again"),
        (frame(STDOUT, 1, b"x"), "behind the exit"),
        (frame(WINDOW, 1, ONE), "behind the exit"),
    ],
    "refused": [
        (message(1, "refused", **REFUSED), "refused again"),
        (message(1, "started", **STARTED), "started after refused"),
        (frame(STDOUT, 1, b"x"), "behind the refusal"),
    ],
}


def bring_to(state):
    """A keeper whose exec 1 is in this state, and who started it."""
    keeper = new(ready=state not in ("silent", "waiting"))
    gate = keeper.gate()
    gate.say(1, "start", argv=["x"])
    if state in ("silent", "waiting"):
        gate.say(2, "detach")
        wait_for(lambda: asks(gate), "the start")
        return keeper, gate
    keeper.agent.frame()
    if state == "refused":
        keeper.agent.say(1, "refused", **REFUSED)
        gate.hear("refused", 1)
    elif state != "starting":
        keeper.agent.say(1, "started", **STARTED)
        gate.hear("started", 1)
    if state == "ended":
        keeper.agent.ends(1)
        Reader(gate).read()
    return keeper, gate


def asks(gate):
    gate.say(9, "attach", exec="abc-99999")
    return gate.hear("refused", 9)["code"] == "not_found"


def survives(keeper, gate, state, because):
    """The link is closed, what ran is lost, the keeper serves on."""
    assert keeper.agent.is_closed(5), because
    if state in ("silent", "waiting", "starting"):
        assert gate.hear("refused", 1)["code"] == "state", because
    elif state == "running":
        end = Reader(gate)
        end.take = lambda kind, payload: note(end, kind, payload)
        assert end.read().exit["reason"] == "lost", because
    assert asks(gate), because
    wait_for(lambda: keeper.text().count("link closed") == 1, "log")
    assert keeper.process.poll() is None, because
    LIVE.remove(keeper)
    keeper.stop()


def note(reader, kind, payload):
    if kind == CONTROL:
        body = json.loads(payload)
        if body["type"] == "exit":
            reader.exit = body


def a_lying_agent_ends_its_own_link_alone():
    for state, rows in STATES.items():
        for raw, because in rows + BROKEN:
            if state in ("silent", "waiting") and raw == HELLO:
                continue
            keeper, gate = bring_to(state)
            try:
                keeper.agent.send(raw)
            except (BrokenPipeError, ConnectionResetError):
                pass
            survives(keeper, gate, state, (state, because))


def a_cut_off_agent_is_lost_at_every_byte():
    whole = (message(1, "started", **STARTED) + frame(STDOUT, 1, b"abc")
             + ENDS + message(1, "exit", **EXIT))
    for cut in list(range(0, len(whole), 5)) + [len(whole) - 1]:
        keeper, gate = bring_to("starting")
        keeper.agent.send(whole[:cut])
        keeper.agent.close()
        while True:
            kind, _, payload = gate.frame()
            body = json.loads(payload) if kind == CONTROL else {}
            if body.get("type") in ("exit", "refused"):
                break
        assert body.get("reason") == "lost" or body.get("code") == "state"
        assert asks(gate)
        LIVE.remove(keeper)
        keeper.stop()


def an_agent_that_sends_a_descriptor_is_closed():
    keeper, gate = bring_to("running")
    socket.send_fds(keeper.agent.sock, [frame(STDOUT, 1, b"x")], [NULL])
    survives(keeper, gate, "running", "a descriptor")


def noise_from_an_agent_never_kills():
    rng = random.Random(5)
    for _ in range(60):
        keeper, gate = bring_to(rng.choice(["running", "starting", "silent"]))
        raw = bytearray()
        for _ in range(rng.randrange(1, 40)):
            raw += frame(rng.randrange(0, 8), rng.choice([0, 1, 1, 1, 2]),
                         rng.randbytes(rng.randrange(0, 9)))
        for _ in range(rng.randrange(0, 4)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        try:
            keeper.agent.send(raw)
        except (BrokenPipeError, ConnectionResetError):
            pass
        keeper.agent.close()
        wait_for(lambda: asks_quietly(gate), "an answer")
        LIVE.remove(keeper)
        assert keeper.stop() is None


def asks_quietly(gate):
    gate.say(9, "attach", exec="abc-99999")
    while True:
        kind, stream, payload = gate.frame()
        if kind == CONTROL and stream == 9:
            return json.loads(payload)["code"] == "not_found"


# What closes a gate's connection.
FAULTS = [row for row in BROKEN[:8]] + [
    (frame(STDOUT, 1, b"x"), "output from a gate"),
    (frame(STDERR, 1), "output from a gate"),
    (frame(PTY, 1, b"x"), "output from a gate"),
    (frame(WINDOW, 1, ONE), "credit from a gate"),
    (frame(STDIN, 0, b"x"), "stdin of the connection"),
    (message(0, "start", argv=["x"]), "start on stream 0"),
    (message(0, "detach"), "detach of stream 0"),
    (message(1, "admit", principal="root", right="write"), "admit again"),
    (message(3, "admit", principal="root", right="write"), "admit again"),
    (message(1, "started", exec="abc-1", pid=1), "the keeper's words"),
    (message(1, "exit", code=0, reason="exited", duration_ms=0),
     "the keeper's words"),
    (frame(CONTROL, 1, b'{"type":"gap","stream":"stdout","from":0,"to":1}'),
     "the keeper's words"),
    (message(1, "taken"), "the keeper's words"),
    (message(1, "start", argv=["x"]), "a stream in use"),
    (message(1, "attach", exec="abc-1"), "a stream in use"),
]
# What is refused, and the connection goes on.
REFUSALS = [
    (frame(CONTROL, 2, b'{"type"'), "half JSON"),
    (frame(CONTROL, 2, b'{"type":"nonsense"}'), "an unknown type"),
    (message(2, "take"), "the manager's words"),
    (message(2, "start"), "no command"),
    (message(2, "start", argv=[]), "no argv"),
    (message(2, "start", argv=[""]), "an empty argv"),
    (message(2, "start", argv=["x"], command="x"), "two commands"),
    (message(2, "start", argv=["x"], stdin="maybe"), "no stdin"),
    (message(2, "start", argv=["x"], timeout_ms=0), "no time-out"),
    (message(2, "start", argv=["x\0y"]), "a NUL"),
    (message(2, "start", argv=["x"], env={"a=b": "c"}), "a bad name"),
    (message(2, "start", argv=["x"], right="write"), "an unknown member"),
    (frame(CONTROL, 2, b'{"type":"start","argv":["a"],"argv":["b"]}'),
     "twice"),
    (message(2, "attach", exec="abc-1", **{"from": {"stdout": 1 << 60}}),
     "an absurd offset"),
]


def a_lying_gate_is_closed_alone():
    keeper = new()
    owner = keeper.gate()
    number, _ = keeper.run(owner, stdin="open")
    at = 0
    for raw, because in FAULTS:
        gate = keeper.gate()
        gate.say(1, "attach", exec="abc-1", **{"from": "live"})
        gate.hear("attached", 1)
        try:
            gate.send(raw)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert gate.is_closed(5), because
        keeper.agent.data(STDOUT, number, pattern(at, 3))
        assert owner.frame() == (STDOUT, 1, pattern(at, 3)), because
        at += 3
    keeper.agent.hears_nothing()


def a_bad_request_is_refused_and_the_gate_goes_on():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    for raw, because in REFUSALS:
        gate.send(raw)
        try:
            refused = gate.hear("refused", 2)
        except EOFError:
            raise AssertionError(because)
        assert refused["code"] in ("invalid", "limit"), (because, refused)
        assert refused["text"], because
    keeper.agent.hears_nothing()
    keeper.agent.ends(number)
    Reader(gate).read()


def a_gate_cut_off_at_every_byte_is_forgotten():
    keeper = new(execs=1024)
    whole = message(1, "start", argv=["x"], stdin="open") + frame(
        STDIN, 1, b"abc") + message(1, "detach")
    for cut in range(0, len(whole), 3):
        gate = keeper.gate()
        gate.send(whole[:cut])
        gate.close()
    wait_for(lambda: asks(keeper.gate()), "an answer")


def a_gate_that_asks_and_does_not_read_is_closed():
    keeper = new()
    gate, other = keeper.gate(), keeper.gate()
    ask = message(2, "attach", exec="abc-9") * 1000
    gate.sock.settimeout(PATIENCE)
    try:
        for _ in range(2000):
            gate.send(ask)
        raise AssertionError("it was heard for ever")
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert asks(other)


def more_streams_than_the_limit_are_refused():
    keeper = new()
    gate = keeper.gate()
    keeper.run(gate)
    for stream in range(2, 1026):
        gate.say(stream, "attach", exec="abc-1")
        heard = gate.frame()
        body = json.loads(heard[2])
        assert body["type"] == ("attached" if stream < 1025 else "refused")
    assert body["code"] == "limit" and "1024" in body["text"], body


# What may not be the first thing said.
FIRST = [row for row in BROKEN[:8]] + [
    (message(1, "admit", principal="a", right="write"), "on a stream"),
    (message(1, "take"), "on a stream"),
    (message(0, "admit", right="write"), "nobody"),
    (message(0, "admit", principal="", right="write"), "nobody"),
    (message(0, "admit", principal="a", right="all"), "no right"),
    (message(0, "admit", principal="a"), "no right"),
    (message(0, "admit", principal="x" * 97, right="read"), "a long name"),
    (message(0, "admit", principal="a", right="read", exec_ms=-1), "no time"),
    (message(0, "take", now=True), "an unknown member"),
    (message(0, "stop"), "stop before take"),
    (message(0, "start", argv=["x"]), "start before admit"),
    (frame(STDIN, 0, b"x"), "data"),
]


def a_stranger_is_sent_away():
    keeper = new()
    for raw, because in FIRST:
        peer = keeper.connect()
        peer.send(raw)
        assert peer.is_closed(5), because
    os.chmod(keeper.dir, 0o755)
    os.chmod(keeper.path, 0o777)
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        os.setresuid(65534, 65534, 65534)
        peer = keeper.connect()
        try:
            peer.say(0, "admit", principal="a", right="write")
            closed = peer.is_closed(5)
        except BrokenPipeError:
            closed = True
        theirs.send(b"y" if closed else b"n")
        os._exit(0)
    theirs.close()
    answer = ours.recv(1)
    os.waitpid(pid, 0)
    assert answer == b"y"
    assert "65534" in keeper.text()
    assert asks(keeper.gate())


def who_says_nothing_is_sent_away_in_time():
    keeper = new()
    silent = [keeper.connect() for _ in range(3)]
    begin = time.monotonic()
    late = keeper.connect()
    late.send(message(0, "take")[:12])
    for peer in silent + [late]:
        assert peer.is_closed(10)
    assert 4 < time.monotonic() - begin < 9
    assert asks(keeper.gate())


def more_silent_connections_than_the_limit_are_sent_away():
    keeper = new()
    crowd = [keeper.connect() for _ in range(256)]
    wait_for(lambda: keeper.connect().is_closed(0.05), "the limit")
    for peer in crowd:
        peer.close()
    wait_for(lambda: welcomes(keeper), "room")


def more_attachments_than_the_limit_are_sent_away():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    keeper = new()
    crowd = [keeper.gate() for _ in range(2048)]
    assert asks(crowd[-1])
    assert keeper.gate().is_closed()
    wait_for(lambda: "2048" in keeper.text(), "the log")
    crowd.pop().close()
    wait_for(lambda: welcomes(keeper), "room")
    for gate in crowd:
        gate.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def without_descriptors_nobody_gets_in_and_nothing_breaks():
    keeper = new(files=40)
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    crowd = []
    wait_for(lambda: crowd.append(keeper.connect()) or
             "no descriptors" in keeper.text(), "the last descriptor")
    keeper.agent.data(STDOUT, number, pattern(0, 10))
    for peer in crowd:
        peer.close()
    # The spool had no descriptor either; it has one now.
    assert Reader(gate).read(10).at[STDOUT] == 10
    wait_for(lambda: welcomes(keeper), "room")


def welcomes(keeper):
    try:
        return asks(keeper.gate())
    except (EOFError, BrokenPipeError):
        return False


def a_broken_manager_is_sent_away_and_another_taken():
    for raw, because in BROKEN[:8] + [
            (message(0, "take"), "take again"),
            (message(0, "state", configured=True, ready=True, running=0),
             "the keeper's words"),
            (message(0, "cgroup"), "no descriptor"),
            (message(0, "configure", execs=0, output=1), "no limit"),
            (message(1, "stop"), "on a stream"),
            (frame(STDIN, 0, b"x"), "data")]:
        keeper = new()
        keeper.manager.send(raw)
        assert keeper.manager.is_closed(5), because
        again = keeper.take()
        assert again.hear("state")["ready"] is True
        gate = keeper.gate()
        keeper.run(gate)
        LIVE.remove(keeper)
        assert keeper.stop() is None


main([value for value in list(globals().values())
      if callable(value) and getattr(value, "__module__", "") == "__main__"
      and value.__name__ not in ("asks", "asks_quietly", "bring_to", "note",
                                 "survives", "welcomes")])
