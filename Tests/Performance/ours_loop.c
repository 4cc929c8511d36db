/*
 * ours_loop.c - libipc, with the client of a program that loops over events: ipc_write, ipc_wait_event. It
 * answers each message with the next one; what is sent together is the library's affair.
 */
#include "ours.h"

static void submit(void *client) {
	struct ours *ours = client;
	struct ipc_message message = ours_message(ours);
	MUST_IPC(ipc_write(&ours->ctx, &message));
}

static size_t collect(void *client) {
	struct ours *ours = client;
	do {
		ours_wait(&ours->ctx, &ours->event);
		if (ours->event.type == IPC_EVENT_TYPE_DISCONNECTION) DIE("the server left");
	} while (ours->event.type != IPC_EVENT_TYPE_MESSAGE);
	struct ipc_message *echo = ours->event.m;
	check_echo(echo->payload, echo->length);
	return 1;
}

#define OURS \
	{ ours_open, ours_close, submit, collect }
const struct peer peer = {PEER_NAME, ours_serve, OURS, OURS, raw_open_idle};
