/*
 * events.c - waits, and decides whether an event may come now.
 */
#include "world.h"

#include <time.h>

struct callback_note note;

/* The partner of each entry before the call, or -1. A number that was closed may still stand in a pair of the table. */
static struct { int fd, partner; } former[256];
static size_t former_count;

static void note_pairs(struct context *c) {
	for (former_count = 0; former_count < c->count && former_count < 256; former_count++) {
		int fd = c->entries[former_count].fd;
		former[former_count].fd = fd;
		former[former_count].partner = ipc_switching_get(&c->ctx.switchdb, fd);
	}
	note = (struct callback_note){.fd = -1};
	/* What passes between pairs is not told. */
	for (size_t i = 0; i < c->count && (c->quiet & IPC_QUIET_SWITCH) != 0; i++) {
		if (c->entries[i].type != IPC_CONNECTION_TYPE_SWITCHED || c->entries[i].end == NULL) continue;
		distrust(incoming(c->entries[i].end), GARBAGE);
		distrust(outgoing(c->entries[i].end), GARBAGE);
	}
}

static int former_counterpart(int fd) {
	for (size_t i = 0; i < former_count; i++) {
		if (former[i].fd == fd) return former[i].partner;
	}
	return -1;
}

static void judge_connection(struct context *c) {
	struct sockaddr_un address = {0};
	socklen_t size = sizeof address;
	getsockname(c->event.origin, (struct sockaddr *)&address, &size);
	for (size_t i = 0; i < c->count; i++) {
		struct listener *l = c->entries[i].listener;
		char path[100];
		if (l == NULL || !l->open || l->waiting == 0) continue;
		path_of(l->bound, path);
		if (strcmp(path, address.sun_path) != 0) continue;
		accepted(l, c->event.origin);
		add_entry(c, c->event.origin, IPC_CONNECTION_TYPE_IPC);
		if (c->event.index != c->count - 1) fail("CONNECTION has the index %u", c->event.index);
		return;
	}
	/* An entry whose socket the program has closed may have got the number of another context's listener. */
	for (int i = 0; i < LISTENERS; i++) {
		char path[100];
		path_of(listeners[i].bound, path);
		if (!listeners[i].open || listeners[i].waiting == 0 || strcmp(path, address.sun_path) != 0) continue;
		if (times(c, listeners[i].fd) == 0 || !listeners[i].is_weak) break;
		accepted(&listeners[i], c->event.origin);
		add_entry(c, c->event.origin, IPC_CONNECTION_TYPE_IPC);
		return;
	}
	fail("CONNECTION of %s, whom nobody has connected to", address.sun_path);
}

/* Afterwards the entry is as open as it is. */
static void settle_end(struct end *e) {
	if (e != NULL && e->open && !is_same(e->fd, e->inode)) close_end(e);
}

/* The order in which two entries go is free. */
static void sort_as_published(struct context *c) {
	for (size_t i = 0; i < c->count && i < c->ctx.size; i++) {
		for (size_t k = i; k < c->count; k++) {
			if (c->entries[k].fd != c->ctx.pollfd[i].fd || c->entries[k].type != (int)c->ctx.cinfos[i].type) continue;
			struct entry moved = c->entries[k];
			c->entries[k] = c->entries[i];
			c->entries[i] = moved;
			break;
		}
	}
}

/* The first part of this message may be what a callback has read. */
static void taken_by_library(struct end *e) {
	if (e->incoming.length > 0) distrust(incoming(e), GARBAGE);
}

/* Which one of several entries of a number has gone: one of whose type there are fewer now. */
static struct entry *missing_twin(struct context *c, int fd, const struct entry *origin) {
	struct entry *found = NULL;
	for (size_t i = 0; i < c->count; i++) {
		struct entry *entry = &c->entries[i];
		int before = 0, now = 0;
		if (entry->fd != fd || entry == origin) continue;
		for (size_t k = 0; k < c->count; k++) before += c->entries[k].fd == fd && c->entries[k].type == entry->type;
		for (size_t k = 0; k < c->ctx.size; k++) now += c->ctx.pollfd[k].fd == fd && (int)c->ctx.cinfos[k].type == entry->type;
		if (now < before && (found == NULL || !entry->dead)) found = entry;
	}
	return found;
}

static void judge_pair_end(struct context *c, struct entry *entry, int failed) {
	struct end *e = entry->end;
	int opposite = former_counterpart(entry->fd);
	struct entry *twin = entry_with(c, opposite);
	if (opposite >= 0 && (twin == NULL || times(c, opposite) > 1)) twin = missing_twin(c, opposite, entry);
	struct end *t = twin == NULL ? NULL : twin->end;
	int twin_gone = t != NULL && is_gone(t), certain = e != NULL && t != NULL && e->open && t->open;
	int is_told = note.fd >= 0 && note.answer != IPC_CB_NO_ERROR && note.answer != IPC_CB_IGNORE;
	if (e != NULL && !is_gone(e) && !twin_gone && !failed && !is_told) fail("%s left, but its peer is there", shown(e));
	if (e != NULL && e->open && !failed && !is_told) check_received(incoming(e), 0, "DISCONNECTION of a switched end");
	size_t first = c->event.index, second = twin == NULL ? first : (size_t)(twin - c->entries);
	remove_entry(c, first > second ? first : second);
	if (first != second) remove_entry(c, first < second ? first : second);
	sort_as_published(c);
	int was_open = e != NULL && e->open, twin_was_open = t != NULL && t->open;
	settle_end(e);
	settle_end(t);
	if (!failed && certain && !(e->open && t->open)) fail("DISCONNECTION closed an end of a pair");
	if (failed && certain && was_open && twin_was_open && e->open != t->open) fail("ERROR closed one end of a pair");
}

