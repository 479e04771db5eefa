# SPDX-License-Identifier: Apache-2.0
"""Who runs the commands: stock ssh, one connection each or all on one, and
brains that reconnect."""
import os
import random
import re
import subprocess
import threading
import time

from follow import Follow
from ledger import Reader
from line import Line
from plan import Plan

STUCK_SECONDS = 75
SSH_SECONDS = 120
# what the gateway says of a command that it did not start
REFUSED = re.compile(rb"sallyport: .*\n")
# what ssh itself says where the command's standard error goes
PARTING = re.compile(rb"Connection to \S+ closed by remote host\.\r\n$")


class Worker(threading.Thread):
    """Runs commands in the tasks until books.is_over, and ends them all."""

    def __init__(self, books, tasks, number, way):
        super().__init__(daemon=True, name=f"{way}-{number}")
        self.books, self.ledger = books, books.ledger
        self.tasks, self.way = tasks, way
        self.dice = random.Random(f"{books.seed} {way} {number}")

    def run(self):
        try:
            self.work()
        except Exception as error:  # a worker's bug is not the gateway's
            self.ledger.fault("stuck", f"worker {self.name}: {error!r}")
            raise

    def plan(self):
        self.ledger.add("commands")
        self.ledger.add("commands over " + self.way)
        return Plan.roll(self.dice, self.way)


