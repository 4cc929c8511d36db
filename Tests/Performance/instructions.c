/*
 * instructions.c - echoes of 16 bytes between a service and a client in one process and one thread, for a repeatable
 * count of instructions (valgrind --tool=callgrind, perf stat). Where nothing else runs, a change of the engine shows
 * that no clock would tell from noise.
 *
 *   instructions ECHOES IN_FLIGHT TIMER
 *
 * IN_FLIGHT is how many messages are under way at once, a divisor of ECHOES. TIMER is what a wait for a message begins with, in
 * milliseconds (-1: for ever); the variable keeps what a wait leaves, as in most programs, and is set again when the time is up.
 *
 * Prints nothing. Exits 0 only when every echo came back right.
 */
#include <unistd.h>

#include <ipc.h>

#include "clock.h"

#define WORDS 4 /* of a payload: each is the number of the message */

/* One end: its context, its event, and what remains of its timer. */
struct end {
	struct ipc_ctx ctx;
	struct ipc_event event;
	int timer;
};

static int interval;

static void next_event(struct end *end) {
	TEST_IPC_Q(ipc_wait_event(&end->ctx, &end->event, &end->timer), 1);
	if (end->event.type == IPC_EVENT_TYPE_TIMER) end->timer = interval;
	if (end->event.type == IPC_EVENT_TYPE_DISCONNECTION || end->event.type == IPC_EVENT_TYPE_ERROR) exit(1);
}

/* Waits for a message; the TX and CONNECTION events before it are skipped. */
static const struct ipc_message *next_message(struct end *end) {
	do next_event(end);
	while (end->event.type != IPC_EVENT_TYPE_MESSAGE);
	return end->event.m;
}

/* Sends what is queued. The other end is in this very thread: a wait must not sleep, and does not, because it has a TX to tell. */
static void send_queued(struct end *end) {
	do {
		next_event(end);
		if (end->event.type == IPC_EVENT_TYPE_MESSAGE) exit(1); /* nobody has answered yet */
	} while (end->ctx.tx.size > 0);
}

static int is_message(const struct ipc_message *m, int fd, uint32_t number) {
	uint32_t payload[WORDS] = {number, number, number, number};
	return m->type == MSG_TYPE_DATA && m->user_type == (char)number && m->fd == fd && m->length == sizeof payload &&
	    memcmp(m->payload, payload, sizeof payload) == 0;
}

int main(int count, char **arguments) {
	static struct end service, client;
	char directory[] = "/tmp/ipc-instructions-XXXXXX";
	int fd;

	if (count != 4) return 2;
	uint32_t echoes = (uint32_t)atoi(arguments[1]), in_flight = (uint32_t)atoi(arguments[2]);
	if (in_flight == 0 || echoes % in_flight != 0) return 2;
	interval = service.timer = client.timer = atoi(arguments[3]);
	if (mkdtemp(directory) == NULL || setenv("IPC_RUNDIR", directory, 1) != 0) return 1;
	TEST_IPC_Q(ipc_server_init(&service.ctx, "echo"), 1);
	TEST_IPC_Q(ipc_connection(&client.ctx, "echo", &fd), 1);
	for (uint32_t first = 0; first < echoes; first += in_flight) {
		for (uint32_t i = first; i < first + in_flight; i++) {
			uint32_t payload[WORDS] = {i, i, i, i};
			struct ipc_message message = {MSG_TYPE_DATA, (char)i, fd, sizeof payload, (char *)payload};
			TEST_IPC_Q(ipc_write(&client.ctx, &message), 1);
		}
		send_queued(&client);
		for (uint32_t i = 0; i < in_flight; i++) TEST_IPC_Q(ipc_write(&service.ctx, next_message(&service)), 1);
		send_queued(&service);
		for (uint32_t i = first; i < first + in_flight; i++) {
			if (!is_message(next_message(&client), fd, i)) return 1;
		}
	}
	IPC_EVENT_CLEAN(&client.event);
	IPC_EVENT_CLEAN(&service.event);
	TEST_IPC_Q(ipc_close_all(&client.ctx), 1);
	TEST_IPC_Q(ipc_close_all(&service.ctx), 1);
	ipc_ctx_free(&client.ctx);
	ipc_ctx_free(&service.ctx);
	return rmdir(directory) == 0 ? 0 : 1;
}
