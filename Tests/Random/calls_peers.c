/*
 * calls_peers.c - steps of the raw peers: they connect, send whole, partial and broken frames, read or not, and leave.
 */
#include "calls.h"

static size_t amount(int dice) {
	static const size_t some[] = {1, 5, 6, 7, 1000, 30000, 100000, SIZE_MAX, SIZE_MAX};
	return some[dice % (int)(sizeof some / sizeof *some)];
}

void step_peer_connect(int a, int b, int c) {
	(void)b, (void)c;
	struct link *l = connect_raw(a % NAMES);
	if (l != NULL) say("connect to %s: %s", name_of(a), shown(&l->ends[1]));
}

void step_peer_pair(int a, int b, int c) {
	(void)a, (void)b;
	struct link *l = make_pair(0, c % 8 != 0);
	if (l != NULL) say("socketpair: %s, %s", shown(&l->ends[0]), shown(&l->ends[1]));
}

/* The program accepts a client by itself, and speaks with it by hand. */
void step_peer_accept(int a, int b, int c) {
	struct listener *l = pick_listener(a);
	(void)b, (void)c;
	if (l == NULL || l->waiting == 0) return;
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) fail("accept: %s", strerror(errno));
	struct link *link = &links[l->clients[0]];
	accepted(l, fd);
	open_end(&link->ends[0], fd, 1);
	say("accept from listener %d: %s", l->fd, shown(&link->ends[0]));
}

void step_peer_send(int a, int b, int c) {
	struct end *e = pick_end(a, 1);
	struct ipc_message m;
	if (e == NULL || e->shut || e->outgoing.length > 3000000 || outgoing(e)->poison != SIZE_MAX) return;
	for (int i = 0; i <= b % 6; i++) {
		uint32_t number = new_message(any_length(c + i), &m);
		put_frame(&e->outgoing, &m);
		push(outgoing(e), number, -1)->end = e->flushed + e->outgoing.length;
		say("%s: message %u of %u bytes", shown(e), number, m.length);
	}
	size_t sent = b % 7 < 4 ? flush_end(e, SIZE_MAX, 0) : b % 7 < 6 ? flush_end(e, amount(c), 0) : 0;
	say("%s sends %zu bytes, %zu wait", shown(e), sent, e->outgoing.length);
}

void step_peer_flush(int a, int b, int c) {
	struct end *e = pick_end(a, 1);
	if (e == NULL || e->shut) return;
	size_t sent = flush_end(e, amount(b), c % 5 == 0);
	if (sent > 0) say("%s sends %zu bytes%s, %zu wait", shown(e), sent, c % 5 == 0 ? " with a descriptor" : "", e->outgoing.length);
}

void step_peer_read(int a, int b, int c) {
	struct end *e = pick_end(a, 1);
	(void)c;
	if (e == NULL) return;
	size_t count = read_raw(e, amount(b));
	if (count > 0 || e->saw_end) say("%s reads %zu bytes%s", shown(e), count, e->saw_end ? ", the end" : "");
}

static void drop_unsent(struct end *e) {
	struct stream *s = outgoing(e);
	for (size_t i = 0; i < s->count; i++) s->items[i].optional |= !s->items[i].sent;
	consume(&e->outgoing, e->outgoing.length);
}

void step_peer_shut(int a, int b, int c) {
	struct end *e = pick_end(a, 1);
	(void)c;
	if (e == NULL || e->shut) return;
	if (b % 2) flush_end(e, SIZE_MAX, 0);
	say("%s stops writing", shown(e));
	drop_unsent(e);
	shutdown(e->fd, SHUT_WR);
	e->shut = 1;
}

void step_peer_close(int a, int b, int c) {
	struct end *e = pick_end(a, 1);
	if (e == NULL) return;
	if (b % 2) flush_end(e, SIZE_MAX, 0);
	if (c % 2) read_raw(e, SIZE_MAX);
	say("%s closes", shown(e));
	drop_unsent(e);
	close(e->fd);
	close_end(e);
}

/* Bytes that are no frame: it announces too much. */
void step_peer_break(int a, int b, int c) {
	struct end *e = pick_end(a, 1);
	unsigned char bytes[] = {2, (unsigned char)(b % 2 ? 0xff : 0), (unsigned char)(0x1f + c % 200), 0xff, 0xff, 1, 2, 3};
	if (e == NULL || e->shut || outgoing(e)->poison != SIZE_MAX) return;
	outgoing(e)->poison = outgoing(e)->count;
	append(&e->outgoing, bytes, sizeof bytes);
	size_t sent = flush_end(e, SIZE_MAX, 0);
	say("%s sends %zu bytes with a frame that is too long", shown(e), sent);
}

void step_peer_pass(int a, int b, int c) {
	struct end *e = pick_end(a, 1);
	(void)b, (void)c;
	if (e == NULL || e->shut || outgoing(e)->poison != SIZE_MAX) return;
	flush_end(e, SIZE_MAX, 0);
	if (e->outgoing.length > 0 || (link_of(e)->listener < 0 && !other(e)->open)) return;
	append(&e->outgoing, "", 1);
	if (flush_end(e, 1, 1) != 1) {
		consume(&e->outgoing, e->outgoing.length);
		return;
	}
	struct item *item = push(outgoing(e), PASSED, -1);
	item->end = e->flushed;
	item->sent = 1;
	say("%s passes a descriptor", shown(e));
}

void step_small_buffer(int a, int b, int c) {
	struct end *e = pick_end(a, b % 2);
	int size = c % 2 ? 4608 : 20000;
	if (e == NULL) return;
	say("SO_SNDBUF of %s: %d", shown(e), size);
	setsockopt(e->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	e->is_small = 1;
}
