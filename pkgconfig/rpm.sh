#!/bin/sh
# rpm.sh - RPM packages of the sources as they are, by pkgconfig/rpm/libipc.spec.
#
#   rpm.sh DIRECTORY      which gets RPMS and SRPMS, and the folder in which they are built
set -eu
here=$(cd "$(dirname "$0")" && pwd)
into=${1:?directory}
for tool in rpmbuild swiftc; do
	command -v $tool > /dev/null || { echo "make rpm: $tool is not installed" >&2; exit 1; }
done
rm -rf "$into"
version=$(sh "$here/source.sh" "$into")
into=$(cd "$into" && pwd)
[ "$(sed -n 's/^Version: *//p' "$here/rpm/libipc.spec")" = "$version" ] || {
	echo "make rpm: pkgconfig/rpm/libipc.spec does not have version $version" >&2
	exit 1
}
mkdir "$into/SOURCES"
mv "$into/libipc-$version.tar.gz" "$into/SOURCES"
rm -r "$into/libipc-$version"
# Where rpm is not the system's own package manager, it does not know what is installed.
nodeps=
[ "$(rpm -qa 2> /dev/null | head -1)" ] || nodeps=--nodeps
# shellcheck disable=SC2086
env -u MAKEFLAGS -u MFLAGS -u MAKEOVERRIDES -u BUILD -u DESTDIR rpmbuild -ba $nodeps --define "_topdir $into" \
	--define "_smp_mflags -j$(nproc)" "$here/rpm/libipc.spec"
