/*
 * shortcuts_states.c - the short ways through a wait, and what happens to a connection in between: its peer leaves, its type changes, it
 * is closed or deleted, others come, a handler runs. What was read ahead is told or kept, and nothing is told twice.
 */
#include "shortcuts.h"

enum { MESSAGES = 6 };

/* So many messages, with one send. */
static void write_messages(int fd, int first, int count) {
	char stream[MESSAGES * FRAME_SIZE(7)];
	for (int i = 0; i < count; i++) {
		put_header(stream + (size_t)i * FRAME_SIZE(7), MSG_TYPE_DATA, 7, (char)(first + i));
		memcpy(stream + (size_t)i * FRAME_SIZE(7) + IPC_HEADER_SIZE, "message", 7);
	}
	write_bytes(fd, stream, (size_t)count * FRAME_SIZE(7));
}
static void tell(int fd, int number) { ready_message(&ctx, &event, fd, (char)number, "message", 7); }

/* ---- the peer leaves ---- */

TEST(a_peer_that_leaves_behind_its_messages) {
	for (int place = 0; place < PLACES; place++) {
		for (int count = 0; count <= MESSAGES; count++) {
			for (int told = 0; told <= count; told++) {
				for (int how = 0; how < 3; how++) {
					open_place(place);
					write_messages(far, 1, count);
					for (int i = 0; i < told; i++) tell(near, 1 + i);
					if (how == 2) write_bytes(far, "\2\0", 2);
					if (how == 1) shutdown(far, SHUT_WR);
					else close(far), far = -1;
					for (int i = told; i < count; i++) tell(near, 1 + i);
					ready(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
					CHECK(event.origin == near && !is_open(near));
					nothing_to_tell(&ctx, &event);
					close_place();
				}
			}
		}
	}
}

/* Requests, and the end, before the first reply: the replies come, and are told, before the peer is said to have left. */
TEST(a_peer_that_stopped_writing_gets_the_replies_to_all_that_was_read_ahead) {
	for (int place = 0; place < PLACES; place++) {
		for (int count = 1; count <= MESSAGES; count++) {
			int told = 0, sent = 0;
			open_place(place);
			write_messages(far, 1, count);
			shutdown(far, SHUT_WR);
			do {
				CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
				if (event.type == IPC_EVENT_TYPE_TX) sent++;
				if (event.type != IPC_EVENT_TYPE_MESSAGE) continue;
				check_message_event(&event, near, (char)(1 + told++), "message", 7);
				CHECK_OK(ipc_write(&ctx, event.m));
			} while (event.type != IPC_EVENT_TYPE_DISCONNECTION);
			CHECK(told == count && sent == count);
			for (int i = 0; i < count; i++) read_frame(far, (char)(1 + i), "message", 7);
			CHECK_EQUAL(read_bytes(far, &(char){0}, 1), 0);
			close_place();
		}
	}
}

/* The peer has closed: the reply to the first message fails. What came before is told all the same, and no TX. */
TEST(a_reply_that_fails_loses_no_message_that_was_read_ahead) {
	for (int place = 0; place < PLACES; place++) {
		for (int count = 1; count <= MESSAGES; count++) {
			open_place(place);
			write_messages(far, 1, count);
			tell(near, 1);
			close(far), far = -1;
			CHECK_OK(ipc_write(&ctx, event.m));
			for (int i = 1; i < count; i++) tell(near, 1 + i);
			ready(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
			CHECK_EQUAL(ctx.tx.size, 0);
			nothing_to_tell(&ctx, &event);
			close_place();
		}
	}
}

/* ---- the type changes ---- */

static void become(int in_place, int type) {
	for (size_t i = 0; in_place && i < ctx.size; i++)
		if (ctx.pollfd[i].fd == near) ctx.cinfos[i].type = (enum ipc_connection_type)type;
	if (!in_place) CHECK_EQUAL(ipc_ctx_fd_type(&ctx, near, (enum ipc_connection_type)type), 0);
}

TEST(messages_that_were_read_ahead_are_the_programs_while_the_connection_is_external) {
	for (int place = 0; place < PLACES; place++) {
		for (int in_place = 0; in_place < 4; in_place++) {
			struct ipc_message m = {0};
			open_place(place);
			write_messages(far, 1, 4);
			tell(near, 1);
			become(in_place & 1, IPC_CONNECTION_TYPE_EXTERNAL);
			ready(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
			CHECK_EQUAL(event.origin, near);
			CHECK_OK(ipc_read_fd(near, &m));
			CHECK_EQUAL(m.user_type, 2);
			become(in_place & 2, IPC_CONNECTION_TYPE_IPC);
			tell(near, 3);
			tell(near, 4);
			nothing_to_tell(&ctx, &event);
			free(m.payload);
			close_place();
		}
	}
}

TEST(messages_that_were_read_ahead_go_through_a_pair_that_is_made_now) {
	for (int place = 0; place < PLACES; place++) {
		for (int in_place = 0; in_place < 2; in_place++) {
			int ends[2];
			open_place(place);
			make_pair(ends);
			write_messages(far, 1, 4);
			tell(near, 1);
			CHECK_OK(ipc_add_fd_switched(&ctx, ends[0]));
			become(in_place, IPC_CONNECTION_TYPE_SWITCHED);
			ipc_ctx_switching_add(&ctx, near, ends[0]);
			for (int switched = 0, sent = 0; switched < 3 || sent < 3;) {
				CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
				CHECK(event.type == IPC_EVENT_TYPE_SWITCH || event.type == IPC_EVENT_TYPE_TX);
				event.type == IPC_EVENT_TYPE_TX ? sent++ : switched++;
			}
			for (int i = 2; i <= 4; i++) read_frame(ends[1], (char)i, "message", 7);
			nothing_to_tell(&ctx, &event);
			close(ends[1]);
			close_place();
		}
	}
}

/* ---- the entry goes ---- */

TEST(what_was_read_ahead_goes_with_a_connection_that_is_closed_and_stays_with_one_that_is_deleted) {
	for (int place = 0; place < PLACES; place++) {
		for (int deleted = 0; deleted < 2; deleted++) {
			int ends[2];
			struct ipc_message m = {0};
			open_place(place);
			write_messages(far, 1, 3);
			tell(near, 1);
			if (deleted) CHECK_OK(ipc_del_fd(&ctx, near));
			else CHECK_OK(ipc_close_fd(&ctx, near));
			nothing_to_tell(&ctx, &event);
			if (deleted) {
				CHECK_OK(ipc_read_fd(near, &m));
				CHECK_EQUAL(m.user_type, 2);
				close(near);
			}
			/* The number is another connection's. */
			make_pair(ends);
			CHECK(ends[0] == near || ends[1] == near);
			struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
			CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = near}));
			nothing_to_tell(&ctx, &event);
			write_messages(ends[0] == near ? ends[1] : ends[0], 7, 2);
			tell(near, 7);
			tell(near, 8);
			close(ends[0] == near ? ends[1] : ends[0]);
			free(m.payload);
			close_place();
		}
	}
}

