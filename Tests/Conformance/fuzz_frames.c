/*
 * fuzz_frames.c - framing under fire: what comes out must not depend on where the kernel cuts a stream.
 *
 * Streams of valid, cut-off and over-long frames are made from a seed, cut anywhere and written to many
 * connections of one context (socket pairs and clients of a service). At every moment the test knows which
 * frames are whole, and takes them by whichever of the four ways to read chance picks: each must give the
 * next frame of its connection, byte for byte, and the event loop must say TIMER when nothing is whole.
 * SEED repeats a run; CASES is the number of random streams. TEST_PATIENCE, which a slow runner such as
 * valgrind sets, divides it.
 */
#include "fuzz_frames.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static struct stream streams[CONNECTIONS];
enum { NOBODY = -2, EXPECTED = -1 };
static int accepted = NOBODY; /* the client of the service that the loop has told, or is to tell */
static int has_service;

static int entry_of(int fd) {
	for (size_t i = 0; i < ctx.size; i++)
		if (ctx.pollfd[i].fd == fd) return (int)i;
	return -1;
}

static void open_pair(struct stream *s) {
	int pair[2];
	struct ipc_connection_info info = {IPC_CONNECTION_TYPE_IPC, 0, NULL};
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	struct pollfd entry = {pair[0], POLLIN, 0};
	CHECK_OK(ipc_add(&ctx, &info, &entry));
	s->fd = pair[0];
	s->peer = pair[1];
	s->ended = s->refused = 0;
}

static void check_frame(struct stream *s, const struct ipc_message *m) {
	const unsigned char *frame = s->bytes + s->start[s->taken];
	CHECK(whole(s) > 0);
	CHECK_EQUAL(m->length, s->start[s->taken + 1] - s->start[s->taken] - IPC_HEADER_SIZE);
	CHECK_EQUAL((unsigned char)m->type, frame[0]);
	CHECK_EQUAL((unsigned char)m->user_type, frame[5]);
	CHECK(m->payload != NULL);
	CHECK(memcmp(m->payload, frame + IPC_HEADER_SIZE, m->length) == 0);
	s->taken++;
}

static void reopen(struct stream *s) {
	CHECK_EQUAL(entry_of(s->fd), -1);
	CHECK(fcntl(s->fd, F_GETFD) == -1 && errno == EBADF);
	if (s->peer >= 0) close(s->peer);
	s->fd = s->peer = -1;
}

/* One turn of the loop; what it says must be what the streams hold. */
static void wait_once(void) {
	int ready = accepted == EXPECTED, maybe = 0, forever = -1, now = 0;
	for (int i = 0; i < CONNECTIONS; i++) {
		if (streams[i].fd < 0) continue;
		ready |= whole(&streams[i]) > 0 || is_over(&streams[i]);
		maybe |= may_be_broken(&streams[i]) && streams[i].taken == streams[i].frames;
	}
	struct ipc_error e = ipc_wait_event(&ctx, &event, ready && below(2) ? &forever : &now);
	CHECK_EQUAL(e.error_code, 0);
	if (event.type == IPC_EVENT_TYPE_TIMER) {
		CHECK(!ready);
		return;
	}
	if (event.type == IPC_EVENT_TYPE_CONNECTION && accepted == EXPECTED) {
		accepted = event.origin;
		return;
	}
	CHECK(ready || maybe);
	struct stream *s = streams;
	while (s < streams + CONNECTIONS && s->fd != event.origin) s++;
	CHECK(s < streams + CONNECTIONS);
	if (event.type == IPC_EVENT_TYPE_MESSAGE) {
		CHECK_EQUAL(((struct ipc_message *)event.m)->fd, s->fd);
		CHECK_EQUAL(ctx.pollfd[event.index].fd, s->fd);
		check_frame(s, event.m);
		return;
	}
	CHECK_EQUAL(s->taken, s->frames);
	if (event.type == IPC_EVENT_TYPE_ERROR) {
		CHECK(may_be_broken(s) && e.error_message[0] != 0);
	} else {
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_DISCONNECTION);
		CHECK(s->ended);
	}
	reopen(s);
}

/* The direct ways wait for a message: only when one is whole, or none can come any more. */
static void read_once(struct stream *s, enum way way) {
	struct ipc_message m = {0};
	char *buffer = NULL;
	size_t length = 0;
	struct ipc_error e;
	int expected = whole(s) > 0 ? 0 : s->ending == TOO_LONG ? 63 : 4;
	size_t frame = expected == 0 ? s->start[s->taken + 1] - s->start[s->taken] : 0;
	if (way == RECV && below(3) == 0) {
		length = frame > 0 ? frame : 64;
		if (expected == 0 && below(2)) { /* too small a buffer: told, and nothing is lost */
			length = 1 + below(frame - 1);
			CHECK((buffer = malloc(length)) != NULL);
			CHECK_EQUAL(usock_recv(s->fd, &buffer, &length).error_code, 63);
			free(buffer);
			length = frame;
		}
		CHECK((buffer = malloc(length)) != NULL);
	}
	if (way == RECV) e = usock_recv(s->fd, &buffer, &length);
	else if (way == READ) e = ipc_read(&ctx, (uint32_t)entry_of(s->fd), &m);
	else e = ipc_read_fd(s->fd, &m);
	CHECK_EQUAL(e.error_code, expected);
	if (expected != 0) s->refused++;
	if (expected == 0 && way == RECV) {
		CHECK_EQUAL(length, frame);
		CHECK(memcmp(buffer, s->bytes + s->start[s->taken], frame) == 0);
		s->taken++;
	} else if (expected == 0) {
		check_frame(s, &m);
	}
	free(buffer);
	free(m.payload);
}

