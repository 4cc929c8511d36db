#!/bin/sh
# in_root.sh - what root.sh does in its namespaces: in_root.sh EMPTY_DIRECTORY PACKAGES TESTS ROOT
#
# The upper layer is in memory, and goes with the namespaces: nothing here removes anything of a tree in which something is mounted.
set -u
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
kind=deb
if ls "$2"/*.rpm > /dev/null 2>&1; then kind=rpm; fi
place=$1 packages=$2 tests=$3 lower=$4
failed=0
# report NAME STATUS: as in begin.sh, which would remove its directory at the end
report() { if [ "$2" -eq 0 ]; then echo "ok $1"; else echo "not ok $1"; failed=1; fi; }

# Devices of the root's own, so that no program in it can touch those of the machine.
devices() {
	mount -t tmpfs -o mode=755 tmpfs root/dev && mkdir root/dev/pts root/dev/shm && chmod 1777 root/dev/shm || return 1
	for device in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0'; do
		# shellcheck disable=SC2086
		set -- $device
		mknod -m 666 "root/dev/$1" c "$2" "$3" || return 1
	done
	ln -s /proc/self/fd root/dev/fd
}
mount -t tmpfs -o mode=755 tmpfs "$place" && cd "$place" && mkdir upper own root &&
	mount -t overlay -o "lowerdir=$lower,upperdir=$place/upper,workdir=$place/own" overlay root &&
	mount -t proc -o ro,nosuid,nodev,noexec proc root/proc && mount -t tmpfs tmpfs root/run && mount -t tmpfs -o mode=1777 tmpfs root/tmp &&
	devices && mkdir root/tmp/packages root/tmp/tests && cp "$packages"/*."$kind" root/tmp/packages && cp -R "$tests/." root/tmp/tests
report $kind.there_is_a_root $?
[ $failed -eq 0 ] || exit 1

# inside COMMAND...: in the root; what it prints is shown when it fails
inside() {
	# shellcheck disable=SC2086
	chroot root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive HOME=/root \
		AUTOPKGTEST_TMP="/tmp/test_${test:-}" PYTHONDONTWRITEBYTECODE=1 ${elsewhere:-} timeout 100 "$@" > log 2>&1 < /dev/null && return
	cat log >&2
	return 1
}

# What stays: what dpkg and its triggers, ldconfig, and those that change users keep.
stays='var/(lib/dpkg|log|cache)/|etc/ld\.so\.cache$|etc/\.pwd\.lock$|etc/(passwd|group|shadow|gshadow|subuid|subgid)-$'
install='dpkg --install' actions='remove purge'
# rpm does not know what Debian has installed, and some folders are not those of Debian. Users and what is in /run stay by custom.
if [ $kind = rpm ]; then
	install='rpm --upgrade --nodeps' actions=erase
	modules=$(rpm -qpl "$packages"/python3-libipc-*.rpm | sed -n 's|/libipc$||p')
	elsewhere="PKG_CONFIG_PATH=/usr/lib64/pkgconfig LD_LIBRARY_PATH=/usr/lib64 PYTHONPATH=$modules"
	stays="$stays|etc/(passwd|group|shadow|gshadow)$|root/\.rpmdb/|usr/share/licenses$|usr/lib64/pkgconfig$|${modules#/}$|run/ipc$"
fi
inside sh -c "$install /tmp/packages/*.$kind"
report $kind.packages_are_installed $?
# debugging is not among the package's own tests, which have no debug symbols. Without gdb, symbols.sh alone looks at these.
if [ $kind = deb ] && [ -x root/usr/bin/gdb ]; then cp "$here/debugging" root/tmp/tests; fi
for test in $(sed -n 's/^Tests: //p' root/tmp/tests/control) $(cd root/tmp/tests && ls debugging 2> /dev/null); do
	mkdir "root/tmp/test_$test" && inside "/tmp/tests/$test"
	report "$kind.test_$test" $?
done
if [ $kind = rpm ]; then names=$(rpm -qp --queryformat '%{NAME} ' "$packages"/*.rpm); else
	names=$(for package in "$packages"/*.deb; do dpkg-deb -f "$package" Package; done)
fi
for action in $actions; do
	# shellcheck disable=SC2086
	inside "${install%% *}" --$action $names
	report "$kind.packages_can_be_${action}d" $?
done

# What is in the upper layer and not below, or not the same.
(cd upper && find . -mindepth 1 ! -type d -o -type d -empty) | sed 's|^\./||' |
	while read -r path; do
		if [ -d "upper/$path" ]; then [ -d "$lower/$path" ]; else cmp -s "upper/$path" "$lower/$path"; fi || echo "$path"
	done > changed
ls -d root/run/* 2> /dev/null | sed 's|^root/||' >> changed
grep -vE "^($stays)" changed > left
cat left >&2
[ ! -s left ]
report $kind.purging_leaves_nothing $?
exit $failed
