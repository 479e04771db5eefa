#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a command's tree: signals, kills, and those left behind."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent_harness import *  # noqa: E402,F403

need_root()
agent = Agent()

# Forks twice into a session of its own, ignores what can be ignored.
HIDER = """
import os, signal, sys, time
if os.fork():
    time.sleep(1000)
os.setsid()
if os.fork():
    os._exit(0)
for number in range(1, 32):
    if number not in (9, 19):
        signal.signal(number, signal.SIG_IGN)
print("hidden", flush=True)
time.sleep(1000)
"""

# Forks and exits, without end: no process lives long.
COMET = """
import os
print("comet", flush=True)
while True:
    try:
        if os.fork():
            os._exit(0)
    except OSError:
        pass
"""

# Every process forks, as fast as it can.
BOMB = """
import os
print("bomb", flush=True)
while True:
    try:
        os.fork()
    except OSError:
        pass
"""

# Its first thread ends, so it looks like a zombie, and goes on.
HEADLESS = """
import ctypes, threading, time
def work():
    print("headless", flush=True)
    time.sleep(1000)
threading.Thread(target=work).start()
ctypes.CDLL(None).syscall(60, 0)
"""


def below(pid):
    """How many processes descend from pid, which counts too."""
    return 1 + sum(below(child) for child in children(pid))


def alive():
    """Processes in the sandbox but the agent."""
    return below(agent.pid) - 1


def python(text, **members):
    return agent.start(argv=["/usr/bin/python3", "-c", text], **members)


def none_is_left(what):
    check(wait_for(lambda: alive() == 0), what + ": nobody is left",
          agent.sh("ps -eo pid,ppid,stat,comm").out.decode())


def is_not_held_by_the_background():
    begun = time.monotonic()
    one = agent.sh("sleep 1000 & echo hi")
    took = time.monotonic() - begun
    equal((bytes(one.out), one.code), (b"hi\n", 0),
          "a background child keeps the pipe")
    check(took < 1.9, "... and does not hold the end", took)
    check(alive() > 0, "... and lives on")
    agent.kill(one)
    none_is_left("a kill after the exit")
    begun = time.monotonic()
    one = agent.sh("(while :; do echo x; done) & exit 3")
    took = time.monotonic() - begun
    equal(one.code, 3, "a background child that never stops talking")
    check(took < 10, "... does not hold the end either", took)
    none_is_left("it dies of its closed pipe")
    one = agent.sh("(sleep 0.05; echo late) & exit 4")
    equal((bytes(one.out), one.code), (b"late\n", 4),
          "what comes soon after the exit is still taken")


def kills_the_hidden():
    for user in ("0", str(USER)):
        one = python(HIDER, user=user)
        agent.until(lambda: one.out == b"hidden\n")
        check(alive() >= 3, "a grandchild of its own session", alive())
        agent.kill(one)
        agent.wait(one)
        equal((one.code, one.signal), (None, "KILL"), "kill ends the command")
        none_is_left("kill reaches the hidden")
    one = agent.sh(f"/usr/bin/python3 -c '{HIDER}' & sleep 0.3; exit 0")
    equal(one.code, 0, "the first process ends, the hidden stays")
    agent.kill(one)
    none_is_left("kill reaches it after the exit")


def kills_the_headless():
    one = python(HEADLESS)
    agent.until(lambda: one.out == b"headless\n")
    time.sleep(0.1)
    agent.kill(one)
    agent.wait(one)
    equal(one.signal, "KILL", "a process whose first thread has ended")
    none_is_left("headless")


def kills_the_stopped():
    one = agent.start(argv=["/bin/sh", "-c", "echo x; kill -STOP $$"])
    agent.until(lambda: one.out == b"x\n")
    agent.kill(one)
    agent.wait(one)
    equal(one.signal, "KILL", "a stopped command")


def kills_those_who_multiply():
    for text, what in ((BOMB, "a fork bomb"), (COMET, "a comet")):
        one = agent.start(
            argv=["/bin/bash", "-c", 'ulimit -u 100; exec python3 -c "$0"',
                  text], user=str(USER))
        agent.until(lambda: one.out)
        time.sleep(0.3)
        agent.kill(one)
        agent.wait(one)
        check(one.ending["type"] == "exit", what + " is killed", one.ending)
        none_is_left(what)


def signals_the_group():
    trap = ("trap 'echo one; exit 9' TERM; "
            "setsid sh -c 'trap \"echo two; exit\" TERM; echo ready; "
            "while :; do sleep 0.05; done' & "
            "while :; do sleep 0.05; done")
    one = agent.start(argv=["/bin/sh", "-c", trap])
    agent.until(lambda: one.out == b"ready\n")
    agent.signal(one, "TERM")
    agent.wait(one)
    equal((bytes(one.out), one.code), (b"ready\none\n", 9),
          "a signal goes to the command's process group")
    agent.signal(one, "KILL")
    agent.quiet(0.1)
    check(alive() > 0, "after the exit it goes nowhere")
    agent.signal(one, "KILL", tree=True)
    none_is_left("a signal to the tree")
    one = agent.start(argv=["/bin/sh", "-c", trap])
    agent.until(lambda: one.out == b"ready\n")
    agent.signal(one, "TERM", tree=True)
    agent.wait(one)
    equal(sorted(one.out.decode().split()), ["one", "ready", "two"],
          "with tree it goes to every process")
    for number in ("HUP", "USR1", "RTMIN+3"):
        one = agent.start(argv=["/bin/sleep", "1000"])
        agent.until(lambda: one.pid)
        agent.signal(one, number)
        agent.wait(one)
        equal(one.signal, number, f"{number} kills and is told")


def spares_the_others():
    other = agent.start(argv=["/bin/sh", "-c", "sleep 1000 & wait"])
    one = python(HIDER)
    agent.until(lambda: other.pid and one.out)
    agent.kill(one)
    agent.wait(one)
    agent.quiet(0.2)
    check(other.ending is None and alive() == 3,
          "another command is not touched", alive())
    agent.kill(other)
    agent.wait(other)
    none_is_left("after both")


run([is_not_held_by_the_background, kills_the_hidden, kills_the_headless,
     kills_the_stopped, kills_those_who_multiply, signals_the_group,
     spares_the_others])
done()
