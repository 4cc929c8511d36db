/*
 * threads_accepting_closed.c - a thread waits for a client in ipc_accept_add or usock_accept when another one closes the listener: the
 * wait ends with an error. Until then no other file gets the number. Who else has the listener goes on.
 */
#include "accepting.h"

static struct acceptance second;

static void ignore(int number) { (void)number; }

enum closing { CLOSE_FD, CLOSE, CLOSE_ALL, USOCK_CLOSE };

static void close_listener(enum closing closing) {
	switch (closing) {
	case CLOSE_FD: CHECK_OK(ipc_close_fd(&ctx, listener)); break;
	case CLOSE: CHECK_OK(ipc_close(&ctx, 0)); break;
	case CLOSE_ALL: CHECK_OK(ipc_close_all(&ctx)); break;
	default: CHECK_OK(usock_close(listener)); break;
	}
}
static void has_failed(pthread_t thread, const struct acceptance *result) {
	CHECK_EQUAL(end_accepting(thread, result), IPC_ERROR_USOCK_ACCEPT);
	CHECK(result->client == -1 && result->event.type == IPC_EVENT_TYPE_NOT_SET);
}
static void end_listening(void) {
	ipc_ctx_free(&ctx);
	unlink(address_of("first").sun_path);
}

static void ends_when_closed(enum closing closing) {
	start_listening(closing != USOCK_CLOSE);
	pthread_t thread = begin_accepting(&accepted);
	close_listener(closing);
	has_failed(thread, &accepted);
	CHECK(!is_open(listener));
	end_listening();
}

/* The thread is just before poll(2) when the listener is closed and other files get the numbers that are free. The copy of the
 * listener is another process's, for whom a client comes. */
static void accepts_from_no_other(enum closing closing) {
	start_listening(closing != USOCK_CLOSE);
	int copy = dup(listener);
	set(&is_held, 1);
	pthread_t thread = begin_accepting(&accepted);
	int peer = raw_connect("first");
	close_listener(closing);
	int next = raw_listen("next"), guest = raw_connect("next");
	CHECK(next != listener && guest != listener && is_open(listener));
	set(&is_held, 0);
	has_failed(thread, &accepted);
	CHECK(!is_open(listener) && is_readable(next));
	int served = accept(copy, NULL, NULL);
	CHECK(served >= 0);
	close(served);
	close(peer);
	close(copy);
	close(next);
	close(guest);
	unlink(address_of("next").sun_path);
	end_listening();
}

static void closed_in_ways(void (*check)(enum closing closing)) {
	for (by_usock = 0; by_usock < 2; by_usock++)
		for (enum closing closing = CLOSE_FD; closing <= CLOSE_ALL; closing++) check(closing);
}
static void closed_by_hand(void (*check)(enum closing closing)) {
	by_usock = 1;
	check(USOCK_CLOSE);
}
TEST(accepting_ends_with_an_error_when_another_thread_closes_the_entry) { closed_in_ways(ends_when_closed); }
TEST(accepting_ends_with_an_error_when_another_thread_calls_usock_close) { closed_by_hand(ends_when_closed); }
TEST(accepting_on_a_closed_entry_takes_no_client_of_its_numbers_next_owner_or_of_a_sharer) { closed_in_ways(accepts_from_no_other); }
TEST(accepting_after_usock_close_takes_no_client_of_its_numbers_next_owner_or_of_a_sharer) { closed_by_hand(accepts_from_no_other); }
TEST(accepting_on_a_listener_of_the_program_ends_in_the_same_way) {
	is_of_program = 1;
	closed_in_ways(ends_when_closed);
	closed_by_hand(ends_when_closed);
	closed_in_ways(accepts_from_no_other);
	closed_by_hand(accepts_from_no_other);
}

/* Its handler has no SA_RESTART: the thread waits in accept(2). */
TEST(accepting_on_a_listener_of_the_program_takes_no_client_of_its_numbers_next_owner_where_a_handler_may_end_it) {
	struct sigaction action = {.sa_handler = ignore};
	CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
	is_of_program = 1;
	is_polling = 0;
	closed_in_ways(accepts_from_no_other);
	closed_by_hand(accepts_from_no_other);
}

/* The one that is out first does not close the number under the other. */
TEST(listener_closed_while_two_threads_accept_is_open_until_both_have_failed) {
	by_usock = 1;
	start_listening(0);
	set(&is_held, 1);
	pthread_t thread = begin_accepting(&accepted), other_thread = begin_accepting(&second);
	close_listener(USOCK_CLOSE);
	CHECK(is_open(listener));
	set(&is_held, 0);
	has_failed(thread, &accepted);
	has_failed(other_thread, &second);
	CHECK(!is_open(listener));
	end_listening();
}

/* The other thread is not there in the child. */
TEST(child_closes_the_listener_of_a_thread_of_its_parent_at_once) {
	by_usock = 1;
	start_listening(0);
	pthread_t thread = begin_accepting(&accepted);
	pid_t child = fork_process();
	if (child == 0) {
		close_listener(USOCK_CLOSE);
		_exit(is_open(listener));
	}
	await_process(child);
	int peer = raw_connect("first");
	CHECK_EQUAL(end_accepting(thread, &accepted), 0);
	close(accepted.client);
	close(peer);
	close_listener(USOCK_CLOSE);
	CHECK(!is_open(listener));
	end_listening();
}
