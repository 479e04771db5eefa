#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A brain's terminals in real sandboxes: screens, keys, waits and streams."""
import hashlib
import os
import random
import re
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.path.insert(0, os.path.join(ROOT, "contrib", "brain"))

from brain import Brain, Closed, Late, Refused, Terminal, payload
from stack import Stack, wait_for
from tap import check, done, equal, run

KEPT = 16  # screens of ended terminals


def refused(code, words, call, *args, **members):
    """Whether a call is refused with this code and says these words."""
    try:
        return False, call(*args, **members)
    except Refused as why:
        return why.code == code and words in why.message, str(why)


def shell(brain, **members):
    """A shell in a terminal, when it has said its prompt."""
    terminal = brain.terminal("t", ["bash", "--norc", "-i"],
                              env={"PS1": "> "}, **members)
    terminal.wait({"regex": "^>$"})
    return terminal


def follow(brain, ident):
    """The bytes of a terminal up to its end, where they began, its exit."""
    out, first, at = bytearray(), None, None
    for event in brain.events(ident):
        if event["type"] == "pty":
            first = event["offset"] if first is None else first
            assert at in (None, event["offset"]), (at, event)
            out += payload(event)
            at = event["offset"] + len(payload(event))
    return bytes(out), first, event


def screens(brain):
    def a_shell_is_driven_by_keys_and_waits():
        shell_ = shell(brain, rows=10, cols=40, name="main")
        answer = shell_.type("stty size; tty; echo $TERM\r",
                             until=[{"text": "xterm-256color"}])
        equal(answer["screen"]["lines"][1:3], ["10 40", "/dev/pts/0"],
              "it has its size and a tty")
        equal(answer["where"], {"row": 3, "col": 0, "text": "xterm-256color"},
              "a wait says where")
        shell_.resize(20, 60)
        answer = shell_.type("stty size\r", until=[{"text": "20 60"}])
        equal((answer["screen"]["rows"], answer["screen"]["cols"]), (20, 60),
              "a resize is the terminal's and the screen's")
        found = brain.request("sessions", task="t")["sessions"]
        equal([(s["exec"], s["name"], s["what"], s["rows"]) for s in found],
              [(shell_.exec, "main", "bash --norc -i", 20)],
              "it is in the list")
        check(*refused("state", "name", brain.terminal, "t", ["true"],
                       name="main"))
        check(*refused("invalid", "Nope", shell_.press, "a", "Nope"))
        check(*refused("invalid", "regex", shell_.wait, {"regex": "("}))
        shell_.press("C-u")
        equal(shell_.type("exit 3\r", until=[{"exit": True}])["which"], 0,
              "its end is waited for")

    def a_screen_outlives_its_command():
        first = brain.terminal("t", ["echo", "first"])
        first.wait({"exit": True})
        equal(first.wait({"exit": True}, {"text": "first"})["which"], 0,
              "what has ended has ended")
        equal(first.screen()["lines"][0], "first", "its screen is there")
        check(*refused("state", "closed", first.press, "a"))
        check(*refused("state", "ended", first.wait, {"text": "never"}))
        for _ in range(KEPT):
            brain.terminal("t", ["true"]).wait({"exit": True})
        check(*refused("state", "no longer kept", first.screen))

    def waits_come_in_time_and_end_in_time():
        cat = brain.terminal("t", ["cat"])
        numbers = [random.randrange(1 << 30) for _ in range(200)]
        for number in numbers:
            cat.type(f"k{number}\r", until=[{"text": f"k{number}"}])
        check(True, f"{len(numbers)} keys were each seen on the screen")
        try:
            cat.wait({"text": "never"}, seconds=0.1)
            check(False, "a wait ends with its time")
        except Late as late:
            check(f"k{numbers[-1]}" in late.screen["lines"],
                  "a wait ends with its time, and says what is there")
        number = brain.send("wait", exec=cat.exec, timeout_ms=60000,
                            until=[{"bell": True}])
        brain.request("cancel", request=number)
        check(*refused("canceled", "", brain.wait, number))
        cat.press("C-d", until=[{"exit": True}])

    def attributes_are_told():
        shown = brain.terminal(
            "t", ["printf", r"\033[1;38;2;1;2;3mx\033[m \033[7mmenu\033[m"])
        shown.wait({"exit": True})
        equal(shown.screen(format="cells")["runs"][0],
              {"row": 0, "col": 0, "cols": 1, "text": "x", "fg": "#010203",
               "attributes": ["bold"]}, "as cells")
        check("\x1b[" in shown.screen(format="ansi")["lines"][0], "as ANSI")
        equal([r["text"] for r in shown.screen()["highlights"]], ["menu"],
              "what is chosen in a menu")

    return [a_shell_is_driven_by_keys_and_waits,
            a_screen_outlives_its_command,
            waits_come_in_time_and_end_in_time, attributes_are_told]


