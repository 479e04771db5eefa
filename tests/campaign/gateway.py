# SPDX-License-Identifier: Apache-2.0
"""A real gateway on a small file system of its own, and what belongs to it:
its processes, mounts, control groups, sockets and files, and nobody else's."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.path.insert(0, os.path.join(HERE, "..", "bench"))

from stack import Stack, wait_for
from stands import private_kib

CONFIG = {"keepalive_ms": 2000, "keepalive_count": 2, "gates": 2,
          "task_output": 16 << 20, "task_exec_ms": 600000,
          "connections_per_address": 256, "log_level": "info"}
USUAL = ("killed: it hung up", "status 9", "slowed:", "rows are lost",
         "it is replaced")
START_SECONDS = 60


def link_of(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def text_of(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def state_of(pid):
    return text_of(f"/proc/{pid}/stat").rpartition(")")[2].strip()[:1]


def descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


class Gateway(Stack):
    """A Stack in a tmpfs of some megabytes, so that its disk can be filled;
    megabytes 0: on the disk that there is."""

    def __init__(self, megabytes, config=()):
        self.disk = tempfile.mkdtemp(prefix="sallyport-campaign-")
        os.chmod(self.disk, 0o755)
        self.is_mounted = megabytes > 0
        self.tasks_ever = set()
        self.starting = threading.Lock()
        if self.is_mounted:
            subprocess.run(["mount", "-t", "tmpfs", "-o",
                            f"size={megabytes}m,mode=755", "sallyport",
                            self.disk], check=True)
        kept = tempfile.tempdir
        tempfile.tempdir = self.disk
        try:
            super().__init__({**CONFIG, **dict(config)})
        except BaseException:
            self._remove_disk()
            raise
        finally:
            tempfile.tempdir = kept

    def _remove_disk(self):
        for pid in [*self.keepers().values(), *self.gates(), *self.agents()]:
            os.kill(pid, signal.SIGKILL)  # orphans, which were told
        if self.is_mounted:
            wait_for(lambda: subprocess.run(
                ["umount", self.disk], check=False,
                capture_output=True).returncode == 0,
                why=f"{self.disk} is in use")
        os.rmdir(self.disk)

    def __exit__(self, *exception):
        try:
            super().__exit__(*exception)
        finally:
            self._remove_disk()

    def complaints(self, count):
        """The last warnings and errors of its log, but for those that a kill
        brings about."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            found = [line.strip() for line in log
                     if ('"level":"error"' in line or
                         '"level":"warning"' in line) and
                     not any(usual in line for usual in USUAL)]
        return found[-count:]

    def restart(self):
        """Start the manager after it was killed, as a supervisor does."""
        deadline = time.monotonic() + START_SECONDS
        with self.starting:
            self.up.wait()
            while True:
                try:
                    self.start()
                    return
                except RuntimeError:
                    self.up.wait()
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)

    def tasks(self):
        found = json.loads(self.admin("ps", "--json").stdout)
        self.tasks_ever.update(task["task"] for task in found)
        return found

    def _with(self, name, is_ours):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if text_of(f"/proc/{pid}/comm").strip() == name and \
                    state_of(pid) not in "ZX" and is_ours(pid):
                found.append(int(pid))
        return found

    def gates(self):
        """Also those of the managers before."""
        jail = os.path.join(self.folder, "run", "gate")
        return self._with("sallyport-gate",
                          lambda pid: link_of(f"/proc/{pid}/root") == jail)

    def keepers(self):
        """Process ids by the ids of tasks."""
        spools = os.path.join(self.folder, "tasks")
        return {link_of(f"/proc/{pid}/fd/5").split("/")[-2]: pid
                for pid in self._with(
                    "sallyport-keepe", lambda pid: link_of(
                        f"/proc/{pid}/fd/5").startswith(spools + "/"))}

    def agents(self):
        """Process ids of the first processes of sandboxes."""
        keepers = self.tasks_ever
        return [pid for pid in self._with("agent", lambda pid: any(
            task in text_of(f"/proc/{pid}/cgroup") for task in keepers))
            if text_of(f"/proc/{pid}/status").split("NSpid:")[-1]
            .split("\n")[0].split()[-1:] == ["1"]]

    def sample(self):
        """Memory and descriptors now: rows of kind, processes, the largest
        private memory in KiB, the most descriptors."""
        kinds = {"manager": [self.up.pid], "gate": self.gates(),
                 "keeper": list(self.keepers().values()),
                 "agent": self.agents()}
        rows = []
        for kind, pids in kinds.items():
            sizes = []
            for pid in pids:
                try:
                    sizes.append((private_kib(pid), descriptors(pid)))
                except OSError:
                    continue
            if sizes:
                rows.append((kind, len(sizes), max(s for s, _ in sizes),
                             max(d for _, d in sizes)))
        return rows

    def remains(self):
        """What still mentions this gateway or a task of it."""
        words = [self.folder, *self.tasks_ever]
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if int(pid) == os.getpid() or state_of(pid) in "ZX":
                continue
            for name in ("cmdline", "mountinfo", "cgroup"):
                text = text_of(f"/proc/{pid}/{name}")
                if any(word in text for word in words):
                    found.append(f"{name} of process {pid}: " + text_of(
                        f"/proc/{pid}/cmdline").replace("\0", " ")[:80])
        for folder, _, _ in os.walk("/sys/fs/cgroup"):
            if any(folder.endswith(word) for word in words):
                found.append(f"cgroup {folder}")
        found += [f"socket {line.split()[-1]}" for line in
                  text_of("/proc/net/unix").splitlines()
                  if self.folder in line]
        return found
