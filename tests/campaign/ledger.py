# SPDX-License-Identifier: Apache-2.0
"""The books: every byte of every attachment, every end of every command.

A Reader follows one stream of one attachment, over all the connections that
it took; what is not exactly the next byte is lost, duplicated or wrong. The
Ledger counts for all, and keeps a line for each fault.
"""
import collections
import threading

from plan import TRAILER

# Each of these has to be 0 at the end.
FAULTS = ("lost bytes", "duplicated bytes", "wrong bytes", "wrong exits",
          "lost execs", "run twice", "never run", "stuck",
          "unexplained breaks", "unexplained refusals", "orphans")


class Ledger:
    """Counters of all threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.count = collections.Counter()
        self.faults = []
        self.times = collections.defaultdict(list)

    def add(self, what, number=1):
        with self.lock:
            self.count[what] += number

    def fault(self, what, why, number=1):
        assert what in FAULTS, what
        with self.lock:
            self.count[what] += number
            self.faults.append(f"{what}: {why}")

    def time(self, what, seconds):
        with self.lock:
            self.times[what].append(seconds)

    def is_clean(self):
        return not any(self.count[what] for what in FAULTS)


class Reader:
    """One stream of one attachment. taken: bytes that its owner has had
    before, and that need no longer be kept; None: any may be gone."""

    def __init__(self, ledger, plan, stream, taken=0):
        self.ledger, self.plan, self.stream = ledger, plan, stream
        self.taken = taken
        self.size = plan.streams.get(stream, plan.out)
        self.at = 0
        self.tail = b""
        self.ended = False

    def _where(self):
        return (f"{self.plan.way} {self.plan.name} {self.stream} at "
                f"{self.at} of {self.size}")

    def take(self, offset, data):
        """Bytes that came, the first of them at offset."""
        if offset > self.at:
            self.ledger.fault("lost bytes", f"{self._where()}: next came "
                              f"{offset}", offset - self.at)
        elif offset < self.at:
            again = min(self.at - offset, len(data))
            self.ledger.fault("duplicated bytes", f"{self._where()}: again "
                              f"{offset}", again)
        known = data[:max(0, self.size - offset)]
        if known and known != self.plan.bytes_of(self.stream, offset,
                                                 len(known)):
            self.ledger.fault("wrong bytes", f"{self._where()}: offset "
                              f"{offset}, begins {known[:80]!r}", len(known))
        self.tail += data[len(known):]
        self.at = offset + len(data)
        self.ledger.add("bytes", len(data))

    def gap(self, start, to):
        """The gateway says that these bytes are no longer kept."""
        if start != self.at or self.taken is not None and to > self.taken:
            self.ledger.fault("lost bytes", f"{self._where()}: a gap of "
                              f"{start} to {to}, taken were {self.taken}",
                              to - max(self.at, self.taken or 0))
        else:
            self.ledger.add("gaps that policy allows")
            self.ledger.add("bytes in gaps", to - start)
        self.at = to

    def end(self, total=None, stdin=None):
        """The end of file; total if it was told. stdin: the least and most
        that the command may have read, if it reads."""
        self.ended = True
        wanted = self.size + len(self.tail)
        if self.at != wanted or total not in (None, wanted):
            self.ledger.fault("lost bytes", f"{self._where()}: ended, total "
                              f"{total}, {self.plan}",
                              max(1, wanted - self.at))
            return
        if self.stream != "stdout" or self.plan.stdin is None:
            if self.tail:
                self.ledger.fault("wrong bytes", f"{self._where()}: more "
                                  f"than all: {self.tail[:80]!r}")
            return
        said = TRAILER.fullmatch(self.tail)
        least, most = stdin or (self.plan.stdin, self.plan.stdin)
        if not said or int(said.group(2)) != -1 or \
                not least <= int(said.group(1)) <= most:
            self.ledger.fault("wrong bytes", f"{self._where()}: of stdin "
                              f"{least} to {most} it said {self.tail!r}")

    def prefix(self, data):
        """All that came before a connection broke."""
        self.take(0, data)
        if self.at > self.size and (self.plan.stdin is None or
                                    self.stream != "stdout"):
            self.ledger.fault("wrong bytes", f"{self._where()}: more than "
                              f"all: {self.tail[:80]!r}")


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
