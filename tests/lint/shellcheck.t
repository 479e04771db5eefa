#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every shell script passes shellcheck.
set -u
cd "$(dirname "$0")/../.." || exit
if ! command -v shellcheck >/dev/null; then
	echo "1..0 # skip shellcheck is not installed"
	exit 0
fi
count=0
files=$(find contrib tests .ci -type f ! -path '*/corpus/*' \
    -exec grep -lm1 '^#!/bin/\(ba\)\?sh' {} + | sort)
for file in $files; do
	count=$((count + 1))
	if said=$(shellcheck -x "$file"); then
		echo "ok $count - $file"
	else
		echo "not ok $count - $file"
		echo "$said" | sed 's/^/# /'
	fi
done
echo "1..$count"
