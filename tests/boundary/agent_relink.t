#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A keeper that dies, and another on a new link: not a byte is lost or told
twice. AGENT_SEED chooses another course of events."""
import hashlib
import os
import random
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent_harness import *  # noqa: E402,F403

need_root()
MIB = 1 << 20
SEED = int(os.environ.get("AGENT_SEED", "20240611"))
NOISE = random.Random(SEED)
DATA = {name: random.Random(name).randbytes(size) for name, size in (
    ("a", 2 * MIB + 17), ("b", MIB + 5), ("c", 700001), ("d", 40000))}
for name, data in DATA.items():
    with open(os.path.join(FOLDER, name), "wb") as out:
        out.write(data)
A, B, C, D = (os.path.join(FOLDER, name) for name in "abcd")


class Told:
    """One exec: what was asked, what must come of it, and what its keepers
    have kept so far."""

    def __init__(self, number, members, wants):
        self.number = number
        self.members = members
        self.out_wanted = wants.get("out", b"")
        self.err_wanted = wants.get("err", b"")
        self.end_wanted = wants["end"]
        self.input = wants.get("input", b"")
        self.raw = wants.get("raw", False)
        self.killed_at = wants.get("killed_at")
        self.is_pty = "pty" in members
        self.window = WINDOW_PTY if self.is_pty else WINDOW_OUTPUT
        self.order = []      # (0 or 1, bytes) as it came, not acknowledged
        self.had = [0, 0]    # of each output
        self.acked = [0, 0]
        self.pid = None
        self.ending = None
        self.said_forget = False
        self.modes = None
        self.fed = 0
        self.credit = WINDOW_STDIN
        self.is_fed = False
        self.is_killed = False
        self.fresh_link(True)

    def fresh_link(self, is_live):
        self.is_live = is_live
        self.words = []
        self.ends = []

    @property
    def unacked(self):
        return sum(count for _, count in self.order)

    def die(self):
        """Keep only some of what came, in its order."""
        keep = NOISE.choice((0, self.unacked,
                             NOISE.randrange(self.unacked + 1)))
        order, self.order = self.order, []
        self.had = list(self.acked)
        for which, count in order:
            count = min(count, keep)
            keep -= count
            self.had[which] += count
            if count:
                self.order.append((which, count))
        if not self.said_forget and NOISE.randrange(2):
            self.ending = None
        self.fresh_link(False)

    def acknowledge(self, count):
        left = count
        while left:
            which, some = self.order.pop(0)
            part = min(some, left)
            self.acked[which] += part
            left -= part
            if part < some:
                self.order.insert(0, (which, some - part))

    # what the agent says

    def take(self, kind, payload):
        assert self.is_live, f"of exec {self.number} before its resume"
        assert not self.words or self.words[-1] not in ("exit", "refused"), \
            "something after the end"
        if kind == CONTROL:
            self.listen(json.loads(payload))
            return
        assert self.words, "something before started"
        if kind == WINDOW:
            self.credit += struct.unpack(">I", payload)[0]
            assert self.credit <= WINDOW_STDIN, "stdin credit beyond its window"
            return
        assert kind in ((PTY,) if self.is_pty else (STDOUT, STDERR))
        assert kind not in self.ends, "output after its end"
        which = 1 if kind == STDERR else 0
        wanted = self.err_wanted if which else self.out_wanted
        at = self.had[which]
        if not payload:
            self.ends.append(kind)
            assert self.killed_at is not None or at == len(wanted), \
                f"the end of {which} at {at} of {len(wanted)}"
            return
        assert wanted[at:at + len(payload)] == payload, \
            f"other bytes of exec {self.number}, {which} at {at}"
        self.had[which] += len(payload)
        self.order.append((which, len(payload)))
        assert self.unacked <= self.window, "more than the window"

    def listen(self, body):
        if body["type"] == "terminal":
            assert self.words, "modes before started"
            self.modes = (body["echo"], body["canonical"])
            return
        self.words.append(body["type"])
        if body["type"] == "started":
            assert self.words == ["started"]
            assert self.pid in (None, body["pid"]), "another pid"
            self.pid = body["pid"]
            return
        if body["type"] == "exit":
            assert len(self.ends) == (1 if self.is_pty else 2), \
                "exit before the ends"
            assert not self.raw or self.modes == (False, False), self.modes
        else:
            assert self.words == ["refused"], self.words
        self.end_wanted(body)
        assert self.ending in (None, body), "another end"
        self.ending = body


def code(wanted):
    def look(body):
        assert body["type"] == "exit" and body.get("code") == wanted, body
    return look


def by_signal(wanted):
    def look(body):
        assert body["type"] == "exit" and body.get("signal") == wanted, body
    return look


def refused(wanted):
    def look(body):
        assert body["type"] == "refused" and body["reason"] == wanted, body
    return look


def shell(text):
    return {"argv": ["/bin/sh", "-c", text]}


def both(_):
    return shell(f"cat {A} & cat {B} >&2; wait; exit 7"), {
        "out": DATA["a"], "err": DATA["b"], "end": code(7)}


def in_turn(_):
    return shell(f"for i in 1 2 3 4 5 6 7 8; do cat {D}; cat {D} >&2; done"), {
        "out": DATA["d"] * 8, "err": DATA["d"] * 8, "end": code(0)}


def in_pieces(_):
    return {"argv": ["/bin/dd", f"if={D}", "bs=37", "status=none"]}, {
        "out": DATA["d"], "end": code(0)}


def back(_):
    return {"argv": ["/bin/cat"], "stdin": "open"}, {
        "input": DATA["c"], "out": DATA["c"], "end": code(0)}


def swallowed(_):
    wanted = hashlib.sha256(DATA["c"]).hexdigest() + "  -\n"
    return {"argv": ["/usr/bin/sha256sum"], "stdin": "open"}, {
        "input": DATA["c"], "out": wanted.encode(), "end": code(0)}


def short(number):
    return shell(f"echo {number}; echo x{number} >&2; exit {number % 256}"), {
        "out": b"%d\n" % number, "err": b"x%d\n" % number,
        "end": code(number % 256)}


def nothing(_):
    return {"argv": ["/bin/nope"]}, {"end": refused("not_found")}


def shown(_):
    size = len(DATA["c"])
    return {"argv": ["/bin/sh", "-c", "stty raw -echo; printf o; "
                     f"head -c {size}; exit 9"],
            "stdin": "open", "pty": {"rows": 24, "cols": 80}}, {
        "input": DATA["c"], "raw": True, "out": b"o" + DATA["c"],
        "end": code(9)}


def killed(_):
    return shell(f"cat {D}; exec sleep 1000"), {
        "out": DATA["d"], "end": by_signal("KILL"), "killed_at": 5}


KINDS = [both, in_turn, in_pieces, back, swallowed, shown, killed, short,
         short, short, nothing]


class Mortal(Agent):
    """A line of keepers, of which each may die at any time."""

    def __init__(self):
        self.told = {}
        self.greeting = None   # what is left of held, once hello has come
        self.links = 0
        self.olds = []         # ends that a manager would hold
        super().__init__()

    # reading

    def pump(self, timeout):
        if not select.select([self.sock], [], [], timeout)[0]:
            return True
        data = self.sock.recv(NOISE.choice((7, 300, 5000, 1 << 18)))
        if not data:
            self.ended = True
            return False
        self.input += data
        for kind, stream, payload in list(self.frames()):
            if stream == 0:
                assert self.hello is None, "a second hello"
                self.hello = json.loads(payload)
                self.greeting = self.hello.get("execs", 0)
                self.held = []
            elif self.greeting:
                self.take_held(stream, json.loads(payload))
            else:
                self.told[stream].take(kind, payload)
            if self.hello is not None and self.greeting == 0:
                self.greeting = None
                self.greet()
        return True

    def take_held(self, number, body):
        assert body.pop("type") == "held", body
        one = self.told[number]
        assert not self.held or self.held[-1] < number, "not ascending"
        self.held.append(number)
        self.greeting -= 1
        from_ = [body.get("stdout", 0), body.get("stderr", 0)]
        for which in (0, 1):
            assert from_[which] <= one.acked[which], (from_, one.acked)
        # credit that it did not get is none that was given
        one.order = [(which, one.acked[which] - from_[which])
                     for which in (0, 1)
                     if one.acked[which] > from_[which]] + one.order
        one.acked = from_
        one.fed = body.get("stdin", 0)
        one.credit = body.get("credit", 0)
        assert one.credit <= WINDOW_STDIN

    def greet(self):
        last = max(self.held, default=0)
        for number in sorted(self.told):
            one = self.told[number]
            if one.is_live:
                continue
            if number in self.held:
                continue
            if one.said_forget:
                del self.told[number]
                continue
            assert number > last and one.pid is None, \
                f"exec {number} is not held"
            one.fresh_link(True)
            one.fed, one.credit = 0, WINDOW_STDIN
            one.is_fed = one.is_killed = False
            self.send_new(one)

    def resume(self, one):
        """Or what else a keeper may say of what is held."""
        if one.said_forget or one.ending is not None and NOISE.randrange(3):
            one.fresh_link(True)
            one.words = ["exit"]
            self.say_forget(one)
            return
        one.fresh_link(True)
        one.is_fed = one.is_killed = False
        # the whole window is the agent's again: it may not be more
        one.acked, one.order = list(one.had), []
        self.send(message(one.number, "resume", stdout=one.had[0],
                          stderr=one.had[1]))

    # writing: what does not fit at once dies with the keeper

    def send(self, data):
        self.output += data
        self.push()

    def push(self):
        while self.output and self.hello is not None:
            try:
                count = self.sock.send(self.output[:NOISE.choice(
                    (1, 50, 1 << 16))], socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            del self.output[:count]

    def send_new(self, one):
        self.send(message(one.number, "exec", **one.members))

    def begin(self, kind):
        self.last += 1
        one = Told(self.last, *kind(self.last))
        self.told[self.last] = one
        self.send_new(one)

    def say_forget(self, one):
        one.said_forget = True
        self.send(message(one.number, "forget"))

    def feed_some(self, one):
        size = min(len(one.input) - one.fed, one.credit, DATA_MAX,
                   NOISE.choice((1, 100, DATA_MAX)))
        # a terminal takes it once it is raw
        if one.raw and one.had[0] == 0:
            return
        if size > 0:
            self.send(frame(STDIN, one.number,
                            one.input[one.fed:one.fed + size]))
            one.fed += size
            one.credit -= size
        if one.fed == len(one.input) and not one.is_fed and not one.raw:
            one.is_fed = True
            self.send(frame(STDIN, one.number))

    def ack_some(self, one):
        count = one.unacked
        if NOISE.randrange(2):
            count = NOISE.randrange(count + 1)
        if count:
            one.acknowledge(count)
            self.grant(one.number, count)

    def act(self, one):
        if not one.is_live:
            if self.greeting is None and self.hello is not None and \
                    one.number in self.held:
                self.resume(one)
            return
        if one.words and one.words[-1] in ("exit", "refused"):
            if not one.said_forget:
                self.say_forget(one)
                one.order = []
            return
        self.ack_some(one)
        if "stdin" in one.members:
            self.feed_some(one)
        if one.killed_at is not None and not one.is_killed and \
                one.had[0] == len(one.out_wanted):
            one.is_killed = True
            self.send(message(one.number, "kill"))

    def replace(self):
        """This keeper dies: what it had half said, half heard and not kept
        is gone. Another offers its link on the old one."""
        half = NOISE.choice((
            b"", frame(STDIN, 1, b"x" * 1000)[:NOISE.randrange(1, 1009)],
            message(1, "kill")[:NOISE.randrange(1, 24)]))
        if self.output:
            half = bytes(self.output[:NOISE.randrange(len(self.output) + 1)])
            half = half[:1 << 15]
        ours, theirs = socket.socketpair()
        try:
            self.sock.send(half, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass
        self.offer(theirs)
        theirs.close()
        self.olds.append(self.sock)
        if len(self.olds) > 3 or NOISE.randrange(2):
            for old in self.olds:
                old.close()
            self.olds = []
        self.sock = ours
        self.input.clear()
        self.output.clear()
        self.hello = None
        self.greeting = None
        self.links += 1
        for one in self.told.values():
            one.die()

    def offer(self, theirs):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.send_fds(self.sock, [b"\0"], [theirs.fileno()],
                                socket.MSG_DONTWAIT)
                return
            except BlockingIOError:
                assert time.monotonic() < deadline
                select.select([], [self.sock], [], 1)

    def end(self):
        for old in self.olds:
            old.close()
        super().end()


def loses_nothing():
    print(f"# AGENT_SEED={SEED}")
    agent = Mortal()
    files = len(os.listdir(f"/proc/{agent.pid}/fd"))
    begun = 0
    most = 0
    deadline = time.monotonic() + 4 * PATIENCE
    while begun < 400 or agent.told or agent.links < 300:
        assert time.monotonic() < deadline, \
            {one.number: (one.members, one.words, one.had, one.is_live)
             for one in agent.told.values()}
        if begun < 400 and len(agent.told) < 12:
            agent.begin(NOISE.choice(KINDS))
            begun += 1
        for one in list(agent.told.values()):
            if NOISE.randrange(3) == 0:
                agent.act(one)
        agent.push()
        agent.pump(0.002)
        # links die in crowds, too, before anything was said on them
        if NOISE.randrange(25) == 0 or all(
                one.said_forget for one in agent.told.values()):
            for _ in range(NOISE.choice((1, 1, 1, 2, 4))):
                agent.replace()
            agent.until(lambda: agent.greeting is None and agent.hello)
        most = max(most, memory(agent))
    check(True, f"400 commands whole, over {agent.links} links")
    check(most < 40 * MIB, "memory is bounded", most)
    check(wait_for(lambda: not children(agent.pid)), "no process is left")
    agent.replace()
    agent.until(lambda: agent.hello)
    equal(agent.hello.get("execs", 0), 0, "nothing is held any more")
    equal(len(os.listdir(f"/proc/{agent.pid}/fd")), files,
          "no descriptor is left")
    check(memory(agent) < 4 * MIB, "no memory is kept", memory(agent))
    agent.end()


def memory(agent):
    """Bytes of its own that the agent has."""
    with open(f"/proc/{agent.pid}/status") as text:
        for line in text:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
    return 0


def spent(agent):
    """Seconds of a processor that the agent has used."""
    with open(f"/proc/{agent.pid}/stat") as text:
        words = text.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def another(agent, sock=None):
    """A new link for a plain harness; what came on the old one stays."""
    ours, theirs = socket.socketpair()
    socket.send_fds(sock or agent.sock, [b"\0"], [theirs.fileno()])
    theirs.close()
    old, agent.sock = agent.sock, ours
    agent.input.clear()
    agent.hello = None
    return old


def hear(agent, patience=PATIENCE):
    """The next frame."""
    deadline = time.monotonic() + patience
    while True:
        at = agent.input
        if len(at) >= 9 and len(at) >= 4 + struct.unpack_from(">I", at)[0]:
            length, kind, stream = struct.unpack_from(">IBI", at)
            payload = bytes(at[9:4 + length])
            del at[:4 + length]
            return stream, (json.loads(payload) if kind == CONTROL
                            else (kind, payload))
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([agent.sock], [], [], left)[0]:
            raise TimeoutError("nothing came")
        data = agent.sock.recv(1 << 16)
        if not data:
            raise EOFError("the agent went: " + agent.last_words())
        at += data


def silent(agent, seconds=0.2):
    try:
        return hear(agent, seconds) is None
    except TimeoutError:
        return True


def goes_on_without_a_keeper():
    agent = Agent()
    agent.crediting = False
    pty = agent.terminal("stty raw -echo; printf o; "
                         f"head -c 100000 {A}; echo >{FOLDER}/shown; "
                         "exec cat", stdin="open")
    agent.until(lambda: pty.out)
    agent.sock.sendall(frame(STDIN, pty.number, b"q" * DATA_MAX) * 3)
    marks = [os.path.join(FOLDER, f"mark{i}") for i in range(4)]
    for mark in marks:
        agent.start(argv=["/bin/sh", "-c", f"head -c {MIB} {A}; "
                          f"echo >{mark}; head -c 3000000 {A}; exit 3"])
    brief = agent.start(argv=["/bin/sh", "-c", "echo a; sleep 1000 & exit 4"])
    check(wait_for(lambda: all(os.path.exists(mark) for mark in
                               (*marks, FOLDER + "/shown"))),
          "commands go on until their windows are full")
    check(wait_for(lambda: len(children(agent.pid)) == 6), "and then wait",
          children(agent.pid))
    time.sleep(0.5)
    before = spent(agent)
    time.sleep(0.5)
    check(spent(agent) - before < 0.1, "without a turn of the loop",
          spent(agent) - before)
    old = another(agent)
    told = {}
    equal(hear(agent)[1]["execs"], 6, "the new link is found")
    for _ in range(6):
        number, held = hear(agent)
        told[number] = held
    equal(list(told), [1, 2, 3, 4, 5, 6], "and what is held is told")
    check(all(held == {"type": "held", "credit": WINDOW_STDIN}
              for number, held in told.items() if number != pty.number),
          "nothing was acknowledged", told)
    check(told[1]["stdin"] == 3 * DATA_MAX and
          told[1]["credit"] < WINDOW_STDIN, "stdin is accounted for", told[1])
    check(silent(agent), "nothing else is said before a resume")
    for number in told:
        agent.send(message(number, "resume"))
    agent.hello = {}
    agent.crediting = True
    del pty.out[:]
    for number in (2, 3, 4, 5, 6):
        agent.wait(agent.execs[number])
    equal([agent.execs[number].code for number in (2, 3, 4, 5, 6)],
          [3, 3, 3, 3, 4], "all come to their ends")
    equal([bytes(agent.execs[number].out) ==
           DATA["a"][:MIB] + DATA["a"] for number in (2, 3, 4, 5)],
          [True] * 4, "with all their bytes")
    agent.until(lambda: len(pty.out) == 100001 + 3 * DATA_MAX)
    agent.kill(pty)
    agent.wait(pty)
    equal(pty.modes[-1][1:], (False, False), "a terminal's modes are told")
    another(agent)
    equal(hear(agent)[1].get("execs", 0), 0, "what is forgotten is not held")
    agent.hello = {}
    agent.kill(brief)
    check(wait_for(lambda: not children(agent.pid)),
          "but what it left behind can be killed", children(agent.pid))
    old.close()
    agent.end()


def does_what_was_whole():
    agent = Agent()
    touch = message(1, "exec", argv=["/bin/sh", "-c", f"echo >{FOLDER}/one"])
    never = message(2, "exec", argv=["/bin/sh", "-c", f"echo >{FOLDER}/two"])
    agent.sock.sendall(touch + never[:-1])
    ours, theirs = socket.socketpair()
    # the byte beside the descriptor is the one that is missing
    socket.send_fds(agent.sock, [never[-1:]], [theirs.fileno()])
    theirs.close()
    agent.sock.close()
    agent.sock = ours
    agent.input.clear()
    equal((hear(agent)[1]["execs"], hear(agent)[0]), (1, 1),
          "what was read whole is done, what was not is not")
    agent.sock.sendall(message(1, "resume"))
    check(wait_for(lambda: os.path.exists(FOLDER + "/one")), "and runs")
    agent.sock.sendall(never)
    check(wait_for(lambda: os.path.exists(FOLDER + "/two")),
          "the other can be said again")
    agent.end()


def follows_a_link_whose_keepers_are_gone():
    agent = Agent()
    one = agent.start(argv=["/usr/bin/yes"])
    agent.until(lambda: len(one.out) > MIB)
    links = [socket.socketpair() for _ in range(5)]
    last = agent.sock
    for ours, theirs in links:
        # each offers the next and dies; nobody ever read its hello
        socket.send_fds(last, [b"\0"], [theirs.fileno()])
        theirs.close()
        last.close()
        last = ours
    agent.sock = last
    agent.input.clear()
    equal((hear(agent)[1]["execs"], hear(agent)[1]["type"]), (1, "held"),
          "five links in a row, four of them closed")
    agent.sock.close()
    equal(agent.process.wait(PATIENCE), 0, "the last one's end is its end")
    agent.end()


def gives_back_memory():
    agent = Agent()
    some = [agent.start(argv=["/bin/sh", "-c", f"cat {A} {A} {A}; echo; "
                              "exec sleep 1000"]) for _ in range(20)]
    size = 3 * len(DATA["a"]) + 1
    agent.crediting = False
    for one in some:
        agent.until(lambda: len(one.out) >= WINDOW_OUTPUT)
    check(memory(agent) > 20 * MIB, "what is not acknowledged is kept",
          memory(agent))
    agent.crediting = True
    for one in some:
        agent.grant(one.number, WINDOW_OUTPUT)
    for one in some:
        agent.until(lambda: len(one.out) == size)
    check(wait_for(lambda: memory(agent) < 2 * MIB),
          "and its memory given back after that", memory(agent))
    check(bytes(some[0].out[:-1]) == DATA["a"] * 3, "all came")
    agent.end()


def held(agent, *argv):
    """An exec that has written 10 bytes, of which 4 are acknowledged, and a
    new link on which it is held."""
    agent.crediting = False
    one = agent.start(argv=argv or ["/bin/sh", "-c", "printf 0123456789; "
                                    "exec sleep 1000"])
    agent.until(lambda: len(one.out) == 10)
    agent.grant(one.number, 4)
    agent.run(argv=["/bin/true"])
    another(agent)
    equal((hear(agent)[1]["execs"], hear(agent)), (1, (1, {
        "type": "held", "stdout": 4, "credit": WINDOW_STDIN})),
          "held from the first byte that is kept")


WRONG = [
    (message(1, "resume", stdout=3), "from byte 3"),
    (message(1, "resume", stdout=11), "from byte 11"),
    (message(1, "resume", stdout=10, stderr=1), "stderr from byte 1"),
    (message(1, "resume"), "from byte 0"),
    (message(1, "resume", stdout=10) * 2, "does not wait"),
    (message(2, "resume"), "forgotten"),
    (message(3, "resume"), "never an exec 3"),
    (message(0, "resume"), "exec 0"),
    (message(1, "resume", stdout=-1), "stdout"),
    (message(1, "forget"), "has not ended"),
    (message(3, "forget"), "never an exec 3"),
    (message(1, "forget", x=1), "x"),
    (frame(WINDOW, 1, b"\0\0\0\1"), "credit"),
    (message(1, "resume", stdout=5) + frame(WINDOW, 1, b"\0\0\0\6"),
     "credit"),
    (message(1, "held"), "held"),
]


def refuses_wrong_words():
    for data, word in WRONG:
        agent = Agent()
        held(agent)
        agent.sock.sendall(data)
        words = agent.last_words()
        check(agent.process.returncode == 1 and word in words,
              f"ends at {data[9:60]!r}", words)
        agent.end()
    agent = Agent()
    held(agent)
    agent.sock.sendall(message(1, "resume", stdout=7))
    equal((hear(agent)[1]["type"], hear(agent)[1]), ("started",
                                                     (STDOUT, b"789")),
          "and goes on at a byte that it has")
    agent.end()


def refuses_other_descriptors():
    ends = [end for _ in range(3) for end in socket.socketpair()]
    links = [end.fileno() for end in ends[::2]]
    with open("/dev/null") as null:
        for what, fds, word in (
                ("two", links[:2], "not one descriptor"),
                ("three", links, "not one descriptor"),
                ("one that is no socket", [null.fileno()], "epoll")):
            agent = Agent()
            socket.send_fds(agent.sock, [b"\0"], fds)
            words = agent.last_words()
            check(agent.process.returncode == 1 and word in words,
                  f"ends at {what}", words)
            agent.end()
    for end in ends:
        end.close()


def is_not_filled_by_who_never_forgets():
    agent = Agent()
    agent.forgetting = False
    for _ in range(16):
        some = [agent.start(argv=["/bin/nope"] if i % 2 else ["/bin/true"])
                for i in range(64)]
        for one in some:
            agent.wait(one)
    another(agent)
    equal(hear(agent)[1]["execs"], 1024, "1,024 ends wait to be forgotten")
    numbers = [hear(agent)[0] for _ in range(1024)]
    equal(numbers, list(range(1, 1025)), "each of them is held")
    agent.sock.sendall(message(1, "resume") + message(2, "resume"))
    equal([hear(agent)[1] for _ in range(4)][0], {"type": "started",
                                                  "pid": agent.execs[1].pid},
          "and told again")
    agent.sock.sendall(message(7, "forget") +
                       message(1025, "exec", argv=["/bin/nope"]))
    while hear(agent)[0] != 1025:
        continue
    wait_for(lambda: not children(agent.pid))
    agent.sock.sendall(message(1026, "exec", argv=["/bin/true"]))
    words = agent.last_words()
    check(agent.process.returncode == 1 and "1024 have ended" in words,
          "one more is refused loudly", words)
    agent.end()


run([loses_nothing, goes_on_without_a_keeper, does_what_was_whole,
     follows_a_link_whose_keepers_are_gone, gives_back_memory,
     refuses_wrong_words, refuses_other_descriptors,
     is_not_filled_by_who_never_forgets])
done()
