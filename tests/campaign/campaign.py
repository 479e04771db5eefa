# SPDX-License-Identifier: Apache-2.0
"""Rounds of commands under chaos, each with a rest at its end where the books
are settled and processes are measured; then the report."""
import concurrent.futures
import os
import shutil
import sys
import time
import traceback

from books import Books
from chaos import KINDS, Chaos
from gateway import Gateway
from ledger import FAULTS, Ledger, percentile
from line import Line
from plan import make_tools
from relay import Relay
from workers import BrainWorker, Shell

ROUND_SECONDS = 25  # in which no task ends more execs than are kept of it
LEAVE_SECONDS = 10
STOP_SECONDS = 150  # for the commands of a round to end
FAULTS_SHOWN = 40
COMPLAINTS_SHOWN = 40

SSH_CONFIG = """\
Host *
	HostName 127.0.0.1
	Port {port}
	IdentityFile "{folder}/client_ed25519"
	IdentitiesOnly yes
	UserKnownHostsFile "{folder}/known_hosts"
	GlobalKnownHostsFile none
	HostKeyAlias sallyport
	StrictHostKeyChecking yes
	UpdateHostKeys no
	PreferredAuthentications publickey
	BatchMode yes
	ServerAliveInterval 3
	ServerAliveCountMax 2
	ConnectTimeout 20
"""


def chosen(only, without):
    """The kinds of --kinds but for those of --without."""
    only, without = ([name for name in words.split(",") if name]
                     for words in (only, without))
    for name in only + without:
        if name not in KINDS:
            sys.exit(f"{name} is none of {','.join(KINDS)}")
    return [kind for kind in only or KINDS if kind not in without]


