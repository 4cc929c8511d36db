/*
 * waking.c - what one thread does to a context is at once known to another one that waits on it without a timer: messages
 * written, entries added, deleted, closed and retyped, services and pairs. Nothing else happens meanwhile, so that what
 * would only be done at the waiter's next event is never done, and the harness's limit ends the test.
 */
#include "crew.h"

enum { ROUNDS = 100, LARGE = 1000000 };

static struct ipc_ctx ctx;
static struct ipc_event event;
static struct wait waiting;

/* A service with one raw client; this thread holds neither. */
static int make_service(int *origin) {
	CHECK_OK(ipc_server_init(&ctx, "wake"));
	int peer = join(&ctx, &event, "wake", origin);
	CHECK_OK(ipc_ctx_release(&ctx));
	return peer;
}

static void sleep_in_a_wait(void) {
	begin_wait(&waiting, &ctx, -1);
	until_asleep(&waiting, 1);
}

static void make_pipe(int ends[2], const char *content) {
	CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
	CHECK_EQUAL(write(ends[1], content, strlen(content)), (ssize_t)strlen(content));
}

static void close_both(int ends[2]) {
	close(ends[0]);
	close(ends[1]);
}

/* ---- writing ---- */

/* In every other round the writer is not late enough for a waiter that sleeps already. */
TEST(a_message_is_sent_while_another_thread_waits) {
	int origin, peer = make_service(&origin);
	for (int i = 0; i < ROUNDS; i++) {
		begin_wait(&waiting, &ctx, -1);
		if (i % 2 == 0) until_asleep(&waiting, 1);
		queue(&ctx, origin, (char)i, &i, sizeof i);
		read_frame(peer, (char)i, &i, sizeof i);
		end_wait(&waiting, 0, IPC_EVENT_TYPE_TX, origin);
	}
	close(peer);
	finish(&ctx, &event);
}

TEST(a_message_that_the_peer_takes_in_pieces_is_sent_to_its_end_while_another_thread_waits) {
	int origin, peer = make_service(&origin);
	char *payload = pattern(LARGE, 1);
	for (int i = 0; i < 5; i++) {
		sleep_in_a_wait();
		queue(&ctx, origin, 'l', payload, LARGE);
		read_frame(peer, 'l', payload, LARGE);
		end_wait(&waiting, 0, IPC_EVENT_TYPE_TX, origin);
	}
	free(payload);
	close(peer);
	finish(&ctx, &event);
}

/* What was queued before anybody waited, and what comes after the waiter's first event. */
TEST(messages_to_several_peers_are_sent_and_told_one_by_one) {
	int origins[3], peers[3];
	peers[0] = make_service(&origins[0]);
	for (int i = 1; i < 3; i++) peers[i] = join(&ctx, &event, "wake", &origins[i]);
	CHECK_OK(ipc_ctx_release(&ctx));
	for (int i = 0; i < ROUNDS; i++) {
		struct wait waits[3];
		int told = 0;
		for (int k = 0; k < 3; k++) begin_wait(&waits[k], &ctx, -1);
		for (int k = 0; k < 3; k++) queue(&ctx, origins[k], (char)k, &i, sizeof i);
		for (int k = 0; k < 3; k++) read_frame(peers[k], (char)k, &i, sizeof i);
		for (int k = 0; k < 3; k++) {
			end_wait(&waits[k], 0, IPC_EVENT_TYPE_TX, -1);
			for (int n = 0; n < 3; n++) told |= (waits[k].origin == origins[n]) << n;
		}
		CHECK_EQUAL(told, 7);
	}
	for (int i = 0; i < 3; i++) close(peers[i]);
	finish(&ctx, &event);
}

/* ---- adding ---- */

TEST(a_pipe_that_is_added_is_told_to_a_thread_that_waits) {
	int ends[2], origin, peer = make_service(&origin);
	for (int i = 0; i < ROUNDS; i++) {
		make_pipe(ends, "x");
		begin_wait(&waiting, &ctx, -1);
		if (i % 2 == 0) until_asleep(&waiting, 1);
		CHECK_OK(ipc_add_fd(&ctx, ends[0]));
		end_wait(&waiting, 0, IPC_EVENT_TYPE_EXTRA_SOCKET, ends[0]);
		CHECK_OK(ipc_del_fd(&ctx, ends[0]));
		close_both(ends);
	}
	close(peer);
	finish(&ctx, &event);
}

