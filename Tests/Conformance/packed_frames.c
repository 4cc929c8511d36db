/*
 * packed_frames.c - small messages that the program is not told of (ipc_ctx_quiet) share memory while they wait. Nobody may notice: they
 * arrive whole and in order, are counted one by one, and are dropped one by one.
 */
#include "batches.h"

#include <sys/ioctl.h>

enum { SMALL = 500, FRAME = SMALL + 6, MANY = 300 };

static char *bytes; /* what the peer has received */
static size_t received;

static int start_quiet(int *origin) {
	int size = 1;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(ipc_ctx_quiet(&ctx, IPC_QUIET_TX), 0);
	int peer = join(&ctx, &event, "pong", origin);
	CHECK(setsockopt(*origin, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
	bytes = calloc(1, MANY * 2000);
	received = 0;
	return peer;
}

/* What has come so far. */
static void receive(int peer) {
	ssize_t n;
	while ((n = recv(peer, bytes + received, 4096, MSG_DONTWAIT)) > 0) received += (size_t)n;
}

static enum ipc_error_code take(int fd, char user_type, uint32_t length) {
	struct ipc_message m = {2, user_type, fd, length, pattern(length + 1, (unsigned char)user_type)};
	enum ipc_error_code code = ipc_write_take(&ctx, &m);
	CHECK(code == 0 || m.payload != NULL);
	free(m.payload);
	return code;
}

/* The frame at this place of what has come; returns the next place. */
static size_t check_frame(size_t at, char user_type, uint32_t length) {
	char header[6], *payload = pattern(length + 1, (unsigned char)user_type);
	put_header(header, 2, length, user_type);
	CHECK(received >= at + 6 + length);
	CHECK(memcmp(bytes + at, header, 6) == 0);
	CHECK(memcmp(bytes + at + 6, payload, length) == 0);
	free(payload);
	return at + 6 + length;
}

static void end_quiet(int peer) {
	free(bytes);
	close(peer);
	finish(&ctx, &event);
}

TEST(messages_of_all_sizes_arrive_in_order) {
	static const uint32_t sizes[] = {0, 1, 16, 17, 100, 1094, 1095, 1500, 0, 0, 3, 700, 5000 /* alone */, 8, 1094, 1094, 1094, 1094};
	size_t count_of_sizes = sizeof sizes / sizeof *sizes, at = 0;
	int origin, peer = start_quiet(&origin);
	for (int i = 0; i < MANY; i++) {
		uint32_t length = sizes[(size_t)i % count_of_sizes];
		char *payload = pattern(length + 1, (unsigned char)i);
		if (i % 3 != 0) CHECK_EQUAL(take(origin, (char)i, length), 0);
		else queue(&ctx, origin, (char)i, payload, length);
		free(payload);
		/* Now and then a part of it goes out in between. */
		if (i % 50 == 7) nothing_to_tell(&ctx, &event), receive(peer);
	}
	CHECK_EQUAL(ctx.tx.size, 0);
	while (ipc_flush(&ctx, origin, 0) != 0) receive(peer);
	receive(peer);
	for (int i = 0; i < MANY; i++) at = check_frame(at, (char)i, sizes[(size_t)i % count_of_sizes]);
	CHECK_EQUAL(at, received);
	end_quiet(peer);
}

TEST(each_message_is_counted) {
	int origin, peer = start_quiet(&origin);
	struct ipc_entry entry;
	CHECK_EQUAL(ipc_ctx_limit(&ctx, IPC_LIMIT_QUEUE_MESSAGES, 100), 0);
	for (int i = 0; i < 100; i++) CHECK_EQUAL(take(origin, (char)i, SMALL), 0);
	CHECK_EQUAL(take(origin, 'x', SMALL), IPC_ERROR_WRITE__QUEUE_FULL);
	size_t queued = 100;
	/* The kernel takes a part, again and again: as many messages have room as it has whole. */
	while (queued < MANY) {
		nothing_to_tell(&ctx, &event);
		receive(peer);
		CHECK_OK(ipc_ctx_entry(&ctx, origin, &entry));
		CHECK_EQUAL(entry.pending, queued - received / FRAME);
		size_t room = 100 - (queued - received / FRAME);
		for (; room > 0 && queued < MANY; room--) CHECK_EQUAL(take(origin, (char)queued++, SMALL), 0);
		if (queued < MANY) CHECK_EQUAL(take(origin, 'x', SMALL), IPC_ERROR_WRITE__QUEUE_FULL);
	}
	while (ipc_flush(&ctx, origin, 0) != 0) receive(peer);
	receive(peer);
	size_t at = 0;
	for (size_t i = 0; i < MANY; i++) at = check_frame(at, (char)i, SMALL);
	CHECK_EQUAL(at, received);
	CHECK_OK(ipc_ctx_entry(&ctx, origin, &entry));
	CHECK_EQUAL(entry.pending, 0);
	end_quiet(peer);
}

/* Sends until the kernel has a part of a message of this length, and returns how many messages it has whole; -1: it took
 * all in whole messages. */
static int send_a_part(int origin, int peer, int length) {
	int waiting = 0;
	for (int i = 0; i < MANY; i++) CHECK_EQUAL(take(origin, (char)i, (uint32_t)length), 0);
	for (;;) {
		nothing_to_tell(&ctx, &event);
		CHECK_EQUAL(ioctl(peer, FIONREAD, &waiting), 0);
		int sent = (int)received + waiting;
		if (sent == MANY * (length + 6)) return -1;
		if (sent % (length + 6) != 0) return sent / (length + 6);
		receive(peer);
	}
}

static int drop_a_queue(int length) {
	int origin, peer = start_quiet(&origin), whole = send_a_part(origin, peer, length);
	if (whole < 0) return end_quiet(peer), 0;
	struct ipc_message m = message_of(origin, 'n', "new", 3);
	CHECK_OK(ipc_del_fd(&ctx, origin));
	pid_t child = fork_process();
	if (child == 0) {
		size_t at = 0;
		CHECK(close(origin) == 0);
		received += read_bytes(peer, bytes + received, MANY * 2000 - received);
		for (int i = 0; i <= whole; i++) at = check_frame(at, (char)i, (uint32_t)length);
		put_header(bytes, 2, 3, 'n');
		CHECK(received == at + 9 && memcmp(bytes + at, bytes, 6) == 0 && memcmp(bytes + at + 6, "new", 3) == 0);
		_exit(0);
	}
	CHECK_OK(ipc_write_fd(origin, &m));
	CHECK(shutdown(origin, SHUT_WR) == 0);
	await_process(child);
	CHECK_OK(usock_close(origin));
	end_quiet(peer);
	return 1;
}

/* Of several lengths, because the begun message may be the last one in its block. */
TEST(of_a_dropped_queue_the_begun_message_is_finished) {
	static const int lengths[] = {500, 100, 333, 64, 1000};
	int tried = 0;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) tried += drop_a_queue(lengths[i]);
	CHECK(tried > 1);
}

static int calls;
static enum ipccb write_one(int fd, struct ipc_message *m) {
	(void)fd;
	char *payload = pattern(m->length + 1, (unsigned char)m->user_type);
	CHECK(m->length == SMALL && memcmp(m->payload, payload, SMALL) == 0);
	CHECK_EQUAL(m->user_type, (char)('a' + calls));
	free(payload);
	calls++;
	return IPC_CB_NO_ERROR;
}

TEST(a_callback_gets_them_one_by_one) {
	int near[2], far[2];
	make_switched(&ctx, near, far, 2);
	CHECK_EQUAL(ipc_ctx_quiet(&ctx, IPC_QUIET_TX), 0);
	for (int i = 0; i < 20; i++) CHECK_EQUAL(take(near[0], (char)('a' + i), SMALL), 0);
	ipc_switching_callbacks(&ctx, near[0], NULL, write_one);
	calls = 0;
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(calls, 20);
	for (int i = 0; i < 2; i++) close(far[i]);
	finish(&ctx, &event);
}

TEST(a_forked_child_sends_none_of_them) {
	int origin, peer = start_quiet(&origin);
	for (int i = 0; i < 20; i++) CHECK_EQUAL(take(origin, (char)i, SMALL), 0);
	pid_t child = fork_process();
	if (child == 0) {
		ipc_ctx_free(&ctx);
		_exit(0);
	}
	await_process(child);
	CHECK(!is_readable(peer));
	while (ipc_flush(&ctx, origin, 0) != 0) receive(peer);
	receive(peer);
	CHECK_EQUAL(received, 20 * FRAME);
	end_quiet(peer);
}

/* ---- memory that goes round ---- */

TEST(payloads_of_the_program_may_be_exactly_as_long_as_their_message) {
	int origin, peer = start_quiet(&origin);
	for (uint32_t length = 1; length < 200; length += 3) {
		char header[6];
		for (int i = 0; i < 5; i++) {
			struct ipc_message m = {2, 'e', origin, length, malloc(length)};
			memset(m.payload, 'p', length);
			CHECK_EQUAL(ipc_write_take(&ctx, &m), 0);
			put_header(header, 2, length, 'q');
			write_bytes(peer, header, 6);
			write_bytes(peer, bytes, length);
		}
		/* Their memory comes back as that of messages, with a NUL behind. */
		for (int got = 0; got < 5; got += (int)count) {
			CHECK_EQUAL(batch_code(ROOM), 0);
			for (size_t i = 0; i < count; i++) {
				struct ipc_message *m = events[i].m;
				CHECK(events[i].type == IPC_EVENT_TYPE_MESSAGE && m->length == length && m->payload[length] == 0);
			}
		}
		receive(peer);
		CHECK_EQUAL(received, 5 * (6 + length));
		received = 0;
		memset(bytes, 0, 4096);
	}
	for (int i = 0; i < ROOM; i++) IPC_EVENT_CLEAN(&events[i]);
	end_quiet(peer);
}

TEST(an_array_is_cleared_as_far_as_the_last_batch_came) {
	int origin, peer = start_quiet(&origin);
	for (int wanted = 40; wanted > 0; wanted -= 13) {
		for (int i = 0; i < wanted; i++) write_frame(peer, 'm', "message", 7);
		batch(ROOM, (size_t)wanted);
	}
	/* Then a larger one again, then single calls in between, then another array, and the first one. */
	for (int i = 0; i < 64; i++) write_frame(peer, 'm', "message", 7);
	batch(ROOM, 64);
	write_frame(peer, 's', "single", 6);
	next_message(&ctx, &event, origin, 's', "single", 6);
	static struct ipc_event other[8];
	int timer = 0;
	for (int i = 0; i < 5; i++) write_frame(peer, 'o', "other", 5);
	CHECK_EQUAL(ipc_wait_events(&ctx, other, 8, &count, &timer), 0);
	CHECK_EQUAL(count, 5);
	write_frame(peer, 'l', "last", 4);
	batch(ROOM, 1);
	for (int i = 0; i < ROOM; i++) IPC_EVENT_CLEAN(&events[i]);
	for (int i = 0; i < 8; i++) IPC_EVENT_CLEAN(&other[i]);
	end_quiet(peer);
}

/* Contexts may share an array, and a program may clear what it has handled, or use a part of the array. */
TEST(what_is_behind_a_batch_is_empty_whoever_filled_it) {
	struct ipc_ctx second = {0};
	int origin, peer = start_quiet(&origin), joined, timer = 0;
	CHECK_OK(ipc_server_init(&second, "second"));
	int other = join(&second, &event, "second", &joined);
	for (int round = 0; round < 6; round++) {
		for (int i = 0; i < 20; i++) write_frame(peer, 'm', "message", 7);
		write_frame(other, 'o', "other", 5);
		batch(ROOM, 20);
		for (int i = 0; i < 20; i++)
			if (round % 3 == 1 && i % 2 == 0) IPC_EVENT_CLEAN(&events[i]);
		if (round % 3 == 2) {
			write_frame(peer, 'm', "message", 7);
			batch(5, 1);
			CHECK(events[5].m != NULL);
			write_frame(peer, 'm', "message", 7);
			batch(ROOM, 1);
		}
		CHECK_EQUAL(ipc_wait_events(&second, events, ROOM, &count, &timer), 0);
		check_batch(0, ROOM);
		CHECK_EQUAL(count, 1);
	}
	for (int i = 0; i < ROOM; i++) IPC_EVENT_CLEAN(&events[i]);
	close(other);
	finish(&second, &event);
	end_quiet(peer);
}

/* ---- a block of which the kernel has a part ---- */

/* In all ways a queue can end, and at whatever byte the kernel has stopped. */
static void end_in_the_middle(int way, uint32_t length, int messages) {
	int ends[2], size = 1, timer = 0;
	struct ipc_ctx service = {0};
	make_pair(ends);
	CHECK(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
	CHECK_OK(ipc_add_fd(&service, ends[0]));
	CHECK_EQUAL(ipc_ctx_fd_type(&service, ends[0], IPC_CONNECTION_TYPE_IPC), 0);
	CHECK_EQUAL(ipc_ctx_quiet(&service, IPC_QUIET_TX), 0);
	for (int i = 0; i < messages; i++) {
		char *payload = pattern(length, 1);
		queue(&service, ends[0], 'm', payload, length);
		free(payload);
	}
	nothing_to_tell(&service, &event);
	int is_open = 1;
	switch (way) {
	case 0:
		close(ends[1]);
		ends[1] = -1;
		/* The peer has left with bytes unread: an end, or an error. */
		do {
			timer = -1;
			CHECK_OK(ipc_wait_event(&service, &event, &timer));
		} while (event.type != IPC_EVENT_TYPE_DISCONNECTION && event.type != IPC_EVENT_TYPE_ERROR);
		is_open = 0;
		break;
	case 1:
		CHECK_OK(ipc_close(&service, 0));
		is_open = 0;
		break;
	case 2: CHECK_OK(ipc_del(&service, 0)); break;
	case 3:
		CHECK_OK(ipc_close_all(&service));
		is_open = 0;
		break;
	default: break;
	}
	ipc_ctx_free(&service);
	IPC_EVENT_CLEAN(&event);
	if (is_open) CHECK_OK(usock_close(ends[0]));
	if (ends[1] >= 0) close(ends[1]);
}

TEST(a_queue_ends_in_the_middle_of_a_block) {
	for (int way = 0; way < 5; way++)
		for (uint32_t length = 10; length < 600; length += 58)
			for (int messages = 8; messages <= 200; messages *= 5) end_in_the_middle(way, length, messages);
}

TEST(a_callback_leaves_no_empty_block_behind) {
	int near[2], far[2];
	make_switched(&ctx, near, far, 2);
	CHECK_EQUAL(ipc_ctx_quiet(&ctx, IPC_QUIET_TX), 0);
	ipc_switching_callbacks(&ctx, near[0], NULL, write_one);
	for (int round = 0; round < 5; round++) {
		calls = 0;
		for (int i = 0; i < 20; i++) CHECK_EQUAL(take(near[0], (char)('a' + i), SMALL), 0);
		nothing_to_tell(&ctx, &event);
		CHECK_EQUAL(calls, 20);
		struct ipc_entry entry;
		CHECK_OK(ipc_ctx_entry(&ctx, near[0], &entry));
		CHECK_EQUAL(entry.pending, 0);
	}
	for (int i = 0; i < 2; i++) close(far[i]);
	finish(&ctx, &event);
}

/* In a context that sends at once: the number is another file's when the rest would go. */
TEST(the_rest_of_a_message_goes_to_no_other_file) {
	int ends[2], others[2], size = 1;
	char *payload = pattern(8000, 5);
	make_pair(ends);
	CHECK(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[0], IPC_CONNECTION_TYPE_IPC), 0);
	CHECK_EQUAL(ipc_ctx_quiet(&ctx, IPC_QUIET_TX), 0);
	(void)ipc_ctx_fd(&ctx); /* an error with poll(2): then the frame waits */
	queue(&ctx, ends[0], 'o', payload, 8000);
	nothing_to_tell(&ctx, &event);
	int number = ends[0];
	close(ends[0]), close(ends[1]);
	make_pair(others);
	CHECK(dup2(others[0], number) == number);
	if (others[0] != number) close(others[0]);
	struct ipc_message m = message_of(number, 'n', "new", 3);
	CHECK_OK(ipc_write_fd(number, &m));
	nothing_to_tell(&ctx, &event);
	read_frame(others[1], 'n', "new", 3);
	CHECK(!is_readable(others[1]));
	free(payload);
	CHECK_OK(ipc_del_fd(&ctx, number));
	ipc_ctx_free(&ctx);
	close(number), close(others[1]);
}
