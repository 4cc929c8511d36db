#!/bin/sh
# sanitized.sh - the conformance programs, and the library, with AddressSanitizer or ThreadSanitizer: any report fails.
#
#   sanitized.sh WORK
#
# SANITIZER is address or thread; ONLY names some of the programs. WORK is a directory for what is made; the library in WORK/build is that
# of ../Threads/sanitized.sh, too.
set -u
. "$(dirname "$0")/../begin.sh"
mkdir -p "${1:?directory for the library and the programs}" && into=$(cd "$1" && pwd) || exit 1
cd "$here/../.." || exit 1
trees=$into/trees
programs=$into/conformance
. "$here/programs.sh"
sanitizer=${SANITIZER:-address}
case $sanitizer in
address) prefix=asan. ;;
thread) prefix=tsan. ;;
*) echo "SANITIZER=$sanitizer: it is address or thread" >&2; exit 2 ;;
esac

# Not with a sanitizer: what has functions of the C library in the sanitizer's place; what counts on a handler that runs at once, since the
# runtime delays it until one of its own calls; and a child in a namespace where the leak detector finds no thread to stop.
replacing='injected.*|own_malloc|closing_memory|shortcuts.*|threads_callbacks|threads_accepting_closed'
handling='interrupted|threads_handlers|threads_interrupted_batches'
# ThreadSanitizer has functions of its own for the clock, for control data, descriptors and clone(2), and delays every signal; a child made
# beside other threads waits for the runtime's locks.
[ "$sanitizer" = address ] ||
	replacing="$replacing|clock_readings|control_data|lost_sets|own_descriptors|single|threads_clones|writes_of_nothing" \
		handling="$handling|threads_forking_in_waits|waits_under_signals|wakes"
choose_programs || exit 2
if [ -z "${ONLY:-}" ]; then
	chosen=$(echo "$chosen" | tr ' ' '\n' | grep -vxE "$replacing|$handling|closed_servers" | tr '\n' ' ')
fi

. "$here/../toolchain.sh"
EXTRA_SWIFTFLAGS="-sanitize=$sanitizer" EXTRA_CFLAGS="-fsanitize=$sanitizer" EXTRA_LDFLAGS=-Wl,-z,undefs \
	install_tree tree "$into/build" epoll install-library || exit 1
# The runtime is the program's.
CC="$toolchain/clang -fsanitize=$sanitizer $sanitizer_libraries -Wno-error=string-plus-int"
compile_programs tree

export TSAN_OPTIONS="exitcode=66 halt_on_error=1 die_after_fork=0 second_deadlock_stack=1 allocator_may_return_null=1 ${TSAN_OPTIONS:-}"
export ASAN_OPTIONS="exitcode=66 detect_leaks=1 allocator_may_return_null=1 ${ASAN_OPTIONS:-}"
export TEST_PATIENCE="${TEST_PATIENCE:-3}"
run_programs "$prefix" tree 3
! grep -q '^not ok' "$log"
