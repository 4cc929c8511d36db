/*
 * CLibIPC.h - the C that the Swift sources see: the public headers, the system's headers, the list of exports, and functions for what
 * Swift cannot express (macros, variadic functions, errno).
 */
#ifndef CLIBIPC_H
#define CLIBIPC_H

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/epoll.h>
#include <sys/eventfd.h>
#endif

#include "../../../include/fs.h"
#include "../../../include/ipc.h"
#include "../../../include/message.h"
#include "../../../include/usocket.h"
#include "../../../include/utils.h"
#include "exports.h"
#include "loops.h"
#include "names.h"
#include "peers.h"
#include "received.h"
#include "systems.h"
#include "descriptor_table.h"
#include "texts.h"
#include "batches.h"
#include "threads.h"

static inline int libipc_errno(void) { return errno; }

/* macOS has an enum for the clocks, with a type of its own in Swift. */
static inline void libipc_read_clock(struct timespec *now) { clock_gettime(CLOCK_MONOTONIC, now); }
/* The coarse monotonic clock, in nanoseconds: it costs 5 ns to read, and advances a few hundred times a second. Elsewhere the exact
 * clock, rounded down to 4 ms. */
static inline int64_t libipc_coarse_tick(void) {
	struct timespec now;
#ifdef CLOCK_MONOTONIC_COARSE
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
#else
	clock_gettime(CLOCK_MONOTONIC, &now);
	now.tv_nsec -= now.tv_nsec % 4000000;
#endif
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Retries a system call that a signal has interrupted. */
#define LIBIPC_RETRYING(call)                          \
	({                                             \
		__typeof__(call) result_;              \
		do result_ = (call);                   \
		while (result_ < 0 && errno == EINTR); \
		result_;                               \
	})

#ifdef __linux__
/* Collects the events that are there, without waiting. epoll_wait(2) with a timeout of 0 fails with EINTR only under valgrind. (Newer C
 * libraries declare `events` as nonnull, which would change its type in Swift.) */
static inline int libipc_collect_events(int set, struct epoll_event *events, int room) {
	return LIBIPC_RETRYING(epoll_wait(set, events, room, 0));
}
#endif

/* poll(2) on one descriptor. Returns the reported events; 0 when none came within `timeout` milliseconds; -1 on an error, also EINTR. */
static inline int libipc_poll_once(int fd, int events, int timeout) {
	struct pollfd entry = {fd, (short)events, 0};
	int result = poll(&entry, 1, timeout);
	return result > 0 ? entry.revents : result;
}
/* libipc_poll_once that retries after a signal, and returns 0 on an error. */
static inline int libipc_poll(int fd, int events, int timeout) {
	int reported = LIBIPC_RETRYING(libipc_poll_once(fd, events, timeout));
	return reported > 0 ? reported : 0;
}

/* File types. S_ISDIR and S_ISSOCK are macros, which Swift does not import. libipc_is_directory_at: -1: the path does not exist. */
static inline int libipc_is_directory_at(const char *path) {
	struct stat status;
	return stat(path, &status) == 0 ? S_ISDIR(status.st_mode) : -1;
}
static inline int libipc_is_socket(const struct stat *status) { return S_ISSOCK(status->st_mode); }

/* Writes `directory/name`, or only the name without a directory. Returns the length of the path, which may exceed the room for it. */
static inline int libipc_fill_address(struct sockaddr_un *address, const char *directory, const char *name) {
	address->sun_family = AF_UNIX;
	const char *slash = directory != NULL ? "/" : "";
	return snprintf(address->sun_path, sizeof address->sun_path, "%s%s%s", directory != NULL ? directory : "", slash, name);
}
static inline int libipc_open_directory(const char *path) { return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }
static inline int libipc_has_socket_type(int fd) {
	int type;
	socklen_t size = sizeof type;
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}
/* The time limit that the program has set (SO_RCVTIMEO or SO_SNDTIMEO, socket(7)), in microseconds; -1: none, or no socket. */
static inline int64_t libipc_limit(int fd, int option) {
	struct timeval limit;
	socklen_t size = sizeof limit;
	if (getsockopt(fd, SOL_SOCKET, option, &limit, &size) != 0 || (limit.tv_sec == 0 && limit.tv_usec == 0)) return -1;
	return limit.tv_sec < INT32_MAX ? (int64_t)limit.tv_sec * 1000000 + limit.tv_usec : -1;
}
/* Whether the descriptor carries a stream of bytes: a pipe, a terminal, a socket of type SOCK_STREAM. Unknown counts as yes. */
static inline int libipc_is_stream(int fd) {
	int type = SOCK_STREAM;
	socklen_t size = sizeof type;
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type == SOCK_STREAM;
}
static inline int libipc_is_nonblocking(int fd) {
	int flags = fcntl(fd, F_GETFL);
	return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

/* Clears O_NONBLOCK of a new socket, which no other process shares. Keeps errno. */
static inline void libipc_make_blocking(int fd) {
	int error = errno;
	fcntl(fd, F_SETFL, 0);
	errno = error;
}

/* Makes the descriptors that wake a thread which waits for events. A write to the second makes the first readable; both may be the
 * same descriptor (eventfd(2)). */
static inline int libipc_make_waker(int ends[2]) {
#if defined(__linux__) && !defined(LIBIPC_KQUEUE)
	return ends[0] = ends[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
#else
	if (pipe(ends) != 0) return -1;
	for (int i = 0; i < 2; i++) fcntl(ends[i], F_SETFD, FD_CLOEXEC), fcntl(ends[i], F_SETFL, O_NONBLOCK);
	return 0;
#endif
}
static inline void libipc_signal_waker(int end) {
	uint64_t one = 1;
	(void)!write(end, &one, sizeof one);
}
static inline void libipc_drain_waker(int end) {
	uint64_t signals;
	while (read(end, &signals, sizeof signals) == sizeof signals) {}
}

union libipc_control {
	struct cmsghdr header; /* for its alignment */
	char bytes[LIBIPC_CONTROL_SIZE];
};

/* Parses received control data. `*passed` becomes the first descriptor of SCM_RIGHTS; all others are closed, pidfds included. When the
 * kernel dropped the descriptor because the process had no free number, `*passed` becomes -EMFILE or -ENFILE. */
void libipc_parse_control(int fd, struct msghdr *message, int *passed);

/* Closes a passed descriptor that no call asked for. The sender may have set SO_LINGER (socket(7)), which must not make this process
 * wait. */
void libipc_close_passed(int fd);
/* Completes a receive that is not the usual one: it brought control data or a truncated record, or the file is no socket. */
ssize_t libipc_finish_receive(int fd, struct msghdr *message, ssize_t received, int waiting, int *passed);
/* Receives into `first`, then `second`. `*passed` becomes the descriptor that came with the bytes, close-on-exec
 * (libipc_parse_control). Files that are no sockets have no MSG_DONTWAIT: poll(2) is called first. A truncated record (of a socket
 * that is no stream) is an error. */
static inline ssize_t libipc_receive_once(
    int fd, void *first, size_t first_size, void *second, size_t second_size, int waiting, int *passed) {
	union libipc_control control;
	struct iovec vectors[] = {{first, first_size}, {second, second_size}};
	struct iovec *used = first_size > 0 ? vectors : vectors + 1;
	size_t count = first_size > 0 && second_size > 0 ? 2 : 1;
	struct msghdr message = {.msg_iov = used, .msg_iovlen = count, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t received = recvmsg(fd, &message, (waiting ? 0 : MSG_DONTWAIT) | MSG_CMSG_CLOEXEC);
	if (received >= 0 && message.msg_controllen == 0 && (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0) return received;
	return libipc_finish_receive(fd, &message, received, waiting, passed);
}

/* libipc_receive_once that retries after a signal if it does not wait. If it waits, the kernel decides whether a signal handler ends the
 * call (SA_RESTART, signal(7)). */
static inline ssize_t libipc_receive(int fd, void *first, size_t first_size, void *second, size_t second_size, int waiting, int *passed) {
	ssize_t received;
	do received = libipc_receive_once(fd, first, first_size, second, second_size, waiting, passed);
	while (received < 0 && errno == EINTR && !waiting);
	return received;
}
/* libipc_receive into one buffer, without waiting: the most frequent receive. */
static inline ssize_t libipc_receive_now(int fd, void *space, size_t size, int *passed) {
	union libipc_control control;
	struct iovec vector = {space, size};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t received = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (received >= 0 && message.msg_controllen == 0 && (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0) return received;
	received = libipc_finish_receive(fd, &message, received, 0, passed);
	return received < 0 && errno == EINTR ? libipc_receive(fd, NULL, 0, space, size, 0, passed) : received;
}

/* Receives one byte and the descriptor that comes with it. When the process has no free number for the descriptor, both stay in the
 * kernel, and the result is -1 with EMFILE or ENFILE. */
ssize_t libipc_receive_byte(int fd, void *byte, int waiting, int *passed);

/* Sends one byte 0 together with a descriptor, or neither. */
ssize_t libipc_send_descriptor_once(int socket, int fd, int waiting);
/* Sends the bytes, or the first of them, together with a descriptor; or neither. */
ssize_t libipc_send_with_descriptor(int socket, struct iovec *vectors, size_t count, int fd, int waiting);
static inline ssize_t libipc_send_descriptor(int socket, int fd) { return LIBIPC_RETRYING(libipc_send_descriptor_once(socket, fd, 0)); }

/* Writes to a file that is no socket: without SIGPIPE, and without waiting as far as that is possible (bytes.c). */
ssize_t libipc_write_plain(int fd, const void *bytes, size_t count);

/* Sends without SIGPIPE and without waiting. `*is_socket` becomes 0 when the descriptor turns out to be no socket. Several small
 * pieces are copied together first: that is faster than letting the kernel gather them. */
static inline ssize_t libipc_send_once(int fd, struct iovec *vectors, size_t count, int *is_socket) {
	char together[4096];
	struct iovec whole = {together, 0};
	size_t i = 0;
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	for (; count > 1 && i < count && whole.iov_len + vectors[i].iov_len <= sizeof together; i++) {
		memcpy(together + whole.iov_len, vectors[i].iov_base, vectors[i].iov_len);
		whole.iov_len += vectors[i].iov_len;
	}
	if (i == count) vectors = &whole, count = 1;
	struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
	ssize_t sent = count == 1 ? send(fd, vectors->iov_base, vectors->iov_len, flags) : sendmsg(fd, &message, flags);
	*is_socket = sent >= 0 || errno != ENOTSOCK;
	return *is_socket ? sent : libipc_write_plain(fd, vectors[0].iov_base, vectors[0].iov_len);
}

/* libipc_send_once that retries after a signal. */
static inline ssize_t libipc_send(int fd, struct iovec *vectors, size_t count, int *is_socket) {
	return LIBIPC_RETRYING(libipc_send_once(fd, vectors, count, is_socket));
}
/* libipc_send of one piece: the most frequent send. */
static inline ssize_t libipc_send_now(int fd, void *bytes, size_t count, int *is_socket) {
	ssize_t sent = send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	struct iovec whole = {bytes, count};
	return sent >= 0 || (errno != EINTR && errno != ENOTSOCK) ? sent : libipc_send(fd, &whole, 1, is_socket);
}
/* Sends without SIGPIPE, and waits as send(2) does. */
static inline ssize_t libipc_send_bytes(int fd, const void *bytes, size_t count) { return send(fd, bytes, count, MSG_NOSIGNAL); }
/* Sends a small piece of a frame, and waits as write(2) does: the kernel takes the whole piece, or nothing. */
ssize_t libipc_send_piece(int fd, const void *bytes, size_t count);
/* Whether all signal handlers of the process have SA_RESTART. */
int libipc_all_handlers_restart(void);

static inline uint32_t libipc_big_endian(uint32_t value) { return __builtin_bswap32(value); }

/* Accesses to the fields of a struct ipc_ctx. Threads read the pointer to its array before they have the context's lock. */
static inline void *libipc_array(const struct ipc_ctx *ctx) { return libipc_load((void *const *)&ctx->cinfos); }
/* The other fields are read and written with the lock only. In C, field by field: in Swift an access to one field counts as an access
 * to all. */
static inline struct ipc_switchings libipc_switchings(const struct ipc_ctx *ctx) { return ctx->switchdb; }
static inline void libipc_publish(struct ipc_ctx *ctx, void *array, struct pollfd *pollfd, size_t size, struct ipc_switchings switchings) {
	ctx->pollfd = pollfd;
	ctx->size = size;
	ctx->switchdb = switchings;
	libipc_store((void **)&ctx->cinfos, array);
}
static inline void libipc_publish_messages(struct ipc_ctx *ctx, struct ipc_messages messages) { ctx->tx = messages; }

/* A word that contexts compare to notice changes (process.c). Upper 16 bits: the number of forks between the process that loaded the
 * library and this one, counted from 1. Lower 48 bits, which last for years: how often programs have changed tables of switched
 * pairs, or closed a descriptor of the library (libipc_take_number). 0: a child in which no call has been made yet. */
extern libipc_word *libipc_changes __attribute__((visibility("hidden")));
enum { LIBIPC_FORK_SHIFT = 48 };
/* Begins a child (process.c). Returns the word. */
uint64_t libipc_notice_child(void);
/* Whether the word differs from `since`. */
LIBIPC_ATOMIC int libipc_has_changed(uint64_t since) { return __atomic_load_n(libipc_changes, __ATOMIC_RELAXED) != since; }
/* The word; what was changed before it is seen. In a new child the first call begins the child, so it is never 0. */
LIBIPC_ATOMIC uint64_t libipc_current_changes(void) {
	uint64_t noted = __atomic_load_n(libipc_changes, __ATOMIC_ACQUIRE);
	return noted != 0 ? noted : libipc_notice_child();
}
/* Differs between a process and its children. */
LIBIPC_ATOMIC uint64_t libipc_fork_generation(void) { return libipc_current_changes() >> LIBIPC_FORK_SHIFT; }
LIBIPC_ATOMIC void libipc_note_pair_change(void) {
	libipc_current_changes();
	__atomic_add_fetch(libipc_changes, 1, __ATOMIC_RELEASE);
}

void libipc_print_context(const struct ipc_ctx *ctx);
/* glibc declares the address of this call as a union that Swift cannot import. */
static inline int libipc_bind(int fd, const struct sockaddr_un *address) {
	return bind(fd, (const struct sockaddr *)address, sizeof *address);
}

#endif
