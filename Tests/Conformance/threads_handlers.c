/*
 * threads_handlers.c - signal handlers that use the library while the same thread is in the middle of a call, in a process of one
 * thread and beside another thread: they may close everything, free the context and exit, or fork; any other call fails.
 */
#include "interrupted.h"

#include <setjmp.h>

static int is_at_its_end(int fd) {
	char byte;
	return recv(fd, &byte, 1, MSG_DONTWAIT) <= 0 && errno != EAGAIN;
}

/* ---- closing, freeing, exiting ---- */

static void close_all_free_and_exit(int number) {
	(void)number;
	CHECK_OK(ipc_close_all(&ctx));
	while (recv(peer, &(char){0}, 1, 0) > 0) {}
	CHECK(access(address_of("pong").sun_path, F_OK) != 0);
	ipc_ctx_free(&ctx);
	exit(0);
}

static void exit_in_a_handler(int with_second_thread, enum place place) {
	start_service(with_second_thread);
	handle_with(close_all_free_and_exit);
	wait_interrupted(place);
	FAIL("the handler did not exit");
}

TEST(a_handler_closes_all_frees_and_exits_in_the_middle_of_a_wait) { in_all_places(exit_in_a_handler); }

/* The descriptor that is being closed goes with the process. */
static void exit_at_once(int number) {
	(void)number;
	CHECK_OK(ipc_close_all(&ctx));
	CHECK(access(address_of("pong").sun_path, F_OK) != 0);
	ipc_ctx_free(&ctx);
	exit(0);
}

static void exit_while_closing(int with_second_thread, enum place place) {
	start_service(with_second_thread);
	handle_with(exit_at_once);
	armed = IN_CLOSE;
	(void)place;
	CHECK_OK(ipc_close(&ctx, 1));
	FAIL("the handler did not exit");
}

TEST(a_handler_closes_all_frees_and_exits_in_the_middle_of_closing) {
	for (int threads = 0; threads < 2; threads++) in_a_process(exit_while_closing, threads, IN_CLOSE);
	CHECK(access(address_of("pong").sun_path, F_OK) != 0);
}

static void close_all(int number) {
	(void)number;
	CHECK_OK(ipc_close_all(&ctx));
}

static void return_from_closing(int with_second_thread, enum place place) {
	int before = count_descriptors(), ends[2];
	struct ipc_ctx other = {0};
	start_service(with_second_thread);
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	handle_with(close_all);
	wait_interrupted(place);
	/* The numbers are free now: new files may get them, and stay open. */
	CHECK(access(address_of("pong").sun_path, F_OK) != 0);
	CHECK(!is_open(origin) && is_at_its_end(peer) && is_open(ends[0]));
	for (size_t i = 0; i < ctx.size; i++) CHECK(ctx.cinfos[i].spath == NULL);
	int opened = open("/dev/null", O_RDONLY | O_CLOEXEC);
	nothing_to_tell(&ctx, &event);
	CHECK_OK(ipc_close_all(&ctx));
	CHECK(is_open(opened));
	close(opened);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
	CHECK_EQUAL(ctx.size, 0);
	CHECK_OK(ipc_server_init(&other, "pong"));
	CHECK_OK(ipc_close_all(&other));
	ipc_ctx_free(&other);
	close(ends[0]), close(ends[1]), close(peer);
	CHECK_EQUAL(count_descriptors(), before);
}

TEST(a_call_goes_on_after_a_handler_that_closed_all) { in_all_places(return_from_closing); }

static void free_all(int number) {
	(void)number;
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
	ipc_ctx_free(&ctx);
}

static void return_from_freeing(int with_second_thread, enum place place) {
	int before = count_descriptors();
	start_service(with_second_thread);
	handle_with(free_all);
	for (int round = 0; round < 3; round++) {
		wait_interrupted(place);
		CHECK(ctx.size == 0 && ctx.cinfos == NULL && ctx.pollfd == NULL && ctx.tx.size == 0);
		CHECK(is_at_its_end(peer));
		close(peer);
		/* as if zeroed */
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		peer = join(&ctx, &event, "pong", &origin);
		nothing_to_tell(&ctx, &event);
	}
	close(peer);
	finish(&ctx, &event);
	CHECK_EQUAL(count_descriptors(), before);
}

