/*
 * writers.c - eight threads write to the same connections at once, by ipc_write and ipc_write_fd: frames never interleave,
 * each writer's frames keep their order, and each queued one is told as sent exactly once. A full queue (110) is waited
 * for until something has been sent.
 */
#include "holding.h"

enum { WRITERS = 8, MOST_PEERS = 4, MOST_WAITERS = 4, LARGEST = 200000, QUEUE_LIMIT = 500000 };
enum how { QUEUED, DIRECT, MIXED };

static struct ipc_ctx ctx;
static struct poison poison;
static uint64_t seed;
static char *bytes; /* every payload is a stretch of it, behind the frame's number */
static int frames; /* of each writer */
static int peers;
static enum how how;
static int near[MOST_PEERS], far[MOST_PEERS];
static struct signal sent = SIGNAL;
static atomic_long queued;

/* ---- what a writer writes: its frame `number` ---- */

static uint32_t length_of(int writer, int number) {
	uint64_t drawn = mix(seed, (uint64_t)writer, (uint64_t)number);
	uint32_t spread = (uint32_t)(drawn >> 32);
	if (drawn % 8 == 0) return 0;
	return 8 + spread % (drawn % 4 == 1 ? LARGEST - 7 : 1000);
}

static int peer_of(int writer, int number) { return (int)(mix(seed, 100 + (uint64_t)writer, (uint64_t)number) % (uint64_t)peers); }

static int is_queued(int writer, int number) {
	return how == QUEUED || (how == MIXED && mix(seed, 200 + (uint64_t)writer, (uint64_t)number) % 2 == 0);
}

static const char *content_of(int writer, int number) { return bytes + mix(seed, 300 + (uint64_t)writer, (uint64_t)number) % LARGEST; }

static struct ipc_message compose(char *payload, int writer, int number, int fd) {
	uint32_t length = length_of(writer, number);
	if (length > 0) {
		memcpy(payload, &number, sizeof number);
		memcpy(payload + sizeof number, content_of(writer, number), length - sizeof number);
	}
	return message_of(fd, (char)writer, length > 0 ? payload : NULL, length);
}

static void check_payload(int writer, int number, const char *payload, uint32_t length) {
	CHECK(number >= 0 && number < frames);
	CHECK_EQUAL(length, length_of(writer, number));
	if (length == 0) return;
	CHECK(memcmp(payload, &number, sizeof number) == 0);
	CHECK(memcmp(payload + sizeof number, content_of(writer, number), length - sizeof number) == 0);
}

/* ---- one connection or several, in a context with waiters ---- */

/* That the queue is full means that something is on its way: the number of those sent, looked at before, will change. */
static void write_queued(const struct ipc_message *m) {
	long before = given_until_now(&sent);
	while (CODE_AMONG(ipc_write(&ctx, m), IPC_ERROR_WRITE__QUEUE_FULL, 0) != 0) {
		await(&sent, before + 1);
		before = given_until_now(&sent);
	}
	count(&queued);
}

static void *write_frames(void *argument) {
	int writer = (int)(intptr_t)argument;
	char *payload = malloc(LARGEST + 1);
	for (int i = 0; i < frames; i++) {
		struct ipc_message m = compose(payload, writer, i, near[peer_of(writer, i)]);
		if (is_queued(writer, i)) write_queued(&m);
		else CHECK_OK(ipc_write_fd(m.fd, &m));
	}
	free(payload);
	return NULL;
}

/* The next frame that a writer has for this peer, after `number`. */
static int next_for(int peer, int writer, int number) {
	do number++;
	while (number < frames && peer_of(writer, number) != peer);
	return number;
}

/* What comes is always one writer's next frame, whole. */
static void *read_frames(void *argument) {
	int peer = (int)(intptr_t)argument, next_number[WRITERS], left = 0;
	char *payload = malloc(LARGEST + 1);
	unsigned char header[IPC_HEADER_SIZE];
	for (int i = 0; i < WRITERS; i++) {
		next_number[i] = next_for(peer, i, -1);
		for (int number = next_number[i]; number < frames; number = next_for(peer, i, number)) left++;
	}
	for (; left > 0; left--) {
		CHECK_EQUAL(read_bytes(far[peer], header, sizeof header), sizeof header);
		uint32_t length = (uint32_t)header[1] << 24 | (uint32_t)header[2] << 16 | (uint32_t)header[3] << 8 | header[4];
		int writer = header[5];
		CHECK(header[0] == MSG_TYPE_DATA && writer < WRITERS && length <= LARGEST + 1);
		CHECK_EQUAL(read_bytes(far[peer], payload, length), length);
		check_payload(writer, next_number[writer], payload, length);
		next_number[writer] = next_for(peer, writer, next_number[writer]);
	}
	free(payload);
	return NULL;
}

static void *wait_for_sent(void *unused) {
	struct ipc_event event = {0};
	struct connection *held = NULL;
	while (1) {
		let_go(&held);
		CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
		if (is_poisoned(&poison, &ctx, &event)) return unused;
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TX);
		held = take_hold(event.origin);
		held->told++;
		give(&sent);
	}
}

