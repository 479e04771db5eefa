#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Signals that a client sends before its command runs, against the real gate."""
import logging
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(here, "..", "lib"), here]

import paramiko
from paramiko.common import MSG_CHANNEL_REQUEST

from gate_harness import TASK, Manager, wait_for
from tap import done, equal, run

logging.disable(logging.CRITICAL)

KEPT = 8


def send_signal(channel, name):
    packet = paramiko.Message()
    packet.add_byte(bytes([MSG_CHANNEL_REQUEST]))
    packet.add_int(channel.remote_chanid)
    packet.add_string("signal")
    packet.add_boolean(False)
    packet.add_string(name)
    channel.transport._send_message(packet)


def end_after(ignored):
    """The code of a command that got so many URG and then a TERM, all before
    the manager has let it begin; -1 when the TERM has ended it."""
    with Manager() as manager:
        manager.attaching = False
        transport = paramiko.Transport(("127.0.0.1", manager.port))
        transport.start_client(timeout=20)
        transport.auth_publickey(
            TASK, paramiko.Ed25519Key.from_private_key_file(manager.key))
        channel = transport.open_session(timeout=20)
        channel.exec_command("sleep 1; exit 7")
        for _ in range(ignored):
            send_signal(channel, "URG")
        send_signal(channel, "TERM")
        # what is behind them has been read when this is refused
        try:
            transport.open_channel("nothing", timeout=20)
        except paramiko.ChannelException:
            pass
        wait_for(lambda: manager.heard("attach"))
        manager.attaching = True
        manager.answer(manager.peer, manager.heard("attach")[0])
        code = channel.recv_exit_status()
        transport.close()
        return code


def early_signals_are_kept_and_bounded():
    equal(end_after(KEPT - 1), -1, "the eighth signal before the start arrives")
    equal(end_after(KEPT), 7, "one more is dropped")


run([early_signals_are_kept_and_bounded])
done()
