#!/bin/sh
# hardening.sh - the library, the daemons and the programs are hardened as hardening-check(1) and checksec(7) want it, and each has a
# build-id of its own.
#
#   hardening.sh BUILD
set -u
export LC_ALL=C
. "$(dirname "$0")/begin.sh"
library=$build/lib/libipc.so.1
files="$library $(for name in $daemons pong pongd webpong; do echo "$build/bin/$name"; done)"
# The marks of branches; those of the whole file need start files of the C library that have them, too (Debian 12: crti.o has none).
case $(uname -m) in
x86_64) marks='IBT, SHSTK' ;;
aarch64) marks='BTI, PAC' ;;
*) marks= ;;
esac
notes_of() { readelf -nW "$1" 2> /dev/null | sed -n 's/.*feature: //p'; }

if [ -n "$marks" ]; then
	status=0
	for object in "$build"/obj/*.o "$build"/obj/daemons/*.o; do
		case $(notes_of "$object") in *"$marks"*) ;; *) status=1; echo "$object has no marks" >&2 ;; esac
	done
	report every_object_is_marked_for_checked_branches $status
	# Built of the objects alone, as where the start files are marked.
	mkdir "$work/objects"
	(cd "$work/objects" && ar x "$build/lib/libipc.a")
	ld -shared -o "$work/alone.so" "$work"/objects/*.o && notes_of "$work/alone.so" | grep -q "$marks"
	report the_archive_is_marked_for_checked_branches $?
fi
if [ "$(uname -m)" = x86_64 ]; then
	status=0
	for file in $files; do notes_of "$file" | grep -q SHSTK || status=1; done
	report every_file_is_marked_for_shadow_stacks $status
fi

status=0
for file in $files; do
	stack=$(readelf -lW "$file" | awk '$1 == "GNU_STACK" { print $(NF - 1) }')
	[ "$stack" = RW ] || status=1
	! readelf -lW "$file" | awk '$1 == "LOAD" && /RWE/' | grep -q . || status=1
done
report no_stack_is_executable_and_no_memory_both_written_and_run $status
status=0
for file in $files; do readelf -nW "$file" | sed -n 's/.*Build ID: //p'; done > "$work/ids"
[ "$(wc -l < "$work/ids")" -eq "$(echo "$files" | wc -w)" ] && [ "$(sort -u "$work/ids" | wc -l)" -eq "$(wc -l < "$work/ids")" ]
report every_file_has_a_build_id_of_its_own $?
# _FORTIFY_SOURCE, of C: the checks of the C library are called.
nm -D "$library" | grep -q ' U __.*_chk@'
report the_library_calls_fortified_functions $?

if command -v hardening-check > /dev/null 2>&1; then
	unmarked=
	notes_of "$library" | grep -q IBT || unmarked=--nocfprotection
	for file in $files; do
		hardening-check $unmarked "$file" > "$work/out" 2>&1
		status=$?
		[ $status -eq 0 ] || cat "$work/out" >&2
		report "hardening_check_finds_no_fault_in_$(basename "$file")" $status
	done
else
	echo "skipped hardening_check: devscripts is not installed"
fi
if command -v checksec > /dev/null 2>&1; then
	for file in $files; do
		pie=yes
		[ "$file" != "$library" ] || pie=dso
		checksec --file="$file" --output=json > "$work/out" 2>&1
		status=0
		for wanted in '"relro":"full"' '"canary":"yes"' '"nx":"yes"' "\"pie\":\"$pie\"" '"rpath":"no"' '"fortify_source":"yes"'; do
			grep -qF "$wanted" "$work/out" || status=1
		done
		[ $status -eq 0 ] || cat "$work/out" >&2
		report "checksec_finds_no_fault_in_$(basename "$file")" $status
	done
else
	echo "skipped checksec: it is not installed"
fi
exit $failed
