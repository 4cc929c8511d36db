#!/bin/sh
# scaling.sh - what a step costs beside few and beside many entries that have nothing to do with it (scaling.c): it should be the same.
#
#   scaling.sh TREE WORK     TREE: where the library is installed
#
# Prints two lines for each case: one with the instructions of a step beside few and beside many, and `ok NAME` or `not ok NAME`:
# with many it may be at most 1.3 times as many. Instructions are counted, so that the result does not depend on the machine's load.
set -u
tree=${1:?tree}
work=${2:?work directory}
steps=50

PKG_CONFIG_PATH=$tree/lib/pkgconfig
export PKG_CONFIG_PATH
# program NAME
program() {
	# shellcheck disable=SC2046
	${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -O2 -DSTEPS=$steps $(pkg-config --cflags libipc) "Tests/Performance/$1.c" \
		-o "$work/$1" $(pkg-config --libs libipc) -lpthread || { echo "not ok scaling_compile_$1"; exit 1; }
}

# count CASE COUNT: the instructions of a step, or nothing
count() {
	LD_LIBRARY_PATH=$tree/lib valgrind --tool=callgrind --toggle-collect=measured --callgrind-out-file=/dev/null \
		"$work/scaling" "$1" "$2" > "$work/callgrind" 2>&1 || { cat "$work/callgrind" >&2; return; }
	echo $(($(sed -n 's/.*Collected : //p' "$work/callgrind") / steps))
}

# compare CASE FEW MANY: prints the figures; true when the cost is the same
compare() {
	few=$(count "$1" "$2")
	many=$(count "$1" "$3")
	[ "${few:-0}" -gt 0 ] && [ "${many:-0}" -gt 0 ] || return
	if [ $((many * 10)) -le $((few * 13)) ]; then verdict=met; else verdict='not met'; fi
	echo "$few instructions beside $2 ($1), $many beside $3; at most 1.3 times to reach: $verdict"
	[ "$verdict" = met ]
}
flat() { if compare "$@"; then echo "ok scaling_$1"; else echo "not ok scaling_$1"; fi; }

if command -v valgrind > /dev/null 2>&1; then
	program scaling
	flat idle_entries 100 2000
	flat idle_entries_add_and_close 100 2000
	flat long_queue_write 100 2000
	flat long_queue_direct_write 100 2000
	flat long_queue_other_connection 100 2000
	flat long_queue_entry 100 2000
	flat unpaired_ends 100 2000
	# With 2,000 the count alone would take a minute.
	flat unpaired_ends_and_pairs 50 500
	# Each has more than 256 KiB.
	flat slow_partners 20 400
	flat parked_ends 100 2000
	flat descriptor_in_two_contexts 100 2000
	flat partner_elsewhere 100 2000
else
	echo 'skipped scaling: valgrind is not installed'
fi

# Whether a set is made anew depends on the order of two threads: with so many it happened each time. None is to be made.
name=scaling_connections_beside_a_waiter_make_no_epoll_set
program churn
sets=$(LD_LIBRARY_PATH=$tree/lib timeout 60 "$work/churn" 100 5000)
echo "${sets:-no} epoll sets made for 5000 connections that came and went; 0 to reach"
if [ "$sets" = 0 ]; then echo "ok $name"; else echo "not ok $name"; fi
