#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Recordings as the manager has them: whose folder, who may list and replay,
what a keeper may plant there, for how long they stay."""
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from manager_stand import Stand, is_alive  # noqa: E402
from peers import CONTROL  # noqa: E402
from stack import wait_for  # noqa: E402
from tap import check, done, equal, run  # noqa: E402

UID_KEEPERS = 1879050000
UID_PLAYER = "1879048194"
DAY = 24 * 3600
LISTINGS_MAX = 32
RECORDINGS_MAX = 4096


class World:
    """A gate that serves, and tasks made through it."""

    def __init__(self, stand):
        self.stand = stand
        self.gate = stand.next_gate()
        self.gate.serve()
        self.keepers = []

    def create(self, name, principal="admin", **members):
        self.gate.request += 1
        request = self.gate.request
        self.gate.say(0, "task.create", request=request, principal=principal,
                      name=name, **members)
        keeper = self.stand.next_keeper()
        _, keeper.configured = keeper.custody.expect("configure")
        keeper.custody.say(0, "state", configured=True, ready=False,
                           running=0)
        keeper.custody.say(0, "ready", protocol=1, version="x")
        answer = self.gate.answer(request)
        assert "code" not in answer, answer
        self.keepers.append(keeper)
        return keeper

    def destroy(self, keeper):
        """The keeper does as it is told: it ends."""
        self.gate.request += 1
        request = self.gate.request
        self.gate.say(0, "task.destroy", request=request, principal="admin",
                      task=keeper.task)
        while keeper.custody.recv()[2]["type"] != "stop":
            pass
        os.kill(keeper.pid, 9)
        return self.gate.answer(request)

    def recordings(self, principal="admin", **members):
        """Ids and the rest of what is listed."""
        answer = self.gate.ask("recordings", principal=principal, **members)
        assert "code" not in answer, answer
        return [item["recording"] for item in answer["tasks"]]

    def replay(self, recording, principal="admin"):
        return self.gate.ask("replay", principal=principal, session="s1",
                             recording=recording)

    def close(self):
        self.gate.close()
        for keeper in self.keepers:
            keeper.close()


def record(keeper, number, text="x"):
    """What a keeper does: a file in the folder that it was given."""
    name = f"{keeper.task}-{number}"
    fd = os.open(name + ".cast", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600,
                 dir_fd=keeper.recordings)
    os.write(fd, text.encode())
    os.close(fd)
    return name


def folder_of(stand, keeper):
    return os.path.join(stand.folder, "recordings", keeper.task)


def main_cases(stand):
    def gates_are_told_the_detach_key():
        gate = stand.next_gate()
        while True:
            _, _, told = gate.recv()
            if told["type"] == "configure":
                break
        equal(told.get("detach_key"), "C-\\", "the default is C-\\")
        gate.close()

    def a_keeper_is_given_its_folder():
        world = stand.world = World(stand)
        stand.add_keys()
        keeper = stand.plain = world.create("plain")
        status = os.fstat(keeper.recordings)
        equal(os.readlink(f"/proc/self/fd/{keeper.recordings}"),
              folder_of(stand, keeper), "it is recordings/TASK")
        check(status.st_uid >= UID_KEEPERS and status.st_mode & 0o777 == 0o700,
              "and the keeper's alone", status)
        check("recording" not in keeper.configured,
              "where no profile says so, nothing is recorded")

    def a_profile_has_terminals_recorded():
        keeper = stand.taped = stand.world.create("taped", "robot",
                                                  profile="taped")
        equal(keeper.configured["recording"],
              {"format": "asciicast-v3", "input": True, "bytes": 1 << 20},
              "the keeper is told how")

    def who_may_read_a_task_sees_its_recordings():
        world = stand.world
        stand.one = record(stand.plain, 1, "12345")
        stand.two = record(stand.taped, 4)
        answer = world.gate.ask("recordings", task="plain")
        item = answer["tasks"][0]
        equal([item["recording"], item["task"], item["owner"], item["bytes"]],
              [stand.one, "plain", "admin", 5], "each is told whole")
        check(item["modified"].endswith("Z"), "with the time", item)
        both = {stand.one, stand.two}
        wait_for(lambda: world.recordings("robot") == [stand.two],
                 why="a brain sees those of its tasks")
        equal(set(world.recordings("watcher")), both, "an operator all")
        equal(set(world.recordings()), both, "and the admin")
        equal(world.recordings("someone"), [], "others none")
        equal(world.recordings("nobody"), [], "nor does one with no key")
        equal(world.recordings(task=stand.plain.task), [stand.one],
              "those of one task, by its id")
        equal(world.recordings(task="none"), [], "of none there are none")

    def the_local_admin_lists_them():
        text = stand.admin("recordings").stdout
        check(stand.one in text and stand.two in text, "sallyport recordings",
              text)
        text = stand.admin("recordings", "taped").stdout
        check(stand.one not in text and stand.two in text,
              "of one task, by its name", text)

    def the_newest_come_first():
        path = os.path.join(folder_of(stand, stand.plain),
                            stand.one + ".cast")
        os.utime(path, (time.time() + 60, time.time() + 60))
        equal(stand.world.recordings(), [stand.one, stand.two], "one by one")
        os.utime(path, (1000, 1000))
        equal(stand.world.recordings(), [stand.two, stand.one],
              "and the other way round")

    def a_replay_is_a_player_and_its_attachment():
        world = stand.world
        answer = world.replay(stand.one)
        equal(answer.get("code"), None, "it is answered")
        pid, words, fds = stand.players.next()
        equal(words, [UID_PLAYER, stand.one], "the player knows its name")
        equal([os.readlink(f"/proc/self/fd/{fds[0]}"), os.read(fds[0], 9)],
              [os.path.join(folder_of(stand, stand.plain),
                            stand.one + ".cast"), b"12345"],
              "it has the recording")
        player = socket.socket(fileno=fds[1])
        gate = socket.socket(fileno=os.dup(world.gate.fd))
        gate.sendall(b"hello")
        equal(player.recv(9), b"hello", "and the gate's other end")
        stand.player = pid
        player.close()
        gate.close()
        os.close(fds[0])

    def only_who_may_read_replays():
        world = stand.world
        for principal in ("someone", "nobody", "robot"):
            there = world.replay(stand.one, principal)
            absent = world.replay("nope-1", principal)
            equal([there.get("code"), there["text"]],
                  ["not_found", absent["text"].replace("nope-1", stand.one)],
                  f"{principal} is told that there is none")
        for recording in ("x", "../../config.json", "a/b-1",
                          stand.plain.task + "-2", stand.plain.task):
            equal(world.replay(recording).get("code"), "not_found",
                  f"{recording} is none")

    def what_a_keeper_plants_is_not_opened():
        world = stand.world
        keeper, at = stand.plain, stand.plain.recordings
        os.symlink("/etc/passwd", f"{keeper.task}-10.cast", dir_fd=at)
        os.mkfifo(f"{keeper.task}-11.cast", dir_fd=at)
        os.mkdir(f"{keeper.task}-12.cast", dir_fd=at)
        os.symlink(folder_of(stand, stand.taped),
                   f"{keeper.task}-13.cast", dir_fd=at)
        for number in (10, 11, 12, 13):
            equal(world.replay(f"{keeper.task}-{number}").get("code"),
                  "not_found", "neither link, pipe nor folder")
        equal(world.recordings(task="plain"), [stand.one], "nor listed")

    def a_list_has_the_newest_up_to_the_limit():
        world = stand.world
        more = range(100, 100 + RECORDINGS_MAX)
        for number in more:
            record(stand.taped, number)
        found = world.recordings()
        equal(len(found), RECORDINGS_MAX, "no more are told")
        check(stand.one not in found, "the oldest is not")
        for number in more:
            os.unlink(f"{stand.taped.task}-{number}.cast",
                      dir_fd=stand.taped.recordings)
        equal(world.recordings(), [stand.two, stand.one], "until there is room")

    def no_more_players_than_the_configuration_says():
        world = stand.world
        equal(world.replay(stand.one).get("code"), None, "a second one")
        second, _, fds = stand.players.next()
        for fd in fds:
            os.close(fd)
        answer = world.replay(stand.one)
        equal(answer.get("code"), "limit", "and no third")
        check("2 recordings" in answer["text"], "which names the limit",
              answer)
        os.kill(second, 9)
        wait_for(lambda: world.replay(stand.one).get("code") is None,
                 why="one that died makes room for another")
        third, _, fds = stand.players.next()
        for fd in fds:
            os.close(fd)
        check(not os.path.exists(f"/proc/{second}"), "and was waited for")
        for pid in (stand.player, third):
            os.kill(pid, 9)

    def no_more_lists_at_once_than_the_limit():
        gate = stand.world.gate
        body = b"".join(
            json_frame(type="recordings", request=1000 + i,
                       principal="nobody")
            for i in range(LISTINGS_MAX * 4))
        gate.sock.sendall(body)
        codes = []
        while len(codes) < LISTINGS_MAX * 4:
            _, _, told = gate.recv()
            if told["type"] == "answer":
                codes.append(told.get("code"))
        check("limit" in codes and codes.count(None) >= LISTINGS_MAX,
              "some are refused and the others made", codes)

    def one_that_asks_and_goes_hurts_nobody():
        world = stand.world
        world.gate.say(0, "recordings", request=1, principal="admin")
        world.gate.close()
        wait_for(lambda: not is_alive(world.gate.pid))
        equal(stand.admin("recordings").returncode, 0, "others are answered")
        world.gate = stand.next_gate()
        world.gate.serve()

    def the_audit_has_every_replay():
        def rows():
            path = "file:" + os.path.join(stand.folder, "store.db")
            store = sqlite3.connect(path + "?mode=ro", uri=True)
            found = store.execute(
                "SELECT principal, session, task, what FROM audit"
                " WHERE event = 'replay'").fetchall()
            store.close()
            return found
        wait_for(lambda: len(rows()) >= 3)
        equal(rows()[0], ("admin", "s1", stand.plain.task, stand.one),
              "who, where, what")

    def recordings_outlive_their_task():
        world = stand.world
        empty = world.create("empty")
        # the planted files are gone with a keeper that behaves
        for keeper in (stand.plain, stand.taped, empty):
            equal(world.destroy(keeper).get("code"), None,
                  "a task is destroyed")
        status = os.stat(folder_of(stand, stand.plain))
        equal([status.st_uid, status.st_mode & 0o777], [0, 0o700],
              "the folder is root's from now on")
        check(not os.path.exists(folder_of(stand, empty)),
              "one in which nothing is goes")
        equal(world.recordings("robot"), [stand.two],
              "they are listed as before")
        equal(world.recordings(task="plain"), [stand.one],
              "also by the name that the task had")
        answer = world.replay(stand.two, "robot")
        equal(answer.get("code"), None, "and replayed")
        pid, _, fds = stand.players.next()
        for fd in fds:
            os.close(fd)
        os.kill(pid, 9)

    def old_ones_are_removed_at_the_start():
        world = stand.world
        living = world.create("living")
        record(living, 1)
        for keeper, days in ((stand.plain, 31), (stand.taped, 29),
                             (living, 99)):
            when = time.time() - days * DAY
            os.utime(folder_of(stand, keeper), (when, when))
        os.mkdir(os.path.join(stand.folder, "recordings", "Not.Ours"))
        stand.stop()
        stand.start()
        wait_for(lambda: not os.path.exists(folder_of(stand, stand.plain)),
                 why=stand.log_text()[-800:])
        for keeper, what in ((stand.taped, "one that is young enough stays"),
                             (living, "and that of a task that lives")):
            check(os.path.exists(folder_of(stand, keeper)), what)
        check(os.path.exists(
            os.path.join(stand.folder, "recordings", "Not.Ours")),
              "and what is no task's")
        world.close()

    return [gates_are_told_the_detach_key, a_keeper_is_given_its_folder,
            a_profile_has_terminals_recorded,
            who_may_read_a_task_sees_its_recordings,
            the_local_admin_lists_them, the_newest_come_first,
            a_replay_is_a_player_and_its_attachment,
            only_who_may_read_replays, what_a_keeper_plants_is_not_opened,
            a_list_has_the_newest_up_to_the_limit,
            no_more_players_than_the_configuration_says,
            no_more_lists_at_once_than_the_limit,
            one_that_asks_and_goes_hurts_nobody, the_audit_has_every_replay,
            recordings_outlive_their_task, old_ones_are_removed_at_the_start]


def json_frame(**members):
    text = json.dumps(members).encode()
    return (len(text) + 5).to_bytes(4, "big") + bytes(
        [CONTROL]) + b"\0\0\0\0" + text


def kept_for_no_day(stand):
    def with_zero_days_they_go_with_the_task():
        world = World(stand)
        keeper = world.create("short")
        equal(keeper.configured.get("recording"), {"bytes": 1 << 20},
              "the configuration can have every task recorded")
        record(keeper, 1)
        world.destroy(keeper)
        check(not os.path.exists(folder_of(stand, keeper)),
              "recordings and all")
        equal(world.recordings(), [], "and none is listed")
        world.close()

    return [with_zero_days_they_go_with_the_task]


def no_detach_key(stand):
    def none_is_none():
        gate = stand.next_gate()
        _, _, told = gate.recv()
        equal([told["type"], told.get("detach_key")], ["configure", None],
              "gates are told of no key")
        gate.close()

    return [none_is_none]


def main():
    taped = {"recording": {"format": "asciicast-v3", "input": True,
                           "bytes": 1 << 20}}
    with Stand(gate=True, keeper=True, player=True, gates=2, replays=2,
               profiles={"taped": taped}) as stand:
        run(main_cases(stand))
    with Stand(gate=True, keeper=True, recordings_days=0,
               recording="asciicast-v2", recording_bytes=1 << 20) as stand:
        run(kept_for_no_day(stand))
    with Stand(gate=True, detach_key="none") as stand:
        run(no_detach_key(stand))
    done()


main()
