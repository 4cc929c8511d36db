/*
 * threads_accepting.c - a thread waits for a client in ipc_accept_add or usock_accept: that holds up nobody else, neither calls on the
 * same context and on others, nor forks, nor the end of threads; and it ends when its context is freed.
 */
#include "accepting.h"

static struct ipc_ctx other;
static struct ipc_event event;

/* ---- what others do meanwhile ---- */

static void *use_the_other_context(void *unused) {
	struct ipc_event e = {0};
	(void)unused;
	nothing_to_tell(&other, &e);
	return NULL;
}
static void *use_the_same_context(void *unused) {
	struct ipc_event e = {0};
	(void)unused;
	nothing_to_tell(&ctx, &e);
	return NULL;
}

static void others_go_on(int talks, int peer, int origin) {
	size_t entries, messages;
	struct ipc_entry *list;
	pthread_join(start_thread(use_the_other_context, NULL), NULL);
	CHECK_OK(ipc_ctx_status(&other, &entries, &messages));
	CHECK_EQUAL(entries, 1);
	pid_t child = fork_process();
	if (child == 0) _exit(0);
	await_process(child);
	child = fork_process();
	if (child == 0) {
		CHECK_OK(ipc_close_all(&ctx));
		CHECK_OK(ipc_close_all(&other));
		ipc_ctx_free(&ctx);
		ipc_ctx_free(&other);
		_exit(0);
	}
	await_process(child);
	if (!talks) return;
	CHECK_OK(ipc_ctx_status(&ctx, &entries, &messages));
	CHECK_EQUAL(entries, 2);
	CHECK_OK(ipc_ctx_entries(&ctx, &list, &entries));
	free(list);
	write_frame(peer, 'q', "question", 8);
	next_message(&ctx, &event, origin, 'q', "question", 8);
	queue(&ctx, origin, 'a', "answer", 6);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(peer, 'a', "answer", 6);
	pthread_join(start_thread(use_the_same_context, NULL), NULL);
}

TEST(everybody_goes_on_while_a_thread_waits_in_ipc_accept_add) {
	int origin;
	by_usock = 0;
	CHECK_OK(ipc_server_init(&ctx, "first"));
	CHECK_OK(ipc_server_init(&other, "other"));
	int peer = join(&ctx, &event, "first", &origin);
	pthread_t thread = begin_accepting(&accepted);
	others_go_on(1, peer, origin);
	int late = raw_connect("first");
	CHECK_EQUAL(end_accepting(thread, &accepted), 0);
	CHECK_EQUAL(accepted.event.type, IPC_EVENT_TYPE_CONNECTION);
	CHECK_EQUAL(accepted.event.index, 2);
	CHECK(ctx.size == 3 && ctx.pollfd[2].fd == accepted.event.origin);
	close(peer);
	close(late);
	CHECK_OK(ipc_close_all(&other));
	ipc_ctx_free(&other);
	finish(&ctx, &event);
}

TEST(everybody_goes_on_while_a_thread_waits_in_usock_accept) {
	by_usock = 1;
	CHECK_OK(usock_init(&listener, address_of("by_hand").sun_path));
	CHECK_OK(ipc_server_init(&ctx, "first"));
	CHECK_OK(ipc_server_init(&other, "other"));
	int origin, peer = join(&ctx, &event, "first", &origin);
	pthread_t thread = begin_accepting(&accepted);
	others_go_on(1, peer, origin);
	int late = raw_connect("by_hand");
	CHECK_EQUAL(end_accepting(thread, &accepted), 0);
	close(accepted.client);
	close(late);
	close(peer);
	CHECK_OK(usock_close(listener));
	CHECK_OK(ipc_close_all(&other));
	ipc_ctx_free(&other);
	finish(&ctx, &event);
}

/* ---- the context is freed meanwhile: the listener is the program's ---- */

static void context_freed_gives_114(pthread_t thread) {
	CHECK_EQUAL(end_accepting(thread, &accepted), IPC_ERROR_WAIT_EVENT__CONTEXT_FREED);
	CHECK_EQUAL(accepted.event.type, IPC_EVENT_TYPE_NOT_SET);
	CHECK(is_open(listener));
}

TEST(context_freed_while_a_thread_accepts_gives_114_and_leaks_nothing) {
	by_usock = 0;
	start_listening(1);
	pthread_t thread = begin_accepting(&accepted);
	ipc_ctx_free(&ctx);
	CHECK(ctx.size == 0 && is_open(listener));
	context_freed_gives_114(thread);
	close(listener);
	CHECK_EQUAL(ctx.size, 0);
	/* The context can be used again. */
	unlink(address_of("first").sun_path);
	CHECK_OK(ipc_server_init(&ctx, "first"));
	int origin, peer = join(&ctx, &event, "first", &origin);
	close(peer);
	finish(&ctx, &event);
}

/* A client that comes then is not taken: whoever has the listener gets it. */
TEST(context_freed_and_used_again_while_a_thread_accepts_gets_no_client_of_former_times) {
	by_usock = 0;
	start_listening(1);
	int copy = dup(listener);
	set(&is_held, 1);
	pthread_t thread = begin_accepting(&accepted);
	ipc_ctx_free(&ctx);
	CHECK_OK(ipc_server_init(&ctx, "second"));
	int late = raw_connect("first");
	set(&is_held, 0);
	context_freed_gives_114(thread);
	close(listener);
	int served = accept(copy, NULL, NULL);
	CHECK(served >= 0);
	close(served);
	close(late);
	close(copy);
	CHECK_EQUAL(ctx.size, 1);
	finish(&ctx, &event);
}

/* The program closes its listener at once, and another file gets the number. */
TEST(context_freed_and_listener_closed_while_a_thread_accepts_takes_no_client_of_the_numbers_next_owner) {
	by_usock = 0;
	start_listening(1);
	set(&is_held, 1);
	pthread_t thread = begin_accepting(&accepted);
	ipc_ctx_free(&ctx);
	close(listener);
	int next = raw_listen("next"), guest = raw_connect("next");
	dup2(next, listener);
	set(&is_held, 0);
	context_freed_gives_114(thread);
	CHECK(is_readable(next));
	close(listener);
	if (next != listener) close(next);
	close(guest);
	unlink(address_of("next").sun_path);
	unlink(address_of("first").sun_path);
}

static void *accept_on_a_connected_socket(void *unused) {
	int fd = -1, ends[2];
	make_pair(ends);
	CHECK_CODE(usock_accept(ends[0], &fd), IPC_ERROR_USOCK_ACCEPT);
	CHECK_EQUAL(fd, -1);
	close(ends[0]);
	close(ends[1]);
	return unused;
}
TEST(accepting_on_a_connected_socket_in_a_thread_fails_at_once) {
	CHECK_EQUAL(pthread_join(start_thread(accept_on_a_connected_socket, NULL), NULL), 0);
}
