/*
 * threads_closed_number.c - a thread is inside of a direct call when another one closes the descriptor: the number is shut down first,
 * and closed when the call is over. Until then no other file can get it, and the call touches nobody else's bytes.
 *
 * The calls are caught just before their system call: the program's own recvmsg(2), poll(2), send(2) and sendmsg(2), which the
 * library calls instead of libc's, wait there until the other thread lets them go on. So no time is needed.
 */
#include "threads.h"
#include "system.h"

#include <sys/syscall.h>

static struct ipc_ctx ctx;
static struct ipc_event event;
static int ends[2];

/* ---- a thread that is late ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int is_caught, may_go_on, at_poll;
static __thread int is_late;

static void wait_for(int *condition) {
	pthread_mutex_lock(&mutex);
	while (!*condition) pthread_cond_wait(&changed, &mutex);
	pthread_mutex_unlock(&mutex);
}
static void announce(int *condition) {
	pthread_mutex_lock(&mutex);
	*condition = 1;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static void be_late(int is_here) {
	if (!is_late || !is_here) return;
	is_late = 0;
	announce(&is_caught);
	wait_for(&may_go_on);
}
ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
	be_late(!at_poll);
	return syscall(SYS_recvmsg, fd, message, flags);
}
ssize_t send(int fd, const void *bytes, size_t size, int flags) {
	be_late((flags & MSG_DONTWAIT) == 0); /* with that flag the call has a lock */
	return syscall(SYS_sendto, fd, bytes, size, flags, NULL, 0);
}
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
	be_late((flags & MSG_DONTWAIT) == 0);
	return syscall(SYS_sendmsg, fd, message, flags);
}
int poll(struct pollfd *entries, nfds_t count, int timeout) {
	be_late(at_poll);
	return system_poll(entries, count, timeout);
}

/* ---- the calls, and the ways to close ---- */

enum call { READ, READ_FD, RECEIVE_BUFFER, RECEIVE_FD, WRITE_FD, PROVIDE_FD, CALLS };
enum closing { CLOSE_FD, CLOSE, CLOSE_ALL, USOCK_CLOSE, CLOSINGS };

static enum call call;
static int code;

static void *run_call(void *unused) {
	struct ipc_message m = {0};
	struct ipc_error *e = malloc(sizeof *e);
	char *bytes = NULL, *payload = pattern(1000000, 3);
	size_t size = 0;
	int fd = -1;
	(void)unused;
	is_late = 1;
	switch (call) {
	case READ: *e = ipc_read(&ctx, 1, &m); break;
	case READ_FD: *e = ipc_read_fd(ends[0], &m); break;
	case RECEIVE_BUFFER: *e = usock_recv(ends[0], &bytes, &size); break;
	case RECEIVE_FD: *e = ipc_receive_fd(ends[0], &fd); break;
	case WRITE_FD:
		m = message_of(ends[0], 'l', payload, 1000000);
		*e = ipc_write_fd(ends[0], &m);
		m.payload = NULL;
		break;
	default: *e = ipc_provide_fd(ends[0], 0); break;
	}
	code = (int)e->error_code;
	CHECK(m.payload == NULL && bytes == NULL && fd == -1);
	free(payload);
	free(e);
	return NULL;
}

static void fill_buffer(void) {
	char bytes[1000] = "";
	for (size_t size = sizeof bytes; size > 0;)
		if (syscall(SYS_sendto, ends[0], bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0) <= 0) size /= 2;
}

/* No file of the program's gets the number while the call is there; then it is free. */
static void close_during(enum closing closing) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	int keeper[2], own[6];
	is_caught = may_go_on = 0;
	make_pair(keeper);
	make_pair(ends);
	if (closing != USOCK_CLOSE || call == READ) {
		CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = keeper[0]}));
		CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = ends[0]}));
	}
	if (call >= WRITE_FD) fill_buffer();
	pthread_t thread = start_thread(run_call, NULL);
	wait_for(&is_caught);
	switch (closing) {
	case CLOSE_FD: CHECK_OK(ipc_close_fd(&ctx, ends[0])); break;
	case CLOSE: CHECK_OK(ipc_close(&ctx, 1)); break;
	case CLOSE_ALL: CHECK_OK(ipc_close_all(&ctx)); break;
	default: CHECK_OK(usock_close(ends[0])); break;
	}
	/* These take all numbers that are free now. */
	for (int i = 0; i < 6; i += 2) {
		make_pair(own + i);
		CHECK(own[i] != ends[0] && own[i + 1] != ends[0]);
		write_bytes(own[i + 1], "PRIVATE", 7);
	}
	CHECK(is_open(ends[0]));
	announce(&may_go_on);
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	switch (call) {
	case READ:
	case READ_FD:
	case RECEIVE_BUFFER: CHECK_EQUAL(code, IPC_ERROR_CLOSED_RECIPIENT); break;
	case RECEIVE_FD: CHECK_EQUAL(code, IPC_ERROR_RECEIVE_FD__RECVMSG); break;
	case WRITE_FD: CHECK(code == IPC_ERROR_USOCK_SEND || code == IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA); break;
	default: CHECK_EQUAL(code, IPC_ERROR_PROVIDE_FD__SENDMSG); break;
	}
	CHECK(!is_open(ends[0]));
	for (int i = 0; i < 6; i += 2) {
		char bytes[8];
		CHECK(read_bytes(own[i], bytes, 7) == 7 && memcmp(bytes, "PRIVATE", 7) == 0);
		CHECK(!is_readable(own[i + 1]));
		close(own[i]);
		close(own[i + 1]);
	}
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
	if (is_open(keeper[0])) close(keeper[0]);
	close(keeper[1]);
	close(ends[1]);
}

