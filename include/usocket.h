/*
 * usocket.h - the steps of a Unix stream socket, alone (libipc).
 *
 * Included by ipc.h. Sockets are AF_UNIX, SOCK_STREAM, close-on-exec, and blocking unless they listen.
 */
#ifndef __IPC_USOCKET_H__
#define __IPC_USOCKET_H__

#include <stddef.h>
#include <stdint.h>

#include "ipc.h" /* struct ipc_error */

/* Of the old library. This one asks for a backlog of 4096. */
#define LISTEN_BACKLOG 128

#ifdef __cplusplus
extern "C" {
#endif

/* usock_send - send bytes
 *
 * Calls send(2) once, without SIGPIPE, and waits as send(2) does. If another call has sent only a part
 * of a message, its rest goes first: bytes in the middle of a message would break the stream.
 *
 * fd    the socket
 * buf   the bytes
 * len   their number
 * sent  becomes the number of bytes that the kernel took, which may be less; may be NULL
 *
 * Ownership: `buf` stays the caller's.
 * Errors:
 *   IPC_ERROR_USOCK_SEND                   `buf` is NULL, sending has failed, or would have to wait
 *   IPC_ERROR_CONTEXT__CALLED_IN_HANDLER   see SIGNALS in ipc(7)
 * Since: 1.0
 * See: ipc_write_fd, usock_recv
 * Example: as usock_init
 */
struct ipc_error usock_send(const int32_t fd, const char *buf, size_t len, size_t *sent);

/* usock_recv - receive a whole frame
 *
 * Receives one frame, header included, and waits for it as ipc_read_fd does.
 *
 * fd   the socket
 * buf  the buffer; becomes a new one when it is NULL
 * len  the size of the buffer in bytes, 0 for as many as a frame can have (2,000,000); becomes the
 *      size of the frame
 *
 * Ownership: a new buffer is the caller's: free(3) it.
 * Errors:
 *   IPC_ERROR_USOCK_RECV__NO_BUFFER              `buf` is NULL
 *   IPC_ERROR_USOCK_RECV__NO_LENGTH              `len` is NULL
 *   IPC_ERROR_CLOSED_RECIPIENT                   the peer has left
 *   IPC_ERROR_USOCK_RECV                         receiving has failed, or would have to wait; what was
 *                                                received stays for the next call
 *   IPC_ERROR_USOCK_RECV__MESSAGE_SIZE           the frame is longer than a frame may be; or than the
 *                                                buffer, and then stays for the next call
 *   IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION        there is no memory
 *   IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY  there is no memory for the frame
 *   IPC_ERROR_USOCK_SEND                         the system is short of memory for what is queued
 *   IPC_ERROR_CONTEXT__CALLED_IN_HANDLER         see SIGNALS in ipc(7)
 * Since: 1.0
 * See: ipc_message_format_read, ipc_read_fd
 * Example: as usock_init
 */
struct ipc_error usock_recv(int32_t fd, char **buf, size_t *len);

/* usock_close - close a descriptor
 *
 * Closes the descriptor, with what the library keeps for it. The entry of a context that has it stays;
 * ipc_close_fd is for those.
 *
 * fd  the descriptor
 *
 * Errors:
 *   IPC_ERROR_USOCK_CLOSE   the descriptor is not open
 * Since: 1.0
 * See: ipc_close_fd
 * Example: as usock_init
 */
struct ipc_error usock_close(int32_t fd);

/* usock_connect - connect to a socket by its path
 *
 * Connects to the socket at `path`. It waits 10 seconds at most for a service whose backlog is full;
 * signals do not change that. Connecting needs write permission on the socket, and search permission
 * on the directories above it.
 *
 * fd    becomes the descriptor
 * path  of the socket, at most 107 bytes
 *
 * Ownership: the descriptor is the caller's.
 * Errors:
 *   IPC_ERROR_USOCK_CONNECT__WRONG_FILE_DESCRIPTOR  `fd` is NULL
 *   IPC_ERROR_USOCK_CONNECT__EMPTY_PATH             `path` is NULL or empty
 *   IPC_ERROR_USOCK_CONNECT__SOCKET                 there is no socket, as a rule for want of a free
 *                                                   descriptor
 *   IPC_ERROR_USOCK_CONNECT__CONNECT                nobody listens there, permission is missing, the
 *                                                   backlog stayed full, or the path is too long
 * Since: 1.0
 * See: ipc_add, ipc_connection, service_path
 * Example: as usock_init
 */
struct ipc_error usock_connect(int32_t *fd, const char *path);

/* usock_init - listen at a path
 *
 * Listens at `path`. The directory is made if it is missing, with mode 1750 less the umask(2). A stale
 * socket is replaced; a live service and any other file are left alone. IPC_SOCKET_MODE and
 * IPC_SOCKET_GROUP say who may connect (ENVIRONMENT in ipc(7)).
 *
 * fd    becomes the descriptor, which does not block
 * path  of the socket, at most 107 bytes
 *
 * Ownership: the descriptor is the caller's, and so is the file: usock_remove.
 * Errors:
 *   IPC_ERROR_USOCK_INIT__EMPTY_FILE_DESCRIPTOR  `fd` is NULL
 *   IPC_ERROR_USOCK_INIT__EMPTY_PATH             `path` is NULL or empty
 *   IPC_ERROR_USOCK_INIT__BIND                   a live service or another file has the path, it is too
 *                                                long, or the directory cannot be made
 *   IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR  there is no socket, as a rule for want of a free
 *                                                descriptor
 *   IPC_ERROR_USOCK_INIT__SOCKET_MODE            IPC_SOCKET_MODE or IPC_SOCKET_GROUP is invalid, or
 *                                                the system refuses it
 *   IPC_ERROR_USOCK_INIT__LISTEN                 listen(2) has failed
 * Since: 1.0
 * See: ipc_server_init, usock_accept, usock_remove
 * Example, which prints "10 bytes came":
 *     int main(void) {
 *         char path[PATH_MAX], *frame = NULL;
 *         size_t size = 0;
 *         int listener, near, far;
 *
 *         TEST_IPC_Q(service_path(path, "steps"), 1);
 *         TEST_IPC_Q(usock_init(&listener, path), 1);
 *         TEST_IPC_Q(usock_connect(&near, path), 1);
 *         TEST_IPC_Q(usock_accept(listener, &far), 1);
 *         TEST_IPC_Q(usock_send(near, "\2\0\0\0\4aABCD", 10, &size), 1);
 *         TEST_IPC_Q(usock_recv(far, &frame, &size), 1);
 *         printf("%d bytes came\n", (int)size);
 *         free(frame);
 *         TEST_IPC_Q(usock_close(near), 1);
 *         TEST_IPC_Q(usock_close(far), 1);
 *         TEST_IPC_Q(usock_close(listener), 1);
 *         TEST_IPC_Q(usock_remove(path), 1);
 *         return 0;
 *     }
 */
struct ipc_error usock_init(int32_t *fd, const char *path);

/* usock_accept - accept a client
 *
 * Accepts one connection. On a listener that the library made it waits until a client comes or a
 * signal handler has run. On another listener it waits as accept(2) does: not with O_NONBLOCK.
 *
 * fd   the listener
 * pfd  becomes the descriptor of the connection
 *
 * Ownership: the new descriptor is the caller's.
 * Errors:
 *   IPC_ERROR_USOCK_ACCEPT__PATH_FILE_DESCRIPTOR  `pfd` is NULL
 *   IPC_ERROR_USOCK_ACCEPT                        `fd` is no listener, a signal handler has run, the
 *                                                 call would have to wait, or no descriptor is free
 * Since: 1.0
 * See: ipc_accept_add, usock_init
 * Example: as usock_init
 */
struct ipc_error usock_accept(int32_t fd, int32_t *pfd);

/* usock_remove - remove the file of a socket
 *
 * Calls unlink(2).
 *
 * path  of the file
 *
 * Errors:
 *   IPC_ERROR_USOCK_REMOVE__NO_FILE   there is no such file, or `path` is NULL or empty
 *   IPC_ERROR_USOCK_REMOVE__UNLINK    it cannot be removed
 * Since: 1.0
 * See: usock_init
 * Example: as usock_init
 */
struct ipc_error usock_remove(const char *path);

#ifdef __cplusplus
}
#endif

#endif
