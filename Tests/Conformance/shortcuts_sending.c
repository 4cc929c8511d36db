/*
 * shortcuts_sending.c - the short way through a wait that sends: one small frame waits, the kernel takes it, and the program is told at
 * once. In each test a condition of that is just not met. Frames come whole and in order, with one TX for each that was taken.
 */
#include "shortcuts.h"

enum { LARGE = 400000 };

static void write_small(int fd, char user_type) { queue(&ctx, fd, user_type, "small", 5); }
static void read_small(int fd, char user_type) { read_frame(fd, user_type, "small", 5); }

/* The next event is TX of this descriptor, and so many messages still wait. */
static void sent_one(int fd, size_t waiting) {
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(event.origin, fd);
	CHECK_EQUAL(ctx.tx.size, waiting);
}

/* ---- what the kernel takes ---- */

TEST(a_small_frame_that_the_kernel_takes_in_two_parts) {
	for (int place = 0; place < PLACES; place++) {
		open_place(place);
		for (most = 1; most < FRAME_SIZE(5); most++) {
			for (int behind = 0; behind < 3; behind++) {
				write_small(near, 'a');
				short_sends = 1;
				/* Begun by a wait that may find nothing else. */
				int timer = 0, sent = 0;
				CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
				sent += event.type == IPC_EVENT_TYPE_TX;
				for (int i = 0; i < behind; i++) write_small(near, (char)('b' + i));
				while (sent < 1 + behind) {
					CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
					CHECK(event.type == IPC_EVENT_TYPE_TX && event.origin == near);
					sent++;
				}
				CHECK_EQUAL(ctx.tx.size, 0);
				CHECK_EQUAL(short_sends, 0);
				nothing_to_tell(&ctx, &event);
				for (int i = 0; i <= behind; i++) read_small(far, (char)('a' + i));
				CHECK(!is_readable(far));
			}
		}
		close_place();
	}
}

/* Each byte for itself. */
TEST(frames_of_which_each_send_takes_few_bytes) {
	for (int place = 0; place < PLACES; place++) {
		open_place(place);
		for (most = 1; most < 20; most++) {
			short_sends = 1000;
			for (int i = 0; i < 3; i++) write_small(near, (char)('a' + i));
			for (int i = 0; i < 3; i++) {
				next(&ctx, &event, IPC_EVENT_TYPE_TX);
				CHECK_EQUAL(event.origin, near);
			}
			short_sends = 0;
			nothing_to_tell(&ctx, &event);
			for (int i = 0; i < 3; i++) read_small(far, (char)('a' + i));
		}
		close_place();
	}
}

TEST(a_send_that_fails_for_now) {
	static const int failures[] = {EINTR, EAGAIN, ENOBUFS, ENOMEM};
	for (int place = 0; place < PLACES; place++) {
		open_place(place);
		for (int i = 0; i < 4; i++) {
			for (int behind = 0; behind < 2; behind++) {
				failure = failures[i];
				write_small(near, 'a');
				failing_sends = 1;
				int timer = 0, sent = 0;
				CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
				CHECK_EQUAL(failing_sends, 0);
				sent += event.type == IPC_EVENT_TYPE_TX;
				if (behind) write_small(near, 'b');
				/* The others are served meanwhile. */
				if (place == SERVICE) {
					write_frame(other_far, 'o', "other", 5);
					do {
						CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
						sent += event.type == IPC_EVENT_TYPE_TX;
					} while (event.type != IPC_EVENT_TYPE_MESSAGE);
					check_message_event(&event, other_near, 'o', "other", 5);
				}
				while (sent < 1 + behind) {
					next(&ctx, &event, IPC_EVENT_TYPE_TX);
					sent++;
				}
				nothing_to_tell(&ctx, &event);
				read_small(far, 'a');
				if (behind) read_small(far, 'b');
				CHECK(!is_readable(far));
			}
		}
		close_place();
	}
}

