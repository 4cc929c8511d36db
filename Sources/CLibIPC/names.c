/*
 * names.c - the environment, routes, listeners and socket files: the parts that need C or GNU extensions. It cannot include CLibIPC.h,
 * because with _GNU_SOURCE strerror_r(3) is not the function of POSIX.
 */
#define _GNU_SOURCE
#include "names.h"
#include "descriptor_table.h"
#include "systems.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* ---- the environment ---- */

const char *libipc_environment(const char *name) {
#ifdef __linux__
	const char *value = secure_getenv(name);
#else
	const char *value = issetugid() ? NULL : getenv(name);
#endif
	return value != NULL && *value != '\0' ? value : NULL;
}

static int is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

ssize_t libipc_strict_mark(const char *entry, size_t length) {
	while (length > 0 && is_blank(entry[length - 1])) length--;
	if (length < 2 || entry[length - 1] != '!' || !is_blank(entry[length - 2])) return -1;
	for (length--; length > 0 && is_blank(entry[length - 1]);) length--;
	return length > 0 ? (ssize_t)length : -1;
}

int libipc_make_lookup(char **lookup, const char *service, const char *routes) {
	size_t size = strlen(service) + strlen(routes) + 2;
	char *end = *lookup = size <= INT_MAX ? malloc(size) : NULL;
	if (end == NULL) return -1;
	end += sprintf(end, "%s;", service);
	for (;;) {
		size_t length = strcspn(routes, ";");
		ssize_t mark = libipc_strict_mark(routes, length);
		size_t kept = mark < 0 ? length : (size_t)mark;
		memcpy(end, routes, kept);
		end += kept;
		routes += length;
		if (*routes == '\0') break;
		*end++ = *routes++;
	}
	*end = '\0';
	return (int)(end - *lookup);
}

/* ---- sockets ---- */

int libipc_make_socket(void) { return libipc_new_socket(SOCK_STREAM); }

int libipc_accept(int server) {
#ifdef __linux__
	int client = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	if (client < 0 && errno == EAGAIN) {
		/* For a listener that was shut down, Linux returns EAGAIN for ever if the listener does not block, and EINVAL if it does. */
		struct pollfd entry = {server, POLLRDHUP, 0};
		errno = poll(&entry, 1, 0) == 1 && (entry.revents & (POLLRDHUP | POLLHUP)) != 0 ? EINVAL : EAGAIN;
	}
	return client;
#elif defined __APPLE__
	int client = accept(server, NULL, NULL);
	if (client >= 0) fcntl(client, F_SETFD, FD_CLOEXEC), fcntl(client, F_SETFL, 0), libipc_forbid_signal(client);
	return client;
#else
	return accept4(server, NULL, NULL, SOCK_CLOEXEC);
#endif
}

static int connect_to(int fd, const struct sockaddr_un *address) { return connect(fd, (const struct sockaddr *)address, sizeof *address); }

/* A full backlog is EAGAIN on Linux. Elsewhere it is ECONNREFUSED, as for a socket that nobody has bound. */
int libipc_connect_once(int fd, const struct sockaddr_un *address) {
	int result = connect_to(fd, address);
#ifndef __linux__
	if (result != 0 && errno == ECONNREFUSED) errno = libipc_is_bound(address) > 0 ? EAGAIN : ECONNREFUSED;
#endif
	return result;
}

int libipc_connect_within(int fd, const struct sockaddr_un *address, int milliseconds) {
#ifdef __linux__
	struct timeval limit = {milliseconds / 1000, milliseconds % 1000 * 1000}, none = {0, 0};
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	int result = connect_to(fd, address);
	int error = errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
	errno = error;
	return result;
#else
	/* Nothing tells when there is room: a try every 10 ms. */
	for (int passed = 0; libipc_connect_once(fd, address) != 0; passed += 10) {
		if (errno != EAGAIN || passed >= milliseconds) return -1;
		if (poll(NULL, 0, 10) < 0) return -1;
	}
	return 0;
#endif
}

int libipc_concerns_one_client(int error) {
	switch (error) {
	case ECONNABORTED:
	case EPERM:
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
	case ETIMEDOUT:
	case EPROTONOSUPPORT:
#ifdef __linux__ /* other systems have no such errors */
	case ENONET:
	case ESOCKTNOSUPPORT:
	case ENOSR:
#endif
		return 1;
	default: return 0;
	}
}

int libipc_is_listening(int fd) {
	int listens = 0;
	socklen_t size = sizeof listens;
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens;
}

/* ---- the library's own listeners ---- */

static int highest_listener; /* no listener was registered with a higher number */

/* A hash of the file's identity, never 0. Two files have the same hash once in 2^32. */
static uint32_t identity_of(int fd) {
	struct stat status;
	if (fstat(fd, &status) != 0) return 0;
	uint64_t mixed = ((uint64_t)status.st_ino ^ (uint64_t)status.st_dev << 40) * 0x9e3779b97f4a7c15;
	return (uint32_t)(mixed >> 32) | 1;
}

