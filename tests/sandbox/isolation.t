#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two tasks see nothing of each other, and nothing of a task remains."""
import glob
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from stack import Stack, wait_for
from tap import check, done, equal, run


def text(stack, task, command):
    return stack.ssh(task, command).stdout.decode().strip()


def apart(stack):
    def files_are_apart():
        stack.ssh("a", "echo secret > /workspace/f; echo secret > /tmp/f; "
                  "echo secret > ~/f; echo secret > /dev/shm/f")
        for path in ("/workspace/f", "/tmp/f", "~/f", "/dev/shm/f"):
            equal(text(stack, "b", f"cat {path} 2>/dev/null"), "",
                  f"a file of one task in {path} is not the other's")

    def processes_are_apart():
        held = subprocess.Popen(stack.ssh_words("a", "exec sleep 7777"),
                                stdin=subprocess.DEVNULL)
        wait_for(lambda: text(stack, "a", "pgrep -f 'sleep 777[7]'"))
        equal(text(stack, "b", "pgrep -f 'sleep 777[7]'"), "",
              "processes of one task are not seen by the other")
        check(int(text(stack, "b", "ls -d /proc/[0-9]* | wc -l")) < 10,
              "a task sees no process of the host")
        held.kill()
        held.wait()

    def sockets_are_apart():
        listener = ("perl -MIO::Socket::INET -e '$s=IO::Socket::INET->new("
                    "Listen=>1,LocalAddr=>\"127.0.0.1:7788\") or die; "
                    "print \"up\\n\"; $|=1; sleep 20'")
        held = subprocess.Popen(
            stack.ssh_words("a", listener), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE)
        held.stdout.readline()
        probe = ("perl -MIO::Socket::INET -e 'exit(IO::Socket::INET->new("
                 "\"127.0.0.1:7788\") ? 0 : 1)'")
        equal(stack.ssh("b", probe).returncode, 1,
              "a port of one task is not the other's")
        held.kill()
        held.wait()
        held.stdout.close()
        names = text(stack, "b", "tail -n +3 /proc/net/dev | cut -d: -f1")
        equal(names.split(), ["lo"], "loopback is the only interface")

    def users_are_apart():
        first = text(stack, "a", "cat /proc/self/uid_map").split()
        other = text(stack, "b", "cat /proc/self/uid_map").split()
        check(first[0] == "0" and first[1] != other[1] and first[1] != "0",
              "each task has a range of user ids of its own",
              f"{first} {other}")

    def commands_hold_no_privilege():
        status = text(stack, "a", "cat /proc/self/status")
        wanted = {"CapInh": "0", "CapPrm": "0", "CapEff": "0", "CapBnd": "0",
                  "CapAmb": "0", "NoNewPrivs": "1", "Seccomp": "2"}
        lines = dict(line.split(":", 1) for line in status.splitlines())
        for name, value in wanted.items():
            equal(lines[name].strip().lstrip("0") or "0", value,
                  f"{name} of a command is {value}")

    def descriptors_are_three():
        equal(text(stack, "a", "ls /proc/self/fd").split(),
              ["0", "1", "2", "3"], "a command holds 0, 1, 2 (and ls its own)")

    return [files_are_apart, processes_are_apart, sockets_are_apart,
            users_are_apart, commands_hold_no_privilege,
            descriptors_are_three]


def cgroups_of(task_id):
    return [path for path in glob.glob("/sys/fs/cgroup/**/*" + task_id + "*",
                                       recursive=True)]


def mount_namespaces():
    """Every mount namespace that a process of this machine lives in."""
    found = set()
    for link in glob.glob("/proc/[0-9]*/ns/mnt"):
        try:
            found.add(os.readlink(link))
        except OSError:
            continue
    return found


def mount_namespace_of(stack, task):
    return text(stack, task, "readlink /proc/self/ns/mnt").strip()


def gone(stack):
    def nothing_remains():
        before = mount_namespaces()
        stack.create("gone")
        own = {mount_namespace_of(stack, "gone")}
        listing = json.loads(stack.admin("ps", "--json").stdout)
        task_id = next(task["task"] for task in listing
                       if task["name"] == "gone")
        held = subprocess.Popen(
            stack.ssh_words("gone", "setsid sleep 8888 & sleep 8888"),
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: text(stack, "gone", "pgrep -f 'sleep 888[8]'"))
        check(cgroups_of(task_id), "the task has cgroups while it lives")
        check(" / / " in text(stack, "gone", "cat /proc/self/mountinfo"),
              "and a root of its own")
        check(own <= mount_namespaces() - before,
              "in a mount namespace of its own")
        with open("/proc/1/mountinfo", encoding="utf-8") as mounts:
            check(stack.folder not in mounts.read(),
                  "but the host sees no mount of it")
        stack.destroy("gone")
        held.wait(timeout=20)
        equal(stack.keeper(task_id), None, "its keeper is gone")
        equal(cgroups_of(task_id), [], "its cgroups are gone")
        equal(mount_namespaces() & own, set(),
              "its mount namespace is gone, and with it its mounts")
        equal([path for path, _, _ in os.walk(stack.folder)
               if task_id in path], [], "its directories are gone")
        got = subprocess.run(["pgrep", "-f", "sleep 888[8]"],
                             capture_output=True, check=False)
        equal(got.stdout, b"", "its processes are gone")
        equal(stack.ssh("gone", "true").returncode, 255,
              "and its name leads nowhere")

    return [nothing_remains]


def main():
    with Stack() as stack:
        stack.create("a")
        stack.create("b")
        theirs = {mount_namespace_of(stack, task) for task in ("a", "b")}
        run(apart(stack) + gone(stack))
        equal(stack.down().returncode, 0, "down ends with 0")
    equal(mount_namespaces() & theirs, set(),
          "and no mount namespace is left")
    done()


main()
