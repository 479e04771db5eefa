# SPDX-License-Identifier: Apache-2.0
"""Live tasks by the hundred: what each costs, and how soon a manager that was
killed serves all of them again."""
import os
import statistics
import sys
import threading
import time

from gateway import Gateway
from ledger import percentile
from line import Line

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "bench"))
from stands import private_kib

KILLS = 10
CREATES = 4  # at once
RUNNING = ["sleep", "1000000"]
MIB = 1024


def free_mib():
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(file.read().split("MemAvailable:")[1].split()[0]) / MIB


def words(gateway):
    return ["ssh", "-F", gateway.config, "-s", "brain", "stream-json"]


def create(gateway, first, last):
    """Tasks of these numbers, a command running in each."""
    line = Line(words(gateway))
    numbers = iter(range(first, last))
    left = last - first
    slow = []

    def one():
        number = next(numbers, None)
        if number is None:
            return
        name = f"n{number}"

        def started(reply):
            nonlocal left
            left -= 1
            if not reply["ok"]:
                raise RuntimeError(f"{name}: {reply}")
            one()

        def created(reply):
            if not reply["ok"]:
                raise RuntimeError(f"{name}: {reply}")
            slow.append(reply["info"]["provision_ms"])
            line.send("exec", started, task=name, argv=RUNNING, attach=False)

        line.send("task.create", created, name=name)

    for _ in range(CREATES):
        one()
    while left > 0:
        if line.next(120) is None:
            raise RuntimeError("the connection ended")
    line.close()
    return slow


def back(gateway, count):
    """Kill the manager: seconds until the next one says ready, and until a
    command runs in a task that nobody asked for since."""
    line = Line(words(gateway))
    line.next(20)
    gateway.up.kill()
    began = time.monotonic()
    ready = []

    def restart():
        gateway.restart()
        ready.append(time.monotonic() - began)

    starter = threading.Thread(target=restart)
    starter.start()
    while True:
        reply = line.ask("exec", 60, task=f"n{count - 1}", argv=["true"],
                         attach=False)
        if reply and reply["ok"]:
            break
    served = time.monotonic() - began
    starter.join()
    line.close()
    return ready[0], served


def costs(gateway, before):
    keepers = [private_kib(pid) for pid in gateway.keepers().values()]
    agents = [private_kib(pid) for pid in gateway.agents()]
    count = len(keepers)
    print(f"  {count} live tasks, a command in each")
    print(f"    private memory of a task     keeper "
          f"{statistics.median(keepers):.0f} KiB, agent "
          f"{statistics.median(agents):.0f} KiB")
    print(f"    of the machine for each      "
          f"{(before - free_mib()) / count:.2f} MiB")
    rows = {row[0]: row for row in gateway.sample()}
    for kind in ("manager", "gate"):
        print(f"    {kind:<28} {rows[kind][2]} KiB, {rows[kind][3]} "
              "descriptors")


def run(counts):
    """Print the figures for so many tasks, the least first."""
    before = free_mib()
    with Gateway(0, {"log_level": "warning"}) as gateway:
        there = 0
        for count in sorted(counts):
            began = time.monotonic()
            slow = create(gateway, there, count)
            there = count
            gateway.tasks()
            costs(gateway, before)
            print(f"    created                      {len(slow)} in "
                  f"{time.monotonic() - began:.1f} s, p50 "
                  f"{statistics.median(slow)} ms each")
            times = [back(gateway, count) for _ in range(KILLS)]
            for i, what in enumerate(("it says ready", "a command runs")):
                found = [row[i] for row in times]
                print(f"    manager killed, {what:<15} p50 "
                      f"{percentile(found, .5) * 1e3:.0f} ms, p99 "
                      f"{percentile(found, .99) * 1e3:.0f} ms, of {KILLS}",
                      flush=True)
        gateway.down()
        left = gateway.remains()
        for what in left:
            print(f"  orphan: {what}")
    return 1 if left else 0
