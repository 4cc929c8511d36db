/*
 * injected_shortage.c - a descriptor that takes nothing for want of space or memory. This affects no other descriptor: it is retried,
 * others are served, nothing spins, and the queue is sent when there is room.
 */
#include "peers.h"

#include "injected.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

/* poll(2) always reports the device as readable, so that event repeats. */
static void next_of_peer(void) {
	do CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
	while (event.type == IPC_EVENT_TYPE_EXTRA_SOCKET);
}

/* /dev/full says ENOSPC to every write (full(4)). */
TEST(full_device_keeps_nobody_else_from_being_served) {
	int origin, full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	CHECK_OK(ipc_add_fd(&ctx, full));
	queue(&ctx, full, 'l', "a line of a log", 15);
	for (int i = 0; i < 20; i++) {
		write_frame(peer, 'a', "served", 6);
		next_of_peer();
		check_message_event(&event, origin, 'a', "served", 6);
		queue(&ctx, origin, 'b', "answer", 6);
		next_of_peer();
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TX);
		read_frame(peer, 'b', "answer", 6);
	}
	CHECK_EQUAL(ctx.tx.size, 1);
	CHECK_OK(ipc_del_fd(&ctx, full));
	CHECK_EQUAL(ctx.tx.size, 0);
	close(full);
	close(peer);
	finish(&ctx, &event);
}

/* Sending fails with a shortage for a while. */
static void sent_when_there_is_room(int failure) {
	int origin;
	begin();
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	inject_rule("out", failure, 0, 1, 3);
	queue(&ctx, origin, 'a', "first", 5);
	queue(&ctx, origin, 'b', "second", 6);
	for (int i = 0; i < 2; i++) {
		CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, NULL)));
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TX);
	}
	CHECK_EQUAL(inject_failures(), 3);
	read_frame(peer, 'a', "first", 5);
	read_frame(peer, 'b', "second", 6);
	CHECK_EQUAL(ctx.tx.size, 0);
	close(peer);
	finish(&ctx, &event);
}

TEST(what_is_queued_is_sent_when_there_is_room_again) {
	sent_when_there_is_room(ENOSPC);
	sent_when_there_is_room(ENOBUFS);
	sent_when_there_is_room(ENOMEM);
}
