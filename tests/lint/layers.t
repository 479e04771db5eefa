#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Folders are the architecture: who includes whom, and which library."""
import glob
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
os.chdir(ROOT)
sys.path.insert(0, "tests/lib")

from tap import check, done

SERVER = ["protocol", "keys", "server/common"]

# Each room: the rooms below it, and the libraries it may know.
ROOMS = {
    "protocol": ([], ["json-c"]),
    "keys": (["protocol"], ["openssl"]),
    "server/common": (["protocol", "keys"],
                      ["uv", "seccomp", "archive", "openssl"]),
    "server/terminal": (["protocol"], ["utf8proc", "pcre2"]),
    "server/gate": (SERVER, ["uv", "libssh", "openssl"]),
    "server/manager": (SERVER, ["uv", "sqlite3"]),
    "server/keeper": (SERVER + ["server/terminal"], ["uv"]),
    "server/player": (SERVER + ["server/terminal"], ["uv"]),
    "server/admin": (SERVER, ["uv"]),
    "agent": (["protocol"], []),
}

# A header outside the C library and the kernel, and whose it is.
LIBRARIES = {
    "json-c": r"json-c/|json\.h",
    "openssl": r"openssl/",
    "uv": r"uv\.h|uv/",
    "seccomp": r"seccomp\.h",
    "archive": r"archive(_entry)?\.h",
    "libssh": r"libssh/",
    "sqlite3": r"sqlite3\.h",
    "utf8proc": r"utf8proc\.h",
    "pcre2": r"pcre2\.h",
    "vterm": r"vterm\.h",
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def includes(path):
    with open(path, encoding="utf-8") as file:
        return INCLUDE.findall(file.read())


def library(header):
    for name, pattern in LIBRARIES.items():
        if re.match(pattern, header):
            return name
    return None


def faults(room):
    below, libraries = ROOMS[room]
    for path in sorted(glob.glob(room + "/*.[ch]")):
        for kind, header in includes(path):
            if kind == '"':
                if os.path.dirname(header) not in below + [room]:
                    yield f"{path} includes {header}"
            elif library(header) and library(header) not in libraries:
                yield f"{path} includes <{header}>"


for name in ROOMS:
    found = list(faults(name))
    check(not found, f"{name} includes only what is below it",
          "\n".join(found))

found = sorted({os.path.dirname(path)
                for top in ("protocol", "keys", "server", "agent")
                for path in glob.glob(top + "/**/*.[ch]", recursive=True)})
check(set(found) <= set(ROOMS), "every folder of sources is a room",
      "\n".join(set(found) - set(ROOMS)))

found = [path for path in glob.glob("protocol/*.[ch]")
         if any(library(header) for _, header in includes(path))]
check(found == ["protocol/json.c"],
      "only protocol/json.c knows the JSON library", "\n".join(found))

found = [path for path in glob.glob("protocol/*.c")
         for _, header in includes(path)
         if re.match(r"sys/socket|netinet|fcntl|poll|sys/epoll", header)]
check(not found, "protocol does no input and no output", "\n".join(found))
done()
