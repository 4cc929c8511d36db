/*
 * single.c - a client with one connection, and nothing else to wait for: the library has no descriptor of its own for it, and
 * waits all the same for what comes, for room, for a time, and for signals.
 */
#include "peers.h"

#include <signal.h>

static struct ipc_ctx client;
static struct ipc_event event;
static int fd, peer; /* the client's end, and the service's */

static void begin(void) { peer = join_raw(&client, "pong", &fd); }

/* The service leaves. */
static void end(void) {
	close(peer);
	next(&client, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.origin, fd);
	CHECK_EQUAL(client.size, 0);
	finish(&client, &event);
}

/* Makes a wait for this long, in which nothing comes. */
static void wait_in_vain(int milliseconds) {
	int timer = milliseconds;
	CHECK_OK(ipc_wait_event(&client, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
	CHECK_EQUAL(timer, 0);
}

TEST(one_connection_takes_one_descriptor) {
	begin();
	int before = count_descriptors();
	nothing_to_tell(&client, &event);
	write_frame(peer, 'a', "one", 3);
	next_message(&client, &event, fd, 'a', "one", 3);
	queue(&client, fd, 'b', "two", 3);
	next(&client, &event, IPC_EVENT_TYPE_TX);
	read_frame(peer, 'b', "two", 3);
	wait_in_vain(10);
	CHECK_EQUAL(count_descriptors(), before);
	end();
}

TEST(a_second_connection_is_heard_beside_the_first_and_without_it) {
	int ends[2];
	begin();
	nothing_to_tell(&client, &event);
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&client, ends[0]));
	write_bytes(ends[1], "x", 1);
	next(&client, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
	CHECK_EQUAL(event.origin, ends[0]);
	char byte;
	CHECK_EQUAL(read_bytes(ends[0], &byte, 1), 1);
	write_frame(peer, 'a', "one", 3);
	next_message(&client, &event, fd, 'a', "one", 3);
	CHECK_OK(ipc_close_fd(&client, fd));
	write_bytes(ends[1], "y", 1);
	next(&client, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
	finish(&client, &event);
	close(peer);
	close(ends[0]);
	close(ends[1]);
}

TEST(one_connection_becomes_external_and_back) {
	begin();
	nothing_to_tell(&client, &event);
	CHECK_EQUAL(ipc_ctx_fd_type(&client, fd, IPC_CONNECTION_TYPE_EXTERNAL), 0);
	write_frame(peer, 'a', "one", 3);
	for (int i = 0; i < 2; i++) next(&client, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
	client.cinfos[0].type = IPC_CONNECTION_TYPE_IPC;
	next_message(&client, &event, fd, 'a', "one", 3);
	nothing_to_tell(&client, &event);
	end();
}

static char *large;
static void read_large(int gate) {
	(void)gate;
	read_frame(peer, 'a', large, IPC_MAX_MESSAGE_SIZE);
}

TEST(one_connection_waits_for_room) {
	int gate;
	begin();
	large = pattern(IPC_MAX_MESSAGE_SIZE, 1);
	queue(&client, fd, 'a', large, IPC_MAX_MESSAGE_SIZE);
	wait_in_vain(10);
	pid_t child = start(read_large, &gate);
	next(&client, &event, IPC_EVENT_TYPE_TX);
	join_process(child, gate);
	nothing_to_tell(&client, &event);
	free(large);
	end();
}

TEST(one_connection_that_its_program_closed_has_nothing_to_tell) {
	begin();
	nothing_to_tell(&client, &event);
	close(fd);
	wait_in_vain(10);
	CHECK_OK(ipc_del_fd(&client, fd));
	close(peer);
	finish(&client, &event);
}

static void on_signal(int number) { (void)number; }

TEST(a_signal_ends_the_wait_for_one_connection_also_where_calls_are_restarted) {
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigevent notify = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec every = {{0, 20000000}, {0, 20000000}};
	timer_t clock;
	int timer = -1;
	begin();
	sigaction(SIGUSR1, &action, NULL);
	CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &notify, &clock), 0);
	CHECK_EQUAL(timer_settime(clock, 0, &every, NULL), 0);
	CHECK_CODE(ipc_wait_event(&client, &event, &timer), IPC_ERROR_WAIT_EVENT__POLL);
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_NOT_SET);
	timer_delete(clock);
	write_frame(peer, 'a', "one", 3);
	next_message(&client, &event, fd, 'a', "one", 3);
	end();
}

static void be_told(int gate) {
	(void)gate;
	next_message(&client, &event, fd, 'a', "one", 3);
	IPC_EVENT_CLEAN(&event);
}

/* A child goes on with its copy; so does the parent. */
TEST(one_connection_is_waited_for_in_a_child_too) {
	int gate;
	begin();
	nothing_to_tell(&client, &event);
	write_frame(peer, 'a', "one", 3);
	pid_t child = start(be_told, &gate);
	join_process(child, gate);
	write_frame(peer, 'b', "two", 3);
	next_message(&client, &event, fd, 'b', "two", 3);
	end();
}
