/* libevent.c - a context in a loop of libevent: a persistent event watches its descriptor. */
#include "loop.h"

#include <event2/event.h>

static struct event_base *base;

static void on_readable(evutil_socket_t fd, short what, void *unused) {
	(void)fd, (void)what, (void)unused;
	handle_events();
}

static void on_timer(evutil_socket_t none, short what, void *unused) {
	(void)none, (void)what, (void)unused;
	handle_tick();
}

void run_loop(int fd, int interval) {
	struct timeval period = {interval / 1000, interval % 1000 * 1000};
	base = event_base_new();
	MUST(base != NULL);
	struct event *readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, NULL);
	struct event *timer = event_new(base, -1, EV_PERSIST, on_timer, NULL);
	MUST(readable != NULL && event_add(readable, NULL) == 0);
	MUST(timer != NULL && event_add(timer, &period) == 0);
	MUST(event_base_dispatch(base) == 0);
	event_free(readable);
	event_free(timer);
	event_base_free(base);
}

void stop_loop(void) { event_base_loopbreak(base); }
