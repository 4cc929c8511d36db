/*
 * events.c - every row of the contract's table of events that concerns IPC peers and the timer, with
 * the index, the origin and the error that come with it. Rows of EXTERNAL descriptors are in external.c,
 * those of switched ends in switching.c and switching_callbacks.c.
 */
#include "peers.h"

#include <time.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

static int start_service(int *origin) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	return join(&ctx, &event, "pong", origin);
}

TEST(event_connection_tells_the_client_accepted) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int clients[3];
	for (uint32_t i = 0; i < 3; i++) {
		clients[i] = raw_connect("pong");
		next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
		CHECK_EQUAL(event.index, i + 1);
		CHECK_EQUAL(ctx.size, i + 2);
		CHECK_EQUAL(event.origin, ctx.pollfd[event.index].fd);
		CHECK_EQUAL(ctx.cinfos[event.index].type, IPC_CONNECTION_TYPE_IPC);
		CHECK(event.m == NULL);
	}
	for (int i = 0; i < 3; i++) close(clients[i]);
	finish(&ctx, &event);
}

TEST(event_disconnection_of_an_ipc_peer_removes_and_closes_its_entry) {
	int origin, peer = start_service(&origin), last_origin;
	int last = join(&ctx, &event, "pong", &last_origin);
	close(peer);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.index, 1);
	CHECK_EQUAL(event.origin, origin);
	CHECK(event.m == NULL);
	CHECK(!is_open(origin));
	CHECK_EQUAL(ctx.size, 2);
	CHECK_EQUAL(ctx.pollfd[1].fd, last_origin);
	write_frame(last, 'a', "moved", 5);
	next_message(&ctx, &event, last_origin, 'a', "moved", 5);
	CHECK_EQUAL(event.index, 1);
	close(last);
	finish(&ctx, &event);
}

TEST(event_disconnection_comes_after_the_whole_frames_sent_before) {
	int origin, peer = start_service(&origin);
	write_frame(peer, 'a', "one", 3);
	write_frame(peer, 'b', "two", 3);
	char header[IPC_HEADER_SIZE + 1] = {0};
	put_header(header, MSG_TYPE_DATA, 100, 'c');
	write_bytes(peer, header, sizeof header);
	close(peer);
	next_message(&ctx, &event, origin, 'a', "one", 3);
	next_message(&ctx, &event, origin, 'b', "two", 3);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.origin, origin);
	CHECK_EQUAL(ctx.size, 1);
	CHECK(!is_open(origin));
	finish(&ctx, &event);
}

TEST(event_message_has_the_sender_as_index_origin_and_fd) {
	int origins[2], peers[2];
	peers[0] = start_service(&origins[0]);
	peers[1] = join(&ctx, &event, "pong", &origins[1]);
	write_frame(peers[1], 'b', "second", 6);
	next_message(&ctx, &event, origins[1], 'b', "second", 6);
	CHECK_EQUAL(event.index, 2);
	write_frame(peers[0], 'a', "first", 5);
	next_message(&ctx, &event, origins[0], 'a', "first", 5);
	CHECK_EQUAL(event.index, 1);
	close(peers[0]);
	close(peers[1]);
	finish(&ctx, &event);
}

