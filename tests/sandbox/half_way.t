#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The manager is killed at every step of making and removing a task; the next
one completes what was begun, and nothing is left. A program that the manager
starts kills it: before it does its work, instead of it, in the middle of it
or after it.
"""
import glob
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

REAL = os.environ["SALLYPORT_BIN"]
HOME = tempfile.TemporaryDirectory(prefix="sallyport-half-")
os.environ["SALLYPORT_BIN"] = BIN = os.path.join(HOME.name, "bin")

from stack import Stack, wait_for  # noqa: E402
from tap import check, done, equal, run  # noqa: E402

# What takes a program's place: a plan for the word that it is called with is
# carried out once; then it becomes the real program.
WRAPPER = """#!/bin/bash
plan={plan}
word=$1
[ "{name}" = sallyport-keeper ] && word=keeper
[ "$2" = resume ] && word=resume
if [ -e "$plan.$word" ]; then
    how=$(cat "$plan.$word")
    rm "$plan.$word"
    case $how in
    before) kill -9 $PPID ;;
    instead) kill -9 $PPID; exit 1 ;;
    after) "$0.real" "$@"; kill -9 $PPID; exit 0 ;;
    during) (sleep 0.0$(cat "$plan.ms"); kill -9 $PPID) & ;;
    esac
