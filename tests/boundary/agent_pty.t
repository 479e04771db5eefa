#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Commands on a terminal: what they find there, and how it ends."""
import hashlib
import os
import random
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent_harness import *  # noqa: E402,F403

need_root()
agent = Agent()
MIB = 1 << 20
SANE = ("speed 38400 baud; ", "intr = ^C; quit = ^\\; erase = ^?; kill = ^U; "
        "eof = ^D; ", "susp = ^Z; ", " cs8 ", " icrnl ixon ", " iutf8 ",
        " opost ", " onlcr ", " isig icanon iexten echo echoe echok ",
        " echoctl echoke ")

# Leaves its terminal to a child in a session of its own, which writes on.
DESERTER = """
import fcntl, os, signal, termios, time
signal.signal(signal.SIGHUP, signal.SIG_IGN)
fcntl.ioctl(0, termios.TIOCNOTTY)
if os.fork():
    time.sleep(0.1)
    os.write(1, b"last words")
    os._exit(6)
os.setsid()
while True:
    try:
        os.write(1, b"x" * 100)
    except OSError:
        os._exit(0)
    time.sleep(0.001)
"""

# Waits for the signals that its parent's arguments name, and says so.
LISTENER = """
import os, signal, sys, time
def told(number, _):
    with open(sys.argv[1], "a") as out:
        out.write(signal.Signals(number).name + "\\n")
signal.signal(signal.SIGHUP, told)
signal.signal(signal.SIGCONT, told)
print("listening", flush=True)
while True:
    time.sleep(1000)
"""


def python(text, *words, **members):
    return agent.terminal("/usr/bin/python3", "-c", text, *words, **members)


def type_in(one, text):
    agent.feed(one, text if isinstance(text, bytes) else text.encode())


def until_out(one, text, who=None):
    (who or agent).until(lambda: text in one.out or one.ending)
    if text not in one.out:
        raise EOFError(f"ended without {text!r}: {bytes(one.out)!r}")


def shell(**members):
    """An interactive bash that has come to its prompt."""
    one = agent.start(argv=["/bin/bash", "--norc", "--noprofile", "-i"],
                      env={"PS1": "here> "},
                      pty={"rows": 24, "cols": 80, "term": "dumb"}, **members)
    until_out(one, b"here> ")
    return one


def at_prompt(one, text, wanted):
    """Type, and wait for what that prints and for the next prompt."""
    del one.out[:]
    type_in(one, text)
    agent.until(lambda: one.out.endswith(b"here> ") and b"\n" in one.out)
    check(re.search(wanted, one.out.decode()), f"at the prompt: {text!r}",
          bytes(one.out))


def files():
    return len(os.listdir(f"/proc/{agent.pid}/fd"))


def gives_a_terminal():
    for user in (None, str(USER), "ann"):
        members = {} if user is None else {"user": user}
        one = agent.terminal("tty; stty size; stty -a; echo $TERM $SSH_TTY; "
                             "stat -c '%u %g %a' $(tty); exit 3", rows=33,
                             cols=101, **members)
        agent.wait(one)
        text = one.out.decode().replace("\r\n", "\n")
        lines = text.splitlines()
        equal((one.words, one.ends, one.code, one.late),
              (["started", "exit"], [PTY], 3, 0), f"{user}: data, end, exit")
        check(re.fullmatch(r"/dev/pts/\d+", lines[0]), "tty", lines)
        equal(lines[1], "33 101", "its size")
        told = " ".join(text.split()) + " "
        missing = [mode for mode in SANE if mode not in told]
        equal(missing, [], "sane modes")
        equal(lines[-2], "xterm-256color " + lines[0], "TERM and SSH_TTY")
        uid = {None: 0, "ann": 2001}.get(user, USER)
        equal(lines[-1], f"{uid} 5 620", "its device is the user's")


