/* libuv.c - a context in a loop of libuv: a poll handle watches its descriptor. */
#include "loop.h"

#include <uv.h>

static uv_loop_t loop;

static void on_readable(uv_poll_t *watcher, int status, int events) {
	(void)watcher, (void)events;
	MUST(status == 0);
	handle_events();
}

static void on_timer(uv_timer_t *timer) {
	(void)timer;
	handle_tick();
}

void run_loop(int fd, int interval) {
	uv_poll_t watcher;
	uv_timer_t timer;
	MUST(uv_loop_init(&loop) == 0);
	MUST(uv_poll_init(&loop, &watcher, fd) == 0);
	MUST(uv_poll_start(&watcher, UV_READABLE, on_readable) == 0);
	MUST(uv_timer_init(&loop, &timer) == 0);
	MUST(uv_timer_start(&timer, on_timer, (uint64_t)interval, (uint64_t)interval) == 0);
	uv_run(&loop, UV_RUN_DEFAULT);

	/* libuv lets go of handles in another turn of the loop. */
	uv_close((uv_handle_t *)&watcher, NULL);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	MUST(uv_loop_close(&loop) == 0);
	/* At the end of a program: two descriptors for signals, which all loops share. */
	uv_library_shutdown();
}

void stop_loop(void) { uv_stop(&loop); }
