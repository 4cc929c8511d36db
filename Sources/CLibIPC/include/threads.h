/*
 * threads.h - locks, references and waits of the threads of the process.
 */
#ifndef LIBIPC_THREADS_H
#define LIBIPC_THREADS_H

#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
/* libipc_is_alone: the process has one thread, so no lock is needed. Only glibc says so, since 2.32; a library that is compiled for an
 * older one asks it where it is there. */
#if defined __GLIBC__ && __GLIBC_MINOR__ >= 32
#include <sys/single_threaded.h>
static inline int libipc_is_alone(void) { return __libc_single_threaded; }
#elif defined __GLIBC__
extern char __libc_single_threaded __attribute__((weak));
static inline int libipc_is_alone(void) { return &__libc_single_threaded != NULL && __libc_single_threaded; }
#else
static inline int libipc_is_alone(void) { return 0; }
#endif

#pragma clang assume_nonnull begin
/* 64 bits for atomic accesses: i386 aligns a uint64_t of a structure to 4 bytes, and then such an access may fall apart. */
typedef uint64_t libipc_word __attribute__((aligned(8)));
/* A lock, and the waits and references of the data that it guards. One lies in front of each context in memory; each stripe of the
 * table of descriptors has one (descriptor_table.h). The monitor of a context is never freed, because threads read it before they have
 * its lock or a reference. The mutex guards all other fields. */
struct libipc_monitor {
	pthread_mutex_t mutex;
	uint32_t wakes; /* futex(2) word: how often threads in libipc_wait_for_change were woken */
	uint32_t sleepers, woken; /* number of these threads; and how many of them were woken and do not have the lock yet */
	uint32_t claim_ends; /* futex(2) word: how often a claim ended while a thread waited for it */
	uintptr_t holder; /* the thread that has the lock; 0: none, or the process had one thread */
	int is_for_fork; /* the holder has it for so many calls of fork(2), and changes nothing */
	int is_inconsistent; /* the data is half changed: another thread held the lock when this process was made */
	uintptr_t active_call; /* stack address of the call that is changing the data, and flags: see LIBIPC_SLEEPING */
	int depth; /* how often the holder has taken the lock again */
	int pending; /* LIBIPC_CLOSE, LIBIPC_FREE: what a signal handler has left to do */
	int cancelling; /* cancel state of the thread before it took the lock */
	uint32_t references; /* see libipc_retain */
	void *_Nullable array; /* the public array that points here (libipc_set_monitor); NULL: no context */
	uintptr_t freed_by; /* the thread whose ipc_ctx_free has freed the context; 0: it is there */
	uint32_t life; /* which of the contexts that it has guarded this one is: 1 and up */
	uint32_t woken_life; /* the `life` for which ipc_wake was called, and no wait has told of it yet (wakes.c) */
	libipc_word waker, bell; /* descriptors that ipc_wake writes to, with their marks (libipc_marked); 0: none */
	const void *_Nullable maker; /* the copy of the library that made it: each copy has its own variables */
	struct libipc_monitor *_Nullable earlier; /* in the list of all that were ever made (libipc_newest_monitor) */
	struct libipc_monitor *_Nullable next_free; /* in the list of those that no context uses */
};

/* Atomic accesses, which need no lock. For tools that know only locks (helgrind) they are functions whose names can be suppressed. */
#ifdef LIBIPC_SEPARATE_ATOMICS
#define LIBIPC_ATOMIC static __attribute__((noinline, unused))
#else
#define LIBIPC_ATOMIC static inline
#endif
LIBIPC_ATOMIC void *_Nullable libipc_load(void *_Nullable const *_Nonnull place) { return __atomic_load_n(place, __ATOMIC_ACQUIRE); }
LIBIPC_ATOMIC void libipc_store(void *_Nullable *_Nonnull place, void *_Nullable value) {
	__atomic_store_n(place, value, __ATOMIC_RELEASE);
}

/* A signal handler of the same thread sees the steps in the order in which they are written. */
#define LIBIPC_IN_ORDER() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* A thread that is cancelled (pthread_cancel(3)) while it has a lock would never release it. So cancellation is off meanwhile. Returns
 * the state before, for libipc_allow_cancelling. */
static inline int libipc_forbid_cancelling(void) {
	int before = PTHREAD_CANCEL_DISABLE;
	if (!libipc_is_alone()) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}
static inline void libipc_allow_cancelling(int before) {
	if (before != PTHREAD_CANCEL_DISABLE) pthread_setcancelstate(before, &before);
}

