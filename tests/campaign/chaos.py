# SPDX-License-Identifier: Apache-2.0
"""What happens to the gateway meanwhile, by seed: a thread that kills, one
that breaks connections, one for the weather, all at the same time.

KINDS has a row for each kind: its thread, how often, what it does. After a
kill the same thread measures how long it takes until the gateway serves.
"""
import os
import random
import signal
import socket
import threading
import time

from line import Line

RECOVERY_SECONDS = 30
SLOW_SECONDS = 2  # after which whatever was asked for is late


def signal_to(pid, number):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


class Chaos:
    """kinds: names of KINDS that are on; kills: stop killing when there were
    so many of each kind, 0: never."""

    def __init__(self, gateway, relay, books, kinds, kills=0):
        self.gateway, self.relay, self.books = gateway, relay, books
        self.ledger = books.ledger
        self.kinds, self.kills = kinds, kills
        self.stop = threading.Event()
        self.port = gateway.port
        self.bad_weather = 0
        self.threads = []
        self.tasks = []

    # for a round

    def begin(self, tasks, number):
        self.tasks = tasks
        self.stop.clear()
        self.threads = []
        for name in sorted({KINDS[kind][0] for kind in self.kinds}):
            mine = [kind for kind in self.kinds if KINDS[kind][0] == name]
            dice = random.Random(f"{self.books.seed} {name} {number}")
            thread = threading.Thread(target=self._run, args=(
                mine, dice), name=name, daemon=True)
            self.threads.append(thread)
            thread.start()

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(4 * RECOVERY_SECONDS)
            if thread.is_alive():
                self.ledger.fault("stuck", f"the thread of {thread.name}")

    def is_enough(self):
        return self.kills > 0 and all(
            self.ledger.count["kills of: " + kind] >= self.kills
            for kind in self.kinds if KINDS[kind][0] == "kills")

    def _run(self, kinds, dice):
        while not self.stop.is_set():
            kind = dice.choices(kinds, [KINDS[k][1] for k in kinds])[0]
            if KINDS[kind][0] == "kills":
                kinds_left = [k for k in kinds if not self.kills or
                              self.ledger.count["kills of: " + k] < self.kills]
                if not kinds_left:
                    return
                kind = kind if kind in kinds_left else kinds_left[0]
            self.books.trouble(1)
            try:
                KINDS[kind][2](self, dice)
            except Exception as error:
                self.ledger.fault("stuck", f"after {kind}: {error!r}")
            self.books.trouble(-1)
            self.stop.wait(dice.uniform(*PAUSES[KINDS[kind][0]]))

    # kills

    def _killed(self, kind, began, probe):
        """Count a kill, and time until probe() is served."""
        calm = not self.bad_weather
        deadline = began + RECOVERY_SECONDS
        while not probe():
            if time.monotonic() > deadline:
                self.ledger.fault("stuck", f"no service {RECOVERY_SECONDS} s "
                                  f"after a kill of {kind}")
                break
            time.sleep(0.002)
        taken = time.monotonic() - began
        self.ledger.time(kind, taken)
        if calm and not self.bad_weather:
            self.ledger.time(kind + ", calm", taken)
        self.ledger.add("kills of: " + kind)

    def _greets(self):
        """Whether a new connection is greeted."""
        try:
            with socket.create_connection(
                    ("127.0.0.1", self.gateway.port),
                    timeout=SLOW_SECONDS) as probe:
                return probe.recv(4) == b"SSH-"
        except OSError:
            return False

    def kill_gate(self, dice):
        self._kill_gates("gate", [dice.choice(self.gateway.gates())])

    def kill_gates(self, _dice):
        self._kill_gates("gates, all", self.gateway.gates())

    def _kill_gates(self, kind, pids):
        self.books.breaks += 1
        killed = [signal_to(pid, signal.SIGKILL) for pid in pids]
        self.books.breaks += 1
        if any(killed):
            self._killed(kind, time.monotonic(), self._greets)

    def kill_manager(self, dice):
        """A connection that is there already asks for a command in a task
        that it never had to do with: only a manager can let it."""
        line = self._probe_line()
        self.gateway.up.kill()
        began = time.monotonic()
        starter = threading.Thread(target=self.gateway.restart)
        starter.start()
        self._killed("manager", began,
                     lambda: self._runs(line, dice.choice(self.tasks)))
        starter.join()
        line.close()
        if self.gateway.port != self.port:
            self.ledger.fault("stuck", "the manager came back on another port")
            self.port = self.gateway.port

    def kill_keeper(self, dice):
        keepers = self.gateway.keepers()
        name, task_id = dice.choice(sorted(self.gateway.names.items()))
        if name not in self.tasks or task_id not in keepers:
            return
        line = self._probe_line()
        if signal_to(keepers[task_id], signal.SIGKILL):
            self._killed("keeper", time.monotonic(),
                         lambda: self._runs(line, name))
        line.close()

    def _probe_line(self):
        """A brain's connection past the relay; a gate may have just died."""
        deadline = time.monotonic() + RECOVERY_SECONDS
        while time.monotonic() < deadline:
            line = Line(self.books.straight())
            if (line.next(SLOW_SECONDS) or {}).get("type") == "hello":
                return line
            line.close()
        raise TimeoutError("no connection for a probe")

    def _runs(self, line, task):
        reply = line.ask("exec", SLOW_SECONDS, task=task, argv=["true"],
                         attach=False)
        if reply is None:  # a gate that died: another connection
            return self._runs_anew(task)
        return reply["ok"]

    def _runs_anew(self, task):
        line = Line(self.books.straight())
        reply = line.ask("exec", SLOW_SECONDS, task=task, argv=["true"],
                         attach=False)
        line.close()
        return reply is not None and reply["ok"]

    # the network

    def _on_link(self, kind, dice, act, breaks=True):
        link = self.relay.pick(dice)
        if link is None:
            return
        self.books.breaks += breaks
        act(link)
        self.books.breaks += breaks
        self.ledger.add("connections " + kind)

    def cut(self, dice):
        self._on_link("cut", dice, lambda link: link.cut())

    def half_close(self, dice):
        self._on_link("half closed", dice, lambda link: link.half_close(dice))

    def stall(self, dice):
        self._on_link("stalled", dice,
                      lambda link: link.stall(dice.uniform(0.1, 2)), False)

    def swallow(self, dice):
        self._on_link("swallowed", dice, lambda link: link.swallow())

    # the weather

    def _victim(self, dice):
        kind = dice.choice(("manager", "gate", "keeper", "agent"))
        pids = {"manager": lambda: [self.gateway.up.pid],
                "gate": self.gateway.gates,
                "keeper": lambda: sorted(self.gateway.keepers().values()),
                "agent": self.gateway.agents}[kind]()
        return kind, dice.choice(pids) if pids else None

    def freeze(self, dice):
        kind, pid = self._victim(dice)
        if pid is None or not signal_to(pid, signal.SIGSTOP):
            return
        self.bad_weather += 1
        self.stop.wait(dice.uniform(0.05, 1.5))
        signal_to(pid, signal.SIGCONT)
        self.bad_weather -= 1
        self.ledger.add("frozen: " + kind)

    def delay(self, dice):
        """It gets the processor when nobody else wants it."""
        kind, pid = self._victim(dice)
        if pid is None:
            return
        try:
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
        except ProcessLookupError:
            return
        self.bad_weather += 1
        self.stop.wait(dice.uniform(0.2, 2))
        try:
            os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))
        except ProcessLookupError:
            pass
        self.bad_weather -= 1
        self.ledger.add("delayed: " + kind)

    def fill_disk(self, dice):
        """The gateway's disk has no room for a while."""
        path = os.path.join(self.gateway.disk, "filler")
        until = time.monotonic() + dice.uniform(0.3, 2)
        self.bad_weather += 1
        with open(path, "wb") as file:
            size = 0
            while time.monotonic() < until and not self.stop.is_set():
                disk = os.statvfs(self.gateway.disk)
                free = disk.f_bavail * disk.f_frsize
                try:
                    if free:
                        os.posix_fallocate(file.fileno(), size, free)
                        size += free
                except OSError:
                    pass  # somebody was quicker
                self.stop.wait(0.02)
        os.unlink(path)
        self.bad_weather -= 1
        self.ledger.add("disk full")


PAUSES = {"kills": (0.2, 1.0), "network": (0.05, 0.5), "weather": (0.3, 1.5)}

KINDS = {
    "gate": ("kills", 3, Chaos.kill_gate),
    "gates": ("kills", 2, Chaos.kill_gates),
    "manager": ("kills", 3, Chaos.kill_manager),
    "keeper": ("kills", 3, Chaos.kill_keeper),
    "cut": ("network", 4, Chaos.cut),
    "half": ("network", 2, Chaos.half_close),
    "stall": ("network", 3, Chaos.stall),
    "swallow": ("network", 1, Chaos.swallow),
    "freeze": ("weather", 4, Chaos.freeze),
    "delay": ("weather", 3, Chaos.delay),
    "full": ("weather", 1, Chaos.fill_disk),
}
