# SPDX-License-Identifier: Apache-2.0
"""The servers that the benchmarks compare: Sallyport, sshd, runc, docker.

Each stand starts in a private folder, answers on loopback, and ends with
everything it made.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import time


def cpu_seconds(pids):
    """User and system time of the processes and of what they waited for."""
    ticks = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", "rb") as stat:
                fields = stat.read().rsplit(b") ", 1)[1].split()
        except OSError:
            continue
        ticks += sum(int(fields[i]) for i in (11, 12, 13, 14))
    return ticks / os.sysconf("SC_CLK_TCK")


def private_kib(pid):
    """Memory that is this process's alone."""
    total = 0
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        for line in rollup:
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                total += int(line.split()[1])
    return total


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as found:
        return [int(child) for child in found.read().split()]


def command_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
            return comm.read().strip()
    except OSError:
        return ""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise TimeoutError("a server did not come up")


def can_connect(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Sallyport:
    """The product, with one task called bench."""

    name = "sallyport"
    user = "bench"

    def __init__(self, folder, programs):
        self.folder = os.path.join(folder, "sallyport")
        self.command = os.path.join(programs, "sallyport")
        with open(os.path.join(folder, "sallyport.log"), "wb") as log:
            self.up = subprocess.Popen(
                [self.command, "up", "--dir", self.folder],
                stdout=subprocess.PIPE, stderr=log, text=True)
        ready = self.up.stdout.readline()
        if not ready.startswith("ready"):
            raise RuntimeError("sallyport did not come up: " + ready)
        self.port = int(ready.split("port=")[1].split()[0])
        self.config = os.path.join(self.folder, "ssh_config")
        self.key = os.path.join(self.folder, "client_ed25519")
        self.create("bench")

    def create(self, name):
        subprocess.run([self.command, "create", "--dir", self.folder,
                        "--name", name], check=True,
                       stdout=subprocess.DEVNULL)

    def destroy(self, name):
        subprocess.run([self.command, "destroy", "--dir", self.folder, name],
                       check=True, stdout=subprocess.DEVNULL)

    def ssh(self, *options):
        return ["ssh", "-F", self.config, *options, self.user]

    def gates(self):
        return [pid for pid in children(self.up.pid)
                if command_of(pid).startswith("sallyport-gate")]

    def keepers(self):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as line:
                    words = line.read().split(b"\0")
                exe = os.readlink(f"/proc/{pid}/exe")
                spool = os.readlink(f"/proc/{pid}/fd/5")
            except OSError:
                continue
            if (exe.endswith("/sallyport-keeper") and len(words) > 1
                    and spool.startswith(self.folder)):
                found.append(int(pid))
        return found

    def agents(self):
        """Inits of this gateway's sandboxes, as the host sees them."""
        found = []
        for state in self.runtime_states():
            found.append(state["init_process_pid"])
        return found

    def runtime_states(self):
        root = os.path.join(self.folder, "run", "runc")
        for name in os.listdir(root) if os.path.isdir(root) else []:
            try:
                with open(os.path.join(root, name, "state.json"),
                          encoding="utf-8") as state:
                    yield json.load(state)
            except OSError:
                continue

    def cpu(self):
        seconds = cpu_seconds([self.up.pid, *self.gates(), *self.keepers()])
        for state in self.runtime_states():
            path = state.get("cgroup_paths", {}).get("cpuacct", "")
            try:
                with open(os.path.join(path, "cpuacct.usage"),
                          encoding="ascii") as usage:
                    seconds += int(usage.read()) / 1e9
            except OSError:
                continue
        return seconds

    def close(self):
        subprocess.run([self.command, "down", "--dir", self.folder],
                       check=False, stdout=subprocess.DEVNULL)
        self.up.wait(timeout=30)


class Sshd:
    """OpenSSH's server with its defaults, as root on the host."""

    name = "sshd"
    user = "root"

    def __init__(self, folder):
        self.folder = os.path.join(folder, "sshd")
        os.makedirs(self.folder, mode=0o700)
        os.makedirs("/run/sshd", exist_ok=True)
        self.key = os.path.join(self.folder, "client")
        host_key = os.path.join(self.folder, "host")
        for path in (self.key, host_key):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                            "-f", path], check=True)
        shutil.copy(self.key + ".pub",
                    os.path.join(self.folder, "authorized_keys"))
        self.port = free_port()
        config = os.path.join(self.folder, "sshd_config")
        with open(config, "w", encoding="ascii") as file:
            file.write(
                f"Port {self.port}\nListenAddress 127.0.0.1\n"
                f"HostKey {host_key}\nStrictModes no\nUsePAM no\n"
                f"AuthorizedKeysFile {self.folder}/authorized_keys\n"
                f"PermitRootLogin yes\nMaxStartups 1000\nMaxSessions 100\n"
                f"PidFile none\n")
        # An empty home: what root's own start-up files cost is not sshd's.
        self.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c",
             "mount -t tmpfs none /root && exec \"$@\"", "sh",
             shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-f", config],
            stderr=subprocess.DEVNULL)
        self.config = os.path.join(self.folder, "ssh_config")
        with open(self.config, "w", encoding="ascii") as file:
            file.write(
                f"Host *\n HostName 127.0.0.1\n Port {self.port}\n"
                f" User root\n IdentityFile {self.key}\n"
                f" IdentitiesOnly yes\n StrictHostKeyChecking no\n"
                f" UserKnownHostsFile {self.folder}/known_hosts\n"
                f" LogLevel ERROR\n")
        wait_for(lambda: can_connect(self.port))

    def ssh(self, *options):
        return ["ssh", "-F", self.config, *options, "bench"]

    def cpu(self):
        return cpu_seconds([self.process.pid])

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=10)


