/*
 * ours_1_2.c - libipc with the calls of 1.2: several events a call, no TX events, and each message is written back itself. The client
 * gives the message that it got the next number, and writes it again.
 *
 *   -DOURS_IN_POLL   poll(2) waits for the descriptor of the context, as the loop of such a program does; else ipc_wait_events waits
 */
#include <poll.h>

#include "ours.h"

#define ROOM 64

#define MUST_SUCCEED(call)                                                                          \
	do {                                                                                        \
		enum ipc_error_code code_ = (call);                                                 \
		if (code_ != IPC_ERROR_NONE) DIE("%s: %d %s", #call, (int)code_, ipc_last_error()); \
	} while (0)

struct batch {
	struct ipc_ctx ctx;
	int loop; /* the descriptor of the context, for poll(2) */
	int fd; /* of a client's connection */
	size_t count, next;
	struct ipc_event events[ROOM];
};

static void prepare(struct batch *batch) {
	MUST_SUCCEED(ipc_ctx_quiet(&batch->ctx, IPC_QUIET_TX));
#ifdef OURS_IN_POLL
	batch->loop = ipc_ctx_fd(&batch->ctx);
	if (batch->loop < 0) DIE("ipc_ctx_fd: %s", ipc_last_error());
#endif
}

/* Waits until the context has events. */
static void wait_for_context(struct batch *batch, int *timer) {
#ifdef OURS_IN_POLL
	struct pollfd entry = {batch->loop, POLLIN, 0};
	while (poll(&entry, 1, TIMER) <= 0) {}
	*timer = 0;
#else
	(void)batch, (void)timer;
#endif
}

/* The next events, of which none is TIMER. */
static void next_batch(struct batch *batch) {
	static int timer = TIMER;
	for (;;) {
		wait_for_context(batch, &timer);
		enum ipc_error_code code = ipc_wait_events(&batch->ctx, batch->events, ROOM, &batch->count, &timer);
		if (code == IPC_ERROR_WAIT_EVENT__POLL) continue; /* a signal */
		if (code != IPC_ERROR_NONE) DIE("ipc_wait_events: %d %s", (int)code, ipc_last_error());
		if (batch->events[0].type != IPC_EVENT_TYPE_TIMER) return;
		timer = TIMER;
	}
}

/* A peer whose end comes in the same call is gone when its messages are answered. */
static void answer(struct ipc_ctx *ctx, struct ipc_message *message) {
	enum ipc_error_code code = ipc_write_take(ctx, message);
	if (code != IPC_ERROR_NONE && code != IPC_ERROR_WRITE__FD_NOT_FOUND) DIE("ipc_write_take: %d %s", (int)code, ipc_last_error());
}

static void serve(void) {
	static struct batch batch;
	MUST_IPC(ipc_server_init(&batch.ctx, bench_name));
	prepare(&batch);
	ready();
	for (;;) {
		next_batch(&batch);
		for (size_t i = 0; i < batch.count; i++) {
			if (batch.events[i].type == IPC_EVENT_TYPE_MESSAGE) answer(&batch.ctx, batch.events[i].m);
		}
	}
}

static void *client_open(void) {
	static struct batch batch;
	memset(&batch, 0, sizeof batch);
	MUST_IPC(ipc_connection(&batch.ctx, bench_name, &batch.fd));
	prepare(&batch);
	return &batch;
}

static void client_close(void *client) {
	struct batch *batch = client;
	for (int i = 0; i < ROOM; i++) IPC_EVENT_CLEAN(&batch->events[i]);
	MUST_IPC(ipc_close_all(&batch->ctx));
	ipc_ctx_free(&batch->ctx);
}

/* Before the first echoes there is no message to write again. */
static struct ipc_message new_message(int fd) {
	char *payload = malloc(payload_size);
	MUST(payload != NULL);
	memcpy(payload, frame + HEADER_SIZE, payload_size);
	return (struct ipc_message){MESSAGE_TYPE, USER_TYPE, fd, (uint32_t)payload_size, payload};
}

static void submit(void *client) {
	struct batch *batch = client;
	struct ipc_message made, *message = batch->next < batch->count ? batch->events[batch->next++].m : NULL;
	if (message == NULL) made = new_message(batch->fd), message = &made;
	memcpy(message->payload, stamp_message(), sizeof messages_sent);
	MUST_SUCCEED(ipc_write_take(&batch->ctx, message));
}

static size_t collect(void *client) {
	struct batch *batch = client;
	next_batch(batch);
	batch->next = 0;
	for (size_t i = 0; i < batch->count; i++) {
		struct ipc_message *echo = batch->events[i].m;
		if (batch->events[i].type != IPC_EVENT_TYPE_MESSAGE) DIE("event %d: the server left", (int)batch->events[i].type);
		check_echo(echo->payload, echo->length);
	}
	return batch->count;
}

#define OURS \
	{ client_open, client_close, submit, collect }
const struct peer peer = {PEER_NAME, serve, OURS, OURS, raw_open_idle};
