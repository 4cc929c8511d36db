/*
 * linux.c - what the daemons ask of Linux: signals as a descriptor, readiness of many descriptors, the user of a peer, sockets that are
 * close-on-exec from the start. Other systems: bsd.c.
 */
#ifdef __linux__
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

#include "systems.h"

/* ---- signals ---- */

int cd_watch_signals(const sigset_t *signals) { return signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK); }

int cd_next_signal(int signals) {
	struct signalfd_siginfo info;
	return CD_RETRYING(read(signals, &info, sizeof info)) == sizeof info ? (int)info.ssi_signo : 0;
}

/* ---- sockets ---- */

int cd_make_socket(int family, int type) { return socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

int cd_make_record_pair(int ends[2]) { return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends); }

int cd_accept(int fd) { return accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int cd_family(int fd) {
	int family;
	socklen_t size = sizeof family;
	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 ? family : -1;
}

int cd_find_user(int fd, struct cd_user *user) {
	struct ucred known;
	socklen_t size = sizeof known;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &known, &size) != 0) {
		return 0;
	}
	*user = (struct cd_user){known.uid, known.gid, known.pid};
	return 1;
}

void cd_set_idle_time(int fd, int seconds) { setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds); }

void cd_set_probes(int fd, int seconds, int count) {
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

void cd_set_user_timeout(int fd, int milliseconds) { setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds); }

/* close_range(2) since Linux 5.9; musl has no function for it. */
void cd_close_from(int first) {
#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, ~0u, 0) == 0) {
		return;
	}
#endif
	for (long fd = first, limit = sysconf(_SC_OPEN_MAX); fd < limit; fd++) {
		close((int)fd);
	}
}

/* ---- readiness: epoll(7) ---- */

int cd_poller_make(void) { return epoll_create1(EPOLL_CLOEXEC); }

static int control(int poller, int operation, int fd, unsigned events) {
	struct epoll_event event = {.events = events, .data.fd = fd};
	return epoll_ctl(poller, operation, fd, &event);
}

static const unsigned edges = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

int cd_poller_add(int poller, int fd) { return control(poller, EPOLL_CTL_ADD, fd, EPOLLOUT); }
void cd_poller_remove(int poller, int fd) { control(poller, EPOLL_CTL_DEL, fd, 0); }
int cd_poller_add_edges(int poller, int fd) { return control(poller, EPOLL_CTL_ADD, fd, edges); }
void cd_poller_again(int poller, int fd) { control(poller, EPOLL_CTL_MOD, fd, edges); }

int cd_poller_next(int poller) {
	struct epoll_event event;
	return epoll_wait(poller, &event, 1, 0) == 1 ? event.data.fd : -1;
}

int cd_poller_ready(int poller, struct cd_ready *ready, int room) {
	struct epoll_event events[64];
	int limit = sizeof events / sizeof *events, count = epoll_wait(poller, events, room < limit ? room : limit, 0);
	for (int i = 0; i < count; i++) {
		unsigned what = events[i].events, ended = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
		ready[i] = (struct cd_ready){
		    .fd = events[i].data.fd,
		    .is_readable = (what & (EPOLLIN | ended)) != 0,
		    .is_writable = (what & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0,
		    .has_ended = (what & ended) != 0,
		};
	}
	return count;
}
#endif
