/*
 * injected_shut_both_ways.c - a peer that shuts both sides and reads nothing: no room comes any more, poll(2) says POLLHUP for
 * ever, and nothing spins.
 */
#include "peers.h"

#include "injected.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

static void add(int fd, enum ipc_connection_type type) {
	struct ipc_connection_info info = {.type = type};
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = fd}));
}

static void nothing_spins(int entries) {
	int ends[2], more[2], timer = 300;
	begin();
	char *large = pattern(1900000, 7);
	make_pair(ends);
	make_pair(more);
	add(ends[0], IPC_CONNECTION_TYPE_IPC);
	if (entries > 1) add(more[0], IPC_CONNECTION_TYPE_IPC);
	queue(&ctx, ends[0], 'a', large, 1900000);
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(shutdown(ends[1], SHUT_RDWR), 0);
	do CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)));
	while (event.type != IPC_EVENT_TYPE_TIMER && event.type != IPC_EVENT_TYPE_DISCONNECTION);
	if (inject_calls() > 100) FAIL("%ld system calls", inject_calls());
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_DISCONNECTION);
	free(large);
	close(ends[1]);
	close(more[1]);
	if (entries == 1) close(more[0]);
	finish(&ctx, &event);
}

/* Nothing but poll(2) is used for the only connection of a client. */
TEST(service_that_shuts_both_sides_and_reads_nothing_is_gone_at_once) {
	int fd, timer = 300;
	begin();
	char *large = pattern(1900000, 7);
	int peer = join_raw(&ctx, "by_hand", &fd);
	queue(&ctx, fd, 'a', large, 1900000);
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(shutdown(peer, SHUT_RDWR), 0);
	CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)));
	if (inject_calls() > 100) FAIL("%ld system calls", inject_calls());
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_DISCONNECTION);
	free(large);
	close(peer);
	finish(&ctx, &event);
}

TEST(only_peer_that_shuts_both_sides_and_reads_nothing_is_gone_at_once) { nothing_spins(1); }
TEST(one_of_two_peers_that_shuts_both_sides_and_reads_nothing_is_gone_at_once) { nothing_spins(2); }

TEST(held_end_of_a_pair_whose_peer_shuts_both_sides_does_not_spin) {
	int ends[2], other[2], timer = 300;
	begin();
	char *large = pattern(1900000, 7);
	make_pair(ends);
	make_pair(other);
	add(ends[0], IPC_CONNECTION_TYPE_SWITCHED);
	add(other[0], IPC_CONNECTION_TYPE_SWITCHED);
	ipc_ctx_switching_add(&ctx, ends[0], other[0]);
	queue(&ctx, ends[0], 'a', large, 1900000);
	queue(&ctx, other[0], 'b', large, 1900000);
	write_frame(ends[1], 'c', "held", 4);
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(shutdown(ends[1], SHUT_RDWR), 0);
	CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)));
	if (inject_calls() > 100) FAIL("%ld system calls", inject_calls());
	free(large);
	close(ends[1]);
	close(other[1]);
	finish(&ctx, &event);
}

/* The other side of a full pipe is closed: poll(2) says POLLERR and not POLLOUT. */
TEST(frames_for_a_full_pipe_that_nobody_reads_any_more_are_dropped) {
	int ends[2], timer = 300;
	char bytes[4096] = "";
	begin();
	CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
	CHECK_EQUAL(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	while (write(ends[1], bytes, sizeof bytes) > 0) {}
	add(ends[1], IPC_CONNECTION_TYPE_EXTERNAL);
	queue(&ctx, ends[1], 'a', "in vain", 7);
	nothing_to_tell(&ctx, &event);
	close(ends[0]);
	CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
	if (inject_calls() > 100) FAIL("%ld system calls", inject_calls());
	CHECK_EQUAL(ctx.tx.size, 0);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
	close(ends[1]);
}
