/*
 * large_messages.c - messages of 32 KiB and more, of which the kernel may take a part: order, TX and the list are the same as for small
 * ones, and so is all that goes wrong.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

enum { LARGE = 32 * 1024, LARGEST = 1999994 };

static void open_service(int *origin, int *peer) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	*peer = join(&ctx, &event, "pong", origin);
}
static void close_service(int peer) {
	close(peer);
	finish(&ctx, &event);
	unlink(address_of("pong").sun_path);
}

static void check_waiting(int fd, unsigned pending) {
	struct ipc_entry entry;
	CHECK_OK(ipc_ctx_entry(&ctx, fd, &entry));
	CHECK_EQUAL(entry.pending, pending);
}

TEST(large_message_that_fits_is_told_once_as_any_other) {
	static const uint32_t sizes[] = {LARGE - 1, LARGE, LARGE + 1, 100000};
	int origin, peer;
	char *payload = pattern(100000, 1);
	open_service(&origin, &peer);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		queue(&ctx, origin, 'l', payload, sizes[i]);
		check_waiting(origin, 1);
		CHECK(ctx.tx.size <= 1);
		ready(&ctx, &event, IPC_EVENT_TYPE_TX);
		CHECK_EQUAL(event.origin, origin);
		CHECK_EQUAL(ctx.pollfd[event.index].fd, origin);
		check_waiting(origin, 0);
		read_frame(peer, 'l', payload, sizes[i]);
		nothing_to_tell(&ctx, &event);
	}
	free(payload);
	close_service(peer);
}

/* Small and large ones for two receivers in turn; neither reads at first. */
TEST(large_and_small_messages_arrive_in_the_order_of_writing_and_each_is_told_once) {
	int origins[2], peers[2], told[2] = {0};
	char *payload = pattern(300000, 2), *got = malloc(FRAME_SIZE(300000));
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < 2; i++) peers[i] = join(&ctx, &event, "pong", &origins[i]);
	static const uint32_t sizes[] = {10, 40000, 300000, 5, LARGE, LARGE - 1, 200000, 0, 70000, 70000};
	enum { COUNT = sizeof sizes / sizeof *sizes };
	for (int first = 0; first < COUNT; first++) {
		for (int n = 0; n < COUNT; n++)
			for (int i = 0; i < 2; i++) queue(&ctx, origins[i], (char)n, payload, sizes[(first + n + i) % COUNT]);
		/* The list is in the order of writing. */
		for (size_t k = 1; k < ctx.tx.size; k++) CHECK(ctx.tx.messages[k].user_type >= ctx.tx.messages[k - 1].user_type);
		for (int i = 0; i < 2; i++) {
			for (int n = 0; n < COUNT; n++) {
				uint32_t size = sizes[(first + n + i) % COUNT];
				size_t have = 0;
				char header[IPC_HEADER_SIZE];
				while (have < FRAME_SIZE(size)) {
					int timer = 0;
					CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
					if (event.type == IPC_EVENT_TYPE_TX) told[event.origin == origins[1]]++;
					ssize_t got_now = recv(peers[i], got + have, FRAME_SIZE(size) - have, MSG_DONTWAIT);
					if (got_now > 0) have += (size_t)got_now;
				}
				put_header(header, MSG_TYPE_DATA, size, (char)n);
				CHECK(memcmp(got, header, sizeof header) == 0);
				CHECK(memcmp(got + sizeof header, payload, size) == 0);
				CHECK(told[i] <= COUNT * (first + 1));
			}
		}
		while (told[0] + told[1] < 2 * COUNT * (first + 1)) {
			ready(&ctx, &event, IPC_EVENT_TYPE_TX);
			told[event.origin == origins[1]]++;
		}
		CHECK(told[0] == told[1] && ctx.tx.size == 0);
		nothing_to_tell(&ctx, &event);
	}
	free(payload);
	free(got);
	close(peers[0]);
	close_service(peers[1]);
}

TEST(large_message_behind_a_small_one_that_is_queued_waits_its_turn) {
	int origin, peer;
	char *payload = pattern(LARGE, 2);
	open_service(&origin, &peer);
	queue(&ctx, origin, 's', "small", 5);
	queue(&ctx, origin, 'l', payload, LARGE);
	CHECK_EQUAL(ctx.tx.size, 2);
	CHECK(ctx.tx.messages[0].user_type == 's' && ctx.tx.messages[1].user_type == 'l');
	CHECK(!is_readable(peer));
	for (int i = 0; i < 2; i++) ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(peer, 's', "small", 5);
	read_frame(peer, 'l', payload, LARGE);
	nothing_to_tell(&ctx, &event);
	free(payload);
	close_service(peer);
}

TEST(large_message_that_is_sent_in_part_is_listed_whole_until_its_rest_is_gone) {
	int origin, peer;
	char *payload = pattern(LARGEST, 4);
	open_service(&origin, &peer);
	queue(&ctx, origin, 'l', payload, LARGEST);
	CHECK_EQUAL(ctx.tx.size, 1);
	CHECK_EQUAL(ctx.tx.messages[0].length, LARGEST);
	CHECK(memcmp(ctx.tx.messages[0].payload, payload, LARGEST) == 0);
	check_waiting(origin, 1);
	queue(&ctx, origin, 's', "small", 5);
	queue(&ctx, origin, 'l', payload, LARGE);
	memset(payload, 0, 100); /* the copies are deep */
	CHECK_EQUAL(ctx.tx.size, 3);
	nothing_to_tell(&ctx, &event);
	char *wanted = pattern(LARGEST, 4), *got = malloc(FRAME_SIZE(LARGEST));
	int told = 0;
	for (size_t have = 0; have < FRAME_SIZE(LARGEST);) {
		int timer = 0;
		ssize_t n = recv(peer, got + have, FRAME_SIZE(LARGEST) - have, MSG_DONTWAIT);
		if (n > 0) have += (size_t)n;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		told += event.type == IPC_EVENT_TYPE_TX;
	}
	CHECK(got[5] == 'l' && memcmp(got + IPC_HEADER_SIZE, wanted, LARGEST) == 0);
	read_frame(peer, 's', "small", 5);
	read_frame(peer, 'l', wanted, LARGE);
	for (; told < 3; told++) ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	nothing_to_tell(&ctx, &event);
	free(got);
	free(wanted);
	free(payload);
	close_service(peer);
}

