#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that is full: what a keeper writes waits, and nothing is lost."""
import atexit
import ctypes
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from keeper_harness import *  # noqa: E402,F403

KIB, MIB = 1 << 10, 1 << 20
CLONE_NEWNS, MS_REC, MS_PRIVATE, MNT_DETACH = 0x20000, 0x4000, 1 << 18, 2
LIBC = ctypes.CDLL(None, use_errno=True)
DISKS = []


def mount(what, where, kind, flags, options):
    if LIBC.mount(what, where.encode(), kind, flags, options) != 0:
        raise OSError(ctypes.get_errno(), "mount")


def leave_mounts():
    """What is mounted from here on is gone with this process."""
    if LIBC.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    mount(b"none", "/", None, MS_REC | MS_PRIVATE, None)


class Disk:
    """A few MiB of disk, which something else can fill."""

    def __init__(self, size):
        self.path = tempfile.mkdtemp(prefix="keeper-disk-")
        DISKS.append(self)
        mount(b"none", self.path, b"tmpfs", 0, b"size=%d,mode=711" % size)
        self.spool = os.path.join(self.path, "spool")
        os.mkdir(self.spool, 0o700)

    def fill(self):
        """Take every byte that is left."""
        with open(os.path.join(self.path, "other"), "ab", 0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass

    def free(self):
        os.unlink(os.path.join(self.path, "other"))

    def folder(self):
        return os.open(self.spool, os.O_RDONLY | os.O_DIRECTORY)

    def remove(self):
        LIBC.umount2(self.path.encode(), MNT_DETACH)
        os.rmdir(self.path)


def remove_disks():
    while DISKS:
        DISKS.pop().remove()


atexit.register(remove_disks)


def says(keeper, what):
    wait_for(lambda: what in keeper.text(), what)


def a_full_disk_slows_a_command_and_loses_nothing():
    disk = Disk(8 * MIB)
    keeper = new(spool=disk.folder(), output=4 * MIB)
    gate, other = keeper.gate(), keeper.gate("bob", "read")
    number, _ = keeper.run(gate)
    other.say(1, "attach", exec="abc-1")
    other.hear("attached", 1)
    keeper.agent.write(number, 0, MIB)
    Reader(gate).read(MIB)
    disk.fill()
    size = 6 * MIB
    join = in_thread(keeper.agent.write, number, MIB, size - MIB)
    says(keeper, "slowed")
    # it is not the agent's end, nor anybody's
    assert keeper.process.poll() is None
    disk.free()
    reader = Reader(gate, 1, MIB).read(size)
    join()
    says(keeper, "goes on")
    keeper.agent.ends(number)
    assert reader.read().gaps == []
    assert Reader(other).read().at[STDOUT] == size
    # and the file is whole: who comes late reads it
    gate.say(2, "attach", exec="abc-1")
    gate.hear("attached", 2)
    late = Reader(gate, 2).read()
    assert late.at[STDOUT] == size, late.at


def other_tasks_go_on():
    disk = Disk(4 * MIB)
    keeper = new(spool=disk.folder())
    healthy = new()
    gate, well = keeper.gate(), healthy.gate()
    number, _ = keeper.run(gate)
    keeper.agent.data(STDOUT, number, pattern(0, 1000))
    Reader(gate).read(1000)
    disk.fill()
    keeper.agent.data(STDOUT, number, pattern(1000, 50000))
    says(keeper, "slowed")
    run, _ = healthy.run(well)
    join = in_thread(healthy.agent.write, run, 0, 8 * MIB)
    Reader(well).read(8 * MIB)
    join()
    # what had its place before goes on on the same disk, too
    disk.free()
    reader = Reader(gate, 1, 1000).read(51000)
    keeper.agent.ends(number)
    assert reader.read().gaps == []


def a_command_may_end_while_nothing_can_be_written():
    disk = Disk(2 * MIB)
    keeper = new(spool=disk.folder())
    gate = keeper.gate()
    number, _ = keeper.run(gate)
    disk.fill()
    keeper.agent.data(STDOUT, number, pattern(0, 5000))
    keeper.agent.ends(number)
    says(keeper, "slowed")
    gate.hears_nothing()
    disk.free()
    reader = Reader(gate).read()
    assert reader.at[STDOUT] == 5000 and reader.exit["code"] == 0


def a_terminal_and_its_recording_wait_and_go_on():
    disk = Disk(6 * MIB)
    keeper = new(spool=disk.folder(), output=2 * MIB, recordings=disk.path,
                 recording={"format": "asciicast-v2"})
    gate = keeper.gate()
    number, _ = keeper.run(gate, login=True, pty={"rows": 24, "cols": 80})
    keeper.agent.write_bytes(number, b"before\r\n")
    assert gate.frame()[2] == b"before\r\n"
    cast = os.path.join(keeper.recordings, "abc-1.cast")
    wait_for(lambda: "before" in open(cast).read(), "a recording")
    disk.fill()
    text = b"".join(b"line %d\r\n" % i for i in range(30000))
    join = in_thread(keeper.agent.write_bytes, number, text)
    says(keeper, "slowed")
    says(keeper, "its recording waits")
    gate.say(1, "resize", rows=30, cols=100)
    gate.hear("taken", 1)
    disk.free()
    got = b""
    while len(got) < len(text):
        kind, _, payload = gate.frame()
        assert kind == PTY, payload
        got += payload
    assert got == text
    join()
    keeper.agent.ends(number, PTY)
    while True:
        kind, _, payload = gate.frame()
        if kind == CONTROL and json.loads(payload)["type"] == "exit":
            break
    says(keeper, "its recording goes on")
    lines = open(cast, encoding="utf-8").read().splitlines()
    events = [json.loads(line) for line in lines][2:]
    shown = "".join(event[2] for event in events if event[1] == "o")
    assert shown == "before\r\n" + text.decode(), len(shown)
    assert [event[2] for event in events if event[1] == "r"] == ["100x30"]
    assert not os.path.exists(os.path.join(disk.spool, "1.screen.new"))


leave_mounts()
main([a_full_disk_slows_a_command_and_loses_nothing,
      other_tasks_go_on,
      a_command_may_end_while_nothing_can_be_written,
      a_terminal_and_its_recording_wait_and_go_on])
