#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""ssh sessions whose keeper is killed at random points: a pause, no more."""
import os
import socket
import subprocess
import sys
import threading
import time

import paramiko

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)),
                os.path.join(os.path.dirname(__file__), "..", "lib")]
# pylint: disable=wrong-import-position
from gate_harness import ID, Manager, wait_for  # noqa: E402
from reattach_harness import (  # noqa: E402
    STDERR, STDOUT, Task, noise)
from tap import check, done, equal, run  # noqa: E402

SEED = int(os.environ.get("SEED", "0")) or int(time.time())
print(f"# SEED={SEED}")


class Killing(Manager):
    """A manager whose only task is a Task."""

    def __init__(self, task, **config):
        self.task = task
        super().__init__(**config)

    def answer(self, peer, body):
        if body["type"] == "task.get":
            peer.say(0, "task", request=body["request"], task=ID, name="t1",
                     owner="ann", state=self.state, profile="default",
                     image="default", runtime="runc", running=0,
                     provision_ms=80,
                     created="2030-01-01T00:00:00.000Z")
            peer.say(0, "answer", request=body["request"], task=ID)
            return
        if body["type"] != "attach":
            return
        if self.refusing:
            peer.say(0, "answer", request=body["request"],
                     code=self.refusing[0], text=self.refusing[1])
            return
        ours, theirs = socket.socketpair()
        self.task.serve(ours)
        peer.say(0, "answer", request=body["request"], task=ID,
                 fds=[theirs.fileno()])
        theirs.close()

    state = "ready"


def sizes(start):
    """What "out N err N exit N [cat]" writes."""
    words = start["command"].split()
    number = int(words[6])
    return {STDOUT: noise(number, int(words[1])),
            STDERR: noise(number + 1, int(words[3])),
            "code": int(words[5]), "waits": "cat" in words}


