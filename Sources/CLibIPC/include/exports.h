/*
 * exports.h - the exports that return a struct ipc_error.
 *
 * Swift copies that 8 KiB structure word by word wherever it touches it by value. So each such function
 * exists twice: under its public name in exports.c, one line that reserves the result, and as NAME_into
 * in Swift, which fills it in place. The list below makes both, and so the C compiler checks it against
 * ipc.h, the Swift compiler against its implementations (@c @implementation).
 */
#ifndef LIBIPC_EXPORT
#define LIBIPC_EXPORT(name, arguments, ...) void name##_into(struct ipc_error *result, __VA_ARGS__);
#endif

/* clang-format off: one line each */
LIBIPC_EXPORT(ipc_ctx_init, (&result, ctx), struct ipc_ctx **ctx)
LIBIPC_EXPORT(ipc_ctx_new_alloc, (&result, ctx), struct ipc_ctx *ctx)
LIBIPC_EXPORT(ipc_server_init, (&result, ctx, sname), struct ipc_ctx *ctx, const char *sname)
LIBIPC_EXPORT(ipc_connection, (&result, ctx, sname, fd), struct ipc_ctx *ctx, const char *sname, int *fd)
LIBIPC_EXPORT(ipc_connection_switched, (&result, ctx, sname, clientfd, serverfd), struct ipc_ctx *ctx, const char *sname, int clientfd, int *serverfd)
LIBIPC_EXPORT(ipc_close, (&result, ctx, index), struct ipc_ctx *ctx, uint32_t index)
LIBIPC_EXPORT(ipc_close_all, (&result, ctx), struct ipc_ctx *ctx)
LIBIPC_EXPORT(ipc_accept_add, (&result, event, ctx, index), struct ipc_event *event, struct ipc_ctx *ctx, uint32_t index)
LIBIPC_EXPORT(ipc_ctx_queue_limit, (&result, ctx, bytes), struct ipc_ctx *ctx, size_t bytes)
LIBIPC_EXPORT(ipc_add, (&result, ctx, cinfo, pollfd), struct ipc_ctx *ctx, struct ipc_connection_info *cinfo, struct pollfd *pollfd)
LIBIPC_EXPORT(ipc_del, (&result, ctx, index), struct ipc_ctx *ctx, uint32_t index)
LIBIPC_EXPORT(ipc_add_fd, (&result, ctx, fd), struct ipc_ctx *ctx, int fd)
LIBIPC_EXPORT(ipc_add_fd_switched, (&result, ctx, fd), struct ipc_ctx *ctx, int fd)
LIBIPC_EXPORT(ipc_del_fd, (&result, ctx, fd), struct ipc_ctx *ctx, int fd)
LIBIPC_EXPORT(ipc_wait_event, (&result, ctx, event, timer), struct ipc_ctx *ctx, struct ipc_event *event, int *timer)
LIBIPC_EXPORT(ipc_read, (&result, ctx, index, m), const struct ipc_ctx *ctx, uint32_t index, struct ipc_message *m)
LIBIPC_EXPORT(ipc_read_fd, (&result, fd, m), int32_t fd, struct ipc_message *m)
LIBIPC_EXPORT(ipc_write, (&result, ctx, m), struct ipc_ctx *ctx, const struct ipc_message *m)
LIBIPC_EXPORT(ipc_write_fd, (&result, fd, m), int fd, const struct ipc_message *m)
LIBIPC_EXPORT(handle_writing_message, (&result, event, ctx, index), struct ipc_event *event, struct ipc_ctx *ctx, uint32_t index)
LIBIPC_EXPORT(fd_switching_read, (&result, event, ctx, index), struct ipc_event *event, struct ipc_ctx *ctx, int index)
LIBIPC_EXPORT(fd_switching_write, (&result, event, ctx, index), struct ipc_event *event, struct ipc_ctx *ctx, int index)
LIBIPC_EXPORT(ipc_message_format_read, (&result, m, buf, msize), struct ipc_message *m, const char *buf, size_t msize)
LIBIPC_EXPORT(ipc_message_format_write, (&result, m, buf, msize), const struct ipc_message *m, char **buf, size_t *msize)
LIBIPC_EXPORT(ipc_message_format, (&result, m, type, utype, payload, length), struct ipc_message *m, char type, char utype, const char *payload, size_t length)
LIBIPC_EXPORT(ipc_message_format_data, (&result, m, utype, payload, length), struct ipc_message *m, char utype, const char *payload, size_t length)
LIBIPC_EXPORT(ipc_message_format_server_close, (&result, m), struct ipc_message *m)
LIBIPC_EXPORT(ipc_message_empty, (&result, m), struct ipc_message *m)
LIBIPC_EXPORT(ipc_messages_add, (&result, messages, message), struct ipc_messages *messages, const struct ipc_message *message)
LIBIPC_EXPORT(ipc_messages_del, (&result, messages, index), struct ipc_messages *messages, uint32_t index)
LIBIPC_EXPORT(service_path, (&result, path, sname), char *path, const char *sname)
LIBIPC_EXPORT(ipc_contact_ipcd, (&result, pfd, sname), int *pfd, const char *sname)
LIBIPC_EXPORT(ipc_receive_fd, (&result, sock, fd), int sock, int *fd)
LIBIPC_EXPORT(ipc_provide_fd, (&result, sock, fd), int sock, int fd)
LIBIPC_EXPORT(usock_send, (&result, fd, buf, len, sent), const int32_t fd, const char *buf, size_t len, size_t *sent)
LIBIPC_EXPORT(usock_recv, (&result, fd, buf, len), int32_t fd, char **buf, size_t *len)
LIBIPC_EXPORT(usock_close, (&result, fd), int32_t fd)
LIBIPC_EXPORT(usock_connect, (&result, fd, path), int32_t *fd, const char *path)
LIBIPC_EXPORT(usock_init, (&result, fd, path), int32_t *fd, const char *path)
LIBIPC_EXPORT(usock_accept, (&result, fd, pfd), int32_t fd, int32_t *pfd)
LIBIPC_EXPORT(usock_remove, (&result, path), const char *path)
LIBIPC_EXPORT(mkdir_p_, (&result, path), const char *path)
LIBIPC_EXPORT(directory_setup_, (&result, path), const char *path)

#undef LIBIPC_EXPORT
