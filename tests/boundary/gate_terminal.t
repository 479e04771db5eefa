#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Terminals through the gate, on keepers that say what they were told."""
import os
import re
import socket
import subprocess
import sys
import threading
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(here, "..", "lib"), here]

import paramiko

from gate_harness import ID, TASK, Manager, wait_for
from screen import Screens
from tap import check, done, equal, run

NAMED = TASK + "+dev"


class Client:
    """paramiko, in one channel after the other."""

    def __init__(self, manager, user=TASK, port=None):
        self.transport = paramiko.Transport(
            ("127.0.0.1", port or manager.port))
        self.transport.start_client(timeout=20)
        self.transport.auth_publickey(
            user, paramiko.Ed25519Key.from_private_key_file(manager.key))

    def open(self, term="xterm", cols=80, rows=24, pty=True, env=None):
        channel = self.transport.open_session(window_size=8 << 20,
                                              timeout=20)
        channel.settimeout(20)
        for name, value in (env or {}).items():
            channel.set_environment_variable(name, value)
        if pty:
            channel.get_pty(term, cols, rows)
        return channel

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.transport.close()


def until(channel, wanted):
    """What comes, up to and with the bytes that are wanted."""
    got = b""
    while wanted not in got:
        more = channel.recv(65536)
        if not more:
            raise EOFError(repr(got))
        got += more
    return got


def rest(channel):
    """What still comes, and how it ended."""
    out = channel.makefile("rb").read()
    err = channel.makefile_stderr("rb").read()
    return out, err, channel.recv_exit_status()


def last_start(manager):
    return wait_for(lambda: manager.starts)[-1]


def refused(call, *words):
    try:
        call(*words)
    except paramiko.SSHException:
        return True
    return False


def plain_terminals():
    with Manager() as manager, Client(manager) as client:
        channel = client.open("vt100", 132, 50)
        channel.exec_command("stty size; tty; echo $TERM; exit 7")
        out, err, status = rest(channel)
        check(re.fullmatch(rb"50 132\r\n/dev/pts/\d+\r\nvt100\r\n", out),
              "a command with a pty-req is on a terminal of that size", out)
        equal((err, status), (b"", 7), "and ends with its own status")
        start = last_start(manager)
        equal((start["view"], start["tied"], "name" in start),
              ({"kind": "client", "rows": 50, "cols": 132}, True, False),
              "the keeper is told whose view it is, and that it is tied")
        channel = client.open()
        channel.invoke_shell()
        until(channel, b"$ ")
        channel.sendall(b"echo $((40 + 2)); exit 3\r")
        out, _err, status = rest(channel)
        check(b"42\r\n" in out and status == 3, "a shell is typed to", out)
        channel = client.open()
        channel.exec_command("kill -TERM $$")
        rest(channel)
        equal(channel.recv_exit_status(), -1,
              "no status is invented for a signal")


def sizes():
    with Manager() as manager, Client(manager) as client:
        for asked, wanted in (((0, 0), (24, 80)), ((0, 5), (24, 5)),
                              ((1, 1), (1, 1)), ((500, 1000), (500, 1000)),
                              ((501, 1001), (500, 1000)),
                              ((1 << 31, (1 << 32) - 1), (500, 1000))):
            channel = client.open(cols=asked[1], rows=asked[0])
            channel.exec_command("stty size")
            equal(rest(channel)[0].split(),
                  [str(size).encode() for size in wanted],
                  f"a client of {asked[0]} x {asked[1]} gets "
                  f"{wanted[0]} x {wanted[1]}")
        channel = client.open()
        channel.exec_command("trap 'stty size; exit 0' WINCH; echo up; "
                             "while :; do sleep 0.05; done")
        until(channel, b"up")
        channel.resize_pty(100, 30)
        check(b"30 100" in rest(channel)[0],
              "window-change reaches the terminal")
        channel = client.open()
        channel.resize_pty(61, 17)
        channel.exec_command("stty size")
        equal(rest(channel)[0], b"17 61\r\n",
              "so does one before the command")
        channel = client.open(pty=False)
        check(refused(channel.resize_pty, 90, 20) or True,
              "one without a terminal harms nobody")
        channel.exec_command("echo on")
        equal(rest(channel)[0], b"on\n", "and the command has none")


