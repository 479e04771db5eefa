#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How tasks end by themselves in real sandboxes, and what keeps them."""
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from stack import Brain, Stack, wait_for  # noqa: E402
from tap import check, done, equal, run  # noqa: E402

IDLE = 1.5  # seconds, of every task here


def state(stack, name):
    """Of a task, or None when there is none."""
    for task in json.loads(stack.admin("ps", "--json").stdout):
        if task["name"] == name:
            return task["state"]
    return None


def created(brain, name, **members):
    reply = brain.ask("task.create", name=name, idle_ms=int(IDLE * 1000),
                      **members)
    assert reply["ok"], reply
    return reply["task"]


def end_of(brain, task):
    """Its stopping event, and when it came."""
    event = brain.event(lambda m: m["type"] == "task" and m["task"] == task
                        and m["state"] in ("stopping", "failed"))
    return event, time.monotonic()


def replace_manager(stack):
    os.kill(stack.up.pid, signal.SIGKILL)
    stack.up.wait()
    stack.start()


def idleness(stack):
    def a_task_that_nobody_uses_ends():
        with Brain(stack) as brain:
            task = created(brain, "unused")
            warning = brain.event(lambda m: m.get("warning") is not None)
            equal((warning["task"], warning["warning"]), (task, "idle"),
                  "its brain is warned")
            equal(end_of(brain, task)[0]["reason"], "it was idle for 1500 ms",
                  "and it ends, though its brain is connected")
            wait_for(lambda: state(stack, "unused") is None)

    def a_command_keeps_it():
        with Brain(stack) as brain:
            task = created(brain, "works")
            began = time.monotonic()
            exec_id = brain.ask("exec", task=task, command="sleep 3",
                                attach=False)["exec"]
            event, at = end_of(brain, task)
            took = at - began
            check(3 + IDLE <= took < 3 + IDLE + 3,
                  "idleness counts from the end of its command", took)
            check(exec_id and "idle" in event["reason"], "and then it ends",
                  event)

    def so_does_a_person():
        with Brain(stack) as brain:
            task = created(brain, "visited")
            began = time.monotonic()
            with subprocess.Popen(
                    stack.ssh_words("visited", "cat", options=(
                        "-o", "ServerAliveInterval=1")),
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE) as session:
                session.stdin.write(b"x")
                session.stdin.flush()
                equal(session.stdout.read(1), b"x", "somebody is in it")
                time.sleep(2 * IDLE)
                equal(state(stack, "visited"), "ready",
                      "an ssh session keeps its task")
                session.stdin.close()
                equal(session.wait(timeout=20), 0, "until it ends")
            event, at = end_of(brain, task)
            check("idle" in event["reason"] and at - began >= 3 * IDLE,
                  "and then it is idle", (event, at - began))

    def a_named_terminal_keeps_it_also_alone():
        with Brain(stack) as brain:
            task = created(brain, "shell")
            shell = brain.ask("exec", task=task, argv=["cat"], name="main",
                              pty={"rows": 24, "cols": 80}, attach=False)
            time.sleep(2 * IDLE)
            equal(state(stack, "shell"), "ready",
                  "what was left running is still wanted")
            brain.ask("keys", exec=shell["exec"], keys=["C-d"])
            check("idle" in end_of(brain, task)[0]["reason"],
                  "and when it has ended the task is idle")

    def a_connection_that_is_kept_alive_is_no_activity():
        with Brain(stack) as brain:
            task = created(brain, "pinged")
            brain.ask("exec", task=task, argv=["true"])
            began = time.monotonic()
            while time.monotonic() - began < IDLE + 5:
                brain.send("ping")
                brain.send("task.list")
                brain.send("sessions", task=task)
                time.sleep(0.2)
                if state(stack, "pinged") != "ready":
                    break
            took = time.monotonic() - began
            check(IDLE - 0.5 < took < IDLE + 3,
                  "asking, listing and pinging keep nothing", took)

    return [a_task_that_nobody_uses_ends, a_command_keeps_it,
            so_does_a_person, a_named_terminal_keeps_it_also_alone,
            a_connection_that_is_kept_alive_is_no_activity]


def restarts(stack):
    def a_lease_is_not_forgotten():
        with Brain(stack) as brain:
            task = created(brain, "leased")
            began = time.monotonic()
            reply = brain.ask("lease", task=task, ttl_ms=5000)
            equal((reply["task"], reply["info"]["lease_ms"]), (task, 5000),
                  "a lease says how long it holds")
            replace_manager(stack)
            reply = brain.ask("task.get", task=task)
            check(0 < reply["info"]["lease_ms"] < 5000, "it runs on",
                  reply)
            event, at = end_of(brain, task)
            took = at - began
            check(5 + IDLE <= took < 5 + IDLE + 3 and "idle" in
                  event["reason"], "idleness counts from its end",
                  (took, event))

    def idleness_is_not_either():
        with Brain(stack) as brain:
            reply = brain.ask("task.create", name="waits", idle_ms=6000)
            task, began = reply["task"], time.monotonic()
            brain.ask("exec", task=task, argv=["true"])
            time.sleep(3)
            replace_manager(stack)
            _, at = end_of(brain, task)
            took = at - began
            check(6 <= took < 8.5, "it was idle before the restart, too",
                  took)

    def a_command_keeps_its_task_across_it():
        with Brain(stack) as brain:
            task = created(brain, "across")
            began = time.monotonic()
            brain.ask("exec", task=task, command="sleep 5", attach=False)
            replace_manager(stack)
            event, at = end_of(brain, task)
            took = at - began
            check(5 + IDLE <= took < 5 + IDLE + 3,
                  "what runs is known to the next manager", (took, event))

    def a_create_with_a_token_is_done_once():
        with Brain(stack) as brain:
            request = brain.send("task.create", name="once", token="t-1")
            wait_for(lambda: state(stack, "once") is not None)
            replace_manager(stack)
            first = brain.reply(request)
            check(first["ok"], "a create outlives the manager's death",
                  first)
            again = brain.ask("task.create", name="once", token="t-1")
            equal(again.get("task"), first.get("task"),
                  "sent again it is the same task")
            names = [task["name"] for task in
                     json.loads(stack.admin("ps", "--json").stdout)]
            equal(names.count("once"), 1, "there is one")
            for _ in range(2):
                check(brain.ask("task.destroy", task=first["task"])["ok"],
                      "a destroy may be sent again, too")
            replace_manager(stack)
            gone = brain.ask("task.create", name="once", token="t-1")
            equal(gone["error"]["code"], "state",
                  "a token outlives its task and the manager")

    return [a_lease_is_not_forgotten, idleness_is_not_either,
            a_command_keeps_its_task_across_it,
            a_create_with_a_token_is_done_once]


def main():
    with Stack() as stack:
        run(idleness(stack) + restarts(stack))
    done()


main()
