# SPDX-License-Identifier: Apache-2.0
"""A task whose keeper is killed again and again, at random points.

What its commands have written, what they were given and how they ended is kept
here, as the rings, the journal and the agent keep it; a Link is one keeper's
life on one attachment. It drops the connection wherever it likes: inside a
frame, before an answer, between what it took and the credit for it.
"""
import json
import random
import select
import socket
import struct
import threading
import time

CONTROL, STDIN, STDOUT, STDERR, PTY, WINDOW = range(1, 7)
ID = "abc12345"


class Dropped(Exception):
    """The keeper is killed."""


class Exec:
    """A command: what it writes is known from the start."""

    def __init__(self, number, start, output):
        self.id = f"{ID}-{number}"
        self.start = start
        self.output = output  # kind: bytes
        self.given = b""      # stdin that the agent has
        self.input_open = start.get("stdin", "open") == "open"
        self.signals = []
        self.size = None
        self.waits_for_input = bool(output.get("waits"))
        self.is_terminal = "pty" in start

    def is_over(self):
        return not (self.waits_for_input and self.input_open)


class Task:
    """All that outlives a keeper."""

    def __init__(self, seed, make_output):
        self.random = random.Random(seed)
        self.make_output = make_output
        self.execs = {}
        self.tokens = {}
        self.lock = threading.RLock()
        self.links = []
        self.drops = 0
        self.attaches = []
        self.asked = []    # questions to terminals, by all keepers
        self.answers = {}  # to these, by type; without one: none
        self.poison = False  # True: a keeper dies of an attach
        self.deaf = False    # True: no stdin reaches a command
        self.calm = False    # True: no keeper is killed any more
        self.budget = 40000  # bytes that a keeper lives for, at most ...
        self.input_cost = 4  # ... where so many of input count as one

    def begin(self, start):
        """The exec of a start, and whether it is new."""
        with self.lock:
            token = start["token"]
            if token in self.tokens:
                return self.tokens[token], False
            made = Exec(len(self.execs) + 1, start, self.make_output(start))
            self.execs[made.id] = self.tokens[token] = made
            return made, True

    def serve(self, sock):
        link = Link(self, sock)
        self.links.append(link)
        link.start()


class Reader:
    """One stream of a link."""

    def __init__(self, stream, of, at, body):
        self.stream, self.of, self.at = stream, of, dict(at)
        self.view = body.get("view") if not body.get("tied") else None
        self.is_quiet = body.get("from") == "none"
        self.pending = b""  # stdin that has come, and that dies with us
        self.credited = 0
        self.ended = set()


