/*
 * threads.c - what all threads of the process share: locks and the table of descriptors; and how signal handlers use them. (Memory
 * of the locks: monitors.c. fork(2) and unloading: process.c.)
 *
 * Signal handlers. A handler may come at any instruction of a library call, and may itself call the library. Two things
 * would go wrong there: the thread would wait for a lock that it holds itself, and it would change lists that are half changed.
 * So a call leaves marks that tell a handler what it has interrupted:
 *  - Where there are other threads, each thread keeps a list of the locks that it holds (struct thread). A lock enters the list
 *    before it is taken, and leaves it after it was released. A call that begins while the list is not empty is made in a handler.
 *    It must wait for no lock, because the owner of the lock may wait for this thread.
 *  - In a process with one thread no lock is taken. There `busy` of the monitor says that a call is changing what it guards: one
 *    store when the call begins and one when it ends. Other contexts are consistent.
 * While a call sleeps in the kernel, or calls the program, all data is consistent and no lock is held: a handler may call any function.
 *
 * A call of a handler that must not go on fails with IPC_ERROR_CONTEXT__CALLED_IN_HANDLER (libipc_enter). Two calls do not fail:
 * they do at once what can be done without a lock, a list or malloc(3) (ABI/Interrupting.swift), and leave the rest to the
 * interrupted call, which does it when it ends (`pending`):
 *  - ipc_close_all removes socket files, and replaces each descriptor by a dead socket. The number stays in use, so that the
 *    interrupted call, if it goes on, cannot touch a file that was opened since.
 *  - ipc_ctx_free empties the struct ipc_ctx.
 *
 * A handler may leave a call with siglongjmp(3). Then the marks are stale. Stack addresses show that: the frames of a handler are
 * below those of the call that it has interrupted, or on the alternate stack (sigaltstack(2)). If a call's frame is neither, the
 * marked call has ended.
 *
 * None of this helps with malloc(3): a handler that has interrupted malloc(3) must not allocate, and must not call fork(2).
 */
#include "CLibIPC.h"
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

struct libipc_slot libipc_registry[LIBIPC_REGISTRY_SIZE];
int libipc_registry_end;
struct libipc_monitor libipc_stripes[LIBIPC_STRIPES];

static void prepare_condition(struct libipc_monitor *monitor) {
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&monitor->changed, &attributes);
	pthread_cond_init(&monitor->returned, &attributes);
	pthread_condattr_destroy(&attributes);
}
void libipc_prepare_monitor(struct libipc_monitor *monitor) {
	pthread_mutex_init(&monitor->mutex, NULL);
	prepare_condition(monitor);
}

/* ---- locks ---- */

/* More locks than a thread has at once: for new contexts, of a context, of a stripe, of the free lists. */
enum { MOST_LOCKS = 8 };
static _Thread_local struct thread {
	uintptr_t frame; /* of the function that took the first lock */
	unsigned count;
	struct libipc_monitor *locks[MOST_LOCKS];
	struct libipc_monitor *waits; /* the monitor whose lock it has released to wait for one of its conditions */
} this_thread;

static void list(struct thread *thread, struct libipc_monitor *monitor) {
	if (thread->count == 0) thread->frame = (uintptr_t)__builtin_frame_address(0);
	if (thread->count == MOST_LOCKS) return;
	thread->locks[thread->count] = monitor;
	LIBIPC_IN_ORDER();
	thread->count++;
	LIBIPC_IN_ORDER();
}

static void unlist(struct thread *thread, struct libipc_monitor *monitor) {
	for (unsigned i = thread->count; i-- > 0;) {
		if (thread->locks[i] != monitor) continue;
		thread->locks[i] = thread->locks[thread->count - 1];
		LIBIPC_IN_ORDER();
		thread->count--;
		LIBIPC_IN_ORDER();
		return;
	}
}

/* Whether the thread has locks, or is about to take one: it is in the middle of a call. */
int libipc_holds_locks(void) { return this_thread.count > 0; }

void libipc_keep_others_out(struct libipc_monitor *monitor) {
	struct thread *thread = &this_thread;
	libipc_noted_changes();
	if (libipc_lock_owner(monitor) == libipc_this_thread()) {
		/* The mutex is not recursive: locking it again would be a deadlock. */
		monitor->depth++;
		return;
	}
	int before = libipc_forbid_cancelling();
	list(thread, monitor);
	pthread_mutex_lock(&monitor->mutex);
	libipc_set_owner(monitor, libipc_this_thread());
	monitor->cancelling = before;
}

void libipc_let_others_in(struct libipc_monitor *monitor) {
	if (monitor->depth > 0) {
		monitor->depth--;
		return;
	}
	int before = monitor->cancelling;
	libipc_set_owner(monitor, 0);
	LIBIPC_IN_ORDER();
	pthread_mutex_unlock(&monitor->mutex);
	LIBIPC_IN_ORDER();
	unlist(&this_thread, monitor);
	libipc_allow_cancelling(before);
}

