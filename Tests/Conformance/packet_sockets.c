/*
 * packet_sockets.c - a socket that carries records (SOCK_SEQPACKET, SOCK_DGRAM) where frames need a stream: one error with the
 * reason; and no message that was never sent.
 */
#include "waiting.h"

static const int types[] = {SOCK_SEQPACKET, SOCK_DGRAM};

static void open_packets(int type) {
	int ends[2];
	CHECK_EQUAL(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
	near = ends[0], far = ends[1];
}
static void send_frames(void) {
	char frame[1000] = "\2\0\0\0\5zhello", header[] = "\2\0\0\3\342z"; /* 994 bytes */
	CHECK_EQUAL(send(far, frame, 11, 0), 11);
	memcpy(frame, header, 6);
	CHECK_EQUAL(send(far, frame, 1000, 0), 1000);
}
static void check_no_stream(struct ipc_error e, int code) { check_failed(e, code, EPROTOTYPE); }

TEST(an_ipc_entry_that_is_no_stream_is_an_error_with_a_reason_once) {
	for (int i = 0; i < 2; i++) {
		for (int how = 0; how < 2; how++) {
			int timer = -1;
			struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
			CHECK_OK(ipc_server_init(&ctx, "pong"));
			open_packets(types[i]);
			send_frames();
			if (how == 0) {
				CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = near}));
			} else {
				CHECK_OK(ipc_add_fd(&ctx, near));
				next(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
				CHECK_EQUAL(ipc_ctx_fd_type(&ctx, near, IPC_CONNECTION_TYPE_IPC), 0);
			}
			struct ipc_error e = ipc_wait_event(&ctx, &event, &timer);
			CHECK_EQUAL(e.error_code, 0);
			CHECK(strstr(e.error_message, strerror(EPROTOTYPE)) != NULL);
			CHECK_EQUAL(event.type, IPC_EVENT_TYPE_ERROR);
			CHECK_EQUAL(event.origin, near);
			CHECK(ctx.size == 1 && !is_open(near));
			nothing_to_tell(&ctx, &event);
			close(far);
			finish(&ctx, &event);
		}
	}
}

TEST(a_client_of_a_listener_of_records_is_an_error_with_a_reason) {
	struct sockaddr_un address = address_of("records");
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_SERVER};
	int timer = -1, listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	far = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	CHECK_EQUAL(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	CHECK_EQUAL(listen(listener, 5), 0);
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = listener}));
	CHECK_EQUAL(connect(far, (struct sockaddr *)&address, sizeof address), 0);
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	send_frames();
	struct ipc_error e = ipc_wait_event(&ctx, &event, &timer);
	CHECK_EQUAL(e.error_code, 0);
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_ERROR);
	CHECK(strstr(e.error_message, strerror(EPROTOTYPE)) != NULL);
	close(far);
	finish(&ctx, &event);
}

TEST(a_switched_end_that_is_no_stream_is_error_4) {
	for (int i = 0; i < 2; i++) {
		int other[2], timer = -1;
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		open_packets(types[i]);
		make_pair(other);
		CHECK_OK(ipc_add_fd_switched(&ctx, near));
		CHECK_OK(ipc_add_fd_switched(&ctx, other[0]));
		ipc_ctx_switching_add(&ctx, near, other[0]);
		send_frames();
		struct ipc_error e = ipc_wait_event(&ctx, &event, &timer);
		check_failed(e, IPC_ERROR_CLOSED_RECIPIENT, EPROTOTYPE);
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_ERROR);
		CHECK(ctx.size == 1 && is_open(near) && !is_readable(other[1]));
		close(other[0]);
		close(other[1]);
		close(near);
		close(far);
		finish(&ctx, &event);
	}
}

TEST(direct_calls_on_what_is_no_stream_are_60_and_43_with_the_reason) {
	for (int i = 0; i < 2; i++) {
		for (int in_context = 0; in_context < 2; in_context++) {
			struct ipc_message m = {0}, out = message_of(-1, 'o', "out", 3);
			char *buffer = NULL;
			size_t size = 0;
			open_packets(types[i]);
			if (in_context) CHECK_OK(ipc_add_fd(&ctx, near));
			send_frames();
			check_no_stream(ipc_read_fd(near, &m), IPC_ERROR_USOCK_RECV);
			check_no_stream(usock_recv(near, &buffer, &size), IPC_ERROR_USOCK_RECV);
			if (in_context) check_no_stream(ipc_read(&ctx, 0, &m), IPC_ERROR_USOCK_RECV);
			check_no_stream(ipc_write_fd(near, &out), IPC_ERROR_USOCK_SEND);
			CHECK(m.payload == NULL && !is_readable(far));
			ipc_ctx_free(&ctx);
			CHECK_OK(usock_close(near));
			close(far);
		}
	}
}

/* The number was a stream before, and the program closed it without the library. */
TEST(a_record_that_is_cut_is_an_error_also_where_a_stream_was_before) {
	for (int i = 0; i < 2; i++) {
		struct ipc_message m = {0};
		int before[2];
		make_pair(before);
		write_frame(before[1], 'f', "frame", 5);
		CHECK_OK(ipc_read_fd(before[0], &m));
		CHECK_EQUAL(m.length, 5);
		int number = before[0];
		close(before[0]);
		close(before[1]);
		open_packets(types[i]);
		if (near != number) {
			CHECK_EQUAL(dup2(near, number), number);
			close(near);
			near = number;
		}
		send_frames();
		check_no_stream(ipc_read_fd(near, &m), IPC_ERROR_USOCK_RECV);
		free(m.payload);
		CHECK_OK(usock_close(near));
		close(far);
	}
}

TEST(a_descriptor_can_be_passed_over_records) {
	for (int i = 0; i < 2; i++) {
		int got = -1;
		open_packets(types[i]);
		CHECK_OK(ipc_provide_fd(near, 0));
		CHECK_OK(ipc_receive_fd(far, &got));
		close(got);
		close(near);
		close(far);
	}
}
