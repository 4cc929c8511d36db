/*
 * instructions.c - 10,000 echoes of 16 bytes between a service and a client in one process and one thread, for a
 * repeatable count of instructions (valgrind --tool=callgrind, perf stat). Where nothing else runs, a change of the
 * engine shows that no clock would tell from noise.
 *
 * Prints nothing. Exits 0 only when every echo came back right.
 */
#include <unistd.h>

#include <ipc.h>

#define ECHOES 10000
#define SIZE 16

/* Waits for a message; the TX and CONNECTION events before it are let go. */
static const struct ipc_message *next_message(struct ipc_ctx *ctx, struct ipc_event *event) {
	int timer = -1;
	do {
		TEST_IPC_Q(ipc_wait_event(ctx, event, &timer), 1);
		if (event->type == IPC_EVENT_TYPE_DISCONNECTION || event->type == IPC_EVENT_TYPE_ERROR) exit(1);
	} while (event->type != IPC_EVENT_TYPE_MESSAGE);
	return event->m;
}

/* What was queued goes out with the next wait; the other end is in this very thread, so it must not block. */
static void send_queued(struct ipc_ctx *ctx, struct ipc_event *event) {
	do {
		int timer = 0;
		TEST_IPC_Q(ipc_wait_event(ctx, event, &timer), 1);
		if (event->type == IPC_EVENT_TYPE_MESSAGE) exit(1); /* nobody has answered yet */
	} while (ctx->tx.size > 0);
}

int main(void) {
	struct ipc_ctx service = {0}, client = {0};
	struct ipc_event at_service = {0}, at_client = {0};
	char directory[] = "/tmp/ipc-instructions-XXXXXX", payload[SIZE];
	int fd;

	if (mkdtemp(directory) == NULL || setenv("IPC_RUNDIR", directory, 1) != 0) return 1;
	TEST_IPC_Q(ipc_server_init(&service, "echo"), 1);
	TEST_IPC_Q(ipc_connection(&client, "echo", &fd), 1);
	for (uint32_t i = 0; i < ECHOES; i++) {
		for (int at = 0; at < SIZE; at++) payload[at] = (char)(i >> (at % 4 * 8));
		struct ipc_message message = {MSG_TYPE_DATA, (char)i, fd, SIZE, payload};
		TEST_IPC_Q(ipc_write(&client, &message), 1);
		send_queued(&client, &at_client);
		TEST_IPC_Q(ipc_write(&service, next_message(&service, &at_service)), 1);
		send_queued(&service, &at_service);
		const struct ipc_message *echo = next_message(&client, &at_client);
		if (echo->type != MSG_TYPE_DATA || echo->user_type != (char)i || echo->fd != fd || echo->length != SIZE) return 1;
		if (memcmp(echo->payload, payload, SIZE) != 0) return 1;
	}
	IPC_EVENT_CLEAN(&at_client);
	IPC_EVENT_CLEAN(&at_service);
	TEST_IPC_Q(ipc_close_all(&client), 1);
	TEST_IPC_Q(ipc_close_all(&service), 1);
	ipc_ctx_free(&client);
	ipc_ctx_free(&service);
	return rmdir(directory) == 0 ? 0 : 1;
}
