#!/bin/sh
# source.sh - the sources as packages are made from them, as a folder and as an archive: libipc-VERSION, libipc-VERSION.tar.gz.
#
#   source.sh DIRECTORY      prints the version
#
# What git knows or would add, changed or not; without git all but what was built. Times are those of the last commit: the same sources
# make the same archive.
set -eu
into=$(mkdir -p "${1:?directory}" && cd "$1" && pwd)
cd "$(dirname "$0")/.."
version=$(sed -n 's/^VERSION := //p' Makefile)
rm -rf "$into/libipc-$version"
mkdir "$into/libipc-$version"
if git rev-parse --is-inside-work-tree > /dev/null 2>&1; then
	SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
	git ls-files -co --exclude-standard | while read -r file; do if [ -e "$file" ] || [ -L "$file" ]; then echo "$file"; fi; done
else
	find . -name build -prune -o -name .build -prune -o ! -type d -print | sed 's|^\./||'
fi > "$into/files"
tar -cf - -T "$into/files" | tar -xf - -C "$into/libipc-$version"
rm "$into/files"
(cd "$into" && tar --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw --mtime="@${SOURCE_DATE_EPOCH:-0}" \
	-cf - "libipc-$version" | gzip -n > "libipc-$version.tar.gz")
echo "$version"
