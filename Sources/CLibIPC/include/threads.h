/*
 * threads.h - locks, and the tables that all threads of the process share (runtime.c).
 */
#ifndef LIBIPC_THREADS_H
#define LIBIPC_THREADS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
/* There is no other thread that a lock could keep out. */
static inline int libipc_is_alone(void) { return __libc_single_threaded; }
#else
static inline int libipc_is_alone(void) { return 0; }
#endif

#pragma clang assume_nonnull begin
/* A lock with what it guards: one of these lies in front of each context. Their memory is never given back to malloc(3), so
 * that a thread which comes too late finds a lock, and under it that what it looked for is gone. All but the mutex is
 * guarded by the mutex. */
struct libipc_monitor {
	pthread_mutex_t mutex;
	pthread_cond_t changed;          /* for one of those that wait for events */
	pthread_cond_t returned;         /* for those that wait for what another thread has claimed, where there is no futex(2) */
	uint32_t returns;                /* how often such a claim ended while somebody waited for it */
	uintptr_t owner;                 /* the thread that has the lock; 0: none, or there was nobody to keep out */
	int is_for_fork;                 /* the owner has it for fork(2), and changes nothing */
	int was_missed;                  /* forks that go on without it: in their children what it guards cannot be trusted */
	int is_torn;                     /* this process is such a child */
	uintptr_t busy;                  /* see libipc_enter */
	int depth;                       /* how often the owner has taken the lock again */
	int pending;                     /* LIBIPC_CLOSE, LIBIPC_DISSOLVE: what a signal handler has left to do */
	int cancelling;                  /* as it was before the thread took the lock */
	uint32_t absent;                 /* threads that have let go of the lock on the way and will come back */
	uint32_t arriving;               /* threads that wait for the lock; they count themselves */
	uint32_t generation;             /* how often ipc_ctx_free has freed a context of it */
	int is_awaited;                  /* its context is gone, and the last of those threads puts the monitor away */
	void *_Nullable array;                     /* what leads here: the array in front of which this address lies; NULL: no context */
	uintptr_t freed_by;              /* which thread */
	const void *_Nullable maker;     /* which copy of the library: it has variables of its own */
	struct libipc_monitor *_Nullable earlier;  /* in the list of all that were ever made */
	struct libipc_monitor *_Nullable next_put_away;
};

/* What two threads may look at without a lock. For a tool that knows locks alone these functions can be told by name. */
#ifdef LIBIPC_SEPARATE_ATOMICS
#define LIBIPC_ATOMIC static __attribute__((noinline, unused))
#else
#define LIBIPC_ATOMIC static inline
#endif
LIBIPC_ATOMIC void *_Nullable libipc_load(void *_Nullable const *_Nonnull place) { return __atomic_load_n(place, __ATOMIC_ACQUIRE); }
LIBIPC_ATOMIC void libipc_store(void *_Nullable *_Nonnull place, void *_Nullable value) { __atomic_store_n(place, value, __ATOMIC_RELEASE); }

/* For a signal handler of the same thread the steps come in the order in which they are written. */
#define LIBIPC_IN_ORDER() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* A thread that were cancelled (pthread_cancel(3)) with a lock would leave it behind: it is when it has let go. */
static inline int libipc_forbid_cancelling(void) {
	int before = PTHREAD_CANCEL_DISABLE;
	if (!libipc_is_alone()) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}
static inline void libipc_allow_cancelling(int before) {
	if (before != PTHREAD_CANCEL_DISABLE) pthread_setcancelstate(before, &before);
}

/* Names a thread as long as it lives. */
static inline uintptr_t libipc_this_thread(void) { return (uintptr_t)__builtin_thread_pointer(); }

