#!/bin/sh
# run.sh - every test, in the order of the README; ends with one line: N passed, N failed, N skipped.
#
#   run.sh BUILD_DIRECTORY
#
# Each part prints lines `ok NAME`, `not ok NAME` or `skipped NAME: why`; they are counted here. REQUIRE_ALL=1 makes
# a skipped test a failed one.
set -u
build=${1:?build directory}
. "$(dirname "$0")/begin.sh"
programs=$work/programs
. "$here/Conformance/programs.sh"
choose_programs || exit 2

# part NAME: the tests that follow. How long the ones before took is said at their end.
part=
part() {
	[ -z "$part" ] || echo "== $part ($(($(date +%s) - started)) s)"
	part=$1
	started=$(date +%s)
	[ -z "$part" ] || echo "== $part"
}
have() { command -v "$1" > /dev/null 2>&1; }

part "the sources"
sh Tests/exports.sh . | keep
sh Tests/selftest/layers.sh | keep
sh Tests/layers.sh Sources/LibIPC | keep
# From when on the folders of the engine have their lines, the sizes hold as well.
grep -rqs '^// Folder: ' Sources/LibIPC && sh Tests/sizes.sh Sources | keep

part "the library and its headers"
install_tree epoll "$build" epoll install
sh Tests/Conformance/library.sh "$work/epoll/lib" | keep
sh Tests/Conformance/headers.sh "$work/epoll/include/libipc" | keep
sh Tests/Conformance/include_path.sh "$work/epoll" | keep
sh Tests/Conformance/macros.sh "$work/epoll" | keep
sh Tests/Conformance/codes/codes.sh "$work/epoll" | keep
sh Tests/Conformance/newer_headers.sh . | keep
sh Tests/Conformance/raised/raised.sh "$work/epoll" | keep
sh Tests/Conformance/selftest/harness.sh "$work/epoll" | keep
sh Tests/Conformance/legacy/old_binary.sh "$work/epoll/lib" "$work/epoll/include/libipc" | keep

part "conformance, epoll"
compile_programs epoll
run_programs epoll. epoll

# At the same time: most tests wait for something.
part "conformance, poll and kqueue"
install_tree poll "$build/poll" poll install
install_tree kqueue "$build/kqueue" kqueue install-library
(log=/dev/null; run_programs kqueue. kqueue) > "$work/beside" &
run_programs poll. poll
wait $!
keep < "$work/beside"

part "conformance under valgrind"
if have valgrind; then
	TEST_PATIENCE=20
	export TEST_PATIENCE
	chosen=$(echo "$chosen" | tr ' ' '\n' | grep -vE 'injected|fuzz|threads|mixes' | tr '\n' ' ')
	run_programs valgrind. epoll valgrind -q --error-exitcode=99 --leak-check=full --trace-children=no --child-silent-after-fork=no
	unset TEST_PATIENCE
else
	echo "skipped valgrind: it is not installed" | keep
fi

part "many threads"
sh Tests/Threads/run.sh "$work/epoll" "$work/threads" 2> "$work/err" | keep
few_threads() { THREADS_MESSAGES=100000 THREADS_SECONDS=2 sh Tests/Threads/run.sh "$work/$1" "$work/threads.$1" 2>> "$work/err" | sed "s/threads\./threads.$1./"; }
few_threads kqueue > "$work/beside" &
few_threads poll | keep
wait $!
keep < "$work/beside"
sh Tests/Threads/sanitized.sh . "$build/tsan" 2>> "$work/err" | keep
sh Tests/Threads/helgrind.sh . "$build/helgrind" 2>> "$work/err" | keep
sh Tests/Threads/soak.sh "$work/epoll" 30 "$work/threads" 2>> "$work/err" | keep
if grep -qE '^not ok (threads|tsan|helgrind|soak)' "$log"; then cat "$work/err"; fi

part "memory order"
sh Tests/MemoryOrder/run.sh "$work/memory_order" 2> "$work/err" | keep
if grep -q '^not ok memory_order' "$log"; then cat "$work/err"; fi

part "random sequences of calls"
: > "$work/err"
POLLERS=kqueue sh Tests/Random/run.sh . "$build/random-kqueue" 30 > "$work/beside" 2>> "$work/err" &
POLLERS="epoll poll" sh Tests/Random/run.sh . "$build/random" 30 2>> "$work/err" | keep
wait $!
keep < "$work/beside"
if grep -q '^not ok random' "$log"; then cat "$work/err"; fi

part "the number of instructions"
sh Tests/Performance/instructions.sh "$work/epoll" "$work" | keep
sh Tests/Performance/scaling.sh "$work/epoll" "$work" | keep

part "the manual"
sh Tests/Manual/selftest.sh . | keep
sh Tests/Manual/installed.sh . "$build" | keep
sh Tests/Manual/lint.sh "$work/epoll" | keep
sh Tests/Manual/pages.sh "$work/epoll" . | keep
sh Tests/Manual/examples.sh "$work/epoll" | keep

part "the README's examples"
sh Tests/readme.sh "$work/epoll" "$build" | keep

part "Crystal"
sh Tests/Crystal/run.sh "$work/epoll" "$work/crystal" | keep

part "other event loops"
: > "$work/err"
ONLY="epoll_level epoll_edge" sh Tests/Loops/run.sh "$work/kqueue" "$work/loops.kqueue" > "$work/beside" 2>> "$work/err" &
sh Tests/Loops/run.sh "$work/epoll" "$work/loops" 2>> "$work/err" | keep
wait $!
sed 's/loops\./loops.kqueue./' "$work/beside" | keep
sh Tests/Loops/run.sh "$work/poll" "$work/loops" poll 2>> "$work/err" | keep
if grep -q '^not ok loops' "$log"; then cat "$work/err"; fi

part "the bindings"
sh Tests/Bindings/crystal.sh "$work/epoll" "$work/bindings/crystal" "$work/poll" 2> "$work/err" | keep
sh Tests/Bindings/python.sh "$work/epoll" "$build/python" "$work/poll" 2>> "$work/err" | keep
sh Tests/Bindings/swift.sh "$work/epoll" "$work/bindings/swift" "$work/poll" 2>> "$work/err" | keep
if have python3; then
	python3 Tests/Bindings/matrix.py "$work/epoll" "$work/bindings/matrix" 2>> "$work/err" | keep
else
	echo "skipped bindings: python3 is not installed" | keep
fi
if grep -qE '^not ok (crystal_|python_|swift_|bindings)' "$log"; then cat "$work/err"; fi

part "the daemons"
sh Tests/Daemons/run.sh "$work/epoll" "$work/daemons" 2> "$work/err" | keep
sh Tests/Daemons/websocket.sh "$work/epoll" "$build/websocket" 2>> "$work/err" | keep
sh Tests/Daemons/without_zlib.sh "$build" "$work/epoll" "$work/daemons" 2>> "$work/err" | keep
if grep -qE '^not ok (daemons|websocket)' "$log"; then cat "$work/err"; fi

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
part "the types, in normal Swift"
swift_tests epoll
swift_tests poll -Xswiftc -DPOLLER_POLL

part ""
count_lines
