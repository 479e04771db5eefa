# SPDX-License-Identifier: Apache-2.0
"""A real gate between SSH clients and a manager and keepers of our own making.

The keepers run commands on this machine with /bin/sh, so that the gate can be
tested alone; a command that begins with "fake:" makes them misbehave instead.
"""
import array
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

from gate_terminals import Viewing

BIN = os.environ.get("SALLYPORT_BIN", "build/bin")
CONTROL, STDIN, STDOUT, STDERR, PTY, WINDOW = range(1, 7)
WINDOW_STDIN = 256 << 10
PATIENCE = 20.0
TASK = "t1"
ID = "abc12345"


def sanitized():
    """Whether the gate under test is built with sanitizers."""
    with open(os.path.join(BIN, "sallyport-gate"), "rb") as program:
        return b"__asan_init" in program.read()


def bound(size):
    """A bound on memory: the sanitizers keep more of it for themselves."""
    return size * 4 if sanitized() else size


def wait_for(what, seconds=PATIENCE, why="what was waited for did not happen"):
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(why)
        time.sleep(0.005)


class Peer:
    """Frames over a socket."""

    def __init__(self, sock):
        self.sock = sock
        self.kept = b""
        self.lock = threading.Lock()

    def send(self, kind, stream, payload=b"", fds=()):
        head = struct.pack(">IBI", len(payload) + 5, kind, stream)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                      array.array("i", fds))] if fds else []
        with self.lock:
            sent = self.sock.sendmsg([head, payload], ancillary)
            rest = (head + payload)[sent:]
            if rest:
                self.sock.sendall(rest)

    def say(self, stream, kind, fds=(), **members):
        self.send(CONTROL, stream,
                  json.dumps({"type": kind, **members}).encode(), fds)

    def exactly(self, count):
        while len(self.kept) < count:
            more = self.sock.recv(1 << 18)
            if not more:
                raise EOFError("the gate hung up")
            self.kept += more
        taken, self.kept = self.kept[:count], self.kept[count:]
        return taken

    def frame(self):
        length, kind, stream = struct.unpack(">IBI", self.exactly(9))
        payload = self.exactly(length - 5)
        return kind, stream, (json.loads(payload) if kind == CONTROL
                              else payload)

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class Command:
    """One exec of a keeper: a local process, or a lie."""

    def __init__(self, keeper, stream, start):
        self.keeper, self.peer, self.stream = keeper, keeper.peer, stream
        self.words = start.get("command")
        self.feed = []
        self.fed = threading.Condition()
        env = dict(os.environ, **start.get("env", {}))
        if self.words is not None and self.words.startswith("fake:"):
            self.process = None
            self.lie(self.words[5:].split(None, 2))
            return
        argv = (["/bin/sh"] if self.words is None
                else ["/bin/sh", "-c", self.words])
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=env, cwd="/", bufsize=0,
            start_new_session=True)
        self.peer.say(stream, "started", exec=f"{ID}-{stream}",
                      pid=self.process.pid)
        self.pumps = [
            threading.Thread(target=self.pump, args=pair, daemon=True)
            for pair in ((self.process.stdout, STDOUT),
                         (self.process.stderr, STDERR))]
        for thread in (*self.pumps,
                       threading.Thread(target=self.write, daemon=True),
                       threading.Thread(target=self.reap, daemon=True)):
            thread.start()

    def lie(self, words):
        peer, stream = self.peer, self.stream
        if words[0] == "refuse":
            peer.say(stream, "refused", code=words[1], text=words[2])
            return
        peer.say(stream, "started", exec=f"{ID}-{stream}", pid=1)
        if words[0] == "exit":
            peer.say(stream, "exit", **json.loads(" ".join(words[1:])))
        elif words[0] == "garbage":
            peer.sock.sendall(b"\0\0\0\5\x77garbage")
        elif words[0] == "vanish":
            peer.send(STDOUT, stream, b"before")
            peer.close()
        elif words[0] == "vanish-full":
            # more than the client's window, then the end
            block = b"x" * 65536
            try:
                for _ in range(64):
                    peer.send(STDOUT, stream, block)
            except OSError:
                return
            peer.close()
        elif words[0] == "credit":
            peer.send(WINDOW, stream, struct.pack(">I", 0xffffffff))
        elif words[0] == "deaf":
            pass  # takes WINDOW_STDIN of input and gives nothing back

    def pump(self, pipe, kind):
        data = True
        while data:
            data = pipe.read(65536)
            try:
                self.peer.send(kind, self.stream, data)
            except OSError:
                pass  # nobody is there: the command goes on
        pipe.close()

    def write(self):
        data = True
        while data:
            with self.fed:
                while not self.feed:
                    self.fed.wait()
                data = self.feed.pop(0)
            try:
                view = memoryview(data)
                while view:
                    view = view[self.process.stdin.write(view):]
            except OSError:
                break  # it reads no more
            try:
                self.peer.send(WINDOW, self.stream,
                               struct.pack(">I", len(data)))
            except OSError:
                pass  # nobody wants to know
        self.process.stdin.close()

    def stdin(self, data):
        with self.fed:
            self.feed.append(data)
            self.fed.notify()

    def reap(self):
        code = self.process.wait()
        for pump in self.pumps:
            pump.join()
        how = ({"code": code, "reason": "exited"} if code >= 0 else
               {"reason": "signaled",
                "signal": signal.Signals(-code).name[3:]})
        try:
            self.peer.say(self.stream, "exit", duration_ms=1, oom_kills=0,
                          **how)
        except OSError:
            pass

    def signal(self, name):
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.Signals["SIG" + name])
            except ProcessLookupError:
                pass

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.signal("KILL")


