#!/bin/sh
# readme.sh - the README's examples, extracted and run: a block is named by the comment on the line before it.
#
#   readme.sh INSTALLED_TREE
set -u
tree=$(cd "${1:?installed tree}" && pwd) || exit 1
readme=$(cd "$(dirname "$0")/.." && pwd)/README.md
work=$(mktemp -d) || exit 1
service=
trap '[ -n "$service" ] && kill "$service" 2> /dev/null; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
export PKG_CONFIG_PATH="$tree/lib/pkgconfig" LD_LIBRARY_PATH="$tree/lib" IPC_RUNDIR="$work/run" CRYSTAL_CACHE_DIR="$work/cache"

extract() { awk -v mark="<!-- $1 -->" '$0 == mark { on = 1; next } on && /^```/ { if (++fence == 2) exit; next } on' "$readme" > "$1"; }
result() { if [ "$2" -eq 0 ]; then echo "ok $1"; else echo "not ok $1"; fi; }

# The service is there when its socket is: the client tries until it connects, 10 seconds at the most.
ask() {
	for _ in $(seq 100); do
		"$@" > answer 2> errors && return 0
		grep -q 'No such file\|refused' errors || break
		sleep 0.1
	done
	cat errors >&2
	return 1
}
stop() {
	kill "$service"
	wait "$service" 2> /dev/null
	service=
}

extract server.c
extract client.c
for name in server client; do
	# shellcheck disable=SC2046
	${CC:-cc} -Wall -Wextra -Werror $name.c -o $name $(pkg-config --cflags --libs libipc) >&2
	result "readme_${name}_compiles" $?
done
./server &
service=$!
ask ./client && [ "$(cat answer)" = "hello, user type 42" ]
result readme_client_gets_its_answer $?
stop

if ! command -v crystal > /dev/null 2>&1; then
	echo "skipped readme_crystal: there is no crystal here"
	exit 0
fi
extract echo.cr
crystal build echo.cr -o echo >&2
result readme_crystal_compiles $?
./echo server &
service=$!
ask ./echo && [ "$(cat answer)" = hello ]
result readme_crystal_client_gets_its_answer $?
stop
