#!/bin/sh
# old_glibc.sh - the binaries for glibc 2.17, of the year 2012: which versions of symbols and which libraries they ask for.
#
#   old_glibc.sh BUILD_DIRECTORY     of x86_64-linux-gnu.2.17, with library and daemons
set -u
. "$(dirname "$0")/../begin.sh"
build=$(cd "${1:?build directory}" && pwd) || exit 1
export LC_ALL=C

# asks_for NAME FILE LIBRARY...
asks_for() {
	name=$1 file=$2
	shift 2
	objdump -T "$file" | grep -oE 'GLIBC_[0-9.]+' | sort -uV > "$work/versions"
	newest=$( (cat "$work/versions"; echo GLIBC_2.17) | sort -V | tail -1)
	[ -s "$work/versions" ] && [ "$newest" = GLIBC_2.17 ]
	report "x86_64-linux-gnu.2.17.${name}_names_no_newer_symbol" $?
	[ "$newest" = GLIBC_2.17 ] || objdump -T "$file" | grep -wF "$newest" >&2
	readelf -dW "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' > "$work/needed"
	[ -s "$work/needed" ] && ! printf '%s\n' libc.so.6 libpthread.so.0 "$@" | grep -vxF -f - "$work/needed" >&2
	report "x86_64-linux-gnu.2.17.${name}_needs_libc_alone" $?
}
asks_for libipc "$build/lib/libipc.so.1"
for name in ipc ipcd ipc-tcpd ipc-websocketd; do asks_for "$name" "$build/bin/$name" libipc.so.1; done
exit $failed