TEST(a_send_that_fails_for_good_tells_what_the_peer_had_sent) {
	for (int place = 0; place < PLACES; place++) {
		for (int messages = 0; messages < 3; messages++) {
			for (int closed = 0; closed < 2; closed++) {
				open_place(place);
				int fd = near;
				for (int i = 0; i < messages; i++) write_frame(far, 'm', "message", 7);
				write_small(near, 'a');
				if (closed) close(far), far = -1;
				failure = EPIPE;
				failing_sends = !closed;
				for (int i = 0; i < messages; i++) ready_message(&ctx, &event, near, 'm', "message", 7);
				ready(&ctx, &event, closed ? IPC_EVENT_TYPE_DISCONNECTION : IPC_EVENT_TYPE_ERROR);
				CHECK(event.origin == fd && !is_open(fd) && ctx.tx.size == 0);
				CHECK_EQUAL(failing_sends, 0);
				nothing_to_tell(&ctx, &event);
				close_place();
			}
		}
	}
}

/* ---- more than one frame, or receiver ---- */

TEST(one_two_or_three_small_frames_and_a_large_one) {
	char *payload = pattern(LARGE, 1);
	for (int place = 0; place < PLACES; place++) {
		open_place(place);
		for (int before = 0; before < 4; before++) {
			for (int behind = 0; behind < 3; behind++) {
				for (int i = 0; i < before; i++) write_small(near, (char)('a' + i));
				queue(&ctx, near, 'l', payload, LARGE);
				for (int i = 0; i < behind; i++) write_small(near, (char)('m' + i));
				for (int i = 0; i < before; i++) ready(&ctx, &event, IPC_EVENT_TYPE_TX);
				nothing_to_tell(&ctx, &event);
				CHECK_EQUAL(ctx.tx.size, 1 + behind);
				/* The buffer is full: one more small frame has to wait, whatever else there is. */
				write_small(near, 'z');
				nothing_to_tell(&ctx, &event);
				for (int i = 0; i < before; i++) read_small(far, (char)('a' + i));
				pid_t child = fork_process();
				if (child == 0) {
					read_frame(far, 'l', payload, LARGE);
					for (int i = 0; i < behind; i++) read_small(far, (char)('m' + i));
					read_small(far, 'z');
					_exit(0);
				}
				for (int i = 0; i < 2 + behind; i++) next(&ctx, &event, IPC_EVENT_TYPE_TX);
				await_process(child);
				nothing_to_tell(&ctx, &event);
				CHECK(!is_readable(far));
			}
		}
		close_place();
	}
	free(payload);
}

TEST(small_frames_to_two_receivers_one_of_which_takes_nothing) {
	char *payload = pattern(LARGE, 2);
	open_place(SERVICE);
	queue(&ctx, near, 'l', payload, LARGE);
	nothing_to_tell(&ctx, &event);
	for (int i = 0; i < 5; i++) {
		write_small(other_near, (char)('a' + i));
		sent_one(other_near, 1);
		read_small(other_far, (char)('a' + i));
		write_small(near, (char)('a' + i));
		write_small(other_near, 'x');
		ready(&ctx, &event, IPC_EVENT_TYPE_TX);
		CHECK_EQUAL(event.origin, other_near);
		read_small(other_far, 'x');
		CHECK_OK(ipc_close_fd(&ctx, near));
		nothing_to_tell(&ctx, &event);
		close(far);
		far = join(&ctx, &event, "pong", &near);
		queue(&ctx, near, 'l', payload, LARGE);
		nothing_to_tell(&ctx, &event);
	}
	free(payload);
	close_place();
}

/* ---- reports ---- */

