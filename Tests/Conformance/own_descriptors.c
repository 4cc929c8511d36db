/*
 * own_descriptors.c - the library's own descriptors: a program may close them, as daemons close all that they do not know; they take
 * no number that an entry has; ipc_close_all leaves none open; and the library works in a process without a free descriptor.
 */
#include "peers.h"

#include <pthread.h>
#include <sys/resource.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

static int is_known(int fd) {
	for (size_t i = 0; i < ctx.size; i++)
		if (ctx.pollfd[i].fd == fd) return 1;
	return 0;
}

/* Closes every descriptor that is no entry's, but for those that were open when the test began. */
static char is_older[256];

static void remember_open(void) {
	for (int fd = 0; fd < 256; fd++) is_older[fd] = is_open(fd);
}

static void close_unknown(void) {
	for (int fd = 0; fd < 256; fd++)
		if (!is_older[fd] && !is_known(fd)) close(fd);
}

/* Opens files of many kinds with the free numbers. None is readable, and the library must neither write to nor close any. */
static void take_numbers(int *taken, int count) {
	for (int i = 0; i < count; i += 2) CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, taken + i) == 0);
}

static void served(const char *name) {
	int origin, peer = join(&ctx, &event, name, &origin);
	for (int i = 0; i < 5; i++) {
		write_frame(peer, 'a', "served", 6);
		next_message(&ctx, &event, origin, 'a', "served", 6);
		queue(&ctx, origin, 'b', "answer", 6);
		next(&ctx, &event, IPC_EVENT_TYPE_TX);
		read_frame(peer, 'b', "answer", 6);
	}
	close(peer);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
}

static void untouched(int *taken, int count) {
	for (int i = 0; i < count; i++) CHECK(is_open(taken[i]) && !is_readable(taken[i]));
	for (int i = 0; i < count; i++) close(taken[i]);
}

static void daemon_that_closes_all(int gate) {
	int taken[8];
	(void)gate;
	close_unknown();
	take_numbers(taken, 8);
	served("pong");
	untouched(taken, 8);
	ipc_ctx_free(&ctx);
	_exit(0);
}

TEST(daemon_that_closes_what_it_does_not_know_goes_on_serving) {
	int gate;
	remember_open();
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	nothing_to_tell(&ctx, &event);
	pid_t child = start(daemon_that_closes_all, &gate);
	join_process(child, gate);
	finish(&ctx, &event);
}

TEST(process_that_closes_the_librarys_descriptors_itself_goes_on) {
	int taken[8];
	remember_open();
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	served("pong");
	close_unknown();
	served("pong");
	close_unknown();
	take_numbers(taken, 8);
	served("pong");
	untouched(taken, 8);
	finish(&ctx, &event);
}

static void *idle(void *gate) {
	char byte;
	(void)!read(*(int *)gate, &byte, 1);
	return NULL;
}

/* With threads there is a second descriptor, which wakes them. */
TEST(process_with_threads_that_closes_the_librarys_descriptors_goes_on) {
	pthread_t thread;
	int ends[2], taken[8];
	remember_open();
	make_pair(ends);
	CHECK_EQUAL(pthread_create(&thread, NULL, idle, &ends[0]), 0);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	CHECK_OK(ipc_add_fd(&ctx, ends[1]));
	ipc_ctx_fd_type(&ctx, ends[1], IPC_CONNECTION_TYPE_IPC);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	served("pong");
	close_unknown();
	take_numbers(taken, 8);
	served("pong");
	untouched(taken, 8);
	write_bytes(ends[1], "x", 1);
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	close(ends[0]);
	finish(&ctx, &event);
}

