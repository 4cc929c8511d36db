/*
 * read_ahead_calls.c - messages that are here already are read by ipc_read, ipc_read_fd and usock_recv without any system call: the
 * program's own recvmsg(2), fstat(2) and poll(2), which the library calls instead of libc's, count.
 */
#include "peers.h"
#include "system.h"

#include <pthread.h>
#include <sys/syscall.h>

static int receives, questions, polls;

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
	receives++;
	return syscall(SYS_recvmsg, fd, message, flags);
}
int fstat(int fd, struct stat *status) {
	questions++;
	return fstatat(fd, "", status, AT_EMPTY_PATH);
}
int poll(struct pollfd *entries, nfds_t count, int timeout) {
	polls++;
	return system_poll(entries, count, timeout);
}

enum { MESSAGES = 300 };
enum way { BY_INDEX, BY_DESCRIPTOR, INTO_BUFFER, BY_WAITING, WAYS };

static struct ipc_ctx ctx;
static struct ipc_event event;

static void read_one(enum way way, int fd) {
	struct ipc_message m = {0};
	char *bytes = NULL;
	size_t size = 0;
	if (way == BY_INDEX) CHECK_OK(ipc_read(&ctx, 0, &m));
	if (way == BY_DESCRIPTOR) CHECK_OK(ipc_read_fd(fd, &m));
	if (way == INTO_BUFFER) {
		CHECK_OK(usock_recv(fd, &bytes, &size));
		CHECK(size == FRAME_SIZE(16) && memcmp(bytes + IPC_HEADER_SIZE, "0123456789abcdef", 16) == 0);
	} else if (way == BY_WAITING) {
		next_message(&ctx, &event, fd, 'm', "0123456789abcdef", 16);
	} else {
		CHECK(m.length == 16 && memcmp(m.payload, "0123456789abcdef", 16) == 0);
	}
	free(m.payload);
	free(bytes);
}

static void read_all(void) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	for (enum way way = BY_INDEX; way < WAYS; way++) {
		int ends[2];
		char frames[MESSAGES * FRAME_SIZE(16)];
		for (int i = 0; i < MESSAGES; i++) {
			put_header(frames + (size_t)i * FRAME_SIZE(16), MSG_TYPE_DATA, 16, 'm');
			memcpy(frames + (size_t)i * FRAME_SIZE(16) + IPC_HEADER_SIZE, "0123456789abcdef", 16);
		}
		make_pair(ends);
		CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = ends[0]}));
		write_bytes(ends[1], frames, sizeof frames);
		next_message(&ctx, &event, ends[0], 'm', "0123456789abcdef", 16);
		receives = questions = polls = 0;
		int left = MESSAGES - 1;
		for (; left > 1; left--) read_one(way, ends[0]);
		if (receives + questions + (way == BY_WAITING ? 0 : polls) > 0)
			FAIL("way %d: %d receives, %d times fstat, %d polls", (int)way, receives, questions, polls);
		for (; left > 0; left--) read_one(way, ends[0]);
		IPC_EVENT_CLEAN(&event);
		ipc_ctx_free(&ctx);
		close(ends[0]);
		close(ends[1]);
	}
}

TEST(messages_that_are_here_are_read_without_a_system_call) { read_all(); }

static void *wait_for_the_end(void *gate) {
	char byte;
	CHECK_EQUAL(read_bytes(*(int *)gate, &byte, 1), 1);
	return NULL;
}
TEST(messages_that_are_here_are_read_without_a_system_call_in_a_process_with_threads) {
	pthread_t thread;
	int gate[2];
	make_pair(gate);
	CHECK_EQUAL(pthread_create(&thread, NULL, wait_for_the_end, &gate[0]), 0);
	read_all();
	write_bytes(gate[1], "x", 1);
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	close(gate[0]);
	close(gate[1]);
}

/* A direct write with nothing in the queue asks nothing either. */
TEST(direct_writes_with_nothing_queued_ask_nothing_about_the_file) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	int ends[2];
	make_pair(ends);
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = ends[0]}));
	struct ipc_message m = message_of(ends[0], 'w', "written", 7);
	for (int i = 0; i < 10; i++) {
		if (i == 1) questions = polls = 0;
		CHECK_OK(ipc_write_fd(ends[0], &m));
		read_frame(ends[1], 'w', "written", 7);
	}
	CHECK_EQUAL(questions + polls, 0);
	ipc_ctx_free(&ctx);
	close(ends[0]);
	close(ends[1]);
}
