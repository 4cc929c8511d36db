/*
 * contexts.c - contexts do not disturb one another: threads make, use and free contexts of their own at the same time, so
 * that one closes a descriptor at the moment in which another one is given its number. THREADS_SECONDS long.
 */
#include "crew.h"

enum { THREADS = 4, CLIENTS = 3, MOST_MESSAGES = 20 };

static uint64_t seed;
static struct timespec begun;
static char *bytes;
static atomic_long lives;

struct life {
	char name[24];
	uint64_t sequence;
	struct ipc_ctx *service, *clients;
	int fds[CLIENTS]; /* of the clients */
	uint32_t asked[CLIENTS], answered[CLIENTS];
};

static uint32_t length_of(uint32_t client, uint32_t number) { return 1 + (client * 7919 + number * 104729) % 3000; }

static void ask(struct life *life, uint32_t client) {
	uint32_t number = life->asked[client]++;
	struct ipc_message m = message_of(life->fds[client], (char)number, bytes + client, length_of(client, number));
	if (draw(&life->sequence, 2) == 0) CHECK_OK(ipc_write(life->clients, &m));
	else CHECK_OK(ipc_write_fd(m.fd, &m));
}

/* What the service is asked it answers with the same. */
static void serve_what_is_there(struct life *life) {
	struct ipc_event event = {0};
	int timer = 0;
	do {
		CHECK_OK(ipc_wait_event(life->service, &event, &timer));
		CHECK(event.type != IPC_EVENT_TYPE_ERROR && event.type != IPC_EVENT_TYPE_DISCONNECTION);
		if (event.type != IPC_EVENT_TYPE_MESSAGE) continue;
		if (draw(&life->sequence, 2) == 0) CHECK_OK(ipc_write(life->service, event.m));
		else CHECK_OK(ipc_write_fd(event.origin, event.m));
	} while (event.type != IPC_EVENT_TYPE_TIMER);
}

static void check_answers_that_are_there(struct life *life) {
	struct ipc_event event = {0};
	int timer = 0;
	do {
		CHECK_OK(ipc_wait_event(life->clients, &event, &timer));
		CHECK(event.type != IPC_EVENT_TYPE_ERROR && event.type != IPC_EVENT_TYPE_DISCONNECTION);
		if (event.type != IPC_EVENT_TYPE_MESSAGE) continue;
		uint32_t client = 0;
		while (client < CLIENTS && life->fds[client] != event.origin) client++;
		CHECK(client < CLIENTS);
		uint32_t number = life->answered[client]++;
		check_message_event(&event, -1, (char)number, bytes + client, length_of(client, number));
	} while (event.type != IPC_EVENT_TYPE_TIMER);
}

static void talk(struct life *life) {
	long left = CLIENTS * (1 + draw(&life->sequence, MOST_MESSAGES)), answers = 0, asked = 0;
	while (answers < left) {
		if (asked < left) ask(life, (uint32_t)(asked++ % CLIENTS));
		serve_what_is_there(life);
		check_answers_that_are_there(life);
		answers = 0;
		for (int i = 0; i < CLIENTS; i++) answers += life->answered[i];
	}
}

/* Two ways to the same end. Everything of both contexts is closed, the entries of one by their descriptors. */
static void end_contexts(struct life *life) {
	struct ipc_ctx *both[2] = {life->service, life->clients};
	for (int i = 0; i < 2; i++) {
		struct ipc_entry *entries;
		size_t number;
		CHECK_OK(ipc_ctx_entries(both[i], &entries, &number));
		CHECK_EQUAL(number, i == 0 ? 1 + CLIENTS : CLIENTS);
		if (draw(&life->sequence, 2) == 0) {
			for (size_t n = 0; n < number; n++) CHECK_OK(ipc_close_fd(both[i], entries[n].fd));
		} else {
			CHECK_OK(ipc_close_all(both[i]));
		}
		free(entries);
		ipc_ctx_free(both[i]);
		free(both[i]);
	}
}

/* Other threads use the library: whether the waiter is inside already cannot be seen. Had it not been when the context
 * was freed, it would wait on an empty one: so that is freed until it is back. */
static void free_under_a_waiter(struct life *life) {
	struct ipc_ctx *ctx = NULL;
	struct wait waiting;
	int ends[2];
	CHECK_OK(ipc_ctx_init(&ctx));
	make_pair(ends);
	CHECK_OK(ipc_add_fd(ctx, ends[0]));
	begin_wait(&waiting, ctx, -1);
	if (draw(&life->sequence, 2) == 0) CHECK_OK(ipc_del_fd(ctx, ends[0]));
	while (!is_set(&waiting.is_over)) {
		ipc_ctx_free(ctx);
		sched_yield();
	}
	end_wait(&waiting, IPC_ERROR_WAIT_EVENT__CONTEXT_FREED, IPC_EVENT_TYPE_NOT_SET, -1);
	free(ctx);
	close(ends[0]);
	close(ends[1]);
}

static void *live_again_and_again(void *argument) {
	int thread = (int)(intptr_t)argument;
	struct life life = {.sequence = mix(seed, (uint64_t)thread, 1)};
	for (int i = 0; i == 0 || goes_on(&begun, number_from("THREADS_SECONDS", 5)); i++) {
		snprintf(life.name, sizeof life.name, "life-%d-%d", thread, i % 10);
		memset(life.asked, 0, sizeof life.asked);
		memset(life.answered, 0, sizeof life.answered);
		life.service = life.clients = NULL;
		CHECK_OK(ipc_ctx_init(&life.service));
		CHECK_OK(ipc_ctx_init(&life.clients));
		CHECK_OK(ipc_server_init(life.service, life.name));
		for (int k = 0; k < CLIENTS; k++) CHECK_OK(ipc_connection(life.clients, life.name, &life.fds[k]));
		talk(&life);
		end_contexts(&life);
		CHECK(access(address_of(life.name).sun_path, F_OK) != 0);
		if (draw(&life.sequence, 8) == 0) free_under_a_waiter(&life);
		count(&lives);
	}
	return NULL;
}

TEST(contexts_made_used_and_freed_by_four_threads) {
	pthread_t threads[THREADS];
	seed = take_seed(__func__);
	bytes = pattern(8192, (unsigned)seed);
	goes_on(&begun, 1);
	for (int i = 0; i < THREADS; i++) threads[i] = begin(live_again_and_again, (void *)(intptr_t)i);
	for (int i = 0; i < THREADS; i++) end(threads[i]);
	CHECK(lives >= THREADS);
	free(bytes);
}

/* A context is handed from thread to thread, with a lock of the program's own that has nothing to do with it. */
static struct ipc_ctx handed;
static struct signal turn = SIGNAL;

static void *take_turns(void *argument) {
	int thread = (int)(intptr_t)argument;
	struct ipc_event event = {0};
	for (int i = 0; i < 50; i++) {
		await(&turn, i * THREADS + thread);
		int ends[2];
		make_pair(ends);
		CHECK_OK(ipc_add_fd(&handed, ends[0]));
		write_bytes(ends[1], "x", 1);
		next(&handed, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
		CHECK_EQUAL(event.origin, ends[0]);
		CHECK_OK(ipc_del_fd(&handed, ends[0]));
		close(ends[0]);
		close(ends[1]);
		give(&turn);
	}
	return NULL;
}

TEST(a_context_handed_from_thread_to_thread) {
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++) threads[i] = begin(take_turns, (void *)(intptr_t)i);
	for (int i = 0; i < THREADS; i++) end(threads[i]);
	ipc_ctx_free(&handed);
}
