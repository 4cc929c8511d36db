/*
 * loops.h - for tests of ipc_ctx_fd: a context, and a loop that waits for its descriptor.
 */
#ifndef LOOPS_H
#define LOOPS_H

#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

static inline void end(void) {
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
	IPC_EVENT_CLEAN(&event);
}

/* With poll(2) inside there is no descriptor: an error, and the end of the test. */
static inline int loop_descriptor(void) {
	int fd = ipc_ctx_fd(&ctx);
	if (fd < 0 && strstr(ipc_last_error(), "poll(2)") != NULL) {
		end();
		exit(0);
	}
	CHECK(fd >= 0);
	return fd;
}

static inline int becomes_readable(int fd, int timeout) {
	struct pollfd entry = {fd, POLLIN, 0};
	return poll(&entry, 1, timeout) == 1 && entry.revents == POLLIN;
}

static inline enum ipc_event_type look(void) {
	int timer = 0;
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	return event.type;
}

/* Waits for the descriptor before each wait, and wants this event. Waits that give nothing are allowed. */
static inline void next_by(int fd, enum ipc_event_type wanted) {
	do CHECK(becomes_readable(fd, -1));
	while (look() == IPC_EVENT_TYPE_TIMER);
	CHECK_EQUAL(event.type, wanted);
}

/* A few waits may find nothing, then the descriptor is silent. */
static inline void settle(int fd) {
	for (int i = 0; i < 4 && becomes_readable(fd, 0); i++) CHECK_EQUAL(look(), IPC_EVENT_TYPE_TIMER);
	CHECK(!becomes_readable(fd, 0));
}

#endif