TEST(a_call_goes_on_after_a_handler_that_freed_its_context) { in_all_places(return_from_freeing); }

/* A context that the interrupted call does not use, and one that only the handler uses. */
static struct ipc_ctx second;

static void close_and_free_the_second(int number) {
	(void)number;
	CHECK_OK(ipc_close_all(&second));
	ipc_ctx_free(&second);
}

static void lose_the_second(int with_second_thread, enum place place) {
	int before = count_descriptors();
	start_service(with_second_thread);
	CHECK_OK(ipc_server_init(&second, "second"));
	int other_peer = raw_connect("second");
	handle_with(close_and_free_the_second);
	wait_interrupted(place);
	CHECK(access(address_of("second").sun_path, F_OK) != 0);
	CHECK(second.size == 0 && second.cinfos == NULL);
	CHECK(is_at_its_end(other_peer));
	close(other_peer);
	CHECK_OK(ipc_server_init(&second, "second"));
	CHECK_OK(ipc_close_all(&second));
	ipc_ctx_free(&second);
	int late_origin, late = join(&ctx, &event, "pong", &late_origin);
	write_frame(late, 'l', "late", 4);
	do CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
	while (event.origin != late_origin);
	check_message_event(&event, late_origin, 'l', "late", 4);
	close(late), close(peer);
	finish(&ctx, &event);
	CHECK_EQUAL(count_descriptors(), before);
}

TEST(a_handler_closes_and_frees_another_context_than_the_one_in_use) { in_all_places(lose_the_second); }

/* The call on the second context ends before the interrupted one, to which the rest of the work belongs. */
static void close_all_and_use_the_second(int number) {
	struct ipc_event second_event = {0};
	int timer = 0;
	close_all(number);
	struct ipc_error e = ipc_wait_event(&second, &second_event, &timer);
	CHECK(e.error_code == 0 || e.error_code == IPC_ERROR_CONTEXT__CALLED_IN_HANDLER);
}

static void use_the_second(int with_second_thread, enum place place) {
	start_service(with_second_thread);
	CHECK_OK(ipc_server_init(&second, "second"));
	int server = ctx.pollfd[0].fd;
	handle_with(close_all_and_use_the_second);
	wait_interrupted(place);
	CHECK(!is_open(server) && !is_open(origin) && is_at_its_end(peer));
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
	CHECK_OK(ipc_close_all(&second));
	ipc_ctx_free(&second);
}

TEST(a_handler_that_closed_all_uses_another_context_and_the_call_closes_the_rest) { in_all_places(use_the_second); }

/* ---- other calls ---- */

static enum place interrupted;

static void refuse(int number) {
	struct ipc_entry entry;
	struct ipc_event unused = {0};
	struct ipc_message m = message_of(origin, 'x', "x", 1), received = {0};
	int timer = 0, fd;
	(void)number;
	CHECK_CODE(ipc_wait_event(&ctx, &unused, &timer), IPC_ERROR_CONTEXT__CALLED_IN_HANDLER);
	CHECK_CODE(ipc_write(&ctx, &m), IPC_ERROR_CONTEXT__CALLED_IN_HANDLER);
	if (interrupted != IN_CLOSE) { /* then the context has the descriptor no more */
		CHECK_CODE(ipc_write_fd(origin, &m), IPC_ERROR_CONTEXT__CALLED_IN_HANDLER);
		CHECK_CODE(ipc_read_fd(origin, &received), IPC_ERROR_CONTEXT__CALLED_IN_HANDLER);
		CHECK_CODE(ipc_provide_fd(origin, 2), IPC_ERROR_CONTEXT__CALLED_IN_HANDLER);
	}
	CHECK_CODE(ipc_add_fd(&ctx, 0), IPC_ERROR_CONTEXT__CALLED_IN_HANDLER);
	CHECK_CODE(ipc_close(&ctx, 1), IPC_ERROR_CONTEXT__CALLED_IN_HANDLER);
	CHECK_CODE(ipc_del_fd(&ctx, origin), IPC_ERROR_CONTEXT__CALLED_IN_HANDLER);
	CHECK_CODE(ipc_ctx_entry(&ctx, origin, &entry), IPC_ERROR_CONTEXT__CALLED_IN_HANDLER);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, origin, IPC_CONNECTION_TYPE_EXTERNAL), -1);
	ipc_ctx_switching_add(&ctx, origin, 2);
	CHECK_EQUAL(ipc_ctx_switching_del(&ctx, origin), -1);
	CHECK_OK(ipc_ctx_release(&ctx));
	/* on no context */
	CHECK_OK(usock_connect(&fd, address_of("pong").sun_path));
	CHECK_OK(usock_close(fd));
}

