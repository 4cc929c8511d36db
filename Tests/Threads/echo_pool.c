/*
 * echo_pool.c - an echo service with 1, 2, 4 and 8 waiters on one context and 64 clients: no message is lost, doubled or
 * reordered within a connection, and no connection is handled by two threads at once. THREADS_MESSAGES in all, a quarter
 * of them in each of these four tests; the other ones take a tenth of that.
 */
#include "service.h"

enum { CLIENTS = 64, CLIENT_THREADS = 2 };

static struct client clients[CLIENTS];
static struct client_thread threads[CLIENT_THREADS];

/* A client's part of the messages. */
static long part_of(int client, long messages, int lives) {
	long part = messages / CLIENTS + (client < messages % CLIENTS);
	return part / lives > 0 ? part / lives : 1;
}

static void echo(const char *test, int waiters, enum answering answering, long messages, int lives) {
	long wanted = 0;
	make_fillings(take_seed(test));
	start_service("echo", waiters, answering);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){.number = (uint32_t)i, .partner = (uint32_t)i, .lives = lives};
		clients[i].wanted = part_of(i, messages, lives);
		wanted += clients[i].wanted * lives;
		start_life(&clients[i], raw_connect("echo"));
	}
	/* all are there before the first one leaves: no number comes again, unless clients have several lives */
	await(&service.connected, CLIENTS);
	begin_clients(threads, CLIENT_THREADS, clients, CLIENTS, "echo");
	CHECK_EQUAL(end_clients(threads, CLIENT_THREADS), wanted);
	await(&service.disconnected, (long)CLIENTS * lives);
	stop_waiters();
	CHECK_EQUAL(given_until_now(&service.connected), CLIENTS * lives);
	CHECK_EQUAL(given_until_now(&service.disconnected), CLIENTS * lives);
	CHECK_EQUAL(service.messages, wanted);
	CHECK_EQUAL(service.sent, answering == DIRECT || answering == QUIET ? 0 : wanted);
	for (int fd = 0; fd < MOST_DESCRIPTORS; fd++) CHECK(!connections[fd].is_known && !is_set(&connections[fd].is_held));
	end_service();
	free(fillings);
}

static long quarter(void) { return number_from("THREADS_MESSAGES", 1000000) / 4; }

TEST(echo_with_1_waiter) { echo(__func__, 1, QUEUED, quarter(), 1); }
TEST(echo_with_2_waiters) { echo(__func__, 2, QUEUED, quarter(), 1); }
TEST(echo_with_4_waiters) { echo(__func__, 4, QUEUED, quarter(), 1); }
TEST(echo_with_8_waiters) { echo(__func__, 8, QUEUED, quarter(), 1); }
TEST(echo_by_ipc_write_fd) { echo(__func__, 4, DIRECT, quarter() / 10, 1); }
TEST(echo_with_an_early_release) { echo(__func__, 4, RELEASED_EARLY, quarter() / 10, 1); }

TEST(echo_in_batches_with_1_waiter) { echo(__func__, 1, IN_BATCHES, quarter() / 4, 1); }
TEST(echo_in_batches_with_4_waiters) { echo(__func__, 4, IN_BATCHES, quarter() / 4, 1); }
TEST(echo_in_batches_with_8_waiters_that_are_told_no_tx) { echo(__func__, 8, QUIET, quarter() / 4, 1); }
TEST(echo_in_batches_to_clients_that_come_and_go) { echo(__func__, 4, IN_BATCHES, quarter() / 10, 8); }

/* A descriptor's number comes again as soon as a client has left; what a handler keeps by that number is still its own
 * until its next wait. */
TEST(echo_to_clients_that_come_and_go) { echo(__func__, 4, QUEUED, quarter() / 10, 8); }
