/*
 * threads_clones.c - children that were made by the bare system call, clone(2), or by _Fork(3): no handler of pthread_atfork(3) runs.
 * What they do with their copy of a context does not affect the parent, and the copy works too.
 */
#include "peers.h"

#include <pthread.h>
#include <sys/syscall.h>

pid_t _Fork(void) __attribute__((weak));

static pid_t bare_clone(void) { return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }

static pid_t (*make_child)(void);

static struct ipc_ctx ctx;
static struct ipc_event event;
static int origin, peer;

static void in_a_clone(void (*body)(void)) {
	fflush(NULL);
	pid_t child = make_child();
	CHECK(child >= 0);
	if (child == 0) {
		limit_time();
		body();
		_exit(0);
	}
	await_process(child);
}

static void check_service(void) {
	write_frame(peer, 'a', "hello", 5);
	ready_message(&ctx, &event, origin, 'a', "hello", 5);
	queue(&ctx, origin, 'b', "hello", 5);
	ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(peer, 'b', "hello", 5);
	int second = raw_connect("pong");
	ready(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	close(second);
	ready(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	nothing_to_tell(&ctx, &event);
}

static void does_nothing(void) {}
static void closes_all(void) { CHECK_OK(ipc_close_all(&ctx)); }
static void closes_all_and_frees(void) {
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
	CHECK_EQUAL(ctx.size, 0);
}
static void closes_one(void) { CHECK_OK(ipc_close(&ctx, 1)); }
static void deletes_one(void) { CHECK_OK(ipc_del_fd(&ctx, origin)); }
static void frees(void) { ipc_ctx_free(&ctx); }
static void retypes(void) { CHECK_EQUAL(ipc_ctx_fd_type(&ctx, origin, IPC_CONNECTION_TYPE_EXTERNAL), 0); }
static void writes_until_there_is_no_room(void) {
	char *payload = pattern(1000000, 1);
	int ends[2];
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	queue(&ctx, ends[0], 'x', payload, 1000000);
	nothing_to_tell(&ctx, &event);
	free(payload);
}
static void works(void) { check_service(); }
static void works_after_a_child_of_its_own(void) {
	in_a_clone(closes_all_and_frees);
	check_service();
}

static void go_on_beside_children(void) {
	void (*const deeds[])(void) = {does_nothing, closes_all, closes_all_and_frees, closes_one, deletes_one, frees, retypes,
	    writes_until_there_is_no_room, works, works_after_a_child_of_its_own};
	pid_t (*const ways[])(void) = {bare_clone, _Fork};
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = join(&ctx, &event, "pong", &origin);
	nothing_to_tell(&ctx, &event);
	for (size_t way = 0; way < 2; way++) {
		make_child = ways[way];
		for (size_t i = 0; make_child != NULL && i < sizeof deeds / sizeof *deeds; i++) {
			in_a_clone(deeds[i]);
			CHECK_EQUAL(access(address_of("pong").sun_path, F_OK), 0);
			check_service();
		}
	}
	close(peer);
	finish(&ctx, &event);
}

TEST(what_a_child_by_clone_does_to_its_copy_takes_nothing_from_the_parent) { go_on_beside_children(); }

/* ---- beside a thread that is always inside the library ---- */

static volatile int stopped;
static struct ipc_ctx busy;
static int busy_ends[2];

static void *use_a_context(void *unused) {
	struct ipc_entry entry;
	while (!stopped) CHECK_OK(ipc_ctx_entry(&busy, busy_ends[0], &entry));
	return unused;
}

static void closes_what_is_in_use(void) {
	struct ipc_entry entry;
	struct ipc_error e = ipc_ctx_entry(&busy, busy_ends[0], &entry);
	/* The other thread may have been in the middle of a call. */
	CHECK(e.error_code == 0 || e.error_code == IPC_ERROR_CONTEXT__CALLED_IN_HANDLER);
	CHECK_OK(ipc_close_all(&busy));
	ipc_ctx_free(&busy);
	CHECK_EQUAL(busy.size, 0);
	/* as if zeroed */
	CHECK_OK(ipc_add_fd(&busy, busy_ends[0]));
	CHECK_OK(ipc_ctx_entry(&busy, busy_ends[0], &entry));
	check_service();
}

TEST(a_child_by_clone_goes_on_although_another_thread_was_inside_the_library) {
	pthread_t thread;
	make_pair(busy_ends);
	CHECK_OK(ipc_add_fd(&busy, busy_ends[0]));
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = join(&ctx, &event, "pong", &origin);
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(pthread_create(&thread, NULL, use_a_context, NULL), 0);
	make_child = bare_clone;
	for (int i = 0; i < 100; i++) {
		in_a_clone(closes_what_is_in_use);
		check_service();
	}
	stopped = 1;
	pthread_join(thread, NULL);
	ipc_ctx_free(&busy);
	close(busy_ends[0]), close(busy_ends[1]), close(peer);
	finish(&ctx, &event);
}

/* ---- memory that is shared is no copy ---- */

TEST(a_child_by_vfork_is_not_taken_for_a_copy) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = join(&ctx, &event, "pong", &origin);
	pid_t child = vfork();
	CHECK(child >= 0);
	if (child == 0) _exit(0);
	CHECK_EQUAL(waitpid(child, NULL, 0), child);
	check_service();
	close(peer);
	finish(&ctx, &event);
}
