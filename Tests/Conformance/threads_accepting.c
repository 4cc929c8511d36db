/*
 * threads_accepting.c - a thread waits for a client in ipc_accept_add or usock_accept: that holds up nobody else, neither calls on the
 * same context and on others, nor forks, nor the end of threads; and it ends when its context is freed or its listener closed.
 *
 * The program's own accept4(2) and poll(2), which the library calls instead of libc's, say when the thread is there, and can hold it
 * up just before the system call.
 */
#include "threads.h"

#include <sys/syscall.h>

static struct ipc_ctx ctx, other;
static struct ipc_event event;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int is_there, is_held;
static __thread int is_accepting;

static void set(int *condition, int value) {
	pthread_mutex_lock(&mutex);
	*condition = value;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}
static void wait_until(int *condition, int value) {
	pthread_mutex_lock(&mutex);
	while (*condition != value) pthread_cond_wait(&changed, &mutex);
	pthread_mutex_unlock(&mutex);
}
int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict length, int flags) {
	return (int)syscall(SYS_accept4, fd, address, length, flags);
}
int poll(struct pollfd *entries, nfds_t count, int timeout) {
	if (is_accepting && timeout != 0) {
		set(&is_there, 1);
		wait_until(&is_held, 0);
	}
	return (int)syscall(SYS_poll, entries, count, timeout);
}

/* ---- the thread that accepts ---- */

static int by_usock, listener, client, code;
static char reason[200];
static struct ipc_event accepted;

static void *accept_one(void *unused) {
	struct ipc_error *e = malloc(sizeof *e);
	(void)unused;
	is_accepting = 1;
	client = -1;
	*e = by_usock ? usock_accept(listener, &client) : ipc_accept_add(&accepted, &ctx, 0);
	code = (int)e->error_code;
	snprintf(reason, sizeof reason, "%.199s", e->error_message);
	free(e);
	return NULL;
}
static pthread_t begin_accepting(void) {
	set(&is_there, 0);
	pthread_t thread = start_thread(accept_one, NULL);
	wait_until(&is_there, 1);
	return thread;
}

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
	pthread_t thread = begin_accepting();
	others_go_on(1, peer, origin);
	int second = raw_connect("first");
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	CHECK_EQUAL(code, 0);
	CHECK_EQUAL(accepted.type, IPC_EVENT_TYPE_CONNECTION);
	CHECK_EQUAL(accepted.index, 2);
	CHECK(ctx.size == 3 && ctx.pollfd[2].fd == accepted.origin);
	close(peer);
	close(second);
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
	pthread_t thread = begin_accepting();
	others_go_on(1, peer, origin);
	int second = raw_connect("by_hand");
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	CHECK(code == 0 && client >= 0);
	close(client);
	close(second);
	close(peer);
	CHECK_OK(usock_close(listener));
	CHECK_OK(ipc_close_all(&other));
	ipc_ctx_free(&other);
	finish(&ctx, &event);
}

/* A client comes after the context of the thread that accepts was freed. */
static void client_of_a_freed_context_is_closed(pthread_t thread) {
	char byte;
	int second = raw_connect("first");
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	CHECK_EQUAL(code, IPC_ERROR_WAIT_EVENT__CONTEXT_FREED);
	CHECK_EQUAL(read_bytes(second, &byte, 1), 0);
	close(second);
	close(listener);
}

TEST(context_freed_while_a_thread_accepts_gives_114_and_leaks_nothing) {
	by_usock = 0;
	CHECK_OK(ipc_server_init(&ctx, "first"));
	listener = ctx.pollfd[0].fd;
	pthread_t thread = begin_accepting();
	ipc_ctx_free(&ctx);
	CHECK(ctx.size == 0 && is_open(listener));
	client_of_a_freed_context_is_closed(thread);
	CHECK_EQUAL(accepted.type, IPC_EVENT_TYPE_NOT_SET);
	CHECK_EQUAL(ctx.size, 0);
	/* The context can be used again. */
	unlink(address_of("first").sun_path);
	CHECK_OK(ipc_server_init(&ctx, "first"));
	int origin, peer = join(&ctx, &event, "first", &origin);
	close(peer);
	finish(&ctx, &event);
}

TEST(context_freed_and_used_again_while_a_thread_accepts_gets_no_client_of_former_times) {
	by_usock = 0;
	CHECK_OK(ipc_server_init(&ctx, "first"));
	listener = ctx.pollfd[0].fd;
	pthread_t thread = begin_accepting();
	ipc_ctx_free(&ctx);
	CHECK_OK(ipc_server_init(&ctx, "second"));
	client_of_a_freed_context_is_closed(thread);
	CHECK_EQUAL(ctx.size, 1);
	finish(&ctx, &event);
}
