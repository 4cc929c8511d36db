/*
 * wakes.c - ipc_wake: a wait ends, from any thread and any signal handler.
 *
 * ipc_wake takes no lock. It notes the wake in the monitor, then ends a sleep:
 *  - In a process with several threads the thread that asks the poller also waits for a descriptor, the waker. ipc_wake writes to it.
 *    The thread publishes its number, then looks for a wake, then sleeps: so either it sees the wake, or ipc_wake sees the number.
 *  - In a process with one thread only a handler can call ipc_wake. If it comes in the sleep, that ends with EINTR. If it comes just
 *    before, it makes the list of poll(2) invalid, which ends the sleep at once. That needs no descriptor. The list lies in memory that is
 *    never freed: after siglongjmp(3) it may be an old one.
 *  - Another loop waits for the bell of the context (LoopDescriptor.swift). ipc_wake writes to that, too.
 */
#include "CLibIPC.h"

struct libipc_monitor *libipc_sleeper;

enum { ENTRIES = 64, RECHECK = 100 /* ms */ };
static struct pollfd asleep[ENTRIES];

int libipc_sleep(struct pollfd *entries, int count, int timeout) {
	/* poll(2) with a timeout of 0 can fail with EINTR although it does not sleep. epoll_wait(2) never does, so it is repeated here. */
	if (timeout == 0) return LIBIPC_RETRYING(poll(entries, (nfds_t)count, 0));
	if (count == 0 || !libipc_is_alone()) return poll(entries, (nfds_t)count, timeout);
	/* Only poll(2) as poller has so many. A handler that comes just before the sleep ends it so much later. */
	if (count > ENTRIES) return poll(entries, (nfds_t)count, timeout < 0 || timeout > RECHECK ? RECHECK : timeout);
	asleep[0] = entries[0];
	if (count > 1) memcpy(asleep + 1, entries + 1, (size_t)(count - 1) * sizeof *entries);
	LIBIPC_IN_ORDER();
	/* From here on a handler changes the list. */
	if (libipc_sleeper != NULL && libipc_is_woken(libipc_sleeper)) timeout = 0;
	int reported = poll(asleep, (nfds_t)count, timeout);
	if (reported < 0) return errno == EINTR && libipc_sleeper != NULL && libipc_is_woken(libipc_sleeper) ? 0 : reported;
	for (int i = 1; i < count; i++) entries[i].revents = asleep[i].revents;
	if (asleep[0].fd == entries[0].fd) {
		entries[0].revents = asleep[0].revents;
		return reported;
	}
	/* A wake has taken the place of this descriptor. */
	entries[0].revents = 0;
	return asleep[0].revents != 0 ? reported - 1 : reported;
}

/* Only if the number is still the descriptor that was marked: the program may have closed it, and opened a file of its own. */
static void write_to(const libipc_word *place) {
	uint64_t marked = __atomic_load_n(place, __ATOMIC_SEQ_CST);
	int fd = (int)(uint32_t)marked;
	struct stat status;
	if (marked == 0 || !libipc_has_number(fd, (uint32_t)(marked >> 32)) || fstat(fd, &status) != 0) return;
	/* An eventfd(2) has no type. */
	if ((status.st_mode & S_IFMT) == 0 || S_ISFIFO(status.st_mode)) libipc_signal_waker(fd);
}

enum ipc_error_code ipc_wake(struct ipc_ctx *ctx) {
	if (ctx == NULL) return IPC_ERROR_CTX_ENTRY__NO_PARAM;
	int error = errno;
	void *array = libipc_array(ctx);
	struct libipc_monitor *monitor = array != NULL ? libipc_monitor_of(array) : NULL;
	if (monitor == NULL) return IPC_ERROR_WAKE__EMPTY_CONTEXT;
	__atomic_store_n(&monitor->woken_life, __atomic_load_n(&monitor->life, __ATOMIC_RELAXED), __ATOMIC_SEQ_CST);
	if (libipc_is_alone()) asleep[0].fd = INT_MAX;
	write_to(&monitor->waker);
	write_to(&monitor->bell);
	errno = error;
	return IPC_ERROR_NONE;
}
