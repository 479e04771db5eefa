#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the formatter cannot see: sizes, words and functions not to be used."""
import glob
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
os.chdir(ROOT)
sys.path.insert(0, "tests/lib")

from tap import check, done

FILE_LINES = 500
FUNCTION_LINES = 60
PARAMETERS = 6
LEVELS = 3

# Never, and why; the product's own code only.
BANNED = {
    r"strcpy|strcat|sprintf|vsprintf|gets|stpcpy": "no bound",
    r"strtok|localtime|gmtime|ctime|asctime": "hidden state",
    r"atoi|atol|atoll": "no error",
    r"system|popen|tmpnam|mktemp|tempnam": "a shell, or a guessable name",
    r"alloca|setjmp|longjmp|rand|srand|random": "not here",
}

# A process has one log, as it has one standard error.
WRITABLE_ALLOWED = {"server/common/log.c"}

PRODUCT = [path for top in ("protocol", "keys", "server", "agent")
           for path in sorted(glob.glob(top + "/**/*.[ch]", recursive=True))]
TESTS = sorted(glob.glob("tests/**/*.[ch]", recursive=True))
SCRIPTS = [path for path in
           ["contrib/deps", "contrib/demo", ".ci/run", "tests/run",
            "tests/one", *sorted(glob.glob("tests/*/run")),
            *sorted(glob.glob("tests/**/*.t", recursive=True)),
            *sorted(glob.glob("tests/**/*.py", recursive=True)),
            *sorted(glob.glob("contrib/**/*.py", recursive=True)),
            *sorted(glob.glob("contrib/**/*.sh", recursive=True))]
           if os.path.isfile(path)]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def code(text):
    """Without comments and strings, line for line."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\])+\'', blank,
                  text, flags=re.S)


def functions(path):
    """Name, first line, lines, parameters, deepest level of each."""
    lines = code(read(path)).split("\n")
    for start, line in enumerate(lines):
        match = re.match(r"(\w+)\(", line)
        if not match or match.group(1).isupper():
            continue
        head = line
        at = start
        while at + 1 < len(lines) and not re.match(r"[{;}]", lines[at + 1]) \
                and not head.rstrip().endswith(";"):
            at += 1
            head += lines[at]
        if at + 1 >= len(lines) or not lines[at + 1].startswith("{"):
            continue
        end = at + 1
        deepest = 0
        while not lines[end].startswith("}"):
            end += 1
            tabs = re.match(r"(\t*)[^\s:]+(?!.*:$)", lines[end])
            deepest = max(deepest, len(tabs.group(1)) if tabs else 0)
        inner = head[head.index("(") + 1:head.rindex(")")]
        depth = 0
        count = 0 if inner.strip() in ("", "void") else 1
        for letter in inner:
            depth += letter == "("
            depth -= letter == ")"
            count += letter == "," and depth == 0
        yield (match.group(1), start + 1, end - start + 1, count,
               deepest - 1)


def report(faults, name):
    faults = list(faults)
    check(not faults, name, "\n".join(faults))


def each_line(paths, pattern, of=read):
    for path in paths:
        for number, line in enumerate(of(path).split("\n"), 1):
            if re.search(pattern, line):
                yield f"{path}:{number}: {line.strip()[:60]}"


report((f"{path}: {read(path).count(chr(10))} lines"
        for path in PRODUCT + TESTS
        if read(path).count("\n") > FILE_LINES),
       f"no source file has more than {FILE_LINES} lines")

report((f"{path}:{line}: {name} has {lines} lines"
        for path in PRODUCT + TESTS
        for name, line, lines, _, _ in functions(path)
        if lines > FUNCTION_LINES),
       f"no function has more than {FUNCTION_LINES} lines")

report((f"{path}:{line}: {name} has {count} parameters"
        for path in PRODUCT + TESTS
        for name, line, _, count, _ in functions(path)
        if count > PARAMETERS),
       f"no function has more than {PARAMETERS} parameters")

report((f"{path}:{line}: {name} has {levels} levels"
        for path in PRODUCT
        for name, line, _, _, levels in functions(path)
        if levels > LEVELS),
       f"no function has more than {LEVELS} levels")

report((path for path in PRODUCT + TESTS
        if not read(path).startswith(
            "/* SPDX-License-Identifier: Apache-2.0 */\n")),
       "every source file names its licence first")

report((path for path in SCRIPTS
        if "\n# SPDX-License-Identifier: Apache-2.0\n"
        not in "\n" + read(path)[:100]),
       "every script names its licence")

report((path for path in PRODUCT if path.endswith(".h") and
        not re.search(r"#ifndef " + re.sub(r"\W", "_", path).upper(),
                      read(path))),
       "every header's guard is its path")

report((path for path in PRODUCT if path.endswith(".h") and
        "/*" not in read(path)[42:700]),
       "every header says what it is for")

report(each_line([path for path in PRODUCT + TESTS + SCRIPTS
                  if not path.endswith("lint/style.t")],
                 r"\b(TODO|FIXME|XXX|HACK)\b"),
       "nothing is left to do")

report(each_line(PRODUCT, r"^\s*#\s*if\s+0\b"), "no code is switched off")

for names, why in BANNED.items():
    report(each_line(PRODUCT, r"\b(" + names + r")\s*\(",
                     lambda path: code(read(path))),
           f"nobody calls {names.replace('|', ', ')}: {why}")

VARIABLE = (r"^(?:\t+static|static|(?:struct|unsigned|int|char|bool|size_t|"
            r"uint\w+|int\w+)\b(?!.*\())(?! const\b)(?! inline\b)(?!.*\bconst\b)"
            r"[^()]*(?:;|=|\{)$")
report((fault for fault in each_line(
    [path for path in PRODUCT if path.endswith(".c") and
     not path.endswith("main.c") and path not in WRITABLE_ALLOWED],
    VARIABLE, lambda path: code(read(path)))
        if not re.search(r": (struct|enum|union) \w+ \{$", fault)
        and not re.search(r": static (struct|enum|union) \w+ \{$", fault)),
       "no variable outside a main.c lives as long as the process")
done()
