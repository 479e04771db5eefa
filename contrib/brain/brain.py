#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A reference client for Sallyport's stream-json, standard library only.

    with Brain.ssh("DIR/ssh_config") as brain:
        task = brain.request("task.create")["task"]
        done = brain.run(task, ["make", "test"])
        print(done.code, done.stdout.decode())

        vim = brain.terminal(task, ["vim", "notes"])
        screen = vim.press("i", until=[{"text": "INSERT"}])["screen"]

    brain.py --config DIR/ssh_config exec TASK -- make test
    brain.py --config DIR/ssh_config screen TASK-1

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


class Late(Exception):
    """What was waited for did not come in time; screen is what was there."""

    def __init__(self, until, screen):
        super().__init__(f"not within the time: {json.dumps(until)}")
        self.screen = screen


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

    def terminal(self, task, argv=None, rows=24, cols=80, **members):
        """Start a command in a terminal of its own; nothing of its output
        comes here but what is asked for."""
        members.setdefault("attach", False)
        pty = {"rows": rows, "cols": cols, **members.pop("pty", {})}
        return Terminal(self, self.request("exec", task=task, argv=argv,
                                           pty=pty, **members)["exec"])


class Terminal:
    """A command's terminal, by the command's id. Conditions of until are
    those of docs/stream-json.md; seconds bound every wait."""

    def __init__(self, brain, ident):
        self.brain, self.exec = brain, ident

    def screen(self, **members):
        """The screen as it is now, or more of it."""
        return self.brain.request("screen", exec=self.exec,
                                  **members)["screen"]

    def text(self):
        """The screen's lines as one text."""
        return "\n".join(self.screen()["lines"])

    def _type(self, members, until, seconds):
        if until is not None:
            members["wait"] = {"until": until,
                               "timeout_ms": int(seconds * 1000)}
        reply = self.brain.request("keys", exec=self.exec, **members)
        return self._waited(until, reply["wait"]) if until else None

    def press(self, *names, until=None, seconds=10):
        """Press keys by name; with until, what that wait was answered."""
        return self._type({"keys": list(names)}, until, seconds)

    def type(self, text, until=None, seconds=10):
        """Type text as it is; the Enter key is \\r."""
        return self._type({"text": text}, until, seconds)

    def paste(self, text, until=None, seconds=10):
        """Paste text, as a person does."""
        return self._type({"paste": text}, until, seconds)

    def wait(self, *until, seconds=10, since=None):
        """Wait until one of these is true; the answer. Raises Late."""
        reply = self.brain.request("wait", exec=self.exec, until=list(until),
                                   timeout_ms=int(seconds * 1000),
                                   since=since)
        return self._waited(list(until), reply["wait"])

    @staticmethod
    def _waited(until, answer):
        if answer["which"] < 0:
            raise Late(until, answer["screen"])
        return answer

    def resize(self, rows, cols):
        """Give it another size; the program is told."""
        self.brain.request("resize", exec=self.exec, rows=rows, cols=cols)


def show(event):
    """Pass a command's output on as it comes."""
    streams = {"stdout": sys.stdout.buffer, "stderr": sys.stderr.buffer}
    if event["type"] in streams:
        streams[event["type"]].write(payload(event))
        streams[event["type"]].flush()


def create(brain, args):
    print(brain.request("task.create", name=args.name)["task"])
    return 0


def destroy(brain, args):
    brain.request("task.destroy", task=args.task)
    return 0


def execute(brain, args):
    done = brain.run(args.task, args.argv, on_event=show)
    if done.code is None:
        print(f"brain.py: {done.reason} {done.signal or ''}", file=sys.stderr)
        return 255
    return done.code


def start(brain, args):
    print(brain.terminal(args.task, args.argv, args.rows, args.cols,
                         name=args.name).exec)
    return 0


def screen(brain, args):
    seen = Terminal(brain, args.exec).screen(scrollback=args.scrollback)
    sys.stdout.write("".join(line + "\n" for line in seen["lines"]))
    return 0


def press(brain, args):
    Terminal(brain, args.exec).press(*args.names)
    return 0


def sessions(brain, args):
    for found in brain.request("sessions", task=args.task)["sessions"]:
        print(found["exec"], found.get("name", "-"),
              f"{found['cols']}x{found['rows']}", found["what"])
    return 0


def parse():
    parser = argparse.ArgumentParser(description="Drive a Sallyport gateway.")
    parser.add_argument("--config", required=True, metavar="DIR/ssh_config")
    verbs = parser.add_subparsers(required=True)

    def verb(name, call, words, *members):
        made = verbs.add_parser(name, help=words)
        made.set_defaults(call=call)
        for member in members:
            made.add_argument(member)
        return made

    verb("create", create, "make a task, print its id").add_argument(
        "name", nargs="?")
    verb("destroy", destroy, "end a task", "task")
    verb("exec", execute, "run a command, pass its output on",
         "task").add_argument(
        "argv", nargs="+", help='program and arguments, after a "--"; its '
        'standard input is closed')
    made = verb("start", start, "start a command in a terminal, print its id",
                "task")
    made.add_argument("--name", help="so that ssh TASK+NAME joins it")
    made.add_argument("--rows", type=int, default=24)
    made.add_argument("--cols", type=int, default=80)
    made.add_argument("argv", nargs="+", help='after a "--"')
    verb("screen", screen, "print a terminal's screen", "exec").add_argument(
        "--scrollback", type=int, metavar="LINES", help="that are above it")
    verb("keys", press, "press keys in a terminal", "exec").add_argument(
        "names", nargs="+", help="Enter C-c M-x F5 Up a ...")
    verb("sessions", sessions, "list the terminals of a task", "task")
    return parser.parse_args()


def main():
    args = parse()
    try:
        with Brain.ssh(args.config) as brain:
            return args.call(brain, args)
    except (Refused, Closed) as fault:
        print(f"brain.py: {fault}", file=sys.stderr)
        return 255


if __name__ == "__main__":
    sys.exit(main())
