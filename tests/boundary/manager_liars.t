#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Gates and keepers that say anything in any order to the real manager: it
serves, and answers others, and keeps nothing of theirs."""
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from manager_stand import Stand  # noqa: E402
from liar import Liar  # noqa: E402
from stack import wait_for  # noqa: E402
from tap import check, done, equal, run  # noqa: E402

SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))
GATES = 6
KEEPERS = 12
FRAMES = 400


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def tell(sock, liar, frames):
    """Lie until that many lies are told or nobody listens."""
    sock.settimeout(5)
    for _ in range(frames):
        try:
            sock.sendall(liar.lie())
        except OSError:
            return


def gates_that_lie():
    with Stand(gate=True, gates=2) as stand:
        honest, other = stand.next_gate(), stand.next_gate()
        honest.serve()
        for i in range(GATES):
            other.serve()
            tell(other.sock, Liar(SEED + i, "control"), FRAMES)
            got = honest.ask("task.list")
            check("code" not in got, f"gate {i} lies, another is answered",
                  got)
            other.close()
            other = stand.next_gate()
        other.serve()
        check(stand.is_up(), "it serves", stand.log_text()[-2000:])
        for task in stand.ps():
            got = honest.ask("task.destroy", task=task["task"])
            check("code" not in got, "what they had made can be removed", got)
        equal(stand.ps(), [], "and nothing of it is left")
        honest.close()
        other.close()


def make(stand, name):
    asked = subprocess.Popen(
        [os.path.join(stand.bin, "sallyport"), "create", "--dir",
         stand.folder, "--name", name], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    keeper = stand.next_keeper()
    keeper.custody.expect("configure")
    keeper.custody.say(0, "state", configured=True, ready=False, running=0)
    keeper.custody.say(0, "ready", protocol=1, version="x")
    equal(asked.wait(timeout=20), 0, f"{name} is made")
    return keeper


def keepers_that_lie():
    with Stand(keeper=True, gates=1) as stand:
        stand.up.stdout.readline()
        honest = make(stand, "honest")
        before = descriptors(stand.up.pid)
        for i in range(KEEPERS):
            keeper = make(stand, f"liar{i}")
            liar = Liar(SEED + i, "custody", breaks=3,
                        names={b"t7kq2m9x": keeper.task.encode()})
            tell(keeper.custody.sock, liar, FRAMES)
            keeper.close()
        for i in range(KEEPERS):
            stand.admin("destroy", f"liar{i}")
        wait_for(lambda: len(stand.ps()) == 1,
                 why="a liar's task stays")
        check(stand.is_up(), "it serves")
        equal([(t["name"], t["state"]) for t in stand.ps()],
              [("honest", "ready")], "one that does not lie goes on")
        wait_for(lambda: descriptors(stand.up.pid) <= before,
                 why="descriptors are kept")
        check(True, "no descriptor of theirs is kept")
        honest.close()


print(f"# SEED={SEED}")
run([gates_that_lie, keepers_that_lie])
done()
