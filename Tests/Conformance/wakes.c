/*
 * wakes.c - ipc_wake ends one wait with a WAKE event: from threads, from signal handlers at any moment, before the wait and in it, and
 * through the descriptor for other loops.
 */
#include "peers.h"

#include <pthread.h>
#include <sys/time.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

static void end(void) {
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
	IPC_EVENT_CLEAN(&event);
}
static void wants_wake(int milliseconds) {
	int timer = milliseconds;
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_WAKE);
	CHECK(event.index == 0 && event.origin == 0 && event.m == NULL);
}
static void wants_timer(void) {
	int timer = 0;
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
}

TEST(the_next_wait_tells_it_once) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_wake(&ctx), IPC_ERROR_NONE);
	wants_wake(-1);
	wants_timer();
	CHECK_EQUAL(ipc_wake(&ctx), IPC_ERROR_NONE);
	wants_wake(0);
	wants_timer();
	end();
}

TEST(what_is_queued_is_sent_first) {
	int origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	queue(&ctx, origin, 'a', "bye", 3);
	CHECK_EQUAL(ipc_wake(&ctx), IPC_ERROR_NONE);
	for (event.type = IPC_EVENT_TYPE_NOT_SET; event.type != IPC_EVENT_TYPE_WAKE;) CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
	read_frame(peer, 'a', "bye", 3);
	close(peer);
	finish(&ctx, &event);
}

TEST(without_a_context_it_says_so) {
	CHECK_EQUAL(ipc_wake(NULL), IPC_ERROR_CTX_ENTRY__NO_PARAM);
	CHECK_EQUAL(ipc_wake(&ctx), IPC_ERROR_WAKE__EMPTY_CONTEXT);
	CHECK_EQUAL(strlen(ipc_last_error()), 0);
}

static void wake_handler(int signal) {
	(void)signal;
	errno = 77;
	if (ipc_wake(&ctx) != IPC_ERROR_NONE || errno != 77) _exit(9);
}

/* Signals come at all moments: each of them is answered by one WAKE, in a wait for ever. */
static void by_signals(int flags) {
	struct sigaction action = {.sa_handler = wake_handler, .sa_flags = flags};
	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	for (int i = 1; i <= 3000; i++) {
		struct itimerval after = {.it_value = {0, i % 97 + 1}};
		CHECK(setitimer(ITIMER_REAL, &after, NULL) == 0);
		wants_wake(-1);
	}
	wants_timer();
}
/* A limit of its own in place of the alarm of the harness, which uses the same signal. */
static void limit(void) {
	struct sigevent at_end = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	timer_t timer;
	CHECK(timer_create(CLOCK_MONOTONIC, &at_end, &timer) == 0);
	int minutes = getenv("TEST_PATIENCE") != NULL ? atoi(getenv("TEST_PATIENCE")) : 1;
	CHECK(timer_settime(timer, 0, &(struct itimerspec){.it_value = {60 * minutes, 0}}, NULL) == 0);
}
TEST(a_handler_wakes_a_server_at_any_moment) {
	limit();
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	by_signals(0);
	by_signals(SA_RESTART);
	end();
}
TEST(a_handler_wakes_a_client_at_any_moment) {
	int fd;
	limit();
	int listener = raw_listen("pong");
	CHECK_OK(ipc_connection(&ctx, "pong", &fd));
	by_signals(0);
	by_signals(SA_RESTART);
	close(listener);
	end();
}
TEST(a_handler_wakes_another_loop_at_any_moment) {
	limit();
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int fd = ipc_ctx_fd(&ctx);
	struct sigaction action = {.sa_handler = wake_handler};
	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	for (int i = 1; fd >= 0 && i <= 2000; i++) {
		struct itimerval after = {.it_value = {0, i % 97 + 1}};
		CHECK(setitimer(ITIMER_REAL, &after, NULL) == 0);
		do {
			while (poll(&(struct pollfd){fd, POLLIN, 0}, 1, -1) < 0) {}
			int timer = 0;
			CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		} while (event.type == IPC_EVENT_TYPE_TIMER);
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_WAKE);
	}
	for (int i = 0; fd >= 0 && i < 3 && is_readable(fd); i++) wants_timer();
	CHECK(fd < 0 || !is_readable(fd));
	end();
}