def bytes_and_ends():
    """Every byte once, in order, and the true end, of many commands."""
    task = Task(SEED, sizes)
    results = []

    def one(number):
        command = f"out {150000 + number} err {40000 + number} " \
                  f"exit {number + 2} {number}"
        got = manager.ssh(command, input=b"", timeout=120)
        results.append((number, got))

    with Killing(task) as manager:
        threads = [threading.Thread(target=one, args=(number,))
                   for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number, got in sorted(results, key=lambda pair: pair[0]):
            check(got.stdout == noise(number, 150000 + number) and
                  got.stderr == noise(number + 1, 40000 + number),
                  f"every byte of command {number}",
                  (len(got.stdout), len(got.stderr), got.stderr[-200:]))
            equal(got.returncode, number + 2, "and its end")
        equal(len(task.execs), 12, "no command ran twice")
        print(f"# {task.drops} keepers were killed")
        check(task.drops > 60, "many keepers were killed", task.drops)
        equal([one for one in task.attaches if not one.get("tied")], [],
              "a session's command is tied to it again")
        wait_for(lambda: all(not link.is_alive() for link in task.links))


def stdin_of_pipes():
    """What a client sends comes through once, and so does its end."""
    task = Task(SEED + 1, sizes)
    results = []

    def one(number):
        got = manager.ssh(f"out 1000 err 0 exit 0 {number} cat",
                          input=noise(1000 + number, 900000 + number),
                          timeout=120)
        results.append(got.returncode)

    with Killing(task) as manager:
        threads = [threading.Thread(target=one, args=(number,))
                   for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(results, [0] * 8, "every command ended by its end of input")
        for of in task.execs.values():
            number = int(of.start["command"].split()[6])
            check(of.given == noise(1000 + number, 900000 + number),
                  f"stdin of command {number} is whole",
                  (len(of.given), number))
        print(f"# {task.drops} keepers were killed")
        check(task.drops > 60, "many keepers were killed", task.drops)


def short_lives():
    """Keepers that live for some frames only."""
    task = Task(SEED + 2, sizes)
    task.budget = 3000
    with Killing(task) as manager:
        with subprocess.Popen(
                manager.ssh_words("out 300 err 0 exit 0 1 cat",
                                  options=["-S", f"{manager.dir}/s", "-M"]),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            equal(client.stdout.read(300), noise(1, 300), "it runs")
            of = task.execs[f"{ID}-1"]
            client.stdin.write(b"x" * 5000)
            client.stdin.close()
            client.wait(timeout=60)
            equal((client.returncode, len(of.given)), (0, 5000),
                  "all comes through")


class Client:
    """paramiko, with one channel."""

    def __init__(self, manager, user="t1"):
        self.transport = paramiko.Transport(("127.0.0.1", manager.port))
        self.transport.start_client(timeout=20)
        self.transport.auth_publickey(
            user, paramiko.Ed25519Key.from_private_key_file(manager.key))
        self.channel = self.transport.open_session(timeout=20)
        self.channel.settimeout(20)
        self.channel.get_pty("xterm", 80, 24)

    def until(self, wanted):
        got = b""
        while wanted not in got:
            more = self.channel.recv(65536)
            if not more:
                raise EOFError(repr(got))
            got += more
        return got

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.transport.close()


def plain_terminals():
    """A plain session's terminal: the program's bytes, each once."""
    task = Task(SEED + 7, sizes)
    with Killing(task) as manager, Client(manager) as client:
        client.channel.exec_command("out 400000 err 0 exit 5 1")
        out = client.channel.makefile("rb").read()
        equal((out, client.channel.recv_exit_status()),
              (noise(1, 400000), 5), "every byte of a plain terminal")
        check(task.drops > 8 and
              all(one["tied"] and "view" not in one for one in task.attaches),
              "and it hangs up with its client, as before", task.drops)


RESET = b"\x1b[?1049l"


def views():
    """Named terminals and watchers are painted anew on a terminal that is as
    if nobody had."""
    task = Task(SEED + 8, sizes)
    task.calm = True
    with Killing(task, names=("t1", ID), detach_key="C-\\") as manager:
        with Client(manager, "t1+dev") as client:
            client.channel.exec_command("out 1 err 0 exit 0 1 cat")
            client.until(b"[client 80x24]")
            client.channel.resize_pty(100, 30)
            wait_for(lambda: task.execs[f"{ID}-1"].size)
            manager.refusing = ("system", "busy")
            task.links[-1].die()
            wait_for(lambda: len(manager.heard("attach")) > 1)
            client.channel.sendall(b"typed")
            client.channel.resize_pty(90, 20)
            time.sleep(0.05)
            manager.refusing = None
            got = client.until(b"[client 90x20]")
            check(got.startswith(b"\x18") and RESET in got and
                  b"\x1b[?1003l" in got, "a client's terminal is reset", got)
            where = task.attaches[-1]
            equal((where["exec"], where["view"], "session" in where),
                  (ID + "-1", {"kind": "client", "rows": 20, "cols": 90},
                   False), "the same terminal, in the size of now")
            wait_for(lambda: task.execs[f"{ID}-1"].given == b"typed")
            check(True, "what was typed meanwhile has come")
            manager.refusing = ("system", "busy")
            task.links[-1].die()
            wait_for(lambda: not task.links[-1].is_alive())
            client.channel.sendall(b"\x1c")
            got = client.until(b"[detached from t1+dev]")
            check(RESET in got, "who leaves meanwhile is let go", got)
            manager.refusing = None
        with Client(manager, "ops") as client:
            client.channel.exec_command("watch t1")
            client.until(b"[watch 80x24]")
            task.links[-1].die()
            got = client.until(b"[watch 80x24]")
            check(RESET in got and b"\x1b[?1003l" not in got,
                  "a watcher's too", got)


def poison():
    """A keeper that dies of every attachment is not asked for in a hurry."""
    task = Task(SEED + 9, sizes)
    task.calm = True
    with Killing(task) as manager:
        with subprocess.Popen(
                manager.ssh_words("out 10 err 0 exit 0 1 cat"),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            client.stdout.read(10)
            task.poison = True
            before = len(manager.heard("attach"))
            task.links[-1].die()
            time.sleep(2)
            asked = len(manager.heard("attach")) - before
            check(3 < asked < 12, "at a growing distance", asked)
            task.poison = False
            client.stdin.close()
            equal(client.wait(timeout=20), 0, "and still a pause")


def who_leaves():
    """A client that goes while the keeper is away leaves nothing behind."""
    task = Task(SEED + 3, sizes)
    task.calm = True
    with Killing(task) as manager:
        with subprocess.Popen(
                manager.ssh_words("out 10 err 0 exit 0 1 cat"),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            equal(client.stdout.read(10), noise(1, 10), "it runs")
            manager.refusing = ("system", "busy")
            before = len(manager.heard("attach"))
            task.links[-1].die()
            wait_for(lambda: len(manager.heard("attach")) > before + 2)
            client.kill()
        wait_for(lambda: [one for one in manager.heard("session")
                          if one["event"] == "closed"])
        asked = len(manager.heard("attach"))
        time.sleep(0.3)
        check(len(manager.heard("attach")) <= asked + 1,
              "nobody asks any more")
    equal(manager.gate.returncode, 0, "and the gate ends in good order")


def the_truth():
    """When there is no way back, the client hears what is known."""
    rows = [
        (("not_found", "no task t1"), "ready", b"sandbox lost"),
        (("state", "task t1 is stopping"), "stopping", b"sandbox lost"),
        (("state", "task t1 is failed"), "failed", b"sandbox lost"),
        (("denied", "not yours"), "ready", b"may run on: not yours"),
    ]
    for refusing, state, text in rows:
        task = Task(SEED + 4, sizes)
        task.calm = True
        with Killing(task) as manager:
            with subprocess.Popen(
                    manager.ssh_words("out 10 err 0 exit 0 1 cat"),
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE) as client:
                client.stdout.read(10)
                manager.refusing, manager.state = refusing, state
                task.links[-1].die()
                said = client.communicate(timeout=20)[1]
                check(client.returncode == 255 and
                      text in said,
                      f"{refusing[1]}: {text.decode()}")


def late_keepers():
    """A keeper that comes late, behind refusals, is still a pause."""
    task = Task(SEED + 5, sizes)
    task.calm = True
    with Killing(task) as manager:
        with subprocess.Popen(
                manager.ssh_words("out 10 err 0 exit 9 1 cat"),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            client.stdout.read(10)
            before = len(manager.heard("attach"))
            manager.refusing = ("state", "its keeper is not ready")
            begun = time.monotonic()
            task.links[-1].die()
            time.sleep(1.5)
            asked = len(manager.heard("attach")) - before
            check(2 < asked < 12, "it is asked for at a growing distance",
                  asked)
            manager.refusing = None
            client.stdin.write(b"abc")
            client.stdin.close()
            equal(client.wait(timeout=20), 9, "it goes on")
            print(f"# after {time.monotonic() - begun:.2f} s")
        equal(task.execs[f"{ID}-1"].given, b"abc",
              "what was sent meanwhile has come")


def a_manager_that_is_away_too():
    task = Task(SEED + 6, sizes)
    task.calm = True
    with Killing(task) as manager:
        with subprocess.Popen(
                manager.ssh_words("out 10 err 0 exit 9 1 cat"),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            client.stdout.read(10)
            manager.hang_up()
            task.links[-1].die()
            time.sleep(0.2)
            manager.come_back()
            client.stdin.close()
            equal(client.wait(timeout=20), 9,
                  "manager and keeper at once: a pause")


run([globals()[name] for name in os.environ["ONLY"].split()]
    if "ONLY" in os.environ else
    [bytes_and_ends, stdin_of_pipes, short_lives, plain_terminals, views,
     who_leaves, the_truth, late_keepers, poison,
     a_manager_that_is_away_too])
done()