class Shell(Worker):
    """ssh TASK COMMAND, one after the other; way mux: over one master."""

    def __init__(self, books, tasks, number, way, folder, config):
        super().__init__(books, tasks, number, way)
        self.config = config
        self.log = os.path.join(folder, f"log-{way}-{number}")
        self.path = os.path.join(folder, f"mux-{number}")
        self.master = None

    def work(self):
        while not self.books.is_over.is_set():
            if self.way == "mux":
                self._see_to_master()
            self._command(self.dice.choice(self.tasks), self.plan())
        if self.master:
            self.master.kill()
            self.master.wait()

    def _see_to_master(self):
        if self.master and self.master.poll() is None:
            return
        if os.path.exists(self.path):
            os.unlink(self.path)
        # a connection is one user's: of one task
        self.task = self.dice.choice(self.tasks)
        self.master = subprocess.Popen(
            ["ssh", "-F", self.config, "-l", self.task, "-M", "-N", "-S",
             self.path, "gateway"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not os.path.exists(self.path) and self.master.poll() is None \
                and time.monotonic() < deadline:
            time.sleep(0.01)

    def _words(self, task, plan):
        if self.way == "mux":
            return self.task, ["-S", self.path, "-l", self.task, "-E",
                               self.log, "gateway", " ".join(plan.argv)]
        return task, ["-v", "-l", task, "-E", self.log, "gateway",
                      " ".join(plan.argv)]

    def _command(self, task, plan):
        task, words = self._words(task, plan)
        breaks, troubles = self.books.breaks, self.books.troubles
        is_trouble = self.books.ongoing > 0
        if os.path.exists(self.log):
            os.unlink(self.log)
        process = subprocess.Popen(
            ["ssh", "-F", self.config, *words], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        stdin = plan.bytes_of("stdin", 0, plan.stdin) if plan.stdin else b""
        try:
            out, err = process.communicate(stdin, timeout=SSH_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            self.ledger.fault("stuck", f"ssh {plan.name} in {task}: "
                              f"{len(out)} and {len(err)} bytes came")
            self.books.doubt(task, plan, (len(out), len(err)))
            return
        with open(self.log, encoding="utf-8", errors="replace") as log:
            said = log.read()
        code = process.returncode
        is_signal = "exit-signal" in said
        is_broken = code == 255 and not is_signal
        # A client that loses its connection drops what it had yet to write,
        # although it knows the end: a master has told it, a signal is logged,
        # a code is returned all the same.
        if PARTING.search(err):
            is_broken = True
        elif (self.way == "mux" or is_signal) and \
                self.books.breaks != breaks and \
                (len(out) < plan.out or len(err) < plan.err):
            is_broken = True
        if not out and REFUSED.fullmatch(err):
            self._refused(task, plan, err, is_trouble or
                          self.books.troubles != troubles)
            return
        if is_broken and self.books.breaks == breaks:
            self.ledger.fault("unexplained breaks", f"{self.way} {plan.name} "
                              f"in {task}: {said[-300:]}")
        self._account(task, plan, (out, PARTING.sub(b"", err)), is_broken)
        if not is_broken and (is_signal != bool(plan.signal) or (
                not is_signal and code != plan.code)):
            self.ledger.fault("wrong exits", f"{plan}: ssh said {code}, "
                              f"exit-signal {is_signal}")

    def _refused(self, task, plan, why, is_trouble):
        """It did not run, which may be while something is done to it."""
        self.books.doubt(task, plan)
        self.ledger.add("refused for now")
        if not is_trouble or b"no task" in why:
            self.ledger.fault("unexplained refusals",
                              f"ssh {plan.name} in {task}: {why!r}")

    def _account(self, task, plan, got, is_broken):
        if is_broken:
            self.ledger.add("connections broken")
            self.books.doubt(task, plan, tuple(map(len, got)))
        for stream, data in zip(("stdout", "stderr"), got):
            reader = Reader(self.ledger, plan, stream)
            if is_broken:
                reader.prefix(data)
            else:
                reader.take(0, data)
                reader.end()
        if is_broken:
            return
        self.ledger.add("exits")
        self.books.seen(task, plan)


class BrainWorker(Worker):
    """Several commands at once on one stream-json connection, which is made
    again whenever it breaks."""

    def __init__(self, books, tasks, number, way, width):
        super().__init__(books, tasks, number, way)
        self.width = width
        self.follows = []
        self.waiting = []  # when, what
        self.line = None
        self.busy_since = time.monotonic()

    def work(self):
        while not self.books.is_over.is_set() or self.follows:
            self._connect()
            self._pump()
            self.line.close()

    def _connect(self):
        self.breaks = self.books.breaks
        self.line = Line(self.books.words)
        self.waiting = []
        for follow in list(self.follows):
            self.ledger.add("reconnects")
            follow.begin(self.line)

    def _fill(self):
        while len(self.follows) < self.width and \
                not self.books.is_over.is_set():
            follow = Follow(self, self.dice.choice(self.tasks), self.plan(),
                            self.way == "pty")
            self.follows.append(follow)
            follow.begin(self.line)

    def _pump(self):
        while self.follows or not self.books.is_over.is_set():
            self._fill()
            self._do_waiting()
            event = self.line.next(0.05)
            if event is None:
                self._broken()
                return
            if "exec" in event:
                self._dispatch(event)
            elif self._is_stuck():
                return
            if self.dice.random() < 0.0005:
                self.ledger.add("readers stalled")
                time.sleep(self.dice.uniform(0.1, 0.8))

    def _broken(self):
        if self.books.breaks == self.breaks:
            self.ledger.fault("unexplained breaks", f"{self.name}")
            time.sleep(0.1)
        self.ledger.add("connections broken")

    def _dispatch(self, event):
        self.busy_since = time.monotonic()
        for follow in list(self.follows):
            if follow.exec_id == event["exec"]:
                follow.event(event)
                return

    def _is_stuck(self):
        if not self.follows or \
                time.monotonic() - self.busy_since < STUCK_SECONDS:
            return False
        for follow in list(self.follows):
            self.ledger.fault("stuck", f"{follow.plan} in {follow.task}, exec "
                              f"{follow.exec_id}, {follow.state}, " + " ".join(
                                  f"{name} {reader.at}" for name, reader
                                  in follow.readers.items()))
        self.follows.clear()
        self.busy_since = time.monotonic()
        return True

    def _do_waiting(self):
        now = time.monotonic()
        due = [what for when, what in self.waiting if when <= now]
        self.waiting = [row for row in self.waiting if row[0] > now]
        for what in due:
            what()

    # what follows call

    def later(self, seconds, follow, what=None):
        line = self.line
        self.waiting.append((time.monotonic() + seconds, what or (
            lambda: follow.begin(line))))

    def finished(self, follow):
        if follow in self.follows:
            self.follows.remove(follow)
        if follow.exec_id and not follow.is_watch and \
                not follow.is_pty and self.dice.random() < 0.15:
            again = Follow(self, follow.task, follow.plan,
                           exec_id=follow.exec_id)
            self.follows.append(again)
            again.begin(self.line)


