# SPDX-License-Identifier: Apache-2.0
"""The real agent, first of a pid namespace of its own, and a scripted keeper."""
import atexit
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from tap import check, done, equal, run  # noqa: E402,F401

BIN = os.path.abspath(os.environ.get("SALLYPORT_BIN", "build/bin"))
CONTROL, STDIN, STDOUT, STDERR, PTY, WINDOW = 1, 2, 3, 4, 5, 6
WINDOW_OUTPUT = 1 << 20
WINDOW_PTY = 128 << 10
WINDOW_STDIN = 256 << 10
DATA_MAX = 64 << 10
PATIENCE = 60.0
USER = 12345  # no passwd line

PASSWD = """root:x:0:0:root:/root:/bin/sh
broken:x:12
ann:x:2001:2002:Ann:/tmp:/bin/bash
ben:x:2003:2003::/nowhere:
cat:x:2004:2004::/tmp:/no/such/shell
sly:x:65535:65535::/:/bin/sh
"""
GROUP = """root:x:0:
staff:x:2010:ann,ben
night:x:2011:ben,ann
broken:x
day:x:2012:
"""

FOLDER = tempfile.mkdtemp(prefix="agent-test-")
os.chmod(FOLDER, 0o755)
AGENTS = []


def clean():
    for agent in AGENTS:
        agent.end()
    shutil.rmtree(FOLDER, ignore_errors=True)


atexit.register(clean)


def write(name, text, mode=0o644):
    path = os.path.join(FOLDER, name)
    with open(path, "w") as out:
        out.write(text)
    os.chmod(path, mode)
    return path


write("passwd", PASSWD)
write("group", GROUP)
# Terminals as the sandbox's bundle has them.
SETUP = """mount --bind "$1/passwd" /etc/passwd &&
mount --bind "$1/group" /etc/group &&
mount -t devpts -o newinstance,nosuid,noexec,ptmxmode=0666,mode=0620,gid=5 \
    devpts /dev/pts && mount --bind /dev/pts/ptmx /dev/ptmx && eval "$3" && exec "$2" """


def frame(kind, stream, payload=b""):
    return struct.pack(">IBI", 5 + len(payload), kind, stream) + payload


def message(stream, kind, **members):
    body = {"type": kind}
    body.update(members)
    return frame(CONTROL, stream, json.dumps(body).encode())


class Exec:
    """What the agent has said of one exec."""

    def __init__(self, number):
        self.number = number
        self.pid = None
        self.out = bytearray()
        self.err = bytearray()
        self.modes = []      # (bytes of out before, echo, canonical)
        self.ends = []       # kinds whose empty frame has come
        self.words = []      # started, exit, refused
        self.ending = None   # the last of them, whole
        self.stdin_credit = WINDOW_STDIN
        self.late = 0        # frames after exit or refused

    def take(self, kind, payload):
        if self.ending is not None:
            self.late += 1
        if kind == WINDOW:
            self.stdin_credit += struct.unpack(">I", payload)[0]
        elif kind in (STDOUT, STDERR, PTY):
            if not payload:
                self.ends.append(kind)
            elif kind in self.ends:
                self.late += 1
            (self.err if kind == STDERR else self.out).extend(payload)
        else:
            self.listen(json.loads(payload))

    def listen(self, body):
        if body["type"] == "terminal":
            self.modes.append((len(self.out), body["echo"],
                               body["canonical"]))
            return
        self.words.append(body["type"])
        if body["type"] == "started":
            self.pid = body["pid"]
        else:
            self.ending = body

    @property
    def code(self):
        return self.ending.get("code")

    @property
    def signal(self):
        return self.ending.get("signal")

    @property
    def reason(self):
        return self.ending.get("reason")


