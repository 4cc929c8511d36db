/*
 * calls_direct.c - steps that read and write one descriptor, in a context or in none.
 */
#include "calls.h"

/* A call that may have to wait does not: the program has set O_NONBLOCK. */
static void never_wait(struct end *e) { fcntl(e->fd, F_SETFL, fcntl(e->fd, F_GETFL) | O_NONBLOCK); }

static struct context *context_of(const struct end *e, uint32_t *index) {
	for (int c = 0; c < CONTEXTS; c++) {
		for (size_t i = 0; i < contexts[c].count; i++) {
			*index = (uint32_t)i;
			if (contexts[c].entries[i].end == e && !contexts[c].entries[i].dead) return &contexts[c];
		}
	}
	return NULL;
}

static int receive_passed(struct end *e) {
	struct stream *s = incoming(e);
	int fd = -1;
	never_wait(e);
	int code = EXPECT(ipc_receive_fd(e->fd, &fd), 0, 65);
	say("ipc_receive_fd(%s) = %d", shown(e), code);
	/* Before more bytes a context may have taken it for a frame; and of several descriptors one is kept. */
	int is_second = s->next > 0 && s->items[s->next - 1].number == PASSED;
	if (code != 0 && (is_second || s->next + 1 < s->count || s->poison != SIZE_MAX)) distrust(s, GARBAGE);
	if (code != 0 && s->trust == CLEAN) fail("ipc_receive_fd does not find the descriptor that was sent");
	if (code != 0) return code;
	if (is_occupied(fd)) abandon("the program has closed a descriptor that was received");
	if (fcntl(fd, F_GETFD) != FD_CLOEXEC) fail("ipc_receive_fd gave a descriptor that is not close-on-exec");
	close(fd);
	s->next++;
	return 0;
}

/* Receives one message in one of three ways. Returns the call's code. */
int read_directly(struct end *e, int way) {
	struct stream *s = incoming(e);
	struct ipc_message m = {0};
	uint32_t index;
	struct context *context = context_of(e, &index);
	char *buffer = NULL;
	size_t size = 0;
	if (e->incoming.length > 0) distrust(s, GARBAGE);
	if (s->trust == CLEAN && s->next < s->count && s->items[s->next].number == PASSED) return receive_passed(e);
	int sure = knows_next(s) && is_anywhere(e) < 2, code;
	if (!sure) never_wait(e);
	if (way % 3 == 1) {
		code = EXPECT(usock_recv(e->fd, &buffer, &size), 0, 4, 60, 63);
		if (code == 0) EXPECT(ipc_message_format_read(&m, buffer, size), 0);
		free(buffer);
	} else if (way % 3 == 2 && context != NULL && times(context, e->fd) == 1) {
		code = EXPECT(ipc_read(&context->ctx, index, &m), 0, 4, 60, 63);
	} else {
		code = EXPECT(ipc_read_fd(e->fd, &m), 0, 4, 60, 63);
	}
	say("read of %s (way %d) = %d: %u bytes", shown(e), way % 3, code, m.length);
	if (code == 0) deliver(s, &m, shown(e));
	free(m.payload);
	if (sure && code != 0) fail("a message is there for %s, but reading gave %d", shown(e), code);
	if (code == 4 && !is_gone(e)) fail("the peer of %s is there, but reading gave 4", shown(e));
	if (code == 4) check_received(s, 0, "the end of a stream");
	if (code == 63 && s->poison == SIZE_MAX && s->trust == CLEAN) fail("no frame of %s is too long", shown(e));
	return code;
}

void step_read(int a, int b, int c) {
	struct end *e = pick_end(a, 0);
	(void)c;
	if (e != NULL) read_directly(e, b);
}

/* A frame of this many bytes finds room in the socket, if its peer reads or not. */
static int has_room(const struct end *e, size_t length) {
	const struct stream *s = outgoing(e);
	size_t bytes = length;
	for (size_t i = s->next; i < s->count; i++) bytes += 1300 + length_of(s->items[i].number);
	return s->trust == CLEAN && bytes < 60000 && !e->is_small;
}

