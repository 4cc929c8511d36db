#!/bin/sh
# alpine.sh - what Alpine's abuild makes packages of: APKBUILD with its files, and the archive of what was compiled for musl.
#
#   alpine.sh DIRECTORY [PYTHON]      PYTHON is Alpine's release of it, 3.12 by default: its modules have a directory for each
#
# Then, on Alpine, in DIRECTORY/aport: abuild -r
set -eu
cd "$(dirname "$0")/.."
into=$(mkdir -p "${1:?directory}" && cd "$1" && pwd)
python=${2:-3.12}
target=x86_64-linux-musl
version=$(sed -n 's/^VERSION := //p' Makefile)
name=libipc-$version-$target
[ "$(sed -n 's/^pkgver=//p' pkgconfig/alpine/APKBUILD)" = "$version" ] || {
	echo "make alpine: pkgconfig/alpine/APKBUILD does not have version $version" >&2
	exit 1
}
rm -rf "${into:?}/$name" "$into/aport" "$into/units"
env -u MAKEFLAGS -u MFLAGS -u MAKEOVERRIDES -u BUILD make -s TARGET=$target BUILD="$into/$target" PREFIX=/usr LIBDIR=/usr/lib RPATH= \
	DESTDIR="$into/$name" install
# systemd's: Alpine has OpenRC.
rm -r "$into/$name/usr/lib/systemd" "$into/$name/usr/lib/sysusers.d" "$into/$name/usr/lib/tmpfiles.d"
sh pkgconfig/python.sh "$into/$name/usr/share/libipc/python" "$into/$name/usr/lib/python$python/site-packages"
mkdir "$into/aport"
cp pkgconfig/alpine/* "$into/aport"
(cd "$into" && tar --sort=name --owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -n > "aport/$name.tar.gz")
# The files' sums, as `abuild checksum` writes them.
cd "$into/aport"
{
	sed '/^sha512sums=/,$d' APKBUILD
	echo 'sha512sums="'
	for file in "$name.tar.gz" *.initd *.confd; do sha512sum "$file"; done
	echo '"'
	sed '1,/^sha512sums=/d' APKBUILD
} > APKBUILD.new
mv APKBUILD.new APKBUILD
