#!/bin/sh
# headers.sh - does each public header compile alone, and twice, as C11 and as C++17, without a warning?
#
#   headers.sh INCLUDE_DIRECTORY
#
# Then: prototypes and names against the contract's, what each header brings along and what not, guards and constants. macros.sh
# has the macros.
set -u
. "$(dirname "$0")/../begin.sh"
include=$(cd "${1:?include directory}" && pwd) || exit 1
declared=$here/../../Sources/CLibIPC/declared.sed
cd "$work" || exit 1
warnings='-Wall -Wextra -Werror'

# both NAME FILE OPTIONS...: the file compiles as C11 and as C++17
both() {
	name=$1 file=$2
	shift 2
	${CC:-cc} -x c -std=c11 $warnings "$@" -I"$include" -c "$file" -o out.o
	report "${name}_as_c11" $?
	${CXX:-c++} -x c++ -std=c++17 $warnings "$@" -I"$include" -c "$file" -o out.o
	report "${name}_as_cpp17" $?
}

for header in ipc usocket utils message fs; do
	# The second declaration keeps the file from being empty, which -pedantic forbids.
	printf '#include <%s.h>\nint used;\n' $header >alone.c
	both "${header}_h_alone_compiles" alone.c -pedantic
	printf '#include <%s.h>\n#include <%s.h>\nint used;\n' $header $header >twice.c
	both "${header}_h_twice_compiles" twice.c -pedantic
done
[ "$(ls "$include" | wc -l)" -eq 5 ]
report there_are_five_headers $?

printf '#include <%s.h>\n' ipc message fs utils usocket >all.h
# A prototype that differs from the frozen one does not compile.
cat all.h "$here/frozen.h" >prototypes.c
both the_prototypes_are_those_of_the_contract prototypes.c -pedantic

# Every function has its plain name in C++ as well.
sed -n -f "$declared" "$include"/*.h | sort >wanted
{ cat all.h; sed 's/.*/void *address_of_&(void); void *address_of_&(void) { return (void *)\&&; }/' wanted; } >addresses.c
for language in c c++; do
	${CC:-cc} -x $language $warnings -I"$include" -c addresses.c -o addresses.o && nm -u addresses.o | sed 's/.* //' | grep -v '^_' | sort >asked
	[ -s asked ] && cmp -s wanted asked
	report "the_functions_have_their_plain_names_in_$(echo $language | tr + p)" $?
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
both ipc_h_brings_what_programs_rely_on includes.c -pedantic

# The other headers' includes: what each brings, and what it must not.
cat >fs.c <<'END'
#include <fs.h>
int uses(const char *path);
int uses(const char *path) {
	struct stat status;
	mode_t mode = 0;
	struct ipc_error e = directory_setup_(path);
	return stat(path, &status) + (int)mode + (int)e.error_code + access(path, W_OK);
}
END
both fs_h_brings_ipc_h_stat_unistd_and_types fs.c -pedantic
printf '#include <%s.h>\n' usocket >usocket.c
printf '#include <%s.h>\n' message >message.c
for header in usocket message; do
	echo 'struct ipc_error uses(void); struct ipc_error uses(void) { struct ipc_ctx ctx; return ipc_server_init(&ctx, "name"); }' >>$header.c
	both ${header}_h_brings_ipc_h $header.c -pedantic
done
cat >utils.c <<'END'
#include <utils.h>
#ifdef __IPC_H__
#error "utils.h brings ipc.h"
#endif
uint8_t *uses(const char *text, const char *variable);
int number(int n);
void nothing(int n);
uint8_t *uses(const char *text, const char *variable) {
	SECURE_DECLARATION(int, zero)
	SECURE_BUFFER_DECLARATION(char, message, BUFSIZ);
	uint8_t *copy;
	T_R_NULL((text == NULL));
	T_PERROR_Q((zero != 0), "zero", EXIT_FAILURE);
	SECURE_BUFFER_HEAP_ALLOCATION(copy, strlen(text) + 1, puts("no memory"), return NULL)
	SECURE_BUFFER_HEAP_ALLOCATION_R_NULL(copy, strlen(text) + 1, zero++)
	SECURE_BUFFER_HEAP_ALLOCATION_Q(copy, strlen(text) + 1, zero++, 1);
	error_message_format(message, "tag", variable);
	error_message_format(message, "tag", "%s and %d", text, zero);
	error_message_format(message, variable, variable, text, zero);
	print_hexa(message, copy, 1);
	return copy;
}
int number(int n) { T_PERROR_R((n < 0), "number", -1) return 0; }
void nothing(int n) { T_R_NOTHING((n < 0)) puts("more"); }
END
both utils_h_gives_its_macros_without_ipc_h utils.c -Wformat -Werror=format-security

