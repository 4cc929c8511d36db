/*
 * single_waits_after_batches.c - what ipc_wait_events has given is done with when the thread waits again, by ipc_wait_event too.
 */
#include "peers.h"

#include <pthread.h>

static struct ipc_ctx ctx;
static struct ipc_event event, batch[8];

/* What the peers have done already: one batch has it all. */
static void take_batch(size_t wanted) {
	size_t count = 0;
	int timer = -1;
	CHECK_EQUAL(ipc_wait_events(&ctx, batch, 8, &count, &timer), IPC_ERROR_NONE);
	CHECK_EQUAL(count, wanted);
}

static void end(void) {
	for (int i = 0; i < 8; i++) IPC_EVENT_CLEAN(&batch[i]);
	finish(&ctx, &event);
}

TEST(descriptors_of_peers_that_left_are_closed) {
	int timer = 0, peers[2];
	char byte;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < 2; i++) peers[i] = join(&ctx, &event, "pong", NULL);
	for (int i = 0; i < 2; i++) CHECK(shutdown(peers[i], SHUT_WR) == 0);
	take_batch(2);
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
	for (int i = 0; i < 2; i++) {
		CHECK_EQUAL(read_bytes(peers[i], &byte, 1), 0);
		close(peers[i]);
	}
	end();
}

static void *take_two(void *unused) {
	struct ipc_event own = {0};
	for (int i = 0; i < 2; i++) next(&ctx, &own, IPC_EVENT_TYPE_MESSAGE);
	IPC_EVENT_CLEAN(&own);
	return unused;
}

TEST(other_threads_get_the_next_messages) {
	int timer = 0, peers[2];
	pthread_t other;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < 2; i++) peers[i] = join(&ctx, &event, "pong", NULL);
	for (int i = 0; i < 2; i++) write_frame(peers[i], 'a', "one", 3);
	take_batch(2);
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
	CHECK_EQUAL(pthread_create(&other, NULL, take_two, NULL), 0);
	for (int i = 0; i < 2; i++) write_frame(peers[i], 'b', "two", 3);
	pthread_join(other, NULL);
	for (int i = 0; i < 2; i++) close(peers[i]);
	end();
}