def requests():
    with Manager() as manager, Client(manager) as client:
        channel = client.open()
        check(refused(channel.get_pty), "a second pty-req is refused")
        channel = client.open(pty=False)
        channel.exec_command("cat")
        check(refused(channel.get_pty), "so is one after exec")
        channel.close()
        for term, why in (("x" * 65, "that is too long"),
                          ("x" * 200000, "of 200,000 bytes"),
                          ("a\x1b[2J", "with an escape"),
                          ("a\nb", "of two lines"), ("\xe4", "of Latin-1")):
            channel = client.open(pty=False)
            check(refused(channel.get_pty, term), f"a TERM {why} is refused")
            channel.close()
        channel = client.open("", pty=True)
        channel.exec_command("echo $TERM")
        equal(rest(channel)[0], b"dumb\r\n", "a TERM of nothing is dumb")
        channel = client.open(env={"SALLYPORT_DETACH_KEY": "C-a",
                                   "SALLYPORT_SIZE": "largest", "OWN": "y"})
        channel.exec_command("env | grep -E '^(SALLYPORT_[DS]|OWN)'")
        equal(rest(channel)[0], b"OWN=y\r\n",
              "the gateway's own variables go no further")
        for name, value in (("SALLYPORT_DETACH_KEY", "C-m"),
                            ("SALLYPORT_DETACH_KEY", "q"),
                            ("SALLYPORT_SIZE", "huge")):
            check(refused(client.open().set_environment_variable, name,
                          value) or True, f"{name}={value} harms nobody")


def named_sessions():
    with Manager(detach_key="C-\\") as manager, \
            Client(manager, NAMED) as client:
        channel = client.open("xterm", 90, 30)
        channel.exec_command("trap '' QUIT; echo made; "
                             "while read x; do echo got $x; "
                             "[ $x = end ] && exit 5; done")
        until(channel, b"made")
        start = last_start(manager)
        equal((start["type"], start["name"], start.get("tied", False),
               start["pty"], start["view"]),
              ("session", "dev", False,
               {"rows": 30, "cols": 90, "term": "xterm"},
               {"kind": "client", "rows": 30, "cols": 90}),
              "TASK+NAME asks for the session of that name")
        channel.sendall(b"one\r")
        until(channel, b"got one")
        channel.sendall(b"tw\x1cnever\r")
        out, err, status = rest(channel)
        check(out.endswith(b"[leave]\r\n\r[detached from t1+dev]\r\n")
              and (err, status) == (b"", 0),
              "the detach key leaves, with a line and status 0", out)
        equal(manager.terminals[0].process.poll(), None,
              "and what runs there runs on")
        again = client.open(env={"SALLYPORT_DETACH_KEY": "none",
                                 "SALLYPORT_SIZE": "smallest"})
        again.exec_command("echo not started")
        until(again, b"[repaint]")
        start = last_start(manager)
        equal((start["view"]["size"], start["pty"]["size"]),
              ("smallest", "smallest"), "a client may choose the size's rule")
        again.sendall(b"\x1c")
        again.sendall(b"o\rend\r")
        out, _err, status = rest(again)
        check(b"got two" not in out and b"got end" in out and status == 5,
              "the command's end is the session's, with its status", out)
        check(b"^\\" in out or b"\x1c" in out,
              "a client without a detach key can type it", out)
        equal(len(manager.terminals), 1, "no second one was started")


