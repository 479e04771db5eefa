# SPDX-License-Identifier: Apache-2.0
"""What a command of the campaign will do: rolled from a seed, known to both
sides, so that every byte and every end can be told right from wrong.

    make_tools(folder)
    plan = Plan.roll(random.Random(7), "ssh")
    plan.bytes_of("stdout", 4096, 64)
"""
import ctypes
import dataclasses
import os
import re
import signal
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "load.c")
TRAILER = re.compile(rb"stdin (\d+) wrong (-?\d+)\n")
LETTERS = {"stdout": b"o", "pty": b"o", "stderr": b"e", "stdin": b"i"}
HEAD = re.compile(rb"([oei])([0-9a-f]{16})([0-9a-f]{8})")
BLOCK = 64
DEADLY = [signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGUSR1,
          signal.SIGTERM, signal.SIGABRT, signal.SIGALRM]

# weight, bytes at least and at most, pause in microseconds
SIZES = [(30, 64, 200, 0), (25, 64, 20000, 0), (20, 20000, 400000, 0),
         (5, 1 << 20, 3 << 20, 0), (2, 17 << 20, 24 << 20, 0),
         (17, 2000, 30000, 4000)]

_library = None


def make_tools(folder):
    """Compile the load for sandboxes and for this program; its path."""
    global _library
    program = os.path.join(folder, "load")
    library = os.path.join(folder, "load.so")
    for out, flags in ((program, ["-static", "-s"]),
                       (library, ["-shared", "-fPIC"])):
        subprocess.run(["gcc", "-std=c11", "-D_GNU_SOURCE", "-O2", *flags,
                        "-o", out, SOURCE], check=True)
    _library = ctypes.CDLL(library)
    _library.campaign_fill.argtypes = [
        ctypes.c_uint64, ctypes.c_char, ctypes.c_int, ctypes.c_uint64,
        ctypes.c_char_p, ctypes.c_size_t]
    return program


@dataclasses.dataclass
class Plan:
    """One command. stdin is the number of bytes it is given, or None."""

    seed: int
    way: str
    is_text: bool
    out: int
    err: int
    pace_us: int
    children: int
    stdin: int
    code: int
    signal: int

    @classmethod
    def roll(cls, dice, way):
        """way: ssh, mux (ssh on a shared connection), brain or pty."""
        _, least, most, pace = dice.choices(
            SIZES, weights=[row[0] for row in SIZES])[0]
        out = dice.randint(least, most)
        err = 0
        if way != "pty" and dice.random() < 0.5:
            err = dice.randint(0, out)
            out = max(out - err, 64)
        stdin = None
        if way != "pty" and dice.random() < 0.3:
            stdin = dice.choice((0, 1, 100, 65536, 300000))
        # ssh says 255 for a lost connection, and on a shared one does not
        # say of a signal
        number = 0
        if way != "mux" and dice.random() < 0.1:
            number = dice.choice(DEADLY).value
        code = dice.choice((0, 0, 0, 1, 2, 7, 100, 254))
        return cls(dice.getrandbits(64), way, way != "brain" or
                   dice.random() < 0.7, out, err, pace,
                   dice.choice((0, 0, 0, 1, 3)) if way != "pty" else 0,
                   stdin, code, number)

    @property
    def argv(self):
        end = f"s{self.signal}" if self.signal else f"x{self.code}"
        return ["/tmp/load", f"{self.seed:016x}",
                "t" if self.is_text else "b", str(self.out), str(self.err),
                str(self.pace_us), str(self.children),
                "-" if self.stdin is None else "r", end]

    @property
    def name(self):
        return f"{self.seed:016x}"

    @property
    def streams(self):
        """The bytes of each stream, without what is said of stdin."""
        return {"stdout": self.out, "stderr": self.err}

    def bytes_of(self, stream, offset, count):
        into = ctypes.create_string_buffer(count)
        _library.campaign_fill(self.seed, LETTERS[stream], self.is_text,
                               offset, into, count)
        return into.raw

    def is_end(self, exit_):
        """Whether an exit event is the planned one."""
        if self.signal:
            return (exit_.get("signal"), exit_["reason"]) == (
                signal.Signals(self.signal).name[3:], "signaled")
        return (exit_.get("code"), exit_["reason"]) == (self.code, "exited")


def seed_in(data):
    """The seed that output begins with, or None."""
    found = HEAD.match(data)
    return int(found.group(2), 16) if found else None
