#!/bin/sh
# run.sh - every test; ends with one line: N passed, N failed, N skipped.
#
#   run.sh BUILD_DIRECTORY [PART...]    a PART is one of those below that begin with part_: only these
#
# Each part prints lines `ok NAME`, `not ok NAME` or `skipped NAME: why`; they are counted here. REQUIRE_ALL=1 makes a skipped test a failed
# one. Two parts run at the same time where there are two processors (JOBS says how many): most of them wait more than they work. So a part
# uses nothing that another one writes: it has a directory of its own ($work), and its tests have run directories and ports of their own.
# What it prints is shown when it ends.
set -u
build=${1:?build directory}
shift
. "$(dirname "$0")/begin.sh"
# What the parts share, and only read: the installed trees and the conformance programs.
trees=${TESTS_TREES:-$work}
programs=$trees/programs
. "$here/Conformance/programs.sh"
choose_programs || exit 2

have() { command -v "$1" > /dev/null 2>&1; }
# errors_of PATTERN: why something has failed, where a line of the log says that
errors_of() { if grep -qE "^not ok ($1)" "$log"; then cat "$work/err"; fi; }

# MARK: Parts

part_sources() {
	sh Tests/exports.sh . | keep
	sh Tests/selftest/layers.sh | keep
	sh Tests/layers.sh Sources/LibIPC | keep
	sh Tests/versions.sh . | keep
	# From when on the folders of the engine have their lines, the sizes hold as well.
	grep -rqs '^// Folder: ' Sources/LibIPC && sh Tests/sizes.sh Sources | keep
}
part_headers() {
	sh Tests/Conformance/library.sh "$trees/epoll/lib" | keep
	sh Tests/Conformance/headers.sh "$trees/epoll/include/libipc" | keep
	sh Tests/Conformance/include_path.sh "$trees/epoll" | keep
	sh Tests/Conformance/macros.sh "$trees/epoll" | keep
	sh Tests/Conformance/codes/codes.sh "$trees/epoll" | keep
	sh Tests/Conformance/newer_headers.sh . | keep
	sh Tests/Conformance/raised/raised.sh "$trees/epoll" | keep
	sh Tests/Conformance/selftest/harness.sh "$trees/epoll" | keep
	sh Tests/Conformance/legacy/old_binary.sh "$trees/epoll/lib" "$trees/epoll/include/libipc" | keep
}
part_conformance_epoll() { run_programs epoll. epoll 3; }
part_conformance_poll() { run_programs poll. poll 3; }
part_conformance_kqueue() { run_programs kqueue. kqueue 3; }
part_valgrind() {
	if have valgrind; then
		TEST_PATIENCE=20
		export TEST_PATIENCE
		chosen=$(echo "$chosen" | tr ' ' '\n' | grep -vE 'injected|fuzz|threads|mixes' | tr '\n' ' ')
		run_programs valgrind. epoll 1 valgrind -q --error-exitcode=99 --leak-check=full --trace-children=no --child-silent-after-fork=no
	else
		echo "skipped valgrind: it is not installed" | keep
	fi
}
part_threads() {
	sh Tests/Threads/run.sh "$trees/epoll" "$work/threads" 2> "$work/err" | keep
	THREADS_MESSAGES=100000 THREADS_SECONDS=2
	export THREADS_MESSAGES THREADS_SECONDS
	for poller in poll kqueue; do
		sh Tests/Threads/run.sh "$trees/$poller" "$work/threads" 2>> "$work/err" | sed "s/threads\./threads.$poller./" | keep
	done
	unset THREADS_MESSAGES THREADS_SECONDS
	sh Tests/Threads/soak.sh "$trees/epoll" 30 "$work/threads" 2>> "$work/err" | keep
	errors_of 'threads|soak'
}
part_sanitized() {
	sh Tests/Threads/sanitized.sh . "$build/tsan" 2> "$work/err" | keep
	errors_of tsan
}
part_coverage() {
	sh Tests/Coverage/run.sh "$build" short 2> "$work/err" | keep
	errors_of coverage
}
part_format() {
	sh Tests/selftest/format.sh "$build" | keep
	sh Tests/format.sh "$build" 2> "$work/err" | keep
	errors_of format
}
part_helgrind() {
	sh Tests/Threads/helgrind.sh . "$build/helgrind" 2> "$work/err" | keep
	errors_of helgrind
}
part_memory_order() {
	sh Tests/MemoryOrder/run.sh "$work/memory_order" 2> "$work/err" | keep
	errors_of memory_order
}
part_random() {
	POLLERS="epoll poll" sh Tests/Random/run.sh . "$build/random" 30 2> "$work/err" | keep
	errors_of random
}
part_random_kqueue() {
	POLLERS=kqueue sh Tests/Random/run.sh . "$build/random-kqueue" 30 2> "$work/err" | keep
	errors_of random
}
part_fuzz() {
	sh Tests/Fuzz/run.sh "$build/fuzz" 2 2> "$work/err" | keep
	errors_of fuzz
}
part_targets() { sh Tests/Targets/run.sh "$build" "$work/targets" | keep; }
part_instructions() {
	sh Tests/Performance/instructions.sh "$trees/epoll" "$work" | keep
	sh Tests/Performance/scaling.sh "$trees/epoll" "$work" | keep
}
part_manual() {
	sh Tests/Manual/selftest.sh . | keep
	sh Tests/Manual/lint.sh "$trees/epoll" | keep
	sh Tests/Manual/pages.sh "$trees/epoll" . | keep
	sh Tests/Manual/examples.sh "$trees/epoll" | keep
}
part_install() {
	sh Tests/Install/run.sh "$build" 2> "$work/err" | keep
	if grep -q '^not ok' "$log"; then cat "$work/err"; fi
}
part_readme() { sh Tests/readme.sh "$trees/epoll" "$build" | keep; }
part_packages() {
	sh Tests/ABI/abi.sh "$trees/epoll/lib/libipc.so" "$trees/epoll/include/libipc" 2> "$work/err" | keep
	sh Tests/Packages/run.sh "$build" 2>> "$work/err" | keep
	errors_of 'abi\.|deb\.'
}
part_tool() {
	sh Tests/Tool/run.sh "$trees/epoll" "$work/tool" 2> "$work/err" | keep
	errors_of tool
}
part_loops() {
	sh Tests/Loops/run.sh "$trees/epoll" "$work/loops" 2> "$work/err" | keep
	sh Tests/Loops/run.sh "$trees/poll" "$work/loops" poll 2>> "$work/err" | keep
	ONLY="epoll_level epoll_edge" sh Tests/Loops/run.sh "$trees/kqueue" "$work/loops" 2>> "$work/err" | sed 's/loops\./loops.kqueue./' | keep
	errors_of loops
}
part_crystal() {
	sh Tests/Crystal/run.sh "$trees/epoll" "$work/crystal" 2> "$work/err" | keep
	sh Tests/Bindings/crystal.sh "$trees/epoll" "$work/shard" "$trees/poll" 2>> "$work/err" | keep
	errors_of crystal_
}
part_python() {
	sh Tests/Bindings/python.sh "$trees/epoll" "$build/python" "$trees/poll" 2> "$work/err" | keep
	errors_of python_
}
# The matrix takes the programs in Swift that swift.sh has built.
part_swift() {
	sh Tests/Bindings/swift.sh "$trees/epoll" "$work/swift" "$trees/poll" 2> "$work/err" | keep
	if have python3; then
		python3 Tests/Bindings/matrix.py "$trees/epoll" "$work/matrix" 2>> "$work/err" | keep
	else
		echo "skipped bindings: python3 is not installed" | keep
	fi
	errors_of 'swift_|bindings'
}
part_daemons() {
	sh Tests/Daemons/run.sh "$trees/epoll" "$work/daemons" 2> "$work/err" | keep
	errors_of daemons
}
part_websocket() {
	sh Tests/Daemons/websocket.sh "$trees/epoll" "$build/websocket" 2> "$work/err" | keep
	sh Tests/Daemons/without_zlib.sh "$build" "$trees/epoll" "$work/daemons" 2>> "$work/err" | keep
	errors_of websocket
}
# swift_tests NAME FLAGS...
swift_tests() {
	name=$1
	shift
	if timeout 900 swift test --scratch-path "$build/swift-$name" "$@" > "$work/swift" 2>&1; then
		# Tests write what they like beside: that is text, too.
		grep -aE '^. Test .* passed' "$work/swift" | grep -av '^. Test run ' | sed -e 's/^. Test //' -e 's/ passed.*//' -e "s/^/ok swift.$name./" | keep
	else
		grep -avE 'passed|started' "$work/swift" | tail -60
		grep -aE '^. Test .* failed' "$work/swift" | sed -e 's/^. Test //' -e 's/ failed.*//' -e "s/^/not ok swift.$name./" | keep
		echo "not ok swift.$name" | keep
	fi
}
part_types_epoll() { swift_tests epoll; }
part_types_poll() { swift_tests poll -Xswiftc -DPOLLER_POLL; }

