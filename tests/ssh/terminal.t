#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Terminals in sandboxes: real clients in tmux, typed to, and looked at."""
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from screen import Screens
from stack import Stack, wait_for
from tap import check, done, equal, run

NAMED = ["-l", "t+dev"]


def words(stack, *command, to="t", options=()):
    return ["ssh", "-F", stack.config, *options, to, *command]


def shell(screen):
    """Wait for its prompt."""
    screen.until(lambda: re.search(r"[$#] ?$", screen.lines()[-1]))


def say(screen, line):
    screen.text(line)
    screen.keys("Enter")


def picture(screen):
    return screen.lines(styles=True), screen.cursor()


def marked(stack, command="watch -n 1000 date"):
    """Whether something of that command line runs in the sandbox."""
    return stack.ssh("t", f"pgrep -f '^{command}'").returncode == 0


def plain(stack, screens):
    def a_shell_on_a_terminal():
        screen = screens.open(words(stack), 70, 20)
        shell(screen)
        say(screen, "tty; stty size; stty -a | grep -o 'erase = ..'; "
                    "stty -a | grep -o ' iutf8'; echo TERM=$TERM")
        screen.wait("TERM=tmux-256color")
        lines = screen.lines()
        check(any(re.fullmatch(r"/dev/pts/\d+", line) for line in lines) and
              {"20 70", "erase = ^?", " iutf8"} <= set(lines),
              "ssh TASK is a login shell on a sane terminal",
              "\n".join(lines))
        screen.resize(100, 33)
        shell(screen)
        say(screen, "clear; stty size")
        screen.wait("33 100")
        check(True, "which follows the window's size")
        shell(screen)
        say(screen, "clear; sleep 1000")
        wait_for(lambda: marked(stack, "sleep 1000"))
        screen.keys("C-z")
        screen.wait("Stopped")
        shell(screen)
        say(screen, "clear; fg")
        screen.until(lambda: screen.lines() == ["sleep 1000"])
        screen.keys("C-c")
        screen.wait("^C")
        shell(screen)
        say(screen, "x=$?; clear; echo status=$x")
        screen.until(lambda: "status=130" in screen.lines())
        check(True, "with job control: C-z stops, C-c interrupts")
        shell(screen)
        say(screen, "clear; read -s -p 'secret: ' x; echo; echo got-$x")
        screen.wait("secret:")
        say(screen, "hush")
        screen.wait("got-hush")
        check(not any("secret: hush" in line for line in screen.lines()),
              "what is read without echo is not shown")
        shell(screen)
        say(screen, "clear; cat")
        wait_for(lambda: marked(stack, "cat"))
        say(screen, "gr\u00fc\u00df \u4f60\u597d \U0001f600")
        screen.until(lambda: screen.lines().count(
            "gr\u00fc\u00df \u4f60\u597d \U0001f600") == 2)
        check(True, "UTF-8 goes there and back")
        screen.keys("C-d")
        shell(screen)
        say(screen, "exit 5")
        equal(screen.status(), 5, "and ends with the shell's status")

    def a_command_on_a_terminal():
        for command, status in (("test -t 0 -a -t 1 -a -t 2", 0),
                                ("stty size; exit 9", 9),
                                ("exec no-such-program-1", 127)):
            screen = screens.open(words(stack, command, options=["-t"]))
            equal(screen.status(), status, f"ssh -t TASK '{command[:20]}'")
        got = stack.ssh("t", "echo out; echo err >&2; head -c 100000 "
                        "/dev/zero | tr '\\0' x", options=["-tt"])
        equal((got.stdout[:10], len(got.stdout)), (b"out\r\nerr\r\n", 100010),
              "all that it wrote comes before its end, in one stream")
        got = stack.ssh("t", "test -t 0")
        equal(got.returncode, 1, "without a pty-req there is no terminal")

    def the_client_is_gone():
        screen = screens.open(words(stack, "sleep 4711", options=["-t"]))
        wait_for(lambda: marked(stack, "sleep 4711"))
        screen.kill()
        wait_for(lambda: not marked(stack, "sleep 4711"))
        check(True, "a plain terminal is hung up when its client goes")

    return [a_shell_on_a_terminal, a_command_on_a_terminal,
            the_client_is_gone]


