/*
 * outside_by_descriptor.c - calls that know only a descriptor (ipc_read_fd, ipc_write_fd, ipc_ctx_fd_type), after the program has done
 * something to the context that has it: an entry filled by hand, a pair made or undone in the table, a fork.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

static void fill_by_hand(int fd, enum ipc_connection_type type) {
	CHECK_OK(ipc_ctx_new_alloc(&ctx));
	ctx.pollfd[ctx.size - 1].fd = fd;
	ctx.cinfos[ctx.size - 1].type = type;
}
static void read_text(int fd, const char *text) {
	struct ipc_message m = {0};
	CHECK_OK(ipc_read_fd(fd, &m));
	CHECK(m.length == strlen(text) && memcmp(m.payload, text, m.length) == 0);
	free(m.payload);
}
static void write_text(int fd, const char *text) {
	struct ipc_message m = message_of(fd, 'w', text, (uint32_t)strlen(text));
	CHECK_OK(ipc_write_fd(fd, &m));
}

/* The entry counts "from the next call on": a call by descriptor works with the descriptor all the same, and leaves nothing odd. */
TEST(entry_filled_by_hand_is_read_and_written_directly_before_any_other_call) {
	int ends[2];
	make_pair(ends);
	fill_by_hand(ends[0], IPC_CONNECTION_TYPE_IPC);
	write_frame(ends[1], '1', "first", 5);
	write_frame(ends[1], '2', "second", 6);
	write_frame(ends[1], '3', "third", 5);
	read_text(ends[0], "first");
	write_text(ends[0], "written");
	read_frame(ends[1], 'w', "written", 7);
	next_message(&ctx, &event, ends[0], '2', "second", 6);
	read_text(ends[0], "third"); /* it was read ahead, by the context */
	queue(&ctx, ends[0], 'q', "queued", 6);
	write_text(ends[0], "behind");
	read_frame(ends[1], 'q', "queued", 6);
	read_frame(ends[1], 'w', "behind", 6);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	close(ends[1]);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
}

/* What a direct call has begun is the entry's: half a message that came, and the rest of one that went. */
TEST(what_direct_calls_have_begun_is_the_entrys_that_was_filled_by_hand) {
	int ends[2];
	char *large = pattern(1000000, 3), frame[FRAME_SIZE(10)];
	struct ipc_message m = {0}, out;
	make_pair(ends);
	CHECK_EQUAL(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	fill_by_hand(ends[0], IPC_CONNECTION_TYPE_IPC);
	put_header(frame, MSG_TYPE_DATA, 10, 'h');
	memcpy(frame + IPC_HEADER_SIZE, "0123456789", 10);
	write_bytes(ends[1], frame, 9);
	CHECK_CODE(ipc_read_fd(ends[0], &m), IPC_ERROR_USOCK_RECV);
	out = message_of(ends[0], 'l', large, 1000000);
	CHECK_CODE(ipc_write_fd(ends[0], &out), IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA);
	write_bytes(ends[1], frame + 9, sizeof frame - 9);
	next_message(&ctx, &event, ends[0], 'h', "0123456789", 10);
	char *got = malloc(FRAME_SIZE(1000000));
	for (size_t have = 0; have < FRAME_SIZE(1000000);) {
		ssize_t n = recv(ends[1], got + have, FRAME_SIZE(1000000) - have, MSG_DONTWAIT);
		if (n > 0) have += (size_t)n;
		nothing_to_tell(&ctx, &event); /* it was no message of the queue */
	}
	CHECK(got[5] == 'l' && memcmp(got + IPC_HEADER_SIZE, large, 1000000) == 0);
	free(got);
	free(large);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
	close(ends[0]);
	close(ends[1]);
}

TEST(type_of_an_entry_filled_by_hand_is_changed_before_any_other_call) {
	int ends[2];
	make_pair(ends);
	fill_by_hand(ends[0], IPC_CONNECTION_TYPE_EXTERNAL);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[0], IPC_CONNECTION_TYPE_IPC), 0);
	write_frame(ends[1], 'm', "message", 7);
	next_message(&ctx, &event, ends[0], 'm', "message", 7);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[1], IPC_CONNECTION_TYPE_IPC), -1);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
	close(ends[0]);
	close(ends[1]);
}

/* ---- the table of pairs, changed by the program; then calls by descriptor alone ---- */

