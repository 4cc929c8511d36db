/*
 * fuzz_frames.h - the streams that fuzz_frames.c sends: made from a seed, and what they must come out as.
 */
#ifndef FUZZ_FRAMES_H
#define FUZZ_FRAMES_H

#include "harness.h"

#include <limits.h>
#include <time.h>

enum { CONNECTIONS = 12, FRAMES = 8, MAXIMUM = IPC_MAX_MESSAGE_SIZE };
enum ending { OPEN, CLOSED, CUT_OFF, TOO_LONG };
enum way { WAIT, READ, READ_FD, RECV, WAYS };

struct stream {
	int fd, peer; /* ours, in the context; the writer's */
	unsigned char *bytes;
	size_t length, written, room;
	size_t start[FRAMES + 1]; /* of each valid frame; the last is where they end */
	int frames, taken;
	enum ending ending;
	int ended, refused; /* the writer has closed; direct reads that told the end */
};

static uint64_t state;
static long cases;

static uint64_t random64(void) { /* splitmix64 */
	uint64_t z = state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}
static size_t below(size_t n) { return n == 0 ? 0 : random64() % n; }

static void seed(const char *name) {
	state = getenv("SEED") != NULL ? strtoull(getenv("SEED"), NULL, 0) : (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
	fprintf(stderr, "%s: SEED=%llu\n", name, (unsigned long long)state);
}

static size_t payload_length(void) {
	size_t dice = below(10000);
	if (dice < 4000) return below(4);
	if (dice < 9300) return below(300);
	if (dice < 9980) return below(9000);
	if (dice < 9998) return below(260000);
	return dice == 9998 ? MAXIMUM : below(MAXIMUM + 1);
}

static void put(struct stream *s, const void *bytes, size_t length) {
	if (s->length + length > s->room) {
		s->room = (s->length + length) * 2;
		s->bytes = realloc(s->bytes, s->room);
		CHECK(s->bytes != NULL);
	}
	if (bytes != NULL) memcpy(s->bytes + s->length, bytes, length);
	for (size_t i = 0; bytes == NULL && i < length; i += 8) {
		uint64_t r = random64();
		memcpy(s->bytes + s->length + i, &r, length - i < 8 ? length - i : 8);
	}
	s->length += length;
}

static void put_header(struct stream *s, size_t length) {
	unsigned char header[IPC_HEADER_SIZE] = {(unsigned char)below(256), (unsigned char)(length >> 24), (unsigned char)(length >> 16),
	    (unsigned char)(length >> 8), (unsigned char)length, (unsigned char)below(256)};
	put(s, header, sizeof header);
}

static void put_frame(struct stream *s, size_t length) {
	put_header(s, length);
	put(s, NULL, length);
	s->start[++s->frames] = s->length;
}

static void clear(struct stream *s) {
	s->length = s->written = s->start[0] = 0;
	s->frames = s->taken = 0;
	s->ending = OPEN;
	cases++;
}

/* What follows the valid frames: nothing, the beginning of a frame, or one that announces too much. */
static void put_ending(struct stream *s, enum ending ending) {
	static const uint32_t lengths[] = {MAXIMUM + 1, MAXIMUM + 6, 0x200000, 0x7fffffff, 0x80000000, 0xfffffffa, 0xffffffff};
	s->ending = ending;
	if (ending == TOO_LONG) {
		put_header(s, below(2) ? lengths[below(7)] : MAXIMUM + 1 + below(UINT32_MAX - MAXIMUM));
		put(s, NULL, below(40));
	}
	if (ending == CUT_OFF) {
		size_t length = payload_length() % 5000, before = s->length;
		put_header(s, length);
		put(s, NULL, length);
		s->length = before + 1 + below(s->length - before - 1);
	}
}

/* Whole frames, not taken yet. */
static int whole(const struct stream *s) {
	int count = 0;
	while (s->taken + count < s->frames && s->start[s->taken + count + 1] <= s->written) count++;
	return count;
}
static int is_broken(const struct stream *s) { return s->ending == TOO_LONG && s->written >= s->start[s->frames] + IPC_HEADER_SIZE; }
/* The length is complete one byte before the header is: from there on the library may tell. */
static int may_be_broken(const struct stream *s) { return s->ending == TOO_LONG && s->written >= s->start[s->frames] + 5; }
static int is_over(const struct stream *s) { return s->taken == s->frames && (s->ended || is_broken(s)); }

#endif
