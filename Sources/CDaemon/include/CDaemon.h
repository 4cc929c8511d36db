/*
 * CDaemon.h - what the daemons' Swift sources see of C: the public header of libipc, the system's, and what only C can
 * say (errno, macros, variadic functions, socket addresses, the 8 KiB result of libipc's functions).
 */
#ifndef CDAEMON_H
#define CDAEMON_H

#include <ctype.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../../include/ipc.h"

#pragma clang assume_nonnull begin

/* ---- libipc: the calls that the daemons make, with the code as result; the text of the last one that had any ---- */

const char *cd_reason(void);
enum ipc_error_code cd_note(const struct ipc_error *result);

#define CD_CALL(name, call, ...)                              \
	static inline enum ipc_error_code name(__VA_ARGS__) { \
		const struct ipc_error result = call;         \
		return cd_note(&result);                      \
	}
CD_CALL(cd_wait, ipc_wait_event(ctx, event, timer), struct ipc_ctx *ctx, struct ipc_event *event, int *timer)
CD_CALL(cd_serve, ipc_server_init(ctx, name), struct ipc_ctx *ctx, const char *name)
CD_CALL(cd_watch, ipc_add_fd(ctx, fd), struct ipc_ctx *ctx, int fd)
CD_CALL(cd_watch_switched, ipc_add_fd_switched(ctx, fd), struct ipc_ctx *ctx, int fd)
CD_CALL(cd_unwatch, ipc_del_fd(ctx, fd), struct ipc_ctx *ctx, int fd)
CD_CALL(cd_service_path, service_path(path, name), char *path, const char *name)
CD_CALL(cd_close, usock_close(fd), int fd)
CD_CALL(cd_close_entry, ipc_close_fd(ctx, fd), struct ipc_ctx *ctx, int fd)
CD_CALL(cd_write, ipc_write(ctx, m), struct ipc_ctx *ctx, const struct ipc_message *m)
CD_CALL(cd_listen_at_path, usock_init(fd, path), int *fd, const char *path)
CD_CALL(cd_close_all, ipc_close_all(ctx), struct ipc_ctx *ctx)
static inline void cd_empty(struct ipc_event *event) { IPC_EVENT_CLEAN(event) }
/* `path`: the socket's file, which goes when it is closed; copied, may be NULL. */
enum ipc_error_code cd_watch_server(struct ipc_ctx *ctx, int fd, const char *_Nullable path);

/* ---- the process (process.c) ---- */

static inline int cd_errno(void) { return errno; }
/* A system call again when a signal has interrupted it. */
#define CD_RETRYING(call)                              \
	({                                             \
		__typeof__(call) result_;              \
		do result_ = (call);                   \
		while (result_ < 0 && errno == EINTR); \
		result_;                               \
	})
const char *cd_version(void);
/* A clock that only goes forward: in nanoseconds, and in milliseconds. */
int64_t cd_nanoseconds(void);
int64_t cd_now(void);
/* Descriptors 0 to 2 are open, so that no client gets one of them. */
void cd_open_standard(void);
/* SIGHUP waits until cd_signals is read. */
void cd_hold_hangup(void);
/* Ignores SIGPIPE, leaves no dead children; a descriptor that is readable when SIGTERM, SIGINT, SIGHUP or SIGUSR1 has
 * come. */
int cd_signals(void);
/* Which one has come; 0: none further. */
int cd_next_signal(int signals);
/* Tells the service manager, if there is one, without waiting; whether it was told. */
int cd_notify(const void *text, size_t count);
/* Raises the limit on descriptors to `wanted` as far as it goes; what it is now. */
int64_t cd_raise_descriptor_limit(int64_t wanted);
/* The content of a regular file, with a NUL behind it, to be freed, and its size; NULL: errno says why not. */
char *_Nullable cd_read_file(const char *path, size_t limit, ssize_t *size);
/* Whether this is the name of a group, or a number that a group can have. */
int cd_is_group(const char *text);
/* How many sockets this process has inherited, at descriptors 3 and on; forgets that it was told. */
int cd_inherited(void);
/* A line, with its newline, on stderr, unless whoever reads it is so late that writing would wait. */
void cd_log_line(const void *line, size_t count);

/* ---- sockets (sockets.c) ---- */

struct cd_address {
	struct sockaddr_storage storage;
	socklen_t length;
};