def streams(stack, brain):
    def the_bytes_are_exact():
        ident = brain.request("exec", task="t", command="seq 1 200000",
                              pty={"rows": 24, "cols": 80})["exec"]
        out, first, end = follow(brain, ident)
        wanted = b"".join(b"%d\r\n" % n for n in range(1, 200001))
        equal((first, hashlib.sha256(out).digest(), end["code"]),
              (0, hashlib.sha256(wanted).digest(), 0), "of a flood")
        place = random.randrange(len(wanted))
        reply = brain.request("attach", exec=ident, **{"from": {"pty": place}})
        equal((reply["pty"], reply["running"]), (place, False),
              f"attached again at {place}")
        equal(follow(brain, ident)[0], wanted[place:], "the rest, once")
        check(*refused("invalid", "pty", brain.request, "attach", exec=ident,
                       **{"from": {"stdout": 0}}))

    def pipes_are_no_terminal():
        ident = brain.run("t", ["true"]).exec
        for kind, more in (("screen", {}), ("keys", {"text": "a"}),
                           ("resize", {"rows": 1, "cols": 1}),
                           ("wait", {"until": [{"exit": True}],
                                     "timeout_ms": 1})):
            check(*refused("state", "no terminal", brain.request, kind,
                           exec=ident, **more))

    def a_terminal_outlives_its_gate():
        kept = shell(brain)
        kept.type("echo left; cat\r", until=[{"regex": "^left"}])
        before = kept.screen()
        gates = set(stack.gates())
        for pid in gates:
            os.kill(pid, signal.SIGKILL)
        try:
            brain.request("ping")
            check(False, "the connection is gone")
        except Closed:
            check(True, "the connection is gone")
        wait_for(lambda: set(stack.gates()) - gates)
        again = wait_for(lambda: connect(stack))
        with again:
            there = Terminal(again, kept.exec)
            equal(there.screen(), before, "its screen is not")
            there.type("on\r", until=[{"text": "on"}])
            there.press("C-c", until=[{"regex": "^>$"}])
            there.type("exit\r", until=[{"exit": True}])

    return [the_bytes_are_exact, pipes_are_no_terminal,
            a_terminal_outlives_its_gate]


def connect(stack):
    try:
        return Brain.ssh(stack.config)
    except Closed:
        return None


def example(stack):
    def the_example_does_what_the_document_says():
        with connect(stack) as brain:
            try:
                brain.run("t", ["vim", "--version"])
            except Refused:
                check(True, "the example # skip no vim in the image")
                return
        shown = subprocess.run(
            [os.path.join(ROOT, "contrib", "brain", "terminal.py"),
             stack.config, "t"], capture_output=True, text=True,
            check=False, timeout=120)
        with open(os.path.join(ROOT, "docs", "stream-json.md"),
                  encoding="utf-8") as file:
            told = re.search(r"```text\n(# vim.*?)```", file.read(), re.S)
        equal(shown.stdout, told.group(1), "its transcript is its output")
        equal((shown.returncode, shown.stderr), (0, ""), "and nothing else")

    def the_client_has_verbs_for_terminals():
        def client(*words):
            return subprocess.run(
                [os.path.join(ROOT, "contrib", "brain", "brain.py"),
                 "--config", stack.config, *words], capture_output=True,
                text=True, check=False, timeout=120)

        ident = client("start", "t", "--name", "cli", "--rows", "5", "--",
                       "cat").stdout.strip()
        check(client("sessions", "t").stdout.startswith(f"{ident} cli 80x5"),
              "start and sessions")
        equal(client("keys", ident, "h", "i", "Enter").returncode, 0, "keys")
        with connect(stack) as brain:
            Terminal(brain, ident).wait({"regex": "^hi"})
        equal(client("screen", ident).stdout.splitlines()[0], "hi", "screen")
        equal(client("keys", ident, "C-c", "Nope").returncode, 255,
              "and their refusals")
        client("keys", ident, "C-c")

    return [the_example_does_what_the_document_says,
            the_client_has_verbs_for_terminals]


def main():
    with Stack() as stack:
        with connect(stack) as brain:
            brain.request("task.create", name="t")
            run(screens(brain) + streams(stack, brain))
        run(example(stack))
    done()


main()
