# SPDX-License-Identifier: Apache-2.0
"""Who waits for whom: keys beside bulk on one SSH connection, and commands of
one task beside another that floods."""
import contextlib
import os
import subprocess
import time

import terminal

BULK = "cat /dev/zero"


@contextlib.contextmanager
def master(stand, folder):
    """The ssh options that lead over one connection."""
    path = os.path.join(folder, stand.name + ".fair")
    subprocess.run(stand.ssh("-M", "-S", path, "-f", "-N"), check=True)
    try:
        yield Over(stand, path)
    finally:
        subprocess.run(stand.ssh("-S", path, "-O", "exit"), check=True,
                       stderr=subprocess.DEVNULL)


class Over:
    """A stand, as it is reached over one connection."""

    def __init__(self, stand, path):
        self.stand, self.path = stand, path

    def ssh(self, *options):
        return self.stand.ssh("-S", self.path, *options)


@contextlib.contextmanager
def bulk(command, count=1):
    """Somebody reads all that a command writes."""
    readers = [subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL)
               for _ in range(count)]
    time.sleep(0.5)
    try:
        yield
    finally:
        for reader in readers:
            reader.terminate()
            reader.wait()


def echoes(stand, folder, is_busy):
    with master(stand, folder) as over:
        if not is_busy:
            return terminal.echo_times(over)
        with bulk([*over.ssh(), BULK]):
            return terminal.echo_times(over)


def exec_times(stand, measure, is_busy, count=1):
    """What execs of one task take while another task floods."""
    if not is_busy:
        return measure()
    stand.create("flood")
    words = stand.ssh()
    try:
        with bulk([*words[:-1], "flood", BULK], count):
            return measure()
    finally:
        stand.destroy("flood")