class Keeper(Viewing, threading.Thread):
    """One attachment."""

    def __init__(self, sock, manager):
        super().__init__(daemon=True)
        self.peer = Peer(sock)
        self.manager = manager
        self.commands = {}
        self.shown = {}  # terminals by stream
        self.watched = set()
        self.stdin_bytes = 0
        self.told = []
        self.start()

    def run(self):
        try:
            while True:
                self.take(*self.peer.frame())
        except (EOFError, OSError):
            pass
        for command in self.commands.values():
            command.stdin(b"")
        for stream, terminal in self.shown.items():
            terminal.hide(self)
            if terminal.start_body.get("tied"):
                terminal.signal("HUP")
        self.manager.keepers.remove(self)
        self.peer.close()

    def take(self, kind, stream, body):
        if kind == STDIN:
            self.stdin_bytes += len(body)
            if stream in self.shown:
                self.shown[stream].stdin(body)
                self.peer.send(WINDOW, stream, struct.pack(">I", len(body)))
            else:
                self.commands[stream].stdin(body)
            return
        self.told.append(body)
        if body["type"] in ("start", "session"):
            self.manager.starts.append(body)
        if body["type"] in self.rows:
            self.rows[body["type"]](self, stream, body)
        elif body["type"] == "start" and "pty" in body:
            self.start_terminal(stream, body)
        elif body["type"] == "start":
            self.commands[stream] = Command(self, stream, body)
            self.manager.commands.append(self.commands[stream])
        elif body["type"] == "signal":
            (self.shown.get(stream) or
             self.commands[stream]).signal(body["signal"])
            self.peer.say(stream, "taken")


