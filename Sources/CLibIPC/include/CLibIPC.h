/*
 * CLibIPC.h - what the Swift sources see of C: the public headers, the system's, the list of
 * exports, and the few lines that only C can say (macros, variadic functions, errno).
 */
#ifndef CLIBIPC_H
#define CLIBIPC_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4, struct ucred */
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

/* stdout and stderr are variables that Swift 6 will not read without a lock. */
static inline void libipc_print(const void *bytes, size_t count) { fwrite(bytes, 1, count, stdout); }
static inline void libipc_flush(void) { fflush(stdout); }

static inline int libipc_open_directory(const char *path) { return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }
static inline int libipc_bytes_waiting(int fd) {
	int count = 0;
	return ioctl(fd, FIONREAD, &count) == 0 ? count : -1;
}
/* Permission bits: casts, which Swift does not import. */
enum { LIBIPC_WRITE_USER = 0200, LIBIPC_WRITE_GROUP = 0020, LIBIPC_WRITE_OTHERS = 0002 };
static inline int libipc_is_directory(const struct stat *status) { return S_ISDIR(status->st_mode); }
static inline int libipc_is_socket(const struct stat *status) { return S_ISSOCK(status->st_mode); }

static inline int libipc_is_nonblocking(int fd) {
	int flags = fcntl(fd, F_GETFL);
	return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

/* Control data for descriptors, aligned as cmsg(3) asks, and its traversal: macros all of it. With more than
 * fit the kernel closes the rest (unix(7), MSG_CTRUNC). */
enum { LIBIPC_PASSED_MAX = 8 };
union libipc_control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int) * LIBIPC_PASSED_MAX)];
};
/* Copies the descriptors that came with `message` to `descriptors`; returns how many. */
static inline int libipc_passed_descriptors(struct msghdr *message, int *descriptors) {
	size_t found = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (count > LIBIPC_PASSED_MAX - found) count = LIBIPC_PASSED_MAX - found;
		memcpy(descriptors + found, CMSG_DATA(c), count * sizeof(int));
		found += count;
	}
	return (int)found;
}
/* Makes `message` carry one descriptor in `control`. */
static inline void libipc_attach_descriptor(struct msghdr *message, union libipc_control *control, int fd) {
	memset(control, 0, sizeof *control);
	message->msg_control = control;
	message->msg_controllen = CMSG_SPACE(sizeof(int));
	control->header.cmsg_level = SOL_SOCKET;
	control->header.cmsg_type = SCM_RIGHTS;
	control->header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control->header), &fd, sizeof fd);
}

static inline uint32_t libipc_from_network(uint32_t value) { return __builtin_bswap32(value); }

/* Entries of shared tables and flags, read and written by several threads. */
static inline void *libipc_load(void **place) { return __atomic_load_n(place, __ATOMIC_ACQUIRE); }
static inline void libipc_store(void **place, void *value) { __atomic_store_n(place, value, __ATOMIC_RELEASE); }
static inline int libipc_replace(void **place, void *expected, void *value) {
	return __atomic_compare_exchange_n(place, &expected, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* How often this process is the child of a fork since the library was loaded (runtime.c). */
uint32_t libipc_forks(void);
/* The service that looks names up beyond this machine. */
static inline const char *libipc_network_service(void) { return "network"; }

/* glibc declares the addresses of these calls as a union that Swift does not see through. */
static inline int libipc_connect(int fd, const struct sockaddr_un *address) {
	return connect(fd, (const struct sockaddr *)address, sizeof *address);
}
static inline int libipc_bind(int fd, const struct sockaddr_un *address) {
	return bind(fd, (const struct sockaddr *)address, sizeof *address);
}
static inline int libipc_accept(int server) { return accept4(server, NULL, NULL, 0); }

/* LIBIPC_DEBUG is 1, as the environment was when first asked. */
int libipc_debug(void);
/* The root of the process-wide table of descriptors (Registry.swift). */
void **libipc_registry(void);

#endif
