#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Output through a keeper: spool, readers of every kind, credit, gaps."""
import ctypes
import json
import os
import random
import struct
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from keeper_harness import *  # noqa: E402,F403

KIB, MIB = 1 << 10, 1 << 20
SIZES = (0, 1, 2, 100, DATA_MAX - 1, DATA_MAX, DATA_MAX + 1, 300000, 5 * MIB)


def output_of_every_size_arrives_whole():
    keeper = new()
    gate = keeper.gate()
    for size in SIZES:
        number, _ = keeper.run(gate)
        join = in_thread(keeper.agent.write, number, 0, size)
        reader = Reader(gate).read(size)
        join()
        keeper.agent.ends(number)
        reader.read()
        assert reader.at[STDOUT] == size and reader.gaps == []


def two_streams_of_64_mib_lose_and_swap_nothing():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    size = 64 * MIB

    def write():
        for at in range(0, size, DATA_MAX):
            keeper.agent.write(number, at, DATA_MAX)
            keeper.agent.write(number, at, DATA_MAX, STDERR)
        keeper.agent.ends(number)

    join = in_thread(write)
    reader = Reader(gate).read()
    join()
    assert reader.at[STDOUT] == reader.at[STDERR] == size
    assert reader.gaps == []


def an_attach_at_any_offset_goes_on_at_the_byte():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    size = 24 * MIB
    rng = random.Random(11)
    join = in_thread(keeper.agent.write, number, 0, size)
    at, gate_at = 0, gate
    stream = 1
    while at < size:
        until = min(size, at + rng.randrange(1, 3 * MIB))
        reader = Reader(gate_at, stream, at)
        reader.read(until)
        # What was in flight is read again by the next one, from its byte.
        at = rng.randrange(max(at, reader.at[STDOUT] - 100000),
                           reader.at[STDOUT] + 1)
        gate_at.close()
        gate_at = keeper.gate()
        stream = rng.randrange(1, 1 << 32)
        gate_at.say(stream, "attach", exec="abc-1",
                    **{"from": {"stdout": at, "stderr": 0}})
        attached = gate_at.hear("attached", stream)
        assert attached["stdout"] == at and attached["running"], attached
    join()
    keeper.agent.ends(number)
    reader = Reader(gate_at, stream, at).read()
    assert reader.at[STDOUT] == size and reader.gaps == []


def detach_ends_a_stream_and_nothing_else():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    keeper.agent.data(STDOUT, number, pattern(0, 10))
    Reader(gate).read(10)
    gate.say(1, "detach")
    gate.hear("detached", 1)
    keeper.agent.data(STDOUT, number, pattern(10, 10))
    gate.hears_nothing()
    gate.say(1, "attach", exec="abc-1", **{"from": {"stdout": 10}})
    gate.hear("attached", 1)
    assert Reader(gate, 1, 10).read(20).at[STDOUT] == 20


def an_attach_replays_from_the_start_or_only_what_comes():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    keeper.agent.data(STDERR, number, b"one")
    keeper.agent.data(STDOUT, number, b"two")
    keeper.agent.data(STDERR, number, b"three")
    for want in (b"one", b"two", b"three"):
        assert gate.frame()[2] == want
    gate.say(2, "attach", exec="abc-1", **{"from": "start"})
    gate.say(3, "attach", exec="abc-1", **{"from": "live"})
    gate.say(4, "attach", exec="abc-1", **{"from": {"stderr": 4}})
    heard = {2: [], 3: [], 4: []}
    for _ in range(3 + 3 + 2):
        kind, stream, payload = gate.frame()
        if kind == CONTROL:
            body = json.loads(payload)
            heard[stream].append((body["stdout"], body["stderr"]))
        else:
            heard[stream].append((kind, payload))
    assert heard == {
        2: [(0, 0), (STDERR, b"one"), (STDOUT, b"two"), (STDERR, b"three")],
        3: [(3, 8)],
        4: [(0, 4), (STDOUT, b"two"), (STDERR, b"hree")]}, heard
    keeper.agent.data(STDOUT, number, b"!")
    assert sorted(gate.frame() for _ in range(4)) == [
        (STDOUT, stream, b"!") for stream in (1, 2, 3, 4)]


def an_attach_to_what_has_ended_replays_and_ends():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    keeper.agent.write(number, 0, MIB)
    keeper.agent.ends(number, code=4)
    Reader(gate).read()
    for offset in (0, 1, 65535, 65536, MIB - 1, MIB):
        gate.say(1, "attach", exec="abc-1", **{"from": {"stdout": offset}})
        assert gate.hear("attached", 1)["running"] is False
        reader = Reader(gate, 1, offset).read()
        assert reader.at[STDOUT] == MIB and reader.exit["code"] == 4
    gate.say(1, "attach", exec="abc-1", **{"from": "live"})
    assert gate.hear("attached", 1)["stdout"] == MIB
    reader = Reader(gate, 1, MIB).read()
    assert reader.ended == {STDOUT, STDERR} and reader.exit["code"] == 4


