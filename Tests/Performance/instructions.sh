#!/bin/sh
# instructions.sh - the instructions of 10,000 echoes (instructions.c), held against a recorded figure: repeatable where times are not.
#
#   instructions.sh TREE WORK     TREE: where the library is installed
#
# Prints one line, `ok NAME`, `not ok NAME` or `skipped NAME: why`. A change that makes the library 10 % slower must say why; one
# that makes it 10 % faster has a new figure to write down here.
set -u
tree=${1:?tree}
work=${2:?work directory}
recorded=48425000
name=instructions_of_10000_echoes

command -v valgrind > /dev/null 2>&1 || { echo "skipped $name: valgrind is not installed"; exit 0; }
# The figure is of one kind of machine.
[ "$(uname -m)" = x86_64 ] || { echo "skipped $name: no figure is recorded for $(uname -m)"; exit 0; }
PKG_CONFIG_PATH=$tree/lib/pkgconfig
export PKG_CONFIG_PATH
# shellcheck disable=SC2046
${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -O2 $(pkg-config --cflags libipc) Tests/Performance/instructions.c -o "$work/instructions" \
	$(pkg-config --libs libipc) || { echo "not ok $name"; exit 1; }
LD_LIBRARY_PATH=$tree/lib valgrind --tool=callgrind --callgrind-out-file=/dev/null "$work/instructions" > "$work/callgrind" 2>&1
count=$(sed -n 's/.*Collected : //p' "$work/callgrind")
if [ -z "$count" ]; then
	cat "$work/callgrind"
	echo "not ok $name"
	exit 1
fi
echo "$count instructions, $recorded recorded"
if [ $((count * 10)) -le $((recorded * 11)) ] && [ $((count * 10)) -ge $((recorded * 9)) ]; then echo "ok $name"; else echo "not ok $name"; fi
