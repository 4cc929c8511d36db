/*
 * timers_again.c - a timer that happens to have the value that an earlier one had.
 */
#include "peers.h"

#include <time.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

static void add(int fd, enum ipc_connection_type type) {
	struct ipc_connection_info info = {.type = type};
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = fd}));
}

static long long milliseconds(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

TEST(timer_that_equals_what_an_older_wait_left_is_a_new_one) {
	int ends[2], timer = 100;
	make_pair(ends);
	add(ends[0], IPC_CONNECTION_TYPE_IPC);
	write_frame(ends[1], 'a', "a", 1);
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
	int left = timer;
	CHECK(left > 0);
	poll(NULL, 0, 150);
	write_frame(ends[1], 'a', "a", 1);
	next(&ctx, &event, IPC_EVENT_TYPE_MESSAGE); /* for ever: that timer is over */
	long long before = milliseconds();
	timer = left;
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
	CHECK(milliseconds() - before >= left - 1);
	close(ends[1]);
	finish(&ctx, &event);
}
