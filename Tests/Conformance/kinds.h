/*
 * kinds.h - descriptors of every kind that poll(2) takes, for the tests of EXTERNAL entries.
 */
#ifndef KINDS_H
#define KINDS_H

#include "peers.h"

#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <termios.h>

/* A terminal in raw mode: `ends[0]` is the program's side, `ends[1]` the user's. Neither echoes nor changes a byte. */
static inline void make_terminal(int ends[2]) {
	struct termios settings;
	ends[1] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ends[1] < 0 || grantpt(ends[1]) != 0 || unlockpt(ends[1]) != 0) SKIP("there are no pseudo-terminals here");
	ends[0] = open(ptsname(ends[1]), O_RDWR | O_NOCTTY | O_CLOEXEC);
	CHECK(ends[0] >= 0 && tcgetattr(ends[0], &settings) == 0);
	cfmakeraw(&settings);
	CHECK_EQUAL(tcsetattr(ends[0], TCSANOW, &settings), 0);
}

static inline const char *in_rundir(const char *name) {
	static char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", run_directory, name);
	return path;
}

/* A regular file with this content, opened anew at its beginning. */
static inline int make_file(const char *content, int flags) {
	int fd = open(in_rundir("file"), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content));
	close(fd);
	fd = open(in_rundir("file"), flags | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static inline void put_bytes(int fd, const void *bytes, size_t size) { CHECK_EQUAL(write(fd, bytes, size), size); }

/* Between the two sides of a terminal bytes and hang-ups are carried by a thread of the kernel: waits until they are here. */
static inline void await_arrival(int fd) {
	struct pollfd entry = {.fd = fd, .events = POLLIN};
	CHECK_EQUAL(poll(&entry, 1, -1), 1);
}

static inline void take_bytes(int fd, const void *bytes, size_t size) {
	char got[4096];
	CHECK(size <= sizeof got);
	CHECK_EQUAL(read(fd, got, size), size);
	CHECK(memcmp(got, bytes, size) == 0);
}

#endif
