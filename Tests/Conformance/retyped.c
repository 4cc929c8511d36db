/*
 * retyped.c - types and pairs that change while something waits: "the type found there when an event is handled is the one
 * that counts", whether it is written in place or by ipc_ctx_fd_type, and "ctx->switchdb is the live table". Whatever an entry
 * was waiting for as what it was, it does not wait for any more.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static int near[3], far[3]; /* the entries 1, 2 and 3 */

static void make_ends(void) { make_switched(&ctx, near, far, 3); }

static void close_ends(void) {
	for (int i = 0; i < 3; i++) {
		close(far[i]);
		if (is_open(near[i])) close(near[i]);
	}
	finish(&ctx, &event);
}

static void set_type(size_t index, enum ipc_connection_type type, int in_place) {
	if (in_place) ctx.cinfos[index].type = type;
	else CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ctx.pollfd[index].fd, type), 0);
}

/* The first end has spoken until the second, which does not read, holds it back; a frame of it is here, or in the kernel. */
static void hold_back(void) {
	static char frame[FRAME_SIZE(50000)];
	size_t offset = 0;
	put_header(frame, MSG_TYPE_DATA, 50000, 'h');
	for (int refused = 0; refused < 2;) {
		ssize_t n = send(far[0], frame + offset, sizeof frame - offset, MSG_DONTWAIT | MSG_NOSIGNAL);
		CHECK(n > 0 || errno == EAGAIN);
		refused = n > 0 ? 0 : refused + 1;
		if (n > 0) offset = (offset + (size_t)n) % sizeof frame;
		do {
			int timer = 0;
			CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		} while (event.type != IPC_EVENT_TYPE_TIMER);
	}
	CHECK(ctx.tx.size > 0);
}

TEST(an_end_that_is_held_back_and_becomes_ipc_is_heard) {
	for (int in_place = 0; in_place < 2; in_place++) {
		make_ends();
		hold_back();
		CHECK_EQUAL(ipc_ctx_switching_del(&ctx, near[0]), near[1]);
		set_type(1, IPC_CONNECTION_TYPE_IPC, in_place);
		ready(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
		CHECK_EQUAL(event.origin, near[0]);
		CHECK_EQUAL(((struct ipc_message *)event.m)->length, 50000);
		close_ends();
	}
}

TEST(an_end_that_is_held_back_and_becomes_external_is_told) {
	for (int in_place = 0; in_place < 2; in_place++) {
		make_ends();
		hold_back();
		CHECK_EQUAL(ipc_ctx_switching_del(&ctx, near[0]), near[1]);
		set_type(1, IPC_CONNECTION_TYPE_EXTERNAL, in_place);
		ready(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
		CHECK_EQUAL(event.origin, near[0]);
		close_ends();
	}
}

TEST(an_end_that_is_held_back_and_gets_another_partner_goes_on) {
	for (int live_table = 0; live_table < 2; live_table++) {
		make_ends();
		hold_back();
		if (live_table) {
			CHECK_EQUAL(ipc_switching_del(&ctx.switchdb, near[0]), near[1]);
			ipc_switching_add(&ctx.switchdb, near[0], near[2]);
		} else {
			CHECK_EQUAL(ipc_ctx_switching_del(&ctx, near[0]), near[1]);
			ipc_ctx_switching_add(&ctx, near[2], near[0]);
		}
		ready(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
		CHECK_EQUAL(event.origin, near[0]);
		ready(&ctx, &event, IPC_EVENT_TYPE_TX);
		CHECK_EQUAL(event.origin, near[2]);
		CHECK(is_readable(far[2]));
		close_ends();
	}
}

TEST(an_end_that_is_held_back_and_loses_its_partner_is_error_107) {
	for (int deleted = 0; deleted < 2; deleted++) {
		int timer = 0;
		make_ends();
		hold_back();
		if (deleted) CHECK_OK(ipc_del_fd(&ctx, near[1]));
		else CHECK_EQUAL(ipc_ctx_switching_del(&ctx, near[0]), near[1]);
		CHECK_CODE(ipc_wait_event(&ctx, &event, &timer), IPC_ERROR_FD_SWITCHING__NO_FD_RECORD);
		for (int i = 0; i < 3; i++) nothing_to_tell(&ctx, &event);
		close_ends();
	}
}

/* As EXTERNAL it was told and stays; as IPC it is a peer that left: "entry removed, fd closed". */
TEST(an_external_descriptor_whose_peer_left_and_that_becomes_ipc_is_a_peer_that_left) {
	for (int in_place = 0; in_place < 2; in_place++) {
		int ends[2];
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		make_pair(ends);
		CHECK_OK(ipc_add_fd(&ctx, ends[0]));
		close(ends[1]);
		ready(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
		CHECK(is_open(ends[0]));
		set_type(1, IPC_CONNECTION_TYPE_IPC, in_place);
		ready(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
		CHECK(event.origin == ends[0] && event.index == 1 && ctx.size == 1 && !is_open(ends[0]));
		finish(&ctx, &event);
	}
}

TEST(a_service_that_becomes_external_is_accepted_from_by_the_program) {
	for (int in_place = 0; in_place < 2; in_place++) {
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		int listening = ctx.pollfd[0].fd, first = raw_connect("pong"), second = raw_connect("pong");
		set_type(0, IPC_CONNECTION_TYPE_EXTERNAL, in_place);
		ready(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
		CHECK_EQUAL(event.origin, listening);
		close(accept(listening, NULL, NULL));
		set_type(0, IPC_CONNECTION_TYPE_SERVER, in_place);
		ready(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
		nothing_to_tell(&ctx, &event);
		close(first);
		close(second);
		finish(&ctx, &event);
	}
}

/* What is queued is sent whatever the type has become, and told with TX. */
TEST(what_is_queued_is_sent_whatever_the_type_becomes) {
	const enum ipc_connection_type types[] = {IPC_CONNECTION_TYPE_EXTERNAL, IPC_CONNECTION_TYPE_SWITCHED, IPC_CONNECTION_TYPE_IPC};
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int origin, peer = join(&ctx, &event, "pong", &origin);
	for (int i = 0; i < 6; i++) {
		queue(&ctx, origin, 'q', "queued", 6);
		set_type(1, types[i % 3], i > 2);
		ready(&ctx, &event, IPC_EVENT_TYPE_TX);
		CHECK_EQUAL(event.origin, origin);
		read_frame(peer, 'q', "queued", 6);
		nothing_to_tell(&ctx, &event);
	}
	close(peer);
	finish(&ctx, &event);
}