TEST(large_message_for_a_peer_that_takes_nothing_is_queued_whole) {
	int origin, peer;
	char *payload = pattern(LARGE, 4), bytes[1000] = "";
	open_service(&origin, &peer);
	while (send(origin, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {}
	while (send(origin, bytes, 1, MSG_DONTWAIT) > 0) {}
	queue(&ctx, origin, 'l', payload, LARGE);
	CHECK_EQUAL(ctx.tx.size, 1);
	check_waiting(origin, 1);
	nothing_to_tell(&ctx, &event);
	CHECK_OK(ipc_close_fd(&ctx, origin));
	CHECK_EQUAL(ctx.tx.size, 0);
	free(payload);
	close_service(peer);
}

TEST(large_message_beyond_the_limit_of_the_queue_is_refused_whole) {
	int origin, peer;
	char *payload = pattern(100000, 4);
	open_service(&origin, &peer);
	CHECK_OK(ipc_ctx_queue_limit(&ctx, 50000));
	struct ipc_message m = message_of(origin, 'l', payload, 100000);
	CHECK_CODE(ipc_write(&ctx, &m), IPC_ERROR_WRITE__QUEUE_FULL);
	CHECK(!is_readable(peer));
	CHECK_EQUAL(ctx.tx.size, 0);
	nothing_to_tell(&ctx, &event);
	free(payload);
	close_service(peer);
}

/* What it said before it left is told first. */
TEST(large_message_for_a_peer_that_has_left_gives_no_tx_and_its_last_words_are_told) {
	int origin, peer;
	char *payload = pattern(100000, 4);
	open_service(&origin, &peer);
	write_frame(peer, 'b', "bye", 3);
	close(peer);
	queue(&ctx, origin, 'l', payload, 100000);
	next_message(&ctx, &event, origin, 'b', "bye", 3);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.origin, origin);
	CHECK(ctx.size == 1 && ctx.tx.size == 0);
	nothing_to_tell(&ctx, &event);
	free(payload);
	finish(&ctx, &event);
}

TEST(large_message_is_not_told_after_its_receiver_was_closed) {
	int origin, peer;
	char *payload = pattern(LARGE, 4);
	size_t waiting;
	open_service(&origin, &peer);
	queue(&ctx, origin, 'l', payload, LARGE);
	CHECK_OK(ipc_close_fd(&ctx, origin));
	CHECK_OK(ipc_ctx_status(&ctx, NULL, &waiting));
	CHECK_EQUAL(waiting, 0);
	nothing_to_tell(&ctx, &event);
	read_frame(peer, 'l', payload, LARGE);
	free(payload);
	close_service(peer);
}

/* A message for a callback of the program's is no frame yet. */
static int out_calls;
static enum ipccb count_out(int fd, struct ipc_message *m) {
	CHECK(fd >= 0 && m->length == 100000);
	out_calls++;
	return IPC_CB_NO_ERROR;
}
TEST(large_message_for_a_switched_end_goes_to_its_callback) {
	int near[2], far[2];
	char *payload = pattern(100000, 4);
	make_switched(&ctx, near, far, 2);
	ipc_switching_callbacks(&ctx, near[1], NULL, count_out);
	out_calls = 0;
	queue(&ctx, near[1], 'l', payload, 100000);
	CHECK(!is_readable(far[1]));
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(out_calls, 1);
	CHECK(!is_readable(far[1]));
	for (int i = 0; i < 2; i++) close(far[i]);
	finish(&ctx, &event);
	for (int i = 0; i < 2; i++)
		if (is_open(near[i])) close(near[i]);
	free(payload);
}

TEST(large_message_of_a_child_or_its_parent_is_sent_once) {
	int origin, peer;
	char *payload = pattern(LARGEST, 4), *got = malloc(FRAME_SIZE(LARGEST)), byte;
	open_service(&origin, &peer);
	queue(&ctx, origin, 'l', payload, LARGEST); /* a part is sent */
	pid_t child = fork_process();
	if (child == 0) {
		CHECK_OK(ipc_close_all(&ctx));
		ipc_ctx_free(&ctx);
		free(got);
		free(payload);
		_exit(0);
	}
	await_process(child);
	for (size_t have = 0; have < FRAME_SIZE(LARGEST);) {
		int timer = 0;
		ssize_t n = recv(peer, got + have, FRAME_SIZE(LARGEST) - have, MSG_DONTWAIT);
		if (n > 0) have += (size_t)n;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	}
	CHECK(memcmp(got + IPC_HEADER_SIZE, payload, LARGEST) == 0);
	CHECK(recv(peer, &byte, 1, MSG_DONTWAIT) < 0);
	free(got);
	free(payload);
	close_service(peer);
}
