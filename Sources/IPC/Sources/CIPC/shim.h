/* shim.h - libipc's header, and what Swift does not import of it.
 *
 * Swift has no fields of more than 4096 elements: `error_message` of struct ipc_error is out of its sight, and it copies the 8 KiB of each
 * result. So each function that returns the structure has one here that returns the code, and copies the text when there is an error. */
#ifndef CIPC_SHIM_H
#define CIPC_SHIM_H

#include <poll.h>

#if __has_include(<libipc/ipc.h>)
#include <libipc/ipc.h>
#elif __has_include("../../../../include/ipc.h")
/* In the repository the sources compile without an installed library. */
#include "../../../../include/ipc.h"
#else
#error "libipc is not found: install it, and name its directory in PKG_CONFIG_PATH, such as PREFIX/lib/pkgconfig"
#endif

#define CIPC_TEXT_SIZE 512 /* bytes of a text, with its NUL: as much as ipc_last_error has */

/* The code of `result`. After a failure its text is in `text`. */
static inline enum ipc_error_code cipc_code(const struct ipc_error *result, char *text) {
	if (result->error_code != IPC_ERROR_NONE) {
		size_t size = strnlen(result->error_message, CIPC_TEXT_SIZE - 1);
		memcpy(text, result->error_message, size);
		text[size] = '\0';
	}
	return result->error_code;
}

#define CIPC_DEFINE(name, parameters, arguments)               \
	static inline enum ipc_error_code c##name parameters { \
		struct ipc_error result = name arguments;      \
		return cipc_code(&result, text);               \
	}

CIPC_DEFINE(ipc_server_init, (struct ipc_ctx * ctx, const char *sname, char *text), (ctx, sname))
CIPC_DEFINE(ipc_connection, (struct ipc_ctx * ctx, const char *sname, int *fd, char *text), (ctx, sname, fd))
CIPC_DEFINE(
    ipc_connection_switched, (struct ipc_ctx * ctx, const char *sname, int client, int *service, char *text), (ctx, sname, client, service))
CIPC_DEFINE(ipc_write, (struct ipc_ctx * ctx, const struct ipc_message *m, char *text), (ctx, m))
CIPC_DEFINE(ipc_close_fd, (struct ipc_ctx * ctx, int fd, char *text), (ctx, fd))
CIPC_DEFINE(ipc_close_all, (struct ipc_ctx * ctx, char *text), (ctx))
CIPC_DEFINE(ipc_add_fd, (struct ipc_ctx * ctx, int fd, char *text), (ctx, fd))
CIPC_DEFINE(ipc_add_fd_switched, (struct ipc_ctx * ctx, int fd, char *text), (ctx, fd))
CIPC_DEFINE(ipc_del_fd, (struct ipc_ctx * ctx, int fd, char *text), (ctx, fd))
CIPC_DEFINE(ipc_ctx_release, (struct ipc_ctx * ctx, char *text), (ctx))
CIPC_DEFINE(ipc_ctx_entry, (struct ipc_ctx * ctx, int fd, struct ipc_entry *entry, char *text), (ctx, fd, entry))

#undef CIPC_DEFINE

/* The payload of an event's message, which is the caller's from now on: free(3) it. */
static inline char *cipc_take_payload(struct ipc_message *m) {
	char *payload = m->payload;
	m->payload = NULL;
	m->length = 0;
	return payload;
}

/* Frees the message of an event. */
static inline void cipc_clean(struct ipc_event *event) { IPC_EVENT_CLEAN(event); }

#endif
