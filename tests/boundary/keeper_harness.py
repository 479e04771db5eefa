# SPDX-License-Identifier: Apache-2.0
"""A real keeper with a scripted agent, manager and gate around it."""
import atexit
import fcntl
import json
import os
import resource
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

BIN = os.environ.get("SALLYPORT_BIN", "build/bin")
CONTROL, STDIN, STDOUT, STDERR, PTY, WINDOW = 1, 2, 3, 4, 5, 6
WINDOW_OUTPUT = 1 << 20
WINDOW_PTY = 128 << 10
WINDOW_STDIN = 256 << 10
DATA_MAX = 64 << 10
KEEPER_UID = 1879059999
PATIENCE = 20.0
TASK = "abc"
LIVE = []

# The keeper's descriptors are numbered 3 to 6: nothing else may be there.
NULL = os.open("/dev/null", os.O_RDWR)
for number in (3, 4, 5, 6):
    if number != NULL:
        os.dup2(NULL, number, inheritable=False)

BLOCK = os.urandom(1048573)


def pattern(start, length):
    """The bytes that every stream of a test carries, by their offset."""
    at = start % len(BLOCK)
    out = BLOCK[at:at + length]
    while len(out) < length:
        out += BLOCK[:length - len(out)]
    return out


def frame(kind, stream, payload=b""):
    return struct.pack(">IBI", 5 + len(payload), kind, stream) + payload


def message(stream, kind, **members):
    body = {"type": kind}
    body.update(members)
    return frame(CONTROL, stream, json.dumps(body).encode())


