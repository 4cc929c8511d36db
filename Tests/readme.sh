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

# The bindings, as they are installed: each service with each client, and C's with all.
languages=
extract echo.py
if command -v python3 > /dev/null 2>&1; then
	export PYTHONPATH="$tree/share/libipc/python/src" PYTHONDONTWRITEBYTECODE=1
	printf '#!/bin/sh\nexec python3 echo.py "$@"\n' > echo_python && chmod +x echo_python
	languages="$languages python"
else
	echo "skipped readme_python: it is not installed"
fi
extract shard.yml
extract echo.cr
if command -v crystal > /dev/null 2>&1; then
	# What `shards install` does with a path.
	mkdir lib && ln -s "$(sed -n "s|^ *path: /usr/local|$tree|p" shard.yml)" lib/ipc
	[ "$(wc -l < shard.yml)" -eq 3 ] && CRYSTAL_CACHE_DIR=$work/cache crystal build echo.cr -o echo_crystal >&2
	result readme_crystal_compiles_with_three_lines $?
	languages="$languages crystal"
else
	echo "skipped readme_crystal: it is not installed"
fi
if command -v swift > /dev/null 2>&1; then
	mkdir -p echo/Sources/echo
	extract main.swift
	cp main.swift echo/Sources/echo/
	cat > echo/Package.swift << EOF_PACKAGE
// swift-tools-version: 6.2
import PackageDescription
let package = Package(
    name: "echo", dependencies: [.package(name: "libipc", path: "$tree/share/libipc/swift")],
    targets: [.executableTarget(name: "echo", dependencies: [.product(name: "IPC", package: "libipc")])])
EOF_PACKAGE
	grep -qF '.package(name: "libipc", path: "/usr/local/share/libipc/swift")' "$readme" && swift build --package-path echo > swift.log 2>&1
	status=$?
	[ $status -eq 0 ] || cat swift.log >&2
	result readme_swift_compiles_in_a_package_that_depends_on_it $status
	ln -s echo/.build/debug/echo echo_swift
	languages="$languages swift"
else
	echo "skipped readme_swift: it is not installed"
fi
[ "$(wc -l < echo.py)" -lt 15 ] && [ "$(wc -l < echo.cr)" -lt 15 ] && [ "$(wc -l < main.swift)" -lt 15 ]
result readme_bindings_have_less_than_15_lines $?
# The C client sends a NUL, too.
for name in $languages; do
	"./echo_$name" &
	service=$!
	wanted="hello, user type 42"
	ask ./client && [ "$(tr -d '\0' < answer)" = "$wanted" ]
	status=$?
	for client in $languages; do
		ask "./echo_$client" hello && [ "$(cat answer)" = "$wanted" ] || status=1
	done
	result "readme_${name}_answers_all" $status
	stop
done

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
