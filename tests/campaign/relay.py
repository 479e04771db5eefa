# SPDX-License-Identifier: Apache-2.0
"""A TCP relay between clients and the gateway, on a port of the kernel's
choice, whose connections can be broken in every way that a network has."""
import socket
import struct
import threading
import time

PIECE = 65536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close sends a reset


class Link:
    """One connection through the relay."""

    def __init__(self, client, server, ended):
        self.client, self.server = client, server
        self.ended = ended
        self.stalled_until = 0
        self.is_hole = False
        self.open = 2
        self.lock = threading.Lock()
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(source, target),
                             daemon=True).start()

    def _pump(self, source, target):
        try:
            while data := source.recv(PIECE):
                while (wait := self.stalled_until - time.monotonic()) > 0:
                    time.sleep(min(wait, 0.05))
                if not self.is_hole:
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            self.cut()
        with self.lock:
            self.open -= 1
            last = self.open == 0
        if last:
            self.client.close()
            self.server.close()
            self.ended(self)

    def cut(self):
        """Reset both sides."""
        for side in (self.client, self.server):
            try:
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def half_close(self, dice):
        """One side hears the end of file, the other nothing."""
        try:
            dice.choice((self.client, self.server)).shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stall(self, seconds):
        """Nothing passes for so long; nothing is lost."""
        self.stalled_until = time.monotonic() + seconds

    def swallow(self):
        """From now on nothing passes, and nobody is told."""
        self.is_hole = True


class Relay:
    """Listens until it is closed; target() is the gateway's port now."""

    def __init__(self, target):
        self.target = target
        self.links = set()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(
                    ("127.0.0.1", self.target()), timeout=10)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            link = Link(client, server, self._forget)
            with self.lock:
                self.links.add(link)

    def _forget(self, link):
        with self.lock:
            self.links.discard(link)

    def pick(self, dice):
        """A connection, or None."""
        with self.lock:
            return dice.choice(list(self.links)) if self.links else None

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            links = list(self.links)
        for link in links:
            link.cut()
