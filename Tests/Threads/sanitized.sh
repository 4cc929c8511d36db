#!/bin/sh
# sanitized.sh - the programs about several threads with a library that was built with ThreadSanitizer: any report fails.
#
#   sanitized.sh SOURCE_TREE WORK
#
# SANITIZER=address builds with AddressSanitizer instead. Fewer messages than without, unless THREADS_MESSAGES says more.
set -u
source=${1:?source tree}
work=${2:?directory for the library and the programs}
directory=$(dirname "$0")
sanitizer=${SANITIZER:-thread}
[ "$sanitizer" = thread ] && prefix=tsan. || prefix=asan.
. "$directory/programs.sh"
# The sanitizer's runtime delays signals until one of its own calls, so a handler never interrupts a call of the library.
programs=$(echo "$programs" | sed 's/ handlers//')

# The runtime is the program's, and comes with the compiler that Swift was built with: its symbols may stay open in the
# library.
. "$directory/../toolchain.sh"
runtimes=$(find "$toolchain/../lib/clang" -name "libclang_rt.$(echo "$sanitizer" | cut -c1)san-*.a" 2> /dev/null)
if [ -z "$runtimes" ]; then
	echo "skipped ${prefix}all: the toolchain has no runtime of this sanitizer"
	exit 0
fi
build_library "$source" EXTRA_SWIFTFLAGS="-sanitize=$sanitizer" EXTRA_CFLAGS="-fsanitize=$sanitizer" EXTRA_LDFLAGS=-Wl,-z,undefs

TSAN_OPTIONS="exitcode=66 halt_on_error=1 die_after_fork=0 second_deadlock_stack=1 ${TSAN_OPTIONS:-}"
ASAN_OPTIONS="exitcode=66 detect_leaks=1 ${ASAN_OPTIONS:-}"
TEST_PATIENCE=${TEST_PATIENCE:-10}
THREADS_MESSAGES=${THREADS_MESSAGES:-80000}
THREADS_SECONDS=${THREADS_SECONDS:-5}
export TSAN_OPTIONS ASAN_OPTIONS TEST_PATIENCE THREADS_MESSAGES THREADS_SECONDS
report='Sanitizer: '
compile_programs "$toolchain/clang -fsanitize=$sanitizer" "-I$source/include" \
	"-L$libraries -lipc $sanitizer_libraries"
run_all
exit $failed
