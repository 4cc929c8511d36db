/*
 * timers_exact.c - a timer is never early, and comes on time under constant traffic. The test has its own clock: it defines
 * clock_gettime(2), which then replaces libc's for the library.
 */
#include "peers.h"

#include <dlfcn.h>
#include <time.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

/* ---- a clock that stands still unless the test moves it ---- */

static int64_t fake_nanoseconds; /* 0: the system's clock */

int clock_gettime(clockid_t clock, struct timespec *time) {
	static int (*real)(clockid_t, struct timespec *);
	if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	if (fake_nanoseconds == 0) return real(clock, time);
	time->tv_sec = fake_nanoseconds / 1000000000;
	time->tv_nsec = fake_nanoseconds % 1000000000;
	return 0;
}

static int64_t nanoseconds(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* A peer that has sent `count` messages. */
static int speaking_peer(int count) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", NULL);
	for (int i = 0; i < count; i++) write_frame(peer, 'm', "x", 1);
	return peer;
}

/* Handles messages, each of which takes `step` nanoseconds, until the timer comes; returns how many came before. */
static int messages_before_the_timer(int milliseconds, int64_t step, int *left) {
	int timer = milliseconds;
	for (int count = 0; count < 200; count++) {
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		*left = timer;
		if (event.type == IPC_EVENT_TYPE_TIMER) return count;
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
		fake_nanoseconds += step;
	}
	FAIL("the timer did not come between 200 messages");
}

TEST(timer_is_on_time_though_messages_of_less_than_a_millisecond_never_pause) {
	int left;
	fake_nanoseconds = 5000000000;
	int peer = speaking_peer(200);
	int count = messages_before_the_timer(10, 300000, &left);
	/* 34 messages take 10.2 ms. What has been found before the time was up comes first: a batch of messages, not all 200. */
	if (count < 34 || count > 150) FAIL("the timer came after %d messages", count);
	CHECK_EQUAL(left, 0);
	close(peer);
	finish(&ctx, &event);
}

TEST(event_leaves_what_remains_rounded_up) {
	int timer = 100;
	fake_nanoseconds = 5000000000;
	int peer = speaking_peer(4);
	const int steps[] = {400000, 400000, 400000, 99000000}, wanted[] = {100, 100, 100, 99};
	for (int i = 0; i < 4; i++) {
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
		CHECK_EQUAL(timer, wanted[i]);
		fake_nanoseconds += steps[i];
	}
	/* 100.2 ms have passed. */
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
	CHECK_EQUAL(timer, 0);
	close(peer);
	finish(&ctx, &event);
}

TEST(another_value_is_a_new_timer) {
	int timer = 100;
	fake_nanoseconds = 5000000000;
	int peer = speaking_peer(3);
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(timer, 100);
	fake_nanoseconds += 99500000;
	timer = 50;
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
	CHECK_EQUAL(timer, 50);
	fake_nanoseconds += 49500000;
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
	CHECK_EQUAL(timer, 1);
	close(peer);
	finish(&ctx, &event);
}

TEST(timer_is_never_early) {
	int peer = speaking_peer(0);
	for (int i = 0; i < 30; i++) {
		int timer = 3;
		int64_t begin = nanoseconds();
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
		CHECK(nanoseconds() - begin >= 3000000);
	}
	close(peer);
	finish(&ctx, &event);
}

/* Bytes without an event wake the wait early: the remaining time is not cut to whole milliseconds. */
TEST(timer_is_never_early_though_bytes_drip_in) {
	char header[IPC_HEADER_SIZE];
	int peer = speaking_peer(0);
	put_header(header, MSG_TYPE_DATA, IPC_MAX_MESSAGE_SIZE, 'd');
	write_bytes(peer, header, sizeof header);
	pid_t child = fork();
	if (child == 0) {
		for (;;) {
			struct timespec pause = {0, 370000};
			if (send(peer, "x", 1, MSG_NOSIGNAL) < 0) _exit(0);
			nanosleep(&pause, NULL);
		}
	}
	for (int i = 0; i < 50; i++) {
		int timer = 4;
		int64_t begin = nanoseconds();
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
		CHECK(nanoseconds() - begin >= 4000000);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(peer);
	finish(&ctx, &event);
}

TEST(timer_that_ran_out_in_the_handler_comes_at_once) {
	int timer = 5, left;
	fake_nanoseconds = 5000000000;
	int peer = speaking_peer(1);
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(timer, 5);
	fake_nanoseconds += 6000000;
	write_frame(peer, 'm', "x", 1);
	CHECK_EQUAL(messages_before_the_timer(5, 0, &left), 0);
	/* Nothing is lost by that. */
	timer = 0;
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
	close(peer);
	finish(&ctx, &event);
}
