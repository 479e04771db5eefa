#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""When a task ends by itself, who is warned of it, and what a create that is
sent again gives, with gates and keepers of our own making."""
import os
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from manager_stand import BIN, Stand, is_alive  # noqa: E402
from stack import wait_for  # noqa: E402
from tap import check, done, equal, run  # noqa: E402

PRELOAD = os.path.join(BIN, "..", "tests", "lib", "wall_clock.so")
YEAR = 365 * 24 * 3600


def now_ms():
    return time.clock_gettime(time.CLOCK_BOOTTIME) * 1000


def ready(keeper, active=None, idle_ms=0):
    """Play a keeper whose agent said hello."""
    keeper.custody.expect("configure")
    keeper.custody.say(0, "state", configured=True, ready=False, running=0)
    keeper.custody.say(0, "ready", protocol=1, version="x")
    if active is not None:
        activity(keeper, active, idle_ms)


def activity(keeper, active, idle_ms=0):
    keeper.custody.say(0, "activity", active=active,
                       **({} if active else {"idle_ms": idle_ms}))


def dies(keeper):
    os.kill(keeper.pid, 9)
    wait_for(lambda: not is_alive(keeper.pid))
    keeper.close()


def made(stand, name, active=None, **spec):
    """A task with a keeper of ours: its id and the keeper."""
    gate = stand.gate
    gate.say(0, "task.create", request=9000, principal="admin", name=name,
             **spec)
    keeper = stand.next_keeper()
    ready(keeper, active)
    answer = gate.answer(9000)
    assert answer.get("code") is None, answer
    return answer["task"], keeper


def told(stand, task, wanted, seconds=20):
    """The first event of a task for which wanted() is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        _, _, message = stand.gate.recv()
        if (message["type"] == "task" and "request" not in message and
                message["task"] == task and wanted(message)):
            return message
    raise TimeoutError("it was not told")


def answers(stand, *requests):
    """The answers to all of these, which come in any order."""
    found = {}
    while len(found) < len(requests):
        _, _, message = stand.gate.recv()
        if message["type"] == "answer" and message["request"] in requests:
            found[message["request"]] = message
    return [found[request] for request in requests]


def refused(stand, kind, wanted, what, **members):
    answer = stand.gate.ask(kind, **members)
    equal(answer.get("code"), wanted, what)
    return answer.get("text", "")