/* The poller is rebuilt after the program has closed the number of an entry, and that number is the lowest free one. */
static void still_told(int fd) {
	for (int i = 0; i < 3; i++) {
		next(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
		CHECK_EQUAL(event.origin, fd);
	}
}

TEST(own_descriptor_that_takes_the_number_of_an_entry_disturbs_nobody) {
	int first[2], second[2];
	CHECK_EQUAL(pipe2(first, O_CLOEXEC), 0);
	make_pair(second);
	CHECK_OK(ipc_add_fd(&ctx, first[0]));
	CHECK_OK(ipc_add_fd(&ctx, second[0]));
	close(first[1]);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	close(first[0]);
	ipc_ctx_fd_type(&ctx, first[0], IPC_CONNECTION_TYPE_EXTERNAL);
	write_bytes(second[1], "x", 1);
	still_told(second[0]);
	close(second[0]);
	close(second[1]);
	ipc_ctx_free(&ctx);
}

TEST(own_descriptor_of_a_child_that_takes_the_number_of_an_entry_disturbs_nobody) {
	int first[2], second[2];
	CHECK_EQUAL(pipe2(first, O_CLOEXEC), 0);
	make_pair(second);
	CHECK_OK(ipc_add_fd(&ctx, first[0]));
	CHECK_OK(ipc_add_fd(&ctx, second[0]));
	nothing_to_tell(&ctx, &event);
	pid_t child = fork_process();
	if (child == 0) {
		close(first[0]);
		write_bytes(second[1], "x", 1);
		still_told(second[0]);
		_exit(0);
	}
	await_process(child);
	for (int i = 0; i < 2; i++) close(first[i]), close(second[i]);
	ipc_ctx_free(&ctx);
}

TEST(closing_all_leaves_no_descriptor_of_the_librarys) {
	int before = count_descriptors();
	for (int i = 0; i < 50; i++) {
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		int peer = join(&ctx, &event, "pong", NULL);
		CHECK_OK(ipc_close_all(&ctx));
		CHECK_EQUAL(count_descriptors(), before + 1);
		/* All is closed: a wait can only wait for its timer, and makes no descriptor. */
		nothing_to_tell(&ctx, &event);
		close(peer);
		CHECK_EQUAL(count_descriptors(), before);
		ipc_ctx_free(&ctx);
	}
}

static volatile pid_t waiter;

static void *waits(void *unused) {
	struct ipc_event mine = {0};
	waiter = gettid();
	CHECK_CODE(ipc_wait_event(&ctx, &mine, NULL), IPC_ERROR_WAIT_EVENT__CONTEXT_FREED);
	return unused;
}

/* Waits until the thread sleeps, by /proc. */
static void await_sleep(void) {
	char path[64], text[512], state = 0;
	while (waiter == 0) sched_yield();
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)waiter);
	while (state != 'S') {
		FILE *file = fopen(path, "r");
		CHECK(file != NULL && fgets(text, sizeof text, file) != NULL);
		fclose(file);
		state = strrchr(text, ')')[2];
		if (state != 'S') sched_yield();
	}
}

TEST(closing_all_while_a_thread_waits_leaves_none_when_it_is_back) {
	pthread_t thread;
	int before = count_descriptors();
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(pthread_create(&thread, NULL, waits, NULL), 0);
	await_sleep();
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	CHECK_EQUAL(count_descriptors(), before);
}

/* ---- no descriptor is free ---- */

static int taken[1024], taken_count;
static struct rlimit former;

/* So that only the numbers that are open now can be open. */
static void take_all_descriptors(void) {
	struct rlimit low;
	CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &former), 0);
	low = former;
	low.rlim_cur = 64;
	CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &low), 0);
	int fd;
	while ((fd = dup(2)) >= 0) taken[taken_count++] = fd;
}

static void give_descriptors_back(void) {
	while (taken_count > 0) close(taken[--taken_count]);
	CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &former), 0);
}

TEST(wait_without_a_free_descriptor_serves_all_the_same) {
	int ends[3][2];
	for (int i = 0; i < 3; i++) make_pair(ends[i]);
	CHECK_EQUAL(mkdir(run_directory, 0700) != 0, 1);
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	take_all_descriptors();
	for (int i = 0; i < 3; i++) {
		CHECK_OK(ipc_add_fd(&ctx, ends[i][0]));
		if (i < 2) CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[i][0], IPC_CONNECTION_TYPE_IPC), 0);
	}
	nothing_to_tell(&ctx, &event);
	for (int round = 0; round < 3; round++) {
		write_frame(ends[round % 2][1], 'a', "text", 4);
		next_message(&ctx, &event, ends[round % 2][0], 'a', "text", 4);
		write_bytes(ends[2][1], "x", 1);
		next(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
		char byte;
		CHECK_EQUAL(read_bytes(ends[2][0], &byte, 1), 1);
		nothing_to_tell(&ctx, &event);
	}
	give_descriptors_back();
	write_frame(ends[0][1], 'a', "text", 4);
	next_message(&ctx, &event, ends[0][0], 'a', "text", 4);
	finish(&ctx, &event);
	for (int i = 0; i < 3; i++) close(ends[i][1]);
	close(ends[2][0]);
	close(file);
}

TEST(service_without_a_free_descriptor_does_not_begin) {
	int hold = open("/dev/null", O_RDONLY | O_CLOEXEC), more = dup(hold);
	take_all_descriptors();
	close(hold); /* enough for the socket, and not for what watches it */
	struct ipc_error e = ipc_server_init(&ctx, "pong");
	int without = e.error_code != 0 && strstr(e.error_message, strerror(EMFILE)) != NULL;
	give_descriptors_back();
	close(more);
	if (e.error_code == 0) { /* this poller needs no descriptor of its own */
		served("pong");
		finish(&ctx, &event);
		return;
	}
	CHECK(without);
	CHECK_EQUAL(ctx.size, 0);
	CHECK_EQUAL(access(address_of("pong").sun_path, F_OK), -1);
	ipc_ctx_free(&ctx);
}
