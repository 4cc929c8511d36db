/*
 * moving.c - a descriptor that goes from one context to another, out of every context, or from one type to another while
 * messages are on their way: "Messages of 0 to 1,999,994 bytes arrive whole, in order, once, whatever their timing, between
 * any mix of ipc_write, ipc_write_fd, ipc_read, ipc_read_fd and ipc_wait_event". What a context has received and not told
 * belongs to the descriptor: ipc_del drops "the entry and what was queued for it", which is what was to be sent.
 */
#include "peers.h"

static struct ipc_ctx first, second;
static struct ipc_event event;
static int origin, peer;

/* A client of the first context, which has told the first of four frames; the last is cut in the middle. */
static void start_conversation(void) {
	CHECK_OK(ipc_server_init(&first, "pong"));
	peer = join(&first, &event, "pong", &origin);
	write_bytes(peer, "\2\0\0\0\3aone\2\0\0\0\3btwo\2\0\0\0\0c\2\0\0\0\4dfo", 32);
	next_message(&first, &event, origin, 'a', "one", 3);
}

static void end_conversation(void) {
	close(peer);
	if (is_open(origin)) close(origin);
	finish(&second, &event);
	finish(&first, &event);
}

/* The rest of the frames comes by direct calls. */
static void the_rest_is_read_directly(void) {
	struct ipc_message m = {0};
	CHECK(is_open(origin));
	write_bytes(peer, "ur", 2);
	CHECK_OK(ipc_read_fd(origin, &m));
	CHECK(m.user_type == 'b' && m.length == 3 && memcmp(m.payload, "two", 3) == 0);
	CHECK_OK(ipc_read_fd(origin, &m));
	CHECK(m.user_type == 'c' && m.length == 0);
	CHECK_OK(ipc_read_fd(origin, &m));
	CHECK(m.user_type == 'd' && m.length == 4 && memcmp(m.payload, "four", 4) == 0);
	CHECK(!is_readable(origin));
	free(m.payload);
}

static void the_rest_is_told(struct ipc_ctx *ctx) {
	ready_message(ctx, &event, origin, 'b', "two", 3);
	ready_message(ctx, &event, origin, 'c', NULL, 0);
	nothing_to_tell(ctx, &event);
	write_bytes(peer, "ur", 2);
	ready_message(ctx, &event, origin, 'd', "four", 4);
	nothing_to_tell(ctx, &event);
	write_frame(peer, 'e', "five", 4);
	ready_message(ctx, &event, origin, 'e', "five", 4);
}

static void add_to(struct ipc_ctx *ctx) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	CHECK_OK(ipc_add(ctx, &info, &(struct pollfd){.fd = origin, .events = POLLIN}));
}

TEST(what_is_read_ahead_is_read_by_ipc_read_fd_after_ipc_del) {
	start_conversation();
	CHECK_OK(ipc_del(&first, 1));
	the_rest_is_read_directly();
	end_conversation();
}

TEST(what_is_read_ahead_is_told_by_the_context_that_gets_the_descriptor) {
	start_conversation();
	CHECK_OK(ipc_del_fd(&first, origin));
	add_to(&second);
	the_rest_is_told(&second);
	end_conversation();
}

TEST(what_is_read_ahead_is_told_when_the_descriptor_comes_back) {
	start_conversation();
	CHECK_OK(ipc_del_fd(&first, origin));
	nothing_to_tell(&first, &event);
	add_to(&first);
	the_rest_is_told(&first);
	end_conversation();
}

TEST(what_is_read_ahead_outlives_its_context) {
	for (int again = 0; again < 2; again++) {
		start_conversation();
		int listening = first.pollfd[0].fd;
		IPC_EVENT_CLEAN(&event);
		ipc_ctx_free(&first);
		close(listening);
		if (again) {
			add_to(&second);
			the_rest_is_told(&second);
		} else {
			the_rest_is_read_directly();
		}
		end_conversation();
		unlink(address_of("pong").sun_path);
	}
}

