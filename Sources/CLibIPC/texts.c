/*
 * texts.c - the last text that each thread has made (of an error or a trace line), and how it gets into a struct ipc_error.
 */
#include "CLibIPC.h"

struct libipc_text *libipc_last_text(void) {
	static _Thread_local struct libipc_text text;
	return &text;
}

uint32_t libipc_begin_text(void) {
	struct libipc_text *text = libipc_last_text();
	text->length = 0;
	return ++text->sequence;
}

void libipc_append(const void *bytes, size_t count) {
	struct libipc_text *text = libipc_last_text();
	size_t used = text->length, room = sizeof text->bytes - used;
	if (count > room) count = room;
	if (count > 0) memmove(text->bytes + used, bytes, count); /* the source may be the same text */
	text->length = (uint32_t)(used + count);
}

void libipc_append_string(const char *string) {
	if (string != NULL) libipc_append(string, strlen(string));
}

void libipc_append_number(uint64_t magnitude, int is_negative) {
	char digits[32];
	snprintf(digits, sizeof digits, "%s%llu", is_negative ? "-" : "", (unsigned long long)magnitude);
	libipc_append_string(digits);
}

void libipc_append_reason(int error) {
	char buffer[128];
	libipc_append(": ", 2);
	libipc_append_string(strerror_r(error, buffer, sizeof buffer) == 0 ? buffer : "unknown error");
}

void libipc_fail(struct ipc_error *result, enum ipc_error_code code, const void *text, size_t count) {
	memset(result, 0, sizeof *result);
	result->error_code = code;
	memcpy(result->error_message, text, count);
	libipc_trace_error(code, text, count);
}

static char *last_error(void) {
	static _Thread_local char text[sizeof((struct libipc_text *)0)->bytes];
	return text;
}
const char *ipc_last_error(void) { return last_error(); }

void libipc_note_error(const void *text, size_t count) {
	char *noted = last_error();
	size_t room = sizeof((struct libipc_text *)0)->bytes - 1;
	if (count > room) count = room;
	memcpy(noted, text, count);
	noted[count] = 0;
}
