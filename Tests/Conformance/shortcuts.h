/*
 * shortcuts.h - the two kinds of contexts that have short ways through a wait, and a kernel that takes or gives a part: the program's
 * own send(2), recvmsg(2) and malloc(3), which the library calls instead of libc's.
 */
#ifndef SHORTCUTS_H
#define SHORTCUTS_H

#include "peers.h"
#include "system.h"

#include <sys/syscall.h>

/* The next calls, so many: each takes or gives at most so many bytes; or fails with this errno. */
static int short_sends, short_receives, failing_sends, failing_allocations;
static size_t most;
static int failure;
static void (*before_receiving)(void); /* unless NULL */

ssize_t send(int fd, const void *bytes, size_t size, int flags) {
	if (failing_sends > 0) return failing_sends--, errno = failure, -1;
	if (short_sends > 0 && size > most) short_sends--, size = most;
	return syscall(SYS_sendto, fd, bytes, size, flags, NULL, 0);
}

static ssize_t trimmed(long call, int fd, struct msghdr *message, int flags) {
	struct iovec parts[64];
	struct msghdr copy = *message;
	size_t room = most;
	copy.msg_iov = parts;
	for (copy.msg_iovlen = 0; copy.msg_iovlen < message->msg_iovlen && room > 0; copy.msg_iovlen++) {
		parts[copy.msg_iovlen] = message->msg_iov[copy.msg_iovlen];
		if (parts[copy.msg_iovlen].iov_len > room) parts[copy.msg_iovlen].iov_len = room;
		room -= parts[copy.msg_iovlen].iov_len;
	}
	ssize_t result = syscall(call, fd, &copy, flags);
	message->msg_controllen = copy.msg_controllen;
	message->msg_flags = copy.msg_flags;
	return result;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
	if (failing_sends > 0) return failing_sends--, errno = failure, -1;
	if (short_sends > 0) {
		struct msghdr copy = *message;
		return short_sends--, trimmed(SYS_sendmsg, fd, &copy, flags);
	}
	return syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
	if (before_receiving != NULL) before_receiving();
	if (short_receives > 0) return short_receives--, trimmed(SYS_recvmsg, fd, message, flags);
	return syscall(SYS_recvmsg, fd, message, flags);
}

/* Not under valgrind, which replaces this function. */
void *malloc(size_t size) {
	if (failing_allocations > 0 && --failing_allocations == 0) return errno = ENOMEM, NULL;
	return __libc_malloc(size);
}

/* ---- a service with two clients, which waits with the system's poller; a client, which waits for its one connection with poll(2) ---- */

enum place { SERVICE, CLIENT, PLACES };

static struct ipc_ctx ctx;
static struct ipc_event event;
static int near, far, other_near, other_far;

static void open_place(int place) {
	other_near = other_far = -1;
	if (place == CLIENT) {
		far = join_raw(&ctx, "pong", &near);
		CHECK_EQUAL(unlink(address_of("pong").sun_path), 0);
	} else {
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		far = join(&ctx, &event, "pong", &near);
		other_far = join(&ctx, &event, "pong", &other_near);
	}
	nothing_to_tell(&ctx, &event);
}

static void close_place(void) {
	if (far >= 0) close(far);
	if (other_far >= 0) close(other_far);
	finish(&ctx, &event);
}

#endif
