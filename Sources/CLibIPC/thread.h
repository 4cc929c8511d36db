/*
 * thread.h - what each thread keeps for itself (locks.c, handlers.c).
 */
#ifndef LIBIPC_THREAD_H
#define LIBIPC_THREAD_H

#include "CLibIPC.h"

/* More locks than a thread has at once: for new contexts, of a context, of a stripe, of the free lists. */
enum { LIBIPC_MOST_LOCKS = 8 };
/* Pauses of a millisecond that signal handlers may make for locks: for all forks in the middle of one call, and for each ipc_close_all
 * and ipc_ctx_free. */
enum { LIBIPC_TRIES = 50 };
struct libipc_thread {
	uintptr_t stack_frame; /* of the function that took the first lock */
	unsigned count;
	struct libipc_monitor *locks[LIBIPC_MOST_LOCKS];
	unsigned references; /* that its calls hold (libipc_retain) */
	int tries; /* that forks have left, in the middle of this call or in this round (process.c) */
	int has_missed; /* a lock in this round */
};
extern _Thread_local struct libipc_thread libipc_thread __attribute__((visibility("hidden")));

/* Change the list of locks. */
void libipc_add_lock(struct libipc_thread *thread, struct libipc_monitor *monitor);
void libipc_remove_lock(struct libipc_thread *thread, struct libipc_monitor *monitor);

/* Take and release the innermost lock, of the free lists and of received descriptors (monitors.c). 0: in a signal handler that has
 * interrupted a call which has it. */
int libipc_lock_lists(void);
void libipc_unlock_lists(void);

#endif
