#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that lie, flood, stall and leave, against the real gate."""
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(here, "..", "lib"), here]

import paramiko
from paramiko.common import (MSG_CHANNEL_FAILURE, MSG_CHANNEL_OPEN,
                             MSG_CHANNEL_REQUEST, MSG_CHANNEL_SUCCESS,
                             MSG_CHANNEL_DATA, MSG_CHANNEL_EOF,
                             MSG_CHANNEL_CLOSE, MSG_CHANNEL_WINDOW_ADJUST,
                             MSG_KEXINIT,
                             MSG_SERVICE_REQUEST, MSG_USERAUTH_REQUEST)

from gate_harness import TASK, Manager, bound, wait_for
logging.disable(logging.CRITICAL)  # paramiko's opinion of these tests

from tap import check, done, equal, run

MIB = 1 << 20


def answered(kind):
    def handler(channel, _message):
        channel.__dict__.setdefault("answers", []).append(kind)
        channel.event.set()
        channel.event_ready = True
    return handler


TABLE = paramiko.Transport._channel_handler_table
TABLE[MSG_CHANNEL_SUCCESS] = answered("success")
TABLE[MSG_CHANNEL_FAILURE] = answered("failure")


def message(number, *parts):
    """A packet: bytes are sent as they are, str as strings, and so on."""
    packet = paramiko.Message()
    packet.add_byte(bytes([number]))
    for part in parts:
        if isinstance(part, bool):
            packet.add_boolean(part)
        elif isinstance(part, int):
            packet.add_int(part)
        elif isinstance(part, bytes):
            packet.add_bytes(part)
        else:
            packet.add_string(part)
    return packet


class Client:
    def __init__(self, manager, user=TASK, auth=True):
        self.transport = paramiko.Transport(("127.0.0.1", manager.port))
        self.transport.start_client(timeout=20)
        self.key = paramiko.Ed25519Key.from_private_key_file(manager.key)
        if auth:
            self.transport.auth_publickey(user, self.key)

    def send(self, *parts):
        self.transport._send_message(message(*parts))

    def open(self):
        return self.transport.open_session(timeout=20)

    def request(self, channel, name, *parts, reply=True):
        """Ask; "success", "failure", or None without a reply."""
        before = len(channel.__dict__.setdefault("answers", []))
        self.send(MSG_CHANNEL_REQUEST, channel.remote_chanid, name, reply,
                  *parts)
        if not reply:
            return None
        wait_for(lambda: len(channel.answers) > before)
        return channel.answers[-1]

    def is_dead(self):
        return not self.transport.is_active()

    def output(self, command):
        channel = self.open()
        channel.settimeout(20)
        equal(self.request(channel, "exec", command), "success",
              f"exec of {command} is accepted")
        return channel.makefile("rb").read()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.transport.close()


def raw(manager):
    sock = socket.create_connection(("127.0.0.1", manager.port))
    sock.settimeout(20)
    return sock


def is_closed(sock):
    """Whether the gate closes, whatever it says before."""
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass
    except socket.timeout:
        return False
    return True


def serves(manager, what):
    got = manager.ssh("echo alive")
    check(got.stdout == b"alive\n" and manager.is_alive(),
          f"the gate serves others after {what}", got.stderr)


def before_authentication():
    with Manager(grace_ms=1500) as manager:
        silent = raw(manager)
        began = time.monotonic()
        half = raw(manager)
        half.sendall(b"SSH-2.0-x")
        serves(manager, "silent ones came")
        check(is_closed(silent) and is_closed(half)
              and 1 < time.monotonic() - began < 4,
              "a silent client is closed at the end of its grace",
              time.monotonic() - began)
        for what, data in (
                ("a banner without end", b"SSH-2.0-" + b"x" * 4096),
                ("lines without end", b"hello\r\n" * 4096),
                ("NULs", b"\0" * 4096),
                ("noise", os.urandom(4096)),
                ("SSH 1", b"SSH-1.5-old\r\n"),
                ("an impossible packet length",
                 b"SSH-2.0-x\r\n" + b"\xff\xff\xff\xff" * 8),
                ("a packet of nothing", b"SSH-2.0-x\r\n" + b"\0" * 64)):
            sock = raw(manager)
            try:
                sock.sendall(data)
            except ConnectionError:
                pass
            check(is_closed(sock), what + " ends the connection")
            sock.close()
        serves(manager, "noise")


