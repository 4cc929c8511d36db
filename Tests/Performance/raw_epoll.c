/*
 * raw_epoll.c - the limit: what a server for many clients gets from the kernel when it does nothing but
 * echo. Level-triggered epoll(7), one receive into a large buffer, one send for all whole frames in it.
 * With many messages in flight its client sends together what it can, too.
 */
#define _GNU_SOURCE /* accept4 */
#include <sys/epoll.h>

#include "bench.h"

#define EVENTS 256

struct connection {
	int fd;
	char *buffer; /* NULL while there is nothing to hold */
	size_t have, whole, sent;
};

static int poller;

static void watch(struct connection *connection, int operation, uint32_t events) {
	struct epoll_event event = {.events = events, .data.ptr = connection};
	MUST(epoll_ctl(poller, operation, connection->fd, &event) == 0);
}

static void accept_one(int listening) {
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) return; /* gone again */
	struct connection *connection = calloc(1, sizeof *connection);
	MUST(connection != NULL);
	connection->fd = fd;
	watch(connection, EPOLL_CTL_ADD, EPOLLIN);
}

static void leave(struct connection *connection) {
	close(connection->fd);
	if (connection->buffer != NULL) give_buffer(connection->buffer);
	free(connection);
}

/* Sends what is whole. False when the peer is gone. */
static int send_whole(struct connection *c) {
	ssize_t n = send(c->fd, c->buffer + c->sent, c->whole - c->sent, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN) return 0;
	if (n > 0) c->sent += (size_t)n;
	if (c->sent < c->whole) return 1;
	c->have -= c->whole;
	if (c->have > 0) memmove(c->buffer, c->buffer + c->whole, c->have);
	c->whole = c->sent = 0;
	return 1;
}

static int handle(struct connection *c) {
	int waited = c->whole > 0; /* for room to send */
	if (!waited) {
		if (c->buffer == NULL) c->buffer = take_buffer();
		ssize_t n = recv(c->fd, c->buffer + c->have, BUFFER_SIZE - c->have, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN)) return 0;
		if (n > 0) c->have += (size_t)n;
		c->whole = whole_frames(c->buffer, c->have);
	}
	if (c->whole > 0 && !send_whole(c)) return 0;
	if (!waited && c->whole > 0) watch(c, EPOLL_CTL_MOD, EPOLLOUT);
	if (waited && c->whole == 0) watch(c, EPOLL_CTL_MOD, EPOLLIN);
	if (c->have == 0) {
		give_buffer(c->buffer);
		c->buffer = NULL;
	}
	return 1;
}

static void serve(void) {
	struct epoll_event events[EVENTS];
	struct connection listening = {.fd = listen_at(SOCK_NONBLOCK)};
	poller = epoll_create1(EPOLL_CLOEXEC);
	MUST(poller >= 0);
	watch(&listening, EPOLL_CTL_ADD, EPOLLIN);
	ready();
	for (;;) {
		int count = epoll_wait(poller, events, EVENTS, TIMER);
		for (int i = 0; i < count; i++) {
			struct connection *connection = events[i].data.ptr;
			if (connection == &listening) accept_one(listening.fd);
			else if (!handle(connection)) leave(connection);
		}
	}
}

const struct peer peer = {"raw-epoll", serve, RAW_CLIENT, RAW_BATCHING_CLIENT, raw_open_idle};
