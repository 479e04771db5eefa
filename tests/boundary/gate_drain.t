#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A gate that is to end: it accepts no more, and lets nobody down."""
import os
import signal
import socket
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(here, "..", "lib"), here]

import paramiko

from gate_harness import TASK, Manager, wait_for
from tap import check, done, equal, run


def login(manager, sock):
    transport = paramiko.Transport(sock)
    transport.start_client(timeout=20)
    transport.auth_publickey(
        TASK, paramiko.Ed25519Key.from_private_key_file(manager.key))
    return transport


def answer(transport, command):
    channel = transport.open_session(timeout=20)
    channel.settimeout(20)
    channel.exec_command(command)
    out = channel.makefile("rb").read()
    return out, channel.recv_exit_status()


def is_served(manager):
    """Whether somebody who comes now gets a version banner."""
    with socket.create_connection(("127.0.0.1", manager.port)) as sock:
        sock.settimeout(0.4)
        try:
            return sock.recv(256) != b""
        except TimeoutError:
            return False


def drains(words, end):
    with Manager() as manager:
        busy = login(manager, ("127.0.0.1", manager.port))
        channel = busy.open_session(timeout=20)
        channel.settimeout(20)
        channel.exec_command("echo up; read line; echo $line")
        equal(channel.recv(16), b"up\n", f"{words}: a command runs")
        half = socket.create_connection(("127.0.0.1", manager.port))
        wait_for(lambda: half.recv(4, socket.MSG_PEEK) == b"SSH-")
        queued = socket.create_connection(("127.0.0.1", manager.port))
        end(manager)
        wait_for(lambda: "draining" in manager.log_text())
        check(not is_served(manager), "nobody is let in any more")
        late = login(manager, half)
        equal(answer(late, "echo late"), (b"late\n", 0),
              "a handshake that had begun is finished, and served")
        late.close()
        queued.close()
        end(manager)
        manager.gate.send_signal(signal.SIGTERM)
        manager.peer.say(0, "drain")
        channel.sendall(b"still here\n")
        equal((channel.makefile("rb").read(), channel.recv_exit_status()),
              (b"still here\n", 0), "the command goes on, whoever says so "
              "again")
        equal(answer(busy, "exit 5")[1], 5,
              "and on its connection there may be more")
        check(manager.is_alive(), "as long as it lasts")
        busy.close()
        equal(manager.gate.wait(timeout=20), 0, "then the gate ends")


def on_request():
    drains("drain", lambda manager: manager.peer.say(0, "drain"))


def on_sigterm():
    drains("SIGTERM",
           lambda manager: manager.gate.send_signal(signal.SIGTERM))


def before_it_serves():
    with Manager() as manager:
        manager.gate.send_signal(signal.SIGTERM)
        equal(manager.gate.wait(timeout=20), 0,
              "one without connections ends at once")


run([on_request, on_sigterm, before_it_serves])
done()
