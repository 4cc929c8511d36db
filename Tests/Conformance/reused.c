/*
 * reused.c - descriptor numbers come again: after ipc_close, ipc_del and a close(2) of the program's own, the next socket
 * often has the same number. Nothing of the old one may reach it: no bytes, no messages, no events, no callbacks.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static int origin, peer;

/* The client's own end gets a number that is out of the way. */
static int set_aside(int fd) {
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, 200);
	close(fd);
	return moved;
}

/* A client that has said half of something and for which something waits, in part with the kernel. */
static void start_conversation(void) {
	char *payload = pattern(1000000, 1);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = set_aside(raw_connect("pong"));
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	origin = event.origin;
	write_bytes(peer, "\2\0\0\0\3aone\2\0\0\0\3bt", 16);
	next_message(&ctx, &event, origin, 'a', "one", 3);
	queue(&ctx, origin, 'l', payload, 1000000);
	queue(&ctx, origin, 's', "small", 5);
	nothing_to_tell(&ctx, &event);
	free(payload);
}

/* The next client, whose descriptor has the number of the first one. */
static int next_client(uint32_t *index) {
	int fd = set_aside(raw_connect("pong"));
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	*index = event.index;
	CHECK_EQUAL(event.origin, origin);
	return fd;
}

static void talks(int fd, uint32_t index) {
	write_frame(fd, 'n', "new", 3);
	ready(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
	struct ipc_message *m = event.m;
	CHECK(event.index == index && event.origin == origin && m->user_type == 'n' && m->length == 3);
	queue(&ctx, origin, 'o', "other", 5);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK(event.index == index && event.origin == origin);
	read_frame(fd, 'o', "other", 5);
	struct ipc_message direct = message_of(origin, 'd', "direct", 6), got = {0};
	CHECK_OK(ipc_write_fd(origin, &direct));
	read_frame(fd, 'd', "direct", 6);
	write_frame(fd, 'r', "read", 4);
	CHECK_OK(ipc_read(&ctx, index, &got));
	CHECK(got.user_type == 'r');
	write_frame(fd, 'q', "read", 4);
	CHECK_OK(ipc_read_fd(origin, &got));
	CHECK(got.user_type == 'q');
	free(got.payload);
	nothing_to_tell(&ctx, &event);
	CHECK(!is_readable(fd));
}

static void end_conversation(int fd) {
	close(peer);
	nothing_to_tell(&ctx, &event);
	close(fd);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.origin, origin);
	finish(&ctx, &event);
}

TEST(after_ipc_close_and_ipc_del) {
	uint32_t index;
	start_conversation();
	CHECK_OK(ipc_close(&ctx, 1));
	CHECK_EQUAL(ctx.tx.size, 0);
	CHECK_OK(ipc_del(&ctx, 1));
	int fd = next_client(&index);
	CHECK_EQUAL(index, 1);
	talks(fd, index);
	end_conversation(fd);
}

/* "the entry stays": two entries show the number then, and the live one is meant. */
TEST(after_ipc_close_while_the_entry_stays) {
	uint32_t index;
	start_conversation();
	CHECK_OK(ipc_close(&ctx, 1));
	nothing_to_tell(&ctx, &event);
	int fd = next_client(&index);
	CHECK(index == 2 && ctx.size == 3);
	talks(fd, index);
	CHECK_CODE(ipc_close(&ctx, 1), IPC_ERROR_USOCK_CLOSE); /* it is closed: the other is not to be closed for it */
	CHECK(is_open(origin));
	talks(fd, index);
	CHECK_OK(ipc_del(&ctx, 1)); /* the new client moves into its place */
	CHECK(ctx.size == 2 && ctx.pollfd[1].fd == origin);
	talks(fd, 1);
	end_conversation(fd);
}

TEST(after_ipc_close_when_the_new_entry_goes_first) {
	uint32_t index;
	start_conversation();
	CHECK_OK(ipc_close(&ctx, 1));
	int fd = next_client(&index);
	talks(fd, index);
	close(fd);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.index, 2);
	CHECK(ctx.size == 2 && !is_open(origin));
	nothing_to_tell(&ctx, &event);
	struct ipc_message m = message_of(origin, 'x', "x", 1);
	CHECK(ipc_write(&ctx, &m).error_code != 0 && ctx.tx.size == 0);
	fd = next_client(&index);
	talks(fd, index);
	end_conversation(fd);
}

TEST(after_ipc_close_all_the_entries_are_silent) {
	start_conversation();
	CHECK_OK(ipc_close_all(&ctx));
	CHECK(ctx.size == 2 && ctx.tx.size == 0 && !is_open(origin));
	for (int i = 0; i < 3; i++) nothing_to_tell(&ctx, &event);
	CHECK_OK(ipc_close_all(&ctx));
	int ends[2]; /* the numbers of both, or others: not the context's */
	make_pair(ends);
	write_bytes(ends[0], "x", 1);
	write_bytes(ends[1], "x", 1);
	nothing_to_tell(&ctx, &event);
	CHECK_OK(ipc_close_all(&ctx));
	CHECK(is_open(ends[0]) && is_open(ends[1]));
	ipc_ctx_free(&ctx);
	close(ends[0]);
	close(ends[1]);
	close(peer);
}

TEST(after_a_disconnection) {
	uint32_t index;
	start_conversation();
	close(peer);
	peer = -1;
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	int fd = next_client(&index);
	CHECK_EQUAL(index, 1);
	talks(fd, index);
	end_conversation(fd);
}

TEST(after_an_external_descriptor_that_was_closed_and_deleted) {
	uint32_t index;
	start_conversation();
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, origin, IPC_CONNECTION_TYPE_EXTERNAL), 0);
	CHECK_OK(ipc_close(&ctx, 1)); /* closes nothing, drops what was queued */
	CHECK(is_open(origin) && ctx.tx.size == 0);
	close(origin);
	CHECK_OK(ipc_del(&ctx, 1));
	int fd = next_client(&index);
	talks(fd, index);
	end_conversation(fd);
}

/* Fault 10 speaks of an fd "the program had closed": its number is free for the next client. */
TEST(after_a_close_of_the_programs_own) {
	uint32_t index;
	start_conversation();
	close(origin);
	int fd = set_aside(raw_connect("pong")), told = 0;
	do { /* that the old one is gone may be told once */
		CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
		CHECK(told++ < 2);
	} while (event.type != IPC_EVENT_TYPE_CONNECTION);
	CHECK_EQUAL(event.origin, origin);
	index = event.index;
	talks(fd, index);
	end_conversation(fd);
}

/* A copy of the descriptor lives on (dup, fork, SCM_RIGHTS): the context has closed its own, and hears no more of it. */
TEST(a_copy_that_lives_on_is_not_heard_any_more) {
	uint32_t index;
	start_conversation();
	int copy = fcntl(origin, F_DUPFD_CLOEXEC, 300);
	CHECK_OK(ipc_close(&ctx, 1));
	CHECK_OK(ipc_del(&ctx, 1));
	write_bytes(peer, "wo\2\0\0\0\0x", 8);
	for (int i = 0; i < 3; i++) nothing_to_tell(&ctx, &event);
	int fd = next_client(&index);
	talks(fd, index);
	close(copy);
	end_conversation(fd);
}
