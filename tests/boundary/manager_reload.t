#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""reload, SIGHUP, and gates that come and go, with gates of our own making."""
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from manager_stand import Stand, is_alive  # noqa: E402
from stack import wait_for  # noqa: E402
from tap import check, done, equal, run  # noqa: E402


def next_of(gate, kind):
    """The next message of this type; other news is skipped."""
    while True:
        _, _, message = gate.recv()
        if message["type"] == kind:
            return message


def configure(stand, **config):
    stand.write("config.json", json.dumps({"gates": 1, **config}))


def reloads(stand):
    def what_may_change_does():
        gate = stand.gate
        configure(stand, grace_ms=1234, task_pids=99)
        stand.write("profiles.d/small.json", '{"limits": {"pids": 9}}')
        done_ = stand.admin("reload")
        equal((done_.returncode, done_.stderr), (0, ""), "reload")
        equal(next_of(gate, "configure")["grace_ms"], 1234,
              "gates are configured again")
        check(next_of(gate, "keys")["last"], "and told the keys")
        gate.take_fd()
        for profile, pids in (("default", 99), ("small", 9)):
            stand.admin("create", "--name", profile, "--profile", profile)
            task, = [task for task in stand.ps() if task["name"] == profile]
            equal(task["limits"]["pids"], pids,
                  f"a task is made from the new {profile}")
            stand.admin("destroy", profile)

    def what_may_not_is_named():
        configure(stand, grace_ms=1234, port=7, runtime="crun",
                  uid_gate=70000)
        done_ = stand.admin("reload")
        equal(done_.returncode, 0, "what is fixed does not stop a reload")
        equal(done_.stderr, "sallyport: until the next start, port, "
              "uid_gate, runtime as before\n", "and is named")
        next_of(stand.gate, "keys")
        stand.gate.take_fd()

    def what_is_wrong_changes_nothing():
        with open(os.path.join(stand.folder, "authorized_keys"),
                  encoding="ascii") as file:
            keys = file.read()
        rows = (
            ("config.json", '{"gates": 1,\n"grace_ms": "soon"}',
             "config.json:2: "),
            ("config.json", '{"gates": 1,\n"colour": 1}', "config.json:2: "),
            ("profiles.d/bad.json", '{"image": "default",\n"limits": {"pids": 1}}',
             "bad.json: line 2: "),
            ("authorized_keys", keys + "# fine\nnonsense\n",
             "authorized_keys:3: "),
            ("authorized_keys", None, "authorized_keys is not there"),
        )
        for name, text, words in rows:
            path = os.path.join(stand.folder, name)
            before = None
            if os.path.exists(path):
                with open(path, encoding="ascii") as file:
                    before = file.read()
            configure(stand, grace_ms=4321)
            if text is None:
                os.unlink(path)
            else:
                stand.write(name, text)
            done_ = stand.admin("reload")
            check(done_.returncode == 1 and words in done_.stderr,
                  f"refused: {words}", done_)
            if before is None:
                os.unlink(path)
            else:
                stand.write(name, before)
        configure(stand, grace_ms=1234)
        stand.admin("reload")
        told = []
        while 1234 not in told:
            told.append(next_of(stand.gate, "configure")["grace_ms"])
        stand.gate.take_fd()
        equal(told, [1234], "and gates were told none of it")

    def a_signal_does_the_same():
        configure(stand, grace_ms=777)
        stand.up.send_signal(signal.SIGHUP)
        equal(next_of(stand.gate, "configure")["grace_ms"], 777, "SIGHUP")
        stand.gate.take_fd()
        stand.write("config.json", "{")
        stand.up.send_signal(signal.SIGHUP)
        wait_for(lambda: "everything stays as it was: " in stand.log_text())
        check("config.json:1: " in stand.log_text(), "what is wrong is "
              "logged")
        configure(stand)

    def more_gates_and_fewer():
        configure(stand, gates=3, drain_ms=600)
        stand.admin("reload")
        more = [stand.next_gate(), stand.next_gate()]
        for gate in more:
            gate.serve()
        check(True, "gates are added")
        configure(stand, gates=1, drain_ms=600)
        stand.admin("reload")
        gates = {gate.pid: gate for gate in more + [stand.gate]}
        told = [gate for gate in more if next_of(gate, "drain")]
        equal(len(told), 2, "those that are too many are told to drain")
        os.kill(told[0].pid, signal.SIGKILL)
        begun = time.monotonic()
        wait_for(lambda: not is_alive(told[1].pid))
        took = time.monotonic() - begun
        check(0.2 < took < 5, "and killed when their time is over", took)
        check(is_alive(stand.gate.pid), "the one that is wanted stays")
        for gate in more:
            gate.close()
        equal(len(gates), 3, "no other was started")

    return [what_may_change_does, what_may_not_is_named,
            what_is_wrong_changes_nothing, a_signal_does_the_same,
            more_gates_and_fewer]


def ends(stand):
    def a_gate_is_back_at_once():
        time.sleep(1.1)  # the life of one that is replaced at once
        begun = time.monotonic()
        os.kill(stand.gate.pid, signal.SIGKILL)
        stand.gate.close()
        stand.gate = stand.next_gate()
        took = time.monotonic() - begun
        print(f"# started again after {1000 * took:.0f} ms, by python")
        check(took < 1, "a gate that ends is started again at once", took)

    def one_that_ends_at_once_is_not():
        waits = []
        for _ in range(5):
            begun = time.monotonic()
            os.kill(stand.gate.pid, signal.SIGKILL)
            stand.gate.close()
            stand.gate = stand.next_gate()
            waits.append(time.monotonic() - begun)
        check(waits[-1] > 0.7 and waits[-1] > 2 * waits[1],
              "one that ends again and again waits longer and longer", waits)

    def a_stop_waits_for_drain_ms():
        stand.gate.serve()
        configure(stand, drain_ms=700)
        stand.admin("reload")
        begun = time.monotonic()
        stand.up.send_signal(signal.SIGTERM)
        next_of(stand.gate, "drain")
        stand.up.wait(timeout=30)
        took = time.monotonic() - begun
        check(0.6 < took < 5, "SIGTERM gives gates drain_ms", took)
        wait_for(lambda: not is_alive(stand.gate.pid))
        stand.gate.close()
        stand.up.stdout.close()
        configure(stand, drain_ms=60000)
        stand.start()
        stand.gate = stand.next_gate()
        stand.gate.serve()
        stand.up.stdout.readline()
        stand.up.send_signal(signal.SIGTERM)
        next_of(stand.gate, "drain")
        begun = time.monotonic()
        stand.up.send_signal(signal.SIGTERM)
        stand.up.wait(timeout=30)
        check(time.monotonic() - begun < 10, "a second one ends it now")
        stand.gate.close()

    return [a_gate_is_back_at_once, one_that_ends_at_once_is_not,
            a_stop_waits_for_drain_ms]


def main():
    with Stand(gate=True) as stand:
        stand.gate = stand.next_gate()
        stand.gate.serve()
        stand.up.stdout.readline()
        run(reloads(stand) + ends(stand))
    done()


main()
