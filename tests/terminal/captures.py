# SPDX-License-Identifier: Apache-2.0
"""What the judges have in common: the captures, and our terminal.

    from captures import captures, dice
"""
import os
import random
import re
import subprocess
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
STAND = os.path.join(os.environ.get("SALLYPORT_BIN", "build/check/bin"),
                     "../tests/boundary/terminal_stand")


class Capture:
    def __init__(self, name, output):
        self.name = name
        self.program = name.split(".")[0]
        self.cols, self.rows = map(
            int, re.search(r"(\d+)x(\d+)$", name).groups())
        self.output = output

    def _stand(self, cut, *more):
        return subprocess.run(
            [STAND, str(self.rows), str(self.cols), str(cut), *more],
            input=self.output, stdout=subprocess.PIPE, check=True,
            timeout=60).stdout

    def repaint(self, cut):
        """Where the output goes on behind it, and the repaint."""
        ground, _, painted = self._stand(cut).partition(b"\n")
        return int(ground), painted

    def text(self):
        """The cursor, and lines, behind the whole output."""
        place, *lines = self._stand(len(self.output), "text").decode() \
            .split("\n")[:self.rows + 1]
        return tuple(map(int, place.split())), lines


def captures():
    with tarfile.open(os.path.join(HERE, "captures.tar.xz")) as archive:
        return [Capture(entry.name, archive.extractfile(entry).read())
                for entry in archive]


def dice():
    """Numbers to cut at: the same in each run, unless a seed is given. The
    judges have faults of their own, which other numbers may find."""
    return random.Random(int(os.environ.get("SALLYPORT_SEED", "1")))
