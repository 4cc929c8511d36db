#!/bin/sh
# rpm.sh - RPM packages are made, and tried as those of Debian are: `make rpm-check`.
#
#   rpm.sh BUILD      the packages are made in BUILD/rpm
set -eu
cd "$(dirname "$0")/../.."
build=${1:?build directory}
[ "$(id -u)" -eq 0 ] || { echo "make rpm-check: only root can mount a layer over the machine's root" >&2; exit 1; }
sh pkgconfig/rpm.sh "$build/rpm"
mkdir "$build/rpm/all"
ln "$build"/rpm/RPMS/*/*.rpm "$build/rpm/all"
exec sh Tests/Packages/root.sh "$build/rpm/all" pkgconfig/debian/tests
