/*
 * direct_calls.c - ipc_read, ipc_read_fd and ipc_write_fd: one message, waited for, without the loop; what they answer when
 * the peer has left, breaks the rules or takes no more, and that the loop still finds what they found.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static int far[2], near[2]; /* near[0] is in the context, near[1] in none */

static void open_both(void) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	for (int i = 0; i < 2; i++) {
		int ends[2];
		make_pair(ends);
		near[i] = ends[0];
		far[i] = ends[1];
	}
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = near[0]}));
}

static void close_both(void) {
	for (int i = 0; i < 2; i++) {
		close(far[i]);
		if (is_open(near[i])) close(near[i]);
	}
	finish(&ctx, &event);
}

/* The three ways to read: by index, by descriptor with a context, by descriptor without one. */
static struct ipc_error read_by(int way, struct ipc_message *m) { return way == 0 ? ipc_read(&ctx, 1, m) : ipc_read_fd(near[way - 1], m); }
static int far_of(int way) { return far[way == 2]; }

static void check_kept(const struct ipc_message *m) { CHECK(m->user_type == 'k' && m->length == 4 && memcmp(m->payload, "kept", 4) == 0); }

TEST(reading_gives_the_message_as_it_was_sent) {
	struct ipc_message m = {0};
	for (int way = 0; way < 3; way++) {
		open_both();
		write_bytes(far_of(way), "\310\0\0\0\4\377a\0b\0\0\0\0\0\0z", 16);
		CHECK_OK(read_by(way, &m));
		CHECK(m.type == (char)200 && m.user_type == (char)255 && m.length == 4 && memcmp(m.payload, "a\0b", 4) == 0);
		CHECK_OK(read_by(way, &m));
		CHECK(m.type == 0 && m.user_type == 'z' && m.length == 0 && m.payload != NULL);
		close_both();
	}
	free(m.payload);
}

TEST(reading_from_a_peer_that_has_left_is_error_4_and_the_loop_tells_it_too) {
	for (int way = 0; way < 3; way++) {
		for (int half = 0; half < 2; half++) {
			struct ipc_message m = {0};
			open_both();
			CHECK_OK(ipc_message_format_data(&m, 'k', "kept", 4));
			if (half) write_bytes(far_of(way), "\2\0\0\0\4zab", 8);
			shutdown(far_of(way), SHUT_WR);
			for (int i = 0; i < 2; i++) CHECK_CODE(read_by(way, &m), IPC_ERROR_CLOSED_RECIPIENT);
			check_kept(&m);
			CHECK(ctx.size == 2 && is_open(near[0]));
			if (way < 2) {
				ready(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
				CHECK_EQUAL(event.origin, near[0]);
				CHECK(ctx.size == 1 && !is_open(near[0]));
			}
			free(m.payload);
			close_both();
		}
	}
}

TEST(reading_a_frame_that_is_too_long_is_error_63_and_the_loop_tells_it_too) {
	for (int way = 0; way < 3; way++) {
		struct ipc_message m = {0};
		open_both();
		CHECK_OK(ipc_message_format_data(&m, 'k', "kept", 4));
		write_bytes(far_of(way), "\2\0\36\204\173zxxxx", 10); /* one byte more than there may be: 1,999,995 */
		for (int i = 0; i < 2; i++) CHECK_CODE(read_by(way, &m), IPC_ERROR_USOCK_RECV__MESSAGE_SIZE);
		check_kept(&m);
		CHECK_EQUAL(ctx.size, 2);
		if (way < 2) {
			ready(&ctx, &event, IPC_EVENT_TYPE_ERROR);
			CHECK_EQUAL(event.origin, near[0]);
			CHECK_EQUAL(ctx.size, 1);
		}
		free(m.payload);
		close_both();
	}
}

static void speaks_when_asked(int gate) {
	meet(gate);
	for (int i = 0; i < 10; i++) write_bytes(gate, "\2\0\0\0\4zabcd" + i, 1);
}

TEST(reading_waits_for_the_rest_of_a_message) {
	for (int way = 0; way < 2; way++) {
		int gate;
		struct ipc_message m = {0};
		struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
		pid_t child = start(speaks_when_asked, &gate);
		meet(gate);
		if (way == 0) CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = gate}));
		CHECK_OK(way == 0 ? ipc_read(&ctx, 0, &m) : ipc_read_fd(gate, &m));
		CHECK(m.user_type == 'z' && m.length == 4 && memcmp(m.payload, "abcd", 4) == 0);
		free(m.payload);
		ipc_ctx_free(&ctx);
		join_process(child, gate);
	}
}

TEST(reading_goes_on_where_the_loop_stopped_in_the_middle_of_a_message) {
	struct ipc_message m = {0};
	open_both();
	for (int way = 0; way < 2; way++) {
		for (size_t cut = 1; cut < 10; cut++) {
			write_bytes(far[0], "\2\0\0\0\4zabcd", cut);
			nothing_to_tell(&ctx, &event);
			write_bytes(far[0], "\2\0\0\0\4zabcd" + cut, 10 - cut);
			CHECK_OK(read_by(way, &m));
			CHECK(m.user_type == 'z' && m.length == 4 && memcmp(m.payload, "abcd", 4) == 0);
			nothing_to_tell(&ctx, &event);
		}
	}
	free(m.payload);
	close_both();
}

