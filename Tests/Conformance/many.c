/*
 * many.c - more clients than any table of fixed size holds (select(2) ends at 1024, an epoll batch earlier): each is told,
 * heard, answered and let go once, in whatever order, and the public arrays follow.
 */
#include "peers.h"

#include <sys/resource.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

/* As many clients as the system lets one process have, and 1,500 at the most. */
static int possible_clients(void) {
	struct rlimit limit;
	CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max < 4000 ? limit.rlim_max : 4000;
	setrlimit(RLIMIT_NOFILE, &limit);
	CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	int possible = (int)(limit.rlim_cur - 40) / 2;
	return possible < 1500 ? possible : 1500;
}

/* Who speaks is in the payload. */
static int number_in(const struct ipc_message *m) {
	int number = -1;
	CHECK_EQUAL(m->length, sizeof number);
	memcpy(&number, m->payload, sizeof number);
	return number;
}

TEST(every_one_of_many_clients_is_served_once) {
	int count = possible_clients(), *fds = calloc((size_t)count, sizeof *fds), *seen = calloc((size_t)count, sizeof *seen);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < count; i++) {
		fds[i] = raw_connect("pong");
		ready(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
		CHECK_EQUAL(event.index, i + 1);
	}
	CHECK_EQUAL(ctx.size, count + 1);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < count; i++) write_frame(fds[i], 'q', &i, sizeof i);
		for (int told = 0, sent = 0; told < count || sent < count;) {
			CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
			CHECK_EQUAL(ctx.pollfd[event.index].fd, event.origin);
			if (event.type == IPC_EVENT_TYPE_TX) {
				sent++;
				continue;
			}
			CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
			int number = number_in(event.m);
			CHECK(number >= 0 && number < count && seen[number]++ == round);
			CHECK_OK(ipc_write(&ctx, event.m));
			told++;
		}
		nothing_to_tell(&ctx, &event);
		for (int i = 0; i < count; i++) read_frame(fds[i], 'q', &i, sizeof i);
	}
	for (int i = 0; i < count; i++) close(fds[i]);
	for (int left = count; left > 0; left--) {
		ready(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
		CHECK(event.index >= 1 && event.index <= (uint32_t)left);
		CHECK_EQUAL(ctx.size, left);
	}
	nothing_to_tell(&ctx, &event);
	free(fds);
	free(seen);
	finish(&ctx, &event);
}
