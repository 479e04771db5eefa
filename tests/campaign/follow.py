# SPDX-License-Identifier: Apache-2.0
"""A command as one brain follows it, over as many connections as it takes."""
import base64
import time

from ledger import Reader
from line import payload

PIECE = 65536          # of stdin in one request
INLINE_MAX = 200000    # of stdin that goes with the exec
TRY_SECONDS = 60       # that a refusal "not now" may go on
AGAIN_SECONDS = 0.1
# What a request may be refused with while processes die and disks are full.
NOT_NOW = ("state", "system")


class Follow:
    """states: start, attach, run, done. exec_id: attach to that one only, as
    somebody who looks on."""

    def __init__(self, worker, task, plan, is_pty=False, exec_id=None):
        self.worker, self.task, self.plan = worker, task, plan
        self.books = worker.books
        self.is_pty = is_pty
        self.is_watch = exec_id is not None
        self.exec_id = exec_id
        self.state = "attach" if self.is_watch else "start"
        self.may_be_started = False
        names = ("pty",) if is_pty else ("stdout", "stderr")
        # who looks on may be late; of a terminal the oldest may always go
        self.readers = {name: Reader(self.books.ledger, plan, name,
                                     None if is_pty or self.is_watch else 0)
                        for name in names}
        self.stdin_open = (plan.stdin is not None and not self.is_watch and
                           plan.stdin % 2 == 0)
        self.acknowledged = self.sent = 0
        self.is_cut_short = False
        self.detach_at = None
        if worker.dice.random() < 0.2:
            self.detach_at = worker.dice.randrange(1, plan.out + 1)
        self.first_try = time.monotonic()
        self.line = None

    # on each new connection, and again when that was refused for now

    def begin(self, line):
        self.line = line
        if self.state == "done":
            return
        self.worker.busy_since = time.monotonic()
        if self.exec_id is None and self.may_be_started and \
                not self.books.has_tokens:
            self.books.doubt(self.task, self.plan)
            self._finish()
        elif self.exec_id is None:
            self._start()
        else:
            self._attach()

    def _start(self):
        self.may_be_started = True
        stdin = None
        if self.plan.stdin is not None:
            stdin = "open" if self.stdin_open else {
                "base64": base64.b64encode(self.plan.bytes_of(
                    "stdin", 0, self.plan.stdin)).decode()}
        self.line.send(
            "exec", self._on_started, task=self.task, argv=self.plan.argv,
            stdin=stdin, pty={"rows": 24, "cols": 80} if self.is_pty else None,
            name="s" + self.plan.name if self.is_pty else None,
            token=self.plan.name if self.books.has_tokens else None)

    def _on_started(self, reply):
        if not reply["ok"]:
            self.may_be_started = False
            self._refused("exec", reply["error"])
            return
        self.exec_id = reply["exec"]
        self.books.knows(self.task, self.exec_id, self.plan)
        self.state = "run"
        self._feed()

    def _attach(self):
        self.state = "attach"
        start = {name: reader.at for name, reader in self.readers.items()}
        self.line.send("attach", self._on_attached, exec=self.exec_id,
                       **{"from": start})

    def _on_attached(self, reply):
        if not reply["ok"]:
            self._refused("attach", reply["error"])
            return
        self.books.ledger.add("attachments")
        self.state = "run"
        if not self.stdin_open:
            return
        if reply.get("stdin") is not None:
            if not self.acknowledged <= reply["stdin"] <= self.sent:
                self.books.ledger.fault(
                    "lost bytes", f"{self.plan.name}: of stdin it has "
                    f"{reply['stdin']}, acknowledged were "
                    f"{self.acknowledged} and sent {self.sent}")
            self.acknowledged = self.sent = reply["stdin"]
        elif self.acknowledged < self.plan.stdin:
            self.is_cut_short = True
        self._feed()

    def _refused(self, what, error):
        waited = time.monotonic() - self.first_try
        if error["code"] in NOT_NOW and waited < TRY_SECONDS:
            self.books.ledger.add("refused for now")
            self.worker.later(AGAIN_SECONDS, self)
            return
        self.books.ledger.fault(
            "lost execs" if what == "attach" else "unexplained refusals",
            f"{self.plan.name} in {self.task}, exec {self.exec_id}: {what} "
            f"{error['code']}: {error['message']} after {waited:.1f} s")
        self._finish()

    # stdin, a piece at a time

    def _feed(self):
        if not self.stdin_open or self.state != "run":
            return
        piece = b"" if self.is_cut_short else self.plan.bytes_of(
            "stdin", self.acknowledged,
            min(PIECE, self.plan.stdin - self.acknowledged))
        is_last = not piece
        self.sent = max(self.sent, self.acknowledged + len(piece))
        line = self.line

        def then(reply):
            if self.line is not line or self.state == "done":
                return
            if reply["ok"]:
                self.acknowledged += len(piece)
                self.stdin_open = not is_last
                self._feed()
            else:  # the attachment before feeds still, or it has ended
                self.worker.later(AGAIN_SECONDS, self, self._feed)

        self.line.send("stdin", then, exec=self.exec_id,
                       base64=base64.b64encode(piece).decode()
                       if piece else None, eof=is_last or None)

    # what comes

    def event(self, event):
        kind = event["type"]
        reader = self.readers.get(event.get("stream", kind))
        if kind == "exit":
            self._on_exit(event)
        elif kind == "gap":
            reader.gap(event["from"], event["to"])
        elif kind == "eof":
            stdin = None
            if self.is_cut_short:
                stdin = (self.acknowledged, self.sent)
            elif self.is_watch:
                stdin = (0, self.plan.stdin)
            reader.end(event["total"], stdin)
        elif reader:
            reader.take(event["offset"], payload(event))
            if self.detach_at is not None and reader.at >= self.detach_at \
                    and self.state == "run":
                self._detach()

    def _detach(self):
        self.detach_at = None
        self.state = "attach"

        def then(_reply):
            if self.state == "attach":
                self._attach()

        self.line.send("detach", then, exec=self.exec_id)

    def _on_exit(self, event):
        if event["reason"] == "lost":
            self.books.ledger.fault("lost execs", f"{self.plan.name}, exec "
                                    f"{self.exec_id}: {event}")
        elif not self.plan.is_end(event):
            self.books.ledger.fault("wrong exits", f"{self.plan}: {event}")
        for name, reader in self.readers.items():
            if not reader.ended and event["reason"] != "lost":
                self.books.ledger.fault(
                    "lost bytes", f"{self.plan.name} {name}: exit without "
                    f"eof at {reader.at}")
        self.books.ledger.add("exits")
        if self.is_pty:
            self._look()
        self._finish()

    def _look(self):
        """The screen of an ended terminal has its last line."""
        lines = self.plan.out // 64
        last = self.plan.bytes_of("pty", lines * 64 - 64, 62).decode()

        def then(reply):
            if reply["ok"] and not any(
                    last in row for row in reply["screen"]["lines"]):
                self.books.ledger.fault(
                    "wrong bytes", f"{self.plan.name}: its screen has not "
                    f"{last}, but {reply['screen']['lines'][-3:]}")

        self.line.send("screen", then, exec=self.exec_id, scrollback=2000,
                       join=True)

    def _finish(self):
        self.state = "done"
        self.worker.finished(self)
