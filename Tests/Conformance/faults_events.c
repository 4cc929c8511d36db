/*
 * faults_events.c - what the old library did wrong while it waited, accepted, closed and freed:
 * faults 10, 11, 17, 18, 20, 21, 23 and 24. Most of them made one event come for ever, or a false one.
 */
#include "peers.h"

#include <sys/resource.h>

static struct ipc_ctx service;
static struct ipc_event event;

static int start_service(int *origin) {
	CHECK_OK(ipc_server_init(&service, "pong"));
	return join(&service, &event, "pong", origin);
}

TEST(fault_10_a_hung_up_external_descriptor_gave_error_for_ever) {
	int ends[2], peer = start_service(NULL);
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&service, ends[0]));
	write_bytes(ends[1], "x", 1);
	close(ends[1]);
	for (int i = 0; i < 3; i++) { /* as long as something is left to read */
		next(&service, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
		CHECK_EQUAL(event.origin, ends[0]);
		CHECK_EQUAL(event.index, 2);
	}
	char byte;
	CHECK_EQUAL(read_bytes(ends[0], &byte, 1), 1);
	for (int i = 0; i < 3; i++) { /* the end is readable, too: a read of 0 */
		next(&service, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
		CHECK_EQUAL(event.origin, ends[0]);
		CHECK_EQUAL(event.index, 2);
		CHECK_EQUAL(read(ends[0], &byte, 1), 0);
	}
	CHECK_EQUAL(service.size, 3);
	CHECK(is_open(ends[0]));
	CHECK_OK(ipc_del_fd(&service, ends[0]));
	nothing_to_tell(&service, &event);
	close(ends[0]);
	close(peer);
	finish(&service, &event);
}

TEST(fault_10_a_hung_up_pipe_gave_error_for_ever) {
	int ends[2], peer = start_service(NULL);
	CHECK(pipe(ends) == 0);
	CHECK_OK(ipc_add_fd(&service, ends[0]));
	close(ends[1]);
	next(&service, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.origin, ends[0]);
	nothing_to_tell(&service, &event);
	CHECK_EQUAL(service.size, 3);
	close(ends[0]);
	close(peer);
	finish(&service, &event);
}

/* What the program closed itself may be told once, as gone or failed, and keeps nobody waiting. */
static void told_once_at_most(int gone, int peer, int origin) {
	int told = 0;
	for (int i = 0; i < 10; i++) {
		int timer = 0;
		CHECK_OK(ipc_wait_event(&service, &event, &timer));
		if (event.type == IPC_EVENT_TYPE_TIMER) continue;
		CHECK(event.type == IPC_EVENT_TYPE_ERROR || event.type == IPC_EVENT_TYPE_DISCONNECTION);
		CHECK_EQUAL(event.origin, gone);
		told++;
	}
	CHECK(told <= 1);
	write_frame(peer, 'a', "still here", 10);
	next_message(&service, &event, origin, 'a', "still here", 10);
	nothing_to_tell(&service, &event);
}

TEST(fault_10_a_client_that_the_program_closed_gave_error_for_ever) {
	int gone_origin, gone = start_service(&gone_origin), origin;
	int peer = join(&service, &event, "pong", &origin);
	write_frame(gone, 'x', "unheard", 7);
	close(gone_origin);
	told_once_at_most(gone_origin, peer, origin);
	close(gone);
	close(peer);
	finish(&service, &event);
}

TEST(fault_10_an_external_descriptor_that_the_program_closed_gave_error_for_ever) {
	int ends[2], origin, peer = start_service(&origin);
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&service, ends[0]));
	nothing_to_tell(&service, &event);
	close(ends[0]);
	close(ends[1]);
	told_once_at_most(ends[0], peer, origin);
	close(peer);
	finish(&service, &event);
}

