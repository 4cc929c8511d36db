/*
 * mixes.c - messages of every awkward size, with any content, arrive whole, in order and once, whichever
 * calls send and receive them: ipc_write and ipc_write_fd on one side; ipc_wait_event, ipc_read and
 * ipc_read_fd on the other; alone and mixed, from the service to the client and back.
 */
#include "peers.h"

enum writer { WRITE, WRITE_FD, WRITE_ANY };
enum reader { WAIT, READ, READ_FD, READ_ANY };

static struct ipc_ctx ctx;
static struct ipc_event event;
static enum writer writer;
static enum reader reader;
static int service_writes;

static const uint32_t around_limits[] = {
    0, 1, 5, 6, 7, 0, 4095, 4096, 4097, 1, 0, 65535, 65536, 65537, 0, 1000000, 7, IPC_MAX_MESSAGE_SIZE, IPC_MAX_MESSAGE_SIZE, 1, 0};
enum { LIMITS = sizeof around_limits / sizeof around_limits[0], RAMP = 21, MESSAGES = LIMITS + RAMP };

static uint32_t size_of(int i) { return i < LIMITS ? around_limits[i] : 200000 + 1000 * (uint32_t)(i - LIMITS); }

/* One pattern for all: message i is a stretch of it that starts at i. */
static char *bytes;

static struct ipc_message wanted(int i, int fd) {
	struct ipc_message m = message_of(fd, (char)(100 - i), bytes + i, size_of(i));
	m.type = (char)(i % 5 == 4 ? 77 : i % 3); /* any type travels as given */
	if (m.length == 0) m.payload = NULL;
	return m;
}

static void check_message(const struct ipc_message *m, int i) {
	struct ipc_message w = wanted(i, 0);
	CHECK_EQUAL(m->length, w.length);
	CHECK_EQUAL(m->type, w.type);
	CHECK_EQUAL(m->user_type, w.user_type);
	CHECK(m->payload != NULL);
	CHECK(w.length == 0 || memcmp(m->payload, w.payload, w.length) == 0);
}

static int any(int i, int kinds) { return (int)((uint32_t)(i + 3) * 2654435761u >> 28) % kinds; }

static void send_all(int fd) {
	int queued = 0;
	for (int i = 0; i < MESSAGES; i++) {
		enum writer w = writer == WRITE_ANY ? (enum writer)any(i, 2) : writer;
		struct ipc_message m = wanted(i, fd);
		if (w == WRITE) {
			CHECK_OK(ipc_write(&ctx, &m));
			queued++;
		} else {
			CHECK_OK(ipc_write_fd(fd, &m));
		}
	}
	CHECK(ctx.tx.size <= (size_t)queued); /* the kernel may have some already */
	for (; queued > 0; queued--) {
		next(&ctx, &event, IPC_EVENT_TYPE_TX);
		CHECK_EQUAL(event.origin, fd);
		CHECK(ctx.tx.size <= (size_t)(queued - 1));
	}
}

