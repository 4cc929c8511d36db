/*
 * retyped_many.c - more connections wait for something else than the poller than are examined before one sleep (64), and the program
 * changes one of them in place, which no call tells the library: a wait notices it within a second, whichever it is.
 */
#include "peers.h"

#include <sys/resource.h>

enum { ENDS = 200 };

static struct ipc_ctx ctx;
static struct ipc_event event;
static int near[ENDS], far[ENDS];

/* All have spoken, and none has a partner: each is told once (107). */
static void park_all(void) {
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 3 * ENDS) SKIP("the process may not have so many descriptors");
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	add_switched(&ctx, near, far, ENDS);
	for (int i = 0; i < ENDS; i++) write_frame(far[i], 'm', &i, sizeof i);
	for (int i = 0; i < ENDS; i++) ready_code(&ctx, &event, IPC_EVENT_TYPE_ERROR, IPC_ERROR_FD_SWITCHING__NO_FD_RECORD);
	nothing_to_tell(&ctx, &event);
}
static void close_all(void) {
	IPC_EVENT_CLEAN(&event);
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
	for (int i = 0; i < ENDS; i++) {
		if (is_open(near[i])) close(near[i]);
		close(far[i]);
	}
}
static int index_of(int fd) {
	for (size_t i = 0; i < ctx.size; i++)
		if (ctx.pollfd[i].fd == fd) return (int)i;
	FAIL("no entry has descriptor %d", fd);
}

TEST(end_without_a_pair_that_becomes_ipc_in_place_is_heard_among_many) {
	park_all();
	for (int turn = 0; turn < 20; turn++) {
		int which = turn * 67 % ENDS;
		ctx.cinfos[index_of(near[which])].type = IPC_CONNECTION_TYPE_IPC;
		next_message(&ctx, &event, near[which], 'm', &which, sizeof which);
	}
	nothing_to_tell(&ctx, &event);
	close_all();
}

TEST(ends_without_a_pair_that_become_ipc_in_place_all_at_once_are_heard) {
	char heard[ENDS] = {0}, frame[100];
	park_all();
	for (int i = 0; i < ENDS; i++) ctx.cinfos[index_of(near[i])].type = i % 2 ? IPC_CONNECTION_TYPE_IPC : IPC_CONNECTION_TYPE_EXTERNAL;
	for (int left = ENDS; left > 0;) {
		CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
		int which = 0;
		while (near[which] != event.origin) which++;
		if (which % 2) check_message_event(&event, near[which], 'm', &which, sizeof which);
		else CHECK_EQUAL(event.type, IPC_EVENT_TYPE_EXTRA_SOCKET);
		if (!heard[which]) heard[which] = 1, left--;
		/* The program has read it: otherwise it is told again and again. */
		if (which % 2 == 0) (void)!recv(near[which], frame, sizeof frame, MSG_DONTWAIT);
	}
	close_all();
}

/* "ctx->switchdb is the live table": here through the functions about it, which say that something has changed. */
TEST(ends_among_many_that_become_a_pair_go_on) {
	char frame[FRAME_SIZE(sizeof(int))];
	park_all();
	for (int turn = 0; turn < 10; turn++) {
		int one = turn * 19 % ENDS, two = (one + 97) % ENDS, told = 0;
		if (ipc_switching_get(&ctx.switchdb, near[one]) >= 0 || ipc_switching_get(&ctx.switchdb, near[two]) >= 0) continue;
		if (turn % 2) ipc_ctx_switching_add(&ctx, near[one], near[two]);
		else ipc_switching_add(&ctx.switchdb, near[one], near[two]);
		while (told < 4) {
			CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
			CHECK(event.origin == near[one] || event.origin == near[two]);
			CHECK(event.type == IPC_EVENT_TYPE_SWITCH || event.type == IPC_EVENT_TYPE_TX);
			told++;
		}
		CHECK_EQUAL(read_bytes(far[two], frame, sizeof frame), sizeof frame);
		CHECK(memcmp(frame + IPC_HEADER_SIZE, &one, sizeof one) == 0);
		CHECK_EQUAL(read_bytes(far[one], frame, sizeof frame), sizeof frame);
		CHECK(memcmp(frame + IPC_HEADER_SIZE, &two, sizeof two) == 0);
	}
	close_all();
}
