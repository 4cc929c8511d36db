/*
 * injector.c - a kernel that says no: preloaded into a program, makes its system calls and allocations fail.
 *
 *   cc -shared -fPIC -o libinject.so injector.c
 *
 * A rule names a call or a group of calls ("recv", or "in" for all that receive), a failure (an errno, or
 * INJECT_SHORT: fewer bytes or events than asked for), and when: with a chance, or at the n-th to m-th time.
 * A test sets rules through the exported functions, found by dlsym, and arms them around the calls under test.
 * For any other program: INJECT="in:short:300;accepting:EMFILE:@1+5;memory:ENOMEM:2" (chance in thousandths, or
 * first time and how many times) and INJECT_SEED; then the rules are armed from the start.
 * Only what a kernel could do is done: EAGAIN comes where the caller asked not to wait, and an epoll set told so
 * tells the readiness anew, as it would when the condition changed. Meant for one thread.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "own_poll.h"
#include "system.h"

enum { INJECT_SHORT = -1, RULES = 64, DESCRIPTORS = 65536, PIECES = 64 };

static struct rule {
	char call[16];
	int failure;
	long chance, first, count, seen;
} rules[RULES];
static int rule_count, armed;
static long calls, failures;
static uint64_t state = 1;
static struct {
	int set, owed;
	struct epoll_event event;
} watched[DESCRIPTORS];
static int owed_end; /* above the highest descriptor that is owed an edge */

#define REAL(name)                     \
	static __typeof__(&name) real; \
	if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, #name)

static uint64_t random64(void) {
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

/* ---- what the test calls ---- */

void inject_seed(uint64_t seed) { state = seed != 0 ? seed : 1; }
/* 0 off, 1 what a caller never notices (short, EINTR, EAGAIN), 2 everything. */
void inject_arm(int level) { armed = level; }
void inject_clear(void) { rule_count = 0, calls = failures = 0; }
/* `chance` in thousandths when not 0; else from the `first` (1, 2, ...) time on, `count` times. */
void inject_rule(const char *call, int failure, long chance, long first, long count) {
	if (rule_count == RULES) abort();
	struct rule *r = &rules[rule_count++];
	memset(r, 0, sizeof *r);
	strncpy(r->call, call, sizeof r->call - 1);
	r->failure = failure, r->chance = chance, r->first = first, r->count = count;
}
long inject_calls(void) { return calls; } /* system calls made while armed, as far as they are wrapped */
long inject_failures(void) { return failures; }

/* 0, or the failure of the first rule whose time has come. */
static int decide(const char *call, const char *group, int fd, int flags) {
	if (!armed) return 0;
	if (group[0] != 'm') calls++;
	for (struct rule *r = rules; r < rules + rule_count; r++) {
		if (strcmp(r->call, call) != 0 && strcmp(r->call, group) != 0) continue;
		int mild = r->failure == INJECT_SHORT || r->failure == EINTR || r->failure == EAGAIN;
		if (armed == 1 && !mild) continue;
		if (r->failure == EAGAIN && (flags & MSG_DONTWAIT) == 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0) continue;
		/* A signal does not interrupt a call that does not wait; for these calls `flags` is the timeout. */
		if (r->failure == EINTR && strcmp(group, "waiting") == 0 && flags == 0) continue;
		r->seen++;
		if (r->chance > 0 ? (long)(random64() >> 20) % 1000 >= r->chance : r->seen < r->first || r->seen >= r->first + r->count)
			continue;
		failures++;
		if (r->failure == EAGAIN && fd >= 0 && fd < DESCRIPTORS && watched[fd].set > 0) {
			watched[fd].owed = 1;
			if (fd >= owed_end) owed_end = fd + 1;
		}
		return r->failure;
	}
	return 0;
}
static size_t shorter(size_t length) { return length < 2 ? length : 1 + random64() % (length - 1); }

#define FAIL_OR(call, group, fd, flags, when_short)    \
	int failure = decide(#call, group, fd, flags); \
	if (failure > 0) return errno = failure, -1;   \
	if (failure == INJECT_SHORT) when_short

/* ---- bytes ---- */

ssize_t recv(int fd, void *buffer, size_t length, int flags) {
	REAL(recv);
	FAIL_OR(recv, "in", fd, flags, length = shorter(length));
	return real(fd, buffer, length, flags);
}
ssize_t read(int fd, void *buffer, size_t length) {
	REAL(read);
	FAIL_OR(read, "in", fd, 0, length = shorter(length));
	return real(fd, buffer, length);
}
ssize_t send(int fd, const void *buffer, size_t length, int flags) {
	REAL(send);
	FAIL_OR(send, "out", fd, flags, length = shorter(length));
	return real(fd, buffer, length, flags);
}
ssize_t write(int fd, const void *buffer, size_t length) {
	REAL(write);
	FAIL_OR(write, "out", fd, 0, length = shorter(length));
	return real(fd, buffer, length);
}

/* A copy of the pieces that ends earlier. */
static void shorten(struct msghdr *message, struct iovec *pieces) {
	size_t total = 0, count = 0;
	for (; count < (size_t)message->msg_iovlen && count < PIECES; count++) total += (pieces[count] = message->msg_iov[count]).iov_len;
	total = shorter(total);
	message->msg_iov = pieces;
	for (message->msg_iovlen = 0; (size_t)message->msg_iovlen < count && total > 0; message->msg_iovlen++) {
		struct iovec *piece = &pieces[message->msg_iovlen];
		if (piece->iov_len > total) piece->iov_len = total;
		total -= piece->iov_len;
	}
}
ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
	REAL(recvmsg);
	struct iovec pieces[PIECES], *theirs = message->msg_iov;
	size_t count = message->msg_iovlen;
	FAIL_OR(recvmsg, "in", fd, flags, shorten(message, pieces));
	ssize_t result = real(fd, message, flags);
	message->msg_iov = theirs, message->msg_iovlen = count;
	return result;
}
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
	REAL(sendmsg);
	struct iovec pieces[PIECES];
	struct msghdr copy = *message;
	FAIL_OR(sendmsg, "out", fd, flags, shorten(&copy, pieces));
	return real(fd, &copy, flags);
}