/* ---- others come and go ---- */

TEST(a_second_connection_beside_messages_that_were_read_ahead) {
	for (int round = 0; round < 2; round++) {
		int ends[2];
		struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
		open_place(CLIENT);
		make_pair(ends);
		write_messages(far, 1, 3);
		tell(near, 1);
		CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = ends[0]}));
		write_messages(ends[1], 4, 2);
		for (int mine = 2, its = 4; mine < 4 || its < 6;) {
			ready(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
			if (event.origin == near) check_message_event(&event, near, (char)mine++, "message", 7);
			else check_message_event(&event, ends[0], (char)its++, "message", 7);
		}
		nothing_to_tell(&ctx, &event);
		/* And alone again, either of them. */
		int gone = round == 0 ? ends[0] : near, left = round == 0 ? near : ends[0];
		CHECK_OK(ipc_close_fd(&ctx, gone));
		nothing_to_tell(&ctx, &event);
		write_messages(round == 0 ? far : ends[1], 1, 2);
		tell(left, 1);
		tell(left, 2);
		nothing_to_tell(&ctx, &event);
		close(ends[1]);
		close_place();
	}
}

/* One has many messages here already. The other one's comes soon, whatever was read ahead. */
TEST(a_message_of_another_connection_beside_many_that_were_read_ahead) {
	enum { MANY = 400, SOON = 80 };
	int at = -1;
	open_place(SERVICE);
	for (int i = 0; i < MANY / MESSAGES; i++) write_messages(far, 1, MESSAGES);
	tell(near, 1);
	write_messages(other_far, 9, 1);
	for (int i = 1; i < MANY / MESSAGES * MESSAGES + 1; i++) {
		ready(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
		if (event.origin == other_near) at = i;
	}
	CHECK(at > 0 && at <= SOON);
	nothing_to_tell(&ctx, &event);
	close_place();
}

/* Whoever is told of two at once gets both, with an answer to each in between. */
TEST(two_connections_that_speak_at_once_are_both_heard_and_answered) {
	open_place(SERVICE);
	for (int round = 0; round < 20; round++) {
		int messages = 0, sent = 0;
		write_messages(far, 1, 1 + round % 3);
		write_messages(other_far, 1, 1 + round % 2);
		int wanted = 2 + round % 3 + round % 2;
		while (messages < wanted || sent < wanted) {
			CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
			if (event.type == IPC_EVENT_TYPE_TX) sent++;
			else messages++, CHECK_OK(ipc_write(&ctx, event.m));
		}
		nothing_to_tell(&ctx, &event);
		for (int i = 0; i < 1 + round % 3; i++) read_frame(far, (char)(1 + i), "message", 7);
		for (int i = 0; i < 1 + round % 2; i++) read_frame(other_far, (char)(1 + i), "message", 7);
	}
	close_place();
}

TEST(a_packet_socket_is_an_error_once_and_no_message) {
	for (int place = 0; place < PLACES; place++) {
		int ends[2];
		struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
		if (place == SERVICE) open_place(SERVICE);
		CHECK_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
		CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = ends[0]}));
		CHECK_EQUAL(send(ends[1], "\2\0\0\0\1mx", 7, 0), 7);
		ready(&ctx, &event, IPC_EVENT_TYPE_ERROR);
		CHECK_EQUAL(event.origin, ends[0]);
		nothing_to_tell(&ctx, &event);
		close(ends[1]);
		if (place == SERVICE) close_place();
		else finish(&ctx, &event);
	}
}

/* A pipe is no socket: it takes little at once, and the rest follows. */
TEST(frames_to_a_pipe) {
	int ends[2];
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	char *payload = pattern(30000, 3), *got = malloc(FRAME_SIZE(30000));
	CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = ends[1]}));
	queue(&ctx, ends[1], 's', "small", 5);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(read(ends[0], got, 100), FRAME_SIZE(5));
	queue(&ctx, ends[1], 'l', payload, 30000);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(read(ends[0], got, FRAME_SIZE(30000)), FRAME_SIZE(30000));
	CHECK(memcmp(got + IPC_HEADER_SIZE, payload, 30000) == 0);
	free(payload), free(got);
	close(ends[0]);
	finish(&ctx, &event);
}