class Manager:
    """The gate's manager. Everything it was told is in self.told."""

    def __init__(self, names=(TASK, ID), gate=None, keys=None, **config):
        self.dir = tempfile.mkdtemp(prefix="gate-test-")
        os.chmod(self.dir, 0o755)
        os.makedirs(os.path.join(self.dir, "run", "gate"))
        self.told = []
        self.keepers = []
        self.commands = []
        self.terminals = []
        self.starts = []
        self.deaf = False      # True: a detach is not answered
        self.tasks = []        # of task.list
        self.recordings = []
        self.attaching = True  # False: attaches wait for ever
        self.refusing = None   # or (code, text)
        self.config = {
            "grace_ms": 20000, "connections": 512,
            "connections_per_address": 64, "channels": 64,
            "keepalive_ms": 30000, "keepalive_count": 3, "rekey_bytes": 0,
            **config}
        self.names = list(names)
        self.make_keys()
        self.keys = keys or [f'role="admin",name="ann" {self.public}']
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.write_config()
        self.door = None
        ours, theirs = socket.socketpair()
        self.log = os.path.join(self.dir, "log")
        with open(self.log, "wb") as log:
            self.gate = self.spawn(gate, theirs.fileno(), log)
        theirs.close()
        self.serve(ours)
        try:
            wait_for(lambda: self.heard("ready"), why="the gate is not ready")
        except TimeoutError:
            self.gate.kill()
            self.close()
            raise

    def spawn(self, gate, fd, log):
        """Start it with fd as descriptor 3; the shell moves it there."""
        move = "" if fd == 3 else f"3<&{fd} {fd}<&-"
        return subprocess.Popen(
            ["bash", "-c", f'exec "$0" {move}',
             os.path.join(BIN, gate or "sallyport-gate")],
            cwd=self.dir, stderr=log, stdin=subprocess.DEVNULL,
            pass_fds=[fd])

    def make_keys(self):
        for name in ("host", "client", "other"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name,
                 "-f", os.path.join(self.dir, name)], check=True)
        self.public = self.read("client.pub").strip()
        self.key = os.path.join(self.dir, "client")

    def read(self, name):
        with open(os.path.join(self.dir, name), encoding="utf-8",
                  errors="replace") as file:
            return file.read()

    def write_config(self):
        known = " ".join(self.read("host.pub").split()[:2])
        with open(os.path.join(self.dir, "known"), "w",
                  encoding="utf-8") as file:
            file.write(f"[127.0.0.1]:{self.port} {known}\n")
        self.ssh_config = os.path.join(self.dir, "ssh_config")
        with open(self.ssh_config, "w", encoding="utf-8") as file:
            file.write(f"""Host *
  HostName 127.0.0.1
  Port {self.port}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {self.dir}/known
  GlobalKnownHostsFile /dev/null
  BatchMode yes
  LogLevel ERROR
""")

    def serve(self, sock):
        self.peer = Peer(sock)
        threading.Thread(target=self.run, args=(self.peer,),
                         daemon=True).start()

    def run(self, peer):
        try:
            self.configure(peer)
            while True:
                kind, _stream, body = peer.frame()
                assert kind == CONTROL
                self.told.append(body)
                self.answer(peer, body)
        except (EOFError, OSError):
            pass

    def configure(self, peer):
        peer.say(0, "configure", fds=[self.listener.fileno()],
                 host_keys=[self.read("host")], **self.config)
        peer.say(0, "keys", first=True, last=True, lines=self.keys)
        peer.say(0, "names", first=True, add=self.names)

    def answer(self, peer, body):
        if body["type"] in ("task.list", "recordings"):
            is_list = body["type"] == "task.list"
            for row in self.tasks if is_list else self.recordings:
                peer.say(0, "task" if is_list else "recording",
                         request=body["request"], **row)
            peer.say(0, "answer", request=body["request"])
        if body["type"] not in ("attach", "replay") or not self.attaching:
            return
        if self.refusing:
            peer.say(0, "answer", request=body["request"],
                     code=self.refusing[0], text=self.refusing[1])
            return
        ours, theirs = socket.socketpair()
        self.keepers.append(Keeper(ours, self))
        peer.say(0, "answer", request=body["request"], task=ID,
                 fds=[theirs.fileno()])
        theirs.close()

    def heard(self, kind):
        return [body for body in self.told if body["type"] == kind]

    def hang_up(self):
        """The manager dies."""
        self.peer.close()

    def come_back(self):
        """Another one takes its place and waits for the gate."""
        path = os.path.join(self.dir, "run", "gate", "manager.sock")
        if os.path.exists(path):
            os.unlink(path)
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(path)
        os.chmod(path, 0o777)
        self.door.listen(4)
        self.door.settimeout(PATIENCE)
        self.serve(self.door.accept()[0])

    def log_text(self):
        return self.read("log")[-3000:]

    def ssh_words(self, *command, user=TASK, key="client", options=()):
        return ["ssh", "-F", self.ssh_config, "-i",
                os.path.join(self.dir, key), *options, f"{user}@gate",
                *command]

    def ssh(self, *command, user=TASK, key="client", options=(), **run):
        run.setdefault("timeout", 60)
        if "input" not in run:
            run.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(
            self.ssh_words(*command, user=user, key=key, options=options),
            capture_output=True, check=False, **run)

    def memory(self, field="VmRSS"):
        """Of the gate, in bytes."""
        with open(f"/proc/{self.gate.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) << 10
        raise KeyError(field)

    def is_alive(self):
        return self.gate.poll() is None

    def close(self):
        """End the gate in good order; its exit status."""
        try:
            self.peer.say(0, "drain")
        except OSError:
            pass
        try:
            status = self.gate.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.gate.kill()
            status = self.gate.wait()
        for command in self.commands:
            command.kill()
        self.peer.close()
        self.listener.close()
        if self.door is not None:
            self.door.close()
        self.final_log = self.log_text()
        shutil.rmtree(self.dir)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()
