/*
 * locks.c - the lock of a monitor, the references to it, and waits for other threads. (How signal handlers use locks: handlers.c.
 * Memory of monitors: monitors.c. fork(2) and unloading: process.c.)
 *
 * Where there are other threads, each thread keeps a list of the locks that it holds. A lock enters the list before it is taken, and
 * leaves it after it was released. So a signal handler can see whether it has interrupted a call of its thread.
 */
#include "thread.h"
#ifdef __linux__
#include <sys/syscall.h>
/* futex(2). <linux/futex.h> is no part of a C library, and not everywhere. */
enum { FUTEX_WAIT_PRIVATE = 0 | 128, FUTEX_WAKE_PRIVATE = 1 | 128 };
#endif

_Thread_local struct libipc_thread libipc_thread;

void libipc_prepare_monitor(struct libipc_monitor *monitor) { pthread_mutex_init(&monitor->mutex, NULL); }

/* ---- locks ---- */

void libipc_add_lock(struct libipc_thread *thread, struct libipc_monitor *monitor) {
	if (thread->count == 0) {
		thread->stack_frame = (uintptr_t)__builtin_frame_address(0);
		thread->tries = LIBIPC_TRIES;
	}
	if (thread->count == LIBIPC_MOST_LOCKS) return;
	thread->locks[thread->count] = monitor;
	LIBIPC_IN_ORDER();
	thread->count++;
	LIBIPC_IN_ORDER();
}

void libipc_remove_lock(struct libipc_thread *thread, struct libipc_monitor *monitor) {
	for (unsigned i = thread->count; i-- > 0;) {
		if (thread->locks[i] != monitor) continue;
		thread->locks[i] = thread->locks[thread->count - 1];
		LIBIPC_IN_ORDER();
		thread->count--;
		LIBIPC_IN_ORDER();
		return;
	}
}

void libipc_lock_mutex(struct libipc_monitor *monitor) {
	libipc_current_changes();
	if (libipc_lock_holder(monitor) == libipc_this_thread()) {
		/* The mutex is not recursive: locking it again would be a deadlock. */
		monitor->depth++;
		return;
	}
	int before = libipc_forbid_cancelling();
	libipc_add_lock(&libipc_thread, monitor);
	pthread_mutex_lock(&monitor->mutex);
	libipc_set_holder(monitor, libipc_this_thread());
	monitor->cancelling = before;
}

void libipc_unlock_mutex(struct libipc_monitor *monitor) {
	if (monitor->depth > 0) {
		monitor->depth--;
		return;
	}
	int before = monitor->cancelling;
	libipc_set_holder(monitor, 0);
	LIBIPC_IN_ORDER();
	pthread_mutex_unlock(&monitor->mutex);
	LIBIPC_IN_ORDER();
	libipc_remove_lock(&libipc_thread, monitor);
	libipc_allow_cancelling(before);
}

/* Whether the thread may have the lock without being recorded as its holder: it was interrupted between taking the mutex and setting
 * `holder`, or between the two steps of unlocking. Or it is about to take the lock and another thread is between such steps, which
 * does not last. */
static int may_be_own(const struct libipc_monitor *monitor) {
	if (libipc_lock_holder(monitor) != 0) return 0;
	for (unsigned i = 0; i < libipc_thread.count; i++)
		if (libipc_thread.locks[i] == monitor) return 1;
	return 0;
}

/* How often the thread yields to others before it pauses for the first time. */
enum { YIELDS = 20 };
int libipc_try_mutex(struct libipc_monitor *monitor, int *tries) {
	const struct timespec pause = {0, 1000000};
	for (int yields = 0; pthread_mutex_trylock(&monitor->mutex) != 0;) {
		if (yields++ < YIELDS) {
			sched_yield();
		} else if (*tries <= 0 || may_be_own(monitor)) {
			return 0;
		} else {
			--*tries;
			nanosleep(&pause, NULL);
		}
	}
	return 1;
}
int libipc_try_lock(struct libipc_monitor *monitor) {
	if (libipc_is_alone() || libipc_lock_holder(monitor) == libipc_this_thread()) return 0;
	int before = libipc_forbid_cancelling(), tries = LIBIPC_TRIES;
	if (libipc_try_mutex(monitor, &tries)) {
		libipc_add_lock(&libipc_thread, monitor);
		libipc_set_holder(monitor, libipc_this_thread());
		monitor->cancelling = before;
		return 1;
	}
	libipc_allow_cancelling(before);
	return 0;
}
int libipc_has_lock(const struct libipc_monitor *monitor) {
	return libipc_is_alone() || libipc_lock_holder(monitor) == libipc_this_thread() || may_be_own(monitor);
}

