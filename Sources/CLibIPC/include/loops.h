/*
 * loops.h - what the descriptor for other event loops is made of (LoopDescriptor.swift).
 */
#ifndef LIBIPC_LOOPS_H
#define LIBIPC_LOOPS_H

#ifdef __linux__
#include <sys/epoll.h>
#include <sys/timerfd.h>

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
#endif

#endif
