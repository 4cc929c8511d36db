/*
 * injected_waits.c - the injector again (injected.c): waiting without spinning, and each failure alone.
 *
 * The system calls of a wait in which nothing can be done are counted; and one small conversation is repeated
 * with its first, second, third ... call of each kind failing, until none is left to fail.
 */
#include "quiet.h"

static void accept_late(int failure) {
	struct ipc_ctx ctx = {0};
	struct ipc_message out = {0};
	char path[PATH_MAX];
	int first, second;
	inject_clear();
	CHECK_OK(ipc_server_init(&ctx, "full"));
	CHECK_OK(service_path(path, "full"));
	CHECK_OK(usock_connect(&first, path));
	CHECK_EQUAL(next_event(&ctx).type, IPC_EVENT_TYPE_CONNECTION);
	inject_rule("accepting", failure, 1000, 0, 0);
	CHECK_OK(usock_connect(&second, path));
	check_quiet(&ctx, 300, failure == ENOMEM || failure == ENOBUFS);
	CHECK(inject_failures() > 0);
	CHECK_EQUAL(ctx.size, 2);

	CHECK_OK(ipc_message_format_data(&out, 1, "meanwhile", 9));
	CHECK_OK(ipc_write_fd(first, &out)); /* those who are in are served */
	struct ipc_event event = next_event(&ctx);
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
	IPC_EVENT_CLEAN(&event);

	inject_clear();
	CHECK_EQUAL(next_event(&ctx).type, IPC_EVENT_TYPE_CONNECTION);
	CHECK_EQUAL(ctx.size, 3);
	CHECK_OK(ipc_write_fd(second, &out));
	event = next_event(&ctx);
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
	CHECK_EQUAL(ctx.pollfd[2].fd, event.origin);
	IPC_EVENT_CLEAN(&event);
	free(out.payload);
	close(first);
	close(second);
	end(&ctx);
}

TEST(without_free_descriptors_a_client_waits_and_nothing_spins) {
	begin();
	accept_late(EMFILE);
	accept_late(ENFILE);
}

TEST(without_memory_a_client_waits_and_nothing_spins) {
	begin();
	accept_late(ENOMEM);
	accept_late(ENOBUFS);
}

TEST(half_a_frame_does_not_spin) {
	struct ipc_ctx ctx = {0};
	int pair[2];
	begin();
	add_pair(&ctx, pair, IPC_CONNECTION_TYPE_IPC);
	for (const char *part = "\2\0\0\0\4ab"; part[0] != 'b'; part++) {
		CHECK_EQUAL(write(pair[1], part, 1), 1);
		check_quiet(&ctx, 20, 0);
	}
	check_quiet(&ctx, 300, 0);
	CHECK_EQUAL(write(pair[1], "bcde", 4), 4);
	struct ipc_event event = next_event(&ctx);
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
	CHECK(memcmp(((struct ipc_message *)event.m)->payload, "bcde", 4) == 0);
	IPC_EVENT_CLEAN(&event);
	close(pair[1]);
	end(&ctx);
}

TEST(a_receiver_that_does_not_read_does_not_make_the_sender_spin) {
	struct ipc_ctx ctx = {0};
	struct ipc_message out = {0};
	int pair[2];
	begin();
	add_pair(&ctx, pair, IPC_CONNECTION_TYPE_IPC);
	out.fd = pair[0];
	out.length = 1900000;
	CHECK((out.payload = calloc(1, out.length)) != NULL);
	CHECK_OK(ipc_write(&ctx, &out));
	check_quiet(&ctx, 300, 0);
	CHECK_EQUAL(ctx.tx.size, 1);
	size_t got = 0, wanted = out.length + IPC_HEADER_SIZE;
	for (int round = 0; got < wanted && round < 10000; round++) { /* each wait sends what there is room for */
		struct ipc_event event = {0};
		ssize_t n = recv(pair[1], out.payload, out.length, MSG_DONTWAIT);
		CHECK(n > 0 || errno == EAGAIN);
		if (n > 0) got += (size_t)n;
		int timer = 0;
		CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)));
		CHECK(event.type == IPC_EVENT_TYPE_TIMER || event.type == IPC_EVENT_TYPE_TX);
	}
	CHECK_EQUAL(got, wanted);
	if (ctx.tx.size > 0) CHECK_EQUAL(next_event(&ctx).type, IPC_EVENT_TYPE_TX);
	check_quiet(&ctx, 100, 0);
	free(out.payload);
	close(pair[1]);
	end(&ctx);
}

TEST(a_hung_up_external_descriptor_is_told_once_and_does_not_spin) {
	struct ipc_ctx ctx = {0};
	int pair[2];
	begin();
	CHECK(pipe(pair) == 0);
	CHECK_OK(ipc_add_fd(&ctx, pair[0]));
	close(pair[1]);
	CHECK_EQUAL(next_event(&ctx).type, IPC_EVENT_TYPE_DISCONNECTION);
	check_quiet(&ctx, 300, 0);
	CHECK_EQUAL(ctx.size, 1);
	close(pair[0]);
	end(&ctx);
}

