#!/bin/sh
# demo.sh - a service and a client, two processes, in a run directory of their own; no root is needed.
#
#   demo.sh BUILD_DIRECTORY
set -u
build=${1:?build directory}
IPC_RUNDIR=$(mktemp -d) || exit 1
export IPC_RUNDIR
service=
trap '[ -n "$service" ] && kill "$service" 2> /dev/null; rm -rf "$IPC_RUNDIR"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
	echo "demo: $1" >&2
	exit 1
}

# The service says "ready" through a FIFO; what follows is shown as it comes.
mkfifo "$IPC_RUNDIR/output" || exit 1
"$build/bin/pongd" > "$IPC_RUNDIR/output" &
service=$!
exec 3< "$IPC_RUNDIR/output"
read -r line <&3 && [ "$line" = ready ] || fail "the service did not start"
cat <&3 &
shown=$!

"$build/bin/pong" || fail "the client was not content"
kill "$service"
wait "$service" || fail "the service ended badly"
service=
wait "$shown"
[ ! -e "$IPC_RUNDIR/pong" ] || fail "the service left its socket behind"
echo "demo: all was right"
