/*
 * retyped_in_place.c - an entry that is made another kind in place while it is told of as hung up, held back, or sent its last messages.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

TEST(socket_whose_hang_up_was_told_is_read_to_its_end_when_it_is_made_ipc_in_place) {
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), listening = raw_listen("by_hand"), large = 150000;
	struct sockaddr_un address = address_of("by_hand");
	char *payload = pattern((size_t)large, 3);
	CHECK_OK(ipc_add_fd(&ctx, fd));
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	int peer = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	ctx.cinfos[0].type = IPC_CONNECTION_TYPE_IPC;
	for (int turn = 0; turn < 4; turn++) {
		for (int i = 0; i < 100; i++) write_frame(peer, 's', payload, 1);
		for (int i = 0; i < 100; i++) next_message(&ctx, &event, fd, 's', payload, 1);
		write_frame(peer, 'l', payload, (uint32_t)large);
		next_message(&ctx, &event, fd, 'l', payload, (uint32_t)large);
	}
	/* More at once than one receive takes. */
	int room = 4000000, flags = fcntl(peer, F_GETFL), count = 0;
	setsockopt(peer, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
	fcntl(peer, F_SETFL, flags | O_NONBLOCK);
	char frame[IPC_HEADER_SIZE + 3000];
	memset(frame, 0, sizeof frame);
	put_header(frame, MSG_TYPE_DATA, 3000, 'm');
	while (count < 600 && send(peer, frame, sizeof frame, MSG_NOSIGNAL) == (ssize_t)sizeof frame) count++;
	for (int i = 0; i < count; i++) next(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
	close(peer);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	close(listening);
	free(payload);
	finish(&ctx, &event);
}

/* ---- an end of a pair that is not read while too much waits for the other one ---- */

static void add(int fd, enum ipc_connection_type type) {
	struct ipc_connection_info info = {.type = type};
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = fd}));
}

static void held_end_is_read(size_t changed) {
	int ends[2], other[2];
	char *large = pattern(1900000, 7);
	make_pair(ends);
	make_pair(other);
	add(ends[0], IPC_CONNECTION_TYPE_SWITCHED);
	add(other[0], IPC_CONNECTION_TYPE_SWITCHED);
	ipc_ctx_switching_add(&ctx, ends[0], other[0]);
	queue(&ctx, other[0], 'b', large, 1900000);
	write_frame(ends[1], 'c', "held", 4);
	nothing_to_tell(&ctx, &event);
	for (size_t i = 0; i < changed; i++) ctx.cinfos[i].type = IPC_CONNECTION_TYPE_IPC;
	next_message(&ctx, &event, ends[0], 'c', "held", 4);
	free(large);
	close(ends[1]);
	close(other[1]);
	finish(&ctx, &event);
}

TEST(held_end_of_a_pair_is_read_when_it_is_made_ipc_in_place) { held_end_is_read(1); }
TEST(held_end_of_a_pair_is_read_when_both_are_made_ipc_in_place) { held_end_is_read(2); }

TEST(peer_that_stopped_writing_is_the_programs_when_it_is_made_external_in_place) {
	int ends[2], timer = 1000;
	char *large = pattern(1900000, 7);
	make_pair(ends);
	add(ends[0], IPC_CONNECTION_TYPE_IPC);
	queue(&ctx, ends[0], 'b', large, 1900000);
	CHECK_EQUAL(shutdown(ends[1], SHUT_WR), 0);
	nothing_to_tell(&ctx, &event);
	ctx.cinfos[0].type = IPC_CONNECTION_TYPE_EXTERNAL;
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_EXTRA_SOCKET);
	free(large);
	close(ends[0]);
	close(ends[1]);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
}
