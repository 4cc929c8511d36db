#!/bin/sh
# newer_headers.sh - the sources compile where the C library declares the pointer of epoll_wait(2) as nonnull, as newer glibc
# does. Swift then imports the call with another type.
#
#   newer_headers.sh ROOT
set -u
. "$(dirname "$0")/../begin.sh"
cd "${1:?root of the sources}" || exit 1
name=sources_compile_where_epoll_wait_takes_no_null
[ "$(uname)" = Linux ] || { echo "skipped $name: there is no epoll here"; exit 0; }
mkdir "$work/sys"
printf '#include_next <sys/epoll.h>\nextern int epoll_wait(int, struct epoll_event *, int, int) __attribute__((nonnull(2)));\n' >"$work/sys/epoll.h"
if ${SWIFTC:-swiftc} -typecheck -swift-version 6 -warnings-as-errors -parse-as-library -enable-experimental-feature Embedded -module-name LibIPC \
	-module-cache-path "$work/cache" -I Sources/CLibIPC/include -Xcc -I"$work" Sources/LibIPC/*/*.swift >&2; then
	echo "ok $name"
else
	echo "not ok $name"
	exit 1
fi
