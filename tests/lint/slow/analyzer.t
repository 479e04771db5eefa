#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# gcc -fanalyzer finds nothing.
set -u
cd "$(dirname "$0")/../../.." || exit
echo 1..1
said=$(find protocol keys server agent -name '*.c' ! -path protocol/error.c \
    -print0 | xargs -0 -n1 -P2 gcc -std=c11 -D_GNU_SOURCE \
    -DSALLYPORT_VERSION='"0"' -I. -include tests/lint/slow/analyze.h -O1 \
    -fanalyzer -S -o /dev/null 2>&1 | grep -E '(warning|error):' | sort -u)
if [ -z "$said" ]; then
	echo "ok 1 - gcc -fanalyzer finds nothing"
else
	echo "not ok 1 - gcc -fanalyzer finds nothing"
	echo "$said" | sed 's/^/# /'
fi
