/*
 * switching.c - two ends whose frames go from one to the other: the rows SWITCH, TX, DISCONNECTION and ERROR of switched
 * ends, how pairs are made, and how they end, with something pending in either direction or both.
 * Callbacks are in switching_callbacks.c; faults 13 to 15 in faults_switching.c.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static int near[2], far[2];

/* Two ends tied to each other, beside a service that keeps the context alive. */
static void make_switch(void) { make_switched(&ctx, near, far, 2); }

/* The pair is over: told once, with code 4; both entries are gone, the descriptors `closed` or not. */
static void over(enum ipc_event_type type, int origin, uint32_t index, int closed) {
	CHECK_EQUAL(event.type, type);
	CHECK_EQUAL(event.origin, origin);
	CHECK_EQUAL(event.index, index);
	CHECK(event.m == NULL);
	CHECK_EQUAL(ctx.size, 1);
	CHECK_EQUAL(ctx.switchdb.size, 0);
	CHECK_EQUAL(ctx.tx.size, 0);
	for (int i = 0; i < 2; i++) CHECK_EQUAL(is_open(near[i]), !closed);
	for (int i = 0; i < 3; i++) nothing_to_tell(&ctx, &event);
}

static void close_switch(void) {
	for (int i = 0; i < 2; i++) {
		if (is_open(near[i])) close(near[i]);
		if (is_open(far[i])) close(far[i]);
	}
	finish(&ctx, &event);
}

/* Waits until the pair is over; SWITCH and TX may come before, and are counted. Returns how many SWITCH came. */
static int until_over(int code) {
	struct ipc_error e;
	int switched = 0;
	do {
		e = ipc_wait_event(&ctx, &event, NULL);
		switched += event.type == IPC_EVENT_TYPE_SWITCH;
		if (event.type == IPC_EVENT_TYPE_SWITCH || event.type == IPC_EVENT_TYPE_TX) CHECK_EQUAL(e.error_code, 0);
	} while (event.type == IPC_EVENT_TYPE_SWITCH || event.type == IPC_EVENT_TYPE_TX);
	CHECK_CODE(e, code);
	return switched;
}

TEST(event_switch_names_the_end_that_spoke_and_tx_the_receiver) {
	make_switch();
	for (int from = 0; from < 2; from++) {
		write_frame(far[from], 'a', "hello", 5);
		ready(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
		CHECK_EQUAL(event.origin, near[from]);
		CHECK_EQUAL(event.index, 1 + from);
		CHECK(event.m == NULL);
		CHECK_EQUAL(ctx.tx.size, 1);
		CHECK_EQUAL(ctx.tx.messages[0].fd, near[!from]);
		ready(&ctx, &event, IPC_EVENT_TYPE_TX);
		CHECK_EQUAL(event.origin, near[!from]);
		CHECK_EQUAL(event.index, 2 - from);
		CHECK_EQUAL(ctx.tx.size, 0);
		nothing_to_tell(&ctx, &event);
		read_frame(far[!from], 'a', "hello", 5);
	}
	close_switch();
}

TEST(frames_of_every_size_and_type_pass_a_switch_whole_and_in_order) {
	const uint32_t sizes[] = {0, 1, 0, 4096, 4097, 100000, 0, 7};
	char *payload = pattern(100000, 3), *frame = malloc(FRAME_SIZE(100000)), *got = malloc(FRAME_SIZE(100000));
	make_switch();
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 8; i++) {
			put_header(frame, (char)(i * 31), sizes[i], (char)(255 - i));
			memcpy(frame + IPC_HEADER_SIZE, payload, sizes[i]);
			write_bytes(far[round], frame, FRAME_SIZE(sizes[i]));
			ready(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
			ready(&ctx, &event, IPC_EVENT_TYPE_TX);
			CHECK_EQUAL(read_bytes(far[!round], got, FRAME_SIZE(sizes[i])), FRAME_SIZE(sizes[i]));
			CHECK(memcmp(got, frame, FRAME_SIZE(sizes[i])) == 0);
		}
	}
	free(got);
	free(frame);
	free(payload);
	close_switch();
}