def idleness(stand):
    def an_idle_task_ends_after_a_warning():
        began = now_ms()
        task, keeper = made(stand, "idle", active=False, idle_ms=2000)
        warning = told(stand, task, lambda event: "warning" in event)
        at = now_ms()
        equal(warning["warning"], "idle", "it is warned of its idleness")
        check(0 < warning["ends_in_ms"] <= 200, "when a tenth is left",
              warning)
        equal(warning["state"], "ready", "while it is still there")
        ended = told(stand, task, lambda event: event["state"] == "stopping")
        equal(ended["reason"], "it was idle for 2000 ms", "and ends so")
        check(now_ms() - began >= 2000 and now_ms() - at >= 50,
              "not before its time", now_ms() - began)
        check("warning" not in ended, "what ends has no warning", ended)
        dies(keeper)

    def an_active_one_does_not():
        task, keeper = made(stand, "busy", active=True, idle_ms=600)
        time.sleep(1.2)
        equal(stand.gate.ask("task.get", task=task)["tasks"][0]["state"],
              "ready", "an active task is not idle")
        activity(keeper, False, 500)
        at = now_ms()
        told(stand, task, lambda event: event["state"] == "stopping")
        check(now_ms() - at < 500, "since when it is the keeper says",
              now_ms() - at)
        dies(keeper)

    def a_keeper_that_does_not_know_holds_its_task():
        task, keeper = made(stand, "mute", idle_ms=300)
        time.sleep(1)
        equal(stand.gate.ask("task.get", task=task)["tasks"][0]["state"],
              "ready", "what nobody calls idle is not")
        stand.gate.ask("task.update", task=task, ttl_ms=1)
        dies(keeper)

    def a_warning_is_withdrawn():
        task, keeper = made(stand, "back", active=False, idle_ms=3000)
        told(stand, task, lambda event: "warning" in event)
        activity(keeper, True)
        event = told(stand, task, lambda event: True)
        check("warning" not in event and event["state"] == "ready",
              "who becomes active is warned of nothing", event)
        activity(keeper, False)
        told(stand, task, lambda event: "warning" in event)
        got = stand.gate.ask("task.get", task=task)["tasks"][0]
        equal(got.get("warning"), "idle", "who asks sees the warning, too")
        stand.gate.say(0, "task.update", request=1, principal="admin",
                       task=task, idle_ms=60000)
        event = told(stand, task, lambda event: True)
        check("warning" not in event and event["idle_ms"] == 60000,
              "or is given more time", event)
        dies(keeper)

    def a_time_to_live_is_warned_of_and_does_not_mind_activity():
        task, keeper = made(stand, "brief", active=True, ttl_ms=1500,
                            idle_ms=60000)
        warning = told(stand, task, lambda event: "warning" in event)
        equal(warning["warning"], "ttl", "the nearer end is told")
        ended = told(stand, task, lambda event: event["state"] == "stopping")
        equal(ended["reason"], "its time to live is over", "and comes")
        dies(keeper)

    def an_update_counts_from_now():
        task, keeper = made(stand, "anew", active=False, idle_ms=60000)
        time.sleep(0.6)
        at = now_ms()
        stand.gate.ask("task.update", task=task, idle_ms=500)
        told(stand, task, lambda event: event["state"] == "stopping")
        check(now_ms() - at >= 500, "what it was idle before does not count",
              now_ms() - at)
        dies(keeper)

    def a_keeper_that_cannot_decide():
        task, keeper = made(stand, "torn", active=False, idle_ms=4000)
        told(stand, task, lambda event: "warning" in event)
        for _ in range(1000):
            activity(keeper, True)
            activity(keeper, False, 3800)
        keeper.custody.say(0, "started", exec=f"{task}-1", principal="p",
                           what="the end of it")
        count, running = 0, 0
        while running == 0:
            stand.gate.say(0, "task.get", request=1, principal="admin",
                           task=task)
            message = {"type": "task"}
            while message["type"] != "answer":
                message = stand.gate.recv()[2]
                count += message["type"] == "task" and "request" not in message
                running = message.get("running", running)
        check(count < 200, "is not told on at every word", count)
        dies(keeper)

    def guardrails():
        text = refused(stand, "task.create", "limit", "more than the most",
                       profile="railed", idle_ms=60001)
        check('"idle_ms" is 60001, more than 60000' in text, "it says why",
              text)
        refused(stand, "task.create", "limit", "no end", profile="railed",
                ttl_ms=0)
        task, keeper = made(stand, "railed", profile="railed", idle_ms=10)
        got = stand.gate.ask("task.get", task=task)["tasks"][0]
        equal((got["idle_ms"], 0 < got["ttl_ms"] <= 100000), (10, True),
              "less may be asked for; the profile's most is its default")
        refused(stand, "task.update", "limit", "an update to no end",
                task=task, idle_ms=0)
        refused(stand, "task.update", "limit", "or to more", task=task,
                ttl_ms=100001)
        dies(keeper)

    return [an_idle_task_ends_after_a_warning, an_active_one_does_not,
            a_keeper_that_does_not_know_holds_its_task,
            a_warning_is_withdrawn,
            a_time_to_live_is_warned_of_and_does_not_mind_activity,
            an_update_counts_from_now, a_keeper_that_cannot_decide,
            guardrails]


def leases(stand):
    def a_lease_keeps_an_idle_task():
        task, keeper = made(stand, "held", active=False, idle_ms=700)
        at = now_ms()
        got = stand.gate.ask("lease", task="held", ttl_ms=900)
        equal(got["tasks"][0]["lease_ms"], 900, "it says for how long")
        told(stand, task, lambda event: event["state"] == "stopping")
        took = now_ms() - at
        check(1600 <= took < 3000, "idleness counts from its end", took)
        dies(keeper)

    def given_up_it_keeps_nothing():
        task, keeper = made(stand, "given", active=False, idle_ms=500)
        stand.gate.ask("lease", task=task, ttl_ms=60000)
        other = stand.gate.ask("lease", task=task, ttl_ms=30000,
                               principal="robot")
        equal(other.get("code"), "not_found", "by who may not see the task")
        stand.gate.ask("lease", task=task, ttl_ms=0)
        again = stand.gate.ask("lease", task=task, ttl_ms=0)
        check(again.get("code") is None and
              "lease_ms" not in again["tasks"][0],
              "it may be given up twice", again)
        told(stand, task, lambda event: event["state"] == "stopping")
        dies(keeper)

    def it_never_outlives_the_time_to_live():
        task, keeper = made(stand, "short", active=False, ttl_ms=1000)
        got = stand.gate.ask("lease", task=task, ttl_ms=60000)["tasks"][0]
        check(got["lease_ms"] <= 1000, "it ends with the task", got)
        told(stand, task, lambda event: event["state"] == "stopping")
        refused(stand, "lease", "state", "what is ending cannot be held",
                task=task, ttl_ms=1000)
        dies(keeper)
        refused(stand, "lease", "not_found", "what is not there neither",
                task="nope", ttl_ms=1000)

    def who_may():
        task, keeper = made(stand, "watched", active=True)
        refused(stand, "lease", "denied", "an operator holds nothing",
                task=task, ttl_ms=1000, principal="watcher")
        got = stand.admin("lease", "watched", "90s")
        equal((got.returncode, got.stdout), (0, "90000\n"),
              "the admin's command does")
        for duration in ("x", "1d", "-1s", "25h", "5"):
            equal(stand.admin("lease", "watched", duration).returncode, 2,
                  f"{duration} is no duration")
        equal(stand.admin("lease", "watched", "0").returncode, 0,
              "0 gives it up")
        dies(keeper)

    return [a_lease_keeps_an_idle_task, given_up_it_keeps_nothing,
            it_never_outlives_the_time_to_live, who_may]