static void receive_all(int fd, uint32_t index) {
	struct ipc_message m = {0};
	for (int i = 0; i < MESSAGES; i++) {
		enum reader r = reader == READ_ANY ? (enum reader)any(i, 3) : reader;
		if (r == WAIT) {
			next(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
			CHECK_EQUAL(event.origin, fd);
			check_message(event.m, i);
			continue;
		}
		if (r == READ) CHECK_OK(ipc_read(&ctx, index, &m));
		else CHECK_OK(ipc_read_fd(fd, &m));
		check_message(&m, i);
	}
	free(m.payload);
}

static void take_part(int gate, int is_service) {
	int fd = -1;
	uint32_t index = 0;
	bytes = pattern(IPC_MAX_MESSAGE_SIZE + MESSAGES, 42);
	if (is_service) CHECK_OK(ipc_server_init(&ctx, "pong"));
	meet(gate);
	if (is_service) {
		next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
		fd = event.origin;
		index = event.index;
	} else {
		CHECK_OK(ipc_connection(&ctx, "pong", &fd));
		CHECK_EQUAL(ctx.size, 1);
	}
	if (is_service == service_writes) send_all(fd);
	else receive_all(fd, index);
	meet(gate); /* all is sent and read: nothing comes twice */
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(ctx.tx.size, 0);
	meet(gate);
	finish(&ctx, &event);
	free(bytes);
}

static void client(int gate) { take_part(gate, 0); }

static void mix(int direction, enum writer w, enum reader r) {
	int gate;
	service_writes = direction;
	writer = w;
	reader = r;
	pid_t child = start(client, &gate);
	take_part(gate, 1);
	join_process(child, gate);
}

#define MIX(name, w, r)                             \
	TEST(from_service_##name) { mix(1, w, r); } \
	TEST(from_client_##name) { mix(0, w, r); }
MIX(write_to_wait_event, WRITE, WAIT)
MIX(write_to_read, WRITE, READ)
MIX(write_to_read_fd, WRITE, READ_FD)
MIX(write_to_any_read, WRITE, READ_ANY)
MIX(write_fd_to_wait_event, WRITE_FD, WAIT)
MIX(write_fd_to_read, WRITE_FD, READ)
MIX(write_fd_to_read_fd, WRITE_FD, READ_FD)
MIX(write_fd_to_any_read, WRITE_FD, READ_ANY)
MIX(any_write_to_wait_event, WRITE_ANY, WAIT)
MIX(any_write_to_read, WRITE_ANY, READ)
MIX(any_write_to_read_fd, WRITE_ANY, READ_FD)
MIX(any_write_to_any_read, WRITE_ANY, READ_ANY)

/* Both sides queue everything at once, and neither waits for the other to read first. */
static void send_and_receive(int gate, int is_service) {
	int fd = -1, received = 0, sent = 0;
	bytes = pattern(IPC_MAX_MESSAGE_SIZE + MESSAGES, 42);
	if (is_service) CHECK_OK(ipc_server_init(&ctx, "pong"));
	meet(gate);
	if (is_service) {
		next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
		fd = event.origin;
	} else {
		CHECK_OK(ipc_connection(&ctx, "pong", &fd));
	}
	for (int i = 0; i < MESSAGES; i++) {
		struct ipc_message m = wanted(i, fd);
		CHECK_OK(ipc_write(&ctx, &m));
	}
	while (received < MESSAGES || sent < MESSAGES) {
		CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
		CHECK(event.type == IPC_EVENT_TYPE_MESSAGE || event.type == IPC_EVENT_TYPE_TX);
		CHECK_EQUAL(event.origin, fd);
		if (event.type == IPC_EVENT_TYPE_MESSAGE) check_message(event.m, received++);
		else sent++;
	}
	CHECK(received == MESSAGES && sent == MESSAGES);
	meet(gate);
	nothing_to_tell(&ctx, &event);
	meet(gate);
	finish(&ctx, &event);
	free(bytes);
}

static void talking_client(int gate) { send_and_receive(gate, 0); }

TEST(both_sides_send_everything_at_once) {
	int gate;
	pid_t child = start(talking_client, &gate);
	send_and_receive(gate, 1);
	join_process(child, gate);
}

/* Whatever the order in which a program asks, a context and its descriptor hold one stream. */
TEST(two_contexts_of_one_process_take_turns_with_every_call) {
	static struct ipc_ctx other;
	int fd = -1, origin;
	struct ipc_message got = {0};
	bytes = pattern(IPC_MAX_MESSAGE_SIZE + MESSAGES, 42);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_OK(ipc_connection(&other, "pong", &fd));
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	origin = event.origin;
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 6; i++) { /* the smaller messages fit into the socket: nobody has to wait */
			struct ipc_message m = wanted(i, fd);
			if ((round >> (i % 3)) & 1) CHECK_OK(ipc_write(&other, &m));
			else CHECK_OK(ipc_write_fd(fd, &m));
		}
		while (other.tx.size > 0) next(&other, &event, IPC_EVENT_TYPE_TX);
		for (int i = 0; i < 6; i++) {
			int how = any(round * 6 + i, 3);
			if (how == WAIT) next(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
			else if (how == READ) CHECK_OK(ipc_read(&ctx, 1, &got));
			else CHECK_OK(ipc_read_fd(origin, &got));
			check_message(how == WAIT ? event.m : &got, i);
		}
		nothing_to_tell(&ctx, &event);
	}
	free(got.payload);
	free(bytes);
	finish(&other, &event);
	finish(&ctx, &event);
}