def is_the_controlling_terminal():
    one = agent.wait(agent.terminal("/bin/cat", "/proc/self/stat"))
    _, _, group, session, device, foreground = \
        one.out.decode().rsplit(")", 1)[1].split()[:6]
    equal((group, session, foreground), (str(one.pid),) * 3,
          "session leader, in the foreground")
    check(int(device) >> 8 == 136, "of a pty", device)
    one = agent.wait(agent.terminal("/bin/ls", "-l", "/proc/self/fd"))
    words = [line.split() for line in one.out.decode().splitlines()[1:]]
    equal([word[8] for word in words], ["0", "1", "2", "3"],
          "descriptors 0, 1, 2 and what ls opened")
    equal(len({word[10] for word in words[:3]}), 1, "all the same terminal")
    one = agent.wait(agent.terminal("echo to it >/dev/tty"))
    equal(bytes(one.out), b"to it\r\n", "/dev/tty is it")


def knows_its_term():
    table = [({}, {}, "xterm-256color"), ({"term": "vt100"}, {}, "vt100"),
             ({}, {"TERM": "linux"}, "linux"),
             ({"term": "vt100"}, {"TERM": "linux"}, "vt100")]
    for given, env, wanted in table:
        one = agent.run(argv=["/bin/sh", "-c", "echo $TERM; env | grep -c "
                              "-e ^TERM= -e ^SSH_TTY=/dev/pts/"],
                        env=dict(env, SSH_TTY="none"),
                        pty=dict({"rows": 1, "cols": 1}, **given))
        equal(one.out.decode().split(), [wanted, "2"], f"{given} over {env}")


def changes_its_size():
    for rows, cols in ((1, 1), (500, 1000)):
        one = agent.wait(agent.terminal("stty size", rows=rows, cols=cols))
        equal(one.out.decode().split(), [str(rows), str(cols)],
              f"{rows} by {cols}")
    one = agent.terminal("trap 'stty size' WINCH; echo ready; "
                         "while :; do sleep 0.05; done")
    until_out(one, b"ready")
    agent.resize(one, 50, 132)
    until_out(one, b"50 132")
    agent.resize(one, 10, 20)
    until_out(one, b"10 20")
    check(True, "a window change is a SIGWINCH")
    agent.kill(one)
    agent.wait(one)
    wrong = 0
    for _ in range(20):
        one = agent.terminal("sleep 0.05; stty size", rows=5, cols=6)
        agent.resize(one, 7, 8)
        wrong += agent.wait(one).out != b"7 8\r\n"
    equal(wrong, 0, "a size that comes before it has started is not lost")
    agent.resize(one, 9, 9)
    equal(agent.run(argv=["/bin/true"]).code, 0, "one too late is nothing")


def knows_its_keys():
    for key, number in ((b"\3", "INT"), (b"\x1c", "QUIT")):
        one = agent.terminal("echo on; exec cat")
        until_out(one, b"on")
        type_in(one, key)
        agent.wait(one)
        equal((one.code, one.signal), (None, number), f"{key!r} is {number}")
    one = agent.terminal("/bin/cat")
    type_in(one, "ab\x7fc\r\4")
    agent.wait(one)
    equal((bytes(one.out), one.code), (b"ab\b \bc\r\nac\r\n", 0),
          "echo, erase, return and ^D; typed before it has started")
    equal(one.stdin_credit, WINDOW_STDIN, "all credit came back")


def controls_jobs():
    for members in ({}, {"user": "ann"}):
        one = shell(**members)
        at_prompt(one, "tty\r", r"/dev/pts/\d+\r\n")
        del one.out[:]
        # not before readline has given the terminal its modes back
        type_in(one, "echo o''n; cat\r")
        until_out(one, b"\non\r\n")
        type_in(one, "back and\r")
        until_out(one, b"back and\r\nback and\r\n")
        at_prompt(one, "\x1a", r"Stopped +(echo .*)?cat")
        at_prompt(one, "jobs\r", r"\[1\]\+ +Stopped +(echo .*)?cat")
        at_prompt(one, "bg\r", r"cat &")
        check(wait_for(lambda: child_is(one, "cat", "T")),
              "in the background it may not read")
        del one.out[:]
        type_in(one, "fg\r")
        until_out(one, b"cat\r\n")
        type_in(one, "forth\r")
        until_out(one, b"forth\r\nforth\r\n")
        at_prompt(one, "\3", r"\^C\r\n")
        at_prompt(one, "echo $?\r", r"\n130\r\n")
        at_prompt(one, "sleep 1000 &\r", r"\[1\] \d+")
        at_prompt(one, "kill %1; wait %1; echo $?\r", r"143\r\n")
        type_in(one, "exit 9\r")
        agent.wait(one)
        equal(one.code, 9, "and its exit")


