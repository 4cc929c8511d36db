#!/bin/sh
# readme.sh - the README's examples, extracted and run: a block is named by the comment on the line before it.
#
#   readme.sh INSTALLED_TREE BUILD      BUILD/bin has the demo's pong and pongd
set -u
tree=$(cd "${1:?installed tree}" && pwd) || exit 1
programs=$(cd "${2:?build directory}/bin" && pwd) || exit 1
readme=$(cd "$(dirname "$0")/.." && pwd)/README.md
work=$(mktemp -d) || exit 1
service=
trap '[ -n "$service" ] && kill $service 2> /dev/null; rm -rf "$work"' EXIT
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
	# shellcheck disable=SC2086
	kill $service
	# shellcheck disable=SC2086
	wait $service 2> /dev/null
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

# Whichever worker answers, each connection counts for itself.
extract pool.c
# shellcheck disable=SC2046
${CC:-cc} -Wall -Wextra -Werror pool.c -o pool $(pkg-config --cflags --libs libipc) -lpthread >&2
result readme_pool_compiles $?
./pool &
service=$!
counted=0
for _ in 1 2 3 4 5; do ask ./client && [ "$(cat answer)" = "answer 1, user type 42" ] && counted=$((counted + 1)); done
[ $counted -eq 5 ]
result readme_pool_answers_each_client $?
stop

# example NAME: starts the lines of a daemon's example that end in &, in directories and on a port of its own; leaves the others in
# NAME.last
example() {
	extract "$1.sh"
	rm -rf there here
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	sed -i -e "s|/tmp/|$work/|g" -e "s|:900[01]|:$port|g" "$1.sh"
	grep -v '&$' "$1.sh" > "$1.last"
	sed -n 's/ &$/ > \/dev\/null 2>\&1 \& service="$service $!"/p' "$1.sh" > started
	# shellcheck disable=SC1091
	. ./started
}
PATH=$tree/bin:$programs:$PATH
for name in ipcd ipc-tcpd; do
	example $name
	ask sh $name.last && grep -q '^  largest' answer
	result "readme_${name}_example_reaches_the_service" $?
	stop
done
example ipc-websocketd
cat > page.py << 'EOF'
import sys, urllib.request
try:
    page = urllib.request.urlopen(sys.argv[1], timeout=5).read().decode()
except OSError as error:
    sys.exit(f'refused: {error}')
sys.exit(0 if 'pong' in page else 'the page does not name the service')
EOF
ask python3 page.py "http://127.0.0.1:$port/"
result readme_ipc_websocketd_example_shows_its_page $?
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
