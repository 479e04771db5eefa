#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The life of commands and connections in a keeper."""
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from keeper_harness import *  # noqa: E402,F403


def a_command_starts_writes_and_exits_in_order():
    keeper = new()
    gate = keeper.gate()
    number, told = keeper.run(gate, 5, argv=["echo", "x"], env={"B": "own"},
                              name="greeting")
    assert number == 1
    assert told == {"type": "exec", "argv": ["echo", "x"],
                    "cwd": "/workspace", "user": "alice",
                    "env": {"A": "task", "B": "own"}}, told
    started = keeper.manager.hear("started")
    assert started == {"exec": "abc-1", "principal": "ann",
                       "what": "echo x"}, started
    keeper.agent.data(STDOUT, number, b"out")
    keeper.agent.data(STDERR, number, b"err")
    keeper.agent.ends(number, code=3)
    assert gate.frame() == (STDOUT, 5, b"out")
    assert gate.frame() == (STDERR, 5, b"err")
    assert gate.frame() == (STDOUT, 5, b"")
    assert gate.frame() == (STDERR, 5, b"")
    end = gate.hear("exit", 5)
    assert end["code"] == 3 and end["reason"] == "exited", end
    assert "signal" not in end and end["duration_ms"] < 60000, end
    ended = keeper.manager.hear("ended")
    assert ended["exec"] == "abc-1", ended
    keeper.run(gate, 5)


def the_defaults_yield_to_what_the_command_names():
    keeper = new()
    gate = keeper.gate()
    _, told = keeper.run(gate, 1, command="make", user="bob", cwd="/src",
                         timeout_ms=5000)
    assert told["user"] == "bob" and told["cwd"] == "/src", told
    assert "timeout_ms" not in told, told
    assert told["env"] == {"A": "task", "B": "task"}, told


def a_refusal_of_the_agent_is_passed_on_and_forgotten():
    keeper = new()
    gate = keeper.gate()
    gate.say(1, "start", argv=["nope"])
    _, stream, _ = keeper.agent.frame()
    keeper.agent.say(stream, "refused", reason="not_found",
                     text="no such file: nope")
    refused = gate.hear("refused", 1)
    assert refused == {"code": "not_found",
                       "text": "no such file: nope"}, refused
    gate.say(1, "attach", exec="abc-1")
    assert gate.hear("refused", 1)["code"] == "not_found"
    keeper.manager.hears_nothing()


def a_start_waits_for_the_agent():
    keeper = new(ready=False)
    gate = keeper.gate()
    gate.say(1, "start", argv=["one"])
    gate.say(2, "start", argv=["two"])
    gate.hears_nothing()
    keeper.agent.hello()
    keeper.manager.hear("ready")
    assert keeper.agent.runs()[1]["argv"] == ["one"]
    assert keeper.agent.runs()[1]["argv"] == ["two"]
    gate.hear("started", 1)
    gate.hear("started", 2)


def a_start_before_configure_and_after_the_loss_is_refused():
    keeper = new(configure=False)
    gate = keeper.gate()
    gate.say(1, "start", argv=["x"])
    assert gate.hear("refused", 1)["code"] == "state"
    keeper = new(ready=False)
    gate = keeper.gate()
    gate.say(1, "start", argv=["x"])
    keeper.manager.hears_nothing()
    keeper.agent.close()
    assert gate.hear("refused", 1)["code"] == "state"
    keeper.manager.hear("lost")
    gate.say(2, "start", argv=["x"])
    assert gate.hear("refused", 2)["code"] == "state"


def every_end_has_its_reason():
    keeper = new()
    gate = keeper.gate()
    cases = [
        ({"code": 0}, {"code": 0, "reason": "exited"}),
        ({"code": 255}, {"code": 255, "reason": "exited"}),
        ({"signal": "TERM"}, {"signal": "TERM", "reason": "signaled"}),
        ({"signal": "SEGV", "core": True},
         {"signal": "SEGV", "core": True, "reason": "signaled"}),
        ({"signal": "KILL"}, {"signal": "KILL", "reason": "signaled"}),
    ]
    for said, want in cases:
        number, _ = keeper.run(gate)
        keeper.agent.ends(number, rusage={"user_ms": 1, "system_ms": 2,
                                          "max_rss": 4096}, **said)
        end = Reader(gate).read().exit
        for key in ("type", "duration_ms"):
            del end[key]
        assert end.pop("rusage") == {"user_ms": 1, "system_ms": 2,
                                     "max_rss": 4096}
        assert end == want, (end, want)


