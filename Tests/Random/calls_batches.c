/*
 * calls_batches.c - steps with the calls since 1.2: several events at once, events that are left out, payloads that are given away, and
 * a descriptor for foreign loops.
 */
#include "calls.h"

#include <poll.h>

/* ---- the descriptor for foreign loops ---- */

enum { MOST_IDLE_TURNS = 1000 };

/* Whether a wait of 0 ms may give an event; also when that is not known. */
int may_be_ready(struct context *c) {
	struct pollfd entry = {.fd = c->loop, .events = POLLIN};
	return c->loop <= 0 || c->is_changed || has_stale(c) || poll(&entry, 1, 0) != 0;
}

/* After a wait of 0 ms. */
void check_loop(struct context *c, int was_ready) {
	int is_event = c->event.type != IPC_EVENT_TYPE_TIMER && c->event.type != IPC_EVENT_TYPE_NOT_SET;
	if (is_event && !was_ready) fail("context %d: an event, and descriptor %d was not readable", index_of(c), c->loop);
	c->idle_turns = is_event || c->loop <= 0 || !was_ready || has_stale(c) ? 0 : c->idle_turns + 1;
	if (c->event.type == IPC_EVENT_TYPE_TIMER) c->is_changed = 0;
	if (c->idle_turns > MOST_IDLE_TURNS) fail("context %d: descriptor %d is readable, and there is no event", index_of(c), c->loop);
}

void step_loop(int a, int b, int c) {
	struct context *context = pick_context(a);
	(void)b, (void)c;
	int fd = ipc_ctx_fd(&context->ctx);
	say("ipc_ctx_fd(context %d) = %d", index_of(context), fd);
	if (fd < 0 && strstr(ipc_last_error(), "poll(2)") == NULL) fail("ipc_ctx_fd: %s", ipc_last_error());
	if (fd >= 0 && context->loop > 0 && fd != context->loop) fail("ipc_ctx_fd gave %d, and %d before", fd, context->loop);
	if (fd >= 0) context->loop = fd;
}

/* ---- events that are left out ---- */

void step_quiet(int a, int b, int c) {
	struct context *context = pick_context(a);
	(void)c;
	uint32_t kinds = (b % 2 ? IPC_QUIET_TX : 0) | (b % 8 >= 6 ? IPC_QUIET_SWITCH : 0);
	if (b % 16 == 15) {
		if (ipc_ctx_quiet(&context->ctx, 1u << b % 32 | 2u) != IPC_ERROR_CTX_QUIET__EVENT_TYPE)
			fail("ipc_ctx_quiet takes a wrong kind");
		return;
	}
	say("ipc_ctx_quiet(context %d, %#x)", index_of(context), kinds);
	if (ipc_ctx_quiet(&context->ctx, kinds) != 0) fail("ipc_ctx_quiet: %s", ipc_last_error());
	context->quiet = kinds;
	if (kinds & IPC_QUIET_TX) context->was_quiet = 1;
}

/* ---- payloads that are given away ---- */

/* ipc_write_take with a payload of the program's own; `m` has the model's. Returns the code. */
int write_take(struct context *c, const struct ipc_message *m) {
	struct ipc_message own = *m;
	own.payload = m->length > 0 || m->user_type % 2 ? malloc(m->length + 1) : NULL;
	char *payload = own.payload;
	if (m->length > 0) memcpy(payload, m->payload, m->length);
	int code = (int)ipc_write_take(&c->ctx, &own);
	if (code == 0 && (own.payload != NULL || own.length != 0)) fail("ipc_write_take left the payload");
	if (code != 0 && (own.payload != payload || own.length != m->length)) fail("ipc_write_take failed, and changed the message");
	if (code != 0 && m->length > 0 && memcmp(payload, m->payload, m->length) != 0)
		fail("ipc_write_take failed, and changed the payload");
	free(own.payload);
	return code;
}

/* ---- batches ---- */

