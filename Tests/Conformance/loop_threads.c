/*
 * loop_threads.c - ipc_ctx_fd in one thread, while another one waits for events of the same context.
 */
#include "loops.h"

#include <pthread.h>
#include <semaphore.h>

static sem_t has_waited;

/* Gets one message, and then a client. */
static void *wait_beside(void *unused) {
	struct ipc_event own = {0};
	next(&ctx, &own, IPC_EVENT_TYPE_MESSAGE);
	check_message_event(&own, -1, 'c', "three", 5);
	sem_post(&has_waited);
	next(&ctx, &own, IPC_EVENT_TYPE_CONNECTION);
	IPC_EVENT_CLEAN(&own);
	return unused;
}

/* The loop's thread has a claim on the connection from its last event: its next one is for no other thread. */
TEST(a_message_for_the_loop_is_told_while_another_thread_waits) {
	pthread_t thread;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", NULL), other = join(&ctx, &event, "pong", NULL), fd = loop_descriptor();
	write_frame(peer, 'a', "one", 3);
	next_by(fd, IPC_EVENT_TYPE_MESSAGE);
	sem_init(&has_waited, 0, 0);
	CHECK_EQUAL(pthread_create(&thread, NULL, wait_beside, NULL), 0);
	write_frame(peer, 'b', "two", 3);
	write_frame(other, 'c', "three", 5);
	sem_wait(&has_waited);
	next_by(fd, IPC_EVENT_TYPE_MESSAGE);
	check_message_event(&event, -1, 'b', "two", 3);
	int third = raw_connect("pong");
	pthread_join(thread, NULL);
	sem_destroy(&has_waited);
	close(peer), close(other), close(third);
	for (int i = 0; i < 3; i++) next_by(fd, IPC_EVENT_TYPE_DISCONNECTION);
	settle(fd);
	end();
}
