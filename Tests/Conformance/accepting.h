/*
 * accepting.h - a thread that waits for a client in ipc_accept_add or usock_accept.
 *
 * The program's own accept4(2) and poll(2), which the library calls instead of libc's, say when the thread is there, and can hold it
 * up just before the system call.
 */
#ifndef ACCEPTING_H
#define ACCEPTING_H

#include "threads.h"
#include "system.h"

#include <sys/syscall.h>

static struct ipc_ctx ctx;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int is_there, is_held, is_polling = 1;
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
static void be_there(void) {
	if (!is_accepting) return;
	set(&is_there, 1);
	wait_until(&is_held, 0);
}
int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict length, int flags) {
	if (!is_polling) be_there();
	return (int)syscall(SYS_accept4, fd, address, length, flags);
}
int poll(struct pollfd *entries, nfds_t count, int timeout) {
	if (is_polling && timeout != 0) be_there();
	return system_poll(entries, count, timeout);
}

/* ---- the thread that accepts ---- */

static int by_usock, is_of_program, listener;

static struct acceptance {
	int code, client;
	struct ipc_event event;
} accepted;

static void *accept_one(void *argument) {
	struct acceptance *result = argument;
	struct ipc_error *e = malloc(sizeof *e);
	is_accepting = 1;
	result->client = -1;
	*e = by_usock ? usock_accept(listener, &result->client) : ipc_accept_add(&result->event, &ctx, 0);
	result->code = (int)e->error_code;
	free(e);
	return NULL;
}
static pthread_t begin_accepting(struct acceptance *result) {
	set(&is_there, 0);
	pthread_t thread = start_thread(accept_one, result);
	wait_until(&is_there, 1);
	return thread;
}
static int end_accepting(pthread_t thread, const struct acceptance *result) {
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	return result->code;
}

static void start_listening(int in_context) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_SERVER};
	if (is_of_program) listener = raw_listen("first");
	else if (!in_context) CHECK_OK(usock_init(&listener, address_of("first").sun_path));
	else CHECK_OK(ipc_server_init(&ctx, "first"));
	if (is_of_program && in_context) CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = listener}));
	if (in_context) listener = ctx.pollfd[0].fd;
}

#endif
