/*
 * crew.h - what the programs about several threads share: checks that end the process at once, threads, seeds, a look
 * whether a thread sleeps inside of a call, and the way a pool of waiters is sent home.
 *
 * Environment: THREADS_SEED (else a fresh one; it is printed), THREADS_MESSAGES and THREADS_SECONDS (how much work).
 */
#ifndef CREW_H
#define CREW_H

#define _GNU_SOURCE /* as in peers.h, before the first header */
#include "../Conformance/harness.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>

/* A failure ends the process without exit(3): other threads are in the middle of something. */
#undef FAIL
#define FAIL(...)                                               \
	do {                                                    \
		fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
		fprintf(stderr, __VA_ARGS__);                   \
		fputc('\n', stderr);                            \
		_exit(1);                                       \
	} while (0)

/* The result is 8 KB: looked at where it is, not handed on. */
#undef CHECK_CODE
#define CHECK_CODE(call, wanted)                                            \
	do {                                                                \
		struct ipc_error error_ = (call);                           \
		check_result(__FILE__, __LINE__, #call, &error_, (wanted)); \
	} while (0)

static inline void check_result(const char *file, int line, const char *call, const struct ipc_error *e, int wanted) {
	if ((int)e->error_code != wanted || (wanted != 0 && e->error_message[0] == '\0')) {
		fprintf(stderr, "%s:%d: %s: code %d (%.200s), not %d\n", file, line, call, (int)e->error_code, e->error_message, wanted);
		_exit(1);
	}
}

/* The call succeeds, or fails with one of the two codes, because another thread came first. Gives the code. */
#define CODE_AMONG(call, one, other)                                                                                                    \
	({                                                                                                                              \
		struct ipc_error error_ = (call);                                                                                       \
		int code_ = (int)error_.error_code;                                                                                     \
		if (code_ != 0 && code_ != (one) && code_ != (other)) FAIL("%s: code %d (%.200s)", #call, code_, error_.error_message); \
		code_;                                                                                                                  \
	})

#include "../Conformance/peers.h"

/* ---- threads ---- */

static inline pthread_t begin(void *(*body)(void *), void *argument) {
	pthread_t thread;
	CHECK_EQUAL(pthread_create(&thread, NULL, body, argument), 0);
	return thread;
}

static inline void end(pthread_t thread) { CHECK_EQUAL(pthread_join(thread, NULL), 0); }

/* Something that one thread brings about, again and again, and that others wait for. Made by SIGNAL. */
struct signal {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	long count;
};
#define SIGNAL \
	{ PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 }

static inline void give(struct signal *signal) {
	pthread_mutex_lock(&signal->mutex);
	signal->count++;
	pthread_cond_broadcast(&signal->changed);
	pthread_mutex_unlock(&signal->mutex);
}

static inline long given_until_now(struct signal *signal) {
	pthread_mutex_lock(&signal->mutex);
	long count = signal->count;
	pthread_mutex_unlock(&signal->mutex);
	return count;
}

/* Until it was given `count` times in all. */
static inline void await(struct signal *signal, long count) {
	pthread_mutex_lock(&signal->mutex);
	while (signal->count < count) pthread_cond_wait(&signal->changed, &signal->mutex);
	pthread_mutex_unlock(&signal->mutex);
}

/* Shared numbers are changed by whole read-modify-write steps alone, never by a plain store: helgrind knows just those.
 * They are relaxed, so that they do not order what the library has to order. */
static inline int swap(atomic_int *number, int value) { return atomic_exchange_explicit(number, value, memory_order_relaxed); }
static inline int is_set(atomic_int *number) { return atomic_load_explicit(number, memory_order_relaxed); }
static inline long count(atomic_long *number) { return atomic_fetch_add_explicit(number, 1, memory_order_relaxed) + 1; }

/* ---- one wait in a thread of its own ---- */

struct wait {
	pthread_t thread;
	atomic_int tid, is_over; /* set just before the call, and after it */
	struct ipc_ctx *ctx;
	int timer, code, origin, type;
	struct ipc_event event;
};

static inline void *wait_once(void *argument) {
	struct wait *wait = argument;
	swap(&wait->tid, (int)syscall(SYS_gettid));
	struct ipc_error e = ipc_wait_event(wait->ctx, &wait->event, &wait->timer);
	wait->code = (int)e.error_code;
	wait->type = (int)wait->event.type;
	wait->origin = wait->event.origin;
	IPC_EVENT_CLEAN(&wait->event);
	swap(&wait->is_over, 1);
	return NULL;
}

/* Another thread waits for one event, and ends with it. */
static inline void begin_wait(struct wait *wait, struct ipc_ctx *ctx, int timer) {
	memset(wait, 0, sizeof *wait);
	wait->ctx = ctx;
	wait->timer = timer;
	wait->thread = begin(wait_once, wait);
}

static inline void end_wait(struct wait *wait, int code, enum ipc_event_type type, int origin) {
	end(wait->thread);
	CHECK_EQUAL(wait->code, code);
	CHECK_EQUAL(wait->type, type);
	if (origin >= 0) CHECK_EQUAL(wait->origin, origin);
}

/* Whether a thread sleeps in the kernel, in one of the calls with which a library can wait for descriptors or threads, or
 * in one that prints. `text` becomes what the kernel shows of that call. */
static inline int sleeps(int tid, char text[200]) {
	static const long waits[] = {
	    SYS_futex,
	    SYS_write,
	    SYS_writev,
	    SYS_ppoll,
	    SYS_pselect6,
	    SYS_epoll_pwait,
#ifdef SYS_epoll_wait
	    SYS_epoll_wait,
	    SYS_poll,
#endif
#ifdef SYS_select
	    SYS_select,
#endif
#ifdef SYS_epoll_pwait2
	    SYS_epoll_pwait2,
#endif
	};
	char path[64], *rest = text;
	snprintf(path, sizeof path, "/proc/self/task/%d/syscall", tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) FAIL("a thread that is to wait has come back already");
	memset(text, 0, 200);
	long number = read(fd, text, 199) > 0 ? strtol(text, &rest, 10) : -1;
	close(fd);
	for (size_t i = 0; rest != text && i < sizeof waits / sizeof *waits; i++)
		if (number == waits[i]) return 1;
	return 0;
}

/* Until all these threads are inside of their calls. The kernel has no event for this, so it is looked at, twice. A thread
 * may still sleep at a lock, more than once: it has found then what the lock guards. */
static inline void until_asleep(struct wait *waits, int number) {
	if (access("/proc/self/syscall", R_OK) != 0) SKIP("the system does not show in which call a thread is");
	int asleep;
	do {
		char before[number][200], after[200];
		sched_yield();
		asleep = 1;
		for (int i = 0; i < number && asleep; i++) {
			int tid = is_set(&waits[i].tid);
			asleep = tid != 0 && sleeps(tid, before[i]);
		}
		for (int i = 0; i < number && asleep; i++) asleep = sleeps(is_set(&waits[i].tid), after) && strcmp(before[i], after) == 0;
	} while (!asleep);
}

/* ---- the end of a pool ---- */

/* A pipe that is always readable: each waiter that is told of it leaves the loop, and lets the next one have it. A free
 * of the context would reach those only that wait at that moment, not one that is on its way back to it. */
struct poison {
	int ends[2];
};

static inline void pour(struct poison *poison, struct ipc_ctx *ctx) {
	CHECK_EQUAL(write(poison->ends[1], "x", 1), 1);
	CHECK_OK(ipc_add_fd(ctx, poison->ends[0]));
}

static inline void make_poison(struct poison *poison) { CHECK_EQUAL(pipe2(poison->ends, O_CLOEXEC), 0); }

static inline void clear_poison(struct poison *poison, struct ipc_ctx *ctx) {
	CHECK_OK(ipc_del_fd(ctx, poison->ends[0]));
	close(poison->ends[0]);
	close(poison->ends[1]);
}

/* Whether the waiter is to leave; it then has let go of the poison. */
static inline int is_poisoned(const struct poison *poison, struct ipc_ctx *ctx, const struct ipc_event *event) {
	if (event->type != IPC_EVENT_TYPE_EXTRA_SOCKET || event->origin != poison->ends[0]) return 0;
	CHECK_OK(ipc_ctx_release(ctx));
	return 1;
}

/* ---- numbers ---- */

static inline long number_from(const char *name, long otherwise) {
	const char *text = getenv(name);
	return text != NULL && atol(text) > 0 ? atol(text) : otherwise;
}

/* Well mixed: what follows from a seed and some numbers. */
static inline uint64_t mix(uint64_t seed, uint64_t one, uint64_t two) {
	uint64_t x = seed ^ (one * 0x9E3779B97F4A7C15u) ^ (two * 0xC2B2AE3D27D4EB4Fu);
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return x ^ (x >> 31);
}

/* The next number below `limit` of a sequence. */
static inline uint32_t draw(uint64_t *sequence, uint32_t limit) {
	*sequence = mix(*sequence, 1, 1) + 0x9E3779B97F4A7C15u;
	return (uint32_t)(mix(*sequence, 2, 2) % limit);
}

/* The seed of this test, which is shown: THREADS_SEED repeats it, as far as threads repeat anything. */
static inline uint64_t take_seed(const char *test) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t seed = (uint64_t)number_from("THREADS_SEED", (long)((now.tv_sec ^ now.tv_nsec ^ getpid()) & 0x7FFFFFFF));
	fprintf(stderr, "%s: THREADS_SEED=%llu\n", test, (unsigned long long)seed);
	return seed;
}

/* Whether there is time left of `seconds` since `*begun`, which is set at first. How long the work goes on, no more. */
static inline int goes_on(struct timespec *begun, long seconds) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (begun->tv_sec == 0) *begun = now;
	long whole = now.tv_sec - begun->tv_sec;
	return whole < seconds || (whole == seconds && now.tv_nsec < begun->tv_nsec);
}

#endif
