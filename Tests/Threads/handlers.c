/*
 * handlers.c - signal handlers at any moment, by a timer, while several threads use the library: they fork, or close
 * everything, free the context and exit. No thread waits for ever. A test ends after a number of rounds, not after a time.
 */
#include "crew.h"

#include <sys/time.h>

enum { FORKS = 300, EXITS = 150, CHANGES = 2 };

static struct ipc_ctx ctx;
static struct ipc_event event;
static int origin, peer;
static volatile sig_atomic_t forks, stopped;

static void block_signals(void) {
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static void handle_with(void (*handler)(int number)) {
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	CHECK_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
}

static void ring_every(long first, long microseconds) {
	struct itimerval every = {{0, microseconds}, {0, first}};
	CHECK_EQUAL(setitimer(ITIMER_REAL, &every, NULL), 0);
}

/* ---- a handler that forks ---- */

static void *use_the_context(void *unused) {
	struct ipc_entry entry;
	block_signals();
	while (!stopped) CHECK_OK(ipc_ctx_entry(&ctx, origin, &entry));
	return unused;
}

static void *sleep_in_the_kernel(void *gate) {
	char byte;
	block_signals();
	read(*(int *)gate, &byte, 1);
	return NULL;
}

static void (*in_child)(void);

static void fork_once(int number) {
	int status;
	(void)number;
	pid_t child = fork();
	if (child == 0) {
		in_child();
		_exit(0);
	}
	if (child < 0) return;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
	if (status != 0) FAIL("a child ended with status %#x", (unsigned)status);
	forks++;
}

static void leave(void) {}
static void close_all(void) { CHECK_OK(ipc_close_all(&ctx)); }

/* Calls that allocate no memory: a handler that interrupts malloc(3) must not fork. */
static void fork_in_handlers(void (*child)(void), void *(*body)(void *), void *argument) {
	struct ipc_entry entry;
	struct sigaction ignored = {.sa_handler = SIG_IGN};
	CHECK_OK(ipc_server_init(&ctx, "forks"));
	peer = join(&ctx, &event, "forks", &origin);
	pthread_t thread = begin(body, argument);
	in_child = child;
	handle_with(fork_once);
	ring_every(1000, 1000);
	while (forks < FORKS)
		for (int i = 0; i < 1000; i++) CHECK_OK(ipc_ctx_entry(&ctx, origin, &entry));
	ring_every(0, 0);
	CHECK_EQUAL(sigaction(SIGALRM, &ignored, NULL), 0);
	stopped = 1;
	if (argument != NULL) close(((int *)argument)[1]);
	end(thread);
	write_frame(peer, 'm', "message", 7);
	next_message(&ctx, &event, origin, 'm', "message", 7);
	close(peer);
	finish(&ctx, &event);
}

TEST(a_handler_forks_beside_a_thread_that_sleeps) {
	int gate[2];
	CHECK_EQUAL(pipe2(gate, O_CLOEXEC), 0);
	fork_in_handlers(leave, sleep_in_the_kernel, gate);
	close(gate[0]);
}

TEST(a_handler_forks_beside_a_thread_that_uses_the_context) { fork_in_handlers(leave, use_the_context, NULL); }

TEST(a_child_of_a_handler_closes_its_copy) { fork_in_handlers(close_all, use_the_context, NULL); }

/* ---- a handler that closes everything and exits ---- */

static void close_free_and_exit(int number) {
	(void)number;
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
	_exit(0);
}

static void *wait_for_events(void *unused) {
	struct ipc_event own = {0};
	block_signals();
	while (1) ipc_wait_event(&ctx, &own, NULL);
	return unused;
}

static void *write_without_end(void *fd) {
	struct ipc_message m = message_of((int)(intptr_t)fd, 'w', "written", 7);
	block_signals();
	while (1) ipc_write(&ctx, &m);
	return fd;
}

/* A service and its client in one context: calls without end, until the signal comes. */
static void be_busy(int threads, long microseconds) {
	int fd, timer;
	CHECK_OK(ipc_server_init(&ctx, "busy"));
	CHECK_OK(ipc_connection(&ctx, "busy", &fd));
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	struct ipc_message m = message_of(event.origin, 'e', "event", 5);
	if (threads > 1) begin(wait_for_events, NULL);
	if (threads > 2) begin(write_without_end, (void *)(intptr_t)fd);
	handle_with(close_free_and_exit);
	ring_every(microseconds, 0);
	while (1) {
		timer = 0;
		ipc_write(&ctx, &m);
		ipc_wait_event(&ctx, &event, &timer);
	}
}

static void exit_in_handlers(const char *test, int threads) {
	uint64_t sequence = take_seed(test);
	for (int i = 0; i < EXITS; i++) {
		int status;
		long microseconds = 1 + draw(&sequence, 3000);
		fflush(NULL);
		pid_t child = fork();
		CHECK(child >= 0);
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			be_busy(threads, microseconds);
		}
		CHECK_EQUAL(waitpid(child, &status, 0), child);
		if (status != 0) FAIL("round %d, after %ld us: status %#x", i, microseconds, (unsigned)status);
		if (access(address_of("busy").sun_path, F_OK) == 0) FAIL("round %d, after %ld us: the socket file stays", i, microseconds);
	}
}

TEST(a_handler_closes_and_exits_in_a_process_of_one_thread) { exit_in_handlers(__func__, 1); }
TEST(a_handler_closes_and_exits_beside_a_thread_that_waits) { exit_in_handlers(__func__, 2); }
TEST(a_handler_closes_and_exits_beside_threads_that_wait_and_write) { exit_in_handlers(__func__, 3); }