class Agent:
    """alone: no namespace, and with uid a plain user's; setup: a shell's
    command, run in the namespace before."""

    def __init__(self, alone=False, uid=None, setup="true"):
        self.sock, theirs = socket.socketpair()
        link = theirs.fileno()

        def place():
            os.dup2(link, 3, inheritable=True)
            if uid is not None:
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)

        program = os.path.join(BIN, "sallyport-agent")
        words = [program] if alone else [
            "unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
            "sh", "-c", SETUP, "sh", FOLDER, program, setup]
        self.process = subprocess.Popen(
            words, close_fds=False, preexec_fn=place,
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        theirs.close()
        self.alone = alone
        self.input = bytearray()
        self.output = bytearray()
        self.sending = False
        self.execs = {}
        self.last = 0
        self.crediting = True
        self.forgetting = True
        self.ended = False
        self.hello = None
        AGENTS.append(self)
        self.until(lambda: self.hello is not None)

    # reading

    def frames(self):
        at = 0
        while len(self.input) - at >= 9:
            length, kind, stream = struct.unpack_from(">IBI", self.input, at)
            if len(self.input) - at < 4 + length:
                break
            payload = bytes(self.input[at + 9:at + 4 + length])
            at += 4 + length
            yield kind, stream, payload
        del self.input[:at]

    def pump(self, timeout):
        """Take what has come; returns False at the link's end."""
        if not select.select([self.sock], [], [], timeout)[0]:
            return True
        try:
            data = self.sock.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        if not data:
            self.ended = True
            return False
        self.input += data
        owed, over = {}, []
        for kind, stream, payload in list(self.frames()):
            if stream == 0:
                self.hello = json.loads(payload)
                continue
            one = self.execs[stream]
            one.take(kind, payload)
            if kind in (STDOUT, STDERR, PTY) and payload:
                owed[stream] = owed.get(stream, 0) + len(payload)
            if kind == CONTROL and one.ending is not None:
                over.append(one)
        if self.crediting:
            for stream, count in owed.items():
                self.grant(stream, count)
        if self.forgetting:
            for one in over:
                self.forget(one)
        return True

    def until(self, fact, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while not fact():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the agent did not get there")
            if not self.pump(min(left, 1)):
                if fact():
                    return
                raise EOFError("the agent went: " + self.last_words())

    def quiet(self, seconds):
        """Take what comes for so long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.pump(deadline - time.monotonic())

    # writing

    def send(self, data):
        """Without a dead-lock: reads while it cannot write. What reading
        makes us send goes behind."""
        self.output += data
        if self.sending:
            return
        self.sending = True
        try:
            while self.output:
                if not select.select([], [self.sock], [], 0)[1]:
                    self.pump(0.01)
                    continue
                count = self.sock.send(
                    self.output[:65536], socket.MSG_DONTWAIT)
                del self.output[:count]
        finally:
            self.sending = False

    def grant(self, number, count):
        self.send(frame(WINDOW, number, struct.pack(">I", count)))

    def forget(self, one):
        self.send(message(one.number, "forget"))

    def start(self, **members):
        self.last += 1
        one = self.execs[self.last] = Exec(self.last)
        self.send(message(self.last, "exec", **members))
        return one

    def feed(self, one, data):
        """Send as stdin as much as credit allows, waiting for more."""
        view = memoryview(data)
        while view:
            self.until(lambda: one.stdin_credit > 0 or one.ending)
            if one.ending:
                return
            some = view[:min(one.stdin_credit, DATA_MAX)]
            one.stdin_credit -= len(some)
            self.send(frame(STDIN, one.number, bytes(some)))
            view = view[len(some):]

    def close_stdin(self, one):
        self.send(frame(STDIN, one.number))

    def signal(self, one, name, tree=False):
        members = {"tree": True} if tree else {}
        self.send(message(one.number, "signal", signal=name, **members))

    def resize(self, one, rows, cols):
        self.send(message(one.number, "resize", rows=rows, cols=cols))

    def hangup(self, one):
        self.send(message(one.number, "hangup"))

    def terminal(self, *argv, rows=24, cols=80, **members):
        """Start argv, or /bin/sh -c of one string, on a terminal."""
        if len(argv) == 1:
            argv = ("/bin/sh", "-c", argv[0])
        return self.start(argv=argv, pty={"rows": rows, "cols": cols},
                          **members)

    def kill(self, one):
        self.send(message(one.number, "kill"))

    def wait(self, one, patience=PATIENCE):
        self.until(lambda: one.ending is not None, patience)
        return one

    def run(self, **members):
        return self.wait(self.start(**members))

    def sh(self, command, **members):
        return self.run(argv=["/bin/sh", "-c", command], **members)

    # the process

    @property
    def pid(self):
        """The agent's, in our pid namespace."""
        if self.alone:
            return self.process.pid
        below = children(self.process.pid)
        return below[0] if below else None

    def last_words(self):
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return "(it lives)"
        return self.process.stderr.read().decode(errors="replace")

    def end(self):
        if self.process.poll() is None:
            self.sock.close()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.sock.close()
        self.process.stderr.close()


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as text:
            return [int(word) for word in text.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def wait_for(fact, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if fact():
            return True
        time.sleep(0.01)
    return bool(fact())


def need_root():
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root to make a pid namespace")
        sys.exit(0)
