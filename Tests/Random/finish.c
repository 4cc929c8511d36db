/*
 * finish.c - after the last step: what is on its way arrives, who leaves is told of, and nothing stays behind.
 */
#include "calls.h"

#include <dirent.h>

enum { ROUNDS = 20000, QUIET_ROUNDS = 1000, EVENTS = 300 };

/* Pairs between pairs may send a message round for ever. */
static int is_in_a_ring(const struct entry *one, const struct entry *two) {
	const struct end *first = near_with(one->fd), *second = near_with(two->fd);
	return first != NULL && second != NULL && !other(first)->raw && !other(second)->raw;
}

/* A switched end without a partner, and one in no context, would not be read: they become plain. */
static void make_readable(void) {
	for (int i = 0; i < CONTEXTS; i++) {
		struct context *c = &contexts[i];
		for (size_t k = 0; k < c->count; k++) {
			struct entry *entry = &c->entries[k];
			int opposite = ipc_switching_get(&c->ctx.switchdb, entry->fd);
			if (entry->type != IPC_CONNECTION_TYPE_SWITCHED || entry->dead) continue;
			struct entry *twin = opposite < 0 ? NULL : entry_with(c, opposite);
			int is_pair = twin != NULL && twin != entry && twin->type == IPC_CONNECTION_TYPE_SWITCHED && twin->end != NULL &&
			    twin->end->open;
			if (is_pair && !is_in_a_ring(entry, twin)) continue;
			if (is_pair) ipc_ctx_switching_del(&c->ctx, entry->fd);
			/* What a callback has read and not passed on yet is lost. */
			if (entry->end != NULL && entry->end->incoming.length > 0) distrust(incoming(entry->end), GARBAGE);
			if (times(c, entry->fd) == 1) ipc_ctx_fd_type(&c->ctx, entry->fd, IPC_CONNECTION_TYPE_IPC);
			else c->ctx.cinfos[k].type = IPC_CONNECTION_TYPE_IPC;
			c->is_changed = 1;
			entry->type = IPC_CONNECTION_TYPE_IPC;
			say("fd %d of context %d becomes plain", entry->fd, i);
		}
	}
}

