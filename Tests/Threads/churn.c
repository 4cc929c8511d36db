/*
 * churn.c - everything at once: teams that add, delete, tie, retype, write and ask (churn.h), clients that come and go,
 * connections opened and closed from within, and waiters, on the same 1 or 3 contexts, for THREADS_SECONDS. Nothing crashes
 * or hangs, nobody gets what is another's, and in the end nothing is left.
 */
#include "churn.h"

enum { TEAMS = 2, CLIENTS = 2, CONNECTORS = 2, WAITERS = 2 };

static uint64_t seed;
static struct poison poisons[MOST_CONTEXTS];
static struct team teams[TEAMS];
static const char *const names[MOST_CONTEXTS] = {"churn0", "churn1", "churn2"};

static void *wait_here(void *argument) {
	struct ipc_ctx *ctx = argument;
	struct poison *poison = &poisons[ctx - contexts];
	struct ipc_event event = {0};
	while (1) {
		wait_and_handle(ctx, &event, NULL);
		if (is_poisoned(poison, ctx, &event)) break;
		handle(ctx, &event);
	}
	IPC_EVENT_CLEAN(&event);
	return NULL;
}

/* ---- clients from outside ---- */

static void ask_and_listen(int fd, uint64_t *sequence, const char *bytes) {
	struct ipc_message m = {0};
	uint32_t questions = 1 + draw(sequence, 5), start = draw(sequence, 1000);
	for (uint32_t i = 0; i < questions; i++) write_frame(fd, 'q', bytes + start + i, 100 * i);
	for (uint32_t i = 0; i < questions; i++) {
		if (start % 2 == 0) {
			read_frame(fd, 'a', bytes + start + i, 100 * i);
			continue;
		}
		CHECK_OK(ipc_read_fd(fd, &m));
		CHECK(m.user_type == 'a' && m.length == 100 * i && memcmp(m.payload, bytes + start + i, m.length) == 0);
	}
	free(m.payload);
}

/* Leaves in one of several ways: well, in the middle of a frame, without reading an answer, or asked to. */
static void leave(int fd, uint32_t way) {
	char byte;
	if (way == 1) write_bytes(fd, "\2\0\0", 3);
	if (way == 2) write_frame(fd, 'q', "unheard", 7);
	if (way == 3) write_frame(fd, 'x', NULL, 0);
	if (way == 3) CHECK_EQUAL(read_bytes(fd, &byte, 1), 0);
	close(fd);
}

static void *come_and_go(void *argument) {
	uint64_t sequence = mix(seed, (uint64_t)(intptr_t)argument, 3);
	char *bytes = pattern(2000, (unsigned)sequence);
	while (goes_on(&begun, number_from("THREADS_SECONDS", 5))) {
		int fd = raw_connect(names[draw(&sequence, (uint32_t)contexts_count)]);
		ask_and_listen(fd, &sequence, bytes);
		leave(fd, draw(&sequence, 4));
	}
	free(bytes);
	return NULL;
}

/* ---- connections from within: the other end of each is an entry of one of these contexts, too ---- */

static void connect_and_close(struct ipc_ctx *ctx, const char *name, uint64_t *sequence) {
	int fd;
	struct ipc_message m = message_of(0, 'q', "question", 8);
	struct ipc_entry entry;
	CHECK_OK(ipc_connection(ctx, name, &fd));
	m.fd = fd;
	for (uint32_t i = draw(sequence, 3); i > 0; i--) CHECK_OK(ipc_write(ctx, &m));
	if (draw(sequence, 2) == 0) CHECK_OK(ipc_write_fd(fd, &m));
	CHECK_OK(ipc_ctx_entry(ctx, fd, &entry));
	CHECK(entry.fd == fd && entry.type == IPC_CONNECTION_TYPE_IPC && entry.pending <= 2);
	CHECK_OK(ipc_close_fd(ctx, fd));
}