class Campaign:
    """args as run has them; folder is for its own files."""

    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.rounds = max(1, round(args.seconds / ROUND_SECONDS))
        self.seconds = args.seconds / self.rounds
        self.kinds = chosen(args.kinds, args.without)
        self.ledger = Ledger()
        self.samples = []
        self.workers = []
        self.began = time.monotonic()

    def run(self):
        print(f"campaign with seed {self.args.seed}: {' '.join(self.kinds)}",
              flush=True)
        load = make_tools(self.folder)
        descriptors = len(os.listdir("/proc/self/fd"))
        with Gateway(self.args.disk) as self.gateway:
            try:
                self._rounds(load)
            except KeyboardInterrupt:
                self.ledger.fault("stuck", "interrupted")
            except Exception:
                self.ledger.fault("stuck", traceback.format_exc())
            self.chaos.end()
            self.books.is_over.set()
            self._end()
        for worker in self.workers:  # none is left unless it was interrupted
            worker.join(LEAVE_SECONDS)
        ours = len(os.listdir("/proc/self/fd")) - descriptors
        if ours > 0:
            print(f"  (the driver itself holds {ours} more descriptors)")
        return self._report()

    def _end(self):
        """Take it down: nothing may be left."""
        self.complaints = self.gateway.complaints(COMPLAINTS_SHOWN)
        self.gateway.tasks()
        done = self.gateway.down()
        if self.args.log:
            shutil.copyfile(self.gateway.log, self.args.log)
        if done.returncode != 0:
            self.ledger.fault("orphans", f"down: {done.stderr}")
        for what in self.gateway.remains():
            self.ledger.fault("orphans", what)
        for task in os.listdir(os.path.join(self.gateway.folder, "tasks")):
            self.ledger.fault("orphans", f"folder of task {task}")

    def _config(self, name, port):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(SSH_CONFIG.format(port=port,
                                         folder=self.gateway.folder))
        return path

    @staticmethod
    def _brain(config):
        return ["ssh", "-F", config, "-l", "brain", "-s", "gateway",
                "stream-json"]

    def _straight(self):
        """How ssh is called past the relay."""
        return self._brain(self._config("straight", self.gateway.port))

    def _rounds(self, load):
        relay = Relay(lambda: self.gateway.port)
        try:
            self.config = self._config("config", relay.port)
            self.books = Books(self.ledger, self._brain(self.config),
                               self.args.seed)
            self.books.straight = self._straight
            with open(load, "rb") as file:
                self.load = file.read()
            self.chaos = Chaos(self.gateway, relay, self.books, self.kinds,
                               self.args.kills)
            self.gateway.names = {}
            self._replace_tasks(range(self.args.tasks))
            self.books.has_tokens = self._probe_tokens()
            print("  a second exec with the token of a first is "
                  f"{'that' if self.books.has_tokens else 'another'}")
            self._sample("start")
            number = 0
            while number < self.rounds or \
                    (self.args.kills and not self.chaos.is_enough()):
                number += 1
                self._round(number)
        finally:
            relay.close()

    def _probe_tokens(self):
        """Whether this build knows an exec again by its token."""
        line = Line(self.books.straight())
        replies = [line.ask("exec", task="c0", argv=["true"], token="probe")
                   for _ in range(2)]
        line.close()
        return all(r and r["ok"] for r in replies) and \
            replies[0]["exec"] == replies[1]["exec"]

    def _replace_tasks(self, numbers):
        """New sandboxes, each with the load in it; the first one of all
        stays for the whole campaign."""
        def one(number):
            name = f"c{number}"
            if name in self.gateway.names:
                self.books.forget(name)
                done = self.gateway.admin("destroy", name, check=False)
                if done.returncode != 0:
                    self.ledger.fault("lost execs",
                                      f"task {name}: {done.stderr}")
            self.gateway.create(name)
            done = self.gateway.ssh(
                name, "cat > /tmp/load && chmod +x /tmp/load && > /tmp/ran",
                input=self.load)
            if done.returncode != 0:
                raise RuntimeError(f"{name}: {done.stderr!r}")

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(one, numbers))
        self.gateway.names = {task["name"]: task["task"]
                              for task in self.gateway.tasks()}

    def _workers(self, number):
        args, tasks = self.args, sorted(self.gateway.names)

        def mark(i):
            return number * 1000 + i

        return [Shell(self.books, tasks, mark(i), "ssh", self.folder,
                      self.config) for i in range(args.shells)] + \
            [Shell(self.books, tasks, mark(i), "mux", self.folder,
                   self.config) for i in range(args.muxes)] + \
            [BrainWorker(self.books, tasks, mark(i), "brain", args.width)
             for i in range(args.brains)] + \
            [BrainWorker(self.books, tasks, mark(i), "pty", args.width)
             for i in range(args.terminals)]

    def _round(self, number):
        self.books.is_over.clear()
        self.workers = self._workers(number)
        for worker in self.workers:
            worker.start()
        self.chaos.begin(sorted(self.gateway.names), number)
        end = time.monotonic() + self.seconds
        while time.monotonic() < end and not self.chaos.is_enough():
            time.sleep(0.1)
        self.books.is_over.set()
        deadline = time.monotonic() + STOP_SECONDS
        for worker in self.workers:
            worker.join(max(0.1, deadline - time.monotonic()))
            if worker.is_alive():
                self.ledger.fault("stuck", f"worker {worker.name}")
        self.chaos.end()
        for name, task_id in sorted(self.gateway.names.items()):
            self.books.settle(name, task_id)
        self._replace_tasks(range(1, self.args.tasks))
        self._sample(f"round {number}")
        print(f"  round {number}: {self.ledger.count['commands']} commands, "
              f"{sum(self.ledger.count[f] for f in FAULTS)} faults, "
              f"{time.monotonic() - self.began:.0f} s", flush=True)

    def _sample(self, when):
        self.samples.append((when, self.gateway.sample()))

    # the report

    def _report(self):
        count = self.ledger.count
        print(f"\ncampaign with seed {self.args.seed}, "
              f"{time.monotonic() - self.began:.0f} s")
        for what in sorted(count):
            if what not in FAULTS:
                print(f"  {what:<34} {count[what]}")
        print("what must be 0")
        for what in FAULTS:
            print(f"  {what:<34} {count[what]}")
        print("until it serves again, ms")
        for kind, times in sorted(self.ledger.times.items()):
            print(f"  {kind:<34} p50 {percentile(times, .5) * 1e3:8.1f}"
                  f"  p99 {percentile(times, .99) * 1e3:8.1f}"
                  f"  most {max(times) * 1e3:8.1f}  of {len(times)}")
        self._report_samples()
        for line in self.ledger.faults[:FAULTS_SHOWN]:
            print("FAULT " + line)
        left = len(self.ledger.faults) - FAULTS_SHOWN
        if left > 0:
            print(f"and {left} more")
        clean = self.ledger.is_clean()
        if not clean:
            print("the last that the gateway complained of")
            print("".join(f"  {line}\n" for line in self.complaints), end="")
        print("everything is accounted for" if clean
              else "NOT everything is accounted for")
        return 0 if clean else 1

    def _report_samples(self):
        print("at rest: private KiB of the largest process / its most "
              "descriptors")
        kinds = [row[0] for row in self.samples[0][1]]
        print(" " * 12 + "".join(f"{kind:>16}" for kind in kinds))
        for when, rows in self.samples:
            found = {row[0]: f"{row[2]} / {row[3]}" for row in rows}
            print(f"  {when:<10}" + "".join(f"{found.get(kind, '-'):>16}"
                                            for kind in kinds))
