#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The real keeper and the real agent together, without a sandbox."""
import hashlib
import json
import os
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from keeper_harness import *  # noqa: E402,F403

MIB = 1 << 20
AGENTS = []


def together(**members):
    """A keeper whose agent is the program, first of its pid namespace."""
    keeper = new(configure=False, ready=False, **members)
    link = keeper.agent.sock.fileno()

    def place():
        os.dup2(link, 3, inheritable=True)

    agent = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--mount-proc",
         os.path.join(BIN, "sallyport-agent")], close_fds=False,
        stdin=NULL, stdout=NULL, stderr=open(keeper.log, "ab"),
        preexec_fn=place)
    keeper.agent.close()
    AGENTS.append(agent)
    keeper.manager.say(0, "configure", env={"PATH": "/usr/bin:/bin"},
                       user="root", cwd="/", execs=64, output=64 * MIB)
    keeper.manager.hear("ready")
    return keeper


def start(gate, stream=1, **members):
    gate.say(stream, "start", **members)
    return gate.hear("started", stream)


def collect(gate, stream=1):
    """All output and the exit of one stream."""
    out, end = {STDOUT: b"", STDERR: b""}, None
    while end is None:
        kind, on, payload = gate.frame()
        if on != stream or kind == WINDOW:
            continue
        if kind == CONTROL:
            end = json.loads(payload)
            assert end["type"] == "exit", end
        else:
            out[kind] += payload
    return out[STDOUT], out[STDERR], end


def shell(gate, script, **members):
    start(gate, argv=["/bin/sh", "-c", script], **members)
    return collect(gate)


def codes_and_signals_are_what_happened():
    gate = together().gate()
    for code in (0, 1, 2, 126, 127, 255):
        out, err, end = shell(gate, "echo out; echo err >&2; exit %d" % code)
        assert (out, err) == (b"out\n", b"err\n")
        assert end["code"] == code and end["reason"] == "exited", end
    for name in ("HUP", "INT", "KILL", "TERM", "SEGV", "USR1"):
        _, _, end = shell(gate, "kill -%s $$" % name)
        assert end["signal"] == name and end["reason"] == "signaled", end
        assert "code" not in end


def what_cannot_start_is_refused_with_its_reason():
    keeper = together()
    gate = keeper.gate()
    for members, code in (
            ({"argv": ["/no/such/program"]}, "not_found"),
            ({"argv": ["/etc/passwd"]}, "not_executable"),
            ({"argv": ["true"], "cwd": "/no/such"}, "bad_cwd"),
            ({"argv": ["true"], "user": "nobody-at-all"}, "no_user")):
        gate.say(1, "start", **members)
        assert gate.hear("refused", 1)["code"] == code, members
    keeper.manager.hears_nothing()


def time_outs_kill_the_whole_tree():
    gate = together().gate(exec_ms=700)
    script = ("(setsid sleep 71.5 & setsid sh -c 'sleep 71.5 & wait' & wait)"
              " & sleep 71.5")
    begin = time.monotonic()
    _, _, end = shell(gate, script)
    assert end["signal"] == "KILL" and end["reason"] == "timeout", end
    assert time.monotonic() - begin < 5
    out, _, _ = shell(gate, "ps ax | grep -c '[s]leep 71.5'")
    assert out == b"0\n", out


def a_background_child_does_not_hold_the_end():
    gate = together().gate()
    begin = time.monotonic()
    out, _, end = shell(gate, "sleep 100 & echo hi")
    assert out == b"hi\n" and end["code"] == 0
    assert time.monotonic() - begin < 3


def a_gibibyte_out_is_whole():
    gate = together().gate()
    size = 1024 * MIB
    start(gate, argv=["/bin/sh", "-c",
                      "head -c %d /dev/zero | tr '\\0' x" % size])
    got, begin = 0, time.monotonic()
    while True:
        kind, _, payload = gate.frame()
        if kind == CONTROL:
            break
        if kind == STDOUT:
            assert payload == b"x" * len(payload)
            got += len(payload)
    assert got == size, got
    print("# %.2f GB/s" % (size / (time.monotonic() - begin) / 1e9))


def input_and_output_are_the_same_bytes():
    gate = together().gate()
    size = 64 * MIB
    start(gate, argv=["/bin/cat"], stdin="open")
    join = in_thread(collect_cat, gate, size)
    join()


