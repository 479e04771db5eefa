#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How the agent starts commands and tells how they ended."""
import os
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent_harness import *  # noqa: E402,F403

need_root()
agent = Agent()

DEADLY = [number for number in range(1, 32) if number not in (
    signal.SIGCHLD, signal.SIGCONT, signal.SIGSTOP, signal.SIGTSTP,
    signal.SIGTTIN, signal.SIGTTOU, signal.SIGURG, signal.SIGWINCH)]


def name(number):
    return signal.Signals(number).name.removeprefix("SIG")


def says_hello_first():
    equal(agent.hello["type"], "hello", "the first word is hello")
    equal(agent.hello["protocol"], 1, "hello names the protocol")


def tells_every_code():
    for code in (0, 1, 2, 126, 127, 255):
        one = agent.sh(f"exit {code}")
        equal((one.code, one.signal, one.words, one.late),
              (code, None, ["started", "exit"], 0), f"code {code}")


def tells_every_signal():
    for number in DEADLY:
        one = agent.sh(f"kill -{number} $$")
        equal((one.code, one.signal), (None, name(number)),
              f"death by {name(number)}")


def tells_of_a_core():
    with open("/proc/sys/kernel/core_pattern") as text:
        pattern = text.read().strip()
    with tempfile.TemporaryDirectory(prefix="agent-core-") as folder:
        one = agent.sh("ulimit -c unlimited; kill -QUIT $$", cwd=folder)
        if pattern.startswith(("|", "/")):
            check(True, "the core flag # SKIP cores go to " + pattern)
        else:
            equal(one.ending.get("core", False), bool(os.listdir(folder)),
                  "the core flag is set when there is a core")


def tells_resources():
    one = agent.sh("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")
    used = one.ending["rusage"]
    check(used["user_ms"] + used["system_ms"] > 10 and
          used["max_rss"] > 100000, "resources are told", used)


def keeps_the_order():
    one = agent.sh("echo out; echo err >&2; exit 7")
    equal((bytes(one.out), bytes(one.err), sorted(one.ends), one.code,
           one.late), (b"out\n", b"err\n", [STDOUT, STDERR], 7, 0),
          "data, both ends, exit")


def refuses():
    folder = tempfile.mkdtemp(dir=FOLDER)
    os.chmod(folder, 0o755)
    plain = write("plain", "text")
    lost = write("lost", "#!/no/such/interpreter\n", 0o755)
    odd = write("odd", "neither a script nor a program\n", 0o755)
    secret = os.path.join(folder, "secret")
    os.mkdir(secret, 0o700)
    table = [
        ({"argv": ["/bin/nope"]}, "not_found", "/bin/nope"),
        ({"argv": ["no-such-program"]}, "not_found", "no-such-program"),
        ({"argv": ["/etc/passwd/x"]}, "not_found", "/etc/passwd/x"),
        ({"argv": [lost]}, "not_found", lost),
        ({"argv": [plain]}, "not_executable", plain),
        ({"argv": ["/tmp"]}, "not_executable", "/tmp is a directory"),
        ({"argv": [odd]}, "not_executable", odd),
        ({"argv": ["plain"], "env": {"PATH": "/nope:" + FOLDER}},
         "not_executable", plain),
        ({"argv": ["id"], "env": {"PATH": "/nope"}}, "not_found", "id"),
        ({"argv": ["id"], "user": "nobody-here"}, "no_user", "nobody-here"),
        ({"argv": ["id"], "user": "broken"}, "no_user", "broken"),
        ({"argv": ["id"], "user": "65535"}, "no_user", "65535"),
        ({"argv": ["id"], "user": "sly"}, "no_user", "65535"),
        ({"argv": ["id"], "user": "4294967295"}, "no_user", "4294967295"),
        ({"argv": ["id"], "user": "-1"}, "no_user", "-1"),
        ({"argv": ["id"], "user": "ann:nogroup-here"}, "no_user",
         "nogroup-here"),
        ({"argv": ["id"], "cwd": "/no/such"}, "bad_cwd", "/no/such"),
        ({"argv": ["id"], "cwd": "/etc/passwd"}, "bad_cwd", "/etc/passwd"),
        ({"argv": ["id"], "cwd": secret, "user": str(USER)}, "bad_cwd",
         secret),
        ({"argv": [secret + "/x"], "user": str(USER)}, "not_executable",
         secret + "/x"),
        ({"command": "true", "user": "cat"}, "not_found", "/no/such/shell"),
        ({"login": True, "user": "cat"}, "not_found", "/no/such/shell"),
        ({"argv": ["/bin/true"] + ["x" * 100000] * 2,
          "env": {"A": "y" * 30000}}, None, ""),
        ({"argv": ["/bin/\x7fnope\u00e9"]}, "not_found", "?nope\u00e9"),
    ]
    for members, reason, text in table:
        one = agent.run(**members)
        said = one.ending.get("text", "")
        check(one.reason == reason and text in said and one.late == 0 and
              not (reason and (one.pid or one.out or one.ends)),
              f"{reason} names {text[-30:]}", one.ending)


