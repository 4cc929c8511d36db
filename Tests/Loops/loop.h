/*
 * loop.h - what the scenarios want of an event loop. Each adapter, named after its loop, is an example to copy: it watches the
 * descriptor of a context (ipc_ctx_fd), and has a timer of its own beside it.
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdio.h>
#include <stdlib.h>

/* The adapter: calls handle_events when `fd` is readable and handle_tick every `interval` milliseconds, until stop_loop. It leaves
 * no descriptor behind. */
void run_loop(int fd, int interval);
/* Called in a handler: run_loop returns. */
void stop_loop(void);

/* The program: takes some events, without waiting. 0: none is left; 1: there may be more. A level-triggered loop need not ask. */
int handle_events(void);
void handle_tick(void);

#define MUST(condition)                                                                        \
	do {                                                                                   \
		if (condition) break;                                                          \
		fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
		abort();                                                                       \
	} while (0)

#endif
