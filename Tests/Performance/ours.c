/*
 * ours.c - libipc, with the client of a program that asks and waits for the answer: ipc_write_fd, ipc_read.
 */
#include "ours.h"

static void submit(void *client) {
	struct ours *ours = client;
	struct ipc_message message = ours_message(ours);
	MUST_IPC(ipc_write_fd(ours->fd, &message));
}

static size_t collect(void *client) {
	struct ours *ours = client;
	MUST_IPC(ipc_read(&ours->ctx, 0, &ours->echo));
	check_echo(ours->echo.payload, ours->echo.length);
	return 1;
}

#define OURS \
	{ ours_open, ours_close, submit, collect }
const struct peer peer = {PEER_NAME, ours_serve, OURS, OURS, raw_open_idle};
