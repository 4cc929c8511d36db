/*
 * peers.c - the ends that no library touches: they send and receive bytes as they like, and check what comes.
 */
#include "world.h"

/* A file that is sent along. */
static int some_file(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

static ssize_t send_piece(int fd, const char *bytes, size_t length, int passed) {
	char control[CMSG_SPACE(sizeof passed)] = {0};
	struct iovec part = {(void *)bytes, length};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	if (passed >= 0) {
		m.msg_control = control;
		m.msg_controllen = sizeof control;
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof passed);
		memcpy(CMSG_DATA(c), &passed, sizeof passed);
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Sends at most `limit` of the bytes that wait. Returns how many. */
size_t flush_end(struct end *e, size_t limit, int with_descriptor) {
	size_t done = 0, length = e->outgoing.length < limit ? e->outgoing.length : limit;
	int passed = with_descriptor && length > 0 ? some_file() : -1;
	struct stream *s = outgoing(e);
	while (done < length) {
		ssize_t n = send_piece(e->fd, e->outgoing.at + done, length - done, done == 0 ? passed : -1);
		if (n < 0) break;
		done += (size_t)n;
	}
	int is_over = done < length && errno != EAGAIN;
	if (passed >= 0) close(passed);
	if (passed >= 0 && done > 0 && !other(e)->raw) other(e)->descriptors++;
	e->flushed += done;
	if (done > 0) consume(&e->outgoing, done);
	if (is_over) consume(&e->outgoing, e->outgoing.length);
	for (size_t i = s->count; i-- > 0 && !s->items[i].sent;) {
		if (s->items[i].writer < 0 && s->items[i].end > 0 && s->items[i].end <= e->flushed) s->items[i].sent = 1;
	}
	return done;
}

static void parse(struct end *e) {
	struct stream *s = incoming(e);
	while (e->incoming.length > 0) {
		const unsigned char *b = (const unsigned char *)e->incoming.at;
		if (s->trust == GARBAGE || s->next >= s->poison) {
			consume(&e->incoming, e->incoming.length);
			return;
		}
		if (s->next < s->count && s->items[s->next].number == PASSED) {
			if (e->descriptors-- <= 0) fail("%s: a byte came without its descriptor", shown(e));
			s->next++;
			consume(&e->incoming, 1);
			continue;
		}
		if (e->incoming.length < IPC_HEADER_SIZE) return;
		uint32_t length = (uint32_t)b[1] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 8 | b[4];
		if (length > MAXIMUM) fail("%s: bytes came that are no frame", shown(e));
		if (e->incoming.length < IPC_HEADER_SIZE + (size_t)length) return;
		struct ipc_message m = {
		    .type = (char)b[0], .user_type = (char)b[5], .length = length, .payload = e->incoming.at + IPC_HEADER_SIZE};
		deliver(s, &m, shown(e));
		consume(&e->incoming, IPC_HEADER_SIZE + (size_t)length);
	}
}

static void close_passed(struct end *e, struct msghdr *m) {
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			close(fd);
			e->descriptors++;
		}
	}
}

/* Receives at most `limit` bytes. Returns how many. */
size_t read_raw(struct end *e, size_t limit) {
	static char bytes[65536];
	char control[256];
	size_t done = 0;
	while (done < limit && !e->saw_end) {
		struct iovec part = {bytes, limit - done < sizeof bytes ? limit - done : sizeof bytes};
		struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
		ssize_t n = recvmsg(e->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EAGAIN) break;
		if (n > 0) close_passed(e, &m);
		if (n <= 0) {
			struct end *near = other(e);
			e->saw_end = 1;
			if (near->open && !near->raw && !near->shut && incoming(e)->trust == CLEAN) {
				fail("%s: its stream is over, but %s is open", shown(e), shown(near));
			}
			break;
		}
		append(&e->incoming, bytes, (size_t)n);
		done += (size_t)n;
		parse(e);
	}
	return done;
}

int is_gone(const struct end *e) {
	const struct end *peer = other(e);
	const struct stream *s = incoming(e);
	return !e->open || !peer->open || e->incoming.length > 0 || peer->shut || s->trust != CLEAN || s->poison != SIZE_MAX ||
	    has_passed(s) || outgoing(e)->trust == GARBAGE;
}
