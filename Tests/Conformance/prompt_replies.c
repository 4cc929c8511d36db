/*
 * prompt_replies.c - when a wait sends first: a reply may be kept back only while another message is here already, the program came
 * back within 50 µs of its last event, and the oldest unsent frame is younger than 50 µs. The clock is read before each wait, so
 * that the rule is known to apply to it, however slow the machine is.
 */
#include "peers.h"

#include <pthread.h>
#include <time.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

enum { MESSAGES = 60, CLIENTS = 3, KEPT = 50000 /* nanoseconds */ };

static int origins[CLIENTS], peers[CLIENTS];
static int written[CLIENTS], arrived[CLIENTS];
static int64_t written_at[CLIENTS][2 * MESSAGES]; /* when its ipc_write had begun */

static int64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}
static void work(int64_t nanoseconds) {
	int64_t end = now() + nanoseconds;
	while (now() < end) {}
}

/* Takes the replies that are at the clients now. A reply is an empty frame. */
static void take_replies(void) {
	for (int i = 0; i < CLIENTS; i++) {
		char bytes[FRAME_SIZE(0) * MESSAGES];
		ssize_t n = recv(peers[i], bytes, sizeof bytes, MSG_DONTWAIT);
		CHECK(n > 0 || (n < 0 && errno == EAGAIN));
		if (n > 0) {
			CHECK(n % (ssize_t)FRAME_SIZE(0) == 0);
			arrived[i] += (int)(n / (ssize_t)FRAME_SIZE(0));
		}
	}
}

/* A wait that began then, `since` after the event before: what it had to send is there. */
static void check_replies(int64_t began, int64_t event_before) {
	int64_t oldest = began;
	for (int i = 0; i < CLIENTS; i++)
		if (arrived[i] < written[i] && written_at[i][arrived[i]] < oldest) oldest = written_at[i][arrived[i]];
	take_replies();
	if (began - event_before < KEPT && began - oldest < KEPT) return;
	for (int i = 0; i < CLIENTS; i++) {
		if (arrived[i] < written[i] && written_at[i][written[i] - 1] < began)
			FAIL("event %d: client %d has %d of %d replies, although the oldest is %lld us old", (int)event.type, i, arrived[i],
			    written[i], (long long)(began - oldest) / 1000);
	}
}

static void open_service(void) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < CLIENTS; i++) peers[i] = join(&ctx, &event, "pong", &origins[i]);
	memset(written, 0, sizeof written);
	memset(arrived, 0, sizeof arrived);
}
static void close_service(void) {
	for (int i = 0; i < CLIENTS; i++) close(peers[i]);
	finish(&ctx, &event);
	unlink(address_of("pong").sun_path);
}

/* All clients say everything at once. The handler of message n takes busy(n) nanoseconds, before or behind its reply, and replies to
 * those that `replies` says. */
static void serve(int64_t (*busy)(int n), int (*replies)(int client, int n), int with_timer) {
	int messages = 0, told = 0, total = 0, timer = 10000;
	open_service();
	for (int i = 0; i < CLIENTS; i++)
		for (int n = 0; n < MESSAGES; n++) write_frame(peers[i], 'q', "question", 8);
	int64_t event_before = now();
	while (messages < CLIENTS * MESSAGES || told < total) {
		int64_t began = now();
		CHECK_OK(ipc_wait_event(&ctx, &event, with_timer ? &timer : NULL));
		check_replies(began, event_before);
		/* The call may not have returned yet when another one would take the time. */
		event_before = now();
		if (event.type == IPC_EVENT_TYPE_TX) told++;
		else CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
		if (event.type == IPC_EVENT_TYPE_TX) continue;
		int client = 0;
		while (origins[client] != event.origin) client++;
		if (messages % 2 == 0) work(busy(messages));
		if (replies(client, messages)) {
			written_at[client][written[client]] = now();
			queue(&ctx, event.origin, 'r', NULL, 0);
			written[client]++, total++;
		}
		if (messages % 2 == 1) work(busy(messages));
		messages++;
	}
	for (int i = 0; i < CLIENTS; i++) CHECK_EQUAL(arrived[i], written[i]);
	close_service();
}

