/*
 * passed_with_messages.c - descriptors that come with messages: ipc_write_with_fd, ipc_ctx_accept_fds, ipc_event_take_fd.
 */
#include "peers.h"

static struct ipc_ctx ctx, client;
static struct ipc_event event, answer;
static int origin, fd;

#define CHECK_NONE(call) CHECK_EQUAL(call, IPC_ERROR_NONE)

static void begin(int accepts) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_OK(ipc_connection(&client, "pong", &fd));
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	origin = event.origin;
	if (accepts) CHECK_NONE(ipc_ctx_accept_fds(&ctx, origin, 1));
}
static void end(void) {
	CHECK_OK(ipc_close_all(&client));
	ipc_ctx_free(&client);
	IPC_EVENT_CLEAN(&answer);
	finish(&ctx, &event);
}

/* A pipe whose number `mark` can be read from its end; the end for reading. */
static int marked(char mark) {
	int ends[2];
	CHECK(pipe(ends) == 0 && write(ends[1], &mark, 1) == 1);
	close(ends[1]);
	return ends[0];
}
static void send_marked(char mark, const void *payload, uint32_t length) {
	struct ipc_message message = message_of(fd, 'f', payload, length);
	int end = marked(mark);
	CHECK_NONE(ipc_write_with_fd(&client, &message, end));
	close(end);
}
static void check_mark(int taken, char mark) {
	char got = 0;
	CHECK(taken >= 0 && (fcntl(taken, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK(read(taken, &got, 1) == 1 && got == mark);
	close(taken);
}
static void flush_client(void) { CHECK_NONE(ipc_flush(&client, -1, -1)); }

TEST(descriptors_come_in_order_with_their_messages) {
	begin(1);
	char *large = pattern(300000, 5);
	queue(&client, fd, 'm', "a", 1);
	send_marked('1', "b", 1);
	send_marked('2', "c", 1);
	queue(&client, fd, 'm', "d", 1);
	send_marked('3', "", 0);
	CHECK_EQUAL(ipc_flush(&client, -1, 0), IPC_ERROR_NONE);
	next_message(&ctx, &event, origin, 'm', "a", 1);
	CHECK_EQUAL(ipc_event_take_fd(&event), -1);
	next_message(&ctx, &event, origin, 'f', "b", 1);
	check_mark(ipc_event_take_fd(&event), '1');
	CHECK_EQUAL(ipc_event_take_fd(&event), -1);
	CHECK(strlen(ipc_last_error()) > 0);
	next_message(&ctx, &event, origin, 'f', "c", 1);
	check_mark(ipc_event_take_fd(&event), '2');
	next_message(&ctx, &event, origin, 'm', "d", 1);
	CHECK_EQUAL(ipc_event_take_fd(&event), -1);
	next_message(&ctx, &event, origin, 'f', "", 0);
	check_mark(ipc_event_take_fd(&event), '3');
	/* Larger than the kernel takes at once. */
	for (int i = 0; i < 3; i++) send_marked((char)('4' + i), large, 300000);
	queue(&client, fd, 'm', "e", 1);
	for (int got = 0, timer = 0; got < 4; timer = 0) {
		CHECK_OK(ipc_wait_event(&client, &answer, &timer));
		timer = 0;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		if (event.type != IPC_EVENT_TYPE_MESSAGE) continue;
		if (got < 3) {
			check_message_event(&event, origin, 'f', large, 300000);
			check_mark(ipc_event_take_fd(&event), (char)('4' + got));
		} else {
			CHECK_EQUAL(ipc_event_take_fd(&event), -1);
		}
		got++;
	}
	free(large);
	end();
}

TEST(what_nobody_takes_is_closed_by_the_next_wait) {
	begin(1);
	int before = count_descriptors();
	for (int i = 0; i < 10; i++) {
		send_marked('x', "b", 1);
		flush_client();
		next_message(&ctx, &event, origin, 'f', "b", 1);
		CHECK_EQUAL(count_descriptors(), before + 1);
		nothing_to_tell(&ctx, &event);
		CHECK_EQUAL(count_descriptors(), before);
	}
	/* A context that is freed closes them, too. */
	send_marked('x', "b", 1);
	flush_client();
	next_message(&ctx, &event, origin, 'f', "b", 1);
	end();
}

TEST(without_consent_they_are_closed) {
	begin(0);
	int before = count_descriptors();
	send_marked('x', "b", 1);
	flush_client();
	next_message(&ctx, &event, origin, 'f', "b", 1);
	CHECK_EQUAL(ipc_event_take_fd(&event), -1);
	CHECK_EQUAL(count_descriptors(), before);
	end();
}

TEST(a_batch_brings_one_with_each_message) {
	struct ipc_event events[40];
	size_t count, messages = 0;
	memset(events, 0, sizeof events);
	begin(1);
	int before = count_descriptors();
	for (int i = 0; i < 40; i++) send_marked((char)(1 + i), &i, sizeof i);
	flush_client();
	while (messages < 40) {
		int timer = -1;
		CHECK_NONE(ipc_wait_events(&ctx, events, 40, &count, &timer));
		for (size_t i = 0; i < count; i++, messages++) {
			CHECK_EQUAL(events[i].type, IPC_EVENT_TYPE_MESSAGE);
			if (messages % 2 == 0) check_mark(ipc_event_take_fd(&events[i]), (char)(1 + messages));
		}
	}
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(count_descriptors(), before);
	for (int i = 0; i < 40; i++) IPC_EVENT_CLEAN(&events[i]);
	end();
}

TEST(failures_keep_the_callers_descriptor) {
	int ends[2];
	begin(1);
	struct ipc_message message = message_of(fd, 'f', "x", 1);
	CHECK_EQUAL(ipc_write_with_fd(&client, &message, 999), IPC_ERROR_WRITE_WITH_FD__DESCRIPTOR);
	CHECK_EQUAL(ipc_write_with_fd(&client, &message, -1), IPC_ERROR_WRITE_WITH_FD__DESCRIPTOR);
	CHECK_EQUAL(ipc_write_with_fd(&client, NULL, 0), IPC_ERROR_WRITE__NO_MESSAGE_PARAM);
	CHECK_EQUAL(ipc_write_with_fd(NULL, &message, 0), IPC_ERROR_WRITE__FD_NOT_FOUND);
	message.fd = 998;
	CHECK_EQUAL(ipc_write_with_fd(&client, &message, 0), IPC_ERROR_WRITE_WITH_FD__DESCRIPTOR);
	CHECK(pipe(ends) == 0);
	CHECK_OK(ipc_add_fd(&client, ends[1]));
	message.fd = ends[1];
	CHECK_EQUAL(ipc_write_with_fd(&client, &message, 0), IPC_ERROR_WRITE_WITH_FD__DESCRIPTOR);
	CHECK_EQUAL(ipc_ctx_accept_fds(&ctx, 999, 1), IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND);
	CHECK_OK(ipc_del_fd(&client, ends[1]));
	close(ends[0]), close(ends[1]);
	CHECK(is_open(0));
	end();
}

/* What is dropped with a queue is closed. */
TEST(dropped_messages_leave_no_descriptor) {
	begin(1);
	int before = count_descriptors();
	for (int i = 0; i < 5; i++) send_marked('x', "b", 1);
	CHECK_EQUAL(count_descriptors(), before + 5);
	CHECK_OK(ipc_close_all(&client));
	CHECK(count_descriptors() <= before);
	ipc_ctx_free(&client);
	for (int i = 0; i < 5; i++) next(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	finish(&ctx, &event);
}

/* Frames that arrive in pieces, each with a descriptor: the first is the message's, others are closed. */
TEST(a_peer_that_sends_too_many_leaves_none_behind) {
	int given = marked('z');
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	CHECK_NONE(ipc_ctx_accept_fds(&ctx, origin, 1));
	int before = count_descriptors();
	char frame[16];
	for (int round = 0; round < 20; round++) {
		put_header(frame, MSG_TYPE_DATA, 10, 'p');
		memcpy(frame + 6, "0123456789", 10);
		for (int i = 0; i < 16; i++) {
			send_with(peer, frame + i, 1, given, 1);
			if (i < 15) nothing_to_tell(&ctx, &event);
		}
		next_message(&ctx, &event, origin, 'p', "0123456789", 10);
		int taken = ipc_event_take_fd(&event);
		CHECK(taken >= 0);
		close(taken);
		nothing_to_tell(&ctx, &event);
		CHECK_EQUAL(count_descriptors(), before);
	}
	close(given), close(peer);
	finish(&ctx, &event);
}

/* An entry that a program has added, and a message after one that was large: paths of their own when received. */
TEST(each_message_of_an_added_entry_keeps_its_descriptor) {
	int ends[2];
	char *large = pattern(100000, 3), *kept = NULL;
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[1]));
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[1], IPC_CONNECTION_TYPE_IPC), 0);
	CHECK_NONE(ipc_ctx_accept_fds(&ctx, ends[1], 1));
	for (int i = 0; i < 6; i++) {
		if (i == 3) {
			if (fork_process() == 0) write_frame(ends[0], 'l', large, 100000), _exit(0);
			next_message(&ctx, &event, ends[1], 'l', large, 100000);
			/* The program keeps the memory: the library has none of that size. */
			struct ipc_message *m = event.m;
			free(kept);
			kept = m->payload, m->payload = NULL, m->length = 0;
		}
		int given = marked((char)('a' + i));
		char frame[9];
		put_header(frame, MSG_TYPE_DATA, 3, 'd');
		memcpy(frame + 6, "abc", 3);
		send_with(ends[0], frame, 9, given, 1);
		close(given);
		next_message(&ctx, &event, ends[1], 'd', "abc", 3);
		check_mark(ipc_event_take_fd(&event), (char)('a' + i));
	}
	free(large);
	free(kept);
	close(ends[0]);
	finish(&ctx, &event);
}
