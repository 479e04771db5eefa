#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How a command ended, as stock ssh and as stream-json tell it."""
import os
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from stack import Brain, Stack
from tap import check, done, equal, run

# What ends a process by default; the others stop it or are ignored.
DEADLY = [n for n in range(1, 32) if n not in (
    signal.SIGCHLD, signal.SIGCONT, signal.SIGSTOP, signal.SIGTSTP,
    signal.SIGTTIN, signal.SIGTTOU, signal.SIGURG, signal.SIGWINCH)]


def name_of(number):
    return signal.Signals(number).name[3:]


def killing(number):
    """A command that a signal ends: bash ignores SIGQUIT, perl SIGFPE."""
    name = name_of(number)
    return f"exec perl -e '$SIG{{{name}}} = \"DEFAULT\"; kill {number}, $$'"


def codes(stack, brain):
    def over_ssh():
        for code in (0, 1, 2, 126, 127, 255):
            equal(stack.ssh("t", f"exit {code}").returncode, code,
                  f"ssh gives exit code {code}")

    def over_stream_json():
        for code in (0, 1, 2, 126, 127, 255):
            reply = brain.ask("exec", task="t", command=f"exit {code}")
            end = brain.exit_of(reply["exec"])
            equal((end.get("code"), end.get("signal"), end["reason"]),
                  (code, None, "exited"), f"stream-json gives code {code}")

    return [over_ssh, over_stream_json]


def signals(stack, brain):
    def over_ssh():
        for number in DEADLY:
            got = stack.ssh("t", killing(number), options=("-v",))
            text = got.stderr.decode(errors="replace")
            check(got.returncode == 255 and "exit-signal" in text,
                  f"ssh is told of signal {name_of(number)} as exit-signal",
                  f"returncode {got.returncode}\n{text[-600:]}")

    def over_stream_json():
        for number in DEADLY:
            reply = brain.ask("exec", task="t", command=killing(number))
            end = brain.exit_of(reply["exec"])
            equal((end.get("code"), end.get("signal"), end["reason"]),
                  (None, name_of(number), "signaled"),
                  f"stream-json names signal {name_of(number)}")

    return [over_ssh, over_stream_json]


def reasons(stack, brain):
    def a_time_out_says_so():
        reply = brain.ask("exec", task="t", argv=["sleep", "100"],
                          timeout_ms=200)
        end = brain.exit_of(reply["exec"])
        equal((end.get("signal"), end["reason"]), ("KILL", "timeout"),
              "a time-out carries its reason")

    def out_of_memory_says_so():
        brain.ask("task.create", name="small",
                  limits={"memory": 64 << 20})
        reply = brain.ask("exec", task="small", argv=[
            "perl", "-e", "my $x = 'a' x (512 << 20); sleep 10"])
        end = brain.exit_of(reply["exec"])
        equal((end.get("signal"), end["reason"]), ("KILL", "oom"),
              "a kill at the memory limit carries its reason")
        check(end.get("oom_kills", 0) >= 1, "and the kernel's count", end)
        brain.ask("task.destroy", task="small")

    def a_start_that_failed_says_which():
        for members, code in (
                ({"argv": ["/no/such"]}, "not_found"),
                ({"argv": ["no-such-program"]}, "not_found"),
                ({"argv": ["/etc/passwd"]}, "not_executable"),
                ({"argv": ["/etc"]}, "not_executable"),
                ({"argv": ["true"], "user": "nobody-here"}, "no_user"),
                ({"argv": ["true"], "cwd": "/no/such"}, "bad_cwd")):
            reply = brain.ask("exec", task="t", **members)
            equal((reply["ok"], reply.get("error", {}).get("code")),
                  (False, code), f"{members} is refused as {code}")
        equal(stack.ssh("t", "no-such-program").returncode, 127,
              "over ssh a program that is not there is the shell's 127")

    return [a_time_out_says_so, out_of_memory_says_so,
            a_start_that_failed_says_which]


def multiplexed(stack):
    """500 commands over one connection of ssh, 50 at a time."""
    def five_hundred_commands_over_one_connection():
        path = os.path.join(stack.home.name, "ctl")
        subprocess.run(stack.ssh_words("t", options=(
            "-M", "-S", path, "-f", "-N")), check=True)
        wrong = []
        gate = threading.Semaphore(50)

        def one(i):
            with gate:
                got = stack.ssh(
                    "t", f"seq 1 {i}; echo err{i} >&2; exit {i % 256}",
                    options=("-S", path))
                text = "".join(f"{n}\n" for n in range(1, i + 1)).encode()
                if (got.returncode != i % 256 or got.stdout != text
                        or got.stderr != f"err{i}\n".encode()):
                    wrong.append((i, got.returncode, len(got.stdout),
                                  got.stderr[:200]))

        threads = [threading.Thread(target=one, args=(i,))
                   for i in range(500)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        subprocess.run(stack.ssh_words("t", options=(
            "-S", path, "-O", "exit")), check=False, capture_output=True)
        equal(wrong, [], "500 commands, 50 at a time, over one "
              "ControlMaster connection: codes and output")

    return [five_hundred_commands_over_one_connection]


def main():
    with Stack() as stack:
        stack.create("t")
        with Brain(stack) as brain:
            run(codes(stack, brain) + signals(stack, brain)
                + reasons(stack, brain) + multiplexed(stack))
    done()


main()
