/*
 * retyped_in_place.c - a socket that was told of as hung up, and that is made another kind of entry in place.
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
