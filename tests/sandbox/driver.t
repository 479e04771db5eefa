#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sallyport-launch by itself, with the real agent and with runtimes that fail.

The driver's own life on a loop is tests/unit/manager_driver_oci.c.
"""
import fcntl
import glob
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from tap import check, done, equal, run  # noqa: E402

BIN = os.environ["SALLYPORT_BIN"]
LAUNCH = os.path.join(BIN, "sallyport-launch")
RUNTIMES = [path for path in ("/usr/sbin/runc", "/usr/bin/crun")
            if os.path.exists(path)]
PARENT = f"sallyport-launch-test-{os.getpid()}"
CONTROL, STDOUT = 1, 3
UID_BASE = 524288 + 8000 * 65536


class Sandbox:
    """One bundle, and the end of the link that a keeper would have."""

    count = 0

    def __init__(self, world, image="host", runtime=RUNTIMES[0], usr=True):
        Sandbox.count += 1
        self.id = f"l{os.getpid()}-{Sandbox.count}"
        self.bundle = os.path.join(world, self.id)
        self.state = os.path.join(world, "state")
        self.cgroup = f"/{PARENT}/{self.id}"
        self.base = UID_BASE + Sandbox.count * 65536
        os.mkdir(self.bundle)
        job = {
            "id": self.id, "hostname": "weaver", "host_usr": usr,
            "image": os.path.join(world, "images", image, "rootfs"),
            "agent": os.path.join(world, "agent"), "runtime": runtime,
            "state": self.state, "cgroup": self.cgroup,
            "uid_base": self.base, "cpu_milli": 1000, "memory": 256 << 20,
            "pids": 64, "execs": 8}
        with open(os.path.join(self.bundle, "job.json"), "w",
                  encoding="utf-8") as file:
            json.dump(job, file)
        self.link, theirs = socket.socketpair()
        self.theirs = theirs.detach()
        self.link.settimeout(10)
        self.buffer = b""

    def start(self, verb):
        """The running helper; its report comes down the pipe."""
        read_end, write_end = os.pipe()
        # both above the numbers that they are put at
        report = fcntl.fcntl(write_end, fcntl.F_DUPFD_CLOEXEC, 10)
        link = fcntl.fcntl(self.theirs, fcntl.F_DUPFD_CLOEXEC, 10)
        shell = f"exec {LAUNCH} {verb} 3>&{report} 4<&{link} " \
                f"{report}>&- {link}<&-"
        process = subprocess.Popen(
            ["bash", "-c", shell], cwd=self.bundle, start_new_session=True,
            pass_fds=(report, link), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL)
        for fd in (report, link, write_end):
            os.close(fd)
        return process, read_end

    def call(self, verb):
        process, report = self.start(verb)
        # from here on only the sandbox has it
        os.close(self.theirs)
        self.theirs = os.open(os.devnull, os.O_RDWR)
        with os.fdopen(report, "rb") as pipe:
            status = process.wait(timeout=60)
            text = pipe.read().decode()
        return status, text

    def create(self):
        return self.call("create")

    def frame(self):
        while True:
            if len(self.buffer) >= 4:
                size = struct.unpack(">I", self.buffer[:4])[0]
                if len(self.buffer) >= 4 + size:
                    body = self.buffer[4:4 + size]
                    self.buffer = self.buffer[4 + size:]
                    kind, stream = struct.unpack(">BI", body[:5])
                    return kind, stream, body[5:]
            more = self.link.recv(65536)
            if not more:
                raise EOFError("the link ended")
            self.buffer += more

    def hello(self):
        kind, _, body = self.frame()
        return kind == CONTROL and json.loads(body)["type"] == "hello"

    def command(self, number, command, **more):
        """Run a command through the agent: its output and exit code."""
        body = json.dumps({"type": "exec", "command": command,
                           **more}).encode()
        self.link.sendall(
            struct.pack(">IBI", len(body) + 5, CONTROL, number) + body)
        output = b""
        while True:
            kind, _, payload = self.frame()
            if kind == STDOUT:
                output += payload
            elif kind == CONTROL:
                message = json.loads(payload)
                if message["type"] in ("exit", "refused"):
                    return output.decode(), message.get("code", message)

    def left(self):
        """What is still there of it; the helper removes all but the folder."""
        found = glob.glob(f"/sys/fs/cgroup/**{self.cgroup}", recursive=True)
        found += [os.path.join("/sys/fs/cgroup", name) + self.cgroup
                  for name in os.listdir("/sys/fs/cgroup")
                  if os.path.isdir(os.path.join("/sys/fs/cgroup", name)
                                   + self.cgroup)]
        found += glob.glob(os.path.join(self.state, self.id))
        found += glob.glob(os.path.join(self.bundle, "*"))
        with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
            found += [line for line in mounts if self.bundle in line]
        for entry in glob.glob("/proc/[0-9]*"):
            try:
                owner = os.stat(entry).st_uid
                os.readlink(entry + "/exe")
            except OSError:
                continue
            if self.base <= owner < self.base + 65536:
                found.append(entry)
        return found

    def destroy(self):
        status, text = self.call("destroy")
        check(status == 0 and self.left() == [],
              f"nothing is left of {self.id}", f"{status} {text} "
              f"{self.left()}")
        os.close(self.theirs)
        self.link.close()


def make_world(world):
    os.mkdir(os.path.join(world, "state"))
    os.makedirs(os.path.join(world, "agent", ".sallyport"))
    subprocess.run(["cp", os.path.join(BIN, "sallyport-agent"),
                    os.path.join(world, "agent", ".sallyport", "agent")],
                   check=True)
    root = os.path.join(world, "images", "host", "rootfs")
    for name in ("usr", "etc", "proc", "dev", "sys", "tmp", "workspace"):
        os.makedirs(os.path.join(root, name))
    for name in ("bin", "sbin", "lib", "lib64"):
        os.symlink("usr/" + name, os.path.join(root, name))
    with open(os.path.join(root, "etc", "passwd"), "w",
              encoding="utf-8") as file:
        file.write("root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n")


def script(world, name, text):
    path = os.path.join(world, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def commands_have_no_rights(world):
    for runtime in RUNTIMES:
        sandbox = Sandbox(world, runtime=runtime)
        try:
            status, text = sandbox.create()
            equal((status, text), (0, ""), f"{runtime} starts the agent")
            check(sandbox.hello(), f"the agent says hello ({runtime})")
            for number, user in enumerate(("root", "user", "4321"), 1):
                output, code = sandbox.command(
                    number, "id -u; cat /proc/self/status", user=user)
                facts = dict(line.split(":\t", 1)
                             for line in output.splitlines()
                             if ":\t" in line)
                uid = {"root": "0", "user": "1000"}.get(user, user)
                equal((code, output.split("\n", 1)[0]), (0, uid),
                      f"a command runs as {user}")
                equal([int(facts["Cap" + of], 16)
                       for of in ("Inh", "Prm", "Eff", "Bnd", "Amb")],
                      [0, 0, 0, 0, 0], f"{user} has no capability")
                equal((facts["NoNewPrivs"], facts["Seccomp"]), ("1", "2"),
                      f"{user} gets no new rights")
        finally:
            sandbox.destroy()


def an_image_without_the_hosts_usr(world):
    busybox = "/bin/busybox"
    if not os.path.exists(busybox):
        check(True, "an image of its own # SKIP no busybox-static")
        return
    source = os.path.join(world, "source")
    os.makedirs(os.path.join(source, "bin"))
    subprocess.run(["cp", busybox, os.path.join(source, "bin")], check=True)
    os.symlink("busybox", os.path.join(source, "bin", "sh"))
    result = subprocess.run(
        [os.path.join(BIN, "sallyport"), "image", "--dir", world, "import",
         "own", source], capture_output=True, text=True, check=False)
    equal((result.returncode, result.stderr), (0, ""), "an image is imported")
    sandbox = Sandbox(world, image="own", usr=False)
    try:
        equal(sandbox.create(), (0, ""), "and a sandbox made from it")
        check(sandbox.hello(), "whose agent needs nothing of it")
        output, code = sandbox.command(1, "busybox ls -A /; echo >/x",
                                       user="0")
        equal((code, "usr" in output.split()), (0, False),
              "and which is all there is")
    finally:
        sandbox.destroy()


def a_runtime_that_fails_is_quoted(world):
    rows = (
        ('while [ "$1" != --log ]; do shift; done\n'
         'echo \'{"msg":"first"}\' >"$2"\n'
         'echo \'{"level":"error","msg":"no \\u0007 luck"}\' >>"$2"\nexit 3',
         "failing0 run: no ? luck"),
        ("exit 3", "failing1 run: status 3"),
        ("kill -9 $$", "failing2 run: killed by signal 9"),
        ("exit 0", None),
    )
    for number, (text, says) in enumerate(rows):
        sandbox = Sandbox(world, runtime=script(
            world, f"failing{number}", text))
        status, report = sandbox.create()
        if says is not None:
            equal((status, report), (1, says), f"it says {says!r}")
        sandbox.destroy()


def a_runtime_that_hangs_is_ended(world):
    sandbox = Sandbox(world, runtime=script(
        world, "hanging", '[ "$7" = delete ] || exec sleep 1000'))
    begun = time.monotonic()
    status, report = sandbox.create()
    equal((status, report), (1, "hanging run: no end in 10 s"),
          "a runtime that hangs is given up")
    check(time.monotonic() - begun < 15, "in time")
    sandbox.destroy()


def a_runtime_killed_half_way(world):
    for runtime in RUNTIMES:
        for moment in range(2, 32, 3):
            sandbox = Sandbox(world, runtime=script(
                world, f"killed-{os.path.basename(runtime)}-{moment}",
                f'[ "$7" = delete ] && exec {runtime} "$@"\n'
                f'exec timeout -s KILL 0.0{moment:02} {runtime} "$@"\n'))
            sandbox.create()
            sandbox.destroy()


def a_helper_killed_half_way(world):
    for runtime in RUNTIMES:
        for moment in range(0, 40, 4):
            sandbox = Sandbox(world, runtime=runtime)
            process, report = sandbox.start("create")
            time.sleep(moment / 1000)
            process.send_signal(signal.SIGKILL)
            process.wait()
            os.close(report)
            sandbox.destroy()


def what_is_missing_is_named(world):
    rows = (({"image": "nope"}, "view of"),
            ({"runtime": "/nope"}, "nope run: status 127"))
    for more, says in rows:
        sandbox = Sandbox(world, **more)
        status, report = sandbox.create()
        check(status == 1 and says in report, f"{more} is named", report)
        sandbox.destroy()


def the_hosts_null_device_stays_the_hosts(_world):
    owner = os.stat("/dev/null")
    equal((owner.st_uid, owner.st_gid, owner.st_mode & 0o777), (0, 0, 0o666),
          "no runtime gave /dev/null away")


def main():
    if os.geteuid() != 0 or not RUNTIMES:
        print("1..0 # SKIP needs root and runc or crun")
        return
    with tempfile.TemporaryDirectory(prefix="launch-test-") as world:
        make_world(world)

        def bind(case):
            def bound():
                case(world)
            bound.__name__ = case.__name__
            return bound

        run([bind(case) for case in (
            commands_have_no_rights, an_image_without_the_hosts_usr,
            a_runtime_that_fails_is_quoted, a_runtime_that_hangs_is_ended,
            a_runtime_killed_half_way, a_helper_killed_half_way,
            what_is_missing_is_named,
            the_hosts_null_device_stays_the_hosts)])
        for mount in glob.glob(f"/sys/fs/cgroup/*/{PARENT}") + glob.glob(
                f"/sys/fs/cgroup/{PARENT}"):
            os.rmdir(mount)
    done()


main()
