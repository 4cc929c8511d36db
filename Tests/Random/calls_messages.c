/*
 * calls_messages.c - steps that wait for events, queue messages and take single steps of the loop.
 */
#include "calls.h"

/* Whether a message is here for certain: then a wait may be one for ever. */
static int is_certain(struct context *c) {
	for (size_t i = 0; i < c->count; i++) {
		struct entry *entry = &c->entries[i];
		if (entry->type != IPC_CONNECTION_TYPE_IPC || entry->dead || entry->end == NULL || !entry->end->open) continue;
		if (knows_next(incoming(entry->end)) && is_anywhere(entry->end) == 1) return 1;
	}
	return 0;
}

/* The program reads what it was told of; what is told at the end of a stream is told for ever, and so is dropped. */
void read_external(struct end *e) {
	char byte;
	if (e == NULL || !e->open) return;
	for (int i = 0; i < 100 && e->open && read_directly(e, 0) == 0; i++) {}
	if (incoming(e)->trust == GARBAGE) {
		while (recv(e->fd, &byte, 1, MSG_DONTWAIT) > 0) {}
	}
}

void step_wait(int a, int b, int c) {
	struct context *context = pick_context(a);
	for (int i = 0; i <= b % 6; i++) {
		int timer = c % 8 == 5 ? 1 : c % 8 == 6 ? 3 : c % 8 == 4 ? context->timer : 0;
		int for_ever = c % 8 == 7 && is_certain(context);
		if (timer > 3) timer = 3;
		if (timer < 0) timer = 0;
		if (for_ever) timer = -1;
		wait_once(context, for_ever && c % 16 == 7 ? NULL : &timer);
		if (context->event.type == IPC_EVENT_TYPE_EXTRA_SOCKET && c % 3 > 0) read_external(near_with(context->event.origin));
		if (context->event.type == IPC_EVENT_TYPE_TIMER) return;
	}
}

/* As a service does: what comes is written back to its sender. */
void step_echo(int a, int b, int c) {
	struct context *context = pick_context(a);
	(void)c;
	for (int i = 0; i <= b % 8; i++) {
		int timer = 0;
		wait_once(context, &timer);
		if (context->event.type == IPC_EVENT_TYPE_TIMER) return;
		if (context->event.type != IPC_EVENT_TYPE_MESSAGE || queued_bytes(context) > 4000000) continue;
		struct end *e = near_with(context->event.origin);
		struct ipc_message m;
		if (e == NULL || context->entries[context->event.index].end != e) continue;
		uint32_t number = new_message(((struct ipc_message *)context->event.m)->length, &m);
		m.fd = e->fd;
		int code = EXPECT(ipc_write(&context->ctx, &m), 0, 110, 104);
		if (code == 104 && outgoing(e)->trust != GARBAGE) fail("ipc_write does not find %s", shown(e));
		if (code == 110 && !context->is_limited) fail("ipc_write says that a queue is full");
		if (code == 0) push(outgoing(e), number, index_of(context));
	}
}

void step_write(int a, int b, int c) {
	struct context *context = pick_context(a);
	struct ipc_message m;
	if (context->count == 0) return;
	struct entry *entry = &context->entries[(size_t)b % context->count];
	struct end *e = entry->end;
	if (e == NULL || entry->dead || times(context, entry->fd) > 1 || queued_bytes(context) > 6000000) return;
	for (int i = 0; i <= c / 100 % 4; i++) {
		uint32_t number = new_message(any_length(c + i), &m);
		m.fd = entry->fd;
		say("ipc_write(context %d, %s, message %u of %u bytes)", index_of(context), shown(e), number, m.length);
		int code = c % 3 == 2 ? write_take(context, &m) : EXPECT(ipc_write(&context->ctx, &m), 0, 110, 104);
		if (code != 0 && code != 110 && code != 104) fail("ipc_write_take gave %d: %s", code, ipc_last_error());
		if (code == 104 && e->open && outgoing(e)->trust != GARBAGE) fail("ipc_write does not find %s", shown(e));
		if (code == 110 && !context->is_limited) fail("ipc_write says that a queue is full");
		if (code == 0) push(outgoing(e), number, index_of(context))->optional = !e->open;
	}
}

void step_handle_writing(int a, int b, int c) {
	struct context *context = pick_context(a);
	(void)c;
	if (context->count == 0) return;
	prepare(context);
	struct ipc_error e = handle_writing_message(&context->event, &context->ctx, (uint32_t)b % (uint32_t)context->count);
	judge(context, &e, "handle_writing_message", 1);
}

static int pick_switched(struct context *context, int which) {
	for (size_t i = 0; i < context->count; i++) {
		size_t k = ((size_t)which + i) % context->count;
		if (context->entries[k].type == IPC_CONNECTION_TYPE_SWITCHED) return (int)k;
	}
	return -1;
}

void step_switching_read(int a, int b, int c) {
	struct context *context = pick_context(a);
	int index = pick_switched(context, b);
	(void)c;
	if (index < 0) return;
	prepare(context);
	struct ipc_error e = fd_switching_read(&context->event, &context->ctx, index);
	judge(context, &e, "fd_switching_read", 1);
}

void step_switching_write(int a, int b, int c) {
	struct context *context = pick_context(a);
	int index = pick_switched(context, b);
	(void)c;
	if (index < 0) return;
	prepare(context);
	struct ipc_error e = fd_switching_write(&context->event, &context->ctx, index);
	judge(context, &e, "fd_switching_write", 1);
}