TEST(event_message_of_any_type_arrives_as_sent_and_lookup_is_never_told) {
	const char types[] = {MSG_TYPE_SERVER_CLOSE, MSG_TYPE_ERR, MSG_TYPE_DATA, MSG_TYPE_NETWORK_LOOKUP, 4, (char)200};
	int origin, peer = start_service(&origin);
	for (size_t i = 0; i < sizeof types; i++) {
		char frame[IPC_HEADER_SIZE];
		put_header(frame, types[i], 0, (char)(255 - i));
		write_bytes(peer, frame, sizeof frame);
		next(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
		struct ipc_message *m = event.m;
		CHECK_EQUAL(m->type, types[i]);
		CHECK_EQUAL(m->user_type, (char)(255 - i));
		CHECK_EQUAL(m->length, 0);
		CHECK(m->payload != NULL);
	}
	close(peer);
	finish(&ctx, &event);
}

TEST(event_tx_is_told_once_for_each_message_with_the_receiver) {
	int origins[2], peers[2];
	peers[0] = start_service(&origins[0]);
	peers[1] = join(&ctx, &event, "pong", &origins[1]);
	queue(&ctx, origins[1], 'a', "one", 3);
	queue(&ctx, origins[1], 'b', "two", 3);
	queue(&ctx, origins[1], 'c', NULL, 0);
	CHECK(!is_readable(peers[1]));
	for (size_t left = 3; left > 0; left--) {
		CHECK(ctx.tx.size <= left); /* what the kernel has is not in the list */
		next(&ctx, &event, IPC_EVENT_TYPE_TX);
		CHECK_EQUAL(event.index, 2);
		CHECK_EQUAL(event.origin, origins[1]);
		CHECK(event.m == NULL);
	}
	CHECK_EQUAL(ctx.tx.size, 0);
	nothing_to_tell(&ctx, &event);
	read_frame(peers[1], 'a', "one", 3);
	read_frame(peers[1], 'b', "two", 3);
	read_frame(peers[1], 'c', NULL, 0);
	CHECK(!is_readable(peers[0]));
	close(peers[0]);
	close(peers[1]);
	finish(&ctx, &event);
}

TEST(event_timer_has_index_and_origin_zero) {
	int origin, peer = start_service(&origin), timer = 1;
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
	CHECK_EQUAL(event.index, 0);
	CHECK_EQUAL(event.origin, 0);
	CHECK(event.m == NULL);
	CHECK_EQUAL(timer, 0);
	close(peer);
	finish(&ctx, &event);
}

TEST(event_error_of_an_ipc_peer_tells_the_reason_without_a_code) {
	int origin, peer = start_service(&origin);
	char header[IPC_HEADER_SIZE];
	put_header(header, MSG_TYPE_DATA, IPC_MAX_MESSAGE_SIZE + 1, 'a');
	write_bytes(peer, header, sizeof header);
	struct ipc_error e = ipc_wait_event(&ctx, &event, NULL);
	CHECK_EQUAL(e.error_code, IPC_ERROR_NONE);
	CHECK(strlen(e.error_message) > 0);
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_ERROR);
	CHECK_EQUAL(event.index, 1);
	CHECK_EQUAL(event.origin, origin);
	CHECK(event.m == NULL);
	CHECK(!is_open(origin));
	CHECK_EQUAL(ctx.size, 1);
	char byte;
	CHECK_EQUAL(read_bytes(peer, &byte, 1), 0);
	close(peer);
	peer = join(&ctx, &event, "pong", NULL);
	close(peer);
	finish(&ctx, &event);
}

TEST(a_success_has_no_text) {
	int timer = 0;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	struct ipc_error e = ipc_wait_event(&ctx, &event, &timer);
	CHECK_EQUAL(e.error_code, IPC_ERROR_NONE);
	CHECK_EQUAL(e.error_message[0], 0);
	finish(&ctx, &event);
}

TEST(ipc_wait_event_names_its_missing_arguments) {
	int timer = 0;
	CHECK_CODE(ipc_wait_event(NULL, &event, &timer), IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM);
	CHECK_CODE(ipc_wait_event(&ctx, NULL, &timer), IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM);
	ipc_ctx_free(&ctx);
}

TEST(ipc_wait_event_leaves_what_remains_of_the_timer) {
	int origin, peer = start_service(&origin), timer = 50000;
	write_frame(peer, 'a', "one", 3);
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
	CHECK(timer > 0 && timer <= 50000);
	close(peer);
	finish(&ctx, &event);
}

TEST(ipc_wait_event_keeps_a_negative_timer_and_takes_zero_as_a_look) {
	int origin, peer = start_service(&origin);
	for (int wanted = -1; wanted > -10; wanted -= 4) {
		int timer = wanted;
		write_frame(peer, 'a', "one", 3);
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
		CHECK_EQUAL(timer, wanted);
	}
	int timer = 0;
	write_frame(peer, 'a', "one", 3);
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
	CHECK_EQUAL(timer, 0);
	nothing_to_tell(&ctx, &event);
	close(peer);
	finish(&ctx, &event);
}

static void on_signal(int number) { (void)number; }

TEST(ipc_wait_event_ends_at_a_signal_with_error_106) {
	struct sigaction action = {.sa_handler = on_signal};
	struct sigevent notify = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec every = {{0, 20000000}, {0, 20000000}};
	timer_t clock;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	sigaction(SIGUSR1, &action, NULL);
	CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &notify, &clock), 0);
	CHECK_EQUAL(timer_settime(clock, 0, &every, NULL), 0);
	/* a signal can come right after the wait began: wait again until some time has passed */
	for (int timer = 50000; timer == 50000;) {
		event.type = IPC_EVENT_TYPE_MESSAGE;
		CHECK_CODE(ipc_wait_event(&ctx, &event, &timer), IPC_ERROR_WAIT_EVENT__POLL);
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_NOT_SET);
		CHECK(timer > 0 && timer <= 50000);
	}
	int timer = -1;
	CHECK_CODE(ipc_wait_event(&ctx, &event, &timer), IPC_ERROR_WAIT_EVENT__POLL);
	CHECK_EQUAL(timer, -1);
	timer_delete(clock);
	int client = raw_connect("pong");
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	close(client);
	finish(&ctx, &event);
}

TEST(ipc_wait_event_tells_pending_tx_before_new_input) {
	int origin, peer = start_service(&origin);
	queue(&ctx, origin, 'a', "one", 3);
	queue(&ctx, origin, 'b', "two", 3);
	write_frame(peer, 'c', "three", 5);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	next_message(&ctx, &event, origin, 'c', "three", 5);
	close(peer);
	finish(&ctx, &event);
}