def budget():
    with Manager() as manager:
        def attempts(send):
            with Client(manager, auth=False) as client:
                client.send(MSG_SERVICE_REQUEST, "ssh-userauth")
                for count in range(1, 1001):
                    try:
                        send(client)
                    except (EOFError, OSError, paramiko.SSHException):
                        break
                    if count % 20 == 0:
                        time.sleep(0.02)
                    if client.is_dead():
                        break
                wait_for(client.is_dead)
                return count

        def none(client):
            client.send(MSG_USERAUTH_REQUEST, TASK, "ssh-connection", "none")

        def bad_signature(client):
            client.send(MSG_USERAUTH_REQUEST, TASK, "ssh-connection",
                        "publickey", True, "ssh-ed25519",
                        "not a key")

        def forged(client):
            signature = message(0, "ssh-ed25519", "s" * 64).asbytes()[1:]
            packet = message(MSG_USERAUTH_REQUEST, TASK, "ssh-connection",
                             "publickey", True, "ssh-ed25519")
            packet.add_string(client.key.asbytes())
            packet.add_string(signature)
            client.transport._send_message(packet)

        def large(client):
            client.send(2, "x" * 30000)  # ignore

        for what, send in (("none", none), ("broken keys", bad_signature),
                           ("forged signatures", forged),
                           ("padding", large)):
            count = attempts(send)
            check(count < 1000,
                  f"a flood of {what} ends the connection", count)
        with Client(manager, auth=False) as client:
            client.send(MSG_SERVICE_REQUEST, "ssh-userauth")
            forged(client)
            time.sleep(0.3)
            check(not client.transport.is_authenticated(),
                  "a forged signature does not let in")
            client.send(MSG_CHANNEL_OPEN, "session", 0, 100000, 32768)
            wait_for(client.is_dead)
            check(True, "a channel before authentication ends the connection")
        with Client(manager, auth=False) as client:
            client.send(MSG_SERVICE_REQUEST, "ssh-userauth")
            packet = message(MSG_USERAUTH_REQUEST, TASK, "ssh-connection",
                             "gssapi-with-mic", 1)
            packet.add_string(b"\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")
            client.transport._send_message(packet)
            time.sleep(0.3)
            check(not client.transport.is_authenticated()
                  and manager.is_alive(), "gssapi-with-mic is refused")
        equal(manager.heard("attach"), [], "nobody got through")
        serves(manager, "floods")


def algorithms():
    with Manager() as manager:
        rsa = os.path.join(manager.dir, "rsa")
        subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N",
                        "", "-f", rsa], check=True)
        with open(rsa + ".pub", encoding="ascii") as file:
            manager.peer.say(0, "keys", first=True, last=True, lines=[
                *manager.keys, 'role="admin",name="rob" ' + file.read()
                .strip()])
        wait_for(lambda: manager.ssh("true", key="rsa").returncode == 0)
        equal(manager.ssh("echo hi", key="rsa").stdout, b"hi\n",
              "an RSA key signs with SHA-2")
        key = paramiko.RSAKey.from_private_key_file(rsa)
        transport = paramiko.Transport(
            ("127.0.0.1", manager.port), disabled_algorithms={
                "pubkeys": ["rsa-sha2-512", "rsa-sha2-256"]})
        transport.start_client(timeout=20)
        transport.auth_timeout = 2
        # as a client that does not know what the gate accepts
        wait_for(lambda: transport.server_extensions)
        transport.server_extensions = {}
        try:
            transport.auth_publickey(TASK, key)
            check(False, "an RSA key does not sign with SHA-1")
        except paramiko.SSHException:
            check(True, "an RSA key does not sign with SHA-1")
        transport.close()
        for option in ("KexAlgorithms=diffie-hellman-group14-sha256",
                       "KexAlgorithms=diffie-hellman-group18-sha512",
                       "KexAlgorithms=diffie-hellman-group-exchange-sha256",
                       "Ciphers=aes128-cbc", "Ciphers=3des-cbc",
                       "HostKeyAlgorithms=ssh-rsa"):
            got = manager.ssh("true", options=["-o" + option])
            equal(got.returncode, 255, f"{option} is not offered")
        got = manager.ssh("true", options=["-oCiphers=aes128-ctr",
                                           "-oMACs=hmac-sha1"])
        equal(got.returncode, 255, "hmac-sha1 is not offered")
        got = manager.ssh("true", options=["-vv", "-oCompression=yes"])
        check(got.returncode == 0 and b"compression: none" in got.stderr,
              "no compression, even if the client asks")


