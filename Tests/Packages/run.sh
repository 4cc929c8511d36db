#!/bin/sh
# run.sh - Debian packages: made, checked by lintian, installed in a root that is a layer over this machine's own, tried, and purged.
#
#   run.sh BUILD      the packages are made in BUILD/deb
set -u
. "$(dirname "$0")/../begin.sh"
build=${1:?build directory}
for tool in dh dh_python3 dpkg-buildpackage lintian; do
	command -v $tool > /dev/null || { echo "skipped deb: $tool is not installed"; exit 0; }
done
sh "$here/../../pkgconfig/deb.sh" "$build/deb" > "$work/log" 2>&1 || { tail -40 "$work/log" >&2; false; }
report deb.packages_are_made $?
[ $failed -eq 0 ] || exit 1

for name in ipc-daemons ipc-daemons-dbgsym libipc-dev libipc1 libipc1-dbgsym python3-libipc; do echo $name; done > "$work/wanted"
for package in "$build"/deb/*.deb; do dpkg-deb -f "$package" Package; done | LC_ALL=C sort > "$work/names"
same_list deb.there_are_the_packages "$work/wanted" "$work/names"
# It says nothing where nothing is wrong; overrides in pkgconfig/debian have their reasons there.
lintian --allow-root --tag-display-limit 0 "$build"/deb/*.changes > "$work/lintian" 2>&1 && [ ! -s "$work/lintian" ]
report deb.lintian_finds_nothing $?
cat "$work/lintian" >&2
sh "$here/symbols.sh" "$build/deb" || failed=1
if [ "$(id -u)" -eq 0 ]; then
	sh "$here/root.sh" "$build/deb" "$here/../../pkgconfig/debian/tests" || failed=1
else
	echo "skipped deb.root: only root can mount a layer over the machine's root"
fi
exit $failed