TEST(a_frame_that_comes_in_pieces_passes_a_switch_when_it_is_whole) {
	make_switch();
	for (int i = 0; i < 10; i++) {
		nothing_to_tell(&ctx, &event);
		write_bytes(far[0], "\2\0\0\0\4zabcd" + i, 1);
	}
	ready(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(far[1], 'z', "abcd", 4);
	close_switch();
}

TEST(ipc_connection_switched_ties_a_service_to_a_descriptor) {
	int listening = raw_listen("routed"), ends[2], server = -1;
	make_pair(ends);
	CHECK_OK(ipc_connection_switched(&ctx, "routed", ends[0], &server));
	int service = accept(listening, NULL, NULL);
	CHECK_EQUAL(ctx.size, 2);
	for (size_t i = 0; i < 2; i++) CHECK_EQUAL(ctx.cinfos[i].type, IPC_CONNECTION_TYPE_SWITCHED);
	CHECK_EQUAL(ctx.switchdb.size, 1);
	CHECK_EQUAL(ipc_switching_get(&ctx.switchdb, server), ends[0]);
	write_frame(ends[1], 'q', "question", 8);
	ready(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(service, 'q', "question", 8);
	write_frame(service, 'a', "answer", 6);
	ready(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(ends[1], 'a', "answer", 6);
	CHECK_OK(ipc_connection_switched(&ctx, "routed", far[0] = dup(ends[1]), NULL)); /* nowhere to put the descriptor */
	CHECK_EQUAL(ctx.size, 4);
	finish(&ctx, &event);
	close(service);
	close(listening);
	close(ends[1]);
}

/* A client that is there already, whatever its type, becomes SWITCHED where it is; what it began to say goes on. */
TEST(ipc_connection_switched_takes_a_client_that_is_there_already) {
	int listening = raw_listen("routed"), origin, server = -1;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int client = join(&ctx, &event, "pong", &origin);
	queue(&ctx, origin, 'w', "welcome", 7);
	write_bytes(client, "\2\0\0\0\3aone\2\0\0\0\3btwo\2\0\0\0\5cth", 26);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	next_message(&ctx, &event, origin, 'a', "one", 3);
	CHECK_OK(ipc_connection_switched(&ctx, "routed", origin, &server));
	int service = accept(listening, NULL, NULL);
	CHECK_EQUAL(ctx.size, 3);
	CHECK(ctx.pollfd[1].fd == origin && ctx.cinfos[1].type == IPC_CONNECTION_TYPE_SWITCHED);
	CHECK(ctx.pollfd[2].fd == server && ctx.cinfos[2].type == IPC_CONNECTION_TYPE_SWITCHED);
	ready(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	CHECK_EQUAL(event.origin, origin);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(service, 'b', "two", 3);
	write_bytes(client, "ree", 3);
	ready(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(service, 'c', "three", 5);
	read_frame(client, 'w', "welcome", 7);
	close(service);
	close(listening);
	close(client);
	finish(&ctx, &event);
}

TEST(ipc_connection_switched_names_what_is_wrong_and_changes_nothing) {
	int origin, server = -1;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int client = join(&ctx, &event, "pong", &origin);
	CHECK_CODE(ipc_connection_switched(NULL, "routed", origin, &server), IPC_ERROR_CONNECTION__NO_CTX);
	CHECK_CODE(ipc_connection_switched(&ctx, NULL, origin, &server), IPC_ERROR_CONNECTION__NO_SERVICE_NAME);
	CHECK_CODE(ipc_connection_switched(&ctx, "nobody", origin, &server), IPC_ERROR_USOCK_CONNECT__CONNECT);
	CHECK(ctx.size == 2 && ctx.switchdb.size == 0 && server == -1);
	CHECK_EQUAL(ctx.cinfos[1].type, IPC_CONNECTION_TYPE_IPC);
	write_frame(client, 'a', "hello", 5);
	next_message(&ctx, &event, origin, 'a', "hello", 5);
	close(client);
	finish(&ctx, &event);
}

/* ---- how a pair ends ---- */

TEST(event_disconnection_of_a_switched_end_at_every_byte_of_a_frame) {
	const char frame[] = "\2\0\0\0\4zabcd\2";
	for (size_t cut = 0; cut <= 11; cut++) {
		int leaving = cut % 2;
		make_switch();
		write_bytes(far[leaving], frame, cut);
		if (cut % 3 == 0 && cut < 10) nothing_to_tell(&ctx, &event);
		close(far[leaving]);
		CHECK_EQUAL(until_over(4), cut >= 10);
		over(IPC_EVENT_TYPE_DISCONNECTION, near[leaving], (uint32_t)(1 + leaving), 0);
		if (cut >= 10) read_frame(far[!leaving], 'z', "abcd", 4);
		CHECK(!is_readable(far[!leaving])); /* and not a byte of what was not whole */
		close_switch();
	}
}

TEST(event_error_of_a_switched_end_that_breaks_the_protocol_closes_none) {
	make_switch();
	write_bytes(far[1], "\2\0\0\0\2gOK\2\377\377\377\377b", 14);
	CHECK_EQUAL(until_over(4), 1);
	over(IPC_EVENT_TYPE_ERROR, near[1], 2, 0);
	read_frame(far[0], 'g', "OK", 2);
	close_switch();
}

/* "while writing (callback or send): both removed and closed" */
TEST(event_error_of_a_switched_end_that_takes_no_more_closes_both) {
	make_switch();
	CHECK_EQUAL(shutdown(far[1], SHUT_RD), 0);
	write_frame(far[0], 'a', "unwanted", 8);
	until_over(4);
	over(IPC_EVENT_TYPE_ERROR, near[1], 2, 1);
	close_switch();
}

/* Both leave with something said: neither is told twice, nothing spins, and the descriptors are the program's. */
TEST(both_ends_leave_with_messages_pending_in_both_directions) {
	char *payload = pattern(30000, 5);
	for (int large = 0; large < 2; large++) {
		make_switch();
		for (int i = 0; i < 2; i++) {
			for (int k = 0; k < 3; k++) write_frame(far[i], 'x', payload, large ? 30000 : 10);
			close(far[i]);
		}
		until_over(4);
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_DISCONNECTION);
		over(IPC_EVENT_TYPE_DISCONNECTION, event.origin, event.origin == near[0] ? 1 : 2, 0);
		close_switch();
	}
	free(payload);
}

TEST(an_end_that_leaves_is_told_when_its_last_messages_have_gone_through) {
	char *payload = pattern(500000, 5);
	make_switch();
	pid_t child = fork(); /* speaks 1.5 MB, more than anything between holds, and leaves */
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < 3; i++) write_frame(far[0], 's', payload, 500000);
		_exit(0);
	}
	close(far[0]);
	CHECK(child > 0);
	size_t done = 0, size = 3 * FRAME_SIZE(500000);
	char *got = malloc(size);
	struct ipc_error e;
	do {
		int timer = 1;
		e = ipc_wait_event(&ctx, &event, &timer);
		ssize_t n = recv(far[1], got + done, size - done, MSG_DONTWAIT);
		if (n > 0) done += (size_t)n;
	} while (e.error_code == 0);
	CHECK_CODE(e, IPC_ERROR_CLOSED_RECIPIENT);
	over(IPC_EVENT_TYPE_DISCONNECTION, near[0], 1, 0);
	done += read_bytes(far[1], got + done, size - done); /* the rest is in the kernel, all of it */
	CHECK_EQUAL(done, size);
	for (int i = 0; i < 3; i++) CHECK(memcmp(got + (size_t)i * FRAME_SIZE(500000) + IPC_HEADER_SIZE, payload, 500000) == 0);
	CHECK_EQUAL(waitpid(child, NULL, 0), child);
	free(got);
	free(payload);
	close_switch();
}
