/*
 * threads_callbacks.c - what other threads do to an entry while the program's callback is at work for it. Memory that is freed is
 * overwritten at once, so that whoever still uses it fails.
 */
#include "peers.h"
#include "system.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

/* Not so under valgrind, which replaces this function. */
void free(void *block) {
	if (block != NULL) memset(block, 0xA5, malloc_usable_size(block));
	__libc_free(block);
}

static struct ipc_ctx ctx;
static int near[2], far[2], other[2]; /* other[0] is always there */
static atomic_int begun, may_end;

/* A callback that reads one byte. The first call of it waits. */
static enum ipccb read_a_byte(int fd, struct ipc_message *m, short int *more) {
	char byte;
	(void)m, (void)more;
	CHECK_EQUAL(recv(fd, &byte, 1, 0), 1);
	if (begun++ == 0)
		while (!may_end) sched_yield();
	return byte == 'c' ? IPC_CB_FD_CLOSING : byte == 'e' ? IPC_CB_FD_ERROR : IPC_CB_IGNORE;
}

static void tie(void) {
	make_pair(other);
	CHECK_OK(ipc_add_fd(&ctx, other[0]));
	for (int i = 0; i < 2; i++) {
		int ends[2];
		make_pair(ends);
		near[i] = ends[0], far[i] = ends[1];
		CHECK_OK(ipc_add_fd_switched(&ctx, near[i]));
	}
	ipc_ctx_switching_add(&ctx, near[0], near[1]);
	ipc_switching_callbacks_(&ctx, near[0], read_a_byte);
}

/* One event. The thread has it in hand until it is told to go on. */
struct handler {
	pthread_t thread;
	int code, type, origin;
	atomic_int is_told, may_go_on;
};

static void *handle_one(void *argument) {
	struct handler *handler = argument;
	struct ipc_event event = {0};
	int timer = 0;
	struct ipc_error e = ipc_wait_event(&ctx, &event, NULL);
	handler->code = (int)e.error_code;
	handler->type = (int)event.type;
	handler->origin = event.origin;
	handler->is_told = 1;
	while (!handler->may_go_on) sched_yield();
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
	return NULL;
}

static void begin(struct handler *handler) { CHECK_EQUAL(pthread_create(&handler->thread, NULL, handle_one, handler), 0); }
static void until_told(struct handler *handler) {
	while (!handler->is_told) sched_yield();
}
static void end(struct handler *handler) {
	handler->may_go_on = 1;
	CHECK_EQUAL(pthread_join(handler->thread, NULL), 0);
}

/* While the callback of the first thread is at work, the entry is replaced and comes back, and the second thread gets its next event. The
 * first one's event still comes, and the entry goes while both have an event of it in hand. */
static void lose_the_entry(char byte, enum ipc_event_type wanted, int code) {
	struct handler first = {0}, second = {0};
	tie();
	write_bytes(far[0], &byte, 1);
	begin(&first);
	while (!begun) sched_yield();
	CHECK_OK(ipc_add_fd_switched(&ctx, near[0]));
	CHECK_OK(ipc_del(&ctx, 3));
	write_bytes(far[0], "i", 1);
	begin(&second);
	until_told(&second);
	CHECK(second.code == 0 && second.type == IPC_EVENT_TYPE_SWITCH && second.origin == near[0]);
	may_end = 1;
	until_told(&first);
	CHECK_EQUAL(first.type, wanted);
	CHECK_EQUAL(first.code, code);
	CHECK_EQUAL(first.origin, near[0]);
	if (ctx.size > 1) {
		CHECK_OK(ipc_del_fd(&ctx, near[0]));
		CHECK_OK(ipc_del_fd(&ctx, near[1]));
	}
	end(&second);
	end(&first);
	ipc_ctx_free(&ctx);
	for (int i = 0; i < 2; i++) close(near[i]), close(far[i]), close(other[i]);
}

TEST(an_entry_that_came_back_during_a_callback_and_is_in_another_threads_hands_can_be_deleted) {
	lose_the_entry('i', IPC_EVENT_TYPE_SWITCH, 0);
}
TEST(an_entry_that_came_back_during_a_callback_leaves) { lose_the_entry('c', IPC_EVENT_TYPE_DISCONNECTION, 4); }
TEST(an_entry_that_came_back_during_a_callback_fails) { lose_the_entry('e', IPC_EVENT_TYPE_ERROR, 4); }
