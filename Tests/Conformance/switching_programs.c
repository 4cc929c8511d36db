/*
 * switching_programs.c - what callbacks do that nobody expects of them: write to the context that calls them, drop their
 * pair, free the context, or give messages that cannot be; and how long callbacks stay with their end.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static int near[2], far[2];
static int in_calls, out_calls;
static void (*mischief)(void); /* what the callback does on the way */
static struct ipc_message given; /* what the in callback gives */

static enum ipccb cb_in(int fd, struct ipc_message *m, short int *more) {
	char text[64];
	(void)more;
	in_calls++;
	ssize_t n = recv(fd, text, sizeof text, MSG_DONTWAIT);
	if (n == 0) return IPC_CB_FD_CLOSING;
	if (n < 0 && errno != EAGAIN) return IPC_CB_FD_ERROR;
	if (mischief != NULL) mischief();
	*m = given;
	if (given.payload != NULL) m->payload = strdup(given.payload);
	return IPC_CB_NO_ERROR;
}

static enum ipccb cb_out(int fd, struct ipc_message *m) {
	out_calls++;
	write_bytes(fd, m->payload, m->length);
	if (mischief != NULL) mischief();
	return IPC_CB_NO_ERROR;
}

static void make_switch(void (*what)(void)) {
	mischief = what;
	in_calls = out_calls = 0;
	given = (struct ipc_message){2, 'i', -1, 5, (char *)"given"};
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	add_switched(&ctx, near, far, 2);
	ipc_ctx_switching_add(&ctx, near[0], near[1]);
	ipc_switching_callbacks(&ctx, near[0], cb_in, cb_out);
}

static void close_switch(void) {
	finish(&ctx, &event);
	for (int i = 0; i < 2; i++) {
		if (is_open(near[i])) close(near[i]);
		if (is_open(far[i])) close(far[i]);
	}
}

/* Whatever is told, it is told once, and nothing crashes. */
static void comes_to_rest(void) {
	for (int i = 0; i < 20; i++) {
		int timer = 0;
		ipc_wait_event(&ctx, &event, &timer);
		if (event.type == IPC_EVENT_TYPE_TIMER) return;
	}
	FAIL("still event %d", (int)event.type);
}

static void write_to_both(void) {
	queue(&ctx, near[0], 'm', "to me", 5);
	queue(&ctx, near[1], 'y', "to you", 6);
	mischief = NULL;
}

TEST(a_callback_may_write_to_the_context_that_calls_it) {
	make_switch(write_to_both);
	write_bytes(far[0], "x", 1);
	comes_to_rest();
	read_frame(far[1], 'y', "to you", 6); /* in the order in which they were queued */
	read_frame(far[1], 'i', "given", 5);
	char text[5];
	CHECK(read_bytes(far[0], text, 5) == 5 && memcmp(text, "to me", 5) == 0); /* through its out callback */
	CHECK(in_calls == 1 && out_calls == 1 && ctx.tx.size == 0);
	mischief = write_to_both;
	write_frame(far[1], 'a', "back", 4);
	comes_to_rest();
	CHECK_EQUAL(out_calls, 3);
	read_frame(far[1], 'y', "to you", 6);
	close_switch();
}

static void write_to_another(void) {
	for (size_t i = 0; i < ctx.size; i++)
		if (ctx.cinfos[i].type == IPC_CONNECTION_TYPE_IPC) queue(&ctx, ctx.pollfd[i].fd, 'l', "a line of a log", 15);
}

TEST(a_callback_may_write_to_another_connection) {
	make_switch(write_to_another);
	int log = join(&ctx, &event, "pong", NULL);
	write_bytes(far[0], "x", 1);
	comes_to_rest();
	read_frame(far[1], 'i', "given", 5);
	read_frame(log, 'l', "a line of a log", 15);
	close(log);
	close_switch();
}

static void untie(void) { ipc_ctx_switching_del(&ctx, near[1]); }
static void drop_this_entry(void) { CHECK_OK(ipc_del_fd(&ctx, near[0])); }
static void drop_the_other_entry(void) { CHECK_OK(ipc_del_fd(&ctx, near[1])); }
static void drop_both(void) { drop_this_entry(), drop_the_other_entry(), untie(); }
static void add_entries(void) {
	for (int i = 0; i < 100; i++) CHECK_OK(ipc_ctx_new_alloc(&ctx)), ctx.pollfd[ctx.size - 1].fd = -1;
}
static void free_context(void) { ipc_ctx_free(&ctx); }

TEST(a_callback_may_drop_what_it_belongs_to) {
	void (*const ways[])(void) = {untie, drop_this_entry, drop_the_other_entry, drop_both, add_entries, free_context};
	for (int i = 0; i < 6; i++) {
		for (int out = 0; out < 2; out++) {
			make_switch(ways[i]);
			int server = ctx.pollfd[0].fd;
			if (out) write_frame(far[1], 'a', "text", 4);
			else write_bytes(far[0], "x", 1);
			comes_to_rest();
			CHECK_EQUAL(out ? out_calls : in_calls, 1);
			CHECK(ways[i] != free_context || ctx.size == 0);
			CHECK(is_open(near[0]) || ways[i] == untie || ways[i] == drop_the_other_entry);
			close_switch();
			if (is_open(server)) close(server);
			unlink(address_of("pong").sun_path);
		}
	}
}

