#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a keeper keeps when it is too much: of one command, and of a task."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from keeper_harness import *  # noqa: E402,F403

KIB, MIB = 1 << 10, 1 << 20


def file_of(keeper, number):
    return os.path.join(keeper.spool, str(number))


def size_of(keeper, number):
    """Bytes of the file; 0 while there is none."""
    try:
        return os.path.getsize(file_of(keeper, number))
    except FileNotFoundError:
        return 0


def blocks_of(keeper, number):
    """Bytes that the file takes on the disk."""
    return os.stat(file_of(keeper, number)).st_blocks * 512


def limited(spool):
    keeper = new(configure=False)
    keeper.manager.say(0, "configure", execs=64, output=64 * MIB, spool=spool)
    return keeper


def finished(keeper, gate, stream, size, **members):
    """A command that has written size bytes and ended, all of it read."""
    number, _ = keeper.run(gate, stream, **members)
    join = in_thread(keeper.agent.write, number, 0, size)
    reader = Reader(gate, stream).read(size)
    join()
    keeper.agent.ends(number)
    reader.read()
    return number


def read_back(gate, stream, number):
    gate.say(stream, "attach", exec="abc-%d" % number)
    assert gate.hear("attached", stream)["exec"] == "abc-%d" % number
    return Reader(gate, stream).read()


def a_command_that_may_drop_is_never_slowed():
    keeper = new(output=2 * MIB)
    gate = keeper.gate()
    number, told = keeper.run(gate, overflow="drop")
    assert "overflow" not in told, told
    gate.close()
    # nobody reads: the ring turns, and credit comes all the same
    keeper.agent.write(number, 0, 16 * MIB)
    keeper.agent.write(number, 0, 16 * MIB, STDERR)
    keeper.agent.ends(number)
    again = keeper.gate()
    reader = read_back(again, 1, number)
    assert reader.at[STDOUT] == reader.at[STDERR] == 16 * MIB
    # the beginning, a gap for each stream, the end
    assert len(reader.gaps) == 2, reader.gaps
    assert 128 * KIB < min(reader.gaps)[0] <= 256 * KIB or \
        128 * KIB < max(reader.gaps)[0] <= 256 * KIB, reader.gaps
    lost = sum(to - start for start, to in reader.gaps)
    assert 29 * MIB < lost < 31 * MIB, lost


def a_command_is_slowed_unless_it_may_drop():
    keeper = new(output=2 * MIB)
    gate = keeper.gate()
    number, _ = keeper.run(gate, overflow="slow")
    gate.close()
    wrote = []
    join = in_thread(
        lambda: wrote.append(keeper.agent.write(number, 0, 16 * MIB)))
    size = 0
    wait_for(lambda: size_of(keeper, number) > MIB, "output")
    while size != size_of(keeper, number):
        size = size_of(keeper, number)
        time.sleep(0.2)
    assert not wrote
    again = keeper.gate()
    again.say(1, "attach", exec="abc-%d" % number)
    again.hear("attached", 1)
    reader = Reader(again).read(16 * MIB)
    join()
    assert reader.gaps == [], reader.gaps


def what_was_taken_goes_first_and_then_the_oldest():
    keeper = limited(8 * MIB)
    ann, bob = keeper.gate("ann"), keeper.gate("bob")
    # ended and never taken by who started it
    kept, _ = keeper.run(ann, 1)
    ann.say(1, "detach")
    ann.hear("detached", 1)
    keeper.agent.write(kept, 0, MIB)
    keeper.agent.ends(kept)
    taken = [finished(keeper, bob, 1, 2 * MIB) for _ in range(3)]
    assert all(blocks_of(keeper, n) > MIB for n in taken)
    more = finished(keeper, bob, 1, 3 * MIB)
    assert blocks_of(keeper, taken[0]) < 64 * KIB
    assert blocks_of(keeper, kept) > MIB // 2
    assert blocks_of(keeper, more) > 2 * MIB
    # which bytes are gone is said
    reader = read_back(bob, 2, taken[0])
    assert reader.gaps == [(0, 2 * MIB)] and reader.exit, reader.gaps
    reader = read_back(bob, 3, kept)
    assert reader.gaps == [] and reader.at[STDOUT] == MIB
    # a flood of others' pushes out what nobody took, too
    for _ in range(2):
        number, _ = keeper.run(bob, 4, overflow="drop")
        bob.say(4, "detach")
        bob.hear("detached", 4)
        keeper.agent.write(number, 0, 4 * MIB)
        keeper.agent.ends(number)
    wait_for(lambda: blocks_of(keeper, kept) < 64 * KIB, "room")


def a_full_task_slows_what_runs_where_it_stands():
    keeper = limited(6 * MIB)
    gate = keeper.gate()
    number, _ = keeper.run(gate, 1)
    gate.say(1, "detach")
    gate.hear("detached", 1)
    # from here on the thread alone reads what the agent is told
    small, _ = keeper.run(gate, 2)
    size = 24 * MIB
    join = in_thread(keeper.agent.write, number, 0, size)
    wait_for(lambda: size_of(keeper, number) > 5 * MIB,
             "output")
    # another command has room to speak, whatever the limit
    for at in range(0, MIB, DATA_MAX):
        keeper.agent.data(STDOUT, small, pattern(at, DATA_MAX))
    keeper.agent.ends(small)
    assert Reader(gate, 2).read().at[STDOUT] == MIB
    assert size_of(keeper, number) <= 6 * MIB
    # and the one that was slowed loses nothing
    gate.say(1, "attach", exec="abc-%d" % number)
    gate.hear("attached", 1)
    reader = Reader(gate, 1).read(size)
    join()
    keeper.agent.ends(number)
    reader.read()
    assert reader.gaps == [] and reader.at[STDOUT] == size
    assert size_of(keeper, number) <= 6 * MIB


main([value for value in list(globals().values())
      if callable(value) and getattr(value, "__module__", "") == "__main__"
      and value.__code__.co_argcount == 0])
