/*
 * pong - the client of the demo: it sends messages of all kinds to an echo service (pongd), and
 * checks that each comes back as it went: every byte, type, user type, and in order.
 *
 * It is here to show a client's loop, and to find out in a second whether the library works.
 *
 * pong [NAME]    NAME is the service's, `pong` if not given. Exits 0 only when all was right.
 */
#include <stdarg.h>
#include <stdbool.h>

#include <libipc/ipc.h>

enum {
	PATIENCE = 10000, /* ms to wait for an event before the service counts as missing */
	SHOWN_EVENTS = 8, /* of one part */
	PIPELINED = 1000, /* messages */
	PIPELINED_SIZE = 3001 /* bytes, and less: sizes below, at and above what one read may take */
};

enum kind { TEXT, BINARY, EMPTY, PIPELINE, LARGEST, KINDS };

static const struct {
	const char *name;
	unsigned count; /* of messages, all of them written before the first answer is read */
} parts[KINDS] = {
    [TEXT] = {"text", 1},
    [BINARY] = {"binary", 1},
    [EMPTY] = {"empty", 1},
    [PIPELINE] = {"pipelined", PIPELINED},
    [LARGEST] = {"largest", 1},
};

struct report {
	double milliseconds;
	unsigned long long bytes; /* of payload, one way */
};

/* What message `number` of a part is, when it is sent and when its echo is checked. The payload
 * is valid until the next call. */
static struct ipc_message make(enum kind kind, unsigned number, int fd) {
	static char buffer[IPC_MAX_MESSAGE_SIZE];
	static const char text[] = "hello, is anybody there?";
	struct ipc_message m = {.type = MSG_TYPE_DATA, .user_type = (char)(kind + 1), .fd = fd, .payload = buffer};
	uint32_t noise = 2463534242u + number; /* xorshift32 */
	switch (kind) {
	case TEXT:
		m.length = sizeof text - 1;
		memcpy(buffer, text, m.length);
		return m;
	case BINARY: /* each byte there is, between NULs */
		m.type = (char)200; /* a type of our own travels as given */
		m.length = 3 * 256;
		for (unsigned i = 0; i < 256; i++) {
			buffer[3 * i] = buffer[3 * i + 2] = '\0';
			buffer[3 * i + 1] = (char)i;
		}
		return m;
	case EMPTY: m.payload = NULL; return m;
	case PIPELINE:
		m.user_type = (char)number;
		m.length = number * 37 % (PIPELINED_SIZE + 1);
		break;
	default: m.user_type = (char)255; m.length = IPC_MAX_MESSAGE_SIZE;
	}
	for (uint32_t i = 0; i < m.length; i++) {
		noise ^= noise << 13;
		noise ^= noise >> 17;
		noise ^= noise << 5;
		buffer[i] = (char)noise;
	}
	return m;
}

