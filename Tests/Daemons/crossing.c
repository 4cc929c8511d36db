/*
 * crossing.c - the client of the big tests: reaches the service `pong` by the route in IPC_NETWORK, with libipc as any program would.
 *
 *   crossing messages N    N messages of mixed sizes, 0 to the largest, all of them queued as they fit; each must come back as it went
 *   crossing clients N     N connections at once, some messages on each
 *   crossing hold          one message, then waits until the connection ends: exits 0 if that is a disconnection and no descriptor
 *                          is left
 *
 * Prints `done` when all was right; `there` when the first message of `messages` or `hold` has come back.
 */
#include <dirent.h>
#include <stdbool.h>

#include "ipc.h"

enum { PATIENCE = 30000, WINDOW = 16 * 1024 * 1024, EACH = 3 };

#define CHECK(condition, ...)                           \
	if (!(condition)) {                             \
		fprintf(stderr, __VA_ARGS__);           \
		fprintf(stderr, " (%s)\n", #condition); \
		exit(1);                                \
	}

static struct ipc_ctx ctx;
static struct ipc_event event;
static char bytes[IPC_MAX_MESSAGE_SIZE];

static unsigned open_descriptors(void) {
	unsigned count = 0;
	DIR *directory = opendir("/proc/self/fd");
	while (readdir(directory) != NULL) {
		count++;
	}
	closedir(directory);
	return count;
}

/* Mostly small, some large, the largest now and then, and the empty one. */
static uint32_t size_of(unsigned number) {
	switch (number % 100) {
	case 0: return 0;
	case 1: return IPC_MAX_MESSAGE_SIZE;
	case 2: return IPC_MAX_MESSAGE_SIZE - 1 - number;
	case 3:
	case 4: return 200000 + number;
	default: return number * 37 % 9001;
	}
}

static struct ipc_message make(unsigned number, int fd) {
	struct ipc_message m = {.type = (char)(number % 3 == 0 ? 200 : 2), .user_type = (char)number, .fd = fd};
	m.length = size_of(number);
	m.payload = m.length > 0 ? bytes : NULL;
	uint32_t noise = 2463534242u + number;
	for (uint32_t i = 0; i < m.length; i++) {
		noise = noise * 1664525 + 1013904223;
		bytes[i] = (char)(noise >> 24);
	}
	return m;
}

static int reach(void) {
	int fd = -1;
	struct ipc_error result = ipc_connection(&ctx, "pong", &fd);
	CHECK(result.error_code == 0, "cannot reach pong: %s", result.error_message);
	return fd;
}

static void write_message(unsigned number, int fd) {
	struct ipc_message m = make(number, fd);
	struct ipc_error result = ipc_write(&ctx, &m);
	CHECK(result.error_code == 0, "message %u: %s", number, result.error_message);
}

static void wait_event(void) {
	int timer = PATIENCE;
	struct ipc_error result = ipc_wait_event(&ctx, &event, &timer);
	CHECK(result.error_code == 0, "waiting: %s", result.error_message);
	CHECK(event.type != IPC_EVENT_TYPE_TIMER, "nothing for %d ms", PATIENCE);
	CHECK(event.type != IPC_EVENT_TYPE_ERROR, "error: %s", result.error_message);
}

static void check_message(unsigned number) {
	const struct ipc_message *m = event.m;
	struct ipc_message sent = make(number, m->fd);
	CHECK(m->type == sent.type && m->user_type == sent.user_type, "message %u: types", number);
	CHECK(m->length == sent.length, "message %u: %u bytes, not %u", number, m->length, sent.length);
	CHECK(sent.length == 0 || memcmp(m->payload, sent.payload, sent.length) == 0, "message %u: bytes", number);
}

static void messages(unsigned count) {
	int fd = reach();
	unsigned written = 0, back = 0;
	size_t under_way = 0;
	while (back < count) {
		while (written < count && under_way < WINDOW) {
			under_way += size_of(written);
			write_message(written++, fd);
		}
		wait_event();
		CHECK(event.type != IPC_EVENT_TYPE_DISCONNECTION, "left after %u messages", back);
		if (event.type == IPC_EVENT_TYPE_MESSAGE) {
			check_message(back);
			under_way -= size_of(back++);
			if (back == 1) {
				printf("there\n");
			}
		}
	}
}

static void clients(unsigned count) {
	unsigned back = 0, *next = calloc(1 << 16, sizeof *next);
	int *fds = calloc(count, sizeof *fds);
	for (unsigned i = 0; i < count; i++) {
		fds[i] = reach();
	}
	for (unsigned i = 0; i < count * EACH; i++) {
		write_message(5 + i / count, fds[i % count]);
	}
	while (back < count * EACH) {
		wait_event();
		CHECK(event.type != IPC_EVENT_TYPE_DISCONNECTION, "%d left after %u messages", event.origin, back);
		if (event.type == IPC_EVENT_TYPE_MESSAGE) {
			check_message(5 + next[event.origin]++);
			back++;
		}
	}
	free(next);
	free(fds);
}

static void hold(void) {
	unsigned before = open_descriptors();
	write_message(5, reach());
	bool said = false;
	do {
		wait_event();
		if (event.type == IPC_EVENT_TYPE_MESSAGE && !said) {
			said = true;
			printf("there\n");
		}
	} while (event.type != IPC_EVENT_TYPE_DISCONNECTION);
	ipc_ctx_free(&ctx);
	CHECK(open_descriptors() == before, "%u descriptors, %u before", open_descriptors(), before);
}

int main(int argc, char **argv) {
	CHECK(argc > 1, "what shall I do?");
	setvbuf(stdout, NULL, _IOLBF, 0);
	unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	if (strcmp(argv[1], "messages") == 0) {
		messages(count);
	} else if (strcmp(argv[1], "clients") == 0) {
		clients(count);
	} else {
		hold();
	}
	IPC_EVENT_CLEAN(&event);
	ipc_close_all(&ctx);
	ipc_ctx_free(&ctx);
	printf("done\n");
	return 0;
}
