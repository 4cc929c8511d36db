/*
 * threads_interrupted_batches.c - a signal handler that closes, frees or forks in the middle of ipc_wait_events or ipc_wait_event: what the call
 * gives is whole, and nothing is left open.
 */
#include "interrupted.h"

enum { ROOM = 4 };

static struct ipc_event events[ROOM];
static size_t count;
static int by_batch;

static void close_all(int number) {
	(void)number;
	ipc_close_all(&ctx);
}
static void only_free(int number) {
	(void)number;
	ipc_ctx_free(&ctx);
}
static void close_and_free(int number) {
	close_all(number);
	ipc_ctx_free(&ctx);
}
/* Other calls fail, and do nothing. */
static void call_more(int number) {
	int timer = 0;
	size_t none = 77;
	struct ipc_event inner = {0};
	struct ipc_message m = message_of(origin, 'x', "inner", 5);
	(void)number;
	if (ipc_wait_events(&ctx, &inner, 1, &none, &timer) != IPC_ERROR_CONTEXT__CALLED_IN_HANDLER || none != 0) _exit(3);
	if (ipc_write_take(&ctx, &m) != IPC_ERROR_CONTEXT__CALLED_IN_HANDLER || m.length != 5) _exit(4);
	if (ipc_ctx_quiet(&ctx, 0) != IPC_ERROR_CONTEXT__CALLED_IN_HANDLER) _exit(5);
	if (ipc_ctx_fd(&ctx) != -1) _exit(6);
}
static void fork_and_leave(int number) {
	(void)number;
	pid_t child = fork();
	if (child == 0) return; /* and the child's call goes on as well */
	int status;
	if (waitpid(child, &status, 0) != child || status != 0) _exit(7);
}

static void check_events(void) {
	for (size_t i = 0; i < ROOM; i++) {
		CHECK((events[i].type != IPC_EVENT_TYPE_NOT_SET) == (i < count));
		CHECK((events[i].m != NULL) == (events[i].type == IPC_EVENT_TYPE_MESSAGE));
		if (events[i].m != NULL) CHECK_EQUAL(((struct ipc_message *)events[i].m)->fd, origin);
		IPC_EVENT_CLEAN(&events[i]);
	}
}

static void (*handlers[])(int) = {close_all, only_free, close_and_free, call_more, fork_and_leave};
static size_t which;

static void wait_in(int with_second_thread, enum place place) {
	int timer = 0;
	start_service(with_second_thread);
	handle_with(handlers[which]);
	int server = ctx.pollfd[0].fd;
	if (place == IN_SEND) queue(&ctx, origin, 'q', "queued", 6);
	if (place != IN_SEND) write_frame(peer, 'm', "message", 7), write_frame(peer, 'n', "another", 7);
	if (place == IN_CLOSE) close(peer);
	for (int i = 0; i < 20 && (armed != NOWHERE || i == 0); i++) {
		armed = place;
		if (by_batch) {
			CHECK_EQUAL(ipc_wait_events(&ctx, events, ROOM, &count, &timer), 0);
		} else {
			CHECK_OK(ipc_wait_event(&ctx, &events[0], &timer));
			count = events[0].type != IPC_EVENT_TYPE_NOT_SET;
		}
		check_events();
	}
	CHECK_EQUAL(armed, NOWHERE);
	if (which == 0 || which == 2) CHECK(!is_open(server) && !is_open(origin));
	CHECK_OK(ipc_close_all(&ctx));
	if (which == 1) unlink(address_of("pong").sun_path);
	ipc_ctx_free(&ctx);
}

static void in_every_place(void (*handler)(int)) {
	for (which = 0; handlers[which] != handler; which++) {}
	for (by_batch = 0; by_batch < 2; by_batch++) in_all_places(wait_in);
}

TEST(a_handler_that_closes_all_in_the_middle) { in_every_place(close_all); }
TEST(a_handler_that_frees_in_the_middle) { in_every_place(only_free); }
TEST(a_handler_that_closes_and_frees_in_the_middle) { in_every_place(close_and_free); }
TEST(a_handler_whose_other_calls_fail_in_the_middle) { in_every_place(call_more); }
TEST(a_handler_that_forks_in_the_middle) { in_every_place(fork_and_leave); }
