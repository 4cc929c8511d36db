#!/bin/sh
# quick.sh - one test of any kind in seconds, for work on one thing: `make quick ONLY="entries OutboxTests/order ipcd.unix_route"`.
#
#   quick.sh BUILD_DIRECTORY
#
# ONLY in the environment has names: programs of Conformance/, suites or tests of LibIPCTests/ or WebSocketTests/, and PART or PART.TEST of
# Daemons/test_PART.py or of Daemons/WebSocket/test_PART.py. What has changed is built without the optimizer and with debug information, in
# BUILD_DIRECTORY/quick. Ends with one line: N passed, N failed, N skipped.
set -u
mkdir -p "${1:?build directory}/quick" && build=$(cd "$1/quick" && pwd) || exit 1
. "$(dirname "$0")/begin.sh"
trees=$build
programs=$build/check
. "$here/Conformance/programs.sh"
cd "$here/.." || exit 1

everything() {
	all_programs
	for suite in Tests/LibIPCTests/*.swift Tests/WebSocketTests/*Tests.swift; do basename "$suite" .swift; done
	for part in Tests/Daemons/test_*.py Tests/Daemons/WebSocket/test_*.py; do basename "$part" .py | sed 's/^test_//'; done
}
conformance='' suites='' daemons='' websocket=''
for name in ${ONLY:?names of tests}; do
	suite=${name%%/*} part=${name%%.*}
	if [ -e "Tests/Conformance/$name.c" ]; then conformance="$conformance $name"
	elif [ -e "Tests/LibIPCTests/$suite.swift" ] || [ -e "Tests/WebSocketTests/$suite.swift" ]; then suites="$suites $name"
	elif [ -e "Tests/Daemons/test_$part.py" ]; then daemons="$daemons $name"
	elif [ -e "Tests/Daemons/WebSocket/test_$part.py" ]; then websocket="$websocket $name"
	else
		near=$(everything | near_names "$part" | paste -sd ' ')
		echo "there is no test $name${near:+; near names: $near}" >&2
		exit 2
	fi
done
# OPTIMIZATION is that of C; from the command line the objects with one of their own obey it, too.
unoptimized() { ${MAKE:-make} -s BUILD="$build" PREFIX="$build/tree" DESTDIR= OPTIMIZED=no OPTIMIZATION=-O0 HARDENING=no DEBUG=1 "$@"; }
build_tree() { unoptimized "$1" > "$work/make" 2>&1 || { cat "$work/make" >&2; echo "not ok building" | keep; count_lines; exit 1; }; }

if [ -n "$conformance" ]; then
	chosen=$conformance
	build_tree install-library
	compile_programs tree
	run_programs '' tree 4
fi
if [ -n "$daemons$websocket" ]; then
	build_tree install
	# shellcheck disable=SC2086
	if [ -n "$daemons" ]; then sh Tests/Daemons/run.sh "$build/tree" "$build/daemons" $daemons | keep; fi
	# shellcheck disable=SC2086
	if [ -n "$websocket" ]; then sh Tests/Daemons/websocket.sh "$build/tree" "$build/websocket" $websocket | keep; fi
fi
if [ -n "$suites" ]; then
	pattern=$(echo "$suites" | sed 's/^ //; s/ /|/g')
	"${SWIFT:-swift}" test --scratch-path "$build/swift" --filter "$pattern" > "$work/swift" 2>&1
	status=$?
	grep -aE '^. Test .* (passed|failed) after' "$work/swift" | grep -av '^. Test run ' |
		sed -e 's/^. Test \(.*\) passed after.*/ok \1/' -e 's/^. Test \(.*\) failed after.*/not ok \1/' | keep
	[ $status -eq 0 ] || { grep -avE 'passed|started' "$work/swift" | tail -40; grep -q '^not ok' "$log" || echo "not ok swift" | keep; }
fi
count_lines
