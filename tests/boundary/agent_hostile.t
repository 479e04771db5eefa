#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A lying keeper on one side of the agent, hostile commands on the other."""
import json
import os
import random
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent_harness import *  # noqa: E402,F403

need_root()


def control(stream, text):
    return frame(CONTROL, stream, text.encode())


TRUE = message(1, "exec", argv=["/bin/true"])
SLEEP = message(1, "exec", argv=["/bin/sleep", "1000"], stdin="open")
SHOWN = message(1, "exec", argv=["/bin/sleep", "1000"],
                pty={"rows": 24, "cols": 80})

# What a keeper may never say: bytes, and a word of the agent's answer.
LIES = [
    (b"\0\0\0\0\1\0\0\0\1", ""),
    (b"\0\0\0\4\1\0\0\0\1", ""),
    (b"\xff\xff\xff\xff\1\0\0\0\1", ""),
    (struct.pack(">IBI", 5 + (256 << 10) + 1, CONTROL, 1), ""),
    (struct.pack(">IBI", 5 + DATA_MAX + 1, STDIN, 1), ""),
    (frame(0, 1), ""),
    (frame(7, 1), ""),
    (frame(WINDOW, 1, b"\0\0\0"), ""),
    (frame(WINDOW, 1, b"\0\0\0\0\1"), ""),
    (frame(CONTROL, 1), ""),
    (control(1, "{"), ""),
    (control(1, "[]"), ""),
    (control(1, '{"type":"exec","argv":["x"]}x'), ""),
    (control(1, '{"type":"exec","argv":["x"],"argv":["y"]}'), "argv"),
    (control(1, '{"type":"exec"}'), ""),
    (control(1, '{"type":"exec","argv":[]}'), "argv"),
    (control(1, '{"type":"exec","argv":[""]}'), "argv"),
    (control(1, '{"type":"exec","argv":["a\\u0000b"]}'), "argv"),
    (control(1, '{"type":"exec","argv":["x"],"command":"x"}'), "command"),
    (control(1, '{"type":"exec","argv":["x"],"nonsense":1}'), "nonsense"),
    (control(1, '{"type":"exec","argv":"x"}'), "argv"),
    (control(1, '{"type":"exec","argv":["x"],"env":{"A=B":"c"}}'), "env"),
    (control(1, '{"type":"nonsense"}'), "nonsense"),
    (control(1, '{"argv":["x"]}'), "type"),
    (control(0, '{"type":"hello","protocol":1,"version":"x"}'), "hello"),
    (control(1, '{"type":"exit","code":0}'), "exit"),
    (control(1, '{"type":"started","pid":1}'), "started"),
    (frame(STDOUT, 1, b"x"), "stdout"),
    (frame(STDERR, 1, b"x"), "stderr"),
    (frame(PTY, 1, b"x"), "pty"),
    (frame(STDIN, 1, b"x"), "exec 1"),
    (frame(STDIN, 0, b"x"), "exec 0"),
    (frame(WINDOW, 9, b"\0\0\0\1"), "exec 9"),
    (message(1, "kill"), "exec 1"),
    (message(1, "signal", signal="TERM"), "exec 1"),
    (message(0, "exec", argv=["x"]), "exec 0"),
    (TRUE + TRUE, "exec 1 after exec 1"),
    (message(7, "exec", argv=["x"]) + message(6, "exec", argv=["x"]),
     "exec 6 after exec 7"),
    (SLEEP + message(1, "signal", signal="NONSENSE"), "NONSENSE"),
    (SLEEP + message(1, "signal", signal=""), "signal"),
    (SLEEP + frame(STDIN, 1, b"x" * DATA_MAX) * 40, "stdin"),
    (SLEEP + frame(WINDOW, 1, b"\xff\xff\xff\xff"), "credit"),
    (message(1, "resize", rows=24, cols=80), "exec 1"),
    (message(1, "hangup"), "exec 1"),
    (SLEEP + message(1, "resize", rows=24, cols=80), "no terminal"),
    (SLEEP + message(1, "hangup"), "no terminal"),
    (SLEEP + message(1, "hangup", rows=24), "rows"),
    (control(1, '{"type":"terminal","echo":true,"canonical":true}'),
     "terminal"),
    (message(1, "exec", argv=["x"], pty={"rows": 24}), "cols"),
    (message(1, "exec", argv=["x"], pty={"rows": 24, "cols": 80, "term": ""}),
     "term"),
]
LIES += [
    (message(1, "exec", argv=["x"], pty={"rows": rows, "cols": cols}), name)
    for rows, cols, name in ((0, 80, "rows"), (501, 80, "rows"),
                             (24, 0, "cols"), (24, 1001, "cols"),
                             (24, -1, "cols"), (2.5, 80, "rows"))
]
LIES += [
    (SHOWN + message(1, "resize", rows=rows, cols=cols), name)
    for rows, cols, name in ((0, 80, "rows"), (501, 80, "rows"),
                             (24, 0, "cols"), (24, 65537, "cols"))
]