/* Whether the thread may have the lock without being recorded as owner: it was interrupted between taking the mutex and setting
 * `owner`, or between the two steps of unlocking. Or it is about to take the lock and another thread is between such steps, which
 * does not last. */
int libipc_may_be_own(const struct libipc_monitor *monitor) {
	if (libipc_lock_owner(monitor) != 0) return 0;
	for (unsigned i = 0; i < this_thread.count; i++)
		if (this_thread.locks[i] == monitor) return 1;
	return this_thread.waits == monitor;
}

/* Retries, one each millisecond: much longer than any thread keeps a lock. And how often the thread yields to others. */
enum { TRIES = 50, TURNS = 20 };
int libipc_try_mutex(struct libipc_monitor *monitor) {
	const struct timespec pause = {0, 1000000};
	for (int tries = 0, turns = 0; tries < TRIES && turns < TURNS;) {
		if (pthread_mutex_trylock(&monitor->mutex) == 0) return 1;
		if (libipc_may_be_own(monitor)) {
			sched_yield();
			turns++;
		} else {
			nanosleep(&pause, NULL);
			tries++;
		}
	}
	return 0;
}
int libipc_try_lock(struct libipc_monitor *monitor) {
	if (libipc_is_alone() || libipc_lock_owner(monitor) == libipc_this_thread()) return 0;
	int before = libipc_forbid_cancelling();
	if (libipc_try_mutex(monitor)) {
		list(&this_thread, monitor);
		libipc_set_owner(monitor, libipc_this_thread());
		monitor->cancelling = before;
		return 1;
	}
	libipc_allow_cancelling(before);
	return 0;
}
int libipc_has_lock(const struct libipc_monitor *monitor) {
	return libipc_is_alone() || libipc_lock_owner(monitor) == libipc_this_thread() || libipc_may_be_own(monitor);
}

static void wait_for(struct libipc_monitor *monitor, pthread_cond_t *condition, int milliseconds) {
	struct timespec until;
	struct thread *thread = &this_thread;
	int cancelling = monitor->cancelling;
	uintptr_t busy = monitor->busy;
	libipc_set_busy(monitor, 0);
	thread->waits = monitor;
	libipc_set_owner(monitor, 0);
	LIBIPC_IN_ORDER();
	unlist(thread, monitor);
	if (milliseconds < 0) {
		pthread_cond_wait(condition, &monitor->mutex);
	} else {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += milliseconds / 1000;
		until.tv_nsec += milliseconds % 1000 * 1000000;
		if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
		pthread_cond_timedwait(condition, &monitor->mutex, &until);
	}
	list(thread, monitor);
	libipc_set_owner(monitor, libipc_this_thread());
	thread->waits = NULL;
	libipc_set_busy(monitor, busy);
	monitor->cancelling = cancelling;
}
void libipc_wait_for_change(struct libipc_monitor *monitor, int milliseconds) { wait_for(monitor, &monitor->changed, milliseconds); }

