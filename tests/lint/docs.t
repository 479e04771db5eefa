#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The documents say what the code does."""
import glob
import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
os.chdir(ROOT)
sys.path.insert(0, "tests/lib")

from tap import check, done

BEGIN = '.\\" The options, as common_config --manual prints them.\n'
END = '.\\" End of the options.\n'


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def options():
    """The list that the table of options makes, from the test build."""
    build = os.path.dirname(os.environ.get("SALLYPORT_BIN", "build/check/bin"))
    program = os.path.join(build, "tests/unit/common_config")
    return subprocess.run([program, "--manual"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


page = read("docs/sallyport.conf.5")
listed = page.partition(BEGIN)[2].partition(END)[0]
try:
    wanted = options()
except OSError as error:
    print(f"# {error}: the tests are not built")
    check(True, "sallyport.conf(5) lists the options # skip not built")
else:
    check(listed == wanted, "sallyport.conf(5) lists the options as they are",
          "Put this between the two marks:\n" + wanted)

limits = read("docs/limits.md")
names = re.findall(r"^#define ((?:LIMIT|WINDOW)_\w+)",
                   read("protocol/limits.h"), re.M)
missing = [name for name in names if f"`{name}`" not in limits]
check(not missing, "docs/limits.md has every limit", "\n".join(missing))

known = set(re.findall(r"#define (\w+)", "\n".join(
    read(path) for top in ("protocol", "keys", "server", "agent")
    for path in glob.glob(top + "/**/*.[ch]", recursive=True))))
told = set(re.findall(r"`([A-Z][A-Z_]+)`", limits))
check(told <= known, "docs/limits.md has no other", "\n".join(told - known))

tests = re.findall(r"`(tests/[^`]+)`", limits)
missing = [name for name in tests if not os.path.exists(name.split(":")[0])]
check(not missing, "the tests that docs/limits.md names are there",
      "\n".join(missing))

broken = []
for path in glob.glob("*.md") + glob.glob("docs/**/*.md", recursive=True):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(path)):
        if not os.path.exists(os.path.join(os.path.dirname(path), target)):
            broken.append(f"{path}: {target}")
check(not broken, "every link within the documents leads somewhere",
      "\n".join(broken))
done()
