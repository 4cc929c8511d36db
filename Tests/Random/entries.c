/*
 * entries.c - the entries that each context must have, and what its arrays must therefore say.
 */
#include "world.h"

struct context contexts[CONTEXTS];

struct context *pick_context(int which) {
	return &contexts[which % CONTEXTS];
}
int index_of(const struct context *c) { return (int)(c - contexts); }

struct entry *add_entry(struct context *c, int fd, int type) {
	if (c->count == c->room) {
		c->room = c->room * 2 + 16;
		c->entries = realloc(c->entries, c->room * sizeof *c->entries);
	}
	struct entry *entry = &c->entries[c->count++];
	*entry = (struct entry){.fd = fd, .type = type, .end = near_with(fd), .listener = listener_with(fd)};
	/* In two places at once a descriptor's bytes may go to either. */
	if (entry->end != NULL && is_anywhere(entry->end) > 1) {
		distrust(incoming(entry->end), GARBAGE);
		distrust(outgoing(entry->end), GARBAGE);
	}
	return entry;
}

/* The last one moves into its place. */
void remove_entry(struct context *c, size_t index) {
	struct entry *entry = &c->entries[index];
	if (entry->end != NULL) forget_queue(c, entry->end);
	*entry = c->entries[--c->count];
}

/* The entry whose file still has this number, if there is one; else one that has it without right. */
struct entry *entry_with(struct context *c, int fd) {
	struct entry *found = NULL;
	for (size_t i = 0; i < c->count; i++) {
		struct entry *entry = &c->entries[i];
		if (entry->fd != fd || entry->dead) continue;
		if (found == NULL || (entry->end != NULL && entry->end->open)) found = entry;
	}
	return found;
}

int times(const struct context *c, int fd) {
	int count = 0;
	for (size_t i = 0; i < c->count; i++) count += c->entries[i].fd == fd;
	return count;
}

int is_anywhere(const struct end *e) {
	int count = 0;
	for (int c = 0; c < CONTEXTS; c++) {
		for (size_t i = 0; i < contexts[c].count; i++) count += contexts[c].entries[i].end == e && !contexts[c].entries[i].dead;
	}
	return count;
}

/* What this context has queued for the end, and not sent yet, is dropped. */
void forget_queue(struct context *c, struct end *e) {
	struct stream *s = outgoing(e);
	for (size_t i = 0; i < s->count; i++) {
		if (s->items[i].writer == index_of(c) && !s->items[i].sent) s->items[i].optional = 1;
	}
}

/* ipc_ctx_free drops what is queued, a frame that is half sent included; what was read ahead stays. */
void forget_context(struct context *c) {
	while (c->count > 0) {
		struct entry *entry = &c->entries[c->count - 1];
		struct end *e = entry->end;
		if (e != NULL && !entry->dead) {
			struct stream *out = outgoing(e);
			for (size_t i = 0; i < out->count; i++) {
				if (!out->items[i].sent && !out->items[i].optional) distrust(out, GARBAGE);
			}
		}
		remove_entry(c, c->count - 1);
	}
	c->is_limited = 0;
}

size_t queued_bytes(const struct context *c) {
	size_t bytes = 0, messages = 0;
	if (c->was_quiet) ipc_ctx_status((struct ipc_ctx *)&c->ctx, NULL, &messages);
	if (messages > 15) return SIZE_MAX;
	for (size_t i = 0; i < c->ctx.tx.size; i++) bytes += c->ctx.tx.messages[i].length;
	return bytes;
}

/* ctx->tx is in the order of ipc_write, and holds nothing that was not written, or is known to be sent. */
static void check_queue(struct context *c) {
	unsigned last = 0;
	for (size_t i = 0; i < c->ctx.tx.size; i++) {
		const struct ipc_message *m = &c->ctx.tx.messages[i];
		uint32_t number = (uint32_t)(unsigned char)m->type << 8 | (unsigned char)m->user_type;
		struct entry *entry = entry_with(c, m->fd);
		if (entry == NULL) fail("context %d: tx has a message for descriptor %d, which is no entry", index_of(c), m->fd);
		if (entry->end == NULL || !entry->end->open || outgoing(entry->end)->trust != CLEAN) continue;
		struct stream *s = outgoing(entry->end);
		struct item *item = NULL;
		for (size_t k = 0; k < s->count; k++) {
			if (s->items[k].number != number || s->items[k].writer != index_of(c) || s->items[k].sent) continue;
			/* A message that goes round between two pairs is there twice. */
			if (item == NULL || item->optional || item->order <= last) item = &s->items[k];
		}
		if (item == NULL) fail("context %d: tx has message %u, which does not wait", index_of(c), number);
		if (item->optional && entry->end->open) fail("context %d: tx has message %u, which was dropped", index_of(c), number);
		if (item->order <= last) fail("context %d: tx is not in the order of ipc_write", index_of(c));
		last = item->order;
	}
}

static int matches(const struct context *c) {
	for (size_t i = 0; i < c->count; i++) {
		if (c->ctx.pollfd[i].fd != c->entries[i].fd || (int)c->ctx.cinfos[i].type != c->entries[i].type) return 0;
	}
	return 1;
}

static void show(const struct context *c) {
	for (size_t i = 0; i < c->count || i < c->ctx.size; i++) {
		fprintf(stderr, "  entry %zu:", i);
		if (i < c->ctx.size) fprintf(stderr, " fd %d type %d", c->ctx.pollfd[i].fd, (int)c->ctx.cinfos[i].type);
		if (i < c->count)
			fprintf(
			    stderr, ", must be fd %d type %d%s", c->entries[i].fd, c->entries[i].type, c->entries[i].dead ? " closed" : "");
		fputc('\n', stderr);
	}
}

static void check_context(struct context *c) {
	size_t entries = 0, waiting = 0;
	if (c->ctx.size != c->count || !matches(c)) {
		show(c);
		fail("context %d: %zu entries are not the %zu that must be there", index_of(c), c->ctx.size, c->count);
	}
	for (size_t i = 0; i < c->count; i++) {
		int owned = c->ctx.cinfos[i].spath != NULL;
		if (owned != c->entries[i].owned) fail("context %d: entry %zu has %s path", index_of(c), i, owned ? "a" : "no");
	}
	struct ipc_error e = ipc_ctx_status(&c->ctx, &entries, &waiting);
	if (e.error_code != 0 || entries != c->ctx.size || waiting < c->ctx.tx.size) /* and what is not told yet */
		fail("context %d: ipc_ctx_status is not what the arrays say", index_of(c));
	if (c->ctx.tx.size < 64 || step_number % 16 == 0) check_queue(c);
}

/* Ends that nobody may have closed are open. */
static void check_ends(void) {
	for (int i = 0; i < LINKS; i++) {
		for (int side = 0; links[i].used && side < 2; side++) {
			struct end *e = &links[i].ends[side];
			if (!e->open || is_same(e->fd, e->inode)) continue;
			if (incoming(e)->trust != GARBAGE && outgoing(e)->trust != GARBAGE) fail("%s was closed", shown(e));
			close_end(e);
		}
	}
	for (int i = 0; i < LISTENERS; i++) {
		if (!listeners[i].open || is_same(listeners[i].fd, listeners[i].inode)) continue;
		if (!listeners[i].is_weak) fail("the listener %d was closed", listeners[i].fd);
		close_listener(&listeners[i]);
	}
}

void check_world(void) {
	for (int i = 0; i < CONTEXTS; i++) check_context(&contexts[i]);
	check_ends();
}
