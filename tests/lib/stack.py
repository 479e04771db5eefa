# SPDX-License-Identifier: Apache-2.0
"""The real programs, started in a private folder and ended with all they made.

    with Stack() as stack:
        task = stack.create()
        stack.ssh(task, "echo hi")
"""
import base64
import json
import os
import subprocess
import tempfile
import time

BIN = os.environ["SALLYPORT_BIN"]


def wait_for(what, seconds=20, why="what was waited for did not happen"):
    """Call what() until it is true; its value."""
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(why)
        time.sleep(0.01)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children",
                  encoding="ascii") as found:
            return [int(child) for child in found.read().split()]
    except OSError:
        return []


def command_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
            return comm.read().strip()
    except OSError:
        return ""


class Stack:
    """A gateway on a port of the kernel's choice."""

    def __init__(self, config=None):
        self.home = tempfile.TemporaryDirectory(prefix="sallyport-test-")
        os.chmod(self.home.name, 0o755)
        self.folder = os.path.join(self.home.name, "gw")
        if config is not None:
            os.mkdir(self.folder, 0o755)
            with open(os.path.join(self.folder, "config.json"), "w",
                      encoding="utf-8") as file:
                json.dump(config, file)
        self.config = os.path.join(self.folder, "ssh_config")
        self.log = os.path.join(self.home.name, "log")
        self.up = None
        self.port = None
        self.start()

    def start(self):
        """Start the manager (again)."""
        with open(self.log, "ab") as log:
            self.up = subprocess.Popen(
                [os.path.join(BIN, "sallyport"), "up", "--dir", self.folder],
                stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.up.stdout.readline()
        if not line.startswith("ready"):
            raise RuntimeError("no ready line: " + line + self.log_text())
        self.port = int(line.split("port=")[1].split()[0])

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()[-4000:]

    def admin(self, *words, check=True, **options):
        """Run `sallyport VERB --dir DIR ...`."""
        verb, *rest = words
        return subprocess.run(
            [os.path.join(BIN, "sallyport"), verb, "--dir", self.folder,
             *rest], check=check, capture_output=True, text=True, **options)

    def create(self, name, *options):
        self.admin("create", "--name", name, *options)
        return name

    def destroy(self, name):
        self.admin("destroy", name)

    def ssh_words(self, task, *command, options=()):
        return ["ssh", "-F", self.config, *options, task, *command]

    def ssh(self, task, *command, options=(), **run):
        """Run a command over the stock client; bytes in and out."""
        run.setdefault("timeout", 120)
        run.setdefault("stdin", subprocess.DEVNULL)
        if "input" in run:
            del run["stdin"]
        return subprocess.run(
            self.ssh_words(task, *command, options=options),
            capture_output=True, check=False, **run)

    def gates(self):
        return [pid for pid in children(self.up.pid)
                if command_of(pid).startswith("sallyport-gate")]

    def keeper(self, task_id):
        """The pid of a task's keeper."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as line:
                    words = line.read().split(b"\0")
            except OSError:
                continue
            if (words[0].endswith(b"sallyport-keeper")
                    and words[1:2] == [task_id.encode()]):
                return int(pid)
        return None

    def down(self):
        done = self.admin("down", check=False)
        if self.up is not None:
            self.up.wait(timeout=60)
            self.up = None
        return done

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        try:
            self.down()
        finally:
            if self.up is not None:
                self.up.kill()
            self.home.cleanup()


class Brain:
    """A stream-json connection over the stock client's subsystem."""

    def __init__(self, stack, config=None):
        self.process = subprocess.Popen(
            ["ssh", "-F", config or stack.config, "-s", "brain",
             "stream-json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.count = 0
        self.events = []
        self.hello = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise EOFError("the brain's connection ended")
        return json.loads(line)

    def write(self, line):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def send(self, type_, **members):
        """Send a request and go on; its id."""
        self.count += 1
        request = {"type": type_, "id": f"r{self.count}", **members}
        self.write(json.dumps(request).encode() + b"\n")
        return request["id"]

    def reply(self, request):
        """The reply to a request; what comes before it is kept."""
        return self.event(lambda m: m["type"] == "reply"
                          and m["id"] == request)

    def ask(self, type_, **members):
        return self.reply(self.send(type_, **members))

    def event(self, wanted):
        """The first event, kept or to come, for which wanted() is true."""
        for i, message in enumerate(self.events):
            if wanted(message):
                return self.events.pop(i)
        while True:
            message = self.read()
            if wanted(message):
                return message
            self.events.append(message)

    def exit_of(self, exec_id):
        return self.event(lambda m: m["type"] == "exit"
                          and m["exec"] == exec_id)

    def output(self, exec_id, stream="stdout"):
        """All bytes of a stream up to its eof; offsets are checked."""
        collected = b""
        while True:
            message = self.event(
                lambda m: m.get("exec") == exec_id and
                (m["type"] == stream or
                 m["type"] == "eof" and m["stream"] == stream))
            if message["type"] == "eof":
                return collected
            collected += (message["data"].encode() if "data" in message
                          else base64.b64decode(message["base64"]))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.kill()
        self.process.stdin.close()
        self.process.stdout.close()
