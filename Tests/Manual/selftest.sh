#!/bin/sh
# selftest.sh - the generator finds what is wrong in a header, and any awk makes the same pages.
#
#   selftest.sh ROOT
set -u
. "$(dirname "$0")/../begin.sh"
cd "${1:?root of the sources}" || exit 1
make_pages() { HEADERS=$work/include sh Sources/Manual/manual.sh "$work/man" 2> "$work/err"; }
restore() { rm -rf "$work/include" "$work/man" && mkdir "$work/include" && cp include/*.h "$work/include"; }

restore
make_pages && [ ! -s "$work/err" ]
report manual_generator_finds_nothing_in_the_headers $?

# refuses NAME MESSAGE SED_SCRIPT: changes ipc.h; then the generator fails, says this, and writes no page
refuses() {
	restore
	sed -i -e "$3" "$work/include/ipc.h"
	if cmp -s include/ipc.h "$work/include/ipc.h"; then echo "$1 changes nothing" >&2; report "manual_generator_refuses_$1" 1; return; fi
	! make_pages && grep -q "ipc\.h:.*$2" "$work/err" && [ ! -e "$work/man/man3/ipc_write.3" ]
	status=$?
	[ $status -eq 0 ] || cat "$work/err" >&2
	report "manual_generator_refuses_$1" $status
}
refuses a_function_without_a_comment 'ipc_close_all has no comment' 's|^/\* ipc_close_all - .*|/* Closes all.|'
refuses a_comment_for_another_function 'these functions are declared behind it: ipc_close_all' 's|^/\* ipc_close_all - |/* ipc_close_some - |'
refuses an_argument_that_is_not_described 'the argument more is not described' 's|^\(struct ipc_error ipc_close_all(struct ipc_ctx \*ctx\));|\1, int more);|'
refuses an_argument_that_is_not_there 'no function has an argument bytes' 's|ipc_ctx_queue_limit(struct ipc_ctx \*ctx, size_t bytes);|ipc_ctx_queue_limit(struct ipc_ctx *ctx);|'
refuses an_unknown_error 'there is no error IPC_ERROR_NOVEL' 's|^ \*   IPC_ERROR_CLOSE_ALL__NO_CTX_PARAM|& \n *   IPC_ERROR_NOVEL   it is new|'
refuses an_error_that_is_never_returned 'is never returned' 's|^ \*   IPC_ERROR_CLOSE_ALL__NO_CTX_PARAM|& \n *   IPC_ERROR_ADD__MALLOC   no memory|'
refuses no_since 'ipc_ctx_queue_limit: it has no line Since' '/^\/\* ipc_ctx_queue_limit /,/\*\//{/^ \* Since/d}'
refuses no_errors 'ipc_ctx_queue_limit: it names no errors' '/^\/\* ipc_ctx_queue_limit /,/\*\//{/^ \* Errors/d;/^ \*   IPC_/d}'
refuses no_example 'ipc_write: it has no example' '/^\/\* ipc_write /,/\*\//{/^ \* Example/d}'
refuses an_example_that_does_not_call_it 'its example does not call ipc_write$' '/^\/\* ipc_write /,/\*\//s/^ \* Example.*/ * Example: as ipc_add/'
refuses no_result 'ipc_ctx_fd_type: it does not say what it returns' '/^\/\* ipc_ctx_fd_type /,/\*\//{/^ \* Returns/d}'
refuses a_code_without_a_text 'IPC_ERROR_POLLER has no text' 's|^\(.IPC_ERROR_POLLER = 113,\).*|\1|'
# That is said of the code, and has no line.
restore
sed -i 's|^.IPC_ERROR_POLLER = 113.*|&\n	IPC_ERROR_NOVEL = 999, /* it is new */|' "$work/include/ipc.h"
! make_pages && grep -q '^IPC_ERROR_NOVEL: no function names it' "$work/err"
report manual_generator_refuses_a_code_that_nobody_gives $?

restore
make_pages
for awk in gawk mawk original-awk 'busybox awk'; do
	name=$(echo $awk | tr ' -' '__')
	# One of them is the system's awk; the others are for those who have them.
	command -v ${awk%% *} > /dev/null 2>&1 || continue
	mkdir -p "$work/bin" "$work/other"
	printf '#!/bin/sh\nexec %s "$@"\n' "$awk" > "$work/bin/awk"
	chmod +x "$work/bin/awk"
	PATH=$work/bin:$PATH HEADERS=$work/include sh Sources/Manual/manual.sh "$work/other" >&2 && diff -qr "$work/man" "$work/other" >&2
	report "manual_is_the_same_with_$name" $?
	rm -rf "$work/other"
done
exit $failed
