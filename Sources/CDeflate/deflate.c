/*
 * deflate.c - zlib's two streams as permessage-deflate uses them (RFC 7692, 7.2). C, because zlib's initializers are macros.
 *
 * Memory of one stream, from zlib's zconf.h and measured with zlib 1.2.13: a deflater with a window of 2^12 bytes takes 16 KiB for the
 * window, 16 KiB for hash chains and literals and 6 KiB for its state; an inflater 7 KiB for its state, and its window (2^12 to 2^15
 * bytes) once a message has come.
 */
#include "CDeflate.h"

#include <limits.h>
#include <stdlib.h>

#ifdef CD_ZLIB
#include <zlib.h>

/* 1 of 9: 2 MB take some 15 ms, in which nobody else is served; level 6 takes three times as long for 10 % less. */
enum { LEVEL = 1 };
/* Memory for the compressor's tables is 2^(9+5) bytes. With zlib's default, 2^(9+8), JSON of 64 KiB becomes 1 % smaller. */
enum { MEMORY_LEVEL = 5 };
/* Of blocks in a message that say that they are the last one; each costs a copy of the window. A sender needs one. */
enum { MOST_ENDS = 16 };
/* Of a message, that one call reads: 8 KiB, 2 ms at worst. */
enum { SLICE = 8192 };
enum { TAIL_SIZE = 4 };
/* An empty stored block without its first byte: what Z_SYNC_FLUSH writes last. */
static const unsigned char tail[TAIL_SIZE] = {0, 0, 0xFF, 0xFF};

struct cd_deflater {
	z_stream z;
};

struct cd_inflater {
	z_stream z;
	/* Of the message, what zlib has not been given yet. */
	const unsigned char *rest;
	size_t rest_count;
	/* zlib has been given the tail. */
	int has_tail;
	int is_whole;
	/* How often a block of this message said that it is the last one. */
	int ends;
};

const char *cd_zlib_version(void) { return zlibVersion(); }

