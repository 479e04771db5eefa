#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A thousand who look at one command."""
import os
import resource
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from keeper_harness import *  # noqa: E402,F403

READERS = 1000
MIB = 1 << 20
PIECE = 1 << 18


class Fast:
    """What Reader does, of bytes that are compared in one go."""

    def __init__(self, keeper):
        self.peer = keeper.gate("reader", "read")
        self.peer.say(1, "attach", exec="abc-1")
        self.peer.hear("attached", 1)
        self.at, self.exit = 0, None

    def take(self, want):
        """Read what has come; want has the output from its start."""
        peer = self.peer
        peer.buffer += peer.sock.recv(PIECE)
        done = 0
        while len(peer.buffer) >= done + 9:
            length, kind, _ = struct.unpack_from(">IBI", peer.buffer, done)
            if len(peer.buffer) < done + 4 + length:
                break
            payload = memoryview(peer.buffer)[done + 9:done + 4 + length]
            if kind == STDOUT:
                end = self.at + len(payload)
                assert payload == want[self.at:end], self.at
                self.at = end
            elif kind == CONTROL:
                self.exit = json.loads(bytes(payload))
                assert self.exit["type"] == "exit", self.exit
            payload.release()
            done += 4 + length
        del peer.buffer[:done]


def read_all(readers, want):
    poll = select.epoll()
    left = {reader.peer.sock.fileno(): reader for reader in readers}
    for number in left:
        poll.register(number, select.EPOLLIN)
    deadline = time.monotonic() + 120
    while left:
        assert time.monotonic() < deadline, len(left)
        for number, _ in poll.poll(1):
            left[number].take(want)
            if left[number].exit:
                poll.unregister(number)
                assert left.pop(number).at == len(want)


def a_thousand_readers_get_every_byte_and_the_dead_half_costs_little():
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, 8192), files))
    size = MIB
    want = memoryview(pattern(0, size))
    keeper = new()
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    gate.say(1, "detach")
    gate.hear("detached", 1)
    readers = [Fast(keeper) for _ in range(READERS)]
    before = keeper.memory()

    def write():
        keeper.agent.write(number, 0, size)
        keeper.agent.ends(number)

    join = in_thread(write)
    half = READERS // 2
    began = time.monotonic()
    read_all(readers[:half], want)
    join()
    took = time.monotonic() - began
    more = keeper.memory() - before
    print("# %d readers: %d MiB/s together; %d readers that read nothing: "
          "%d KiB each" % (half, half * size / MIB / took, half,
                           (more >> 10) // half))
    if "asan" not in os.popen("ldd %s/sallyport-keeper" % BIN).read():
        assert more < 100 * MIB, more
    read_all(readers[half:], want)


main([a_thousand_readers_get_every_byte_and_the_dead_half_costs_little])
