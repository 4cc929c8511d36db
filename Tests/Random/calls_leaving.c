/*
 * calls_leaving.c - steps that close and drop entries, and that change what they are.
 */
#include "calls.h"

static struct entry *pick_entry(struct context *context, int which, size_t *index) {
	if (context->count == 0) return NULL;
	*index = (size_t)which % context->count;
	return &context->entries[*index];
}

/* What ipc_close does to an entry, in the model. */
static void closed(struct context *context, struct entry *entry, int code) {
	if (entry->end != NULL) forget_queue(context, entry->end);
	if (entry->type == IPC_CONNECTION_TYPE_EXTERNAL) return;
	if (entry->end != NULL && entry->end->open && !entry->dead) {
		if (is_same(entry->end->fd, entry->end->inode)) fail("ipc_close left %s open", shown(entry->end));
		close_end(entry->end);
	}
	if (entry->listener != NULL && entry->listener->open && !entry->dead) close_listener(entry->listener);
	entry->owned = 0;
	if (code == 0) entry->dead = 1;
}

/* The entry's number means what the entry was made for. */
static int is_true(const struct entry *entry) {
	if (entry->dead) return 1;
	if (entry->end != NULL) return entry->end->open && is_same(entry->fd, entry->end->inode);
	return entry->listener != NULL && entry->listener->open;
}

void step_close(int a, int b, int c) {
	struct context *context = pick_context(a);
	size_t index;
	struct entry *entry = pick_entry(context, b, &index);
	(void)c;
	if (entry == NULL) return;
	int known = is_true(entry);
	int code = EXPECT(ipc_close(&context->ctx, (uint32_t)index), 0, 48);
	say("ipc_close(context %d, index %zu: fd %d) = %d", index_of(context), index, entry->fd, code);
	if (known && !entry->dead && code != 0) fail("ipc_close gave %d", code);
	closed(context, entry, code);
}

void step_close_all(int a, int b, int c) {
	struct context *context = pick_context(a);
	(void)b, (void)c;
	say("ipc_close_all(context %d)", index_of(context));
	context->loop = 0;
	EXPECT(ipc_close_all(&context->ctx), 0);
	for (size_t i = 0; i < context->count; i++) closed(context, &context->entries[i], 0);
}

static void deleted(struct context *context, size_t index) {
	remove_entry(context, index);
	if (context->count == 0) forget_context(context);
}

void step_del(int a, int b, int c) {
	struct context *context = pick_context(a);
	size_t index;
	(void)c;
	if (pick_entry(context, b, &index) == NULL) {
		EXPECT(ipc_del(&context->ctx, 0), 38);
		return;
	}
	say("ipc_del(context %d, index %zu: fd %d)", index_of(context), index, context->entries[index].fd);
	EXPECT(ipc_del(&context->ctx, (uint32_t)index), 0);
	deleted(context, index);
}

void step_del_fd(int a, int b, int c) {
	struct context *context = pick_context(a);
	size_t index;
	struct entry *entry = pick_entry(context, b, &index);
	(void)c;
	if (entry == NULL) {
		EXPECT(ipc_del_fd(&context->ctx, 7), 34);
		return;
	}
	if (times(context, entry->fd) > 1) return;
	say("ipc_del_fd(context %d, fd %d)", index_of(context), entry->fd);
	EXPECT(ipc_del_fd(&context->ctx, entry->fd), 0);
	deleted(context, index);
}

void step_close_fd(int a, int b, int c) {
	struct context *context = pick_context(a);
	size_t index;
	struct entry *entry = pick_entry(context, b, &index);
	(void)c;
	if (entry == NULL || times(context, entry->fd) > 1) return;
	int known = is_true(entry) && !entry->dead;
	int code = EXPECT(ipc_close_fd(&context->ctx, entry->fd), 0, 48);
	say("ipc_close_fd(context %d, fd %d) = %d", index_of(context), entry->fd, code);
	if (known && code != 0) fail("ipc_close_fd gave %d", code);
	closed(context, entry, code);
	deleted(context, index);
}

void step_free(int a, int b, int c) {
	struct context *context = pick_context(a);
	(void)b, (void)c;
	say("ipc_ctx_free(context %d)", index_of(context));
	ipc_ctx_free(&context->ctx);
	forget_context(context);
	context->quiet = 0, context->was_quiet = 0, context->loop = 0;
}

void step_type(int a, int b, int c) {
	static const int types[] = {
	    IPC_CONNECTION_TYPE_IPC, IPC_CONNECTION_TYPE_EXTERNAL, IPC_CONNECTION_TYPE_SWITCHED, IPC_CONNECTION_TYPE_IPC};
	struct context *context = pick_context(a);
	size_t index;
	struct entry *entry = pick_entry(context, b, &index);
	if (entry == NULL) return;
	int type = types[c % 4];
	if (entry->listener != NULL) type = c % 2 ? IPC_CONNECTION_TYPE_SERVER : IPC_CONNECTION_TYPE_EXTERNAL;
	if (entry->type == IPC_CONNECTION_TYPE_SERVER && entry->owned && type != entry->type) return;
	if (c / 4 % 2 && !entry->dead && times(context, entry->fd) == 1) {
		say("ipc_ctx_fd_type(context %d, fd %d, type %d)", index_of(context), entry->fd, type);
		if (ipc_ctx_fd_type(&context->ctx, entry->fd, (enum ipc_connection_type)type) != 0)
			fail("ipc_ctx_fd_type does not find %d", entry->fd);
	} else {
		say("context %d: cinfos[%zu].type = %d (fd %d)", index_of(context), index, type, entry->fd);
		context->ctx.cinfos[index].type = (enum ipc_connection_type)type;
		context->is_changed = 1;
	}
	entry->type = type;
}

void step_queue_limit(int a, int b, int c) {
	struct context *context = pick_context(a);
	size_t limit = b % 3 == 0 ? 64u << 20 : b % 3 == 1 ? 100000 : 4000;
	(void)c;
	say("ipc_ctx_queue_limit(context %d, %zu)", index_of(context), limit);
	EXPECT(ipc_ctx_queue_limit(&context->ctx, limit), 0);
	context->is_limited |= limit < 1000000;
}

void step_snapshot(int a, int b, int c) {
	struct context *context = pick_context(a);
	struct ipc_entry *list = NULL, one;
	size_t count = 0;
	(void)b, (void)c;
	EXPECT(ipc_ctx_entries(&context->ctx, &list, &count), 0);
	if (count != context->count) fail("ipc_ctx_entries tells of %zu entries", count);
	for (size_t i = 0; i < count; i++) {
		if (list[i].fd != context->entries[i].fd || (int)list[i].type != context->entries[i].type)
			fail("ipc_ctx_entries: entry %zu is another", i);
		EXPECT(ipc_ctx_entry(&context->ctx, list[i].fd, &one), 0);
	}
	free(list);
	EXPECT(ipc_ctx_release(&context->ctx), 0);
	EXPECT(ipc_ctx_entry(&context->ctx, 999, &one), 116);
}
