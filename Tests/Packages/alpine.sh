#!/bin/sh
# alpine.sh - what APKBUILD does to the files: abuild runs on Alpine alone, so its few functions are here. `make alpine-check`.
#
#   alpine.sh DIRECTORY      made by pkgconfig/alpine.sh
#
# Shown: sums fit, each file is in one package and the right one, and the daemons run with musl's loader. Not shown: that abuild and apk
# take the packages.
set -u
. "$(dirname "$0")/../begin.sh"
startdir=$(cd "${1:?directory}/aport" && pwd) || exit 1
srcdir=$work/src pkgdir=$work/pkg/libipc
mkdir -p "$srcdir" "$pkgdir"
cd "$startdir" || exit 1

# As in abuild(1): moves files from the main package to the current one; what each default function of a subpackage takes.
amove() {
	for path; do
		# shellcheck disable=SC2086
		for found in $(cd "$pkgdir" && ls -d $path); do
			mkdir -p "$subpkgdir/${found%/*}" && mv "$pkgdir/$found" "$subpkgdir/${found%/*}/" || return 1
		done
	done
}
default_static() { amove 'usr/lib/*.a'; }
default_dev() { amove usr/include usr/lib/pkgconfig usr/lib/libipc.so; }
default_doc() { amove usr/share/man; }
static() { default_static; }
doc() { default_doc; }

# shellcheck source=pkgconfig/alpine/APKBUILD
. ./APKBUILD
echo "$sha512sums" | sed '/^ *$/d' | sha512sum --quiet -c
report alpine.sums_fit $?
for file in $source; do
	case $file in *.tar.gz) tar -xzf "$file" -C "$srcdir" ;; *) cp "$file" "$srcdir" ;; esac
done
# abuild ends at the first command that fails.
(set -e && build && package)
report alpine.the_package_is_made $?
for part in $subpackages; do
	name=$(echo "$part" | cut -d : -f 1) function=$(echo "$part" | cut -s -d : -f 2)
	# shellcheck disable=SC2034
	(set -e && subpkgname=$name subpkgdir=$work/pkg/$name && mkdir -p "$subpkgdir" && "${function:-${name##*-}}")
	report "alpine.the_package_${name}_is_made" $?
done

cd "$work/pkg" || exit 1
find . ! -type d | sed -E -e 's|^\./||' -e 's|(/usr/share/man)/.*|\1/...|' -e 's|(/usr/share/libipc)/.*|\1/...|' \
	-e 's|/python3[^/]*/|/python3/|' -e 's|(/site-packages)/.*|\1/...|' -e 's|(/include/libipc)/.*|\1/...|' -e 's|(/usr/bin)/.*|\1/...|' |
	grep -v '^ipc-daemons/usr/share/bash-completion/' | LC_ALL=C sort -u > "$work/is"
cat > "$work/wanted" << 'END'
ipc-daemons-openrc/etc/conf.d/ipc-tcpd
ipc-daemons-openrc/etc/conf.d/ipc-websocketd
ipc-daemons-openrc/etc/conf.d/ipcd
ipc-daemons-openrc/etc/init.d/ipc-tcpd
ipc-daemons-openrc/etc/init.d/ipc-websocketd
ipc-daemons-openrc/etc/init.d/ipcd
ipc-daemons/usr/bin/...
libipc-dev/usr/include/libipc/...
libipc-dev/usr/lib/libipc.so
libipc-dev/usr/lib/pkgconfig/ipc.pc
libipc-dev/usr/lib/pkgconfig/libipc-swift.pc
libipc-dev/usr/lib/pkgconfig/libipc.pc
libipc-dev/usr/share/libipc/...
libipc-doc/usr/share/man/...
libipc-static/usr/lib/libipc.a
libipc/usr/lib/libipc.so.1
libipc/usr/lib/libipc.so.1.0.0
py3-libipc/usr/lib/python3/site-packages/...
END
same_list alpine.each_file_is_in_its_package "$work/wanted" "$work/is"
wrong=0
for daemon in ipc-daemons/usr/bin/ipc*; do
	LD_LIBRARY_PATH=$work/pkg/libipc/usr/lib "$daemon" --version | grep -q "$pkgver" || { echo "$daemon does not run" >&2; wrong=1; }
done
report alpine.the_daemons_run $wrong
wrong=0
for script in "$startdir"/*.initd "$startdir"/*-install; do sh -n "$script" || wrong=1; done
report alpine.scripts_are_scripts $wrong
exit $failed