TEST(a_regular_file_that_is_added_is_told_to_a_thread_that_waits) {
	int origin, peer = make_service(&origin);
	char path[128];
	snprintf(path, sizeof path, "%s/file", run_directory);
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	sleep_in_a_wait();
	CHECK_OK(ipc_add_fd(&ctx, file));
	end_wait(&waiting, 0, IPC_EVENT_TYPE_EXTRA_SOCKET, file);
	CHECK_OK(ipc_del_fd(&ctx, file));
	close(file);
	close(peer);
	finish(&ctx, &event);
}

TEST(a_service_that_is_added_accepts_for_a_thread_that_waits_with_other_entries) {
	int ends[2];
	CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	sleep_in_a_wait();
	CHECK_OK(ipc_server_init(&ctx, "late"));
	int peer = raw_connect("late");
	end_wait(&waiting, 0, IPC_EVENT_TYPE_CONNECTION, -1);
	close(peer);
	finish(&ctx, &event);
	close_both(ends);
}

TEST(a_service_that_is_added_accepts_for_a_thread_that_waits_on_an_empty_context) {
	for (int i = 0; i < ROUNDS; i++) {
		begin_wait(&waiting, &ctx, -1);
		if (i % 2 == 0) until_asleep(&waiting, 1);
		CHECK_OK(ipc_server_init(&ctx, "late"));
		int peer = raw_connect("late");
		end_wait(&waiting, 0, IPC_EVENT_TYPE_CONNECTION, -1);
		close(peer);
		finish(&ctx, &event);
	}
}

TEST(a_connection_that_is_added_is_read_for_a_thread_that_waits) {
	int fd, listening = raw_listen("there");
	sleep_in_a_wait();
	CHECK_OK(ipc_connection(&ctx, "there", &fd));
	int peer = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	write_frame(peer, 'h', "hello", 5);
	end_wait(&waiting, 0, IPC_EVENT_TYPE_MESSAGE, fd);
	close(peer);
	close(listening);
	finish(&ctx, &event);
}

/* ---- types and pairs ---- */

/* "not watched any more until its type is set anew" */
TEST(a_type_that_is_set_anew_is_noticed_by_a_thread_that_waits) {
	int ends[2], origin, peer = make_service(&origin);
	CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	close(ends[1]);
	begin_wait(&waiting, &ctx, -1);
	for (int i = 0; i < ROUNDS; i++) {
		if (i > 0) CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[0], IPC_CONNECTION_TYPE_EXTERNAL), 0);
		end_wait(&waiting, 0, IPC_EVENT_TYPE_DISCONNECTION, ends[0]);
		sleep_in_a_wait();
	}
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[0], IPC_CONNECTION_TYPE_IPC), 0);
	end_wait(&waiting, 0, IPC_EVENT_TYPE_DISCONNECTION, ends[0]);
	CHECK(!is_open(ends[0]));
	close(peer);
	finish(&ctx, &event);
}

/* A switched end without a pair is told once; then a pair is made of it. */
TEST(a_pair_that_is_tied_is_served_by_a_thread_that_waits) {
	int near[2], far[2];
	add_switched(&ctx, near, far, 2);
	sleep_in_a_wait();
	write_frame(far[0], 's', "across", 6);
	end_wait(&waiting, IPC_ERROR_FD_SWITCHING__NO_FD_RECORD, IPC_EVENT_TYPE_ERROR, near[0]);
	sleep_in_a_wait();
	ipc_ctx_switching_add(&ctx, near[0], near[1]);
	end_wait(&waiting, 0, IPC_EVENT_TYPE_SWITCH, near[0]);
	begin_wait(&waiting, &ctx, -1);
	read_frame(far[1], 's', "across", 6);
	end_wait(&waiting, 0, IPC_EVENT_TYPE_TX, near[1]);
	for (int i = 0; i < 2; i++) close(far[i]);
	ipc_ctx_free(&ctx);
	for (int i = 0; i < 2; i++) close(near[i]);
}

