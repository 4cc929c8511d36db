/*
 * switching_callbacks.c - the program's own reading and writing of switched ends: what each answer of a callback brings,
 * what a callback is given, how it holds more, and what it may do to the context that calls it.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static int near[2], far[2];

/* What the callbacks do, and what they saw. */
static enum ipccb in_answer, out_answer;
static int in_calls, out_calls, touched_more;
static struct ipc_message seen;
static char seen_payload[64];

static enum ipccb cb_in(int fd, struct ipc_message *m, short int *more) {
	char text[64];
	in_calls++;
	touched_more = *more;
	ssize_t n = recv(fd, text, sizeof text, MSG_DONTWAIT);
	CHECK(n >= 0 || errno == EAGAIN);
	if (n == 0) return IPC_CB_FD_CLOSING;
	if (in_answer != IPC_CB_NO_ERROR) return in_answer;
	m->type = 9;
	m->user_type = 'i';
	m->length = (uint32_t)n;
	m->payload = malloc((size_t)n + 1);
	memcpy(m->payload, text, (size_t)n);
	return IPC_CB_NO_ERROR;
}

static enum ipccb cb_out(int fd, struct ipc_message *m) {
	out_calls++;
	seen = *m;
	memcpy(seen_payload, m->payload, m->length < 64 ? m->length : 64);
	if (out_answer == IPC_CB_NO_ERROR) write_bytes(fd, m->payload, m->length);
	return out_answer;
}

static void make_switch(void) {
	in_answer = out_answer = IPC_CB_NO_ERROR;
	in_calls = out_calls = 0;
	make_switched(&ctx, near, far, 2);
}

static void close_switch(void) {
	for (int i = 0; i < 2; i++) {
		if (is_open(near[i])) close(near[i]);
		if (is_open(far[i])) close(far[i]);
	}
	finish(&ctx, &event);
}

static void over(enum ipc_event_type type, int end, int closed) {
	ready_code(&ctx, &event, type, IPC_ERROR_CLOSED_RECIPIENT);
	CHECK_EQUAL(event.origin, near[end]);
	CHECK_EQUAL(event.index, 1 + end);
	CHECK(ctx.size == 1 && ctx.switchdb.size == 0 && ctx.tx.size == 0);
	for (int i = 0; i < 2; i++) CHECK_EQUAL(is_open(near[i]), !closed);
	for (int i = 0; i < 3; i++) nothing_to_tell(&ctx, &event);
}

static void told(enum ipc_event_type type, int end) {
	ready(&ctx, &event, type);
	CHECK_EQUAL(event.origin, near[end]);
	CHECK_EQUAL(event.index, 1 + end);
}

TEST(a_message_of_the_in_callback_goes_to_the_other_end) {
	for (int end = 0; end < 2; end++) {
		make_switch();
		ipc_switching_callbacks(&ctx, near[end], cb_in, cb_out);
		write_bytes(far[end], "text", 4);
		told(IPC_EVENT_TYPE_SWITCH, end);
		told(IPC_EVENT_TYPE_TX, !end);
		CHECK_EQUAL(touched_more, 0);
		char frame[10];
		CHECK_EQUAL(read_bytes(far[!end], frame, 10), 10);
		CHECK(memcmp(frame, "\11\0\0\0\4itext", 10) == 0);
		nothing_to_tell(&ctx, &event);
		CHECK_EQUAL(in_calls, 1);
		close_switch();
	}
}

TEST(a_message_for_the_out_callback_is_the_one_that_was_read) {
	for (int end = 0; end < 2; end++) {
		make_switch();
		ipc_switching_callbacks(&ctx, near[end], cb_in, cb_out);
		write_bytes(far[!end], "\310\0\0\0\5oa\0b\0c\2\0\0\0\0e", 17);
		told(IPC_EVENT_TYPE_SWITCH, !end);
		told(IPC_EVENT_TYPE_TX, end);
		CHECK(seen.type == (char)200 && seen.user_type == 'o' && seen.length == 5 && memcmp(seen_payload, "a\0b\0c", 5) == 0);
		told(IPC_EVENT_TYPE_SWITCH, !end);
		told(IPC_EVENT_TYPE_TX, end);
		CHECK(seen.type == 2 && seen.user_type == 'e' && seen.length == 0);
		nothing_to_tell(&ctx, &event);
		CHECK_EQUAL(out_calls, 2);
		char text[5];
		CHECK(read_bytes(far[end], text, 5) == 5 && memcmp(text, "a\0b\0c", 5) == 0);
		close_switch();
	}
}

