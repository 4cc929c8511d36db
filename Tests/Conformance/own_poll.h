/*
 * own_poll.h - for a program that replaces poll(2) by a function of its own.
 */
#ifndef OWN_POLL_H
#define OWN_POLL_H

#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The system call. */
static inline int kernel_poll(struct pollfd *entries, nfds_t count, int timeout) {
	struct timespec time = {timeout / 1000, timeout % 1000 * 1000000};
	return (int)syscall(SYS_ppoll, entries, count, timeout < 0 ? NULL : &time, NULL, 8);
}

/* Code that is compiled with _FORTIFY_SOURCE calls poll(2) by this name. */
int __poll_chk(struct pollfd *entries, nfds_t count, int timeout, size_t room);
int __poll_chk(struct pollfd *entries, nfds_t count, int timeout, size_t room) {
	(void)room;
	return poll(entries, count, timeout);
}
#endif
