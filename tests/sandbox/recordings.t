#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Recordings of real terminals: written while they live, whole at their end,
played by asciinema and by the gateway, kept after their task."""
import json
import os
import pty
import select
import shutil
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from stack import Stack, wait_for  # noqa: E402
from tap import check, done, equal, run  # noqa: E402

if os.geteuid() != 0:
    print("1..0 # skip it takes root to make sandboxes")
    sys.exit(0)

SECONDS = 20
PROFILES = {
    "v2": {"recording": {"format": "asciicast-v2"}},
    "v3": {"recording": {"format": "asciicast-v3", "input": True}},
    "small": {"recording": {"bytes": 65536}},
}


class Local:
    """A program in a terminal of ours."""

    def __init__(self, *words, **env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(env, TERM="xterm-256color")
            os.execvp(words[0], words)
        self.seen = b""
        self.status = None

    def type(self, text):
        os.write(self.fd, text.encode())

    def read(self):
        """More, or False at the end."""
        if not select.select([self.fd], [], [], SECONDS)[0]:
            raise TimeoutError(self.seen[-300:])
        try:
            more = os.read(self.fd, 1 << 16)
        except OSError:
            return False
        self.seen += more
        return bool(more)

    def see(self, text):
        while text.encode() not in self.seen:
            if not self.read():
                raise EOFError(self.seen[-300:])

    def end(self):
        """Its exit status."""
        while self.status is None and self.read():
            pass
        return self.wait()

    def wait(self):
        if self.status is None:
            os.close(self.fd)
            self.status = os.waitstatus_to_exitcode(
                os.waitpid(self.pid, 0)[1])
        return self.status

    def kill(self):
        if self.status is None:
            os.kill(self.pid, 9)
            self.wait()


class Terminal(Local):
    """ssh in a terminal of ours."""

    def __init__(self, stack, user, *words):
        super().__init__("ssh", "-tt", "-F", stack.config, "-l", user,
                         user.split("+")[0], *words)


def files(stack):
    folder = os.path.join(stack.folder, "recordings")
    return sorted(os.path.join(top, name)
                  for top, _, names in os.walk(folder) for name in names)


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file
                if not line.startswith("#")]


def output(path):
    return "".join(event[2] for event in lines(path)[1:] if event[1] == "o")


def newest(stack, task):
    text = stack.admin("recordings", task).stdout.splitlines()
    return text[1].split()[0]


def cases(stack):
    def a_terminal_is_recorded():
        stack.create("two", "--profile", "v2")
        shell = Terminal(stack, "two", "echo hello; tty; exit 3")
        equal(shell.end(), 3, "a command in a terminal")
        (path,) = files(stack)
        wait_for(lambda: "hello" in output(path))
        head, *events = lines(path)
        equal(head["version"], 2, "is recorded as the profile says")
        check(head["width"] > 0 and head["height"] > 0, "with its size", head)
        check("/dev/pts/" in output(path), "and all that it wrote", events)
        status = os.stat(path)
        equal(stat.S_IMODE(status.st_mode), 0o600, "for nobody else to read")
        stack.two = os.path.basename(path)[:-len(".cast")]

    def a_command_without_a_terminal_is_not():
        stack.ssh("two", "echo hello")
        equal(len(files(stack)), 1, "a plain command is not recorded")
        stack.create("none")
        equal(Terminal(stack, "none", "true").end(), 0, "nor a terminal")
        equal(len(files(stack)), 1, "where no profile says so")

    def it_can_be_followed_while_it_lives():
        stack.create("three", "--profile", "v3")
        shell = Terminal(stack, "three+work")
        shell.type("echo one$((1+1))\r")
        shell.see("one2")
        path = [path for path in files(stack) if stack.two not in path][0]
        tail = subprocess.Popen(["tail", "-n", "+1", "-f", path],
                                stdout=subprocess.PIPE, text=True)
        seen = ""
        shell.type("echo three$((2+2))\r")
        while "three4" not in seen:
            seen += tail.stdout.readline()
        tail.kill()
        tail.wait()
        tail.stdout.close()
        check("three4" in seen, "tail -f of a running one works")
        shell.type("read -s x; echo done\r")
        shell.see("done")
        wait_for(lambda: "read -s x" in output(path))
        shell.type("secret-word\r")
        shell.see("done\r\n")
        shell.type("echo cat; cat\r")
        shell.see("\rcat\r\n")
        shell.type("open-word\r")
        shell.see("open-word\r\nopen-word\r\n")
        shell.type("\x04exit\r")
        shell.end()
        wait_for(lambda: any(event[1] == "x" for event in lines(path)[1:]))
        with open(path, encoding="utf-8") as file:
            text = file.read()
        check("secret-word" not in text, "what was typed unseen is not in it")
        typed = "".join(event[2] for event in lines(path)[1:]
                        if event[1] == "i")
        check("open-word" in typed, "other input is, as the profile wants it",
              typed)
        stack.three = os.path.basename(path)[:-len(".cast")]

    def asciinema_plays_it_unmodified():
        if shutil.which("asciinema") is None:
            check(True, "asciinema plays it # skip it is not installed")
            return
        for name in (stack.two, stack.three):
            (path,) = [path for path in files(stack) if name in path]
            version = lines(path)[0]["version"]
            if version == 3:
                # Debian's asciinema plays version 2 only
                check(is_version_3(lines(path)), "version 3 is as its "
                      "page says", lines(path)[:3])
                continue
            told = Local("asciinema", "cat", path, LC_ALL="C.UTF-8")
            status = told.end()
            equal([status, told.seen.decode().replace("\r\r\n", "\r\n")],
                  [0, output(path)], f"asciinema cat of version {version}")

    def one_that_grows_too_large_is_cut_and_says_so():
        stack.create("small", "--profile", "small")
        before = set(files(stack))
        shell = Terminal(stack, "small", "seq 100000; echo the end")
        equal(shell.end(), 0, "the terminal goes on")
        check(b"the end" in shell.seen, "to its end")
        (path,) = set(files(stack)) - before
        check(os.stat(path).st_size <= 65536, "the recording does not",
              os.stat(path).st_size)
        last = lines(path)[-1]
        check(last[1] == "m" and "cut" in last[2].lower(),
              "and its last mark says so", last)

    def a_replay_shows_it():
        shell = Terminal(stack, "ops", "replay", stack.two)
        shell.see("hello")
        shell.see(stack.two)
        equal(shell.end(), 0, "it ends by itself")
        shell = Terminal(stack, "ops", "replay", stack.three, "--speed", "10",
                         "--idle", "0.1")
        shell.see("three4")
        shell.type("q")
        equal(shell.end(), 0, "or with q")
        text = stack.ssh("ops", "recordings").stdout.decode()
        check(stack.two in text and stack.three in text,
              "recordings lists them", text)

    def they_stay_when_the_task_is_gone():
        stack.destroy("two")
        shell = Terminal(stack, "ops", "replay", stack.two)
        shell.see("hello")
        equal(shell.end(), 0, "and are replayed")
        (path,) = [path for path in files(stack) if stack.two in path]
        equal(os.stat(os.path.dirname(path)).st_uid, 0, "they are root's")
        check(not os.path.exists(os.path.join(
            stack.folder, "tasks", stack.two.split("-")[0])),
              "nothing else of the task is left")

    def players_end_with_their_gates():
        (path,) = [path for path in files(stack) if stack.two in path]
        with open(path, "a", encoding="utf-8") as file:
            file.write('[9999, "o", "late"]\n')
        shell = Terminal(stack, "ops", "replay", stack.two)
        shell.see("hello")
        equal(len(find_players(stack.two)), 1, "one replay is one process")
        for gate in stack.gates():
            os.kill(gate, 9)
        wait_for(lambda: not find_players(stack.two))
        check(True, "which ends when its gate is killed")
        shell.kill()
        wait_for(lambda: stack.ssh("ops", "recordings").returncode == 0)

    def a_manager_that_is_killed_interrupts_no_replay():
        shell = Terminal(stack, "ops", "replay", stack.two)
        shell.see("hello")
        stack.up.kill()
        stack.up.wait()
        stack.up.stdout.close()
        stack.start()
        check(b"?1049l" not in shell.seen, "the picture stays")
        shell.type("q")
        equal(shell.end(), 0, "and its keys work")

    return [a_terminal_is_recorded, a_command_without_a_terminal_is_not,
            it_can_be_followed_while_it_lives, asciinema_plays_it_unmodified,
            one_that_grows_too_large_is_cut_and_says_so, a_replay_shows_it,
            they_stay_when_the_task_is_gone,
            players_end_with_their_gates,
            a_manager_that_is_killed_interrupts_no_replay]


def find_players(recording):
    """Processes that play it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                words = line.read().split(b"\0")
        except OSError:
            continue
        if words[2:3] == [recording.encode()]:
            found.append(int(pid))
    return found


class Recorded(Stack):
    """With profiles that have terminals recorded."""

    def start(self):
        folder = os.path.join(self.folder, "profiles.d")
        os.makedirs(folder, exist_ok=True)
        for name, profile in PROFILES.items():
            with open(os.path.join(folder, name + ".json"), "w",
                      encoding="utf-8") as file:
                json.dump(profile, file)
        super().start()


def is_version_3(found):
    """The header and events of docs.asciinema.org/manual/asciicast/v3/."""
    header, events = found[0], found[1:]
    return (set(header) <= {"version", "term", "timestamp", "title"} and
            {"cols", "rows"} <= set(header["term"]) and len(events) > 0 and
            all(isinstance(after, (int, float)) and after >= 0 and
                kind in "oirmx" and isinstance(data, str)
                for after, kind, data in events))


def main():
    with Recorded(config={"gates": 1}) as stack:
        run(cases(stack))
    done()


main()
