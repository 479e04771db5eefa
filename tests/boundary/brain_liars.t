#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Keepers that say anything in any order to a gate's brain session: what the
brain reads stays what docs/stream-json.md has, and an honest keeper's commands
beside them are exact."""
import os
import random
import socket
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from liar import Liar
from peers import (CONTROL, STDOUT, Peer, Session, exit_message, payload)
from tap import check, done, equal, run

SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))
ROUNDS = 60
LIES = 120
AGAIN = 2  # so often is a task that was lost attached to again


def output(number):
    return random.Random(SEED + number).randbytes(3000 + number * 7)


class Manager(threading.Thread):
    """Answers attaches: "good" is honest, every other task a liar."""

    def __init__(self, session):
        super().__init__(daemon=True)
        self.session = session
        self.asked = {}
        self.threads = []

    def serve(self, target, sock, *more):
        thread = threading.Thread(target=target, args=(sock, *more),
                                  daemon=True)
        thread.start()
        self.threads.append(thread)

    def run(self):
        manager = self.session.manager
        manager.sock.settimeout(None)
        while True:
            try:
                kind, _, message = manager.recv()
            except (EOFError, OSError):
                return
            if kind != CONTROL or message["type"] != "attach":
                continue
            task = message["task"]
            count = self.asked[task] = self.asked.get(task, 0) + 1
            if task != "good" and count > AGAIN:
                manager.say(0, "answer", request=message["request"],
                            code="not_found", text="no such task")
                continue
            ours, theirs = socket.socketpair()
            manager.say(0, "answer", [theirs.fileno()],
                        request=message["request"], task=task)
            theirs.close()
            if task == "good":
                self.serve(honest, ours)
            else:
                self.serve(lie, ours, task, count)


def honest(sock):
    keeper = Peer(sock)
    keeper.sock.settimeout(None)
    number = 0
    while True:
        try:
            kind, stream, message = keeper.recv()
        except (EOFError, OSError):
            return
        if kind != CONTROL or message["type"] != "start":
            continue
        number += 1
        keeper.say(stream, "started", exec=f"good-{number}", pid=7)
        text = output(number)
        for at in range(0, len(text), 1000):
            keeper.send(STDOUT, stream, text[at:at + 1000])
        keeper.send(STDOUT, stream)
        keeper.send(STDOUT + 1, stream)
        keeper.say(stream, "exit", **exit_message(code=number % 256))


def lie(sock, task, count):
    """From a truthful beginning on, of its own task or of another."""
    name = b"good" if random.Random(f"{SEED} {task}").random() < 0.3 \
        else task.encode()
    liar = Liar(f"{SEED} {task} {count}", "attachment", streams=3, breaks=2,
                names={b"t7kq2m9x": name})
    keeper = Peer(sock)
    try:
        _, stream, message = keeper.recv()
        if message["type"] == "start" and liar.random.random() < 0.8:
            keeper.say(stream, "started", exec=f"{task}-1", pid=7)
        for _ in range(LIES):
            keeper.sock.sendall(liar.lie())
        sock.close()
    except (EOFError, OSError):
        pass


def of_exec(session, ident, ends):
    """Everything of an exec until its exit: its bytes and its exit."""
    text = b""
    while True:
        event = session.event()
        if event.get("exec") != ident:
            continue
        if event["type"] == "stdout":
            equal(event["offset"], len(text), f"{ident}: an offset") \
                if event["offset"] != len(text) else None
            text += payload(event)
        if event["type"] == ends:
            return text, event


def keepers_that_lie():
    with Session() as session:
        manager = Manager(session)
        manager.start()
        for number in range(1, ROUNDS + 1):
            task = f"bad{number}"
            session.send({"type": "exec", "id": f"b{number}", "task": task,
                          "argv": ["x"], "stdin": "open",
                          **({"pty": {"rows": 5, "cols": 9}}
                             if number % 3 == 0 else {})})
            session.send({"type": "stdin", "id": f"s{number}",
                          "exec": f"{task}-1", "data": "x"})
            session.send({"type": "screen", "id": f"v{number}",
                          "exec": f"{task}-1"})
            reply = session.ask(f"g{number}", "exec", task="good",
                                argv=["x"])
            if not reply["ok"]:
                check(False, f"round {number}: an honest command", reply)
                return
            text, end = of_exec(session, reply["exec"], "exit")
            if text != output(number) or end.get("code") != number % 256:
                check(False, f"round {number}: its bytes and its exit",
                      (len(text), end))
                return
        check(True, f"{ROUNDS} honest commands beside as many lying keepers")
        equal(session.ask("p", "ping")["ok"], True, "and the session lives")


print(f"# SEED={SEED}")
run([keepers_that_lie])
done()