TEST(what_the_in_callback_ignores_is_told_and_goes_nowhere) {
	make_switch();
	ipc_switching_callbacks(&ctx, near[1], cb_in, cb_out);
	in_answer = IPC_CB_IGNORE;
	write_bytes(far[1], "text", 4);
	told(IPC_EVENT_TYPE_SWITCH, 1);
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(in_calls, 1);
	CHECK(!is_readable(far[0]));
	in_answer = IPC_CB_NO_ERROR;
	write_bytes(far[1], "more", 4);
	told(IPC_EVENT_TYPE_SWITCH, 1);
	told(IPC_EVENT_TYPE_TX, 0);
	CHECK(is_readable(far[0]));
	close_switch();
}

/* What was read is told as SWITCH; that its writer then ignores it is no TX. The pair goes on. */
TEST(what_the_out_callback_ignores_is_not_told_as_sent) {
	make_switch();
	ipc_switching_callbacks(&ctx, near[1], cb_in, cb_out);
	out_answer = IPC_CB_IGNORE;
	write_frame(far[0], 'a', "text", 4);
	told(IPC_EVENT_TYPE_SWITCH, 0);
	for (int i = 0; i < 3; i++) {
		int timer = 0;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK(event.type == IPC_EVENT_TYPE_TIMER || event.type == IPC_EVENT_TYPE_SWITCH);
		if (event.type == IPC_EVENT_TYPE_SWITCH) CHECK_EQUAL(event.origin, near[0]); /* "the end that spoke" */
	}
	CHECK_EQUAL(out_calls, 1);
	CHECK_EQUAL(ctx.tx.size, 0);
	CHECK(!is_readable(far[1]));
	out_answer = IPC_CB_NO_ERROR;
	write_frame(far[0], 'a', "text", 4);
	told(IPC_EVENT_TYPE_SWITCH, 0);
	told(IPC_EVENT_TYPE_TX, 1);
	close_switch();
}

TEST(a_hang_up_that_a_callback_sees_is_a_disconnection_and_closes_none) {
	make_switch();
	ipc_switching_callbacks(&ctx, near[1], cb_in, cb_out);
	close(far[1]);
	over(IPC_EVENT_TYPE_DISCONNECTION, 1, 0);
	CHECK_EQUAL(in_calls, 1);
	close_switch();
	make_switch();
	ipc_switching_callbacks(&ctx, near[1], cb_in, cb_out);
	out_answer = IPC_CB_FD_CLOSING;
	write_frame(far[0], 'a', "text", 4);
	told(IPC_EVENT_TYPE_SWITCH, 0);
	over(IPC_EVENT_TYPE_DISCONNECTION, 1, 0);
	close_switch();
}

TEST(a_failure_of_the_in_callback_is_an_error_and_closes_none) {
	const int answers[] = {IPC_CB_FD_ERROR, IPC_CB_PARSING_ERROR, 99, -1};
	for (int i = 0; i < 4; i++) {
		make_switch();
		ipc_switching_callbacks_(&ctx, near[i % 2], cb_in);
		in_answer = (enum ipccb)answers[i];
		write_bytes(far[i % 2], "text", 4);
		over(IPC_EVENT_TYPE_ERROR, i % 2, 0);
		CHECK_EQUAL(in_calls, 1);
		close_switch();
	}
}

