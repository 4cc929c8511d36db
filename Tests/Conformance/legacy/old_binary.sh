#!/bin/sh
# old_binary.sh - does a binary linked against the old libipc.so run with the new one, untouched?
#
#   old_binary.sh DIRECTORY_OF_THE_LIBRARY INCLUDE_DIRECTORY
#
# The stand-in library is built as the old one was, and the program linked against it. The program must then
# ask for exactly libipc.so and for unversioned symbols, fail with the stand-in (so that this test can fail at
# all), and succeed with the new library found under that one name, every symbol bound at the start.
set -u
. "$(dirname "$0")/../../begin.sh"
name=a_binary_linked_against_the_old_library_runs
library=$(cd "${1:?directory of the library}" && pwd) || exit 1
include=$(cd "${2:?include directory}" && pwd) || exit 1

fail() {
	echo "$name: $1" >&2
	echo "not ok $name"
	exit 1
}

cd "$work" && mkdir old new run || exit 1
${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -shared -fPIC -I"$include" -o old/libipc.so "$here/old_library.c" || fail 'the stand-in does not compile'
${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -I"$include" -o program "$here/old_program.c" -Lold -lipc || fail 'the program does not compile'
readelf -dW old/libipc.so | grep -q SONAME && fail 'the stand-in has a SONAME'
readelf -dW program | grep -q 'NEEDED.*\[libipc\.so\]' || fail 'the program does not ask for libipc.so'
readelf --dyn-syms -W program | grep -q '_\{0,1\}ipc_[a-z_]*@' && fail 'the program asks for versioned symbols'

IPC_RUNDIR=$work/run LD_BIND_NOW=1 LD_LIBRARY_PATH=$work/old ./program 2>/dev/null && fail 'the program succeeds with the stand-in'

ln -s "$library/libipc.so" new/libipc.so
test -e new/libipc.so || fail 'there is no libipc.so'
IPC_RUNDIR=$work/run IPC_NETWORK='' LD_BIND_NOW=1 LD_LIBRARY_PATH=$work/new ./program >out 2>&1
status=$?
test -s out && cat out >&2
test $status -eq 0 || fail "exit status $status"
test -s out && fail 'something was printed' # the loader warns here, or the library prints
echo "ok $name"
