/*
 * threads_forking_in_waits.c - a signal handler or a callback forks while its thread waits for events, and the child goes on with that wait.
 */
#include "sleeping.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static int origin, peer;

static int parent_gate[2];
static volatile sig_atomic_t is_child, child;

static void begin_child(void) {
	is_child = 1;
	alarm(60 * (getenv("TEST_PATIENCE") != NULL ? (unsigned)atoi(getenv("TEST_PATIENCE")) : 1)); /* a child does not inherit it */
}

static void fork_in_handler(int number) {
	(void)number;
	pid_t made = fork();
	if (made == 0) begin_child();
	else child = made;
}

static void start_service(void) {
	struct sigaction action = {.sa_handler = fork_in_handler, .sa_flags = SA_RESTART};
	CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
	CHECK_OK(ipc_server_init(&ctx, "forking"));
	peer = join(&ctx, &event, "forking", &origin);
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(pipe2(parent_gate, O_CLOEXEC), 0);
	CHECK_OK(ipc_add_fd(&ctx, parent_gate[0]));
}

static void finish_here(void) {
	CHECK_OK(ipc_del_fd(&ctx, parent_gate[0]));
	close(parent_gate[0]), close(parent_gate[1]);
	close(peer);
	finish(&ctx, &event);
}

static void *lead(void *sleeper) {
	struct ipc_event own = {0};
	note_thread(sleeper);
	CHECK_OK(ipc_wait_event(&ctx, &own, NULL));
	CHECK_EQUAL(own.type, IPC_EVENT_TYPE_EXTRA_SOCKET);
	return NULL;
}

/* In the child the thread is alone: what it waits for it must ask the kernel itself. */
static void *follow(void *sleeper) {
	struct ipc_event own = {0};
	int timer = *(int *)((struct sleeper *)sleeper + 1);
	note_thread(sleeper);
	CHECK_OK(ipc_wait_event(&ctx, &own, &timer));
	CHECK_EQUAL(own.type, IPC_EVENT_TYPE_EXTRA_SOCKET);
	if (!is_child) return NULL;
	finish_here();
	_exit(0);
}

static void fork_a_follower(int timer) {
	struct sleeper leader = {0};
	struct {
		struct sleeper sleeper;
		int timer;
	} follower = {{0}, timer};
	pthread_t threads[2];
	int status;
	start_service();
	CHECK_EQUAL(pthread_create(&threads[0], NULL, lead, &leader), 0);
	until_asleep(&leader);
	CHECK_EQUAL(pthread_create(&threads[1], NULL, follow, &follower), 0);
	until_asleep(&follower.sleeper);
	CHECK_EQUAL(pthread_kill(threads[1], SIGUSR1), 0);
	while (child == 0) sched_yield();
	CHECK_EQUAL(write(parent_gate[1], "x", 1), 1);
	for (int i = 0; i < 2; i++) CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	CHECK_EQUAL(status, 0);
	finish_here();
}

TEST(a_child_goes_on_with_a_wait_beside_which_another_thread_waited) { fork_a_follower(-1); }
TEST(a_child_goes_on_with_a_wait_with_a_timer_beside_which_another_thread_waited) { fork_a_follower(50000); }

/* ---- the context in a child that was made inside of a call ---- */

static int near[2], far[2];

static enum ipccb fork_in_callback(int fd, struct ipc_message *m, short int *more) {
	char byte;
	int status;
	(void)m, (void)more;
	CHECK_EQUAL(recv(fd, &byte, 1, MSG_DONTWAIT), 1);
	pid_t made = fork();
	if (made == 0) begin_child();
	else CHECK(waitpid(made, &status, 0) == made && status == 0);
	return IPC_CB_IGNORE;
}

static void *sleep_for_ever(void *unused) {
	while (1) pause();
	return unused;
}

