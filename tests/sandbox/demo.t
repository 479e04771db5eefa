#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The demo checks what it shows: it must find it all as it has to be.
root=$(dirname "$0")/../..
if text=$("$root/contrib/demo" "$SALLYPORT_BIN" 2>&1); then
	echo "ok 1 - the demo's facts are as they have to be"
else
	echo "not ok 1 - the demo's facts are as they have to be"
	echo "$text" | sed 's/^/# /'
fi
echo 1..1
