#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A brain at a terminal: it edits a file with vim, and answers a program that
asks for a password. It never reads a byte of either: it presses keys, waits
for what they do and looks at the screen.

    terminal.py DIR/ssh_config TASK

Prints what it did and saw. The transcript in docs/stream-json.md is one of it.
"""
import sys

from brain import Brain

ASK = ("import getpass; word = getpass.getpass('Password: '); "
       "print('welcome' if word == 'sesame' else 'no', len(word))")


def show(what, screen):
    """Print what was done, and the lines that are not empty."""
    print(f"# {what}" + (", on a full screen" if screen["alt"] else ""))
    for line in screen["lines"]:
        if line.strip("~ "):
            print("  | " + line)


def edit(brain, task):
    """vim: what it needs is on its screen, so that is what is waited for."""
    vim = brain.terminal(task, ["vim", "-u", "NONE", "-N", "/tmp/notes"],
                         rows=8, cols=50, name="edit")
    vim.wait({"alt": True}, {"exit": True})
    show("vim has started", vim.wait({"text": "/tmp/notes"})["screen"])
    show("i was pressed", vim.press("i", until=[{"text": "INSERT"}])["screen"])
    answer = vim.paste("dear diary,\n\tall is well", until=[{"text": "well"}])
    show("two lines were pasted", answer["screen"])
    answer = vim.press("Escape", ":", "w", "q", "Enter",
                       until=[{"exit": True}])
    show("vim has ended", answer["screen"])


def wants_password(screen):
    """Lines are read, and what is typed is not shown."""
    modes = screen.get("modes", [])
    return "echo_off" in modes and "canonical_off" not in modes


def log_in(brain, task):
    """The password goes to what asks for one, and to nothing else."""
    asker = brain.terminal(task, ["python3", "-c", ASK], rows=4, cols=50)
    asker.wait({"echo": False}, {"exit": True})
    answer = asker.wait({"text": ": "}, {"stable_ms": 1000})
    if not wants_password(answer["screen"]):
        sys.exit("nothing asks for a password")
    show("it wants a password", answer["screen"])
    print("  modes:", " ".join(answer["screen"]["modes"]))
    answer = asker.type("sesame\r", until=[{"regex": r"^(welcome|no) \d"}])
    show("it said " + answer["where"]["text"], answer["screen"])


def main():
    config, task = sys.argv[1:]
    with Brain.ssh(config) as brain:
        edit(brain, task)
        log_in(brain, task)
        text = brain.run(task, ["cat", "/tmp/notes"]).stdout.decode()
        print("# the file:", repr(text))


if __name__ == "__main__":
    main()
