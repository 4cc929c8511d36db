/* epoll_edge.c - a context in an edge-triggered loop of epoll(7). An edge comes once: while events may be left the loop does not
 * sleep, but looks for what else is ready, so that a busy context keeps nobody waiting. */
#include "loop.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int is_stopped;

static void watch(int set, int fd) {
	struct epoll_event wanted = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd, &wanted) == 0);
}

void run_loop(int fd, int interval) {
	struct timespec period = {interval / 1000, interval % 1000 * 1000000L};
	struct epoll_event ready[2];
	uint64_t expirations;
	int set = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	MUST(set >= 0 && timer >= 0);
	MUST(timerfd_settime(timer, 0, &(struct itimerspec){period, period}, NULL) == 0);
	watch(set, fd);
	watch(set, timer);
	is_stopped = 0;
	for (int is_ready = 0; !is_stopped;) {
		int count = epoll_wait(set, ready, 2, is_ready ? 0 : -1);
		MUST(count >= 0 || errno == EINTR);
		for (int i = 0; i < count; i++) {
			if (ready[i].data.fd == fd) is_ready = 1;
			else if (read(timer, &expirations, sizeof expirations) > 0) handle_tick();
		}
		if (is_ready) is_ready = handle_events();
	}
	close(timer);
	close(set);
}

void stop_loop(void) { is_stopped = 1; }
