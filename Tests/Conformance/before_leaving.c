/*
 * before_leaving.c - messages queued for a connection that ends: they are offered to the kernel once before they are dropped, and a
 * peer that only stopped writing gets all of them before its DISCONNECTION.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

static void close_entry(int fd) {
	for (uint32_t i = 0; i < ctx.size; i++)
		if (ctx.pollfd[i].fd == fd) CHECK_OK(ipc_close(&ctx, i));
}
static void close_all(int fd) {
	(void)fd;
	CHECK_OK(ipc_close_all(&ctx));
}
static void close_by_number(int fd) { CHECK_OK(ipc_close_fd(&ctx, fd)); }
static void delete_entry(int fd) {
	CHECK_OK(ipc_del_fd(&ctx, fd));
	close(fd);
}

TEST(reply_is_sent_before_close) {
	void (*const ways[])(int fd) = {close_entry, close_all, close_by_number, delete_entry};
	for (int i = 0; i < 4; i++) {
		char byte;
		int origin, peer;
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		peer = join(&ctx, &event, "pong", &origin);
		write_frame(peer, 'q', "quit", 4);
		next_message(&ctx, &event, origin, 'q', "quit", 4);
		queue(&ctx, origin, 'a', "bye", 3);
		queue(&ctx, origin, 'b', "and good luck", 13);
		ways[i](origin);
		CHECK_EQUAL(ctx.tx.size, 0);
		read_frame(peer, 'a', "bye", 3);
		read_frame(peer, 'b', "and good luck", 13);
		CHECK_EQUAL(read_bytes(peer, &byte, 1), 0);
		close(peer);
		finish(&ctx, &event);
		unlink(address_of("pong").sun_path);
	}
}

TEST(freeing_a_context_only_drops) {
	int origin, peer;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = join(&ctx, &event, "pong", &origin);
	int server = ctx.pollfd[0].fd;
	queue(&ctx, origin, 'a', "dropped", 7);
	ipc_ctx_free(&ctx);
	CHECK(!is_readable(peer));
	close(origin);
	close(server);
	close(peer);
}

/* The parent sends it; the child must not send it again. */
TEST(child_that_closes_does_not_send_what_its_parent_queued) {
	int origin, peer;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = join(&ctx, &event, "pong", &origin);
	queue(&ctx, origin, 'a', "once", 4);
	pid_t child = fork_process();
	if (child == 0) {
		ipc_close_all(&ctx);
		_exit(0);
	}
	await_process(child);
	CHECK(!is_readable(peer));
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(peer, 'a', "once", 4);
	CHECK(!is_readable(peer));
	close(peer);
	finish(&ctx, &event);
}

TEST(close_waits_for_no_room) {
	int origin, peer;
	char *payload = pattern(1000000, 3);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = join(&ctx, &event, "pong", &origin);
	queue(&ctx, origin, 'a', payload, 1000000);
	close_entry(origin);
	CHECK(!is_open(origin));
	char *got = malloc(2000000);
	size_t size = read_bytes(peer, got, 2000000);
	CHECK(size > 0 && size < FRAME_SIZE(1000000));
	CHECK(memcmp(got + IPC_HEADER_SIZE, payload, size - IPC_HEADER_SIZE) == 0);
	free(got);
	free(payload);
	close(peer);
	finish(&ctx, &event);
}

/* ---- a peer that only stopped writing ---- */

static char *large;

static void asks_and_reads(int gate) {
	struct ipc_message m = {0};
	int fd = raw_connect("pong");
	write_frame(fd, 'q', "all of it", 9);
	CHECK_EQUAL(shutdown(fd, SHUT_WR), 0);
	meet(gate);
	CHECK_OK(ipc_read_fd(fd, &m));
	CHECK_EQUAL(m.length, 1900000);
	CHECK(memcmp(m.payload, large, 1900000) == 0);
	free(m.payload);
	CHECK_CODE(ipc_read_fd(fd, &m), IPC_ERROR_CLOSED_RECIPIENT);
	close(fd);
}

TEST(peer_that_stopped_writing_gets_all_that_is_queued_then_its_disconnection) {
	int gate, origin;
	large = pattern(1900000, 7);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	pid_t child = start(asks_and_reads, &gate);
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	origin = event.origin;
	next_message(&ctx, &event, origin, 'q', "all of it", 9);
	meet(gate);
	queue(&ctx, origin, 'a', large, 1900000);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(event.origin, origin);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.origin, origin);
	CHECK(ctx.size == 1 && !is_open(origin));
	join_process(child, gate);
	free(large);
	finish(&ctx, &event);
}

