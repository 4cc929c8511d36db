#!/bin/sh
# Runs the Crystal tests against an installed tree: run.sh DIR_OF_INSTALLED_TREE BUILD_DIR
# The programs are compiled as a user would, with nothing but PKG_CONFIG_PATH, and talk to each other in
# a run directory of their own. One line a test: "ok NAME", "not ok NAME", "skipped NAME: why".
# Without Crystal all are skipped; with REQUIRE_ALL=1 in the environment they fail instead.
# The steps depend on each other: what cannot run because an earlier one failed has failed.
set -u
if [ $# -ne 2 ]; then
	echo "usage: $0 DIR_OF_INSTALLED_TREE BUILD_DIR" >&2
	exit 2
fi
here=$(cd "$(dirname "$0")" && pwd) || exit 2
tree=$(cd "$1" && pwd) || exit 2
mkdir -p "$2" && build=$(cd "$2" && pwd) || exit 2
limit=$((120 * ${TEST_PATIENCE:-1})) # seconds; ends what hangs
status=0

tests="crystal_programs_compile_through_pkg_config
crystal_programs_ask_for_the_versioned_library
crystal_binding_names_only_exported_functions
crystal_server_sees_every_kind_of_event
crystal_client_gets_back_what_it_sent
crystal_prints_error_texts_followed_by_zeros_alone
crystal_waits_while_a_thread_in_C_writes"

# result NAME STATUS
result() {
	if [ "$2" -eq 0 ]; then echo "ok $1"; else echo "not ok $1"; status=1; fi
}

# skip NAME WHY
skip() {
	if [ "${REQUIRE_ALL:-0}" = 1 ]; then
		echo "$1: $2" >&2
		result "$1" 1
	else
		echo "skipped $1: $2"
	fi
}

# needs TOOL: whether it is here
needs() {
	command -v "$1" >/dev/null 2>&1
}

for tool in crystal pkg-config; do
	needs $tool && continue
	for name in $tests; do skip "$name" "there is no $tool here"; done
	exit $status
done

# @[Link("ipc")] makes Crystal run `pkg-config --libs ipc`.
compile() {
	for program in server client; do
		rm -f "$build/crystal_$program"
		PKG_CONFIG_PATH="$tree/lib/pkgconfig" CRYSTAL_CACHE_DIR="$build/crystal_cache" \
			crystal build "$here/$program.cr" -o "$build/crystal_$program" >&2 || return 1
	done
}

versioned() {
	for program in server client; do
		readelf -d "$build/crystal_$program" | grep -q 'NEEDED.*\[libipc\.so\.1\]' || return 1
	done
}

# Only those functions that a program calls are linked; the binding has all of the contract.
exported() {
	nm -D --defined-only "$tree/lib/libipc.so" | sed 's/.* //; s/@.*//' >"$build/crystal_exports" || return 1
	names=$(sed -n 's/^[[:space:]]*fun \([a-z_]*\)(.*/\1/p' "$here/libipc.cr")
	[ -n "$names" ] || return 1
	missing=0
	for name in $names; do
		grep -qx "$name" "$build/crystal_exports" && continue
		echo "not exported: $name" >&2
		missing=1
	done
	return $missing
}

# Each line "error text: " holds the 8192 bytes: a text, then zeros up to the newline.
texts() {
	for output in server client; do
		grep -a '^error text: ' "$build/crystal_$output.out" >"$build/crystal_text" || return 1
		[ "$(wc -c <"$build/crystal_text")" -eq 8205 ] || return 1
		kept=$(tr -d '\0' <"$build/crystal_text" | wc -c)
		[ "$kept" -gt 13 ] && [ "$(head -c $((kept - 1)) "$build/crystal_text" | tr -d '\0' | wc -c)" -eq $((kept - 1)) ] || return 1
	done
}

# The server says "ready" when a client may start; the FIFO is how this is waited for.
converse() {
	run=$(mktemp -d) || return 1
	mkfifo "$run/output" || return 1
	export IPC_RUNDIR="$run/sockets" LD_LIBRARY_PATH="$tree/lib"
	unset IPC_NETWORK
	timeout "$limit" "$build/crystal_server" >"$run/output" &
	server=$!
	exec 3<"$run/output"
	line=
	read -r line <&3
	cat <&3 >"$build/crystal_server.out" &
	reader=$!
	exec 3<&-
	: >"$build/crystal_client.out"
	client_status=1
	if [ "$line" = ready ]; then
		timeout "$limit" "$build/crystal_client" >"$build/crystal_client.out"
		client_status=$?
	fi
	[ $client_status -eq 0 ] || kill "$server" 2>/dev/null
	wait "$server"
	server_status=$?
	wait "$reader"
	grep -aqx 'server: all as expected' "$build/crystal_server.out" || server_status=1
	grep -aqx 'client: all as expected' "$build/crystal_client.out" || client_status=1
	rm -rf "$run"
	unset IPC_RUNDIR LD_LIBRARY_PATH
}

compile
compiled=$?
result crystal_programs_compile_through_pkg_config $compiled
if needs readelf; then
	versioned
	result crystal_programs_ask_for_the_versioned_library $?
else
	skip crystal_programs_ask_for_the_versioned_library "there is no readelf here"
fi
if needs nm; then
	exported
	result crystal_binding_names_only_exported_functions $?
else
	skip crystal_binding_names_only_exported_functions "there is no nm here"
fi
server_status=1
client_status=1
rm -f "$build/crystal_server.out" "$build/crystal_client.out"
[ $compiled -eq 0 ] && converse
result crystal_server_sees_every_kind_of_event $server_status
result crystal_client_gets_back_what_it_sent $client_status
texts
result crystal_prints_error_texts_followed_by_zeros_alone $?
# A library of C that Crystal links with, as it would with any other.
threads() {
	run=$(mktemp -d) || return 1
	# shellcheck disable=SC2046
	PKG_CONFIG_PATH="$tree/lib/pkgconfig" && export PKG_CONFIG_PATH &&
		${CC:-cc} -shared -fPIC -std=gnu11 -Wall -Wextra -Werror "$here/writer.c" -o "$build/libwriter.so" \
			$(pkg-config --cflags --libs libipc) -lpthread >&2 &&
		CRYSTAL_CACHE_DIR="$build/crystal_cache" crystal build "$here/threads.cr" -o "$build/crystal_threads" \
			--link-flags "-L$build" >&2 &&
		IPC_RUNDIR="$run" LD_LIBRARY_PATH="$tree/lib:$build" timeout "$limit" "$build/crystal_threads" >"$build/crystal_threads.out" &&
		grep -qx 'threads: all as expected' "$build/crystal_threads.out"
	threads_status=$?
	rm -rf "$run"
	return $threads_status
}
threads
result crystal_waits_while_a_thread_in_C_writes $?
exit $status