/* A question goes through the pair, and its answer comes back. */
static void connect_switched(struct ipc_ctx *ctx, const char *name) {
	int ends[2], fd;
	make_pair(ends);
	CHECK_OK(ipc_connection_switched(ctx, name, ends[0], &fd));
	write_frame(ends[1], 'q', "question", 8);
	read_frame(ends[1], 'a', "question", 8);
	CHECK_EQUAL(ipc_ctx_switching_del(ctx, fd), ends[0]);
	CHECK_OK(ipc_close_fd(ctx, fd));
	CHECK_OK(ipc_del_fd(ctx, ends[0]));
	close(ends[0]);
	close(ends[1]);
}

static void *connect_within(void *argument) {
	uint64_t sequence = mix(seed, (uint64_t)(intptr_t)argument, 5);
	while (goes_on(&begun, number_from("THREADS_SECONDS", 5))) {
		struct ipc_ctx *ctx = &contexts[draw(&sequence, (uint32_t)contexts_count)];
		const char *name = names[draw(&sequence, (uint32_t)contexts_count)];
		if (draw(&sequence, 3) == 0) connect_switched(ctx, name);
		else connect_and_close(ctx, name, &sequence);
	}
	return NULL;
}

/* ---- the whole ---- */

static void begin_team(struct team *team, uint64_t number) {
	team->seed = mix(seed, number, 11);
	CHECK_EQUAL(pthread_barrier_init(&team->barrier, NULL, MEMBERS), 0);
	for (int i = 0; i < MEMBERS; i++) team->threads[i] = begin(play, team);
}

static void end_team(struct team *team) {
	for (int i = 0; i < MEMBERS; i++) end(team->threads[i]);
	pthread_barrier_destroy(&team->barrier);
}

/* The clients' disconnections may still be there to be told; then only the service is left. */
static void end_context(struct ipc_ctx *ctx) {
	struct ipc_event event = {0};
	size_t entries, messages;
	do {
		int timer = 0;
		CHECK_OK(ipc_wait_event(ctx, &event, &timer));
	} while (event.type != IPC_EVENT_TYPE_TIMER);
	CHECK_OK(ipc_ctx_status(ctx, &entries, &messages));
	CHECK_EQUAL(entries, 1);
	CHECK_EQUAL(messages, 0);
	CHECK_EQUAL(ctx->switchdb.size, 0);
	finish(ctx, &event);
}

static void churn(const char *test, int number) {
	pthread_t waiters[MOST_CONTEXTS * WAITERS], clients[CLIENTS], connectors[CONNECTORS];
	seed = take_seed(test);
	contexts_count = number;
	for (int i = 0; i < number; i++) {
		make_poison(&poisons[i]);
		CHECK_OK(ipc_server_init(&contexts[i], names[i]));
	}
	goes_on(&begun, 1);
	for (int i = 0; i < number * WAITERS; i++) waiters[i] = begin(wait_here, &contexts[i / WAITERS]);
	for (int i = 0; i < TEAMS; i++) begin_team(&teams[i], (uint64_t)i);
	for (int i = 0; i < CLIENTS; i++) clients[i] = begin(come_and_go, (void *)(intptr_t)i);
	for (int i = 0; i < CONNECTORS; i++) connectors[i] = begin(connect_within, (void *)(intptr_t)i);
	for (int i = 0; i < TEAMS; i++) end_team(&teams[i]);
	for (int i = 0; i < CLIENTS; i++) end(clients[i]);
	for (int i = 0; i < CONNECTORS; i++) end(connectors[i]);
	for (int i = 0; i < number; i++) pour(&poisons[i], &contexts[i]);
	for (int i = 0; i < number * WAITERS; i++) end(waiters[i]);
	for (int i = 0; i < number; i++) {
		clear_poison(&poisons[i], &contexts[i]);
		end_context(&contexts[i]);
	}
}

TEST(everything_at_once_on_1_context) { churn(__func__, 1); }
TEST(everything_at_once_on_3_contexts) { churn(__func__, 3); }
