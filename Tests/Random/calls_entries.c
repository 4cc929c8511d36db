/*
 * calls_entries.c - steps that add entries to a context: services, connections and descriptors.
 */
#include "calls.h"

void step_server_init(int a, int b, int c) {
	struct context *context = pick_context(a);
	int name = b % NAMES;
	(void)c;
	if (!can_listen(name)) return;
	int is_alive = listener_named(name) != NULL;
	say("ipc_server_init(context %d, %s)", index_of(context), name_of(name));
	if (EXPECT(ipc_server_init(&context->ctx, name_of(name)), 0, 54) == 54) {
		if (!is_alive) fail("a service of a name that nobody has was refused");
		return;
	}
	if (is_alive) fail("two services have one name");
	int fd = context->ctx.pollfd[context->ctx.size - 1].fd;
	new_listener(fd, name);
	add_entry(context, fd, IPC_CONNECTION_TYPE_SERVER)->owned = 1;
}

/* The library has connected: the client waits to be accepted. */
static struct end *connected(struct listener *l, struct link *link, int fd) {
	link->listener = (int)(l - listeners);
	l->clients[l->waiting++] = (int)(link - links);
	open_end(&link->ends[1], fd, 0);
	return &link->ends[1];
}

void step_connection(int a, int b, int c) {
	struct context *context = pick_context(a);
	struct listener *l = listener_named(b % NAMES);
	struct link *link = new_link();
	int fd = -1;
	if (link == NULL) return;
	if (l == NULL) link->used = 0;
	int code = EXPECT(ipc_connection(&context->ctx, name_of(b), c % 3 == 0 ? NULL : &fd), 0, 47);
	say("ipc_connection(context %d, %s) = %d, fd %d", index_of(context), name_of(b), code, fd);
	if ((code == 0) != (l != NULL)) fail("ipc_connection gave %d", code);
	if (code != 0) return;
	if (fd >= 0 && fd != context->ctx.pollfd[context->ctx.size - 1].fd)
		fail("ipc_connection gave a descriptor that is not the entry's");
	fd = context->ctx.pollfd[context->ctx.size - 1].fd;
	connected(l, link, fd);
	add_entry(context, fd, IPC_CONNECTION_TYPE_IPC);
}

void step_connection_switched(int a, int b, int c) {
	struct context *context = pick_context(a);
	struct listener *l = listener_named(b % NAMES);
	struct end *client = pick_end(c, 0);
	struct link *link = new_link();
	int fd = -1;
	if (link == NULL || client == NULL || link_of(client) == link) return;
	if (times(context, client->fd) > 1 || (times(context, client->fd) == 1 && entry_with(context, client->fd) == NULL)) return;
	if (ipc_switching_get(&context->ctx.switchdb, client->fd) >= 0) return;
	if (l == NULL) link->used = 0;
	int code = EXPECT(ipc_connection_switched(&context->ctx, name_of(b), client->fd, &fd), 0, 47);
	say("ipc_connection_switched(context %d, %s, %s) = %d, fd %d", index_of(context), name_of(b), shown(client), code, fd);
	if ((code == 0) != (l != NULL)) fail("ipc_connection_switched gave %d", code);
	if (code != 0) return;
	connected(l, link, fd);
	struct entry *there = entry_with(context, client->fd);
	if (there != NULL) there->type = IPC_CONNECTION_TYPE_SWITCHED;
	add_entry(context, fd, IPC_CONNECTION_TYPE_SWITCHED);
	if (there == NULL) add_entry(context, client->fd, IPC_CONNECTION_TYPE_SWITCHED);
	if (ipc_switching_get(&context->ctx.switchdb, client->fd) != fd) fail("ipc_connection_switched tied nothing");
}

/* An end that is in no context, or, seldom, in another one too. */
static struct end *end_to_add(struct context *context, int b, int c) {
	for (int i = 0; i < 2 * LINKS; i++) {
		struct end *e = pick_end(b + i, 0);
		if (e == NULL) return NULL;
		if (times(context, e->fd) > (c % 97 == 96)) continue;
		if (is_anywhere(e) == 0 || c % 23 == 22) return e;
	}
	return NULL;
}

void step_add_fd(int a, int b, int c) {
	struct context *context = pick_context(a);
	struct end *e = end_to_add(context, b, c);
	if (e == NULL) return;
	say("ipc_add_fd(context %d, %s)", index_of(context), shown(e));
	EXPECT(ipc_add_fd(&context->ctx, e->fd), 0);
	add_entry(context, e->fd, IPC_CONNECTION_TYPE_EXTERNAL);
}

void step_add_fd_switched(int a, int b, int c) {
	struct context *context = pick_context(a);
	struct end *e = end_to_add(context, b, c);
	if (e == NULL) return;
	say("ipc_add_fd_switched(context %d, %s)", index_of(context), shown(e));
	EXPECT(ipc_add_fd_switched(&context->ctx, e->fd), 0);
	add_entry(context, e->fd, IPC_CONNECTION_TYPE_SWITCHED);
}

/* Two ends that are in no context become a pair. */
void step_switch(int a, int b, int c) {
	struct context *context = pick_context(a);
	struct end *e[2];
	for (int i = 0; i < 2; i++) {
		e[i] = end_to_add(context, i == 0 ? b : c, 0);
		if (e[i] == NULL || ipc_switching_get(&context->ctx.switchdb, e[i]->fd) >= 0) return;
		say("ipc_add_fd_switched(context %d, %s)", index_of(context), shown(e[i]));
		EXPECT(ipc_add_fd_switched(&context->ctx, e[i]->fd), 0);
		add_entry(context, e[i]->fd, IPC_CONNECTION_TYPE_SWITCHED);
	}
	say("ipc_ctx_switching_add(context %d, %d, %d)", index_of(context), e[0]->fd, e[1]->fd);
	ipc_ctx_switching_add(&context->ctx, e[0]->fd, e[1]->fd);
	if (ipc_switching_get(&context->ctx.switchdb, e[1]->fd) != e[0]->fd) fail("ipc_ctx_switching_add tied nothing");
}