def collect_cat(gate, size):
    """Feed cat within its credit while reading it back."""
    sent, credit = 0, WINDOW_STDIN
    reader = Reader(gate)
    ended = False
    while reader.exit is None:
        while sent < size and credit > 0:
            part = min(size - sent, credit, DATA_MAX)
            gate.data(STDIN, 1, pattern(sent, part))
            sent += part
            credit -= part
        if sent == size and not ended:
            gate.data(STDIN, 1)
            ended = True
        kind, _, payload = gate.frame()
        if kind == WINDOW:
            credit += struct.unpack(">I", payload)[0]
        else:
            reader.take(kind, payload)
    assert reader.at[STDOUT] == size and reader.exit["code"] == 0


def given_input_arrives():
    gate = together().gate()
    start(gate, argv=["/usr/bin/sha256sum"], stdin={"data": "x" * 100000})
    out, _, _ = collect(gate)
    assert out.split()[0].decode() == hashlib.sha256(
        b"x" * 100000).hexdigest()


def tied_input_ends_with_the_gate():
    keeper = together()
    gate, other = keeper.gate(), keeper.gate()
    start(gate, argv=["/bin/cat"], stdin="open", tied=True)
    other.say(1, "attach", exec="abc-1")
    other.hear("attached", 1)
    gate.close()
    assert collect(other)[2]["code"] == 0


def signals_reach_the_command():
    gate = together().gate()
    start(gate, argv=["/bin/sh", "-c",
                      "trap 'echo caught; exit 5' TERM; echo ready; "
                      "while :; do sleep 0.01; done"])
    assert gate.frame() == (STDOUT, 1, b"ready\n")
    gate.say(1, "signal", signal="TERM")
    gate.hear("taken", 1)
    out, _, end = collect(gate)
    assert out == b"caught\n" and end["code"] == 5, (out, end)


def a_slow_owner_slows_the_command_and_loses_nothing():
    keeper = together()
    gate = keeper.gate()
    size = 200 * MIB
    gate.say(1, "start", argv=["/bin/sh", "-c",
                               "head -c %d /dev/zero; echo end >&2" % size])
    time.sleep(1)
    gate.hear("started", 1)
    file = os.path.join(keeper.spool, "1")
    assert os.stat(file).st_size <= 64 * MIB + 32
    got = 0
    while True:
        kind, _, payload = gate.frame()
        if kind == CONTROL:
            break
        got += len(payload) if kind == STDOUT else 0
    end = json.loads(payload)
    assert end["type"] == "exit" and end["code"] == 0, end
    assert got == size, got


def fifty_at_once_all_end_right():
    gate = together().gate()
    for stream in range(1, 51):
        gate.say(stream, "start",
                 argv=["/bin/sh", "-c", "head -c 100000 /dev/zero; exit %d"
                       % stream])
    got, codes = {}, {}
    while len(codes) < 50:
        kind, stream, payload = gate.frame()
        if kind == STDOUT:
            got[stream] = got.get(stream, 0) + len(payload)
        elif kind == CONTROL:
            body = json.loads(payload)
            if body["type"] == "exit":
                codes[stream] = body["code"]
    assert codes == {stream: stream for stream in range(1, 51)}
    assert all(size == 100000 for size in got.values())


def the_agents_death_is_lost():
    keeper = together()
    gate = keeper.gate()
    start(gate, argv=["/bin/sleep", "100"])
    kill(AGENTS[-1])
    _, _, end = collect(gate)
    assert end["reason"] == "lost", end


def starts_are_quick():
    gate = together().gate()
    times = []
    for _ in range(100):
        begin = time.monotonic()
        start(gate, argv=["/bin/true"])
        collect(gate)
        times.append(time.monotonic() - begin)
    print("# start to exit: median %.2f ms"
          % (sorted(times)[len(times) // 2] * 1e3))


def kill(agent):
    """The program itself; what started it ends with it."""
    path = "/proc/%d/task/%d/children" % (agent.pid, agent.pid)
    with open(path, encoding="ascii") as file:
        for child in file.read().split():
            os.kill(int(child), signal.SIGKILL)
    agent.wait()


def end_agents():
    for agent in AGENTS:
        if agent.poll() is None:
            kill(agent)


try:
    main([value for value in list(globals().values())
          if callable(value)
          and getattr(value, "__module__", "") == "__main__"
          and value.__name__ not in ("together", "start", "collect", "shell",
                                     "collect_cat", "kill", "end_agents")])
finally:
    end_agents()
