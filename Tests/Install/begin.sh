# begin.sh - sourced by the scripts beside it: $build, the build directory; the current directory is that of the sources.
. "$(dirname "$0")/../begin.sh"
build=$(cd "${1:?build directory}" && pwd) || exit 1
cd "$here/../.." || exit 1
root=$(pwd)
# Of the `make test` that has started this: its BUILD must not be that of a `make clean` here.
unset MAKEFLAGS MAKEOVERRIDES MAKELEVEL MFLAGS BUILD DESTDIR
daemons='ipc ipcd ipc-tcpd ipc-websocketd'

# make_quietly ARGUMENTS...: what it says is in $work/log, and shown when it fails
make_quietly() {
	make -s BUILD="$build" POLLER=epoll "$@" > "$work/log" 2>&1 && return
	cat "$work/log" >&2
	return 1
}
