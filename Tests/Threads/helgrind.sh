#!/bin/sh
# helgrind.sh - a short form of the programs about several threads under valgrind's helgrind, with a library in which what is
# read and written without a lock has names of its own (helgrind.supp).
#
#   helgrind.sh SOURCE_TREE WORK
set -u
source=${1:?source tree}
work=${2:?directory for the library and the programs}
directory=$(dirname "$0")
prefix=helgrind.
. "$directory/programs.sh"

if ! command -v valgrind > /dev/null 2>&1; then
	echo "skipped helgrind: valgrind is not installed"
	exit 0
fi
TEST_PATIENCE=${TEST_PATIENCE:-10}
THREADS_MESSAGES=${THREADS_MESSAGES:-4000}
THREADS_SECONDS=${THREADS_SECONDS:-3}
export TEST_PATIENCE THREADS_MESSAGES THREADS_SECONDS
# A child that goes on after a fork is not looked at: the threads that held locks are not there to give them back.
runner="valgrind -q --tool=helgrind --error-exitcode=99 --suppressions=$directory/helgrind.supp --child-silent-after-fork=no"
separate=-DLIBIPC_SEPARATE_ATOMICS
build_library "$source" EXTRA_SWIFTFLAGS="-Xcc $separate" EXTRA_CFLAGS=$separate
compile_programs "${CC:-cc}" "-I$source/include" "-L$libraries -lipc"

# One test a line: program and name. Many threads take turns here on one processor, so that few of them are enough.
while read -r program test; do
	run_program "$program" "$test" || failed=1
done << LIST
waking a_message_is_sent_while_another_thread_waits
waking a_pipe_that_is_added_is_told_to_a_thread_that_waits
waking what_is_closed_is_not_told_any_more_and_the_others_are
waking each_waiter_has_a_timer_of_its_own
freeing a_full_context_freed_under_8_waiters
freeing a_context_freed_by_a_callback_under_8_waiters
keeping a_handler_that_does_not_come_back_stops_nobody_else
keeping a_thread_that_releases_passes_the_connection_on
keeping a_thread_that_returns_passes_the_connection_on
echo_pool echo_with_1_waiter
echo_pool echo_with_2_waiters
echo_pool echo_with_4_waiters
echo_pool echo_with_an_early_release
echo_pool echo_in_batches_with_4_waiters
pairs pairs_with_4_waiters
writers eight_threads_write_either_way_to_one_connection
writers eight_threads_write_to_four_connections_with_four_waiters
writers eight_threads_write_and_two_read_a_descriptor_in_no_context
contexts contexts_made_used_and_freed_by_four_threads
churn everything_at_once_on_1_context
LIST
exit $failed
