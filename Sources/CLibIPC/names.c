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