/* ---- clients and services ---- */

int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict length) {
	REAL(accept);
	FAIL_OR(accept, "accepting", fd, 0, (void)0);
	return real(fd, address, length);
}
int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict length, int flags) {
	REAL(accept4);
	FAIL_OR(accept4, "accepting", fd, 0, (void)0);
	return real(fd, address, length, flags);
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
	REAL(connect);
	FAIL_OR(connect, "connecting", fd, 0, (void)0);
	return real(fd, address, length);
}

/* ---- readiness ---- */

int epoll_ctl(int set, int operation, int fd, struct epoll_event *event) {
	REAL(epoll_ctl);
	FAIL_OR(epoll_ctl, "watching", set, 0, (void)0);
	int result = real(set, operation, fd, event);
	if (result == 0 && operation != EPOLL_CTL_DEL && fd >= 0 && fd < DESCRIPTORS) {
		watched[fd].set = set;
		watched[fd].event = *event;
	}
	return result;
}
/* An edge for each descriptor that was told EAGAIN by us and not by the kernel. */
static void tell_anew(int set) {
	REAL(epoll_ctl);
	int saved = errno, end = 0;
	for (int fd = 0; fd < owed_end; fd++) {
		if (!watched[fd].owed) continue;
		if (watched[fd].set != set) {
			end = fd + 1;
			continue;
		}
		watched[fd].owed = 0;
		real(set, EPOLL_CTL_MOD, fd, &watched[fd].event);
	}
	owed_end = end;
	errno = saved;
}
int epoll_wait(int set, struct epoll_event *events, int count, int timeout) {
	REAL(epoll_wait);
	FAIL_OR(epoll_wait, "waiting", -1, timeout, count = 1);
	tell_anew(set);
	return real(set, events, count, timeout);
}
int epoll_pwait(int set, struct epoll_event *events, int count, int timeout, const sigset_t *mask) {
	REAL(epoll_pwait);
	FAIL_OR(epoll_pwait, "waiting", -1, timeout, count = 1);
	tell_anew(set);
	return real(set, events, count, timeout, mask);
}
int poll(struct pollfd *entries, nfds_t count, int timeout) {
	REAL(poll);
	FAIL_OR(poll, "waiting", -1, timeout, (void)0);
	return real(entries, count, timeout);
}
int ppoll(struct pollfd *entries, nfds_t count, const struct timespec *timeout, const sigset_t *mask) {
	REAL(ppoll);
	FAIL_OR(ppoll, "waiting", -1, timeout == NULL || timeout->tv_sec != 0 || timeout->tv_nsec != 0, (void)0);
	return real(entries, count, timeout, mask);
}