def an_attach_that_cannot_be_is_refused_by_name():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    keeper.agent.data(STDOUT, number, b"12345")
    gate.frame()
    rows = [
        ({"exec": "abc-1", "from": {"stdout": 6}}, "invalid", "stdout"),
        ({"exec": "abc-1", "from": {"stderr": 1}}, "invalid", "stderr"),
        ({"exec": "abc-1", "from": {"stdout": -1}}, "limit", "stdout"),
        ({"exec": "abc-1", "from": "middle"}, "invalid", "from"),
        ({"exec": "abc-2"}, "not_found", "abc-2"),
        ({"exec": "abd-1"}, "not_found", "abd-1"),
        ({"exec": "abc"}, "invalid", ""),
        ({"exec": "abc-0"}, "invalid", ""),
        ({"exec": "abc-4294967297"}, "invalid", ""),
        ({}, "not_found", "no terminal"),
        ({"exec": "abc-1", "more": 1}, "invalid", "more"),
    ]
    for members, code, word in rows:
        gate.say(2, "attach", **members)
        refused = gate.hear("refused", 2)
        assert refused["code"] == code, (members, refused)
        assert word in refused["text"], (members, refused)
    keeper.agent.data(STDOUT, number, b"6")
    assert gate.frame() == (STDOUT, 1, b"6")


def a_slow_reader_delays_nobody():
    keeper = new(output=64 * MIB)
    fast, slow = keeper.gate("ann"), keeper.gate("bob", "read")
    number, _ = keeper.run(fast)
    slow.say(1, "attach", exec="abc-1")
    slow.hear("attached", 1)
    size = 32 * MIB
    join = in_thread(keeper.agent.write, number, 0, size)
    Reader(fast).read(size)
    join()
    keeper.agent.ends(number)
    # One that never reads costs no memory to speak of.
    print("# %d KiB with a reader stuck at 32 MiB" % (keeper.memory() >> 10))
    if "asan" not in os.popen("ldd %s/sallyport-keeper" % BIN).read():
        assert keeper.memory() < 4 * MIB
    reader = Reader(slow).read()
    assert reader.at[STDOUT] == size and reader.gaps == []


def streams_of_one_attachment_have_their_turns():
    keeper = new(output=16 * MIB)
    gate = keeper.gate()
    flood, _ = keeper.run(gate, 1)
    keeper.agent.write(flood, 0, 8 * MIB)
    gate.say(2, "start", argv=["x"])
    small, _ = keeper.agent.runs()
    keeper.agent.data(STDOUT, small, pattern(0, 100))
    keeper.agent.ends(small)
    readers = {1: Reader(gate, 1), 2: Reader(gate, 2)}
    while readers[2].exit is None:
        kind, stream, payload = gate.frame()
        if kind == CONTROL and json.loads(payload)["type"] == "started":
            continue
        readers[stream].take(kind, payload)
    # What was queued before it, and a turn or two.
    assert readers[1].at[STDOUT] < 2 * MIB, readers[1].at
    keeper.agent.ends(flood)
    assert readers[1].read().at[STDOUT] == 8 * MIB


def a_small_ring_reports_what_it_lost():
    keeper = new(output=MIB)
    owner, other = keeper.gate("ann"), keeper.gate("bob", "read")
    number, _ = keeper.run(owner)
    other.say(1, "attach", exec="abc-1")
    other.hear("attached", 1)
    size = 20 * MIB
    join = in_thread(keeper.agent.write, number, 0, size)
    reader = Reader(owner).read(size)
    join()
    keeper.agent.ends(number)
    reader.read()
    late = Reader(other).read()
    assert late.at[STDOUT] == size and late.gaps, late.gaps
    lost = sum(to - start for start, to in late.gaps)
    assert 10 * MIB < lost < size, late.gaps
    # The spool file is no larger than the ring.
    assert os.stat(os.path.join(keeper.spool, "1")).st_size <= 2 * MIB + 4096
    # Of the beginning an eighth is kept, and then what came last.
    owner.say(2, "attach", exec="abc-1", **{"from": {"stdout": 7}})
    assert owner.hear("attached", 2)["stdout"] == 7
    reader = Reader(owner, 2, 7)
    while reader.exit is None:
        kind, stream, payload = owner.frame()
        if stream == 2:
            reader.take(kind, payload)
    (kept, first), = reader.gaps
    assert 128 * KIB < kept <= 256 * KIB, kept
    assert first > 10 * MIB and reader.at[STDOUT] == size
    # Who wants what is gone hears at once where it goes on.
    owner.say(3, "attach", exec="abc-1", **{"from": {"stdout": kept}})
    while True:
        kind, stream, payload = owner.frame()
        if stream == 3:
            break
    assert json.loads(payload)["stdout"] == first, payload


