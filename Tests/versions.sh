#!/bin/sh
# versions.sh - the version of the Makefile is the one that each package, binding and manual page names, and ipc-changes(7) tells of it. Each
# function since 1.1 is named there, and in a test.
#
#   versions.sh TREE
set -u
cd "${1:?source tree}" || exit 1
failed=0
result() { if [ "$2" -eq 0 ]; then echo "ok version.$1"; else echo "not ok version.$1"; failed=1; fi; }
version=$(sed -n 's/^VERSION := //p' Makefile)
page=Sources/Manual/ipc-changes.7

# says NAME FILE PATTERN: a line of the file begins with this
says() {
	grep -q "^$3" "$2" || { echo "$2 does not say $version" >&2; false; }
	result "$1" $?
}
says shard Sources/Bindings/crystal/shard.yml "version: $version\$"
says crystal Sources/Bindings/crystal/src/ipc.cr "  VERSION = \"$version\"\$"
says python Sources/Bindings/python/src/libipc/__init__.py "__version__ = \"$version\"\$"
says debian pkgconfig/debian/changelog "libipc ($version-"
says rpm pkgconfig/rpm/libipc.spec "Version: *$version\$"
says alpine pkgconfig/alpine/APKBUILD "pkgver=$version\$"
for daemon in ipcd ipc-tcpd ipc-websocketd; do
	says $daemon Sources/$daemon/$daemon.8 "\\.TH .*\"libipc $version\""
done
says changes $page ".*${version%.0}"

missing=0
for name in $(awk '!/^#/ && $1 > 1.0 { print $2 }' Tests/Manual/functions.txt); do
	grep -q "\\<$name\\>" $page || { echo "$page does not name $name" >&2; missing=1; }
	grep -rqw --include='*.[ch]' "$name" Tests || { echo "no test calls $name" >&2; missing=1; }
done
result new_functions_are_told_and_tested $missing
exit $failed
