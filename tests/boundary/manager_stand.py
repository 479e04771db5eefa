# SPDX-License-Identifier: Apache-2.0
"""A real manager whose gates, or keepers, are this test.

The programs of SALLYPORT_BIN are copied; sallyport-gate (or -keeper) becomes a
small program that hands its descriptors to the test and then lives on, so that
the manager has a process to watch and to kill.

    with Stand(gate=True) as stand:
        gate = stand.next_gate()
        gate.say(0, "ready", pid=gate.pid, sessions=0)
"""
import array
import json
import os
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from peers import Peer, SECONDS  # noqa: E402

BIN = os.environ["SALLYPORT_BIN"]

# What takes a program's place: give descriptors 3 to 6 away, then wait.
IMPOSTOR = """#!/usr/bin/python3
import array, os, signal, socket, sys
sock = socket.socket(socket.AF_UNIX)
sock.connect({path!r})
fds = [fd for fd in (3, 4, 5, 6) if os.path.exists(f"/proc/self/fd/{{fd}}")]
fds = [fd for fd in fds if fd != sock.fileno()]
text = (str(os.getpid()) + " " + " ".join(sys.argv[1:])).encode()
sock.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                       array.array("i", fds))])
for fd in fds + [sock.fileno()]:
    os.close(fd)
while True:
    signal.pause()
"""