static void go_on_undisturbed(int with_second_thread, enum place place) {
	int before = count_descriptors();
	start_service(with_second_thread);
	handle_with(refuse);
	interrupted = place;
	CHECK_EQUAL(wait_interrupted(place), 0);
	if (place == IN_RECEIVE) check_message_event(&event, origin, 'm', "message", 7);
	if (place == IN_SEND) {
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TX);
		read_frame(peer, 'q', "queued", 6);
	}
	close(peer);
	for (int timer = 0; event.type != IPC_EVENT_TYPE_TIMER;) CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	finish(&ctx, &event);
	CHECK_EQUAL(count_descriptors(), before);
}

TEST(any_other_call_of_a_handler_in_the_middle_of_one_fails) { in_all_places(go_on_undisturbed); }

/* ---- in a wait that sleeps ---- */

static void ring_later(int milliseconds) {
	struct sigevent notify = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec once = {{0, 0}, {0, milliseconds * 1000000}};
	timer_t clock;
	CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &notify, &clock), 0);
	CHECK_EQUAL(timer_settime(clock, 0, &once, NULL), 0);
}

static void sleep_and_close(int with_second_thread, enum place place) {
	int before = count_descriptors(), timer = 20000;
	(void)place;
	start_service(with_second_thread);
	handle_with(close_all);
	ring_later(20);
	CHECK_CODE(ipc_wait_event(&ctx, &event, &timer), IPC_ERROR_WAIT_EVENT__POLL);
	CHECK(!is_open(origin) && is_at_its_end(peer));
	ipc_ctx_free(&ctx);
	close(peer);
	CHECK_EQUAL(count_descriptors(), before);
}

static void sleep_and_free(int with_second_thread, enum place place) {
	int before = count_descriptors(), timer = 20000;
	(void)place;
	start_service(with_second_thread);
	handle_with(free_all);
	ring_later(20);
	ipc_wait_event(&ctx, &event, &timer);
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_NOT_SET);
	CHECK(ctx.size == 0 && ctx.cinfos == NULL && is_at_its_end(peer));
	close(peer);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	nothing_to_tell(&ctx, &event);
	finish(&ctx, &event);
	CHECK_EQUAL(count_descriptors(), before);
}

TEST(a_handler_closes_all_in_a_wait_that_sleeps) {
	for (int threads = 0; threads < 2; threads++) in_a_process(sleep_and_close, threads, NOWHERE);
}
TEST(a_handler_frees_the_context_in_a_wait_that_sleeps) {
	for (int threads = 0; threads < 2; threads++) in_a_process(sleep_and_free, threads, NOWHERE);
}

/* ---- out of a wait, and on another stack ---- */

static sigjmp_buf place_to_go_on;
static void jump(int number) {
	(void)number;
	siglongjmp(place_to_go_on, 1);
}

