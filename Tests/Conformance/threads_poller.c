/*
 * threads_poller.c - entries come and go in one thread while another one waits: the epoll set stays the same one, which costs nothing
 * for the idle entries beside. The program's own epoll_create1(2), which the library calls instead of libc's, counts.
 */
#include "threads.h"

#include <stdatomic.h>
#include <sys/syscall.h>

static atomic_int sets;

int epoll_create1(int flags) {
	atomic_fetch_add(&sets, 1);
	return (int)syscall(SYS_epoll_create1, flags);
}

static struct ipc_ctx ctx;
static int end[2];

enum { IDLE = 150, ROUNDS = 3000, WAITERS = 3 };

static void *wait_on(void *unused) {
	struct ipc_event event = {0};
	(void)unused;
	do CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
	while (event.origin != end[0]);
	IPC_EVENT_CLEAN(&event);
	CHECK_OK(ipc_ctx_release(&ctx));
	return NULL;
}

static void churn(int waiters, enum ipc_connection_type type, int at_once) {
	struct ipc_connection_info info = {.type = type};
	int idle[IDLE][2];
	pthread_t threads[WAITERS];
	make_pair(end);
	for (int i = 0; i < IDLE; i++) {
		make_pair(idle[i]);
		CHECK_OK(ipc_add_fd(&ctx, idle[i][0]));
	}
	for (int i = 0; i < waiters; i++) threads[i] = start_thread(wait_on, NULL);
	/* The threads are there, and have made what they need. */
	int known[2];
	make_pair(known);
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = known[0]}));
	atomic_store(&sets, 0);
	for (int round = 0; round < ROUNDS; round += at_once) {
		int pairs[8][2];
		for (int i = 0; i < at_once; i++) {
			make_pair(pairs[i]);
			CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = pairs[i][0]}));
		}
		for (int i = 0; i < at_once; i++) write_frame(pairs[i][1], 'x', "x", 1);
		for (int i = 0; i < at_once; i++) {
			/* A waiter may have been told of its end, and have closed it. */
			if (type == IPC_CONNECTION_TYPE_EXTERNAL) CHECK_OK(ipc_del_fd(&ctx, pairs[i][0]));
			else CHECK_OK(ipc_close_fd(&ctx, pairs[i][0]));
			close(pairs[i][1]);
			if (type == IPC_CONNECTION_TYPE_EXTERNAL) close(pairs[i][0]);
		}
	}
	if (atomic_load(&sets) != 0) FAIL("%d epoll sets were made for %d entries that came and went", atomic_load(&sets), ROUNDS);
	write_bytes(end[1], "x", 1);
	CHECK_OK(ipc_add_fd(&ctx, end[0]));
	for (int i = 0; i < waiters; i++) CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
	CHECK_OK(ipc_ctx_release(&ctx));
	ipc_ctx_free(&ctx);
	for (int i = 0; i < IDLE; i++) close(idle[i][0]), close(idle[i][1]);
	for (int i = 0; i < 2; i++) close(end[i]), close(known[i]);
}

TEST(no_epoll_set_is_made_for_external_entries_that_come_and_go_beside_a_waiting_thread) {
	churn(1, IPC_CONNECTION_TYPE_EXTERNAL, 1);
	churn(WAITERS, IPC_CONNECTION_TYPE_EXTERNAL, 8);
}
TEST(no_epoll_set_is_made_for_connections_that_come_and_go_beside_a_waiting_thread) {
	churn(1, IPC_CONNECTION_TYPE_IPC, 1);
	churn(WAITERS, IPC_CONNECTION_TYPE_IPC, 8);
}