/* ---- questions ---- */

int fstat(int fd, struct stat *status) {
	REAL(fstat);
	FAIL_OR(fstat, "asking", fd, 0, (void)0);
	return real(fd, status);
}

/* fstat(2) of a library that was built for glibc before 2.33. */
int __fxstat(int version, int fd, struct stat *status);
int __fxstat(int version, int fd, struct stat *status) {
	(void)version;
	return fstat(fd, status);
}

/* ---- memory ---- */

void *malloc(size_t size) { return decide("malloc", "memory", -1, 0) > 0 ? errno = ENOMEM, NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) {
	return decide("calloc", "memory", -1, 0) > 0 ? errno = ENOMEM, NULL : __libc_calloc(count, size);
}
void *realloc(void *block, size_t size) {
	return decide("realloc", "memory", -1, 0) > 0 ? errno = ENOMEM, NULL : __libc_realloc(block, size);
}
static int lacks_memory(const char *call) { return decide(call, "memory", -1, 0) > 0; }
int posix_memalign(void **block, size_t alignment, size_t size) {
	REAL(posix_memalign);
	return lacks_memory("posix_memalign") ? ENOMEM : real(block, alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
	REAL(aligned_alloc);
	return lacks_memory("aligned_alloc") ? errno = ENOMEM, NULL : real(alignment, size);
}
void *memalign(size_t alignment, size_t size) {
	static void *(*real)(size_t, size_t);
	if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "memalign");
	return lacks_memory("memalign") ? errno = ENOMEM, NULL : real(alignment, size);
}

/* ---- the environment ---- */

__attribute__((constructor)) static void read_environment(void) {
	static const struct {
		const char *name;
		int failure;
	} names[] = {{"short", INJECT_SHORT}, {"EINTR", EINTR}, {"EAGAIN", EAGAIN}, {"EMFILE", EMFILE}, {"ENFILE", ENFILE},
	    {"ENOMEM", ENOMEM}, {"ENOBUFS", ENOBUFS}};
	const char *list = getenv("INJECT"), *seed = getenv("INJECT_SEED");
	if (seed != NULL) inject_seed(strtoull(seed, NULL, 0));
	while (list != NULL && *list != 0) {
		char call[16], name[16];
		long chance = 0, first = 0, count = 1;
		size_t i = 0;
		int fields = sscanf(list, "%15[^:]:%15[^:]:@%ld+%ld", call, name, &first, &count);
		if (fields == 2) fields = sscanf(list, "%15[^:]:%15[^:]:%ld", call, name, &chance);
		while (fields >= 3 && i < sizeof names / sizeof *names && strcmp(names[i].name, name) != 0) i++;
		if (fields < 3 || i == sizeof names / sizeof *names) {
			fprintf(stderr, "INJECT: cannot be read: %s\n", list);
			_exit(70);
		}
		inject_rule(call, names[i].failure, chance, first, count);
		list += strcspn(list, ";");
		list += *list == ';';
		armed = 2;
	}
}
