/*
 * quiet.h - waits in which nothing can be done, and must not be tried again and again: their system calls are counted by
 * the injector.
 */
#ifndef QUIET_H
#define QUIET_H

#include "injected.h"

enum { CALLS_OF_A_WAIT = 60 };

/* Waits `timer` out; fails when it takes many calls, or when anything but passing trouble is told. */
static inline void check_quiet(struct ipc_ctx *ctx, int timer, int may_tell_trouble) {
	struct ipc_event event = {0};
	for (int told = 0; event.type != IPC_EVENT_TYPE_TIMER; told++) {
		long before = inject_calls();
		struct ipc_error e = ARMED(FULL, ipc_wait_event(ctx, &event, &timer));
		CHECK(inject_calls() - before <= CALLS_OF_A_WAIT);
		if (may_tell_trouble && is_passing(e)) {
			if (told < CALLS_OF_A_WAIT) continue;
			break; /* told each time at once: it is the caller's turn to give up */
		}
		CHECK_EQUAL(e.error_code, 0);
		if (event.type != IPC_EVENT_TYPE_TIMER) FAIL("event %d while nothing can be done", (int)event.type);
	}
	IPC_EVENT_CLEAN(&event);
}

/* The next event other than TIMER; gives up after many waits, whose number is no measure of time. */
static inline struct ipc_event next_event(struct ipc_ctx *ctx) {
	struct ipc_event event = {0};
	for (int i = 0; i < 200; i++) {
		int timer = 50;
		struct ipc_error e = ARMED(FULL, ipc_wait_event(ctx, &event, &timer));
		if (e.error_code == 0 && event.type != IPC_EVENT_TYPE_TIMER) return event;
		CHECK(e.error_code == 0 || is_passing(e));
	}
	FAIL("no event comes");
}

static inline void end(struct ipc_ctx *ctx) {
	CHECK_OK(ipc_close_all(ctx));
	ipc_ctx_free(ctx);
}

static inline void add_pair(struct ipc_ctx *ctx, int *pair, enum ipc_connection_type type) {
	struct ipc_connection_info info = {type, 0, NULL};
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	struct pollfd entry = {pair[0], POLLIN, 0};
	CHECK_OK(ipc_add(ctx, &info, &entry));
}

#endif
