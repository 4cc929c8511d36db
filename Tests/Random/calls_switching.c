/*
 * calls_switching.c - steps that make and undo pairs, and the callbacks that read and write their ends.
 */
#include "calls.h"

static enum ipccb note_of(int fd, int direction, enum ipccb answer, uint32_t number) {
	say("callback of fd %d: %s message %u, answer %d", fd, direction ? "writes" : "reads", number, (int)answer);
	note = (struct callback_note){.fd = fd, .direction = direction, .answer = (int)answer, .number = number};
	return answer;
}

/* What the end was told to answer next, or -1. */
static int told_answer(struct end *e) {
	int answer = e->answer;
	e->answer = -1;
	/* The end goes, with what it has said; perhaps later, after what was sent is told of. */
	if (answer >= 0 && answer != IPC_CB_IGNORE) distrust(incoming(e), GARBAGE);
	return answer;
}

static enum ipccb read_by_program(int fd, struct ipc_message *m, short int *more) {
	static char bytes[65536];
	struct end *e = near_with(fd);
	*more = 0;
	if (e == NULL) return note_of(fd, 0, IPC_CB_FD_CLOSING, UNKNOWN);
	int answer = told_answer(e);
	if (answer >= 0) return note_of(fd, 0, (enum ipccb)answer, UNKNOWN);
	ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n > 0) append(&e->incoming, bytes, (size_t)n);
	const unsigned char *b = (const unsigned char *)e->incoming.at;
	size_t length = 0;
	for (int i = 1; e->incoming.length >= IPC_HEADER_SIZE && i < 5; i++) length = length << 8 | b[i];
	if (length > MAXIMUM) return note_of(fd, 0, IPC_CB_PARSING_ERROR, UNKNOWN);
	if (e->incoming.length < IPC_HEADER_SIZE + length) {
		if (n == 0 || (n < 0 && errno != EAGAIN)) return note_of(fd, 0, IPC_CB_FD_CLOSING, UNKNOWN);
		return note_of(fd, 0, IPC_CB_IGNORE, UNKNOWN);
	}
	*m = (struct ipc_message){.type = (char)b[0], .user_type = (char)b[5], .fd = fd, .length = (uint32_t)length};
	m->payload = malloc(length + 1);
	memcpy(m->payload, b + IPC_HEADER_SIZE, length);
	if (incoming(e)->next >= incoming(e)->poison) distrust(incoming(e), GARBAGE);
	deliver(incoming(e), m, "callback");
	uint32_t number = (uint32_t)b[0] << 8 | b[5];
	consume(&e->incoming, IPC_HEADER_SIZE + length);
	*more = e->incoming.length > 0;
	return note_of(fd, 0, IPC_CB_NO_ERROR, number);
}

static enum ipccb write_by_program(int fd, struct ipc_message *m) {
	struct end *e = near_with(fd);
	uint32_t number = (uint32_t)(unsigned char)m->type << 8 | (unsigned char)m->user_type;
	if (e == NULL) return note_of(fd, 1, IPC_CB_FD_CLOSING, UNKNOWN);
	struct stream *s = outgoing(e);
	size_t i = 0;
	/* What is before it was sent already, and is only not told of yet. */
	while (i < s->count && (s->items[i].sent || s->items[i].optional || s->items[i].number != number)) i++;
	if (s->trust == CLEAN && i == s->count) fail("the callback of %s got message %u, which does not wait", shown(e), number);
	int answer = told_answer(e);
	if (answer == IPC_CB_IGNORE && i < s->count) s->items[i].optional = 1;
	if (answer >= 0) return note_of(fd, 1, (enum ipccb)answer, number);
	put_frame(&e->outgoing, m);
	flush_end(e, SIZE_MAX, 0);
	if (e->outgoing.length > 0) distrust(s, GARBAGE);
	consume(&e->outgoing, e->outgoing.length);
	return note_of(fd, 1, IPC_CB_NO_ERROR, number);
}