static int64_t a_millisecond(int n) { return n % 8 < 7 ? 1000000 / 4 : 1000000; }
static int64_t nothing(int n) { return 0 * n; }
static int64_t sometimes(int n) { return n % 5 == 4 ? 70000 : n % 3 * 9000; }
static int all(int client, int n) { return client + n >= 0; }
static int the_first_alone(int client, int n) { return client == 0 && n < 100; }
static int few(int client, int n) { return client >= 0 && n % 20 == 0; }

TEST(reply_of_a_slow_handler_is_sent_by_the_next_wait_though_more_messages_are_here) {
	for (int with_timer = 0; with_timer < 2; with_timer++) serve(a_millisecond, all, with_timer);
}
TEST(only_reply_to_one_client_is_sent_by_the_next_wait_though_others_have_messages_here) { serve(a_millisecond, the_first_alone, 1); }
TEST(reply_of_a_quick_program_is_not_kept_back_for_longer_than_50_microseconds) {
	for (int with_timer = 0; with_timer < 2; with_timer++) {
		serve(nothing, all, with_timer);
		serve(nothing, few, with_timer);
	}
}
TEST(reply_of_a_program_that_is_slow_now_and_then_is_sent_in_time) {
	serve(sometimes, all, 0);
	serve(sometimes, few, 0);
}

static void *wait_for_the_end(void *gate) {
	char byte;
	CHECK_EQUAL(read_bytes(*(int *)gate, &byte, 1), 1);
	return NULL;
}
TEST(reply_of_a_slow_handler_is_sent_by_the_next_wait_in_a_process_with_threads) {
	pthread_t thread;
	int gate[2];
	make_pair(gate);
	CHECK_EQUAL(pthread_create(&thread, NULL, wait_for_the_end, &gate[0]), 0);
	serve(a_millisecond, all, 1);
	serve(nothing, few, 0);
	write_bytes(gate[1], "x", 1);
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	close(gate[0]);
	close(gate[1]);
}

/* A message for the other end of a pair is no reply of the program, and is kept back for no longer. */
TEST(message_through_a_pair_is_sent_by_the_next_wait_though_more_messages_are_here) {
	int near[2], far[2], origin, switched = 0, messages = 1;
	make_switched(&ctx, near, far, 2);
	int peer = join(&ctx, &event, "pong", &origin);
	for (int n = 0; n < MESSAGES; n++) write_frame(peer, 'q', "question", 8);
	next(&ctx, &event, IPC_EVENT_TYPE_MESSAGE); /* the others are here now */
	for (int n = 0; n < 5; n++) write_frame(far[0], 's', "through", 7);
	while (messages < MESSAGES || switched < 5) {
		CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
		messages += event.type == IPC_EVENT_TYPE_MESSAGE;
		if (event.type != IPC_EVENT_TYPE_SWITCH) continue;
		switched++;
		work(1000000 / 4);
		CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
		messages += event.type == IPC_EVENT_TYPE_MESSAGE;
		switched += event.type == IPC_EVENT_TYPE_SWITCH;
		read_frame(far[1], 's', "through", 7);
		if (event.type == IPC_EVENT_TYPE_SWITCH) work(1000000 / 4);
		if (event.type == IPC_EVENT_TYPE_SWITCH) CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
		while (is_readable(far[1])) read_frame(far[1], 's', "through", 7);
	}
	close(peer);
	for (int i = 0; i < 2; i++) close(far[i]);
	close(near[0]);
	close(near[1]);
	finish(&ctx, &event);
}

/* "A wait first sends": also one that has something else to tell at once. */
TEST(reply_is_sent_by_the_next_wait_though_that_tells_of_earlier_ones) {
	open_service();
	for (int n = 0; n < 10; n++) queue(&ctx, origins[0], 'e', NULL, 0);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(ctx.tx.size, 0); /* all are sent, and nine to be told */
	for (int n = 1; n < 10; n++) {
		work(1000000);
		queue(&ctx, origins[1], 'l', "later", 5);
		next(&ctx, &event, IPC_EVENT_TYPE_TX);
		CHECK(is_readable(peers[1]));
		read_frame(peers[1], 'l', "later", 5);
	}
	close_service();
}
