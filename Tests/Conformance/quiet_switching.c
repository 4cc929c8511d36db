/*
 * quiet_switching.c - ipc_ctx_quiet and switched pairs: messages pass, the ends are told of when they go, and callbacks are called as
 * ever.
 */
#include "batches.h"

static int near[2], far[2], ins, outs;

static void begin(uint32_t kinds) {
	make_switched(&ctx, near, far, 2);
	CHECK_EQUAL(ipc_ctx_quiet(&ctx, kinds), 0);
	ins = outs = 0;
}
static void end_pair(void) {
	for (int i = 0; i < 2; i++) close(near[i]), close(far[i]);
	end();
	unlink(address_of("pong").sun_path);
}

/* All that is told without waiting, by type. */
static void count_told(int *switched, int *sent) {
	*switched = *sent = 0;
	while (1) {
		CHECK_EQUAL(batch_code(ROOM), 0);
		if (events[0].type == IPC_EVENT_TYPE_TIMER) return;
		for (size_t i = 0; i < count; i++) {
			*switched += events[i].type == IPC_EVENT_TYPE_SWITCH;
			*sent += events[i].type == IPC_EVENT_TYPE_TX;
			CHECK(events[i].type == IPC_EVENT_TYPE_SWITCH || events[i].type == IPC_EVENT_TYPE_TX);
		}
	}
}

TEST(only_the_kinds_that_are_not_left_out_are_told_of_a_pair) {
	for (int mask = 0; mask < 4; mask++) {
		int switched, sent;
		begin((mask & 1 ? IPC_QUIET_TX : 0) | (mask & 2 ? IPC_QUIET_SWITCH : 0));
		for (int i = 0; i < 50; i++) write_frame(far[i % 2], 's', &i, sizeof i);
		count_told(&switched, &sent);
		CHECK_EQUAL(sent, mask & 1 ? 0 : 50);
		CHECK_EQUAL(switched, mask & 2 ? 0 : 50);
		for (int i = 0; i < 50; i++) read_frame(far[!(i % 2)], 's', &i, sizeof i);
		end_pair();
	}
}

/* Its last messages go through first. */
TEST(the_end_of_a_quiet_pair_is_told_after_its_last_message) {
	for (int by_batch = 0; by_batch < 2; by_batch++) {
		int timer = -1;
		begin(IPC_QUIET_TX | IPC_QUIET_SWITCH);
		for (int i = 0; i < 20; i++) write_frame(far[0], 's', &i, sizeof i);
		close(far[0]);
		if (by_batch) {
			CHECK_EQUAL(ipc_wait_events(&ctx, events, ROOM, &count, &timer), IPC_ERROR_CLOSED_RECIPIENT);
			CHECK_EQUAL(count, 1);
			check_event(0, IPC_EVENT_TYPE_DISCONNECTION, near[0]);
		} else {
			next_code(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION, IPC_ERROR_CLOSED_RECIPIENT);
		}
		for (int i = 0; i < 20; i++) read_frame(far[1], 's', &i, sizeof i);
		CHECK(is_open(near[0]) && is_open(near[1]));
		end_pair();
	}
}

static enum ipccb ignore_in(int fd, struct ipc_message *m, short int *more) {
	char byte;
	(void)m;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
	ins += n == 1;
	*more = is_readable(fd);
	return n == 0 ? IPC_CB_FD_CLOSING : IPC_CB_IGNORE;
}
static enum ipccb byte_in(int fd, struct ipc_message *m, short int *more) {
	char byte = 0;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
	ins += n == 1;
	*more = is_readable(fd);
	if (n == 1) *m = message_of(fd, byte, strndup(&byte, 1), 1);
	return n == 0 ? IPC_CB_FD_CLOSING : n == 1 ? IPC_CB_NO_ERROR : IPC_CB_IGNORE;
}
static enum ipccb byte_out(int fd, struct ipc_message *m) {
	outs++;
	write_bytes(fd, &m->user_type, 1);
	return IPC_CB_NO_ERROR;
}
static enum ipccb ignore_out(int fd, struct ipc_message *m) {
	(void)fd, (void)m;
	outs++;
	return IPC_CB_IGNORE;
}

