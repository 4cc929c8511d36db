/*
 * clock_readings.c - how often a wait reads the clock: a reading takes some 20 ns, as long as much else of a wait.
 *
 * A wait that finds something without sleeping reads no clock when it has no timer and nothing was unsent, else at most one. One that
 * sleeps reads it at most twice. The program's clock_gettime(2) takes the place of the C library's, also for libipc; so do the calls
 * that sleep, which let something happen at that moment.
 */
#define _GNU_SOURCE
#include "own_poll.h"
#include "peers.h"

#include <sys/epoll.h>

#define LONG 10000 /* milliseconds: a timer that does not run out */

static int readings, sleeps;
static void (*when_it_sleeps)(void);

int clock_gettime(clockid_t clock, struct timespec *time) {
	readings++;
	return (int)syscall(SYS_clock_gettime, clock, time);
}

/* ---- calls that sleep ---- */

static void before_sleep(int sleeping) {
	if (!sleeping) return;
	sleeps++;
	if (when_it_sleeps != NULL) when_it_sleeps();
	when_it_sleeps = NULL;
}
static int is_long(const struct timespec *timeout) { return timeout == NULL || timeout->tv_sec > 0 || timeout->tv_nsec > 0; }

int poll(struct pollfd *entries, nfds_t count, int timeout) {
	before_sleep(timeout != 0);
	return kernel_poll(entries, count, timeout);
}
int ppoll(struct pollfd *entries, nfds_t count, const struct timespec *timeout, const sigset_t *mask) {
	struct timespec time = timeout != NULL ? *timeout : (struct timespec){0}; /* the kernel writes what remains */
	before_sleep(is_long(timeout));
	return (int)syscall(SYS_ppoll, entries, count, timeout != NULL ? &time : NULL, mask, 8);
}
int epoll_pwait(int set, struct epoll_event *events, int room, int timeout, const sigset_t *mask) {
	before_sleep(timeout != 0);
	return (int)syscall(SYS_epoll_pwait, set, events, room, timeout, mask, 8);
}
int epoll_wait(int set, struct epoll_event *events, int room, int timeout) { return epoll_pwait(set, events, room, timeout, NULL); }
#ifdef SYS_epoll_pwait2
int epoll_pwait2(int set, struct epoll_event *events, int room, const struct timespec *timeout, const sigset_t *mask) {
	before_sleep(is_long(timeout));
	return (int)syscall(SYS_epoll_pwait2, set, events, room, timeout, mask, 8);
}
#endif

/* ---- a service with a peer ---- */

static struct ipc_ctx ctx;
static struct ipc_event event;
static int peer, origin;

static void open_service(void) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = join(&ctx, &event, "pong", &origin);
	/* The first messages of a connection may need more. */
	for (int i = 0; i < 3; i++) {
		write_frame(peer, 'w', "warm", 4);
		next_message(&ctx, &event, origin, 'w', "warm", 4);
	}
}
static void close_service(void) {
	finish(&ctx, &event);
	close(peer);
}

/* Waits for an event of this type; returns the number of readings. */
static int wait_counting(struct ipc_ctx *in, int *timer, enum ipc_event_type type) {
	readings = sleeps = 0;
	struct ipc_error error = ipc_wait_event(in, &event, timer);
	int count = readings;
	CHECK_EQUAL(error.error_code, IPC_ERROR_NONE);
	CHECK_EQUAL(event.type, type);
	return count;
}

/* It was so for one event of this type. */
/* Whether the library has no epoll set: poll(2) does not say whether it slept, and the clock is read once more. */
static int waits_by_poll(void) {
	char path[64], target[64];
	for (int fd = 0; fd < 64; fd++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t size = readlink(path, target, sizeof target - 1);
		if (size > 0 && (target[size] = 0, strstr(target, "eventpoll") != NULL)) return 0;
	}
	return 1;
}

#define CHECK_READINGS(in, timer, type, most)                                                                               \
	do {                                                                                                                \
		int count_ = wait_counting(in, timer, type);                                                                \
		if (count_ > (most) + waits_by_poll()) FAIL("the clock was read %d times, not at most %d", count_, (most)); \
	} while (0)

static void say(void) { write_frame(peer, 'a', "hi", 2); }

/* A message that the kernel has, and one that was received with it. */
static void check_messages_that_are_here(struct ipc_ctx *in, int *timer, int most) {
	for (int i = 0; i < 10; i++) {
		say();
		say();
		CHECK_READINGS(in, timer, IPC_EVENT_TYPE_MESSAGE, most);
		CHECK_READINGS(in, timer, IPC_EVENT_TYPE_MESSAGE, most);
	}
}

/* ---- no timer and nothing unsent ---- */

TEST(wait_without_timer_for_a_message_that_is_here_reads_no_clock) {
	int timer = -1;
	open_service();
	check_messages_that_are_here(&ctx, &timer, 0);
	check_messages_that_are_here(&ctx, NULL, 0);
	close_service();
}

