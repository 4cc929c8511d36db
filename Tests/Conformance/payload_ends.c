/*
 * payload_ends.c - behind each payload that was received stands a NUL that its length does not count: ipc.h says so.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static int gate;

/* Small, as large as what a context keeps memory for, in parts; twice each, because after a large message a large one is expected. */
static const uint32_t lengths[] = {0, 0, 5, 5, 4090, 4090, 5000, 5000, 300000, 300000, 7, 1999994, 1999994, 3};
enum { COUNT = sizeof lengths / sizeof *lengths };

/* Another process sends payloads without a NUL among them. */
static void talk(int gate) {
	char *bytes = malloc(IPC_MAX_MESSAGE_SIZE);
	CHECK(bytes != NULL);
	memset(bytes, 'x', IPC_MAX_MESSAGE_SIZE);
	for (int i = 0; i < COUNT; i++) write_frame(gate, 'a', bytes, lengths[i]);
	free(bytes);
}
static void check_end(const struct ipc_message *m, uint32_t length) {
	CHECK_EQUAL(m->length, length);
	CHECK(m->payload != NULL && memchr(m->payload, 0, length + 1) == m->payload + length);
}

TEST(messages_of_events_end_in_a_nul) {
	struct ipc_connection_info info = {IPC_CONNECTION_TYPE_IPC, 0, NULL};
	pid_t child = start(talk, &gate);
	struct pollfd entry = {gate, POLLIN, 0};
	CHECK_OK(ipc_add(&ctx, &info, &entry));
	for (int i = 0; i < COUNT; i++) {
		next(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
		check_end(event.m, lengths[i]);
	}
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	await_process(child);
	finish(&ctx, &event);
}

TEST(messages_of_direct_calls_end_in_a_nul) {
	struct ipc_message got = {0};
	pid_t child = start(talk, &gate);
	for (int i = 0; i < COUNT; i++) {
		CHECK_OK(ipc_read_fd(gate, &got));
		check_end(&got, lengths[i]);
	}
	free(got.payload);
	join_process(child, gate);
}