#ifdef __linux__
/* A condition variable goes on waiting after any signal handler; a futex leaves that to the kernel. */
int libipc_wait_for_return(struct libipc_monitor *monitor, uint32_t seen, int milliseconds) {
	struct timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
	if (syscall(SYS_futex, &monitor->returns, FUTEX_WAIT_PRIVATE, seen, milliseconds < 0 ? NULL : &limit, NULL, 0) == 0) return 0;
	return errno == EINTR || errno == ETIMEDOUT ? errno : 0;
}
void libipc_announce_return(struct libipc_monitor *monitor) {
	__atomic_add_fetch(&monitor->returns, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &monitor->returns, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
#else
int libipc_wait_for_return(struct libipc_monitor *monitor, uint32_t seen, int milliseconds) {
	libipc_lock(monitor);
	if (libipc_returns(monitor) == seen && libipc_lock_owner(monitor) == libipc_this_thread()) wait_for(monitor, &monitor->returned, milliseconds);
	int result = libipc_returns(monitor) == seen ? ETIMEDOUT : 0;
	libipc_unlock(monitor);
	return result;
}
void libipc_announce_return(struct libipc_monitor *monitor) {
	__atomic_add_fetch(&monitor->returns, 1, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&monitor->returned);
}
#endif

/* ---- signal handlers ---- */

int libipc_is_anything_pending;

/* In bytes. Frames of calls made by one function differ by less than LEVEL. Those of a handler are more than HANDLER away: the kernel
 * saves all registers between. */
enum { LEVEL = 128, HANDLER = 512 };

static int is_on_alternate_stack(void) {
	stack_t stack;
	return sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_ONSTACK) != 0;
}
/* Whether the function with this frame was called before the other one ended. */
static int is_below(uintptr_t frame, uintptr_t other, uintptr_t distance) {
	return (frame < other && other - frame > distance) || is_on_alternate_stack();
}

static int is_in_the_middle(struct thread *thread, uintptr_t frame) {
	if (thread->count > 0) return is_below(frame, thread->frame, HANDLER);
	if (thread->waits == NULL) return 0;
	/* The thread waits for the condition, or is about to. In the latter case it still has the lock. */
	if (!libipc_try_mutex(thread->waits)) return 1;
	pthread_mutex_unlock(&thread->waits->mutex);
	return 0;
}

static int is_interrupting(const struct libipc_monitor *monitor, uintptr_t frame) {
	if (!libipc_is_alone()) return is_in_the_middle(&this_thread, frame);
	return monitor->busy != 0 && !(monitor->busy & LIBIPC_ASLEEP) && is_below(frame, monitor->busy, HANDLER);
}
int libipc_is_interrupting(const struct libipc_monitor *monitor) { return is_interrupting(monitor, libipc_frame()); }

/* Releases the locks of a call that was left by siglongjmp(3). */
static void forget_calls(struct thread *thread) {
	while (thread->count > 0) {
		struct libipc_monitor *monitor = thread->locks[thread->count - 1];
		if (libipc_lock_owner(monitor) != libipc_this_thread()) {
			unlist(thread, monitor);
			continue;
		}
		monitor->depth = 0;
		libipc_let_others_in(monitor);
	}
}

int libipc_enter(struct libipc_monitor *monitor, uintptr_t frame) {
	if (is_interrupting(monitor, frame)) return 0;
	if (!libipc_is_alone()) {
		if (this_thread.count > 0) forget_calls(&this_thread);
		libipc_keep_others_out(monitor);
	} else if (monitor->busy & LIBIPC_ASLEEP && is_below(frame, monitor->busy, LEVEL)) {
		monitor->absent++; /* see libipc_come_back */
	}
	libipc_set_busy(monitor, frame | LIBIPC_LOOK);
	return 1;
}
void libipc_enter_from_inside(struct libipc_monitor *monitor, uintptr_t frame) {
	libipc_lock(monitor);
	libipc_set_busy(monitor, frame | LIBIPC_LOOK);
}
void libipc_leave(struct libipc_monitor *monitor) {
	libipc_set_busy(monitor, 0);
	libipc_unlock(monitor);
}

uintptr_t libipc_go_out(struct libipc_monitor *monitor) {
	if (libipc_is_alone()) return libipc_fall_asleep(monitor);
	uintptr_t busy = monitor->busy | LIBIPC_COUNTED;
	monitor->absent++;
	libipc_set_busy(monitor, 0);
	return busy;
}
/* If libipc_go_out did not count the call, the first call that came meanwhile did (libipc_enter). After a fork the count is 0. */
void libipc_come_back(struct libipc_monitor *monitor, uintptr_t busy) {
	int is_counted = busy & LIBIPC_COUNTED || monitor->busy != (busy | LIBIPC_ASLEEP);
	libipc_set_busy(monitor, (busy & ~(uintptr_t)LIBIPC_COUNTED) | LIBIPC_LOOK);
	if (is_counted && monitor->absent > 0) monitor->absent--;
}

void libipc_leave_pending(struct libipc_monitor *monitor, int what) {
	__atomic_fetch_or(&monitor->pending, what, __ATOMIC_RELAXED);
	if (monitor->busy != 0) monitor->busy |= LIBIPC_LOOK;
	__atomic_store_n(&libipc_is_anything_pending, 1, __ATOMIC_RELAXED);
}

void libipc_replace_by_dead(int fd, int *dead) {
	if (fcntl(fd, F_GETFD) < 0) return;
	if (*dead < 0) *dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*dead < 0) {
		/* No descriptor is free: closing this one makes its number free. */
		close(fd);
		if ((*dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == fd) *dead = -1;
		if (*dead < 0) return;
	}
	dup2(*dead, fd);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* ---- fork(2): see process.c ---- */

/* A child has none of the other threads; a context that notices a fork forgets them too. */
void libipc_begin_again(struct libipc_monitor *monitor) {
	uintptr_t owner = monitor->owner;
	int is_mine = owner == libipc_this_thread();
	/* Another thread may have been changing it (a stripe, too). */
	if (monitor->was_missed || (owner != 0 && !is_mine && !monitor->is_for_fork)) {
		monitor->is_torn = 1;
		monitor->array = NULL; /* no call gets in */
	}
	monitor->was_missed = 0;
	if (is_mine && monitor->is_for_fork) {
		monitor->is_for_fork = 0;
		monitor->owner = 0;
		pthread_mutex_unlock(&monitor->mutex);
	} else if (!is_mine) {
		monitor->owner = 0;
		monitor->is_for_fork = monitor->depth = 0;
		pthread_mutex_init(&monitor->mutex, NULL);
	} /* else an interrupted call of this thread has the lock */
	if (monitor->busy & LIBIPC_ASLEEP || (owner != 0 && !is_mine)) monitor->busy = 0;
	prepare_condition(monitor);
	monitor->absent = monitor->arriving = 0;
}
