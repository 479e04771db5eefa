#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The README's transcript is one that contrib/demo can print."""
import ast
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
os.chdir(ROOT)
sys.path.insert(0, "tests/lib")

from tap import check, done


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def pattern(node):
    """A string in the program, with anything where a value is put in."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(re.escape(part.value) if isinstance(part, ast.Constant)
                   else ".+" for part in parts)


def said(program, method, position):
    """What a method of the demo is given to say, as patterns."""
    for node in ast.walk(ast.parse(read(program))):
        if (isinstance(node, ast.Call) and
                isinstance(node.func, ast.Attribute) and
                node.func.attr == method and
                not (isinstance(node.args[0], ast.Constant) and
                     node.args[0].value is False)):
            yield pattern(node.args[position])


transcript = read("README.md").partition("<!-- demo -->")[2].partition(
    "<!-- /demo -->")[0]
facts = re.findall(r"^   ok: (.*)$", transcript, re.M)
titles = re.findall(r"^## (.*)$", transcript, re.M)
for name, shown, possible in (
        ("fact", facts, list(said("contrib/demo", "fact", 1))),
        ("part", titles, list(said("contrib/demo", "part", 0)))):
    old = [line for line in shown
           if not any(re.fullmatch(each, line) for each in possible)]
    check(shown and not old, f"contrib/demo can print every {name} that the "
          "README shows", "\n".join(old))
    new = [each for each in possible
           if not any(re.fullmatch(each, line) for line in shown)]
    check(not new, f"the README shows every {name} that contrib/demo prints",
          "\n".join(new))
check(transcript.rstrip("`\n").endswith(
    f"{len(facts)} of {len(facts)} facts are as they have to be"),
      "the README's transcript is whole, and all of its facts are counted")
done()