/* The call that called the callback returns in the child, too. There the context is used, emptied, freed, and made again. */
static void fork_in_a_callback(int with_second_thread) {
	pthread_t thread;
	if (with_second_thread) CHECK_EQUAL(pthread_create(&thread, NULL, sleep_for_ever, NULL), 0);
	for (int i = 0; i < 2; i++) {
		int ends[2];
		make_pair(ends);
		near[i] = ends[0], far[i] = ends[1];
		CHECK_OK(ipc_add_fd_switched(&ctx, near[i]));
	}
	ipc_ctx_switching_add(&ctx, near[0], near[1]);
	ipc_switching_callbacks_(&ctx, near[0], fork_in_callback);
	write_bytes(far[0], "x", 1);
	next(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	for (int i = 0; i < 2; i++) CHECK_OK(ipc_del_fd(&ctx, near[i]));
	/* No call is in the context: deleting the last entry frees all. */
	CHECK(ctx.size == 0 && ctx.cinfos == NULL && ctx.pollfd == NULL);
	CHECK_OK(ipc_add_fd(&ctx, near[0]));
	CHECK_EQUAL(ctx.size, 1);
	ipc_ctx_free(&ctx);
	CHECK(ctx.size == 0 && ctx.cinfos == NULL);
	for (int i = 0; i < 2; i++) close(near[i]), close(far[i]);
	if (is_child) _exit(0);
}

TEST(a_callback_forks_and_both_processes_go_on) { fork_in_a_callback(0); }
TEST(a_callback_forks_beside_another_thread_and_both_processes_go_on) { fork_in_a_callback(1); }

/* ---- a child of a thread that is in no call, beside threads that wait ---- */

TEST(deleting_the_last_entry_frees_all_in_a_child_of_a_process_whose_threads_wait) {
	struct sleeper leader = {0};
	pthread_t thread;
	int status;
	start_service();
	CHECK_EQUAL(pthread_create(&thread, NULL, lead, &leader), 0);
	until_asleep(&leader);
	pid_t made = fork();
	if (made == 0) {
		begin_child();
		CHECK_OK(ipc_del_fd(&ctx, parent_gate[0]));
		CHECK_OK(ipc_del_fd(&ctx, origin));
		CHECK_OK(ipc_del_fd(&ctx, ctx.pollfd[0].fd));
		CHECK(ctx.size == 0 && ctx.cinfos == NULL && ctx.pollfd == NULL);
		_exit(0);
	}
	CHECK_EQUAL(waitpid(made, &status, 0), made);
	CHECK_EQUAL(status, 0);
	CHECK_EQUAL(write(parent_gate[1], "x", 1), 1);
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	finish_here();
}

/* ---- the same context used by a thread that a callback has begun ---- */

static pthread_t begun;
static struct ipc_ctx *to_free;
static void *free_from_a_thread(void *unused) {
	ipc_ctx_free(to_free);
	memset(to_free, 0xA5, sizeof *to_free);
	return unused;
}

static enum ipccb begin_a_thread(int fd, struct ipc_message *m, short int *more) {
	static struct ipc_ctx next_one;
	char byte;
	(void)m, (void)more;
	CHECK_EQUAL(recv(fd, &byte, 1, MSG_DONTWAIT), 1);
	CHECK_EQUAL(pthread_create(&begun, NULL, free_from_a_thread, NULL), 0);
	CHECK_EQUAL(pthread_join(begun, NULL), 0);
	/* May have the memory of the former one. */
	CHECK_OK(ipc_add_fd(&next_one, parent_gate[0]));
	CHECK_OK(ipc_del_fd(&next_one, parent_gate[0]));
	return IPC_CB_IGNORE;
}

TEST(the_first_thread_that_a_program_begins_frees_the_context_under_a_callback) {
	static struct ipc_ctx freed;
	to_free = &freed;
	CHECK_EQUAL(pipe2(parent_gate, O_CLOEXEC), 0);
	for (int i = 0; i < 2; i++) {
		int ends[2];
		make_pair(ends);
		near[i] = ends[0], far[i] = ends[1];
		CHECK_OK(ipc_add_fd_switched(&freed, near[i]));
	}
	ipc_ctx_switching_add(&freed, near[0], near[1]);
	ipc_switching_callbacks_(&freed, near[0], begin_a_thread);
	write_bytes(far[0], "x", 1);
	CHECK_CODE(ipc_wait_event(&freed, &event, NULL), IPC_ERROR_WAIT_EVENT__CONTEXT_FREED);
	CHECK_EQUAL(((unsigned char *)&freed)[0], 0xA5);
	for (int i = 0; i < 2; i++) close(near[i]), close(far[i]);
	close(parent_gate[0]), close(parent_gate[1]);
}