def below(one):
    """The children of a command, by its number in the sandbox."""
    for subreaper in children(agent.pid):
        for command in children(subreaper):
            with open(f"/proc/{command}/status") as text:
                numbers = re.search(r"NSpid:(.*)", text.read())[1].split()
            if numbers[-1] == str(one.pid):
                return children(command)
    return []


def child_is(one, name, state):
    """Whether its first child is so called, and R, S, T, ..."""
    try:
        with open(f"/proc/{below(one)[0]}/stat") as text:
            words = text.read().split()
    except (IndexError, OSError):
        return False
    return words[1:3] == [f"({name})", state]


def signals_the_foreground():
    one = shell()
    for number, text in (("INT", b"here> "), ("TERM", b"Terminated")):
        del one.out[:]
        type_in(one, "sh -c 'echo o\"\"n; exec sleep 1000'\r")
        until_out(one, b"\non\r\n")
        del one.out[:]
        agent.signal(one, number)
        until_out(one, text)
        until_out(one, b"here> ")
        check(True, f"{number} ends what is in the foreground")
    at_prompt(one, "echo $?\r", r"143\r\n")
    agent.signal(one, "KILL")
    agent.wait(one)
    equal(one.signal, "KILL", "then the shell itself is")
    agent.signal(one, "INT")
    one = python("import fcntl, signal, termios, time\n"
                 "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
                 "fcntl.ioctl(0, termios.TIOCNOTTY)\n"
                 "print('alone', flush=True)\ntime.sleep(1000)")
    until_out(one, b"alone")
    agent.signal(one, "USR1")
    agent.wait(one)
    equal(one.signal, "USR1", "without one, the group that it began with")


def tells_modes_that_change_after_the_last_word():
    one = agent.terminal("printf 'Password:'; sleep 0.05; stty -echo; read x")
    until_out(one, b"Password:")
    agent.until(lambda: one.modes)
    equal([mode[1:] for mode in one.modes], [(False, True)],
          "the prompt first, the modes then")
    agent.send(frame(STDIN, one.number, b"\n"))
    agent.wait(one)


def tells_its_modes():
    one = agent.terminal("/bin/bash", "-c", "read -s -p 'Secret: ' x; echo; "
                         "read -p 'Name: ' y; echo $x$y")
    until_out(one, b"Secret: ")
    equal(one.modes, [(0, False, True)], "no echo, told before the prompt")
    type_in(one, "hidden\r")
    until_out(one, b"Name: ")
    equal([mode[1:] for mode in one.modes], [(False, True), (True, True)],
          "echo again")
    check(one.modes[1][0] <= one.out.index(b"Name: "), "before the next one",
          one.modes)
    type_in(one, "seen\r")
    agent.wait(one)
    equal(bytes(one.out), b"Secret: \r\nName: seen\r\nhiddenseen\r\n",
          "the secret was not echoed")
    one = python("import getpass; print(len(getpass.getpass('Word: ')))")
    until_out(one, b"Word: ")
    equal(one.modes[-1][1:], (False, True), "getpass")
    type_in(one, "12345\r")
    agent.wait(one)
    equal((bytes(one.out), one.modes[-1][1:]),
          (b"Word: \r\n5\r\n", (True, True)), "its end")
    one = python("import sys, time, tty, os\n"
                 "tty.setraw(0); open(sys.argv[1], 'w'); time.sleep(1000)",
                 FOLDER + "/raw")
    wait_for(lambda: os.path.exists(FOLDER + "/raw"))
    equal(one.modes, [], "what nobody could see is not told")
    before = one.stdin_credit
    agent.send(frame(STDIN, one.number, b"x"))
    agent.until(lambda: one.stdin_credit > before)
    equal(one.modes, [(0, False, False)],
          "before what is typed into it is credited")
    agent.kill(one)
    agent.wait(one)


