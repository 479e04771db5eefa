# SPDX-License-Identifier: Apache-2.0
"""Programs in a terminal of tmux's: what is typed, what a person would see.

    with Screens() as screens:
        screen = screens.open(["ssh", ...])
        screen.keys("ls", "Enter")
        screen.wait("README")
"""
import os
import shlex
import subprocess
import tempfile
import time

PATIENCE = 20.0


class Screen:
    """One window."""

    def __init__(self, screens, name):
        self.screens, self.name = screens, name

    def tmux(self, *words, check=True):
        verb, *rest = words
        return self.screens.tmux(verb, "-t", f"{self.name}:", *rest,
                                 check=check)

    def keys(self, *keys):
        """By tmux's names: Enter, C-c, Up; what is no name is typed."""
        self.tmux("send-keys", *keys)

    def text(self, text):
        """Typed as it is."""
        self.tmux("send-keys", "-l", text)

    def resize(self, cols, rows):
        self.tmux("resize-window", "-x", str(cols), "-y", str(rows))

    def lines(self, scrollback=0, styles=False):
        """As a person sees them, without what is blank at their ends."""
        got = self.tmux("capture-pane", "-p", "-S", f"-{scrollback}",
                        *(["-e"] if styles else []))
        return got.rstrip("\n").split("\n")

    def show(self, what):
        """A variable of tmux's: cursor_x, pane_title, alternate_on."""
        return self.tmux("display-message", "-p",
                         "#{" + what + "}").rstrip("\n")

    def cursor(self):
        return int(self.show("cursor_y")), int(self.show("cursor_x"))

    def note(self, kind):
        """What the shell around the program wrote down: pid, status."""
        try:
            with open(os.path.join(self.screens.dir.name,
                                   f"{self.name}.{kind}"),
                      encoding="ascii") as file:
                return file.read().strip()
        except FileNotFoundError:
            return ""

    def is_dead(self):
        return self.note("status") != ""

    def status(self):
        """The program's exit status, once it has ended; 128 and more of a
        signal."""
        self.until(self.is_dead)
        return int(self.note("status"))

    def until(self, what, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        while True:
            found = what()
            if found:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError("on the screen:\n" +
                                   "\n".join(self.lines()))
            time.sleep(0.02)

    def wait(self, text, seconds=PATIENCE):
        """Until a line has the text; that line."""
        return self.until(lambda: next(
            (line for line in self.lines() if text in line), None), seconds)

    def kill(self):
        """The program, at once."""
        self.until(lambda: self.note("pid"))
        subprocess.run(["kill", "-9", self.note("pid")], check=False)


class Screens:
    """A tmux server of one's own."""

    def __init__(self):
        self.dir = tempfile.TemporaryDirectory(prefix="screens-")
        self.socket = os.path.join(self.dir.name, "tmux")
        self.count = 0

    def tmux(self, *words, check=True):
        env = {name: value for name, value in os.environ.items()
               if not name.startswith("TMUX")}
        done = subprocess.run(
            ["tmux", "-f", "/dev/null", "-S", self.socket, *words],
            capture_output=True, text=True, check=False,
            env=dict(env, LC_ALL="C.UTF-8"))
        if check and done.returncode != 0:
            raise RuntimeError(f"tmux {words}: {done.stderr}")
        return done.stdout

    def open(self, words, cols=80, rows=24, env=None):
        """Run a program; its Screen."""
        self.count += 1
        name = f"s{self.count}"
        setting = [part for key, value in (env or {}).items()
                   for part in ("-e", f"{key}={value}")]
        # the shell waits until the window has its size, and keeps it there:
        # tmux writes a line of its own into the window of a dead program
        at = os.path.join(self.dir.name, name)
        os.mkfifo(f"{at}.go")
        begin = shlex.quote(f"echo $$ > {at}.pid; exec " + shlex.join(words))
        self.tmux("new-session", "-d", "-s", name, "-x", str(cols), "-y",
                  str(rows), *setting,
                  f"read _ < {at}.go; sh -c {begin}; echo $? > {at}.end; "
                  f"mv {at}.end {at}.status; exec sleep 86400")
        screen = Screen(self, name)
        screen.tmux("set-option", "-g", "status", "off")
        screen.resize(cols, rows)
        with open(f"{at}.go", "w", encoding="ascii") as file:
            file.write("\n")
        return screen

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.tmux("kill-server", check=False)
        self.dir.cleanup()