class Impostors:
    """Where the impostors of one program report."""

    def __init__(self, folder, program):
        path = os.path.join(folder, program + ".sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        self.listener.settimeout(SECONDS)
        file = os.path.join(folder, "bin", program)
        if os.path.exists(file):
            os.unlink(file)
        with open(file, "w", encoding="utf-8") as text:
            text.write(IMPOSTOR.format(path=path))
        os.chmod(file, 0o755)

    def next(self):
        """The next one that the manager starts: pid, argument, fds."""
        sock, _ = self.listener.accept()
        text, ancillary, _, _ = sock.recvmsg(256, socket.CMSG_SPACE(4 * 4))
        sock.close()
        fds = array.array("i")
        for _, _, data in ancillary:
            fds.frombytes(data[:len(data) - len(data) % 4])
        words = text.decode().split()
        return int(words[0]), words[1:], list(fds)

    def close(self):
        self.listener.close()


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Receiver(Peer):
    """A peer that keeps the descriptors which come along."""

    def __init__(self, sock):
        super().__init__(sock)
        self.fds = []

    def take_fd(self):
        """Close the descriptors that came."""
        while self.fds:
            os.close(self.fds.pop())

    def close(self):
        self.take_fd()
        self.sock.close()

    def exactly(self, count):
        while len(self.kept) < count:
            more, ancillary, _, _ = self.sock.recvmsg(
                1 << 18, socket.CMSG_SPACE(4 * 4))
            if not more:
                raise EOFError("the manager closed the channel")
            for _, _, fds in ancillary:
                self.fds += struct.unpack(f"{len(fds) // 4}i", fds)
            self.kept += more
        taken, self.kept = self.kept[:count], self.kept[count:]
        return taken


class Gate(Receiver):
    """A gate's end of its control channel."""

    def __init__(self, pid, fd):
        super().__init__(socket.socket(fileno=fd))
        self.pid = pid
        self.request = 0

    @property
    def fd(self):
        """The descriptor that came last."""
        return self.fds[-1] if self.fds else None

    def told(self):
        """The types of all that a gate is told before it can serve."""
        types = []
        while not types or types[-1] != "names":
            types.append(self.recv()[2]["type"])
        return types

    def serve(self):
        self.told()
        self.say(0, "ready", pid=self.pid, sessions=0)

    def ask(self, kind, principal="admin", **members):
        """Ask; the answer, with the task messages before it in "tasks"."""
        self.request += 1
        self.say(0, kind, request=self.request, principal=principal,
                 **members)
        return self.answer(self.request)

    def answer(self, request):
        tasks = []
        while True:
            _, _, message = self.recv()
            if message.get("request") != request:
                continue
            if message["type"] == "answer":
                return {**message, "tasks": tasks}
            tasks.append(message)


class Keeper:
    """A keeper's descriptors: its listening socket, its link."""

    def __init__(self, pid, words, fds):
        self.pid = pid
        self.task, *self.mode = words
        self.listener = socket.socket(fileno=fds[0])
        self.listener.setblocking(True)
        self.listener.settimeout(SECONDS)
        self.link = socket.socket(fileno=fds[1])
        os.close(fds[2])
        self.recordings = fds[3]
        self.custody = self.accept()
        self.custody.expect("take")

    def accept(self):
        sock, _ = self.listener.accept()
        return Receiver(sock)

    def say(self, kind, *fds, **members):
        self.custody.say(0, kind, fds, **members)

    def close(self):
        if self.recordings is None:
            return
        self.custody.close()
        self.listener.close()
        self.link.close()
        os.close(self.recordings)
        self.recordings = None


class Stand:
    """A manager in a private folder with impostors for children."""

    def __init__(self, gate=False, keeper=False, player=False, gates=1,
                 profiles=None, env=None, **config):
        self.env = env  # of the manager; None: this test's
        self.home = tempfile.TemporaryDirectory(prefix="sallyport-test-")
        os.chmod(self.home.name, 0o755)
        self.folder = os.path.join(self.home.name, "gw")
        self.bin = os.path.join(self.home.name, "bin")
        shutil.copytree(BIN, self.bin)
        self.gates = self.keepers = self.players = self.up = None
        self.made = []  # keepers of ours: a failed test leaves them running
        if gate:
            self.gates = Impostors(self.home.name, "sallyport-gate")
        if keeper:
            self.keepers = Impostors(self.home.name, "sallyport-keeper")
        if player:
            self.players = Impostors(self.home.name, "sallyport-player")
        os.mkdir(self.folder, 0o711)
        self.write("config.json", json.dumps({"gates": gates, **config}))
        os.mkdir(os.path.join(self.folder, "profiles.d"), 0o700)
        for name, profile in (profiles or {}).items():
            self.write(f"profiles.d/{name}.json", json.dumps(profile))
        self.log = os.path.join(self.home.name, "log")
        self.start()

    def start(self):
        """Start the manager (again)."""
        with open(self.log, "ab") as log:
            self.up = subprocess.Popen(
                [os.path.join(self.bin, "sallyport"), "up", "--dir",
                 self.folder], stdout=subprocess.PIPE, stderr=log, text=True,
                env=self.env)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w",
                  encoding="utf-8") as file:
            file.write(text)

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def stop(self):
        """End the manager alone."""
        self.up.terminate()
        self.up.wait(timeout=60)
        self.up.stdout.close()

    def kill(self):
        """As stop, without a word."""
        self.up.kill()
        self.up.wait()
        self.up.stdout.close()

    def query(self, sql):
        """Rows of the store; what waits to be written is waited for."""
        with sqlite3.connect(f"file:{self.folder}/store.db?mode=ro",
                             uri=True) as store:
            return store.execute(sql).fetchall()

    def add_keys(self):
        """Who may log in, besides the admin; taken over without a signal."""
        lines = ""
        for name, role in (("robot", "brain"), ("watcher", "operator"),
                           ("someone", "user")):
            key = os.path.join(self.home.name, name)
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                            "-f", key], check=True)
            with open(key + ".pub", encoding="ascii") as public:
                lines += f'role="{role}",name="{name}" {public.read()}'
        with open(os.path.join(self.folder, "authorized_keys"), "a",
                  encoding="ascii") as file:
            file.write(lines)

    def next_gate(self):
        pid, _, fds = self.gates.next()
        return Gate(pid, fds[0])

    def next_keeper(self):
        keeper = Keeper(*self.keepers.next())
        self.made.append(keeper.pid)
        return keeper

    def admin(self, verb, *words):
        return subprocess.run(
            [os.path.join(self.bin, "sallyport"), verb, "--dir",
             self.folder, *words], capture_output=True, text=True,
            check=False, timeout=60)

    def ps(self):
        return json.loads(self.admin("ps", "--json").stdout)

    def kill_keepers(self):
        for pid in self.made:
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if self.home.name.encode() in file.read():
                        os.kill(pid, 9)
            except (FileNotFoundError, ProcessLookupError):
                pass

    def is_up(self):
        return self.up.poll() is None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.admin("down")
            self.up.wait(timeout=60)
        finally:
            self.up.kill()
            self.up.wait()
            self.up.stdout.close()
            self.kill_keepers()
            for impostors in (self.gates, self.keepers, self.players):
                if impostors is not None:
                    impostors.close()
            self.home.cleanup()
