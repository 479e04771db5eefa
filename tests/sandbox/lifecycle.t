#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The life of a gateway and of its tasks: up, taken over, stopped, down; and
nothing left behind, also when a step half-way fails."""
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import stack as stack_module  # noqa: E402
from stack import BIN, Stack, wait_for  # noqa: E402
from tap import check, done, equal, run  # noqa: E402


def tasks(stack):
    return {task["name"]: task
            for task in json.loads(stack.admin("ps", "--json").stdout)}


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def mentions(word):
    """Processes, mounts of any namespace and cgroups that hold this word."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) == os.getpid() or not is_alive(pid):
            continue
        for name in ("cmdline", "mountinfo", "cgroup"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    if word.encode() in file.read():
                        found.append(f"{name} of {pid}")
            except OSError:
                continue
    for folder, _, _ in os.walk("/sys/fs/cgroup"):
        if word in folder:
            found.append(folder)
    return found


def mode(stack, name):
    return stat.S_IMODE(os.stat(os.path.join(stack.folder, name)).st_mode)


def up(stack, *words):
    return subprocess.run(
        [os.path.join(BIN, "sallyport"), "up", "--dir", stack.folder, *words],
        capture_output=True, text=True, timeout=60, check=False)


def beginning(stack):
    def the_folder_is_as_narrow_as_it_can_be():
        for name, wanted in (("", 0o711), ("host_ed25519", 0o600),
                             ("client_ed25519", 0o600),
                             ("authorized_keys", 0o600), ("run", 0o711),
                             ("run/gate", 0o711), ("run/admin.sock", 0o600),
                             ("run/gate/manager.sock", 0o600),
                             ("run/runc", 0o700), ("tasks", 0o711),
                             ("store.db", 0o600), ("store.db-wal", 0o600)):
            equal(oct(mode(stack, name)), oct(wanted), f"mode of DIR/{name}")

    def a_second_gateway_is_refused():
        second = up(stack)
        equal(second.returncode, 1, "a second up on the same folder fails")
        check("served already" in second.stderr and second.stdout == "",
              "and says why", second.stderr)

    def bad_arguments_are_refused():
        for words in (("--port", "x"), ("--port", "65536"), ("--fly",),
                      ("extra",)):
            got = up(stack, *words)
            equal(got.returncode, 2, f"up {' '.join(words)}")
            check(words[-1].lstrip("-") in got.stderr.splitlines()[0],
                  "and it says which", got.stderr)
        for verb in ("ps", "create", "down", "doctor"):
            got = stack.admin(verb, "extra", check=False)
            check(got.returncode == 2 and '"extra"' in got.stderr,
                  f"{verb} extra, by name", got.stderr)

    def every_verb_has_help():
        for verb in ("up", "down", "ps", "create", "destroy", "image",
                     "doctor"):
            for flag in ("--help", "-h"):
                got = stack.admin(verb, flag, check=False)
                check((got.returncode, got.stderr) == (0, "") and
                      got.stdout.startswith(f"usage: sallyport {verb} "),
                      f"{verb} {flag}", got)

    def ssh_says_that_a_name_is_no_task_s():
        got = stack.ssh("nosuch", "true")
        check(got.returncode == 255 and b"no_such_task@" in got.stderr,
              "ssh to a name that no task has", got.stderr)

    def images_that_cannot_be():
        for words, because in ((("import", "A", "/"), "[a-z0-9]"),
                               (("import", "a", "/nowhere"),
                                "/nowhere: No such file"),
                               (("remove", "a"), "no image a")):
            got = stack.admin("image", *words, check=False)
            check(got.returncode == 1 and because in got.stderr,
                  f"image {' '.join(words)} is refused", got.stderr)

    def a_configuration_is_checked():
        got = subprocess.run(
            [os.path.join(BIN, "sallyportd"), "-t", "--dir", stack.folder],
            capture_output=True, text=True, check=False)
        equal(got.returncode, 0, "-t passes")
        equal(json.loads(got.stdout)["port"], 0, "and prints what is in force")

    def creates_that_cannot_be():
        for words, because in ((("--name", "new"), "reserved"),
                               (("--name", "A"), "name"),
                               (("--profile", "none"), "no profile none"),
                               (("--image", "none"), "none")):
            got = stack.admin("create", *words, check=False)
            check(got.returncode == 1 and because in got.stderr,
                  f"create {' '.join(words)} is refused", got.stderr)
        equal(tasks(stack), {}, "and there is no task")

    return [the_folder_is_as_narrow_as_it_can_be, a_second_gateway_is_refused,
            bad_arguments_are_refused, every_verb_has_help,
            a_configuration_is_checked, creates_that_cannot_be,
            images_that_cannot_be, ssh_says_that_a_name_is_no_task_s]


def text(stack, task, command):
    return stack.ssh(task, command).stdout.decode().strip()


def taking_over(stack):
    def a_killed_manager_is_replaced():
        stack.create("stays")
        before = tasks(stack)["stays"]
        text(stack, "stays", "echo kept > /workspace/file")
        gates = set(stack.gates())
        keeper = stack.keeper(before["task"])
        port = stack.port
        stack.up.kill()
        stack.up.wait()
        stack.start()
        after = tasks(stack)["stays"]
        equal(stack.port, port, "the port is the same")
        equal({**after, "ttl_ms": 0}, {**before, "ttl_ms": 0},
              "the task is the same")
        equal(stack.keeper(before["task"]), keeper, "so is its keeper")
        check(all(is_alive(pid) for pid in gates), "the gates live on")
        equal(text(stack, "stays", "cat /workspace/file"), "kept",
              "and the task's files are there")
        stack.old_gates = gates

    def gates_of_the_manager_before_are_replaced_too():
        for pid in stack.old_gates:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: len(stack.gates()) == len(stack.old_gates))
        equal(text(stack, "stays", "echo here"), "here",
              "gates that were taken over are replaced when they end")

    def a_task_that_lost_its_keeper_meanwhile_is_removed():
        stack.create("orphan")
        orphan = tasks(stack)["orphan"]["task"]
        stack.up.kill()
        stack.up.wait()
        os.kill(stack.keeper(orphan), signal.SIGKILL)
        stack.start()
        wait_for(lambda: "orphan" not in tasks(stack))
        check("keeper lost" in stack.log_text(), "it says: keeper lost")
        equal(mentions(orphan), [], "and nothing of it remains")

    def a_removal_that_was_interrupted_is_completed():
        stack.create("going")
        going = tasks(stack)["going"]["task"]
        asked = subprocess.Popen(
            [os.path.join(BIN, "sallyport"), "destroy", "--dir",
             stack.folder, "going"], stderr=subprocess.DEVNULL)
        wait_for(lambda: tasks(stack).get("going", {}).get("state") !=
                 "ready")
        stack.up.kill()
        stack.up.wait()
        asked.wait(timeout=20)
        stack.start()
        wait_for(lambda: "going" not in tasks(stack))
        equal(mentions(going), [], "nothing of it remains")

    def a_create_that_was_interrupted_is_undone():
        asked = subprocess.Popen(
            [os.path.join(BIN, "sallyport"), "create", "--dir",
             stack.folder, "--name", "half"], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        half = wait_for(lambda: tasks(stack).get("half"))
        stack.up.kill()
        stack.up.wait()
        asked.wait(timeout=20)
        stack.start()
        if half["state"] == "provisioning":
            wait_for(lambda: tasks(stack).get("half", {"state": "ready"})
                     ["state"] == "ready")
        if "half" in tasks(stack):
            stack.destroy("half")
        equal(mentions(half["task"]), [], "nothing of it remains")

    def a_keeper_that_was_never_written_down_is_dismissed():
        stack.create("unwritten")
        task = tasks(stack)["unwritten"]["task"]
        keeper = stack.keeper(task)
        stack.up.kill()
        stack.up.wait()
        with sqlite3.connect(os.path.join(stack.folder, "store.db")) as store:
            store.execute("UPDATE task SET state = 'provisioning',"
                          " keeper_pid = 0 WHERE id = ?", (task,))
        stack.start()
        wait_for(lambda: "unwritten" not in tasks(stack))
        wait_for(lambda: not is_alive(keeper))
        equal(mentions(task), [], "a keeper its manager had just started "
              "goes with its task")

    return [a_killed_manager_is_replaced,
            a_keeper_that_was_never_written_down_is_dismissed,
            gates_of_the_manager_before_are_replaced_too,
            a_task_that_lost_its_keeper_meanwhile_is_removed,
            a_removal_that_was_interrupted_is_completed,
            a_create_that_was_interrupted_is_undone]


def losses(stack):
    def a_killed_keeper_is_replaced():
        stack.create("k")
        task = tasks(stack)["k"]["task"]
        killed = stack.keeper(task)
        with subprocess.Popen(
                stack.ssh_words("k", "seq 1 9; read go; seq 10 19; exit 7"),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                bufsize=0) as ssh:
            equal(ssh.stdout.readline(), b"1\n", "a command runs")
            os.kill(killed, signal.SIGKILL)
            wait_for(lambda: stack.keeper(task) not in (None, killed))
            rest = ssh.communicate(b"go\n", timeout=60)[0]
            equal((rest, ssh.returncode),
                  (b"".join(b"%d\n" % n for n in range(2, 20)), 7),
                  "its client gets every byte and its exit all the same")
        stack.destroy("k")
        equal(mentions(task), [], "and nothing of the task remains")

    def a_sandbox_that_dies_ends_its_task():
        stack.create("s")
        task = tasks(stack)["s"]["task"]
        procs = subprocess.run(
            ["pgrep", "-f", "/.sallyport/agent"], capture_output=True,
            text=True, check=False).stdout.split()
        mine = [pid for pid in procs if in_cgroup(pid, task)]
        check(mine, "its agent is found by its cgroup")
        for pid in mine:
            os.kill(int(pid), signal.SIGKILL)
        wait_for(lambda: "s" not in tasks(stack))
        check("the sandbox is gone" in stack.log_text(), "and it says why")
        equal(mentions(task), [], "nothing of it remains")

    def a_life_that_is_over():
        path = os.path.join(stack.folder, "profiles.d", "brief.json")
        with open(path, "w", encoding="ascii") as file:
            file.write('{"ttl_ms": 1500}')
        os.kill(stack.up.pid, signal.SIGHUP)
        wait_for(lambda: stack.admin(
            "create", "--name", "brief", "--profile", "brief",
            check=False).returncode == 0)
        check(tasks(stack)["brief"]["ttl_ms"] <= 1500, "it counts down")
        stack.up.kill()
        stack.up.wait()
        stack.start()
        wait_for(lambda: "brief" not in tasks(stack))
        check("time to live is over" in stack.log_text(),
              "a time to live holds across a restart")

    return [a_killed_keeper_is_replaced, a_sandbox_that_dies_ends_its_task,
            a_life_that_is_over]


def in_cgroup(pid, word):
    try:
        with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
            return word in file.read()
    except OSError:
        return False


def keys(stack):
    def a_key_that_is_added_may_log_in_at_once():
        key = os.path.join(stack.home.name, "key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                        key], check=True)
        path = os.path.join(stack.folder, "authorized_keys")
        words = ["ssh", "-F", stack.config, "-o", "BatchMode=yes", "-o",
                 "IdentityFile=none", "-i", key, "stays", "echo in"]
        with open(path, encoding="ascii") as file:
            old = file.read()
        with open(key + ".pub", encoding="ascii") as file:
            line = 'role="user",name="guest",tasks="stays" ' + file.read()
        options = {"capture_output": True, "check": False,
                   "stdin": subprocess.DEVNULL}
        config = os.path.join(stack.home.name, "config")
        with open(stack.config, encoding="ascii") as file:
            lines = [each for each in file if "IdentityFile" not in each]
        with open(config, "w", encoding="ascii") as file:
            file.writelines(lines)
        words[2] = config
        equal(subprocess.run(words, **options).returncode, 255,
              "an unknown key is refused")
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(old + line)
        os.rename(path + ".new", path)
        wait_for(lambda: subprocess.run(
            words, **options).stdout == b"in\n")
        check(True, "a key that was added is let in")
        with open(path, "w", encoding="ascii") as file:
            file.write(old)
        wait_for(lambda: subprocess.run(
            words, **options).returncode == 255)
        check(True, "a key that was removed is not")

    return [a_key_that_is_added_may_log_in_at_once]


def ending(stack):
    def a_stopped_manager_leaves_the_tasks():
        task = tasks(stack)["stays"]["task"]
        gates = stack.gates()
        stack.up.terminate()
        equal(stack.up.wait(timeout=30), 0, "it ends with 0 on SIGTERM")
        check(not any(is_alive(pid) for pid in gates), "its gates end with it")
        check(stack.keeper(task) is not None, "the keeper stays")
        check("sallyport down --dir" in stack.log_text(),
              "and it says how to end the tasks")
        stack.start()
        equal(text(stack, "stays", "cat /workspace/file"), "kept",
              "the next one takes over")

    def down_with_a_dead_manager():
        task = tasks(stack)["stays"]["task"]
        gates = stack.gates()
        stack.up.kill()
        stack.up.wait()
        got = stack.admin("down", check=False)
        equal(got.returncode, 0, "down works without a manager")
        equal(mentions(task), [], "nothing of the task remains")
        check(not any(is_alive(pid) for pid in gates), "nor of its gates")
        nothing_remains(stack)

    def down_with_a_living_one():
        stack.start()
        stack.create("one")
        stack.create("two")
        ids = [task["task"] for task in tasks(stack).values()]
        held = subprocess.Popen(
            stack.ssh_words("one", "sleep 1000"),
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = time.monotonic()
        got = stack.admin("down", check=False)
        equal((got.returncode, got.stderr), (0, ""), "down succeeds")
        took = time.monotonic() - before
        check(took < 20, f"in time ({took:.1f} s)")
        equal(stack.up.wait(timeout=1), 0, "the manager has ended, with 0")
        held.wait(timeout=20)
        for task in ids:
            equal(mentions(task), [], "nothing of a task remains")
        nothing_remains(stack)

    def down_again():
        equal(stack.admin("down", check=False).returncode, 0,
              "down is done when there is nothing to do")
        got = subprocess.run(
            [os.path.join(BIN, "sallyport"), "down", "--dir",
             stack.home.name], capture_output=True, text=True, check=False)
        check(got.returncode == 1 and "no gateway" in got.stderr,
              "but not where no gateway was", got.stderr)

    return [a_stopped_manager_leaves_the_tasks, down_with_a_dead_manager,
            down_with_a_living_one, down_again]


def nothing_remains(stack):
    equal(os.listdir(os.path.join(stack.folder, "tasks")), [],
          "no task's folder is left")
    left = [name for name in ("run/admin.sock", "run/gate/manager.sock",
                              "run/port", "run/tasks.conf")
            if os.path.exists(os.path.join(stack.folder, name))]
    equal(left, [], "no socket, no port, no names")
    equal(mentions(stack.folder), [], "no process, no mount")


# A program that takes the place of a real one, and how create then fails.
BROKEN = [
    ("sallyport-keeper", "#!/bin/sh\nexit 1\n", "a keeper that ends at once"),
    ("sallyport-keeper", None, "a keeper that is not there"),
    ("sallyport-launch",
     '#!/bin/sh\n[ "$1" != create ] && exec REAL/sallyport-launch "$@"\n'
     "exit 1\n", "a driver that fails"),
]


def other_users():
    def the_user_ids_are_the_configuration_s():
        ids = {"uid_gate": 1900000001, "uid_keeper_base": 1900100000,
               "uid_sandbox_base": 800000000}
        with Stack(config=ids) as stack:
            stack.create("u")
            task = tasks(stack)["u"]["task"]
            gate = owner(stack.gates()[0])
            equal(gate, ids["uid_gate"], "of the gates")
            equal(owner(stack.keeper(task)), ids["uid_keeper_base"],
                  "of the keepers")
            procs = subprocess.run(
                ["pgrep", "-f", "/.sallyport/agent"], capture_output=True,
                text=True, check=False).stdout.split()
            users = [owner(pid) - ids["uid_sandbox_base"] for pid in procs
                     if in_cgroup(pid, task)]
            check(users and 0 <= min(users) <= max(users) < 65536,
                  "of the sandboxes", users)
            gates = stack.gates()
            stack.up.kill()
            stack.up.wait()
            stack.start()
            equal(text(stack, "u", "echo x"), "x", "gates are taken over")
            check(all(is_alive(pid) for pid in gates), "all of them")

    return [the_user_ids_are_the_configuration_s]


def owner(pid):
    """The user id of a process (of its first thread)."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int([line for line in status
                    if line.startswith("Uid:")][0].split()[1])


def half_way():
    def a_create_that_fails_leaves_nothing():
        for program, instead, because in BROKEN:
            with Stack() as stack:
                ours = os.path.join(stack.home.name, "bin")
                break_program(stack, ours, program, instead)
                got = stack.admin("create", "--name", "x", check=False)
                check(got.returncode == 1 and got.stderr != "",
                      f"{because}: create fails", got)
                equal(tasks(stack), {}, f"{because}: no task")
                equal(os.listdir(os.path.join(stack.folder, "tasks")), [],
                      f"{because}: no folder")
                stack.admin("create", "--name", "x", check=False)
                check(stack.up.poll() is None,
                      f"{because}: the manager goes on")
                stack_module.BIN = BIN

    def a_removal_that_fails_is_tried_again():
        with Stack() as stack:
            ours = os.path.join(stack.home.name, "bin")
            break_program(stack, ours, "sallyport-launch",
                          "#!/bin/sh\nexit 1\n")
            got = stack.admin("create", "--name", "x", check=False)
            equal(got.returncode, 1, "without any driver create fails")
            equal(tasks(stack)["x"]["state"], "failed",
                  "what may be left of it stays visible")
            got = stack.admin("destroy", "x", check=False)
            equal(got.returncode, 1, "destroy says that it could not")
            got = stack.admin("down", check=False)
            check(got.returncode == 1 and "remains" in got.stderr,
                  "and so does down", got.stderr)
            check(stack.up.poll() is None, "which leaves the gateway up")
            shutil.copy(os.path.join(BIN, "sallyport-launch"), ours)
            wait_for(lambda: tasks(stack) == {}, 60)
            check(True, "when it can be removed, it is")
            stack_module.BIN = BIN

    def break_program(stack, ours, program, instead):
        """Serve the same folder again from a copy that is broken."""
        stack.up.terminate()
        stack.up.wait(timeout=30)
        shutil.copytree(BIN, ours)
        stack_module.BIN = ours
        stack.start()
        path = os.path.join(ours, program)
        os.unlink(path)
        if instead is not None:
            with open(path, "w", encoding="ascii") as file:
                file.write(instead.replace("REAL", BIN))
            os.chmod(path, 0o755)

    return [a_create_that_fails_leaves_nothing,
            a_removal_that_fails_is_tried_again]


def main():
    with Stack() as stack:
        run(beginning(stack) + taking_over(stack) + losses(stack) +
            keys(stack) + ending(stack))
    run(other_users() + half_way())
    done()


main()
