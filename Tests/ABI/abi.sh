#!/bin/sh
# abi.sh - is the library's binary interface that of the last release, or more? abidiff compares what programs count on: functions with
# their versions and parameters, structures with their fields, numbers of enumerations. Additions pass.
#
#   abi.sh LIBRARY INCLUDE_DIRECTORY           an installed libipc.so and its headers
#   abi.sh --record INCLUDE_DIRECTORY          a release: what is there now becomes the record
#
# The library describes its functions in Swift's terms. So what is compared are two files made of C, from the headers and from the record,
# by definitions.awk: the compiler of each side has checked the library against the headers, and here its symbols are.
set -u
export LC_ALL=C
. "$(dirname "$0")/../begin.sh"
map=$here/../../Sources/CLibIPC/exports.map
includes='#include <errno.h>\n#include <poll.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <sys/stat.h>\n'

# definitions: what the headers of $include say, as C
definitions() {
	for header in ipc usocket fs message utils; do echo "#include \"$include/$header.h\""; done > "$work/all.c"
	${CC:-cc} -E "$work/all.c" | awk -v directory="$include" -f "$here/definitions.awk"
}
# describe NAME MAP < DEFINITIONS: makes $work/NAME/libipc.so.1
describe() {
	mkdir -p "$work/$1"
	# shellcheck disable=SC2059
	{ printf "$includes"; cat; } > "$work/$1/libipc.c"
	${CC:-cc} -w -g -O0 -fno-eliminate-unused-debug-types -shared -fPIC -Wl,-soname,libipc.so.1 -Wl,--version-script="$2" "$work/$1/libipc.c" \
		-o "$work/$1/libipc.so.1"
}
# compare NAME: is what NAME describes the record, or more? Names and constness abidiff lets pass, but programs that are compiled again
# need them: each line of the record must be there still, too. Of what abidiff reports only new structures pass.
compare() {
	abidiff --no-show-locs --non-reachable-types --no-added-syms "$work/recorded/libipc.so.1" "$work/$1/libipc.so.1" > "$work/$1/report" 2>&1
	status=$?
	grep -vE '^$|summary: 0 [Rr]emoved, 0 [Cc]hanged|^[0-9]+ added types? unreachable|^ *\[A\] ' "$work/$1/report" > "$work/$1/differences"
	for side in recorded "$1"; do sed -e 's/,$//' "$work/$side/libipc.c" | sort -u > "$work/$side/lines"; done
	comm -23 "$work/recorded/lines" "$work/$1/lines" | grep -v '^ \*\|^/\*' >> "$work/$1/differences"
	case $status in 0 | 4) [ ! -s "$work/$1/differences" ] ;; *) cp "$work/$1/report" "$work/$1/differences"; false ;; esac
}
# symbols LIBRARY: functions with their versions
symbols() { nm -D --defined-only --with-symbol-versions "$1" | sed -n 's/.* [TW] //p' | sort; }

if [ "${1:-}" = --record ]; then
	include=$(cd "${2:?include directory}" && pwd) || exit 1
	{ sed -n '1,/^ \*\/$/p' "$here/recorded.c"; definitions; } > "$work/recorded.c" || exit 1
	cp "$work/recorded.c" "$here/recorded.c" && cp "$map" "$here/recorded.map"
	exit
fi
library=${1:?library}
include=$(cd "${2:?include directory}" && pwd) || exit 1
command -v abidiff > /dev/null || { echo "skipped abi: abidiff is not installed (abigail-tools)"; exit 0; }

definitions > "$work/definitions" && describe current "$map" < "$work/definitions" &&
	describe recorded "$here/recorded.map" < "$here/recorded.c"
report abi.headers_and_record_can_be_described $?
symbols "$work/current/libipc.so.1" > "$work/wanted"
symbols "$library" > "$work/symbols"
same_list abi.the_library_has_the_functions_of_the_headers "$work/wanted" "$work/symbols"
compare current || { cat "$work/current/differences" >&2; false; }
report abi.the_interface_is_the_recorded_one_or_more $?

# Would it be seen? Each line changes one thing by sed(1): NAME, what must come of it (passes, fails), and the change.
while read -r name wanted change; do
	sed "$change" "$map" > "$work/map"
	sed "$change" "$work/definitions" | describe changed "$work/map"
	cmp -s "$work/changed/libipc.so.1" "$work/current/libipc.so.1" && { echo "abi: '$change' changes nothing" >&2; wanted='a change'; }
	result=fails
	compare changed && result=passes
	[ $result = "$wanted" ] || { echo "abi: '$change' $result" >&2; cat "$work/changed/differences" >&2; }
	[ $result = "$wanted" ]
	report "abi.selftest.$name" $?
done << 'END'
an_added_function_passes passes s/ipc_wake;/&added;/;s/^int ipc_ctx_fd(/int added(int a) {}\n&/
an_added_number_passes passes s/IPC_ERROR_CTX_LIMIT__VALUE.*/&\n IPC_ERROR_ADDED = 127/
an_added_structure_passes passes s/^struct ipc_event {/struct ipc_added { int a; };\n&/
a_removed_function_fails fails s/ipc_wake;//;/ ipc_wake(/d
a_removed_number_fails fails /IPC_EVENT_TYPE_TIMER/d
a_removed_structure_fails fails s/^struct ipc_peer_info {/struct ipc_other {/
another_version_of_a_function_fails fails s/ipc_ctx_queue_limit;//;s/ipc_ctx_fd;/&ipc_ctx_queue_limit;/
another_type_of_a_parameter_fails fails s/size_t bytes/uint32_t bytes/
another_signedness_of_a_parameter_fails fails s/ipc_ctx_quiet(struct ipc_ctx \*ctx, uint32_t/ipc_ctx_quiet(struct ipc_ctx *ctx, int/
another_constness_behind_a_pointer_fails fails s/ipc_message_print(const /ipc_message_print(/
another_order_of_parameters_fails fails s/int fd, const struct ipc_message \*m)/const struct ipc_message *m, int fd)/
one_parameter_more_fails fails s/ipc_flush(.*int milliseconds/&, int more/
another_result_fails fails s/^int ipc_ctx_fd(/long ipc_ctx_fd(/
another_number_fails fails s/IPC_EVENT_TYPE_TX = 9/IPC_EVENT_TYPE_TX = 19/
another_name_of_a_number_fails fails s/IPC_EVENT_TYPE_TX = 9/IPC_EVENT_TYPE_SENT = 9/
another_type_of_a_field_fails fails s/^ uint32_t pending;/ uint64_t pending;/
another_signedness_of_a_field_fails fails s/^ uint32_t index;/ int32_t index;/
another_order_of_fields_fails fails /^struct ipc_event {/,/}/{s/ int origin;/ uint32_t index;/;t;s/ uint32_t index;/ int origin;/}
another_name_of_a_field_fails fails s/^ uint32_t pending;/ uint32_t waiting;/
another_length_of_an_array_fails fails s/path\[108\]/path[128]/
one_field_more_fails fails s/^ int pidfd;/&\n int more;/
another_type_of_a_callback_fails fails s/(\*dest_out)(int origin_fd/(*dest_out)(long origin_fd/
END
exit $failed
