/*
 * kinds_of_functions.h - one statement in a function that returns a struct ipc_error, an int, a pointer, nothing. The tests of the
 * macros use it: C and C++.
 */
#ifndef KINDS_OF_FUNCTIONS_H
#define KINDS_OF_FUNCTIONS_H

#include "capture.h"

struct kinds {
	struct ipc_error (*error)(int);
	int (*number)(int);
	const char *(*text)(int);
	void (*nothing)(int);
};

enum { WENT_ON = 200 }; /* exit status of a function that came to its end */

static inline struct ipc_error success(void) {
	struct ipc_error e;
	memset(&e, 0, sizeof e);
	return e;
}

/* Four functions around the statements, which see the argument as `n`, and `name`, a struct kinds, that holds them. The statements are
 * followed by a return or by the closing brace. */
#define KINDS(name, ...)                              \
	static struct ipc_error name##_error(int n) { \
		(void)n;                              \
		__VA_ARGS__ return success();         \
	}                                             \
	static int name##_number(int n) {             \
		(void)n;                              \
		__VA_ARGS__ return 1;                 \
	}                                             \
	static const char *name##_text(int n) {       \
		(void)n;                              \
		__VA_ARGS__ return "text";            \
	}                                             \
	static void name##_nothing(int n) {           \
		(void)n;                              \
		__VA_ARGS__                           \
	}                                             \
	static const struct kinds name = {name##_error, name##_number, name##_text, name##_nothing};

static const struct kinds *running;
static int running_kind, running_argument;

static inline void run_kind(void) {
	switch (running_kind) {
	case 0: running->error(running_argument); break;
	case 1: running->number(running_argument); break;
	case 2: running->text(running_argument); break;
	default: running->nothing(running_argument);
	}
	exit(WENT_ON);
}

/* Each of the four, called with `n`, ends the program with `status`, and this is a part of its stderr (NULL: there is nothing). */
static inline void check_kinds(const char *file, int line, const struct kinds *kinds, int n, int status, const char *err) {
	running = kinds;
	running_argument = n;
	for (running_kind = 0; running_kind < 4; running_kind++) check_captured(file, line, run_kind, status, err);
}
#define KINDS_END_WITH(kinds, n, status, err) check_kinds(__FILE__, __LINE__, &(kinds), (n), (status), (err))

#endif
