/*
 * usocket.h - the steps of a Unix stream socket, alone (libipc).
 *
 * Included by ipc.h. Every function returns a struct ipc_error: error_code 0 is
 * success. Sockets are AF_UNIX, SOCK_STREAM, close-on-exec, and blocking unless they
 * listen. Since 1.0.
 */
#ifndef __IPC_USOCKET_H__
#define __IPC_USOCKET_H__

#include <stddef.h>
#include <stdint.h>

#include "ipc.h" /* struct ipc_error */

#define LISTEN_BACKLOG 128

#ifdef __cplusplus
extern "C" {
#endif

/* One send(2) of `len` bytes, without SIGPIPE, and as send(2) waits. The rest of a
 * message that another call had to leave goes first. `*sent` (may be NULL) becomes
 * the number of bytes that the kernel took. 43. */
struct ipc_error usock_send(const int32_t fd, const char *buf, size_t len, size_t *sent);

/* Receives one whole frame, header included; waits for it as ipc_read does: 60 when it
 * may not wait, and what came stays. `*buf` is a buffer of
 * `*len` bytes (0: as large as a frame can be), or NULL: then it is allocated and
 * the caller frees it. `*len` becomes the frame's size.
 * 4 closed by the peer, 58, 59 missing argument, 60, 61 failed, 62 no memory,
 * 63 longer than a frame may be, or than the buffer (the frame then stays). */
struct ipc_error usock_recv(int32_t fd, char **buf, size_t *len);

/* Closes a descriptor. 48. */
struct ipc_error usock_close(int32_t fd);

/* Connects to the socket at `path`; `*fd` belongs to the caller. It waits at most
 * 10 seconds for a service whose backlog is full, whatever signals come. Connecting
 * needs write permission on the socket. 44, 45, 46, 47. */
struct ipc_error usock_connect(int32_t *fd, const char *path);

/* Listens at `path`; `*fd` belongs to the caller, and does not block. The directory is made
 * if missing. A stale socket is replaced; a live service and any other file are left alone:
 * 54. Who may connect: IPC_SOCKET_MODE and IPC_SOCKET_GROUP (ipc.h), 117 when they make no
 * sense or are refused. Also 51, 52, 53, 55. */
struct ipc_error usock_init(int32_t *fd, const char *path);

/* Accepts one connection of the listening `fd`; `*pfd` belongs to the caller. Waits for it
 * as accept(2) would: on a listener of the program's own not when that has O_NONBLOCK; on one
 * that the library made always, until a signal handler ends it. 56, 57. */
struct ipc_error usock_accept(int32_t fd, int32_t *pfd);

/* Unlinks `path`. 50 there is no such file, 49 it could not be removed. */
struct ipc_error usock_remove(const char *path);

#ifdef __cplusplus
}
#endif

#endif
