/*
 * idle.c - an idle loop sleeps. Its wake-ups are counted, in ticks of its own timer: after the last event a few may find nothing,
 * and then there are none.
 */
#include "echo.h"

enum { TICK = 10, QUIET = 5, SETTLING = 25, END = 50 }; /* the first in milliseconds, the others in ticks without an event */
enum { SETTLING_WAKEUPS = 4 };

static long last_happened, quiet, wakeups_then;
static void (*on_idle)(void);

static void count_wakeups(void) {
	quiet = happened == last_happened && happened > 0 ? quiet + 1 : 0;
	last_happened = happened;
	if (quiet == QUIET) wakeups_then = wakeups;
	if (quiet == SETTLING) {
		if (wakeups - wakeups_then > SETTLING_WAKEUPS) FAIL("%ld wake-ups for nothing", wakeups - wakeups_then);
		wakeups_then = wakeups;
	}
	if (quiet != END) return;
	CHECK_EQUAL(wakeups - wakeups_then, 0);
	on_idle();
}

static void take_echo(struct ipc_event *event) {
	static uint32_t done;
	if (event->type == IPC_EVENT_TYPE_TX) return;
	CHECK_EQUAL(event->type, IPC_EVENT_TYPE_MESSAGE);
	check(event, done, 16);
	if (++done < 10) put(event->origin, 'm', done, 16);
}

static void await_other(void) { meet(gate); }

static void serve_and_idle(void) {
	on_tick = count_wakeups;
	on_idle = await_other;
	run();
}

TEST(an_idle_loop_sleeps) {
	int server;
	interval = TICK;
	start_service(1, serve_and_idle);
	on_event = take_echo;
	on_tick = count_wakeups;
	on_idle = stop_loop;
	CHECK_OK(ipc_connection(&ctx, "echo", &server));
	put(server, 'm', 0, 16);
	run();
	meet(gate);
	end_both();
}

/* ---- peers that keep something waiting ---- */

enum { KEPT = 4, KEPT_SIZE = 1900000, PAIR_SIZE = 60000 };
static int near[2], far[2], hung_up[2];

static void serve_slow(struct ipc_event *event) {
	if (event->type == IPC_EVENT_TYPE_SWITCH) return;
	if (event->origin != hung_up[0]) return serve(event);
	CHECK_EQUAL(event->type, IPC_EVENT_TYPE_DISCONNECTION);
}

/* A pipe that nobody writes to any more; and a switched pair, one end of which sends what the other one does not read. */
static void serve_slow_peers(void) {
	char bytes[PAIR_SIZE];
	on_event = serve_slow;
	on_tick = count_wakeups;
	on_idle = await_other;
	some_do_not_stay = 1;
	CHECK(pipe(hung_up) == 0);
	CHECK_OK(ipc_add_fd(&ctx, hung_up[0]));
	close(hung_up[1]);
	add_switched(&ctx, near, far, 2);
	ipc_ctx_switching_add(&ctx, near[0], near[1]);
	put_header(bytes, MSG_TYPE_DATA, PAIR_SIZE - IPC_HEADER_SIZE, 's');
	memset(bytes + IPC_HEADER_SIZE, 0, PAIR_SIZE - IPC_HEADER_SIZE);
	pid_t sender = fork_process();
	if (sender == 0) {
		while (send(far[0], bytes, sizeof bytes, MSG_NOSIGNAL) > 0) {}
		_exit(0);
	}
	run();
	kill(sender, SIGKILL);
	CHECK_EQUAL(waitpid(sender, NULL, 0), sender);
	ipc_ctx_switching_del(&ctx, near[0]);
	for (int i = 0; i < 2; i++) {
		CHECK_OK(ipc_del_fd(&ctx, near[i]));
		close(near[i]), close(far[i]);
	}
	CHECK_OK(ipc_del_fd(&ctx, hung_up[0]));
	close(hung_up[0]);
}

/* One reads nothing, one has stopped writing and reads nothing, one has sent half a message. Afterwards they get all. */
TEST(an_idle_loop_sleeps_whatever_waits) {
	interval = TICK;
	start_service(3, serve_slow_peers);
	int slow = raw_connect("echo"), stopped = raw_connect("echo"), half = raw_connect("echo");
	for (int i = 0; i < KEPT; i++) write_frame(slow, 'k', filling + i, KEPT_SIZE);
	write_frame(stopped, 'k', filling, KEPT_SIZE);
	CHECK(shutdown(stopped, SHUT_WR) == 0);
	char frame[FRAME_SIZE(4)];
	put_header(frame, MSG_TYPE_DATA, 4, 'h');
	memcpy(frame + IPC_HEADER_SIZE, "half", 4);
	write_bytes(half, frame, 8);
	meet(gate);
	for (int i = 0; i < KEPT; i++) read_frame(slow, 'k', filling + i, KEPT_SIZE);
	read_frame(stopped, 'k', filling, KEPT_SIZE);
	write_bytes(half, frame + 8, sizeof frame - 8);
	read_frame(half, 'h', "half", 4);
	close(slow), close(stopped), close(half);
	end_both();
}