/* ---- references ---- */

/* The thread's own count changes first and last: a handler that forks in between must not take the reference for another thread's. */
int libipc_retain(struct libipc_monitor *monitor) {
	uint32_t known = libipc_references(monitor);
	libipc_thread.references++;
	LIBIPC_IN_ORDER();
	do {
		if (known == 0) return libipc_thread.references--, 0;
	} while (!__atomic_compare_exchange_n(&monitor->references, &known, known + 1, 1, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	return 1;
}
int libipc_release(struct libipc_monitor *monitor) {
	int is_last = libipc_release_of_context(monitor);
	LIBIPC_IN_ORDER();
	libipc_thread.references--;
	return is_last;
}

/* ---- waits ---- */

/* Sleeps while `*word` is `seen`: 0. Or until a signal handler ends the wait, as the kernel decides (SA_RESTART): EINTR; or the time
 * is up: ETIMEDOUT. (A condition variable would go on waiting after any handler, and for ever in a child that a handler makes.) */
static int sleep_on(uint32_t *word, uint32_t seen, int milliseconds) {
#ifdef __linux__
	struct timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
	if (syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, milliseconds < 0 ? NULL : &limit, NULL, 0) == 0) return 0;
	return errno == EINTR || errno == ETIMEDOUT ? errno : 0;
#else
	/* A system without futex(2): checks every millisecond. */
	for (int passed = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) == seen; passed++) {
		if (milliseconds >= 0 && passed >= milliseconds) return ETIMEDOUT;
		if (poll(NULL, 0, 1) < 0) return errno;
	}
	return 0;
#endif
}
static void wake(uint32_t *word, int count) {
	__atomic_add_fetch(word, 1, __ATOMIC_RELEASE);
#ifdef __linux__
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
#else
	(void)count;
#endif
}

void libipc_wait_for_change(struct libipc_monitor *monitor, int milliseconds) {
	uint32_t seen = monitor->wakes;
	monitor->sleepers++;
	libipc_unlock(monitor);
	sleep_on(&monitor->wakes, seen, milliseconds);
	libipc_lock(monitor);
	/* In a child that a handler has made both are 0. */
	if (monitor->sleepers > 0) monitor->sleepers--;
	if (monitor->woken > 0) monitor->woken--;
}
void libipc_wake_one(struct libipc_monitor *monitor) {
	if (monitor->woken >= monitor->sleepers) return;
	monitor->woken++;
	wake(&monitor->wakes, 1);
}
void libipc_wake_all(struct libipc_monitor *monitor) {
	monitor->woken = monitor->sleepers;
	if (monitor->sleepers > 0) wake(&monitor->wakes, INT_MAX);
}

int libipc_wait_for_claim_end(struct libipc_monitor *monitor, uint32_t seen, int milliseconds) {
	return sleep_on(&monitor->claim_ends, seen, milliseconds);
}
void libipc_announce_claim_end(struct libipc_monitor *monitor) { wake(&monitor->claim_ends, INT_MAX); }

/* ---- fork(2): see process.c ---- */

/* Whether no call of the child's first thread holds a reference. Another thread cannot tell: the count is one of each thread. */
static int is_in_no_call(void) {
#ifdef __linux__
	if (syscall(SYS_gettid) != getpid()) return 0;
#endif
	return libipc_thread.references == 0;
}

/* Resets a monitor in a child, which has none of the other threads. A context forgets them itself when it notices the fork. */
void libipc_reset_in_child(struct libipc_monitor *monitor) {
	uintptr_t holder = monitor->holder;
	int is_mine = holder == libipc_this_thread();
	/* Another thread was changing the data of this context, or stripe. */
	if (holder != 0 && !is_mine && !monitor->is_for_fork) {
		monitor->is_inconsistent = 1;
		monitor->array = NULL; /* no call gets in */
		monitor->freed_by = libipc_this_thread(); /* and none comes back */
	}
	if (is_mine && monitor->is_for_fork) {
		monitor->is_for_fork = 0;
		monitor->holder = 0;
		pthread_mutex_unlock(&monitor->mutex);
	} else if (!is_mine) {
		monitor->holder = 0;
		monitor->is_for_fork = monitor->depth = 0;
		pthread_mutex_init(&monitor->mutex, NULL);
		if (holder != 0) monitor->active_call = 0;
	} /* else an interrupted call of this thread has the lock */
	monitor->sleepers = monitor->woken = 0;
	monitor->wakes++; /* a wait that a handler has interrupted ends */
	/* The context's own reference stays. If this thread is in a call, its references cannot be told from those of other threads: all
	 * stay. */
	if (monitor->references > 1 && is_in_no_call()) monitor->references = 1;
}