void libipc_keep_others_out(struct libipc_monitor *monitor);
void libipc_let_others_in(struct libipc_monitor *monitor);
static inline void libipc_lock(struct libipc_monitor *monitor) {
	if (!libipc_is_alone()) libipc_keep_others_out(monitor);
}
LIBIPC_ATOMIC uintptr_t libipc_lock_owner(const struct libipc_monitor *monitor) { return __atomic_load_n(&monitor->owner, __ATOMIC_RELAXED); }
LIBIPC_ATOMIC void libipc_set_owner(struct libipc_monitor *monitor, uintptr_t owner) {
	__atomic_store_n(&monitor->owner, owner, __ATOMIC_RELAXED);
}
static inline void libipc_unlock(struct libipc_monitor *monitor) {
	if (libipc_lock_owner(monitor) == libipc_this_thread()) libipc_let_others_in(monitor);
}
/* Takes the lock if it can be had within some milliseconds: for a signal handler, whose thread may hold others. */
int libipc_try_lock(struct libipc_monitor *monitor);
/* The thread has the lock, or needs none. */
int libipc_has_lock(const struct libipc_monitor *monitor);
/* Until somebody says that something has changed, or `milliseconds` have passed; negative: for ever. It may be for nothing. */
void libipc_wait_for_change(struct libipc_monitor *monitor, int milliseconds);
/* Waits, without the lock, until a claim has ended since `seen` was read (libipc_returns, with the lock): 0. Or until a signal handler
 * ends the wait, as the kernel decides (SA_RESTART): EINTR; or the time is up: ETIMEDOUT. A negative time is for ever. */
int libipc_wait_for_return(struct libipc_monitor *monitor, uint32_t seen, int milliseconds);
static inline uint32_t libipc_returns(struct libipc_monitor *monitor) { return __atomic_load_n(&monitor->returns, __ATOMIC_ACQUIRE); }
/* A claim has ended; with the lock. */
void libipc_announce_return(struct libipc_monitor *monitor);

/* ---- signal handlers: see threads.c ---- */

/* `busy` of a monitor is where on the stack the function lies that is in the middle of a call, or 0. ASLEEP: everything is whole, the
 * call sleeps in the kernel or calls the program. LOOK: when the call ends there is more to look at than the mark. COUNTED: the
 * call is one of those that are absent. */
enum { LIBIPC_ASLEEP = 1, LIBIPC_LOOK = 2, LIBIPC_COUNTED = 4 };
/* A place on the stack of the function that asks. (__builtin_frame_address would take a register from it.) */
static inline uintptr_t libipc_frame(void) {
	_Alignas(8) char here;
	uintptr_t place;
	__asm__("" : "=r"(place) : "0"(&here));
	return place;
}
/* In this order for a signal handler of the same thread. */
static inline void libipc_set_busy(struct libipc_monitor *monitor, uintptr_t busy) {
	__atomic_signal_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&monitor->busy, busy, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}
/* A call, whose frame this is, begins to change what the monitor guards. 0: it must not, because a signal handler makes it that
 * has interrupted another call of the same thread. */
