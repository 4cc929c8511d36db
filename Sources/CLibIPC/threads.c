/*
 * threads.c - what all threads of the process share: locks that never go away, the table of descriptors, and what is to be done
 * when the process forks and when a thread ends.
 */
#include "CLibIPC.h"

struct libipc_slot libipc_registry[LIBIPC_REGISTRY_SIZE];
struct libipc_monitor libipc_stripes[LIBIPC_STRIPES];
/* The shelf guards the two lists below; innermost: with it nobody takes another. */
static struct libipc_monitor births, shelf;
static struct libipc_monitor *put_away;
static struct block {
	char stays[16]; /* see threads.h */
	struct block *next;
} *given_back[8 * sizeof(size_t)];
static void *newest; /* read without a lock */
static pthread_key_t thread_key;
static int has_thread_key;

static void prepare_condition(struct libipc_monitor *monitor) {
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&monitor->changed, &attributes);
	pthread_cond_init(&monitor->returned, &attributes);
	pthread_condattr_destroy(&attributes);
}
static void prepare(struct libipc_monitor *monitor) {
	pthread_mutex_init(&monitor->mutex, NULL);
	prepare_condition(monitor);
}

void libipc_keep_others_out(struct libipc_monitor *monitor) {
	int before = libipc_forbid_cancelling();
	pthread_mutex_lock(&monitor->mutex);
	monitor->is_locked = 1;
	monitor->cancelling = before;
}

void libipc_let_others_in(struct libipc_monitor *monitor) {
	int before = monitor->cancelling;
	monitor->is_locked = 0;
	pthread_mutex_unlock(&monitor->mutex);
	libipc_allow_cancelling(before);
}

static void wait_for(struct libipc_monitor *monitor, pthread_cond_t *condition, int milliseconds) {
	struct timespec until;
	int cancelling = monitor->cancelling;
	monitor->is_locked = 0;
	if (milliseconds < 0) {
		pthread_cond_wait(condition, &monitor->mutex);
	} else {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += milliseconds / 1000;
		until.tv_nsec += milliseconds % 1000 * 1000000;
		if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
		pthread_cond_timedwait(condition, &monitor->mutex, &until);
	}
	monitor->is_locked = 1;
	monitor->cancelling = cancelling;
}
void libipc_wait_for_change(struct libipc_monitor *monitor, int milliseconds) { wait_for(monitor, &monitor->changed, milliseconds); }
void libipc_wait_for_return(struct libipc_monitor *monitor) { wait_for(monitor, &monitor->returned, -1); }

struct libipc_monitor *libipc_births(void) { return &births; }
struct libipc_monitor *libipc_newest_monitor(void) { return libipc_load(&newest); }

struct libipc_monitor *libipc_take_monitor(size_t size) {
	libipc_lock(&shelf);
	struct libipc_monitor *monitor = put_away;
	if (monitor != NULL) {
		put_away = monitor->next_put_away;
	} else if ((monitor = malloc(size)) != NULL) {
		memset(monitor, 0, sizeof *monitor);
		prepare(monitor);
		monitor->earlier = newest;
		libipc_store(&newest, monitor);
	}
	libipc_unlock(&shelf);
	return monitor;
}

void libipc_put_away_monitor(struct libipc_monitor *monitor) {
	libipc_lock(&shelf);
	monitor->next_put_away = put_away;
	put_away = monitor;
	libipc_unlock(&shelf);
}

void *libipc_take_block(unsigned order) {
	libipc_lock(&shelf);
	struct block *block = given_back[order];
	if (block != NULL) given_back[order] = block->next;
	libipc_unlock(&shelf);
	return block != NULL ? block : malloc((size_t)1 << order);
}

void libipc_give_back_block(void *given, unsigned order) {
	struct block *block = given;
	libipc_lock(&shelf);
	block->next = given_back[order];
	given_back[order] = block;
	libipc_unlock(&shelf);
}

static void end_thread(void *thread) { libipc_thread_ended((uintptr_t)thread); }
void libipc_watch_thread(void) {
	if (has_thread_key) pthread_setspecific(thread_key, (void *)libipc_this_thread());
}

/* ---- fork(2): nobody is in the middle of anything while the process is copied ---- */

uint64_t libipc_changes;

static void for_all_monitors(void (*act)(struct libipc_monitor *)) {
	act(&births);
	for (struct libipc_monitor *monitor = libipc_newest_monitor(); monitor != NULL; monitor = monitor->earlier) act(monitor);
	for (int i = 0; i < LIBIPC_STRIPES; i++) act(libipc_stripes + i);
	act(&shelf);
}
static void lock_all(void) { for_all_monitors(libipc_lock); }
static void unlock_all(void) { for_all_monitors(libipc_unlock); }

/* The other threads are not in the child, nor will they come back; a context that notices a fork forgets them too. */
static void begin_again(struct libipc_monitor *monitor) {
	libipc_unlock(monitor);
	prepare_condition(monitor);
	monitor->absent = monitor->arriving = 0;
}
static void go_on_in_child(void) {
	for_all_monitors(begin_again);
	__atomic_add_fetch(&libipc_changes, (uint64_t)1 << LIBIPC_FORK_SHIFT, __ATOMIC_RELAXED);
}

__attribute__((constructor)) static void begin(void) {
	for_all_monitors(prepare);
	has_thread_key = pthread_key_create(&thread_key, end_thread) == 0;
	pthread_atfork(lock_all, unlock_all, go_on_in_child);
}