int cd_family(int fd);
int cd_is_listening(int fd);
/* Of the socket itself (0) or its peer (1); whether there is one. */
int cd_address_of(int fd, int peer, struct cd_address *address);
int cd_is_loopback(const struct cd_address *address);
static inline int cd_is_same(struct cd_address one, struct cd_address other) {
	return one.length == other.length && memcmp(&one.storage, &other.storage, one.length) == 0;
}
/* `127.0.0.1:9000`, `[::1]:9000`. */
void cd_print_address(const struct cd_address *address, char *text, size_t size);
/* What limits for each peer go by: an IPv4 address, an IPv6 network of 64 bits, a local user. */
uint64_t cd_peer_key(int fd);
/* The same of an address of IP. */
uint64_t cd_address_key(const struct cd_address *address);
/* Who the peer is: `127.0.0.1:4711`, or `uid 1000 gid 1000 pid 4711` of a local one. */
void cd_print_peer(int fd, char *text, size_t size);
/* Whether both are the same address of IP, whatever their ports; an IPv4 address may be written as an IPv6 one. */
int cd_is_same_host(const struct cd_address *one, const struct cd_address *other);
/* An address of 4 or 16 bytes, in network order. */
void cd_make_address(const void *host, size_t size, uint16_t port, struct cd_address *address);
/* Accepts a client without waiting; close-on-exec and non-blocking, or -1. */
int cd_accept(int fd);
/* Up to `room` addresses of a host, without waiting for anybody if `numeric`; negative: getaddrinfo's error. */
int cd_lookup(const char *host, const char *port, int numeric, struct cd_address *addresses, int room);
/* Has a child look the host up: a socket that receives the addresses, their families in turn, or ends without, or -1. */
int cd_lookup_in_child(const char *host, const char *port, int seconds);
int cd_listen(const struct cd_address *address);
/* Begins to connect: a descriptor that does not block, or -1. */
int cd_dial(const struct cd_address *address);
/* How that went: 0, or an error's number. */
int cd_dialled(int fd);
/* Milliseconds after which a TCP peer that acknowledges nothing is given up; 0: the kernel's own time. Set once, before any cd_tune. */
void cd_set_peer_timeout(int milliseconds);
/* Sends each message at once, and notices a peer that is gone. */
void cd_tune(int fd);
/* Connects to the socket at `path` without waiting: a blocking descriptor, or -1; EAGAIN: its backlog is full. */
int cd_connect_local(const char *path);
enum { CD_PASSED = 253 }; /* descriptors that Linux passes at once (SCM_MAX_FD) */
/* Sends without waiting, with these descriptors, CD_PASSED at most. */
ssize_t cd_send_passed(int fd, const void *bytes, size_t count, const int *_Nullable descriptors, int number);
/* The same with the descriptor `passed` unless that is negative. */
ssize_t cd_send(int fd, const void *bytes, size_t count, int passed);
/* The same with two pieces and no descriptor. */
ssize_t cd_send_two(int fd, const void *first, size_t first_count, const void *_Nullable second, size_t second_count);
/* Receives, or looks, without waiting. */
ssize_t cd_receive(int fd, void *bytes, size_t count, int peek);

static inline int cd_set_blocking(int fd, int blocking) {
	int flags = fcntl(fd, F_GETFL);
	return fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}
/* The constants of shutdown(2) have a type of their own in Swift on some systems. */
static inline void cd_stop_writing(int fd) { shutdown(fd, SHUT_WR); }
static inline void cd_stop_reading(int fd) { shutdown(fd, SHUT_RD); }
static inline int cd_is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }
/* The peer can neither be heard nor written to any more. */
static inline int cd_is_hung_up(int fd) {
	struct pollfd entry = {.fd = fd, .events = 0};
	return poll(&entry, 1, 0) == 1 && entry.revents & (POLLHUP | POLLERR | POLLNVAL);
}

/* ---- readiness of many descriptors (linux.c, bsd.c) ---- */

/* A descriptor that is readable while one of those added is ready, or -1. */
int cd_poller_make(void);
/* Tells when `fd`, which connects, is through. */
int cd_poller_add(int poller, int fd);
void cd_poller_remove(int poller, int fd);
/* Tells of each change of `fd` (edge-triggered): once for what is there already. */
int cd_poller_add_edges(int poller, int fd);
/* Tells of what `fd` is ready for once more. */
void cd_poller_again(int poller, int fd);
/* What has become of a descriptor that was added for edges; `has_ended`: the peer writes no more, or has left, or failed. */
struct cd_ready {
	int fd;
	int is_readable, is_writable, has_ended;
};
/* At most `room` of those that are ready, 64 at once. */
int cd_poller_ready(int poller, struct cd_ready *ready, int room);
/* A descriptor that is through, or -1. */
int cd_poller_next(int poller);

#pragma clang assume_nonnull end

#include "tool.h"

#endif
