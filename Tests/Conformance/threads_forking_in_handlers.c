/*
 * threads_forking_in_handlers.c - threads that fork while a signal handler keeps another thread in the middle of a call: every fork ends,
 * and no thread waits for ever.
 */
#include "locks_interrupted.h"

/* ---- a thread forks while another one is kept in the middle of a call by a handler that forks again and again ---- */

static atomic_int is_kept, is_forked;

static void keep_forking(int number) {
	(void)number;
	is_kept = 1;
	do fork_and_await(does_nothing);
	while (!is_forked);
}

static void *fork_beside(void *deed) {
	while (!is_kept) sched_yield();
	is_counting = 1;
	fork_and_await(deed);
	is_forked = 1;
	return NULL;
}

static void fork_beside_a_storm(enum place place, void (*deed)(void)) {
	pthread_t thread;
	start_service();
	interrupt = raise_signal;
	handle_with(keep_forking);
	CHECK_EQUAL(pthread_create(&thread, NULL, fork_beside, deed), 0);
	call_and_be_interrupted(place);
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	end_service();
}

TEST(a_thread_forks_while_a_handler_forks_in_a_thread_that_just_got_the_lock) { fork_beside_a_storm(LOCKED, uses_both); }
TEST(a_thread_forks_while_a_handler_forks_in_a_thread_that_just_gives_the_lock_back) { fork_beside_a_storm(UNLOCKING, uses_both); }
TEST(a_thread_forks_while_a_handler_forks_in_a_thread_that_receives) { fork_beside_a_storm(RECEIVING, uses_the_other); }

/* Meanwhile a third thread goes on with the other context, whose lock the one that forks has had. */
static atomic_int is_over;

static void *use_the_other(void *unused) {
	struct ipc_entry entry;
	while (taken < 2) sched_yield();
	CHECK_OK(ipc_ctx_entry(&other, other_ends[0], &entry));
	is_over = 1;
	return unused;
}
static void wait_for_the_third(int number) {
	(void)number;
	is_kept = 1;
	while (!is_over) sched_yield();
}

TEST(a_thread_that_forks_holds_up_no_other_context_while_it_waits) {
	pthread_t forker, user;
	start_service();
	interrupt = raise_signal;
	handle_with(wait_for_the_third);
	CHECK_EQUAL(pthread_create(&forker, NULL, fork_beside, closes_both), 0);
	CHECK_EQUAL(pthread_create(&user, NULL, use_the_other, NULL), 0);
	call_and_be_interrupted(RECEIVING);
	CHECK_EQUAL(pthread_join(user, NULL), 0);
	CHECK_EQUAL(pthread_join(forker, NULL), 0);
	end_service();
}

/* ---- handlers fork in the middle of one call while a thread keeps the lock of another context ---- */

static void keep_the_lock(void) {
	is_kept = 1;
	while (!is_forked) sched_yield();
}

static void *be_kept(void *unused) {
	struct ipc_entry entry;
	armed = LOCKED;
	CHECK_OK(ipc_ctx_entry(&other, other_ends[0], &entry));
	return unused;
}

static void fork_some_times(int number) {
	int before = 0;
	(void)number;
	for (int i = 0; i < 6; i++) {
		before = pauses;
		fork_and_await(closes_both);
	}
	/* All forks in the middle of one call share their patience: when signals come faster than a fork ends the call goes on. */
	CHECK_EQUAL(pauses, before);
	is_forked = 1;
}

TEST(forks_of_handlers_in_the_middle_of_one_call_wait_a_limited_time_in_all) {
	pthread_t thread;
	start_service();
	interrupt = keep_the_lock;
	CHECK_EQUAL(pthread_create(&thread, NULL, be_kept, NULL), 0);
	while (!is_kept) sched_yield();
	interrupt = raise_signal;
	handle_with(fork_some_times);
	call_and_be_interrupted(RECEIVING);
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	end_service();
}