def requests():
    with Manager() as manager, Client(manager) as client:
        channel = client.open()
        refused = {
            "x11-req": (False, "MIT-MAGIC-COOKIE-1", "00", 0),
            "auth-agent-req@openssh.com": (),
            "eow@openssh.com": (), "break": (100,), "nonsense": (),
            "window-change": (80, 24, 0, 0), "xon-xoff": (True,),
            "subsystem": ("sftp",),
        }
        for name, parts in refused.items():
            equal(client.request(channel, name, *parts), "failure",
                  f"{name} is answered with failure")
        client.request(channel, "nonsense", reply=False)
        equal(client.request(channel, "env", "A", "b"), "success",
              "env is taken")
        equal(client.request(channel, "env", "A=", "b"), "failure",
              "env of an impossible name is refused")
        equal(client.request(channel, "env", "", "b"), "failure",
              "env without a name is refused")
        equal(client.request(channel, "env", "B", "x" * 40000), "failure",
              "env over its limit is refused")
        for i in range(255):
            client.send(MSG_CHANNEL_REQUEST, channel.remote_chanid, "env",
                        False, f"N{i}", "v")
        equal(client.request(channel, "env", "LAST", "b"), "failure",
              "so is one too many")
        equal(client.request(channel, "exec", "x" * (129 << 10)), "failure",
              "a command over its limit is refused")
        equal(client.request(channel, "exec", "echo $A; cat"), "success",
              "then exec is taken")
        for name, parts in (("exec", ("true",)), ("shell", ()),
                            ("subsystem", ("stream-json",)),
                            ("env", ("C", "d"))):
            equal(client.request(channel, name, *parts), "failure",
                  f"{name} after exec is refused")
        channel.sendall(b"on")
        channel.shutdown_write()
        equal(channel.makefile("rb").read(), b"b\non",
              "and the command goes on")
        for name in ("tcpip-forward", "nonsense@example.com",
                     "streamlocal-forward@openssh.com"):
            equal(client.transport.global_request(
                name, ("", 0) if name == "tcpip-forward" else None), None,
                f"the global request {name} is refused")
        for kind in ("direct-tcpip", "x11", "nonsense",
                     "direct-streamlocal@openssh.com",
                     "auth-agent@openssh.com"):
            try:
                if kind in ("direct-tcpip", "x11"):
                    client.transport.open_channel(
                        kind, ("127.0.0.1", 22), ("127.0.0.1", 1), timeout=10)
                else:
                    client.transport.open_channel(kind, timeout=10)
                check(False, f"a {kind} channel is refused")
            except paramiko.ChannelException:
                check(True, f"a {kind} channel is refused")
        equal(client.output("echo end"), b"end\n",
              "the connection is as good as before")


def channels():
    with Manager(channels=64) as manager, Client(manager) as client:
        opened, refused = [], 0
        for _ in range(100):
            try:
                opened.append(client.open())
            except paramiko.ChannelException:
                refused += 1
        equal((len(opened), refused), (64, 36),
              "64 of 100 channels are opened")
        for channel in opened:
            channel.close()
        wait_for(lambda: not manager.keepers)
        equal(client.output("echo end"), b"end\n",
              "closed ones make room again")
        # data, EOF and close in every order, on channels of every kind
        for order in ((MSG_CHANNEL_DATA, MSG_CHANNEL_EOF, MSG_CHANNEL_CLOSE),
                      (MSG_CHANNEL_EOF, MSG_CHANNEL_DATA, MSG_CHANNEL_CLOSE),
                      (MSG_CHANNEL_EOF, MSG_CHANNEL_EOF, MSG_CHANNEL_CLOSE),
                      (MSG_CHANNEL_CLOSE, MSG_CHANNEL_DATA)):
            for command in (None, "cat", "fake:deaf", "exit 0"):
                channel = client.open()
                if command:
                    client.request(channel, "exec", command)
                for number in order:
                    client.send(number, channel.remote_chanid, *(
                        ("data",) if number == MSG_CHANNEL_DATA else ()))
        equal(client.output("echo end"), b"end\n",
              "data, EOF and close in any order harm nobody")
        wait_for(lambda: not manager.keepers)


