/*
 * exports.c - the public names of the functions that return a struct ipc_error; see exports.h.
 * The result is the caller's own memory (the hidden pointer of the C ABI): nothing is copied.
 */
#include "CLibIPC.h"

/* Kept out of line: what fails need not be fast, and the exports stay small. */
__attribute__((noinline, cold)) static void refuse(
    struct ipc_error *result, enum ipc_error_code code, const char *function, const char *reason) {
	char text[128];
	int length = snprintf(text, sizeof text, "%s: %s", function, reason);
	libipc_fail(result, code, text, length < 0 ? 0 : (size_t)length);
}

/* Checks of arguments, for the lists of exports.h. `__func__` is the public name. The statements have no comma outside of parentheses,
 * because they pass through a second macro. */
#define REFUSE_IF(condition, code, reason)               \
	if (condition) {                                 \
		refuse(&result, code, __func__, reason); \
		return result;                           \
	}
#define NEED(argument, code) REFUSE_IF((argument) == NULL, code, "no " #argument)
/* Neither NULL nor empty. */
#define NEED_TEXT(path, code) REFUSE_IF((path) == NULL || *(path) == 0, code, "no " #path)
/* A message that is not too long, and has a payload if it has a length. */
#define WHOLE(m)                                                                                                                      \
	REFUSE_IF((m)->length > IPC_MAX_MESSAGE_SIZE, IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH, "too many bytes for a message") \
	REFUSE_IF((m)->length > 0 && (m)->payload == NULL, IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS, "a length and no payload")
/* A payload that is not too long: both a payload and a length, or neither. */
#define FITTING(payload, length)                                                                                           \
	REFUSE_IF((length) > IPC_MAX_MESSAGE_SIZE, IPC_ERROR_MESSAGE_FORMAT__MESSAGE_SIZE, "too many bytes for a message") \
	REFUSE_IF(((payload) == NULL) != ((length) == 0), IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS, "one of payload and length")

#define LIBIPC_SHARED(name, call, needed, ...)      \
	struct ipc_error name(__VA_ARGS__) {        \
		struct ipc_error result;            \
		result.error_code = IPC_ERROR_NONE; \
		result.error_message[0] = 0;        \
		needed call;                        \
		return result;                      \
	}
#define LIBIPC_EXPORT(name, arguments, needed, ...) LIBIPC_SHARED(name, name##_into arguments, needed, __VA_ARGS__)
#include "exports.h"