def lie(data):
    """How the agent went: its status and last words."""
    agent = Agent()
    agent.execs = {number: Exec(number) for number in range(16)}
    try:
        agent.send(data)
        agent.until(lambda: agent.ended)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    words = agent.last_words()
    agent.end()
    return agent.process.returncode, words


def ends_at_a_lie():
    for data, word in LIES:
        status, words = lie(data)
        check(status == 1 and words.startswith("sallyport-agent: ") and
              word in words and words.count("\n") == 1,
              f"ends at {data[:60]!r}", (status, words))


def forgives_what_crossed():
    agent = Agent()
    one = agent.run(argv=["/bin/true"])
    agent.send(frame(STDIN, one.number, b"late") + frame(STDIN, one.number) +
               frame(WINDOW, one.number, b"\0\0\0\5") +
               message(one.number, "signal", signal="TERM") +
               message(one.number, "resize", rows=24, cols=80) +
               message(one.number, "hangup") + message(one.number, "kill"))
    equal(agent.run(argv=["/bin/true"]).code, 0,
          "words that crossed with an exit are passed over")
    equal(one.late, 0, "and not answered")
    one = agent.start(argv=["/bin/cat"])
    agent.send(frame(STDIN, one.number, b"x" * DATA_MAX) * 4)
    agent.wait(one)
    one = agent.start(argv=["/bin/cat"], stdin="open")
    agent.send(frame(STDIN, one.number) * 2)
    agent.wait(one)
    equal(one.code, 0, "a second end of stdin is none")
    for _ in range(2000):
        agent.send(message(agent.run(argv=["/bin/nope"]).number, "kill"))
    equal(agent.run(argv=["/bin/true"]).code, 0, "2,000 refusals")
    agent.end()


def takes_the_end_anywhere():
    for cut in (1, 4, 8, 9, 20, len(TRUE) - 1):
        agent = Agent()
        agent.send(TRUE[:cut])
        agent.sock.shutdown(1)
        equal(agent.process.wait(PATIENCE), 0, f"ends after {cut} bytes")
        agent.end()


def survives_noise():
    noise = random.Random(1)
    bad = []
    for seed in range(60):
        data = bytearray(SLEEP + frame(STDIN, 1, b"abc") +
                         message(1, "signal", signal="HUP"))
        for _ in range(noise.randrange(1, 4)):
            data[noise.randrange(len(data))] = noise.randrange(256)
        agent = Agent()
        agent.execs = {}
        try:
            agent.sock.sendall(data)
            agent.sock.shutdown(1)
        except OSError:
            pass
        status = agent.process.wait(PATIENCE)
        agent.end()
        # unshare passes on a death by signal
        if status not in (0, 1):
            bad.append((seed, status, bytes(data)))
    equal(bad, [], "60 damaged conversations end it in order")


def root_cannot_touch_it():
    agent = Agent()
    other = agent.start(argv=["/bin/sleep", "1000"], user=str(USER))
    agent.until(lambda: other.pid)
    one = agent.sh("kill -9 $PPID; kill -STOP $PPID; kill -9 1; kill -TERM 1; "
                   "kill -STOP 1; cat /proc/1/environ /proc/$PPID/environ; "
                   "exit 5")
    equal((one.code, one.err.decode().count("ermitted"),
           one.err.decode().count("denied")), (5, 5, 2),
          "uid 0 may not signal or read the agent or a subreaper")
    one = agent.sh("python3 -c 'import ctypes, sys\n"
                   "libc = ctypes.CDLL(None)\n"
                   "for pid in 1, int(sys.argv[1]):\n"
                   "    print(libc.ptrace(16, pid, 0, 0))\n"
                   "    try:\n"
                   "        open(\"/proc/%d/mem\" % pid)\n"
                   "    except OSError as why:\n"
                   "        print(why.errno)' $PPID; exit 0")
    check(one.out.split() == [b"-1", b"13"] * 2, "nor trace them",
          bytes(one.out))
    one = agent.sh("kill -9 -1; exit 6")
    equal(one.code, 6, "kill -9 -1 hits nobody's subreaper")
    agent.quiet(0.1)
    check(other.ending is None, "... nor another user's command")
    agent.kill(other)
    agent.wait(other)
    agent.end()


