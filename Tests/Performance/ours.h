/*
 * ours.h - libipc's server, and what both of its clients share. The server is the README's: it waits for an
 * event, and writes a message back. The programs with several threads take only the checks from here.
 */
#ifndef OURS_H
#define OURS_H

#include <ipc.h>

#include "bench.h"

#define MUST_IPC(call)                                                                    \
	do {                                                                              \
		struct ipc_error e_ = (call);                                             \
		if (e_.error_code != IPC_ERROR_NONE) DIE("%s: %d %s", #call, (int)e_.error_code, e_.error_message); \
	} while (0)

/* A wait that a debugger, a tracer or a stop and continuation (signal(7)) interrupts is taken up again. The result is a
 * variable of its own each time: assigned to one that is there, its 8 KiB would be copied. */
static inline void ours_wait(struct ipc_ctx *ctx, struct ipc_event *event) {
	for (;;) {
		int timer = -1;
		struct ipc_error error = ipc_wait_event(ctx, event, &timer);
		if (error.error_code == IPC_ERROR_NONE) return;
		if (error.error_code != IPC_ERROR_WAIT_EVENT__POLL) DIE("ipc_wait_event: %d %s", (int)error.error_code, error.error_message);
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
