#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What must end, ends; what must not be waited for, is not."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from stack import Brain, Stack, wait_for
from tap import check, done, equal, run


def processes(stack, pattern):
    """Pids in the sandbox whose command line has the pattern."""
    got = stack.ssh("t", f"pgrep -f '{pattern}'")
    return got.stdout.split()


def ends(stack, brain):
    def a_background_child_does_not_hold_the_end():
        start = time.monotonic()
        got = stack.ssh("t", "sh -c 'sleep 100 & echo hi'")
        took = time.monotonic() - start
        equal((got.returncode, got.stdout), (0, b"hi\n"),
              "sh -c 'sleep 100 & echo hi' gives its output and code")
        check(took < 5, "and does not wait for the sleep", took)

    def an_open_stdin_meets_the_time_out():
        reply = brain.ask("exec", task="t", argv=["cat"], stdin="open",
                          timeout_ms=300)
        end = brain.exit_of(reply["exec"])
        equal(end["reason"], "timeout",
              "a command whose open stdin nobody feeds is timed out")

    def a_closed_stdin_is_at_its_end():
        reply = brain.ask("exec", task="t", argv=["cat"])
        equal(brain.exit_of(reply["exec"])["code"], 0,
              "stdin is closed unless it is asked for")

    def a_time_out_kills_the_whole_tree():
        reply = brain.ask(
            "exec", task="t", timeout_ms=500,
            command="setsid sh -c 'setsid sleep 4242 & sleep 4243' & "
                    "(setsid sleep 4244 &) ; sleep 4245")
        end = brain.exit_of(reply["exec"])
        equal(end["reason"], "timeout", "the time-out comes")
        wait_for(lambda: not processes(stack, "sleep 424[2-5]"), 10,
                 "a grandchild outlived the time-out")
        check(True, "double-forked grandchildren in sessions of their own "
              "are killed with it")

    def a_thousand_commands_leave_no_zombie():
        for start in range(0, 1000, 50):
            requests = [brain.send("exec", task="t", argv=["true"])
                        for _ in range(50)]
            for request in requests:
                brain.exit_of(brain.reply(request)["exec"])
            if start == 0:
                before = count_processes(stack)
        wait_for(lambda: count_processes(stack) <= before, 10,
                 "processes grew in number")
        got = stack.ssh("t", "cat /proc/[0-9]*/stat 2>/dev/null | "
                        "grep -c ') Z '")
        equal(got.stdout.strip(), b"0", "1,000 commands leave no zombie")

    def a_long_silence_keeps_its_status():
        started = subprocess.Popen(
            stack.ssh_words("t", "sleep 62; exit 9"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        equal(started.wait(timeout=100), 9,
              "ssh TASK cmd </dev/null for over a minute keeps its status")

    return [a_background_child_does_not_hold_the_end,
            an_open_stdin_meets_the_time_out, a_closed_stdin_is_at_its_end,
            a_time_out_kills_the_whole_tree,
            a_thousand_commands_leave_no_zombie,
            a_long_silence_keeps_its_status]


def count_processes(stack):
    got = stack.ssh("t", "ls -d /proc/[0-9]* | wc -l")
    return int(got.stdout)


def main():
    with Stack() as stack:
        stack.create("t")
        with Brain(stack) as brain:
            run(ends(stack, brain))
    done()


main()