def what_the_owner_has_not_been_sent_stays():
    keeper = new(output=4 * MIB)
    gate = keeper.gate("ann")
    number, _ = keeper.run(gate)
    gate.close()
    size = 40 * MIB
    sent = [0]

    def write():
        while sent[0] < size:
            keeper.agent.write(number, sent[0], 16384)
            sent[0] += 16384

    join = in_thread(write)
    # Another principal reads all there is; that moves nothing.
    other = keeper.gate("bob", "read")
    other.say(1, "attach", exec="abc-1")
    other.hear("attached", 1)
    reader = Reader(other)
    try:
        reader.read(size, 0.5)
        raise AssertionError("nothing slowed it")
    except TimeoutError:
        pass
    assert 3 * MIB < sent[0] < 6 * MIB, sent
    owner = keeper.gate("ann", "read")
    owner.say(1, "attach", exec="abc-1", **{"from": {"stdout": 0}})
    assert owner.hear("attached", 1)["stdout"] == 0
    whole = Reader(owner).read(size)
    join()
    keeper.agent.ends(number)
    assert whole.read().at[STDOUT] == size and whole.gaps == []


def an_owner_who_comes_back_finds_a_quarter():
    keeper = new(output=8 * MIB)
    gate = keeper.gate("ann")
    number, _ = keeper.run(gate)
    join = in_thread(keeper.agent.write, number, 0, 40 * MIB)
    Reader(gate).read(40 * MIB)
    join()
    at = 38 * MIB
    gate.say(2, "attach", exec="abc-1", **{"from": {"stdout": at}})
    assert gate.hear("attached", 2)["stdout"] == at
    keeper.agent.ends(number)
    reader = Reader(gate, 2, at).read()
    assert reader.at[STDOUT] == 40 * MIB and reader.gaps == []


def credit_is_returned_as_the_owner_takes():
    keeper = new(output=4 * MIB)
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    agent = keeper.agent
    for at in range(0, MIB, DATA_MAX):
        agent.data(STDOUT, number, pattern(at, DATA_MAX))
    Reader(gate).read(MIB)
    granted = 0
    while granted < MIB * 3 // 4:
        kind, stream, payload = agent.frame()
        assert (kind, stream) == (WINDOW, number)
        granted += struct.unpack(">I", payload)[0]
    assert granted <= MIB


def output_over_the_credit_is_a_lie():
    keeper = new(output=2 * MIB)
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    gate.close()
    with_end = False
    try:
        for at in range(0, 64 * MIB, DATA_MAX):
            keeper.agent.data(STDOUT, number, pattern(at, DATA_MAX))
    except (BrokenPipeError, ConnectionResetError):
        with_end = True
    assert with_end
    wait_for(lambda: "credit" in keeper.text(), "the log")
    other = keeper.gate()
    other.say(1, "attach", exec="abc-1")
    other.hear("attached", 1)
    reader = Reader(other).read()
    assert reader.exit["reason"] == "lost"
    assert reader.at[STDOUT] <= 4 * MIB


def tiny_writes_by_turns_keep_their_order():
    keeper = new(output=MIB)
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    agent = keeper.agent

    def write_all():
        raw = bytearray()
        for at in range(150000):
            raw += frame(STDOUT, number, b"o") + frame(STDERR, number, b"e")
        agent.send(raw)
        agent.ends(number)

    join = in_thread(write_all)
    kinds = []
    while True:
        kind, _, payload = gate.frame()
        if kind == CONTROL:
            break
        kinds.append(kind)
    join()
    assert kinds[:300000] == [STDOUT, STDERR] * 150000


def lines_that_come_together_are_joined():
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    keeper.agent.send(b"".join(
        frame(STDOUT, number, pattern(at, 50)) for at in range(0, 50000, 50)))
    reader, frames = Reader(gate), 0
    while reader.at[STDOUT] < 50000:
        kind, _, payload = gate.frame()
        reader.take(kind, payload)
        frames += 1
    assert frames < 100, frames
    # One that comes alone does not wait for others.
    keeper.agent.data(STDOUT, number, pattern(50000, 1))
    reader.read(50001)
    keeper.agent.ends(number)
    reader.read()


