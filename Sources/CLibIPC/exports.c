/*
 * exports.c - the public names of the functions that return a struct ipc_error; see exports.h.
 * The result is the caller's own memory (the hidden pointer of the C ABI): nothing is copied.
 */
#include "CLibIPC.h"

#define LIBIPC_EXPORT(name, arguments, ...)                 \
	struct ipc_error name(__VA_ARGS__) {                \
		struct ipc_error result;                    \
		name##_into arguments;                      \
		return result;                              \
	}
#include "exports.h"