/* Bytes that one reader has may be missing for the next one. */
static void change_reader(struct end *e) {
	if (e == NULL || !e->open) return;
	struct stream *s = incoming(e);
	size_t received = s->next > 0 ? s->items[s->next - 1].end : 0;
	if (e->incoming.length > 0 || s->next < s->count || (other(e)->raw && other(e)->flushed > received)) distrust(s, GARBAGE);
}

static const struct ipc_switching *pick_pair(struct context *context, int which) {
	if (context->ctx.switchdb.size == 0) return NULL;
	return &context->ctx.switchdb.collection[(size_t)which % context->ctx.switchdb.size];
}

void step_pair(int a, int b, int c) {
	struct context *context = pick_context(a);
	if (context->count == 0) return;
	if (context->entries[(size_t)b % context->count].end == NULL || context->entries[(size_t)c % context->count].end == NULL) return;
	int orig = context->entries[(size_t)b % context->count].fd, dest = context->entries[(size_t)c % context->count].fd;
	if (orig == dest || ipc_switching_get(&context->ctx.switchdb, orig) >= 0 || ipc_switching_get(&context->ctx.switchdb, dest) >= 0)
		return;
	say("%s(context %d, %d, %d)", c % 2 ? "ipc_switching_add" : "ipc_ctx_switching_add", index_of(context), orig, dest);
	if (c % 2) ipc_switching_add(&context->ctx.switchdb, orig, dest);
	else ipc_ctx_switching_add(&context->ctx, orig, dest);
	if (ipc_switching_get(&context->ctx.switchdb, orig) != dest) fail("a pair was not made");
}

void step_unpair(int a, int b, int c) {
	struct context *context = pick_context(a);
	const struct ipc_switching *pair = pick_pair(context, b);
	if (pair == NULL) return;
	int fd = c % 2 ? pair->orig : pair->dest, opposite = ipc_switching_get(&context->ctx.switchdb, fd);
	if (pair->orig_in != NULL) change_reader(near_with(pair->orig));
	if (pair->dest_in != NULL) change_reader(near_with(pair->dest));
	say("%s(context %d, %d)", c % 4 < 2 ? "ipc_ctx_switching_del" : "ipc_switching_del", index_of(context), fd);
	int answer = c % 4 < 2 ? ipc_ctx_switching_del(&context->ctx, fd) : ipc_switching_del(&context->ctx.switchdb, fd);
	if (answer != opposite) fail("the other end is %d, not %d", answer, opposite);
}

void step_callbacks(int a, int b, int c) {
	struct context *context = pick_context(a);
	const struct ipc_switching *pair = pick_pair(context, b);
	if (pair == NULL) return;
	int fd = c % 2 ? pair->orig : pair->dest, kind = c / 2 % 5;
	int reads = kind == 0 || kind == 1 || kind == 4, read = (c % 2 ? pair->orig_in : pair->dest_in) != NULL;
	if (reads != read) change_reader(near_with(fd));
	say("ipc_switching_callbacks(context %d, %d): %s %s", index_of(context), fd, reads ? "in" : "-",
	    kind == 1 || kind == 2 ? "out" : "-");
	if (kind == 4) ipc_switching_callbacks_(&context->ctx, fd, read_by_program);
	else ipc_switching_callbacks(&context->ctx, fd, reads ? read_by_program : NULL, kind == 1 || kind == 2 ? write_by_program : NULL);
}

/* The next callback of an end answers this. */
void step_answer(int a, int b, int c) {
	struct context *context = pick_context(a);
	const struct ipc_switching *pair = pick_pair(context, b);
	if (pair == NULL) return;
	struct end *e = near_with(c % 2 ? pair->orig : pair->dest);
	if (e == NULL) return;
	e->answer = (signed char)(IPC_CB_FD_CLOSING + c / 2 % 4);
	say("the next callback of %s answers %d", shown(e), e->answer);
}
