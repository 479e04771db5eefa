#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every manual page is clean, and every program has one.
set -u
cd "$(dirname "$0")/../.." || exit
if ! command -v mandoc >/dev/null; then
	echo "1..0 # skip mandoc is not installed"
	exit 0
fi
count=0

report() { # STATUS NAME TEXT
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		echo "$3" | sed 's/^/# /'
	fi
}

for page in docs/*.[158]; do
	said=$(mandoc -Tlint -Wwarning "$page" 2>&1)
	report $? "$page is clean" "$said"
done
programs=$(sed -n '/^PROGRAMS/,/^BINS/p' Makefile | grep -o 'sallyport[a-z-]*')
for program in $programs; do
	ls docs/"$program".[18] >/dev/null 2>&1
	report $? "$program has a manual page" ""
done
echo "1..$count"