void step_add(int a, int b, int c) {
	struct context *context = pick_context(a);
	struct end *e = end_to_add(context, b, c);
	if (e == NULL) return;
	int type = c % 7 == 0 ? IPC_CONNECTION_TYPE_SWITCHED : c % 5 == 0 ? IPC_CONNECTION_TYPE_EXTERNAL : IPC_CONNECTION_TYPE_IPC;
	struct ipc_connection_info info = {(enum ipc_connection_type)type, 0, NULL};
	struct pollfd polled = {e->fd, POLLIN, 0};
	say("ipc_add(context %d, %s, type %d)", index_of(context), shown(e), type);
	EXPECT(ipc_add(&context->ctx, &info, &polled), 0);
	add_entry(context, e->fd, type);
}

/* A listener that was dropped, or made alone, becomes an entry. */
void step_add_listener(int a, int b, int c) {
	struct context *context = pick_context(a);
	struct listener *l = pick_listener(b);
	(void)c;
	if (l == NULL) return;
	for (int i = 0; i < CONTEXTS; i++) {
		if (entry_with(&contexts[i], l->fd) != NULL) return;
	}
	struct ipc_connection_info info = {IPC_CONNECTION_TYPE_SERVER, 0, NULL};
	struct pollfd polled = {l->fd, POLLIN, 0};
	say("ipc_add(context %d, listener fd %d)", index_of(context), l->fd);
	EXPECT(ipc_add(&context->ctx, &info, &polled), 0);
	add_entry(context, l->fd, IPC_CONNECTION_TYPE_SERVER);
}

void step_new_alloc(int a, int b, int c) {
	struct context *context = pick_context(a);
	struct end *e = end_to_add(context, b, c);
	if (e == NULL) return;
	int type = c % 3 == 0 ? IPC_CONNECTION_TYPE_EXTERNAL : IPC_CONNECTION_TYPE_IPC;
	say("ipc_ctx_new_alloc(context %d): %s, type %d", index_of(context), shown(e), type);
	EXPECT(ipc_ctx_new_alloc(&context->ctx), 0);
	context->ctx.pollfd[context->ctx.size - 1].fd = e->fd;
	context->ctx.pollfd[context->ctx.size - 1].events = POLLIN;
	context->ctx.cinfos[context->ctx.size - 1].type = (enum ipc_connection_type)type;
	context->is_changed = 1;
	add_entry(context, e->fd, type);
}

/* Accepting by hand: only if somebody is there. */
void step_accept_add(int a, int b, int c) {
	struct context *context = pick_context(a);
	(void)c;
	for (size_t i = 0; i < context->count; i++) {
		size_t k = ((size_t)b + i) % context->count;
		struct entry *entry = &context->entries[k];
		if (entry->type != IPC_CONNECTION_TYPE_SERVER || entry->listener == NULL || !entry->listener->open ||
		    entry->listener->waiting == 0)
			continue;
		prepare(context);
		IPC_EVENT_CLEAN(&context->event)
		struct ipc_error e = ipc_accept_add(&context->event, &context->ctx, (uint32_t)k);
		judge(context, &e, "ipc_accept_add", 1);
		if (context->event.type != IPC_EVENT_TYPE_CONNECTION) fail("ipc_accept_add gave no CONNECTION");
		return;
	}
}

void step_usock_init(int a, int b, int c) {
	char path[100];
	int fd = -1, name = a % NAMES;
	(void)b, (void)c;
	if (!can_listen(name)) return;
	path_of(name, path);
	int is_alive = listener_named(name) != NULL, code = EXPECT(usock_init(&fd, path), 0, 54);
	say("usock_init(%s) = %d, fd %d", name_of(name), code, fd);
	if ((code == 54) != is_alive) fail("usock_init gave %d", code);
	if (code == 0) new_listener(fd, name);
}

void step_usock_accept(int a, int b, int c) {
	struct listener *l = pick_listener(a);
	int fd = -1;
	(void)b, (void)c;
	if (l == NULL || l->waiting == 0) return;
	say("usock_accept(listener fd %d)", l->fd);
	EXPECT(usock_accept(l->fd, &fd), 0);
	accepted(l, fd);
}

void step_usock_connect(int a, int b, int c) {
	struct listener *l = listener_named(a % NAMES);
	struct link *link = new_link();
	char path[100];
	int fd = -1;
	(void)b, (void)c;
	if (link == NULL) return;
	if (l == NULL) link->used = 0;
	path_of(a % NAMES, path);
	int code = EXPECT(usock_connect(&fd, path), 0, 47);
	say("usock_connect(%s) = %d, fd %d", name_of(a), code, fd);
	if ((code == 0) != (l != NULL)) fail("usock_connect gave %d", code);
	if (code == 0) connected(l, link, fd);
}

void step_usock_remove(int a, int b, int c) {
	struct listener *l = listener_named(a % NAMES);
	char path[100];
	(void)b, (void)c;
	if (l == NULL) return;
	path_of(a % NAMES, path);
	say("usock_remove(%s)", name_of(a));
	EXPECT(usock_remove(path), 0);
	l->name = -1;
}
