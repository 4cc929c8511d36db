/*
 * closing_memory.c - ipc_close_all frees nothing, because a signal handler may call it that has interrupted free(3): also where the rest
 * of a frame of which nobody is to be told waits before others.
 */
#include "peers.h"
#include "system.h"

static int is_counting;
static long frees;
void free(void *block) {
	if (is_counting) frees++;
	__libc_free(block);
}

TEST(closing_all_frees_nothing_when_a_rest_and_a_message_wait) {
	static struct ipc_ctx ctx;
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	int ends[2];
	char *large = pattern(300000, 7), bytes[4096];
	make_pair(ends);
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = ends[0]}));
	CHECK_EQUAL(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	struct ipc_message m = message_of(ends[0], 'a', large, 300000);
	CHECK_CODE(ipc_write_fd(ends[0], &m), IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA);
	queue(&ctx, ends[0], 'b', "listed", 6);
	while (recv(ends[1], bytes, sizeof bytes, MSG_DONTWAIT) > 0) {}
	is_counting = 1;
	CHECK_OK(ipc_close_all(&ctx));
	is_counting = 0;
	CHECK_EQUAL(frees, 0);
	ipc_ctx_free(&ctx);
	free(large);
	close(ends[1]);
}
