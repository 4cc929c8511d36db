#!/bin/sh
# static.sh - the daemons as static files (`make static-daemons`): their sizes, and that they need nothing else. The demo runs with them in
# a root directory (chroot(2)) that has those three files and the demo's run directory.
#
#   static.sh BUILD_DIRECTORY     a finished build: its pong, pongd and webpong are outside of that root
set -u
. "$(dirname "$0")/../begin.sh"
build=$(cd "${1:?build directory}" && pwd) || exit 1
cd "$here/../.." || exit 1
daemons='ipc ipcd ipc-tcpd ipc-websocketd'
musl=$build/x86_64-linux-musl

if ! command -v musl-gcc > /dev/null 2>&1; then
	echo "skipped static_daemons: musl-tools is not installed"
	exit 0
fi
make -s BUILD="$build" static-daemons > "$work/make" 2>&1
built=$?
[ $built -eq 0 ] || cat "$work/make"
report static_daemons_are_built $built
[ $built -eq 0 ] || exit 1

for name in $daemons; do
	file=$musl/static/$name
	! readelf -lW "$file" | grep -qE 'INTERP|DYNAMIC'
	report "static_${name}_needs_no_library" $?
	limit=400 # KiB
	size=$(wc -c < "$file")
	[ "$size" -le $((limit * 1024)) ]
	report "static_${name}_has_at_most_${limit}_KiB" $?
	echo "$name: $size bytes" >&2
done

# In the root the paths of the demo's run directory are shorter.
mkdir -p "$work/root" "$work/demo/bin"
chroot=chroot
[ "$(id -u)" -eq 0 ] || chroot='unshare -r chroot'
if ! $chroot / true 2> /dev/null; then
	echo "skipped static_daemons_run_in_an_empty_root: chroot(2) is not allowed"
	exit $failed
fi
for name in $daemons; do
	cp "$musl/static/$name" "$work/root/$name"
	cat > "$work/demo/bin/$name" <<-END
		#!/bin/sh
		IPC_RUNDIR=\${IPC_RUNDIR#"$work/root"} exec $chroot "$work/root" /$name "\$@"
	END
	chmod +x "$work/demo/bin/$name"
done
ln -s "$build/bin/pong" "$build/bin/pongd" "$build/bin/webpong" "$work/demo/bin"
TMPDIR=$work/root sh Sources/demo.sh "$work/demo" > "$work/out" 2>&1
ran=$?
[ $ran -eq 0 ] || cat "$work/out"
report static_daemons_run_in_an_empty_root $ran
exit $failed