void libipc_note_listener(int fd) {
	if (!libipc_fits_table(fd)) return;
	__atomic_store_n(&libipc_table[fd].listener, identity_of(fd), __ATOMIC_RELAXED);
	int highest = __atomic_load_n(&highest_listener, __ATOMIC_RELAXED);
	while (highest < fd && !__atomic_compare_exchange_n(&highest_listener, &highest, fd, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
}

int libipc_is_own_listener(int fd) {
	uint32_t identity = identity_of(fd);
	if (identity == 0) return 0;
	if (libipc_fits_table(fd) && __atomic_load_n(&libipc_table[fd].listener, __ATOMIC_RELAXED) == identity) return 1;
	/* The descriptor may be a copy (dup(2)) of a listener with another number. */
	int highest = __atomic_load_n(&highest_listener, __ATOMIC_RELAXED);
	for (int other = 0; other <= highest; other++)
		if (__atomic_load_n(&libipc_table[other].listener, __ATOMIC_RELAXED) == identity) return 1;
	return 0;
}

/* ---- socket files ---- */

/* A datagram socket cannot connect to a stream socket: EPROTOTYPE (POSIX, connect) means that a socket is bound there, and ECONNREFUSED
 * that none is. The service does not notice. A send gives the same errors. Only if both report ECONNREFUSED is the path free: a wrong
 * answer would take away a service's name. */
int libipc_is_bound(const struct sockaddr_un *address) {
	int probe = libipc_new_socket(SOCK_DGRAM);
	if (probe < 0) return -1;
	int error;
	do error = connect_to(probe, address) == 0 ? 0 : errno;
	while (error == EINTR);
	if (error == ECONNREFUSED) {
		do error = sendto(probe, "", 0, MSG_NOSIGNAL, (const struct sockaddr *)address, sizeof *address) >= 0 ? 0 : errno;
		while (error == EINTR);
	}
	close(probe);
	errno = error;
	return error != ECONNREFUSED;
}

int libipc_find_socket_file(struct libipc_socket_file *file, const char *path, int listener) {
	struct stat found;
	memset(file, 0, sizeof *file);
	if (lstat(path, &found) != 0) return 0;
	file->device = found.st_dev, file->inode = found.st_ino;
	file->made_seconds = found.st_mtim.tv_sec, file->made_nanoseconds = found.st_mtim.tv_nsec;
	if (fstat(listener, &found) == 0) file->socket_device = found.st_dev, file->socket = found.st_ino;
	return 1;
}

int libipc_is_same_socket_file(const struct libipc_socket_file *file, const char *path, int listener) {
	struct libipc_socket_file found;
	if (!libipc_find_socket_file(&found, path, listener) || found.device != file->device || found.inode != file->inode) return 0;
	if (found.socket_device == file->socket_device && found.socket == file->socket) return 1;
	return found.made_seconds == file->made_seconds && found.made_nanoseconds == file->made_nanoseconds;
}

int exists_(const char *path, struct stat *status) {
	struct stat found;
	if (path == NULL || stat(path, &found) != 0) return 0;
	if (status != NULL) *status = found;
	return 1;
}

int is_directory_(struct stat *status) { return status != NULL && S_ISDIR(status->st_mode); }

/* Whether the mode bits allow the effective user to write. 0 also when there is no memory for the list of groups. */
int is_writable_(struct stat *status) {
	if (status == NULL) return 0;
	if (geteuid() == 0) return 1;
	if (status->st_uid == geteuid()) return (status->st_mode & S_IWUSR) != 0;
	int is_member = status->st_gid == getegid(), count = getgroups(0, NULL);
	gid_t *groups = count > 0 ? malloc((size_t)count * sizeof *groups) : NULL;
	if (groups != NULL) count = getgroups(count, groups);
	for (int i = 0; groups != NULL && i < count; i++) is_member |= groups[i] == status->st_gid;
	free(groups);
	return (status->st_mode & (is_member ? S_IWGRP : S_IWOTH)) != 0;
}

int libipc_change_socket_mode(const char *path, mode_t mode) {
	struct stat status;
	if (fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) == 0) return 0;
	/* glibc's fchmodat(3) needs /proc for that, which a service in a chroot(2) may not have. */
	if (errno != EOPNOTSUPP && errno != ENOSYS) return -1;
	if (lstat(path, &status) != 0) return -1;
	if (!S_ISSOCK(status.st_mode)) return errno = EOPNOTSUPP, -1;
	return chmod(path, mode);
}

int64_t libipc_parse_number(const char *text, int base) {
	char *end;
	if (*text < '0' || *text > '9') return -1; /* strtoull(3) would accept blanks and a sign */
	unsigned long long value = strtoull(text, &end, base);
	return *end == '\0' && value <= UINT32_MAX ? (int64_t)value : -1;
}

int libipc_find_group(const char *name, gid_t *group) {
	struct group entry, *found = NULL;
	int error = ERANGE;
	int64_t number = libipc_parse_number(name, 10);
	/* The highest number means "no change" to chown(2). */
	if (number >= 0 && number < UINT32_MAX) return *group = (gid_t)number, 0;
	/* A group with many members needs a large buffer; a megabyte is more than any group needs. */
	for (size_t size = 1024; error == ERANGE && size <= 1 << 20; size *= 4) {
		char *buffer = malloc(size);
		if (buffer == NULL) return ENOMEM;
		do error = getgrnam_r(name, &entry, buffer, size, &found);
		while (error == EINTR);
		if (error == 0 && found != NULL) *group = entry.gr_gid;
		free(buffer);
	}
	return error == 0 && found == NULL ? ENOENT : error;
}
