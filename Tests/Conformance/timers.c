/*
 * timers.c - the timer of ipc_wait_event beside the table's row: it ends a wait though bytes keep coming that make no event,
 * counts down over several events, and goes by what has passed, not by how often something stirred.
 */
#include "peers.h"

#include <dlfcn.h>
#include <sys/uio.h>
#include <time.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

/* ---- bytes that keep coming ---- */

/* The library's calls that receive pass here, because a program's functions come before libc's. While `drops` are left,
 * each of them is followed by one more byte from the peer: there is something to read whenever the library looks. */
static long drops;
static int dripping = -1;

static ssize_t then_drip(ssize_t result) {
	int saved = errno;
	if (drops > 0) {
		drops--;
		CHECK_EQUAL(send(dripping, "x", 1, MSG_NOSIGNAL), 1);
	}
	errno = saved;
	return result;
}

#define REAL(name)                     \
	static __typeof__(&name) real; \
	if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, #name)

ssize_t recv(int fd, void *buffer, size_t length, int flags) {
	REAL(recv);
	return then_drip(real(fd, buffer, length, flags));
}
ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
	REAL(recvmsg);
	return then_drip(real(fd, message, flags));
}
ssize_t read(int fd, void *buffer, size_t length) {
	REAL(read);
	return then_drip(real(fd, buffer, length));
}
ssize_t readv(int fd, const struct iovec *pieces, int count) {
	REAL(readv);
	return then_drip(real(fd, pieces, count));
}

/* "TIMER: the time is up", whatever trickles in meanwhile; the drops would go on for long. */
static void time_is_up(int milliseconds, long many) {
	char header[IPC_HEADER_SIZE];
	put_header(header, MSG_TYPE_DATA, IPC_MAX_MESSAGE_SIZE, 'd');
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	dripping = join(&ctx, &event, "pong", NULL);
	write_bytes(dripping, header, sizeof header);
	drops = many;
	int timer = milliseconds;
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	long left = drops;
	drops = 0;
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
	CHECK_EQUAL(timer, 0);
	if (left == 0) FAIL("the wait went on until the last of %ld drops had come", many);
	CHECK(left < many); /* that they came by, or this would show nothing */
	close(dripping);
	finish(&ctx, &event);
}

TEST(a_look_comes_back_though_bytes_keep_dripping_in) { time_is_up(0, 20000); }
TEST(the_time_is_up_though_bytes_keep_dripping_in) { time_is_up(5, 300000); }

static int64_t now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* The wait lasts for what was asked, one millisecond of rounding aside; longer is the system's business. */
TEST(a_timer_is_not_up_before_its_time) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int wanted = 1; wanted <= 60; wanted += 10) {
		int timer = wanted;
		int64_t start = now();
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
		CHECK(now() - start >= wanted - 1);
	}
	finish(&ctx, &event);
}

TEST(a_context_without_entries_has_its_timer_too) {
	int timer = 1;
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK(event.type == IPC_EVENT_TYPE_TIMER && event.index == 0 && event.origin == 0 && timer == 0);
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK(event.type == IPC_EVENT_TYPE_TIMER && timer == 0);
	ipc_ctx_free(&ctx);
}

/* "any other event leaves what remains": never more than before, and TIMER at last. */
TEST(a_timer_counts_down_over_the_events_of_a_loop) {
	int origin, peer, timer = 30, events = 0;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = join(&ctx, &event, "pong", &origin);
	do {
		int before = timer;
		if (events < 200) write_frame(peer, 'a', "hello", 5);
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK(timer >= 0 && timer <= before);
		events++;
	} while (event.type != IPC_EVENT_TYPE_TIMER);
	CHECK(events > 1);
	CHECK_EQUAL(timer, 0);
	close(peer);
	finish(&ctx, &event);
}

/* Also with an event that comes with a code: 4 from a pair. */
TEST(an_event_with_a_code_leaves_what_remains_as_well) {
	int near[2], far[2];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int round = 0; round < 2; round++) {
		int timer = round ? -5 : 50000;
		add_switched(&ctx, near, far, 2);
		ipc_ctx_switching_add(&ctx, near[0], near[1]);
		close(far[0]);
		CHECK_CODE(ipc_wait_event(&ctx, &event, &timer), IPC_ERROR_CLOSED_RECIPIENT);
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_DISCONNECTION);
		if (round) CHECK_EQUAL(timer, -5);
		else CHECK(timer > 0 && timer <= 50000);
		close(far[1]), close(near[0]), close(near[1]);
	}
	finish(&ctx, &event);
}

static void on_signal(int number) { (void)number; }

/* "A signal ends the wait": also one of an empty context, and one that may be restarted (SA_RESTART). */
TEST(a_signal_ends_every_wait) {
	struct sigevent notify = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec every = {{0, 20000000}, {0, 20000000}};
	timer_t clock;
	CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &notify, &clock), 0);
	for (int round = 0; round < 4; round++) {
		struct sigaction action = {.sa_handler = on_signal, .sa_flags = round & 1 ? SA_RESTART : 0};
		sigaction(SIGUSR1, &action, NULL);
		if (round == 2) CHECK_OK(ipc_server_init(&ctx, "pong"));
		CHECK_EQUAL(timer_settime(clock, 0, &every, NULL), 0);
		CHECK_CODE(ipc_wait_event(&ctx, &event, NULL), IPC_ERROR_WAIT_EVENT__POLL);
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_NOT_SET);
		CHECK(event.m == NULL);
		CHECK_EQUAL(timer_settime(clock, 0, &(struct itimerspec){0}, NULL), 0);
	}
	timer_delete(clock);
	finish(&ctx, &event);
}
