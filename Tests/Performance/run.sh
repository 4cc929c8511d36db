#!/bin/sh
# run.sh - the benchmark: libipc against what its users could use instead. `make bench` is the way to it.
#
#   run.sh BUILD_DIRECTORY
#
# Compiles the peers' programs into BUILD_DIRECTORY/bench, against BUILD_DIRECTORY/lib and include/, runs them, prints
# the tables and leaves them there, as results.md, results.svg and results.json. Figures say; they do not fail.
#
# QUICK=1            under two minutes: fewer and shorter runs, not on a core each
# REFERENCE_LIB=DIR  another libipc.so with the same ABI, to compare with
# PEERS, WORKLOADS, PLACEMENTS   only these rows, workloads and cores, separated by spaces:
#                    PEERS="ours-1.2 libevent" WORKLOADS="inflight roundtrip-16" PLACEMENTS=same make bench
#                    raw and raw-epoll always run: they are the measure. `ours-1.2` and `ours-1.2-fd` are the calls since 1.2.
#                    Several threads in one context are of the peer `ours`, and of the workloads `threads`. The workload
#                    `counts` is instructions.sh and scaling.sh. metrics.py has all names.
# REPEATS=N          runs of each figure
# CC                 the compiler
set -u
build=$(cd "${1:?build directory}" && pwd) || exit 1
here=$(cd "$(dirname "$0")" && pwd) || exit 1
include=$here/../../include
out=$build/bench
CC=${CC:-cc}

mkdir -p "$out" || exit 1
rm -f "$out"/bench-*
: > "$out/left-out"
[ -e "$build/lib/libipc.so" ] || { echo "run.sh: there is no $build/lib/libipc.so" >&2; exit 1; }
command -v python3 > /dev/null || { echo 'run.sh: the runner needs python3' >&2; exit 1; }

leave_out() { echo "$1" >> "$out/left-out"; }

# compile PEER SOURCE FLAGS...
compile() {
	peer=$1
	source=$2
	shift 2
	case " ${PEERS:-$peer} raw raw-epoll " in *[\ ,]"$peer"[\ ,]*) ;; *) return ;; esac
	$CC -std=gnu11 -Wall -Wextra -Werror -O2 "$here/bench.c" "$here/workloads.c" "$here/raw_client.c" "$here/$source" \
		-o "$out/bench-$peer" "$@"
}

# installed HEADER FLAGS...: can a program include and link it?
installed() {
	header=$1
	shift
	printf '#include <%s>\nint main(void) { return 0; }\n' "$header" | $CC -x c - -o "$out/probe" "$@" 2> /dev/null
	status=$?
	rm -f "$out/probe"
	return $status
}

# library PEER SOURCE HEADER PKG_CONFIG_NAME DEBIAN_PACKAGE FLAGS...: the flags count where pkg-config knows none
library() {
	peer=$1 source=$2 header=$3 module=$4 package=$5
	shift 5
	# shellcheck disable=SC2046
	if pkg-config --exists "$module" 2> /dev/null; then set -- $(pkg-config --cflags --libs "$module"); fi
	if ! installed "$header" "$@"; then leave_out "$peer: not installed (Debian: $package)"
	else compile "$peer" "$source" "$@" || exit 1; fi
}

# ipc PEER SOURCE DIRECTORY RUN_TIME_PATH [FLAG]: one of libipc's clients, and its server
ipc() { compile "$1" "$2" "-DPEER_NAME=\"$1\"" -I"$include" -L"$3" -lipc -Wl,-rpath,"$4" -Wl,--allow-shlib-undefined ${5:+"$5"}; }

compile raw raw.c -pthread && compile raw-epoll raw_epoll.c || exit 1
library libuv libuv.c uv.h libuv libuv1-dev -luv
library libevent libevent.c event2/event.h libevent_core libevent-dev -levent_core
library zeromq zeromq.c zmq.h libzmq libzmq3-dev -lzmq
library nng nng.c nng/nng.h nng libnng-dev -lnng
library sd-bus sd_bus.c systemd/sd-bus.h libsystemd libsystemd-dev -lsystemd
# shellcheck disable=SC2016
ipc ours ours.c "$build/lib" '$ORIGIN/../lib' && ipc ours-loop ours_loop.c "$build/lib" '$ORIGIN/../lib' &&
	ipc ours-loop-no-timer ours_loop.c "$build/lib" '$ORIGIN/../lib' -DOURS_TIMER=-1 &&
	ipc ours-loop-assigned ours_loop.c "$build/lib" '$ORIGIN/../lib' -DOURS_ASSIGNS &&
	ipc ours-1.2 ours_1_2.c "$build/lib" '$ORIGIN/../lib' &&
	ipc ours-1.2-fd ours_1_2.c "$build/lib" '$ORIGIN/../lib' -DOURS_IN_POLL || exit 1
if [ -n "${REFERENCE_LIB:-}" ]; then
	reference=$(cd "$REFERENCE_LIB" && pwd) || exit 1
	{ ipc reference ours.c "$reference" "$reference" && ipc reference-loop ours_loop.c "$reference" "$reference"; } ||
		leave_out 'reference: no program links with the library in REFERENCE_LIB'
fi
# threads NAME SOURCE FLAG: libipc with several threads in one context
threads() {
	case " ${PEERS:-ours} " in *[\ ,]ours[\ ,]*) ;; *) return ;; esac
	$CC -std=gnu11 -Wall -Wextra -Werror -O2 "$here/bench.c" "$here/$2" -o "$out/bench-$1" "-DPEER_NAME=\"$1\"" "$3" -I"$include" \
		-L"$build/lib" -lipc -lpthread -Wl,-rpath,"\$ORIGIN/../lib" -Wl,--allow-shlib-undefined
}
threads 1-waiter threads_waiters.c -DWAITERS=1 && threads 2-waiters threads_waiters.c -DWAITERS=2 &&
	threads ipc_write threads_delay.c -UBY_HAND && threads send threads_delay.c -DBY_HAND || exit 1

# What is counted, for the report: with an installed library, as the tests count. Their verdicts are for `make test`.
: > "$out/counts.txt"
case " ${WORKLOADS:-counts} " in *[\ ,]counts*)
	tree=$out/tree
	mkdir -p "$tree/lib/pkgconfig" || exit 1
	ln -sf "$build/lib/libipc.so.1" "$tree/lib/libipc.so.1"
	printf 'Name: libipc\nDescription: -\nVersion: 1\nLibs: -L%s -lipc\nCflags: -I%s\n' "$build/lib" "$include" \
		> "$tree/lib/pkgconfig/libipc.pc"
	(cd "$here/../.." && sh Tests/Performance/instructions.sh "$tree" "$tree" && sh Tests/Performance/scaling.sh "$tree" "$tree") \
		> "$out/counts.txt" 2>&1
	rm -rf "$tree"
esac

# No libipc but the one that was linked: an LD_LIBRARY_PATH would come before it.
unset LD_LIBRARY_PATH IPC_NETWORK LIBIPC_DEBUG
# The binding for Python, which has a table of its own.
case " ${WORKLOADS:-python} " in *[\ ,]python[\ ,]*)
	python3 -B "$here/python.py" "$build/lib/libipc.so" "$here/../../Sources/Bindings/python/src" "${REPEATS:-${QUICK:+3}}" > "$out/python.md" &&
		cat "$out/python.md" && echo
esac
exec python3 -B "$here/bench.py" "$out"
