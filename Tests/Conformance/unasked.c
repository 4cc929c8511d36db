/*
 * unasked.c - a received descriptor that no call asked for is closed, without waiting for the time that its sender has set
 * (SO_LINGER, socket(7)).
 */
#include "peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

/* A TCP socket whose peer takes no bytes, with bytes to send: closing its last copy waits as long as SO_LINGER says. */
static int lingering_socket(int *peer) {
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	struct linger an_hour = {1, 3600};
	int small = 4096, listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(setsockopt(listening, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
	CHECK(bind(listening, (struct sockaddr *)&address, sizeof address) == 0 && listen(listening, 1) == 0);
	CHECK(getsockname(listening, (struct sockaddr *)&address, &size) == 0);
	CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	*peer = accept(listening, NULL, NULL);
	close(listening);
	char *bytes = pattern(1 << 20, 1);
	while (send(fd, bytes, 1 << 20, MSG_DONTWAIT) > 0) {}
	free(bytes);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &an_hour, sizeof an_hour) == 0);
	return fd;
}

TEST(closing_a_descriptor_that_came_unasked_does_not_linger) {
	char frame[IPC_HEADER_SIZE + 1];
	int origin, far[3];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	put_header(frame, MSG_TYPE_DATA, 1, 'm');
	frame[IPC_HEADER_SIZE] = 'x';
	/* One as part of a frame, two at once, and one that still waits when the context is freed. */
	int fd = lingering_socket(&far[0]);
	send_with(peer, frame, sizeof frame, fd, 1);
	close(fd);
	next_message(&ctx, &event, origin, 'm', "x", 1);
	nothing_to_tell(&ctx, &event);
	fd = lingering_socket(&far[1]);
	send_with(peer, frame, sizeof frame, fd, 2);
	close(fd);
	next_message(&ctx, &event, origin, 'm', "x", 1);
	nothing_to_tell(&ctx, &event);
	fd = lingering_socket(&far[2]);
	send_with(peer, frame, 3, fd, 1);
	close(fd);
	nothing_to_tell(&ctx, &event);
	close(peer);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	for (int i = 0; i < 3; i++) close(far[i]);
	finish(&ctx, &event);
}
