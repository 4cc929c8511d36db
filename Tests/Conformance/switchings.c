/*
 * switchings.c - the table of switched pairs as data: a table of the program's own, and that of a context, which is the
 * live one: what a program reads and writes there is what counts. Faults 13 to 15 are in faults_switching.c.
 */
#include "peers.h"

static struct ipc_switchings table;

TEST(ipc_switching_add_and_get_know_both_ends) {
	CHECK_EQUAL(ipc_switching_get(&table, 1), -1);
	for (int i = 0; i < 20; i++) ipc_switching_add(&table, 2 * i, 2 * i + 1);
	CHECK_EQUAL(table.size, 20);
	for (int i = 0; i < 20; i++) {
		const struct ipc_switching *s = &table.collection[i];
		CHECK(s->orig == 2 * i && s->dest == 2 * i + 1);
		CHECK(s->orig_in == NULL && s->orig_out == NULL && s->dest_in == NULL && s->dest_out == NULL);
		CHECK_EQUAL(ipc_switching_get(&table, 2 * i), 2 * i + 1);
		CHECK_EQUAL(ipc_switching_get(&table, 2 * i + 1), 2 * i);
	}
	CHECK_EQUAL(ipc_switching_get(&table, 40), -1);
	CHECK_EQUAL(ipc_switching_get(&table, -1), -1);
	ipc_switching_free(&table);
}

TEST(ipc_switching_del_returns_the_other_end) {
	for (int i = 0; i < 3; i++) ipc_switching_add(&table, 10 + i, 20 + i);
	CHECK_EQUAL(ipc_switching_del(&table, 99), -1);
	CHECK_EQUAL(table.size, 3);
	CHECK_EQUAL(ipc_switching_del(&table, 20), 10);
	CHECK_EQUAL(table.size, 2);
	CHECK_EQUAL(ipc_switching_del(&table, 20), -1);
	CHECK_EQUAL(ipc_switching_get(&table, 10), -1);
	CHECK_EQUAL(ipc_switching_get(&table, 22), 12);
	CHECK_EQUAL(ipc_switching_del(&table, 12), 22);
	CHECK_EQUAL(ipc_switching_del(&table, 11), 21);
	CHECK(table.size == 0 && table.collection == NULL);
	CHECK_EQUAL(ipc_switching_del(&table, 11), -1);
	ipc_switching_add(&table, 1, 2); /* and it can be filled again */
	CHECK_EQUAL(ipc_switching_get(&table, 2), 1);
	ipc_switching_free(&table);
}

TEST(ipc_switching_free_empties_the_table) {
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 5; i++) ipc_switching_add(&table, 10 + i, 20 + i);
		ipc_switching_free(&table);
		CHECK(table.size == 0 && table.collection == NULL);
	}
	ipc_switching_free(&table);
}

/* ---- a context's ---- */

static struct ipc_ctx ctx;
static struct ipc_event event;
static int near[2], far[2];

static void make_ends(void) { add_switched(&ctx, near, far, 2); }

static void close_ends(void) {
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
	for (int i = 0; i < 2; i++) close(near[i]), close(far[i]);
}

