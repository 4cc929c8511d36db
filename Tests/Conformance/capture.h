/*
 * capture.h - what a piece of a program prints, and how it ends.
 *
 * The piece runs in a process of its own, because some of them exit; its outputs go to files of the run directory.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include "harness.h"

struct captured {
	int status; /* as exit gave it, or -1 for a signal */
	char out[70000], err[20000];
};

static inline void capture_into(const char *name, int fd) {
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", run_directory, name);
	int file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	CHECK(file >= 0 && dup2(file, fd) == fd);
	close(file);
}

static inline void read_captured(const char *name, char *text, size_t room) {
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", run_directory, name);
	FILE *file = fopen(path, "r");
	CHECK(file != NULL);
	size_t length = fread(text, 1, room - 1, file);
	CHECK(length < room - 1);
	text[length] = '\0';
	fclose(file);
	unlink(path);
}

/* Runs `body`; a body that comes to its end has the status 0. The result is valid until the next call. */
static inline const struct captured *capture(void (*body)(void)) {
	static struct captured captured;
	int status;
	fflush(NULL);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		capture_into("captured.out", 1);
		capture_into("captured.err", 2);
		body();
		exit(0);
	}
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	captured.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	read_captured("captured.out", captured.out, sizeof captured.out);
	read_captured("captured.err", captured.err, sizeof captured.err);
	return &captured;
}

/* How `body` ended and what it printed; `err` is a part of what stderr must hold, NULL for nothing at all. */
static inline void check_captured(const char *file, int line, void (*body)(void), int status, const char *err) {
	const struct captured *c = capture(body);
	int silent = c->err[0] == '\0';
	if (c->status == status && c->out[0] == '\0' && (err == NULL ? silent : strstr(c->err, err) != NULL)) return;
	fprintf(stderr, "%s:%d: status %d, not %d; stdout '%.200s'; stderr '%.200s', not '%s'\n", file, line, c->status, status, c->out,
	    c->err, err == NULL ? "" : err);
	exit(1);
}
#define ENDS_WITH(body, status, err) check_captured(__FILE__, __LINE__, (body), (status), (err))

#endif
