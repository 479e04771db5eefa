# SPDX-License-Identifier: Apache-2.0
"""Figures of the terminal path, with the stock ssh client in a pty."""
import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import termios
import time

KEYS = 300
FLOOD = 100 << 20
YES = 24 << 20


class Terminal:
    """An ssh client on a pty of this size."""

    def __init__(self, command, rows=24, cols=80):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, cols, 0, 0))

        def own():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave,
            preexec_fn=own, env={**os.environ, "TERM": "xterm-256color"})
        os.close(slave)
        self.seen = b""

    def read(self, patience=20):
        if not select.select([self.master], [], [], patience)[0]:
            raise TimeoutError("nothing came from " + self.process.args[0])
        try:
            return os.read(self.master, 1 << 16)
        except OSError:
            return b""

    def until(self, text):
        while text not in self.seen:
            got = self.read()
            if not got:
                raise EOFError(self.seen[-200:])
            self.seen = (self.seen + got)[-65536:]
        self.seen = self.seen.split(text, 1)[1]

    def type(self, data):
        os.write(self.master, data)

    def drain(self):
        """Read to the end; returns the bytes and the seconds from the first
        one."""
        total, start = 0, None
        while True:
            got = self.read(60)
            if not got:
                return total, time.perf_counter() - start
            start = start or time.perf_counter()
            total += len(got)

    def close(self):
        os.close(self.master)
        self.process.wait()


def echo_times(stand, before=None):
    """Microseconds from a key to its echo, on one open terminal."""
    terminal = Terminal([*stand.ssh("-tt"), "stty raw; echo ready; cat"])
    terminal.until(b"ready")
    time.sleep(0.1)
    times = []
    for at in range(KEYS):
        key = bytes([97 + at % 26])
        start = time.perf_counter()
        terminal.type(key)
        while key not in terminal.read():
            pass
        times.append((time.perf_counter() - start) * 1e6)
        # both `stty raw` echo and cat's own copy have to be there
        time.sleep(0.004)
        while select.select([terminal.master], [], [], 0)[0]:
            terminal.read()
    terminal.close()
    return times


def flooded(stand, measure):
    """The same while another terminal of the stand prints all it can."""
    neighbour = Terminal([*stand.ssh("-tt"), "yes"])
    neighbour.read()
    drain = subprocess.Popen(["cat"], stdin=neighbour.master,
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    try:
        return measure()
    finally:
        neighbour.process.terminate()
        neighbour.process.wait()
        drain.terminate()
        drain.wait()
        os.close(neighbour.master)


def flood_rate(stand, command):
    """MB/s of a command's terminal output, read to its end."""
    terminal = Terminal([*stand.ssh("-tt"), command])
    total, seconds = terminal.drain()
    terminal.close()
    return total / 1e6 / seconds


def attach_times(stand, rounds):
    """Milliseconds from starting ssh, on an open connection, to the marker on
    the screen of a named session."""
    name = f"{stand.user}+bench@{stand.user}"
    ssh = [*stand.ssh("-tt")[:-1], name]
    first = Terminal(ssh)
    first.type(b"clear; tput cup 12 30; printf PAIN; printf 'TED\\n'\r")
    first.until(b"PAINTED")
    path = os.path.join(os.path.dirname(stand.config), "bench.ctl")
    subprocess.run([*ssh[:-1], "-M", "-S", path, "-f", "-N", name],
                   check=True)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        again = Terminal([*ssh[:-1], "-S", path, name])
        again.until(b"PAINTED")
        times.append((time.perf_counter() - start) * 1e3)
        again.process.kill()
        again.close()
    subprocess.run([*ssh[:-1], "-S", path, "-O", "exit", name], check=True,
                   stderr=subprocess.DEVNULL)
    first.type(b"exit\r")
    first.process.wait()
    os.close(first.master)
    return times


def rates(stands, command, rounds=3):
    found = {stand.name: [] for stand in stands}
    for _ in range(rounds):
        for stand in stands:
            found[stand.name].append(flood_rate(stand, command))
    return {name: statistics.median(got) for name, got in found.items()}