TEST(a_handler_leaves_a_wait_that_sleeps_with_siglongjmp_and_the_context_goes_on) {
	volatile int rounds = 0;
	start_service(0);
	handle_with(jump);
	sigsetjmp(place_to_go_on, 1);
	if (rounds++ < 5) {
		ring_later(5);
		ipc_wait_event(&ctx, &event, NULL);
		FAIL("the handler did not jump");
	}
	write_frame(peer, 'm', "message", 7);
	ready_message(&ctx, &event, origin, 'm', "message", 7);
	IPC_EVENT_CLEAN(&event);
	/* no call is in the context: deleting the last entry frees all */
	CHECK_OK(ipc_close_fd(&ctx, origin));
	CHECK_OK(ipc_close_fd(&ctx, ctx.pollfd[0].fd));
	CHECK(ctx.size == 0 && ctx.cinfos == NULL);
	close(peer);
}

static void exit_on_another_stack(int with_second_thread, enum place place) {
	static char memory[65536];
	stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};
	struct sigaction action = {.sa_handler = close_all_free_and_exit, .sa_flags = SA_ONSTACK};
	start_service(with_second_thread);
	CHECK_EQUAL(sigaltstack(&stack, NULL), 0);
	CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
	wait_interrupted(place);
	FAIL("the handler did not exit");
}

TEST(a_handler_on_an_alternate_stack_closes_all_frees_and_exits) { in_all_places(exit_on_another_stack); }

/* ---- fork ---- */

static void (*deed)(void);

static void fork_and_await(int number) {
	int status;
	(void)number;
	pid_t child = fork();
	if (child == 0) {
		deed();
		_exit(0);
	}
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	CHECK_EQUAL(status, 0);
}

static void does_nothing(void) {}
static void closes_all(void) { CHECK_OK(ipc_close_all(&ctx)); }
static void closes_all_and_frees(void) {
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
}

static void fork_in_a_handler(int with_second_thread, enum place place) {
	void (*const deeds[])(void) = {does_nothing, closes_all, closes_all_and_frees};
	start_service(with_second_thread);
	handle_with(fork_and_await);
	for (int i = 0; i < 3; i++) {
		deed = deeds[i];
		CHECK_EQUAL(wait_interrupted(place), 0);
		if (place == IN_RECEIVE) check_message_event(&event, origin, 'm', "message", 7);
		if (place == IN_SEND) {
			CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TX);
			read_frame(peer, 'q', "queued", 6);
		}
		CHECK_EQUAL(access(address_of("pong").sun_path, F_OK), 0);
		if (place != IN_CLOSE) continue;
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_DISCONNECTION);
		close(peer);
		peer = join(&ctx, &event, "pong", &origin);
	}
	write_frame(peer, 'a', "after", 5);
	next(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
	check_message_event(&event, origin, 'a', "after", 5);
	close(peer);
	finish(&ctx, &event);
}

TEST(a_handler_forks_in_the_middle_of_a_call_and_the_parent_notices_nothing) { in_all_places(fork_in_a_handler); }

/* ---- memory ---- */

TEST(ipc_close_all_neither_takes_memory_nor_gives_it_back) {
	struct ipc_ctx client = {0};
	int fd, client_origin;
	char *payload = pattern(1000000, 1);
	start_service(0);
	CHECK_OK(ipc_connection(&client, "pong", &fd));
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	client_origin = event.origin;
	for (int i = 0; i < 3; i++) queue(&ctx, client_origin, 'q', payload, 1000000);
	queue(&ctx, origin, 'q', "queued", 6);
	write_bytes(peer, "\x02\0\0\0\x09half", 9);
	IPC_EVENT_CLEAN(&event);
	/* a frame that is begun in both directions */
	for (int timer = 0; event.type != IPC_EVENT_TYPE_TIMER;) CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	is_counting = 1;
	struct ipc_error e = ipc_close_all(&ctx);
	is_counting = 0;
	CHECK_EQUAL(e.error_code, 0);
	CHECK_EQUAL(allocations, 0);
	CHECK_EQUAL(ctx.tx.size, 0);
	CHECK(!is_open(origin) && !is_open(client_origin));
	finish(&client, &event);
	ipc_ctx_free(&ctx);
	close(peer);
	free(payload);
}
