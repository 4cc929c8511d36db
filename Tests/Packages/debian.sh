#!/bin/sh
# debian.sh - the packages in a minimal Debian of this machine's release, with gdb and their debug symbols: `make deb-check`. Fetching it
# takes a minute or more, so it is kept.
#
#   debian.sh PACKAGES ROOT      ROOT is made when it is not there
set -eu
cd "$(dirname "$0")/../.."
packages=${1:?packages}
root=${2:?root}
[ "$(id -u)" -eq 0 ] || { echo "make deb-check: only root can make a system's root" >&2; exit 1; }
command -v mmdebstrap > /dev/null || { echo "make deb-check: mmdebstrap is not installed" >&2; exit 1; }
if [ ! -e "$root" ]; then
	rm -rf "$root.new"
	# What the packages and their tests depend on; systemd's small programs for users and files in place of systemd.
	mmdebstrap --mode=root --format=directory --variant=minbase --quiet \
		--include=gcc,gdb,libc6-dev,pkg-config,python3,systemd-standalone-sysusers,systemd-standalone-tmpfiles,zlib1g \
		"$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" "$root.new"
	mv "$root.new" "$root"
fi
exec sh Tests/Packages/root.sh "$packages" pkgconfig/debian/tests "$(cd "$root" && pwd)"
