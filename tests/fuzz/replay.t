#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every fuzz target of this build survives its whole corpus.
set -u
cd "$(dirname "$0")/../.." || exit
programs=$SALLYPORT_BIN/../tests/fuzz
count=0
for source in tests/fuzz/*.c; do
	name=$(basename "$source" .c)
	[ "$name" = replay ] && continue
	count=$((count + 1))
	if said=$("$programs/$name" 2>&1); then
		echo "ok $count - $name: $said"
	else
		echo "not ok $count - $name"
		echo "$said" | sed 's/^/# /'
	fi
done
echo "1..$count"