def runs_as_users():
    ids = "echo $(id -u) $(id -g) $(id -G)"
    table = [
        (None, "0 0 0"), ("root", "0 0 0"), ("0", "0 0 0"),
        (str(USER), f"{USER} {USER} {USER}"),
        ("12345:77", "12345 77 77"),
        ("12345:day", "12345 2012 2012"),
        ("ann", "2001 2002 2002 2010 2011"),
        ("2001", "2001 2002 2002 2010 2011"),
        ("ann:day", "2001 2012 2012"),
        ("ben", "2003 2003 2003 2010 2011"),
    ]
    for user, wanted in table:
        members = {} if user is None else {"user": user}
        one = agent.sh(ids, **members)
        equal(one.out.decode().strip(), wanted, f"user {user}")


def sets_the_environment():
    def env(**members):
        one = agent.run(argv=["/usr/bin/env"], **members)
        return sorted(one.out.decode().splitlines())

    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    equal(env(user="ann"), sorted([
        "HOME=/tmp", "LANG=C.UTF-8", "LOGNAME=ann", path, "SHELL=/bin/bash",
        "USER=ann"]), "a user's environment")
    equal(env(user=str(USER), env={"A": "1", "LANG": "C", "HOME": "/x"}),
          sorted(["A=1", "HOME=/x", "LANG=C", f"LOGNAME={USER}", path,
                  "SHELL=/bin/sh", f"USER={USER}"]),
          "what is given overrides")


def chooses_shell_and_folder():
    equal(agent.run(command="echo $0; pwd", user="ann").out,
          b"bash\n/tmp\n", "command: the user's shell, at home")
    equal(agent.run(command="echo $0; pwd", user="ben").out,
          b"sh\n/\n", "no shell, no home: /bin/sh in /")
    equal(agent.run(argv=["pwd"], cwd="/usr", user="ann").out, b"/usr\n",
          "cwd is obeyed")
    one = agent.start(login=True, user="ann", stdin="open")
    agent.feed(one, b"echo $0\nexit 5\n")
    agent.wait(one)
    equal((bytes(one.out), one.code), (b"-bash\n", 5), "a login shell")


def leaves_nothing_behind():
    one = agent.run(argv=["/bin/ls", "-l", "/proc/self/fd"])
    lines = one.out.decode().splitlines()[1:]
    equal([line.split()[8] for line in lines], ["0", "1", "2", "3"],
          "descriptors 0, 1, 2 and what ls opened")
    check("/dev/null" in lines[0], "stdin is closed: /dev/null", lines[0])
    status = dict(line.split(":\t", 1) for line in agent.run(
        argv=["/bin/cat", "/proc/self/status"]).out.decode().splitlines())
    for field in ("SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff",
                  "CapBnd", "CapAmb"):
        equal(int(status[field], 16), 0, f"{field} is empty")
    equal(status["NoNewPrivs"].strip(), "1", "no_new_privs")
    equal(agent.sh("umask; cat /proc/self/oom_score_adj").out,
          b"0022\n500\n", "umask and oom_score_adj")
    equal(agent.sh("cat /proc/self/oom_score_adj", user=str(USER)).out,
          b"500\n", "for another user too")
    one = agent.run(argv=["/bin/cat", "/proc/self/stat"])
    _, _, pid_group, session, terminal = \
        one.out.decode().rsplit(")", 1)[1].split()[:5]
    equal((pid_group, session, terminal),
          (str(one.pid), str(one.pid), "0"), "a session of its own")