TEST(others_are_served_while_a_peer_that_stopped_writing_does_not_read) {
	int origin, other_origin, peer, other;
	char *payload = pattern(1000000, 3);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = join(&ctx, &event, "pong", &origin);
	other = join(&ctx, &event, "pong", &other_origin);
	queue(&ctx, origin, 'a', payload, 1000000);
	CHECK_EQUAL(shutdown(peer, SHUT_WR), 0);
	for (int i = 0; i < 100; i++) {
		write_frame(other, 'a', "served", 6);
		next_message(&ctx, &event, other_origin, 'a', "served", 6);
	}
	CHECK_EQUAL(ctx.size, 3);
	/* When the peer closes its socket the wait for it ends. */
	close(peer);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.origin, origin);
	CHECK(ctx.size == 2 && ctx.tx.size == 0);
	free(payload);
	close(other);
	finish(&ctx, &event);
}

/* It has 5 seconds to read. */
TEST(peer_that_stopped_writing_and_does_not_read_goes_at_last) {
	int origin, peer;
	char *payload = pattern(1000000, 3);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = join(&ctx, &event, "pong", &origin);
	queue(&ctx, origin, 'a', payload, 1000000);
	CHECK_EQUAL(shutdown(peer, SHUT_WR), 0);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.origin, origin);
	CHECK(ctx.size == 1 && ctx.tx.size == 0);
	free(payload);
	close(peer);
	finish(&ctx, &event);
}

/* The same of a switched end: its partner's last messages are sent first. */
TEST(switched_end_that_stopped_writing_gets_what_is_queued_for_it) {
	int near[2], far[2];
	char *payload = pattern(600000, 5), *got = malloc(FRAME_SIZE(600000));
	make_switched(&ctx, near, far, 2);
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		write_frame(far[1], 'a', payload, 600000);
		pause();
		_exit(0);
	}
	next(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	CHECK_EQUAL(shutdown(far[0], SHUT_WR), 0);
	size_t done = 0;
	struct ipc_error e;
	do {
		int timer = 1;
		e = ipc_wait_event(&ctx, &event, &timer);
		ssize_t n = recv(far[0], got + done, FRAME_SIZE(600000) - done, MSG_DONTWAIT);
		if (n > 0) done += (size_t)n;
	} while (e.error_code == 0);
	CHECK_CODE(e, IPC_ERROR_CLOSED_RECIPIENT);
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.origin, near[0]);
	done += read_bytes(far[0], got + done, FRAME_SIZE(600000) - done);
	CHECK_EQUAL(done, FRAME_SIZE(600000));
	CHECK(memcmp(got + IPC_HEADER_SIZE, payload, 600000) == 0);
	kill(child, SIGKILL);
	CHECK_EQUAL(waitpid(child, NULL, 0), child);
	for (int i = 0; i < 2; i++) close(near[i]), close(far[i]);
	free(got);
	free(payload);
	finish(&ctx, &event);
}

static enum ipccb never_called(int fd, struct ipc_message *m) {
	(void)fd, (void)m;
	FAIL("the callback was called");
	return IPC_CB_FD_ERROR;
}

/* A program unties the pair in its callback, and deletes the end: raw frames must not get into what the callback writes. */
TEST(messages_for_a_callback_are_not_offered_to_the_kernel) {
	for (int untied = 0; untied < 2; untied++) {
		int near[2], far[2];
		make_switched(&ctx, near, far, 2);
		ipc_switching_callbacks(&ctx, near[1], NULL, never_called);
		queue(&ctx, near[1], 'a', "for the callback", 16);
		if (untied) CHECK_EQUAL(ipc_ctx_switching_del(&ctx, near[1]), near[0]);
		CHECK_OK(ipc_del_fd(&ctx, near[1]));
		CHECK_EQUAL(ctx.tx.size, 0);
		CHECK(!is_readable(far[1]));
		close(near[1]);
		finish(&ctx, &event);
		for (int i = 0; i < 2; i++) close(far[i]);
		if (is_open(near[0])) close(near[0]);
		unlink(address_of("pong").sun_path);
	}
}