class Link(threading.Thread):
    def __init__(self, task, sock):
        super().__init__(daemon=True)
        self.task, self.sock = task, sock
        self.random = random.Random(task.random.random())
        self.left = self.random.randrange(60, task.budget)
        self.readers = {}
        self.lock = threading.RLock()
        self.dead = False

    # what the gate hears

    def spend(self, frame):
        """Send as much of a frame as this keeper lives for."""
        if self.dead:
            raise Dropped
        if not self.task.calm:
            self.left -= len(frame)
        if self.left < 0:
            self.sock.sendall(frame[:max(0, len(frame) + self.left)])
            self.die()
            raise Dropped
        self.sock.sendall(frame)

    def die(self):
        self.dead = True
        self.task.drops += 1
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def send(self, kind, stream, payload=b""):
        with self.lock:
            self.spend(struct.pack(">IBI", len(payload) + 5, kind, stream) +
                       payload)

    def say(self, on, kind, **members):
        self.send(CONTROL, on, json.dumps({"type": kind, **members}).encode())

    # its life

    def run(self):
        self.sock.settimeout(20)
        kept = b""
        try:
            while True:
                if select.select([self.sock], [], [], 0.002)[0]:
                    more = self.sock.recv(1 << 16)
                    if not more:
                        break
                    kept += more
                kept = self.take_all(kept)
                for reader in list(self.readers.values()):
                    self.turn(reader)
        except (Dropped, OSError):
            pass
        for reader in list(self.readers.values()):
            self.swallow(reader, 0 if self.task.deaf else 0.5)
        self.sock.close()

    def take_all(self, kept):
        while len(kept) >= 9:
            length, kind, stream = struct.unpack(">IBI", kept[:9])
            if len(kept) < length + 4:
                break
            body, kept = kept[9:length + 4], kept[length + 4:]
            if not self.task.calm:
                self.left -= len(body) // self.task.input_cost
            if self.left < 0:
                self.die()
                raise Dropped
            self.take(kind, stream,
                      json.loads(body) if kind == CONTROL else body)
        return kept

    def take(self, kind, stream, body):
        if kind == STDIN:
            reader = self.readers.get(stream)
            if reader is not None:
                if body:
                    reader.pending += body
                else:
                    reader.credited += self.swallow(reader, 1)
                    reader.of.input_open = False
            return
        handler = getattr(self, "on_" + body["type"])
        handler(stream, body)

    def on_start(self, stream, body):
        of, is_new = self.task.begin(body)
        if is_new and self.random.random() < 0.3 and not self.task.calm:
            self.die()  # begun, journalled, and not yet told
            raise Dropped
        self.readers[stream] = Reader(stream, of, {STDOUT: 0, STDERR: 0},
                                      body)
        if is_new:
            self.say(stream, "started", exec=of.id, pid=7)
        else:
            self.attached(stream, of)
        self.paint(stream)

    on_session = on_start

    def paint(self, stream):
        view = self.readers[stream].view
        if view:
            self.send(PTY, stream, "[{kind} {cols}x{rows}]".format(
                **view).encode())

    def attached(self, stream, of):
        at = self.readers[stream].at
        self.say(stream, "attached", exec=of.id, running=not of.is_over(),
                 stdout=at[STDOUT], stderr=at[STDERR], pty=of.is_terminal,
                 **({"stdin": len(of.given)} if of.input_open and
                    not of.is_terminal else {}))

    def on_attach(self, stream, body):
        self.task.attaches.append(body)
        if self.task.poison:
            self.die()
            raise Dropped
        of = self.task.execs.get(body.get("exec", ID + "-1"))
        if of is None:
            self.say(stream, "refused", code="not_found", text="no exec")
            return
        offsets = body.get("from", {})
        offsets = offsets if isinstance(offsets, dict) else {}
        self.readers[stream] = Reader(
            stream, of, {STDOUT: offsets.get("stdout", 0),
                         STDERR: offsets.get("stderr", 0)}, body)
        self.attached(stream, of)
        self.paint(stream)

    def on_signal(self, stream, body):
        reader = self.readers.get(stream)
        if reader is None:
            return
        if self.random.random() < 0.5 and not self.task.calm:
            self.die()
            raise Dropped
        reader.of.signals.append(body["signal"])
        self.say(stream, "taken")

    def on_resize(self, stream, body):
        reader = self.readers.get(stream)
        if reader is not None:
            reader.of.size = (body["rows"], body["cols"])
            self.say(stream, "taken")

    def on_ask(self, stream, body):
        """A question is answered after a while, if we live to see it."""
        self.task.asked.append(body)
        if self.task.answers.get(body["type"]):
            self.say(stream, "answer", ask=body["ask"],
                     **self.task.answers[body["type"]])

    on_screen = on_keys = on_wait = on_ask

    def on_terminals(self, stream, body):
        self.task.asked.append(body)
        row = {"what": "sh", "principal": "ann", "rows": 24, "cols": 80,
               "clients": 0, "watchers": 0, "age_ms": 1, "idle_ms": 1,
               "recorded": False}
        self.say(stream, "terminal", ask=body["ask"], exec=ID + "-1", **row)
        if self.task.answers.get("terminals") is not None:
            self.say(stream, "answer", ask=body["ask"])

    def on_detach(self, stream, _body):
        if self.readers.pop(stream, None):
            self.say(stream, "detached")

    # its commands

    def swallow(self, reader, part):
        """The agent gets some of what has come."""
        count = round(len(reader.pending) * part)
        if reader.of.input_open:
            reader.of.given += reader.pending[:count]
        reader.pending = reader.pending[count:]
        return count

    def turn(self, reader):
        count = (0 if self.task.deaf else
                 self.swallow(reader, self.random.random()))
        reader.credited += count
        if reader.credited and self.random.random() < 0.7:
            credit, reader.credited = reader.credited, 0
            self.send(WINDOW, reader.stream, struct.pack(">I", credit))
        of = reader.of
        if reader.view or reader.is_quiet:
            return
        kinds = [kind for kind in (STDOUT, STDERR)
                 if reader.at[kind] < len(of.output[kind])]
        if kinds:
            kind = self.random.choice(kinds)
            some = of.output[kind][reader.at[kind]:][
                :self.random.randrange(1, 6000)]
            self.send(PTY if of.is_terminal else kind, reader.stream, some)
            reader.at[kind] += len(some)
        elif reader.credited:
            pass
        elif of.is_over():
            for kind in ((PTY,) if of.is_terminal else (STDOUT, STDERR)):
                self.send(kind, reader.stream)
            self.say(reader.stream, "exit", code=of.output["code"],
                     reason="exited", duration_ms=3)
            del self.readers[reader.stream]


def noise(seed, size):
    return random.Random(seed).randbytes(size)


def settle(what, seconds=60):
    """Wait for a truth."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not settle")
        time.sleep(0.01)
