/*
 * links.c - connected pairs of sockets, and whose number a descriptor is.
 */
#include "world.h"

struct link links[LINKS];
int excused;

struct link *link_of(const struct end *e) {
	for (int i = 0; i < LINKS; i++) {
		if (e == &links[i].ends[0] || e == &links[i].ends[1]) return &links[i];
	}
	fail("the tester lost an end");
}

static int side_of(const struct end *e) { return e == &link_of(e)->ends[1]; }
struct end *other(const struct end *e) {
	return &link_of(e)->ends[!side_of(e)];
}
struct stream *outgoing(const struct end *e) {
	return &link_of(e)->streams[side_of(e)];
}
struct stream *incoming(const struct end *e) {
	return &link_of(e)->streams[!side_of(e)];
}

const char *shown(const struct end *e) {
	static char text[4][64];
	static int turn;
	char *t = text[turn++ % 4];
	snprintf(t, sizeof text[0], "%s end %d.%d (fd %d)", e->raw ? "raw" : "near", (int)(link_of(e) - links), side_of(e), e->fd);
	return t;
}

ino_t inode_of(int fd) {
	struct stat status;
	return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

int is_same(int fd, ino_t inode) { return fd >= 0 && inode_of(fd) == inode; }

static int is_in_a_context(const struct link *l) {
	for (int c = 0; c < CONTEXTS; c++) {
		for (size_t i = 0; i < contexts[c].count; i++) {
			if (contexts[c].entries[i].end == &l->ends[0] || contexts[c].entries[i].end == &l->ends[1]) return 1;
		}
	}
	return 0;
}

/* A link that is over, and that no context has, gives its place to a new one. */
struct link *new_link(void) {
	for (int i = 0; i < LINKS; i++) {
		struct link *l = &links[i];
		if (l->used && (l->ends[0].open || l->ends[1].open || l->listener >= 0 || is_in_a_context(l))) continue;
		for (int side = 0; side < 2; side++) {
			free(l->streams[side].items);
			free(l->ends[side].incoming.at);
			free(l->ends[side].outgoing.at);
		}
		*l = (struct link){.used = 1, .listener = -1};
		for (int side = 0; side < 2; side++) {
			l->streams[side].poison = SIZE_MAX;
			l->ends[side].fd = -1;
			l->ends[side].answer = -1;
		}
		return l;
	}
	return NULL;
}

/* The number may stand in a context for a file that the program has closed: then the context may take this one for it. */
void open_end(struct end *e, int fd, int raw) {
	if (raw) {
		int high = fcntl(fd, F_DUPFD_CLOEXEC, 300);
		close(fd);
		fd = high;
		fcntl(fd, F_SETFL, O_NONBLOCK);
	}
	struct end *former = near_with(fd);
	if (former != NULL && former != e) {
		/* A context has closed what it took for a file of its own. */
		if (incoming(former)->trust != GARBAGE) fail("%s was closed", shown(former));
		close_end(former);
	}
	e->fd = fd;
	e->inode = inode_of(fd);
	e->open = 1;
	e->raw = (char)raw;
	for (int c = 0; c < CONTEXTS; c++) {
		for (size_t i = 0; i < contexts[c].count; i++) {
			const struct entry *entry = &contexts[c].entries[i];
			if (entry->fd != fd || entry->dead || entry->end == e) continue;
			distrust(incoming(e), GARBAGE);
			distrust(outgoing(e), GARBAGE);
		}
	}
}

void close_end(struct end *e) {
	struct stream *s = outgoing(e);
	e->open = 0;
	if (!e->raw) excused += e->descriptors;
	for (size_t i = 0; i < s->count; i++) s->items[i].optional |= !s->items[i].sent;
	free(e->incoming.at);
	free(e->outgoing.at);
	e->incoming = e->outgoing = (struct bytes){0};
}

struct end *near_with(int fd) {
	for (int i = 0; i < LINKS; i++) {
		for (int side = 0; side < 2; side++) {
			struct end *e = &links[i].ends[side];
			if (links[i].used && e->open && !e->raw && e->fd == fd) return e;
		}
	}
	return NULL;
}

struct end *pick_end(int which, int raw) {
	for (int i = 0; i < 2 * LINKS; i++) {
		int k = (which + i) % (2 * LINKS);
		struct end *e = &links[k / 2].ends[k % 2];
		if (links[k / 2].used && e->open && e->raw == raw) return e;
	}
	return NULL;
}

struct link *make_pair(int first_is_raw, int second_is_raw) {
	struct link *l = new_link();
	int ends[2];
	if (l == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return NULL;
	/* The near one gets the lower number, which was used before. */
	open_end(&l->ends[0], ends[0], first_is_raw);
	open_end(&l->ends[1], ends[1], second_is_raw);
	return l;
}

/* A raw client of a service, which waits to be accepted. */
struct link *connect_raw(int name) {
	struct listener *listener = listener_named(name);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct link *l = listener == NULL ? NULL : new_link();
	if (l == NULL) return NULL;
	path_of(name, address.sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect to %s: %s", address.sun_path, strerror(errno));
	l->listener = (int)(listener - listeners);
	listener->clients[listener->waiting++] = (int)(l - links);
	open_end(&l->ends[1], fd, 1);
	return l;
}
