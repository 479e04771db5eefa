# SPDX-License-Identifier: Apache-2.0
"""What a peer says that follows no rule but the format, or not even that: the
messages of tests/vectors in any order and state, data, credit, bytes cut,
repeated and swapped. The same seed says the same."""
import os
import random
import struct

from peers import CONTROL, STDIN, WINDOW

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..",
                       "vectors")


def messages(name):
    """The JSON of every valid message of a boundary."""
    with open(os.path.join(VECTORS, name + ".tsv"), encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return [row[1].encode() for row in rows if row[0] == "valid"]


def frame(kind, stream, payload):
    return struct.pack(">IBI", len(payload) + 5, kind, stream) + payload


class Liar:
    """Says what a peer of this boundary might.

    names   text of a message that is put in the place of other text, so that
            it means what is there: {b"t7kq2m9x": b"abc"}
    breaks  how many of 100 frames are no frames, or no messages
    """

    def __init__(self, seed, vectors, names=None, streams=1, breaks=10):
        self.random = random.Random(seed)
        self.messages = messages(vectors)
        self.names = names or {}
        self.streams = streams
        self.breaks = breaks
        self.last = b""

    def message(self):
        text = self.random.choice(self.messages)
        for name, other in self.names.items():
            text = text.replace(name, other)
        return text

    def whole(self):
        """A frame that is one."""
        stream = self.random.randrange(self.streams + 1)
        what = self.random.random()
        if what < 0.85 or self.streams == 1:
            on = 0 if self.streams == 1 else stream
            return frame(CONTROL, on, self.message())
        if what < 0.95:
            kind = self.random.randrange(STDIN, WINDOW)
            return frame(kind, stream, bytes(self.random.choice(
                (0, 1, 5, 4096, 65536))))
        return frame(WINDOW, stream, struct.pack(
            ">I", self.random.choice((0, 1, 262144, 0xFFFFFFFF))))

    def broken(self):
        """What is no frame of this boundary, or no message."""
        text = bytearray(self.whole())
        how = self.random.randrange(5)
        at = self.random.randrange(len(text))
        if how == 0:
            del text[at:]
        elif how == 1:
            text[at] ^= 1 << self.random.randrange(8)
        elif how == 2:
            text[at:at] = text[:self.random.randrange(64)]
        elif how == 3:
            text = text[at:] + text[:at]
        else:
            text = self.random.randbytes(self.random.randrange(1, 40))
        return bytes(text)

    def lie(self):
        """The next bytes to send, from a part of a frame to several."""
        how = self.random.randrange(100)
        if how < self.breaks:
            return self.broken()
        if how < self.breaks + 10 and self.last:
            return self.last * self.random.randrange(1, 4)
        self.last = self.whole()
        return self.last
