/*
 * listeners.c - listening sockets, their names, and the clients that wait in their queues.
 */
#include "world.h"

#include <time.h>

struct listener listeners[LISTENERS];

const char *name_of(int name) {
	static const char *const names[NAMES] = {"anna", "berta", "carla"};
	return names[name % NAMES];
}

void path_of(int name, char *path) { snprintf(path, 100, "%s/%s", run_directory, name_of(name)); }

struct listener *listener_with(int fd) {
	for (int i = 0; i < LISTENERS; i++) {
		if (listeners[i].open && listeners[i].fd == fd) return &listeners[i];
	}
	return NULL;
}

struct listener *listener_named(int name) {
	for (int i = 0; i < LISTENERS; i++) {
		if (listeners[i].open && listeners[i].name == name) return &listeners[i];
	}
	return NULL;
}

static int is_in_a_context(const struct listener *l) {
	for (int c = 0; c < CONTEXTS; c++) {
		for (size_t i = 0; i < contexts[c].count; i++) {
			if (contexts[c].entries[i].listener == l) return 1;
		}
	}
	return 0;
}

/* There is room for one more, and none has this path that nobody finds any more: getsockname(2) tells only paths. */
int can_listen(int name) {
	for (int i = 0; i < LISTENERS; i++) {
		if (listeners[i].open && listeners[i].bound == name && listeners[i].name != name) return 0;
	}
	for (int i = 0; i < LISTENERS; i++) {
		if (!listeners[i].open && !is_in_a_context(&listeners[i])) return 1;
	}
	return 0;
}

/* The time when the file was made tells it from a later one with the same inode number, where the system's clock has ticked since. */
static void await_tick(int name) {
	struct timespec now;
	struct stat status;
	char path[100];
	path_of(name, path);
	if (lstat(path, &status) != 0) return;
	do clock_gettime(CLOCK_REALTIME_COARSE, &now);
	while (now.tv_sec < status.st_mtim.tv_sec || (now.tv_sec == status.st_mtim.tv_sec && now.tv_nsec <= status.st_mtim.tv_nsec));
}

struct listener *new_listener(int fd, int name) {
	await_tick(name);
	for (int i = 0; i < LISTENERS; i++) {
		if (listeners[i].open || is_in_a_context(&listeners[i])) continue;
		listeners[i] = (struct listener){.fd = fd, .name = name, .bound = name, .inode = inode_of(fd), .open = 1};
		for (int c = 0; c < CONTEXTS; c++) listeners[i].is_weak |= entry_with(&contexts[c], fd) != NULL;
		return &listeners[i];
	}
	fail("the tester has too many listeners");
}

/* Its descriptor is closed already: nobody accepts those who wait. */
void close_listener(struct listener *l) {
	l->open = 0;
	for (int i = 0; i < l->waiting; i++) links[l->clients[i]].listener = -1;
	l->waiting = 0;
}

struct listener *pick_listener(int which) {
	for (int i = 0; i < LISTENERS; i++) {
		struct listener *l = &listeners[(which + i) % LISTENERS];
		if (l->open) return l;
	}
	return NULL;
}

/* The next client in the queue has been accepted with this descriptor. */
struct end *accepted(struct listener *l, int fd) {
	if (l->waiting == 0) fail("a client was accepted that did not connect");
	struct link *link = &links[l->clients[0]];
	l->waiting--;
	memmove(l->clients, l->clients + 1, (size_t)l->waiting * sizeof l->clients[0]);
	link->listener = -1;
	open_end(&link->ends[0], fd, 0);
	return &link->ends[0];
}
