/*
 * bsd.c - what the daemons ask of FreeBSD, OpenBSD, NetBSD and macOS: signals and readiness by kqueue(2), the user of a peer, flags of
 * sockets. Linux: linux.c.
 */
#ifndef __linux__
#include "systems.h"

#include <netinet/tcp.h>
#include <sys/event.h>
#include <sys/time.h>

static int marked(int fd, int status_flags) {
	if (fd >= 0) {
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, status_flags);
	}
	return fd;
}

/* A queue changed by one filter. The fields of a struct kevent have other types on each system. */
static int change(int queue, int ident, int filter, int flags) {
	struct kevent event = {0};
	event.ident = (uintptr_t)ident;
	event.filter = (__typeof__(event.filter))filter;
	event.flags = (__typeof__(event.flags))flags;
	return kevent(queue, &event, 1, NULL, 0, NULL);
}

static int collect(int queue, struct kevent *events, int room) {
	const struct timespec now = {0, 0};
	return kevent(queue, NULL, 0, events, room, &now);
}

/* ---- signals ---- */

/* EVFILT_SIGNAL counts also signals that are blocked. macOS does not count ignored ones, which these are not. */
int cd_watch_signals(const sigset_t *signals) {
	int queue = cd_poller_make();
	for (int number = 1; queue >= 0 && number < NSIG; number++) {
		if (sigismember(signals, number) == 1 && change(queue, number, EVFILT_SIGNAL, EV_ADD) != 0) {
			close(queue);
			return -1;
		}
	}
	return queue;
}

int cd_next_signal(int signals) {
	struct kevent event;
	sigset_t pending, one;
	if (collect(signals, &event, 1) != 1) {
		return 0;
	}
	/* The blocked signal is taken, too: nobody else waits for it. */
	int number = (int)event.ident;
	sigemptyset(&one);
	sigaddset(&one, number);
	if (sigpending(&pending) == 0 && sigismember(&pending, number) == 1) {
		sigwait(&one, &number);
	}
	return (int)event.ident;
}

/* ---- sockets ---- */

int cd_make_socket(int family, int type) { return marked(socket(family, type, 0), O_NONBLOCK); }

/* macOS has no SOCK_SEQPACKET for AF_UNIX. A datagram socket does not tell of its end: the poller sees it as a hang-up all the same. */
int cd_make_record_pair(int ends[2]) {
#ifdef __APPLE__
	int result = socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
#else
	int result = socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends);
#endif
	for (int i = 0; result == 0 && i < 2; i++) {
		fcntl(ends[i], F_SETFD, FD_CLOEXEC);
	}
	return result;
}

int cd_accept(int fd) { return marked(accept(fd, NULL, NULL), O_NONBLOCK); }

int cd_family(int fd) {
	struct cd_address address;
	return cd_address_of(fd, 0, &address) ? address.storage.ss_family : -1;
}

int cd_find_user(int fd, struct cd_user *user) {
	user->process = 0;
	return getpeereid(fd, &user->user, &user->group) == 0;
}

void cd_set_idle_time(int fd, int seconds) {
#ifdef TCP_KEEPIDLE
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
#elif defined TCP_KEEPALIVE
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPALIVE, &seconds, sizeof seconds);
#else
	(void)fd, (void)seconds; /* OpenBSD: net.inet.tcp.keepidle for all */
#endif
}

void cd_set_probes(int fd, int seconds, int count) {
#ifdef TCP_KEEPINTVL
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
#else
	(void)fd, (void)seconds, (void)count;
#endif
}

void cd_set_user_timeout(int fd, int milliseconds) {
	int seconds = milliseconds < 1000 ? 1 : milliseconds / 1000;
#ifdef TCP_MAXUNACKTIME
	setsockopt(fd, IPPROTO_TCP, TCP_MAXUNACKTIME, &seconds, sizeof seconds);
#elif defined TCP_RXT_CONNDROPTIME
	setsockopt(fd, IPPROTO_TCP, TCP_RXT_CONNDROPTIME, &seconds, sizeof seconds);
#else
	(void)fd, (void)seconds;
#endif
}

void cd_close_from(int first) {
#ifdef __APPLE__
	for (long fd = first, limit = sysconf(_SC_OPEN_MAX); fd < limit; fd++) {
		close((int)fd);
	}
#else
	closefrom(first);
#endif
}

/* ---- readiness: kqueue(2) ---- */

int cd_poller_make(void) {
	int queue = kqueue();
	if (queue >= 0) {
		fcntl(queue, F_SETFD, FD_CLOEXEC);
	}
	return queue;
}

int cd_poller_add(int poller, int fd) { return change(poller, fd, EVFILT_WRITE, EV_ADD); }

void cd_poller_remove(int poller, int fd) {
	change(poller, fd, EVFILT_WRITE, EV_DELETE);
	change(poller, fd, EVFILT_READ, EV_DELETE);
}

int cd_poller_add_edges(int poller, int fd) {
	return change(poller, fd, EVFILT_READ, EV_ADD | EV_CLEAR) == 0 ? change(poller, fd, EVFILT_WRITE, EV_ADD | EV_CLEAR) : -1;
}

/* A filter that is added anew reports what is there. */
void cd_poller_again(int poller, int fd) {
	cd_poller_remove(poller, fd);
	cd_poller_add_edges(poller, fd);
}

int cd_poller_next(int poller) {
	struct kevent event;
	return collect(poller, &event, 1) == 1 ? (int)event.ident : -1;
}

/* The two filters of a descriptor report apart: a descriptor may come twice. */
int cd_poller_ready(int poller, struct cd_ready *ready, int room) {
	struct kevent events[64];
	int limit = sizeof events / sizeof *events, count = collect(poller, events, room < limit ? room : limit);
	for (int i = 0; i < count; i++) {
		int is_write = events[i].filter == EVFILT_WRITE, is_over = (events[i].flags & EV_EOF) != 0;
		ready[i] = (struct cd_ready){
		    .fd = (int)events[i].ident,
		    .is_readable = !is_write,
		    .is_writable = is_write,
		    .has_ended = is_over && !is_write,
		};
	}
	return count;
}
#endif
