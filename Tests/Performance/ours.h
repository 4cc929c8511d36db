/*
 * ours.h - libipc's server, and what both of its clients share. The server is the README's: it waits for an
 * event, and writes a message back. The programs with several threads take only the checks from here.
 *
 * Two idioms of programs are chosen when it is compiled:
 *   -DOURS_TIMER=-1   waits for ever; else with a timer of 10 seconds, in a variable that is set again when the timer has run out
 *   -DOURS_ASSIGNS    each result is assigned to one variable; else each call initialises a variable of its own
 */
#ifndef OURS_H
#define OURS_H

#include <ipc.h>

#include "bench.h"

#ifndef OURS_TIMER
#define OURS_TIMER TIMER
#endif

/* `OURS_RESULT = call;` puts the result into `ours_result`. The library fills a variable that is initialised in place. For an
 * assignment the compiler makes a temporary result, and copies its 8 KiB. */
#ifdef OURS_ASSIGNS
static struct ipc_error ours_result;
#define OURS_RESULT ours_result
#else
#define OURS_RESULT struct ipc_error ours_result
#endif

#define MUST_IPC(call)                                                                                   \
	do {                                                                                             \
		OURS_RESULT = (call);                                                                    \
		if (ours_result.error_code != IPC_ERROR_NONE)                                            \
			DIE("%s: %d %s", #call, (int)ours_result.error_code, ours_result.error_message); \
	} while (0)

/* The next event that is no TIMER. A wait that a debugger, a tracer or a stop and continuation (signal(7)) interrupts is taken up
 * again. */
static inline void ours_wait(struct ipc_ctx *ctx, struct ipc_event *event) {
	static int timer = OURS_TIMER;
	for (;;) {
		OURS_RESULT = ipc_wait_event(ctx, event, &timer);
		if (ours_result.error_code == IPC_ERROR_NONE) {
			if (event->type != IPC_EVENT_TYPE_TIMER) return;
			timer = OURS_TIMER;
		} else if (ours_result.error_code != IPC_ERROR_WAIT_EVENT__POLL) {
			DIE("ipc_wait_event: %d %s", (int)ours_result.error_code, ours_result.error_message);
		}
	}
}

static inline void ours_serve(void) {
	struct ipc_ctx ctx = {0};
	struct ipc_event event = {0};
	MUST_IPC(ipc_server_init(&ctx, bench_name));
	ready();
	for (;;) {
		ours_wait(&ctx, &event);
		if (event.type == IPC_EVENT_TYPE_MESSAGE) MUST_IPC(ipc_write(&ctx, event.m));
	}
}

struct ours {
	struct ipc_ctx ctx;
	int fd;
	struct ipc_message echo;
	struct ipc_event event;
};

static inline void *ours_open(void) {
	static struct ours ours;
	memset(&ours, 0, sizeof ours);
	MUST_IPC(ipc_connection(&ours.ctx, bench_name, &ours.fd));
	return &ours;
}

static inline void ours_close(void *client) {
	struct ours *ours = client;
	free(ours->echo.payload);
	IPC_EVENT_CLEAN(&ours->event);
	MUST_IPC(ipc_close_all(&ours->ctx));
	ipc_ctx_free(&ours->ctx);
}

static inline struct ipc_message ours_message(struct ours *ours) {
	return (struct ipc_message){MESSAGE_TYPE, USER_TYPE, ours->fd, (uint32_t)payload_size, (char *)stamp_message()};
}

#endif