def maximum_packet():
    with Manager() as manager, Client(manager) as client:
        kept = []  # paramiko holds its channels weakly
        for size in (0, 1, 9, 10, 11, 255):
            transport = client.transport
            channel = paramiko.Channel(1000 + size)
            kept.append(channel)
            transport._channels.put(1000 + size, channel)
            channel._set_transport(transport)
            channel._set_window(1 << 20, 1 << 15)
            transport.channel_events[1000 + size] = channel.event
            client.send(MSG_CHANNEL_OPEN, "session", 1000 + size, MIB, size)
            if size == 0:  # libssh does not even answer
                continue
            wait_for(channel.event.is_set)
            equal(client.request(channel, "exec", "cat /dev/zero"),
                  "failure", f"output in packets of {size} bytes is refused")
        serves(manager, "tiny packets")


def window():
    with Manager() as manager, Client(manager) as client:
        channel = client.open()
        equal(client.request(channel, "exec", "fake:deaf"), "success",
              "exec of a command that does not read is accepted")
        before = manager.memory()
        block = "x" * 32000
        sent = 0
        try:
            while sent < 64 * MIB and not client.is_dead():
                client.send(MSG_CHANNEL_DATA, channel.remote_chanid, block)
                sent += len(block)
        except (EOFError, OSError, paramiko.SSHException):
            pass
        wait_for(client.is_dead)
        check(sent < 32 * MIB, "a client that ignores the window is cut off",
              sent)
        grown = manager.memory() - before
        check(grown < bound(16 * MIB), "what it sent is bounded", grown)
        serves(manager, "that")
    # a window of 2^32 - 1, and more of it
    with Manager() as manager, Client(manager) as client:
        channel = client.open()
        client.request(channel, "exec", "head -c 5000000 /dev/zero")
        for _ in range(8):
            client.send(MSG_CHANNEL_WINDOW_ADJUST, channel.remote_chanid,
                        0xffffffff)
        serves(manager, "a window of 2^35")


class Unanswering(paramiko.Transport):
    """Does the first key exchange, and no other."""

    def _negotiate_keys(self, packet):
        if self.initial_kex_done:
            return
        super()._negotiate_keys(packet)

    _handler_table = {**paramiko.Transport._handler_table,
                      MSG_KEXINIT: _negotiate_keys}


def rekey():
    with Manager(rekey_bytes=MIB) as manager:
        transport = Unanswering(("127.0.0.1", manager.port),
                                default_window_size=(1 << 31) - 1)
        transport.start_client(timeout=20)
        transport.auth_publickey(
            TASK, paramiko.Ed25519Key.from_private_key_file(manager.key))
        channel = transport.open_session()
        before = manager.memory()
        began = time.monotonic()
        channel.exec_command("cat /dev/zero")
        time.sleep(3)
        grown = manager.memory() - before
        check(grown < bound(4 * MIB),
              "a client that never answers a key exchange costs little",
              grown)
        serves(manager, "that")
        wait_for(lambda: not transport.is_active(), 60)
        took = time.monotonic() - began
        check(25 < took < 45, "and is cut off after 30 seconds", took)
        wait_for(lambda: not manager.keepers)


def refusal(sock):
    """The reason in the disconnect that stands for a handshake."""
    version, packet = all_of(sock).split(b"\r\n", 1)
    assert version.startswith(b"SSH-2.0-"), version
    size, padding, kind, code, length = struct.unpack(">IBBII", packet[:14])
    assert (size + 4 == len(packet) and len(packet) % 8 == 0 and padding > 3
            and (kind, code) == (1, 12)), packet
    return packet[14:14 + length].decode()


def all_of(sock):
    got = b""
    while more := sock.recv(4096):
        got += more
    return got


def limits():
    with Manager(connections_per_address=3, connections=5) as manager:
        socks = [raw(manager) for _ in range(3)]
        for sock in socks:
            sock.recv(64)
        said = refusal(raw(manager))
        equal(said, "too many connections from this address",
              "one more than an address may is told so")
        socks.pop().close()
        wait_for(lambda: manager.ssh("true").returncode == 0)
        check(True, "one less, and the next may")
        with Client(manager), Client(manager), Client(manager):
            equal(refusal(raw(manager)), "too many connections",
                  "one more than the gate holds is told so")
        for sock in socks:
            sock.close()
        wait_for(lambda: manager.ssh("true").returncode == 0)
        check(True, "when they have gone the next may")


