# SPDX-License-Identifier: Apache-2.0
"""A manager and keepers of our own making, which may lie as a test likes.

    with Session() as session:          # a brain session without SSH
        session.send({"type": "ping", "id": "1"})
        session.reply("1")
"""
import array
import base64
import json
import os
import socket
import struct
import subprocess

import jsonschema

LINE = 1 << 20
CREDIT = 256 << 10
STAND = os.path.join(os.environ["SALLYPORT_BIN"], "..", "tests", "boundary",
                     "brain_stand")
CONTROL, STDIN, STDOUT, STDERR, PTY, WINDOW = range(1, 7)
SECONDS = 20  # for anything that must come

with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs",
                       "stream-json.schema.json"), encoding="utf-8") as file:
    SCHEMA = json.load(file)
EVENT = jsonschema.Draft202012Validator(
    {"$ref": "#/$defs/event", "$defs": SCHEMA["$defs"]})


class Peer:
    """Frames over a stream socket, as docs/frames.md has them."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(SECONDS)
        self.kept = b""

    def send(self, kind, stream, payload=b"", fds=()):
        frame = struct.pack(">IBI", len(payload) + 5, kind, stream) + payload
        if not fds:
            self.sock.sendall(frame)
            return
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                      array.array("i", fds))]
        sent = self.sock.sendmsg([frame], ancillary)
        if sent < len(frame):
            self.sock.sendall(frame[sent:])

    def say(self, on, kind, fds=(), **members):
        self.send(CONTROL, on,
                  json.dumps({"type": kind, **members}).encode(), fds)

    def exactly(self, count):
        while len(self.kept) < count:
            more = self.sock.recv(1 << 18)
            if not more:
                raise EOFError("the gate closed its socket")
            self.kept += more
        taken, self.kept = self.kept[:count], self.kept[count:]
        return taken

    def recv(self):
        """The next frame: kind, stream, payload (read, if it is control)."""
        length, kind, stream = struct.unpack(">IBI", self.exactly(9))
        payload = self.exactly(length - 5)
        return kind, stream, json.loads(payload) if kind == CONTROL \
            else payload

    def expect(self, kind):
        """A control message of this type: its stream and its members."""
        got, stream, message = self.recv()
        assert got == CONTROL and message["type"] == kind, (kind, message)
        return stream, message

    def closes(self):
        """Whether the gate ends the connection."""
        try:
            while self.sock.recv(1 << 18):
                pass
        except ConnectionResetError:
            pass
        except TimeoutError:
            return False
        return True


class Session:
    """The stand, with this process as its brain and its manager."""

    def __init__(self):
        ours, theirs = socket.socketpair()
        self.manager = Peer(ours)
        read_end, self.input = os.pipe()
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", 'exec "$0" 3<&%d' % theirs.fileno(), STAND],
            stdin=read_end, stdout=subprocess.PIPE,
            pass_fds=[theirs.fileno()])
        theirs.close()
        os.close(read_end)
        self.events = []
        self.keepers = {}
        self.hello = self.read()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close_input()
        self.process.stdout.close()
        if kind is not None:
            self.process.kill()
        code = self.process.wait(timeout=SECONDS)
        self.manager.sock.close()
        for keeper in self.keepers.values():
            keeper.sock.close()
        assert kind is not None or code in (0, 1), f"the stand's code {code}"

    def close_input(self):
        if self.input is not None:
            os.close(self.input)
        self.input = None

    def raw(self, text):
        view = memoryview(text)
        while view:
            view = view[os.write(self.input, view):]

    def send(self, message):
        self.raw(json.dumps(message).encode() + b"\n")

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise EOFError("the session ended")
        message = json.loads(line)
        EVENT.validate(message)
        return message

    def reply(self, ident):
        """The reply to a request; events on the way are kept."""
        while True:
            message = self.read()
            if message["type"] == "reply" and message["id"] == ident:
                return message
            self.events.append(message)

    def event(self):
        return self.events.pop(0) if self.events else self.read()

    def ask(self, ident, kind, **members):
        self.send({"type": kind, "id": ident, **members})
        return self.reply(ident)

    def attach(self, right="write"):
        """Play the manager: connect the gate to a keeper that is ours."""
        _, asked = self.manager.expect("attach")
        assert asked["right"] == right, asked
        ours, theirs = socket.socketpair()
        self.manager.say(0, "answer", [theirs.fileno()],
                         request=asked["request"], task="abc")
        theirs.close()
        self.keepers[asked["task"]] = Peer(ours)
        return self.keepers[asked["task"]]

    def refuse(self, kind, code, text):
        """Play the manager: refuse a question; what was asked."""
        _, asked = self.manager.expect(kind)
        self.manager.say(0, "answer", request=asked["request"], code=code,
                         text=text)
        return asked

    def started(self, ident="e", number=1, **members):
        """Start a command: the keeper, and the stream it is on."""
        members.setdefault("argv", ["true"])
        self.send({"type": "exec", "id": ident, "task": "abc", **members})
        keeper = self.keepers.get("abc") or self.attach()
        stream, self.start = keeper.expect("start")
        keeper.say(stream, "started", exec=f"abc-{number}", pid=40 + number)
        reply = self.reply(ident)
        assert reply["ok"], reply
        return keeper, stream


def exit_message(**members):
    return {"reason": "exited", "duration_ms": 5,
            "rusage": {"user_ms": 1, "system_ms": 1, "max_rss": 4096},
            **members}


def payload(event):
    """The bytes of an output event."""
    return (event["data"].encode() if "data" in event
            else base64.b64decode(event["base64"]))


def refusal(reply, code, *words):
    """Whether a reply is an error of this code that names these words."""
    return (not reply["ok"] and reply["error"]["code"] == code and
            all(word in reply["error"]["message"] for word in words))


TASK = {"task": "t1", "name": "t1", "owner": "alice", "state": "ready",
        "profile": "default", "image": "default", "runtime": "runc",
        "created": "2030-01-01T00:00:00.000Z", "provision_ms": 80,
        "running": 0}


def cases(module):
    """The functions of a test file that take nothing: its tests, in order."""
    return [value for name, value in vars(module).items()
            if callable(value) and name != "main" and
            getattr(value, "__module__", "") == "__main__" and
            value.__code__.co_argcount == 0]