/* Another process sets the limit, so that a checker around this one cannot emulate it after the accept. */
static void limiter(int gate) {
	struct rlimit limit;
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	while (read_bytes(gate, &limit.rlim_cur, sizeof limit.rlim_cur) == sizeof limit.rlim_cur) {
		CHECK(prlimit(getppid(), RLIMIT_NOFILE, &limit, NULL) == 0);
		write_bytes(gate, "", 1);
	}
}

static void limit_descriptors(int gate, rlim_t soft) {
	char done;
	write_bytes(gate, &soft, sizeof soft);
	CHECK_EQUAL(read_bytes(gate, &done, 1), 1);
}

TEST(fault_11_a_failed_accept_grew_the_context) {
	struct rlimit limit;
	int gate;
	pid_t child = start(limiter, &gate);
	CHECK_OK(ipc_server_init(&service, "pong"));
	nothing_to_tell(&service, &event);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	int peer = raw_connect("pong"), first_free = dup(0);
	close(first_free);
	limit_descriptors(gate, (rlim_t)first_free);
	for (int i = 0; i < 10; i++) {
		int timer = 0;
		struct ipc_error e = ipc_wait_event(&service, &event, &timer);
		CHECK(e.error_code == 0 || e.error_code == IPC_ERROR_USOCK_ACCEPT);
		CHECK(event.type != IPC_EVENT_TYPE_CONNECTION);
		CHECK_CODE(ipc_accept_add(&event, &service, 0), IPC_ERROR_USOCK_ACCEPT);
		CHECK_EQUAL(service.size, 1);
	}
	limit_descriptors(gate, limit.rlim_cur);
	/* the client waited in the backlog, and its turn comes */
	write_frame(peer, 'a', "patient", 7);
	do {
		int timer = 0;
		struct ipc_error e = ipc_wait_event(&service, &event, &timer);
		CHECK(e.error_code == 0 || e.error_code == IPC_ERROR_USOCK_ACCEPT);
	} while (event.type != IPC_EVENT_TYPE_CONNECTION);
	CHECK_EQUAL(service.size, 2);
	next_message(&service, &event, event.origin, 'a', "patient", 7);
	shutdown(gate, SHUT_WR);
	join_process(child, gate);
	close(peer);
	finish(&service, &event);
}

TEST(fault_17_freeing_a_context_with_messages_pending_then_using_it_crashed) {
	for (int round = 0; round < 3; round++) {
		int origin, peer = start_service(&origin);
		char *payload = pattern(300000, 17);
		for (int i = 0; i < 5; i++) queue(&service, origin, 'a', payload, 300000);
		if (round == 1) nothing_to_tell(&service, &event); /* a part of the first has gone */
		int listening = service.pollfd[0].fd;
		IPC_EVENT_CLEAN(&event);
		ipc_ctx_free(&service);
		CHECK_EQUAL(service.size, 0);
		CHECK_EQUAL(service.tx.size, 0);
		CHECK_EQUAL(service.switchdb.size, 0);
		CHECK(service.cinfos == NULL && service.pollfd == NULL && service.tx.messages == NULL);
		ipc_ctx_free(&service);
		CHECK(is_open(listening) && is_open(origin));
		close(listening);
		close(origin);
		close(peer);
		free(payload);
		peer = start_service(&origin);
		queue(&service, origin, 'b', "again", 5);
		next(&service, &event, IPC_EVENT_TYPE_TX);
		read_frame(peer, 'b', "again", 5);
		close(peer);
		finish(&service, &event);
	}
}

TEST(fault_18_a_failed_write_still_gave_tx) {
	int origin, peer = start_service(&origin);
	write_frame(peer, 'a', "last words", 10);
	close(peer);
	for (int i = 0; i < 3; i++) queue(&service, origin, 'b', "too late", 8);
	next_message(&service, &event, origin, 'a', "last words", 10);
	next(&service, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.origin, origin);
	nothing_to_tell(&service, &event);
	CHECK_EQUAL(service.tx.size, 0);
	CHECK_EQUAL(service.size, 1);
	finish(&service, &event);
}