/* Identifies a thread while it lives. */
#ifdef __linux__
static inline uintptr_t libipc_this_thread(void) { return (uintptr_t)__builtin_thread_pointer(); }
#else
static inline uintptr_t libipc_this_thread(void) { return (uintptr_t)pthread_self(); }
#endif

/* ---- locks ---- */

void libipc_lock_mutex(struct libipc_monitor *monitor);
void libipc_unlock_mutex(struct libipc_monitor *monitor);
static inline void libipc_lock(struct libipc_monitor *monitor) {
	if (!libipc_is_alone()) libipc_lock_mutex(monitor);
}
LIBIPC_ATOMIC uintptr_t libipc_lock_holder(const struct libipc_monitor *monitor) {
	return __atomic_load_n(&monitor->holder, __ATOMIC_RELAXED);
}
LIBIPC_ATOMIC void libipc_set_holder(struct libipc_monitor *monitor, uintptr_t thread) {
	__atomic_store_n(&monitor->holder, thread, __ATOMIC_RELEASE);
	/* A child that is made meanwhile sees no change without its holder. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
}
static inline void libipc_unlock(struct libipc_monitor *monitor) {
	if (libipc_lock_holder(monitor) == libipc_this_thread()) libipc_unlock_mutex(monitor);
}
/* Takes the lock if that is possible within 50 ms: 1. For a signal handler, whose thread may have other locks. 0 also if the thread has
 * the lock already, or needs none. */
int libipc_try_lock(struct libipc_monitor *monitor);
/* Whether the thread has the lock, or needs none. */
int libipc_has_lock(const struct libipc_monitor *monitor);

/* ---- references ---- */

/* A context has one reference to its monitor until it is freed. A call takes one before it waits for the lock, and keeps it until it
 * ends, also while it sleeps. (In a process with one thread only a call that sleeps or calls the program may have one.) Whoever
 * releases the last reference frees the context's memory and recycles the monitor: so no call finds another context behind its
 * monitor than before.
 *
 * A look-up first takes the reference, then checks that the struct ipc_ctx still leads here. Freeing first removes that pointer, then
 * releases the reference of the context. So if the check succeeds the reference was taken in time. */
/* Takes a reference for a call of this thread: 1. 0: the monitor has no reference, and so no context. */
int libipc_retain(struct libipc_monitor *monitor);
/* Releases the reference of a call of this thread. Returns whether it was the last one. */
int libipc_release(struct libipc_monitor *monitor);
/* Releases the reference of the context. Returns whether it was the last one. */
static inline int libipc_release_of_context(struct libipc_monitor *monitor) {
	return __atomic_sub_fetch(&monitor->references, 1, __ATOMIC_SEQ_CST) == 0;
}
LIBIPC_ATOMIC uint32_t libipc_references(const struct libipc_monitor *monitor) {
	return __atomic_load_n(&monitor->references, __ATOMIC_RELAXED);
}
LIBIPC_ATOMIC void libipc_set_references(struct libipc_monitor *monitor, uint32_t count) {
	__atomic_store_n(&monitor->references, count, __ATOMIC_RELEASE);
}

/* ---- waits for other threads ---- */

/* Releases the lock, waits until another thread wakes this one, or `milliseconds` have passed (negative: for ever), and takes the lock
 * again. It may also return early. */
void libipc_wait_for_change(struct libipc_monitor *monitor, int milliseconds);
/* Wakes one of the threads in libipc_wait_for_change, or all. The caller has the lock. */
void libipc_wake_one(struct libipc_monitor *monitor);
void libipc_wake_all(struct libipc_monitor *monitor);
/* Waits, without the lock, until a claim has ended since `seen` was read (libipc_claim_ends, with the lock): 0. Or until a signal handler
 * ends the wait, as the kernel decides (SA_RESTART): EINTR; or the time is up: ETIMEDOUT. A negative time is for ever. */
int libipc_wait_for_claim_end(struct libipc_monitor *monitor, uint32_t seen, int milliseconds);
static inline uint32_t libipc_claim_ends(struct libipc_monitor *monitor) { return __atomic_load_n(&monitor->claim_ends, __ATOMIC_ACQUIRE); }
/* Wakes the threads in libipc_wait_for_claim_end. The caller has the lock. */
void libipc_announce_claim_end(struct libipc_monitor *monitor);

/* ---- ipc_wake: see wakes.c ---- */

/* The context that sleeps, in a process with one thread. */
extern struct libipc_monitor *_Nullable libipc_sleeper __attribute__((visibility("hidden")));
/* Whether ipc_wake was called for the context, and no wait has told of it yet. */
LIBIPC_ATOMIC int libipc_is_woken(const struct libipc_monitor *monitor) {
	uint32_t woken = __atomic_load_n(&monitor->woken_life, __ATOMIC_SEQ_CST);
	return woken != 0 && woken == monitor->life;
}
/* The same, and this wait tells of it. */
LIBIPC_ATOMIC int libipc_take_wake(struct libipc_monitor *monitor) {
	uint32_t life = monitor->life;
	return libipc_is_woken(monitor) &&
	    __atomic_compare_exchange_n(&monitor->woken_life, &life, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}
static inline uint64_t libipc_marked(int fd, uint32_t mark) { return fd < 0 ? 0 : (uint64_t)mark << 32 | (uint32_t)fd; }
LIBIPC_ATOMIC void libipc_publish_number(libipc_word *place, uint64_t number) { __atomic_store_n(place, number, __ATOMIC_SEQ_CST); }
/* poll(2) for a wait. In a process with one thread ipc_wake of a signal handler ends it, whenever the handler comes. */
int libipc_sleep(struct pollfd *_Nullable entries, int count, int timeout);

/* ---- signal handlers: see handlers.c ---- */

/* `active` of a monitor is the stack address (frame) of the call that is changing its data, or 0. Flags: SLEEPING: the data is
 * consistent; the call sleeps in the kernel. RECHECK: the call must check for more work when it ends. COUNTED: the call has a
 * reference. */
enum { LIBIPC_SLEEPING = 1, LIBIPC_RECHECK = 2, LIBIPC_COUNTED = 4 };
/* An address in the caller's stack frame. (__builtin_frame_address would cost the caller a register.) */
static inline uintptr_t libipc_stack_address(void) {
	_Alignas(8) char here;
	uintptr_t place;
	__asm__("" : "=r"(place) : "0"(&here));
	return place;
}
/* The fences keep this order for a signal handler of the same thread. */
static inline void libipc_set_active(struct libipc_monitor *monitor, uintptr_t active) {
	__atomic_signal_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&monitor->active_call, active, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}
/* Takes the lock for a call with this frame (and COUNTED, if it has a reference), which is going to change the data. 0: the call is
 * made in a signal handler that has interrupted another call of the same thread, and must fail. */
int libipc_enter(struct libipc_monitor *monitor, uintptr_t frame);
/* libipc_enter for a call that has another lock already; it cannot fail. */
void libipc_enter_from_inside(struct libipc_monitor *monitor, uintptr_t frame);
/* Ends the change, and releases the lock. */
void libipc_leave(struct libipc_monitor *monitor);
/* The fast path in a process with one thread, when there is nothing else to check. The functions that call these
 * may differ: their frames are small beside what the kernel saves for a handler (handlers.c). */
static inline int libipc_enter_fast(struct libipc_monitor *monitor) {
	_Alignas(8) char here;
	if (monitor->active_call != 0) return 0;
	__atomic_store_n(&monitor->active_call, (uintptr_t)&here, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return 1;
}
static inline int libipc_can_leave_fast(const struct libipc_monitor *monitor) { return !(monitor->active_call & LIBIPC_RECHECK); }
static inline void libipc_leave_fast(struct libipc_monitor *monitor) { __atomic_store_n(&monitor->active_call, 0, __ATOMIC_RELEASE); }
/* Before a part of a call that runs without the lock: it sleeps, or calls the program. Returns what `active` must be afterwards. */
uintptr_t libipc_suspend(struct libipc_monitor *monitor);
/* Around a sleep in a process with one thread, where usually nothing happens meanwhile. */
static inline uintptr_t libipc_begin_sleep(struct libipc_monitor *monitor) {
	uintptr_t active = monitor->active_call;
	libipc_sleeper = monitor;
	libipc_set_active(monitor, active | LIBIPC_SLEEPING);
	return active;
}
static inline void libipc_end_sleep(struct libipc_monitor *monitor, uintptr_t active) {
	/* The first call that a handler has made meanwhile has taken a reference for this one (libipc_enter). */
	if (monitor->active_call != (active | LIBIPC_SLEEPING)) active |= LIBIPC_RECHECK | LIBIPC_COUNTED;
	libipc_set_active(monitor, active);
}
/* Whether this is a signal handler that has interrupted a call which was changing what this monitor guards. */
int libipc_is_interrupting(const struct libipc_monitor *monitor);

/* Work that a signal handler leaves to the interrupted call: closing all descriptors, freeing the context's memory. */
enum { LIBIPC_CLOSE = 1, LIBIPC_FREE = 2 };
void libipc_leave_pending(struct libipc_monitor *monitor, int what);
LIBIPC_ATOMIC int libipc_is_pending(const struct libipc_monitor *monitor) { return __atomic_load_n(&monitor->pending, __ATOMIC_RELAXED); }
static inline int libipc_take_pending(struct libipc_monitor *monitor) {
	return __atomic_exchange_n(&monitor->pending, 0, __ATOMIC_RELAXED);
}
/* Some monitor has, or had, pending work. Whoever clears it sees the work for which it was set, by whichever threads: all exchange it. */
extern int libipc_is_anything_pending __attribute__((visibility("hidden")));
LIBIPC_ATOMIC int libipc_anything_pending(void) { return __atomic_load_n(&libipc_is_anything_pending, __ATOMIC_RELAXED); }
LIBIPC_ATOMIC void libipc_nothing_pending(void) { __atomic_exchange_n(&libipc_is_anything_pending, 0, __ATOMIC_ACQUIRE); }
LIBIPC_ATOMIC void libipc_something_pending(void) { __atomic_exchange_n(&libipc_is_anything_pending, 1, __ATOMIC_RELEASE); }
/* Replaces the file of the descriptor by an unconnected socket. `*dead` is such a socket, or -1 before the first call; the caller
 * closes it. */
void libipc_replace_by_dead(int fd, int *dead);

/* ---- for process.c ---- */
void libipc_prepare_monitor(struct libipc_monitor *monitor);
void libipc_for_all_monitors(void (*act)(struct libipc_monitor *));
/* Tries to take the mutex. Each of so many tries is a pause of a millisecond, much longer than any thread keeps a lock. */
int libipc_try_mutex(struct libipc_monitor *monitor, int *tries);
void libipc_reset_in_child(struct libipc_monitor *monitor);
void libipc_drop_inconsistent_stripes(void);
void libipc_free_unused_memory(void);

/* ---- memory of contexts: monitors.c ---- */

/* A monitor of `size` bytes (the same in all calls) with one reference; its lock is free. NULL: no memory. */
struct libipc_monitor *_Nullable libipc_allocate_monitor(size_t size);
/* Puts a monitor that has no reference any more into the free list. */
void libipc_recycle_monitor(struct libipc_monitor *monitor);
/* The newest monitor; `earlier` leads to all others. */
struct libipc_monitor *_Nullable libipc_newest_monitor(void);
/* The lock under which contexts are made. */
struct libipc_monitor *libipc_creation_lock(void);

/* Empties the structure but for `switchings`: no pointer leads to the context any more. */
void libipc_unpublish(struct ipc_ctx *ctx, struct ipc_switchings switchings);

/* A block of 1 << order bytes. When it is given back its first 16 bytes stay unchanged, because late threads may read them. */
void *_Nullable libipc_allocate_block(unsigned order);
void libipc_recycle_block(void *block, unsigned order);

/* The header of a public array, two words in front of it: a magic number ("ipcswift"), and a pointer to the monitor of its context. */
#define LIBIPC_MAGIC ((void *)0x6970637377696674)
static inline void libipc_set_monitor(void *array, struct libipc_monitor *monitor) {
	void **header = (void **)array - 2;
	libipc_store(header + 1, monitor);
	libipc_store(header, LIBIPC_MAGIC);
}
/* NULL: no array of the library has this address. */
static inline struct libipc_monitor *_Nullable libipc_monitor_of(void *array) {
	void **header = (void **)array - 2;
	return libipc_load(header) == LIBIPC_MAGIC ? (struct libipc_monitor *)libipc_load(header + 1) : NULL;
}

/* Accesses to the owner of a stream (StreamReference.ownerCell), without a lock. */
static inline void libipc_store_owner(struct libipc_monitor *_Nonnull *_Nonnull place, struct libipc_monitor *owner) {
	__atomic_store_n(place, owner, __ATOMIC_RELEASE);
}
static inline struct libipc_monitor *libipc_load_owner(struct libipc_monitor *_Nonnull *_Nonnull place) {
	return __atomic_load_n(place, __ATOMIC_ACQUIRE);
}

/* Arranges that libipc_thread_ended (ContextLock.swift) is called when this thread ends. */
void libipc_watch_thread(void);
void libipc_thread_ended(uintptr_t thread);

#pragma clang assume_nonnull end
#endif
