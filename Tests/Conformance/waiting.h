/*
 * waiting.h - for tests of calls that wait: one descriptor, in a context or in none, and a timer whose signal has a handler.
 */
#ifndef WAITING_H
#define WAITING_H

#include "peers.h"

#include <pthread.h>
#include <sys/time.h>
#include <time.h>

static struct ipc_ctx ctx;
static struct ipc_event event;
static int near, far; /* both ends of a pair; `near` is the library's */

/* Where the descriptor is: in no context, or in one; and whether the process has another thread. */
enum place { LOOSE, IN_CONTEXT, LOOSE_AMONG_THREADS, IN_CONTEXT_AMONG_THREADS, PLACES };

static pthread_t companion;
static int companion_ends[2];
static void *do_nothing(void *unused) {
	char byte;
	(void)unused;
	while (read(companion_ends[0], &byte, 1) < 0) {}
	return NULL;
}

static inline void open_place(enum place place) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	int ends[2];
	make_pair(ends);
	near = ends[0], far = ends[1];
	if (place == IN_CONTEXT || place == IN_CONTEXT_AMONG_THREADS) CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = near}));
	if (place < LOOSE_AMONG_THREADS) return;
	sigset_t all, before;
	CHECK_EQUAL(pipe2(companion_ends, O_CLOEXEC), 0);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* so that this thread gets the signals */
	CHECK_EQUAL(pthread_create(&companion, NULL, do_nothing, NULL), 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static inline void close_place(enum place place) {
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
	CHECK_OK(usock_close(near));
	close(far);
	if (place < LOOSE_AMONG_THREADS) return;
	CHECK_EQUAL(write(companion_ends[1], "", 1), 1);
	pthread_join(companion, NULL);
	close(companion_ends[0]);
	close(companion_ends[1]);
}

static inline void check_failed(struct ipc_error e, int code, int reason) {
	CHECK_CODE(e, code);
	if (strstr(e.error_message, strerror(reason)) == NULL) FAIL("\"%.200s\" does not say: %s", e.error_message, strerror(reason));
}

/* Fills the buffer at `near`. Returns the number of bytes. */
static inline size_t fill(void) {
	char bytes[1000] = "";
	size_t count = 0;
	for (size_t size = sizeof bytes; size > 0;) {
		ssize_t n = send(near, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) count += (size_t)n;
		else if (size > 1) size = 1;
		else break;
	}
	CHECK(count > 0);
	return count;
}
static inline void skip_bytes(size_t count) {
	char *bytes = malloc(count);
	CHECK_EQUAL(read_bytes(far, bytes, count), count);
	free(bytes);
}
/* Reads all that is at `far` now. */
static inline size_t take_all(void) {
	static char bytes[65536];
	size_t count = 0;
	for (ssize_t n; (n = recv(far, bytes, sizeof bytes, MSG_DONTWAIT)) > 0;) count += (size_t)n;
	return count;
}

/* ---- a signal every few milliseconds ---- */

static volatile sig_atomic_t ticks;
static void (*volatile at_tick)(void);
static void count_tick(int signal) {
	int error = errno;
	(void)signal;
	ticks++;
	if (at_tick != NULL) at_tick();
	errno = error;
}
static inline void tick(int milliseconds, int flags, void (*action)(void)) {
	struct sigaction handler = {.sa_handler = count_tick, .sa_flags = flags};
	struct itimerval every = {{0, milliseconds * 1000}, {0, milliseconds * 1000}};
	ticks = 0;
	at_tick = action;
	CHECK_EQUAL(sigaction(SIGVTALRM, &handler, NULL), 0);
	/* ITIMER_VIRTUAL stands still in a thread that waits; the harness has the alarm of ITIMER_REAL: so a timer of our own. */
	static timer_t timer;
	static int is_made;
	struct sigevent how = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGVTALRM};
	struct itimerspec when = {{0, every.it_interval.tv_usec * 1000}, {0, every.it_value.tv_usec * 1000}};
	if (!is_made) CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &how, &timer), 0);
	is_made = 1;
	CHECK_EQUAL(timer_settime(timer, 0, &when, NULL), 0);
}

static inline double seconds(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
static inline void set_limit(int option, int milliseconds) {
	struct timeval limit = {milliseconds / 1000, milliseconds % 1000 * 1000};
	CHECK_EQUAL(setsockopt(near, SOL_SOCKET, option, &limit, sizeof limit), 0);
}

#endif