TEST(look_whose_callback_frees_the_context_ends_with_the_timer) {
	make_switch(free_context);
	int server = ctx.pollfd[0].fd, timer = 0;
	write_bytes(far[0], "x", 1);
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
	CHECK(timer == 0 && in_calls == 1 && ctx.size == 0);
	close_switch();
	close(server);
	unlink(address_of("pong").sun_path);
}

static void close_this_end(void) { close(near[0]); }

TEST(a_callback_that_closes_its_own_descriptor_keeps_nobody_busy) {
	make_switch(close_this_end);
	write_bytes(far[0], "x", 1);
	comes_to_rest();
	CHECK(in_calls == 1 || in_calls == 2);
	int peer = join(&ctx, &event, "pong", NULL);
	close(peer);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	close_switch();
}

TEST(an_in_callback_that_gives_an_impossible_message_is_a_failure) {
	const struct ipc_message impossible[] = {
	    {2, 'i', -1, 5, NULL}, {2, 'i', -1, IPC_MAX_MESSAGE_SIZE + 1, (char *)"x"}, {2, 'i', -1, UINT32_MAX, (char *)"x"}};
	for (int i = 0; i < 3; i++) {
		make_switch(NULL);
		given = impossible[i];
		write_bytes(far[0], "x", 1);
		ready_code(&ctx, &event, IPC_EVENT_TYPE_ERROR, IPC_ERROR_CLOSED_RECIPIENT);
		CHECK_EQUAL(event.origin, near[0]);
		CHECK(ctx.size == 1 && is_open(near[0]) && is_open(near[1]));
		CHECK(!is_readable(far[1]));
		close_switch();
	}
}

TEST(an_empty_message_of_a_callback_is_an_empty_frame) {
	make_switch(NULL);
	given = (struct ipc_message){7, 'e', -1, 0, NULL};
	write_bytes(far[0], "x", 1);
	ready(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	char frame[6];
	CHECK(read_bytes(far[1], frame, 6) == 6 && memcmp(frame, "\7\0\0\0\0e", 6) == 0);
	close_switch();
}

/* "Callbacks belong to one end of one pair and go with it": also when the numbers come again. */
TEST(a_pair_that_has_ended_leaves_no_callback_behind) {
	make_switch(NULL);
	close(far[0]);
	ready_code(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION, IPC_ERROR_CLOSED_RECIPIENT);
	CHECK_EQUAL(ctx.switchdb.size, 0);
	int was[2] = {near[0], near[1]};
	close(far[1]);
	for (int i = 0; i < 2; i++) {
		int ends[2];
		make_pair(ends);
		near[i] = was[i];
		CHECK(dup2(ends[0], near[i]) == near[i]);
		close(ends[0]);
		far[i] = ends[1];
		CHECK_OK(ipc_add_fd_switched(&ctx, near[i]));
	}
	ipc_ctx_switching_add(&ctx, near[0], near[1]);
	in_calls = 0;
	write_frame(far[0], 'a', "frames", 6);
	comes_to_rest();
	read_frame(far[1], 'a', "frames", 6);
	write_frame(far[1], 'b', "again", 5);
	comes_to_rest();
	read_frame(far[0], 'b', "again", 5);
	CHECK(in_calls == 0 && out_calls == 0);
	close_switch();
}

TEST(callbacks_for_a_descriptor_without_a_pair_do_nothing) {
	make_switch(NULL);
	ipc_switching_callbacks(&ctx, near[0], NULL, NULL);
	ipc_switching_callbacks(&ctx, far[0], cb_in, cb_out);
	ipc_switching_callbacks_(&ctx, -1, cb_in);
	write_frame(far[0], 'a', "frames", 6);
	comes_to_rest();
	read_frame(far[1], 'a', "frames", 6);
	CHECK(in_calls == 0 && out_calls == 0);
	close_switch();
}

/* "ctx->switchdb is the live table" */
TEST(callbacks_written_into_the_live_table_count) {
	make_switch(NULL);
	ipc_switching_callbacks(&ctx, near[0], NULL, NULL);
	struct ipc_switching *s = &ctx.switchdb.collection[0];
	CHECK(s->orig_in == NULL && s->orig_out == NULL);
	s->orig_in = cb_in;
	s->orig_out = cb_out;
	write_bytes(far[0], "x", 1);
	comes_to_rest();
	read_frame(far[1], 'i', "given", 5);
	write_frame(far[1], 'a', "text", 4);
	comes_to_rest();
	CHECK(in_calls == 1 && out_calls == 1);
	close_switch();
}
