# SPDX-License-Identifier: Apache-2.0
"""An agent and a gate that go on by themselves while their keeper is killed."""
import random
import select
import socket
import struct
import threading

from keeper_harness import (CONTROL, DATA_MAX, PATIENCE, STDERR, STDIN, STDOUT,
                            TASK, WINDOW, WINDOW_OUTPUT, WINDOW_STDIN, Peer,
                            Reader, frame, json, message, pattern, time)


def frames(buffer):
    """Take the whole frames off the front of a bytearray."""
    while len(buffer) >= 9:
        length, kind, stream = struct.unpack_from(">IBI", buffer)
        if len(buffer) < 4 + length:
            return
        payload = bytes(buffer[9:4 + length])
        del buffer[:4 + length]
        yield kind, stream, payload


class Command:
    """argv: bytes of stdout, of stderr, of stdin that it wants, its code."""

    def __init__(self, number, argv, seed):
        self.number = number
        self.size = {STDOUT: int(argv[0]), STDERR: int(argv[1])}
        self.wants, self.code = int(argv[2]), int(argv[3])
        self.random = random.Random(seed)
        self.base = {STDOUT: 0, STDERR: 0}  # acknowledged
        self.at = {STDOUT: 0, STDERR: 0}    # said on this link
        self.order = []                     # (kind, length) not acknowledged
        self.taken = 0
        self.credit = WINDOW_STDIN
        self.input_over = self.wants == 0
        self.held = False
        self.told = set()

    def room(self):
        return WINDOW_OUTPUT - sum(self.at[kind] - self.base[kind]
                                   for kind in self.at)

    def hold(self):
        self.at = dict(self.base)
        self.order, self.told, self.held = [], set(), True

    def resume(self, out, err):
        for kind, offset in ((STDOUT, out), (STDERR, err)):
            assert self.base[kind] <= offset <= self.size[kind], offset
            self.base[kind] = self.at[kind] = offset
        self.held = False

    def acknowledge(self, count):
        while count > 0:
            kind, length = self.order.pop(0)
            part = min(count, length)
            self.base[kind] += part
            count -= part
            if part < length:
                self.order.insert(0, (kind, length - part))

    def say(self):
        """The next thing to say, or None."""
        if self.held or "exit" in self.told:
            return None
        if "started" not in self.told:
            self.told.add("started")
            return message(self.number, "started", pid=self.number + 10)
        if self.credit < WINDOW_STDIN and self.random.random() < 0.3:
            back, self.credit = WINDOW_STDIN - self.credit, WINDOW_STDIN
            return frame(WINDOW, self.number, struct.pack(">I", back))
        kinds = [kind for kind in self.at if self.at[kind] < self.size[kind]]
        if kinds:
            return self.write(self.random.choice(kinds))
        return self.end()

    def write(self, kind):
        length = min(self.room(), self.size[kind] - self.at[kind],
                     self.random.choice((1, 100, 4000, DATA_MAX)))
        if length <= 0:
            return None
        at = self.at[kind]
        self.at[kind] += length
        self.order.append((kind, length))
        return frame(kind, self.number, pattern(at, length))

    def end(self):
        if not self.input_over:
            return None
        for kind in (STDOUT, STDERR):
            if kind not in self.told:
                self.told.add(kind)
                return frame(kind, self.number)
        self.told.add("exit")
        return message(self.number, "exit", code=self.code)


