#!/bin/sh
# deb.sh - Debian packages of the sources as they are: pkgconfig/debian becomes their folder debian/.
#
#   deb.sh DIRECTORY      which gets the packages, their source, and the folder in which they are built
set -eu
here=$(cd "$(dirname "$0")" && pwd)
into=${1:?directory}
for tool in dpkg-buildpackage dh dh_python3 swiftc; do
	command -v $tool > /dev/null || { echo "make deb: $tool is not installed" >&2; exit 1; }
done
rm -rf "$into"
version=$(sh "$here/source.sh" "$into")
cd "$into"
mv "libipc-$version.tar.gz" "libipc_$version.orig.tar.gz"
cp -R "$here/debian" "libipc-$version/debian"
cd "libipc-$version"
[ "$(dpkg-parsechangelog -S Version | sed 's/-[^-]*$//')" = "$version" ] || {
	echo "make deb: pkgconfig/debian/changelog does not begin with version $version" >&2
	exit 1
}
# What make was told for its own build is not for that of the packages.
env -u MAKEFLAGS -u MFLAGS -u MAKEOVERRIDES -u BUILD -u DESTDIR dpkg-buildpackage -us -uc -j"$(nproc)"
