/*
 * nonblocking.c - direct calls on a descriptor that the program has made non-blocking: they return an error with the reason instead
 * of waiting, and lose nothing.
 */
#include "waiting.h"

static void open_nonblocking(enum place place) {
	open_place(place);
	CHECK_EQUAL(fcntl(near, F_SETFL, fcntl(near, F_GETFL) | O_NONBLOCK), 0);
}
static void close_nonblocking(enum place place) {
	CHECK((fcntl(near, F_GETFL) & O_NONBLOCK) != 0);
	close_place(place);
}

/* The ways to read a frame; `*payload` becomes a copy of its payload. */
enum { WAYS = 3 };
static struct ipc_error read_by(int way, enum place place, char *payload, size_t size) {
	struct ipc_error e;
	memset(payload, 0, size);
	if (way < 2) {
		struct ipc_message m = {0};
		e = way == 0 || place % 2 == LOOSE ? ipc_read_fd(near, &m) : ipc_read(&ctx, 0, &m);
		if (e.error_code == 0) memcpy(payload, m.payload, m.length);
		free(m.payload);
	} else {
		char buffer[100], *place_of = buffer;
		size_t length = sizeof buffer;
		e = usock_recv(near, &place_of, &length);
		if (e.error_code == 0) memcpy(payload, buffer + IPC_HEADER_SIZE, length - IPC_HEADER_SIZE);
	}
	return e;
}

TEST(read_returns_60_when_nonblocking_and_the_message_is_not_whole_and_keeps_what_came) {
	static const char frame[] = "\2\0\0\0\4zabcd";
	char payload[100];
	for (int place = 0; place < PLACES; place++) {
		for (int way = 0; way < WAYS; way++) {
			open_nonblocking(place);
			check_failed(read_by(way, place, payload, sizeof payload), IPC_ERROR_USOCK_RECV, EAGAIN);
			for (size_t i = 0; i < 10; i++) {
				write_bytes(far, frame + i, 1);
				if (i < 9) check_failed(read_by(way, place, payload, sizeof payload), IPC_ERROR_USOCK_RECV, EAGAIN);
			}
			CHECK_OK(read_by(way, place, payload, sizeof payload));
			CHECK(memcmp(payload, "abcd", 4) == 0);
			check_failed(read_by(way, place, payload, sizeof payload), IPC_ERROR_USOCK_RECV, EAGAIN);
			close_nonblocking(place);
		}
	}
}

TEST(receive_fd_returns_65_when_nonblocking_and_empty) {
	for (int place = 0; place < PLACES; place++) {
		int got = -1;
		open_nonblocking(place);
		check_failed(ipc_receive_fd(near, &got), IPC_ERROR_RECEIVE_FD__RECVMSG, EAGAIN);
		CHECK_EQUAL(got, -1);
		CHECK_OK(ipc_provide_fd(far, 0));
		CHECK_OK(ipc_receive_fd(near, &got));
		close(got);
		close_nonblocking(place);
	}
}

TEST(write_returns_43_when_nonblocking_and_full_and_nothing_of_it_goes) {
	for (int place = 0; place < PLACES; place++) {
		char *payload = pattern(100000, 1);
		open_nonblocking(place);
		size_t filled = fill();
		for (uint32_t size = 10; size <= 100000; size *= 10) {
			struct ipc_message m = message_of(near, 'n', payload, size);
			check_failed(ipc_write_fd(near, &m), IPC_ERROR_USOCK_SEND, EAGAIN);
		}
		skip_bytes(filled);
		CHECK(!is_readable(far));
		struct ipc_message m = message_of(near, 'y', payload, 10000);
		CHECK_OK(ipc_write_fd(near, &m));
		read_frame(far, 'y', payload, 10000);
		CHECK(!is_readable(far));
		free(payload);
		close_nonblocking(place);
	}
}

TEST(provide_fd_and_usock_send_return_66_and_43_when_nonblocking_and_full) {
	for (int place = 0; place < PLACES; place++) {
		size_t sent = 99;
		int got = -1;
		open_nonblocking(place);
		size_t filled = fill();
		check_failed(ipc_provide_fd(near, 0), IPC_ERROR_PROVIDE_FD__SENDMSG, EAGAIN);
		check_failed(usock_send(near, "abc", 3, &sent), IPC_ERROR_USOCK_SEND, EAGAIN);
		CHECK_EQUAL(sent, 0);
		skip_bytes(filled);
		CHECK(!is_readable(far));
		CHECK_OK(ipc_provide_fd(near, 0));
		CHECK_OK(ipc_receive_fd(far, &got));
		close(got);
		close_nonblocking(place);
	}
}

