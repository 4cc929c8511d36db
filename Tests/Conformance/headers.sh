#!/bin/sh
# headers.sh - does each public header compile alone, and twice, as C11 and as C++17, without a warning?
#
#   headers.sh INCLUDE_DIRECTORY
#
# Then the variadic macros are used, without -pedantic: C++17 and C11 want an argument for the dots.
set -u
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

cat >macros.c <<'END'
#include <fs.h>
#include <message.h>
#include <utils.h>
#include <usocket.h>
#include <ipc.h>
struct ipc_error format(int n);
struct ipc_error plain(int n);
struct ipc_error format(int n) { IPC_RETURN_ERROR_FORMAT(IPC_ERROR_CLOSED_RECIPIENT, "%d of %s", n, "two") }
struct ipc_error plain(int n) {
	TEST_IPC_RR_F(format(n), "again %d", n)
	TEST_IPC_RR(format(n), "again")
	if (n == 1) IPC_RETURN_ERROR(IPC_ERROR_CLOSED_RECIPIENT)
	IPC_RETURN_NO_ERROR
}
END
compile the_macros_that_return_errors_compile macros.c
exit $failed
