#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every source file is as clang-format writes it.
set -u
cd "$(dirname "$0")/../.." || exit
echo 1..1
if ! command -v clang-format >/dev/null; then
	echo "ok 1 # skip clang-format is not installed"
	exit 0
fi
said=$(find protocol keys server agent tests -name '*.[ch]' -print0 |
    xargs -0 clang-format --dry-run -Werror 2>&1 | grep error: |
    sed 's/: error:.*//')
if [ -z "$said" ]; then
	echo "ok 1 - every source file is as clang-format writes it"
else
	echo "not ok 1 - every source file is as clang-format writes it"
	echo "$said" | cut -d: -f1 | sort | uniq -c | sed 's/^/#/'
	exit 1
fi
