/*
 * received.c - descriptors that came with messages, until ipc_event_take_fd takes them. A struct ipc_event has no field for them, and the
 * memory of its message is the program's: so a list leads from the message's address to the descriptor. The list's lock is that of the
 * free lists (monitors.c).
 */
#include "thread.h"

#include <stdlib.h>

struct received {
	const void *message, *owner;
	int descriptor;
};
enum { FEW = 16 };
/* Few at a time are usual: they take no memory of malloc(3). */
static struct received few[FEW], *list = few;
static unsigned room = FEW;
unsigned libipc_received_count;

static void set_count(unsigned count) { __atomic_store_n(&libipc_received_count, count, __ATOMIC_RELAXED); }

static int grow(void) {
	struct received *grown = malloc(2 * room * sizeof *grown);
	if (grown == NULL) return 0;
	memcpy(grown, list, room * sizeof *grown);
	if (list != few) free(list);
	list = grown;
	room *= 2;
	return 1;
}

/* The caller has the lock, and the list an element with this index. */
static int take_at(unsigned index) {
	int descriptor = list[index].descriptor;
	set_count(libipc_received_count - 1);
	list[index] = list[libipc_received_count];
	return descriptor;
}

int libipc_keep_received(const void *message, int descriptor, const void *owner) {
	if (!libipc_lock_lists()) return 0;
	int has_room = libipc_received_count < room || grow();
	if (has_room) {
		list[libipc_received_count] = (struct received){message, owner, descriptor};
		set_count(libipc_received_count + 1);
	}
	libipc_unlock_lists();
	return has_room;
}

int libipc_take_received(const void *message) {
	int descriptor = -1;
	if (!libipc_has_received() || !libipc_lock_lists()) return -1;
	for (unsigned i = libipc_received_count; i > 0 && descriptor == -1; i--)
		if (list[i - 1].message == message) descriptor = take_at(i - 1);
	libipc_unlock_lists();
	return descriptor;
}

void libipc_close_received(const void *owner) {
	if (!libipc_lock_lists()) return;
	for (unsigned i = libipc_received_count; i > 0; i--)
		if (list[i - 1].owner == owner) libipc_close_passed(take_at(i - 1));
	libipc_unlock_lists();
}

int ipc_event_take_fd(struct ipc_event *event) {
	char reason[128] = "no descriptor came with this message";
	int descriptor = event != NULL && event->m != NULL ? libipc_take_received(event->m) : -1;
	if (descriptor >= 0) return descriptor;
	if (descriptor < -1) strerror_r(-descriptor, reason, sizeof reason);
	libipc_note_error(reason, strlen(reason));
	return -1;
}