def takes_stdin():
    one = agent.start(argv=["/bin/cat"], stdin="open")
    agent.feed(one, b"a\0b\xff")
    agent.until(lambda: bytes(one.out) == b"a\0b\xff")
    check(one.ending is None, "stdin stays open until its end")
    agent.close_stdin(one)
    agent.wait(one)
    equal((one.code, one.stdin_credit), (0, WINDOW_STDIN),
          "an empty frame is the end; all credit came back")
    equal(agent.run(argv=["/bin/cat"]).code, 0, "closed stdin ends at once")
    one = agent.start(argv=["/bin/sh", "-c", "exec <&-; sleep 0.2; echo x"],
                      stdin="open")
    agent.feed(one, b"z" * (2 << 20))
    agent.wait(one)
    equal(bytes(one.out), b"x\n", "stdin that nobody reads is swallowed")
    one = agent.start(argv=["/bin/sleep", "1000"], stdin="open")
    agent.send(frame(STDIN, one.number, b"q" * DATA_MAX) * 4)
    agent.quiet(0.1)
    agent.kill(one)
    agent.wait(one)
    equal(one.signal, "KILL", "a full stdin does not hold up a kill")


def leaves_no_zombie():
    # what earlier commands left is on its way out
    wait_for(lambda: not children(agent.pid))
    files = len(os.listdir(f"/proc/{agent.pid}/fd"))
    wrong = 0
    for _ in range(20):
        some = [agent.start(argv=["/bin/sh", "-c", f"echo {i}; exit {i}"])
                for i in range(50)]
        for code, one in enumerate(some):
            agent.wait(one)
            wrong += (one.code, bytes(one.out)) != (code, b"%d\n" % code)
    equal(wrong, 0, "1,000 commands, 50 at a time: code and output")
    check(wait_for(lambda: not children(agent.pid)),
          "no process is left", children(agent.pid))
    check(wait_for(
        lambda: len(os.listdir(f"/proc/{agent.pid}/fd")) == files),
        "no descriptor is left", os.listdir(f"/proc/{agent.pid}/fd"))


def ends_with_its_link():
    other = Agent(alone=True)
    one = other.start(argv=["/bin/sh", "-c", "setsid sleep 1234 & echo $!; "
                            "exec sleep 1234"])
    other.until(lambda: one.out.endswith(b"\n"))
    background = int(one.out)
    other.sock.shutdown(2)
    equal(other.process.wait(PATIENCE), 0, "the link's end is its end")
    check(wait_for(lambda: not os.path.exists(f"/proc/{background}") and
                   not os.path.exists(f"/proc/{one.pid}")),
          "without a pid namespace, too, it takes every process with it")


def holds_its_limit():
    crowd = Agent()
    some = [crowd.start(argv=["/bin/sleep", "1000"]) for _ in range(1024)]
    crowd.until(lambda: all(one.words for one in some), 120)
    running = sum(one.pid is not None for one in some)
    check(running == 1024 or all(
        one.reason == "limit" for one in some if one.pid is None),
        "1,024 commands at once", running)
    one = crowd.run(argv=["/bin/true"])
    equal(one.reason, "limit", "one more is refused")
    crowd.kill(some[0])
    crowd.wait(some[0])
    check(wait_for(lambda: crowd.run(argv=["/bin/true"]).code == 0),
          "and runs when another has ended")
    crowd.end()


run([says_hello_first, tells_every_code, tells_every_signal, tells_of_a_core,
     tells_resources, keeps_the_order, refuses, runs_as_users,
     sets_the_environment, chooses_shell_and_folder, leaves_nothing_behind,
     takes_stdin, leaves_no_zombie, ends_with_its_link, holds_its_limit])
done()
