#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Programs that people use, in sandboxes, through ssh in tmux: that they work,
that they come back after every way of leaving as a tmux shows them that ran
them itself, and that nobody's terminal answers twice or into the wrong hands.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.path.insert(0, os.path.join(HERE, "..", "..", "contrib", "brain"))

import brain as stream_json
from screen import Screens
from stack import Stack, wait_for
from tap import check, done, equal, run

if os.geteuid() != 0:
    print("1..0 # skip it takes root to make sandboxes")
    sys.exit(0)

PROMPT = "ready> "
REPORTS = re.compile(r"\[[?>]?[\d;]+[cR]|rgb:|\$y")

# name: how it is started, what shows that it runs, keys, what shows that it
# took them, keys that end it
PROGRAMS = {
    "vim": ("vim -u NONE -N numbers", '"numbers"', ["i", "typed", "Escape"],
            "typed1", [":q!", "Enter"]),
    "less": ("less numbers", "^10$", ["/^77$", "Enter"], "^99$", ["q"]),
    "htop": ("htop", "F10Quit", ["F1"], "Arrows", ["q", "q"]),
    "top": ("top", "load average", ["c"], r"/\.sally", ["q"]),
    "mc": ("mc -d", "10Quit", ["F9", "Enter"], "Listing",
           ["Escape", "Escape", "F10"]),
    "nano": ("nano numbers", "GNU nano", ["t", "y", "C-k"], "Modified",
             ["C-x", "n"]),
    "python3": ("python3 -q", ">>>", ["print('a'.upper() * 3)", "Enter"],
                "^AAA$", ["C-d"]),
    "git": ("git -c color.ui=always add -p", "Stage this hunk", ["s", "Enter"],
            "into 2 hunks", ["q", "Enter"]),
    "ssh-keygen": ("rm -f key; ssh-keygen -q -f key", "empty for no",
                   ["hush!", "Enter"], "same passphrase", ["hush!", "Enter"]),
    "dialog": ("dialog --inputbox really 9 40 2>answer; clear", "Cancel",
               ["typed"], "typed", ["Enter"]),
    "tmux": ("tmux -f /dev/null new htop", "F10Quit", ["F1"], "Arrows",
             ["q", "q"]),
    "fish": ("fish --no-config", "^user@t.*>$",
             ["echo a(echo b)c", "Enter"], "^abc$", ["C-d"]),
}

# deterministic ones: the same picture every time
PICTURES = {
    "editor": ("vim -u NONE -N -c 'syntax on' -c 'set number ls=2 nocp "
               "ttymouse=sgr mouse=a so=0' -c 'split' -c 'normal 90Gzz' "
               "script", "script"),
    "pager": ("less -R +G colours", "END"),
    "menu": ("dialog --colors --menu 'choose \\Z1one' 14 50 4 a Apples b "
             "Bread c '\u8336' d Dates", "Dates"),
    # which features the outer terminal has it would learn too late to redraw
    "inner": ("tmux -T RGB -f /dev/null new 'cat colours; sleep 900' \\; "
              "set status off \\; split 'less script'", "^script"),
    "python": ("python3 colours.py", "last line"),
}

SCRIPT = "".join(f'say "number {n}" | tr a-z A-Z # {n}\nif true; then :; fi\n'
                 for n in range(99))
COLOURS = r"""
import sys
out = []
for n in range(0, 256, 4):
    out.append(f"\033[48;5;{n}m{n:4}" + ("\033[m\n" if n % 64 == 60 else ""))
for n in range(0, 60):
    out.append(f"\033[38;2;{n * 4};90;200;48;2;0;{n * 2};30mx")
out.append("\033[m\n\033[1mbold \033[2;3mdim \033[0;4mline\033[m \033[7mback "
           "\033[27;9mstruck\033[m\n")
out.append("\u4f60\u597d e\u0301 \U0001f600 \ud55c\uae00 \u2500\u253c\n")
"""
MODES = r"""
out.append("\033[5;20r\033[?1h\033[?2004h\033[?1002h\033[?1006h\033=\033[5 q"
           "\033]2;a title\007\033[?25l\033[18;9Hlast line")
sys.stdout.write("".join(out))
sys.stdout.flush()
sys.stdin.read()
"""
# asks twenty times for each line that is typed
QUERIES = r"""
import os, select, sys, termios, tty
kept = termios.tcgetattr(0)
asked = wrong = 0
for line in sys.stdin:
    tty.setraw(0)
    for query in (b"\033[c", b"\033[>c", b"\033[6n", b"\033[5n") * 5:
        got = b""
        os.write(1, query)
        while select.select([0], [], [], 0.01 if got else 5)[0]:
            got += os.read(0, 4096)
        asked += 1
        wrong += got.count(b"\033[") != 1 or got[-1:] not in b"cnR"
    termios.tcsetattr(0, termios.TCSADRAIN, kept)
    print(f"asked {asked} wrong {wrong}")
"""


