/*
 * waits_under_signals.c - what ends a wait: a signal for which a handler of the program has run. Stopping and continuing, and a
 * tracer that attaches and detaches, do not (signal(7), "Interruption of system calls and library functions by stop signals").
 */
#include "peers.h"

#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/time.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

/* Waits until another process sleeps (`wanted` 'S') or is stopped ('T'), by /proc. */
static void await_state(pid_t process, char wanted) {
	char path[64], text[512], state = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
	while (state != wanted) {
		FILE *file = fopen(path, "r");
		CHECK(file != NULL && fgets(text, sizeof text, file) != NULL);
		fclose(file);
		state = strrchr(text, ')')[2];
		if (state != wanted) sched_yield();
	}
}

static pthread_t thread;
static int has_thread;

/* Says that it waits, then waits; the only event that there will be is the parent's message. */
static void waits_for_a_message(int gate, int others) {
	CHECK_OK(ipc_add_fd(&ctx, gate));
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, gate, IPC_CONNECTION_TYPE_IPC), 0);
	int ends[2];
	for (int i = 0; i < others; i++) {
		make_pair(ends);
		CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	}
	write_bytes(gate, ".", 1);
	next_message(&ctx, &event, gate, 'm', "at last", 7);
	if (has_thread) {
		pthread_cancel(thread);
		pthread_join(thread, NULL);
	}
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
	_exit(0);
}
static void with_one_connection(int gate) { waits_for_a_message(gate, 0); }
static void with_many_connections(int gate) { waits_for_a_message(gate, 40); }
static void *idle(void *unused) {
	pause();
	return unused;
}
static void with_two_threads(int gate) {
	CHECK_EQUAL(pthread_create(&thread, NULL, idle, NULL), 0);
	has_thread = 1;
	waits_for_a_message(gate, 40);
}

static void stop_and_continue(pid_t child) {
	int status;
	CHECK_EQUAL(kill(child, SIGSTOP), 0);
	CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
	CHECK(WIFSTOPPED(status));
	CHECK_EQUAL(kill(child, SIGCONT), 0);
}

static void attach_and_detach(pid_t child) {
	int status;
	if (ptrace(PTRACE_ATTACH, child, NULL, NULL) != 0) SKIP("ptrace(2) is not allowed here");
	CHECK_EQUAL(waitpid(child, &status, __WALL), child);
	CHECK_EQUAL(ptrace(PTRACE_DETACH, child, NULL, NULL), 0);
}

static void goes_on_after(void (*disturb)(pid_t child)) {
	void (*const bodies[])(int gate) = {with_one_connection, with_many_connections, with_two_threads};
	for (int i = 0; i < 3; i++) {
		int gate;
		char byte;
		pid_t child = start(bodies[i], &gate);
		CHECK_EQUAL(read_bytes(gate, &byte, 1), 1);
		for (int round = 0; round < 5; round++) {
			await_state(child, 'S');
			disturb(child);
		}
		await_state(child, 'S');
		write_frame(gate, 'm', "at last", 7);
		join_process(child, gate);
	}
}

TEST(wait_goes_on_when_the_process_is_stopped_and_continued) { goes_on_after(stop_and_continue); }
TEST(wait_goes_on_when_a_tracer_attaches_and_detaches) { goes_on_after(attach_and_detach); }

static volatile sig_atomic_t handled;
static void handler(int number) {
	(void)number;
	handled++;
}

/* Each handled signal ends a wait once, restarting system calls or not. */
static void ends_at_each_signal(int flags, int entries) {
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
	struct itimerval often = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
	int ends[40][2], timer = -1, reduced = 0;
	for (int i = 0; i < entries; i++) {
		make_pair(ends[i]);
		CHECK_OK(ipc_add_fd(&ctx, ends[i][0]));
		CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[i][0], IPC_CONNECTION_TYPE_IPC), 0);
	}
	handled = 0;
	CHECK_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
	CHECK_EQUAL(setitimer(ITIMER_REAL, &often, NULL), 0);
	for (int i = 1; i <= 10; i++) {
		if (i > 5) timer = 20000 + i;
		CHECK_CODE(ipc_wait_event(&ctx, &event, &timer), IPC_ERROR_WAIT_EVENT__POLL);
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_NOT_SET);
		CHECK(handled >= i);
		reduced += i > 5 && timer < 20000 + i;
	}
	/* "timer reduced by what has passed": nothing has, if the signal came at once. */
	CHECK(reduced > 0);
	CHECK_EQUAL(setitimer(ITIMER_REAL, &never, NULL), 0);
	write_frame(ends[0][1], 'm', "still here", 10);
	next_message(&ctx, &event, ends[0][0], 'm', "still here", 10);
	finish(&ctx, &event);
	for (int i = 0; i < entries; i++) close(ends[i][1]);
}

TEST(handled_signal_ends_a_wait_with_106_each_time) {
	ends_at_each_signal(0, 1);
	ends_at_each_signal(SA_RESTART, 1);
	ends_at_each_signal(0, 40);
	ends_at_each_signal(SA_RESTART, 40);
}

TEST(handled_signal_ends_a_wait_of_one_of_several_threads_with_106_each_time) {
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* so that this thread gets the signals */
	CHECK_EQUAL(pthread_create(&thread, NULL, idle, NULL), 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	ends_at_each_signal(0, 1);
	ends_at_each_signal(SA_RESTART, 40);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
}

/* Peers that answer in turn let the service sleep between two messages: guessing the next sender must not starve any. */
TEST(everybody_is_heard_while_one_peer_speaks_again_and_again) {
	int origin[3], peer[3];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < 3; i++) peer[i] = join(&ctx, &event, "pong", &origin[i]);
	for (int round = 0; round < 300; round++) {
		/* Usually the first; after a while each of the others once, and sometimes both at once. */
		int who = round % 50 == 20 ? 1 : round % 70 == 35 ? 2 : 0;
		write_frame(peer[who], 'm', &round, sizeof round);
		if (round % 90 == 45) write_frame(peer[2 - who], 'n', "and I", 5);
		next(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
		if (round % 90 == 45) next(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
		nothing_to_tell(&ctx, &event);
	}
	int late = raw_connect("pong");
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	for (int i = 0; i < 3; i++) close(peer[i]);
	for (int i = 0; i < 3; i++) next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	close(late);
	finish(&ctx, &event);
}

/* One peer answers so fast that its next message is always there. */
static void always_there(int gate) {
	char answer[IPC_HEADER_SIZE + 2];
	write_frame(gate, 'm', "go", 2);
	while (read_bytes(gate, answer, sizeof answer) == sizeof answer) write_frame(gate, 'm', "go", 2);
}

TEST(client_is_accepted_while_one_peer_always_speaks) {
	int gate;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	pid_t child = start(always_there, &gate);
	CHECK_OK(ipc_add_fd(&ctx, gate));
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, gate, IPC_CONNECTION_TYPE_IPC), 0);
	int client = -1;
	for (int turn = 0;; turn++) {
		CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
		if (event.type == IPC_EVENT_TYPE_CONNECTION) break;
		if (event.type == IPC_EVENT_TYPE_MESSAGE) CHECK_OK(ipc_write(&ctx, event.m));
		if (turn == 1000) client = raw_connect("pong");
		CHECK(turn < 2000);
	}
	kill(child, SIGKILL);
	CHECK_EQUAL(waitpid(child, NULL, 0), child);
	close(client);
	finish(&ctx, &event);
}
