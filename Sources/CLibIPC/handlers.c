/*
 * handlers.c - how signal handlers may call the library.
 *
 * A handler may come at any instruction of a library call, and may itself call the library. Two things would go wrong there: the
 * thread would wait for a lock that it holds itself, and it would change lists that are half changed. So a call leaves marks that
 * tell a handler what it has interrupted:
 *  - Where there are other threads, the thread's list of locks (locks.c). A call that begins while the list is not empty is made in a
 *    handler. It must wait for no lock, because the holder of the lock may wait for this thread.
 *  - In a process with one thread no lock is taken. There `active` of the monitor says that a call is changing what it guards: one
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
#include "thread.h"

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

static inline int is_interrupting(const struct libipc_thread *thread, const struct libipc_monitor *monitor, uintptr_t frame) {
	if (!libipc_is_alone()) return thread->count > 0 && is_below(frame, thread->stack_frame, HANDLER);
	return monitor->active_call != 0 && !(monitor->active_call & LIBIPC_SLEEPING) && is_below(frame, monitor->active_call, HANDLER);
}
int libipc_is_interrupting(const struct libipc_monitor *monitor) {
	return is_interrupting(&libipc_thread, monitor, libipc_stack_address());
}

/* Releases the locks of a call that was left by siglongjmp(3), and its reference. */
static void release_abandoned_locks(struct libipc_thread *thread) {
	while (thread->count > 0) {
		struct libipc_monitor *monitor = thread->locks[thread->count - 1];
		if (libipc_lock_holder(monitor) != libipc_this_thread()) {
			libipc_remove_lock(thread, monitor);
			continue;
		}
		if (monitor->active_call & LIBIPC_COUNTED) libipc_release(monitor);
		libipc_set_active(monitor, 0);
		monitor->depth = 0;
		libipc_unlock_mutex(monitor);
	}
}

static inline void begin_call(struct libipc_monitor *monitor, uintptr_t frame) {
	if (!libipc_is_alone()) {
		libipc_lock_mutex(monitor);
	} else if (monitor->active_call & LIBIPC_SLEEPING && is_below(frame, monitor->active_call, LEVEL)) {
		/* For the call that sleeps: see libipc_end_sleep. */
		if (!(monitor->active_call & LIBIPC_COUNTED)) libipc_retain(monitor);
	} else if (monitor->active_call & LIBIPC_COUNTED) {
		libipc_release(monitor); /* of a call that was left by siglongjmp(3) */
	}
	libipc_set_active(monitor, frame | LIBIPC_RECHECK);
}
int libipc_enter(struct libipc_monitor *monitor, uintptr_t frame) {
	struct libipc_thread *thread = &libipc_thread;
	if (is_interrupting(thread, monitor, frame)) return 0;
	if (thread->count > 0) release_abandoned_locks(thread);
	begin_call(monitor, frame);
	return 1;
}
void libipc_enter_from_inside(struct libipc_monitor *monitor, uintptr_t frame) { begin_call(monitor, frame); }
void libipc_leave(struct libipc_monitor *monitor) {
	libipc_set_active(monitor, 0);
	libipc_unlock(monitor);
}

uintptr_t libipc_suspend(struct libipc_monitor *monitor) {
	if (!(monitor->active_call & LIBIPC_COUNTED)) libipc_retain(monitor);
	uintptr_t active = monitor->active_call | LIBIPC_RECHECK | LIBIPC_COUNTED;
	libipc_set_active(monitor, 0);
	return active;
}
void libipc_leave_pending(struct libipc_monitor *monitor, int what) {
	__atomic_fetch_or(&monitor->pending, what, __ATOMIC_RELAXED);
	if (monitor->active_call != 0) monitor->active_call |= LIBIPC_RECHECK;
	libipc_something_pending();
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