/* The program answers each TX with the next message, and another client has something to say. */
TEST(a_program_that_writes_after_each_TX_hears_the_others) {
	enum { SOON = 100 };
	open_place(SERVICE);
	for (int round = 0; round < 5; round++) {
		int heard = 0;
		write_small(near, 'a');
		ready(&ctx, &event, IPC_EVENT_TYPE_TX);
		read_small(far, 'a');
		write_frame(other_far, 'o', "other", 5);
		for (int i = 0; i < SOON && !heard; i++) {
			write_small(near, 'a');
			CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
			if (event.type == IPC_EVENT_TYPE_MESSAGE) heard = 1;
			else CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TX);
		}
		CHECK(heard);
		do CHECK_OK(ipc_wait_event(&ctx, &event, &(int){0}));
		while (event.type == IPC_EVENT_TYPE_TX);
		char bytes[FRAME_SIZE(5)];
		while (is_readable(far)) CHECK_EQUAL(read_bytes(far, bytes, sizeof bytes), sizeof bytes);
	}
	close_place();
}

TEST(a_timer_comes_although_the_program_writes_after_each_TX) {
	for (int place = 0; place < PLACES; place++) {
		char bytes[FRAME_SIZE(5)];
		int timer = 20;
		open_place(place);
		do {
			write_small(near, 'a');
			CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
			while (is_readable(far)) CHECK_EQUAL(read_bytes(far, bytes, sizeof bytes), sizeof bytes);
		} while (event.type == IPC_EVENT_TYPE_TX);
		CHECK(event.type == IPC_EVENT_TYPE_TIMER && timer == 0);
		close_place();
	}
}

/* A frame that a wait has sent, and of which it has not told; then another one. */
TEST(a_small_frame_behind_one_that_is_not_told_yet) {
	for (int place = 0; place < PLACES; place++) {
		open_place(place);
		write_small(near, 'a');
		write_small(near, 'b');
		ready(&ctx, &event, IPC_EVENT_TYPE_TX);
		write_small(near, 'c');
		for (int i = 0; i < 2; i++) ready(&ctx, &event, IPC_EVENT_TYPE_TX);
		nothing_to_tell(&ctx, &event);
		for (int i = 0; i < 3; i++) read_small(far, (char)('a' + i));
		close_place();
	}
}

/* ---- what the receiver is, or becomes ---- */

static void become(int type) {
	for (size_t i = 0; i < ctx.size; i++)
		if (ctx.pollfd[i].fd == near) ctx.cinfos[i].type = (enum ipc_connection_type)type;
}

TEST(a_small_frame_to_an_entry_whose_type_changes_in_place_before_it_is_sent) {
	for (int place = 0; place < PLACES; place++) {
		for (int type = IPC_CONNECTION_TYPE_IPC; type <= IPC_CONNECTION_TYPE_SWITCHED; type++) {
			if (type == IPC_CONNECTION_TYPE_SERVER) continue;
			open_place(place);
			write_small(near, 'a');
			become(type);
			sent_one(near, 0);
			write_small(near, 'b');
			become(IPC_CONNECTION_TYPE_IPC);
			sent_one(near, 0);
			nothing_to_tell(&ctx, &event);
			read_small(far, 'a');
			read_small(far, 'b');
			close_place();
		}
	}
}

static int callbacks;
static enum ipccb write_by_callback(int fd, struct ipc_message *m) {
	CHECK(fd == near && m->length == 5);
	callbacks++;
	write_frame(fd, m->user_type, m->payload, m->length);
	return IPC_CB_NO_ERROR;
}

TEST(a_small_frame_to_an_end_that_a_callback_writes) {
	int ends[2];
	open_place(CLIENT);
	make_pair(ends);
	CHECK_OK(ipc_add_fd_switched(&ctx, ends[0]));
	become(IPC_CONNECTION_TYPE_SWITCHED);
	ipc_ctx_switching_add(&ctx, near, ends[0]);
	ipc_switching_callbacks(&ctx, near, NULL, write_by_callback);
	for (int i = 0; i < 3; i++) {
		write_small(near, (char)('a' + i));
		sent_one(near, 0);
		read_small(far, (char)('a' + i));
		CHECK_EQUAL(callbacks, 1 + i);
	}
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(ipc_ctx_switching_del(&ctx, near), ends[0]);
	close(ends[1]);
	close_place();
}