/* ---- each failure alone ---- */

/* Calls again while it fails: one failure was ordered, so the second time must do. */
#define AGAIN(call)                                                                                                                   \
	do {                                                                                                                          \
		struct ipc_error again_ = ARMED(FULL, call);                                                                          \
		if (again_.error_code != 0) again_ = ARMED(FULL, call);                                                               \
		if (again_.error_code != 0) FAIL("%s fails twice: %d (%.200s)", #call, (int)again_.error_code, again_.error_message); \
	} while (0)

/* Waits on both sides in turn until `side` gets a message; TX, connections and those that a failed call dropped pass. */
static void await_message(struct ipc_ctx *sides[2], int side, struct ipc_event *event) {
	for (int round = 0; round < 400; round++) {
		struct ipc_ctx *ctx = sides[round % 2];
		int timer = 5;
		struct ipc_error e = ARMED(FULL, ipc_wait_event(ctx, event, &timer));
		if (e.error_code != 0) {
			CHECK(is_passing(e));
			continue;
		}
		if (event->type == IPC_EVENT_TYPE_MESSAGE) {
			CHECK(ctx == sides[side]);
			return;
		}
		CHECK(event->type != IPC_EVENT_TYPE_ERROR);
		CHECK(ctx == sides[0] || event->type != IPC_EVENT_TYPE_DISCONNECTION);
	}
	FAIL("the message does not come");
}

/* Three messages there, two echoes back, one more of each directly. */
static void conversation(void) {
	struct ipc_ctx service = {0}, client = {0}, *sides[2] = {&service, &client};
	struct ipc_event event = {0};
	struct ipc_message m = {0};
	int fd = -1, descriptors = count_descriptors();
	char text[] = "number 0";
	AGAIN(ipc_server_init(&service, "alone"));
	AGAIN(ipc_connection(&client, "alone", &fd));
	CHECK(service.size == 1 && client.size == 1 && client.pollfd[0].fd == fd); /* the failed call left nothing */
	for (int i = 0; i < 3; i++) {
		text[7] = (char)('0' + i);
		struct ipc_message out = {MSG_TYPE_DATA, (char)i, fd, sizeof text, text};
		AGAIN(ipc_write(&client, &out));
	}
	int peer = -1;
	for (int i = 0; i < 3; i++) {
		await_message(sides, 0, &event);
		struct ipc_message *in = event.m;
		CHECK(in->user_type == i && in->length == sizeof text && in->payload[7] == '0' + i);
		peer = event.origin;
	}
	for (int i = 0; i < 2; i++) {
		struct ipc_message out = {MSG_TYPE_DATA, (char)i, peer, sizeof text, text};
		AGAIN(ipc_write(&service, &out));
	}
	for (int i = 0; i < 2; i++) {
		await_message(sides, 1, &event);
		CHECK_EQUAL(((struct ipc_message *)event.m)->user_type, i);
	}
	IPC_EVENT_CLEAN(&event);
	struct ipc_message out = {MSG_TYPE_DATA, 9, 0, sizeof text, text};
	AGAIN(ipc_write_fd(fd, &out));
	AGAIN(ipc_read_fd(peer, &m));
	CHECK(m.user_type == 9 && m.length == sizeof text && memcmp(m.payload, text, sizeof text) == 0);
	AGAIN(ipc_write_fd(peer, &m));
	AGAIN(ipc_read(&client, 0, &m));
	CHECK(m.user_type == 9 && m.length == sizeof text);
	free(m.payload);
	AGAIN(ipc_close_all(&client));
	AGAIN(ipc_close_all(&service));
	ipc_ctx_free(&client);
	ipc_ctx_free(&service);
	CHECK_EQUAL(count_descriptors(), descriptors);
}

static void fail_each(const char *call, int failure) {
	for (long n = 1; n < 2000; n++) {
		inject_clear();
		inject_rule(call, failure, 0, n, 1);
		conversation();
		if (inject_failures() == 0) return;
	}
	FAIL("the conversation makes too many calls of the kind %s", call);
}

TEST(every_transfer_survives_one_failure) {
	static const int failures[] = {SHORT, EINTR, EAGAIN, ENOMEM, ENOBUFS};
	begin();
	for (int i = 0; i < 5; i++) fail_each("in", failures[i]);
	for (int i = 0; i < 5; i++) fail_each("out", failures[i]);
}

TEST(every_accept_and_wait_survives_one_failure) {
	static const int failures[] = {EINTR, EMFILE, ENFILE, ENOMEM, ENOBUFS};
	begin();
	for (int i = 0; i < 5; i++) fail_each("accepting", failures[i]);
	fail_each("waiting", EINTR);
	fail_each("waiting", SHORT);
	fail_each("watching", ENOMEM);
}

TEST(every_allocation_survives_one_failure) {
	begin();
	fail_each("memory", ENOMEM);
}
