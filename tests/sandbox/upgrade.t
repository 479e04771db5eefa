#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Upgrades and restarts of the manager with stock clients at work: nothing that
runs notices, and no connection is refused."""
import os
import signal
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from stack import Stack, children, command_of, wait_for  # noqa: E402
from tap import check, done, equal, run  # noqa: E402

LINES = 60
COUNTER = f"i=0; while [ $i -lt {LINES} ]; do echo $i; i=$((i+1)); " \
          "sleep 0.05; done; exit 7"
WANTED = b"".join(b"%d\n" % i for i in range(LINES))


class Knocker:
    """Connects all the time and wants to be greeted each time."""

    def __init__(self, port):
        self.port = port
        self.greeted = 0
        self.faults = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.knock)
        self.thread.start()

    def knock(self):
        while not self.stopping.wait(0.002):  # leave it some time to work
            try:
                with socket.create_connection(("127.0.0.1", self.port),
                                              timeout=20) as sock:
                    text = sock.recv(32)
            except OSError as error:
                self.faults.append(str(error))
                continue
            if text.startswith(b"SSH-2.0"):
                self.greeted += 1
            else:
                self.faults.append(repr(text))

    def stop(self):
        self.stopping.set()
        self.thread.join()


def listening(port):
    """Inodes of the sockets that listen on a port."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [row.split() for row in table][1:]
    return {row[9] for row in rows
            if row[3] == "0A" and row[1].endswith(f":{port:04X}")}


def zombies(pid):
    def state(child):
        with open(f"/proc/{child}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0]
    return [command_of(child) for child in children(pid)
            if state(child) == "Z"]


def restart(stack):
    stack.up.kill()
    stack.up.wait()
    stack.up.stdout.close()
    stack.start()


def working(stack, what, act):
    """Do it while a session runs a command and others connect."""
    session = subprocess.Popen(stack.ssh_words("t", COUNTER),
                               stdout=subprocess.PIPE)
    first = session.stdout.read(2)
    knocker = Knocker(stack.port)
    try:
        for _ in range(3):
            greeted = knocker.greeted
            act()
            wait_for(lambda: knocker.greeted > greeted + 20)
    finally:
        knocker.stop()
    equal(knocker.faults, [], f"{what}: no connection is refused "
          f"({knocker.greeted} were not)")
    rest = session.communicate(timeout=60)[0]
    equal((first + rest, session.returncode), (WANTED, 7),
          f"{what}: an open session does not notice")


def upgrades(stack):
    def an_upgrade():
        pid, gates = stack.up.pid, set(stack.gates())
        working(stack, "upgrade", lambda: stack.admin("upgrade"))
        check(stack.up.poll() is None and stack.up.pid == pid,
              "the manager keeps its process id")
        wait_for(lambda: not gates & set(stack.gates()))
        check(True, "the gates are new ones, and the old have ended")
        equal(zombies(pid), [], "and were waited for")
        equal(stack.ssh("t", "echo hi").stdout, b"hi\n", "tasks are there")

    def a_killed_manager():
        before = listening(stack.port)
        working(stack, "kill -9 of the manager", lambda: restart(stack))
        equal((len(before), listening(stack.port)), (1, before),
              "the listening socket is still the same")

    def a_program_that_is_broken():
        path = os.path.join(stack.folder, "config.json")
        with open(path, encoding="utf-8") as file:
            good = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"gates": 0,\n"nope": 1}\n')
        done_ = stack.admin("upgrade", check=False)
        check(done_.returncode == 1 and "refuses" in done_.stderr,
              "one that would not start is refused", done_)
        with open(stack.log, encoding="utf-8") as log:
            check("config.json:2" in log.read(), "the log says why")
        equal(stack.ssh("t", "echo hi").stdout, b"hi\n", "and all goes on")
        with open(path, "w", encoding="utf-8") as file:
            file.write(good)

    def with_a_task_half_made():
        asked = subprocess.Popen(
            [os.path.join(os.environ["SALLYPORT_BIN"], "sallyport"),
             "create", "--dir", stack.folder, "--name", "late"],
            stdout=subprocess.PIPE)
        wait_for(lambda: b"late" in stack.admin("ps").stdout.encode())
        stack.admin("upgrade")
        asked.communicate(timeout=30)
        equal(asked.returncode, 0, "a task that is being made is waited for")
        equal(stack.ssh("late", "echo hi").stdout, b"hi\n", "and works")
        stack.destroy("late")

    def a_socket_from_a_supervisor():
        stack.up.send_signal(signal.SIGTERM)
        stack.up.wait(timeout=60)
        stack.up.stdout.close()
        with socket.create_server(("127.0.0.1", stack.port)) as server:
            early = socket.create_connection(("127.0.0.1", stack.port))
            script = (f"exec 3<&{server.fileno()}; export LISTEN_FDS=1 "
                      "LISTEN_PID=$$; exec \"$0\" up --dir \"$1\"")
            with open(stack.log, "ab") as log:
                stack.up = subprocess.Popen(
                    ["/bin/sh", "-c", script,
                     os.path.join(os.environ["SALLYPORT_BIN"], "sallyport"),
                     stack.folder], pass_fds=[server.fileno()],
                    stdout=subprocess.PIPE, stderr=log, text=True)
        stack.up.stdout.readline()
        early.settimeout(20)
        check(early.recv(8) == b"SSH-2.0-",
              "who came while it was away was not refused")
        early.close()
        equal(stack.ssh("t", "echo hi").stdout, b"hi\n", "tasks stay")

    return [an_upgrade, a_killed_manager, a_program_that_is_broken,
            with_a_task_half_made, a_socket_from_a_supervisor]


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return
    with Stack({"gates": 2, "connections_per_address": 4096}) as stack:
        stack.create("t")
        run(upgrades(stack))
    done()


main()