def small_disk(size):
    """A folder on a disk of its own that goes with its last descriptor; None
    where no file system can be mounted."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = tempfile.mkdtemp(prefix="keeper-disk-")
    try:
        if libc.mount(b"keeper-test", place.encode(), b"tmpfs", 0,
                      b"size=%dm" % size) != 0:
            print("# no tmpfs can be mounted: %s"
                  % os.strerror(ctypes.get_errno()))
            return None
        try:
            return os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        finally:
            libc.umount2(place.encode(), 2)
    finally:
        os.rmdir(place)


def hog(disk, size):
    fd = os.open("hog", os.O_RDWR | os.O_CREAT, dir_fd=disk)
    os.posix_fallocate(fd, 0, size * MIB)
    return fd


def a_full_disk_slows_the_command_and_loses_nothing():
    disk = small_disk(3)
    if disk is None:
        return
    keeper = new(spool=os.dup(disk), output=16 * MIB)
    gate = keeper.gate()
    number, _ = keeper.run(gate, 1)
    full = hog(disk, 2)
    size = 6 * MIB
    in_thread(keeper.agent.write, number, 0, size)
    reader = Reader(gate)
    try:
        reader.read(size, 1.0)
        raise AssertionError("the disk was not full")
    except TimeoutError:
        pass
    assert reader.at[STDOUT] < MIB
    assert keeper.text().count("slowed") == 1
    os.ftruncate(full, 0)
    os.close(full)
    # 3 MiB hold half of it; the rest needs room again.
    try:
        reader.read(size, 1.0)
        raise AssertionError("the disk was not full")
    except TimeoutError:
        pass
    assert MIB < reader.at[STDOUT] < 3 * MIB, reader.at
    assert keeper.text().count("goes on") == 1
    os.close(disk)


def many_commands_on_a_full_disk_cost_bounded_memory():
    disk = small_disk(201)
    if disk is None:
        return
    count = 90
    keeper = new(spool=os.dup(disk), output=2 * MIB, execs=count)
    gates, numbers = [], []
    for _ in range(count):
        gates.append(keeper.gate())
        numbers.append(keeper.run(gates[-1])[0])
    full = hog(disk, 200)

    def write():
        for number in numbers:
            keeper.agent.write(number, 0, MIB)
            keeper.agent.ends(number)

    join = in_thread(write)
    wait_for(lambda: keeper.text().count("slowed") > 55, "a full memory")
    os.ftruncate(full, 0)
    os.close(full)
    for gate in gates:
        reader = Reader(gate).read()
        assert reader.at[STDOUT] == MIB and reader.gaps == []
    join()
    os.close(disk)


def a_journal_on_a_full_disk_refuses_starts_and_keeps_ends_later():
    disk = small_disk(3)
    if disk is None:
        return
    keeper = new(spool=os.dup(disk))
    gate = keeper.gate()
    running = [keeper.run(gate, stream)[0] for stream in range(1, 11)]
    full = hog(disk, 2)
    with open("/proc/self/fd/%d/rest" % disk, "wb", 0) as rest:
        try:
            while True:
                rest.write(bytes(4096))
        except OSError:
            pass
    # the journal's last page has room for some
    for stream in range(11, 40):
        gate.say(stream, "start", argv=["x" * 200])
        refused = refusal_of(gate, keeper.agent)
        if refused:
            break
        running.append(keeper.agent.runs()[0])
        gate.hear("started", stream)
    assert refused["code"] == "system", refused
    assert "journal" in refused["text"], refused
    assert "No space left" in refused["text"], refused
    for number in running:
        keeper.agent.ends(number, code=number)
        reader = Reader(gate, number).read()
        assert reader.exit["code"] == number
    gate.say(99, "start", argv=["true"])
    assert gate.hear("refused", 99)["code"] == "system"
    assert len(keeper.agent.forgotten) < len(running)
    assert "journal: cannot be written" in keeper.text()
    os.ftruncate(full, 0)
    os.close(full)
    wait_for(lambda: all_forgotten(keeper, running), "every end to be kept")
    assert "journal: is written again" in keeper.text()
    keeper.run(gate, 99)
    os.close(disk)


def refusal_of(gate, agent):
    """What a start was refused with; None: it got to the agent."""
    poll = select.poll()
    poll.register(gate.sock, select.POLLIN)
    poll.register(agent.sock, select.POLLIN)
    poll.poll(PATIENCE * 1000)
    try:
        return gate.hear("refused", patience=0.05)
    except TimeoutError:
        return None


def all_forgotten(keeper, running):
    try:
        keeper.agent.frame(0.01)
    except TimeoutError:
        pass
    return set(running) <= set(keeper.agent.forgotten)


def main_tests():
    helpers = ("main_tests", "small_disk", "hog", "refusal_of",
               "all_forgotten")
    return [value for value in list(globals().values())
            if callable(value)
            and getattr(value, "__module__", "") == "__main__"
            and value.__name__ not in helpers]


main(main_tests())