def tokens(stand):
    def create(request, **spec):
        stand.gate.say(0, "task.create", request=request, principal="admin",
                       **spec)

    def while_it_is_being_made():
        create(1, name="slow", token="t", env={"A": "1", "B": "2"})
        keeper = stand.next_keeper()
        create(2, name="slow", token="t", env={"B": "2", "A": "1"})
        text = refused(stand, "task.create", "invalid", "something else",
                       name="slow", token="t", env={"A": "1"})
        check('"token"' in text, "and it names the token", text)
        ready(keeper)
        first, second = answers(stand, 1, 2)
        equal(second["task"], first["task"], "both get the one task")
        text = refused(stand, "task.create", "invalid", "later, too",
                       name="slow", token="t", ttl_ms=5)
        stand.slow = first["task"], keeper

    def destroyed():
        task, keeper = stand.slow
        stand.gate.say(0, "task.destroy", request=3, principal="admin",
                       task=task)
        told(stand, task, lambda event: event["state"] == "stopping")
        text = refused(stand, "task.create", "state", "while it ends",
                       name="slow", token="t", env={"A": "1", "B": "2"})
        check("stopping" in text, "it says so", text)
        dies(keeper)
        equal(stand.gate.answer(3).get("code"), None, "it is destroyed")
        for _ in range(2):
            text = refused(stand, "task.create", "state", "its token is used",
                           name="slow", token="t", env={"A": "1", "B": "2"})
            check("destroyed by admin" in text, "and it says why", text)
        refused(stand, "task.create", "invalid", "whatever was asked for",
                name="slow", token="t")
        got = stand.gate.ask("task.destroy", task=task)
        equal((got.get("code"), got["task"]), (None, task),
              "to destroy it again is done, by its id")
        refused(stand, "task.destroy", "not_found", "not by its name",
                task="slow")
        refused(stand, "task.destroy", "not_found",
                "nor by who might not have", task=task, principal="robot")

    def failed():
        create(4, name="bad", token="f")
        keeper = stand.next_keeper()
        create(5, name="bad", token="f")
        os.kill(keeper.pid, 9)
        told(stand, keeper.task, lambda event: event["state"] == "failed")
        create(6, name="bad", token="f")
        create(7, name="bad", token="f")
        equal([answer.get("code") for answer in answers(stand, 4, 5)],
              ["system", "system"], "who asked for what failed is told")
        keeper.close()
        keeper = stand.next_keeper()
        ready(keeper)
        six, seven = answers(stand, 6, 7)
        equal((six.get("code"), seven.get("code")), (None, None),
              "who asked again, while it was undone, gets another try")
        equal(six["task"], seven["task"], "and one task")
        dies(keeper)

    def an_asker_that_has_gone():
        create(8, name="gone", token="g")
        keeper = stand.next_keeper()
        os.kill(keeper.pid, 9)
        told(stand, keeper.task, lambda event: event["state"] == "failed")
        create(9, name="gone", token="g")
        stand.gate.sock.close()
        wait_for(lambda: stand.ps() == [])
        keeper.close()
        stand.gate = stand.next_gate()
        stand.gate.serve()
        check(stand.is_up(), "one that waits and goes is forgotten")

    return [while_it_is_being_made, destroyed, failed, an_asker_that_has_gone]


def back(keeper, active, idle_ms=0):
    """The next manager takes custody of a keeper of ours."""
    keeper.custody = keeper.accept()
    keeper.custody.expect("take")
    keeper.custody.say(0, "state", configured=True, ready=True, running=0)
    activity(keeper, active, idle_ms)


