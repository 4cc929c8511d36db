/*
 * forwarding.c - ipc_write_take with messages of events: back to the sender, to others, into other contexts, and into pairs; what is
 * dropped is freed (valgrind tells).
 */
#include "batches.h"

static struct ipc_ctx second;
static struct ipc_event other_event;

enum { LARGE = 300000 };

static void forward(struct ipc_ctx *to, struct ipc_message *m, int fd) {
	m->fd = fd;
	CHECK_EQUAL(ipc_write_take(to, m), 0);
	CHECK(m->payload == NULL && m->length == 0);
}

TEST(messages_of_single_events_and_of_batches_go_on_without_a_copy) {
	static const uint32_t sizes[] = {0, 1, 4096, 4097, 65535, 65536, 70000, 100000};
	int origins[2], peers[2], timer;
	char *payload = pattern(100000, 4);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < 2; i++) peers[i] = join(&ctx, &event, "pong", &origins[i]);
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			write_frame(peers[0], 'm', payload, sizes[i]);
			next_message(&ctx, &event, origins[0], 'm', payload, sizes[i]);
			const char *before = ((struct ipc_message *)event.m)->payload;
			forward(&ctx, event.m, origins[round % 2]);
			/* Large ones stay where they are in memory. */
			if (sizes[i] > 4096) CHECK(ctx.tx.size == 0 || ctx.tx.messages[0].payload == before);
			next(&ctx, &event, IPC_EVENT_TYPE_TX);
			read_frame(peers[round % 2], 'm', payload, sizes[i]);
		}
		for (int i = 0; i < 30; i++) write_frame(peers[0], (char)i, payload, sizes[i % 4]);
		for (int heard = 0; heard < 30;) {
			timer = -1;
			CHECK_EQUAL(ipc_wait_events(&ctx, events, 8, &count, &timer), 0);
			for (size_t i = 0; i < count; i++)
				if (events[i].type == IPC_EVENT_TYPE_MESSAGE) forward(&ctx, events[i].m, origins[1]), heard++;
		}
		do CHECK_EQUAL(batch_code(8), 0);
		while (events[0].type != IPC_EVENT_TYPE_TIMER);
		for (int i = 0; i < 30; i++) read_frame(peers[1], (char)i, payload, sizes[i % 4]);
	}
	free(payload);
	close(peers[0]), close(peers[1]);
	end();
}

TEST(a_message_goes_on_through_another_context) {
	static char *payload, got[FRAME_SIZE(LARGE)];
	payload = pattern(LARGE, 5);
	int ends[2], origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&second, ends[0]));
	for (int size = 10; size <= LARGE; size += LARGE - 10) {
		for (int i = 0; i < 3; i++) {
			struct ipc_message m = message_of(-1, 'm', payload, (uint32_t)size);
			pid_t child = fork_process();
			if (child == 0) write_frame(peer, 'm', payload, m.length), _exit(0);
			next_message(&ctx, &event, origin, 'm', payload, m.length);
			forward(&second, event.m, ends[0]);
			for (size_t have = 0; have < FRAME_SIZE(size);) {
				int timer = 0;
				CHECK_OK(ipc_wait_event(&second, &other_event, &timer));
				ssize_t n = recv(ends[1], got + have, FRAME_SIZE(size) - have, MSG_DONTWAIT);
				if (n > 0) have += (size_t)n;
			}
			CHECK(memcmp(got + IPC_HEADER_SIZE, payload, (size_t)size) == 0);
			await_process(child);
		}
	}
	IPC_EVENT_CLEAN(&other_event);
	ipc_ctx_free(&second);
	free(payload);
	close(ends[0]), close(ends[1]), close(peer);
	end();
}

/* ---- what is never sent ---- */

TEST(what_was_taken_and_is_dropped_is_freed) {
	for (int way = 0; way < 6; way++) {
		int origin;
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		int peer = join(&ctx, &event, "pong", &origin), server = ctx.pollfd[0].fd;
		for (int i = 0; i < 6; i++) {
			struct ipc_message m = message_of(origin, 'm', pattern(LARGE, 1), i % 2 ? LARGE : 10);
			CHECK_EQUAL(ipc_write_take(&ctx, &m), 0);
			while (i == 3 && way != 4) {
				CHECK_OK(ipc_wait_event(&ctx, &event, &(int){0}));
				if (event.type == IPC_EVENT_TYPE_TIMER) break;
			}
			if (i == 3 && way == 5) break;
		}
		if (way == 0) CHECK_OK(ipc_close_fd(&ctx, origin));
		if (way == 1) CHECK_OK(ipc_del_fd(&ctx, origin)), close(origin);
		if (way == 2) CHECK_OK(ipc_close_all(&ctx));
		if (way == 3) ipc_ctx_free(&ctx), close(origin), close(server);
		close(peer);
		while (way >= 4 && event.type != IPC_EVENT_TYPE_DISCONNECTION) CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
		end();
		unlink(address_of("pong").sun_path);
	}
}

/* It may read the payload, and frees nothing. */
static int written;
static enum ipccb count_out(int fd, struct ipc_message *m) {
	(void)fd;
	for (uint32_t i = 0; i < m->length; i += 999) CHECK(m->payload[i] == (char)m->user_type);
	written++;
	return IPC_CB_NO_ERROR;
}
TEST(a_callback_is_given_what_was_taken) {
	int near[2], far[2];
	make_switched(&ctx, near, far, 2);
	ipc_switching_callbacks(&ctx, near[1], NULL, count_out);
	for (int i = 0; i < 10; i++) {
		struct ipc_message m = message_of(near[1], (char)i, malloc(LARGE), i % 2 ? LARGE : 10);
		memset(m.payload, i, LARGE);
		CHECK_EQUAL(ipc_write_take(&ctx, &m), 0);
	}
	for (int told = 0; told < 10; told++) ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(written, 10);
	for (int i = 0; i < 2; i++) close(near[i]), close(far[i]);
	end();
}

/* EXTERNAL descriptors take it, too. */
TEST(an_external_descriptor_gets_frames_that_were_taken) {
	int ends[2];
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	struct ipc_message m = message_of(ends[0], 'e', strdup("external"), 8);
	CHECK_EQUAL(ipc_write_take(&ctx, &m), 0);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(ends[1], 'e', "external", 8);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
	close(ends[0]), close(ends[1]);
}