def an_oom_kill_is_told_from_other_kills():
    keeper = new()
    gate = keeper.gate()
    counter = os.path.join(keeper.dir, "oom")

    def count(text):
        with open(counter, "w", encoding="ascii") as file:
            file.write(text)

    count("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")
    fd = os.open(counter, os.O_RDONLY)
    socket.send_fds(keeper.manager.sock, [message(0, "cgroup")], [fd])
    os.close(fd)
    for after, signals, want in (
            ("4", False, "signaled"), ("6", False, "oom"),
            ("9", True, "signaled")):
        number, _ = keeper.run(gate)
        if signals:
            gate.say(1, "signal", signal="KILL", tree=True)
            gate.hear("taken", 1)
            keeper.agent.hear("signal", number)
        count("low 0\noom_kill %s\noom_group_kill 0\n" % after)
        keeper.agent.ends(number, signal="KILL")
        end = Reader(gate).read().exit
        assert end["reason"] == want, (end, after)
    assert end["oom_kills"] == 3, end


def a_time_out_kills_and_says_so():
    keeper = new()
    gate = keeper.gate(exec_ms=150, exec_ms_max=1000)
    begin = time.monotonic()
    number, _ = keeper.run(gate)
    assert keeper.agent.hear("kill", number) == {}
    assert 0.14 <= time.monotonic() - begin < 3
    keeper.agent.ends(number, signal="KILL")
    end = Reader(gate).read().exit
    assert end["signal"] == "KILL" and end["reason"] == "timeout", end
    assert 140 <= end["duration_ms"] < 3000, end
    # A command's own time-out comes before the principal's.
    number, _ = keeper.run(gate, timeout_ms=30)
    keeper.agent.hear("kill", number)
    keeper.agent.ends(number, code=137)
    assert Reader(gate).read().exit["reason"] == "timeout"
    # It had ended well before the kill came.
    number, _ = keeper.run(gate, timeout_ms=30)
    keeper.agent.hear("kill", number)
    keeper.agent.ends(number, code=0)
    assert Reader(gate).read().exit["reason"] == "exited"


def time_outs_of_many_come_in_their_order():
    keeper = new()
    gate = keeper.gate()
    order = {}
    for stream, timeout in enumerate((400, 100, 250, 700, 550), 1):
        number, _ = keeper.run(gate, stream, timeout_ms=timeout)
        order[number] = timeout
    came = []
    for _ in order:
        kind, stream, payload = keeper.agent.frame()
        assert json.loads(payload)["type"] == "kill"
        came.append(order[stream])
    assert came == sorted(came), came


def a_time_out_over_the_maximum_is_refused_by_name():
    keeper = new()
    gate = keeper.gate(exec_ms=100, exec_ms_max=2000)
    gate.say(1, "start", argv=["x"], timeout_ms=2001)
    refused = gate.hear("refused", 1)
    assert refused["code"] == "limit", refused
    for word in ("timeout_ms", "2001", "2000"):
        assert word in refused["text"], refused
    keeper.agent.hears_nothing()


def more_commands_than_the_limit_are_refused_by_name():
    keeper = new(execs=3)
    gate = keeper.gate()
    for stream in (1, 2, 3):
        number, _ = keeper.run(gate, stream)
    gate.say(4, "start", argv=["x"])
    refused = gate.hear("refused", 4)
    assert refused["code"] == "limit", refused
    assert "limits.execs" in refused["text"] and "3" in refused["text"]
    keeper.agent.ends(number)
    Reader(gate, 3).read()
    keeper.run(gate, 4)


def an_environment_over_the_limit_is_refused_by_name():
    keeper = new()
    gate = keeper.gate()
    gate.say(1, "start", argv=["x"],
             env={"V%d" % i: "x" for i in range(255)})
    refused = gate.hear("refused", 1)
    assert refused["code"] == "limit" and "257" in refused["text"], refused
    gate.say(1, "start", argv=["x"],
             env={"V%d" % i: "x" * 30000 for i in range(8)})
    number, told = keeper.agent.runs()
    gate.hear("started", 1)
    keeper.manager.say(0, "configure", env={"L%d" % i: "x" * 30000
                                            for i in range(4)},
                       user="alice", cwd="/", execs=9, output=1 << 20)
    wait_for(lambda: "refused" in ask_big(gate), "configure")


def ask_big(gate):
    gate.say(2, "start", argv=["x"],
             env={"V%d" % i: "x" * 30000 for i in range(8)})
    kind, _, payload = gate.frame()
    body = json.loads(payload)
    if body["type"] == "refused":
        assert body["code"] == "limit", body
    return body["type"]


