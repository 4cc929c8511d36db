/*
 * quiet_events.c - ipc_ctx_quiet: TX and SWITCH are not told, and all else goes on: queues, their limit, snapshots, pairs, their ends.
 */
#include "batches.h"

enum { LARGE = 500000 };

static void check_pending(int fd, uint32_t pending, size_t messages) {
	struct ipc_entry entry;
	size_t waiting = 99;
	CHECK_OK(ipc_ctx_entry(&ctx, fd, &entry));
	CHECK_EQUAL(entry.pending, pending);
	CHECK_OK(ipc_ctx_status(&ctx, NULL, &waiting));
	CHECK_EQUAL(waiting, messages);
}

static void quiet(uint32_t kinds) { CHECK_EQUAL(ipc_ctx_quiet(&ctx, kinds), 0); }

/* Waits and reads until this many large messages have come; counts the TX that are told. */
static int drain_large(int peer, const char *payload, int messages) {
	static char part[65536];
	size_t left = (size_t)messages * FRAME_SIZE(LARGE), done = 0;
	int told = 0;
	while (left > 0) {
		int timer = 0;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK(event.type == IPC_EVENT_TYPE_TIMER || event.type == IPC_EVENT_TYPE_TX);
		told += event.type == IPC_EVENT_TYPE_TX;
		ssize_t n = recv(peer, part, left < sizeof part ? left : sizeof part, MSG_DONTWAIT);
		for (ssize_t i = 0; i < n; i++) {
			size_t at = (done + (size_t)i) % FRAME_SIZE(LARGE);
			CHECK(at < IPC_HEADER_SIZE || part[i] == payload[at - IPC_HEADER_SIZE]);
		}
		if (n > 0) left -= (size_t)n, done += (size_t)n;
	}
	for (;; told++) {
		int timer = 0;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		if (event.type == IPC_EVENT_TYPE_TIMER) return told;
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TX);
	}
}

TEST(other_kinds_are_refused_and_change_nothing) {
	int origin;
	CHECK_EQUAL(ipc_ctx_quiet(NULL, IPC_QUIET_TX), IPC_ERROR_CTX_ENTRY__NO_PARAM);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	for (int kind = 0; kind < 32; kind++) {
		uint32_t bit = (uint32_t)1 << kind;
		if (bit == IPC_QUIET_TX || bit == IPC_QUIET_SWITCH) continue;
		CHECK_EQUAL(ipc_ctx_quiet(&ctx, bit | IPC_QUIET_TX), IPC_ERROR_CTX_QUIET__EVENT_TYPE);
		CHECK(strlen(ipc_last_error()) > 0);
	}
	queue(&ctx, origin, 'a', "told", 4);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	close(peer);
	end();
}

TEST(without_tx_messages_are_sent_in_order_and_the_list_stays_empty) {
	int origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	quiet(IPC_QUIET_TX);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 10; i++) {
			queue(&ctx, origin, (char)('a' + i), "quiet", 5);
			CHECK(ctx.tx.size == 0 && ctx.tx.messages == NULL);
		}
		check_pending(origin, 10, 10);
		if (round == 0) nothing_to_tell(&ctx, &event);
		if (round == 1) nothing_more();
		if (round == 2) CHECK_OK(handle_writing_message(&event, &ctx, 1));
		check_pending(origin, 0, 0);
		for (int i = 0; i < 10; i++) read_frame(peer, (char)('a' + i), "quiet", 5);
	}
	/* A message that comes is told with nothing before it. */
	queue(&ctx, origin, 'q', "quiet", 5);
	write_frame(peer, 'm', "message", 7);
	ready_message(&ctx, &event, origin, 'm', "message", 7);
	nothing_to_tell(&ctx, &event);
	read_frame(peer, 'q', "quiet", 5);
	/* What is queued is dropped with the connection. */
	queue(&ctx, origin, 'q', "quiet", 5);
	check_pending(origin, 1, 1);
	CHECK_OK(ipc_close_fd(&ctx, origin));
	close(peer);
	end();
}

TEST(without_tx_the_queue_limit_counts_and_so_do_snapshots) {
	char *payload = pattern(LARGE, 1);
	int origin, queued = 0;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	quiet(IPC_QUIET_TX);
	CHECK_OK(ipc_ctx_queue_limit(&ctx, 4 * LARGE));
	struct ipc_message m = message_of(origin, 'm', payload, LARGE);
	for (; ipc_write(&ctx, &m).error_code == 0; queued++) check_pending(origin, (uint32_t)queued + 1, (size_t)queued + 1);
	CHECK_CODE(ipc_write(&ctx, &m), IPC_ERROR_WRITE__QUEUE_FULL);
	CHECK_EQUAL(ipc_write_take(&ctx, &m), IPC_ERROR_WRITE__QUEUE_FULL);
	CHECK(m.payload == payload && m.length == LARGE);
	CHECK_EQUAL(queued, 3);
	CHECK_EQUAL(ctx.tx.size, 0);
	nothing_to_tell(&ctx, &event);
	check_pending(origin, 3, 3);
	CHECK_EQUAL(drain_large(peer, payload, 3), 0);
	check_pending(origin, 0, 0);
	free(payload);
	close(peer);
	end();
}

