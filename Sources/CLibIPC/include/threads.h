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
	pthread_cond_t returned;         /* for those that wait for an inbox that a reader has taken along */
	int is_locked;                   /* not when there was nobody to keep out */
	int cancelling;                  /* as it was before the thread took the lock */
	uint32_t absent;                 /* threads that have let go of the lock on the way and will come back */
	uint32_t arriving;               /* threads that wait for the lock; they count themselves */
	uint32_t generation;             /* how often ipc_ctx_free has freed a context of it */
	int is_awaited;                  /* its context is gone, and the last of those threads puts the monitor away */
	void *_Nullable array;                     /* what leads here: the array in front of which this address lies; NULL: no context */
	uintptr_t freed_by;              /* which thread */
	struct libipc_monitor *_Nullable earlier;  /* in the list of all that were ever made */
	struct libipc_monitor *_Nullable next_put_away;
};

/* A thread that were cancelled (pthread_cancel(3)) with a lock would leave it behind: it is when it has let go. */
static inline int libipc_forbid_cancelling(void) {
	int before = PTHREAD_CANCEL_DISABLE;
	if (!libipc_is_alone()) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}
static inline void libipc_allow_cancelling(int before) {
	if (before != PTHREAD_CANCEL_DISABLE) pthread_setcancelstate(before, &before);
}

void libipc_keep_others_out(struct libipc_monitor *monitor);
void libipc_let_others_in(struct libipc_monitor *monitor);
static inline void libipc_lock(struct libipc_monitor *monitor) {
	if (!libipc_is_alone()) libipc_keep_others_out(monitor);
}
static inline void libipc_unlock(struct libipc_monitor *monitor) {
	if (monitor->is_locked) libipc_let_others_in(monitor);
}
/* Until somebody says that something has changed, or `milliseconds` have passed; negative: for ever. It may be for nothing. */
void libipc_wait_for_change(struct libipc_monitor *monitor, int milliseconds);
void libipc_wait_for_return(struct libipc_monitor *monitor);

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

/* What two threads may look at without a lock. For a tool that knows locks alone these functions can be told by name. */
#ifdef LIBIPC_SEPARATE_ATOMICS
#define LIBIPC_ATOMIC static __attribute__((noinline, unused))
#else
#define LIBIPC_ATOMIC static inline
#endif
LIBIPC_ATOMIC void *_Nullable libipc_load(void *_Nullable const *_Nonnull place) { return __atomic_load_n(place, __ATOMIC_ACQUIRE); }
LIBIPC_ATOMIC void libipc_store(void *_Nullable *_Nonnull place, void *_Nullable value) { __atomic_store_n(place, value, __ATOMIC_RELEASE); }

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

/* Names a thread as long as it lives. */
static inline uintptr_t libipc_this_thread(void) { return (uintptr_t)__builtin_thread_pointer(); }
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
};
extern struct libipc_slot libipc_registry[LIBIPC_REGISTRY_SIZE];
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
static inline void libipc_register(int fd, struct libipc_monitor *_Nullable owner, void *_Nullable connection) {
	if (!libipc_is_registrable(fd)) return;
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

#pragma clang assume_nonnull end
#endif
