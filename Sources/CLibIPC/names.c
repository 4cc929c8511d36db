/*
 * names.c - how services are named, found and listened for: what only C can say, or what is GNU's. CLibIPC.h is not included:
 * it needs strerror_r(3) as POSIX has it.
 */
#define _GNU_SOURCE
#include "names.h"

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

int libipc_connect_once(int fd, const struct sockaddr_un *address) {
	return connect(fd, (const struct sockaddr *)address, sizeof *address);
}

int libipc_poll_interruptibly(int fd, int events, int timeout) {
	struct pollfd entry = {fd, (short)events, 0};
	int found = poll(&entry, 1, timeout);
	return found > 0 ? entry.revents : found;
}