class Runc:
    """A bare runc container of busybox, for `runc exec` and `runc run`."""

    def __init__(self, folder):
        self.state = os.path.join(folder, "runc-state")
        self.bundle = os.path.join(folder, "runc-bundle")
        root = os.path.join(self.bundle, "rootfs")
        make_busybox_root(root)
        subprocess.run(["runc", "spec", "--bundle", self.bundle], check=True)
        self.path = os.path.join(self.bundle, "config.json")
        with open(self.path, encoding="utf-8") as file:
            self.spec = json.load(file)
        self.spec["process"]["terminal"] = False
        self.spec["process"].pop("oomScoreAdj", None)
        self.write(["/bin/sleep", "1000000"])
        self.call("run", "--detach", "--bundle", self.bundle, "bench",
                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.write(["/bin/echo", "hi"])

    def write(self, args):
        self.spec["process"]["args"] = args
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(self.spec, file)

    def call(self, *words, **options):
        return subprocess.run(["runc", "--root", self.state, *words],
                              check=True, **options)

    def exec(self, *command):
        self.call("exec", "bench", *command, stdin=subprocess.DEVNULL,
                  stdout=subprocess.DEVNULL)

    def run_once(self):
        self.call("run", "--bundle", self.bundle, "once",
                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def close(self):
        self.call("kill", "bench", "KILL")
        wait_for(lambda: subprocess.run(
            ["runc", "--root", self.state, "delete", "bench"],
            check=False, stderr=subprocess.DEVNULL).returncode == 0)


class Docker:
    """A private docker daemon without a network, with one busybox image."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "docker")
        self.host = "unix://" + os.path.join(self.folder, "sock")
        root = os.path.join(self.folder, "root")
        make_busybox_root(root)
        with open(os.path.join(folder, "docker.log"), "wb") as log:
            self.daemon = subprocess.Popen(
                ["unshare", "--mount", "dockerd", "--bridge=none",
                 "--iptables=false", "--ip-forward=false", "--ip-masq=false",
                 "--data-root", os.path.join(self.folder, "data"),
                 "--exec-root", os.path.join(self.folder, "exec"),
                 "--pidfile", os.path.join(self.folder, "pid"),
                 "--host", self.host], stdout=log, stderr=log)
        wait_for(lambda: self.call("version", check=False).returncode == 0, 30)
        tar = subprocess.Popen(["tar", "-C", root, "-c", "."],
                               stdout=subprocess.PIPE)
        self.call("import", "-", "bench", stdin=tar.stdout)
        self.call("run", "--detach", "--network", "none", "--name", "bench",
                  "bench", "/bin/sleep", "1000000")

    def call(self, *words, check=True, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(
            ["docker", "--host", self.host, *words], check=check,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)

    def exec(self, *command):
        self.call("exec", "bench", *command)

    def run_once(self):
        self.call("run", "--rm", "--network", "none", "bench", "/bin/echo",
                  "hi")

    def close(self):
        self.call("rm", "--force", "bench", check=False)
        self.daemon.terminate()
        self.daemon.wait(timeout=30)


def make_busybox_root(root):
    os.makedirs(os.path.join(root, "bin"))
    shutil.copy("/bin/busybox", os.path.join(root, "bin"))
    for applet in ("sh", "true", "echo", "sleep"):
        os.symlink("busybox", os.path.join(root, "bin", applet))
