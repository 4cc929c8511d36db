/*
 * twins.c - several entries of one number: the one that came last has the descriptor. When it is deleted the one that it has replaced
 * goes on. An entry whose descriptor was closed never does, whatever file gets the number.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static int near, far;

static void add_entry(int fd) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = fd}));
}

/* A pair whose one end has this number, which is free. */
static void open_at(int number) {
	int ends[2];
	make_pair(ends);
	if (ends[0] != number) {
		if (ends[1] == number) ends[1] = fcntl(number, F_DUPFD_CLOEXEC, 0);
		CHECK_EQUAL(dup2(ends[0], number), number);
		close(ends[0]);
	}
	near = number, far = ends[1];
}

static void open_first(void) {
	int ends[2];
	make_pair(ends);
	near = ends[0], far = ends[1];
}

/* The entry at this index is told of what the peer sends, and sends itself. */
static void check_lives(uint32_t index) {
	write_frame(far, 'a', "alive", 5);
	ready_message(&ctx, &event, near, 'a', "alive", 5);
	CHECK_EQUAL(event.index, index);
	queue(&ctx, near, 'q', "queued", 6);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(event.index, index);
	read_frame(far, 'q', "queued", 6);
}

/* No entry has the number any more, which is a file of the program's own now. */
static void check_dead(void) {
	struct ipc_message m = message_of(near, 'q', "queued", 6);
	write_frame(far, 'n', "nobody", 6);
	nothing_to_tell(&ctx, &event);
	ipc_write(&ctx, &m);
	nothing_to_tell(&ctx, &event);
	CHECK(!is_readable(far));
	read_frame(near, 'n', "nobody", 6);
}

static void end_test(void) {
	close(near), close(far);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
}

/* Two entries live one after the other, beside one whose descriptor is closed: no matter where the closed one is. */
TEST(an_entry_that_was_closed_stays_closed_when_a_later_one_is_deleted) {
	open_first();
	add_entry(near);
	close(far);
	CHECK_OK(ipc_close(&ctx, 0));
	open_at(near);
	add_entry(near);
	add_entry(near);
	check_lives(2);
	CHECK_OK(ipc_del(&ctx, 2));
	check_lives(1);
	CHECK_OK(ipc_del(&ctx, 1));
	CHECK_EQUAL(ctx.size, 1);
	check_dead();
	end_test();
}

TEST(an_entry_that_was_replaced_goes_on_when_those_behind_it_are_deleted_in_any_order) {
	for (int first = 1; first <= 2; first++) {
		open_first();
		for (int i = 0; i < 3; i++) add_entry(near);
		CHECK_OK(ipc_del(&ctx, (uint32_t)first));
		check_lives(1);
		CHECK_OK(ipc_del(&ctx, 1));
		check_lives(0);
		end_test();
	}
}

/* The middle one of three has closed the descriptor of the first. */
TEST(an_entry_whose_replacement_was_closed_stays_as_it_is) {
	open_first();
	add_entry(near);
	add_entry(near);
	close(far);
	CHECK_OK(ipc_close(&ctx, 1));
	open_at(near);
	CHECK_OK(ipc_del(&ctx, 1));
	CHECK_EQUAL(ctx.size, 1);
	check_dead();
	end_test();
}

TEST(an_entry_whose_replacement_was_closed_stays_as_it_is_beside_a_later_one) {
	open_first();
	add_entry(near);
	add_entry(near);
	close(far);
	CHECK_OK(ipc_close(&ctx, 1));
	open_at(near);
	add_entry(near);
	check_lives(2);
	CHECK_OK(ipc_del(&ctx, 1));
	check_lives(1);
	CHECK_OK(ipc_del(&ctx, 1));
	check_dead();
	end_test();
}

TEST(an_entry_of_the_former_file_stays_as_it_is_when_the_type_of_the_last_one_is_changed) {
	open_first();
	add_entry(near);
	add_entry(near);
	/* What the last one holds shows that the file is another one, also where the system watches numbers. */
	write_bytes(far, "\2\0\0", 3);
	nothing_to_tell(&ctx, &event);
	close(near), close(far);
	open_at(near);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, near, IPC_CONNECTION_TYPE_EXTERNAL), 0);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, near, IPC_CONNECTION_TYPE_IPC), 0);
	check_lives(1);
	CHECK_OK(ipc_del(&ctx, 1));
	CHECK_EQUAL(ctx.size, 1);
	check_dead();
	end_test();
}
