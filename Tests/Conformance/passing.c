/*
 * passing.c - descriptors over Unix sockets: ipc_provide_fd and ipc_receive_fd, and the descriptors that a peer sends
 * though nobody asked for them: they are closed, however many, wherever in the stream they come.
 */
#include "peers.h"

static struct ipc_ctx service;
static struct ipc_event event;

/* Whether any copy of the other end is open still: this end then has not come to its end. */
static void check_no_copy_is_left(int end) {
	CHECK(is_readable(end)); /* its end can be read */
	char byte;
	CHECK_EQUAL(read(end, &byte, 1), 0);
}

TEST(ipc_provide_fd_sends_one_byte_0_with_one_descriptor) {
	int ends[2], passed[2];
	char byte = 'x', control[CMSG_SPACE(10 * sizeof(int))];
	struct iovec part = {&byte, 1};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	make_pair(ends);
	CHECK(pipe(passed) == 0);
	CHECK_OK(ipc_provide_fd(ends[0], passed[1]));
	CHECK_EQUAL(recvmsg(ends[1], &m, 0), 1);
	CHECK_EQUAL(byte, 0);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	CHECK(c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)));
	CHECK(CMSG_NXTHDR(&m, c) == NULL && !is_readable(ends[1]));
	int fd;
	memcpy(&fd, CMSG_DATA(c), sizeof fd);
	CHECK(is_open(passed[1])); /* it is copied, not given away */
	close(passed[1]);
	CHECK_EQUAL(write(fd, "x", 1), 1);
	CHECK_EQUAL(read(passed[0], &byte, 1), 1);
	close(fd);
	close(passed[0]);
	CHECK_CODE(ipc_provide_fd(ends[0], -1), IPC_ERROR_PROVIDE_FD__SENDMSG);
	CHECK_CODE(ipc_provide_fd(-1, ends[0]), IPC_ERROR_PROVIDE_FD__SENDMSG);
	close(ends[1]);
	CHECK_CODE(ipc_provide_fd(ends[0], 0), IPC_ERROR_PROVIDE_FD__SENDMSG); /* and no SIGPIPE */
	close(ends[0]);
}