def rewrites_of_etc_harm_nobody():
    agent = Agent()
    one = agent.sh("umount /etc/passwd; echo $?")
    check(one.out.strip() != b"0", "a command cannot unmount", bytes(one.out))
    passwd = os.path.join(FOLDER, "passwd")
    for text in ("", "\0" * 5000, ":" * 5000, "root\n" * 1000,
                 "root:x:0:0:root:relative:also\n",
                 "root:x:00000000000:0::/:/bin/sh\n",
                 "root:x:4294967295:0::/:/bin/sh\n"):
        with open(passwd, "w") as out:
            out.write(text)
        one = agent.run(command="echo $HOME")
        equal((bytes(one.out), one.code), (b"/\n", 0),
              f"uid 0 of a broken passwd: {text[:30]!r}")
        equal(agent.run(command="true", user="root").reason if "root:" not in
              text or "0000" in text or "4294" in text else "no_user",
              "no_user", "... has no root by name")
    with open(passwd, "w") as out:
        out.truncate(5 << 20)
    equal(agent.run(command="true").reason, "system", "one of 5 MiB")
    write("passwd", PASSWD)
    agent.end()


def plain(**members):
    agent = Agent(alone=True, uid=USER)
    one = agent.start(**members)
    return agent, one


def a_plain_user_runs_its_own():
    agent, one = plain(command="id -u; id -g; exit 3", user=str(USER))
    agent.wait(one)
    equal((bytes(one.out), one.code), (b"12345\n12345\n", 3),
          "without rights, commands of its own user run")
    one = agent.run(command="true", user="1")
    equal(one.reason, "system", "and no others")
    check("Operation not permitted" in one.ending["text"], "... and says why",
          one.ending)
    agent.end()


def a_killed_subreaper_hides_nothing():
    agent, one = plain(
        argv=["/bin/sh", "-c", "setsid sleep 1000 & echo x; "
              "kill -9 $PPID; exec sleep 1000"], user=str(USER))
    agent.wait(one)
    equal((bytes(one.out), one.code, one.signal), (b"x\n", None, "KILL"),
          "the command is killed with its subreaper, and that is told")
    check(wait_for(lambda: not children(agent.pid)),
          "nothing of it is left", children(agent.pid))
    wrong = []
    for _ in range(200):
        # before the subreaper itself could tell of its start, or after
        one = agent.run(argv=["/bin/sh", "-c", "kill -9 $PPID; exit 5"],
                        user=str(USER))
        if ((one.code, one.signal) not in ((5, None), (None, "KILL")) or
                one.words != ["started", "exit"]):
            wrong.append(one.ending)
    equal(wrong, [], "200 times it is reported as it really ended")
    other = agent.start(argv=["/bin/sleep", "1000"], user=str(USER))
    agent.until(lambda: other.pid)
    one = agent.run(argv=["/bin/sh", "-c", "kill -9 $PPID; sleep 1000"],
                    user=str(USER))
    agent.quiet(0.2)
    check(other.ending is None, "another command goes on")
    agent.kill(other)
    agent.wait(other)
    agent.end()


def a_stopped_subreaper_holds_nothing():
    stop = "kill -STOP $PPID; echo x; exec sleep 1000"
    agent, one = plain(argv=["/bin/sh", "-c", "read go; " + stop],
                       user=str(USER), stdin="open")
    agent.until(lambda: one.pid)
    agent.feed(one, b"go\n")
    agent.until(lambda: one.out == b"x\n")
    # and some that stop it before it could tell that they were started
    some = [one] + [agent.start(argv=["/bin/sh", "-c", stop], user=str(USER))
                    for _ in range(20)]
    for one in some:
        agent.kill(one)
    begun = time.monotonic()
    for one in some:
        agent.wait(one)
    equal([(one.words, one.signal) for one in some],
          [(["started", "exit"], "KILL")] * 21,
          "a kill works although the subreaper is stopped")
    check(time.monotonic() - begun < 10, "... in time")
    agent.end()


run([ends_at_a_lie, forgives_what_crossed, takes_the_end_anywhere,
     survives_noise, root_cannot_touch_it, rewrites_of_etc_harm_nobody,
     a_plain_user_runs_its_own, a_killed_subreaper_hides_nothing,
     a_stopped_subreaper_holds_nothing])
done()