/* A switched end has two messages; the context has read both, and passed on one, or none. */
TEST(direct_calls_on_a_switched_end_work_after_its_pair_was_undone_or_made_in_the_table) {
	for (int made = 0; made < 2; made++) {
		int near[2], far[2];
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		add_switched(&ctx, near, far, 2);
		if (!made) ipc_ctx_switching_add(&ctx, near[0], near[1]);
		write_frame(far[0], '1', "first", 5);
		write_frame(far[0], '2', "second", 6);
		if (made) {
			ready_code(&ctx, &event, IPC_EVENT_TYPE_ERROR, IPC_ERROR_FD_SWITCHING__NO_FD_RECORD);
			ipc_switching_add(&ctx.switchdb, near[0], near[1]);
			read_text(near[0], "first");
			write_text(near[1], "direct");
			read_frame(far[1], 'w', "direct", 6);
			next(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
			next(&ctx, &event, IPC_EVENT_TYPE_TX);
			read_frame(far[1], '2', "second", 6);
		} else {
			next(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
			CHECK_EQUAL(ipc_switching_del(&ctx.switchdb, near[0]), near[1]);
			/* What is queued goes before what is written now. */
			write_text(near[1], "direct");
			read_frame(far[1], '1', "first", 5);
			read_frame(far[1], 'w', "direct", 6);
			read_text(near[0], "second");
			next(&ctx, &event, IPC_EVENT_TYPE_TX);
			write_frame(far[0], '3', "third", 5);
			next_code(&ctx, &event, IPC_EVENT_TYPE_ERROR, IPC_ERROR_FD_SWITCHING__NO_FD_RECORD);
		}
		nothing_to_tell(&ctx, &event);
		finish(&ctx, &event);
		for (int i = 0; i < 2; i++) {
			close(far[i]);
			if (is_open(near[i])) close(near[i]);
		}
		unlink(address_of("pong").sun_path);
	}
}

/* An end that was held back for room has a new partner in the table: a direct write to the old one does not wake it wrongly. */
TEST(end_that_is_held_back_goes_on_after_a_change_in_the_table_and_a_direct_call) {
	int near[3], far[3];
	char *large = pattern(700000, 2);
	make_switched(&ctx, near, far, 3);
	pid_t child = fork_process();
	if (child == 0) {
		write_frame(far[0], 'l', large, 700000);
		write_frame(far[0], 's', "small", 5);
		free(large);
		_exit(0);
	}
	next(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	CHECK_EQUAL(event.origin, near[0]);
	await_process(child);
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(ipc_switching_del(&ctx.switchdb, near[0]), near[1]);
	ipc_switching_add(&ctx.switchdb, near[0], near[2]);
	write_text(near[2], "direct");
	next(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	read_frame(far[2], 'w', "direct", 6);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(far[2], 's', "small", 5);
	free(large);
	finish(&ctx, &event);
	for (int i = 0; i < 3; i++) {
		close(far[i]);
		if (is_open(near[i])) close(near[i]);
	}
}

/* ---- a fork, then calls by descriptor alone in the child: the parent's queue is the parent's ---- */

TEST(child_that_only_makes_direct_calls_works_with_its_copy_and_the_parent_notices_nothing) {
	int origin, peer;
	char byte;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = join(&ctx, &event, "pong", &origin);
	write_frame(peer, '1', "first", 5);
	write_frame(peer, '2', "second", 6);
	next_message(&ctx, &event, origin, '1', "first", 5); /* both are here */
	pid_t child = fork_process();
	if (child == 0) {
		read_text(origin, "second");
		write_text(origin, "child");
		read_frame(peer, 'w', "child", 5);
		CHECK_EQUAL(ipc_ctx_fd_type(&ctx, origin, IPC_CONNECTION_TYPE_EXTERNAL), 0);
		exit(0);
	}
	await_process(child);
	ready_message(&ctx, &event, origin, '2', "second", 6);
	write_frame(peer, '3', "third", 5);
	next_message(&ctx, &event, origin, '3', "third", 5);
	CHECK(recv(peer, &byte, 1, MSG_DONTWAIT) < 0);
	close(peer);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	finish(&ctx, &event);
}

/* The child sends what its copy of the queue holds, as it does when it waits (README, fork): in front, and once for each of the two. */
TEST(child_that_writes_directly_and_deletes_keeps_the_order_of_its_own_copy) {
	int origin, peer;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = join(&ctx, &event, "pong", &origin);
	queue(&ctx, origin, 'q', "queued", 6);
	pid_t child = fork_process();
	if (child == 0) {
		/* Closing offers nothing that was inherited, whichever call came first. */
		CHECK_EQUAL(ipc_ctx_fd_type(&ctx, origin, IPC_CONNECTION_TYPE_IPC), 0);
		CHECK_OK(ipc_close_fd(&ctx, origin));
		exit(0);
	}
	await_process(child);
	CHECK(!is_readable(peer));
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(peer, 'q', "queued", 6);
	close(peer);
	finish(&ctx, &event);
}
