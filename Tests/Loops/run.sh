#!/bin/sh
# run.sh - an echo service and its clients in the event loops that programs have, with an installed library.
#
#   run.sh TREE WORK [poll]      poll: the library waits with poll(2), and has no descriptor for other loops
#
# ONLY names some of the loops; RUNNER, in front of each program in C, is valgrind and its options, say. One line for each loop and
# scenario: `ok NAME`, `not ok NAME`, or `skipped NAME: why`; reasons go to stderr.
set -u
tree=$(cd "${1:?installed tree}" && pwd) || exit 1
mkdir -p "${2:?directory for programs}" && work=$(cd "$2" && pwd) || exit 1
loops=${ONLY:-epoll_level epoll_edge libuv libevent glib asyncio crystal}
[ "${3:-}" = poll ] && loops=poll
cd "$(dirname "$0")" || exit 1
export PKG_CONFIG_PATH="$tree/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}" LD_LIBRARY_PATH="$tree/lib"
export CRYSTAL_CACHE_DIR="$work/cache" PYTHONDONTWRITEBYTECODE=1
failed=0

# run LOOP COMMAND...: its lines, with the name of the loop
run() {
	name=loops.$1
	shift
	"$@" > "$work/out" 2> "$work/err"
	status=$?
	sed -n -E "s/^(ok|not ok|skipped) /\1 $name./p" "$work/out"
	[ $status -eq 0 ] && [ -s "$work/out" ] && return
	cat "$work/err" >&2
	grep -q '^not ok' "$work/out" || echo "not ok $name.ended_with_$status"
	failed=1
}

# in_c LOOP PACKAGE: both programs, with the loop's adapter, as a user would compile them
in_c() {
	if [ -n "$2" ] && ! pkg-config --exists "$2"; then
		echo "skipped loops.$1: pkg-config does not know $2"
		return
	fi
	for program in scenarios idle; do
		# shellcheck disable=SC2046,SC2086
		${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -O1 -g $(pkg-config --cflags libipc $2) $program.c "$1.c" -o "$work/$1.$program" \
			$(pkg-config --libs libipc $2) -lpthread 1>&2 || { echo "not ok loops.$1.compiling_$program"; failed=1; continue; }
		# shellcheck disable=SC2086
		run "$1" ${RUNNER:-} "$work/$1.$program"
	done
}

# Each scenario is a process, in a run directory of its own.
crystal_scenarios() {
	for scenario in $("$work/fibers"); do
		IPC_RUNDIR=$(mktemp -d) || return 1
		export IPC_RUNDIR
		if "$work/fibers" "$scenario" 1>&2; then echo "ok $scenario"; else echo "not ok $scenario"; fi
		rm -rf "$IPC_RUNDIR"
	done
}

in_crystal() {
	if ! command -v crystal > /dev/null 2>&1; then
		echo "skipped loops.crystal: there is no crystal here"
	elif crystal build fibers_scenarios.cr -o "$work/fibers" 1>&2; then
		run crystal crystal_scenarios
	else
		echo "not ok loops.crystal.compiling"
		failed=1
	fi
}

in_python() {
	if command -v python3 > /dev/null 2>&1; then run asyncio python3 asyncio_scenarios.py
	else echo "skipped loops.asyncio: there is no python3 here"; fi
}

unset IPC_NETWORK
for loop in $loops; do
	case $loop in
	libuv) in_c libuv libuv ;;
	libevent) in_c libevent libevent_core ;;
	glib) in_c glib glib-2.0 ;;
	asyncio) in_python ;;
	crystal) in_crystal ;;
	poll)
		# shellcheck disable=SC2046
		${CC:-cc} -std=gnu11 -Wall -Wextra -Werror $(pkg-config --cflags libipc) poll.c -o "$work/poll" $(pkg-config --libs libipc) 1>&2
		run poll "$work/poll"
		;;
	*) in_c "$loop" "" ;;
	esac
done
exit $failed