TEST(wait_without_timer_for_a_burst_of_messages_reads_no_clock) {
	int timer = -1;
	open_service();
	for (int i = 0; i < 200; i++) say();
	for (int i = 0; i < 200; i++) CHECK_READINGS(&ctx, &timer, IPC_EVENT_TYPE_MESSAGE, 0);
	close_service();
}

TEST(wait_without_timer_for_a_client_a_descriptor_or_a_hang_up_reads_no_clock) {
	int timer = -1, ends[2];
	open_service();
	int client = raw_connect("pong");
	CHECK_READINGS(&ctx, &timer, IPC_EVENT_TYPE_CONNECTION, 0);
	close(client);
	CHECK_READINGS(&ctx, &timer, IPC_EVENT_TYPE_DISCONNECTION, 0);
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	write_bytes(ends[1], "x", 1);
	for (int i = 0; i < 10; i++) CHECK_READINGS(&ctx, &timer, IPC_EVENT_TYPE_EXTRA_SOCKET, 0);
	CHECK_OK(ipc_del_fd(&ctx, ends[0]));
	close(ends[0]);
	close(ends[1]);
	close_service();
}

TEST(wait_without_timer_of_a_client_with_one_connection_reads_no_clock) {
	struct ipc_ctx client = {0};
	int timer = -1;
	peer = join_raw(&client, "pong", NULL);
	check_messages_that_are_here(&client, &timer, 0);
	finish(&client, &event);
	close(peer);
}

/* ---- a timer, or something unsent ---- */

TEST(wait_with_a_timer_for_a_message_that_is_here_reads_the_clock_once) {
	int kept = LONG, none = 0;
	open_service();
	check_messages_that_are_here(&ctx, &kept, 1);
	for (int i = 0; i < 10; i++) {
		int anew = LONG;
		say();
		CHECK_READINGS(&ctx, &anew, IPC_EVENT_TYPE_MESSAGE, 1);
	}
	check_messages_that_are_here(&ctx, &none, 1);
	close_service();
}

/* It waits in poll(2) at once, which does not say whether it slept: so the clock is read again. */
TEST(wait_with_a_timer_of_a_client_with_one_connection_reads_the_clock_twice) {
	struct ipc_ctx client = {0};
	int timer = LONG;
	peer = join_raw(&client, "pong", NULL);
	check_messages_that_are_here(&client, &timer, 2);
	finish(&client, &event);
	close(peer);
}

TEST(wait_that_only_looks_and_finds_nothing_reads_the_clock_once) {
	open_service();
	for (int i = 0; i < 10; i++) {
		int timer = 0;
		CHECK_READINGS(&ctx, &timer, IPC_EVENT_TYPE_TIMER, 1);
	}
	close_service();
}

static void check_replies(int *timer) {
	for (int i = 0; i < 10; i++) {
		queue(&ctx, origin, 'r', "reply", 5);
		CHECK_READINGS(&ctx, timer, IPC_EVENT_TYPE_TX, 1);
		read_frame(peer, 'r', "reply", 5);
	}
}

TEST(wait_that_sends_reads_the_clock_once) {
	int none = -1, timer = LONG;
	open_service();
	check_replies(&none);
	check_replies(&timer);
	close_service();
}

/* Each message of a burst is answered before the next wait. */
static void check_burst_with_replies(int *timer) {
	for (int i = 0; i < 200; i++) say();
	for (int messages = 0, sent = 0; messages < 200 || sent < 200;) {
		readings = 0;
		struct ipc_error error = ipc_wait_event(&ctx, &event, timer);
		int count = readings;
		CHECK_EQUAL(error.error_code, IPC_ERROR_NONE);
		if (count > 1 + waits_by_poll()) FAIL("the clock was read %d times, not once", count);
		if (event.type == IPC_EVENT_TYPE_TX) {
			sent++;
			continue;
		}
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
		messages++;
		queue(&ctx, origin, 'r', "reply", 5);
	}
	for (int i = 0; i < 200; i++) read_frame(peer, 'r', "reply", 5);
}

TEST(wait_in_a_burst_that_is_answered_reads_the_clock_once) {
	int none = -1, timer = LONG;
	open_service();
	check_burst_with_replies(&none);
	check_burst_with_replies(&timer);
	close_service();
}

/* ---- sleeping ---- */

static void check_sleeps(struct ipc_ctx *in, int *timer) {
	for (int i = 0; i < 10; i++) {
		when_it_sleeps = say;
		CHECK_READINGS(in, timer, IPC_EVENT_TYPE_MESSAGE, 2);
		CHECK(sleeps > 0);
	}
}

TEST(wait_that_sleeps_reads_the_clock_twice) {
	int none = -1, kept = LONG;
	open_service();
	check_sleeps(&ctx, &none);
	check_sleeps(&ctx, &kept);
	close_service();
}

TEST(wait_of_a_client_that_sleeps_reads_the_clock_twice) {
	struct ipc_ctx client = {0};
	int none = -1, kept = LONG;
	peer = join_raw(&client, "pong", NULL);
	check_sleeps(&client, &none);
	check_sleeps(&client, &kept);
	finish(&client, &event);
	close(peer);
}
