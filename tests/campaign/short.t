#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The campaign in short: some seconds of everything that it breaks."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from tap import check, done

SEED = "4"
SECONDS = "10"

if os.geteuid() != 0:
    print("1..0 # skip it takes root to make sandboxes and mounts")
    sys.exit(0)

campaign = subprocess.run(
    [os.path.join(HERE, "run"), os.environ["SALLYPORT_BIN"], "--seed", SEED,
     "--seconds", SECONDS, "--tasks", "3", "--shells", "2", "--width", "2"],
    capture_output=True, text=True, check=False)
print("".join(f"# {line}\n" for line in campaign.stdout.splitlines()), end="")
check(campaign.returncode == 0, "every byte and every exit is accounted for",
      campaign.stderr)
done()
