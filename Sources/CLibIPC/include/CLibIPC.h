/*
 * CLibIPC.h - what the Swift sources see of C: the public headers, the system's, the list of
 * exports, and the few lines that only C can say (macros, variadic functions, errno).
 */
#ifndef CLIBIPC_H
#define CLIBIPC_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif

#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/epoll.h>
#endif

#include "../../../include/fs.h"
#include "../../../include/ipc.h"
#include "../../../include/message.h"
#include "../../../include/usocket.h"
#include "../../../include/utils.h"
#include "exports.h"

static inline int libipc_errno(void) { return errno; }

/* strerror_r has two shapes; both leave the text in `buffer`, or in the returned constant. */
static inline const char *libipc_strerror(int number, char *buffer, size_t size) {
#ifdef __GLIBC__
	return strerror_r(number, buffer, size);
#else
	return strerror_r(number, buffer, size) == 0 ? buffer : "unknown error";
#endif
}

/* stdout is a variable that Swift 6 will not read without a lock. */
static inline void libipc_print(const void *bytes, size_t count) { fwrite(bytes, 1, count, stdout); }
static inline void libipc_flush(void) { fflush(stdout); }

/* Permission bits and file types: casts and macros, which Swift does not import. */
enum { LIBIPC_WRITE_USER = 0200, LIBIPC_WRITE_GROUP = 0020, LIBIPC_WRITE_OTHERS = 0002 };
static inline int libipc_is_directory(const struct stat *status) { return S_ISDIR(status->st_mode); }
static inline int libipc_is_socket(const struct stat *status) { return S_ISSOCK(status->st_mode); }

/* Variadic calls. */
static inline int libipc_open_directory(const char *path) { return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }
/* Unknown counts as yes; a terminal that hung up says EIO. */
static inline int libipc_has_bytes(int fd) {
	int count = 0;
	return ioctl(fd, FIONREAD, &count) != 0 ? errno != EIO : count != 0;
}
static inline int libipc_is_nonblocking(int fd) {
	int flags = fcntl(fd, F_GETFL);
	return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

/* Descriptors travel as control data (unix(7)), whose traversal is macros (cmsg(3)). With more than fit the
 * kernel closes the rest. */
enum { LIBIPC_PASSED_MAX = 8 };
struct libipc_passed {
	int count;
	int descriptors[LIBIPC_PASSED_MAX]; /* close-on-exec, the receiver's */
};
union libipc_control {
	struct cmsghdr header; /* for its alignment */
	char bytes[CMSG_SPACE(sizeof(int) * LIBIPC_PASSED_MAX)];
};

/* Into `first`, then `second`. What is no socket cannot be told not to wait for one call: the kernel is asked before. */
static inline ssize_t libipc_receive(int fd, void *first, size_t first_size, void *second, size_t second_size, int waiting,
                                     struct libipc_passed *passed) {
	union libipc_control control;
	struct iovec vectors[] = {{first, first_size}, {second, second_size}};
	struct iovec *used = first_size > 0 ? vectors : vectors + 1;
	size_t count = first_size > 0 && second_size > 0 ? 2 : 1;
	struct msghdr message = {.msg_iov = used, .msg_iovlen = count, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t received = recvmsg(fd, &message, (waiting ? 0 : MSG_DONTWAIT) | MSG_CMSG_CLOEXEC);
	passed->count = 0;
	if (received < 0 && errno == ENOTSOCK) {
		struct pollfd entry = {fd, POLLIN, 0};
		if (waiting || poll(&entry, 1, 0) > 0) return readv(fd, used, (int)count);
		errno = EAGAIN;
	}
	if (received < 0) return received;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
		size_t size = c->cmsg_len - CMSG_LEN(0), room = sizeof(int) * (size_t)(LIBIPC_PASSED_MAX - passed->count);
		memcpy(passed->descriptors + passed->count, CMSG_DATA(c), size < room ? size : room);
		passed->count += (int)((size < room ? size : room) / sizeof(int));
	}
	return received;
}

/* One byte 0, and a descriptor with it. */
static inline ssize_t libipc_send_descriptor(int socket, int fd) {
	union libipc_control control;
	char byte = 0;
	struct iovec vector = {&byte, 1};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(sizeof(int))};
	memset(&control, 0, sizeof control);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
	return sendmsg(socket, &message, MSG_NOSIGNAL);
}