def ends_its_stdin():
    for text, wanted in ((b"", b""), (b"abc", b"abcabc"),
                         (b"abc\r", b"abc\r\nabc\r\n"),
                         (b"abc\n", b"abc\r\nabc\r\n")):
        one = agent.terminal("/bin/cat")
        agent.send((frame(STDIN, one.number, text) if text else b"") +
                   frame(STDIN, one.number))
        agent.wait(one)
        equal((bytes(one.out), one.code), (wanted, 0),
              f"{text!r} and its end")
    one = agent.terminal("stty raw -echo; echo raw; head -c 1")
    until_out(one, b"raw")
    agent.close_stdin(one)
    agent.quiet(0.2)
    check(one.ending is None, "a raw terminal knows no end of stdin")
    agent.send(frame(STDIN, one.number, b"late"))
    agent.signal(one, "INT")
    agent.wait(one)
    equal((one.signal, one.stdin_credit), ("INT", WINDOW_STDIN + 4),
          "what comes behind it is nobody's")
    lines = b"".join(b"%063d\n" % i for i in range(4000))
    one = agent.terminal("stty -echo; echo on; sleep 0.3; sha256sum")
    until_out(one, b"on")
    agent.feed(one, lines)
    agent.close_stdin(one)
    agent.wait(one)
    check(hashlib.sha256(lines).hexdigest().encode() in one.out,
          "an end behind 250 KiB of lines", bytes(one.out))


def carries_bytes():
    data = random.Random(5).randbytes(10 * MIB)
    digest = hashlib.sha256(data).hexdigest()
    one = agent.terminal(f"stty raw -echo; echo on; head -c {len(data)} | "
                         "sha256sum")
    until_out(one, b"on")
    agent.feed(one, data)
    agent.wait(one)
    check(digest.encode() in one.out, "10 MiB typed", bytes(one.out))
    agent.until(lambda: one.stdin_credit == WINDOW_STDIN)
    path = os.path.join(FOLDER, "data")
    with open(path, "wb") as out:
        out.write(data)
    one = agent.wait(agent.terminal(f"stty raw -echo; exec cat {path}"))
    equal((len(one.out), hashlib.sha256(one.out).hexdigest()),
          (len(data), digest), "10 MiB shown")
    one = agent.terminal(f"stty raw -echo; printf o; exec head -c {4 * MIB}")
    until_out(one, b"o")
    agent.feed(one, data[:4 * MIB])
    agent.wait(one)
    check(one.out[1:] == data[:4 * MIB], "4 MiB there and back", len(one.out))


def obeys_credit():
    agent.crediting = False
    one = agent.terminal("yes & sleep 0.2; echo; exec yes")
    agent.until(lambda: len(one.out) >= WINDOW_PTY)
    agent.quiet(0.3)
    equal(len(one.out), WINDOW_PTY, "not a byte beyond the credit")
    equal(agent.run(argv=["/bin/true"]).code, 0, "nobody else is held up")
    agent.grant(one.number, 1)
    agent.until(lambda: len(one.out) > WINDOW_PTY)
    agent.quiet(0.1)
    equal(len(one.out), WINDOW_PTY + 1, "one byte of credit is one byte")
    agent.send(frame(STDIN, one.number, b"\3"))
    agent.quiet(0.5)
    check(one.ending is None, "its end waits for what it has said")
    agent.crediting = True
    agent.grant(one.number, WINDOW_PTY)
    agent.wait(one)
    equal((one.signal, one.ends, one.late), ("INT", [PTY], 0),
          "and comes when there is credit")
    agent.crediting = False
    one = agent.terminal("head -c 122880 /dev/zero; stty -opost; "
                         "head -c 14000 /dev/zero; echo bye")
    agent.until(lambda: len(one.out) >= WINDOW_PTY)
    agent.quiet(3)
    check(one.ending is None, "no exit while its last words wait for credit")
    agent.crediting = True
    agent.grant(one.number, WINDOW_PTY)
    agent.wait(one)
    check(one.out.endswith(b"bye\n"), "which arrive, however late",
          (len(one.out), bytes(one.out[-20:])))


