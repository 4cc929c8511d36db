#!/bin/sh
# demo.sh - shows in a second that the library works: runs the service pongd and its client pong in a
# directory of their own, shows what both print, checks how both end; then pong once more, from another run
# directory, by TCP: pong, ipcd, ipc-tcpd there, and ipc-tcpd here; and webpong by WebSocket. `make demo` is the way to it.
#
# demo.sh [BUILD]    BUILD is the build directory, `build` if not given. Exits 0 only when all was right.

build=${1:-build}
service=
daemons=
run=$(mktemp -d) || exit 1

leave() {
	[ -z "$service$daemons" ] || kill -KILL $service $daemons 2>/dev/null
	wait
	rm -rf "$run"
}
trap leave EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
	echo "demo: $1" >&2
	exit 1
}

label() {
	while IFS= read -r line; do
		printf '%s | %s\n' "$1" "$line"
	done
}

IPC_RUNDIR=$run
export IPC_RUNDIR
unset IPC_NETWORK

# The service's output comes through a FIFO: reading it waits for `ready`, or for the end of a service
# that could not start, whichever comes first.
mkfifo "$run/output" || exit 1
"$build/bin/pongd" >"$run/output" 2>&1 &
service=$!
exec 3<"$run/output"
ready=no
while [ $ready = no ] && IFS= read -r line <&3; do
	printf 'pongd | %s\n' "$line"
	[ "$line" != ready ] || ready=yes
done
[ $ready = yes ] || fail 'pongd did not start'
[ -S "$run/pong" ] || fail 'pongd is ready, but its socket is not there'
label pongd <&3 &
reader=$!

# A pipeline's status is that of its last command, so pong's goes through a file.
ping() {
	{
		"$build/bin/pong" 2>&1 3<&-
		echo $? >"$run/status"
	} | label 'pong '
	read -r status <"$run/status"
	[ "$status" -eq 0 ] || fail "pong failed (exit status $status)"
}
ping

# start_daemon NAME DIRECTORY OPTION... : its line `ready WHERE...` is in $line then
start_daemon() {
	name=$1
	directory=$2
	shift 2
	[ -p "$run/ready" ] || mkfifo "$run/ready" || exit 1
	IPC_RUNDIR=$directory "$build/bin/$name" --log warning "$@" >"$run/ready" 3<&- &
	daemons="$daemons $!"
	line=
	read -r line <"$run/ready"
	printf '%s | %s\n' "$name" "$line"
	[ -n "$line" ] || fail "$name did not start"
}

start_daemon ipc-tcpd "$run" --listen 127.0.0.1:0 --allow pong
port=${line##*:}
start_daemon ipc-websocketd "$run" --listen 127.0.0.1:0 --allow pong
web=${line##*:}
echo 'webpong | a client that speaks WebSocket'
"$build/bin/webpong" "$web" > "$run/web" || fail 'webpong failed'
label webpong < "$run/web"
start_daemon ipc-tcpd "$run/elsewhere"
start_daemon ipcd "$run/elsewhere"
echo "pong  | from another run directory, with IPC_NETWORK=\"pong tcp://127.0.0.1:$port/pong\""
IPC_RUNDIR=$run/elsewhere IPC_NETWORK="pong tcp://127.0.0.1:$port/pong"
export IPC_NETWORK
ping
for daemon in $daemons; do
	kill -TERM "$daemon" && wait "$daemon" || fail 'a daemon did not stop in order'
done
daemons=

stopped=no
kill -TERM "$service" && wait "$service" && stopped=yes
service=
wait "$reader"
[ $stopped = yes ] || fail 'pongd did not stop in order'
[ ! -e "$run/pong" ] || fail "pongd has stopped, but its socket is still there"
echo 'demo: all was right'