# MARK: Running them

# The long ones first, so that all processors are busy until the end.
parts='websocket valgrind daemons targets types_epoll types_poll swift sanitized helgrind threads random random_kqueue install packages conformance_epoll
	conformance_poll conformance_kqueue coverage crystal python tool loops fuzz format headers instructions manual readme memory_order sources'

if [ "${1:-}" = --one ]; then
	started=$(date +%s)
	"part_$2" > "$work/output" 2>&1
	until mkdir "$trees/printing" 2> /dev/null; do sleep 0.1; done
	echo "== $2"
	cat "$work/output"
	echo "== $2 ($(($(date +%s) - started)) s)"
	rmdir "$trees/printing"
	mv "$log" "$trees/log.$2"
	exit 0
fi

chosen_parts=${*:-$parts}
for part in $chosen_parts; do
	grep -q "^part_$part()" "$0" || { echo "there is no part $part" >&2; exit 2; }
done
install_tree epoll "$build" epoll install
# What depends on the poller is the library.
install_tree poll "$build/poll" poll install-library
install_tree kqueue "$build/kqueue" kqueue install-library
compile_programs epoll
TESTS_TREES=$work
export TESTS_TREES
jobs=${JOBS:-1}
[ -n "${JOBS:-}" ] || [ "$(nproc 2> /dev/null || echo 1)" -lt 2 ] || jobs=2
# xargs, and not the shell: what that starts in the background ignores SIGINT.
echo "$chosen_parts" | xargs -n 1 -P "$jobs" sh "$0" "$build" --one
for part in $chosen_parts; do
	cat "$work/log.$part" >> "$log" || echo "not ok part_$part" | keep
done
count_lines
