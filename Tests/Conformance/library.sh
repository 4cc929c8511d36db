#!/bin/sh
# library.sh - is the file that was built what the contract says about loading, size and names?
#
#   library.sh DIRECTORY      (which holds libipc.so, its versioned names and libipc.a)
#
# Both libraries are held against the headers, and against frozen.h: the names and versions that programs have been linked with.
set -u
export LC_ALL=C
. "$(dirname "$0")/../begin.sh"
directory=$(cd "${1:?directory of the library}" && pwd) || exit 1
root=$(cd "$here/../.." && pwd) || exit 1
include=$root/include
library=$directory/libipc.so
archive=$directory/libipc.a
cd "$work" || exit 1

# same NAME WANTED IS: two texts
same() {
	[ "$2" = "$3" ] || echo "$1: '$3', not '$2'" >&2
	[ "$2" = "$3" ]
	report "$1" $?
}
# tags NAME: the values of a dynamic tag
tags() { readelf -dW "$library" | sed -n "s/.*($1).*\[\(.*\)\].*/\1/p"; }

for file in "$library" "$archive"; do
	[ -e "$file" ] && continue
	echo "$file is not there" >&2
	report the_library_is_there 1
	exit 1
done
readelf -dW "$library" >dynamic && [ -s dynamic ] || { report the_library_can_be_read 1; exit 1; }
declared=$root/Sources/CLibIPC/declared.sed
sed -n -f "$declared" "$include"/*.h | sort >wanted
# Lines NAME VERSION: each function of frozen.h with the version in the comment above it.
sed -n -e 's/^\/\* \(LIBIPC_[0-9.]*\) \*\/$/\1/p' -f "$declared" "$here/frozen.h" |
	awk '/^LIBIPC_/ { version = $0; next } { print $0, version }' | sort >frozen

same the_soname_is_libipc_so_1 libipc.so.1 "$(tags SONAME)"
same only_libc_is_needed libc.so.6 "$(tags NEEDED)"
same there_is_no_runpath '' "$(tags RPATH)$(tags RUNPATH)"
for name in libipc.so libipc.so.1 libipc.so.1.0.0; do readlink -f "$directory/$name"; done >files
same the_three_names_are_one_file "$(readlink -f "$directory")/libipc.so.1.0.0" "$(sort -u files)"
# A process with raised privileges must not trust its environment (secure_getenv(3)).
same the_environment_is_asked_securely_alone secure_getenv "$(nm -D --undefined-only "$library" | sed -n 's/.* \([a-z_]*getenv[a-z_]*\).*/\1/p')"
test -f "$directory/libipc.so.1.0.0" && ! test -L "$directory/libipc.so.1.0.0"
report the_real_file_is_libipc_so_1_0_0 $?

# Temporary memory over a kilobyte, objects and boxes Swift takes from the heap, and traps where there is none. Functions of the
# library are those whose mangled names begin with its module's; what is left of the standard library is never called.
objdump -d --no-show-raw-insn "$library" | awk '
	/^[0-9a-f]+ <.*>:$/ { name = $2 }
	/(call|jmp|bl).*(posix_memalign|aligned_alloc|swift_slowAlloc|swift_allocObject)/ && name ~ /LibIPC|libipc|ipc_/ { print name }' >trapping
objdump -d --no-show-raw-insn "$library" >disassembled && [ -s disassembled ] && [ ! -s trapping ]
report no_function_takes_memory_whose_lack_would_trap $?
if [ -s trapping ]; then sort -u trapping >&2; fi
if nm -D "$library" | grep -q malloc_usable_size; then report no_size_is_asked_of_malloc 1; else report no_size_is_asked_of_malloc 0; fi

# columns: number value size type binding visibility section name@@version
readelf --dyn-syms -W "$library" |
	awk '$1 ~ /^[0-9]+:$/ && $7 != "UND" && $7 != "ABS" && $5 != "LOCAL" { print $3, $4, $8 }' >symbols
sed 's/.* //; s/@.*//' symbols | sort >exported
same_list the_library_exports_what_the_headers_declare_and_nothing_else wanted exported
same every_export_has_a_version '' "$(grep -v '@@LIBIPC_[0-9.]*$' symbols)"
# A version that was released never gains or loses a function: programs that were linked with it would not start elsewhere.
sed 's/.* \(.*\)@@\(.*\)/\1 \2/' symbols | awk 'NR == FNR { released[$2]; next } $2 in released' frozen - | sort >released
[ "$(wc -l <frozen)" -ge 71 ]
report the_frozen_list_is_complete $?
same_list the_released_versions_have_the_frozen_functions_and_no_others frozen released
same every_export_is_a_function '' "$(awk '$2 != "FUNC"' symbols)"
same no_export_is_larger_than_2_KB '' "$(while read -r size type name; do [ $((size)) -gt 0 ] && [ $((size)) -le 2048 ] || echo "$type $name $size"; done <symbols)"

# 5 KB of them are hardening: marks of what may be jumped to (2.6 KB), checks of the stack (1.8 KB), a build-id and the note that tells of it.
cp "$library" stripped && strip stripped
[ $? -eq 0 ] && size=$(wc -c <stripped) && [ "$size" -le 248832 ]
report the_stripped_library_has_at_most_243_KB $?
[ -n "${size:-}" ] && echo "stripped: $((size)) bytes" >&2

nm -g --defined-only "$archive" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort >archived
same_list the_archive_defines_what_the_headers_declare_and_nothing_else wanted archived
${CC:-cc} -I"$include" -o program "$here/legacy/old_program.c" "$archive"
report a_program_links_with_the_archive $?
mkdir run
[ -x program ] && ! readelf -dW program | grep -q 'NEEDED.*libipc' && IPC_RUNDIR=$work/run IPC_NETWORK='' ./program
report a_program_linked_with_the_archive_runs $?
# old_style.c has its own print_hexa, mkdir_p_ and two more; the second program has none, and calls the library's.
${CC:-cc} -I"$include" -o own "$here/macros/old_style.c" "$archive" &&
	IPC_RUNDIR=$work/own_run IPC_NETWORK='' ./own >own.out && grep -q '68 65 6c 6c 6f 00' own.out
report a_program_with_its_own_print_hexa_links_with_the_archive_and_runs $?
printf '#include <utils.h>\nint main(void) { uint8_t byte = 104; print_hexa("one", &byte, 1); return 0; }\n' >utils.c
${CC:-cc} -I"$include" -o utils utils.c "$archive" && ./utils | grep -q 'one (1) 68'
report a_program_that_calls_print_hexa_alone_links_with_the_archive_and_runs $?
# What depends on the process: handlers of signals and forks, locks, memory that is kept.
for name in threads_handlers threads_clones forks; do
	${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -O1 -I"$include" -o "$name" "$here/$name.c" "$archive" -lpthread -ldl &&
		"./$name" >"$name.log" && [ -s "$name.log" ]
	report "with_the_archive_$name" $?
done
${CC:-cc} -shared -fPIC -std=gnu11 -Wall -Wextra -Werror -I"$include" -o plugin.so "$here/plugin/plugin.c" "$archive" &&
	${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -o host "$here/plugin/host.c" -ldl -lpthread
report a_plugin_links_with_the_archive $?
[ -x host ] && ./host ./plugin.so
report a_plugin_with_the_archive_is_unloaded_while_threads_have_used_it $?
exit $failed
