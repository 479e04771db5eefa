# SPDX-License-Identifier: Apache-2.0
"""Terminals of the keepers in gate_harness.py: real ones of this machine, shown
in a way that is easy to tell apart: what a view is told stands in brackets."""
import fcntl
import os
import signal
import struct
import subprocess
import termios
import threading

CONTROL, STDIN, STDOUT, STDERR, PTY, WINDOW = range(1, 7)


class Terminal:
    """A command on a pseudo-terminal, and the streams that show it."""

    def __init__(self, manager, number, start):
        self.manager, self.number = manager, number
        self.name = start.get("name")
        self.words = start.get("command") or "(login shell)"
        self.start_body = start
        self.master, slave = os.openpty()
        pty = start["pty"]
        self.resize(pty["rows"], pty["cols"])
        self.viewers = []  # (keeper, stream)
        self.lock = threading.Lock()
        env = dict(os.environ, PS1="$ ", TERM=pty.get("term", "xterm"),
                   **start.get("env", {}))
        argv = ["/bin/sh"] + (["-c", start["command"]]
                              if start.get("command") else ["-i"])

        def own():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=env, cwd="/",
            preexec_fn=own)
        os.close(slave)
        self.ended = False
        self.pump = threading.Thread(target=self.read, daemon=True)

    def resize(self, rows, cols):
        self.rows, self.cols = rows, cols
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, cols, 0, 0))

    def show(self, keeper, stream):
        with self.lock:
            self.viewers.append((keeper, stream))
        if not self.pump.is_alive():
            self.pump.start()

    def hide(self, keeper, stream=None):
        with self.lock:
            self.viewers = [(other, at) for other, at in self.viewers
                            if other is not keeper or
                            stream not in (None, at)]

    def send(self, kind, payload):
        with self.lock:
            viewers = list(self.viewers)
        for keeper, stream in viewers:
            try:
                keeper.peer.send(kind, stream, payload)
            except OSError:
                pass  # nobody is there

    def read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                break
            self.send(PTY, data)
        code = self.process.wait()
        self.ended = True
        self.send(PTY, b"")
        how = ({"code": code, "reason": "exited"} if code >= 0 else
               {"reason": "signaled",
                "signal": signal.Signals(-code).name[3:]})
        with self.lock:
            viewers = list(self.viewers)
        for keeper, stream in viewers:
            try:
                keeper.peer.say(stream, "exit", duration_ms=1, oom_kills=0,
                                **how)
            except OSError:
                pass

    def stdin(self, data):
        if data and not self.ended:
            os.write(self.master, data)

    def signal(self, name):
        try:
            os.killpg(self.process.pid, signal.Signals["SIG" + name])
        except ProcessLookupError:
            pass

    def kill(self):
        if self.process.poll() is None:
            self.signal("KILL")

    def info(self):
        return {"exec": f"abc12345-{self.number}", "what": self.words,
                "principal": "ann", "rows": self.rows, "cols": self.cols,
                "clients": len(self.viewers), "watchers": 1, "age_ms": 5000,
                "idle_ms": 6500000, "title": "t\x1b[2J", "recorded": False,
                **({"name": self.name} if self.name else {})}


class Viewing:
    """What a keeper does with the messages about terminals."""

    def start_terminal(self, stream, body):
        manager = self.manager
        terminal = Terminal(manager, len(manager.terminals) + 1, body)
        manager.terminals.append(terminal)
        manager.commands.append(terminal)
        self.shown[stream] = terminal
        self.peer.say(stream, "started",
                      exec=f"abc12345-{terminal.number}",
                      pid=terminal.process.pid)
        terminal.show(self, stream)

    def attached(self, stream):
        self.peer.say(stream, "attached", exec="abc12345-1", stdout=0,
                      stderr=0, pty=True, running=True)

    def session(self, stream, body):
        for terminal in self.manager.terminals:
            if terminal.name == body["name"] and not terminal.ended:
                self.shown[stream] = terminal
                self.attached(stream)
                self.peer.send(PTY, stream, b"[repaint]\r\n")
                terminal.show(self, stream)
                return
        self.start_terminal(stream, body)

    def attach(self, stream, body):
        if "view" not in body:
            # of a keeper that is gone: these keep nothing of each other
            self.peer.say(stream, "refused", code="not_found",
                          text=f"no exec {body['exec']}")
            return
        view = body["view"]
        if body.get("session") == "none":
            self.peer.say(stream, "refused", code="not_found",
                          text="there is no terminal \"none\"")
            return
        self.attached(stream)
        self.picture(stream, f"{view['kind']} {body.get('session', '')} "
                     f"{view['cols']}x{view['rows']}")
        self.watched.add(stream)

    def picture(self, stream, text):
        self.peer.send(PTY, stream, b"[" + text.encode() + b"]\r\n")

    def on_resize(self, stream, body):
        if stream in self.watched:
            self.picture(stream, f"resize {body['cols']}x{body['rows']}")
        elif stream in self.shown:
            self.shown[stream].resize(body["rows"], body["cols"])
        self.peer.say(stream, "taken")

    def detach(self, stream, _body):
        if self.manager.deaf:
            return
        terminal = self.shown.pop(stream, None)
        if terminal is not None:
            terminal.hide(self, stream)
        self.watched.discard(stream)
        self.peer.send(PTY, stream, b"[leave]\r\n")
        self.peer.say(stream, "detached")

    def list_terminals(self, stream, body):
        for terminal in self.manager.terminals:
            if not terminal.ended:
                self.peer.say(stream, "terminal", ask=body["ask"],
                              **terminal.info())
        self.peer.say(stream, "answer", ask=body["ask"])

    def play(self, stream, body):
        self.picture(stream, f"play {body.get('speed')} "
                     f"{body.get('idle_ms')} {body.get('paused')}")
        if body.get("speed") == 4:
            self.peer.say(stream, "exit", code=0, reason="exited",
                          duration_ms=1, oom_kills=0)

    rows = {"session": session, "attach": attach, "resize": on_resize,
            "detach": detach, "terminals": list_terminals, "play": play}
