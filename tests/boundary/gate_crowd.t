#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""More clients than there is room for, and clients that fall silent."""
import os
import resource
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(here, "..", "lib"), here]

import paramiko

from gate_harness import BIN, Manager, wait_for
from tap import check, done, equal, run

CROWD = 2000


def raw(manager):
    return socket.create_connection(("127.0.0.1", manager.port))


def what_clients_show():
    """A refusal is a sentence on a stock client's terminal."""
    with Manager(connections_per_address=2) as manager:
        held = [raw(manager) for _ in range(2)]
        for sock in held:
            sock.recv(64)
        shown = [manager.ssh("true").stderr for _ in range(20)]
        equal([one for one in shown if
               b"too many connections from this address" not in one], [],
              "ssh says why, every time")
        transport = paramiko.Transport(("127.0.0.1", manager.port))
        try:
            transport.start_client(timeout=20)
            transport.auth_none("x")
        except (paramiko.SSHException, EOFError) as why:
            check(True, "paramiko gives up at once", why)
        transport.close()
        for sock in held:
            sock.close()
        wait_for(lambda: manager.ssh("true").returncode == 0)
        check(True, "and then there is room")


def a_crowd():
    """All at once: each is served or told no, soon."""
    with Manager(connections=300, connections_per_address=200) as manager:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        crowd = selectors.DefaultSelector()
        begun = time.monotonic()
        for _ in range(CROWD):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", manager.port))
            crowd.register(sock, selectors.EVENT_READ, bytearray())
        served = told = silent = 0
        waiting = CROWD
        while waiting and time.monotonic() < begun + 10:
            for key, _ in crowd.select(0.5):
                try:
                    key.data.extend(key.fileobj.recv(4096))
                except ConnectionResetError:
                    silent += 1
                waiting -= 1
                told += b"too many" in key.data
                served += (key.data.startswith(b"SSH-2.0") and
                           b"too many" not in key.data)
                crowd.unregister(key.fileobj)
                key.data.clear()
                held.append(key.fileobj)
        took = time.monotonic() - begun
        print(f"# {served} served, {told} told no, {silent} cut off, "
              f"{waiting} hang, in {took:.2f} s")
        equal((served + told, silent, waiting), (CROWD, 0, 0),
              "everybody is served or told no")
        check(served >= 200 and took < 10, "and soon", (served, took))
        for sock in held:
            sock.close()
        held.clear()
        wait_for(lambda: manager.ssh("true").returncode == 0)
        check(True, "and when they have gone the next is served")
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


held = []


class Narrow(Manager):
    """A gate that may have few descriptors."""

    def spawn(self, gate, fd, log):
        return subprocess.Popen(
            ["bash", "-c", f'ulimit -n 40; exec "$0" 3<&{fd} {fd}<&-',
             os.path.join(BIN, "sallyport-gate")],
            cwd=self.dir, stderr=log, stdin=subprocess.DEVNULL,
            pass_fds=[fd])


def descriptors():
    """A gate without descriptors says so instead of letting clients wait."""
    with Narrow() as manager:
        socks = [raw(manager) for _ in range(40)]
        said = []
        for sock in socks:
            sock.settimeout(10)
            said.append(sock.recv(4096))
        refused = [b"too many open files" in one for one in said]
        check(not refused[0] and refused[-1] and sum(refused) >= 8,
              "who comes when there is none left is told", refused)
        for sock in socks:
            sock.close()
        wait_for(lambda: manager.ssh("true").returncode == 0)
        check(manager.is_alive(), "and the gate goes on")


class Hole:
    """A TCP relay that can stop to forward, as a lost network does."""

    def __init__(self, port):
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        self.is_dark = False
        self.target = port
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        near = self.door.accept()[0]
        far = socket.create_connection(("127.0.0.1", self.target))
        for pair in ((near, far), (far, near)):
            threading.Thread(target=self.pump, args=pair,
                             daemon=True).start()

    def pump(self, source, sink):
        try:
            while data := source.recv(65536):
                if not self.is_dark:
                    sink.sendall(data)
        except OSError:
            pass
        if not self.is_dark:
            sink.close()


KEEPALIVE_MS, KEEPALIVE_COUNT = 300, 3


def closed(manager):
    return [one for one in manager.heard("session")
            if one["event"] == "closed"]


def is_dropped_in_time(manager, what):
    begun = time.monotonic()
    before = len(closed(manager))
    wait_for(lambda: len(closed(manager)) > before)
    took = (time.monotonic() - begun) * 1000
    most = KEEPALIVE_MS * (KEEPALIVE_COUNT + 1)
    print(f"# {what}: {took:.0f} ms of at most {most}")
    check(KEEPALIVE_MS < took < most + 500, f"{what} is dropped in time",
          took)


def silence():
    """Half-dead clients are found; those that are only idle are not."""
    with Manager(keepalive_ms=KEEPALIVE_MS,
                 keepalive_count=KEEPALIVE_COUNT) as manager:
        hole = Hole(manager.port)
        words = manager.ssh_words("echo up; cat")
        idle = subprocess.Popen(words, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
        frozen = subprocess.Popen(words, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        lost = subprocess.Popen(
            [*words[:1], "-p", str(hole.port), "-o",
             "StrictHostKeyChecking=no", *words[1:]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        try:
            for client in (idle, frozen, lost):
                equal(client.stdout.read(3), b"up\n", "it is served")
            hole.is_dark = True
            is_dropped_in_time(manager, "a client behind a lost network")
            frozen.send_signal(signal.SIGSTOP)
            is_dropped_in_time(manager, "a frozen client")
            time.sleep(2 * KEEPALIVE_MS * KEEPALIVE_COUNT / 1000)
            out, _ = idle.communicate(b"still here", timeout=20)
            equal(out, b"still here", "one that is only idle is kept")
        finally:
            for client in (idle, frozen, lost):
                client.kill()
                client.wait()


run([what_clients_show, a_crowd, descriptors, silence])
done()
