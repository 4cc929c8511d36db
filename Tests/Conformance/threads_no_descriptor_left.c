/*
 * threads_no_descriptor_left.c - all descriptors of the process are in use: a child, and another thread that waits.
 */
#include "peers.h"

#include <pthread.h>
#include <sys/resource.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

static void add(int fd, enum ipc_connection_type type) {
	struct ipc_connection_info info = {.type = type};
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = fd}));
}

static int taken[64];
static int take_all(void) {
	int count = 0;
	struct rlimit limit;
	CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 32;
	CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (count < 64 && (taken[count] = dup(2)) >= 0) count++;
	return count;
}

TEST(child_without_a_free_descriptor_waits_and_closes) {
	int ends[2], more[2];
	make_pair(ends);
	make_pair(more);
	add(ends[0], IPC_CONNECTION_TYPE_IPC);
	add(more[0], IPC_CONNECTION_TYPE_IPC);
	nothing_to_tell(&ctx, &event);
	int count = take_all();
	pid_t child = fork_process();
	if (child == 0) {
		write_frame(ends[1], 'a', "a", 1);
		next_message(&ctx, &event, ends[0], 'a', "a", 1);
		CHECK_OK(ipc_close(&ctx, 0));
		CHECK_OK(ipc_del(&ctx, 0));
		_exit(0);
	}
	await_process(child);
	while (count > 0) close(taken[--count]);
	close(ends[1]);
	close(more[1]);
	finish(&ctx, &event);
}

static void *wait_for_message(void *fd) {
	struct ipc_event mine = {0};
	CHECK_OK(ipc_wait_event(&ctx, &mine, NULL));
	CHECK_EQUAL(mine.type, IPC_EVENT_TYPE_MESSAGE);
	CHECK_EQUAL(mine.origin, *(int *)fd);
	IPC_EVENT_CLEAN(&mine);
	return NULL;
}

#define SIZE(i) (16 * ((size_t)(i) % 8 + 1))

/* The thread that waits asks a list of descriptors meanwhile. */
TEST(descriptor_that_gets_free_while_a_thread_waits_without_one_changes_nothing_for_it) {
	int ends[2], more[2], third[2];
	pthread_t thread;
	make_pair(ends);
	make_pair(more);
	make_pair(third);
	int count = take_all();
	for (int turn = 0; turn < 5; turn++) {
		add(ends[0], IPC_CONNECTION_TYPE_IPC);
		add(more[0], IPC_CONNECTION_TYPE_IPC);
		CHECK_EQUAL(pthread_create(&thread, NULL, wait_for_message, &ends[0]), 0);
		poll(NULL, 0, 20);
		int freed = 0;
		for (; freed < 4; freed++) close(taken[--count]);
		CHECK_OK(ipc_add_fd(&ctx, third[0]));
		/* What was freed is somebody else's now. */
		char *blocks[64], clean[128];
		memset(clean, 0xaa, sizeof clean);
		for (int i = 0; i < 64; i++) blocks[i] = memset(malloc(SIZE(i)), 0xaa, SIZE(i));
		write_frame(ends[1], 'a', "a", 1);
		pthread_join(thread, NULL);
		for (int i = 0; i < 64; i++) {
			CHECK(memcmp(blocks[i], clean, SIZE(i)) == 0);
			free(blocks[i]);
		}
		CHECK_OK(ipc_ctx_release(&ctx));
		ipc_ctx_free(&ctx);
		for (; freed > 0 && (taken[count] = dup(2)) >= 0; freed--) count++;
	}
	while (count > 0) close(taken[--count]);
	for (int i = 0; i < 2; i++) close(ends[i]), close(more[i]), close(third[i]);
}
