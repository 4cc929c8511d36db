/*
 * kqueue.c - kqueue(2) for Linux, over epoll(7): a stand-in, so that Kqueue.swift can be tested here. It has what the library uses, as
 * the manuals of FreeBSD and OpenBSD say, and aborts where it is asked for more.
 *
 * A queue is an epoll set, whose number poll(2), epoll(7) and other queues can watch. What the filters of a descriptor are lies in a
 * table of its queue. As a BSD's kernel does, and epoll does not:
 *  - A closed number has no filters any more, also where a copy of the descriptor is open elsewhere. The epoll set goes on
 *    reporting such a copy, and has no way to remove it: then a new set takes the number of the queue (`replace`).
 *  - A child has no queues. After fork(2) they are closed at once, after clone(2) at the child's first call here.
 *  - A regular file has no place in an epoll set: EINVAL, as for a device without filters.
 *  - A pipe that nobody reads takes no EVFILT_WRITE: EPIPE.
 *  - EV_CLEAR of a filter that is there does not change. (OpenBSD's does.)
 * A queue with a timer has nothing else, and is a timerfd(2) with the queue's number. Nothing is allocated with malloc(3), which tests
 * count; signals are blocked while the tables change.
 */
#define _GNU_SOURCE
#include <sys/event.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { NUMBERS = 1 << 20 };

/* Of one descriptor in one queue. */
struct filters {
	unsigned flags[2]; /* of EVFILT_READ and EVFILT_WRITE: EV_ADD (it is there), EV_CLEAR, EV_DISABLE */
	void *udata[2];
	dev_t device; /* the file that was added */
	ino_t inode;
};
static struct filters *tables[NUMBERS]; /* by queue; NULL: the number was never a queue's */
static int is_timer[NUMBERS], ends[NUMBERS], end_of_queues;

/* A kernel makes no system calls: these are not counted, and do not fail (Tests/Conformance/injector.c). */
static int status_of(int fd, struct stat *status) { return fstatat(fd, "", status, AT_EMPTY_PATH); }
static int poll_one(int fd, int events, int timeout) {
	struct pollfd entry = {fd, (short)events, 0};
	int result = (int)syscall(SYS_poll, &entry, 1, timeout);
	return result > 0 ? entry.revents : result;
}

/* ---- the lock, and children ---- */

static pid_t holder, process;

static void close_inherited(void);

static void lock(sigset_t *before) {
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, before);
	pid_t me = getpid(), known = __atomic_load_n(&holder, __ATOMIC_RELAXED);
	/* What another process has locked is locked no more: this one is its child. */
	while (known == me || !__atomic_compare_exchange_n(&holder, &known, me, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		sched_yield();
		known = __atomic_load_n(&holder, __ATOMIC_RELAXED);
	}
	if (process != me) close_inherited();
}
static void unlock(const sigset_t *before) {
	int error = errno;
	__atomic_store_n(&holder, 0, __ATOMIC_RELEASE);
	pthread_sigmask(SIG_SETMASK, before, NULL);
	errno = error;
}