TEST(fault_18_a_failed_write_to_an_external_descriptor_still_gave_tx) {
	int ends[2], peer = start_service(NULL);
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&service, ends[0]));
	close(ends[1]);
	queue(&service, ends[0], 'b', "too late", 8);
	for (int i = 0; i < 10; i++) {
		int timer = 0;
		CHECK_OK(ipc_wait_event(&service, &event, &timer));
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_EXTRA_SOCKET); /* its end is readable */
	}
	CHECK_EQUAL(service.tx.size, 0);
	struct ipc_message m = message_of(ends[0], 'b', "x", 1);
	CHECK_CODE(ipc_write_fd(ends[0], &m), IPC_ERROR_USOCK_SEND);
	CHECK_OK(ipc_del_fd(&service, ends[0]));
	close(ends[0]);
	close(peer);
	finish(&service, &event);
}

TEST(fault_20_a_negative_timer_became_0) {
	int origin, peer = start_service(&origin);
	const int timers[] = {-1, -1, -5, 100000};
	for (int i = 0; i < 4; i++) {
		int timer = timers[i];
		write_frame(peer, 'a', "x", 1);
		CHECK_OK(ipc_wait_event(&service, &event, &timer));
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
		if (timers[i] < 0) CHECK_EQUAL(timer, timers[i]);
		else CHECK(timer >= 0 && timer <= timers[i]);
	}
	close(peer);
	finish(&service, &event);
}

TEST(fault_21_a_client_that_left_with_unread_data_gave_error) {
	int origin, peer = start_service(&origin);
	queue(&service, origin, 'a', "unread", 6);
	next(&service, &event, IPC_EVENT_TYPE_TX);
	close(peer);
	next(&service, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.origin, origin);
	CHECK_EQUAL(event.index, 1);
	CHECK_EQUAL(service.size, 1);
	CHECK(!is_open(origin));
	nothing_to_tell(&service, &event);
	finish(&service, &event);
}

TEST(fault_23_closing_took_any_index) {
	int origin, peer = start_service(&origin);
	const uint32_t wrong[] = {2, 3, 1000, INT32_MAX, UINT32_MAX};
	for (int i = 0; i < 5; i++) CHECK_CODE(ipc_close(&service, wrong[i]), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
	CHECK_EQUAL(service.size, 2);
	write_frame(peer, 'a', "x", 1);
	next_message(&service, &event, origin, 'a', "x", 1);
	close(peer);
	finish(&service, &event);
	CHECK_CODE(ipc_close(&service, 0), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
}

/* A program is given so many events, at most, before the library looks for those of others: fewer, when it is slow. */
#define MOST_BEFORE_OTHERS 72

/* Waits for the message of `wanted`; it comes though lower indices never run dry. */
static void comes_in_turn(int wanted) {
	int before = 0;
	do {
		int timer = -1;
		CHECK_OK(ipc_wait_event(&service, &event, &timer));
		CHECK(before++ <= MOST_BEFORE_OTHERS + 2);
	} while (event.origin != wanted);
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
}

TEST(fault_24_a_busy_low_index_starved_the_others) {
	int busy = start_service(NULL), origin;
	int peer = join(&service, &event, "pong", &origin);
	for (int i = 0; i < 200; i++) write_frame(busy, 'b', "busy", 4);
	write_frame(peer, 'p', "me too", 6);
	comes_in_turn(origin);
	write_frame(peer, 'p', "me too", 6);
	comes_in_turn(origin);
	close(busy);
	close(peer);
	finish(&service, &event);
}

TEST(fault_24_a_busy_external_descriptor_starved_the_others) {
	int ends[2], origin;
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&service, ends[0]));
	int peer = start_service(&origin);
	write_bytes(ends[1], "never read", 10);
	write_frame(peer, 'p', "me too", 6);
	comes_in_turn(origin);
	write_frame(peer, 'p', "me too", 6);
	comes_in_turn(origin);
	close(peer);
	finish(&service, &event);
	close(ends[0]);
	close(ends[1]);
}