/* ---- on and off, with something queued ---- */

TEST(what_was_queued_before_is_not_told_once_tx_is_left_out) {
	char *payload = pattern(LARGE, 2);
	int origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	for (int i = 0; i < 3; i++) queue(&ctx, origin, 'm', payload, LARGE);
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(ctx.tx.size, 3);
	quiet(IPC_QUIET_TX);
	check_pending(origin, 3, 3);
	CHECK_EQUAL(drain_large(peer, payload, 3), 0);
	CHECK_EQUAL(ctx.tx.size, 0);
	free(payload);
	close(peer);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	end();
}

TEST(what_was_sent_and_not_told_yet_is_not_told_once_tx_is_left_out) {
	int origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	for (int i = 0; i < 3; i++) queue(&ctx, origin, 'm', "three", 5);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	check_pending(origin, 0, 2);
	quiet(IPC_QUIET_TX);
	check_pending(origin, 0, 0);
	nothing_to_tell(&ctx, &event);
	quiet(0);
	nothing_to_tell(&ctx, &event);
	for (int i = 0; i < 3; i++) read_frame(peer, 'm', "three", 5);
	close(peer);
	ready(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	end();
}

TEST(what_is_queued_while_tx_is_left_out_is_never_told_and_what_comes_later_is) {
	char *payload = pattern(LARGE, 3);
	int origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	for (int i = 0; i < 6; i++) {
		/* told, quiet, told, ... */
		quiet(i % 2 ? IPC_QUIET_TX : 0);
		queue(&ctx, origin, 'm', payload, LARGE);
		CHECK_EQUAL(ctx.tx.size, i / 2 + 1);
		check_pending(origin, (uint32_t)i + 1, (size_t)i + 1);
	}
	quiet(0);
	CHECK_EQUAL(drain_large(peer, payload, 6), 3);
	free(payload);
	close(peer);
	end();
}

TEST(it_lasts_when_the_last_entry_goes_and_until_the_context_is_freed) {
	for (int round = 0; round < 2; round++) {
		int ends[2];
		make_pair(ends);
		if (round == 0) quiet(IPC_QUIET_TX);
		for (int i = 0; i < 3; i++) {
			struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
			CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = ends[0]}));
			queue(&ctx, ends[0], 'm', "one", 3);
			ready(&ctx, &event, round == 0 ? IPC_EVENT_TYPE_TIMER : IPC_EVENT_TYPE_TX);
			read_frame(ends[1], 'm', "one", 3);
			CHECK_OK(ipc_del_fd(&ctx, ends[0]));
			CHECK_EQUAL(ctx.size, 0);
		}
		ipc_ctx_free(&ctx);
		close(ends[0]), close(ends[1]);
	}
	IPC_EVENT_CLEAN(&event);
}

/* ---- what a direct call, a child and a partner that leaves make of it ---- */

static void use_in_child(void) {
	queue(&ctx, ctx.pollfd[1].fd, 'c', "child", 5);
	nothing_to_tell(&ctx, &event);
	finish(&ctx, &event);
}

TEST(direct_calls_children_and_peers_that_leave_find_everything_in_order) {
	int origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	quiet(IPC_QUIET_TX);
	queue(&ctx, origin, 'q', "queued", 6);
	struct ipc_message m = message_of(origin, 'd', "direct", 6);
	CHECK_OK(ipc_write_fd(origin, &m));
	read_frame(peer, 'q', "queued", 6);
	read_frame(peer, 'd', "direct", 6);
	check_pending(origin, 0, 0);
	in_a_child(use_in_child);
	read_frame(peer, 'c', "child", 5);
	queue(&ctx, origin, 'q', "queued", 6);
	shutdown(peer, SHUT_WR);
	ready(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	read_frame(peer, 'q', "queued", 6);
	close(peer);
	end();
}

/* ipc_close_all and what it drops. */
TEST(closing_all_and_freeing_with_quiet_messages_queued_leaves_nothing) {
	char *payload = pattern(LARGE, 3);
	for (int way = 0; way < 3; way++) {
		int origin;
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		int peer = join(&ctx, &event, "pong", &origin), server = ctx.pollfd[0].fd;
		quiet(IPC_QUIET_TX | IPC_QUIET_SWITCH);
		for (int i = 0; i < 5; i++) queue(&ctx, origin, 'm', payload, i % 2 ? LARGE : 10);
		if (way == 1) nothing_more();
		if (way < 2) CHECK_OK(ipc_close_all(&ctx));
		ipc_ctx_free(&ctx);
		if (way == 2) close(server), close(origin);
		close(peer);
		end();
		unlink(address_of("pong").sun_path);
	}
	free(payload);
}
