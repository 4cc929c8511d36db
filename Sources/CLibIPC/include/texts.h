/*
 * texts.h - texts of errors (texts.c, Text.swift, IPCError.swift), and the trace (trace.c).
 */
#ifndef LIBIPC_TEXTS_H
#define LIBIPC_TEXTS_H

#include <stddef.h>
#include <stdint.h>

#include "../../../include/ipc.h"
#include "threads.h"

#pragma clang assume_nonnull begin
/* The last text that this thread has made. */
struct libipc_text {
	uint32_t sequence; /* the number of this text */
	uint32_t length; /* in bytes */
	char bytes[256];
};
struct libipc_text *libipc_last_text(void);
static inline char *libipc_text_bytes(struct libipc_text *text) { return text->bytes; }

/* Begins a new text, which is empty. Returns its number. */
uint32_t libipc_begin_text(void);
/* Appends to the text. What does not fit is cut off. */
void libipc_append(const void *_Nullable bytes, size_t count);
void libipc_append_string(const char *_Nullable string);
void libipc_append_number(uint64_t magnitude, int is_negative);
/* Appends a colon, and the reason that strerror(3) has for an error number. */
void libipc_append_reason(int error);

/* Fills `result`: the code, and `count` bytes of text followed by zeros. */
void libipc_fail(struct ipc_error *result, enum ipc_error_code code, const void *_Nullable text, size_t count);

/* The text of ipc_last_error. */
void libipc_note_error(const void *_Nullable text, size_t count);

/* The trace: with LIBIPC_DEBUG=1 in the environment at the first check, a line on stderr for each event and each error. */
extern int libipc_traces; /* negative: not checked yet */
void libipc_write_trace(const struct ipc_event *event);
LIBIPC_ATOMIC void libipc_trace_event(const struct ipc_event *event) {
	if (__atomic_load_n(&libipc_traces, __ATOMIC_RELAXED) != 0) libipc_write_trace(event);
}
void libipc_trace_error(enum ipc_error_code code, const void *_Nullable text, size_t count);
void libipc_trace_text(void); /* the last text */
#pragma clang assume_nonnull end
#endif
