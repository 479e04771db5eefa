#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Recordings of every kind, and gates that lie, against the real player: a
person sees what was recorded, painted, and no byte of it as it was."""
import os
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import CONTROL, SECONDS, STDIN, WINDOW  # noqa: E402
from player_harness import NAME, UID, Player, cast  # noqa: E402
from stack import wait_for  # noqa: E402
from tap import check, done, equal, run  # noqa: E402

HOUR = 3600.0
LAST = 23  # the status line of 24 rows

# What a terminal must never be told by a sandbox.
HOSTILE = [
    "\x1b]0;title\x07", "\x1b]52;c;aGVsbG8=\x07", "\x1b]52;c;?\x07",
    "\x1b[21t", "\x1b[c", "\x1b[6n", "\x1b[5n", "\x1b[>q", "\x1b[?1$p",
    "\x1bP$qm\x1b\\", "\x1bP+q544e\x1b\\", "\x1bP1000p", "\x1b]1337;x\x07",
    "\x1b_Gq=1\x1b\\", "\x1b]8;;file:///etc/passwd\x07link\x1b]8;;\x07",
    "\x1b]777;notify;a;b\x07", "\x1b[?1000h\x1b[?1006h\x1b[?2004h",
    "\x1b[?1003h\x1b[?1004h", "\x1b[5i", "\x1bc", "\x1b[!p", "\x1b[2 q",
    "\u009b31m", "\u0090q\u009c", "\u202e\u2066\u200b\U000e0041",
    "\x1bk name\x1b\\", "\x00\x05\x07\x08\x0e\x0f\x7f", "\x1b[99999999b",
    "\x1b[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19m", "\x1b#8",
    "\x1b[?3h", "\x1b[20h", "\x1b[?5h", "\x1b[8m hidden \x1b[m",
]


def a_recording_is_played():
    for version in (2, 3):
        with Player(cast([0.01, "o", "hello\r\n"], [0.02, "i", "typed"],
                         [0.03, "m", "here"], [0.04, "o", "\x1b[31mred"],
                         version=version)) as player:
            told = player.attach()
            equal([told["exec"], told["pty"], told["running"]],
                  [NAME, True, False], f"v{version}: attached is answered")
            exit_ = player.to_the_end()
            equal([player.row(0), player.row(1)], ["hello", "red"],
                  "and what was written is seen")
            check(NAME in player.row(LAST) and "the end" in player.row(LAST),
                  "with a status line", player.row(LAST))
            equal([exit_.get("code"), exit_["reason"]], [0, "exited"],
                  "it exits with 0")
            equal(player.picture.modes["1049"], False,
                  "after it left its own screen")
            equal(player.picture.faults, [], "all of it in the safe grammar")
            check(player.gate.closes() and player.status() == 0,
                  "and it ends", player.says())


def a_slow_recording_can_be_played_fast():
    with Player(cast([100, "o", "late"])) as player:
        player.attach()
        player.say("play", speed=100)
        before = time.monotonic()
        player.to_the_end()
        took = time.monotonic() - before
        equal(player.row(0), "late", "100 s at 100 times the speed")
        check(took >= 1, "take a second, and not none", took)


def long_pauses_are_cut():
    with Player(cast([HOUR, "o", "one"], [3 * HOUR, "o", " two"])) as player:
        player.attach()
        player.say("play", idle_ms=100)
        player.to_the_end()
        equal(player.row(0), "one two", "three hours with pauses of 100 ms")
        check("3:00:00" in player.row(LAST), "the status line has its time",
              player.row(LAST))


def it_stands_still_and_goes_on():
    with Player(cast([0.2, "o", "before"], [0.4, "o", " after"])) as player:
        player.attach()
        player.say("play", paused=True)
        player.see("paused")
        equal(player.row(0), "", "nothing comes while it is paused")
        player.say("play", speed=0.5)
        player.see("x0.5")
        player.to_the_end()
        equal(player.row(0), "before after", "and then all of it")


def it_resizes_with_the_recording_and_with_its_reader():
    with Player(cast([0, "o", "a" * 30], [0.1, "r", "20x5"],
                     [0.2, "o", "\r\n\x1b[5;20H@"], [HOUR, "o", ""],
                     rows=10, cols=40)) as player:
        player.attach()
        player.see("@")
        equal(player.row(4)[:20], " " * 19 + "@", "the recording's size")
        player.say("resize", rows=12, cols=30)
        equal(player.take()["type"], "taken", "the reader's is taken")
        player.see(NAME, 12)
        check(all(c < 30 and r < 12 for r, c in player.picture.cells),
              "and nothing is painted outside")
        equal(player.picture.row(11)[:len(NAME)], NAME, "status line below")


def what_is_hostile_is_painted_or_gone():
    events = [[i / 100, "o", text + "."] for i, text in enumerate(HOSTILE)]
    with Player(cast(*events)) as player:
        player.attach()
        equal(player.to_the_end().get("code"), 0, "it is played to its end")
        equal(player.picture.faults, [], "and no byte is outside the grammar")
        check(set(player.picture.modes) <= {"25", "1049", "2026", "7"},
              "nor a mode", player.picture.modes)


def a_truncated_recording_ends_where_it_ends():
    whole = cast([0, "o", "one"], [0.01, "o", "two"])
    for cut in (1, 3, 12, 18):
        with Player(whole[:-cut]) as player:
            player.attach()
            equal(player.to_the_end().get("code"), 0, f"{cut} bytes short: 0")
            equal(player.row(0), "one", "with what is there")


def a_damaged_one_says_so():
    for line, because in ((b"nothing\n", "no event"),
                          (b'[1,"o","' + b"x" * (5 << 20) + b'"]\n',
                           "a line of 5 MiB"),
                          (b'[0.1,"r","0x0"]\n', "a size of none"),
                          (b'[1e308,"o","x"]\n', "a time without end")):
        with Player(cast([0, "o", "one"]) + line +
                    b'[0.2,"o","two"]\n') as player:
            player.attach()
            player.see("line 3")
            check(NAME in player.row(LAST), f"{because}: the line is named")
            equal(player.to_the_end().get("code"), 1, "and it exits with 1")
            equal(player.row(0), "one", "after what was good")
            check("line 3" in player.says(), "the log has it", player.says())


def what_is_no_recording_is_refused():
    for text in (b"", b"\n", b"hello\n", b"{}\n", b"\x00" * 4096,
                 b"x" * (5 << 20), cast()[:-1]):
        with Player(text) as player:
            player.say("attach", view={"kind": "watch", "rows": 24,
                                       "cols": 80})
            told = player.take()
            check(told["type"] == "refused" and told["code"] in
                  ("invalid", "limit") and NAME in told["text"],
                  f"{text[:8]!r}: refused", told)
            check(player.gate.closes(), "and it ends")


def only_watching_is_possible():
    with Player(cast([0, "o", "x"], [HOUR, "o", "y"])) as player:
        view = {"rows": 24, "cols": 80}
        refused = [("attach", {}),
                   ("attach", {"view": {"kind": "client", **view}}),
                   ("start", {"argv": ["true"]}),
                   ("session", {"login": True, "name": "x",
                                "pty": {"rows": 24, "cols": 80}})]
        for on, (kind, members) in enumerate(refused, 1):
            player.say(kind, on, **members)
            told = player.take()
            equal([told["type"], told.get("code")], ["refused", "denied"],
                  f"{kind}: refused")
        player.attach(7)
        player.say("attach", 8, view={"kind": "watch", **view})
        equal(player.take().get("code"), "state", "a second reader: refused")
        player.say("play", 9, speed=2)
        player.say("resize", 9, rows=3, cols=3)
        player.say("detach", 9)
        player.see("x1 ")
        check(True, "what is on no stream of its own is ignored")
        player.say("detach", 7)
        equal(player.take()["type"], "detached", "the reader leaves")
        equal(player.picture.modes["1049"], False, "with its screen back")
        check(player.gate.closes() and player.status() == 0, "and it ends")


def control(text):
    return struct.pack(">IBI", len(text) + 5, CONTROL, 1) + text


FAULTS = [
    (struct.pack(">IBI", 6, STDIN, 1) + b"x", "stdin"),
    (struct.pack(">IBI", 9, WINDOW, 1) + b"\0\0\0\1", "a window"),
    (struct.pack(">IBI", 0xFFFFFFFF, CONTROL, 1), "a length without end"),
    (struct.pack(">IBI", 5, 99, 1), "an unknown kind"),
    (struct.pack(">IBI", 7, CONTROL, 0) + b"{}", "stream 0"),
    (control(b"{"), "half an object"),
    (control(b'{"type":"fly"}'), "an unknown type"),
    (control(b'{"type":"play","speed":0.01}'), "a speed below 0.1"),
    (control(b'{"type":"play","speed":101}'), "a speed over 100"),
    (control(b'{"type":"play","idle_ms":-1}'), "a pause below none"),
    (control(b'{"type":"resize","rows":0,"cols":80}'), "no rows"),
    (control(b'{"type":"resize","rows":24,"cols":1001}'), "1001 columns"),
    (control(b'{"type":"signal","signal":"TERM"}'), "a signal"),
    (control(b'{"type":"terminals","ask":1}'), "a question"),
    (control(b'{"type":"keys","ask":1,"text":"x"}'), "keys"),
    (control(b'{"type":"screen","ask":1}'), "screen"),
    (control(b'{"type":"exit","code":0,"reason":"exited","duration_ms":1}'),
     "the player's own exit"),
]


def a_gate_that_lies_ends_its_player():
    for text, because in FAULTS:
        with Player(cast([0, "o", "x"], [HOUR, "o", "y"])) as player:
            player.attach()
            player.gate.sock.sendall(text)
            check(player.gate.closes() and player.status() == 0,
                  f"{because}: it ends", player.says())


def a_gate_that_goes_ends_its_player():
    for paused in (False, True):
        with Player(cast([0, "o", "x"], [HOUR, "o", "y"])) as player:
            player.attach()
            player.say("play", paused=paused)
            player.see("x")
            player.gate.sock.close()
            equal(player.status(), 0, f"paused {paused}: it ends")


def memory(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return [int(line.split()[1]) >> 10 for line in status
                if line.startswith("VmRSS")][0]


def a_slow_reader_misses_pictures_and_not_the_end():
    flood = [[i / 1000, "o", f"\x1b[H{i:06d}" + ("%05d" % i) * 300]
             for i in range(4000)]
    with Player(cast(*flood, [4.1, "o", "\x1b[2J\x1b[Hlast"])) as player:
        player.attach()
        player.see("000")
        before = memory(player.process.pid)
        player.say("play", speed=100)
        wait_for(lambda: os.path.exists(f"/proc/{player.process.pid}") and
                 position(player) >= 0.9)
        grown = memory(player.process.pid) - before
        check(grown < 64, "what nobody reads is not kept", f"{grown} MiB")
        player.to_the_end()
        equal(player.row(0), "last", "and the end is right")
        check(player.frames < 500, "with few pictures", player.frames)


def position(player):
    """How far it has read its file, of 1."""
    with open(f"/proc/{player.process.pid}/fdinfo/3",
              encoding="ascii") as info:
        at = int(info.readline().split()[1])
    return at / os.stat(f"/proc/{player.process.pid}/fd/3").st_size


def a_flood_does_not_keep_it_from_listening():
    flood = [[0, "o", "%07d" % i * 2000] for i in range(4000)]
    with Player(cast(*flood, [HOUR, "o", "late"])) as player:
        player.attach()
        player.see("0000")
        player.say("detach")
        equal(player.take()["type"], "detached", "it answers meanwhile")
        check("0003999" not in player.row(5), "long before the end",
              player.row(5))


def sizes_without_end_are_played():
    sizes = [[i / 10000, "r", size] for i, size in enumerate(
        ["1x1", "1000x500", "1000x1", "1x500", "2x2"] * 400)]
    with Player(cast(*sizes, [0.3, "r", "80x24"],
                     [0.4, "o", "\x1b[2J\x1b[Hfine"])) as player:
        player.attach()
        equal(player.to_the_end().get("code"), 0, "2000 sizes")
        equal(player.row(0), "fine", "and the last one is right")


def it_is_confined():
    if os.geteuid() != 0:
        check(True, "it is confined # skip it takes root")
        return
    with Player(cast([0, "o", "x"], [HOUR, "o", "y"])) as player:
        player.attach()
        with open(f"/proc/{player.process.pid}/status",
                  encoding="ascii") as file:
            status = dict(line.split(":\t", 1) for line in file)
        equal(status["Uid"].split(), [str(UID)] * 4, "a user of its own")
        equal(status["Gid"].split(), [str(UID)] * 4, "and a group")
        equal([status[key].strip() for key in ("NoNewPrivs", "Seccomp")],
              ["1", "2"], "no new privilege, few system calls")
        for key in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
            equal(int(status[key], 16), 0, f"{key}: none")
        equal(os.listdir(f"/proc/{player.process.pid}/root"), [],
              "its root is empty")
        kept = [os.readlink(f"/proc/{player.process.pid}/fd/{fd}")
                for fd in os.listdir(f"/proc/{player.process.pid}/fd")]
        check(len(kept) < 16, "it has few descriptors", kept)


def it_must_be_called_right():
    import subprocess
    from player_harness import PROGRAM
    for words in ((), ("5",), ("0", NAME), ("-1", NAME), ("x", NAME),
                  ("4294967295", NAME), ("5", NAME, "more")):
        told = subprocess.run([PROGRAM, *words], capture_output=True,
                              check=False, timeout=SECONDS)
        equal(told.returncode, 2, f"{words}: usage")


run([a_recording_is_played, a_slow_recording_can_be_played_fast,
     long_pauses_are_cut, it_stands_still_and_goes_on,
     it_resizes_with_the_recording_and_with_its_reader,
     what_is_hostile_is_painted_or_gone,
     a_truncated_recording_ends_where_it_ends, a_damaged_one_says_so,
     what_is_no_recording_is_refused, only_watching_is_possible,
     a_gate_that_lies_ends_its_player, a_gate_that_goes_ends_its_player,
     a_slow_reader_misses_pictures_and_not_the_end,
     a_flood_does_not_keep_it_from_listening,
     sizes_without_end_are_played, it_is_confined, it_must_be_called_right])
done()