fi
exec -a "$0" "$0.real" "$@"
"""
PROGRAMS = ("sallyport-launch", "sallyport-keeper")


def prepare():
    os.chmod(HOME.name, 0o755)
    shutil.copytree(REAL, BIN)
    for name in PROGRAMS:
        path = os.path.join(BIN, name)
        os.rename(path, path + ".real")
        with open(path, "w", encoding="utf-8") as file:
            file.write(WRAPPER.format(
                plan=os.path.join(HOME.name, "plan"), name=name))
        os.chmod(path, 0o755)


def plan(word, how, milliseconds=0):
    path = os.path.join(HOME.name, "plan")
    with open(path + ".ms", "w", encoding="ascii") as file:
        file.write(f"{milliseconds:02}")
    with open(f"{path}.{word}", "w", encoding="ascii") as file:
        file.write(how)


def unplan():
    for path in glob.glob(os.path.join(HOME.name, "plan*")):
        os.unlink(path)


def ids(stack):
    """Ids of all tasks that ever were."""
    with sqlite3.connect(f"file:{stack.folder}/store.db?mode=ro",
                         uri=True) as store:
        return [row[0] for row in store.execute("SELECT id FROM task")]


def left(stack):
    """What is still there of any task: folders, mounts, groups, processes."""
    known = ids(stack)
    found = [name for name in os.listdir(stack.folder + "/tasks")]
    found += os.listdir(stack.folder + "/run/runc")
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        found += [line for line in mounts
                  if stack.folder + "/tasks" in line]
    with open(stack.folder + "/instance", encoding="ascii") as file:
        instance = file.read()
    for group in glob.glob(f"/sys/fs/cgroup/*/sallyport/{instance}/*/") + \
            glob.glob(f"/sys/fs/cgroup/sallyport/{instance}/*/"):
        found.append(group)
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as line:
                words = line.read().split(b"\0")
        except OSError:
            continue
        if any(word.decode(errors="replace") in known for word in words):
            found.append(f"{path}: {words}")
    return found


def tasks(stack):
    return {task["name"]: task
            for task in json.loads(stack.admin("ps", "--json").stdout)}


def ask(stack, *words):
    return subprocess.Popen(
        [os.path.join(BIN, "sallyport"), words[0], "--dir", stack.folder,
         *words[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def restarted(stack):
    """Wait for the end that was planned, and start the next manager."""
    stack.up.wait(timeout=30)
    stack.up.stdout.close()
    stack.start()


def destroy_if_ready(stack):
    if tasks(stack).get("half", {}).get("state") == "ready":
        stack.destroy("half")


def is_clean(stack, name):
    try:
        wait_for(lambda: tasks(stack) == {} and left(stack) == [], 30)
        return check(True, name)
    except TimeoutError:
        return check(False, name,
                     f"{tasks(stack)}\n" + "\n".join(left(stack)) +
                     "\n" + stack.log_text())


def creates(stack):
    def at_every_step():
        for word, how in (("keeper", "before"), ("keeper", "instead"),
                          ("create", "before"), ("create", "instead"),
                          ("create", "after")):
            plan(word, how)
            asked = ask(stack, "create", "--name", "half")
            restarted(stack)
            asked.wait(timeout=30)
            unplan()
            is_clean(stack, f"killed {how} {word}: a create is undone")

    def while_the_sandbox_is_made():
        for milliseconds in range(5, 100, 12):
            plan("create", "during", milliseconds)
            asked = ask(stack, "create", "--name", "half")
            restarted(stack)
            asked.wait(timeout=30)
            unplan()
            destroy_if_ready(stack)  # it may have been by then
            is_clean(stack, f"killed {milliseconds} ms into making the "
                     "sandbox: undone")

    def and_it_works_afterwards():
        stack.create("whole")
        equal(stack.ssh("whole", "echo hi").stdout, b"hi\n",
              "the next create works")
        stack.destroy("whole")

    return [at_every_step, while_the_sandbox_is_made,
            and_it_works_afterwards]


def destroys(stack):
    def at_every_step():
        for how in ("before", "instead", "after"):
            stack.create("half")
            plan("destroy", how)
            asked = ask(stack, "destroy", "half")
            restarted(stack)
            asked.wait(timeout=30)
            unplan()
            is_clean(stack, f"killed {how} the sandbox's end: a destroy is "
                     "completed")

    def at_any_moment():
        for milliseconds in range(0, 240, 15):
            stack.create("half")
            asked = ask(stack, "destroy", "half")
            time.sleep(milliseconds / 1000)  # the moment is the test
            stack.up.kill()
            restarted(stack)
            asked.wait(timeout=30)
            destroy_if_ready(stack)  # it had not heard of it then
            is_clean(stack, f"killed {milliseconds} ms into a destroy: "
                     "completed")

    def that_was_undoing():
        plan("create", "before")
        asked = ask(stack, "create", "--name", "half")
        stack.up.wait(timeout=30)
        asked.wait(timeout=30)
        plan("destroy", "before")
        stack.up.stdout.close()
        with open(stack.log, "ab") as log:  # it is killed before it serves
            up = subprocess.run(
                [os.path.join(BIN, "sallyport"), "up", "--dir",
                 stack.folder], stdout=subprocess.DEVNULL, stderr=log,
                check=False, timeout=30)
        equal(up.returncode, -signal.SIGKILL, "the next one is killed, too")
        stack.start()
        is_clean(stack, "the one after it undoes what both had begun")

    return [at_every_step, at_any_moment, that_was_undoing]


def keepers(stack):
    def one_that_was_not_written_down():
        stack.create("kept")
        running = subprocess.Popen(
            stack.ssh_words("kept", "sleep 1; echo done"),
            stdout=subprocess.PIPE)
        wait_for(lambda: tasks(stack)["kept"]["running"] == 1)
        stack.up.kill()
        stack.up.wait()
        with sqlite3.connect(stack.folder + "/store.db") as store:
            store.execute("UPDATE task SET keeper_pid = 1, keeper_start = 1"
                          " WHERE state = 'ready'")
        restarted(stack)
        equal(tasks(stack)["kept"]["state"], "ready",
              "a keeper that its manager could not write down is found")
        equal(running.communicate(timeout=30)[0], b"done\n",
              "and goes on keeping")
        stack.destroy("kept")
        is_clean(stack, "and is removed like any other")

    return [one_that_was_not_written_down]


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return
    prepare()
    try:
        with Stack() as stack:
            run(creates(stack) + destroys(stack) + keepers(stack))
    finally:
        HOME.cleanup()
    done()


main()