TEST(a_failure_of_the_out_callback_is_an_error_and_closes_both) {
	const int answers[] = {IPC_CB_FD_ERROR, IPC_CB_PARSING_ERROR, 99, -1};
	for (int i = 0; i < 4; i++) {
		make_switch();
		ipc_switching_callbacks(&ctx, near[i % 2], NULL, cb_out);
		out_answer = (enum ipccb)answers[i];
		write_frame(far[!(i % 2)], 'a', "text", 4);
		told(IPC_EVENT_TYPE_SWITCH, !(i % 2));
		over(IPC_EVENT_TYPE_ERROR, i % 2, 1);
		CHECK_EQUAL(out_calls, 1);
		close_switch();
	}
}

/* ---- more than one message in one read ---- */

static char held[64];
static size_t held_count;

/* Reads all that is there, gives it out byte by byte, and says each time whether it holds more. */
static enum ipccb byte_in(int fd, struct ipc_message *m, short int *more) {
	in_calls++;
	if (held_count == 0) {
		ssize_t n = recv(fd, held, sizeof held, MSG_DONTWAIT);
		if (n <= 0) return n == 0 ? IPC_CB_FD_CLOSING : IPC_CB_FD_ERROR;
		held_count = (size_t)n;
	}
	*m = (struct ipc_message){2, 'b', -1, 1, malloc(1)};
	m->payload[0] = held[0];
	memmove(held, held + 1, --held_count);
	*more = held_count > 0;
	return m->payload[0] == '.' ? free(m->payload), m->payload = NULL, IPC_CB_IGNORE : IPC_CB_NO_ERROR;
}

TEST(a_callback_that_holds_more_is_called_again_without_waiting_for_the_socket) {
	make_switch();
	ipc_switching_callbacks_(&ctx, near[0], byte_in);
	for (int round = 0; round < 2; round++) {
		write_bytes(far[0], "ab.c", 4);
		int switched = 0, sent = 0;
		do {
			int timer = 0;
			CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
			switched += event.type == IPC_EVENT_TYPE_SWITCH;
			sent += event.type == IPC_EVENT_TYPE_TX;
		} while (event.type != IPC_EVENT_TYPE_TIMER);
		CHECK_EQUAL(switched, 4);
		CHECK_EQUAL(sent, 3);
		CHECK_EQUAL(in_calls, 4 * (round + 1));
		for (const char *c = "abc"; *c != '\0'; c++) read_frame(far[1], 'b', c, 1);
	}
	write_bytes(far[0], "yz", 2); /* and what it holds comes before the hang-up */
	close(far[0]);
	for (int sent = 0; sent < 2; sent += event.type == IPC_EVENT_TYPE_TX) CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
	over(IPC_EVENT_TYPE_DISCONNECTION, 0, 0);
	read_frame(far[1], 'b', "y", 1);
	read_frame(far[1], 'b', "z", 1);
	close_switch();
}

/* "cb_in reads from fd and fills m": by the library's own call as well, one message each time. */
static enum ipccb frame_in(int fd, struct ipc_message *m, short int *more) {
	(void)more;
	in_calls++;
	struct ipc_error e = ipc_read_fd(fd, m);
	return e.error_code == 0 ? IPC_CB_NO_ERROR : e.error_code == IPC_ERROR_CLOSED_RECIPIENT ? IPC_CB_FD_CLOSING : IPC_CB_FD_ERROR;
}

TEST(a_callback_that_reads_by_ipc_read_fd_is_called_for_every_frame) {
	make_switch();
	ipc_switching_callbacks_(&ctx, near[0], frame_in);
	write_bytes(far[0], "\2\0\0\0\3aone\2\0\0\0\0b\2\0\0\0\5cthree", 26);
	for (int i = 0; i < 3; i++) {
		told(IPC_EVENT_TYPE_SWITCH, 0);
		told(IPC_EVENT_TYPE_TX, 1);
	}
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(in_calls, 3);
	read_frame(far[1], 'a', "one", 3);
	read_frame(far[1], 'b', NULL, 0);
	read_frame(far[1], 'c', "three", 5);
	close(far[0]);
	over(IPC_EVENT_TYPE_DISCONNECTION, 0, 0);
	close_switch();
}