def clocks(stand, hours):
    """The manager's wall clock is set by the hours in a file."""
    def created(name, profile):
        asked = subprocess.Popen(
            [os.path.join(stand.bin, "sallyport"), "create", "--dir",
             stand.folder, "--name", name, "--profile", profile],
            stdout=subprocess.DEVNULL)
        keeper = stand.next_keeper()
        ready(keeper, True)
        equal(asked.wait(timeout=20), 0, f"{name} is made")
        return keeper

    def listed(name):
        return {task["name"]: task for task in stand.ps()}.get(name)

    def restart(*active, idle=()):
        stand.up.kill()
        stand.up.wait()
        stand.up.stdout.close()
        stand.start()
        for keeper in active:
            back(keeper, True)
        for keeper in idle:
            back(keeper, False, 2500)
        stand.up.stdout.readline()

    def a_wall_clock_that_is_set_changes_nothing():
        keeper = created("steady", "hourly")
        hours(YEAR // 3600)
        left = listed("steady")["ttl_ms"]
        check(3590000 < left <= 3600000, "set forth by a year", left)
        hours(-24)
        left = listed("steady")["ttl_ms"]
        check(3590000 < left <= 3600000, "set back by a day", left)
        restart(keeper)
        left = listed("steady")["ttl_ms"]
        check(3570000 < left <= 3600000, "also across a restart", left)
        time.sleep(1)
        equal(listed("steady")["state"], "ready", "and it goes on")
        stand.steady = keeper

    def a_deadline_is_kept_though_the_clock_is_set_back():
        hours(0)
        keeper = created("due", "seconds")
        at = now_ms()
        hours(-1000)
        restart(stand.steady, keeper)
        wait_for(lambda: listed("due") is None or
                 listed("due")["state"] != "ready")
        took = now_ms() - at
        check(1500 < took < 6000, "after the time it was given", took)
        dies(keeper)
        hours(0)

    def leases_and_idleness_are_not_forgotten():
        held = created("held", "idle")
        idle = created("idle", "idle")
        activity(held, False)
        activity(idle, False)
        equal(stand.admin("lease", "held", "1h").returncode, 0, "a lease")
        time.sleep(2)
        restart(stand.steady, idle=(held, idle))
        at = now_ms()
        wait_for(lambda: listed("idle") is None or
                 listed("idle")["state"] != "ready")
        check("idle for 4000 ms" in stand.log_text(),
              "what was idle is so after the restart")
        check(now_ms() - at < 3000, "and as long as the keeper says",
              now_ms() - at)
        check(3500000 < listed("held")["lease_ms"] <= 3600000,
              "what was leased is", listed("held"))
        dies(idle)
        stand.held = held

    def after_a_reboot_nothing_is_alive():
        stand.up.kill()
        stand.up.wait()
        stand.up.stdout.close()
        with sqlite3.connect(os.path.join(stand.folder, "store.db")) as db:
            equal(db.execute("SELECT count(*) FROM boot").fetchone(), (1,),
                  "the store knows its boot")
            db.execute("UPDATE boot SET id = 'another'")
        db.close()
        stand.start()
        stand.up.stdout.readline()
        wait_for(lambda: stand.ps() == [])
        text = stand.log_text()
        check("ends: the machine was restarted" in text,
              "its tasks are over, and say why")
        equal(os.listdir(os.path.join(stand.folder, "tasks")), [],
              "nothing remains of them")
        check(is_alive(stand.steady.pid), "whatever has their keepers' "
              "numbers now is left alone")
        for keeper in stand.steady, stand.held:
            dies(keeper)

    return [a_wall_clock_that_is_set_changes_nothing,
            a_deadline_is_kept_though_the_clock_is_set_back,
            leases_and_idleness_are_not_forgotten,
            after_a_reboot_nothing_is_alive]


def main():
    with Stand(gate=True, keeper=True, profiles={"railed": {
            "idle_ms_max": 60000, "ttl_ms_max": 100000}}) as stand:
        stand.gate = stand.next_gate()
        stand.gate.serve()
        stand.add_keys()
        while len(stand.gate.expect("keys")[1]["lines"]) < 4:
            pass
        run(idleness(stand) + leases(stand) + tokens(stand))
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
        def hours(number):
            with open(file.name, "w", encoding="ascii") as clock:
                clock.write(str(number * 3600))

        env = {**os.environ, "LD_PRELOAD": PRELOAD, "WALL_CLOCK": file.name,
               "ASAN_OPTIONS": "verify_asan_link_order=0:" +
               os.environ.get("ASAN_OPTIONS", "")}
        with Stand(keeper=True, env=env, profiles={
                "hourly": {"ttl_ms": 3600000}, "seconds": {"ttl_ms": 3000},
                "idle": {"idle_ms": 4000}}) as stand:
            stand.up.stdout.readline()
            run(clocks(stand, hours))
    done()


main()
