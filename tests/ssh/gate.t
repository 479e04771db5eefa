#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The gate with stock clients: OpenSSH, dropbear's, PuTTY's, paramiko."""
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(here, "..", "lib"),
                os.path.join(here, "..", "boundary")]

import paramiko

from gate_harness import (ID, TASK, WINDOW_STDIN, Manager, bound, sanitized,
                          wait_for)
from tap import check, done, equal, run

MIB = 1 << 20
RFC_SIGNALS = "ABRT ALRM FPE HUP ILL INT KILL PIPE QUIT SEGV TERM USR1 USR2"
OTHER_SIGNALS = "TRAP BUS STKFLT XCPU XFSZ VTALRM PROF IO PWR SYS"


class Channel(paramiko.Channel):
    """Remembers what came, and in which order."""

    def _seen(self, what):
        self.__dict__.setdefault("order", []).append(what)

    def _handle_request(self, message):
        kind = message.get_text()
        message.get_boolean()
        if kind == "exit-signal":
            self.signal = message.get_text()
            self.core = message.get_boolean()
            self.text = message.get_text()
        self._seen(kind)
        message.rewind()
        message.get_int()  # the channel's number
        super()._handle_request(message)

    def _feed(self, message):
        self._seen("data")
        super()._feed(message)

    def _handle_eof(self, message):
        self._seen("eof")
        super()._handle_eof(message)

    def _handle_close(self, message):
        self._seen("close")
        super()._handle_close(message)


TABLE = paramiko.Transport._channel_handler_table
for number, handler in list(TABLE.items()):
    if hasattr(Channel, handler.__name__):
        TABLE[number] = getattr(Channel, handler.__name__)


class Client:
    """paramiko, with a channel that remembers."""

    def __init__(self, manager, user=TASK, key="client"):
        paramiko.transport.Channel = Channel
        self.transport = paramiko.Transport(("127.0.0.1", manager.port))
        self.transport.start_client(timeout=20)
        self.transport.auth_publickey(
            user, paramiko.Ed25519Key.from_private_key_file(
                os.path.join(manager.dir, key)))

    def open(self):
        return self.transport.open_session(timeout=20)

    def run(self, command):
        channel = self.open()
        channel.settimeout(20)
        channel.exec_command(command)
        out = channel.makefile("rb").read()
        err = channel.makefile_stderr("rb").read()
        wait_for(lambda: channel.closed)
        return channel, out, err

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.transport.close()


def exits():
    with Manager() as manager:
        codes = [0, 1, 2, 126, 127, 255]
        equal([manager.ssh(f"exit {code}").returncode for code in codes],
              codes, "exit codes arrive as they are")
        with Client(manager) as client:
            got, wanted, cores = [], [], 0
            for name in (RFC_SIGNALS + " " + OTHER_SIGNALS).split():
                number = signal.Signals["SIG" + name].value
                channel, _out, _err = client.run(
                    f"kill -{number} $$; sleep 20")
                got.append(channel.signal)
                cores += channel.exit_status != -1
                wanted.append(name if name in RFC_SIGNALS.split()
                              else name + "@sallyport")
            equal(got, wanted, "each signal arrives by its name")
            equal(cores, 0, "no status is invented for a signal")
            channel, out, _err = client.run("echo out; exit 7")
            equal((out, channel.exit_status), (b"out\n", 7),
                  "paramiko gets output and status")
            equal(channel.order[-4:],
                  ["data", "eof", "exit-status", "close"],
                  "the order is data, EOF, status, close")


def reasons():
    timeout = ('{"signal": "KILL", "reason": "timeout", "duration_ms": 1500,'
               ' "oom_kills": 0}')
    oom = ('{"signal": "KILL", "core": true, "reason": "oom",'
           ' "duration_ms": 5, "oom_kills": 1}')
    lost = '{"reason": "lost", "duration_ms": 5, "oom_kills": 0}'
    refused = [("not_found", 127), ("not_executable", 126),
               ("no_user", 126), ("bad_cwd", 126), ("denied", 255)]
    with Manager() as manager, Client(manager) as client:
        channel, _out, err = client.run("fake:exit " + timeout)
        equal((channel.signal, channel.text, err),
              ("KILL", "timed out after 1500 ms", b""),
              "a time-out is told in exit-signal, and nowhere else")
        channel, _out, err = client.run("fake:exit " + oom)
        equal((channel.signal, channel.core, channel.text),
              ("KILL", True, "out of memory"), "so is the end of memory")
        for command, before in (("fake:exit " + lost, b""),
                                ("fake:vanish", b"before"),
                                ("fake:garbage", b""),
                                ("fake:credit", b"")):
            channel, out, err = client.run(command)
            equal((out, err, channel.order.count("exit-status")
                   + channel.order.count("exit-signal")),
                  (before, b"sallyport: sandbox lost, exit status unknown\n",
                   0), f"no status is invented after {command[:12]}")
        for code, status in refused:
            channel, _out, err = client.run(f"fake:refuse {code} no: it is so")
            equal((channel.exit_status, err),
                  (status, b"sallyport: no: it is so\n"),
                  f"a command refused with {code} exits with {status}")
        manager.refusing = ("denied", "you may not")
        channel, _out, err = client.run("true")
        equal((channel.exit_status, err),
              (255, b"sallyport: you may not\n"),
              "an attachment refused exits with 255 and says why")
        equal(manager.ssh("true").returncode, 255,
              "OpenSSH exits with 255 then")
        manager.refusing = None


