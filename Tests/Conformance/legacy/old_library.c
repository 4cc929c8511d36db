/*
 * old_library.c - a stand-in for the library that existing programs were linked against.
 *
 * Only there to be linked with: a file named libipc.so, without SONAME, with unversioned symbols. A program that
 * runs with it by mistake learns so from the first call, which fails with an error number of its own.
 */
#include <ipc.h>

static struct ipc_error refused(void) {
	struct ipc_error e = {.error_code = (enum ipc_error_code)9999, .error_message = "this is the stand-in"};
	return e;
}

#define STAND_IN(name, ...)                  \
	struct ipc_error name(__VA_ARGS__) { \
		return refused();            \
	}

#pragma GCC diagnostic ignored "-Wunused-parameter"
STAND_IN(ipc_server_init, struct ipc_ctx *ctx, const char *sname)
STAND_IN(ipc_connection, struct ipc_ctx *ctx, const char *sname, int *fd)
STAND_IN(ipc_wait_event, struct ipc_ctx *ctx, struct ipc_event *event, int *timer)
STAND_IN(ipc_write, struct ipc_ctx *ctx, const struct ipc_message *m)
STAND_IN(ipc_read, const struct ipc_ctx *ctx, uint32_t index, struct ipc_message *m)
STAND_IN(ipc_message_format_data, struct ipc_message *m, char utype, const char *payload, size_t length)
STAND_IN(ipc_message_empty, struct ipc_message *m)
STAND_IN(ipc_del_fd, struct ipc_ctx *ctx, int fd)
STAND_IN(ipc_close_all, struct ipc_ctx *ctx)
void ipc_ctx_free(struct ipc_ctx *ctx) {}
const char *ipc_errors_get(enum ipc_error_code e) { return NULL; }
