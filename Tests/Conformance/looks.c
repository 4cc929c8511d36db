/*
 * looks.c - a signal does not interrupt a wait of 0 ms. poll(2) with a timeout of 0 can fail with EINTR all the same (do_poll in Linux's
 * fs/select.c); epoll_wait(2) cannot.
 */
#include "own_poll.h"
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
/* How many of the next calls with a timeout of 0 fail with EINTR, and whether a handler calls ipc_wake in them. */
static int interruptions, wakes;

int poll(struct pollfd *entries, nfds_t count, int timeout) {
	if (timeout == 0 && interruptions > 0) {
		interruptions--;
		if (wakes) CHECK_EQUAL(ipc_wake(&ctx), IPC_ERROR_NONE);
		errno = EINTR;
		return -1;
	}
	return kernel_poll(entries, count, timeout);
}

static void look(enum ipc_event_type type) {
	int timer = 0;
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, type);
}

/* An ipc_wake in the middle of a wait of 0 ms is reported by that wait or by the next one. */
static void look_with_wakes(void) {
	int timer = 0;
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	if (event.type == IPC_EVENT_TYPE_TIMER && interruptions < 2) look(IPC_EVENT_TYPE_WAKE);
	else CHECK_EQUAL(event.type, interruptions < 2 ? IPC_EVENT_TYPE_WAKE : IPC_EVENT_TYPE_TIMER);
}

/* Waits of 0 ms, with and without ipc_wake. */
static void looks(void) {
	for (int i = 0; i < 3; i++) {
		(interruptions = 2, wakes = 0);
		look(IPC_EVENT_TYPE_TIMER);
		(interruptions = 2, wakes = 1);
		look_with_wakes();
		interruptions = 0;
		CHECK_EQUAL(ipc_wake(&ctx), IPC_ERROR_NONE);
		(interruptions = 2, wakes = 0);
		look(IPC_EVENT_TYPE_WAKE);
	}
	interruptions = 0;
}

TEST(a_signal_that_comes_while_a_server_looks_does_not_end_that) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	looks();
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
}

TEST(a_signal_that_comes_while_a_client_looks_does_not_end_that) {
	int fd, listener = raw_listen("pong");
	CHECK_OK(ipc_connection(&ctx, "pong", &fd));
	looks();
	close(listener);
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
}
