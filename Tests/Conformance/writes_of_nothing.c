/*
 * writes_of_nothing.c - write(2) on a file that is no socket returns 0 and no reason: that is EIO, told once, and not tried again and
 * again. The program's own write(2), which the library calls instead of libc's, answers so for one descriptor.
 */
#include "peers.h"

#include <sys/syscall.h>

static int takes_nothing = -1, takes_little = -1, writes;

ssize_t write(int fd, const void *bytes, size_t count) {
	if (fd == takes_nothing || fd == takes_little) writes++;
	if (fd == takes_nothing) return 0;
	if (fd == takes_little && count > 3) count = 3;
	return syscall(SYS_write, fd, bytes, count);
}

static struct ipc_ctx ctx;
static struct ipc_event event;

enum { MOST_WRITES = 4 };

/* Waits of 300 ms make a few calls, not thousands, and tell what is wrong once. */
static void check_told_once(int fd, enum ipc_event_type type, int code) {
	int told = 0;
	writes = 0;
	for (int i = 0; i < 5; i++) {
		int timer = 60;
		struct ipc_error e = ipc_wait_event(&ctx, &event, &timer);
		CHECK(event.type != IPC_EVENT_TYPE_TX);
		if (event.type == IPC_EVENT_TYPE_TIMER) continue;
		CHECK_EQUAL(event.type, type);
		CHECK_EQUAL(event.origin, fd);
		CHECK_EQUAL(e.error_code, code);
		if (e.error_message[0] != 0) CHECK(strstr(e.error_message, strerror(EIO)) != NULL);
		told++;
	}
	CHECK_EQUAL(told, 1);
	CHECK(writes <= MOST_WRITES);
	CHECK_EQUAL(ctx.tx.size, 0);
}

static void make_pipe(int ends[2]) { CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0); }

/* An IPC entry of which nothing can be read either: the writing end of a pipe. */
TEST(ipc_entry_whose_write_takes_nothing_is_an_error_once) {
	int ends[2];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	make_pipe(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[1]));
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[1], IPC_CONNECTION_TYPE_IPC), 0);
	takes_nothing = ends[1];
	queue(&ctx, ends[1], 'z', "zero", 4);
	check_told_once(ends[1], IPC_EVENT_TYPE_ERROR, 0);
	CHECK(ctx.size == 1 && !is_open(ends[1]));
	takes_nothing = -1;
	close(ends[0]);
	finish(&ctx, &event);
}

TEST(external_entry_whose_write_takes_nothing_does_not_spin) {
	int ends[2];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	make_pipe(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[1]));
	takes_nothing = ends[1];
	queue(&ctx, ends[1], 'z', "zero", 4);
	writes = 0;
	for (int i = 0; i < 5; i++) {
		int timer = 60;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK(event.type != IPC_EVENT_TYPE_TX);
	}
	CHECK(writes <= MOST_WRITES);
	CHECK_EQUAL(ctx.tx.size, 0);
	/* The file takes bytes again. */
	takes_nothing = -1;
	queue(&ctx, ends[1], 'a', "again", 5);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	char frame[FRAME_SIZE(5)];
	CHECK_EQUAL(read(ends[0], frame, sizeof frame), sizeof frame);
	CHECK(memcmp(frame + IPC_HEADER_SIZE, "again", 5) == 0);
	close(ends[0]);
	close(ends[1]);
	finish(&ctx, &event);
}

TEST(direct_write_that_takes_nothing_returns_43_with_the_reason) {
	for (int in_context = 0; in_context < 2; in_context++) {
		int ends[2];
		make_pipe(ends);
		if (in_context) CHECK_OK(ipc_add_fd(&ctx, ends[1]));
		struct ipc_message m = message_of(ends[1], 'z', "zero", 4);
		takes_nothing = ends[1];
		writes = 0;
		struct ipc_error e = ipc_write_fd(ends[1], &m);
		CHECK_CODE(e, IPC_ERROR_USOCK_SEND);
		CHECK(strstr(e.error_message, strerror(EIO)) != NULL);
		CHECK(writes <= MOST_WRITES);
		takes_nothing = -1;
		CHECK_OK(ipc_write_fd(ends[1], &m));
		char frame[FRAME_SIZE(4)];
		CHECK_EQUAL(read(ends[0], frame, sizeof frame), sizeof frame);
		ipc_ctx_free(&ctx);
		close(ends[0]);
		close(ends[1]);
	}
}

TEST(file_that_takes_three_bytes_at_a_time_gets_the_whole_frame) {
	int ends[2];
	char bytes[200];
	make_pipe(ends);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_OK(ipc_add_fd(&ctx, ends[1]));
	takes_little = ends[1];
	queue(&ctx, ends[1], 'l', "little by little", 16);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(read(ends[0], bytes, sizeof bytes), FRAME_SIZE(16));
	CHECK(memcmp(bytes + IPC_HEADER_SIZE, "little by little", 16) == 0);
	takes_little = -1;
	close(ends[0]);
	close(ends[1]);
	finish(&ctx, &event);
}
