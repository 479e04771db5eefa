# SPDX-License-Identifier: Apache-2.0
"""A stream-json connection that may break at any byte: what was read before
the break is whole lines, and nothing here waits for ever."""
import base64
import itertools
import json
import queue
import subprocess
import threading

KEPT = 256  # messages read and not yet looked at; then ssh is not read


def payload(event):
    if "data" in event:
        return event["data"].encode()
    return base64.b64decode(event["base64"])


class Line:
    """Messages come to next(); replies go to what was given to send()."""

    def __init__(self, words):
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        self.numbers = itertools.count(1)
        self.then = {}
        self.incoming = queue.Queue(KEPT)
        self.outgoing = queue.SimpleQueue()
        self.is_closing = False
        self.threads = [threading.Thread(target=work, daemon=True)
                        for work in (self._read, self._write)]
        for thread in self.threads:
            thread.start()

    def _put(self, message):
        while not self.is_closing:
            try:
                self.incoming.put(message, timeout=0.5)
                return
            except queue.Full:
                continue

    def _read(self):
        for line in self.process.stdout:
            if not line.endswith(b"\n") or self.is_closing:
                break
            self._put(json.loads(line))
        self._put(None)

    def _write(self):
        try:
            while (line := self.outgoing.get()) is not None:
                self.process.stdin.write(line)
                self.process.stdin.flush()
        except OSError:
            pass  # the reader meets the end too, and says so

    def send(self, kind, then, **members):
        number = str(next(self.numbers))
        self.then[number] = then
        members = {k: v for k, v in members.items() if v is not None}
        self.outgoing.put(json.dumps(
            {"type": kind, "id": number, **members}).encode() + b"\n")

    def next(self, seconds):
        """The next event, or {} when a reply was dealt with or no message
        came in time, or None at the end of the connection."""
        try:
            message = self.incoming.get(timeout=seconds)
        except queue.Empty:
            return {}
        if message is None or message["type"] != "reply":
            return message
        then = self.then.pop(message["id"], None)
        if then:
            then(message)
        return {}

    def ask(self, kind, seconds=60, **members):
        """The reply to one request on a connection that is used for nothing
        else; None when the connection ended first."""
        found = []
        self.send(kind, found.append, **members)
        while not found:
            if self.next(seconds) is None:
                return None
        return found[0]

    def close(self):
        """Events on their way are dropped; commands go on."""
        self.is_closing = True
        self.outgoing.put(None)
        self.process.kill()
        self.process.wait()
        for thread in self.threads:
            thread.join(timeout=5)
        try:
            self.process.stdin.close()
        except OSError:
            pass  # what it had no time to send
        self.process.stdout.close()
