/*
 * batches_timers.c - the timer of ipc_wait_events, signals that end it, and contexts that are empty, freed, or used by a handler or callback
 * in the middle.
 */
#include "batches.h"

#include <signal.h>
#include <time.h>

static long long now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

TEST(the_timer_is_never_early_and_comes_alone_also_under_traffic) {
	int origin, timer = 30;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	for (int traffic = 0; traffic < 2; traffic++) {
		long long begun = now();
		timer = 30;
		do {
			if (traffic)
				for (int i = 0; i < 3; i++) write_frame(peer, 'm', "one", 3);
			int before = timer;
			CHECK_EQUAL(ipc_wait_events(&ctx, events, ROOM, &count, &timer), 0);
			check_batch(0, ROOM);
			CHECK(timer <= before && timer >= 0);
			CHECK((timer == 0) == (events[0].type == IPC_EVENT_TYPE_TIMER));
		} while (events[0].type != IPC_EVENT_TYPE_TIMER);
		CHECK(now() - begun >= 30 * 1000000LL);
	}
	/* A negative one stays as it is. */
	timer = -5;
	write_frame(peer, 'm', "one", 3);
	CHECK_EQUAL(ipc_wait_events(&ctx, events, ROOM, &count, &timer), 0);
	CHECK_EQUAL(timer, -5);
	close(peer);
	end();
}

/* What remains may be passed on to either call. */
TEST(what_remains_of_a_timer_goes_on_with_the_other_call) {
	int origin, timer = 40;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	long long begun = now();
	for (int i = 0; i < 100000 && timer > 0; i++) {
		write_frame(peer, 'm', "one", 3);
		if (i % 2) CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		else CHECK_EQUAL(ipc_wait_events(&ctx, events, ROOM, &count, &timer), 0);
	}
	CHECK_EQUAL(timer, 0);
	CHECK(now() - begun >= 40 * 1000000LL);
	close(peer);
	end();
}

TEST(an_empty_context_has_nothing_but_time) {
	int timer = 5;
	long long begun = now();
	CHECK_EQUAL(ipc_wait_events(&ctx, events, ROOM, &count, &timer), 0);
	CHECK(now() - begun >= 5 * 1000000LL);
	check_batch(0, ROOM);
	check_event(0, IPC_EVENT_TYPE_TIMER, 0);
	nothing_more();
	ipc_ctx_free(&ctx);
}

/* ---- signals ---- */

static int caught;
static void catch (int number) { caught += number == SIGUSR1; }

/* SIGUSR1 again and again, because the first one may come before the wait sleeps. SIGALRM is the harness's limit. */
static timer_t ticking;
static void begin_signals(void (*handler)(int)) {
	struct sigaction action = {.sa_handler = handler};
	struct sigevent tell = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec every = {{0, 20000000}, {0, 20000000}};
	caught = 0;
	CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
	CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &tell, &ticking), 0);
	CHECK_EQUAL(timer_settime(ticking, 0, &every, NULL), 0);
}
static void end_signals(void) {
	CHECK_EQUAL(timer_delete(ticking), 0);
	/* One may still be on its way. */
	signal(SIGUSR1, SIG_IGN);
}

TEST(a_signal_ends_the_wait_with_106_and_without_an_event) {
	int timer = 20000;
	for (int has_server = 0; has_server < 2; has_server++) {
		if (has_server) CHECK_OK(ipc_server_init(&ctx, "pong"));
		timer = 20000, caught = 0, count = 77;
		begin_signals(catch);
		CHECK_EQUAL(ipc_wait_events(&ctx, events, ROOM, &count, &timer), IPC_ERROR_WAIT_EVENT__POLL);
		end_signals();
		CHECK(caught > 0 && count == 0 && events[0].type == IPC_EVENT_TYPE_NOT_SET);
		CHECK(timer > 0 && timer <= 20000);
		CHECK(strlen(ipc_last_error()) > 0);
	}
	end();
}

