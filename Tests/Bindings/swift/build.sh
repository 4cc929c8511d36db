#!/bin/sh
# build.sh - builds the programs of scenarios.md in Swift, or the tests of the binding too, in one place for all who use them.
#
#   build.sh TREE WORK [--build-tests]      TREE has the installation; the programs are in WORK/debug
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 1
tree=$(cd "${1:?installed tree}" && pwd) || exit 1
mkdir -p "${2:?directory to work in}" && work=$(cd "$2" && pwd) || exit 1
export PKG_CONFIG_PATH="$tree/lib/pkgconfig" IPC_SWIFT_PACKAGE="$tree/share/libipc/swift"
exec timeout $((600 * ${TEST_PATIENCE:-1})) swift build ${3:+"$3"} --package-path "$here/package" --scratch-path "$work" >&2