def ends_exactly():
    for code in (0, 1, 127, 255):
        equal(agent.wait(agent.terminal(f"exit {code}")).code, code,
              f"code {code}")
    for number in ("KILL", "TERM", "SEGV"):
        equal(agent.wait(agent.terminal(f"kill -{number} $$")).signal, number,
              f"death by {number}")
    wrong = []
    for i in range(10):
        some = [agent.terminal(f"printf '%09999d' {i}; echo last; exit 7")
                for _ in range(20)]
        for one in some:
            agent.wait(one)
            if (len(one.out), one.code, one.ends, one.late,
                    one.out.endswith(b"last\r\n")) != (
                        10005, 7, [PTY], 0, True):
                wrong.append((len(one.out), one.ending, one.ends))
    equal(wrong, [], "200 times: all output, its end, exit")
    one = agent.run(argv=["/bin/nope"], pty={"rows": 24, "cols": 80})
    equal((one.reason, one.words, one.ends), ("not_found", ["refused"], []),
          "what is refused shows nothing")


def is_not_held_by_the_background():
    for holder in ("sleep 1000", "setsid sleep 1000",
                   "sh -c 'trap \"\" HUP; while :; do echo x; done'"):
        one = agent.terminal(f"{holder} & echo $!; exit 4")
        begun = time.monotonic()
        agent.wait(one)
        equal((one.code, one.ends), (4, [PTY]), f"ends beside {holder}")
        check(time.monotonic() - begun < 20, "... in time")
        agent.kill(one)
    one = agent.wait(python(DESERTER))
    check(one.code == 6 and b"last words" in one.out and one.ends == [PTY],
          "also where it had given its terminal away", one.ending)
    agent.kill(one)
    one = agent.terminal("exec </dev/null >/dev/null 2>&1; while [ ! -e "
                         f"{FOLDER}/closed ]; do sleep 0.02; done; exit 5")
    agent.until(lambda: one.ends)
    agent.feed(one, b"x" * WINDOW_STDIN)
    agent.until(lambda: one.stdin_credit == WINDOW_STDIN)
    check(one.ending is None, "who closes it is not hung up on")
    write("closed", "")
    equal((agent.wait(one).code, one.ends, one.late), (5, [PTY], 0),
          "and its exit comes")


def hangs_up():
    one = agent.terminal("/bin/sleep", "1000")
    agent.until(lambda: one.pid)
    agent.hangup(one)
    agent.wait(one)
    equal((one.signal, one.ends, one.late), ("HUP", [PTY], 0),
          "SIGHUP to the session leader")
    told = os.path.join(FOLDER, "told")
    one = shell()
    del one.out[:]
    type_in(one, f"python3 -c '{LISTENER}' {told}\r")
    until_out(one, b"\nlistening")
    agent.hangup(one)
    agent.wait(one)
    equal((one.signal, one.ends), ("HUP", [PTY]), "to an interactive shell")
    check(wait_for(lambda: os.path.exists(told) and
                   "SIGHUP" in open(told).read()),
          "and to what is in its foreground")
    agent.kill(one)
    one = shell()
    type_in(one, "sleep 1234\r")
    wait_for(lambda: child_is(one, "sleep", "S"))
    agent.hangup(one)
    agent.wait(one)
    check(wait_for(lambda: not children(agent.pid)),
          "a plain sleep goes with its shell", children(agent.pid))
    one = agent.terminal("trap '' HUP; echo on; while [ ! -e "
                         f"{FOLDER}/go ]; do sleep 0.02; done; exit 8")
    until_out(one, b"on")
    agent.hangup(one)
    agent.until(lambda: one.ends)
    agent.hangup(one)
    agent.send(frame(STDIN, one.number, b"x") +
               message(one.number, "resize", rows=3, cols=3))
    agent.quiet(0.2)
    check(one.ending is None, "who ignores it goes on")
    write("go", "")
    agent.wait(one)
    equal((one.code, one.stdin_credit), (8, WINDOW_STDIN + 1),
          "and ends as it likes")
    agent.hangup(one)
    equal(agent.run(argv=["/bin/true"]).code, 0, "one too late is nothing")
    wrong = []
    for _ in range(50):
        one = agent.terminal("/bin/sleep", "1000")
        agent.hangup(one)
        agent.wait(one)
        if (one.signal, one.words) != ("HUP", ["started", "exit"]):
            wrong.append(one.ending)
    equal(wrong, [], "one before it has started is done then")