/* And no byte of a descriptor that was closed comes out of another one that has its number. */
TEST(what_is_read_ahead_goes_with_the_descriptor_that_is_closed) {
	for (int how = 0; how < 3; how++) {
		int ends[2];
		struct ipc_message m = {0};
		start_conversation();
		CHECK_OK(ipc_del_fd(&first, origin));
		if (how == 0) CHECK_OK(usock_close(origin));
		if (how == 1) close(origin); /* or dup2 below does it */
		make_pair(ends);
		if (ends[0] != origin) {
			CHECK_EQUAL(dup2(ends[0], origin), origin);
			close(ends[0]);
		}
		write_bytes(ends[1], "\2\0\0\0\3zyes", 9);
		CHECK_OK(ipc_read_fd(origin, &m));
		CHECK(m.user_type == 'z' && m.length == 3 && memcmp(m.payload, "yes", 3) == 0);
		free(m.payload);
		close(ends[1]);
		end_conversation();
	}
}

TEST(a_descriptor_that_was_passed_is_received_after_ipc_del) {
	int passed[2], fd = -1;
	make_pair(passed);
	CHECK_OK(ipc_server_init(&first, "pong"));
	peer = join(&first, &event, "pong", &origin);
	write_frame(peer, 'a', "here it is", 10);
	CHECK_OK(ipc_provide_fd(peer, passed[0]));
	next_message(&first, &event, origin, 'a', "here it is", 10);
	CHECK_OK(ipc_del_fd(&first, origin));
	CHECK_OK(ipc_receive_fd(origin, &fd));
	write_bytes(fd, "x", 1);
	CHECK(is_readable(passed[1]));
	close(fd);
	close(passed[0]);
	close(passed[1]);
	end_conversation();
}

/* ---- the type that is found when an event is handled is the one that counts ---- */

/* "EXTRA_SOCKET: an EXTERNAL fd is readable; the program reads it; told again as long as something is left" */
TEST(frames_behind_one_that_was_told_are_the_programs_when_the_type_becomes_external) {
	for (int in_place = 0; in_place < 2; in_place++) {
		struct ipc_message m = {0};
		CHECK_OK(ipc_server_init(&first, "pong"));
		peer = join(&first, &event, "pong", &origin);
		write_bytes(peer, "\2\0\0\0\3aone\2\0\0\0\3btwo\2\0\0\0\0c", 24);
		next_message(&first, &event, origin, 'a', "one", 3);
		if (in_place) first.cinfos[1].type = IPC_CONNECTION_TYPE_EXTERNAL;
		else CHECK_EQUAL(ipc_ctx_fd_type(&first, origin, IPC_CONNECTION_TYPE_EXTERNAL), 0);
		for (char wanted = 'b'; wanted <= 'c'; wanted++) {
			ready(&first, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
			CHECK_EQUAL(event.origin, origin);
			CHECK_OK(ipc_read_fd(origin, &m));
			CHECK_EQUAL(m.user_type, wanted);
		}
		nothing_to_tell(&first, &event);
		free(m.payload);
		end_conversation();
	}
}

TEST(frames_behind_one_that_was_told_are_told_when_the_type_comes_back) {
	start_conversation();
	CHECK_EQUAL(ipc_ctx_fd_type(&first, origin, IPC_CONNECTION_TYPE_EXTERNAL), 0);
	CHECK_EQUAL(ipc_ctx_fd_type(&first, origin, IPC_CONNECTION_TYPE_IPC), 0);
	the_rest_is_told(&first);
	end_conversation();
}

TEST(frames_behind_one_that_was_told_pass_when_the_end_becomes_switched) {
	for (int in_place = 0; in_place < 2; in_place++) {
		int ends[2];
		make_pair(ends);
		start_conversation();
		CHECK_OK(ipc_add_fd_switched(&first, ends[0]));
		ipc_ctx_switching_add(&first, origin, ends[0]);
		if (in_place) first.cinfos[1].type = IPC_CONNECTION_TYPE_SWITCHED;
		else CHECK_EQUAL(ipc_ctx_fd_type(&first, origin, IPC_CONNECTION_TYPE_SWITCHED), 0);
		for (int i = 0; i < 2; i++) {
			ready(&first, &event, IPC_EVENT_TYPE_SWITCH);
			ready(&first, &event, IPC_EVENT_TYPE_TX);
		}
		nothing_to_tell(&first, &event);
		write_bytes(peer, "ur", 2);
		ready(&first, &event, IPC_EVENT_TYPE_SWITCH);
		ready(&first, &event, IPC_EVENT_TYPE_TX);
		read_frame(ends[1], 'b', "two", 3);
		read_frame(ends[1], 'c', NULL, 0);
		read_frame(ends[1], 'd', "four", 4);
		close(ends[1]);
		end_conversation();
	}
}
