/*
 * batches.h - what the programs about ipc_wait_events share: an array of events, and a batch in one line.
 */
#ifndef BATCHES_H
#define BATCHES_H

#include "peers.h"

enum { ROOM = 1000 };

static struct ipc_ctx ctx;
static struct ipc_event event; /* of single calls */
static struct ipc_event events[ROOM];
static size_t count; /* of the last batch */

static inline const char *name_of_type(enum ipc_event_type type) {
	static const char *const names[] = {
	    "NOT_SET", "ERROR", "EXTRA_SOCKET", "SWITCH", "CONNECTION", "DISCONNECTION", "MESSAGE", "LOOKUP", "TIMER", "TX", "WAKE"};
	return (unsigned)type < sizeof names / sizeof *names ? names[type] : "?";
}

/* What holds for every batch: a number of events within the room, none of them without a type, TIMER alone, nothing behind. */
static inline void check_batch(enum ipc_error_code code, size_t room) {
	CHECK(count <= room);
	if (code != 0) CHECK(count > 0 || strlen(ipc_last_error()) > 0);
	if (code == 0) CHECK(count > 0);
	for (size_t i = 0; i < room; i++) {
		const struct ipc_event *e = &events[i];
		if (i >= count) {
			CHECK(e->type == IPC_EVENT_TYPE_NOT_SET && e->m == NULL);
			continue;
		}
		CHECK(e->type != IPC_EVENT_TYPE_NOT_SET);
		CHECK(e->type != IPC_EVENT_TYPE_TIMER || count == 1);
		CHECK((e->type == IPC_EVENT_TYPE_MESSAGE) == (e->m != NULL));
		if (e->type == IPC_EVENT_TYPE_ERROR) CHECK_EQUAL(i, count - 1);
	}
}

/* A batch with timer 0, and its code. */
static inline enum ipc_error_code batch_code(size_t room) {
	int timer = 0;
	count = 12345;
	enum ipc_error_code code = ipc_wait_events(&ctx, events, room, &count, &timer);
	CHECK_EQUAL(timer, 0);
	check_batch(code, room);
	return code;
}

/* The same, with success, and this many events. */
static inline void batch(size_t room, size_t wanted) {
	CHECK_EQUAL(batch_code(room), 0);
	if (count != wanted)
		for (size_t i = 0; i < count; i++) fprintf(stderr, "%zu: %s of %d\n", i, name_of_type(events[i].type), events[i].origin);
	CHECK_EQUAL(count, wanted);
}

static inline void check_event(size_t i, enum ipc_event_type type, int origin) {
	CHECK(i < count);
	if (events[i].type != type) FAIL("event %zu is %s, not %s", i, name_of_type(events[i].type), name_of_type(type));
	if (origin >= 0) CHECK_EQUAL(events[i].origin, origin);
}

static inline void nothing_more(void) {
	batch(ROOM, 1);
	check_event(0, IPC_EVENT_TYPE_TIMER, 0);
}

static inline void clean_events(void) {
	for (size_t i = 0; i < ROOM; i++) IPC_EVENT_CLEAN(&events[i]);
}

static inline void end(void) {
	clean_events();
	finish(&ctx, &event);
}

#endif