def detach_keys():
    cases = [
        ("C-\\", [b"\x1c"]), ("C-\\", [b"\x1b[92;5u"]),
        ("C-\\", [b"\x1b[92", b";5u"]), ("C-\\", [b"\x1b", b"[92;133u"]),
        ("C-\\", [b"\x1b[92::124;5:1u"]), ("C-\\", [b"\x1b[27;5;92~"]),
        ("C-a", [b"\x01"]), ("C-a", [b"\x1b[97;5u"]), ("C-]", [b"\x1d"]),
        ("C-^", [b"\x1e"])]
    others = [b"\x1b[92;2u", b"\x1b[92;5:3u", b"\x1b[93;5u", b"\\",
              b"\x1b[27;5;93~", b"\x1b[92;5", b"\x1b[92;7u"]
    with Manager() as manager, Client(manager, NAMED) as client:
        for key, typed in cases:
            channel = client.open(env={"SALLYPORT_DETACH_KEY": key})
            channel.exec_command("cat")
            until(channel, b"[repaint]" if manager.terminals else b"")
            for part in typed:
                channel.sendall(part)
                time.sleep(0.02)
            equal(rest(channel)[2], 0, f"{key} detaches, typed as {typed}")
        channel = client.open(env={"SALLYPORT_DETACH_KEY": "C-\\"})
        channel.exec_command("cat")
        until(channel, b"[repaint]")
        for typed in others:
            channel.sendall(typed)
        channel.sendall(b"end\r")
        check(b"end" in until(channel, b"end"), "other keys do not")
        check(not channel.exit_status_ready(), "and the client is still there")
        channel.close()
        manager.terminals[0].kill()


def the_client_goes():
    with Manager() as manager:
        for user, runs_on in ((TASK, False), (NAMED, True)):
            words = manager.ssh_words("exec sleep 100", user=user,
                                      options=["-tt"])
            with subprocess.Popen(words, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL) as process:
                wait_for(lambda: len(manager.terminals) == 1 + runs_on)
                terminal = manager.terminals[-1]
                wait_for(lambda: terminal.viewers)
                process.kill()
            if runs_on:
                wait_for(lambda: not terminal.viewers)
                equal(terminal.process.poll(), None,
                      "a named session outlives its client")
            else:
                wait_for(lambda: terminal.process.poll() is not None)
                check(True, "a plain one is hung up")
        equal(len(manager.keepers), 0, "no attachment is left")


def without_a_terminal():
    with Manager() as manager:
        for command in ((), ("true",)):
            got = manager.ssh(*command, user=NAMED)
            equal((got.returncode, got.stdout, got.stderr),
                  (126, b"", b"sallyport: a session needs a terminal: "
                   b"ssh -t\n"), "a session without a terminal is refused")
        equal(manager.terminals, [], "and nothing is started")
        for user in ("t1+", "t1+-x", "t1+A", "t1+a+b", "+a", "t2+a",
                     "t1+" + "a" * 49, "ops+a", "brain+a"):
            equal(manager.ssh(user=user).returncode, 255,
                  f"{user[:12]} is no user")
        equal(manager.ssh("exit 0", user=ID + "+" + "a" * 48,
                          options=["-tt"]).returncode, 0,
              "a name may have 48 bytes")
        got = manager.ssh(user="brain")
        check(got.returncode == 2 and b"stream-json" in got.stderr,
              "brain without a subsystem is told what to do", got)
        manager.ssh("true", user="nobody", key="other")
        wait_for(lambda: "refused: nobody with SHA256:" in manager.log_text())
        check("127.0.0.1" in manager.log_text().split("refused: nobody")[1],
              "who was refused is in the log, with key and address")
        equal([body["user"] for body in manager.heard("session")
               if body["event"] == "refused"][-1:], ["nobody"],
              "and the manager is told")