/* Once: where these are slow another signal would be there already. If it comes too early the timer ends the wait. */
static void catch_once(int number) {
	struct itimerspec never = {{0, 0}, {0, 0}};
	timer_settime(ticking, 0, &never, NULL);
	catch (number);
}
static void close_everything(int number) {
	catch_once(number);
	ipc_close_all(&ctx);
}
static void free_everything(int number) {
	catch_once(number);
	ipc_close_all(&ctx);
	ipc_ctx_free(&ctx);
}
static void fork_and_use(int number) {
	catch_once(number);
	pid_t child = fork();
	if (child == 0) {
		int timer = 0;
		if (ipc_wait_events(&ctx, events, ROOM, &count, &timer) != 0) _exit(1);
		if (count != 1 || events[0].type != IPC_EVENT_TYPE_TIMER) _exit(2);
		_exit(0);
	}
	int status;
	if (waitpid(child, &status, 0) != child || status != 0) _exit(9);
}

TEST(handlers_may_close_free_and_fork_while_a_batch_is_awaited) {
	void (*handlers[])(int) = {close_everything, free_everything, fork_and_use};
	for (int i = 0; i < 3; i++) {
		int origin, timer = 2000;
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		int peer = join(&ctx, &event, "pong", &origin);
		caught = 0, count = 77;
		begin_signals(handlers[i]);
		enum ipc_error_code code = ipc_wait_events(&ctx, events, ROOM, &count, &timer);
		end_signals();
		CHECK(code == IPC_ERROR_WAIT_EVENT__POLL || code == 0);
		CHECK(caught > 0 && count == (code == 0));
		clean_events();
		if (i == 0) CHECK(ctx.size == 2 && !is_open(origin));
		if (i == 1) CHECK(ctx.size == 0 && !is_open(origin));
		close(peer);
		end();
		unlink(address_of("pong").sun_path);
	}
}

/* ---- callbacks ---- */

static int calls, refreed;
static int near[2], far[2];

static enum ipccb free_in_callback(int fd, struct ipc_message *m, short int *more) {
	char byte;
	(void)m, (void)more;
	calls++;
	CHECK_EQUAL(recv(fd, &byte, 1, MSG_DONTWAIT), 1);
	ipc_ctx_free(&ctx);
	if (refreed) CHECK_OK(ipc_server_init(&ctx, "again"));
	return IPC_CB_IGNORE;
}

TEST(a_callback_that_frees_the_context_ends_the_batch) {
	for (refreed = 0; refreed < 2; refreed++) {
		int timer = refreed ? 30 : -1;
		calls = 0;
		make_switched(&ctx, near, far, 2);
		ipc_switching_callbacks(&ctx, near[0], free_in_callback, NULL);
		write_bytes(far[0], "x", 1);
		int server = ctx.pollfd[0].fd;
		CHECK_EQUAL(ipc_wait_events(&ctx, events, ROOM, &count, &timer), 0);
		CHECK_EQUAL(calls, 1);
		CHECK_EQUAL(count, 1);
		CHECK_EQUAL(events[0].type, refreed ? IPC_EVENT_TYPE_TIMER : IPC_EVENT_TYPE_NOT_SET);
		for (int i = 0; i < 2; i++) close(near[i]), close(far[i]);
		close(server);
		end();
		unlink(address_of("pong").sun_path);
	}
}

/* The callback frees the context and makes another one; then a signal ends the wait. */
static enum ipccb free_and_alarm(int fd, struct ipc_message *m, short int *more) {
	begin_signals(catch);
	return free_in_callback(fd, m, more);
}

TEST(a_signal_after_a_callback_that_freed_the_context_ends_the_wait_as_usual) {
	for (int single = 0; single < 2; single++) {
		int timer = 20000;
		caught = calls = 0, refreed = 1, count = 77;
		make_switched(&ctx, near, far, 2);
		ipc_switching_callbacks(&ctx, near[0], free_and_alarm, NULL);
		write_bytes(far[0], "x", 1);
		int server = ctx.pollfd[0].fd;
		if (single) CHECK_CODE(ipc_wait_event(&ctx, &event, &timer), IPC_ERROR_WAIT_EVENT__POLL);
		else CHECK_EQUAL(ipc_wait_events(&ctx, events, ROOM, &count, &timer), IPC_ERROR_WAIT_EVENT__POLL);
		end_signals();
		CHECK(calls == 1 && caught > 0);
		if (!single) CHECK_EQUAL(count, 0);
		CHECK(timer > 0 && timer <= 20000);
		for (int i = 0; i < 2; i++) close(near[i]), close(far[i]);
		close(server);
		end();
		unlink(address_of("pong").sun_path), unlink(address_of("again").sun_path);
	}
}