static void close_in_all_ways(enum call first, enum call last) {
	for (call = first; call <= last; call++)
		for (enum closing closing = CLOSE_FD; closing < CLOSINGS; closing++)
			if (closing != USOCK_CLOSE || call != READ) close_during(closing);
}

TEST(number_that_is_closed_while_a_thread_reads_is_nobody_elses_before_that_is_over) { close_in_all_ways(READ, RECEIVE_BUFFER); }

/* Where other threads may queue something, a read of a context's descriptor waits in poll(2). */
TEST(number_that_is_closed_while_a_thread_waits_to_read_is_nobody_elses_before_that_is_over) {
	at_poll = 1;
	for (call = READ; call <= RECEIVE_BUFFER; call++)
		for (enum closing closing = CLOSE_FD; closing < USOCK_CLOSE; closing++) close_during(closing);
}
TEST(number_that_is_closed_while_a_thread_receives_a_descriptor_is_nobody_elses_before_that_is_over) {
	close_in_all_ways(RECEIVE_FD, RECEIVE_FD);
}
TEST(number_that_is_closed_while_a_thread_writes_is_nobody_elses_before_that_is_over) { close_in_all_ways(WRITE_FD, WRITE_FD); }
TEST(number_that_is_closed_while_a_thread_passes_a_descriptor_is_nobody_elses_before_that_is_over) {
	close_in_all_ways(PROVIDE_FD, PROVIDE_FD);
}

/* The same when the peer's end is told to a third thread, or a pair is undone: here by the loop, which closes what failed. */
TEST(number_that_the_loop_closes_while_a_thread_reads_is_nobody_elses_before_that_is_over) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	call = READ_FD;
	is_caught = may_go_on = 0;
	make_pair(ends);
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = ends[0]}));
	pthread_t thread = start_thread(run_call, NULL);
	wait_for(&is_caught);
	close(ends[1]);
	/* The reader has it: its end is not told to anybody else. */
	nothing_to_tell(&ctx, &event);
	CHECK(is_open(ends[0]));
	announce(&may_go_on);
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	CHECK_EQUAL(code, IPC_ERROR_CLOSED_RECIPIENT);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.origin, ends[0]);
	ipc_ctx_free(&ctx);
	CHECK(!is_open(ends[0]));
}

/* Both directions are in use: the last call that is over closes. */
static enum call second_call;
static void *run_second_call(void *unused) {
	struct ipc_message m = {0};
	(void)unused;
	struct ipc_error *e = malloc(sizeof *e);
	*e = second_call == READ_FD ? ipc_read_fd(ends[0], &m) : (struct ipc_error){0};
	CHECK(e->error_code != 0);
	free(e);
	return NULL;
}
TEST(number_that_is_closed_while_a_thread_reads_and_another_writes_is_closed_when_both_are_over) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	call = WRITE_FD;
	second_call = READ_FD;
	is_caught = may_go_on = 0;
	make_pair(ends);
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = ends[0]}));
	pthread_t reader = start_thread(run_second_call, NULL);
	pthread_t writer = start_thread(run_call, NULL);
	wait_for(&is_caught);
	CHECK_OK(ipc_close_fd(&ctx, ends[0]));
	/* The reader comes back at once, or was not there yet. */
	CHECK_EQUAL(pthread_join(reader, NULL), 0);
	CHECK(is_open(ends[0]));
	announce(&may_go_on);
	CHECK_EQUAL(pthread_join(writer, NULL), 0);
	CHECK(!is_open(ends[0]));
	ipc_ctx_free(&ctx);
	close(ends[1]);
}