/* For what is no socket. MSG_NOSIGNAL is not for these: SIGPIPE is held back, and taken off this thread again. Nor is
 * MSG_DONTWAIT: a pipe that polls writable takes PIPE_BUF bytes without waiting (pipe(7)); a terminal may not, and is made
 * not to block for this moment. */
static inline ssize_t libipc_write_plain(int fd, const void *bytes, size_t count, int waiting) {
	sigset_t sigpipe, before, pending;
	struct pollfd entry = {fd, POLLOUT, 0};
	int flags = waiting || !isatty(fd) ? -1 : fcntl(fd, F_GETFL);
	if (!waiting && poll(&entry, 1, 0) == 0) return errno = EAGAIN, -1;
	if (flags >= 0) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
	ssize_t written = write(fd, bytes, count < PIPE_BUF ? count : PIPE_BUF);
	int error = errno;
	if (written < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE)) {
		struct timespec now = {0, 0};
		sigtimedwait(&sigpipe, NULL, &now);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (flags >= 0) fcntl(fd, F_SETFL, flags);
	errno = error;
	return written;
}

/* Without SIGPIPE; `*is_socket` becomes 0 where that is known not to be one. */
static inline ssize_t libipc_send(int fd, struct iovec *vectors, size_t count, int waiting, int *is_socket) {
	struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
	int flags = (waiting ? 0 : MSG_DONTWAIT) | MSG_NOSIGNAL;
	/* One piece is the rule, and costs less. */
	ssize_t sent = count == 1 ? send(fd, vectors->iov_base, vectors->iov_len, flags) : sendmsg(fd, &message, flags);
	*is_socket = sent >= 0 || errno != ENOTSOCK;
	return *is_socket ? sent : libipc_write_plain(fd, vectors[0].iov_base, vectors[0].iov_len, waiting);
}

static inline uint32_t libipc_big_endian(uint32_t value) { return __builtin_bswap32(value); }

/* Entries of the process-wide table of descriptors, read and written by several threads (Registry.swift). */
static inline void *libipc_load(void **place) { return __atomic_load_n(place, __ATOMIC_ACQUIRE); }
static inline void libipc_store(void **place, void *value) { __atomic_store_n(place, value, __ATOMIC_RELEASE); }
static inline int libipc_replace(void **place, void *expected, void *value) {
	return __atomic_compare_exchange_n(place, &expected, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
void **libipc_registry(void);

/* The text of this thread's last error: errors themselves stay small, and nothing is allocated (IPCError.swift). */
struct libipc_error_text {
	uint32_t sequence; /* which error it belongs to */
	uint32_t length;
	char bytes[256];
};
struct libipc_error_text *libipc_error_text(void);

/* How often tables of switched pairs were changed by their programs: whoever waits for its pair looks again. */
uint32_t libipc_pair_changes(void);
void libipc_note_pair_change(void);

/* How often this process is the child of a fork since the library was loaded (runtime.c). */
uint32_t libipc_forks(void);
/* LIBIPC_DEBUG is 1, as the environment was when first asked. */
int libipc_debug(void);

/* glibc declares the addresses of these calls as a union that Swift does not see through. */
static inline int libipc_connect(int fd, const struct sockaddr_un *address) {
	return connect(fd, (const struct sockaddr *)address, sizeof *address);
}
static inline int libipc_bind(int fd, const struct sockaddr_un *address) {
	return bind(fd, (const struct sockaddr *)address, sizeof *address);
}
static inline int libipc_accept(int server) { return accept4(server, NULL, NULL, 0); }

#endif