def is_killed_when_full():
    one = agent.terminal("stty raw -echo; echo on; sleep 1000")
    until_out(one, b"on")
    agent.send(frame(STDIN, one.number, b"q" * DATA_MAX) * 4)
    agent.quiet(0.2)
    check(one.stdin_credit < WINDOW_STDIN + DATA_MAX,
          "what nobody reads gives no credit back", one.stdin_credit)
    agent.kill(one)
    agent.wait(one)
    equal(one.signal, "KILL", "and does not hold up a kill")


def leaves_none():
    wait_for(lambda: not children(agent.pid))
    before = files()
    some = [agent.terminal("echo on; exec cat", user=str(USER))
            for _ in range(100)]
    agent.until(lambda: all(b"on" in one.out for one in some))
    equal(len(set(os.listdir(f"/proc/{agent.pid}/root/dev/pts"))), 101,
          "a hundred terminals, and ptmx")
    for i, one in enumerate(some):
        agent.feed(one, b"%d\r" % i)
    agent.until(lambda: all(one.out.count(b"\n") == 3 for one in some))
    check(all(b"\r\n%d\r\n%d\r\n" % (i, i) in one.out
              for i, one in enumerate(some)), "each is its own")
    for i, one in enumerate(some):
        (agent.hangup, agent.kill, agent.close_stdin,
         lambda one: agent.feed(one, b"\3"))[i % 4](one)
    for one in some:
        agent.wait(one)
    equal([one.signal for one in some], ["HUP", "KILL", None, "INT"] * 25,
          "each ends as it was ended")
    check(wait_for(lambda: files() == before), "no master is left",
          (before, os.listdir(f"/proc/{agent.pid}/fd")))
    check(wait_for(lambda: os.listdir(f"/proc/{agent.pid}/root/dev/pts") ==
                   ["ptmx"]), "nor a terminal")


def refuses_without():
    fifo = os.path.join(FOLDER, "fifo")
    table = [("mount --bind /dev/null /dev/ptmx", "gives no terminal"),
             (f"mkfifo {fifo} && mount --bind {fifo} /dev/ptmx",
              "gives no terminal"),
             ("umount /dev/ptmx && umount /dev/pts && "
              "mount -t tmpfs tmpfs /dev/pts", "cannot open /dev/ptmx")]
    for setup, text in table:
        other = Agent(setup=setup)
        one = other.wait(other.terminal("true"))
        check(one.reason == "system" and text in one.ending["text"],
              f"{setup}: refused, and why", one.ending)
        equal(other.run(argv=["/bin/true"]).code, 0, "... others run")
        other.end()
    other = Agent(setup="mount -o remount,max=1 /dev/pts")
    one = other.terminal("/bin/sleep", "1000")
    other.until(lambda: one.words)
    two = other.wait(other.terminal("true"))
    equal((one.pid is None, two.reason), (False, "limit"),
          "one terminal more than there are")
    other.kill(one)
    other.wait(one)
    equal(other.wait(other.terminal("true")).code, 0, "then there is one")
    other.end()


def works_for_a_plain_user():
    other = Agent(alone=True, uid=USER)
    one = other.wait(other.terminal("test -t 0 && echo $SSH_TTY; exit 2",
                                    user=str(USER)))
    check(one.out.startswith(b"/dev/pts/") and one.code == 2,
          "an agent without rights gives terminals too", one.ending)
    one = other.wait(other.terminal("kill -9 $PPID; exit 5", user=str(USER)))
    check((one.code, one.signal) in ((5, None), (None, "KILL")) and
          one.words == ["started", "exit"] and one.ends == [PTY],
          "and tells the end of one whose subreaper was killed", one.ending)
    other.end()


run([gives_a_terminal, is_the_controlling_terminal, knows_its_term,
     changes_its_size, knows_its_keys, controls_jobs, signals_the_foreground,
     tells_its_modes, tells_modes_that_change_after_the_last_word,
     ends_its_stdin, carries_bytes, obeys_credit,
     ends_exactly, is_not_held_by_the_background, hangs_up,
     is_killed_when_full, leaves_none, refuses_without,
     works_for_a_plain_user])
done()
