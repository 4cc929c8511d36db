/*
 * bytes.c - receives, sends and passes descriptors where the fast path of CLibIPC.h does not: control data, files that are no sockets,
 * and calls that wait.
 */
#include "CLibIPC.h"

#ifndef SCM_PIDFD
#define SCM_PIDFD 4 /* Linux 6.5 (SO_PASSPIDFD); glibc 2.36 does not name it */
#endif

/* Returns EMFILE or ENFILE when there is no free descriptor number, else 0. */
static int number_shortage(int fd) {
	int probe = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (probe < 0) return errno == EMFILE || errno == ENFILE ? errno : 0;
	close(probe);
	return 0;
}

void libipc_close_passed(int fd) {
	struct linger off = {0, 0};
	if (fd < 0) return;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off);
	close(fd);
}

/* CMSG_NXTHDR of musl compares signed with unsigned. */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wsign-compare"
static struct cmsghdr *part_after(struct msghdr *message, struct cmsghdr *part) { return CMSG_NXTHDR(message, part); }
#pragma clang diagnostic pop

void libipc_parse_control(int socket, struct msghdr *message, int *passed) {
	int error = errno;
	*passed = -1;
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = part_after(message, part)) {
		if (part->cmsg_level != SOL_SOCKET || (part->cmsg_type != SCM_RIGHTS && part->cmsg_type != SCM_PIDFD)) continue;
		size_t count = part->cmsg_len < CMSG_LEN(0) ? 0 : (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
			if (LIBIPC_FLAGS_AFTERWARDS && fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
			if (part->cmsg_type == SCM_RIGHTS && *passed < 0) *passed = fd;
			else libipc_close_passed(fd); /* a pidfd may be an error number instead */
		}
	}
	if (*passed < 0 && (message->msg_flags & MSG_CTRUNC) != 0) {
		int shortage = number_shortage(socket);
		if (shortage != 0) *passed = -shortage;
	}
	errno = error;
}

ssize_t libipc_finish_receive(int fd, struct msghdr *message, ssize_t received, int waiting, int *passed) {
	if (received < 0) {
		if (errno != ENOTSOCK) return received;
		if (waiting || libipc_poll(fd, POLLIN, 0) != 0) return readv(fd, message->msg_iov, (int)message->msg_iovlen);
		errno = EAGAIN;
		return -1;
	}
	libipc_parse_control(fd, message, passed);
	if ((message->msg_flags & MSG_TRUNC) == 0) return received;
	if (*passed >= 0) libipc_close_passed(*passed);
	*passed = -1;
	errno = EPROTOTYPE;
	return -1;
}

/* Peeks first (MSG_PEEK), which delivers the descriptor too. A plain receive would lose the descriptor and its byte when the process has
 * no free number. */
ssize_t libipc_receive_byte(int fd, void *byte, int waiting, int *passed) {
	if (!LIBIPC_PEEKS_DESCRIPTORS) return libipc_receive(fd, byte, 1, NULL, 0, waiting, passed);
	union libipc_control control;
	struct iovec vector = {byte, 1};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t received = recvmsg(fd, &message, MSG_PEEK | MSG_CMSG_CLOEXEC | (waiting ? 0 : MSG_DONTWAIT));
	if (received < 0 && errno == ENOTSOCK) return libipc_receive(fd, byte, 1, NULL, 0, waiting, passed);
	if (received <= 0) return received;
	libipc_parse_control(fd, &message, passed);
	if (*passed < -1) {
		errno = -*passed;
		*passed = -1;
		return -1;
	}
	/* Without room for control data the kernel drops its copy of the descriptor. */
	received = LIBIPC_RETRYING(recv(fd, byte, 1, MSG_DONTWAIT));
	if (received == 1 || *passed < 0) return received;
	int error = errno;
	libipc_close_passed(*passed);
	*passed = -1;
	errno = error;
	return received;
}

ssize_t libipc_send_descriptor_once(int socket, int fd, int waiting) {
	char byte = 0;
	struct iovec vector = {&byte, 1};
	return libipc_send_with_descriptor(socket, &vector, 1, fd, waiting);
}

ssize_t libipc_send_with_descriptor(int socket, struct iovec *vectors, size_t count, int fd, int waiting) {
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {
	    .msg_iov = vectors, .msg_iovlen = count, .msg_control = &control, .msg_controllen = CMSG_SPACE(sizeof(int))};
	memset(&control, 0, sizeof control);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
	return sendmsg(socket, &message, MSG_NOSIGNAL | (waiting ? 0 : MSG_DONTWAIT));
}

/* Writes without SIGPIPE to a file that is no socket, for which there is no MSG_NOSIGNAL: blocks the signal during the write, and
 * removes it from this thread unless it was pending before. */
static ssize_t write_without_signal(int fd, const void *bytes, size_t count) {
	sigset_t sigpipe, before, pending;
	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
	ssize_t written = write(fd, bytes, count);
	int error = errno;
	if (written < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE)) {
		libipc_discard_signal(SIGPIPE);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	/* The file took nothing, and the system gives no reason: a retry would never end. */
	if (written == 0 && count > 0) return errno = EIO, -1;
	return written;
}

/* There is no MSG_DONTWAIT for a file that is no socket. A pipe that polls writable takes PIPE_BUF bytes without waiting (pipe(7)). A
 * terminal may take less, and wait for the rest. O_NONBLOCK belongs to the open file, which other processes share, so this function
 * does not set it: it writes through a second open file, or one byte, for which there is nearly always room. */
ssize_t libipc_write_plain(int fd, const void *bytes, size_t count) {
	if (libipc_poll(fd, POLLOUT, 0) == 0) return errno = EAGAIN, -1;
	if (count > PIPE_BUF) count = PIPE_BUF;
	if (!isatty(fd)) return write_without_signal(fd, bytes, count);
	int own = libipc_open_terminal_again(fd);
	if (own < 0) return write_without_signal(fd, bytes, count > 0 ? 1 : 0);
	ssize_t written = write_without_signal(own, bytes, count);
	int error = errno;
	close(own);
	errno = error;
	return written;
}

ssize_t libipc_send_piece(int fd, const void *bytes, size_t count) {
	ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
	return sent < 0 && errno == ENOTSOCK ? write_without_signal(fd, bytes, count) : sent;
}

int libipc_all_handlers_restart(void) {
	struct sigaction action;
	for (int number = 1; number < NSIG; number++) {
		if (sigaction(number, NULL, &action) != 0 || (action.sa_flags & SA_RESTART) != 0) continue;
		if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) return 0;
	}
	return 1;
}