static void judge_batch(struct context *c, enum ipc_error_code code, size_t count) {
	for (size_t i = 0; i < count; i++) {
		struct ipc_error error = {0};
		int is_last = i + 1 == count;
		c->event = c->batch[i];
		if (is_last) error.error_code = code;
		if (is_last && (code != 0 || c->event.type == IPC_EVENT_TYPE_ERROR))
			snprintf(error.error_message, 512, "%s", ipc_last_error());
		if (c->event.type == IPC_EVENT_TYPE_NOT_SET) fail("event %zu of %zu is not set", i, count);
		if (c->event.type == IPC_EVENT_TYPE_TIMER && count > 1) fail("TIMER among %zu events", count);
		if (c->event.type == IPC_EVENT_TYPE_ERROR && !is_last) fail("ERROR is event %zu of %zu", i, count);
		c->in_batch = 1;
		judge(c, &error, "ipc_wait_events", 0);
		c->in_batch = 0;
		/* Callbacks are called for the first event alone. */
		note = (struct callback_note){.fd = -1};
	}
}

static size_t wait_for_batch(struct context *c, size_t room) {
	int timer = 0, was_ready = may_be_ready(c);
	size_t count = 12345;
	IPC_EVENT_CLEAN(&c->event)
	prepare(c);
	enum ipc_error_code code = ipc_wait_events(&c->ctx, c->batch, room, &count, &timer);
	say("ipc_wait_events(context %d, room %zu) = %d: %zu events", index_of(c), room, (int)code, count);
	if (count > room || timer != 0) fail("%zu events in a room of %zu", count, room);
	if (count == 0) {
		struct ipc_error error = {.error_code = code};
		judge(c, &error, "ipc_wait_events", 0);
	}
	judge_batch(c, code, count);
	check_loop(c, was_ready);
	/* The messages stay the batch's. */
	c->event = (struct ipc_event){0};
	for (size_t i = count; i < room; i++) {
		if (c->batch[i].m != NULL || c->batch[i].type != IPC_EVENT_TYPE_NOT_SET) fail("event %zu behind %zu is set", i, count);
	}
	return count > 0 && c->batch[0].type == IPC_EVENT_TYPE_TIMER ? 0 : count;
}

/* The payload of the event's message is replaced by that of a new one, which goes back in the memory of the event. */
static void give_back(struct context *c, struct ipc_event *event) {
	struct ipc_message *own = event->m, m;
	struct end *e = near_with(event->origin);
	struct entry *entry = entry_with(c, event->origin);
	if (e == NULL || entry == NULL || entry->end != e || times(c, entry->fd) > 1 || queued_bytes(c) > 4000000) return;
	uint32_t number = new_message(own->length, &m);
	if (m.length > 0) memcpy(own->payload, m.payload, m.length);
	own->type = m.type, own->user_type = m.user_type;
	int code = (int)ipc_write_take(&c->ctx, own);
	if (code != 0 && code != 110 && code != 104) fail("ipc_write_take: %d, %s", code, ipc_last_error());
	if (code == 104 && outgoing(e)->trust != GARBAGE) fail("ipc_write_take does not find %s", shown(e));
	if (code == 110 && !c->is_limited) fail("ipc_write_take says that a queue is full");
	if (code == 0) push(outgoing(e), number, index_of(c));
}

void step_batch(int a, int b, int c) {
	struct context *context = pick_context(a);
	size_t room = (size_t)(b % 3 == 0 ? 1 : 1 + b % BATCH);
	for (int i = 0; i <= c % 4; i++) {
		size_t count = wait_for_batch(context, room);
		if (count == 0) return;
		for (size_t k = 0; k < count; k++) {
			struct ipc_event *event = &context->batch[k];
			if (event->type == IPC_EVENT_TYPE_EXTRA_SOCKET && c % 3 > 0) read_external(near_with(event->origin));
			if (event->type == IPC_EVENT_TYPE_MESSAGE && c % 5 > 2) give_back(context, event);
		}
		check_numbers();
		check_world();
	}
}