/* The library may hold descriptors that were received. */
static int is_any_passed(void) {
	int count = excused;
	for (int i = 0; i < 2 * LINKS; i++)
		count += links[i / 2].used && !links[i / 2].ends[i % 2].raw && links[i / 2].ends[i % 2].descriptors > 0;
	return count > 0;
}

static void judge_end(struct context *c, const struct ipc_error *error, int failed) {
	struct entry *entry = &c->entries[c->event.index];
	struct end *e = entry->end;
	int code = (int)error->error_code, fd = entry->fd;
	if (e != NULL) taken_by_library(e);
	if (failed && code == IPC_ERROR_FD_SWITCHING__NO_FD_RECORD) {
		if (entry->type != IPC_CONNECTION_TYPE_SWITCHED) fail("error 107 for what is not switched");
		return;
	}
	if (entry->type == IPC_CONNECTION_TYPE_EXTERNAL && !failed) {
		if (code != 0) fail("DISCONNECTION of an EXTERNAL one with code %d", code);
		if (e != NULL && !is_gone(e)) fail("%s hung up, but its peer is there", shown(e));
		return;
	}
	if (former_counterpart(fd) >= 0 && entry->type == IPC_CONNECTION_TYPE_SWITCHED) {
		if (code != IPC_ERROR_CLOSED_RECIPIENT) fail("the end of a pair has the code %d", code);
		return judge_pair_end(c, entry, failed);
	}
	if (code != 0 && entry->type != IPC_CONNECTION_TYPE_SWITCHED)
		fail("code %d with the end of an entry: %s", code, error->error_message);
	if (failed && error->error_message[0] == '\0') fail("ERROR without a reason");
	if (e != NULL && e->open && !is_gone(e)) fail("%s left or failed, but its peer is there: %s", shown(e), error->error_message);
	if (e != NULL && e->open) check_received(incoming(e), 0, failed ? "ERROR" : "DISCONNECTION");
	if (e != NULL && e->open && incoming(e)->trust != GARBAGE && !c->in_batch && is_same(e->fd, e->inode))
		fail("%s was not closed", shown(e));
	if (e != NULL && e->open && incoming(e)->trust != GARBAGE && c->in_batch && !is_same(e->fd, e->inode))
		fail("%s was closed before the batch is over", shown(e));
	if (e != NULL && !e->open && near_with(fd) == NULL && is_any_passed())
		abandon("a received descriptor had the number of a closed one");
	if (entry->type == IPC_CONNECTION_TYPE_SERVER) {
		if (entry->listener != NULL && is_same(entry->listener->fd, entry->listener->inode) && !entry->listener->is_weak)
			fail("a listener failed: %s", error->error_message);
		entry->dead = 1;
		return;
	}
	remove_entry(c, c->event.index);
	if (c->in_batch && e != NULL && e->open) close_end(e);
	else settle_end(e);
}

static void judge_sent(struct context *c, struct entry *entry) {
	if (entry->end == NULL || !entry->end->open) return;
	struct stream *s = outgoing(entry->end);
	for (size_t i = 0; i < s->count; i++) {
		if (s->items[i].writer != index_of(c) || s->items[i].sent || s->items[i].optional) continue;
		/* What a callback has written is told of at once, what the library has written before it perhaps later. */
		if (note.fd == entry->fd && note.direction == 1 && s->items[i].number != note.number) continue;
		s->items[i].sent = 1;
		return;
	}
	if (s->trust == CLEAN) fail("TX for %s, for which no message waits", shown(entry->end));
}

static void judge_switched(struct context *c, struct entry *entry) {
	struct end *e = entry->end;
	int opposite = ipc_switching_get(&c->ctx.switchdb, entry->fd);
	struct end *target = opposite < 0 ? NULL : near_with(opposite);
	if (note.fd >= 0 && note.answer == IPC_CB_IGNORE) return;
	if (target == NULL || e == NULL || !e->open) {
		if (target != NULL) distrust(outgoing(target), GARBAGE);
		if (e != NULL) distrust(incoming(e), GARBAGE);
		return;
	}
	struct stream *from = incoming(e), *to = outgoing(target);
	if (note.fd != entry->fd) taken_by_library(e);
	if (note.fd == entry->fd && note.direction == 0) {
		push(to, note.number, index_of(c));
		if (from->trust == GARBAGE) distrust(to, GARBAGE);
		return;
	}
	const struct item *next = from->next < from->count ? &from->items[from->next] : NULL;
	/* TX of what another near end has sent may not be told yet. */
	int is_unreported = from->trust == CLEAN && next != NULL && !other(e)->raw && !next->optional && next->number < PASSED;
	if (knows_next(from) || is_unreported) {
		push(to, from->items[from->next++].number, index_of(c));
		return;
	}
	if (from->trust == CLEAN && from->next == from->count && from->poison == SIZE_MAX)
		fail("SWITCH of %s, which has said nothing", shown(e));
	distrust(from, GARBAGE);
	distrust(to, GARBAGE);
	push(to, UNKNOWN, index_of(c));
}

