#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""xterm.js shows the same for a repaint as for what a program wrote, then and
behind the rest of it, and has the same text and cursor as our terminal."""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
sys.path.insert(0, HERE)

from captures import captures, dice
from tap import check, done

CUTS = 2
BUILD = os.path.join(os.environ.get("SALLYPORT_BIN", "build/check/bin"), "..")
MODULES = os.path.abspath(os.path.join(BUILD, "tests/terminal"))

# What is not compared, and why.
OTHERS = {
    "unicode": "xterm.js keeps any number of marks on a glyph, drops U+FEFF, "
               "and draws joined characters one over the other",
}


def install():
    """Into the build folder; None, or why it cannot be."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "there is no nodejs, or no npm"
    os.makedirs(MODULES, exist_ok=True)
    for name in ("package.json", "package-lock.json", "xterm.js"):
        shutil.copy(os.path.join(HERE, name), MODULES)
    if os.path.isdir(os.path.join(MODULES, "node_modules/@xterm/headless")):
        return None
    npm = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=MODULES,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         timeout=300, check=False)
    return None if npm.returncode == 0 else \
        "npm cannot fetch @xterm/headless"


def ask(requests):
    """Send all at once; the answers in their order."""
    with tempfile.TemporaryFile() as file:
        for capture, writes in requests:
            file.write(json.dumps({
                "cols": capture.cols, "rows": capture.rows,
                "writes": [base64.b64encode(write).decode()
                           for write in writes]}).encode() + b"\n")
        file.seek(0)
        node = subprocess.run(["node", "xterm.js"], cwd=MODULES, stdin=file,
                              stdout=subprocess.PIPE, timeout=300, check=True)
    return [json.loads(line) for line in node.stdout.splitlines()]


def difference(one, two):
    for key in ("buffer", "cursor", "modes"):
        if one[key] != two[key]:
            return f"{key}: {two[key]}, not {one[key]}"
    # not isWrapped: there a wrap ends when the row behind it is erased
    for row, (a, b) in enumerate(zip(one["lines"], two["lines"])):
        for col, (left, right) in enumerate(zip(a["cells"], b["cells"])):
            if left != right:
                return f"row {row}, glyph {col}: {right}, not {left}"
    return None


def report(programs, faults, name):
    for program in sorted(programs):
        if program in OTHERS:
            print(f"# {program}: {OTHERS[program]}")
        else:
            check(program not in faults, name.format(program),
                  "\n".join(faults.get(program, [])))


why = install()
if why is not None:
    print(f"1..0 # skip {why}")
    sys.exit(0)

random = dice()
cases = []
for capture in captures():
    for cut in [random.randrange(len(capture.output)) for _ in range(CUTS)]:
        ground, painted = capture.repaint(cut)
        cases.append((capture, cut, [
            (capture, [capture.output[:ground], capture.output[ground:]]),
            (capture, [painted, capture.output[ground:]])]))
seen = iter(ask([request for _, _, both in cases for request in both]))
faults = {}
for capture, cut, _ in cases:
    for one, two, when in zip(next(seen), next(seen), ("then", "at the end")):
        fault = difference(one, two)
        if fault is not None:
            faults.setdefault(capture.program, []).append(
                f"{capture.name} cut at {cut}, {when}: {fault}")
report({capture.program for capture, _, _ in cases}, faults,
       "xterm.js takes {} up from a repaint")

faults = {}
every = captures()
for capture, (screen,) in zip(every, ask([(c, [c.output]) for c in every])):
    cursor, lines = capture.text()
    theirs = ["".join(cell[0] for cell in line["cells"]).rstrip()
              for line in screen["lines"]]
    ours = [line.rstrip() for line in lines]
    # in xterm.js a pending wrap is a column of its own
    place = (screen["cursor"][0], min(screen["cursor"][1], capture.cols - 1))
    if ours != theirs or cursor != place:
        row = next((i for i, (a, b) in enumerate(zip(ours, theirs))
                    if a != b), None)
        faults.setdefault(capture.program, []).append(
            f"{capture.name}: cursor {cursor} {place}" if row is None else
            f"{capture.name} row {row}\n  ours   {ours[row]!r}\n"
            f"  theirs {theirs[row]!r}")
report({capture.program for capture in every}, faults,
       "xterm.js has our text of {}")
done()
