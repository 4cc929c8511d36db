/*
 * batches.h - which elements of the program's array the last batch has filled (ABI/Batches.swift), so that a call does not look at all of
 * them.
 */
#ifndef LIBIPC_BATCHES_H
#define LIBIPC_BATCHES_H

#include "threads.h"

#pragma clang assume_nonnull begin
/* The array of the last batch (ipc_wait_events), its room, and how many elements the library has filled. Only while there is one thread.
 * `events` is NULL during a call, and where nothing is known. */
struct libipc_last_batch {
	const void *_Nullable events;
	size_t room, count;
};
extern struct libipc_last_batch libipc_last_batch;
/* Forgets the last batch: another call begins, or ipc_wait_event fills in an event, which may be an element of such an array. */
static inline void libipc_forget_batch(void) {
	if (__atomic_load_n(&libipc_last_batch.events, __ATOMIC_RELAXED))
		__atomic_store_n(&libipc_last_batch.events, NULL, __ATOMIC_RELAXED);
}
/* Returns how many elements at the front of the array may not be empty. */
static inline size_t libipc_begin_batch(const void *events, size_t room) {
	struct libipc_last_batch *last = &libipc_last_batch;
	int is_known = libipc_is_alone() && last->events == events && last->room == room;
	libipc_forget_batch();
	return is_known ? last->count : room;
}
static inline void libipc_end_batch(const void *events, size_t room, size_t count) {
	if (!libipc_is_alone()) return;
	libipc_last_batch.room = room;
	libipc_last_batch.count = count;
	/* Last, because a signal handler may have a batch of its own. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&libipc_last_batch.events, events, __ATOMIC_RELAXED);
}
#pragma clang assume_nonnull end

#endif
