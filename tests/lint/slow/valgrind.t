#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What uses libuv is also run under valgrind, which sees what the library, that
# no sanitizer has instrumented, does with memory after it was freed.
set -u
cd "$(dirname "$0")/../../.." || exit
build=${VALGRIND_BUILD:-build}
count=0
sources=$(grep -l 'uv\.h\|channel_side\.h' tests/unit/*.c)
for source in $sources; do
	name=$(basename "$source" .c)
	program=$build/tests/unit/$name
	count=$((count + 1))
	# The filter's own test confines valgrind, too.
	if [ "$name" = common_confine ]; then
		echo "ok $count - $name # skip it filters valgrind's own calls"
	elif said=$(make -s BUILD="$build" "$program" 2>&1 &&
	    valgrind -q --error-exitcode=9 --leak-check=full \
	        --trace-children=no --child-silent-after-fork=yes \
	        "$program" 2>&1); then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		echo "$said" | sed 's/^/# /'
	fi
done
echo "1..$count"