class Peer:
    """One end of a socket that carries frames."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = bytearray()
        self.lock = threading.Lock()

    def send(self, raw):
        with self.lock:
            self.sock.sendall(raw)

    def say(self, stream, kind, **members):
        self.send(message(stream, kind, **members))

    def data(self, kind, stream, payload=b""):
        self.send(frame(kind, stream, payload))

    def receive(self):
        return self.sock.recv(1 << 18)

    def fill(self, deadline):
        left = deadline - time.monotonic()
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        if left <= 0 or not poll.poll(left * 1000):
            raise TimeoutError("nothing came")
        try:
            got = self.receive()
        except ConnectionResetError:
            got = b""
        if not got:
            raise EOFError("the keeper hung up")
        self.buffer += got

    def frame(self, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while True:
            if len(self.buffer) >= 9:
                length, kind, stream = struct.unpack_from(
                    ">IBI", self.buffer)
                if len(self.buffer) >= 4 + length:
                    payload = bytes(self.buffer[9:4 + length])
                    del self.buffer[:4 + length]
                    return kind, stream, payload
            self.fill(deadline)

    def hear(self, want, stream=None, patience=PATIENCE):
        """The next frame, which must be this message; its members."""
        kind, on, payload = self.frame(patience)
        assert kind == CONTROL, (kind, on, payload[:60], "instead of", want)
        body = json.loads(payload)
        assert body.pop("type") == want, (payload, "instead of", want)
        assert stream is None or on == stream, (on, payload)
        return body

    def hears_nothing(self, patience=0.2):
        try:
            got = self.frame(patience)
        except TimeoutError:
            return
        raise AssertionError(("unexpected", got[0], got[1], got[2][:200]))

    def is_closed(self, patience=PATIENCE):
        deadline = time.monotonic() + patience
        try:
            while True:
                self.frame(deadline - time.monotonic())
        except EOFError:
            return True
        except TimeoutError:
            return False

    def close(self):
        self.sock.close()


class Manager(Peer):
    """The manager's end of custody. The keeper's links go to links, as
    descriptors; what it says of activity comes between the rest, and is heard
    apart."""

    def __init__(self, sock):
        super().__init__(sock)
        self.links = []
        self.activities = []

    def receive(self):
        got, fds, _, _ = socket.recv_fds(self.sock, 1 << 18, 8)
        for fd in fds:
            os.set_inheritable(fd, False)
        self.links += fds
        return got

    def frame(self, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while True:
            got = super().frame(deadline - time.monotonic())
            body = json.loads(got[2])
            kind = body.pop("type")
            if kind == "activity":
                self.activities.append(body)
            elif kind != "link":
                return got

    def activity(self, patience=PATIENCE):
        """The next change of activity; everything else is dropped."""
        deadline = time.monotonic() + patience
        while not self.activities:
            kind, on, payload = super().frame(deadline - time.monotonic())
            body = json.loads(payload)
            if body.pop("type") == "activity":
                self.activities.append(body)
        return self.activities.pop(0)

    def gather(self):
        """What the keeper had still said before it went."""
        try:
            while True:
                self.fill(time.monotonic() + 1)
        except (EOFError, TimeoutError):
            pass

    def keep_links(self, count):
        """Only the newest."""
        while len(self.links) > count:
            os.close(self.links.pop(0))


class Agent(Peer):
    """The sandbox's end of the link, by hand. What the keeper has let it forget
    is in forgotten."""

    def __init__(self, sock):
        super().__init__(sock)
        self.credit = {}
        self.forgotten = []

    def frame(self, patience=PATIENCE):
        while True:
            got = super().frame(patience)
            if got[2] != b'{"type":"forget"}':
                return got
            self.forgotten.append(got[1])

    def hello(self, **members):
        self.say(0, "hello", protocol=1, version="test", **members)

    def replaced(self):
        """Read on until a new link is offered, and take it."""
        deadline = time.monotonic() + PATIENCE
        self.sock.settimeout(PATIENCE)
        while True:
            assert time.monotonic() < deadline, "no link is offered"
            got, fds, _, _ = socket.recv_fds(self.sock, 1 << 18, 4)
            if fds:
                break
            assert got, "the old link has ended"
        os.set_inheritable(fds[0], False)
        agent = Agent(socket.socket(fileno=fds[0]))
        agent.sock.settimeout(PATIENCE)
        for fd in fds[1:]:
            os.close(fd)
        self.sock.close()
        return agent

    def granted(self, stream, payload):
        self.credit[stream] += struct.unpack(">I", payload)[0]

    def runs(self, pid=7):
        """Take an exec and say that it was started."""
        kind, stream, payload = self.frame()
        while kind == WINDOW:
            self.granted(stream, payload)
            kind, stream, payload = self.frame()
        body = json.loads(payload)
        assert kind == CONTROL and body["type"] == "exec", payload
        self.say(stream, "started", pid=pid)
        self.credit[stream] = WINDOW_PTY if "pty" in body else WINDOW_OUTPUT
        return stream, body

    def write(self, stream, start, length, kind=STDOUT, size=DATA_MAX):
        """Send pattern bytes as credit allows. Other frames are kept."""
        other = []
        at = start
        while at < start + length:
            while self.credit[stream] == 0:
                got = self.frame()
                if got[0] == WINDOW:
                    self.granted(got[1], got[2])
                else:
                    other.append(got)
            part = min(size, start + length - at, self.credit[stream])
            self.data(kind, stream, pattern(at, part))
            self.credit[stream] -= part
            at += part
        return other

    def write_bytes(self, stream, text):
        """Output of a terminal, as credit allows; other frames are lost."""
        while text:
            while self.credit[stream] == 0:
                got = self.frame()
                if got[0] == WINDOW:
                    self.granted(got[1], got[2])
            part = text[:min(DATA_MAX, self.credit[stream])]
            self.data(PTY, stream, part)
            self.credit[stream] -= len(part)
            text = text[len(part):]

    def ends(self, stream, *kinds, **how):
        for kind in kinds or (STDOUT, STDERR):
            self.data(kind, stream)
        self.say(stream, "exit", **(how or {"code": 0}))


class Keeper:
    """The program, and whoever it talks to."""

    def __init__(self, output=64 << 20, execs=64, configure=True, ready=True,
                 manager=True, spool=None, files=None, recordings=False,
                 **more):
        self.process = None
        self.dir = tempfile.mkdtemp(prefix="keeper-test-")
        LIVE.append(self)
        self.path = os.path.join(self.dir, "keeper.sock")
        self.spool = os.path.join(self.dir, "spool")
        self.log = os.path.join(self.dir, "log")
        self.recordings = os.path.join(self.dir, "recordings")
        os.mkdir(self.spool, 0o700)
        ours, theirs = socket.socketpair()
        if spool is None:
            spool = os.open(self.spool, os.O_RDONLY | os.O_DIRECTORY)
        os.fchown(spool, KEEPER_UID, KEEPER_UID)
        self.folders = [spool]
        if isinstance(recordings, str):  # a folder for theirs
            self.recordings = os.path.join(recordings, "recordings")
        if recordings:
            os.mkdir(self.recordings, 0o700)
            self.folders.append(os.open(self.recordings,
                                        os.O_RDONLY | os.O_DIRECTORY))
            os.fchown(self.folders[1], KEEPER_UID, KEEPER_UID)
        self.spawn(theirs.fileno(), files=files)
        theirs.close()
        self.agent = Agent(ours)
        self.manager = None
        if manager:
            self.manager = self.take()
            self.manager.hear("state")
        self.config = {"env": {"A": "task", "B": "task"}, "user": "alice",
                       "cwd": "/workspace", "execs": execs, "output": output,
                       **more}
        if configure:
            self.manager.say(0, "configure", **self.config)
        if ready:
            self.agent.hello()
            if self.manager:
                self.manager.hear("ready")

    def spawn(self, link, *words, files=None):
        """Start the program, which is given this link."""
        if os.path.exists(self.path):
            os.unlink(self.path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen(64)
        given = [listener.fileno(), link] + self.folders

        def place():
            # one may lie where another is to be
            away = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64)
                    for fd in given]
            for at, fd in enumerate(away):
                os.dup2(fd, 3 + at, inheritable=True)
            if files is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(BIN, "sallyport-keeper"), TASK, *words],
                close_fds=False, stdin=NULL, stdout=NULL, stderr=log,
                preexec_fn=place)
        listener.close()

    def kill(self):
        """As anybody may at any time; the manager has its links."""
        self.process.kill()
        self.process.wait()
        self.manager.gather()

    def resume(self, configure=True):
        """Start one that takes its place; its agent is not looked after."""
        links = self.manager.links
        self.spawn(links[-1], "resume")
        before, self.manager = self.manager, self.take()
        before.sock.close()
        self.manager.links = links
        state = self.manager.hear("state")
        for fd in reversed(links[:-1]):
            socket.send_fds(self.manager.sock, [message(0, "link")], [fd])
        if configure:
            self.manager.say(0, "configure", **self.config)
        return state

    def connect(self, kind=Peer):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.path)
        sock.settimeout(PATIENCE)
        return kind(sock)

    def take(self):
        peer = self.connect(Manager)
        peer.say(0, "take")
        return peer

    def gate(self, principal="ann", right="write", **members):
        peer = self.connect()
        peer.say(0, "admit", principal=principal, right=right, **members)
        return peer

    def run(self, gate, stream=1, **members):
        """Start a command; returns its number and what the agent was told."""
        if "command" not in members and "login" not in members:
            members.setdefault("argv", ["true"])
        gate.say(stream, "start", **members)
        number, told = self.agent.runs()
        started = gate.hear("started", stream)
        assert started["exec"] == "%s-%d" % (TASK, number), started
        return number, told

    def text(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def memory(self):
        """Bytes that this process has written to, and nobody shares."""
        total = 0
        with open("/proc/%d/smaps_rollup" % self.process.pid,
                  encoding="ascii") as file:
            for line in file:
                if line.startswith("Private_Dirty"):
                    total += int(line.split()[1]) << 10
        return total

    def stop(self):
        """End it; it must not have ended by itself."""
        was = None
        if self.process is not None:
            was = self.process.poll()
            self.process.kill()
            self.process.wait()
        if self.manager is not None:
            self.manager.keep_links(0)
        for fd in self.folders:
            os.close(fd)
        self.folders = []
        shutil.rmtree(self.dir, ignore_errors=True)
        return was


class Reader:
    """Collects one stream of a gate and checks every byte against pattern."""

    def __init__(self, gate, stream=1, start=0, pause=0.0):
        self.gate, self.stream, self.pause = gate, stream, pause
        self.at = {STDOUT: start, STDERR: 0, PTY: 0}
        self.ended, self.gaps, self.exit = set(), [], None

    def take(self, kind, payload):
        if kind == CONTROL:
            body = json.loads(payload)
            if body["type"] == "gap":
                name = {"stdout": STDOUT, "stderr": STDERR, "pty": PTY}
                at = name[body["stream"]]
                assert body["from"] == self.at[at], (body, self.at)
                self.gaps.append((body["from"], body["to"]))
                self.at[at] = body["to"]
            elif body["type"] == "exit":
                self.exit = body
            else:
                raise AssertionError(body)
            return
        assert kind in self.at, kind
        assert kind not in self.ended, "bytes behind the end"
        if not payload:
            self.ended.add(kind)
            return
        want = pattern(self.at[kind], len(payload))
        assert payload == want, ("wrong bytes", kind, self.at[kind])
        self.at[kind] += len(payload)

    def read(self, until=None, patience=PATIENCE):
        """Until exit, or until so many bytes of stdout."""
        while self.exit is None:
            if until is not None and self.at[STDOUT] >= until:
                return self
            kind, stream, payload = self.gate.frame(patience)
            if stream != self.stream or kind == WINDOW:
                continue
            self.take(kind, payload)
            if self.pause:
                time.sleep(self.pause)
        assert until is None or self.at[STDOUT] >= until
        return self


def in_thread(call, *arguments):
    """Run beside the test; join() raises what it raised."""
    result = {}

    def work():
        try:
            result["value"] = call(*arguments)
        except BaseException as error:  # handed to who joins
            result["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()

    def join():
        thread.join(60)
        if thread.is_alive():
            raise TimeoutError("a helper does not end")
        if "error" in result:
            raise result["error"]
        return result.get("value")

    return join


def wait_for(check, what, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.005)


def new(**members):
    return Keeper(**members)


def clean():
    results = [(keeper.stop(), keeper) for keeper in LIVE]
    LIVE.clear()
    return [was for was, _ in results]


atexit.register(clean)


def main(tests):
    """Run each test; a keeper that has ended by itself fails it, unless the
    test says that it must (by taking it off LIVE)."""
    chosen = [test for test in tests if not sys.argv[1:]
              or any(word in test.__name__ for word in sys.argv[1:])]
    print("1..%d" % len(chosen), flush=True)
    failed = 0
    for number, test in enumerate(chosen, 1):
        name = test.__name__.replace("_", " ")
        why = ""
        try:
            test()
        except BaseException:
            why = traceback.format_exc()
        logs = "".join(keeper.text() for keeper in LIVE)
        ended = [was for was in clean() if was is not None]
        if ended:
            why += "a keeper ended with %r\n" % ended
        if why:
            failed += 1
            for line in (why + logs).splitlines()[-60:]:
                print("# " + line)
        print("%s %d - %s" % ("not ok" if why else "ok", number, name),
              flush=True)
    sys.exit(1 if failed else 0)
