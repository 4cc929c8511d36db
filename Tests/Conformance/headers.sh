#!/bin/sh
# headers.sh - does each public header compile alone, and twice, as C11 and as C++17, without a warning?
#
#   headers.sh INCLUDE_DIRECTORY
#
# Then: prototypes and names against the contract's, what ipc.h brings along, and every macro in use (without -pedantic:
# C++17 and C11 want an argument for the dots).
set -u
here=$(cd "$(dirname "$0")" && pwd)
include=$(cd "${1:?include directory}" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
failed=0
warnings='-Wall -Wextra -Werror'

# compile NAME FILE OPTIONS...: the file as C11 and as C++17
compile() {
	name=$1 file=$2
	shift 2
	if ${CC:-cc} -x c -std=c11 $warnings "$@" -I"$include" -c "$file" -o out.o; then echo "ok ${name}_as_c11"; else echo "not ok ${name}_as_c11"; failed=1; fi
	if ${CXX:-c++} -x c++ -std=c++17 $warnings "$@" -I"$include" -c "$file" -o out.o; then echo "ok ${name}_as_cpp17"; else echo "not ok ${name}_as_cpp17"; failed=1; fi
}

for header in ipc usocket utils message fs; do
	# The second declaration keeps the file from being empty, which -pedantic forbids.
	printf '#include <%s.h>\nint used;\n' $header >alone.c
	compile "${header}_h_alone_compiles" alone.c -pedantic
	printf '#include <%s.h>\n#include <%s.h>\nint used;\n' $header $header >twice.c
	compile "${header}_h_twice_compiles" twice.c -pedantic
done
count=$(ls "$include" | wc -l)
if [ "$count" -eq 5 ]; then echo ok there_are_five_headers; else echo not ok there_are_five_headers; failed=1; fi

# result NAME STATUS
result() { if [ "$2" -eq 0 ]; then echo "ok $1"; else echo "not ok $1"; failed=1; fi; }

printf '#include <%s.h>\n' ipc message fs utils usocket >all.h
{ cat all.h; cat "$here/prototypes.h"; } >prototypes.c
compile the_prototypes_are_those_of_the_contract prototypes.c -pedantic

# Every function of the list is declared, and under its plain name in C++ as well.
{ cat all.h; sed 's/.*/void *address_of_&(void); void *address_of_&(void) { return (void *)\&&; }/' "$here/exports.txt"; } >addresses.c
sort "$here/exports.txt" >wanted
for language in c c++; do
	${CC:-cc} -x $language $warnings -I"$include" -c addresses.c -o addresses.o && nm -u addresses.o | sed 's/.* //' | grep -v '^_' | sort >asked
	[ -s asked ] && cmp -s wanted asked
	result "the_functions_have_their_plain_names_in_$(echo $language | tr + p)" $?
	rm -f asked
done

# "ipc.h includes stdint, stdarg, stdio, stdlib, string, errno, time and poll: programs rely on it."
cat >includes.c <<'END'
#include <ipc.h>
int uses(const char *format, ...);
int uses(const char *format, ...) {
	va_list arguments;
	uint64_t number = UINT64_MAX;
	struct pollfd entry = {0, POLLIN, 0};
	char *text = (char *)malloc(BUFSIZ);
	struct ipc_error e;
	if (text == NULL) return errno == ENOMEM ? -1 : EXIT_FAILURE;
	memset(&e, 0, sizeof e);
	va_start(arguments, format);
	vsnprintf(text, BUFSIZ, format, arguments);
	va_end(arguments);
	number += (uint64_t)time(NULL) + strlen(text) + LISTEN_BACKLOG;
	free(text);
	e = usock_close(-1); /* and usocket.h */
	return poll(&entry, 1, 0) + (int)number + (int)e.error_code;
}
END
compile ipc_h_brings_what_programs_rely_on includes.c -pedantic

cat >macros.c <<'END'
#include <fs.h>
#include <message.h>
#include <utils.h>
#include <usocket.h>
#include <ipc.h>
struct ipc_error format(int n);
struct ipc_error plain(int n);
int number(int n);
char *text(int n);
void nothing(int n);
void quits(int n);
struct ipc_error format(int n) { IPC_RETURN_ERROR_FORMAT(IPC_ERROR_CLOSED_RECIPIENT, "%d of %s", n, "two") }
struct ipc_error plain(int n) {
	char *buffer;
	SECURE_DECLARATION(struct ipc_ctx, ctx);
	SECURE_BUFFER_DECLARATION(char, name, BUFSIZ);
	SECURE_BUFFER_HEAP_ALLOCATION(buffer, 10, n = 0, IPC_RETURN_ERROR(IPC_ERROR_SERVER_INIT__MALLOC));
	TEST_IPC_RETURN_ON_ERROR_FREE(format(n), buffer);
	free(buffer);
	TEST_IPC_RETURN_ON_ERROR(ipc_server_init(&ctx, name));
	TEST_IPC_I_RR(format(n), ipc_ctx_free(&ctx), "again");
	TEST_IPC_T_I_RR(format(n), (n > 1), ipc_ctx_free(&ctx), "again");
	TEST_IPC_RR_F(format(n), "again %d", n)
	TEST_IPC_RR(format(n), "again")
	TEST_IPC_P(format(n), "on it goes");
	T_PERROR_RIPC((n < 0), "n", IPC_ERROR_CLOSED_RECIPIENT);
	IPC_FILL_DEFAULT_ERROR_MESSAGE(name, IPC_ERROR_POLLER);
	if (n == 1) IPC_RETURN_ERROR(IPC_ERROR_CLOSED_RECIPIENT)
	IPC_RETURN_NO_ERROR
}
int number(int n) {
	char *buffer;
	SECURE_BUFFER_HEAP_ALLOCATION_R(buffer, 10, n = 0, -1);
	free(buffer);
	TEST_IPC_T_P_I_R(format(n), (n > 1), "text", n = 1, -2);
	TEST_IPC_WAIT_EVENT_RR(format(n), -3);
	T_R((n < 0), -4);
	T_PERROR_R((n < 0), "n", -5);
	switch (n) {
		ERROR_CASE(1, "number", "one");
		ERROR_CASE(2, "number", "two");
		default: return n;
	}
	return 0;
}
char *text(int n) {
	char *buffer;
	T_R_NULL((n < 0));
	SECURE_BUFFER_HEAP_ALLOCATION_R_NULL(buffer, (size_t)n);
	return buffer;
}
void nothing(int n) {
	struct ipc_event event;
	IPC_EVENT_SET(&event, IPC_EVENT_TYPE_TIMER, 0, 0, NULL);
	T_R_NOTHING((n < 0));
	IPC_EVENT_CLEAN(&event);
}
void quits(int n) {
	char *buffer;
	SECURE_BUFFER_HEAP_ALLOCATION_Q(buffer, 10, n = 0, 1);
	free(buffer);
	TEST_IPC_Q(format(n), 1);
	TEST_IPC_QUIT_ON_ERROR(format(n), 1);
	TEST_IPC_WAIT_EVENT_Q(format(n), 1);
	TEST_IPC_T_I_P_Q(format(n), (n > 1), n = 1, "text", 1);
	T_PERROR_Q((n < 0), "n", 1);
}
END
compile every_macro_compiles macros.c
compile every_macro_compiles_optimised macros.c -O2
exit $failed
