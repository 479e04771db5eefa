#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Keepers that end, freeze or lie, and the real manager that puts others in
their place: docs/decisions/0012. The sandboxes are real, the keepers are not.
"""
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from manager_stand import Stand, is_alive  # noqa: E402
from stack import wait_for  # noqa: E402
from tap import check, done, equal, run  # noqa: E402

LINKS_MAX = 8
PER_MINUTE = 60
PARKED_MAX = 4096
SO_SNDBUFFORCE = 32


def same_file(fd):
    stat = os.fstat(fd)
    return stat.st_dev, stat.st_ino


class Task:
    """A task whose keepers are ours, one after the other."""

    def __init__(self, stand, gate, name, links=True):
        self.stand = stand
        self.name = name
        gate.request += 1
        gate.say(0, "task.create", request=gate.request, principal="admin",
                 name=name)
        self.keeper = stand.next_keeper()
        self.link = self.keeper.link.dup()
        self.fds = [self.link]
        self.say_state(True, False)
        if links:
            self.keeper.say("link", self.link.fileno())
        self.keeper.custody.expect("configure")
        self.keeper.custody.expect("cgroup")
        self.keeper.say("ready", protocol=1, version="x")
        answer = gate.answer(gate.request)
        assert answer.get("code") is None, answer
        self.id = answer["task"]

    def say_state(self, configured, ready, running=0):
        self.keeper.say("state", configured=configured, ready=ready,
                        running=running)

    def kill(self):
        os.kill(self.keeper.pid, signal.SIGKILL)
        self.keeper.close()

    def next(self, ready=True):
        """The keeper in its place, which makes a link of its own."""
        self.keeper = self.stand.next_keeper()
        self.link, far = socket.socketpair()
        self.fds += [self.link, far]
        self.say_state(False, False)
        self.keeper.say("link", self.link.fileno())
        if ready:
            self.configured()
            self.ready()
        return self.keeper

    def configured(self):
        """What it is told; the descriptors of the earlier links."""
        while True:
            message = self.keeper.custody.recv()[2]
            if message["type"] == "configure":
                break
            assert message["type"] == "link", message
        self.keeper.custody.expect("cgroup")
        fds, cgroup = (self.keeper.custody.fds[:-1],
                       self.keeper.custody.fds[-1])
        assert b"oom_kill " in os.pread(cgroup, 4096, 0)
        return fds

    def ready(self):
        self.keeper.say("ready", protocol=1, version="x")

    def shown(self):
        return next((task for task in self.stand.ps()
                     if task["name"] == self.name), None)

    def is_gone(self):
        return self.shown() is None

    def destroy(self):
        """It is gone; its keeper does as it is told."""
        asked = subprocess.Popen(
            [os.path.join(self.stand.bin, "sallyport"), "destroy", "--dir",
             self.stand.folder, self.name])
        os.kill(self.keeper.pid, signal.SIGKILL)
        assert asked.wait(timeout=30) == 0
        self.close()

    def close(self):
        self.keeper.close()
        for sock in self.fds:
            sock.close()


def lost(task, *words):
    """Whether it ended, and the log and the audit say why."""
    wait_for(task.is_gone, 30, f"{task.shown()}")
    reason = wait_for(lambda: task.stand.query(
        f"SELECT what FROM audit WHERE event = 'task.destroyed' "
        f"AND task = '{task.id}'"))[0][0]
    return check(all(word in reason and word in task.stand.log_text()
                     for word in words), f"it says: {words}", reason)


def replaced(stand):
    def another_takes_its_place():
        task = Task(stand, stand.gate, "simple")
        first, link = task.keeper, same_file(task.link.fileno())
        task.kill()
        task.next(ready=False)
        equal(task.keeper.mode, ["resume"], "a keeper is started to resume")
        equal(same_file(task.keeper.link.fileno()), link,
              "on the link that the one before it had")
        equal(task.configured(), [], "told all it needs")
        equal(task.shown()["state"], "ready", "the task is ready as before")
        wait_for(lambda: not is_alive(first.pid))
        gate = stand.gate
        gate.request += 1
        asked = gate.request
        gate.say(0, "attach", request=asked, principal="admin", session="s",
                 task="simple", right="write")
        equal(gate.ask("task.get", task="simple").get("code"), None,
              "others are answered meanwhile")
        task.ready()
        equal(gate.answer(asked).get("code"), None,
              "an attach waits until it is ready")
        equal(task.keeper.accept().expect("admit")[1]["principal"], "admin",
              "and leads to the new keeper")
        gate.take_fd()
        events = [event for event, in wait_for(lambda: stand.query(
            f"SELECT event FROM audit WHERE task = '{task.id}' AND event "
            "LIKE 'keeper.%'")[1:] and stand.query(
            f"SELECT event FROM audit WHERE task = '{task.id}' AND event "
            "LIKE 'keeper.%'"))]
        equal(events, ["keeper.lost", "keeper.replaced"], "the audit has it")
        task.destroy()

    def earlier_links_come_along():
        task = Task(stand, stand.gate, "links")
        links = [same_file(task.link.fileno())]
        for _ in range(3):
            task.kill()
            task.next(ready=False)
            equal([same_file(fd) for fd in
                   [task.keeper.link.fileno()] + task.configured()],
                  list(reversed(links)), "all links come, the newest first")
            links.append(same_file(task.link.fileno()))
        inodes = {f"socket:[{inode}]" for _, inode in links}

        def held():
            folder = f"/proc/{stand.up.pid}/fd"
            found = set()
            for fd in os.listdir(folder):
                try:
                    found.add(os.readlink(f"{folder}/{fd}"))
                except FileNotFoundError:
                    pass
            return len(found & inodes)

        wait_for(lambda: held() == 4)
        check(True, "the manager holds them")
        task.ready()
        wait_for(lambda: held() == 1)
        check(True, "all but the newest are closed once it is ready")
        task.destroy()
        wait_for(lambda: held() == 0)
        check(True, "and that one with the task")

    def what_it_said_last_is_heard():
        task = Task(stand, stand.gate, "last", links=False)
        pid = task.keeper.pid
        # its end is there to be seen before more is read than once takes
        os.kill(stand.up.pid, signal.SIGSTOP)
        task.keeper.custody.sock.setsockopt(
            socket.SOL_SOCKET, SO_SNDBUFFORCE, 4 << 20)
        for number in range(1, 1000):
            task.keeper.say("started", exec=f"{task.id}-{number}",
                            principal="p" * 90, what="w" * 256)
        task.keeper.say("link", task.link.fileno())
        task.kill()
        wait_for(lambda: not is_alive(pid))
        os.kill(stand.up.pid, signal.SIGCONT)
        task.next()
        equal(task.shown()["running"], 999,
              "all that a keeper said before it was killed counts")
        task.destroy()

    def nothing_counts_twice():
        task = Task(stand, stand.gate, "counts")
        end = {"code": 0, "reason": "exited", "duration_ms": 1}

        def say(number, kind, **members):
            if kind == "started":
                members = {"principal": "p", "what": f"w{number}"}
            task.keeper.say(kind, exec=f"{task.id}-{number}", **members)

        for number in (1, 2, 3):
            say(number, "started")
        say(1, "ended", **end)
        wait_for(lambda: task.shown()["running"] == 2)
        task.kill()
        task.next(ready=False)
        task.configured()
        for number in (1, 2, 3, 4):
            say(number, "started")
        say(1, "ended", **end)
        say(2, "ended", **end)
        task.ready()
        wait_for(lambda: task.shown()["running"] == 2,
                 why=f"{task.shown()}")
        check(True, "what a new keeper repeats does not count twice")
        say(3, "ended", **end)
        say(3, "ended", **end)
        wait_for(lambda: task.shown()["running"] == 1)
        task.say_state(True, True, 1)
        say(4, "ended", **end)
        wait_for(lambda: task.shown()["running"] == 0)
        rows = wait_for(lambda: stand.query(
            f"SELECT count(*), count(ended_ms) FROM exec "
            f"WHERE task = '{task.id}'") == [(4, 4)])
        check(rows, "and is in the audit once, with its end")
        task.destroy()

    def on_request():
        both = [Task(stand, stand.gate, name) for name in ("one", "two")]
        bare = Task(stand, stand.gate, "bare", links=False)
        before = {task.id: task.keeper.pid for task in both}
        asked = subprocess.Popen(
            [os.path.join(stand.bin, "sallyport"), "upgrade", "--dir",
             stand.folder, "--keepers"])
        for task in both + [bare]:
            custody = task.keeper.accept()
            task.keeper.custody.close()
            task.keeper.custody = custody
            task.keeper.custody.expect("take")
            task.say_state(True, True)
            if task is not bare:
                task.keeper.say("link", task.link.fileno())
        for _ in both:
            keeper = stand.next_keeper()
            task = next(task for task in both if task.id == keeper.task)
            check(not is_alive(before.pop(task.id)) and
                  all(is_alive(pid) for pid in before.values()),
                  "keepers are replaced one after the other")
            task.keeper.close()
            task.keeper = keeper
            task.say_state(False, False)
            task.keeper.say("link", task.link.fileno())
            task.configured()
            check(asked.poll() is None, "until all are")
            task.ready()
        equal(asked.wait(timeout=20), 0, "upgrade --keepers")
        check(is_alive(bare.keeper.pid) and
              f"task {bare.id}: its keeper cannot be replaced" in
              stand.log_text(), "one without a link is left alone")
        stand.gate.close()
        serve(stand)
        for task in both + [bare]:
            task.destroy()

    return [another_takes_its_place, earlier_links_come_along,
            what_it_said_last_is_heard, nothing_counts_twice, on_request]


def given_up(stand):
    def without_a_link():
        task = Task(stand, stand.gate, "linkless", links=False)
        task.keeper.say("started", exec=f"{task.id}-1", principal="p",
                        what="w")
        wait_for(lambda: task.shown()["running"] == 1)
        task.kill()
        lost(task, "keeper lost", "no link")
        equal(stand.query(f"SELECT reason FROM exec WHERE id = "
                          f"'{task.id}-1'"), [("lost",)],
              "the command that ran is lost in the audit")
        task.close()

    def that_never_gets_ready():
        task = Task(stand, stand.gate, "deaf")
        for _ in range(LINKS_MAX - 1):
            task.kill()
            task.next(ready=False)
        task.kill()
        lost(task, "keeper lost", "as all that took its place")
        task.close()

    def again_and_again():
        task = Task(stand, stand.gate, "mortal")
        begun = time.monotonic()
        for _ in range(PER_MINUTE):
            task.kill()
            task.next()
            time.sleep(0.26)  # the life of one that is replaced at once
        check(time.monotonic() - begun < 50, "it was fast enough")
        task.kill()
        lost(task, "keeper lost", f"after {PER_MINUTE} times in a minute")
        task.close()

    def frozen():
        task = Task(stand, stand.gate, "frozen")
        gate = stand.gate
        task.kill()
        task.next(ready=False)
        os.kill(task.keeper.pid, signal.SIGSTOP)
        gate.request += 1
        asked, begun = gate.request, time.monotonic()
        gate.say(0, "attach", request=asked, principal="admin", session="s",
                 task="frozen", right="write")
        equal(gate.ask("task.list").get("code"), None, "a frozen keeper "
              "keeps nobody else waiting")
        answer = gate.answer(asked)
        check(answer.get("code") == "state" and
              9 < time.monotonic() - begun < 12,
              "an attach is refused in the end", answer)
        lost(task, "keeper lost", "not ready in 10000 ms")
        check(not is_alive(task.keeper.pid), "the frozen keeper is killed")
        task.close()

    def while_it_is_made():
        gate = stand.gate
        gate.request += 1
        gate.say(0, "task.create", request=gate.request, principal="admin",
                 name="early")
        keeper = stand.next_keeper()
        keeper.say("state", configured=True, ready=False, running=0)
        keeper.say("link", keeper.link.fileno())
        os.kill(keeper.pid, signal.SIGKILL)
        keeper.close()
        answer = gate.answer(gate.request)
        check("keeper lost" in answer.get("text", ""),
              "a create fails with its keeper", answer)
        wait_for(lambda: not any(task["name"] == "early"
                                 for task in stand.ps()))

    def that_lies_about_its_link():
        for name, fds in (("nothing", []),
                          ("file", [os.open("/dev/null", os.O_RDONLY)]),
                          ("tcp", [socket.socket().detach()])):
            task = Task(stand, stand.gate, f"liar-{name}")
            task.keeper.say("link", *fds)
            for fd in fds:
                os.close(fd)
            lost(task, "link")
            task.close()

    def whose_connection_lives_on():
        task = Task(stand, stand.gate, "undead")
        keeper = task.keeper
        os.kill(keeper.pid, signal.SIGKILL)  # its custody is still ours
        task.next()
        check("its connection outlives it" in stand.log_text(),
              "a connection that somebody else holds is closed")
        keeper.close()
        task.destroy()

    def and_destroyed_meanwhile():
        task = Task(stand, stand.gate, "brief")
        task.kill()
        task.next(ready=False)
        task.destroy()
        task = Task(stand, stand.gate, "brief")
        gate = stand.gate
        for _ in range(4):  # the next one waits 400 ms
            task.kill()
            task.next(ready=False)
        task.kill()
        gate.request += 1
        asked = gate.request
        gate.say(0, "attach", request=asked, principal="admin", session="s",
                 task="brief", right="write")
        gate.ask("task.list")
        gate.say(0, "task.destroy", request=asked + 1, principal="admin",
                 task="brief")
        gate.request = asked + 1
        answer = gate.answer(asked)
        equal(answer.get("code"), "state",
              "who waits for a task that ends is refused")
        equal(gate.answer(asked + 1).get("code"), None, "and it ends")
        task.close()

    return [without_a_link, that_never_gets_ready, again_and_again, frozen,
            while_it_is_made, that_lies_about_its_link,
            whose_connection_lives_on, and_destroyed_meanwhile]


def crowded(stand):
    def too_many_wait():
        task = Task(stand, stand.gate, "crowd")
        gate = stand.gate
        task.kill()
        task.next(ready=False)
        task.configured()
        first = gate.request + 1
        for _ in range(PARKED_MAX + 1):
            gate.request += 1
            gate.say(0, "attach", request=gate.request, principal="admin",
                     session="s", task="crowd", right="read")
        equal(gate.answer(gate.request).get("code"), "limit",
              f"one attach more than {PARKED_MAX} is refused")
        task.ready()
        # the keeper's backlog is shorter: they come as it lets them in
        peers = [task.keeper.accept() for _ in range(PARKED_MAX)]
        answers = 0
        while answers < PARKED_MAX:
            _, _, message = gate.recv()
            if message["type"] == "answer":
                assert message.get("code") is None, message
                assert message["request"] == first + answers, message
                answers += 1
                gate.take_fd()
        check(True, "all others are let in, in their order")
        for peer in peers:
            peer.close()
        task.destroy()

    def and_leave():
        task = Task(stand, stand.gate, "leaving")
        task.kill()
        task.next(ready=False)
        task.configured()
        gate = stand.gate
        for _ in range(10):
            gate.request += 1
            gate.say(0, "attach", request=gate.request, principal="admin",
                     session="s", task="leaving", right="read")
        gate.ask("task.list")
        os.kill(gate.pid, signal.SIGKILL)
        gate.close()
        stand.gate = stand.next_gate()
        stand.gate.serve()
        task.ready()
        equal(stand.gate.ask("attach", session="s", task="leaving",
                             right="read").get("code"), None,
              "who has gone is forgotten")
        equal(task.keeper.accept().expect("admit")[1]["right"], "read",
              "and nobody is let in for it")
        stand.gate.take_fd()
        task.destroy()

    return [too_many_wait, and_leave]


def managers(stand):
    def restart():
        stand.kill()
        os.kill(stand.gate.pid, signal.SIGKILL)
        stand.gate.close()
        stand.start()
        serve(stand)

    def a_new_manager_hears_of_the_link():
        task = Task(stand, stand.gate, "adopted")
        link = same_file(task.link.fileno())
        restart()
        task.keeper.custody.close()
        task.keeper.custody = task.keeper.accept()
        task.keeper.custody.expect("take")
        task.say_state(True, True, 1)
        task.keeper.say("link", task.link.fileno())
        wait_for(lambda: task.shown()["running"] == 1)
        task.kill()
        task.next()
        equal(same_file(task.keeper.link.fileno()), link,
              "a manager that took over replaces the keeper as well")
        wait_for(lambda: task.shown()["running"] == 1)
        task.destroy()

    def killed_while_it_replaces():
        for configured in (False, True):
            task = Task(stand, stand.gate, "between")
            task.kill()
            task.next(ready=False)
            if configured:
                task.configured()
            restart()
            task.keeper.custody.close()
            task.keeper.custody = task.keeper.accept()
            task.keeper.custody.expect("take")
            task.say_state(configured, False)
            task.keeper.say("link", task.link.fileno())
            if not configured:
                task.configured()
            task.ready()
            wait_for(lambda: "its keeper was replaced" in stand.log_text()
                     .rsplit("its keeper is not ready", 1)[1])
            equal(task.shown()["state"], "ready",
                  "one that is not ready is waited for")
            task.destroy()

    def both_killed():
        task = Task(stand, stand.gate, "orphan")
        os.kill(stand.up.pid, signal.SIGSTOP)  # it sees nothing of this
        task.kill()
        restart()
        lost(task, "keeper lost")
        task.close()
        equal([name for name in os.listdir(
            os.path.join(stand.folder, "tasks"))], [],
            "nothing of it remains")

    return [a_new_manager_hears_of_the_link, killed_while_it_replaces,
            both_killed]


def serve(stand):
    stand.gate = stand.next_gate()
    stand.gate.sock.settimeout(60)
    stand.gate.serve()
    stand.up.stdout.readline()


def main():
    with Stand(gate=True, keeper=True) as stand:
        serve(stand)
        run(replaced(stand) + given_up(stand) + crowded(stand) +
            managers(stand))
    done()


main()