/* ---- a frame that was sent in part ---- */

enum { LARGE = 1500000 };

/* What the next call sends. */
enum next_call { WRITE, SEND, PROVIDE, READ, WAIT, NEXT_CALLS };

static struct ipc_error call_next(enum next_call call) {
	struct ipc_message m = message_of(near, 's', "small", 5), got = {0};
	int timer = 0;
	struct ipc_error e;
	switch (call) {
	case WRITE: return ipc_write_fd(near, &m);
	case SEND: return usock_send(near, "\2\0\0\0\5ssmall", 11, NULL);
	case PROVIDE: return ipc_provide_fd(near, 0);
	case READ:
		e = ipc_read_fd(near, &got);
		free(got.payload);
		return e;
	default: return ipc_wait_event(&ctx, &event, &timer);
	}
}

TEST(write_returns_12_when_nonblocking_and_begun_and_the_rest_goes_first_with_the_next_call) {
	char *payload = pattern(LARGE, 2), *frame = malloc(FRAME_SIZE(LARGE));
	for (int place = 0; place < PLACES; place++) {
		for (int call = 0; call < NEXT_CALLS; call++) {
			if (call == WAIT && place % 2 == LOOSE) continue;
			char *mine = malloc(LARGE);
			memcpy(mine, payload, LARGE);
			open_nonblocking(place);
			struct ipc_message m = message_of(near, 'l', mine, LARGE);
			check_failed(ipc_write_fd(near, &m), IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA, EAGAIN);
			memset(mine, 255, LARGE); /* it is the caller's again */
			free(mine);
			/* Calls that find no room say so, and send some of the rest. */
			size_t have = 0;
			int is_done = 0;
			while (have < FRAME_SIZE(LARGE) || !is_done) {
				if (!is_done) {
					struct ipc_error e = call_next(call);
					is_done = call == READ || call == WAIT ? have == FRAME_SIZE(LARGE) : e.error_code == 0;
					if (!is_done && call != WAIT) {
						static const int codes[] = {IPC_ERROR_USOCK_SEND, IPC_ERROR_USOCK_SEND,
						    IPC_ERROR_PROVIDE_FD__SENDMSG, IPC_ERROR_USOCK_RECV};
						check_failed(e, codes[call], EAGAIN);
					}
				}
				if (have < FRAME_SIZE(LARGE)) {
					ssize_t n = recv(far, frame + have, FRAME_SIZE(LARGE) - have, MSG_DONTWAIT);
					if (n > 0) have += (size_t)n;
				}
			}
			CHECK(frame[5] == 'l' && memcmp(frame + IPC_HEADER_SIZE, payload, LARGE) == 0);
			if (call == WRITE || call == SEND) read_frame(far, 's', "small", 5);
			if (call == PROVIDE) {
				int got = -1;
				CHECK_OK(ipc_receive_fd(far, &got));
				close(got);
			}
			CHECK(!is_readable(far));
			close_nonblocking(place);
		}
	}
	free(payload);
	free(frame);
}

TEST(a_pipe_that_does_not_block_is_not_waited_for) {
	char bytes[4096] = "";
	struct ipc_message m = message_of(-1, 'p', "pipe", 4), got = {0};
	int ends[2];
	CHECK_EQUAL(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	check_failed(ipc_read_fd(ends[0], &got), IPC_ERROR_USOCK_RECV, EAGAIN);
	size_t filled = 0;
	for (ssize_t n; (n = write(ends[1], bytes, sizeof bytes)) > 0;) filled += (size_t)n;
	check_failed(ipc_write_fd(ends[1], &m), IPC_ERROR_USOCK_SEND, EAGAIN);
	while (filled > 0) filled -= (size_t)read(ends[0], bytes, filled < sizeof bytes ? filled : sizeof bytes);
	CHECK_OK(ipc_write_fd(ends[1], &m));
	CHECK_OK(ipc_read_fd(ends[0], &got));
	CHECK(got.length == 4 && memcmp(got.payload, "pipe", 4) == 0);
	free(got.payload);
	CHECK_OK(usock_close(ends[0]));
	CHECK_OK(usock_close(ends[1]));
}
