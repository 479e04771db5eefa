#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The schema of stream-json, the vectors and the document say the same."""
import json
import os
import re
import sys

import jsonschema

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
from tap import check, done, equal, run  # noqa: E402

# What the gateway refuses and no schema can: the words of its error.
BEYOND = ("is repeated", "a NUL in a member's name", "minus zero",
          "not an escape sequence", "at most 3 decimals", "is not an integer",
          "a reserved name", "holds a NUL")


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8", newline="\n") as f:
        return f.read()


SCHEMA = json.loads(read("docs", "stream-json.schema.json"))
DEFS = SCHEMA["$defs"]


def validator(name):
    return jsonschema.Draft202012Validator(
        {"$ref": "#/$defs/" + name, "$defs": DEFS})


REQUEST, EVENT, LINE = validator("request"), validator("event"), \
    jsonschema.Draft202012Validator(SCHEMA)


def rows(side):
    for row in read("tests", "vectors", f"stream-json-{side}.tsv").split("\n"):
        if row and not row.startswith("#"):
            yield row.split("\t")


def the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    check(True, "the schema is a schema")


def is_valid(schema, line):
    try:
        return schema.is_valid(json.loads(line))
    except json.JSONDecodeError:
        return False


def valid_vectors_are_valid(side, schema):
    wrong = [row[1] for row in rows(side)
             if row[0] != "refused" and not is_valid(schema, row[1])]
    equal(wrong, [], f"{side}: what is read is valid")
    seen = {json.loads(row[1])["type"] for row in rows(side)
            if row[0] != "refused"}
    kind = side.rstrip("s")
    equal(seen, {name.split(".", 1)[1] for name in DEFS
                 if name.startswith(kind + ".")},
          f"{side}: every type of the schema has a vector")


def refused_vectors_are_not(side, schema):
    wrong = [row[1] for row in rows(side)
             if row[0] == "refused"
             and not any(words in row[2] for words in BEYOND)
             and is_valid(schema, row[1])]
    equal(wrong, [], f"{side}: what is refused is not valid")


def requests():
    valid_vectors_are_valid("requests", REQUEST)
    refused_vectors_are_not("requests", REQUEST)


def events():
    valid_vectors_are_valid("events", EVENT)
    refused_vectors_are_not("events", EVENT)


def examples_of_the_document():
    blocks = re.findall(r"```json\n(.*?)```", read("docs", "stream-json.md"),
                        re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    check(len(lines) > 30, "the document has examples")
    wrong = [line for line in lines if not is_valid(LINE, line)]
    equal(wrong, [], "the document's examples are valid")
    seen = {json.loads(line)["type"] for line in lines}
    equal({name.split(".", 1)[1] for name in DEFS
           if name.startswith(("request.", "event."))} - seen,
          set(), "the document has an example of every type")


run([the_schema_is_one, requests, events, examples_of_the_document])
done()