TEST(reading_names_its_missing_arguments) {
	struct ipc_message m = {0};
	open_both();
	CHECK_CODE(ipc_read(&ctx, 1, NULL), IPC_ERROR_READ__NO_MESSAGE_PARAM);
	CHECK_CODE(ipc_read_fd(near[1], NULL), IPC_ERROR_READ__NO_MESSAGE_PARAM);
	CHECK_CODE(ipc_read(&ctx, 2, &m), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
	CHECK(ipc_read_fd(-1, &m).error_code != 0 && m.payload == NULL);
	close_both();
}

/* ---- writing ---- */

TEST(ipc_write_fd_sends_before_it_returns) {
	open_both();
	for (int i = 0; i < 2; i++) {
		struct ipc_message m = message_of(-99, 'a', "hel\0lo", 6), empty = message_of(0, 'e', NULL, 0);
		CHECK_OK(ipc_write_fd(near[i], &m)); /* the descriptor given counts, not m->fd */
		CHECK_OK(ipc_write_fd(near[i], &empty));
		CHECK(is_readable(far[i]));
		read_frame(far[i], 'a', "hel\0lo", 6);
		read_frame(far[i], 'e', NULL, 0);
	}
	CHECK_EQUAL(ctx.tx.size, 0);
	nothing_to_tell(&ctx, &event);
	close_both();
}

TEST(ipc_write_fd_comes_behind_what_is_queued_which_is_told_as_sent) {
	open_both();
	struct ipc_message m = message_of(near[0], 'c', "third", 5);
	queue(&ctx, near[0], 'a', "first", 5);
	queue(&ctx, near[0], 'b', "second", 6);
	CHECK_OK(ipc_write_fd(near[0], &m));
	read_frame(far[0], 'a', "first", 5);
	read_frame(far[0], 'b', "second", 6);
	read_frame(far[0], 'c', "third", 5);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	nothing_to_tell(&ctx, &event);
	close_both();
}

/* The rest of a message of which a part has gone is waited for, so that the next one begins where it must. */
static void reads_a_large_frame_and_a_small_one(int gate) {
	char *payload = pattern(1500000, 4);
	raise(SIGSTOP); /* nobody reads at first */
	read_frame(gate, 'l', payload, 1500000);
	read_frame(gate, 's', "small", 5);
	free(payload);
}

static pid_t start_stopped(void (*body)(int), int *gate) {
	int status;
	pid_t child = start(body, gate);
	CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
	return child;
}

TEST(ipc_write_fd_waits_for_the_rest_of_a_message_that_is_half_sent) {
	int gate;
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	char *payload = pattern(1500000, 4);
	pid_t child = start_stopped(reads_a_large_frame_and_a_small_one, &gate);
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = gate}));
	struct ipc_message m = message_of(gate, 's', "small", 5);
	queue(&ctx, gate, 'l', payload, 1500000);
	nothing_to_tell(&ctx, &event); /* a part of it has gone */
	CHECK_EQUAL(kill(child, SIGCONT), 0);
	CHECK_OK(ipc_write_fd(gate, &m));
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	free(payload);
	ipc_ctx_free(&ctx);
	join_process(child, gate);
}

TEST(ipc_write_fd_to_a_peer_that_has_left_is_error_43_and_no_signal) {
	open_both();
	for (int i = 0; i < 2; i++) {
		struct ipc_message m = message_of(near[i], 'a', "x", 1);
		shutdown(far[i], SHUT_RD);
		for (int k = 0; k < 2; k++) CHECK_CODE(ipc_write_fd(near[i], &m), IPC_ERROR_USOCK_SEND);
	}
	close_both();
}

static void takes_a_part_and_leaves(int gate) {
	char some[1000];
	CHECK_EQUAL(read_bytes(gate, some, sizeof some), sizeof some);
}

/* ipc.h: "12 only a part went" */
TEST(ipc_write_fd_of_which_only_a_part_went_is_error_12) {
	int gate, status;
	char *payload = pattern(IPC_MAX_MESSAGE_SIZE, 4);
	struct ipc_message m = message_of(-1, 'l', payload, IPC_MAX_MESSAGE_SIZE);
	pid_t child = start(takes_a_part_and_leaves, &gate);
	CHECK_CODE(ipc_write_fd(gate, &m), IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA);
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	CHECK_EQUAL(status, 0);
	close(gate);
	free(payload);
}

/* A descriptor that does not block is not waited for: nonblocking.c. */
TEST(direct_calls_wait_for_a_peer_that_is_stopped) {
	int gate;
	char *payload = pattern(1500000, 4);
	struct ipc_message m = message_of(-1, 'l', payload, 1500000), small = message_of(-1, 's', "small", 5), got = {0};
	pid_t child = start_stopped(reads_a_large_frame_and_a_small_one, &gate);
	CHECK_EQUAL(kill(child, SIGCONT), 0);
	CHECK_OK(ipc_write_fd(gate, &m));
	CHECK_OK(ipc_write_fd(gate, &small));
	CHECK_CODE(ipc_read_fd(gate, &got), IPC_ERROR_CLOSED_RECIPIENT);
	free(payload);
	join_process(child, gate);
}
