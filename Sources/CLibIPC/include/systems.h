/*
 * systems.h - what systems name differently, or lack: flags, fields and small calls. (Readiness: Epoll.swift and its kin. Peers: peers.c.
 * futex(2): locks.c. Accepting and listening: names.c.)
 */
#ifndef LIBIPC_SYSTEMS_H
#define LIBIPC_SYSTEMS_H

#include <fcntl.h>
#ifdef __linux__
#include <malloc.h> /* malloc_usable_size, of the tests in Swift */
#endif
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* macOS sets no flag when a descriptor is made or received: it is set afterwards, and a fork(2) in between copies the descriptor. */
#ifdef __APPLE__
enum { LIBIPC_FLAGS_AFTERWARDS = 1 };
#define MSG_CMSG_CLOEXEC 0
#define SOCK_CLOEXEC 0
#define SOCK_NONBLOCK 0
#define st_mtim st_mtimespec
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif
#else
enum { LIBIPC_FLAGS_AFTERWARDS = 0 };
#endif
/* Not every macOS has MSG_NOSIGNAL: the library's own sockets are set to it. A program that adds others ignores SIGPIPE. */
static inline void libipc_forbid_signal(int fd) {
#ifdef SO_NOSIGPIPE
	int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#else
	(void)fd;
#endif
}

/* Room for control data (unix(7), cmsg(3)): passed descriptors, and what a program's socket options add (SO_PASSCRED, SO_PASSPIDFD,
 * SO_PASSSEC, SO_TIMESTAMP). Of more descriptors than there is room for, Linux passes as many as there is. FreeBSD gives none, and macOS
 * leaves the rest open in this process: so elsewhere there is room for 512, more than any of these lets a message carry. */
#ifdef __linux__
enum { LIBIPC_CONTROL_SIZE = 256 };
#else
enum { LIBIPC_CONTROL_SIZE = 256 + 512 * sizeof(int) };
#endif

/* A Unix socket that does not block and is close-on-exec. */
static inline int libipc_new_socket(int type) {
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (LIBIPC_FLAGS_AFTERWARDS && fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC), fcntl(fd, F_SETFL, O_NONBLOCK), libipc_forbid_signal(fd);
	return fd;
}

/* Options of setsockopt(2). On 32 bits of Linux they depend on the size of time_t, which Swift does not import. */
enum { LIBIPC_RECEIVE_LIMIT = SO_RCVTIMEO, LIBIPC_SEND_LIMIT = SO_SNDTIMEO };

/* The constants are an enum in C on some systems, and so have a type of their own in Swift. */
static inline void libipc_stop_writing(int fd) { shutdown(fd, SHUT_WR); }
static inline void libipc_stop_both_ways(int fd) { shutdown(fd, SHUT_RDWR); }

/* Removes a signal that is blocked and pending for this thread. OpenBSD and macOS have no sigtimedwait(2). */
static inline void libipc_discard_signal(int number) {
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, number);
#ifdef __linux__
	struct timespec now = {0, 0};
	sigtimedwait(&signals, NULL, &now);
#else
	sigset_t pending;
	if (sigpending(&pending) == 0 && sigismember(&pending, number)) sigwait(&signals, &number);
#endif
}

/* Whether recvmsg(2) with MSG_PEEK delivers descriptors. */
#ifdef __linux__
enum { LIBIPC_PEEKS_DESCRIPTORS = 1 };
#else
enum { LIBIPC_PEEKS_DESCRIPTORS = 0 };
#endif

/* Opens the same terminal a second time, with O_NONBLOCK; -1: not possible. The master's side of a pseudo terminal (TIOCGPTN) cannot
 * be opened twice; elsewhere nothing tells it from a terminal. */
static inline int libipc_open_terminal_again(int fd) {
#ifdef __linux__
	char path[32];
	unsigned number;
	if (ioctl(fd, TIOCGPTN, &number) == 0) return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
#else
	(void)fd;
	return -1;
#endif
}

#endif