def lists():
    with Manager(names=(TASK, ID, "t2")) as manager, \
            Client(manager, NAMED) as client:
        manager.tasks = [
            {"task": ID, "name": name, "owner": "ann", "state": state,
             "profile": "default", "image": "default", "runtime": "runc",
             "created": "2030-01-01T00:00:00.000Z", "running": 1}
            for name, state in (("t1", "ready"), ("t2", "ready"),
                                ("t3", "stopping"))]
        channel = client.open()
        channel.exec_command("cat # \x1b]2;evil\x07\u202e")
        wait_for(lambda: manager.terminals)
        row = ("dev              abc12345-1     80x24    1+1     108m  "
               "cat # \ufffd]2;evil\ufffd\ufffd")
        got = manager.ssh("sessions", options=["-s"])
        equal((got.stdout.decode().splitlines()[1:], got.returncode),
              ([row], 0), "sessions of a task: a line each, made safe")
        for words in (["sessions"], ["sessions", "-s"]):
            got = manager.ssh(words[0], user="ops", options=words[1:])
            equal((got.stdout.decode().splitlines()[1:], got.returncode),
                  ([f"{task:17}{row}" for task in ("t1", "t2")], 0),
                  "ops sees those of every task")
        got = manager.ssh("sessions t1", user="ops")
        equal(got.stdout.decode().splitlines()[1:], [row],
              "or those of one")
        manager.refusing = ("denied", "you may not")
        got = manager.ssh("sessions t1", user="ops")
        equal((got.returncode, got.stderr), (1, b"sallyport: you may not\n"),
              "a refusal is told")
        manager.refusing = ("not_found", "no task t9")
        for words in ("watch t9", "replay t9-1"):
            got = manager.ssh(words, user="ops", options=["-tt"])
            check(got.returncode == 1 and b"no task t9" in got.stdout +
                  got.stderr, f"{words!r}, which is not there, has 1", got)
        manager.refusing = None
        manager.recordings = [
            {"recording": f"abc12345-{i}", "task": "t1", "owner": "ann",
             "bytes": i * 1000, "modified": "2030-01-01T00:00:00Z"}
            for i in range(3)]
        got = manager.ssh("recordings t1", user="ops")
        equal((got.stdout.decode().splitlines()[2].split(), got.returncode),
              (["abc12345-1", "t1", "ann", "1000", "2030-01-01T00:00:00Z"],
               0), "recordings are listed")
        equal(manager.heard("recordings")[-1]["task"], "t1",
              "of the task that was asked for")
        channel.close()


def ops_words():
    with Manager() as manager:
        got = manager.ssh(user="ops")
        check(got.returncode == 0 and b"watch TASK[+NAME]" in got.stdout
              and b"replay ID" in got.stdout, "ops without a command: help",
              got)
        equal(manager.ssh("help", user="ops").stdout, got.stdout,
              "help says the same")
        for words in ("nonsense", "watch", "watch a b", "watch a+b+c",
                      "watch t1", "replay x", "sessions A",
                      "recordings a b"):
            got = manager.ssh(words, user="ops")
            check(got.returncode == 2 and got.stdout == b"" and got.stderr,
                  f"{words!r} without a terminal is refused with 2", got)
        for words in ("replay", "replay --speed 1", "replay a b",
                      "replay a --speed 0", "replay a --speed 101",
                      "replay a --speed x", "replay a --speed 1.2345",
                      "replay a --idle -1", "watch", "replay a --nonsense"):
            got = manager.ssh(words, user="ops", options=["-tt"])
            check(got.returncode == 2 and b"usage" in got.stderr,
                  f"{words!r} is refused with its usage", got)
        manager.peer.say(0, "keys", first=True, last=True, lines=[
            f'role="{role}",name="{role}" ' + manager.read(key).strip()
            for role, key in (("user", "client.pub"),
                              ("operator", "other.pub"))])
        wait_for(lambda: manager.ssh("help", user="ops",
                                     key="other").returncode == 0)
        equal(manager.ssh("help", user="ops").returncode, 255,
              "the console is not for users")