static double now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* Says what is wrong, for `return wrong(...)`. */
__attribute__((format(printf, 1, 2))) static bool wrong(const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	fflush(stdout);
	fputs("pong: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	return false;
}

static bool same(enum kind kind, unsigned number, int fd, const struct ipc_message *m) {
	struct ipc_message sent = make(kind, number, fd);
	const char *name = parts[kind].name;
	if (m->fd != fd) {
		return wrong("%s message %u came from descriptor %d, not %d", name, number, m->fd, fd);
	}
	if (m->type != sent.type || m->user_type != sent.user_type) {
		return wrong("%s message %u: type %d and user type %d came back as %d and %d", name, number, (unsigned char)sent.type,
		    (unsigned char)sent.user_type, (unsigned char)m->type, (unsigned char)m->user_type);
	}
	if (m->length != sent.length) {
		return wrong("%s message %u: %u bytes came back as %u", name, number, sent.length, m->length);
	}
	for (uint32_t i = 0; i < m->length; i++) {
		if (m->payload[i] != sent.payload[i]) {
			return wrong("%s message %u: byte %u of %u differs", name, number, i, m->length);
		}
	}
	return true;
}

/* The next event, whatever it is, within `timer` ms. A signal (SIGCONT, say) is not one. */
static bool next_event(struct ipc_ctx *ctx, struct ipc_event *event, int timer, char *reason) {
	for (;;) {
		struct ipc_error result = ipc_wait_event(ctx, event, &timer);
		if (result.error_code == IPC_ERROR_NONE) {
			memcpy(reason, result.error_message, BUFSIZ);
			return true;
		}
		if (result.error_code != IPC_ERROR_WAIT_EVENT__POLL) {
			return wrong("waiting failed: %s (error %d)", result.error_message, result.error_code);
		}
	}
}

/* The loop: until each message of the part was handed over (TX) and came back (MESSAGE). */
static bool collect(struct ipc_ctx *ctx, struct ipc_event *event, enum kind kind, int fd) {
	unsigned count = parts[kind].count, sent = 0, back = 0;
	char reason[BUFSIZ];
	while (sent < count || back < count) {
		if (!next_event(ctx, event, PATIENCE, reason)) {
			return false;
		}
		bool shown = sent + back < SHOWN_EVENTS;
		switch (event->type) {
		case IPC_EVENT_TYPE_TX:
			if (sent++ == count) {
				return wrong("more TX events than the %u messages written", count);
			}
			if (shown) {
				printf("  tx       number %u\n", sent - 1);
			}
			break;
		case IPC_EVENT_TYPE_MESSAGE: {
			const struct ipc_message *m = event->m;
			if (back == count) {
				return wrong("more messages came back than the %u written", count);
			}
			if (!same(kind, back++, fd, m)) {
				return false;
			}
			if (shown) {
				printf("  message  number %u, user type %d, %u bytes, as sent\n", back - 1, (unsigned char)m->user_type,
				    m->length);
			}
			break;
		}
		case IPC_EVENT_TYPE_TIMER:
			return wrong("%s: no event for %d s; %u of %u messages were sent, %u came back", parts[kind].name, PATIENCE / 1000,
			    sent, count, back);
		case IPC_EVENT_TYPE_DISCONNECTION:
			return wrong(
			    "%s: the service left; %u of %u messages were sent, %u came back", parts[kind].name, sent, count, back);
		case IPC_EVENT_TYPE_ERROR: return wrong("%s: the connection failed: %s", parts[kind].name, reason);
		default: return wrong("%s: an event of type %d, which was not expected", parts[kind].name, event->type);
		}
	}
	if (sent + back > SHOWN_EVENTS) {
		printf("  ...      and %u further events\n", sent + back - SHOWN_EVENTS);
	}
	return ctx->tx.size == 0 || wrong("%zu messages are still queued", ctx->tx.size);
}

static bool run(struct ipc_ctx *ctx, struct ipc_event *event, enum kind kind, int fd, struct report *report) {
	double start = now();
	printf("%s\n", parts[kind].name);
	for (unsigned i = 0; i < parts[kind].count; i++) {
		struct ipc_message m = make(kind, i, fd);
		struct ipc_error result = ipc_write(ctx, &m);
		if (result.error_code != IPC_ERROR_NONE) {
			return wrong("writing %s message %u: %s", parts[kind].name, i, result.error_message);
		}
		report->bytes += m.length;
	}
	bool well = collect(ctx, event, kind, fd);
	report->milliseconds = now() - start;
	return well;
}

static bool converse(struct ipc_ctx *ctx, struct ipc_event *event, const char *name) {
	struct report reports[KINDS] = {0};
	int fd = -1;
	struct ipc_error result = ipc_connection(ctx, name, &fd);
	if (result.error_code != IPC_ERROR_NONE) {
		return wrong("cannot reach the service %s: %s", name, result.error_message);
	}
	for (int kind = 0; kind < KINDS; kind++) {
		if (!run(ctx, event, (enum kind)kind, fd, &reports[kind])) {
			return false;
		}
	}
	char reason[BUFSIZ];
	if (!next_event(ctx, event, 0, reason)) {
		return false;
	}
	if (event->type != IPC_EVENT_TYPE_TIMER) {
		return wrong("an event of type %d when all was done", event->type);
	}
	printf("all came back as sent, in order; times include making and checking the messages\n");
	for (int kind = 0; kind < KINDS; kind++) {
		printf("  %-10s %5u message%s %9llu bytes each way %10.3f ms\n", parts[kind].name, parts[kind].count,
		    parts[kind].count == 1 ? ", " : "s,", reports[kind].bytes, reports[kind].milliseconds);
	}
	return true;
}

int main(int argc, char **argv) {
	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		fprintf(stderr, "usage: pong [NAME]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* each line as it comes, into a pipe too */
	struct ipc_ctx ctx = {0};
	struct ipc_event event = {0};
	bool well = converse(&ctx, &event, argc == 2 ? argv[1] : "pong");
	IPC_EVENT_CLEAN(&event);
	struct ipc_error result = ipc_close_all(&ctx);
	if (result.error_code != IPC_ERROR_NONE) {
		well = wrong("closing failed: %s", result.error_message);
	}
	ipc_ctx_free(&ctx);
	return well ? 0 : 1;
}
