#!/bin/sh
# run.sh - every test, in the order of the README; ends with one line: N passed, N failed, N skipped.
#
#   run.sh BUILD_DIRECTORY
#
# Each part prints lines `ok NAME`, `not ok NAME` or `skipped NAME: why`; they are counted here. REQUIRE_ALL=1 makes
# a skipped test a failed one.
set -u
build=${1:?build directory}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
log=$work/log
: > "$log"
CC=${CC:-cc}

part() { echo "== $1"; }
# Shows a part's lines and keeps them for the count.
keep() { tee -a "$log"; }
have() { command -v "$1" > /dev/null 2>&1; }

# install_tree NAME BUILD POLLER
install_tree() {
	make -s BUILD="$2" POLLER="$3" PREFIX="$work/$1" install > "$work/install.log" 2>&1 && return
	cat "$work/install.log"
	echo "not ok installing_with_$3" | keep
}

# compile_programs TREE: as a user would, with pkg-config's flags alone
compile_programs() {
	PKG_CONFIG_PATH=$work/$1/lib/pkgconfig
	export PKG_CONFIG_PATH
	mkdir -p "$work/programs"
	$CC -shared -fPIC -std=gnu11 -Wall -Wextra -Werror -O1 Tests/Conformance/injector.c -o "$work/libinject.so" -ldl
	for source in Tests/Conformance/*.c; do
		name=$(basename "$source" .c)
		[ "$name" = injector ] && continue
		# shellcheck disable=SC2046
		$CC -std=gnu11 -Wall -Wextra -Werror -O1 -g $(pkg-config --cflags libipc) "$source" -o "$work/programs/$name" \
			$(pkg-config --libs libipc) -lpthread -ldl || echo "not ok compiling_$name" | keep
	done
}

# run_programs PREFIX TREE COMMAND... : the programs, each test's name led by PREFIX
run_programs() {
	prefix=$1
	tree=$2
	shift 2
	for program in "$work"/programs/*; do
		case " ${ONLY:-$(basename "$program")} " in *" $(basename "$program") "*) ;; *) continue ;; esac
		LD_LIBRARY_PATH=$work/$tree/lib INJECTOR=$work/libinject.so "$@" "$program" > "$work/out" 2> "$work/err"
		status=$?
		sed -n -e "s/^ok /ok $prefix/p" -e "s/^not ok /not ok $prefix/p" -e "s/^skipped /skipped $prefix/p" "$work/out" | keep
		if grep -q '^not ok' "$work/out"; then cat "$work/err"; fi
		if [ $status -ne 0 ] && ! grep -q '^not ok' "$work/out"; then
			cat "$work/err"
			echo "not ok $prefix$(basename "$program")_ended_with_$status" | keep
		fi
	done
}

part "the library and its headers"
install_tree epoll "$build" epoll
sh Tests/Conformance/library.sh "$work/epoll/lib" | keep
sh Tests/Conformance/headers.sh "$work/epoll/include/libipc" | keep
sh Tests/Conformance/macros.sh "$work/epoll" | keep
sh Tests/Conformance/newer_headers.sh . | keep
sh Tests/Conformance/raised/raised.sh "$work/epoll" | keep
sh Tests/Conformance/selftest/harness.sh "$work/epoll" | keep
sh Tests/Conformance/legacy/old_binary.sh "$work/epoll/lib" "$work/epoll/include/libipc" | keep

part "conformance, epoll"
compile_programs epoll
run_programs epoll. epoll

part "conformance, poll"
install_tree poll "$build/poll" poll
run_programs poll. poll

part "conformance under valgrind"
if have valgrind; then
	TEST_PATIENCE=20
	export TEST_PATIENCE
	ONLY="$(ls "$work/programs" | grep -vE 'injected|fuzz|threads|mixes' | tr '\n' ' ')"
	run_programs valgrind. epoll valgrind -q --error-exitcode=99 --leak-check=full --trace-children=no --child-silent-after-fork=no
	unset TEST_PATIENCE ONLY
else
	echo "skipped valgrind: it is not installed" | keep
fi

part "many threads"
sh Tests/Threads/run.sh "$work/epoll" "$work/threads" 2> "$work/err" | keep
THREADS_MESSAGES=100000 THREADS_SECONDS=2 sh Tests/Threads/run.sh "$work/poll" "$work/threads" 2>> "$work/err" | sed 's/threads\./threads.poll./' | keep
sh Tests/Threads/sanitized.sh . "$build/tsan" 2>> "$work/err" | keep
sh Tests/Threads/helgrind.sh . "$build/helgrind" 2>> "$work/err" | keep
sh Tests/Threads/soak.sh "$work/epoll" 30 "$work/threads" 2>> "$work/err" | keep
if grep -qE '^not ok (threads|tsan|helgrind|soak)' "$log"; then cat "$work/err"; fi

part "the number of instructions"
sh Tests/Performance/instructions.sh "$work/epoll" "$work" | keep

part "the README's examples"
sh Tests/readme.sh "$work/epoll" "$build" | keep

part "Crystal"
sh Tests/Crystal/run.sh "$work/epoll" "$work/crystal" | keep

part "the daemons"
sh Tests/Daemons/run.sh "$work/epoll" "$work/daemons" 2> "$work/err" | keep
sh Tests/Daemons/websocket.sh "$work/epoll" "$build/websocket" 2>> "$work/err" | keep
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

passed=$(grep -ac '^ok ' "$log")
failed=$(grep -ac '^not ok ' "$log")
skipped=$(grep -ac '^skipped ' "$log")
# What the machine cannot have, and no installation would give it, is no failure.
[ "${REQUIRE_ALL:-}" = 1 ] && failed=$((failed + $(grep -a '^skipped ' "$log" | grep -avc 'no IPv6 loopback')))
grep -aE '^(not ok|skipped) ' "$log"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
