#!/bin/sh
# systems.sh - systems whose programs cannot run here: everything compiles there without a warning, links, and exports what the headers
# declare. What has no other difference from a system that was linked is compiled alone.
#
#   systems.sh BUILD_DIRECTORY [TARGET...]     ZIG is the command of ziglang.sh; each target is built in BUILD_DIRECTORY/TARGET
set -u
. "$(dirname "$0")/../begin.sh"
build=$(cd "${1:?build directory}" && pwd) || exit 1
shift
cd "$here/../.." || exit 1
. "$here/../toolchain.sh"
sed -n -f Sources/CLibIPC/declared.sed include/*.h | sort > "$work/wanted"

# make_for TARGET GOAL...: not optimized, which is soon done
make_for() {
	target=$1
	shift
	make -s TARGET="$target" BUILD="$build/$target" ZLIB=no OPTIMIZED=no "$@" > "$work/make" 2>&1
	made=$?
	[ $made -eq 0 ] || cat "$work/make" >&2
	return $made
}

# links TARGET: library, daemons and programs
links() {
	case $1 in *-macos) ls /usr/bin/ld64.lld* > /dev/null 2>&1 || { echo "skipped $1: lld is not installed"; return; } ;; esac
	make_for "$1" library daemons programs
	report "$1.compiles_and_links" $?
	case $1 in
	*-macos) "$toolchain/llvm-nm" -gU "$build/$1/lib/libipc.1.dylib" | sed 's/.* _//' ;;
	*) "$toolchain/llvm-nm" -D --defined-only "$build/$1/lib/libipc.so.1" | sed 's/.* //; s/@.*//' | grep -v '^LIBIPC_' ;;
	esac | sort > "$work/exported"
	same_list "$1.exports_what_the_headers_declare" "$work/wanted" "$work/exported"
}

# compiles TARGET: library and daemons
compiles() {
	make_for "$1" typecheck
	report "$1.compiles" $?
}

# The Swift package on macOS, as far as it differs there: its one file that asks which system it is, with Apple's headers as the module Darwin.
# What Apple's overlay adds to them is written here.
binding() {
	headers=$($ZIG cc -target aarch64-macos -E -v -x c /dev/null 2>&1 | sed -n 's/^ \(.*\/any-darwin-any\)$/\1/p')
	case $headers in /*) ;; *) headers=$PWD/$headers ;; esac
	mkdir -p "$work/darwin"
	printf '#include <%s>\n' fcntl.h poll.h pthread.h signal.h stdlib.h string.h sys/stat.h unistd.h > "$work/darwin/Darwin.h"
	printf 'module Darwin {\n header "Darwin.h"\n export *\n}\n' > "$work/darwin/module.modulemap"
	echo 'func fcntl(_ descriptor: Int32, _ command: Int32, _ value: Int32) -> Int32 { 0 }' > "$work/darwin/overlay.swift"
	swiftc -typecheck -swift-version 6 -warnings-as-errors -parse-as-library -enable-experimental-feature Embedded \
		-target arm64-apple-none-macho -Xcc --target=arm64-apple-macosx15.0 -Xcc -nostdlibinc -Xcc "-idirafter$headers" -I "$work/darwin" "$work/darwin/overlay.swift" \
		Sources/IPC/Sources/IPC/System.swift >&2
	report aarch64-macos.what_the_swift_package_asks_of_the_system_compiles $?
	[ "$(grep -rlE '^ *#(if|elseif) ' Sources/IPC/Sources --include=*.swift)" = Sources/IPC/Sources/IPC/System.swift ]
	report the_swift_package_asks_in_one_file_which_system_it_is $?
}

# macOS on x86-64: the Swift for Linux makes nothing for it. glibc: the newest release that ziglang has. FreeBSD on arm64 differs from that on
# x86-64 in the processor alone, and is linked with FULL=1.
chosen=${*:-}
[ -n "$chosen" ] || chosen='x86_64-freebsd x86_64-openbsd x86_64-netbsd aarch64-macos aarch64-freebsd x86_64-macos aarch64-linux-musl
	x86_64-linux-gnu.2.44'
for target in $chosen; do
	case $target in
	x86_64-*bsd | aarch64-macos) links "$target" ;;
	aarch64-freebsd) if [ -n "${FULL:-}" ]; then links "$target"; else compiles "$target"; fi ;;
	*) compiles "$target" ;;
	esac
done
[ -n "${*:-}" ] || binding
exit $failed
