/*
 * pong - the demo's client: sends messages of all kinds to a service that echoes, and checks every byte that returns.
 *
 *   pong [NAME]    the service's name, "pong" if none is given
 *
 * Exits 0 only when all was right.
 */
#include <ipc.h>

enum { PIPELINED = 1000, SHOWN = 3, PATIENCE = 10000 /* milliseconds */ };

static struct ipc_ctx ctx;
static struct ipc_event event;
static int service;

static void fail(const char *what, const char *why) {
	fprintf(stderr, "pong: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static double now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1000 + (double)time.tv_nsec / 1e6;
}

/* Some content that tells messages apart, NULs included. */
static void fill(char *payload, size_t length, unsigned number) {
	for (size_t i = 0; i < length; i++) payload[i] = (char)(i * 7 + number * 13 + (i >> 8));
}

static void queue(char user_type, const char *payload, size_t length) {
	struct ipc_message m = {0};
	TEST_IPC_Q(ipc_message_format_data(&m, user_type, length > 0 ? payload : NULL, length), EXIT_FAILURE);
	m.fd = service;
	TEST_IPC_Q(ipc_write(&ctx, &m), EXIT_FAILURE);
	ipc_message_empty(&m);
}

/* The next event, which is one of our messages sent or one come back. */
static void next(int shown) {
	int timer = PATIENCE;
	TEST_IPC_Q(ipc_wait_event(&ctx, &event, &timer), EXIT_FAILURE);
	if (event.type == IPC_EVENT_TYPE_TIMER) fail("no answer", "the service is silent");
	if (event.type == IPC_EVENT_TYPE_DISCONNECTION) fail("no answer", "the service has left");
	if (event.type == IPC_EVENT_TYPE_TX) {
		if (shown) puts("client:  tx");
	} else if (event.type != IPC_EVENT_TYPE_MESSAGE) {
		fail("unexpected event", "neither tx nor message");
	} else if (shown) {
		struct ipc_message *m = event.m;
		printf("client:  message, user type %d, %u bytes\n", m->user_type, m->length);
	}
}

static void check(const struct ipc_message *m, char user_type, const char *payload, size_t length) {
	if (m->type != MSG_TYPE_DATA || m->user_type != user_type) fail("wrong echo", "another type");
	if (m->length != length) fail("wrong echo", "another length");
	if (m->payload == NULL || memcmp(m->payload, payload, length) != 0) fail("wrong echo", "other bytes");
}

/* Queues `count` messages, then waits until each was sent and has come back, in order. */
static void exchange(const char *what, unsigned count, size_t length, const char *text) {
	char *payload = malloc(length + 1);
	unsigned sent = 0, received = 0;
	double start = now();
	if (payload == NULL) fail(what, "no memory");
	for (unsigned i = 0; i < count; i++) {
		if (text == NULL) fill(payload, length, i);
		queue((char)(i % 100), text != NULL ? text : payload, length);
	}
	while (sent < count || received < count) {
		next(sent + received < 2 * SHOWN);
		if (event.type == IPC_EVENT_TYPE_TX) {
			sent++;
			continue;
		}
		if (text == NULL) fill(payload, length, received);
		check(event.m, (char)(received % 100), text != NULL ? text : payload, length);
		received++;
	}
	free(payload);
	printf("%-20s %4u x %7zu bytes, there and back: %8.2f ms\n", what, count, length, now() - start);
}

int main(int count, char **arguments) {
	const char *name = count > 1 ? arguments[1] : "pong";
	setvbuf(stdout, NULL, _IOLBF, 0);
	TEST_IPC_Q(ipc_connection(&ctx, name, &service), EXIT_FAILURE);
	exchange("text", 1, 12, "how are you?");
	exchange("binary with NULs", 1, 300, NULL);
	exchange("an empty message", 1, 0, "");
	exchange("pipelined", PIPELINED, 200, NULL);
	exchange("the largest message", 1, IPC_MAX_MESSAGE_SIZE, NULL);
	if (ctx.tx.size != 0) fail("the end", "something is still queued");
	IPC_EVENT_CLEAN(&event);
	ipc_close_all(&ctx);
	ipc_ctx_free(&ctx);
	puts("client:  every byte came back as it was sent");
	return EXIT_SUCCESS;
}