static int is_set(int fd) {
	char path[64], target[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	ssize_t size = readlink(path, target, sizeof target - 1);
	if (size <= 0) return 0;
	target[size] = 0;
	return strcmp(target, is_timer[fd] ? "anon_inode:[timerfd]" : "anon_inode:[eventpoll]") == 0;
}
static void forget(int queue) {
	size_t used = (size_t)ends[queue] * sizeof(struct filters);
	if (used > 0) memset(tables[queue], 0, used);
	is_timer[queue] = ends[queue] = 0;
}
static void close_inherited(void) {
	for (int queue = 0; process != 0 && queue < end_of_queues; queue++) {
		if (tables[queue] == NULL || ends[queue] < 0) continue;
		if (is_set(queue)) close(queue);
		forget(queue);
		ends[queue] = -1;
	}
	process = getpid();
}
static void begin_child(void) {
	sigset_t before;
	lock(&before);
	unlock(&before);
}
__attribute__((constructor)) static void begin(void) {
	process = getpid();
	pthread_atfork(NULL, NULL, begin_child);
}

/* ---- filters ---- */

static int is_on(const struct filters *filters, int index) {
	return (filters->flags[index] & EV_ADD) != 0 && (filters->flags[index] & EV_DISABLE) == 0;
}

/* Whether the number still means the file that was added. If not, it has no filters. */
static int is_current(struct filters *filters, int fd) {
	struct stat status;
	if (((filters->flags[0] | filters->flags[1]) & EV_ADD) == 0) return 0;
	if (status_of(fd, &status) == 0 && status.st_dev == filters->device && status.st_ino == filters->inode) return 1;
	memset(filters, 0, sizeof *filters);
	return 0;
}

/* What the set must report for the filters. 0: nothing. */
static uint32_t events_of(const struct filters *filters) {
	int reads = is_on(filters, 0), writes = is_on(filters, 1);
	unsigned clear = (reads ? filters->flags[0] : filters->flags[1]) & EV_CLEAR;
	if (reads && writes && clear != (filters->flags[1] & EV_CLEAR)) abort();
	return (reads ? EPOLLIN | EPOLLRDHUP : 0) | (writes ? EPOLLOUT : 0) | (clear && (reads || writes) ? EPOLLET : 0);
}
/* Tells the set what the filters are now. */
static int tell(int queue, int fd) {
	struct epoll_event event = {.events = events_of(&tables[queue][fd]), .data.fd = fd};
	if (event.events == 0) return epoll_ctl(queue, EPOLL_CTL_DEL, fd, &event) == 0 || errno == ENOENT ? 0 : -1;
	if (epoll_ctl(queue, EPOLL_CTL_MOD, fd, &event) == 0) return 0;
	return errno == ENOENT ? epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event) : -1;
}
/* Tells a new set, or of a new set. */
static void tell_again(int queue, int fd) {
	struct epoll_event event = {.events = events_of(&tables[queue][fd]), .data.fd = fd};
	if (event.events != 0) syscall(SYS_epoll_ctl, queue, EPOLL_CTL_ADD, fd, &event);
}

/* Makes a timer, or a set, which takes the queue's number. A kernel would need no other number for it. Queues that watch this one watch
 * the new file. */
static int replace(int queue, int is_clock) {
	struct rlimit limit, high;
	int flags = fcntl(queue, F_GETFD);
	if (!is_set(queue)) return errno = EBADF, -1;
	getrlimit(RLIMIT_NOFILE, &limit);
	high = limit;
	high.rlim_cur = high.rlim_max;
	setrlimit(RLIMIT_NOFILE, &high);
	int file = is_clock ? timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK) : epoll_create1(0);
	if (file < 0 || dup3(file, queue, flags & FD_CLOEXEC ? O_CLOEXEC : 0) < 0) abort();
	close(file);
	setrlimit(RLIMIT_NOFILE, &limit);
	is_timer[queue] = is_clock;
	for (int other = 0; other < end_of_queues; other++)
		if (tables[other] != NULL && ends[other] > queue) tell_again(other, queue);
	return 0;
}
static void renew(int queue) {
	if (replace(queue, 0) != 0) return;
	for (int fd = 0; fd < ends[queue]; fd++)
		if (is_current(&tables[queue][fd], fd)) tell_again(queue, fd);
}

static int change_timer(int queue, const struct kevent *change) {
	struct itimerspec value = {0};
	if (change->flags & EV_DELETE) {
		if (!is_timer[queue]) return errno = ENOENT, -1;
		return timerfd_settime(queue, 0, &value, NULL);
	}
	if ((change->flags & (EV_ADD | EV_ONESHOT)) != (EV_ADD | EV_ONESHOT) || ends[queue] > 0) abort();
	if (!is_timer[queue] && replace(queue, 1) != 0) return -1;
	value.it_value.tv_sec = change->data / 1000;
	value.it_value.tv_nsec = change->data % 1000 * 1000000;
	return timerfd_settime(queue, 0, &value, NULL);
}

