/*
 * lost_sets.c - the program closes what one context watches its entries with, and another context gets that number for the same
 * purpose. All epoll sets have the same inode, so the first context cannot see that. It must lose nothing all the same.
 */
#include "peers.h"

static struct ipc_ctx ctx, other;
static struct ipc_event event, other_event;
static char is_older[256];
static int near_end, far_end, near_other, far_other; /* pairs: of ctx, of the other one */

static void close_what_is_new(void) {
	for (int fd = 0; fd < 256; fd++)
		if (!is_older[fd]) close(fd);
}

static void add(struct ipc_ctx *to, int fd) {
	CHECK_OK(ipc_add_fd(to, fd));
	CHECK_EQUAL(ipc_ctx_fd_type(to, fd, IPC_CONNECTION_TYPE_IPC), 0);
}

/* ctx has one entry, and its epoll set is closed when it has taken the first of two messages. */
static void begin(void) {
	int ends[2], others[2];
	make_pair(ends);
	make_pair(others);
	(near_end = ends[0], far_end = ends[1], near_other = others[0], far_other = others[1]);
	for (int fd = 0; fd < 256; fd++) is_older[fd] = is_open(fd);
	add(&ctx, near_end);
	write_frame(far_end, 'a', "first", 5);
	write_frame(far_end, 'b', "second", 6);
	next_message(&ctx, &event, near_end, 'a', "first", 5);
	close_what_is_new();
}

static void end(void) {
	ipc_ctx_free(&ctx);
	ipc_ctx_free(&other);
	close(near_end), close(far_end), close(near_other), close(far_other);
	IPC_EVENT_CLEAN(&event);
	IPC_EVENT_CLEAN(&other_event);
}

static void both_are_served(void) {
	for (int i = 0; i < 3; i++) {
		write_frame(far_end, 'c', "more", 4);
		write_frame(far_other, 'd', "others", 6);
		next_message(&ctx, &event, near_end, 'c', "more", 4);
		next_message(&other, &other_event, near_other, 'd', "others", 6);
	}
}

TEST(type_change_keeps_what_was_read_when_the_set_is_another_contexts) {
	begin();
	add(&other, near_other);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, near_end, IPC_CONNECTION_TYPE_EXTERNAL), 0);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, near_end, IPC_CONNECTION_TYPE_IPC), 0);
	next_message(&ctx, &event, near_end, 'b', "second", 6);
	both_are_served();
	end();
}

TEST(type_change_keeps_what_is_queued_when_the_set_is_another_contexts) {
	begin();
	add(&other, near_other);
	queue(&ctx, near_end, 'e', "queued", 6);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, near_end, IPC_CONNECTION_TYPE_IPC), 0);
	int sent = 0, received = 0;
	while (!sent || !received) {
		CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
		sent |= event.type == IPC_EVENT_TYPE_TX;
		received |= event.type == IPC_EVENT_TYPE_MESSAGE;
	}
	read_frame(far_end, 'e', "queued", 6);
	both_are_served();
	end();
}

TEST(descriptor_that_the_other_context_watches_is_added_when_the_set_is_the_others) {
	int pipe_ends[2], timer = 0;
	CHECK_EQUAL(pipe2(pipe_ends, O_CLOEXEC), 0);
	begin();
	add(&other, near_other);
	CHECK_OK(ipc_add_fd(&other, pipe_ends[0]));
	CHECK_OK(ipc_add_fd(&ctx, pipe_ends[0]));
	next_message(&ctx, &event, near_end, 'b', "second", 6);
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
	both_are_served();
	CHECK_EQUAL(write(pipe_ends[1], "x", 1), 1);
	next(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
	next(&other, &other_event, IPC_EVENT_TYPE_EXTRA_SOCKET);
	close(pipe_ends[0]), close(pipe_ends[1]);
	end();
}

TEST(both_contexts_are_served_when_one_has_the_others_set) {
	begin();
	add(&other, near_other);
	next_message(&ctx, &event, near_end, 'b', "second", 6);
	both_are_served();
	end();
}

/* With a second entry each context needs a set. Waits that only look do not compare numbers with files. */
TEST(wait_that_only_looks_finds_what_is_there_when_the_set_is_another_contexts) {
	int idle[2];
	make_pair(idle);
	begin();
	add(&ctx, idle[0]);
	add(&other, near_other);
	add(&other, idle[1]);
	next_message(&ctx, &event, near_end, 'b', "second", 6);
	nothing_to_tell(&ctx, &event);
	nothing_to_tell(&other, &other_event);
	for (int i = 0; i < 4; i++) {
		close_what_is_new();
		/* The one that comes first gets the lower number for its new set. */
		if (i < 2) nothing_to_tell(&ctx, &event);
		else nothing_to_tell(&other, &other_event);
		write_frame(far_end, 'c', "more", 4);
		write_frame(far_other, 'd', "others", 6);
		ready_message(&ctx, &event, near_end, 'c', "more", 4);
		ready_message(&other, &other_event, near_other, 'd', "others", 6);
	}
	end();
	close(idle[0]), close(idle[1]);
}

/* Freeing the first context does not close the set of the other one. */
TEST(freed_context_closes_no_set_of_another_one) {
	int idle[2];
	make_pair(idle);
	begin();
	add(&other, near_other);
	add(&other, idle[1]);
	nothing_to_tell(&other, &other_event);
	int open_before = count_descriptors();
	ipc_ctx_free(&ctx);
	CHECK_EQUAL(count_descriptors(), open_before);
	write_frame(far_other, 'd', "others", 6);
	ready_message(&other, &other_event, near_other, 'd', "others", 6);
	end();
	close(idle[0]), close(idle[1]);
}