class SelfAgent:
    """Runs until stop; what went wrong is in wrong."""

    def __init__(self, sock, seed):
        self.random = random.Random(seed)
        self.commands, self.last, self.ran = {}, 0, []
        self.wrong, self.links, self.is_over = [], 0, False
        self.open(sock)
        self.greet()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def open(self, sock):
        self.sock, self.buffer, self.out = sock, bytearray(), bytearray()
        self.sock.setblocking(False)

    def greet(self):
        held = [each for each in self.commands.values()]
        self.out += message(0, "hello", protocol=1, version="self",
                            execs=len(held))
        for each in held:
            each.hold()
            self.out += message(
                each.number, "held", stdout=each.base[STDOUT],
                stderr=each.base[STDERR], stdin=each.taken,
                credit=each.credit)

    def work(self):
        try:
            while not self.is_over:
                self.turn()
        except Exception as error:  # shown by who asks
            self.wrong.append(repr(error))

    def turn(self):
        poll = select.poll()
        poll.register(self.sock, select.POLLIN |
                      (select.POLLOUT if self.talk() else 0))
        for _, events in poll.poll(20):
            if events & select.POLLIN:
                self.listen()
            if events & select.POLLOUT and self.out:
                self.send()

    def talk(self):
        """Have something to send, if there is anything."""
        each = list(self.commands.values())
        self.random.shuffle(each)
        for command in each:
            if len(self.out) > 4 * DATA_MAX:
                break
            self.out += command.say() or b""
        return len(self.out) > 0

    def send(self):
        try:
            sent = self.sock.send(self.out)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            return
        del self.out[:sent]

    def listen(self):
        try:
            got, fds, _, _ = socket.recv_fds(self.sock, 1 << 18, 4)
        except (BlockingIOError, ConnectionResetError):
            return
        if fds:
            self.links += 1
            # what is whole before it still counts; it breaks off there
            self.take_all(got[:-1])
            self.sock.close()
            self.open(socket.socket(fileno=fds[0]))
            self.greet()
        elif got:
            self.take_all(got)
        else:
            time.sleep(0.01)

    def take_all(self, got):
        self.buffer += got
        for kind, stream, payload in frames(self.buffer):
            self.take(kind, stream, payload)

    def take(self, kind, stream, payload):
        command = self.commands.get(stream)
        if kind == CONTROL:
            self.obey(command, stream, json.loads(payload))
        elif command is None:
            assert stream <= self.last, "a frame for nobody"
        elif kind == WINDOW:
            command.acknowledge(struct.unpack(">I", payload)[0])
        elif kind == STDIN and payload:
            assert len(payload) <= command.credit, "more than the credit"
            want = pattern(command.taken, len(payload))
            assert payload == want, ("wrong stdin", stream, command.taken)
            command.taken += len(payload)
            command.credit -= len(payload)
        elif kind == STDIN:
            assert command.taken == command.wants, "stdin ended early"
            command.input_over = True

    def obey(self, command, stream, body):
        kind = body["type"]
        if kind == "exec":
            assert stream > self.last, "numbers do not ascend"
            self.last = stream
            self.ran.append(body["argv"][4])
            self.commands[stream] = Command(stream, body["argv"],
                                            self.random.random())
        elif kind == "resume":
            assert command.held, "it is not held"
            command.resume(body.get("stdout", 0), body.get("stderr", 0))
        elif kind == "forget" and command is not None:
            assert command.held or "exit" in command.told, "too early"
            del self.commands[stream]

    def stop(self):
        self.is_over = True
        self.thread.join(PATIENCE)
        self.sock.close()


class Job:
    """A command that its client wants the whole of."""

    def __init__(self, token, argv):
        self.token, self.argv = token, argv
        self.reader, self.exec, self.fed = None, None, 0
        self.credit = WINDOW_STDIN
        self.wants, self.is_ended = int(argv[2]), False

    def opening(self):
        if self.exec is None:
            return {"type": "start", "argv": self.argv + [self.token],
                    "token": self.token,
                    "stdin": "open" if self.wants else "closed"}
        at = self.reader.at
        return {"type": "attach", "exec": self.exec,
                "from": {"stdout": at[STDOUT], "stderr": at[STDERR]}}


class SelfGate:
    """Has jobs done on one attachment at a time."""

    def __init__(self, connect):
        self.connect, self.peer = connect, None
        self.jobs, self.stream = {}, 0
        self.done, self.reattached = [], 0

    def add(self, job):
        self.stream += 1
        self.jobs[self.stream] = job
        self.open(self.stream, job)

    def send(self, raw):
        try:
            if self.peer is not None:
                self.peer.send(raw)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.drop()

    def open(self, stream, job):
        job.credit = WINDOW_STDIN
        job.is_open, job.is_ended = False, False
        if job.reader is None or job.exec is None:
            job.reader = Reader(self.peer, stream)
        self.send(frame(CONTROL, stream, json.dumps(job.opening()).encode()))

    def drop(self):
        if self.peer is not None:
            self.peer.close()
        self.peer = None

    def turn(self):
        """Take what comes for a moment; connect again if that broke."""
        if self.peer is None:
            try:
                self.peer = self.connect()
            except (ConnectionError, FileNotFoundError):
                return
            self.reattached += 1
            for stream, job in list(self.jobs.items()):
                self.open(stream, job)
        try:
            kind, stream, payload = self.peer.frame(0.002)
        except TimeoutError:
            return
        except EOFError:
            self.drop()
            return
        self.take(kind, stream, payload)

    def take(self, kind, stream, payload):
        job = self.jobs.get(stream)
        if job is None:
            return
        if kind == WINDOW:
            job.credit += struct.unpack(">I", payload)[0]
        elif kind != CONTROL:
            job.reader.take(kind, payload)
        else:
            self.obey(job, stream, json.loads(payload), payload)
        self.feed(job, stream)

    def obey(self, job, stream, body, payload):
        if body["type"] == "started":
            assert job.exec in (None, body["exec"]), body
            job.exec, job.is_open, job.fed = body["exec"], True, 0
        elif body["type"] == "attached":
            job.is_open, job.fed = True, body.get("stdin", -1)
            job.reader.ended = set()
        else:
            job.reader.take(CONTROL, payload)
        if job.reader.exit is not None:
            self.done.append(job)
            del self.jobs[stream]

    def feed(self, job, stream):
        while job.is_open and 0 <= job.fed < job.wants and job.credit > 0:
            part = min(job.wants - job.fed, job.credit, DATA_MAX)
            self.send(frame(STDIN, stream, pattern(job.fed, part)))
            job.fed += part
            job.credit -= part
        if job.is_open and job.fed == job.wants and job.wants and \
                not job.is_ended:
            job.is_ended = True
            self.send(frame(STDIN, stream))


__all__ = ["Job", "SelfAgent", "SelfGate", "Peer", "TASK"]
