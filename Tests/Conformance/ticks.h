/*
 * ticks.h - a signal that repeats, for calls whose time limit it must not restart.
 */
#ifndef TICKS_H
#define TICKS_H

#include <signal.h>
#include <time.h>

static timer_t ticking;
static volatile sig_atomic_t ticks;
static void count_tick(int signal) { (void)signal, ticks++; }

/* SIGUSR1 every so many milliseconds: SIGALRM is the harness's limit. `flags`: SA_RESTART or 0. */
static inline void start_ticking(int milliseconds, int flags) {
	struct sigaction action = {.sa_handler = count_tick, .sa_flags = flags};
	struct sigevent tell = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec every = {{0, milliseconds * 1000000L}, {0, milliseconds * 1000000L}};
	CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
	CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &tell, &ticking), 0);
	CHECK_EQUAL(timer_settime(ticking, 0, &every, NULL), 0);
}

static inline void stop_ticking(void) { CHECK_EQUAL(timer_delete(ticking), 0); }

#endif
