/*
 * threads_waiting_for_clients.c - a thread that waits in ipc_accept_add for a client holds up nobody: other calls on its context, fork(2), and the
 * end of threads go on.
 */
#include "sleeping.h"

static struct ipc_ctx ctx, other;
static struct ipc_event event;

static void *accept_by_hand(void *sleeper) {
	struct ipc_event own = {0};
	note_thread(sleeper);
	CHECK_OK(ipc_accept_add(&own, &ctx, 0));
	CHECK_EQUAL(own.type, IPC_EVENT_TYPE_CONNECTION);
	return NULL;
}

static void *use_the_other(void *unused) {
	struct ipc_event own = {0};
	nothing_to_tell(&other, &own);
	return unused;
}

static void fork_once(void) {
	int status;
	pid_t child = fork();
	if (child == 0) _exit(0);
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	CHECK_EQUAL(status, 0);
}

static void *fork_in_a_thread(void *unused) {
	fork_once();
	return unused;
}

static pthread_t acceptor;
static void begin_accepting(void) {
	struct sleeper sleeper = {0};
	CHECK_OK(ipc_server_init(&ctx, "accepting"));
	CHECK_OK(ipc_server_init(&other, "other"));
	CHECK_EQUAL(pthread_create(&acceptor, NULL, accept_by_hand, &sleeper), 0);
	until_asleep(&sleeper);
}
static void end_accepting(void) {
	int peer = raw_connect("accepting");
	CHECK_EQUAL(pthread_join(acceptor, NULL), 0);
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
	finish(&other, &event);
	close(peer);
}

TEST(other_calls_on_the_context_return_while_a_thread_waits_for_a_client) {
	size_t entries, messages;
	int pair[2];
	begin_accepting();
	CHECK_OK(ipc_ctx_status(&ctx, &entries, &messages));
	CHECK_EQUAL(entries, 1);
	nothing_to_tell(&ctx, &event);
	make_pair(pair);
	CHECK_OK(ipc_add_fd(&ctx, pair[0]));
	CHECK_OK(ipc_del_fd(&ctx, pair[0]));
	close(pair[0]), close(pair[1]);
	end_accepting();
}

TEST(fork_returns_while_a_thread_waits_for_a_client) {
	pthread_t thread;
	begin_accepting();
	fork_once();
	CHECK_EQUAL(pthread_create(&thread, NULL, fork_in_a_thread, NULL), 0);
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	end_accepting();
}

TEST(a_thread_ends_while_another_one_waits_for_a_client) {
	pthread_t thread;
	begin_accepting();
	CHECK_EQUAL(pthread_create(&thread, NULL, use_the_other, NULL), 0);
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	end_accepting();
}

static void *accept_until_freed(void *sleeper) {
	struct ipc_event own = {0};
	note_thread(sleeper);
	CHECK_CODE(ipc_accept_add(&own, &ctx, 0), IPC_ERROR_WAIT_EVENT__CONTEXT_FREED);
	return NULL;
}

TEST(a_context_is_freed_while_a_thread_waits_for_a_client) {
	struct sleeper sleeper = {0};
	struct ipc_entry *entries;
	size_t number;
	pthread_t thread;
	CHECK_OK(ipc_server_init(&ctx, "accepting"));
	CHECK_OK(ipc_ctx_entries(&ctx, &entries, &number));
	int server = entries[0].fd;
	free(entries);
	CHECK_EQUAL(pthread_create(&thread, NULL, accept_until_freed, &sleeper), 0);
	until_asleep(&sleeper);
	ipc_ctx_free(&ctx);
	CHECK_EQUAL(ctx.size, 0);
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	/* The listener is the program's. */
	int peer = raw_connect("accepting"), client = accept(server, NULL, NULL);
	CHECK(client >= 0);
	close(client), close(peer), close(server);
	unlink(address_of("accepting").sun_path);
}
