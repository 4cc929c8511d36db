#!/bin/sh
# places.sh - the daemons find the library wherever it is installed, and where the loader looks by itself they carry no path.
#
#   places.sh BUILD
set -u
. "$(dirname "$0")/begin.sh"
unset LD_LIBRARY_PATH
multiarch=$(uname -m)-linux-gnu

# finds NAME BINDIR LIBRARY: each daemon there runs with this library
finds() {
	status=0
	for daemon in $daemons; do
		(cd / && "$2/$daemon" --version) > "$work/out" 2>&1 && grep -q "^$daemon " "$work/out" &&
			[ "$(readlink -f "$(ldd "$2/$daemon" | sed -n 's/.*libipc.so.1 => \(.*\) (.*/\1/p')")" = "$(readlink -f "$3/libipc.so.1")" ] && continue
		cat "$work/out" >&2
		status=1
	done
	report "$1" $status
}
# run_path FILE
run_path() { readelf -dW "$1" | sed -n 's/.*R[UN]*PATH.*\[\(.*\)\]/\1/p'; }

finds daemons_of_the_build_tree_find_their_library "$build/bin" "$build/lib"
prefix=$work/usual
make_quietly PREFIX="$prefix" install
finds daemons_find_lib "$prefix/bin" "$prefix/lib"
for place in lib64 "lib/$multiarch" lib/deep/er; do
	prefix=$work/$(echo "$place" | tr / _)
	make_quietly PREFIX="$prefix" LIBDIR="$prefix/$place" install
	finds "daemons_find_$(echo "$place" | tr /- __)" "$prefix/bin" "$prefix/$place"
done
make_quietly PREFIX="$work/outside" LIBDIR="$work/elsewhere/lib" BINDIR="$work/outside/libexec/ipc/bin" install
finds daemons_find_a_library_outside_of_their_prefix "$work/outside/libexec/ipc/bin" "$work/elsewhere/lib"
make_quietly PREFIX="$work/one" LIBDIR="$work/one/all" BINDIR="$work/one/all" install
finds daemons_find_a_library_beside_them "$work/one/all" "$work/one/all"
# A relative path goes with the tree.
mv "$work/lib64" "$work/moved"
finds daemons_find_the_library_of_a_tree_that_was_moved "$work/moved/bin" "$work/moved/lib64"

# no_path NAME BINDIR VARIABLES...
no_path() {
	name=$1 directory=$2
	shift 2
	rm -rf "$work/stage"
	make_quietly DESTDIR="$work/stage" "$@" install
	status=0
	for daemon in $daemons; do
		[ -x "$work/stage$directory/$daemon" ] && [ -z "$(run_path "$work/stage$directory/$daemon")" ] || status=1
	done
	report "$name" $status
}
no_path daemons_have_no_path_for_usr_lib /usr/bin PREFIX=/usr
if [ -d "/usr/lib/$multiarch" ]; then
	no_path daemons_have_no_path_for_usr_lib_multiarch /usr/bin PREFIX=/usr LIBDIR="/usr/lib/$multiarch"
fi
no_path daemons_have_no_path_on_request /opt/bin PREFIX=/opt RPATH=
make_quietly PREFIX="$work/named" RPATH=/opt/of/mine install
[ "$(run_path "$work/named/bin/ipcd")" = /opt/of/mine ]
report daemons_have_the_path_of_rpath $?
# As sudo does: a PATH without Swift.
PATH=/usr/sbin:/usr/bin:/sbin:/bin make_quietly PREFIX="$work/sudo" LIBDIR="$work/sudo/lib64" install
finds install_needs_no_swift "$work/sudo/bin" "$work/sudo/lib64"
exit $failed