def sizes():
    with Manager() as manager:
        for size in (0, 1, 2, 100, 32767, 32768, 65535, 65536, 65537,
                     MIB - 1, 3 * MIB + 1):
            data = os.urandom(size)
            got = manager.ssh("tee /dev/stderr", input=data)
            check(got.stdout == data and got.stderr == data
                  and got.returncode == 0,
                  f"{size} bytes go in, and out on both streams")
        total = 64 * MIB
        got = manager.ssh(f"head -c {total} /dev/zero | tr '\\0' a & "
                          f"head -c {total} /dev/zero | tr '\\0' b >&2; wait")
        check(got.stdout == b"a" * total and got.stderr == b"b" * total,
              "64 MiB of each stream at once, none swapped or lost")
        data = os.urandom(MIB) * 200
        got = manager.ssh("md5sum", input=data)
        equal(got.stdout.split()[0].decode(), hashlib.md5(data).hexdigest(),
              "200 MiB of stdin arrive whole")


def sessions():
    with Manager() as manager:
        got = manager.ssh("echo $LANG $GREETING $LC_X",
                          options=["-oSetEnv=GREETING=hello LC_X=y LANG=C"])
        equal(got.stdout, b"C hello y\n", "env reaches the command")
        got = manager.ssh(input=b"echo from a shell; exit 4\n")
        equal((got.stdout, got.returncode), (b"from a shell\n", 4),
              "shell without a terminal reads commands from stdin")
        got = manager.ssh("no-such-subsystem", options=["-s"])
        check(got.returncode != 0, "an unknown subsystem is refused")
        for words, options in ((["stream-json"], ["-s"]),
                               (["stream-json"], [])):
            got = manager.ssh(*words, user="brain", options=options,
                              input=b'{"type":"ping","id":"1"}\n')
            check(b'"hello"' in got.stdout and b'"reply"' in got.stdout,
                  f"brain speaks stream-json over {options or 'exec'}",
                  got)
        got = manager.ssh("true", user="brain")
        check(got.returncode != 0, "brain runs no commands")
        with Client(manager) as client:
            channel = client.open()
            channel.exec_command("trap 'echo got; exit 9' USR1; echo up;"
                                 "while :; do sleep 0.05; done")
            channel.recv(3)
            message = paramiko.Message()
            message.add_byte(bytes([98]))
            message.add_int(channel.remote_chanid)
            message.add_string("signal")
            message.add_boolean(False)
            message.add_string("USR1")
            client.transport._send_user_message(message)
            equal((channel.makefile().read(), channel.recv_exit_status()),
                  (b"got\n", 9), "a signal request reaches the command")
            # half-close: EOF to the command, output goes on
            channel = client.open()
            channel.exec_command("cat; echo after; exit 3")
            channel.sendall(b"in")
            channel.shutdown_write()
            equal((channel.makefile().read(), channel.recv_exit_status()),
                  (b"inafter\n", 3), "output goes on after the client's EOF")
            # everything at once, and closed
            path = os.path.join(manager.dir, "out")
            channel = client.open()
            channel.exec_command(f"sleep 0.2; cat > {path}; echo gone")
            channel.sendall(b"x" * 1000000)
            channel.close()
            wait_for(lambda: os.path.exists(path)
                     and os.path.getsize(path) == 1000000)
            check(True, "what came before the close reaches the command")
            # the client goes in the middle: the command's stdin ends
            channel = client.open()
            channel.exec_command("cat; sleep 100")
            wait_for(lambda: manager.keepers and
                     manager.keepers[-1].commands)
            channel.close()
            wait_for(lambda: len(manager.keepers) == 0)
            check(True, "closing a channel ends its attachment")