/* ---- deleting ---- */

TEST(what_is_deleted_is_not_told_any_more_and_the_others_are) {
	int gone[2], kept[2];
	for (int i = 0; i < ROUNDS; i++) {
		make_pipe(gone, "");
		make_pipe(kept, "");
		CHECK_OK(ipc_add_fd(&ctx, gone[0]));
		CHECK_OK(ipc_add_fd(&ctx, kept[0]));
		begin_wait(&waiting, &ctx, -1);
		if (i % 2 == 0) until_asleep(&waiting, 1);
		CHECK_OK(ipc_del_fd(&ctx, gone[0]));
		CHECK_EQUAL(write(gone[1], "x", 1), 1);
		CHECK_EQUAL(write(kept[1], "x", 1), 1);
		end_wait(&waiting, 0, IPC_EVENT_TYPE_EXTRA_SOCKET, kept[0]);
		CHECK_OK(ipc_del_fd(&ctx, kept[0]));
		close_both(gone);
		close_both(kept);
	}
}

TEST(what_is_closed_is_not_told_any_more_and_the_others_are) {
	int origin, peer = make_service(&origin);
	for (int i = 0; i < ROUNDS; i++) {
		int other, other_peer = join(&ctx, &event, "wake", &other);
		CHECK_OK(ipc_ctx_release(&ctx));
		begin_wait(&waiting, &ctx, -1);
		if (i % 2 == 0) until_asleep(&waiting, 1);
		CHECK_OK(ipc_close_fd(&ctx, other));
		char byte;
		CHECK_EQUAL(read_bytes(other_peer, &byte, 1), 0); /* the end of the stream */
		close(other_peer);
		write_frame(peer, 'k', "kept", 4);
		end_wait(&waiting, 0, IPC_EVENT_TYPE_MESSAGE, origin);
	}
	close(peer);
	finish(&ctx, &event);
}

/* An empty context waits; so does one that has become empty. */
TEST(a_thread_that_waits_stays_when_the_last_entry_is_deleted) {
	int ends[2];
	for (int i = 0; i < ROUNDS; i++) {
		make_pipe(ends, "");
		CHECK_OK(ipc_add_fd(&ctx, ends[0]));
		begin_wait(&waiting, &ctx, -1);
		if (i % 2 == 0) until_asleep(&waiting, 1);
		CHECK_OK(i % 4 < 2 ? ipc_del_fd(&ctx, ends[0]) : ipc_close_fd(&ctx, ends[0]));
		CHECK_EQUAL(write(ends[1], "x", 1), 1); /* of no interest now */
		if (i % 2 == 0) until_asleep(&waiting, 1);
		CHECK_OK(ipc_add_fd(&ctx, ends[0]));
		end_wait(&waiting, 0, IPC_EVENT_TYPE_EXTRA_SOCKET, ends[0]);
		CHECK_OK(ipc_del_fd(&ctx, ends[0]));
		close_both(ends);
	}
}

/* ---- each caller's own timer ---- */

TEST(each_waiter_has_a_timer_of_its_own) {
	int ends[2];
	make_pipe(ends, "x");
	for (int round = 0; round < 10; round++) {
		struct wait waits[9];
		for (int i = 0; i < 9; i++) begin_wait(&waits[i], &ctx, i % 3 == 0 ? 0 : i % 3 == 1 ? 10 + i : -1);
		for (int i = 0; i < 9; i++) {
			if (i % 3 == 2) continue;
			end_wait(&waits[i], 0, IPC_EVENT_TYPE_TIMER, -1);
			CHECK_EQUAL(waits[i].timer, 0);
		}
		for (int i = 2; i < 9; i += 3) until_asleep(&waits[i], 1);
		/* always readable, so that it comes to one after the other: each ends, and so lets go of it */
		CHECK_OK(ipc_add_fd(&ctx, ends[0]));
		for (int i = 2; i < 9; i += 3) {
			end_wait(&waits[i], 0, IPC_EVENT_TYPE_EXTRA_SOCKET, ends[0]);
			CHECK_EQUAL(waits[i].timer, -1);
		}
		CHECK_OK(ipc_del_fd(&ctx, ends[0]));
	}
	close_both(ends);
}
