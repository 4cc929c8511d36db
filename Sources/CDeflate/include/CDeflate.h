/*
 * CDeflate.h - raw DEFLATE (RFC 1951) for ipc-websocketd's permessage-deflate: the two directions of the system's zlib, without zlib's
 * types, so that the Swift sources are the same when the daemon is built without zlib. Then no stream can be made.
 */
#ifndef CDEFLATE_H
#define CDEFLATE_H

#include <stddef.h>

#pragma clang assume_nonnull begin

/* What a stream looks back at: 2^bits bytes. zlib compresses with no fewer than 9 bits without a header around the data. */
enum { CD_LEAST_WINDOW_BITS = 9, CD_LARGEST_WINDOW_BITS = 15 };

/* The version of zlib that this process uses, or NULL: built without it. */
const char *_Nullable cd_zlib_version(void);

struct cd_deflater;
struct cd_inflater;

/* NULL: no memory, or no zlib. The caller frees them; NULL may be freed. */
struct cd_deflater *_Nullable cd_deflater_make(int window_bits);
struct cd_inflater *_Nullable cd_inflater_make(int window_bits);
void cd_deflater_free(struct cd_deflater *_Nullable stream);
void cd_inflater_free(struct cd_inflater *_Nullable stream);

/* Forgets what came before: the next message refers to nothing earlier. */
void cd_deflater_reset(struct cd_deflater *stream);
void cd_inflater_reset(struct cd_inflater *stream);

/*
 * Compresses `first`, then `second`, as one message (RFC 7692, 7.2.1), without the four bytes that every message ends with. Returns the
 * number of bytes in `out`, or 0 when `room` is too small: then the stream is reset, because the peer does not see this message.
 */
size_t cd_deflate(struct cd_deflater *stream, const void *_Nullable first, size_t first_count, const void *_Nullable second,
    size_t second_count, void *out, size_t room);

/* Begins with a message (RFC 7692, 7.2.2); `bytes` stay the caller's, and must stay where they are until the message is whole. */
void cd_inflate_begin(struct cd_inflater *stream, const void *_Nullable bytes, size_t count);

enum { CD_INFLATE_BAD_DATA = -1, CD_INFLATE_NO_MEMORY = -2 };
/*
 * The next bytes of the message: how many of at most `room`, or one of the two above. A call reads at most 8 KiB of the message, so that
 * the caller can serve others in between: 2 MB of empty blocks with codes of their own take zlib half a second.
 */
long cd_inflate_next(struct cd_inflater *stream, void *out, size_t room);
/* The last call gave the end of the message. */
int cd_inflate_is_whole(const struct cd_inflater *stream);

#pragma clang assume_nonnull end

#endif