struct cd_deflater *cd_deflater_make(int window_bits) {
	struct cd_deflater *stream = calloc(1, sizeof *stream);
	if (stream == NULL) return NULL;
	if (deflateInit2(&stream->z, LEVEL, Z_DEFLATED, -window_bits, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK) return stream;
	free(stream);
	return NULL;
}

struct cd_inflater *cd_inflater_make(int window_bits) {
	struct cd_inflater *stream = calloc(1, sizeof *stream);
	if (stream == NULL) return NULL;
	if (inflateInit2(&stream->z, -window_bits) == Z_OK) return stream;
	free(stream);
	return NULL;
}

void cd_deflater_free(struct cd_deflater *stream) {
	if (stream != NULL) (void)deflateEnd(&stream->z);
	free(stream);
}

void cd_inflater_free(struct cd_inflater *stream) {
	if (stream != NULL) (void)inflateEnd(&stream->z);
	free(stream);
}

void cd_deflater_reset(struct cd_deflater *stream) { (void)deflateReset(&stream->z); }
void cd_inflater_reset(struct cd_inflater *stream) { (void)inflateReset(&stream->z); }

static void set_input(z_stream *z, const void *bytes, size_t count) {
	/* zlib's pointer has no const; it does not write there. */
	z->next_in = (Bytef *)(size_t)bytes;
	z->avail_in = (uInt)count;
}

size_t cd_deflate(
    struct cd_deflater *stream, const void *first, size_t first_count, const void *second, size_t second_count, void *out, size_t room) {
	z_stream *z = &stream->z;
	if (first_count > UINT_MAX || second_count > UINT_MAX || room > UINT_MAX) return 0;
	z->next_out = out;
	z->avail_out = (uInt)room;
	set_input(z, first, first_count);
	int code = first_count > 0 ? deflate(z, Z_NO_FLUSH) : Z_OK;
	if (code == Z_OK && z->avail_in == 0) {
		set_input(z, second, second_count);
		code = deflate(z, Z_SYNC_FLUSH);
	}
	size_t count = room - z->avail_out;
	/* With room left the flush is complete. */
	if (code == Z_OK && z->avail_in == 0 && z->avail_out > 0 && count > TAIL_SIZE) return count - TAIL_SIZE;
	cd_deflater_reset(stream);
	return 0;
}

void cd_inflate_begin(struct cd_inflater *stream, const void *bytes, size_t count) {
	set_input(&stream->z, NULL, 0);
	stream->rest = bytes;
	stream->rest_count = count;
	stream->has_tail = stream->is_whole = stream->ends = 0;
}

/* Gives zlib the next slice, or the tail behind the last one. */
static void give_input(struct cd_inflater *stream) {
	size_t count = stream->rest_count < SLICE ? stream->rest_count : SLICE;
	if (count > 0) {
		set_input(&stream->z, stream->rest, count);
		stream->rest += count;
		stream->rest_count -= count;
	} else {
		set_input(&stream->z, tail, TAIL_SIZE);
		stream->has_tail = 1;
	}
}

/* Behind a block that says that it is the last one more may come (7.2.3.4), which may refer to what was before. */
static int go_on(struct cd_inflater *stream) {
	static unsigned char window[1 << CD_LARGEST_WINDOW_BITS];
	uInt count = 0;
	if (++stream->ends > MOST_ENDS) return Z_DATA_ERROR;
	if (inflateGetDictionary(&stream->z, window, &count) != Z_OK || inflateReset(&stream->z) != Z_OK) return Z_STREAM_ERROR;
	return count > 0 ? inflateSetDictionary(&stream->z, window, count) : Z_OK;
}

long cd_inflate_next(struct cd_inflater *stream, void *out, size_t room) {
	z_stream *z = &stream->z;
	int slices = z->avail_in > 0;
	z->next_out = out;
	z->avail_out = (uInt)room;
	while (!stream->is_whole) {
		/* With no input zlib may still hold output for which there was no room. */
		int code = inflate(z, Z_SYNC_FLUSH);
		if (code == Z_STREAM_END) {
			/* Without the empty block that should follow (7.2.3.4) it is as clear. */
			stream->is_whole = z->avail_in == 0 && stream->rest_count == 0;
			code = go_on(stream);
		}
		if (code == Z_MEM_ERROR) return CD_INFLATE_NO_MEMORY;
		/* Z_BUF_ERROR: nothing was done, which is right when there is no input or no room. */
		if (code != Z_OK && (code != Z_BUF_ERROR || (z->avail_in > 0 && z->avail_out > 0))) return CD_INFLATE_BAD_DATA;
		if (z->avail_out == 0) break;
		if (z->avail_in > 0 || stream->is_whole) continue;
		if (stream->has_tail) {
			/* Bit 7: between two blocks. A message that is cut within one is none. */
			if ((z->data_type & 128) == 0) return CD_INFLATE_BAD_DATA;
			stream->is_whole = 1;
		} else {
			if (slices++ > 0 && stream->rest_count > 0) break;
			give_input(stream);
		}
	}
	return (long)(room - z->avail_out);
}

int cd_inflate_is_whole(const struct cd_inflater *stream) { return stream->is_whole; }

#else

/* Nothing can be made, so nothing else is called. */
const char *cd_zlib_version(void) { return NULL; }
struct cd_deflater *cd_deflater_make(int window_bits) {
	return (void)window_bits, NULL;
}
struct cd_inflater *cd_inflater_make(int window_bits) {
	return (void)window_bits, NULL;
}
void cd_deflater_free(struct cd_deflater *stream) { (void)stream; }
void cd_inflater_free(struct cd_inflater *stream) { (void)stream; }
void cd_deflater_reset(struct cd_deflater *stream) { (void)stream; }
void cd_inflater_reset(struct cd_inflater *stream) { (void)stream; }
size_t cd_deflate(
    struct cd_deflater *stream, const void *first, size_t first_count, const void *second, size_t second_count, void *out, size_t room) {
	return (void)stream, (void)first, (void)first_count, (void)second, (void)second_count, (void)out, (void)room, 0;
}
void cd_inflate_begin(struct cd_inflater *stream, const void *bytes, size_t count) { (void)stream, (void)bytes, (void)count; }
long cd_inflate_next(struct cd_inflater *stream, void *out, size_t room) {
	return (void)stream, (void)out, (void)room, CD_INFLATE_NO_MEMORY;
}
int cd_inflate_is_whole(const struct cd_inflater *stream) { return (void)stream, 1; }

#endif