TEST(ipc_receive_fd_gives_a_copy_that_is_closed_on_exec) {
	int ends[2], passed[2], fd = -1;
	make_pair(ends);
	CHECK(pipe(passed) == 0);
	for (int i = 0; i < 3; i++) {
		CHECK_OK(ipc_provide_fd(ends[0], passed[1]));
		CHECK_OK(ipc_receive_fd(ends[1], &fd));
		CHECK(fd >= 0 && fd != passed[1] && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
		close(fd);
	}
	for (int i = 0; i < 3; i++) CHECK_OK(ipc_provide_fd(ends[0], passed[1])); /* several on their way */
	for (int i = 0; i < 3; i++) {
		CHECK_OK(ipc_receive_fd(ends[1], &fd));
		CHECK_EQUAL(write(fd, "x", 1), 1);
		close(fd);
	}
	CHECK(!is_readable(ends[1]));
	close(passed[1]);
	close(passed[0]);
	close(ends[0]);
	close(ends[1]);
}

TEST(ipc_receive_fd_names_what_is_wrong) {
	int ends[2], fd = -7;
	make_pair(ends);
	CHECK_CODE(ipc_receive_fd(ends[1], NULL), IPC_ERROR_RECEIVE_FD__NO_PARAM_FD);
	CHECK_CODE(ipc_receive_fd(-1, &fd), IPC_ERROR_RECEIVE_FD__RECVMSG);
	write_bytes(ends[0], "xy", 2); /* "a message without one is error 65" */
	CHECK_CODE(ipc_receive_fd(ends[1], &fd), IPC_ERROR_RECEIVE_FD__RECVMSG);
	close(ends[0]);
	for (int i = 0; i < 2; i++) CHECK_CODE(ipc_receive_fd(ends[1], &fd), IPC_ERROR_RECEIVE_FD__RECVMSG);
	CHECK(fd < 0);
	close(ends[1]);
}

TEST(of_several_descriptors_one_is_given_and_the_others_are_closed) {
	int ends[2], passed[2], fd = -1;
	make_pair(ends);
	for (int count = 2; count <= 100; count *= 2) {
		CHECK(pipe(passed) == 0);
		send_with(ends[0], "", 1, passed[1], count);
		CHECK_OK(ipc_receive_fd(ends[1], &fd));
		close(passed[1]);
		CHECK_EQUAL(write(fd, "x", 1), 1);
		char byte;
		CHECK_EQUAL(read(passed[0], &byte, 1), 1);
		close(fd);
		check_no_copy_is_left(passed[0]);
		close(passed[0]);
	}
	close(ends[0]);
	close(ends[1]);
}

/* The context has received it, or a direct call; and whichever it is, what was not asked for goes with its byte. */
TEST(descriptors_that_come_with_frames_and_are_not_asked_for_are_closed) {
	int origin;
	CHECK_OK(ipc_server_init(&service, "pong"));
	int peer = join(&service, &event, "pong", &origin);
	for (int count = 1; count <= 100; count *= 3) {
		for (int how = 0; how < 3; how++) {
			int passed[2];
			struct ipc_message m = {0};
			char *frame = NULL;
			size_t size = 0;
			CHECK(pipe(passed) == 0);
			send_with(peer, "\2\0\0", 3, passed[1], count); /* with the header, with the payload */
			send_with(peer, "\0\3", 2, passed[1], count);
			send_with(peer, "uone", 4, passed[1], count);
			close(passed[1]);
			if (how == 0) next_message(&service, &event, origin, 'u', "one", 3);
			if (how == 1) CHECK_OK(ipc_read_fd(origin, &m));
			if (how == 2) CHECK_OK(usock_recv(origin, &frame, &size));
			write_frame(peer, 'n', NULL, 0); /* and at the latest with the next frame they are gone */
			next_message(&service, &event, origin, 'n', NULL, 0);
			check_no_copy_is_left(passed[0]);
			close(passed[0]);
			free(m.payload);
			free(frame);
		}
	}
	close(peer);
	finish(&service, &event);
}

TEST(descriptors_of_a_peer_that_leaves_or_is_thrown_out_or_deleted_are_closed) {
	for (int how = 0; how < 4; how++) {
		int passed[2], origin;
		CHECK(pipe(passed) == 0);
		CHECK_OK(ipc_server_init(&service, "pong"));
		int peer = join(&service, &event, "pong", &origin);
		send_with(peer, how == 1 ? "\2\377\377\377\377x" : "\2\0\0", how == 1 ? 6 : 3, passed[1], 3);
		close(passed[1]);
		if (how != 1) nothing_to_tell(&service, &event);
		if (how == 0) {
			close(peer);
			next(&service, &event, IPC_EVENT_TYPE_DISCONNECTION);
		}
		if (how == 1) next(&service, &event, IPC_EVENT_TYPE_ERROR);
		if (how == 2) CHECK_OK(ipc_close(&service, 1));
		if (how < 3) check_no_copy_is_left(passed[0]); /* at once, while the context lives on */
		if (how >= 1) close(peer);
		finish(&service, &event);
		if (how == 3) check_no_copy_is_left(passed[0]);
		close(passed[0]);
	}
}

/* A program asks for a descriptor after the frame that announced it, by whichever call it read the frame. */
TEST(descriptors_between_frames_are_given_in_order_to_who_asks) {
	int origin, passed[3][2];
	char byte;
	struct ipc_message m = {0};
	CHECK_OK(ipc_server_init(&service, "pong"));
	int peer = join(&service, &event, "pong", &origin);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 3; i++) {
			CHECK(pipe(passed[i]) == 0);
			write_frame(peer, (char)('a' + i), "next", 4);
			CHECK_OK(ipc_provide_fd(peer, passed[i][1]));
			close(passed[i][1]);
		}
		for (int i = 0; i < 3; i++) {
			int fd = -1;
			if (round == 0) next_message(&service, &event, origin, (char)('a' + i), "next", 4);
			else CHECK_OK(ipc_read_fd(origin, &m));
			CHECK_OK(ipc_receive_fd(origin, &fd));
			CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
			CHECK_EQUAL(write(fd, "x", 1), 1);
			close(fd);
			CHECK_EQUAL(read(passed[i][0], &byte, 1), 1);
			check_no_copy_is_left(passed[i][0]);
			close(passed[i][0]);
		}
	}
	free(m.payload);
	nothing_to_tell(&service, &event);
	close(peer);
	finish(&service, &event);
}

/* ipc_provide_fd does not overtake what is queued: the byte comes behind the frames. */
TEST(a_descriptor_comes_behind_the_frames_that_were_queued_before_it) {
	int origin, passed[2], fd = -1;
	CHECK(pipe(passed) == 0);
	CHECK_OK(ipc_server_init(&service, "pong"));
	int peer = join(&service, &event, "pong", &origin);
	queue(&service, origin, 'a', "here it is", 10);
	CHECK_OK(ipc_provide_fd(origin, passed[1]));
	read_frame(peer, 'a', "here it is", 10);
	CHECK_OK(ipc_receive_fd(peer, &fd));
	next(&service, &event, IPC_EVENT_TYPE_TX);
	close(fd);
	close(passed[0]);
	close(passed[1]);
	close(peer);
	finish(&service, &event);
}