def control_master():
    with Manager() as manager:
        path = os.path.join(manager.dir, "master")
        options = [f"-oControlPath={path}"]
        master = subprocess.Popen(
            manager.ssh_words(options=[*options, "-M", "-N"]),
            stdin=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(path))
        wrong = []

        def worker(first):
            for i in range(first, 200, 20):
                got = manager.ssh(f"echo {i}; echo {i} >&2; exit {i % 120}",
                                  options=options)
                if (got.stdout, got.returncode) != (b"%d\n" % i, i % 120):
                    wrong.append((i, got))

        threads = [threading.Thread(target=worker, args=(first,))
                   for first in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(wrong, [], "200 commands over one connection, 20 at a time")
        equal(len(manager.heard("session")), 1, "it was one connection")
        master.terminate()
        master.wait()


def other_clients():
    with Manager() as manager:
        at = f"{TASK}@127.0.0.1"
        ppk = os.path.join(manager.dir, "client.ppk")
        key = os.path.join(manager.dir, "client.dropbear")
        subprocess.run(["puttygen", manager.key, "-o", ppk], check=True)
        subprocess.run(["dropbearconvert", "openssh", "dropbear",
                        manager.key, key], check=True, capture_output=True)
        print_of = subprocess.run(
            ["ssh-keygen", "-lf", os.path.join(manager.dir, "host.pub")],
            check=True, capture_output=True, text=True).stdout.split()[1]
        data = os.urandom(5 * MIB)
        for name, words in (
                ("plink", ["plink", "-batch", "-ssh", "-i", ppk, "-P",
                           str(manager.port), "-hostkey", print_of, at]),
                ("dbclient", ["dbclient", "-y", "-y", "-i", key, "-p",
                              str(manager.port), at])):
            env = dict(os.environ, HOME=manager.dir)
            got = subprocess.run(
                [*words, "cat; echo err >&2; exit 5"], input=data, env=env,
                capture_output=True, timeout=60, check=False)
            check(got.stdout == data and got.returncode == 5
                  and b"err\n" in got.stderr,
                  f"{name}: 5 MiB there and back, stderr, status",
                  got.stderr[-300:])


def who_may():
    def tried(manager, user, key):
        return manager.ssh("true", user=user, key=key,
                           options=["-oLogLevel=DEBUG1"])

    def talk(got, user):
        return [line.replace(user, "USER")
                for line in got.stderr.decode().splitlines()
                if "uthent" in line or "denied" in line]

    with Manager() as manager:
        bad_key = tried(manager, TASK, "other")
        bad_user = tried(manager, "nobody1", "client")
        equal((bad_key.returncode, bad_user.returncode), (255, 255),
              "an unknown key and an unknown user are refused")
        equal(talk(bad_user, "nobody1"), talk(bad_key, TASK),
              "and cannot be told apart")
        equal(manager.ssh("true", user=ID).returncode, 0,
              "a task's id is a user name too")
        manager.peer.say(0, "names", first=False, remove=[ID])
        manager.peer.say(0, "names", first=False, add=["other1"])
        wait_for(lambda: manager.ssh("true", user="other1").returncode == 0)
        equal(manager.ssh("true", user=ID).returncode, 255,
              "a name that was taken back leads nowhere")
        with open(os.path.join(manager.dir, "other.pub"),
                  encoding="ascii") as file:
            manager.peer.say(0, "keys", first=True, last=True, lines=[
                'role="user",name="eve",tasks="t1" ' + file.read().strip()])
        wait_for(lambda: tried(manager, TASK, "other").returncode == 0)
        equal(tried(manager, TASK, "client").returncode, 255,
              "a key that was taken back opens nothing")
        equal(tried(manager, "brain", "other").returncode, 255,
              "a user's key does not open the brain's door")


def stalled_reader():
    """A client that stops reading: the command stops, memory is bounded."""
    with Manager() as manager, Client(manager) as client:
        channel = client.open()
        channel.exec_command("cat /dev/zero")
        wait_for(lambda: manager.keepers)
        wait_for(lambda: channel.recv_ready())
        before = manager.memory()
        time.sleep(1)
        grown = manager.memory() - before
        check(grown < bound(4 * MIB), "a client that does not read costs little",
              grown)
        equal(client.run("echo other")[1], b"other\n",
              "its other channels go on")
        channel.close()


def stalled_command():
    """A command that does not read: the client stops, memory is bounded."""
    with Manager() as manager:
        before = manager.memory()
        writer = subprocess.Popen(
            manager.ssh_words("fake:deaf"), stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL)
        sent = [0]

        def feed():
            block = b"x" * 65536
            try:
                while True:
                    sent[0] += os.write(writer.stdin.fileno(), block)
            except OSError:
                pass

        thread = threading.Thread(target=feed, daemon=True)
        thread.start()
        last = -1
        while last != sent[0]:
            last = sent[0]
            time.sleep(1)
        check(sent[0] < 16 * MIB, "a command that does not read stops the "
              "client", sent[0])
        equal(manager.keepers[0].stdin_bytes, WINDOW_STDIN,
              "the keeper got its window's worth")
        grown = manager.memory() - before
        check(grown < bound(8 * MIB), "what waits is bounded", grown)
        equal(manager.ssh("echo other").stdout, b"other\n",
              "other connections go on")
        writer.kill()
        writer.wait()
        writer.stdin.close()
        thread.join()
        # one that reads late gets everything
        data = os.urandom(MIB) * 20
        got = manager.ssh("sleep 1; md5sum", input=data)
        equal(got.stdout.split()[0].decode(), hashlib.md5(data).hexdigest(),
              "a command that reads late gets every byte")


def rekeys():
    with Manager(rekey_bytes=MIB) as manager:
        data = os.urandom(MIB) * 24
        for who, options in (("the gate", []),
                             ("both", ["-oRekeyLimit=1M"])):
            for cipher in ("aes128-gcm@openssh.com",
                           "chacha20-poly1305@openssh.com", "aes128-ctr"):
                got = manager.ssh("cat", input=data,
                                  options=[*options, "-c", cipher])
                check(got.stdout == data and got.returncode == 0,
                      f"24 MiB there and back, new keys of {who} every MiB, "
                      + cipher.split("@", maxsplit=1)[0])


def managers():
    with Manager() as manager:
        process = subprocess.Popen(
            manager.ssh_words("read x; echo got $x; exit 6"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        wait_for(lambda: manager.keepers and manager.keepers[0].commands)
        manager.hang_up()
        late = subprocess.Popen(
            manager.ssh_words("echo late"), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE)
        out, _err = process.communicate(b"it\n", timeout=20)
        equal((out, process.returncode), (b"got it\n", 6),
              "a command goes on without a manager")
        equal(late.poll(), None, "a new one waits for the next manager")
        manager.come_back()
        out, _err = late.communicate(timeout=20)
        equal((out, late.returncode), (b"late\n", 0),
              "and runs when that is there")
        equal(manager.ssh("echo again").stdout, b"again\n",
              "the gate serves the new manager")
        equal(len(manager.heard("ready")), 2, "it said ready to both")


def questions():
    """What a brain asked of a manager that died before it answered."""
    def create(process, token):
        process.stdin.write(json.dumps(
            {"type": "task.create", "id": token or "-", "profile": "default",
             **({"token": token} if token else {})}).encode() + b"\n")
        process.stdin.flush()

    with Manager() as manager:
        words = manager.ssh_words("stream-json", user="brain", options=["-s"])
        with subprocess.Popen(words, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            create(process, None)
            create(process, "again")
            wait_for(lambda: len(manager.heard("task.create")) == 2)
            manager.hang_up()
            reply = json.loads(process.stdout.readline())
            equal((reply["id"], reply["error"]["code"]), ("-", "state"),
                  "a create that may have happened is not asked again")
            manager.come_back()
            wait_for(lambda: len(manager.heard("task.create")) == 3)
            equal(manager.heard("task.create")[2]["token"], "again",
                  "one with a token is")
            process.stdin.close()


def drains():
    manager = Manager()
    process = subprocess.Popen(
        manager.ssh_words("read x; echo got $x"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    wait_for(lambda: manager.keepers and manager.keepers[0].commands)
    manager.peer.say(0, "drain")
    time.sleep(0.2)
    equal(manager.gate.poll(), None, "a draining gate keeps what is open")
    out, _err = process.communicate(b"it\n", timeout=20)
    equal(out, b"got it\n", "which goes on to its end")
    equal(manager.close(), 0, "then the gate ends, and leaves nothing open")


def idle_memory():
    count = 100
    with Manager(connections_per_address=200) as manager:
        with Client(manager) as first:
            first.run("true")
            before = manager.memory("RssAnon")
            clients = [Client(manager) for _ in range(count)]
            each = (manager.memory("RssAnon") - before) // count
            print(f"# {each} bytes")
            check(each <= (1 << 20 if sanitized() else 40 << 10),
                  "an idle connection costs at most 40 KiB")
            for client in clients:
                client.transport.close()
            wait_for(lambda: len([body for body in manager.heard("session")
                                  if body["event"] == "closed"]) == count)


run([globals()[name] for name in os.environ["ONLY"].split()]
    if "ONLY" in os.environ else
    [exits, reasons, sizes, sessions, control_master, other_clients, who_may,
     stalled_reader, stalled_command, rekeys, managers, questions, drains, idle_memory])
done()
