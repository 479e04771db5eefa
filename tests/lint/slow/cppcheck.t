#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cppcheck finds nothing. It knows neither the system headers nor the machine.
set -u
cd "$(dirname "$0")/../../.." || exit
echo 1..1
if said=$(cppcheck --quiet --std=c11 --enable=warning,performance,portability \
    --inline-suppr --suppress=missingIncludeSystem \
    --suppress=preprocessorErrorDirective --error-exitcode=1 -D_GNU_SOURCE -DSALLYPORT_VERSION='"0"' -I. -j2 \
    protocol keys server agent 2>&1); then
	echo "ok 1 - cppcheck finds nothing"
else
	echo "not ok 1 - cppcheck finds nothing"
	echo "$said" | sed 's/^/# /'
fi
