/*
 * surviving_ends.c - one end of a pair has left: what was read ahead from the other one is kept for whoever reads it next, whole and in
 * order, and so is the rest of a frame for it that was begun.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static int near[2], far[2];

enum next_reader { DIRECT, BUFFER, AS_IPC, AS_IPC_BY_INDEX, NEW_PAIR, OTHER_CONTEXT, READERS };

static enum ipccb read_one(int fd, struct ipc_message *m, short int *more) {
	(void)more;
	return ipc_read_fd(fd, m).error_code == 0 ? IPC_CB_NO_ERROR : IPC_CB_FD_CLOSING;
}

/* `stays` says A, B, C and a part of D; A has gone through when the other end leaves. */
static void lose_partner(int stays, int with_callback) {
	int leaves = 1 - stays;
	char frames[3 * FRAME_SIZE(1) + FRAME_SIZE(6) - 4], *at = frames;
	for (char c = 'A'; c <= 'C'; c++, at += FRAME_SIZE(1)) {
		put_header(at, MSG_TYPE_DATA, 1, c);
		at[IPC_HEADER_SIZE] = c;
	}
	put_header(at, MSG_TYPE_DATA, 6, 'D');
	memcpy(at + IPC_HEADER_SIZE, "DD", 2);
	make_switched(&ctx, near, far, 2);
	/* Of the one that leaves: its callback must not be in the way of what the other one said. */
	if (with_callback) ipc_switching_callbacks(&ctx, near[leaves], read_one, NULL);
	write_bytes(far[stays], frames, sizeof frames);
	next(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	CHECK_EQUAL(event.origin, near[stays]);
	close(far[leaves]);
	struct ipc_error e;
	for (int waits = 0;; waits++) {
		CHECK(waits < 20);
		int timer = 100;
		e = ipc_wait_event(&ctx, &event, &timer);
		if (e.error_code != 0) break;
	}
	CHECK_CODE(e, IPC_ERROR_CLOSED_RECIPIENT);
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(ctx.size, 1);
	CHECK_EQUAL(ctx.switchdb.size, 0);
	CHECK(is_open(near[0]) && is_open(near[1]));
	write_bytes(far[stays], "DDDD", 4);
}

static void add(struct ipc_ctx *to, int fd, enum ipc_connection_type type) {
	struct ipc_connection_info info = {.type = type};
	CHECK_OK(ipc_add(to, &info, &(struct pollfd){.fd = fd}));
}

/* How many of A to D were passed on, or tried to be, before the end of the other one was noticed. */
static void check_next(char *expected, char user_type, const char *payload, uint32_t length) {
	if (*expected == 0) *expected = user_type;
	CHECK_EQUAL(user_type, *expected);
	CHECK_EQUAL(length, user_type == 'D' ? 6 : 1);
	for (uint32_t i = 0; i < length; i++) CHECK_EQUAL(payload[i], user_type);
	(*expected)++;
}

static void read_rest(int stays, enum next_reader reader) {
	char expected = 0;
	int other[2];
	struct ipc_ctx second = {0};
	struct ipc_message m = {0};
	if (reader == AS_IPC || reader == AS_IPC_BY_INDEX) add(&ctx, near[stays], IPC_CONNECTION_TYPE_IPC);
	if (reader == OTHER_CONTEXT) add(&second, near[stays], IPC_CONNECTION_TYPE_IPC);
	if (reader == NEW_PAIR) {
		make_pair(other);
		add(&ctx, near[stays], IPC_CONNECTION_TYPE_SWITCHED);
		add(&ctx, other[0], IPC_CONNECTION_TYPE_SWITCHED);
		ipc_ctx_switching_add(&ctx, near[stays], other[0]);
	}
	while (expected != 'E') {
		char *bytes = NULL;
		size_t size = 0;
		if (reader == DIRECT || reader == AS_IPC_BY_INDEX) {
			CHECK_OK(reader == DIRECT ? ipc_read_fd(near[stays], &m) : ipc_read(&ctx, 1, &m));
			check_next(&expected, m.user_type, m.payload, m.length);
		} else if (reader == BUFFER) {
			CHECK_OK(usock_recv(near[stays], &bytes, &size));
			check_next(&expected, bytes[5], bytes + IPC_HEADER_SIZE, (uint32_t)(size - IPC_HEADER_SIZE));
			free(bytes);
		} else if (reader == NEW_PAIR) {
			char frame[FRAME_SIZE(6)];
			next(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
			next(&ctx, &event, IPC_EVENT_TYPE_TX);
			CHECK_EQUAL(read_bytes(other[1], frame, FRAME_SIZE(1)), FRAME_SIZE(1));
			if (frame[5] == 'D') read_bytes(other[1], frame + FRAME_SIZE(1), 5);
			check_next(&expected, frame[5], frame + IPC_HEADER_SIZE, frame[5] == 'D' ? 6 : 1);
		} else {
			next(reader == AS_IPC ? &ctx : &second, &event, IPC_EVENT_TYPE_MESSAGE);
			struct ipc_message *got = event.m;
			check_next(&expected, got->user_type, got->payload, got->length);
		}
	}
	free(m.payload);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&second);
	if (reader == NEW_PAIR) {
		CHECK_OK(ipc_del_fd(&ctx, other[0]));
		close(other[0]);
		close(other[1]);
	}
	if (reader == AS_IPC || reader == AS_IPC_BY_INDEX || reader == NEW_PAIR) CHECK_OK(ipc_del_fd(&ctx, near[stays]));
}

static void survive(int with_callback) {
	for (int stays = 0; stays < 2; stays++) {
		for (enum next_reader reader = DIRECT; reader < READERS; reader++) {
			lose_partner(stays, with_callback);
			read_rest(stays, reader);
			finish(&ctx, &event);
			for (int i = 0; i < 2; i++) close(near[i]);
			close(far[stays]);
			unlink(address_of("pong").sun_path);
		}
	}
}

TEST(what_was_read_ahead_of_the_end_that_stays_is_read_whole_by_whoever_reads_next) { survive(0); }
TEST(what_was_read_ahead_of_the_end_that_stays_is_read_whole_when_the_other_one_had_a_callback) { survive(1); }

/* The end that stays has got a part of a frame: the rest goes first, whoever writes next. */
TEST(rest_of_a_frame_for_the_end_that_stays_goes_before_what_is_written_next) {
	char *large = pattern(1000000, 6), *got = malloc(FRAME_SIZE(1000000));
	make_switched(&ctx, near, far, 2);
	pid_t child = fork_process();
	if (child == 0) {
		write_frame(far[1], 'l', large, 1000000);
		exit(0);
	}
	next(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	await_process(child);
	nothing_to_tell(&ctx, &event); /* a part is sent */
	close(far[1]);
	/* It left while its message waits: that is sent first. Deleted by the program, it cannot be. */
	CHECK_OK(ipc_del_fd(&ctx, near[1]));
	CHECK_OK(ipc_del_fd(&ctx, near[0]));
	child = fork_process();
	if (child == 0) {
		CHECK_EQUAL(read_bytes(far[0], got, FRAME_SIZE(1000000)), FRAME_SIZE(1000000));
		CHECK(got[5] == 'l' && memcmp(got + IPC_HEADER_SIZE, large, 1000000) == 0);
		read_frame(far[0], 'n', "next", 4);
		exit(0);
	}
	struct ipc_message m = message_of(near[0], 'n', "next", 4);
	CHECK_OK(ipc_write_fd(near[0], &m));
	await_process(child);
	for (int i = 0; i < 2; i++) close(near[i]);
	close(far[0]);
	free(large);
	free(got);
	finish(&ctx, &event);
}
