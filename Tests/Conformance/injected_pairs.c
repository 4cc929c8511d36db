/*
 * injected_pairs.c - two failures in a row, wherever they meet: what a call does to recover from the first may fail as well,
 * and still nothing is lost or forgotten. One conversation, large messages included, is repeated with every pair.
 */
#include "peers.h"
#include "quiet.h"

static struct ipc_ctx service, client;
static char *large;
enum { LARGE = 700000, ATTEMPTS = 8, MESSAGES = 4 };

/* Two failures were ordered: sooner or later the call works. */
static int attempts;
#define PERSIST(call)                                                                                                         \
	do {                                                                                                                  \
		struct ipc_error persist_ = ARMED(FULL, call);                                                                \
		for (attempts = 1; persist_.error_code != 0 && attempts < ATTEMPTS; attempts++) persist_ = ARMED(FULL, call); \
		if (persist_.error_code != 0) FAIL("%s: %.200s", #call, persist_.error_message);                              \
	} while (0)

static struct ipc_message message(int number, int fd) {
	return message_of(fd, (char)number, large, number % 2 ? LARGE - (uint32_t)number : 10 + (uint32_t)number);
}

static void check_message(const struct ipc_message *m, int number) {
	struct ipc_message wanted = message(number, 0);
	CHECK_EQUAL(m->user_type, wanted.user_type);
	CHECK_EQUAL(m->length, wanted.length);
	CHECK(memcmp(m->payload, wanted.payload, m->length) == 0);
}

/* Lets both sides work until the client has its echoes; then none of the two has anything left to do. */
static void exchange(int fd) {
	struct ipc_event event = {0};
	int received = 0, echoed = 0, sent[2] = {0};
	for (int round = 0; received < MESSAGES || sent[0] < MESSAGES || sent[1] < MESSAGES; round++) {
		if (round == 3000) {
			FAIL("stuck: %d echoed, %d received, %d and %d sent, %zu entries in the service", echoed, received, sent[0],
			    sent[1], service.size);
		}
		int side = round % 2, timer = round < 2000 ? 0 : 5;
		struct ipc_error e = ARMED(FULL, ipc_wait_event(side ? &client : &service, &event, &timer));
		if (e.error_code != 0) {
			CHECK(is_passing(e));
			continue;
		}
		if (event.type == IPC_EVENT_TYPE_TX) sent[side]++;
		CHECK(event.type != IPC_EVENT_TYPE_ERROR);
		CHECK(side == 0 || event.type != IPC_EVENT_TYPE_DISCONNECTION); /* a connection that failed to be made may go */
		if (event.type != IPC_EVENT_TYPE_MESSAGE) continue;
		if (side == 1) {
			CHECK_EQUAL(event.origin, fd);
			check_message(event.m, received++);
			continue;
		}
		check_message(event.m, echoed++);
		PERSIST(ipc_write(&service, event.m));
	}
	IPC_EVENT_CLEAN(&event);
	CHECK_EQUAL(echoed, MESSAGES);
}

static void conversation(void) {
	int fd = -1, descriptors = count_descriptors();
	PERSIST(ipc_server_init(&service, "pairs"));
	PERSIST(ipc_connection(&client, "pairs", &fd));
	CHECK(service.size == 1 && client.size == 1);
	for (int i = 0; i < MESSAGES; i++) {
		struct ipc_message m = message(i, fd);
		PERSIST(ipc_write(&client, &m));
	}
	exchange(fd);
	PERSIST(ipc_close_all(&client));
	PERSIST(ipc_close_all(&service));
	ipc_ctx_free(&client);
	ipc_ctx_free(&service);
	CHECK_EQUAL(count_descriptors(), descriptors);
}

/* The n-th call of the one kind fails, and of the other kind each in turn, until there is none more. */
static void fail_pairs(const char *one, int failure, long most, const char *other, int other_failure) {
	for (long n = 1; n <= most; n++) {
		for (long k = 1; k < 500; k++) {
			inject_clear();
			inject_rule(one, failure, 0, n, 1);
			inject_rule(other, other_failure, 0, k, 1);
			conversation();
			if (inject_failures() < 2) break;
		}
	}
}

static void begin_pairs(void) {
	begin();
	large = pattern(LARGE, 9);
}

TEST(accepting_fails_and_then_the_watching) {
	static const int failures[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS};
	begin_pairs();
	for (int i = 0; i < 4; i++) fail_pairs("accepting", failures[i], 1, "watching", ENOMEM);
	free(large);
}

TEST(accepting_fails_and_then_the_memory) {
	begin_pairs();
	fail_pairs("accepting", EMFILE, 1, "memory", ENOMEM);
	free(large);
}

TEST(sending_stops_and_then_the_watching_or_the_memory_fails) {
	static const int failures[] = {SHORT, EAGAIN, ENOBUFS};
	begin_pairs();
	for (int i = 0; i < 3; i++) {
		fail_pairs("out", failures[i], 6, "watching", ENOMEM);
		fail_pairs("out", failures[i], 2, "memory", ENOMEM);
	}
	free(large);
}

TEST(receiving_stops_and_then_the_watching_or_the_memory_fails) {
	static const int failures[] = {SHORT, EAGAIN, ENOMEM};
	begin_pairs();
	for (int i = 0; i < 3; i++) {
		fail_pairs("in", failures[i], 6, "watching", ENOMEM);
		fail_pairs("in", failures[i], 2, "memory", ENOMEM);
	}
	free(large);
}

TEST(watching_fails_twice) {
	begin_pairs();
	fail_pairs("watching", ENOMEM, 12, "epoll_ctl", ENOMEM);
	fail_pairs("waiting", EINTR, 4, "watching", ENOMEM);
	free(large);
}

TEST(memory_fails_twice) {
	begin_pairs();
	for (long n = 1; n < 300; n++) { /* two allocations one after the other */
		inject_clear();
		inject_rule("memory", ENOMEM, 0, n, 2);
		conversation();
		if (inject_failures() == 0) break;
	}
	free(large);
}
