/*
 * loops.h - what the descriptor for other event loops is made of (LoopDescriptor.swift): a set of descriptors, which is a descriptor that
 * another loop can watch; and a timer.
 */
#ifndef LIBIPC_LOOPS_H
#define LIBIPC_LOOPS_H

#include "kqueue.h"

#ifdef LIBIPC_KQUEUE
static inline int libipc_make_set(void) { return libipc_make_queue(); }
/* Adds `fd` to the set. */
static inline int libipc_watch_readable(int set, int fd) {
	struct libipc_changes changes = {.count = 0};
	libipc_add_change(&changes, fd, EVFILT_READ, EV_ADD, 0);
	return libipc_change(set, &changes);
}
/* A queue is readable as long as nobody collects what it has to report. */
static inline int libipc_make_timer(void) { return libipc_make_queue(); }
/* 0: stops the timer, which is not readable any more. Not every system starts a timer anew that is there already. */
static inline void libipc_set_timer(int timer, int milliseconds) {
	struct kevent change = {0};
	change.filter = EVFILT_TIMER;
	change.flags = EV_DELETE;
	kevent(timer, &change, 1, NULL, 0, NULL);
	if (milliseconds == 0) return;
	change.flags = EV_ADD | EV_ONESHOT;
	change.data = milliseconds;
	kevent(timer, &change, 1, NULL, 0, NULL);
}
/* A new edge for who watches the set, in which `fd` is readable already: another byte for `fd` would be none. */
static inline void libipc_renew_edge(int set, int fd) {
	struct libipc_changes changes = {.count = 0};
	libipc_add_change(&changes, fd, EVFILT_READ, EV_DELETE, 0);
	libipc_add_change(&changes, fd, EVFILT_READ, EV_ADD, 0);
	libipc_change(set, &changes);
}
#elif defined(__linux__)
#include <sys/epoll.h>
#include <sys/timerfd.h>

static inline int libipc_make_set(void) { return epoll_create1(EPOLL_CLOEXEC); }
static inline int libipc_make_timer(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); }
/* 0: stops the timer, which is not readable any more. */
static inline void libipc_set_timer(int timer, int milliseconds) {
	struct itimerspec value = {.it_value = {milliseconds / 1000, milliseconds % 1000 * 1000000L}};
	timerfd_settime(timer, 0, &value, NULL);
}
/* Adds `fd` to the epoll set. */
static inline int libipc_watch_readable(int set, int fd) {
	struct epoll_event event = {.events = EPOLLIN};
	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}
/* The write to `fd` was the edge. */
static inline void libipc_renew_edge(int set, int fd) { (void)set, (void)fd; }
#endif

#endif
