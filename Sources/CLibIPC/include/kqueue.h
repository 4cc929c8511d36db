/*
 * kqueue.h - what Kqueue.swift and LoopDescriptor.swift need of kqueue(2). The fields of struct kevent have other types on each system.
 */
#ifndef LIBIPC_KQUEUE_H
#define LIBIPC_KQUEUE_H

#if defined(POLLER_KQUEUE) || defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__NetBSD__)
#define LIBIPC_KQUEUE 1
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/types.h>

#include <sys/event.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* Not every system has kqueue1(2), which would set FD_CLOEXEC at once. */
static inline int libipc_make_queue(void) {
	int queue = kqueue();
	if (queue >= 0) fcntl(queue, F_SETFD, FD_CLOEXEC);
	return queue;
}

/* Adds `fd` to the queue, or changes what is there: one kevent(2) for each change in turn, up to the first that fails. `udata` carries
 * the generation. */
struct libipc_changes {
	struct kevent list[3];
	int count;
};
static inline void libipc_add_change(struct libipc_changes *changes, int fd, int filter, int flags, uint32_t generation) {
	struct kevent change = {0};
	change.ident = (uintptr_t)fd;
	change.filter = (__typeof__(change.filter))filter;
	change.flags = (__typeof__(change.flags))flags;
	change.udata = (__typeof__(change.udata))(uintptr_t)generation;
	changes->list[changes->count++] = change;
}
static inline int libipc_change(int queue, const struct libipc_changes *changes) {
	return kevent(queue, changes->list, changes->count, NULL, 0, NULL);
}

/* What the queue has reported of one filter. `has_ended` (EV_EOF): no more can come, or no more can be sent; only poll(2) tells a
 * half-closed connection from one that has hung up. */
struct libipc_report {
	int32_t descriptor;
	uint32_t generation;
	int32_t events;
	int32_t has_ended;
};
enum { LIBIPC_REPORTS = 64 };
/* Waits for reports. `milliseconds`: negative for ever. */
static inline int libipc_collect(int queue, struct libipc_report *reports, int milliseconds) {
	struct kevent found[LIBIPC_REPORTS];
	struct timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
	int count;
	/* A call that does not wait is repeated after a signal, as that of the other pollers. */
	do count = kevent(queue, NULL, 0, found, LIBIPC_REPORTS, milliseconds < 0 ? NULL : &limit);
	while (count < 0 && errno == EINTR && milliseconds == 0);
	for (int i = 0; i < count; i++) {
		reports[i].descriptor = (int)found[i].ident;
		reports[i].generation = (uint32_t)(uintptr_t)found[i].udata;
		reports[i].events = found[i].filter == EVFILT_WRITE ? POLLOUT : POLLIN;
		reports[i].has_ended = (found[i].flags & (EV_EOF | EV_ERROR)) != 0;
	}
	return count;
}

/* A regular file, a directory or a disk: poll(2) calls it always ready, but kqueue(2) reports no regular file at its end. */
static inline int libipc_is_always_ready(int fd) {
	struct stat status;
	return fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode));
}
#endif

#endif
