#!/bin/sh
# run.sh - random sequences of all calls (random.c), with libraries for epoll, poll(2) and kqueue(2) that were built with
# AddressSanitizer.
#
#   run.sh SOURCE_TREE BUILD SEEDS [FIRST_SEED]     POLLERS names some of the libraries
#
# First the sequences in found/, which have failed once; then SEEDS new ones. One line for each hundred of seeds that pass, one for each
# that fails, at most five; the first one is made short, and its steps go to stderr. `BUILD/random.epoll --seed N --verbose` shows one sequence.
set -u
source=${1:?source tree}
build=${2:?directory for the libraries and the program}
seeds=${3:?number of seeds}
first=${4:-1}
directory=$(dirname "$0")
steps=${RANDOM_STEPS:-400}

. "$directory/../toolchain.sh"
if [ -z "$(find "$toolchain/../lib/clang" -name 'libclang_rt.asan-*.a' 2> /dev/null)" ]; then
	echo "skipped random.all: the toolchain has no runtime of this sanitizer"
	exit 0
fi
mkdir -p "$build" || exit 1
build=$(cd "$build" && pwd)
TMPDIR=$(mktemp -d) || exit 1
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 1' HUP INT TERM
ASAN_OPTIONS="exitcode=66 detect_leaks=1 ${ASAN_OPTIONS:-}"
export TMPDIR ASAN_OPTIONS

# compile POLLER
compile() {
	${MAKE:-make} -s -C "$source" BUILD="$build/$1" POLLER="$1" EXTRA_SWIFTFLAGS=-sanitize=address \
		EXTRA_CFLAGS=-fsanitize=address,undefined EXTRA_LDFLAGS=-Wl,-z,undefs library > "$build/log.$1" 2>&1 &&
		"$toolchain/clang" -std=gnu11 -Wall -Wextra -Werror -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fuse-ld=lld \
			-I"$source/include" "$directory"/*.c -o "$build/random.$1" -L"$build/$1/lib" -lipc -Wl,-rpath,"$build/$1/lib" \
			$sanitizer_libraries >> "$build/log.$1" 2>&1
}

# shorten PROGRAM STEPS: what is left of a list of steps that fails
shorten() {
	if command -v python3 > /dev/null 2>&1; then
		python3 "$directory/shrink.py" "$1" "$2" 60 >&2
	else
		echo "python3, which makes the steps fewer, is not installed: $2" >&2
	fi
}

# try NAME ARGUMENTS...: one sequence with the program $program
try() {
	name=$1
	shift
	timeout 300 "$program" "$@" > /dev/null 2> "$build/err" && return
	echo "not ok $name"
	grep -m1 -E 'FAILED|ERROR: |runtime error' "$build/err" >&2
	failures=$((failures + 1))
	# What fails first is made short; the others may fail for the same reason.
	[ "$failures" = 1 ] && "$program" "$@" --print > "$build/steps" && shorten "$program" "$build/steps"
	return 1
}

failed=0
for poller in ${POLLERS:-epoll poll kqueue}; do
	program=$build/random.$poller failures=0
	if ! compile "$poller"; then
		cat "$build/log.$poller" >&2
		echo "not ok random.$poller.building"
		exit 1
	fi
	for list in "$directory"/found/*.steps; do
		[ -f "$list" ] || continue
		name=random.$poller.found_$(basename "$list" .steps)
		if try "$name" --replay "$list"; then echo "ok $name"; else failed=1; fi
	done
	seed=$first
	while [ "$seed" -lt $((first + seeds)) ]; do
		last=$((seed + 99)) from=$seed passed=1
		[ "$last" -lt $((first + seeds)) ] || last=$((first + seeds - 1))
		while [ "$seed" -le "$last" ]; do
			try "random.$poller.seed_$seed" --seed "$seed" --steps "$steps" || { failed=1 passed=0; }
			seed=$((seed + 1))
			[ "$failures" -lt 5 ] || break 2
		done
		[ "$passed" = 1 ] && echo "ok random.$poller.seeds_${from}_to_$last"
	done
done
exit $failed