def watching():
    with Manager() as manager, Client(manager, "ops") as client:
        def watch(words, cols=80):
            channel = client.open(cols=cols)
            channel.exec_command(words)
            return channel

        channel = watch("watch t1+dev", 100)
        until(channel, b"[watch dev 100x24]")
        keeper = manager.keepers[-1]
        equal(keeper.told[0]["view"],
              {"kind": "watch", "rows": 24, "cols": 100},
              "watch attaches to be shown a picture")
        equal(manager.heard("attach")[-1]["right"], "read",
              "with the right to read, and no more")
        channel.resize_pty(70, 20)
        until(channel, b"[resize 70x20]")
        channel.sendall(b"abc\r\n\x1b[A\x1bq\x1b[1;5q\x1bOq\x1b]0;q\x1b\\"
                        b"\x1bP1q\x1b\\\x1b_q\x07\xc3\xa9")
        channel.sendall(b"q")
        out, err, status = rest(channel)
        equal((out, err, status), (b"[leave]\r\n", b"", 0), "q ends it")
        equal(({body["type"] for body in keeper.told}, keeper.stdin_bytes),
              ({"attach", "resize", "detach"}, 0),
              "nothing of what was typed goes on")
        channel = watch("watch t1")
        until(channel, b"[watch  80x24]")
        channel.sendall(b"\x1b]\x03")
        equal(rest(channel)[2], 0, "C-c ends it from anywhere")
        channel = watch("watch t1+none")
        equal(rest(channel)[1:],
              (b"sallyport: there is no terminal \"none\"\r\n", 1),
              "what is not there is told")
        channel = watch("watch t1")
        until(channel, b"x24]")
        manager.refusing = ("not_found", "no task t1")
        manager.keepers[-1].peer.close()
        out, _err, status = rest(channel)
        check(out.endswith(b"\x1b[?1049l\r[the terminal is gone]\r\n")
              and status == 0,
              "when the task goes the terminal is put right", out)
        manager.refusing = None
        manager.deaf = True
        channel = watch("watch t1")
        until(channel, b"x24]")
        channel.sendall(b"q")
        channel.sendall(b"q")
        equal(rest(channel)[2], 0, "who is in a hurry types q twice")


def replaying():
    with Manager() as manager, Client(manager, "ops") as client:
        channel = client.open()
        channel.exec_command("replay abc12345-7 --speed 0.5 --idle 2.5")
        until(channel, b"[play 0.5 2500 None]")
        equal(manager.heard("replay")[-1]["recording"], "abc12345-7",
              "replay asks for a player")
        channel.sendall(b" ")
        until(channel, b"[play 0.5 2500 True]")
        channel.sendall(b" ++")
        until(channel, b"[play 2")
        channel.sendall(b"-")
        until(channel, b"[play None")  # 1, which is not written
        channel.sendall(b"++")
        out, _err, status = rest(channel)
        check(out.endswith(b"\r[ended]\r\n") and status == 0,
              "the recording's end ends it", out)


def people():
    """OpenSSH in a terminal, as a person sees it."""
    with Manager(detach_key="C-\\") as manager, Screens() as screens:
        screen = screens.open(manager.ssh_words(user=NAMED), 70, 20)
        screen.wait("$")
        screen.text("stty size; echo $TERM")
        screen.keys("Enter")
        screen.wait("20 70")
        screen.resize(50, 15)
        screen.until(lambda: (manager.terminals[0].rows,
                              manager.terminals[0].cols) == (15, 50))
        check(True, "a window that changes its size changes the session's")
        screen.keys("C-\\")
        screen.wait("[detached from t1+dev]")
        equal(screen.status(), 0, "C-\\ detaches")
        line = next(line for line in screen.lines() if "detached" in line)
        equal(line, "[detached from t1+dev]", "with a line of its own")
        screen = screens.open(manager.ssh_words(
            "echo on a terminal; exit 9", options=["-t"]))
        screen.wait("on a terminal")
        equal(screen.status(), 9, "ssh -t TASK CMD has CMD's status")
        screen = screens.open(manager.ssh_words(user="ops"))
        screen.wait("replay ID")
        check(all(not line.startswith(" ") for line in screen.lines()),
              "help stands straight on a terminal", screen.lines())