def fill(folder):
    """The files that the programs show."""
    files = {"numbers": "".join(f"{n}\n" for n in range(1, 301)),
             "script": SCRIPT, "colours.py": COLOURS + MODES,
             "queries.py": QUERIES}
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    with open(os.path.join(folder, "colours"), "wb") as file:
        subprocess.run([sys.executable, "-c", COLOURS +
                        "sys.stdout.write(''.join(out))"], stdout=file,
                       check=True, env=dict(os.environ, LC_ALL="C.UTF-8"))


def picture(screen):
    """All that a person, or a program, can tell of the screen."""
    return screen.lines(styles=True), screen.cursor(), [
        screen.show(what) for what in (
            "alternate_on", "cursor_flag", "keypad_cursor_flag",
            "keypad_flag", "mouse_button_flag", "mouse_sgr_flag",
            "scroll_region_upper", "scroll_region_lower", "wrap_flag",
            "insert_flag")]


def say(screen, line):
    screen.text(line)
    screen.keys("Enter")


def sees(screen, pattern):
    return screen.until(lambda: any(re.search(pattern, line)
                                    for line in screen.lines()))


def running(stack, command):
    return stack.ssh("t", f"pgrep -fx '{command}'").returncode == 0


def prompt(screen):
    screen.until(lambda: screen.lines()[-1] == PROMPT.rstrip())


class Place:
    """A task with the files, and windows into it."""

    def __init__(self, stack, screens):
        self.stack, self.screens = stack, screens
        self.local = tempfile.TemporaryDirectory(prefix="terminal-")
        fill(self.local.name)
        stack.create("t")
        with subprocess.Popen(["tar", "-C", self.local.name, "-c", "."],
                              stdout=subprocess.PIPE) as tar:
            stack.ssh("t", "tar -x --no-same-owner", stdin=tar.stdout)
        stack.ssh("t", "git init -q && git add numbers && git -c user.name=n "
                  "-c user.email=n@localhost commit -qm one && "
                  "sed -i '3s/^/x/;6s/^/x/' numbers")

    def open(self, name, command="", cols=80, rows=24, options=()):
        return self.screens.open(
            ["ssh", "-F", self.stack.config, "-t", *options, "-l",
             f"t+{name}", "t", *([command] if command else [])], cols, rows)

    def shell(self, name, **size):
        """bash without anybody's configuration."""
        screen = self.open(name, f"PS1='{PROMPT}' bash --norc", **size)
        prompt(screen)
        return screen

    def here(self, command):
        """The program in a window by itself, with no ssh between."""
        return self.screens.open(
            ["env", "-i", f"PATH={os.environ['PATH']}", "TERM=tmux-256color",
             "LANG=C.UTF-8", f"HOME={self.local.name}", "sh", "-c",
             f"cd {self.local.name} && {command}"])

    def brain(self):
        return stream_json.Brain.ssh(self.stack.config)


def programs(place):
    def try_one(screen, name):
        command, runs, keys, took, end = PROGRAMS[name]
        say(screen, f"clear; {command}")
        sees(screen, runs)
        for key in keys:
            screen.keys(key)
        sees(screen, took)
        for key in end:
            screen.keys(key)
        # a full-screen program leaves what was there, and its modes
        prompt(screen)
        say(screen, "echo $((6 * 7)) left")
        screen.wait("42 left")
        return [screen.show(what) for what in (
            "alternate_on", "cursor_flag", "mouse_any_flag",
            "keypad_cursor_flag")]

    def they_run_and_leave_the_terminal_as_it_was():
        screen = place.shell("programs")
        for name in PROGRAMS:
            if shutil.which(name) is None:
                check(True, f"{name} # skip it is not installed")
                continue
            try:
                equal(try_one(screen, name)[:3], ["0", "1", "0"], name)
            except TimeoutError as late:
                check(False, name, late)
                screen.keys("C-c")
                screen.kill()
                screen = place.shell("after-" + name)
        say(screen, "exit")
        equal(screen.status(), 0, "the shell ends")

    return [they_run_and_leave_the_terminal_as_it_was]