# A program's own functions may have the names of those in utils.h, which ipc.h does not bring.
cat >own.c <<'END'
#include <ipc.h>
#ifdef __IPC_UTIL_H__
#error "ipc.h brings utils.h"
#endif
static int print_hexa(int number) { return number; }
int error_message_format(const char *text, int number);
int error_message_format(const char *text, int number) {
	struct ipc_event event;
	IPC_EVENT_SET(&event, IPC_EVENT_TYPE_TIMER, 0, 0, NULL);
	TEST_IPC_P(usock_close(number), text);
	T_PERROR_R((number < 0), "number", -1);
	IPC_EVENT_CLEAN(&event);
	return print_hexa(number);
}
END
for header in usocket message fs; do sed "s/<ipc.h>/<$header.h>/" own.c >own_$header.c; done
both a_program_with_ipc_h_has_its_own_print_hexa own.c
for header in usocket message fs; do both a_program_with_${header}_h_has_its_own_print_hexa own_$header.c; done

# Guards: the header that is there already, an old one, is all that a program gets.
while read -r header guard; do
	printf '#define %s\n#include <%s.h>\nstruct ipc_error { int mine; };\nvoid print_hexa(int);\nint is_directory_(int);\nint usock_close(const char *);\nvoid ipc_message_print(int);\n' $guard $header >guard.c
	[ $header = fs ] || [ $header = usocket ] || [ $header = message ] || both the_guard_of_${header}_h_is_${guard} guard.c
	printf '#include <%s.h>\n#ifndef %s\n#error "%s"\n#endif\nint used;\n' $header $guard $guard >guard.c
	both ${header}_h_defines_${guard} guard.c
	# With the guards of both nothing is left.
	printf '#define __IPC_H__\n#define %s\n#include <%s.h>\n' $guard $header >guard.c
	[ -z "$(${CC:-cc} -E -P -I"$include" guard.c)" ]
	report ${header}_h_is_empty_behind_its_guard $?
done <<'END'
ipc __IPC_H__
usocket __IPC_USOCKET_H__
utils __IPC_UTIL_H__
fs __FS_H__
message __IPC_MSG_H__
END

# Constants.
cat >constants.c <<'END'
#include <ipc.h>
#if __IPC_BASE_SIZE != 2000000 || IPC_MAX_MESSAGE_SIZE != 1999994 || IPC_HEADER_SIZE != 6 || IPC_VERSION != 4 || LISTEN_BACKLOG != 128 || PATH_MAX != 4096
#error "a constant"
#endif
#ifndef IPC_WITH_UNIX_SOCKETS
#error "IPC_WITH_UNIX_SOCKETS"
#endif
#ifdef IPC_WITHOUT_ERRORS
#ifdef IPC_WITH_ERRORS
#error "IPC_WITH_ERRORS is defined with IPC_WITHOUT_ERRORS"
#endif
#elif IPC_WITH_ERRORS != WANTED
#error "IPC_WITH_ERRORS"
#endif
const char *directory = RUNDIR "name";
END
both the_constants_are_those_of_the_contract constants.c -DWANTED=2
both ipc_with_errors_is_the_programs constants.c -DIPC_WITH_ERRORS=1 -DWANTED=1
both ipc_with_errors_is_not_defined_with_ipc_without_errors constants.c -DIPC_WITHOUT_ERRORS

# The macros that both headers define: the same text, and a definition that was there before stays.
defined() { printf '#include <%s.h>\n' "$1" >defined.c; ${CC:-cc} -x $2 -E -dM -I"$include" defined.c | grep -E '^#define (SECURE_|T_|LIBIPC_)' | sort; }
for language in c c++; do
	defined utils $language >in_utils
	defined ipc $language >in_ipc
	[ "$(grep -c 'SECURE\|T_' in_utils)" -ge 9 ] && [ -z "$(comm -23 in_utils in_ipc)" ]
	report "ipc_h_has_the_macros_of_utils_h_in_$(echo $language | tr + p)" $?
done
printf '#define T_R_NULL(t) mine\n#include <%s.h>\n#include <%s.h>\nint T_R_NULL(0);\nint *is = &mine;\n' ipc utils >mine.c
both a_macro_of_an_old_utils_h_stays mine.c
exit $failed