static int change_filter(int queue, const struct kevent *change) {
	struct stat status;
	int fd = (int)change->ident, index = change->filter == EVFILT_WRITE;
	if (change->filter == EVFILT_TIMER) return change_timer(queue, change);
	if ((change->filter != EVFILT_READ && change->filter != EVFILT_WRITE) || is_timer[queue]) abort();
	if (change->flags & ~(EV_ADD | EV_DELETE | EV_ENABLE | EV_DISABLE | EV_CLEAR)) abort();
	if (fd < 0 || fd >= NUMBERS || status_of(fd, &status) != 0) return errno = EBADF, -1;
	struct filters *filters = &tables[queue][fd];
	if (ends[queue] <= fd) ends[queue] = fd + 1;
	if (!is_current(filters, fd)) filters->device = status.st_dev, filters->inode = status.st_ino;
	struct filters former = *filters;
	unsigned *flags = &filters->flags[index];
	if ((*flags & EV_ADD) == 0) {
		if ((change->flags & EV_ADD) == 0) return errno = ENOENT, -1;
		if (index == 1 && S_ISFIFO(status.st_mode) && poll_one(fd, POLLOUT, 0) & POLLERR) return errno = EPIPE, -1;
		*flags = change->flags;
	} else if (change->flags & EV_DELETE) {
		*flags = 0;
	} else if (change->flags & EV_DISABLE) {
		*flags |= EV_DISABLE;
	} else {
		*flags &= ~(unsigned)EV_DISABLE;
	}
	if (change->flags & EV_ADD) filters->udata[index] = change->udata;
	if (tell(queue, fd) == 0) return 0;
	*filters = former;
	/* EINVAL: the number of the queue is another file's by now. EPERM: the descriptor has no filters. */
	errno = errno == EINVAL ? EBADF : errno == EPERM ? EINVAL : errno;
	return -1;
}

int kqueue(void) {
	sigset_t before;
	lock(&before);
	int queue = epoll_create1(0);
	if (queue >= NUMBERS) abort();
	if (queue >= 0 && tables[queue] == NULL) {
		void *memory = mmap(
		    NULL, NUMBERS * sizeof(struct filters), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (memory == MAP_FAILED) abort();
		tables[queue] = memory;
	} else if (queue >= 0) {
		if (ends[queue] < 0) ends[queue] = 0;
		forget(queue);
	}
	if (end_of_queues <= queue) end_of_queues = queue + 1;
	unlock(&before);
	return queue;
}

/* ---- reports ---- */

/* Reports of one descriptor: of none, one or both filters. */
static int report(const struct filters *filters, const struct epoll_event *found, struct kevent *events) {
	int count = 0, fd = found->data.fd;
	struct stat status;
	unsigned what = found->events, ended = what & EPOLLHUP;
	if (what & EPOLLERR && status_of(fd, &status) == 0 && !S_ISSOCK(status.st_mode)) ended = 1;
	for (int index = 0; index < 2; index++) {
		unsigned wanted = index == 0 ? EPOLLIN | EPOLLRDHUP : EPOLLOUT;
		if (!is_on(filters, index) || (what & (wanted | EPOLLHUP | EPOLLERR)) == 0) continue;
		events[count] = (struct kevent){
		    .ident = (uintptr_t)fd, .filter = index == 0 ? EVFILT_READ : EVFILT_WRITE, .udata = filters->udata[index]};
		events[count].flags = (unsigned short)(filters->flags[index] & EV_CLEAR);
		if (ended || (index == 0 && what & EPOLLRDHUP)) events[count].flags |= EV_EOF;
		count++;
	}
	return count;
}

static int collect(int queue, struct kevent *events, int room) {
	enum { MOST = 32 };
	struct epoll_event found[MOST];
	int count = 0, is_stale = 0;
	int ready = epoll_wait(queue, found, room / 2 < MOST ? room / 2 : MOST, 0);
	if (ready < 0 && errno == EINVAL) errno = EBADF;
	if (ready < 0) return -1;
	for (int i = 0; i < ready; i++) {
		struct filters *filters = &tables[queue][found[i].data.fd];
		if (is_current(filters, found[i].data.fd)) count += report(filters, &found[i], events + count);
		else is_stale = 1;
	}
	if (is_stale) renew(queue);
	return count;
}

int kevent(int queue, const struct kevent *changes, int change_count, struct kevent *events, int room, const struct timespec *timeout) {
	sigset_t before;
	int milliseconds = timeout != NULL ? (int)(timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000) : -1;
	if (room > 0 && change_count > 0) abort();
	while (1) {
		int result = 0, left;
		lock(&before);
		if (queue < 0 || queue >= NUMBERS || tables[queue] == NULL || ends[queue] < 0) errno = EBADF, result = -1;
		for (int i = 0; i < change_count && result == 0; i++) result = change_filter(queue, &changes[i]);
		if (room > 0 && result == 0) result = collect(queue, events, room);
		unlock(&before);
		if (result != 0 || room == 0 || milliseconds == 0) return result;
		if ((left = poll_one(queue, POLLIN, milliseconds)) <= 0) return left;
		if (milliseconds > 0) milliseconds = 0; /* what has ended the sleep may be a stale report: then it ends early */
	}
}