/* The descriptor may be asked for when the context was woken already. */
TEST(a_wake_before_the_descriptor_makes_it_readable) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(ipc_wake(&ctx), IPC_ERROR_NONE);
	int fd = ipc_ctx_fd(&ctx);
	CHECK(fd < 0 || is_readable(fd));
	wants_wake(0);
	for (int i = 0; fd >= 0 && i < 3 && is_readable(fd); i++) wants_timer();
	CHECK(fd < 0 || !is_readable(fd));
	end();
}

/* ---- threads ---- */

static int rounds;
static void *wait_for_wakes(void *unused) {
	struct ipc_event own = {0};
	for (;;) {
		CHECK_OK(ipc_wait_event(&ctx, &own, NULL));
		CHECK_EQUAL(own.type, IPC_EVENT_TYPE_WAKE);
		if (__atomic_add_fetch(&rounds, 1, __ATOMIC_SEQ_CST) >= 2000) break;
		if (unused != NULL) break;
	}
	return NULL;
}
TEST(another_thread_wakes_a_waiting_one) {
	pthread_t waiter;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(pthread_create(&waiter, NULL, wait_for_wakes, NULL), 0);
	for (int i = 0; i < 2000; i++) {
		CHECK_EQUAL(ipc_wake(&ctx), IPC_ERROR_NONE);
		while (__atomic_load_n(&rounds, __ATOMIC_SEQ_CST) == i) {}
	}
	pthread_join(waiter, NULL);
	end();
}
/* Of several threads one returns for each call. */
TEST(one_thread_returns_for_each_wake) {
	pthread_t waiters[4];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < 4; i++) CHECK_EQUAL(pthread_create(&waiters[i], NULL, wait_for_wakes, &ctx), 0);
	for (int i = 0; i < 4; i++) {
		CHECK_EQUAL(ipc_wake(&ctx), IPC_ERROR_NONE);
		while (__atomic_load_n(&rounds, __ATOMIC_SEQ_CST) == i) {}
		CHECK_EQUAL(rounds, i + 1);
	}
	for (int i = 0; i < 4; i++) pthread_join(waiters[i], NULL);
	end();
}

/* A wake of a context that was freed concerns no context that takes its place. */
TEST(a_freed_context_takes_its_wake_along) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(ipc_wake(&ctx), IPC_ERROR_NONE);
	end();
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	wants_timer();
	end();
}

/* The program has closed all numbers, and opened a file of its own with them: nothing is written to it. */
TEST(it_writes_to_no_file_of_the_program) {
	pthread_t waiter;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int fd = ipc_ctx_fd(&ctx);
	CHECK_EQUAL(pthread_create(&waiter, NULL, wait_for_wakes, &ctx), 0);
	CHECK_EQUAL(ipc_wake(&ctx), IPC_ERROR_NONE);
	pthread_join(waiter, NULL);
	char path[128];
	snprintf(path, sizeof path, "%s/log", run_directory);
	int log = open(path, O_CREAT | O_RDWR, 0600), top = log;
	for (int i = 3; i < top; i++) {
		struct stat status;
		if (fstat(i, &status) == 0 && (status.st_mode & S_IFMT) == 0) CHECK_EQUAL(dup2(log, i), i);
	}
	CHECK_EQUAL(ipc_wake(&ctx), IPC_ERROR_NONE);
	struct stat status;
	CHECK(fstat(log, &status) == 0);
	CHECK_EQUAL(status.st_size, 0);
	(void)fd;
	_exit(0);
}
