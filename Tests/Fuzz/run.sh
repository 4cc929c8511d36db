#!/bin/sh
# run.sh - libFuzzer's targets: what peers and configurations may send, to the parsers that read it, with AddressSanitizer.
#
#   run.sh BUILD SECONDS [TARGET...]     all targets, SECONDS each, beginning with the inputs in corpus/TARGET
#
# Inputs that reach new code are kept in BUILD/corpus/TARGET; one that ends a target is BUILD/TARGET-crash-..., and
#
#   FUZZ_TARGET=TARGET BUILD/daemons BUILD/TARGET-crash-...       (library_frames: BUILD/library)
#
# runs it again. MERGE=1 run.sh BUILD 0 adds to corpus/TARGET what reaches code that nothing there reaches.
# cbor.sh does the same for CBOR, which is read in Crystal.
set -u
. "$(dirname "$0")/../begin.sh"
mkdir -p "${1:?build directory}" && build=$(cd "$1" && pwd) || exit 1
seconds=${2:?seconds for each target}
shift 2
cd "$here/../.." || exit 1
targets=${*:-library_frames websocket_frames request_heads origins routes uris tcp_frames proxy_headers}
swiftc=${SWIFTC:-swiftc}
. "$here/../toolchain.sh"
clang=$toolchain/clang
if [ -z "$(find "$toolchain/../lib/clang" -name 'libclang_rt.fuzzer-*.a' 2> /dev/null)" ]; then
	echo "skipped fuzz: the toolchain has no libFuzzer"
	exit 0
fi

# The library and the daemons' C, as they ship, with what counts the branches.
sanitizers='-fsanitize=fuzzer,address -fuse-ld=lld'
# swiftc's own -sanitize=fuzzer counts in a way that libFuzzer has given up.
swift_sanitizers='-sanitize=address -sanitize-coverage=edge,inline-8bit-counters,pc-table,trace-cmp'
programs="$build/make/lib/libipc.so.1 $(for file in Sources/CDaemon/*.c; do echo "$build/make/obj/daemons/$(basename "$file" .c).o"; done)"
# shellcheck disable=SC2046,SC2086
make -s BUILD="$build/make" EXTRA_SWIFTFLAGS="$swift_sanitizers" EXTRA_CFLAGS='-g -fsanitize=fuzzer-no-link,address' \
	EXTRA_LDFLAGS=-Wl,-z,undefs library $(echo "$programs" | tr ' ' '\n' | grep daemons) > "$work/log" 2>&1 || cat "$work/log" >&2
libraries="-L$build/make/lib -lipc -Wl,-rpath,$build/make/lib $sanitizer_libraries"
mkdir -p "$work/include"
ln -s "$here/../../include" "$work/include/libipc"
# shellcheck disable=SC2086
"$clang" -std=gnu11 -Wall -Wextra -Werror -O1 -g $sanitizers -I"$work/include" "$here/library/frames.c" -o "$build/library" $libraries >&2
report fuzz.library_compiles $?
# Swift without inlined functions would be slow; with names (-g) a report says where.
# shellcheck disable=SC2046,SC2086
"$swiftc" -swift-version 6 -wmo -warnings-as-errors -parse-as-library -enable-experimental-feature Embedded -O -g $swift_sanitizers \
	-module-name fuzz -Xcc -D_GNU_SOURCE -I Sources/CDaemon/include -c Sources/Daemon/*.swift Sources/ipc-websocketd/Protocol/*.swift \
	Sources/ipcd/Route.swift Sources/ipcd/Network.swift Sources/ipc-tcpd/URI.swift Sources/ipc-tcpd/FrameScanner.swift \
	"$here"/daemons/*.swift -o "$build/daemons.o" >&2 &&
	"$clang" $sanitizers "$build/daemons.o" $(echo "$programs" | tr ' ' '\n' | grep daemons) -o "$build/daemons" $libraries >&2
report fuzz.daemons_compile $?
[ $failed -eq 0 ] || exit 1

ASAN_OPTIONS="detect_leaks=1 ${ASAN_OPTIONS:-}"
export ASAN_OPTIONS FUZZ_TARGET
for FUZZ_TARGET in $targets; do
	[ "$FUZZ_TARGET" = library_frames ] && program=$build/library || program=$build/daemons
	corpus=$build/corpus/$FUZZ_TARGET
	mkdir -p "$corpus"
	if [ -n "${MERGE:-}" ]; then
		timeout -k 5 600 "$program" -set_cover_merge=1 -use_counters=0 -use_cmp=0 "$here/corpus/$FUZZ_TARGET" "$corpus" > "$work/log" 2>&1 ||
			cat "$work/log" >&2
		continue
	fi
	timeout -k 5 $((seconds + 120)) "$program" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 -max_len=600 \
		-artifact_prefix="$build/$FUZZ_TARGET-" -print_final_stats=1 "$corpus" "$here/corpus/$FUZZ_TARGET" > "$work/log" 2>&1
	status=$?
	[ $status -eq 0 ] || tail -60 "$work/log" >&2
	echo "$FUZZ_TARGET: $(sed -n 's/stat::number_of_executed_units: *//p' "$work/log") inputs" >&2
	report "fuzz.$FUZZ_TARGET" $status
done
exit $failed
