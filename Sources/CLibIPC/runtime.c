/*
 * runtime.c - what only C can say: a variadic function, and what the process keeps once.
 */
#include "CLibIPC.h"

void error_message_format(char *formatted_message, const char *tag, const char *message, ...) {
	struct tm now;
	time_t seconds = time(NULL);
	va_list arguments;

	if (formatted_message == NULL) return;
	localtime_r(&seconds, &now);
	size_t used = strftime(formatted_message, BUFSIZ, "%Y-%m-%d_%H-%M-%S:", &now);
	int tagged = snprintf(formatted_message + used, BUFSIZ - used, "%s:", tag != NULL ? tag : "");
	/* One byte is kept for the newline, whatever the tag's and the message's length. */
	used = tagged < 0 || (size_t)tagged >= BUFSIZ - 1 - used ? BUFSIZ - 2 : used + (size_t)tagged;
	va_start(arguments, message);
	int length = message == NULL ? 0 : vsnprintf(formatted_message + used, BUFSIZ - 1 - used, message, arguments);
	va_end(arguments);
	if (length > 0) used = (size_t)length >= BUFSIZ - 1 - used ? BUFSIZ - 2 : used + (size_t)length;
	memcpy(formatted_message + used, "\n", 2);
}

struct libipc_error_text *libipc_error_text(void) {
	static _Thread_local struct libipc_error_text text;
	return &text;
}

int libipc_traces = -1;
LIBIPC_ATOMIC int traces(void) {
	int known = __atomic_load_n(&libipc_traces, __ATOMIC_RELAXED); /* asked twice at once, the answer is the same */
	if (known >= 0) return known;
	const char *value = getenv("LIBIPC_DEBUG");
	known = value != NULL && strcmp(value, "1") == 0;
	__atomic_store_n(&libipc_traces, known, __ATOMIC_RELAXED);
	return known;
}

/* In one piece, and without stdio's lock: several processes share the terminal. */
__attribute__((format(printf, 1, 2))) static void trace(const char *format, ...) {
	char line[512];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	if (length < 0) return;
	size_t size = (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
	line[size - 1] = '\n';
	(void)!write(2, line, size);
}

void libipc_write_trace(const struct ipc_event *event) {
	static const char *const names[] = {"nothing", "error",   "extra socket", "switch", "connection", "disconnection",
	                                    "message", "lookup", "timer",        "tx"};
	const struct ipc_message *message = event->m;
	if (!traces()) return;
	const char *name = names[(unsigned)event->type < sizeof names / sizeof *names ? event->type : 0];
	if (message == NULL) return trace("libipc: %s: entry %u, descriptor %d\n", name, event->index, event->origin);
	trace("libipc: %s: entry %u, descriptor %d, type %d, user type %d, %u bytes\n", name, event->index, event->origin,
	      (unsigned char)message->type, (unsigned char)message->user_type, message->length);
}

void libipc_trace_error(enum ipc_error_code code, const void *text, size_t count) {
	if (traces()) trace("libipc: error %d: %.*s\n", (int)code, (int)count, (const char *)text);
}

void libipc_fail(struct ipc_error *result, enum ipc_error_code code, const void *text, size_t count) {
	memset(result, 0, sizeof *result);
	result->error_code = code;
	memcpy(result->error_message, text, count);
	libipc_trace_error(code, text, count);
}
