/*
 * order_of_tx.c - "ctx->tx.messages is in the order of ipc_write": also when messages for some receivers have been sent and others wait.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

enum { PEERS = 5, MESSAGES = 300 };

static int in_order(void) {
	uint32_t last = 0;
	for (size_t i = 0; i < ctx.tx.size; i++) {
		uint32_t number;
		memcpy(&number, ctx.tx.messages[i].payload, sizeof number);
		if (i > 0 && number <= last) return 0;
		last = number;
	}
	return 1;
}

/* A socket whose peer does not read takes some messages; those of the others go. */
TEST(queued_messages_are_listed_in_the_order_of_writing) {
	int origins[PEERS], peers[PEERS], sent = 0;
	char *payload = pattern(60000, 1);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < PEERS; i++) peers[i] = join(&ctx, &event, "pong", &origins[i]);
	for (uint32_t i = 0; i < MESSAGES; i++) {
		memcpy(payload, &i, sizeof i);
		queue(&ctx, origins[i * 7 % PEERS], 'm', payload, i % 3 == 0 ? 60000 : 100);
		CHECK(in_order());
	}
	CHECK(ctx.tx.size <= MESSAGES); /* the kernel has some of the large ones */
	/* Peers read in turns, a little at a time. */
	char *got = malloc(50000);
	for (int turn = 0; sent < MESSAGES; turn++) {
		int timer = 0;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		sent += event.type == IPC_EVENT_TYPE_TX;
		CHECK(in_order());
		CHECK(ctx.tx.size <= (size_t)(MESSAGES - sent));
		if (event.type == IPC_EVENT_TYPE_TIMER) (void)!recv(peers[turn % PEERS], got, 50000, MSG_DONTWAIT);
	}
	for (int i = 0; i < PEERS; i++) close(peers[i]);
	free(got);
	free(payload);
	for (int i = 0; i < PEERS; i++) next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	finish(&ctx, &event);
}

/* What is dropped from the middle leaves the others as they were. */
TEST(messages_that_are_dropped_leave_the_others_in_order) {
	int origins[PEERS], peers[PEERS];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < PEERS; i++) peers[i] = join(&ctx, &event, "pong", &origins[i]);
	for (uint32_t i = 0; i < MESSAGES; i++) queue(&ctx, origins[i * 7 % PEERS], 'm', &i, sizeof i);
	for (int i = 1; i < PEERS - 1; i++) {
		CHECK_OK(ipc_close_fd(&ctx, origins[i]));
		CHECK_EQUAL(ctx.tx.size, MESSAGES - i * (MESSAGES / PEERS));
		CHECK(in_order());
	}
	for (int i = 0; i < PEERS; i++) close(peers[i]);
	finish(&ctx, &event);
}