def fifty_commands_at_once_keep_apart():
    keeper = new()
    gate = keeper.gate()
    rng = random.Random(3)
    numbers, left, sent = {}, {}, {}
    for stream in range(1, 51):
        number, _ = keeper.run(gate, stream)
        numbers[number] = stream
        left[number] = rng.randrange(0, 200000)
        sent[number] = 0
    readers = {s: Reader(gate, s) for s in numbers.values()}

    def drain():
        while any(r.exit is None for r in readers.values()):
            kind, stream, payload = gate.frame()
            readers[stream].take(kind, payload)

    join = in_thread(drain)
    live = list(numbers)
    while live:
        number = rng.choice(live)
        part = min(left[number], rng.randrange(1, 9000))
        if part:
            keeper.agent.data(STDOUT, number, pattern(sent[number], part))
            sent[number] += part
            left[number] -= part
        else:
            keeper.agent.ends(number, code=number % 256)
            live.remove(number)
    join()
    for number, stream in numbers.items():
        assert readers[stream].at[STDOUT] == sent[number]
        assert readers[stream].exit["code"] == number % 256
        assert readers[stream].ended == {STDOUT, STDERR}


def five_hundred_commands_in_a_row():
    keeper = new()
    gate = keeper.gate()
    for count in range(500):
        number, _ = keeper.run(gate)
        keeper.agent.data(STDOUT, number, pattern(0, 10))
        keeper.agent.ends(number, code=count % 256)
        end = Reader(gate).read()
        assert end.exit["code"] == count % 256 and end.at[STDOUT] == 10
    # Only the last ones are remembered, and on disk.
    files = os.listdir(keeper.spool)
    assert files.pop(files.index("journal"))
    assert len(files) == 256 and "500" in files and "1" not in files
    gate.say(1, "attach", exec="abc-244")
    assert gate.hear("refused", 1)["code"] == "not_found"
    gate.say(1, "attach", exec="abc-245")
    assert gate.hear("attached", 1)["running"] is False
    assert Reader(gate).read().exit["code"] == 244


def signals_go_to_the_agent_and_are_answered():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    gate.say(1, "signal", signal="TERM")
    assert gate.hear("taken", 1) == {}
    assert keeper.agent.hear("signal", number) == {"signal": "TERM"}
    gate.say(1, "signal", signal="HUP", tree=True)
    gate.hear("taken", 1)
    assert keeper.agent.hear("signal", number)["tree"] is True
    gate.say(1, "signal", signal="NONSENSE")
    assert gate.hear("refused", 1)["code"] == "invalid"
    keeper.agent.ends(number, signal="TERM")
    assert Reader(gate).read().exit["reason"] == "signaled"


def a_signal_to_what_has_ended_is_refused():
    keeper = new(output=8 << 20)
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    # More than the socket takes: the stream stays open behind the exit.
    keeper.agent.write(number, 0, 4 << 20)
    keeper.agent.ends(number)
    keeper.manager.hear("started")
    keeper.manager.hear("ended")
    gate.say(1, "signal", signal="TERM")
    reader, refused = Reader(gate), []
    while reader.exit is None:
        kind, stream, payload = gate.frame()
        if kind == CONTROL and json.loads(payload)["type"] == "refused":
            refused.append(json.loads(payload))
        else:
            reader.take(kind, payload)
    assert [r["code"] for r in refused] == ["state"], refused
    assert reader.at[STDOUT] == 4 << 20
    # On a free stream it crossed with the end, and is ignored.
    gate.say(1, "signal", signal="TERM")
    gate.say(1, "detach")
    gate.data(STDIN, 1, b"late")
    gate.hears_nothing()


def a_reader_may_only_read():
    keeper = new()
    gate, reader = keeper.gate(), keeper.gate("bob", "read")
    number, _ = keeper.run(gate, stdin="open")
    reader.say(1, "start", argv=["x"])
    assert reader.hear("refused", 1)["code"] == "denied"
    reader.say(1, "attach", exec="abc-1")
    reader.hear("attached", 1)
    reader.say(1, "signal", signal="KILL")
    assert reader.hear("refused", 1)["code"] == "denied"
    reader.data(STDIN, 1, b"mischief")
    assert reader.hear("refused", 1)["code"] == "denied"
    reader.data(STDIN, 1, b"")
    reader.hears_nothing()
    keeper.agent.hears_nothing()
    # Nothing else was touched: it still reads, and the owner still feeds.
    gate.data(STDIN, 1, b"in")
    assert keeper.agent.frame() == (STDIN, number, b"in")
    keeper.agent.data(STDOUT, number, pattern(0, 5))
    keeper.agent.ends(number)
    assert Reader(reader).read().at[STDOUT] == 5
    assert Reader(gate).read().at[STDOUT] == 5


