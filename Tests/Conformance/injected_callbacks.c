/*
 * injected_callbacks.c - memory is missing just when the message of a program's callback is to be passed on: the callback has read it,
 * and cannot read it again. And a second entry for a descriptor fails to be added: the first one goes on.
 */
#include "peers.h"
#include "quiet.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

enum { MESSAGES = 5, MOST_FAILURES = 14 };

static int in_calls, out_calls;
static size_t payload_size;

/* One byte is a message. Its own memory does not fail. */
static enum ipccb byte_in(int fd, struct ipc_message *m, short int *more) {
	char byte;
	inject_arm(OFF);
	in_calls++;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
	if (n == 1) {
		*m = message_of(fd, byte, NULL, (uint32_t)payload_size);
		m->payload = malloc(payload_size);
		memset(m->payload, byte, payload_size);
		*more = is_readable(fd);
	}
	inject_arm(FULL);
	return n == 1 ? IPC_CB_NO_ERROR : n == 0 ? IPC_CB_FD_CLOSING : IPC_CB_IGNORE;
}
static enum ipccb byte_out(int fd, struct ipc_message *m) {
	inject_arm(OFF);
	out_calls++;
	CHECK(m->length == payload_size && m->payload[0] == m->user_type);
	write_bytes(fd, &m->user_type, 1);
	inject_arm(FULL);
	return IPC_CB_NO_ERROR;
}

static void pass_messages(long nth, long count, int has_out) {
	int near[2], far[2], switched = 0, told = 0, failed = 0;
	make_switched(&ctx, near, far, 2);
	ipc_switching_callbacks(&ctx, near[0], byte_in, NULL);
	if (has_out) ipc_switching_callbacks(&ctx, near[1], NULL, byte_out);
	in_calls = out_calls = 0;
	inject_clear();
	inject_rule("memory", ENOMEM, 0, nth, count);
	write_bytes(far[0], "abcde", MESSAGES);
	for (int i = 0; i < 60 && (switched < MESSAGES || told < MESSAGES); i++) {
		int timer = 0;
		struct ipc_error e = ARMED(FULL, ipc_wait_event(&ctx, &event, &timer));
		if (e.error_code != 0) {
			failed++;
			if (!is_passing(e)) FAIL("%ld-th allocation: code %d (%.200s)", nth, (int)e.error_code, e.error_message);
			continue;
		}
		switched += event.type == IPC_EVENT_TYPE_SWITCH;
		told += event.type == IPC_EVENT_TYPE_TX;
		CHECK(event.type != IPC_EVENT_TYPE_ERROR && event.type != IPC_EVENT_TYPE_DISCONNECTION);
	}
	for (int i = 0; i < MESSAGES; i++) {
		char byte = 0, wanted = (char)('a' + i);
		if (!is_readable(far[1])) FAIL("allocation %ld failed: message %c is lost (%d failed waits)", nth, wanted, failed);
		if (has_out) {
			CHECK_EQUAL(read_bytes(far[1], &byte, 1), 1);
			CHECK_EQUAL(byte, wanted);
		} else {
			char *payload = malloc(payload_size);
			memset(payload, wanted, payload_size);
			read_frame(far[1], wanted, payload, (uint32_t)payload_size);
			free(payload);
		}
	}
	CHECK(!is_readable(far[1]));
	CHECK(switched == MESSAGES && told == MESSAGES);
	if (has_out) CHECK_EQUAL(out_calls, MESSAGES);
	for (int i = 0; i < 2; i++) close(far[i]), close(near[i]);
	finish(&ctx, &event);
	unlink(address_of("pong").sun_path);
}

TEST(message_of_a_callback_is_passed_once_though_memory_was_missing) {
	begin();
	for (int size = 1; size <= 5000; size += 4999) {
		payload_size = (size_t)size;
		for (int has_out = 0; has_out < 2; has_out++)
			for (long nth = 1; nth <= MOST_FAILURES; nth++) pass_messages(nth, 1, has_out);
	}
}

TEST(message_of_a_callback_is_passed_once_though_memory_was_missing_for_long) {
	begin();
	payload_size = 5000;
	for (long nth = 1; nth <= 6; nth++) pass_messages(nth, 10, 0);
}

/* ---- a second entry for the same descriptor ---- */

static void check_first_entry(int ends[2], uint32_t size) {
	CHECK_EQUAL(ctx.size, size);
	for (int i = 0; i < 2; i++) {
		queue(&ctx, ends[0], 'o', "out", 3);
		next(&ctx, &event, IPC_EVENT_TYPE_TX);
		CHECK_EQUAL(event.origin, ends[0]);
		read_frame(ends[1], 'o', "out", 3);
		write_frame(ends[1], 'i', "in", 2);
		next_message(&ctx, &event, ends[0], 'i', "in", 2);
	}
}

static void add_twice(const char *what, int failure) {
	for (long nth = 1; nth < 8; nth++) {
		int ends[2], other[2];
		add_pair(&ctx, other, IPC_CONNECTION_TYPE_IPC);
		add_pair(&ctx, ends, IPC_CONNECTION_TYPE_IPC);
		nothing_to_tell(&ctx, &event);
		/* Something is queued, something read ahead. */
		queue(&ctx, ends[0], 'q', "queued", 6);
		write_frame(ends[1], '1', "ahead", 5);
		write_frame(ends[1], '2', "ahead", 5);
		struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
		inject_clear();
		inject_rule(what, failure, 0, nth, 1);
		struct ipc_error e = ARMED(FULL, ipc_add(&ctx, &info, &(struct pollfd){.fd = ends[0]}));
		int failed = e.error_code != 0;
		CHECK_EQUAL(ctx.size, failed ? 2 : 3);
		for (int told = 0; told < 3; told++) {
			CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
			CHECK_EQUAL(event.origin, ends[0]);
			CHECK_EQUAL(ctx.pollfd[event.index].fd, ends[0]);
			CHECK(event.type == IPC_EVENT_TYPE_TX || event.type == IPC_EVENT_TYPE_MESSAGE);
		}
		read_frame(ends[1], 'q', "queued", 6);
		check_first_entry(ends, failed ? 2 : 3);
		CHECK_OK(ipc_del_fd(&ctx, ends[0]));
		if (!failed) CHECK_OK(ipc_del_fd(&ctx, ends[0]));
		nothing_to_tell(&ctx, &event);
		IPC_EVENT_CLEAN(&event);
		ipc_ctx_free(&ctx);
		for (int i = 0; i < 2; i++) close(ends[i]), close(other[i]);
		if (!failed) break;
	}
}

TEST(first_entry_of_a_descriptor_goes_on_when_a_second_one_fails_for_want_of_memory) {
	begin();
	add_twice("memory", ENOMEM);
}
TEST(first_entry_of_a_descriptor_goes_on_when_a_second_one_cannot_be_watched) {
	begin();
	add_twice("watching", ENOSPC);
}
