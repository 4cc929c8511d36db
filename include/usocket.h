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

/* One send(2) of `len` bytes, without SIGPIPE. It waits as send(2) does. If another call
 * has sent only a part of a message, its rest goes first. `*sent` (may be NULL) becomes
 * the number of bytes that the kernel took. 43. */
struct ipc_error usock_send(const int32_t fd, const char *buf, size_t len, size_t *sent);

/* Receives one whole frame, header included, and waits for it as ipc_read does. `*buf` is
 * a buffer of `*len` bytes (0: as large as a frame can be), or NULL: then it is allocated,
 * and the caller frees it. `*len` becomes the frame's size.
 * 4 closed by the peer, 58, 59 missing argument, 60 failed, or would have to wait (what
 * was received stays for the next call), 61, 62 no memory,
 * 63 longer than a frame may be, or than the buffer (the frame then stays). */
struct ipc_error usock_recv(int32_t fd, char **buf, size_t *len);

/* Closes a descriptor. 48. */
struct ipc_error usock_close(int32_t fd);

/* Connects to the socket at `path`; `*fd` belongs to the caller. It waits at most
 * 10 seconds for a service whose backlog is full; signals do not change that.
 * Connecting needs write permission on the socket, and search permission on the
 * directories above it. 44, 45, 46, 47. */
struct ipc_error usock_connect(int32_t *fd, const char *path);

/* Listens at `path`; `*fd` belongs to the caller, and does not block. The directory is made
 * if missing, with mode 1750 less the umask(2). A stale socket is replaced; a live service and
 * any other file are left alone: 54. IPC_SOCKET_MODE and IPC_SOCKET_GROUP (ipc.h) say who may
 * connect; 117 when one is invalid or refused. Also 51, 52, 53, 55. */
struct ipc_error usock_init(int32_t *fd, const char *path);

/* Accepts one connection of the listening `fd`; `*pfd` belongs to the caller. On a listener
 * that the library made it waits until a client comes or a signal handler has run. On another
 * listener it waits as accept(2) does: not with O_NONBLOCK. 56, 57. */
struct ipc_error usock_accept(int32_t fd, int32_t *pfd);

/* Unlinks `path`. 50 there is no such file, 49 it could not be removed. */
struct ipc_error usock_remove(const char *path);

#ifdef __cplusplus
}
#endif

#endif