int libipc_enter(struct libipc_monitor *monitor, uintptr_t frame);
/* The same for a call that has another lock already. */
void libipc_enter_from_inside(struct libipc_monitor *monitor, uintptr_t frame);
void libipc_leave(struct libipc_monitor *monitor);
/* The same in a process of one thread, where nothing is to be looked at. All are called in the same function. */
static inline int libipc_enter_at_once(struct libipc_monitor *monitor) {
	_Alignas(8) char here;
	if (monitor->busy != 0) return 0;
	__atomic_store_n(&monitor->busy, (uintptr_t)&here, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return 1;
}
static inline int libipc_may_leave_at_once(const struct libipc_monitor *monitor) { return !(monitor->busy & LIBIPC_LOOK); }
static inline void libipc_leave_at_once(struct libipc_monitor *monitor) { __atomic_store_n(&monitor->busy, 0, __ATOMIC_RELEASE); }
/* The call goes on, but sleeps, or calls the program: still with the lock, or with it again. What the first returns is for the
 * second. */
uintptr_t libipc_go_out(struct libipc_monitor *monitor);
void libipc_come_back(struct libipc_monitor *monitor, uintptr_t busy);
/* The same in a process of one thread, where mostly nothing has happened meanwhile. */
static inline uintptr_t libipc_fall_asleep(struct libipc_monitor *monitor) {
	uintptr_t busy = monitor->busy;
	libipc_set_busy(monitor, busy | LIBIPC_ASLEEP);
	return busy;
}
static inline void libipc_wake_up(struct libipc_monitor *monitor, uintptr_t busy) {
	if (monitor->busy != (busy | LIBIPC_ASLEEP)) return libipc_come_back(monitor, busy);
	libipc_set_busy(monitor, busy);
}
/* A signal handler has interrupted a call in the middle of something, which concerns this monitor. */
int libipc_is_interrupting(const struct libipc_monitor *monitor);

/* What a signal handler leaves to be done: closing all, freeing what the context holds. */
enum { LIBIPC_CLOSE = 1, LIBIPC_DISSOLVE = 2 };
void libipc_leave_pending(struct libipc_monitor *monitor, int what);
static inline int libipc_take_pending(struct libipc_monitor *monitor, int what) {
	return __atomic_fetch_and(&monitor->pending, ~what, __ATOMIC_RELAXED) & what;
}
/* Some monitor has something pending, or had. */
extern int libipc_is_anything_pending __attribute__((visibility("hidden")));
LIBIPC_ATOMIC int libipc_anything_pending(void) { return __atomic_load_n(&libipc_is_anything_pending, __ATOMIC_RELAXED); }
LIBIPC_ATOMIC void libipc_nothing_pending(void) { __atomic_store_n(&libipc_is_anything_pending, 0, __ATOMIC_RELAXED); }
/* Replaces the file of the descriptor by a dead socket. `*dead`: such a socket; -1: none yet. It is the caller's. */
void libipc_replace_by_dead(int fd, int *dead);

/* ---- for process.c ---- */
void libipc_prepare_monitor(struct libipc_monitor *monitor);
void libipc_for_all_monitors(void (*act)(struct libipc_monitor *));
int libipc_try_mutex(struct libipc_monitor *monitor);
int libipc_may_be_own(const struct libipc_monitor *monitor);
int libipc_holds_locks(void);
void libipc_begin_again(struct libipc_monitor *monitor);
void libipc_forget_torn_stripes(void);
void libipc_free_what_is_put_away(void);

/* ---- memory that stays ---- */

/* A monitor of `size` bytes, which is the same in all calls; its lock is free. NULL: no memory. */
struct libipc_monitor *_Nullable libipc_take_monitor(size_t size);
void libipc_put_away_monitor(struct libipc_monitor *monitor);
/* The newest of all that there ever were. */
struct libipc_monitor *_Nullable libipc_newest_monitor(void);
/* Held while a context is made. */
struct libipc_monitor *libipc_births(void);

/* Memory of 1 << order bytes whose first 16 stay as they are when it is given back: threads that come late may read them. */
void *_Nullable libipc_take_block(unsigned order);
void libipc_give_back_block(void *block, unsigned order);

/* Just before a public array lies the way back: a mark, and the monitor that it belongs to. NULL: there is no mark. */
#define LIBIPC_MARK ((void *)0x6970637377696674)
static inline void libipc_lead_back(void *array, struct libipc_monitor *monitor) {
	void **way = (void **)array - 2;
	libipc_store(way + 1, monitor);
	libipc_store(way, LIBIPC_MARK);
}
static inline struct libipc_monitor *_Nullable libipc_way_back(void *array) {
	void **way = (void **)array - 2;
	return libipc_load(way) == LIBIPC_MARK ? (struct libipc_monitor *)libipc_load(way + 1) : NULL;
}

/* A thread counts itself before it waits for the lock, and no more when it has it. Who took the way to a monitor away before it
 * asked finds all that still come to this context; who comes later, that there is no way. */
LIBIPC_ATOMIC void libipc_arrive(struct libipc_monitor *monitor) { __atomic_fetch_add(&monitor->arriving, 1, __ATOMIC_ACQ_REL); }
static inline void libipc_has_arrived(struct libipc_monitor *monitor) { __atomic_fetch_sub(&monitor->arriving, 1, __ATOMIC_ACQ_REL); }
static inline uint32_t libipc_arriving(struct libipc_monitor *monitor) { return __atomic_fetch_add(&monitor->arriving, 0, __ATOMIC_ACQ_REL); }
LIBIPC_ATOMIC uint32_t libipc_generation(const struct libipc_monitor *monitor) { return __atomic_load_n(&monitor->generation, __ATOMIC_ACQUIRE); }
LIBIPC_ATOMIC void libipc_end_generation(struct libipc_monitor *monitor) {
	__atomic_store_n(&monitor->generation, monitor->generation + 1, __ATOMIC_RELEASE);
}

/* When this thread ends, libipc_thread_ended (Threads.swift) is to be called. */
void libipc_watch_thread(void);
void libipc_thread_ended(uintptr_t thread);

/* The process-wide table of descriptors (Registry.swift): as many as Linux gives a process (fs.nr_open). Memory is only
 * behind the parts that are used. An entry is read without a lock, and written under that of its stripe. */
enum { LIBIPC_REGISTRY_SIZE = 1 << 20, LIBIPC_STRIPES = 64 };
struct libipc_slot {
	void *_Nullable owner;      /* the monitor whose lock guards the connection */
	void *_Nullable connection;
	uint32_t pair;    /* where in a table of pairs the descriptor was found last: a hint */
	uint32_t listener; /* which file, if the library made it a listening socket; 0: none (names.c) */
	uint32_t is_stream; /* calls without a context found that the number carries a stream: a hint */
};
extern struct libipc_slot libipc_registry[LIBIPC_REGISTRY_SIZE];
extern int libipc_registry_end; /* no entry from here on was ever used */
extern struct libipc_monitor libipc_stripes[LIBIPC_STRIPES];
static inline int libipc_is_registrable(int fd) { return fd >= 0 && fd < LIBIPC_REGISTRY_SIZE; }
static inline struct libipc_monitor *libipc_stripe(int fd) { return libipc_stripes + (unsigned)fd % LIBIPC_STRIPES; }
static inline struct libipc_monitor *_Nullable libipc_owner(int fd) {
	return libipc_is_registrable(fd) ? (struct libipc_monitor *)libipc_load(&libipc_registry[fd].owner) : NULL;
}
/* The connection, if it is `owner`'s: which may only change while that is locked. Who writes an entry sets its owner to none first:
 * when that is the same before and after, the connection was its. */
static inline void *_Nullable libipc_registered(int fd, const struct libipc_monitor *owner) {
	if (libipc_owner(fd) != owner || !libipc_is_registrable(fd)) return NULL;
	void *_Nullable connection = libipc_load(&libipc_registry[fd].connection);
	return libipc_owner(fd) == owner ? connection : NULL;
}
LIBIPC_ATOMIC int libipc_end_of_registry(void) { return __atomic_load_n(&libipc_registry_end, __ATOMIC_RELAXED); }
LIBIPC_ATOMIC void libipc_grow_registry(int end) {
	int known = libipc_end_of_registry();
	while (known < end && !__atomic_compare_exchange_n(&libipc_registry_end, &known, end, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
}
static inline void libipc_register(int fd, struct libipc_monitor *_Nullable owner, void *_Nullable connection) {
	if (!libipc_is_registrable(fd)) return;
	if (fd >= libipc_end_of_registry()) libipc_grow_registry(fd + 1);
	libipc_store(&libipc_registry[fd].owner, NULL);
	libipc_store(&libipc_registry[fd].connection, connection);
	libipc_store(&libipc_registry[fd].owner, owner);
}
LIBIPC_ATOMIC uint32_t libipc_pair_hint(int fd) {
	return libipc_is_registrable(fd) ? __atomic_load_n(&libipc_registry[fd].pair, __ATOMIC_RELAXED) : 0;
}
LIBIPC_ATOMIC void libipc_set_pair_hint(int fd, size_t pair) {
	if (libipc_is_registrable(fd)) __atomic_store_n(&libipc_registry[fd].pair, (uint32_t)pair, __ATOMIC_RELAXED);
}
LIBIPC_ATOMIC int libipc_is_known_stream(int fd) {
	return libipc_is_registrable(fd) && __atomic_load_n(&libipc_registry[fd].is_stream, __ATOMIC_RELAXED) != 0;
}
LIBIPC_ATOMIC void libipc_note_stream(int fd, int is_stream) {
	if (libipc_is_registrable(fd)) __atomic_store_n(&libipc_registry[fd].is_stream, (uint32_t)is_stream, __ATOMIC_RELAXED);
}

#pragma clang assume_nonnull end
#endif