def a_lost_sandbox_ends_all_as_lost():
    keeper = new()
    gate = keeper.gate()
    first, _ = keeper.run(gate, 1)
    keeper.run(gate, 2)
    keeper.agent.data(STDOUT, first, pattern(0, 100))
    gate.say(3, "start", argv=["never", "started"])
    keeper.agent.frame()
    keeper.agent.close()
    ends = {1: Reader(gate, 1), 2: Reader(gate, 2)}
    refused = None
    while refused is None or any(r.exit is None for r in ends.values()):
        kind, stream, payload = gate.frame()
        if stream == 3:
            refused = json.loads(payload)
        else:
            ends[stream].take(kind, payload)
    assert refused["type"] == "refused" and refused["code"] == "state"
    assert ends[1].at[STDOUT] == 100
    for reader in ends.values():
        assert reader.exit["reason"] == "lost", reader.exit
        assert "code" not in reader.exit and "signal" not in reader.exit
        assert reader.ended == {STDOUT, STDERR}
    heard = [keeper.manager.frame() for _ in range(5)]
    kinds = [json.loads(payload)["type"] for _, _, payload in heard]
    assert sorted(kinds) == ["ended", "ended", "lost", "started", "started"]
    assert kinds[-1] == "lost"
    # What was written can still be read.
    gate.say(1, "attach", exec="abc-1")
    gate.hear("attached", 1)
    assert Reader(gate).read().at[STDOUT] == 100


def an_ending_task_ends_all_as_killed():
    keeper = new()
    gate = keeper.gate()
    keeper.run(gate, 1)
    second, _ = keeper.run(gate, 2)
    keeper.manager.say(0, "ending")
    wait_for(lambda: asks(gate) == "state", "ending")
    keeper.agent.ends(second, signal="KILL")
    assert Reader(gate, 2).read().exit["reason"] == "killed"
    keeper.agent.close()
    end = Reader(gate, 1).read().exit
    assert end["reason"] == "killed" and end["signal"] == "KILL", end


def asks(gate):
    """What a command too many is refused with."""
    gate.say(9, "start", argv=["x"], env={"V%d" % i: "" for i in range(256)})
    return gate.hear("refused", 9)["code"]


def a_stop_flushes_and_ends_well():
    keeper = new()
    gate, idle = keeper.gate(), keeper.gate()
    number, _ = keeper.run(gate)
    keeper.manager.hear("started")
    keeper.agent.write(number, 0, 3 << 20)
    keeper.manager.say(0, "stop")
    reader = Reader(gate).read()
    assert reader.at[STDOUT] == 3 << 20
    assert reader.exit["reason"] == "killed"
    assert gate.is_closed() and idle.is_closed()
    keeper.manager.hear("ended")
    keeper.manager.hear("lost")
    keeper.manager.hear("stopped")
    assert keeper.manager.is_closed()
    assert keeper.process.wait(PATIENCE) == 0
    LIVE.remove(keeper)
    keeper.stop()


def a_stop_does_not_wait_for_a_reader_that_does_not_read():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    keeper.manager.hear("started")
    keeper.agent.write(number, 0, 8 << 20)
    begin = time.monotonic()
    keeper.manager.say(0, "stop")
    assert keeper.process.wait(PATIENCE) == 0
    assert 0.5 < time.monotonic() - begin < 5
    LIVE.remove(keeper)
    keeper.stop()


def the_manager_may_die_and_another_take_over():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    keeper.manager.close()
    keeper.agent.data(STDOUT, number, pattern(0, 10))
    assert gate.frame() == (STDOUT, 1, pattern(0, 10))
    keeper.run(gate, 2)
    second = keeper.take()
    assert second.hear("state") == {"configured": True, "ready": True,
                                    "running": 2}
    third = keeper.take()
    third.hear("state")
    assert second.is_closed()
    keeper.agent.ends(number)
    assert third.hear("ended")["exec"] == "abc-1"


def gates_may_die_and_commands_go_on():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate, stdin="open")
    gate.close()
    keeper.agent.data(STDOUT, number, pattern(0, 10))
    other = keeper.gate()
    other.say(4, "attach", exec="abc-1", **{"from": {"stdout": 4}})
    attached = other.hear("attached", 4)
    assert attached == {"exec": "abc-1", "stdout": 4, "stderr": 0,
                        "running": True, "stdin": 0}, attached
    keeper.agent.ends(number, code=9)
    reader = Reader(other, 4, 4).read()
    assert reader.at[STDOUT] == 10 and reader.exit["code"] == 9
    keeper.agent.hears_nothing()


def an_idle_keeper_is_small():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    keeper.agent.ends(number)
    Reader(gate).read()
    size = keeper.memory()
    print("# idle: %d KiB private" % (size >> 10))
    if "asan" not in os.popen("ldd %s/sallyport-keeper" % BIN).read():
        assert size < 1 << 20, size


main([value for value in list(globals().values())
      if callable(value) and getattr(value, "__module__", "") == "__main__"
      and value.__name__ not in ("asks", "ask_big")])
