#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bytes through the agent: whole, apart, in order, and within credit."""
import hashlib
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent_harness import *  # noqa: E402,F403

need_root()
agent = Agent()
MIB = 1 << 20

# Prints size bytes of a seeded stream on a descriptor, in odd pieces.
WRITER = """
import os, random, sys
fd, seed, size = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
block = random.Random(seed).randbytes(1000003)
while size > 0:
    size -= os.write(fd, block[:min(size, len(block))])
"""


def stream(seed, size):
    block = random.Random(seed).randbytes(1000003)
    return (block * (size // len(block) + 1))[:size]


def writer(fd, seed, size):
    """As a shell word. A blocking pipe takes every write whole."""
    return f"/usr/bin/python3 -c '{WRITER}' {fd} {seed} {size}"


def digest(data):
    return hashlib.sha256(data).hexdigest()


def carries_both_streams():
    one = agent.sh(f"{writer(1, 'a', 64 * MIB)} & "
                   f"{writer(2, 'b', 64 * MIB)}; wait")
    equal((len(one.out), len(one.err), one.code), (64 * MIB, 64 * MIB, 0),
          "64 MiB of stdout and of stderr at once")
    equal(digest(one.out), digest(stream("a", 64 * MIB)), "stdout is whole")
    equal(digest(one.err), digest(stream("b", 64 * MIB)), "stderr is whole")


def carries_stdin():
    data = stream("c", 64 * MIB)
    one = agent.start(argv=["/usr/bin/sha256sum"], stdin="open")
    agent.feed(one, data)
    agent.close_stdin(one)
    agent.wait(one)
    equal(one.out.decode().split()[0], digest(data), "64 MiB of stdin")
    check(one.stdin_credit == WINDOW_STDIN, "all its credit came back",
          one.stdin_credit)


def echoes_through_both():
    data = stream("d", 8 * MIB + 1)
    one = agent.start(argv=["/bin/cat"], stdin="open")
    agent.feed(one, data)
    agent.close_stdin(one)
    agent.wait(one)
    equal(digest(one.out), digest(data), "8 MiB and a byte, there and back")


def obeys_credit():
    agent.crediting = False
    one = agent.start(argv=["/usr/bin/head", "-c", "3M", "/dev/zero"])
    agent.until(lambda: len(one.out) >= WINDOW_OUTPUT)
    agent.quiet(0.3)
    equal(len(one.out), WINDOW_OUTPUT, "not a byte beyond the credit")
    agent.grant(one.number, 1)
    agent.until(lambda: len(one.out) > WINDOW_OUTPUT)
    agent.quiet(0.2)
    equal(len(one.out), WINDOW_OUTPUT + 1, "one byte of credit is one byte")
    agent.crediting = True
    agent.grant(one.number, WINDOW_OUTPUT)
    agent.wait(one)
    equal((len(one.out), one.code), (3 * MIB, 0), "the rest follows")


def owes_the_last_words():
    agent.crediting = False
    one = agent.start(argv=["/bin/sh", "-c", "head -c 1048576 /dev/zero; "
                            "head -c 60000 /dev/zero; echo bye"])
    agent.until(lambda: len(one.out) >= WINDOW_OUTPUT)
    agent.quiet(3)
    check(one.ending is None, "no exit while its last words wait for credit")
    agent.crediting = True
    agent.grant(one.number, WINDOW_OUTPUT)
    agent.wait(one)
    check(one.out.endswith(b"bye\n") and len(one.out) == MIB + 60004,
          "what was written just before the exit arrives, however late",
          len(one.out))


def keeps_odd_bytes():
    one = agent.sh(r"printf 'a\000b\377\376\n'; printf '\000' >&2")
    equal((bytes(one.out), bytes(one.err)), (b"a\0b\xff\xfe\n", b"\0"),
          "NUL and what is no UTF-8")
    one = agent.run(argv=["/bin/dd", "if=/dev/zero", "bs=1", "count=20000",
                          "status=none"])
    equal(len(one.out), 20000, "writes of one byte")
    one = agent.run(argv=["/usr/bin/head", "-c", "10M", "/dev/zero"])
    equal(len(one.out), 10 * MIB, "a line of 10 MiB")
    for size in (0, 1, 65535, 65536, 65537, MIB - 1, MIB, MIB + 1):
        one = agent.run(argv=["/usr/bin/head", "-c", str(size), "/dev/zero"])
        if len(one.out) != size:
            break
    equal(len(one.out), size, "sizes around the frame's and the window's")


def is_fair():
    floods = [agent.start(argv=["/usr/bin/yes"]) for _ in range(4)]
    agent.until(lambda: all(len(one.out) > MIB for one in floods))
    begun = time.monotonic()
    for _ in range(5):
        equal(agent.run(argv=["/bin/echo", "x"]).out, b"x\n",
              "a small command beside four floods")
    check(time.monotonic() - begun < 20, "... is not starved")
    least = min(len(one.out) for one in floods)
    most = max(len(one.out) for one in floods)
    check(least * 20 > most, "floods share the link", (least, most))
    for one in floods:
        agent.kill(one)
    for one in floods:
        agent.wait(one)
        equal(one.signal, "KILL", "a flood is killed")


def waits_for_a_slow_keeper():
    agent.crediting = False
    some = [agent.start(argv=["/usr/bin/head", "-c", "1M", "/dev/zero"])
            for _ in range(16)]
    time.sleep(1)  # not reading: the link is full
    agent.crediting = True
    for one in some:
        agent.wait(one)
    equal([len(one.out) for one in some], [MIB] * 16,
          "16 MiB for a keeper that did not read")


run([carries_both_streams, carries_stdin, echoes_through_both, obeys_credit,
     owes_the_last_words, keeps_odd_bytes, is_fair, waits_for_a_slow_keeper])
done()
