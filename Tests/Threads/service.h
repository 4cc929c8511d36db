/*
 * service.h - an echo service with several waiters, whose handlers check that the messages of a connection come whole,
 * once, in order, and to one thread at a time.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include "clients.h"
#include "holding.h"

/* IN_BATCHES: ipc_wait_events and ipc_write_take; QUIET: the same, and no TX is told. */
enum answering { QUEUED, DIRECT, RELEASED_EARLY, IN_BATCHES, QUIET };
enum { MOST_WAITERS = 8, ROOM = 16 };

struct service {
	struct ipc_ctx ctx;
	const char *name;
	enum answering answering;
	struct poison poison;
	pthread_t waiters[MOST_WAITERS];
	int count;
	struct signal connected, disconnected;
	atomic_long messages, sent;
};

static struct service service = {.connected = SIGNAL, .disconnected = SIGNAL};

static inline void handle_connection(struct connection *connection) {
	CHECK(!connection->is_known);
	connection->is_known = 1;
	connection->client = UINT32_MAX;
	connection->expected = connection->written = connection->told = 0;
	give(&service.connected);
}

static inline void handle_disconnection(struct connection *connection) {
	CHECK(connection->is_known);
	/* "What was sent to an end is told (TX) before it goes." */
	CHECK_EQUAL(connection->told, service.answering == QUIET ? 0 : connection->written);
	connection->is_known = 0;
	give(&service.disconnected);
}

static inline void answer(int fd, struct ipc_message *m, struct connection *connection) {
	if (service.answering == DIRECT) {
		CHECK_OK(ipc_write_fd(fd, m));
	} else if (service.answering >= IN_BATCHES) {
		connection->written++;
		CHECK_EQUAL(ipc_write_take(&service.ctx, m), 0);
	} else {
		connection->written++;
		CHECK_OK(ipc_write(&service.ctx, m));
	}
}

static inline void handle_message(int fd, struct ipc_message *m, struct connection **held) {
	struct connection *connection = *held;
	struct label label = check_sum(m->payload, m->length);
	CHECK_EQUAL(m->fd, fd);
	CHECK_EQUAL((unsigned char)m->user_type, label.client);
	CHECK(connection->is_known);
	if (connection->client == UINT32_MAX) connection->client = label.client;
	CHECK_EQUAL(label.client, connection->client);
	CHECK_EQUAL(label.sequence, connection->expected);
	connection->expected++;
	count(&service.messages);
	answer(fd, m, connection);
	if (service.answering != RELEASED_EARLY) return;
	let_go(held);
	CHECK_OK(ipc_ctx_release(&service.ctx));
	/* the connection may be another thread's by now; the message is still this one's */
	struct label again = check_sum(m->payload, m->length);
	CHECK(again.client == label.client && again.sequence == label.sequence);
}

static inline void handle(const struct ipc_event *event, struct connection **held) {
	switch (event->type) {
	case IPC_EVENT_TYPE_CONNECTION: return handle_connection(*held);
	case IPC_EVENT_TYPE_DISCONNECTION: return handle_disconnection(*held);
	case IPC_EVENT_TYPE_MESSAGE: return handle_message(event->origin, event->m, held);
	case IPC_EVENT_TYPE_TX:
		CHECK((*held)->is_known);
		CHECK(++(*held)->told <= (*held)->written);
		count(&service.sent);
		return;
	default: FAIL("event %d of descriptor %d", (int)event->type, event->origin);
	}
}

static inline void *serve(void *unused) {
	struct ipc_event event = {0};
	struct connection *held = NULL;
	while (1) {
		let_go(&held);
		CHECK_OK(ipc_wait_event(&service.ctx, &event, NULL));
		if (is_poisoned(&service.poison, &service.ctx, &event)) break;
		held = take_hold(event.origin);
		handle(&event, &held);
	}
	IPC_EVENT_CLEAN(&event);
	return unused;
}

/* Several events at once: their connections are this thread's until it waits again. */
static inline void *serve_in_batches(void *unused) {
	struct ipc_event events[ROOM] = {{0}};
	struct connection *held[ROOM] = {NULL};
	size_t count = 0, left = 0;
	while (left == 0) {
		for (size_t i = 0; i < count; i++) let_go(&held[i]);
		CHECK_EQUAL(ipc_wait_events(&service.ctx, events, ROOM, &count, NULL), 0);
		for (size_t i = 0; i < count; i++) {
			if (events[i].type == IPC_EVENT_TYPE_EXTRA_SOCKET && events[i].origin == service.poison.ends[0]) {
				left++;
				continue;
			}
			/* Of one connection there may be several events. */
			struct connection *connection = NULL;
			for (size_t k = 0; k < i; k++)
				if (held[k] == &connections[events[i].origin]) connection = held[k];
			if (connection == NULL) connection = held[i] = take_hold(events[i].origin);
			handle(&events[i], &connection);
		}
	}
	for (size_t i = 0; i < count; i++) let_go(&held[i]);
	CHECK_OK(ipc_ctx_release(&service.ctx));
	for (size_t i = 0; i < ROOM; i++) IPC_EVENT_CLEAN(&events[i]);
	return unused;
}

static inline void start_service(const char *name, int waiters, enum answering answering) {
	service.name = name;
	service.answering = answering;
	service.count = waiters;
	make_poison(&service.poison);
	CHECK_OK(ipc_server_init(&service.ctx, name));
	if (answering == QUIET) CHECK_EQUAL(ipc_ctx_quiet(&service.ctx, IPC_QUIET_TX), 0);
	for (int i = 0; i < waiters; i++) service.waiters[i] = begin(answering < IN_BATCHES ? serve : serve_in_batches, NULL);
}

static inline void stop_waiters(void) {
	pour(&service.poison, &service.ctx);
	for (int i = 0; i < service.count; i++) end(service.waiters[i]);
	clear_poison(&service.poison, &service.ctx);
}

/* After the waiters: nothing is left but the service itself. */
static inline void end_service(void) {
	size_t entries, messages;
	CHECK_OK(ipc_ctx_status(&service.ctx, &entries, &messages));
	CHECK_EQUAL(entries, 1);
	CHECK_EQUAL(messages, 0);
	CHECK_OK(ipc_close_all(&service.ctx));
	ipc_ctx_free(&service.ctx);
}

#endif
