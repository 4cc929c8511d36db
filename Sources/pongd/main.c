/*
 * pongd - the service of the demo: it sends every message back to the client that sent it.
 *
 * It is here as the shortest whole service one can write with libipc: listen, one loop over
 * events, an orderly end. It prints each event as it comes, so that one can watch the library.
 *
 * pongd [--quiet] [NAME]    NAME is the service's, `pong` if not given. Of each client the first
 * 12 messages are shown; with --quiet only `ready` (it listens now) and what goes wrong.
 */
#include <ctype.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>

#include <libipc/ipc.h>

enum {
	SHOWN_MESSAGES = 12, /* of one client */
	SHOWN_BYTES = 16, /* of one message */
	LOOK_UP = 1000, /* ms: a signal that comes just before the wait is seen this much later */
	OUT_OF_MEMORY = 100 /* ms to wait before trying again */
};

static volatile sig_atomic_t stopped;
static bool quiet;

/* How many messages came from the client on each descriptor, which is its name in what we print. */
static unsigned *received;
static size_t received_size;

static void on_signal(int number) {
	(void)number;
	stopped = 1;
}

/* No SA_RESTART: the signal has to end the wait. */
static void handle_signals(void) {
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN); /* nobody reading our output is no reason to stop */
}

static bool count_from_zero(int client) {
	size_t size = (size_t)client + 1;
	if (size > received_size) {
		unsigned *larger = realloc(received, size * sizeof *larger);
		if (larger == NULL) {
			return false;
		}
		memset(larger + received_size, 0, (size - received_size) * sizeof *larger);
		received = larger;
		received_size = size;
	}
	received[client] = 0;
	return true;
}

static void print_message(const struct ipc_message *m) {
	uint32_t shown = m->length < SHOWN_BYTES ? m->length : SHOWN_BYTES;
	printf("message        client %d, type %d, user type %d, %u bytes: \"", m->fd, (unsigned char)m->type, (unsigned char)m->user_type,
	    m->length);
	for (uint32_t i = 0; i < shown; i++) {
		unsigned char byte = (unsigned char)m->payload[i];
		printf(isprint(byte) && byte != '"' && byte != '\\' ? "%c" : "\\x%02x", byte);
	}
	printf("\"%s\n", shown < m->length ? "..." : "");
}

/* A client that does not read what it is sent fills its queue: without its echo it is of no use. */
static void drop(struct ipc_ctx *ctx, const struct ipc_event *event, const char *reason) {
	printf("error          client %d is dropped: %s\n", event->origin, reason);
	ipc_close(ctx, event->index);
	ipc_del(ctx, event->index);
}

static void echo(struct ipc_ctx *ctx, const struct ipc_event *event) {
	const struct ipc_message *m = event->m;
	unsigned number = ++received[event->origin];
	if (!quiet && number <= SHOWN_MESSAGES) {
		print_message(m);
	} else if (!quiet && number == SHOWN_MESSAGES + 1) {
		printf("...            client %d, further events not shown\n", event->origin);
	}
	struct ipc_error result = ipc_write(ctx, m); /* m->fd is the sender's, so back it goes */
	if (result.error_code != IPC_ERROR_NONE) {
		drop(ctx, event, result.error_message);
	}
}

static void handle(struct ipc_ctx *ctx, const struct ipc_event *event, const char *reason) {
	switch (event->type) {
	case IPC_EVENT_TYPE_CONNECTION:
		if (!count_from_zero(event->origin)) {
			drop(ctx, event, "out of memory");
		} else if (!quiet) {
			printf("connection     client %d\n", event->origin);
		}
		break;
	case IPC_EVENT_TYPE_MESSAGE: echo(ctx, event); break;
	case IPC_EVENT_TYPE_TX:
		if (!quiet && received[event->origin] <= SHOWN_MESSAGES) {
			printf("tx             client %d\n", event->origin);
		}
		break;
	case IPC_EVENT_TYPE_DISCONNECTION:
		if (!quiet) {
			printf("disconnection  client %d, after %u messages\n", event->origin, received[event->origin]);
		}
		break;
	case IPC_EVENT_TYPE_ERROR: /* of one client, which is gone now */
		printf("error          client %d: %s\n", event->origin, reason);
		break;
	case IPC_EVENT_TYPE_TIMER: break;
	default: printf("error          an event of type %d, which was not expected\n", event->type);
	}
}

/* Until a signal comes: true; or until the library can no longer wait: false. */
static bool serve(struct ipc_ctx *ctx) {
	struct ipc_event event = {0};
	bool well = true;
	while (well && !stopped) {
		int timer = LOOK_UP;
		struct ipc_error result = ipc_wait_event(ctx, &event, &timer);
		switch (result.error_code) {
		case IPC_ERROR_NONE: handle(ctx, &event, result.error_message); break;
		case IPC_ERROR_WAIT_EVENT__POLL: /* a signal; the loop's condition tells which */ break;
		case IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY:
		case IPC_ERROR_USOCK_SEND:
		case IPC_ERROR_USOCK_ACCEPT:
		case IPC_ERROR_USOCK_RECV: /* the system is short of memory, and nothing was lost */
			fprintf(stderr, "pongd: %s\n", result.error_message);
			poll(NULL, 0, OUT_OF_MEMORY);
			break;
		default: fprintf(stderr, "pongd: waiting failed: %s\n", result.error_message); well = false;
		}
	}
	IPC_EVENT_CLEAN(&event);
	return well;
}

int main(int argc, char **argv) {
	const char *name = "pong";
	int next = 1;
	if (next < argc && strcmp(argv[next], "--quiet") == 0) {
		quiet = true;
		next++;
	}
	if (next < argc && argv[next][0] != '-') {
		name = argv[next++];
	}
	if (next < argc) {
		fprintf(stderr, "usage: pongd [--quiet] [NAME]\n");
		return 2;
	}

	setvbuf(stdout, NULL, _IOLBF, 0); /* each line as it comes, into a pipe too */
	handle_signals();
	struct ipc_ctx ctx = {0};
	struct ipc_error result = ipc_server_init(&ctx, name);
	if (result.error_code != IPC_ERROR_NONE) {
		fprintf(stderr, "pongd: cannot listen as %s: %s\n", name, result.error_message);
		ipc_ctx_free(&ctx);
		return 1;
	}
	printf("ready\n");

	bool well = serve(&ctx);
	result = ipc_close_all(&ctx);
	if (result.error_code != IPC_ERROR_NONE) {
		fprintf(stderr, "pongd: closing failed: %s\n", result.error_message);
		well = false;
	}
	ipc_ctx_free(&ctx);
	free(received);
	if (!quiet) {
		printf("stopped\n");
	}
	return well ? 0 : 1;
}
