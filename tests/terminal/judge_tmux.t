#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tmux shows the same for a repaint as for what a program wrote: cells and
their attributes, the cursor, the modes that it tells."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
sys.path.insert(0, HERE)

from captures import captures, dice
from tap import check, done

DEADLINE = 60
FLAGS = " ".join(f"#{{{name}}}" for name in (
    "alternate_on", "cursor_y", "cursor_x", "cursor_flag", "insert_flag",
    "keypad_cursor_flag", "keypad_flag", "mouse_standard_flag",
    "mouse_button_flag", "mouse_all_flag", "mouse_sgr_flag", "mouse_utf8_flag",
    "origin_flag", "wrap_flag", "scroll_region_upper", "scroll_region_lower",
    "pane_tabs"))

# What is not compared, and why.
OTHERS = {
    "unicode": "tmux joins what U+200D is in to one cell, and keeps more marks",
}

# In a pane: write a file, and wait until tmux has read all of it.
FEED = """
import os, sys, time, tty
tty.setraw(0)
with open(sys.argv[1], "rb") as file:
    data = file.read()
while data:
    data = data[os.write(1, data):]
os.write(1, b"\\x1b[5n")
answers = b""
while not answers.endswith(b"\\x1b[0n"):
    answers += os.read(0, 1)
os.rename(sys.argv[1], sys.argv[1] + ".read")
time.sleep(1000)
"""


DRAWING = dict(zip("`afgjklmnopqrstuvwxyz{|}~",
                   "\u25c6\u2592\u00b0\u00b1\u2518\u2510\u250c\u2514\u253c"
                   "\u23ba\u23bb\u2500\u23bc\u23bd\u251c\u2524\u2534\u252c"
                   "\u2502\u2264\u2265\u03c0\u2260\u00a3\u00b7"))


def styled(style, params):
    """The style behind CSI params m: attributes by what turns them off."""
    style = dict(style)
    codes = params.split(";")
    while codes:
        code = codes.pop(0)
        number = int(code.split(":")[0] or 0)
        if number == 0:
            style = {}
        elif number in (38, 48, 58) and ":" not in code:
            taken = 2 if codes[0] == "5" else 4
            style[number // 10 * 10] = ";".join(codes[:taken])
            del codes[:taken]
        elif number in (39, 49, 59):
            style.pop(number // 10 * 10, None)
        elif 30 <= number <= 47 or 90 <= number <= 107:
            style[number % 60 // 10 * 10] = \
                f"5;{number % 10 + (8 if number >= 90 else 0)}"
        elif 22 <= number <= 29 or number == 55:
            for old in {22: (1, 2), 24: (4, 21), 55: (53,)}.get(
                    number, (number - 20,)):
                style.pop(old, None)
        else:
            style[number] = code
    return style


def cells(lines):
    """Glyphs with their styles, from what capture-pane prints: there, lines
    that were drawn by the charset are letters between SO and SI. Blanks at the
    end are left out."""
    style = {}
    is_drawing = False
    rows = []
    for line in lines:
        row = []
        for part in re.findall(r"\x1b\[[0-9;:]*m|.", line):
            if part[0] == "\x1b":
                style = styled(style, part[2:-1])
            elif part in "\x0e\x0f":
                is_drawing = part == "\x0e"
            else:
                glyph = DRAWING.get(part, part) if is_drawing else part
                row.append((glyph, style))
        while row and row[-1][0] == " " and not set(row[-1][1]) - {1, 30}:
            row.pop()
        rows.append(row)
    return rows


class Tmux:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    def call(self, *words):
        return subprocess.run(
            ["tmux", "-f", "/dev/null", "-S", self.folder + "/socket", *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DEADLINE,
            check=True, env=dict(os.environ, LC_ALL="C.UTF-8")).stdout.decode()

    def show(self, capture, output):
        """Begin to show it; the name of the session, and of the file."""
        self.count += 1
        name = f"s{self.count}"
        path = f"{self.folder}/{name}"
        with open(path, "wb") as file:
            file.write(output)
        self.call("new-session", "-d", "-s", name, "-x", str(capture.cols),
                  "-y", str(capture.rows), "-e", "TERM=xterm",
                  "/usr/bin/python3", self.folder + "/feed", path, ";",
                  "set-option", "-g", "status", "off")
        return name, path

    def look(self, name, path):
        deadline = time.monotonic() + DEADLINE
        while not os.path.exists(path + ".read"):
            if time.monotonic() > deadline:
                raise TimeoutError(name)
            time.sleep(0.005)
        lines = cells(self.call(
            "capture-pane", "-e", "-p", "-t", name).split("\n"))
        flags = self.call("display-message", "-p", "-t", name, FLAGS)
        self.call("kill-session", "-t", name)
        return flags, lines


def difference(one, two):
    if one[0] != two[0]:
        return f"{two[0]}not {one[0]}"
    for row, (a, b) in enumerate(zip(one[1], two[1])):
        if a != b:
            col = next((i for i, pair in enumerate(zip(a, b))
                        if pair[0] != pair[1]), min(len(a), len(b)))
            return f"row {row} glyph {col}: {b[col:col + 3]}, " \
                   f"not {a[col:col + 3]}"
    return None


def judge(tmux, random):
    faults = {}
    programs = set()
    for capture in captures():
        if capture.program in OTHERS:
            continue
        programs.add(capture.program)
        cut = random.randrange(len(capture.output))
        ground, painted = capture.repaint(cut)
        one = tmux.show(capture, capture.output[:ground])
        two = tmux.show(capture, painted)
        fault = difference(tmux.look(*one), tmux.look(*two))
        if fault is not None:
            faults.setdefault(capture.program, []).append(
                f"{capture.name} cut at {cut}: {fault}")
    for program in sorted(programs):
        check(program not in faults, f"tmux takes {program} for its repaint",
              "\n".join(faults.get(program, [])))
    for program, why in OTHERS.items():
        print(f"# {program}: {why}")


def main():
    if shutil.which("tmux") is None:
        print("1..0 # skip there is no tmux")
        return
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/feed", "w", encoding="utf-8") as file:
            file.write(FEED)
        tmux = Tmux(folder)
        # one session stays, so that the server does
        tmux.call("new-session", "-d", "-s", "stay", "sleep", "1000")
        try:
            judge(tmux, dice())
        finally:
            tmux.call("kill-server")
    done()


main()
