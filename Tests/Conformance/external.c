/*
 * external.c - the rows of the contract's table of events about EXTERNAL descriptors: the program reads them, the library
 * says when. "Anything poll(2) takes is accepted, a terminal or a regular file on stdin included."
 * What a hang-up must not become is in faults_events.c (fault 10), what is written to them in external_writes.c.
 */
#include "kinds.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

static void extra_socket(int fd, uint32_t index) {
	ready(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
	CHECK_EQUAL(event.origin, fd);
	CHECK_EQUAL(event.index, index);
	CHECK(event.m == NULL);
}

static void hung_up(int fd, uint32_t index) {
	size_t size = ctx.size;
	ready(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.origin, fd);
	CHECK_EQUAL(event.index, index);
	CHECK_EQUAL(ctx.size, size);
	CHECK(is_open(fd));
	for (int i = 0; i < 3; i++) nothing_to_tell(&ctx, &event);
}

/* poll(2) reports it as readable at its end: the event repeats until the program removes the descriptor; the program finds the end by
 * reading. */
static void ends_readably(int fd, uint32_t index) {
	char byte;
	for (int i = 0; i < 3; i++) {
		extra_socket(fd, index);
		CHECK(read(fd, &byte, 1) <= 0);
	}
}

/* `in` is watched, `out` leads to it: silent, told as long as something is left, silent again; then `out` is closed. */
static void comes_and_goes(int in, int out, void (*end)(int fd, uint32_t index)) {
	CHECK_OK(ipc_add_fd(&ctx, in));
	uint32_t index = (uint32_t)ctx.size - 1;
	nothing_to_tell(&ctx, &event);
	put_bytes(out, "abc", 3);
	await_arrival(in);
	extra_socket(in, index);
	extra_socket(in, index);
	take_bytes(in, "a", 1);
	extra_socket(in, index);
	take_bytes(in, "bc", 2);
	nothing_to_tell(&ctx, &event);
	put_bytes(out, "d", 1);
	await_arrival(in);
	close(out);
	extra_socket(in, index);
	take_bytes(in, "d", 1);
	await_arrival(in);
	end(in, index);
	CHECK_OK(ipc_del_fd(&ctx, in));
	close(in);
}

TEST(a_socket_and_a_pipe_are_told_until_they_are_read_and_when_they_hang_up) {
	int ends[2];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	make_pair(ends);
	comes_and_goes(ends[0], ends[1], ends_readably);
	CHECK(pipe(ends) == 0);
	comes_and_goes(ends[0], ends[1], hung_up);
	finish(&ctx, &event);
}

TEST(a_terminal_is_told_until_it_is_read_and_when_it_hangs_up) {
	int ends[2];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	make_terminal(ends);
	comes_and_goes(ends[1], ends[0], hung_up); /* the user's side, which keeps what was written before the hang-up */
	make_terminal(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	nothing_to_tell(&ctx, &event);
	put_bytes(ends[1], "line\n", 5);
	await_arrival(ends[0]);
	extra_socket(ends[0], 1);
	take_bytes(ends[0], "line\n", 5);
	nothing_to_tell(&ctx, &event);
	close(ends[1]);
	await_arrival(ends[0]);
	ends_readably(ends[0], 1);
	close(ends[0]);
	finish(&ctx, &event);
}

/* A FIFO hangs up with its last writer and comes to life with the next one. */
TEST(fifo_is_told_again_when_it_has_new_writers) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(mkfifo(in_rundir("fifo"), 0600), 0);
	int in = open(in_rundir("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CHECK(in >= 0);
	CHECK_OK(ipc_add_fd(&ctx, in));
	nothing_to_tell(&ctx, &event);
	for (int round = 0; round < 3; round++) {
		int out = open(in_rundir("fifo"), O_WRONLY | O_CLOEXEC);
		nothing_to_tell(&ctx, &event);
		put_bytes(out, "abc", 3);
		extra_socket(in, 1);
		take_bytes(in, "abc", 3);
		nothing_to_tell(&ctx, &event);
		put_bytes(out, "last", 4);
		close(out);
		extra_socket(in, 1);
		take_bytes(in, "last", 4);
		hung_up(in, 1);
	}
	close(in);
	finish(&ctx, &event);
}

TEST(counters_and_clocks_are_told_until_they_are_read) {
	uint64_t count;
	int counter = eventfd(0, EFD_CLOEXEC), clock = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct itimerspec soon = {.it_value = {0, 1}};
	CHECK(counter >= 0 && clock >= 0);
	CHECK_OK(ipc_add_fd(&ctx, counter));
	CHECK_OK(ipc_add_fd(&ctx, clock));
	nothing_to_tell(&ctx, &event);
	for (int round = 0; round < 3; round++) {
		put_bytes(counter, &(uint64_t){5}, sizeof count);
		extra_socket(counter, 0);
		extra_socket(counter, 0);
		CHECK_EQUAL(read(counter, &count, sizeof count), sizeof count);
		CHECK_EQUAL(count, 5);
		CHECK_EQUAL(timerfd_settime(clock, 0, &soon, NULL), 0);
		next(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
		CHECK_EQUAL(event.origin, clock);
		CHECK_EQUAL(read(clock, &count, sizeof count), sizeof count);
		nothing_to_tell(&ctx, &event);
	}
	close(counter);
	close(clock);
	finish(&ctx, &event);
}

/* poll(2) calls a regular file always readable, at its end too: that is how a program finds the end. */
TEST(a_regular_file_is_told_each_time_in_turn_with_the_others) {
	int origin, file = make_file("abc", O_RDONLY);
	CHECK_OK(ipc_add_fd(&ctx, file));
	for (int i = 0; i < 3; i++) extra_socket(file, 0);
	take_bytes(file, "abc", 3);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = raw_connect("pong"), told = 0;
	while (event.type != IPC_EVENT_TYPE_CONNECTION) {
		CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
		CHECK(told++ < 16);
	}
	origin = event.origin;
	for (int i = 0; i < 5; i++) {
		write_frame(peer, 'a', "hello", 5);
		told = 0;
		do {
			CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
			CHECK(event.origin == file || event.origin == origin);
			CHECK(told++ < 16);
		} while (event.type != IPC_EVENT_TYPE_MESSAGE);
		CHECK_OK(ipc_wait_event(&ctx, &event, NULL)); /* and now it is the file's turn */
		CHECK_EQUAL(event.origin, file);
	}
	CHECK_OK(ipc_del_fd(&ctx, file));
	nothing_to_tell(&ctx, &event);
	close(file);
	close(peer);
	finish(&ctx, &event);
}

static void on_stdin(int fd) {
	int saved = dup(0);
	CHECK_EQUAL(dup2(fd, 0), 0);
	CHECK_OK(ipc_add_fd(&ctx, 0));
	extra_socket(0, 0);
	take_bytes(0, "abc", 3);
	CHECK_OK(ipc_del_fd(&ctx, 0));
	CHECK_EQUAL(dup2(saved, 0), 0);
	close(saved);
}

TEST(stdin_is_watched_be_it_a_terminal_a_regular_file_a_pipe_or_the_null_device) {
	int ends[2], file = make_file("abc", O_RDONLY), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	on_stdin(file);
	CHECK(pipe(ends) == 0);
	put_bytes(ends[1], "abc", 3);
	on_stdin(ends[0]);
	close(ends[0]);
	close(ends[1]);
	CHECK_OK(ipc_add_fd(&ctx, null));
	extra_socket(null, 0);
	CHECK_OK(ipc_del_fd(&ctx, null));
	make_terminal(ends);
	put_bytes(ends[1], "abc", 3);
	await_arrival(ends[0]);
	on_stdin(ends[0]);
	close(ends[0]);
	close(ends[1]);
	close(file);
	close(null);
}

TEST(datagrams_and_listening_sockets_are_watched_as_well) {
	int ends[2], listening = raw_listen("raw");
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	CHECK_OK(ipc_add_fd(&ctx, listening));
	nothing_to_tell(&ctx, &event);
	put_bytes(ends[1], "abc", 3);
	put_bytes(ends[1], "defg", 4);
	extra_socket(ends[0], 0);
	take_bytes(ends[0], "abc", 3);
	extra_socket(ends[0], 0);
	take_bytes(ends[0], "defg", 4);
	nothing_to_tell(&ctx, &event);
	int peer = raw_connect("raw");
	extra_socket(listening, 1);
	close(accept(listening, NULL, NULL));
	nothing_to_tell(&ctx, &event);
	close(peer);
	close(ends[0]);
	close(ends[1]);
	close(listening);
	finish(&ctx, &event);
}

/* "told again as long as something is left": also when the program reads by the library's own calls. */
TEST(frames_read_by_the_program_are_told_one_after_the_other) {
	int ends[2];
	struct ipc_message m = {0};
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	for (int how = 0; how < 3; how++) {
		write_bytes(ends[1], "\2\0\0\0\3aone\2\0\0\0\3btwo\2\0\0\0\5cthree", 29);
		for (int i = 0; i < 3; i++) {
			char *frame = NULL;
			size_t size = 0;
			extra_socket(ends[0], 0);
			if (how == 0) CHECK_OK(ipc_read_fd(ends[0], &m));
			if (how == 1) CHECK_OK(ipc_read(&ctx, 0, &m));
			if (how == 2) CHECK_OK(usock_recv(ends[0], &frame, &size));
			CHECK_EQUAL(how == 2 ? frame[5] : m.user_type, 'a' + i);
			free(frame);
		}
		nothing_to_tell(&ctx, &event);
	}
	free(m.payload);
	ipc_ctx_free(&ctx);
	close(ends[0]);
	close(ends[1]);
}
