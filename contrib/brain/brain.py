#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A reference client for Sallyport's stream-json, standard library only.

    with Brain.ssh("DIR/ssh_config") as brain:
        task = brain.request("task.create")["task"]
        done = brain.run(task, ["make", "test"])
        print(done.code, done.stdout.decode())

    brain.py --config DIR/ssh_config exec TASK -- make test

A Brain is used from one thread. Reading is the caller's own pace: who stops
reading events slows this connection and nothing else.
"""
import argparse
import base64
import collections
import dataclasses
import itertools
import json
import queue
import subprocess
import sys
import threading

PIECE = 256 << 10  # bytes of stdin in one request


class Refused(Exception):
    """A request's reply said "ok": false."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]
        self.message = error["message"]


class Closed(Exception):
    """The connection ended."""


@dataclasses.dataclass
class Done:
    """How a command ended, and what it wrote."""

    exec: str
    code: int = None
    signal: str = None
    reason: str = None
    stdout: bytes = b""
    stderr: bytes = b""
    exit: dict = dataclasses.field(default_factory=dict, repr=False)


def payload(event):
    """The bytes of an output event."""
    if "data" in event:
        return event["data"].encode()
    return base64.b64decode(event["base64"])


def blob(data):
    """Bytes as a member object: text where they are UTF-8, else base64."""
    try:
        return {"data": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


class Brain:
    """One stream-json connection over a pair of binary files."""

    def __init__(self, reader, writer, process=None):
        self.reader, self.writer, self.process = reader, writer, process
        self.numbers = itertools.count(1)
        self.replies = {}
        self.then = {}  # what to do with a reply that nobody waits for
        self.pending = collections.deque()  # events read while waiting
        self.outgoing = queue.SimpleQueue()
        # A thread writes, so that a long request can never wait for events
        # that its own sender has not read yet.
        threading.Thread(target=self._write, daemon=True).start()
        try:
            self.hello = self._read()
        except Closed:
            self.close()
            raise

    @classmethod
    def ssh(cls, config, options=(), stderr=None):
        """Connect with the stock client; config is DIR/ssh_config."""
        return cls.spawn(["ssh", "-F", config, *options, "-s", "brain",
                          "stream-json"], stderr=stderr)

    @classmethod
    def spawn(cls, argv, **popen):
        """Talk to a program that speaks it on its stdin and stdout."""
        process = subprocess.Popen(argv, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, **popen)
        return cls(process.stdout, process.stdin, process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Disconnect; running commands go on."""
        self.outgoing.put(None)
        if self.process:
            self.process.terminate()
            self.process.wait()
        self.reader.close()

    def _write(self):
        try:
            while (line := self.outgoing.get()) is not None:
                self.writer.write(line)
                self.writer.flush()
            self.writer.close()
        except OSError:
            pass  # the reader meets the end too, and says so

    def _read(self):
        line = self.reader.readline()
        if not line.endswith(b"\n"):
            raise Closed("the gateway ended the connection")
        return json.loads(line)

    def _sort(self, message):
        if message["type"] == "reply":
            then = self.then.pop(message["id"], None)
            if then:
                then(message)
            else:
                self.replies[message["id"]] = message
        else:
            self.pending.append(message)

    def send(self, kind, **members):
        """Send a request and return its id, for wait()."""
        number = str(next(self.numbers))
        members = {k: v for k, v in members.items() if v is not None}
        line = json.dumps({"type": kind, "id": number, **members})
        self.outgoing.put(line.encode() + b"\n")
        return number

    def wait(self, number):
        """The reply to an earlier send(); raises Refused. Events on the way
        are kept."""
        while number not in self.replies:
            self._sort(self._read())
        reply = self.replies.pop(number)
        if not reply["ok"]:
            raise Refused(reply["error"])
        return reply

    def request(self, kind, **members):
        """Send a request and return its reply; raises Refused."""
        return self.wait(self.send(kind, **members))

    def event(self):
        """The next event, in the order of arrival."""
        while not self.pending:
            self._sort(self._read())
        return self.pending.popleft()

    def events(self, ident):
        """Events of one exec up to its exit; other events are kept."""
        kept = []
        try:
            while True:
                event = self.event()
                if event.get("exec") != ident:
                    kept.append(event)
                    continue
                yield event
                if event["type"] == "exit":
                    return
        finally:
            self.pending.extendleft(reversed(kept))

    def feed(self, ident, data):
        """All of data to a command's stdin, then its end. The rest goes out
        while events are read: one piece at a time, each when the one before
        was taken."""
        pieces = [{"base64": base64.b64encode(data[at:at + PIECE]).decode()}
                  for at in range(0, len(data), PIECE)] + [{"eof": True}]

        def more(reply):
            if reply["ok"] and pieces:
                self.then[self.send("stdin", exec=ident,
                                    **pieces.pop(0))] = more

        more({"ok": True})

    def run(self, task, argv=None, stdin=None, on_event=None, **members):
        """Run a command and collect everything; see docs/stream-json.md."""
        if stdin is not None:
            members["stdin"] = blob(stdin) if len(stdin) <= PIECE else "open"
        ident = self.request("exec", task=task, argv=argv, **members)["exec"]
        if members.get("stdin") == "open":
            self.feed(ident, stdin)
        out = {"stdout": bytearray(), "stderr": bytearray()}
        for event in self.events(ident):
            if on_event:
                on_event(event)
            if event["type"] in out:
                out[event["type"]] += payload(event)
        return Done(ident, event.get("code"), event.get("signal"),
                    event["reason"], bytes(out["stdout"]),
                    bytes(out["stderr"]), event)


def show(event):
    """Pass a command's output on as it comes."""
    streams = {"stdout": sys.stdout.buffer, "stderr": sys.stderr.buffer}
    if event["type"] in streams:
        streams[event["type"]].write(payload(event))
        streams[event["type"]].flush()


def main():
    parser = argparse.ArgumentParser(description="Drive a Sallyport gateway.")
    parser.add_argument("--config", required=True, metavar="DIR/ssh_config")
    verbs = parser.add_subparsers(dest="verb", required=True)
    create = verbs.add_parser("create", help="make a task, print its id")
    create.add_argument("name", nargs="?")
    verbs.add_parser("destroy", help="end a task").add_argument("task")
    run = verbs.add_parser("exec", help="run a command, pass its output on")
    run.add_argument("task")
    run.add_argument("argv", nargs="+", help='program and arguments, after '
                     'a "--"; its standard input is closed')
    args = parser.parse_args()
    try:
        with Brain.ssh(args.config) as brain:
            if args.verb == "create":
                print(brain.request("task.create", name=args.name)["task"])
                return 0
            if args.verb == "destroy":
                brain.request("task.destroy", task=args.task)
                return 0
            done = brain.run(args.task, args.argv, on_event=show)
    except (Refused, Closed) as fault:
        print(f"brain.py: {fault}", file=sys.stderr)
        return 255
    if done.code is None:
        print(f"brain.py: {done.reason} {done.signal or ''}", file=sys.stderr)
        return 255
    return done.code


if __name__ == "__main__":
    sys.exit(main())
