/*
 * external_changes.c - EXTERNAL descriptors that change: an error of a socket that stays usable, a hang-up that ends, a number that
 * the program has closed, or reused for another file.
 */
#include "kinds.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

static void told(int fd, enum ipc_event_type type) {
	next(&ctx, &event, type);
	CHECK_EQUAL(event.origin, fd);
}

static struct sockaddr_in loopback(int port) {
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int datagram_socket(struct sockaddr_in *address) {
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof *address;
	*address = loopback(0);
	CHECK(bind(fd, (struct sockaddr *)address, sizeof *address) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)address, &size) == 0);
	return fd;
}

/* ICMP reports a closed port: POLLERR, and the next call on the socket gives ECONNREFUSED. */
TEST(pending_error_of_a_socket_is_told_and_the_socket_lives_on) {
	struct sockaddr_in there, here;
	int other = datagram_socket(&there), fd = datagram_socket(&here);
	char byte;
	close(other);
	CHECK(connect(fd, (struct sockaddr *)&there, sizeof there) == 0);
	CHECK_OK(ipc_add_fd(&ctx, fd));
	CHECK_EQUAL(send(fd, "x", 1, 0), 1);
	told(fd, IPC_EVENT_TYPE_EXTRA_SOCKET);
	told(fd, IPC_EVENT_TYPE_EXTRA_SOCKET);
	CHECK(recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNREFUSED);
	nothing_to_tell(&ctx, &event);
	other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK(bind(other, (struct sockaddr *)&there, sizeof there) == 0);
	CHECK_EQUAL(sendto(other, "y", 1, 0, (struct sockaddr *)&here, sizeof here), 1);
	told(fd, IPC_EVENT_TYPE_EXTRA_SOCKET);
	CHECK_EQUAL(recv(fd, &byte, 1, 0), 1);
	nothing_to_tell(&ctx, &event);
	close(other);
	close(fd);
	ipc_ctx_free(&ctx);
}

/* A socket that is not connected yet reports POLLHUP. It is reported again when it is readable. */
TEST(unconnected_socket_is_told_once_and_again_when_it_is_connected) {
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof address;
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(listening, (struct sockaddr *)&address, sizeof address) == 0 && listen(listening, 5) == 0);
	CHECK(getsockname(listening, (struct sockaddr *)&address, &size) == 0);
	CHECK_OK(ipc_add_fd(&ctx, fd));
	told(fd, IPC_EVENT_TYPE_DISCONNECTION);
	for (int i = 0; i < 3; i++) nothing_to_tell(&ctx, &event);
	CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	int peer = accept(listening, NULL, NULL);
	nothing_to_tell(&ctx, &event);
	write_bytes(peer, "x", 1);
	told(fd, IPC_EVENT_TYPE_EXTRA_SOCKET);
	char byte;
	CHECK_EQUAL(read_bytes(fd, &byte, 1), 1);
	nothing_to_tell(&ctx, &event);
	close(peer);
	told(fd, IPC_EVENT_TYPE_EXTRA_SOCKET);
	close(fd);
	close(listening);
	ipc_ctx_free(&ctx);
}

/* The reading side of a pipe is closed: POLLERR on a file that is no socket. It is reported again for each new reader that closes. */
TEST(fifo_for_writing_is_told_each_time_its_readers_have_gone) {
	CHECK_EQUAL(mkfifo(in_rundir("fifo"), 0600), 0);
	int in = open(in_rundir("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int out = open(in_rundir("fifo"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	CHECK_OK(ipc_add_fd(&ctx, out));
	nothing_to_tell(&ctx, &event);
	for (int round = 0; round < 3; round++) {
		close(in);
		told(out, IPC_EVENT_TYPE_DISCONNECTION);
		for (int i = 0; i < 3; i++) nothing_to_tell(&ctx, &event);
		in = open(in_rundir("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		nothing_to_tell(&ctx, &event);
	}
	close(in);
	close(out);
	ipc_ctx_free(&ctx);
}

/* A copy keeps the file open, and epoll(7) goes on reporting it under the closed number. */
static void told_at_most_once(enum ipc_connection_type type) {
	int ends[2], others[2], count = 0;
	make_pair(others);
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, others[0]));
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	if (type != IPC_CONNECTION_TYPE_EXTERNAL) CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[0], type), 0);
	nothing_to_tell(&ctx, &event);
	int copy = dup(ends[0]);
	close(ends[0]);
	for (int i = 0; i < 2; i++) {
		if (i == 0) write_bytes(ends[1], "x", 1);
		else close(ends[1]);
		for (int turn = 0; turn < 50; turn++) {
			int timer = 0;
			ipc_wait_event(&ctx, &event, &timer);
			if (event.type != IPC_EVENT_TYPE_TIMER) count++;
		}
	}
	CHECK(count <= 1);
	write_bytes(others[1], "x", 1);
	told(others[0], IPC_EVENT_TYPE_EXTRA_SOCKET);
	close(copy);
	close(others[0]);
	close(others[1]);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
}

TEST(closed_number_of_which_a_copy_lives_is_told_at_most_once) {
	told_at_most_once(IPC_CONNECTION_TYPE_EXTERNAL);
	told_at_most_once(IPC_CONNECTION_TYPE_IPC);
	told_at_most_once(IPC_CONNECTION_TYPE_SWITCHED);
}

/* The program closes a number and gets it for another file, as when it connects again. */
static void reopen(int number, int ends[2]) {
	CHECK_EQUAL(dup2(ends[0], number), number);
	close(ends[0]);
	ends[0] = number;
}

TEST(number_that_means_another_file_is_watched_after_a_wait_that_slept) {
	int first[2], second[2], others[2], timer = 5;
	make_pair(others);
	make_pair(first);
	make_pair(second);
	CHECK_OK(ipc_add_fd(&ctx, others[0]));
	CHECK_OK(ipc_add_fd(&ctx, first[0]));
	nothing_to_tell(&ctx, &event);
	int number = first[0];
	reopen(number, second);
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	write_bytes(second[1], "x", 1);
	told(number, IPC_EVENT_TYPE_EXTRA_SOCKET);
	close(first[1]);
	close(second[1]);
	close(number);
	close(others[0]);
	close(others[1]);
	ipc_ctx_free(&ctx);
}

TEST(number_that_means_another_file_is_watched_at_once_when_its_type_is_set) {
	const enum ipc_connection_type types[] = {IPC_CONNECTION_TYPE_EXTERNAL, IPC_CONNECTION_TYPE_IPC};
	for (int i = 0; i < 2; i++) {
		int first[2], second[2], others[2];
		make_pair(others);
		make_pair(first);
		make_pair(second);
		CHECK_OK(ipc_add_fd(&ctx, others[0]));
		CHECK_OK(ipc_add_fd(&ctx, first[0]));
		CHECK_EQUAL(ipc_ctx_fd_type(&ctx, first[0], types[i]), 0);
		nothing_to_tell(&ctx, &event);
		int number = first[0];
		reopen(number, second);
		CHECK_EQUAL(ipc_ctx_fd_type(&ctx, number, types[i]), 0);
		write_frame(second[1], 'a', "new", 3);
		told(number, i == 0 ? IPC_EVENT_TYPE_EXTRA_SOCKET : IPC_EVENT_TYPE_MESSAGE);
		close(first[1]);
		close(second[1]);
		close(number);
		close(others[0]);
		close(others[1]);
		IPC_EVENT_CLEAN(&event);
		ipc_ctx_free(&ctx);
	}
}