void step_write_fd(int a, int b, int c) {
	struct end *e = pick_end(a, 0);
	struct ipc_message m;
	(void)b;
	if (e == NULL) return;
	uint32_t number = new_message(any_length(c), &m);
	int fits = has_room(e, m.length);
	/* A client that nobody has accepted may still be read. */
	if (!fits || e->shut) never_wait(e);
	int code = EXPECT(ipc_write_fd(e->fd, &m), 0, 12, 43);
	say("ipc_write_fd(%s, message %u of %u bytes) = %d", shown(e), number, m.length, code);
	int is_heard = other(e)->open || link_of(e)->listener >= 0;
	if (code != 0 && fits && is_heard && !e->shut && outgoing(e)->trust == CLEAN) fail("there is room, but ipc_write_fd gave %d", code);
	if (code == 43) return;
	struct item *item = push(outgoing(e), number, -1);
	item->sent = code == 0;
	item->optional = code != 0 && !is_heard;
}

/* A whole frame that the program has encoded. Its rest, if the kernel takes only a part, nobody sends: so it must be short. */
void step_usock_send(int a, int b, int c) {
	struct end *e = pick_end(a, 0);
	struct ipc_message m;
	size_t size = 0, sent = 0;
	char *frame = NULL;
	(void)b;
	if (e == NULL) return;
	uint32_t number = new_message((size_t)c % 200, &m);
	EXPECT(ipc_message_format_write(&m, &frame, &size), 0);
	never_wait(e);
	int code = EXPECT(usock_send(e->fd, frame, size, &sent), 0, 43);
	say("usock_send(%s, message %u of %u bytes) = %d, %zu bytes", shown(e), number, m.length, code, sent);
	free(frame);
	if (sent != 0 && sent != size) distrust(outgoing(e), GARBAGE);
	if (code != 0) return;
	/* It goes before what is queued, and nobody says how much of that the kernel has. */
	struct stream *s = outgoing(e);
	for (size_t i = s->next; i < s->count; i++) {
		if (!s->items[i].sent) distrust(s, has_passed(s) ? GARBAGE : VAGUE);
	}
	push(s, number, -1)->sent = 1;
}

void step_provide(int a, int b, int c) {
	struct end *e = pick_end(a, 0);
	struct stream *s;
	(void)b, (void)c;
	if (e == NULL) return;
	s = outgoing(e);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	never_wait(e);
	int code = EXPECT(ipc_provide_fd(e->fd, fd), 0, 66);
	say("ipc_provide_fd(%s) = %d", shown(e), code);
	close(fd);
	if (code != 0) return;
	int unsure = s->trust == VAGUE;
	for (size_t i = s->next; i < s->count; i++) unsure |= s->items[i].optional;
	if (unsure) distrust(s, GARBAGE);
	push(s, PASSED, -1)->sent = 1;
	if (!other(e)->raw) other(e)->descriptors++;
}

/* A descriptor is expected where none is: with one, by chance, or with nothing there. */
void step_receive(int a, int b, int c) {
	struct end *e = pick_end(a, 0);
	int fd = -1;
	(void)b, (void)c;
	if (e == NULL) return;
	struct stream *s = incoming(e);
	if (s->trust == CLEAN && s->next < s->count && s->items[s->next].number == PASSED) {
		receive_passed(e);
		return;
	}
	never_wait(e);
	int is_empty = s->trust == CLEAN && s->next == s->count && other(e)->open && other(e)->outgoing.length == 0;
	int code = EXPECT(ipc_receive_fd(e->fd, &fd), 0, 65, 4);
	say("ipc_receive_fd(%s) = %d", shown(e), code);
	if (code == 0 && is_occupied(fd)) abandon("the program has closed a descriptor that was received");
	if (code == 0) close(fd);
	if (!is_empty) distrust(s, GARBAGE);
	if (is_empty && code == 0) fail("ipc_receive_fd gave a descriptor that nobody has sent");
}

void step_limit_in_time(int a, int b, int c) {
	struct end *e = pick_end(a, 0);
	struct timeval limit = {0, 1000 + 1000 * (c % 3)};
	if (e == NULL || incoming(e)->trust == GARBAGE) return;
	say("SO_%sTIMEO of %s", b % 2 ? "RCV" : "SND", shown(e));
	setsockopt(e->fd, SOL_SOCKET, b % 2 ? SO_RCVTIMEO : SO_SNDTIMEO, &limit, sizeof limit);
}
