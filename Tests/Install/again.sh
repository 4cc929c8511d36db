#!/bin/sh
# again.sh - another build of the same sources is the same, bit by bit: in a folder of another name, read-only, with another BUILD, time zone,
# locale, umask and order. Then one with debug information and with other tools: each is heard, and no file names a folder.
#
#   again.sh BUILD
set -u
. "$(dirname "$0")/begin.sh"
chmod 755 "$work"
sources="$work/a folder of sources"
other=$work/b/other
mkdir -p "$sources" "$other" "$work/debug" "$work/home" "$work/bin"
cp -R Makefile include pkgconfig Sources "$sources"
rm -rf "$sources/build"
chmod -R a-w "$sources"

# Nothing is read-only for root: the second build is somebody else's, where that one may run the compiler.
as=
if [ "$(id -u)" -eq 0 ]; then
	somebody='setpriv --reuid=65534 --regid=65534 --clear-groups env HOME='$work/home
	if $somebody swiftc --version > /dev/null 2>&1; then
		as=$somebody
		chown -R 65534:65534 "$other" "$work/home" "$work/debug"
	fi
fi
touch "$work/before"
(
	cd "$sources" && umask 027 &&
		$as env TZ=Pacific/Kiritimati LC_ALL=tr_TR.UTF-8 LANGUAGE=tr make -s -j4 BUILD="$other" POLLER=epoll all > "$work/log" 2>&1
)
status=$?
[ $status -eq 0 ] || tail -n 20 "$work/log" >&2
report a_read_only_tree_is_built_in_parallel_with_build_elsewhere $status
[ -z "$(find "$sources" -newer "$work/before")" ]
report the_sources_are_as_they_were $?

# same NAME FILE...: names below both build directories
same() {
	name=$1 status=0
	shift
	for file in "$@"; do cmp "$build/$file" "$other/$file" >&2 || status=1; done
	report "$name" $status
}
same another_build_gives_the_same_library lib/libipc.so.1.0.0
same another_build_gives_the_same_static_library lib/libipc.a
same another_build_gives_the_same_daemons bin/ipc bin/ipcd bin/ipc-tcpd bin/ipc-websocketd
same another_build_gives_the_same_programs bin/pong bin/pongd bin/webpong
diff -r "$build/man" "$other/man" >&2
report another_build_gives_the_same_manual $?

# Tools that write down that they were called.
mkdir -p "$work/tools"
# tool NAME COMMAND
tool() {
	printf '#!/bin/sh\nprintf "%%s " %s "$@" >> "%s"\necho >> "%s"\nexec %s "$@"\n' "$1" "$work/calls" "$work/calls" "$2" > "$work/tools/$1"
	chmod 755 "$work/tools/$1"
}
tool clang "$(dirname "$(readlink -f "$(command -v swiftc)")")/clang"
tool ld.bfd "$(command -v ld.bfd || command -v ld)"
tool objcopy "$(command -v objcopy)"
tool ar "$(command -v ar)"
: > "$work/calls"
chmod 666 "$work/calls"
debug=$work/debug/build
(
	cd "$sources" &&
		$as make -j2 BUILD="$debug" POLLER=epoll CC="$work/tools/clang" LD="$work/tools/ld.bfd" OBJCOPY="$work/tools/objcopy" \
			AR="$work/tools/ar" CFLAGS='-g -DHEARD_C' CPPFLAGS=-DHEARD_CPP LDFLAGS=-Wl,-z,origin library "$debug/bin/ipcd" "$debug/bin/pong" \
			> "$work/log" 2>&1
)
status=$?
[ $status -eq 0 ] || tail -n 20 "$work/log" >&2
report a_build_with_other_tools_and_debug_information_succeeds $status
# Every C file of the library and the daemon, and the program.
grep '^clang .*\.c ' "$work/calls" | grep -v -e -fsyntax-only > "$work/compiled"
[ "$(grep -c 'Sources/' "$work/compiled")" -ge 20 ] && ! grep -v -e '-DHEARD_CPP .*-g -DHEARD_C ' "$work/compiled" >&2
report every_c_file_hears_cc_cflags_and_cppflags $?
grep '^swiftc' "$work/log" > "$work/compiled"
[ "$(wc -l < "$work/compiled")" -eq 2 ] && ! grep -v -e ' -g .*-Xcc -DHEARD_CPP .*-Xcc -DHEARD_C ' "$work/compiled" >&2
report swift_hears_cflags_and_cppflags $?
grep -E '^clang .* -o [^ ]*/(libipc.so.1.0.0|ipcd|pong) ' "$work/calls" > "$work/linked"
[ "$(wc -l < "$work/linked")" -eq 3 ] && ! grep -v -e '-z,origin' "$work/linked" >&2
report every_link_hears_ldflags $?
[ "$(grep -c '^ld\.bfd ' "$work/calls")" -ge 4 ] && grep -q '^ld\.bfd .*-r ' "$work/calls"
report every_link_hears_ld $?
grep -q '^objcopy .*LibIPC.o' "$work/calls" && grep -q '^objcopy .*ipcd.swift.o' "$work/calls" && grep -q '^ar .*libipc.a' "$work/calls"
report objcopy_and_ar_are_heard $?
status=0
for file in "$debug/lib/libipc.so.1" "$debug/bin/ipcd" "$debug/bin/pong"; do
	readelf -SW "$file" | grep -q '\.debug_info' && readelf -SW "$file" | grep -q '\.symtab' && readelf -nW "$file" | grep -q 'Build ID' || status=1
done
readelf --debug-dump=info "$debug/lib/libipc.so.1" 2> /dev/null | grep -q 'Sources/LibIPC/.*\.swift' || status=1
report files_with_debug_information_have_that_of_swift_and_c_and_are_not_stripped $status
! grep -rlaF -e "$sources" -e "$work" "$debug/lib/libipc.so.1" "$debug/lib/libipc.a" "$debug/bin" >&2
report debug_information_names_no_folder_of_the_build $?
! grep -rlaF -e "$root" -e "$build" "$build/lib" "$build/bin" >&2
report no_file_names_a_folder_of_the_build $?
rm -rf "$debug" "$other"

if git -C "$root" rev-parse HEAD > /dev/null 2>&1; then
	# The same commit elsewhere.
	git clone -q --no-local --no-checkout "$root" "$work/clone" 2> "$work/log" || cat "$work/log" >&2
	git -C "$work/clone" reset -q --hard "$(git -C "$root" rev-parse HEAD)"
	TZ=UTC LC_ALL=C make -s dist BUILD="$work/dist"
	(cd "$work/clone" && umask 077 && TZ=Pacific/Kiritimati LC_ALL=tr_TR.UTF-8 make -s dist BUILD="$work/clone/out")
	[ -n "$(ls "$work/dist"/*.tar.gz)" ] && cmp "$work"/dist/*.tar.gz "$work"/clone/out/*.tar.gz >&2
	report the_tarball_of_another_clone_is_the_same $?
else
	echo "skipped the_tarball_of_another_clone_is_the_same: these sources are in no git repository"
fi
chmod -R u+w "$sources"
exit $failed