/* An end in no context: the rest of a frame goes with the next call. */
static int read_loose(struct end *e) {
	int count = 0;
	char bytes[4096];
	for (size_t i = 0; i < outgoing(e)->count; i++) {
		if (outgoing(e)->items[i].sent || outgoing(e)->items[i].optional) continue;
		fcntl(e->fd, F_SETFL, O_NONBLOCK);
		EXPECT(usock_send(e->fd, "", 0, NULL), 0, 43);
		break;
	}
	while (incoming(e)->trust == GARBAGE && recv(e->fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0) count++;
	while (incoming(e)->trust != GARBAGE && count < 1000 && read_directly(e, count) == 0) count++;
	return count;
}

/* Whoever waits for nobody finds a peer. */
static void accept_all(void) {
	for (int i = 0; i < LISTENERS; i++) {
		int is_entry = 0;
		for (int c = 0; c < CONTEXTS; c++) is_entry |= entry_with(&contexts[c], listeners[i].fd) != NULL;
		if (!listeners[i].open || is_entry || !is_same(listeners[i].fd, listeners[i].inode)) continue;
		while (listeners[i].waiting > 0) step_peer_accept(i, 0, 0);
	}
}

static int serve(struct context *c) {
	int count = 0;
	while (c->count > 0 && count < EVENTS) {
		int timer = 0;
		wait_once(c, &timer);
		check_numbers();
		check_world();
		if (c->event.type == IPC_EVENT_TYPE_TIMER) return count;
		if (c->event.type == IPC_EVENT_TYPE_NOT_SET) continue;
		count++;
		if (c->event.type != IPC_EVENT_TYPE_EXTRA_SOCKET) continue;
		struct end *e = near_with(c->event.origin);
		read_external(e);
		if (e != NULL && !is_gone(e)) continue;
		say("ipc_del(context %d, index %u)", index_of(c), c->event.index);
		EXPECT(ipc_del(&c->ctx, c->event.index), 0);
		remove_entry(c, c->event.index);
		if (c->count == 0) forget_context(c);
	}
	return count;
}

static int one_round(void) {
	int progress = 0;
	make_readable();
	for (int i = 0; i < 2 * LINKS; i++) {
		struct end *e = &links[i / 2].ends[i % 2];
		if (!links[i / 2].used || !e->open) continue;
		if (e->raw) progress += (flush_end(e, SIZE_MAX, 0) > 0) + (read_raw(e, SIZE_MAX) > 0);
		else if (is_anywhere(e) == 0) progress += read_loose(e) > 0;
	}
	for (int i = 0; i < CONTEXTS; i++) progress += serve(&contexts[i]) > 0;
	return progress;
}

static int is_anything_missing(void) {
	for (int i = 0; i < 2 * LINKS; i++) {
		const struct end *e = &links[i / 2].ends[i % 2];
		if (links[i / 2].used && e->open && missing(incoming(e), 1) != NULL) return 1;
	}
	return 0;
}

static void settle(const char *when) {
	int rounds = 0, quiet = 0;
	/* A part of a message that goes from one context to another is no event. */
	while (quiet < 2 || (quiet < QUIET_ROUNDS && is_anything_missing())) {
		quiet = one_round() ? 0 : quiet + 1;
		if (rounds++ > ROUNDS) fail("%s: there is no end of events", when);
	}
}

static void everything_has_come(void) {
	for (int i = 0; i < 2 * LINKS; i++) {
		struct end *e = &links[i / 2].ends[i % 2];
		char text[100];
		if (!links[i / 2].used || !e->open) continue;
		snprintf(text, sizeof text, "at the end, %s", shown(e));
		check_received(incoming(e), 1, text);
	}
	for (int i = 0; i < LISTENERS; i++) {
		const struct listener *l = &listeners[i];
		for (int c = 0; l->open && !l->is_weak && l->waiting > 0 && c < CONTEXTS; c++) {
			const struct entry *entry = entry_with(&contexts[c], l->fd);
			if (entry != NULL && entry->listener == l && entry->type == IPC_CONNECTION_TYPE_SERVER)
				fail("clients of the listener %d were not accepted", l->fd);
		}
	}
}

static void nobody_is_left(void) {
	for (int i = 0; i < CONTEXTS; i++) {
		for (size_t k = 0; k < contexts[i].count; k++) {
			const struct entry *entry = &contexts[i].entries[k];
			if (entry->type != IPC_CONNECTION_TYPE_IPC || entry->dead || entry->end == NULL || !entry->end->open) continue;
			if (!other(entry->end)->raw || incoming(entry->end)->trust != CLEAN) continue;
			fail("%s is still in context %d, and its peer has left", shown(entry->end), i);
		}
	}
}

static int count_files(void) {
	int count = 0;
	DIR *directory = opendir("/proc/self/fd");
	while (readdir(directory) != NULL) count++;
	closedir(directory);
	return count;
}

void finish(void) {
	static int before;
	if (before == 0) {
		before = count_files();
		return;
	}
	say("-- all peers send the rest and read everything");
	accept_all();
	settle("at the end");
	everything_has_come();
	say("-- all peers leave");
	for (int i = 0; i < 2 * LINKS; i++) {
		struct end *e = &links[i / 2].ends[i % 2];
		if (!links[i / 2].used || !e->open || !e->raw) continue;
		close(e->fd);
		close_end(e);
	}
	settle("after all peers have left");
	nobody_is_left();
	say("-- the contexts are closed and freed");
	for (int i = 0; i < CONTEXTS; i++) {
		struct context *c = &contexts[i];
		IPC_EVENT_CLEAN(&c->event)
		for (int k = 0; k < BATCH; k++) IPC_EVENT_CLEAN(&c->batch[k])
		EXPECT(ipc_close_all(&c->ctx), 0);
		ipc_ctx_free(&c->ctx);
		if (c->ctx.size != 0 || c->ctx.pollfd != NULL || c->ctx.tx.size != 0) fail("ipc_ctx_free left something in context %d", i);
		free(c->entries);
	}
	for (int i = 0; i < 2 * LINKS; i++) {
		struct end *e = &links[i / 2].ends[i % 2];
		if (links[i / 2].used && e->open && !e->raw && incoming(e)->trust == GARBAGE) excused += e->descriptors;
		if (links[i / 2].used && e->open && is_same(e->fd, e->inode)) EXPECT(usock_close(e->fd), 0);
		free(e->incoming.at);
		free(e->outgoing.at);
		free(links[i / 2].streams[i % 2].items);
	}
	for (int i = 0; i < LISTENERS; i++) {
		if (listeners[i].open && is_same(listeners[i].fd, listeners[i].inode)) EXPECT(usock_close(listeners[i].fd), 0);
	}
	release_occupied();
	int after = count_files();
	if (after < before || after > before + excused) fail("%d descriptors are open, %d were before", after, before);
}
