# SPDX-License-Identifier: Apache-2.0
"""Which command is in which task, and what is to be asked for at the end: a
command whose ssh connection broke runs on, and its output is kept."""
import collections
import threading
import time

from ledger import Reader
from line import Line, payload
from plan import BLOCK, seed_in

SETTLE_SECONDS = 90
HEAD = 64  # events of a stream that surely have its first block
SURPLUS = 20  # execs of a task that are not commands of the campaign


class Books:
    """What the workers share."""

    def __init__(self, ledger, words, seed):
        self.ledger = ledger
        self.seed = seed
        self.words = words  # how ssh is called for a brain
        self.lock = threading.Lock()
        self.known = collections.defaultdict(dict)   # task: {exec: plan}
        self.doubts = collections.defaultdict(dict)  # task: {seed: doubt}
        self.has_tokens = False
        self.breaks = 0  # connections were broken so many times on purpose
        self.troubles = 0  # anything was done to the gateway so many times
        self.ongoing = 0   # so much is being done now
        self.is_over = threading.Event()

    def trouble(self, change):
        """Something is begun (1) or ended (-1) that may cause refusals."""
        with self.lock:
            self.troubles += 1
            self.ongoing += change

    def knows(self, task, exec_id, plan):
        with self.lock:
            self.known[task][exec_id] = plan

    def seen(self, task, plan):
        """An exec without a number that is known, which ended as planned."""
        self.knows(task, "ssh " + plan.name, plan)

    def doubt(self, task, plan, received=(0, 0)):
        """A command of which nobody saw the end: received are the bytes of
        stdout and stderr that had come."""
        with self.lock:
            self.doubts[task][plan.seed] = (plan, received)
        self.ledger.add("ends looked up later")

    def settle(self, name, task_id):
        """Ask a task whose commands are all done or in doubt for everything
        that is not accounted for, and which commands it ran."""
        with self.lock:
            known = dict(self.known[name])
            doubts = self.doubts.pop(name, {})
        settlement = Settlement(self, name, task_id, known, doubts)
        settlement.run()
        with self.lock:
            self.known[name] = settlement.known

    def forget(self, name):
        """The task is another one from now on."""
        with self.lock:
            self.known.pop(name, None)


def seed_of(events):
    """The seed of the first whole block that events of a stream hold."""
    pieces = [event for event in events if "offset" in event][:HEAD]
    if not pieces:
        return None
    return seed_in(b"".join(map(payload, pieces))[
        -pieces[0]["offset"] % BLOCK:])


class Settlement:
    """All that is left to ask of one task."""

    def __init__(self, books, name, task_id, known, doubts):
        self.books, self.ledger = books, books.ledger
        self.name, self.task_id = name, task_id
        self.known, self.doubts = known, doubts
        self.line = None

    def run(self):
        self.line = Line(self.books.words)
        try:
            self._look_up()
            self._count_runs()
        finally:
            self.line.close()

    def _look_up(self):
        """Execs are numbered: whichever number nobody knows is attached to,
        as far as there can be any."""
        last = len(self.known) + len(self.doubts) + SURPLUS
        for number in range(1, last + 1):
            exec_id = f"{self.task_id}-{number}"
            if not self.doubts:
                return
            if exec_id in self.known:
                continue
            reply = self.line.ask("attach", exec=exec_id)
            if reply is None:
                self.ledger.fault("unexplained breaks", "while settling")
                return
            if reply["ok"]:
                self._read(exec_id)

    def _read(self, exec_id):
        """One exec from its start to its end. Whoever would feed it is gone."""
        self.line.send("stdin", None, exec=exec_id, eof=True)
        got = {"stdout": [], "stderr": []}
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            event = self.line.next(1)
            if event is None:
                break
            if event.get("exec") != exec_id:
                continue
            if event["type"] == "exit":
                self._account(exec_id, got, event)
                return
            stream = event.get("stream", event["type"])
            got.setdefault(stream, []).append(event)
        self.ledger.fault("stuck", f"exec {exec_id} of {self.name}")

    def _account(self, exec_id, got, end):
        seeds = [seed_of(events) for events in got.values()]
        found = self.doubts.pop(next(filter(None, seeds), None), None)
        if found is None:
            return  # one of ours that ran no load
        plan, received = found
        taken = dict(zip(("stdout", "stderr"), received))
        self.known[exec_id] = plan
        for stream, events in got.items():
            reader = Reader(self.ledger, plan, stream, taken.get(stream))
            for event in events:
                if event["type"] == "gap":
                    reader.gap(event["from"], event["to"])
                elif event["type"] == "eof":
                    reader.end(event["total"], (0, plan.stdin))
                else:
                    reader.take(event["offset"], payload(event))
        if not plan.is_end(end):
            self.ledger.fault("lost execs" if end["reason"] == "lost" else
                              "wrong exits", f"{plan}: {end}")
        self.ledger.add("ends found")

    def _count_runs(self):
        """Every command wrote its seed down when it ran."""
        reply = self.line.ask("exec", task=self.name, argv=["cat", "/tmp/ran"])
        if not reply or not reply["ok"]:
            self.ledger.fault("stuck", f"{self.name}: what ran is not told: "
                              f"{reply}")
            return
        text = b""
        while (event := self.line.next(60)).get("type") != "exit":
            if event.get("type") == "stdout":
                text += payload(event)
        ran = collections.Counter(int(word, 16) for word in text.split())
        for plan in self.known.values():
            if ran[plan.seed] == 0:
                self.ledger.fault("never run", f"{plan.name} in {self.name}")
        for seed, (plan, received) in self.doubts.items():
            if ran[seed] > 0:
                self.ledger.fault("lost execs", f"{plan.name} in {self.name}"
                                  " ran, and no exec has its output")
            elif received != (0, 0):
                self.ledger.fault("never run", f"{plan.name} in {self.name}"
                                  f" has told {received} bytes")
        for seed, count in ran.items():
            if count > 1:
                self.ledger.fault("run twice", f"{seed:016x} in {self.name}")