def coming_back(place):
    stack = place.stack

    def with_the_detach_key(screens):
        for screen in screens:
            screen.keys("C-\\")

    def with_a_tilde_and_a_dot(screens):
        for screen in screens:
            screen.text("~.")

    def when_clients_are_killed(screens):
        for screen in screens:
            screen.kill()

    def when_gates_are_killed(_screens):
        before = set(stack.gates())
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: len(set(stack.gates()) - before) == len(before))
        wait_for(lambda: stack.ssh("t", "true").returncode == 0)

    def when_the_manager_is_killed(screens):
        stack.up.kill()
        stack.up.wait()
        stack.up.stdout.close()
        stack.start()
        when_clients_are_killed(screens)

    def every_picture_comes_back():
        wanted, shown = {}, {}
        for name, (command, runs) in PICTURES.items():
            if shutil.which(command.split()[0]) is None:
                check(True, f"{name} # skip {command.split()[0]} is not "
                            "installed")
                continue
            local = place.here(command)
            shown[name] = place.open(name, command)
            sees(local, runs)
            sees(shown[name], runs)
            wanted[name] = local
        for leave in (with_the_detach_key, with_a_tilde_and_a_dot,
                      when_clients_are_killed, when_gates_are_killed,
                      when_the_manager_is_killed):
            leave(list(shown.values()))
            for screen in shown.values():
                screen.status()
            for name in shown:
                shown[name] = place.open(name)
            for name, screen in shown.items():
                compare(screen, wanted[name],
                        f"{name} is back {leave.__name__.replace('_', ' ')}")
        shown["editor"].text(":syntax off")
        wanted["editor"].text(":syntax off")
        for screen in (shown["editor"], wanted["editor"]):
            screen.keys("Enter", "C-f", "C-w", "j", "d", "d")
        compare(shown["editor"], wanted["editor"], "and goes on from there")

    def compare(screen, wanted, name):
        try:
            screen.until(lambda: picture(screen) == picture(wanted), 10)
            check(True, name)
        except TimeoutError:
            equal(picture(screen), picture(wanted), name)

    return [every_picture_comes_back]


def answers(place):
    def asks(screen):
        """A shell, and in it a program that asks for each Enter."""
        say(screen, "clear; python3 queries.py")
        wait_for(lambda: running(place.stack, "python3 queries.py"))

    def answered(screen, count):
        screen.keys("Enter")
        sees(screen, f"^asked {count} wrong")
        return f"asked {count} wrong 0" in screen.lines()

    def junk(*screens):
        return [line for screen in screens for line in screen.lines()
                if REPORTS.search(line)]

    def a_question_has_one_answer_whoever_looks():
        first = place.shell("asks")
        asks(first)
        check(answered(first, 20), "a client's terminal answers")
        same, other = place.open("asks"), place.open("asks", cols=90)
        for screen in (same, other):
            sees(screen, "^asked 20 ")
        check(answered(first, 40), "with others of the same size and another")
        check(answered(other, 60) and answered(same, 80),
              "whoever of them typed last")
        same.kill()
        other.keys("C-\\")
        other.status()
        check(answered(first, 100), "and when they have gone")
        equal(junk(first, same, other), [], "nobody sees an answer")

    def also_while_clients_leave_and_come():
        screen = place.shell("turns")
        asks(screen)
        seen = []
        for turn in range(1, 6):
            seen.append(answered(screen, 20 * turn))
            screen.keys("C-\\")
            screen.wait("[detached from t+turns]")
            seen.append(junk(screen) == [])
            screen = place.open("turns")
            sees(screen, f"^asked {20 * turn} ")
        check(all(seen), "detached and attached, it is the same", seen)

    def programs_start_at_once_with_nobody_there():
        with place.brain() as brain:
            terminal = brain.terminal(
                "t", ["bash", "--norc"], env={"PS1": PROMPT}, name="alone")
            terminal.wait({"regex": f"^{PROMPT.rstrip()}$"})
            terminal.type("python3 queries.py\r")
            wait_for(lambda: running(place.stack, "python3 queries.py"))
            answer = terminal.type("\r", until=[{"regex": "^asked 20 "}])
            check("asked 20 wrong 0" in answer["screen"]["lines"],
                  "a program that asks is answered", answer["screen"])
            terminal.type("\x04", until=[{"regex": f"^{PROMPT.rstrip()}$"}])
            for command, alt, end in (
                    ("vim -u NONE -N numbers", True, ":q!\r"),
                    ("tmux -f /dev/null new 'sleep 900'", True, "\x02d"),
                    ("fish --no-config", False, "\x04")):
                if shutil.which(command.split()[0]) is None:
                    continue
                terminal.type(command + "\r", until=[
                    {"alt": True} if alt else {"regex": r"^\S+@.*>$"}])
                screen = place.open("alone")
                if alt:
                    screen.until(lambda: screen.show("alternate_on") == "1")
                else:
                    sees(screen, r"^\S+@.*>$")
                screen.text(end)
                prompt(screen)
                say(screen, "clear")
                screen.until(lambda: screen.lines() == [PROMPT.rstrip()])
                screen.keys("C-\\")
                screen.status()
                lines = terminal.screen()["lines"]
                check(not any(REPORTS.search(line) for line in lines),
                      f"{command.split()[0]} starts with nobody there, and "
                      "nothing is typed back", lines)

    return [a_question_has_one_answer_whoever_looks,
            also_while_clients_leave_and_come,
            programs_start_at_once_with_nobody_there]


def main():
    with Stack() as stack, Screens() as screens:
        place = Place(stack, screens)
        with place.local:
            chosen = [*programs(place), *coming_back(place), *answers(place)]
            run([case for case in chosen
                 if case.__name__ in os.environ.get("ONLY", case.__name__)])
    done()


main()