static void crosses(int from, int to) {
	write_frame(far[from], 'x', "across", 6);
	ready(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	CHECK_EQUAL(event.origin, near[from]);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(event.origin, near[to]);
	read_frame(far[to], 'x', "across", 6);
}

TEST(ipc_ctx_switching_add_and_del_change_the_live_table) {
	make_ends();
	ipc_ctx_switching_add(&ctx, near[0], near[1]);
	CHECK_EQUAL(ctx.switchdb.size, 1);
	CHECK(ctx.switchdb.collection[0].orig == near[0] && ctx.switchdb.collection[0].dest == near[1]);
	CHECK_EQUAL(ipc_switching_get(&ctx.switchdb, near[0]), near[1]);
	crosses(0, 1);
	crosses(1, 0);
	CHECK_EQUAL(ipc_ctx_switching_del(&ctx, far[0]), -1);
	CHECK_EQUAL(ipc_ctx_switching_del(&ctx, near[1]), near[0]);
	CHECK_EQUAL(ipc_ctx_switching_del(&ctx, near[1]), -1);
	CHECK(ctx.switchdb.size == 0 && ctx.switchdb.collection == NULL);
	CHECK_EQUAL(ctx.size, 2); /* the entries stay */
	close_ends();
}

TEST(a_pair_added_to_the_live_table_by_the_program_counts) {
	make_ends();
	ipc_switching_add(&ctx.switchdb, near[0], near[1]);
	crosses(0, 1);
	crosses(1, 0);
	CHECK_EQUAL(ipc_switching_del(&ctx.switchdb, near[0]), near[1]);
	ipc_switching_add(&ctx.switchdb, near[1], near[0]);
	crosses(0, 1);
	CHECK_EQUAL(ipc_ctx_switching_del(&ctx, near[0]), near[1]);
	close_ends();
}

TEST(ipc_ctx_switching_add_before_there_is_any_entry) {
	int ends[2][2];
	for (int i = 0; i < 2; i++) make_pair(ends[i]);
	ipc_ctx_switching_add(&ctx, ends[0][0], ends[1][0]);
	CHECK_EQUAL(ctx.switchdb.size, 1);
	for (int i = 0; i < 2; i++) {
		near[i] = ends[i][0];
		far[i] = ends[i][1];
		CHECK_OK(ipc_add_fd_switched(&ctx, near[i]));
	}
	crosses(0, 1);
	close_ends();
}

TEST(a_switched_end_without_a_pair_is_error_107_once) {
	int timer = 0;
	make_ends();
	write_frame(far[0], 'x', "nowhere", 7);
	CHECK_CODE(ipc_wait_event(&ctx, &event, &timer), IPC_ERROR_FD_SWITCHING__NO_FD_RECORD);
	nothing_to_tell(&ctx, &event); /* not for ever: fault 15 */
	CHECK_CODE(fd_switching_read(&event, &ctx, 0), IPC_ERROR_FD_SWITCHING__NO_FD_RECORD);
	CHECK_CODE(fd_switching_write(&event, &ctx, 0), IPC_ERROR_FD_SWITCHING__NO_FD_RECORD);
	CHECK_EQUAL(ctx.size, 2);
	ipc_ctx_switching_add(&ctx, near[0], near[1]);
	ready(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(far[1], 'x', "nowhere", 7);
	close_ends();
}

/* "ctx->switchdb is the live table", also for an end that error 107 has been told of. */
TEST(a_pair_added_to_the_live_table_after_error_107_counts) {
	int timer = 0;
	make_ends();
	write_frame(far[0], 'x', "nowhere", 7);
	CHECK_CODE(ipc_wait_event(&ctx, &event, &timer), IPC_ERROR_FD_SWITCHING__NO_FD_RECORD);
	ipc_switching_add(&ctx.switchdb, near[0], near[1]);
	ready(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(far[1], 'x', "nowhere", 7);
	close_ends();
}

/* "A program may write cinfos[i].type in place (ipc_ctx_fd_type does the same): the type found there when an event is
 * handled is the one that counts." */
TEST(a_type_changed_after_error_107_counts_whichever_way_it_is_written) {
	for (int in_place = 0; in_place < 2; in_place++) {
		int timer = 0;
		make_ends();
		write_frame(far[0], 'x', "nowhere", 7);
		CHECK_CODE(ipc_wait_event(&ctx, &event, &timer), IPC_ERROR_FD_SWITCHING__NO_FD_RECORD);
		if (in_place) ctx.cinfos[0].type = IPC_CONNECTION_TYPE_IPC;
		else CHECK_EQUAL(ipc_ctx_fd_type(&ctx, near[0], IPC_CONNECTION_TYPE_IPC), 0);
		ready(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
		CHECK_EQUAL(event.origin, near[0]);
		close_ends();
	}
}
