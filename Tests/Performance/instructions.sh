#!/bin/sh
# instructions.sh - the instructions that echoes take (instructions.c), compared with recorded figures: repeatable where times are not.
#
#   instructions.sh TREE WORK     TREE: where the library is installed
#
# Prints two lines for each figure: one with the count, the recorded count and the one to reach; and `ok NAME` or `not ok NAME`. A
# count may be 10 % off the recorded one. A change that makes the library slower than that must say why; after one that makes it
# faster, write down the new count here. The count to reach fails no test.
set -u
tree=${1:?tree}
work=${2:?work directory}

skip_all() {
	for name in instructions_of_10000_echoes instructions_of_10000_echoes_with_a_timer instructions_of_64_in_flight \
		instructions_of_64_in_flight_with_a_timer; do
		echo "skipped $name: $1"
	done
	exit 0
}
command -v valgrind > /dev/null 2>&1 || skip_all 'valgrind is not installed'
# The figures are of one kind of machine.
[ "$(uname -m)" = x86_64 ] || skip_all "no figures are recorded for $(uname -m)"
PKG_CONFIG_PATH=$tree/lib/pkgconfig
export PKG_CONFIG_PATH
# shellcheck disable=SC2046
${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -O2 $(pkg-config --cflags libipc) Tests/Performance/instructions.c -o "$work/instructions" \
	$(pkg-config --libs libipc) || { echo 'not ok instructions_compile'; exit 1; }

# count NAME ECHOES IN_FLIGHT TIMER RECORDED GOAL: the last two in instructions for all echoes
count() {
	LD_LIBRARY_PATH=$tree/lib valgrind --tool=callgrind --callgrind-out-file=/dev/null "$work/instructions" "$2" "$3" "$4" \
		> "$work/callgrind" 2>&1
	status=$?
	count=$(sed -n 's/.*Collected : //p' "$work/callgrind")
	# A program that has failed was counted, too.
	if [ $status -ne 0 ] || [ -z "$count" ]; then
		cat "$work/callgrind"
		echo "not ok $1"
		return
	fi
	if [ "$count" -le "$6" ]; then verdict=met; else verdict='not met'; fi
	echo "$count instructions for $2 echoes, $3 in flight, timer $4 ($((count / $2)) each); $5 recorded; $6 to reach: $verdict"
	if [ $((count * 10)) -le $(($5 * 11)) ] && [ $((count * 10)) -ge $(($5 * 9)) ]; then echo "ok $1"; else echo "not ok $1"; fi
}
# Hardening (Sources/hardening.mk) is 0.5 to 0.6 % of each: the marks of what may be jumped to.
count instructions_of_10000_echoes 10000 1 -1 39689000 28000000
count instructions_of_10000_echoes_with_a_timer 10000 1 10000 43749000 30000000
count instructions_of_64_in_flight 12800 64 -1 42154000 25600000
count instructions_of_64_in_flight_with_a_timer 12800 64 10000 46058000 25600000