def named(stack, screens):
    def open_session(cols=80, rows=24, options=()):
        return screens.open(words(stack, options=[*options, *NAMED]), cols,
                            rows)

    def edit(screen):
        """vim, with something to see."""
        say(screen, "cd /tmp; seq 1 200 > numbers; clear; "
                    "vim -u NONE -N numbers")
        screen.wait("\"numbers\" 200")
        screen.text(":syntax on|set number laststatus=2 ruler")
        screen.keys("Enter")
        screen.text("100Gzz")
        screen.until(lambda: "100 100" in "\n".join(screen.lines()))
        wait_for(lambda: picture(screen) == (time.sleep(0.1) or
                                             picture(screen)))

    def comes_back(name, screen, leave):
        before = picture(screen)
        leave()
        again = open_session()
        try:
            again.until(lambda: picture(again) == before)
            check(True, f"{name}: the screen is there again, cell for cell")
        except TimeoutError:
            equal(picture(again), before,
                  f"{name}: the screen is there again, cell for cell")
        return again

    def a_session_that_stays():
        screen = open_session()
        shell(screen)
        edit(screen)

        def detach():
            screen.keys("C-\\")
            screen.wait("[detached from t+dev]")
            equal(screen.status(), 0, "the detach key ends the client with 0")
            equal((screen.show("alternate_on"), screen.show("cursor_flag"),
                   screen.show("mouse_any_flag")), ("0", "1", "0"),
                  "and puts its terminal right")

        again = comes_back("after a detach", screen, detach)
        screen = comes_back("after kill -9 of the client", again, again.kill)

        def kill_gates():
            before = set(stack.gates())
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            wait_for(lambda: len(set(stack.gates()) - before) == len(before))
            wait_for(lambda: stack.ssh("t", "true").returncode == 0)

        again = comes_back("after kill -9 of the gates", screen, kill_gates)
        stack.up.kill()
        stack.up.wait()
        stack.start()
        again.text("150Gzz")
        again.until(lambda: "150 150" in "\n".join(again.lines()))
        check(True, "a client goes on while the manager is replaced")
        screen = comes_back("after kill -9 of the manager", again, again.kill)
        screen.text(":q!")
        screen.keys("Enter")
        shell(screen)
        say(screen, "exit 6")
        equal(screen.status(), 6, "it ends with its command's status")

    def two_windows():
        large = open_session(100, 30)
        shell(large)
        small = open_session(60, 15)
        say(large, "clear; stty size")
        large.wait("30 100")
        small.wait("30 100")
        check(True, "who looks on sees what somebody else types")
        shell(small)
        say(small, "clear; stty size")
        small.wait("15 60")
        large.wait("15 60")
        check(True, "the size is that of whoever typed last")
        got = stack.ssh("t", "sessions", options=["-s"])
        row = got.stdout.decode().splitlines()[1].split()
        equal((row[0], row[2], row[3]), ("dev", "60x15", "2"),
              "sessions has the name, the size, the clients")
        small.keys("C-\\")
        small.status()
        shell(large)
        say(large, "clear; stty size")
        large.wait("30 100")
        shell(large)
        tiny = open_session(50, 10, ["-oSetEnv=SALLYPORT_SIZE=largest"])
        shell(tiny)
        say(tiny, "clear; echo once more; stty size")
        large.wait("once more")
        large.wait("30 100")
        check(True, "with SALLYPORT_SIZE=largest it is that of the largest")
        shell(large)
        say(large, "exit 0")
        equal((large.status(), tiny.status()), (0, 0),
              "both see the session's end")

    def a_command_and_a_key():
        screen = screens.open(words(
            stack, "cat", options=["-t", "-oSetEnv=SALLYPORT_DETACH_KEY=C-]",
                                   *NAMED]))
        screen.text("typed")
        screen.wait("typed")
        screen.keys("C-]")
        screen.wait("[detached from t+dev]")
        screen = screens.open(words(stack, "echo another", options=[
            "-t", *NAMED]))
        screen.wait("typed")
        screen.keys("Enter", "C-d")
        equal(screen.status(), 0, "TASK+NAME CMD attaches to what is there")
        got = stack.ssh("t", options=NAMED)
        equal((got.returncode, got.stderr.splitlines()[-1]),
              (126, b"sallyport: a session needs a terminal: ssh -t"),
              "without a terminal it is refused, and says so")

    def a_task_that_ends():
        stack.create("gone")
        screen = screens.open(words(stack, to="gone"))
        shell(screen)
        stack.destroy("gone")
        screen.wait("[the task was ended]")
        check(True, "who was in a task that is destroyed is told")

    return [a_session_that_stays, two_windows, a_command_and_a_key,
            a_task_that_ends]


def operators(stack, screens):
    def watching():
        person = screens.open(words(stack, options=NAMED), 80, 24)
        shell(person)
        say(person, "clear; printf '\\033]52;c;ZXZpbA==\\007\\033]2;evil"
                    "\\007'; echo watch me")
        person.wait("watch me")
        operator = screens.open(words(stack, "watch t+dev", to="ops",
                                      options=["-t"]), 90, 30)
        operator.wait("watch me")
        title = operator.show("pane_title")
        check("evil" not in title, "watch shows a terminal, not its title",
              title)
        operator.text("never typed")
        operator.keys("Enter", "Up")
        say(person, "vim -u NONE -N /etc/passwd")
        operator.wait("root:")
        operator.resize(40, 10)
        person.keys("G")
        operator.until(lambda: len(operator.lines()) <= 10)
        check(not any("never" in line for line in person.lines()),
              "and nothing that the operator types goes there")
        equal((person.show("window_width"),
               stack.ssh("t", "stty size -F /dev/pts/0 || true").returncode),
              ("80", 0), "nor is its size the operator's")
        operator.keys("q")
        equal(operator.status(), 0, "q ends it")
        equal(operator.show("alternate_on"), "0",
              "and gives the terminal back")
        last = screens.open(words(stack, "watch t", to="ops",
                                  options=["-t"]))
        last.wait("root:")
        check(True, "watch TASK is that of the terminal last in use")
        person.text(":q!")
        person.keys("Enter")
        shell(person)
        say(person, "exit 0")
        equal(last.status(), 0, "it ends with what it shows")
        last.wait("[ended]")

    def lists():
        got = subprocess.run(words(stack, "sessions", to="ops"),
                             capture_output=True, text=True, check=False)
        equal((got.returncode, got.stdout.split()[0]), (0, "TASK"),
              "ops lists the sessions of all")
        got = subprocess.run(words(stack, to="ops"), capture_output=True,
                             text=True, check=False)
        check(got.returncode == 0 and "watch TASK" in got.stdout,
              "ops alone gives help", got)

    return [watching, lists]


def main():
    with Stack() as stack, Screens() as screens:
        stack.create("t")
        chosen = [*plain(stack, screens), *named(stack, screens),
                  *operators(stack, screens)]
        run([case for case in chosen
             if case.__name__ in os.environ.get("ONLY", case.__name__)])
    done()


main()
