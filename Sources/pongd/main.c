/*
 * pongd - the demo's service: sends every message back to whom it came from.
 *
 *   pongd [NAME]    the service's name, "pong" if none is given
 *
 * Prints "ready" when it listens, then its events, the first of each kind in full. SIGTERM and SIGINT end it.
 */
#include <signal.h>

#include <ipc.h>

enum { SHOWN = 8 }; /* events of each kind that are shown */

static volatile sig_atomic_t stopped;
static void stop(int number) {
	(void)number;
	stopped = 1;
}

static void show(const struct ipc_event *event, const struct ipc_error *reason) {
	static const char *const names[] = {"nothing", "error", "extra socket", "switch", "connection",
	                                    "disconnection", "message", "lookup", "timer", "tx"};
	static int shown[10];
	if (shown[event->type] > SHOWN) return;
	if (shown[event->type]++ == SHOWN) {
		printf("service: %s: further ones are not shown\n", names[event->type]);
		return;
	}
	printf("service: %s, client %d", names[event->type], event->origin);
	if (event->type == IPC_EVENT_TYPE_MESSAGE) {
		const struct ipc_message *m = event->m;
		printf(", user type %d, %u bytes", m->user_type, m->length);
	}
	printf("%s%s\n", reason->error_message[0] != 0 ? ": " : "", reason->error_message);
}

int main(int count, char **arguments) {
	struct ipc_ctx ctx = {0};
	struct ipc_event event = {0};
	struct sigaction action = {.sa_handler = stop};

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	TEST_IPC_Q(ipc_server_init(&ctx, count > 1 ? arguments[1] : "pong"), EXIT_FAILURE);
	puts("ready");
	while (!stopped) {
		int timer = 1000; /* a signal that came just before the wait is seen after it */
		struct ipc_error error = ipc_wait_event(&ctx, &event, &timer);
		if (error.error_code == IPC_ERROR_WAIT_EVENT__POLL) continue; /* a signal */
		if (error.error_code != IPC_ERROR_NONE) {
			fprintf(stderr, "pongd: %s\n", error.error_message);
			return EXIT_FAILURE;
		}
		if (event.type == IPC_EVENT_TYPE_TIMER) continue;
		show(&event, &error);
		/* The message still names its sender: written as it is, it goes back. */
		if (event.type == IPC_EVENT_TYPE_MESSAGE) TEST_IPC_P(ipc_write(&ctx, event.m), "cannot answer");
	}
	IPC_EVENT_CLEAN(&event);
	ipc_close_all(&ctx);
	ipc_ctx_free(&ctx);
	puts("service: ended");
	return EXIT_SUCCESS;
}
