#!/bin/sh
# target.sh - the conformance and thread programs for another target: `make test TARGET=aarch64-linux-gnu`.
#
#   target.sh TARGET BUILD_DIRECTORY
#
# From the Makefile come CC, the target's compiler; EMULATOR, the command that runs its programs (empty: they run here as they are); and
# POLLER. ONLY names some of the conformance programs, THREADS some of those about threads. What the emulator or the C library cannot do
# is in limits.txt: such a test is told as `limit NAME: why`, and as failed if it passes.
set -u
target=${1:?target}
build=${2:?build directory}
. "$(dirname "$0")/../begin.sh"
programs=$work/programs
trees=$work
. "$here/../Conformance/programs.sh"
choose_programs || exit 2
: "${POLLER:=epoll}" "${EMULATOR:=}"
export CC

# A program of the injector cannot start itself anew under an emulator (injected.h): it is started with the injector preloaded.
run=
if [ -n "$EMULATOR" ]; then
	run=$work/run
	cat > "$run" <<-END
		#!/bin/sh
		case \${1##*/} in
		injected*) set -- -E INJECTED=1 -E LD_PRELOAD=$programs/libinject.so -E GLIBC_TUNABLES=glibc.malloc.tcache_count=0 "\$@" ;;
		esac
		exec $EMULATOR "\$@"
	END
	chmod +x "$run"
fi

# What of limits.txt is about this target.
awk -v target="$target" -v emulated="$EMULATOR" '$1 == target || (emulated && $1 == "emulated")' "$here/limits.txt" > "$work/limits"
TEST_LIMITS=" $(awk '{ print $2 }' "$work/limits" | tr '\n' ' ') "
export TEST_LIMITS
# with_reasons: on stdin lines of tests; a limit gets its reason
with_reasons() {
	awk '
		FILENAME != "-" { name = $2; sub(/^~/, "", name); sub(/^[^ ]+ +[^ ]+ +/, ""); why[name] = $0; next }
		/^limit [^:]*$/ { name = $2; sub(/.*[.]/, "", name); print $0 ": " why[name]; next }
		{ print }' "$work/limits" -
}

install_tree tree "$build" "$POLLER" install || exit 1
{
	compile_programs tree
	# shellcheck disable=SC2086
	run_programs "$target." tree 2 $run
	# `waking` and `freeing` look at numbers of system calls, which are the machine's under an emulator (crew.h).
	threads='snapshots echo_pool pairs writers contexts churn'
	if [ -z "$EMULATOR" ]; then
		threads="$threads keeping forks handlers waking freeing"
	else
		for name in waking freeing keeping; do echo "limit $target.threads.$name: system calls are the machine's under the emulator, and have other numbers"; done
		for name in forks handlers; do echo "limit $target.threads.$name: signals come late under the emulator, and forks in handlers stop it"; done
	fi
	runner=$run ONLY=${THREADS-$threads} sh Tests/Threads/run.sh "$work/tree" "$work/threads" 2> "$work/err" > "$work/threads.out"
	sed "s/threads[.]/$target.threads./" "$work/threads.out"
	grep -q '^not ok' "$work/threads.out" && cat "$work/err"
} | with_reasons
