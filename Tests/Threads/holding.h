/*
 * holding.h - the state that a program keeps of each connection, by the number of its descriptor, and without any lock:
 * a mark finds two threads with one connection at once, and ThreadSanitizer looks at the plain fields as well.
 */
#ifndef HOLDING_H
#define HOLDING_H

#include "crew.h"

struct connection {
	atomic_int is_held;
	/* plain, and the more so: who is given an event of the connection owns them until its next wait */
	int is_known;
	uint32_t client;
	long expected, written, told;
};

enum { MOST_DESCRIPTORS = 1024 };
static struct connection connections[MOST_DESCRIPTORS];

/* At each event of the connection. */
static inline struct connection *take_hold(int fd) {
	CHECK(fd >= 0 && fd < MOST_DESCRIPTORS);
	if (swap(&connections[fd].is_held, 1) != 0) FAIL("descriptor %d is handled by two threads at once", fd);
	return &connections[fd];
}

/* Just before the call that lets go of it. */
static inline void let_go(struct connection **held) {
	if (*held != NULL) CHECK_EQUAL(swap(&(*held)->is_held, 0), 1);
	*held = NULL;
}

#endif
