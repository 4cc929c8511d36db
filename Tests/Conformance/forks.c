/*
 * forks.c - a context and fork(2): what a child does to its copy, ordinary work, deleting, closing or freeing, takes nothing
 * from the parent's, whose descriptors share their kernel objects with the child's; and the child's copy works as well.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static int origin, peer, other_origin, other;

static void start_service(void) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = join(&ctx, &event, "pong", &origin);
	other = join(&ctx, &event, "pong", &other_origin);
	nothing_to_tell(&ctx, &event);
}

/* Everything still works: both clients, a new one, and those that leave. */
static void check_service(void) {
	write_frame(peer, 'a', "hello", 5);
	ready_message(&ctx, &event, origin, 'a', "hello", 5);
	queue(&ctx, origin, 'b', "hello", 5);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(peer, 'b', "hello", 5);
	write_frame(other, 'c', "hello", 5);
	ready_message(&ctx, &event, other_origin, 'c', "hello", 5);
	int third = raw_connect("pong");
	ready(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	close(third);
	ready(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	nothing_to_tell(&ctx, &event);
}

static void end_service(void) {
	close(peer);
	ready(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.origin, origin);
	nothing_to_tell(&ctx, &event);
	close(other);
	finish(&ctx, &event);
}

static void does_nothing(void) {}
static void frees(void) { ipc_ctx_free(&ctx); }
static void deletes(void) {
	while (ctx.size > 0) CHECK_OK(ipc_del(&ctx, 0));
}
static void deletes_one_and_waits(void) {
	CHECK_OK(ipc_del_fd(&ctx, origin));
	nothing_to_tell(&ctx, &event);
}
static void closes_the_clients(void) {
	CHECK_OK(ipc_close(&ctx, 2));
	CHECK_OK(ipc_close(&ctx, 1));
	nothing_to_tell(&ctx, &event);
}
static void adds(void) {
	int ends[2];
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	write_bytes(ends[1], "x", 1);
	ready(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
}
static void retypes_and_blocks(void) {
	char *payload = pattern(1000000, 1);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, origin, IPC_CONNECTION_TYPE_EXTERNAL), 0);
	int ends[2];
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	queue(&ctx, ends[0], 'x', payload, 1000000);
	free(payload);
	nothing_to_tell(&ctx, &event);
}

TEST(what_a_child_does_to_its_copy_takes_nothing_from_the_parent) {
	void (*const deeds[])(void) = {does_nothing, frees, deletes, deletes_one_and_waits, closes_the_clients, adds, retypes_and_blocks};
	start_service();
	for (int i = 0; i < 7; i++) {
		in_a_child(deeds[i]);
		check_service();
	}
	end_service();
}

TEST(a_child_works_with_its_copy) {
	start_service();
	in_a_child(check_service);
	check_service();
	end_service();
}

static void works_in_a_child_of_its_own(void) {
	check_service();
	in_a_child(check_service);
	check_service();
}

TEST(a_child_of_a_child_works_with_its_copy) {
	start_service();
	in_a_child(works_in_a_child_of_its_own);
	check_service();
	end_service();
}

/* The parent closes a client that its child goes on serving: no event, and the client does not notice. */
static void worker(int gate) {
	struct ipc_message m = {0};
	close(peer), close(other);
	meet(gate); /* the parent has closed its copy */
	CHECK_OK(ipc_read(&ctx, 1, &m));
	CHECK(m.user_type == 'w');
	m.fd = origin;
	CHECK_OK(ipc_write(&ctx, &m));
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	meet(gate);
	free(m.payload);
	ipc_ctx_free(&ctx);
}

TEST(a_client_that_is_served_by_a_child_is_not_heard_by_the_parent) {
	int gate;
	start_service();
	pid_t child = start(worker, &gate);
	CHECK_OK(ipc_close(&ctx, 1));
	CHECK_OK(ipc_del(&ctx, 1));
	meet(gate);
	write_frame(peer, 'w', "work", 4);
	read_frame(peer, 'w', "work", 4);
	nothing_to_tell(&ctx, &event);
	meet(gate);
	join_process(child, gate);
	close(peer);
	for (int i = 0; i < 3; i++) nothing_to_tell(&ctx, &event);
	write_frame(other, 'c', "hello", 5);
	ready_message(&ctx, &event, other_origin, 'c', "hello", 5);
	close(other);
	finish(&ctx, &event);
}

/* What waits to be sent is in both copies: only who goes on waiting for events sends it. */
static void frees_what_is_queued(void) {
	CHECK_EQUAL(ctx.tx.size, 2);
	ipc_ctx_free(&ctx);
}

TEST(what_is_queued_is_sent_once) {
	start_service();
	queue(&ctx, origin, 'a', "one", 3);
	queue(&ctx, other_origin, 'b', "two", 3);
	in_a_child(frees_what_is_queued);
	for (int i = 0; i < 2; i++) ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	nothing_to_tell(&ctx, &event);
	read_frame(peer, 'a', "one", 3);
	read_frame(other, 'b', "two", 3);
	CHECK(!is_readable(peer) && !is_readable(other));
	end_service();
}
