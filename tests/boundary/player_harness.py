# SPDX-License-Identifier: Apache-2.0
"""The player of recordings with this test as its manager and its gate.

    with Player(cast([0.1, "o", "hello"])) as player:
        player.attach()
        player.to_the_end()
        player.row(0)
"""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from peers import CONTROL, PTY, Peer, SECONDS  # noqa: E402

PROGRAM = os.path.join(os.environ["SALLYPORT_BIN"], "sallyport-player")
UID = 1879048194
NAME = "t7kq2m9x-1"

# All that a watching view may write: server/terminal/view.h.
GRAMMAR = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|\x1b\[(?P<sgr>[0-9;:]*)m"
    r"|\x1b\[(?P<row>[0-9]*)(?:;(?P<col>[0-9]*))?H"
    r"|\x1b\[(?P<erase>K|2J)"
    r"|\x1b\[\?(?P<mode>25|1049|2026|7)(?P<set>[hl])")


def header(version=2, rows=24, cols=80):
    if version == 2:
        return {"version": 2, "width": cols, "height": rows}
    return {"version": 3, "term": {"cols": cols, "rows": rows}}


def cast(*events, **of):
    """The bytes of a recording."""
    return b"".join(json.dumps(line).encode() + b"\n"
                    for line in (header(**of), *events))


class Picture:
    """What a person would see; wide characters are not known here."""

    def __init__(self):
        self.cells = {}
        self.at = [0, 0]
        self.modes = {}
        self.faults = []

    def paint(self, text):
        place = 0
        while place < len(text):
            found = GRAMMAR.match(text, place)
            if found is None:
                self.faults.append(text[place:place + 20])
                place += 1
                continue
            place = found.end()
            self.apply(found)

    def apply(self, found):
        if found["text"] is not None:
            for letter in found["text"]:
                self.cells[tuple(self.at)] = letter
                self.at[1] += 1
        elif found["erase"] == "2J":
            self.cells.clear()
        elif found["erase"] == "K":
            for place in [p for p in self.cells
                          if p[0] == self.at[0] and p[1] >= self.at[1]]:
                del self.cells[place]
        elif found["mode"] is not None:
            self.modes[found["mode"]] = found["set"] == "h"
        elif found["sgr"] is None:
            self.at = [int(found["row"] or 1) - 1, int(found["col"] or 1) - 1]

    def row(self, number):
        last = max((c for r, c in self.cells if r == number), default=-1)
        return "".join(self.cells.get((number, c), " ")
                       for c in range(last + 1)).rstrip()


class Player:
    def __init__(self, recording):
        self.log = tempfile.TemporaryFile()
        with tempfile.TemporaryFile() as file:
            file.write(recording)
            file.flush()
            file.seek(0)
            ours, theirs = socket.socketpair()

            def place():
                os.dup2(file.fileno(), 13, inheritable=False)
                os.dup2(theirs.fileno(), 14, inheritable=False)
                os.dup2(13, 3, inheritable=True)
                os.dup2(14, 4, inheritable=True)

            self.process = subprocess.Popen(
                [PROGRAM, str(UID), NAME], close_fds=False, preexec_fn=place,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=self.log)
            theirs.close()
        self.gate = Peer(ours)
        self.picture = Picture()
        self.bytes = b""
        self.frames = 0

    def say(self, kind, on=1, **members):
        self.gate.say(on, kind, **members)

    def attach(self, on=1, rows=24, cols=80, **members):
        self.say("attach", on, view={"kind": "watch", "rows": rows,
                                     "cols": cols}, **members)
        stream, told = self.gate.expect("attached")
        assert stream == on, stream
        return told

    def take(self):
        """The next message; pictures on the way are painted."""
        while True:
            kind, _, body = self.gate.recv()
            if kind == CONTROL:
                return body
            assert kind == PTY, kind
            self.frames += 1
            self.bytes += body
            # a picture may be cut between two frames, but a mode ends it
            try:
                text = self.bytes.decode()
            except UnicodeDecodeError:
                continue
            if not re.search(r"\x1b[^A-Za-z]*$", text):
                self.bytes = b""
                self.picture.paint(text)

    def to_the_end(self):
        """Its exit."""
        while True:
            told = self.take()
            if told["type"] == "exit":
                return told

    def see(self, wanted, rows=24):
        """Read until one of the rows has this text."""
        while not any(wanted in self.picture.row(r) for r in range(rows)):
            kind, _, body = self.gate.recv()
            if kind == CONTROL:
                raise AssertionError(f"{wanted}: {body}")
            self.frames += 1
            self.picture.paint(body.decode())

    def row(self, number):
        return self.picture.row(number)

    def status(self):
        return self.process.wait(timeout=SECONDS)

    def says(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gate.sock.close()
        try:
            self.process.wait(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            raise
        finally:
            self.log.close()
