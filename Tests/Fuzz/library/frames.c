/*
 * frames.c - libFuzzer's bytes as what a peer sends to a program: a service's client, a connection of one context, two readers.
 *
 * The first byte says in which way the program reads, and the length of the pieces in which the bytes come. At each moment the whole
 * frames are known, counted in the simplest way; each way to read must give them, in order, byte for byte, and must end with an error
 * where a header lies, and with a disconnection where the stream does.
 */
#include <libipc/ipc.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEMAND(condition)                           \
	do {                                        \
		if (!(condition)) __builtin_trap(); \
	} while (0)

enum { BY_EVENTS, BY_BATCHES, BY_READING, WAYS };

struct stream {
	const uint8_t *bytes;
	size_t size, sent, taken; /* taken: where the next frame begins */
};

/* The next frame's size; 0: it is not whole yet; SIZE_MAX: its header lies. */
static size_t next_frame(const struct stream *s) {
	const uint8_t *header = s->bytes + s->taken;
	size_t here = s->sent - s->taken;
	if (here < IPC_HEADER_SIZE) return 0;
	size_t length = (size_t)header[1] << 24 | (size_t)header[2] << 16 | (size_t)header[3] << 8 | header[4];
	if (length > IPC_MAX_MESSAGE_SIZE) return SIZE_MAX;
	return here - IPC_HEADER_SIZE < length ? 0 : IPC_HEADER_SIZE + length;
}

static void check(struct stream *s, const struct ipc_message *m) {
	const uint8_t *header = s->bytes + s->taken;
	size_t size = next_frame(s);
	DEMAND(size != 0 && size != SIZE_MAX && m != NULL && m->length == size - IPC_HEADER_SIZE);
	DEMAND((uint8_t)m->type == header[0] && (uint8_t)m->user_type == header[5]);
	DEMAND(m->length == 0 || memcmp(m->payload, header + IPC_HEADER_SIZE, m->length) == 0);
	s->taken += size;
}

/* Takes the event; whether the connection goes on. */
static int take_event(struct stream *s, const struct ipc_event *event, int has_left) {
	switch (event->type) {
	case IPC_EVENT_TYPE_MESSAGE: check(s, event->m); return 1;
	case IPC_EVENT_TYPE_ERROR: DEMAND(next_frame(s) == SIZE_MAX || (has_left && s->taken < s->sent)); return 0;
	case IPC_EVENT_TYPE_DISCONNECTION: DEMAND(has_left && next_frame(s) == 0); return 0;
	default: __builtin_trap();
	}
}

/* Reads by events until there is none; whether the connection is there still. */
static int read_events(struct ipc_ctx *ctx, struct stream *s, int in_batches, int has_left) {
	struct ipc_event events[3] = {{0}};
	int goes_on = 1;
	for (size_t count = 1; goes_on && count > 0;) {
		int timer = 0;
		if (in_batches) {
			DEMAND(ipc_wait_events(ctx, events, 3, &count, &timer) == IPC_ERROR_NONE);
		} else {
			struct ipc_error result = ipc_wait_event(ctx, events, &timer);
			DEMAND(result.error_code == IPC_ERROR_NONE || events[0].type == IPC_EVENT_TYPE_ERROR);
			count = 1;
		}
		for (size_t i = 0; i < count && goes_on; i++) {
			if (events[i].type == IPC_EVENT_TYPE_TIMER) {
				count = 0;
				break;
			}
			goes_on = take_event(s, &events[i], has_left);
		}
	}
	for (int i = 0; i < 3; i++) IPC_EVENT_CLEAN(&events[i]);
	if (goes_on) DEMAND(next_frame(s) == 0 && !has_left);
	return goes_on;
}

/* Reads what is whole by ipc_read_fd. */
static int read_by_hand(int fd, struct stream *s, int has_left) {
	while (next_frame(s) != 0 || has_left) {
		struct ipc_message m = {0};
		struct ipc_error result = ipc_read_fd(fd, &m);
		if (result.error_code != IPC_ERROR_NONE) {
			DEMAND(next_frame(s) == SIZE_MAX || (has_left && next_frame(s) == 0));
			return 0;
		}
		check(s, &m);
		free(m.payload);
	}
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size == 0) return 0;
	int way = data[0] % WAYS, pair[2], goes_on = 1;
	/* A socket's buffer holds only a few hundred small writes, and the reader waits for whole frames: long inputs get larger pieces. */
	size_t piece = 1 + data[0] / WAYS + size / 100;
	struct stream s = {.bytes = data + 1, .size = size - 1};
	struct ipc_ctx ctx = {0};
	DEMAND(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	if (way != BY_READING) {
		struct ipc_connection_info info = {IPC_CONNECTION_TYPE_IPC, 0, NULL};
		struct pollfd entry = {pair[0], POLLIN, 0};
		DEMAND(ipc_add(&ctx, &info, &entry).error_code == IPC_ERROR_NONE);
	}
	while (goes_on && s.sent < s.size) {
		size_t part = s.size - s.sent < piece ? s.size - s.sent : piece;
		DEMAND(send(pair[1], s.bytes + s.sent, part, MSG_NOSIGNAL) == (ssize_t)part);
		s.sent += part;
		goes_on = way == BY_READING ? read_by_hand(pair[0], &s, 0) : read_events(&ctx, &s, way == BY_BATCHES, 0);
	}
	close(pair[1]);
	if (goes_on) goes_on = way == BY_READING ? read_by_hand(pair[0], &s, 1) : read_events(&ctx, &s, way == BY_BATCHES, 1);
	DEMAND(!goes_on);
	/* The context has closed its end with the last event. */
	if (way == BY_READING) close(pair[0]);
	ipc_close_all(&ctx);
	ipc_ctx_free(&ctx);
	return 0;
}
