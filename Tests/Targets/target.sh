#!/bin/sh
# target.sh - the conformance and thread programs for another target: `make test TARGET=aarch64-linux-gnu`.
#
#   target.sh TARGET BUILD_DIRECTORY
#
# From the Makefile come CC, the target's compiler; EMULATOR, the command that runs its programs (empty: they run here as they are); and
# POLLER. ONLY names some of the conformance programs, THREADS some of those about threads. What the emulator or the C library cannot do is in limits.txt, test by test with
# the reason: such a test counts as a limit when it does not pass (`limit NAME: why`), and is no failure.
set -u
target=${1:?target}
build=${2:?build directory}
. "$(dirname "$0")/../begin.sh"
programs=$work/programs
. "$here/../Conformance/programs.sh"
choose_programs || exit 2
: "${POLLER:=epoll}" "${EMULATOR:=}"
export CC

# A program of the injector cannot start itself anew under an emulator (injected.h): it is started with the injector preloaded.
cat > "$work/run" <<END
#!/bin/sh
case \${1##*/} in
injected*) set -- -E INJECTED=1 -E LD_PRELOAD=$work/libinject.so -E GLIBC_TUNABLES=glibc.malloc.tcache_count=0 "\$@" ;;
esac
exec $EMULATOR "\$@"
END
chmod +x "$work/run"
run=${EMULATOR:+$work/run}

# note_limits: on stdin lines of tests; a failed or skipped one that limits.txt has becomes a limit
note_limits() {
	awk -v target="$target" '
		FILENAME != "-" { if ($1 == target) { name = $2; sub(/^[^ ]+ +[^ ]+ +/, ""); limit[name] = $0 } next }
		{ name = $0; sub(/^(not ok|skipped) /, "", name); sub(/:.*/, "", name); sub("^" target "[.]", "", name) }
		/^(not ok|skipped) / && name in limit { print "limit " target "." name ": " limit[name]; next }
		{ print }' "$here/limits.txt" -
}

install_tree tree "$build" "$POLLER" install || exit 1
{
	compile_programs tree
	# shellcheck disable=SC2086
	run_programs "$target." tree $run
	# These two look at the numbers of system calls, which are the machine's under an emulator (crew.h).
	threads="snapshots ${EMULATOR:+echo_pool pairs writers contexts churn keeping forks handlers}"
	[ -n "$EMULATOR" ] || threads='snapshots waking freeing keeping echo_pool pairs writers contexts churn forks handlers'
	runner=$run ONLY=${THREADS-$threads} sh Tests/Threads/run.sh "$work/tree" "$work/threads" 2> "$work/err" | sed "s/threads[.]/$target.threads./"
	if grep -q . "$work/err"; then grep -v '^seed' "$work/err" >&2; fi
} | note_limits