TEST(callbacks_are_called_and_nothing_is_told_of_what_they_do) {
	for (int in = 0; in < 2; in++) {
		for (int out = 0; out < 3; out++) {
			int switched, sent;
			begin(IPC_QUIET_TX | IPC_QUIET_SWITCH);
			ipc_switching_callbacks(&ctx, near[0], in ? byte_in : ignore_in, NULL);
			ipc_switching_callbacks(&ctx, near[1], NULL, out == 0 ? NULL : out == 1 ? byte_out : ignore_out);
			write_bytes(far[0], "abcdefgh", 8);
			count_told(&switched, &sent);
			CHECK(switched == 0 && sent == 0);
			CHECK_EQUAL(ins, 8);
			CHECK_EQUAL(outs, in && out ? 8 : 0);
			for (int i = 0; i < 8 && in && out < 2; i++) {
				char byte = (char)('a' + i), got;
				if (out == 0) read_frame(far[1], byte, &byte, 1);
				if (out == 1) CHECK(read_bytes(far[1], &got, 1) == 1 && got == byte);
			}
			CHECK(!is_readable(far[1]));
			/* And now they are told. */
			CHECK_EQUAL(ipc_ctx_quiet(&ctx, 0), 0);
			write_bytes(far[0], "ij", 2);
			count_told(&switched, &sent);
			CHECK_EQUAL(switched, in && out == 2 ? 4 : 2);
			CHECK_EQUAL(sent, in && out < 2 ? 2 : 0);
			end_pair();
		}
	}
}

/* The callback itself switches it on or off. */
static enum ipccb toggle_in(int fd, struct ipc_message *m, short int *more) {
	CHECK_EQUAL(ipc_ctx_quiet(&ctx, ins % 2 ? 0 : IPC_QUIET_TX | IPC_QUIET_SWITCH), 0);
	return byte_in(fd, m, more);
}
TEST(a_callback_may_change_it) {
	int switched, sent;
	for (int first = 0; first < 2; first++) {
		begin(first ? 0 : IPC_QUIET_TX | IPC_QUIET_SWITCH);
		ipc_switching_callbacks(&ctx, near[0], toggle_in, NULL);
		write_bytes(far[0], "abcdefgh", 8);
		count_told(&switched, &sent);
		CHECK_EQUAL(switched, 4);
		CHECK(sent <= 4);
		for (int i = 0; i < 8; i++) read_frame(far[1], (char)('a' + i), &(char){(char)('a' + i)}, 1);
		end_pair();
	}
}

/* What the callback ignores without end is no event: a timer ends the wait, and 0 is one, too. */
static enum ipccb read_zeros(int fd, struct ipc_message *m, short int *more) {
	char byte;
	(void)m;
	ins += read(fd, &byte, 1) == 1;
	*more = 1;
	return IPC_CB_IGNORE;
}
TEST(a_callback_that_ignores_for_ever_does_not_hold_up_a_timer) {
	begin(IPC_QUIET_SWITCH);
	int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC), ends[2];
	make_pair(ends);
	CHECK_OK(ipc_add_fd_switched(&ctx, zeros));
	CHECK_OK(ipc_add_fd_switched(&ctx, ends[0]));
	ipc_ctx_switching_add(&ctx, zeros, ends[0]);
	ipc_switching_callbacks(&ctx, zeros, read_zeros, NULL);
	for (int milliseconds = 0; milliseconds < 10; milliseconds += 3) {
		int timer = milliseconds;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK(event.type == IPC_EVENT_TYPE_TIMER && timer == 0);
		timer = milliseconds;
		CHECK_EQUAL(ipc_wait_events(&ctx, events, ROOM, &count, &timer), 0);
		check_event(0, IPC_EVENT_TYPE_TIMER, 0);
	}
	CHECK(ins > 0);
	/* Others are heard meanwhile. */
	int peer = raw_connect("pong");
	do CHECK_EQUAL(batch_code(ROOM), 0);
	while (events[0].type == IPC_EVENT_TYPE_TIMER);
	check_event(0, IPC_EVENT_TYPE_CONNECTION, -1);
	close(peer), close(zeros), close(ends[0]), close(ends[1]);
	end_pair();
}
