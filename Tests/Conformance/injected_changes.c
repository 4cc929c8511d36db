/*
 * injected_changes.c - a descriptor that cannot be written for want of something, and whose type or pair changes meanwhile: it is
 * tried again all the same.
 */
#include "peers.h"

#include "injected.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

static void add(int fd, enum ipc_connection_type type) {
	struct ipc_connection_info info = {.type = type};
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = fd}));
}

TEST(what_waits_for_space_is_sent_also_when_the_type_is_set_meanwhile) {
	int ends[2], timer = 0;
	begin();
	make_pair(ends);
	add(ends[0], IPC_CONNECTION_TYPE_IPC);
	inject_rule("out", ENOSPC, 0, 1, 1);
	queue(&ctx, ends[0], 'a', "kept", 4);
	CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
	CHECK_EQUAL(inject_failures(), 1);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[0], IPC_CONNECTION_TYPE_IPC), 0);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(ends[1], 'a', "kept", 4);
	close(ends[1]);
	finish(&ctx, &event);
}

TEST(what_waits_for_space_is_sent_also_when_the_end_gets_a_pair_meanwhile) {
	int ends[2], other[2], timer = 0;
	begin();
	make_pair(ends);
	make_pair(other);
	add(ends[0], IPC_CONNECTION_TYPE_SWITCHED);
	add(other[0], IPC_CONNECTION_TYPE_SWITCHED);
	inject_rule("out", ENOSPC, 0, 1, 1);
	queue(&ctx, ends[0], 'a', "kept", 4);
	CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)));
	ipc_ctx_switching_add(&ctx, ends[0], other[0]);
	/* On a slow machine the pause is over within the first wait. */
	if (event.type != IPC_EVENT_TYPE_TX) {
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
		next(&ctx, &event, IPC_EVENT_TYPE_TX);
	}
	read_frame(ends[1], 'a', "kept", 4);
	close(ends[1]);
	close(other[1]);
	finish(&ctx, &event);
}
