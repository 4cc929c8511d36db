#!/bin/sh
# raised.sh - a program with raised privileges (set-user-ID) takes nothing from its caller's environment.
#
#   raised.sh TREE      (an installed tree)
#
# The loader ignores LD_LIBRARY_PATH there, too: the program has the library's path built in.
set -u
. "$(dirname "$0")/../../begin.sh"
use_tree "${1:?installed tree}"
unset LD_LIBRARY_PATH
tests="raised_run_directory raised_socket_mode raised_network raised_trace"

skip() {
	for name in $tests; do echo "skipped $name: $1"; done
	exit 0
}
[ "$(id -u)" = 0 ] || skip "only root can make a set-user-ID program of another user"
compile "$work/plain" "$here/program.c" -Wl,-rpath,"$tree/lib" || { report raised_program_compiles 1; exit 1; }
cp "$work/plain" "$work/raised"
chmod 4755 "$work/raised"
chmod 755 "$work"
# The library must be readable for others.
"$work/plain" as-nobody "$work/plain" path > /dev/null 2>&1 || { cp -r "$tree/lib" "$work/lib" && chmod -R a+rX "$work/lib" &&
	compile "$work/plain" "$here/program.c" -Wl,-rpath,"$work/lib" && cat "$work/plain" > "$work/raised" && chmod 4755 "$work/raised"; }
as_nobody() { "$work/plain" as-nobody "$@"; }
as_nobody "$work/raised" secure || skip "the set-user-ID bit has no effect in $work"

mkdir -m 777 "$work/run"
export IPC_RUNDIR="$work/run" IPC_NETWORK="svc x" LIBIPC_DEBUG=1 IPC_SOCKET_MODE=0613 IPC_SOCKET_GROUP=0

as_nobody "$work/plain" path 2> /dev/null | grep -q "^0 $work/run/svc" && as_nobody "$work/raised" path 2> /dev/null | grep -q '^0 /run/ipc//svc'
report raised_run_directory $?
"$work/plain" serve "$work/run/s1" 2> /dev/null | grep -q '^613 0' && ! as_nobody "$work/raised" serve "$work/run/s2" 2> /dev/null | grep -q '^613 0'
report raised_socket_mode $?
# Without a daemon a look-up fails, and without a route it is none.
as_nobody "$work/plain" lookup 2> /dev/null | grep -q '^47 ' && as_nobody "$work/raised" lookup 2> /dev/null | grep -q '^0 '
report raised_network $?
[ -n "$(as_nobody "$work/plain" trace 2>&1 > /dev/null)" ] && [ -z "$(as_nobody "$work/raised" trace 2>&1 > /dev/null)" ]
report raised_trace $?
exit $failed