def other_clients():
    with Manager(detach_key="C-\\") as manager, Screens() as screens:
        ppk = os.path.join(manager.dir, "client.ppk")
        key = os.path.join(manager.dir, "client.dropbear")
        subprocess.run(["puttygen", manager.key, "-o", ppk], check=True)
        subprocess.run(["dropbearconvert", "openssh", "dropbear",
                        manager.key, key], check=True, capture_output=True)
        print_of = subprocess.run(
            ["ssh-keygen", "-lf", os.path.join(manager.dir, "host.pub")],
            check=True, capture_output=True, text=True).stdout.split()[1]
        for name, words in (
                ("plink", ["plink", "-batch", "-ssh", "-t", "-i", ppk, "-P",
                           str(manager.port), "-hostkey", print_of]),
                ("dbclient", ["dbclient", "-y", "-y", "-t", "-i", key, "-p",
                              str(manager.port)])):
            screen = screens.open([*words, f"{TASK}@127.0.0.1",
                                   "stty size; read x; exit $x"], 77, 22,
                                  env={"HOME": manager.dir})
            screen.wait("22 77")
            screen.keys("6", "Enter")
            equal(screen.status(), 6, f"{name}: terminal, size, status")


def slow_line(port, rate):
    """Relay one connection, what comes back at bytes a second; our port."""
    door = socket.create_server(("127.0.0.1", 0))

    def pump(source, sink, delay):
        try:
            while True:
                data = source.recv(8192)
                if not data:
                    break
                time.sleep(len(data) * delay)
                sink.sendall(data)
        except OSError:
            pass
        sink.close()

    def serve():
        with door:
            near = door.accept()[0]
        far = socket.socket()
        far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        far.connect(("127.0.0.1", port))
        threading.Thread(target=pump, args=(near, far, 0.0),
                         daemon=True).start()
        pump(far, near, 1.0 / rate)

    threading.Thread(target=serve, daemon=True).start()
    return door.getsockname()[1]


def fairness():
    """Somebody types while floods that began later fill the connection."""
    with Manager() as manager:
        port = slow_line(manager.port, 8 << 20)
        with Client(manager, port=port) as client:
            typist = client.open()
            typist.exec_command("stty -echo; echo up; cat")
            until(typist, b"up")
            others = [client.open(pty=False) for _ in range(2)]
            come = [0, 0]

            def drain(i):
                data = True
                while data:
                    data = others[i].recv(1 << 20)
                    come[i] += len(data)

            for i, other in enumerate(others):
                other.settimeout(None)
                other.exec_command("cat /dev/zero")
                threading.Thread(target=drain, args=(i,),
                                 daemon=True).start()
            wait_for(lambda: all(count > 1 << 20 for count in come))
            slowest = 0.0
            for i in range(5):
                begun = time.monotonic()
                typist.sendall(b"%d\r" % i)
                until(typist, b"%d\r\n" % i)
                slowest = max(slowest, time.monotonic() - begun)
            print(f"# slowest echo {slowest * 1000:.0f} ms")
            check(True, "what is typed is shown beside floods")
            before = list(come)
            wait_for(lambda: all(now > then + (1 << 20) for now, then in
                                 zip(come, before)))
            check(True, "and the floods take turns")
            for channel in (typist, *others):
                channel.close()


run([globals()[name] for name in os.environ["ONLY"].split()]
    if "ONLY" in os.environ else
    [plain_terminals, sizes, requests, named_sessions, detach_keys,
     the_client_goes, without_a_terminal, lists, ops_words, watching,
     replaying, people, other_clients, fairness])
done()
