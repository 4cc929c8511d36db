/*
 * direct_io.c - "Leave them blocking: programs read and write these descriptors directly (ctx->pollfd[i].fd)": what a program
 * writes itself comes between the library's frames, and what it reads itself is there. From a descriptor that the program
 * reads - EXTERNAL, with a callback, or in no context - no call takes more than the message that it gives.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static const char two_frames[] = "\2\0\0\0\3aone\2\0\0\0\3btwo";

/* The program reads the second frame itself. */
static void check_second_frame(int fd) {
	char bytes[32];
	CHECK_EQUAL(recv(fd, bytes, sizeof bytes, MSG_DONTWAIT), 9);
	CHECK(memcmp(bytes, "\2\0\0\0\3btwo", 9) == 0);
}

static void read_first_frame(int how, int fd) {
	struct ipc_message m = {0};
	char *frame = NULL;
	size_t size = 0;
	if (how == 0) CHECK_OK(ipc_read_fd(fd, &m));
	if (how == 1) CHECK_OK(usock_recv(fd, &frame, &size));
	if (how == 2) CHECK_OK(ipc_read(&ctx, 0, &m));
	CHECK_EQUAL(how == 1 ? frame[5] : m.user_type, 'a');
	free(m.payload);
	free(frame);
}

TEST(behind_a_message_that_was_read_without_a_context) {
	for (int how = 0; how < 2; how++) {
		int ends[2];
		make_pair(ends);
		write_bytes(ends[1], two_frames, 18);
		read_first_frame(how, ends[0]);
		check_second_frame(ends[0]);
		close(ends[0]);
		close(ends[1]);
	}
}

/* "EXTRA_SOCKET: an EXTERNAL fd is readable; the program reads it" */
TEST(behind_a_message_that_was_read_from_an_external_descriptor) {
	for (int how = 0; how < 3; how++) {
		int ends[2];
		make_pair(ends);
		CHECK_OK(ipc_add_fd(&ctx, ends[0]));
		write_bytes(ends[1], two_frames, 18);
		ready(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
		read_first_frame(how, ends[0]);
		ready(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
		check_second_frame(ends[0]);
		nothing_to_tell(&ctx, &event);
		ipc_ctx_free(&ctx);
		close(ends[0]);
		close(ends[1]);
	}
}

static int calls;
static enum ipccb one_way_then_the_other(int fd, struct ipc_message *m, short int *more) {
	(void)more;
	if (calls++ == 0) return ipc_read_fd(fd, m).error_code == 0 ? IPC_CB_NO_ERROR : IPC_CB_FD_ERROR;
	check_second_frame(fd);
	return IPC_CB_IGNORE;
}

/* "cb_in(fd, m, more) reads from fd" */
TEST(behind_a_message_that_was_read_by_a_callback) {
	int ends[2], other[2];
	make_pair(ends);
	make_pair(other);
	CHECK_OK(ipc_add_fd_switched(&ctx, ends[0]));
	CHECK_OK(ipc_add_fd_switched(&ctx, other[0]));
	ipc_ctx_switching_add(&ctx, ends[0], other[0]);
	ipc_switching_callbacks_(&ctx, ends[0], one_way_then_the_other);
	write_bytes(ends[1], two_frames, 18);
	ready(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	ready(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	CHECK_EQUAL(calls, 2);
	read_frame(other[1], 'a', "one", 3);
	nothing_to_tell(&ctx, &event);
	ipc_ctx_free(&ctx);
	for (int i = 0; i < 2; i++) close(ends[i]), close(other[i]);
}

TEST(a_frame_written_directly_arrives_between_those_of_the_library) {
	int origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	struct ipc_message m = message_of(origin, 'x', "by the library", 14);
	CHECK_OK(ipc_write_fd(origin, &m));
	CHECK_EQUAL(write(origin, "\2\0\0\0\3yown", 9), 9);
	CHECK_OK(ipc_write(&ctx, &m));
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(write(origin, "\2\0\0\0\0z", 6), 6);
	read_frame(peer, 'x', "by the library", 14);
	read_frame(peer, 'y', "own", 3);
	read_frame(peer, 'x', "by the library", 14);
	read_frame(peer, 'z', NULL, 0);
	close(peer);
	finish(&ctx, &event);
}

/* A program hands a client to a worker, which has the descriptor and nothing else. */
static void worker(int gate) {
	int fd = -1;
	struct ipc_message m = {0};
	CHECK_OK(ipc_receive_fd(gate, &fd));
	CHECK_OK(ipc_read_fd(fd, &m));
	CHECK(m.user_type == 'w' && m.length == 4 && memcmp(m.payload, "work", 4) == 0);
	CHECK_OK(ipc_write_fd(fd, &m));
	free(m.payload);
	close(fd);
}

TEST(a_client_that_is_handed_to_another_process_goes_on_there) {
	int gate, origin;
	pid_t child = start(worker, &gate);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	write_frame(peer, 'a', "hello", 5);
	next_message(&ctx, &event, origin, 'a', "hello", 5);
	write_frame(peer, 'w', "work", 4);
	CHECK_OK(ipc_provide_fd(gate, origin));
	CHECK_OK(ipc_close(&ctx, 1));
	CHECK_OK(ipc_del(&ctx, 1));
	read_frame(peer, 'w', "work", 4);
	join_process(child, gate);
	nothing_to_tell(&ctx, &event);
	close(peer);
	finish(&ctx, &event);
}
