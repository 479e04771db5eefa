#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every byte of stdin, stdout and stderr, in both directions."""
import hashlib
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from stack import Stack
from tap import check, done, equal, run

MIB = 1 << 20
# 1 GiB where the programs are built for speed, less under the sanitizers.
BULK = int(os.environ.get("SALLYPORT_BULK_MIB", "1024")) * MIB

# A stream that cannot be right by chance: each block is its own number.
WRITER = r"""
import hashlib, os, sys
fd, total = int(sys.argv[1]), int(sys.argv[2])
digest, sent, number = hashlib.sha256(), 0, 0
while sent < total:
    block = (b"%016x" % number) * 4096
    block = block[:total - sent]
    digest.update(block)
    view = memoryview(block)
    while view:
        view = view[os.write(fd, view):]
    sent += len(block)
    number += 1
"""


def expected(total):
    digest, sent, number = hashlib.sha256(), 0, 0
    while sent < total:
        block = (b"%016x" % number) * 4096
        block = block[:total - sent]
        digest.update(block)
        sent += len(block)
        number += 1
    return digest.hexdigest()


def digest_of(pipe, into, key):
    digest = hashlib.sha256()
    while True:
        block = pipe.read(MIB)
        if not block:
            break
        digest.update(block)
    into[key] = digest.hexdigest()


def bulk(stack):
    def stdout_of_a_gibibyte():
        process = subprocess.Popen(
            stack.ssh_words("t", f"python3 -c '{WRITER}' 1 {BULK}"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        found = {}
        digest_of(process.stdout, found, "out")
        equal((process.wait(), found["out"]), (0, expected(BULK)),
              f"{BULK // MIB} MiB of stdout arrive as they were written")

    def stdin_of_a_gibibyte():
        feed = subprocess.Popen(
            ["/usr/bin/python3", "-c", WRITER, "1", str(BULK)],
            stdout=subprocess.PIPE)
        got = stack.ssh("t", "sha256sum", stdin=feed.stdout)
        feed.wait()
        equal((got.returncode, got.stdout.split()[:1]),
              (0, [expected(BULK).encode()]),
              f"{BULK // MIB} MiB of stdin arrive as they were written")

    def both_streams_at_once():
        size = 64 * MIB
        process = subprocess.Popen(
            stack.ssh_words("t", f"python3 -c '{WRITER}' 1 {size} & "
                            f"python3 -c '{WRITER}' 2 {size - 5}; wait"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        found = {}
        threads = [threading.Thread(target=digest_of, args=(pipe, found, key))
                   for pipe, key in ((process.stdout, "out"),
                                     (process.stderr, "err"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal((process.wait(), found["out"], found["err"]),
              (0, expected(size), expected(size - 5)),
              "64 MiB of stdout and of stderr at once, none lost or swapped")

    def a_reader_that_stops_loses_nothing():
        process = subprocess.Popen(
            stack.ssh_words("t", f"python3 -c '{WRITER}' 1 {96 * MIB}"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        process.stdout.read(10)
        time.sleep(2)
        other = time.monotonic()
        got = stack.ssh("t", "echo still quick")
        equal(got.stdout, b"still quick\n",
              "another command runs while one reader has stopped")
        check(time.monotonic() - other < 10, "and is not held up")
        process.stdout.read(96 * MIB - 20)
        equal(process.stdout.read(), expected_tail(96 * MIB, 10),
              "the stopped reader gets the very last bytes")
        equal(process.wait(), 0, "and the exit code")

    return [stdout_of_a_gibibyte, stdin_of_a_gibibyte, both_streams_at_once,
            a_reader_that_stops_loses_nothing]


def expected_tail(total, count):
    block = total // 65536 - 1
    return ((b"%016x" % block) * 4096)[-count:]


def shapes(stack):
    def every_byte_value():
        all_bytes = bytes(range(256)) * 64
        got = stack.ssh("t", "cat", input=all_bytes)
        equal((got.returncode, got.stdout), (0, all_bytes),
              "every byte value, NUL and invalid UTF-8, survives cat")

    def a_command_that_is_not_utf8():
        # The C locale keeps the shell from counting characters.
        got = stack.ssh("t", b"printf '%s' '\xff\xfe' | od -An -tx1")
        equal(got.stdout.split(), [b"ff", b"fe"],
              "a command may hold bytes that are not UTF-8")

    def one_byte_at_a_time():
        got = stack.ssh("t", "perl -e '$|=1; syswrite STDOUT, chr(65+$_%26)"
                        " for 0..9999'")
        equal(got.stdout, bytes(65 + i % 26 for i in range(10000)),
              "10,000 writes of one byte arrive in order")

    def a_line_of_10_mib():
        got = stack.ssh("t", "head -c 10485760 /dev/zero | tr '\\0' x; echo")
        check(got.stdout == b"x" * 10485760 + b"\n", "a 10 MiB line",
              len(got.stdout))

    def sizes_at_the_edges():
        for size in (0, 1, 2, 100, 5000, 32767, 32768, 65535, 65536, 65537,
                     262144, 1 << 20):
            data = os.urandom(size)
            got = stack.ssh("t", "cat", input=data)
            check(got.returncode == 0 and got.stdout == data,
                  f"{size} bytes through cat",
                  f"{got.returncode} {len(got.stdout)}")

    def the_last_words_arrive():
        wrong = [i for i in range(50) if stack.ssh(
            "t", "head -c 100000 /dev/zero; printf end; exit 3"
        ).stdout[-3:] != b"end"]
        equal(wrong, [], "output just before the exit always arrives")

    def order_between_streams_is_not_mixed_up():
        got = stack.ssh("t", "for i in 1 2 3; do echo o$i; echo e$i >&2; "
                        "done")
        equal((got.stdout, got.stderr), (b"o1\no2\no3\n", b"e1\ne2\ne3\n"),
              "stdout and stderr stay apart")

    def the_end_of_stdin_is_told():
        got = stack.ssh("t", "cat; echo ended", input=b"abc\n")
        equal(got.stdout, b"abc\nended\n", "the end of stdin reaches cat")

    def nothing_is_added():
        got = stack.ssh("t", "true")
        equal((got.stdout, got.stderr), (b"", b""),
              "true prints nothing, and nothing is added")

    return [every_byte_value, a_command_that_is_not_utf8, one_byte_at_a_time,
            a_line_of_10_mib, sizes_at_the_edges, the_last_words_arrive,
            order_between_streams_is_not_mixed_up, the_end_of_stdin_is_told,
            nothing_is_added]


def main():
    with Stack() as stack:
        stack.create("t")
        run(shapes(stack) + bulk(stack))
    done()


main()
