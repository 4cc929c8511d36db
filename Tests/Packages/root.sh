#!/bin/sh
# root.sh - Debian packages are installed, tried, removed and purged in a root that is a layer over another one: in_root.sh does it, in
# namespaces of its own. Nothing but an empty directory is outside of them, and nothing is mounted there when that is removed.
#
#   root.sh PACKAGES TESTS [ROOT]     two directories: of *.deb, and of programs (debian/tests); ROOT: this machine's own by default
#
# With the machine's own root no other system need be fetched, and dpkg sees the dependencies that are there.
set -u
. "$(dirname "$0")/../begin.sh"
# Removing a tree must never be what ends the life of a mounted one.
trap 'rmdir "$work"' EXIT
packages=$(cd "${1:?packages}" && pwd) && tests=$(cd "${2:?tests}" && pwd) || exit 1
unshare --mount --propagation private --pid --fork --kill-child sh "$here/in_root.sh" "$work" "$packages" "$tests" "${3:-/}"