def leavers():
    """Cut off at every step, and in the middle of every packet."""
    with Manager(connections_per_address=300) as manager:
        with socket.create_server(("127.0.0.1", 0)) as between:
            port = between.getsockname()[1]
            for limit in [0, 1, 9, 21, 22, 23, 100, 500, 900, 1000, 1100,
                          1200, 1300, 1400, 1500, 1600, 1700, 1800, 1900,
                          2000, 2100, 2200, 2400, 2600, 2800, 3000]:
                client = subprocess.Popen(
                    ["ssh", "-F", manager.ssh_config, "-i", manager.key,
                     "-p", str(port), "-oStrictHostKeyChecking=no",
                     "-oUserKnownHostsFile=/dev/null", f"{TASK}@127.0.0.1",
                     "cat /dev/zero"], stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                near = between.accept()[0]
                far = raw(manager)
                relay(near, far, limit)
                near.close()
                far.close()
                client.wait()
        wait_for(lambda: not manager.keepers)
        check(True, "no attachment outlives a client cut off at any byte")
        serves(manager, "that")
        with Client(manager) as client:
            for i in range(20):
                channel = client.open()
                if i % 2:
                    client.request(channel, "exec", "yes")
        wait_for(lambda: not manager.keepers)
        check(True, "nor one that leaves with 20 channels")


def relay(near, far, limit):
    """Pass limit bytes of the client on, and all of the gate's meanwhile."""
    passed = 0
    near.settimeout(0.05)
    far.settimeout(0.05)
    deadline = time.monotonic() + 0.5
    while passed < limit and time.monotonic() < deadline:
        for source, sink, most in ((near, far, limit - passed),
                                   (far, near, 65536)):
            try:
                data = source.recv(max(most, 1))
                sink.sendall(data[:most])
            except (socket.timeout, OSError):
                continue
            if source is near:
                passed += len(data[:most])


def flipped():
    """One wrong bit in what is encrypted ends the connection."""
    with Manager() as manager:
        for cipher in ("aes128-gcm@openssh.com",
                       "chacha20-poly1305@openssh.com", "aes128-ctr"):
            with socket.create_server(("127.0.0.1", 0)) as between:
                client = subprocess.Popen(
                    ["ssh", "-F", manager.ssh_config, "-i", manager.key,
                     "-p", str(between.getsockname()[1]), "-c", cipher,
                     "-oStrictHostKeyChecking=no",
                     "-oUserKnownHostsFile=/dev/null", f"{TASK}@127.0.0.1",
                     "cat"], stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                near, far = between.accept()[0], raw(manager)
                opened = len(manager.heard("attach"))
                while len(manager.heard("attach")) == opened:
                    relay(near, far, 4096)
                relay(near, far, 4096)
                client.stdin.write(b"x" * 2000)
                client.stdin.flush()
                data = bytearray(near.recv(65536))
                data[len(data) // 2] ^= 1
                far.sendall(data)
                check(is_closed(far), f"{cipher}: a flipped bit is noticed")
                near.close()
                far.close()
                client.wait()
                client.stdin.close()
        serves(manager, "that")


def keepalive():
    with Manager(keepalive_ms=300, keepalive_count=3) as manager:
        words = manager.ssh_words("cat")
        with subprocess.Popen(words, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as honest, \
                subprocess.Popen(words, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE) as stopped:
            wait_for(lambda: sum(len(keeper.commands) for keeper
                                 in manager.keepers) == 2)
            stopped.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            wait_for(lambda: len(manager.keepers) == 1)
            check(0.8 < time.monotonic() - began < 4,
                  "a client that does not answer is dropped")
            time.sleep(1)
            out, _err = honest.communicate(b"still here", timeout=10)
            equal(out, b"still here", "one that is only idle is not")
            stopped.kill()


def waiting():
    """A manager that does not answer, and a client that does not wait."""
    with Manager() as manager:
        manager.attaching = False
        with Client(manager) as client:
            for i in range(30):
                channel = client.open()
                if i % 3:
                    client.request(channel, "exec", "true")
                if i % 2:
                    channel.close()
        manager.attaching = True
        serves(manager, "clients that did not wait for the manager")
        wait_for(lambda: not manager.keepers)


run([globals()[name] for name in os.environ["ONLY"].split()]
    if "ONLY" in os.environ else
    [before_authentication, budget, algorithms, requests, channels,
     maximum_packet, window, limits, leavers, flipped, keepalive, waiting,
     rekey])
done()
