/*
 * plain_files.c - frames for files that are no sockets, or are shared: O_NONBLOCK of a terminal is never changed, and a file whose
 * write(2) returns 0 causes no endless loop. This program replaces the system calls.
 */
#define _GNU_SOURCE
#include "kinds.h"

#include <stdarg.h>
#include <sys/syscall.h>

static int watched = -1; /* F_SETFL on this file ... */
static int flags_were_set; /* ... is noted here */
static int takes_nothing = -1; /* write(2) to this one returns 0 */
static long writes;

int fcntl(int fd, int command, ...) {
	va_list arguments;
	va_start(arguments, command);
	long argument = va_arg(arguments, long);
	va_end(arguments);
	if (command == F_SETFL && fd == watched) flags_were_set++;
	return (int)syscall(SYS_fcntl, fd, command, argument);
}
ssize_t write(int fd, const void *bytes, size_t count) {
	writes++;
	if (fd == takes_nothing) return 0;
	return syscall(SYS_write, fd, bytes, count);
}

static struct ipc_ctx ctx;
static struct ipc_event event;

TEST(the_flags_of_a_terminal_stay_as_they_are) {
	for (int side = 0; side < 2; side++) {
		int ends[2];
		char *payload = pattern(3000, 1), *got = malloc(FRAME_SIZE(3000));
		make_terminal(ends);
		CHECK_OK(ipc_add_fd(&ctx, ends[side]));
		watched = ends[side];
		for (int way = 0; way < 2; way++) {
			struct ipc_message m = message_of(ends[side], 't', payload, 3000);
			if (way == 0) {
				CHECK_OK(ipc_write(&ctx, &m));
				next(&ctx, &event, IPC_EVENT_TYPE_TX);
			} else {
				CHECK_OK(ipc_write_fd(ends[side], &m));
			}
			size_t have = 0;
			while (have < FRAME_SIZE(3000)) {
				ssize_t n = read(ends[1 - side], got + have, FRAME_SIZE(3000) - have);
				CHECK(n > 0);
				have += (size_t)n;
			}
			CHECK(got[5] == 't' && memcmp(got + IPC_HEADER_SIZE, payload, 3000) == 0);
		}
		CHECK_EQUAL(flags_were_set, 0);
		watched = -1;
		ipc_ctx_free(&ctx);
		close(ends[0]);
		close(ends[1]);
		free(payload);
		free(got);
	}
}

TEST(a_file_whose_write_takes_nothing_is_an_error_and_no_loop) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int file = make_file("", O_WRONLY);
	struct ipc_message m = message_of(file, 'z', "zero", 4);
	CHECK_OK(ipc_add_fd(&ctx, file));
	takes_nothing = file;
	struct ipc_error e = ipc_write_fd(file, &m);
	CHECK_CODE(e, IPC_ERROR_USOCK_SEND);
	CHECK(strstr(e.error_message, strerror(EIO)) != NULL);
	CHECK_OK(ipc_write(&ctx, &m));
	writes = 0;
	for (int i = 0; i < 10; i++) {
		int timer = 0;
		CHECK_EQUAL(ipc_wait_event(&ctx, &event, &timer).error_code, 0);
		CHECK(event.type != IPC_EVENT_TYPE_TX);
	}
	CHECK(writes < 100);
	takes_nothing = -1;
	CHECK_OK(ipc_write_fd(file, &m));
	close(file);
	finish(&ctx, &event);
}

TEST(a_full_disk_is_error_43_with_the_reason_and_nothing_of_it_went) {
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	if (full < 0) SKIP("there is no /dev/full here");
	struct ipc_message m = message_of(full, 'f', "full", 4);
	for (int i = 0; i < 3; i++) {
		struct ipc_error e = ipc_write_fd(full, &m);
		CHECK_CODE(e, IPC_ERROR_USOCK_SEND);
		CHECK(strstr(e.error_message, strerror(ENOSPC)) != NULL);
	}
	close(full);
}
