/*
 * threads_handlers_in_forks.c - signal handlers that come in the middle of a fork, or when a child notices that it is one: they use the
 * library, or fork, as anywhere else where their thread is in no call.
 */
#include "locks_interrupted.h"

static atomic_int calls;

static void call_the_library(int number) {
	struct ipc_message m = message_of(origin, 'h', "handler", 7);
	struct ipc_entry entry;
	(void)number;
	CHECK_OK(ipc_ctx_entry(&ctx, origin, &entry));
	CHECK_OK(ipc_ctx_entry(&other, other_ends[0], &entry));
	CHECK_OK(ipc_write_fd(origin, &m));
	calls++;
}
static void fork_in_a_fork(int number) {
	(void)number;
	fork_and_await(uses_both);
	calls++;
}

static void *sleep_for_ever(void *unused) {
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	while (1) pause();
	return unused;
}

static void start_service_beside_a_thread(void) {
	pthread_t thread;
	CHECK_EQUAL(pthread_create(&thread, NULL, sleep_for_ever, NULL), 0);
	start_service();
}

static void be_interrupted_while_forking(void (*handler)(int number)) {
	static const enum place places[] = {LOCKED, TRYING, UNLOCKING};
	start_service_beside_a_thread();
	interrupt = raise_signal;
	handle_with(handler);
	for (int i = 0; i < 3; i++) {
		for (int count = 0; count < 8; count++) {
			others = count;
			armed = places[i];
			fork_and_await(uses_both);
			armed = NOWHERE;
			check_service();
		}
	}
	CHECK(calls > 0);
	end_service();
}

TEST(a_handler_in_the_middle_of_a_fork_uses_the_library) { be_interrupted_while_forking(call_the_library); }
TEST(a_handler_in_the_middle_of_a_fork_forks) { be_interrupted_while_forking(fork_in_a_fork); }

/* A child of the bare system call notices what it is in its first call. */
TEST(a_handler_that_comes_when_a_child_notices_that_it_is_one_uses_the_library) {
	start_service_beside_a_thread();
	interrupt = raise_signal;
	handle_with(call_the_library);
	for (int count = 0; count < 4; count++) {
		pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		CHECK(child >= 0);
		if (child == 0) {
			limit_time();
			others = count;
			armed = INITIALISING;
			uses_both();
			CHECK_EQUAL(calls, 1);
			_exit(0);
		}
		await_process(child);
		check_service();
	}
	end_service();
}
