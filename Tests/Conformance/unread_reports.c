/*
 * unread_reports.c - a program that only uses ipc_write and ipc_read, and never waits for an event: what it is never told takes no
 * memory without bound, and is told all the same when it waits after all. And ctx->tx holds what the kernel does not have.
 */
#include "peers.h"
#include "system.h"

#include <sys/ioctl.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

enum { ROUNDS = 20000, WARM_UP = 100, MOST_GROWTH = 64 * 1024, MOST_LISTED = 1 };

static void add_ipc(int fd) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = fd}));
}

static void answers(int gate) {
	char bytes[70000];
	uint32_t length;
	while (read_bytes(gate, bytes, IPC_HEADER_SIZE) == IPC_HEADER_SIZE) {
		memcpy(&length, bytes + 1, 4);
		length = __builtin_bswap32(length);
		CHECK_EQUAL(read_bytes(gate, bytes + IPC_HEADER_SIZE, length), length);
		write_frame(gate, 'r', "ok", 2);
	}
}

static void write_and_read(enum ipc_connection_type type, int by_descriptor, uint32_t length) {
	NEED_MEMORY_IN_USE();
	int fd;
	char *payload = pattern(length, 5);
	struct ipc_message in = {0};
	size_t before = 0, waiting = 0;
	pid_t peer = start(answers, &fd);
	add_ipc(fd);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, fd, type), 0);
	int rounds = length > 10000 ? ROUNDS / 10 : ROUNDS;
	for (int i = 0; i < rounds; i++) {
		if (i == WARM_UP) before = memory_in_use();
		queue(&ctx, fd, 'w', payload, length);
		CHECK_OK(by_descriptor ? ipc_read_fd(fd, &in) : ipc_read(&ctx, 0, &in));
		CHECK(in.length == 2 && memcmp(in.payload, "ok", 2) == 0);
		if (ctx.tx.size > MOST_LISTED) FAIL("after %d messages that were sent %zu are listed", i + 1, ctx.tx.size);
	}
	size_t after = memory_in_use();
	if (after > before + MOST_GROWTH) FAIL("%zu bytes more are in use after %d messages", after - before, rounds);
	CHECK_OK(ipc_ctx_status(&ctx, NULL, &waiting));
	CHECK_EQUAL(waiting, rounds);
	/* One for each, and no more. */
	for (int i = 0; i < rounds; i++) {
		ready(&ctx, &event, IPC_EVENT_TYPE_TX);
		CHECK_EQUAL(event.origin, fd);
	}
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(ctx.tx.size, 0);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, fd, IPC_CONNECTION_TYPE_IPC), 0);
	shutdown(fd, SHUT_WR);
	await_process(peer);
	free(in.payload);
	free(payload);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
	close(fd);
}

TEST(program_that_only_writes_and_reads_needs_no_more_memory_and_is_told_of_each_later) {
	write_and_read(IPC_CONNECTION_TYPE_IPC, 0, 1000);
	write_and_read(IPC_CONNECTION_TYPE_IPC, 1, 1000);
}
TEST(program_that_only_writes_large_messages_and_reads_needs_no_more_memory) { write_and_read(IPC_CONNECTION_TYPE_IPC, 0, 60000); }
TEST(program_that_writes_and_reads_an_external_descriptor_by_hand_needs_no_more_memory) {
	write_and_read(IPC_CONNECTION_TYPE_EXTERNAL, 1, 1000);
}

/* Steps by hand send without telling more than one. */
TEST(frames_that_direct_calls_send_leave_the_list_at_once) {
	int ends[2];
	make_pair(ends);
	add_ipc(ends[0]);
	for (int i = 0; i < 5; i++) queue(&ctx, ends[0], 'q', "queued", 6);
	CHECK_EQUAL(ctx.tx.size, 5);
	struct ipc_message m = message_of(ends[0], 'd', "direct", 6);
	CHECK_OK(ipc_write_fd(ends[0], &m));
	size_t waiting;
	CHECK_OK(ipc_ctx_status(&ctx, NULL, &waiting));
	CHECK_EQUAL(ctx.tx.size, 0);
	CHECK_EQUAL(waiting, 5);
	for (int i = 0; i < 5; i++) read_frame(ends[1], 'q', "queued", 6);
	read_frame(ends[1], 'd', "direct", 6);
	for (int i = 0; i < 5; i++) ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	nothing_to_tell(&ctx, &event);
	ipc_ctx_free(&ctx);
	close(ends[0]);
	close(ends[1]);
}

/* A frame of which the kernel has a part is listed until it has all. */
TEST(list_holds_exactly_what_the_kernel_does_not_have_whole) {
	int ends[2], told = 0;
	char *payload = pattern(100000, 9), *got = malloc(65536);
	make_pair(ends);
	add_ipc(ends[0]);
	for (int i = 0; i < 20; i++) queue(&ctx, ends[0], (char)i, payload, 100000);
	size_t taken = 0;
	while (told < 20) {
		int timer = 0, in_kernel = 0;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		told += event.type == IPC_EVENT_TYPE_TX;
		CHECK_EQUAL(ioctl(ends[1], FIONREAD, &in_kernel), 0);
		size_t whole = (taken + (size_t)in_kernel) / FRAME_SIZE(100000);
		CHECK_EQUAL(ctx.tx.size, 20 - whole);
		CHECK((size_t)told <= whole);
		if (ctx.tx.size > 0) CHECK_EQUAL(ctx.tx.messages[0].user_type, whole);
		if (event.type == IPC_EVENT_TYPE_TIMER) {
			ssize_t n = recv(ends[1], got, 65536, MSG_DONTWAIT);
			CHECK(n > 0);
			taken += (size_t)n;
		}
	}
	CHECK_EQUAL(ctx.tx.size, 0);
	ipc_ctx_free(&ctx);
	close(ends[0]);
	close(ends[1]);
	free(got);
	free(payload);
}