/* The program has closed a descriptor of the context, or got its number for another file: a wait may fail once for that. */
int has_stale(struct context *c) {
	for (size_t i = 0; i < c->count; i++) {
		const struct entry *entry = &c->entries[i];
		if (!entry->dead && (times(c, entry->fd) > 1 || (entry->end != NULL && !entry->end->open))) return 1;
	}
	return 0;
}

static const char *const event_names[] = {
    "NOT_SET", "ERROR", "EXTRA_SOCKET", "SWITCH", "CONNECTION", "DISCONNECTION", "MESSAGE", "LOOKUP", "TIMER", "TX"};

void judge(struct context *c, struct ipc_error *error, const char *call, int is_step) {
	const struct ipc_event *event = &c->event;
	int code = (int)error->error_code;
	say("%s(context %d) = %d: %s index %u fd %d %.200s", call, index_of(c), code,
	    (unsigned)event->type < 10 ? event_names[event->type] : "?", event->index, event->origin, error->error_message);
	if (event->type == IPC_EVENT_TYPE_NOT_SET) {
		if (code == IPC_ERROR_POLLER && has_stale(c)) {
			if (++c->refused < 3) return;
		}
		if (!is_step) fail("%s gave no event: code %d, %s", call, code, error->error_message);
		return;
	}
	c->refused = 0;
	if (event->type == IPC_EVENT_TYPE_TIMER) {
		if (is_step || code != 0 || event->index != 0 || event->origin != 0) fail("%s: TIMER is not as it must be", call);
		return;
	}
	if (event->type == IPC_EVENT_TYPE_CONNECTION) return judge_connection(c);
	if (event->index >= c->count || c->entries[event->index].fd != event->origin)
		fail("%s: the index %u is not that of descriptor %d", call, event->index, event->origin);
	struct entry *entry = &c->entries[event->index];
	if (entry->dead) fail("%s: an event of descriptor %d, which was closed", call, entry->fd);
	if (event->type == IPC_EVENT_TYPE_DISCONNECTION) return judge_end(c, error, 0);
	if (event->type == IPC_EVENT_TYPE_ERROR) return judge_end(c, error, 1);
	if (code != 0) fail("%s: code %d with the event %d", call, code, event->type);
	if (!is_step && (c->quiet & 1u << event->type) != 0) fail("%s: an event of type %d, which is left out", call, event->type);
	switch (event->type) {
	case IPC_EVENT_TYPE_MESSAGE:
		if (event->m == NULL || ((struct ipc_message *)event->m)->fd != event->origin) fail("MESSAGE without one");
		if (entry->type != IPC_CONNECTION_TYPE_IPC) fail("MESSAGE of an entry of type %d", entry->type);
		if (entry->end == NULL || !entry->end->open) return;
		taken_by_library(entry->end);
		deliver(incoming(entry->end), event->m, shown(entry->end));
		return;
	case IPC_EVENT_TYPE_TX: return judge_sent(c, entry);
	case IPC_EVENT_TYPE_SWITCH: return judge_switched(c, entry);
	case IPC_EVENT_TYPE_EXTRA_SOCKET:
		if (entry->type != IPC_CONNECTION_TYPE_EXTERNAL) fail("EXTRA_SOCKET of an entry of type %d", entry->type);
		return;
	default: fail("%s: an event of type %d", call, event->type);
	}
}

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

void prepare(struct context *c) { note_pairs(c); }

void wait_once(struct context *c, int *timer) {
	int given = timer == NULL ? -1 : *timer, is_new = timer != NULL && given != c->timer;
	struct ipc_error error;
	note_pairs(c);
	int was_ready = timer == NULL || given != 0 || may_be_ready(c);
	double start = now();
	error = ipc_wait_event(&c->ctx, &c->event, timer);
	double end = now();
	judge(c, &error, "ipc_wait_event", 0);
	check_loop(c, was_ready);
	if (timer == NULL) return;
	c->timer = *timer;
	if (*timer > 0) c->left = *timer;
	if (given < 0 ? *timer != given : *timer < 0 || *timer > given) fail("a timer of %d became %d", given, *timer);
	if (c->event.type != IPC_EVENT_TYPE_TIMER) return;
	if (*timer != 0) fail("TIMER left %d", *timer);
	if (is_new && end - start < given) fail("TIMER came after %.3f ms, not %d", end - start, given);
}
