/* epoll_level.c - a context in a level-triggered loop of epoll(7): each turn takes some events; what is left comes in the next one. */
#include "loop.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int is_stopped;

static void watch(int set, int fd) {
	struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
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
	for (is_stopped = 0; !is_stopped;) {
		int count = epoll_wait(set, ready, 2, -1);
		MUST(count > 0 || errno == EINTR);
		for (int i = 0; i < count; i++) {
			if (ready[i].data.fd == fd) handle_events();
			else if (read(timer, &expirations, sizeof expirations) > 0) handle_tick();
		}
	}
	close(timer);
	close(set);
}

void stop_loop(void) { is_stopped = 1; }
