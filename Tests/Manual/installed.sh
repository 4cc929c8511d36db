#!/bin/sh
# installed.sh - what `make install` installs, `make uninstall` takes back.
#
#   installed.sh ROOT BUILD      BUILD has everything, for epoll
set -u
. "$(dirname "$0")/../begin.sh"
cd "${1:?root of the sources}" || exit 1
for target in install uninstall; do
	make -s BUILD="${2:?build directory}" POLLER=epoll PREFIX="$work/tree" DESTDIR= $target > "$work/log" 2>&1 || cat "$work/log" >&2
	find "$work/tree" -type f -o -type l > "$work/after_$target"
done
grep -q 'man/man3/ipc_write\.3$' "$work/after_install" && grep -q 'man/man7/ipc\.7$' "$work/after_install"
report manual_is_installed $?
cat "$work/after_uninstall" >&2
[ ! -s "$work/after_uninstall" ]
report uninstall_leaves_nothing $?
exit $failed