static long queued_for(int peer) {
	long total = 0;
	for (int i = 0; i < WRITERS; i++)
		for (int number = 0; number < frames; number++) total += peer_of(i, number) == peer && is_queued(i, number);
	return total;
}

static void prepare(const char *test, int peer_count, enum how written) {
	seed = take_seed(test);
	bytes = pattern(2 * LARGEST, (unsigned)seed);
	frames = (int)(number_from("THREADS_MESSAGES", 1000000) / 2000);
	if (frames < 10) frames = 10;
	peers = peer_count;
	how = written;
}

static void write_at_once(const char *test, int peer_count, int waiter_count, enum how written) {
	struct ipc_event event = {0};
	pthread_t writers[WRITERS], readers[MOST_PEERS], waiters[MOST_WAITERS];
	prepare(test, peer_count, written);
	make_poison(&poison);
	CHECK_OK(ipc_server_init(&ctx, "writers"));
	CHECK_OK(ipc_ctx_queue_limit(&ctx, QUEUE_LIMIT));
	for (int i = 0; i < peers; i++) far[i] = join(&ctx, &event, "writers", &near[i]);
	CHECK_OK(ipc_ctx_release(&ctx));
	for (int i = 0; i < waiter_count; i++) waiters[i] = begin(wait_for_sent, NULL);
	for (int i = 0; i < peers; i++) readers[i] = begin(read_frames, (void *)(intptr_t)i);
	for (int i = 0; i < WRITERS; i++) writers[i] = begin(write_frames, (void *)(intptr_t)i);
	for (int i = 0; i < WRITERS; i++) end(writers[i]);
	for (int i = 0; i < peers; i++) end(readers[i]);
	await(&sent, queued);
	pour(&poison, &ctx);
	for (int i = 0; i < waiter_count; i++) end(waiters[i]);
	clear_poison(&poison, &ctx);
	for (int i = 0; i < peers; i++) {
		CHECK_EQUAL(connections[near[i]].told, queued_for(i));
		CHECK(!is_readable(far[i]));
		close(far[i]);
	}
	CHECK_EQUAL(given_until_now(&sent), queued);
	for (int i = 0; i < peers; i++) next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	nothing_to_tell(&ctx, &event);
	finish(&ctx, &event);
	free(bytes);
}

TEST(eight_threads_write_to_one_connection) { write_at_once(__func__, 1, 1, QUEUED); }
TEST(eight_threads_write_by_ipc_write_fd_to_one_connection) { write_at_once(__func__, 1, 1, DIRECT); }
TEST(eight_threads_write_either_way_to_one_connection) { write_at_once(__func__, 1, 1, MIXED); }
TEST(eight_threads_write_to_one_connection_with_four_waiters) { write_at_once(__func__, 1, 4, QUEUED); }
TEST(eight_threads_write_to_four_connections_with_four_waiters) { write_at_once(__func__, 4, 4, QUEUED); }
TEST(eight_threads_write_either_way_to_four_connections) { write_at_once(__func__, 4, 4, MIXED); }

/* ---- a descriptor that is in no context: eight write it, two read it ---- */

static atomic_int *seen; /* of each writer, its frames */
static atomic_long empty[WRITERS];

/* Each frame goes whole to one reader, and those of one writer that come to a reader are in order. */
static void *read_directly(void *unused) {
	struct ipc_message m = {0};
	int last[WRITERS];
	memset(last, -1, sizeof last);
	while (CODE_AMONG(ipc_read_fd(far[0], &m), IPC_ERROR_CLOSED_RECIPIENT, 0) == 0) {
		int writer = m.user_type, number;
		CHECK(m.type == MSG_TYPE_DATA && writer >= 0 && writer < WRITERS);
		if (m.length == 0) {
			count(&empty[writer]);
			continue;
		}
		memcpy(&number, m.payload, sizeof number);
		check_payload(writer, number, m.payload, m.length);
		CHECK(number > last[writer]);
		last[writer] = number;
		CHECK_EQUAL(swap(&seen[writer * frames + number], 1), 0);
	}
	free(m.payload);
	return unused;
}

TEST(eight_threads_write_and_two_read_a_descriptor_in_no_context) {
	int ends[2];
	pthread_t writers[WRITERS], readers[2];
	prepare(__func__, 1, DIRECT);
	seen = calloc((size_t)(WRITERS * frames), sizeof *seen);
	make_pair(ends);
	near[0] = ends[0];
	far[0] = ends[1];
	for (int i = 0; i < 2; i++) readers[i] = begin(read_directly, NULL);
	for (int i = 0; i < WRITERS; i++) writers[i] = begin(write_frames, (void *)(intptr_t)i);
	for (int i = 0; i < WRITERS; i++) end(writers[i]);
	CHECK_EQUAL(shutdown(ends[0], SHUT_WR), 0);
	for (int i = 0; i < 2; i++) end(readers[i]);
	for (int i = 0; i < WRITERS; i++) {
		long without = 0;
		for (int number = 0; number < frames; number++) {
			without += length_of(i, number) == 0;
			CHECK_EQUAL(is_set(&seen[i * frames + number]), length_of(i, number) > 0);
		}
		CHECK_EQUAL(empty[i], without);
	}
	close(ends[0]);
	close(ends[1]);
	free(seen);
	free(bytes);
}
