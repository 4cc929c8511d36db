/*
 * threads_switching.c - switching works in a thread with a stack of 128 KB, with the largest messages (fault 27).
 * The context is in the small thread, the far ends are in the first one.
 */
#include "threads.h"

#define LARGEST IPC_MAX_MESSAGE_SIZE

static struct ipc_ctx ctx;
static struct ipc_event event;
static char *payload;
static int far[2], near[2];

STEP tie_two_ends(void) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < 2; i++) CHECK_OK(ipc_add_fd_switched(&ctx, near[i]));
	ipc_ctx_switching_add(&ctx, near[0], near[1]);
	ipc_switching_callbacks(&ctx, near[0], NULL, NULL);
	ipc_switching_callbacks_(&ctx, near[1], NULL);
	ipc_switching_print(&ctx.switchdb);
	CHECK_EQUAL(ipc_switching_get(&ctx.switchdb, near[1]), near[0]);
}

STEP switch_until_one_leaves(void) {
	do {
		struct ipc_error e = ipc_wait_event(&ctx, &event, NULL);
		CHECK_EQUAL(e.error_code, event.type == IPC_EVENT_TYPE_DISCONNECTION ? 4 : 0);
	} while (event.type != IPC_EVENT_TYPE_DISCONNECTION);
	finish(&ctx, &event);
}

STEP switch_by_hand(void) {
	struct ipc_switchings table = {0};
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < 2; i++) CHECK_OK(ipc_add_fd_switched(&ctx, near[i]));
	ipc_ctx_switching_add(&ctx, near[0], near[1]);
	write_frame(far[0], 'l', payload, 50000);
	CHECK_OK(fd_switching_read(&event, &ctx, 1));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_SWITCH);
	CHECK_OK(fd_switching_write(&event, &ctx, 2));
	read_frame(far[1], 'l', payload, 50000);
	CHECK_EQUAL(ipc_ctx_switching_del(&ctx, near[0]), near[1]);
	ipc_switching_add(&table, 1, 2);
	CHECK_EQUAL(ipc_switching_del(&table, 1), 2);
	ipc_switching_free(&table);
	finish(&ctx, &event);
}

static void make_near_and_far(void) {
	int pair[2];
	payload = pattern(LARGEST, 72);
	for (int i = 0; i < 2; i++) {
		make_pair(pair);
		near[i] = pair[0];
		far[i] = pair[1];
	}
}

TEST(large_messages_through_a_switch_in_a_small_thread) {
	make_near_and_far();
	void (*steps[])(void) = {tie_two_ends, switch_until_one_leaves, NULL};
	pthread_t thread = start_thread(run_steps, steps);
	for (int i = 0; i < 4; i++) {
		write_frame(far[i % 2], 'l', payload, LARGEST);
		read_frame(far[1 - i % 2], 'l', payload, LARGEST);
	}
	close(far[0]);
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	free(payload);
	close(far[1]);
	close(near[0]);
	close(near[1]);
}

TEST(steps_of_a_switch_by_hand_in_a_small_thread) {
	make_near_and_far();
	IN_A_SMALL_THREAD(switch_by_hand);
	free(payload);
	close(far[0]);
	close(far[1]); /* finish has closed the near ends: they are not EXTERNAL */
}
