#!/bin/sh
# readme.sh - the README's examples, extracted and run: a block is named by the comment on the line before it.
#
#   readme.sh INSTALLED_TREE BUILD      BUILD/bin has the demo's pong and pongd
set -u
tree=$(cd "${1:?installed tree}" && pwd) || exit 1
programs=$(cd "${2:?build directory}/bin" && pwd) || exit 1
root=$(cd "$(dirname "$0")/.." && pwd)
readme=$root/README.md
work=$(mktemp -d) || exit 1
service=
trap '[ -n "$service" ] && kill $service 2> /dev/null; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
export PKG_CONFIG_PATH="$tree/lib/pkgconfig" LD_LIBRARY_PATH="$tree/lib" IPC_RUNDIR="$work/run"

extract() { awk -v mark="<!-- $1 -->" '$0 == mark { on = 1; next } on && /^```/ { if (++fence == 2) exit; next } on' "$readme" > "$1"; }
result() { if [ "$2" -eq 0 ]; then echo "ok $1"; else echo "not ok $1"; fi; }
# build PROGRAM SOURCE FLAGS...
build() {
	program=$1
	shift
	# shellcheck disable=SC2046
	${CC:-cc} -Wall -Wextra -Werror "$@" -o "$program" $(pkg-config --cflags --libs libipc) >&2
}

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

[ "$(wc -l < "$readme")" -lt 250 ]
result readme_has_less_than_250_lines $?

extract server.c
extract client.c
for name in server client; do
	build $name $name.c
	result "readme_${name}_compiles" $?
done
./server &
service=$!
ask ./client && [ "$(cat answer)" = "hello, user type 42" ]
result readme_client_gets_its_answer $?
stop
# A service that does not answer: it is stopped once it listens.
./server &
service=$!
ask ./client && kill -STOP $service
./client > answer 2> errors
[ $? -eq 1 ] && [ "$(cat answer)" = "no answer" ]
result readme_client_has_a_timeout $?
kill -CONT $service
stop

# The commands as they stand there, in a run directory of their own.
extract first.sh
sed -i -e "s|/tmp/|$work/|g" -e 's|sleep 1|while [ ! -S "$IPC_RUNDIR/echo" ]; do sleep 0.1; done|' first.sh
rm -f server client
{ cat first.sh; echo 'kill $!'; } > commands
CC='' sh -e commands > answer 2> errors && [ "$(cat answer)" = "hello, user type 42" ]
result readme_commands_work_as_they_stand $?

# Whichever worker answers, each connection counts for itself.
extract pool.c
build pool pool.c -lpthread
result readme_pool_compiles $?
./pool &
service=$!
counted=0
for _ in 1 2 3 4 5; do ask ./client && [ "$(cat answer)" = "answer 1, user type 42" ] && counted=$((counted + 1)); done
[ $counted -eq 5 ]
result readme_pool_answers_each_client $?
stop

# What comes on stdin goes to two clients; its end ends the service.
extract talk.c
cat > listener.c << 'END'
#include <libipc/ipc.h>
int main(void) {
	struct ipc_ctx ctx = {0};
	struct ipc_message m = {0};
	int fd;
	struct ipc_error connected = ipc_connection(&ctx, "talk", &fd);
	TEST_IPC_Q(connected, 1);
	while (ipc_read_fd(fd, &m).error_code == IPC_ERROR_NONE) {
		fwrite(m.payload, 1, m.length, stdout);
		fflush(stdout);
	}
	return 0;
}
END
build talk talk.c && build listener listener.c
result readme_talk_compiles $?
mkfifo stdin
./talk < stdin &
talk=$!
exec 3> stdin
for name in a b; do
	{ for _ in $(seq 100); do ./listener 2> /dev/null && break; sleep 0.1; done; } > "$name" 3>&- &