static void step(struct stream *s, enum way way) {
	int direct = whole(s) > 0 || (is_over(s) && s->refused < 2);
	if (way == WAIT || !direct) wait_once();
	else read_once(s, way);
}

/* Writes up to `length` bytes more; closes after the last one if the stream ends so. */
static void write_piece(struct stream *s, size_t length) {
	if (length > s->length - s->written) length = s->length - s->written;
	ssize_t sent = length == 0 ? 0 : send(s->peer, s->bytes + s->written, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	CHECK(sent >= 0 || errno == EAGAIN || (errno == EPIPE && s->ending == TOO_LONG));
	if (sent > 0) s->written += (size_t)sent;
	if (s->written == s->length && !s->ended && (s->ending == CLOSED || s->ending == CUT_OFF)) {
		close(s->peer);
		s->peer = -1;
		s->ended = 1;
	}
}

static void finish_all(void) {
	for (int i = 0; i < CONNECTIONS; i++) {
		if (streams[i].peer >= 0 && streams[i].fd >= 0) close(streams[i].peer);
		free(streams[i].bytes);
	}
	IPC_EVENT_CLEAN(&event);
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
}
static void begin(const char *name) {
	seed(name);
	for (int i = 0; i < CONNECTIONS; i++) streams[i].fd = streams[i].peer = -1;
}

static enum way pick(int way) { return way == WAYS ? (enum way)below(WAYS) : (enum way)way; }

/* A stream in two pieces, cut at `cut`; what is whole after the first may be taken before the second comes. */
static void run_cut(struct stream *s, size_t cut, int way, int look) {
	write_piece(s, cut);
	while (look && s->fd >= 0 && whole(s) > 0) step(s, pick(way));
	if (look && s->fd >= 0) wait_once();
	if (s->fd >= 0) write_piece(s, s->length);
	while (s->fd >= 0 && (whole(s) > 0 || is_over(s))) step(s, pick(way));
	if (s->fd >= 0) wait_once();
}

TEST(short_streams_cut_at_every_byte_come_out_whole_by_every_way) {
	static const size_t lengths[][4] = {{0}, {0, 0}, {0, 0, 0, 0}, {1, 0}, {0, 1, 2}, {7, 13}, {3, 0, 4, 1}, {30}, {250, 6}};
	static const int counts[] = {1, 2, 4, 2, 3, 2, 4, 1, 2};
	struct stream *s = streams;
	begin(__func__);
	open_pair(s);
	for (int shape = 0; shape < 9; shape++) {
		size_t length = 1;
		for (size_t cut = 0; cut <= length; cut++)
			for (int way = 0; way <= WAYS * 2 + 1; way++) {
				clear(s);
				for (int i = 0; i < counts[shape]; i++) put_frame(s, lengths[shape][i]);
				length = s->length;
				run_cut(s, cut, way / 2, way % 2);
				CHECK_EQUAL(s->taken, s->frames);
			}
	}
	finish_all();
}

TEST(broken_and_cut_off_frames_end_the_connection_wherever_they_are_cut) {
	struct stream *s = streams;
	begin(__func__);
	for (int round = 0; round < 60; round++) {
		uint64_t seed_of_round = state;
		size_t length = 1;
		for (size_t cut = 0; cut <= length; cut++) {
			state = seed_of_round; /* the same stream for every cut */
			clear(s);
			open_pair(s);
			for (int i = round % 3; i > 0; i--) put_frame(s, below(6));
			put_ending(s, 1 + round % 3);
			length = s->length > 80 ? 80 : s->length;
			run_cut(s, cut, (int)((cut + (size_t)round) % (WAYS + 1)), (int)cut % 2);
			CHECK_EQUAL(s->fd, -1);
		}
	}
	finish_all();
}

static void open_stream(struct stream *s) {
	if (!has_service || below(4) != 0) {
		open_pair(s);
		return;
	}
	char path[PATH_MAX];
	CHECK_OK(service_path(path, "frames"));
	CHECK_OK(usock_connect(&s->peer, path));
	accepted = EXPECTED;
	while (accepted == EXPECTED) wait_once(); /* the others go on meanwhile; this one has no fd yet */
	s->fd = accepted;
	s->ended = s->refused = 0;
	accepted = NOBODY;
}

TEST(random_streams_on_many_connections_come_out_whole_by_any_mix_of_ways) {
	long patience = getenv("TEST_PATIENCE") != NULL ? atol(getenv("TEST_PATIENCE")) : 1;
	long wanted = getenv("CASES") != NULL ? atol(getenv("CASES")) : 100000 / (patience > 0 ? patience : 1);
	begin(__func__);
	CHECK_OK(ipc_server_init(&ctx, "frames"));
	has_service = 1;
	while (cases < wanted) {
		struct stream *s = &streams[below(CONNECTIONS)];
		if (s->fd < 0) {
			clear(s);
			open_stream(s);
		}
		if (s->taken == s->frames && s->written == s->length && !s->ended && s->ending == OPEN) {
			clear(s);
			for (size_t i = 1 + below(FRAMES); i > 0; i--) put_frame(s, payload_length());
			put_ending(s, below(12) == 0 ? (enum ending)(1 + below(3)) : OPEN);
		}
		size_t rest = s->length - s->written;
		if (s->peer >= 0) write_piece(s, below(4) == 0 ? rest : below(3) == 0 ? 1 + below(8) : 1 + below(rest));
		for (size_t turns = below(6); turns > 0 && s->fd >= 0; turns--) step(s, (enum way)below(WAYS));
	}
	for (int i = 0; i < CONNECTIONS; i++) {
		while (streams[i].fd >= 0 && (whole(&streams[i]) > 0 || is_over(&streams[i]))) step(&streams[i], WAIT);
	}
	finish_all();
}