done
# Who has connected may not be accepted yet when a line is read.
for _ in $(seq 100); do
	echo "good morning" >&3
	[ -s a ] && [ -s b ] && break
	sleep 0.1
done
exec 3>&-
wait $talk
status=$?
wait
[ $status -eq 0 ] && [ "$(sort -u a)" = "good morning" ] && [ "$(sort -u b)" = "good morning" ]
result readme_talk_tells_both_clients $?

# C++, as the text says.
sed -e 's/ = {0}/ = {}/' -e 's/= event\.m;/= static_cast<ipc_message *>(event.m);/' server.c > server.cc
# shellcheck disable=SC2046
${CXX:-c++} -Wall -Wextra -Werror server.cc -o server $(pkg-config --cflags --libs libipc) >&2
result readme_server_compiles_as_cpp $?

# asks_server NAME PROGRAM
asks_server() {
	"$2" &
	service=$!
	ask ./client && [ "$(cat answer)" = "hello, user type 42" ]
	result "$1" $?
	stop
}
if command -v cmake > /dev/null 2>&1; then
	extract CMakeLists.txt
	cmake -S . -B with_cmake > log 2>&1 && cmake --build with_cmake >> log 2>&1 || cat log >&2
	asks_server readme_cmake_builds_the_server ./with_cmake/server
else
	echo "skipped readme_cmake: it is not installed"
fi
if command -v meson > /dev/null 2>&1 && command -v ninja > /dev/null 2>&1; then
	{ echo "project('echo', 'c')"; sed -n 's/.*`\(executable(.*libipc.))\)`.*/\1/p' "$readme"; } > meson.build
	meson setup with_meson > log 2>&1 && ninja -C with_meson >> log 2>&1 || cat log >&2
	asks_server readme_meson_builds_the_server ./with_meson/server
else
	echo "skipped readme_meson: it is not installed"
fi
if pkg-config --exists glib-2.0; then
	extract glib.c
	{
		printf '#include <glib-unix.h>\n#include <libipc/ipc.h>\nstatic struct ipc_ctx ctx;\nstatic struct ipc_event event;\n'
		cat glib.c
		printf 'int main(void) {\n\tTEST_IPC_Q(ipc_server_init(&ctx, "echo"), 1);\n'
		sed -n 's/.*added with \(g_unix_fd_add(.*)\) \*\//\t\1;/p' glib.c
		printf '\tg_main_loop_run(g_main_loop_new(NULL, FALSE));\n}\n'
	} > with_glib.c
	# shellcheck disable=SC2046
	build with_glib with_glib.c -Wno-unused-parameter $(pkg-config --cflags --libs glib-2.0)
	asks_server readme_glib_loop_serves ./with_glib
else
	echo "skipped readme_glib: it is not installed"
fi

# The lines of the daemons' example that end in &, in directories and on ports of their own; the last one asks.
extract ipc-tcpd.sh
PATH=$tree/bin:$programs:$PATH
for port in 9000 9001; do
	free=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	sed -i -e "s|/tmp/|$work/|g" -e "s|:$port|:$free|g" -e 's| *#.*||' ipc-tcpd.sh
done
grep -v '&$' ipc-tcpd.sh > last.sh
sed -n 's/ &$/ > \/dev\/null 2>\&1 \& service="$service $!"/p' ipc-tcpd.sh > started
# shellcheck disable=SC1091
. ./started
ask sh last.sh && grep -q '^  largest' answer
result readme_ipc_tcpd_example_reaches_the_service $?
cat > page.py << 'EOF_PAGE'
import sys, urllib.request
try:
    page = urllib.request.urlopen(sys.argv[1], timeout=5).read().decode()
except OSError as error:
    sys.exit(f'refused: {error}')
sys.exit(0 if 'pong' in page else 'the page does not name the service')
EOF_PAGE
ask python3 page.py "http://127.0.0.1:$free/"
result readme_ipc_websocketd_example_shows_its_page $?
stop
