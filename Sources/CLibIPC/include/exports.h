/*
 * exports.h - the exports that return a struct ipc_error, and the error for each argument that is refused.
 *
 * Swift copies that 8 KiB structure word by word wherever it touches it by value. So each such function
 * exists twice: under its public name in exports.c, which reserves the result and refuses such arguments, and as
 * NAME_into in Swift, which does the work and fills the result in when it fails; some share one of these. The lists below make
 * both, and so the C compiler checks them against ipc.h, the Swift compiler against its implementations (@c @implementation).
 */
/* LIBIPC_EXPORT: implemented by NAME_into; LIBIPC_SHARED: by another, which is called as it says. */
#ifndef LIBIPC_EXPORT
#define LIBIPC_EXPORT(name, arguments, needed, ...) void name##_into(struct ipc_error *result, __VA_ARGS__);
#define LIBIPC_SHARED(name, call, needed, ...)
#pragma clang assume_nonnull begin
/* `spath`: malloc'ed, and the context's when this succeeds. */
void libipc_add(struct ipc_error *result, struct ipc_ctx *ctx, int fd, enum ipc_connection_type type, char *_Nullable spath);
/* Connects; with a `client`, which may be negative otherwise, the two become a switched pair. */
void libipc_connect_service(struct ipc_error *result, struct ipc_ctx *ctx, const char *sname, int *_Nullable fd, int is_switched,
	int client);
/* One step of the loop by hand. */
enum libipc_step { LIBIPC_STEP_WRITE, LIBIPC_STEP_SWITCH_READ, LIBIPC_STEP_SWITCH_WRITE, LIBIPC_STEP_ACCEPT };
void libipc_step_by_hand(struct ipc_error *result, struct ipc_event *event, struct ipc_ctx *ctx, uint32_t index, enum libipc_step step);
#pragma clang assume_nonnull end
#endif

/* clang-format off. In the order of the public headers, which Tests/exports.sh checks. Pointers are not NULL unless it says so. */
#pragma clang assume_nonnull begin
/* ipc.h */
LIBIPC_EXPORT(ipc_ctx_init, (&result, ctx),
	NEED(ctx, IPC_ERROR_CTX_INIT__NO_CONTEXT_PARAM)
	REFUSE_IF(*ctx != NULL, IPC_ERROR_CTX_INIT__CONTEXT_ALREADY_INIT, "there is a context already"),
	struct ipc_ctx *_Nullable *_Nonnull ctx)
LIBIPC_EXPORT(ipc_ctx_new_alloc, (&result, ctx), NEED(ctx, IPC_ERROR_ADD__NO_PARAM_CLIENTS), struct ipc_ctx *ctx)
LIBIPC_EXPORT(ipc_server_init, (&result, ctx, sname),
	NEED(ctx, IPC_ERROR_SERVER_INIT__NO_SERVICE_PARAM) NEED(sname, IPC_ERROR_SERVER_INIT__NO_SERVER_NAME_PARAM),
	struct ipc_ctx *ctx, const char *sname)
LIBIPC_SHARED(ipc_connection, libipc_connect_service(&result, ctx, sname, fd, 0, -1),
	NEED(ctx, IPC_ERROR_CONNECTION__NO_CTX) NEED(sname, IPC_ERROR_CONNECTION__NO_SERVICE_NAME),
	struct ipc_ctx *ctx, const char *sname, int *_Nullable fd)
LIBIPC_SHARED(ipc_connection_switched, libipc_connect_service(&result, ctx, sname, serverfd, 1, clientfd),
	NEED(ctx, IPC_ERROR_CONNECTION__NO_CTX) NEED(sname, IPC_ERROR_CONNECTION__NO_SERVICE_NAME),
	struct ipc_ctx *ctx, const char *sname, int clientfd, int *_Nullable serverfd)
LIBIPC_EXPORT(ipc_close, (&result, ctx, index), NEED(ctx, IPC_ERROR_CLOSE__NO_CTX_PARAM), struct ipc_ctx *ctx, uint32_t index)
LIBIPC_EXPORT(ipc_close_all, (&result, ctx), NEED(ctx, IPC_ERROR_CLOSE_ALL__NO_CTX_PARAM), struct ipc_ctx *ctx)
LIBIPC_SHARED(ipc_accept_add, libipc_step_by_hand(&result, event, ctx, index, LIBIPC_STEP_ACCEPT),
	NEED(event, IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM) NEED(ctx, IPC_ERROR_HANDLE_NEW_CONNECTION__NO_CINFOS_PARAM),
	struct ipc_event *event, struct ipc_ctx *ctx, uint32_t index)
LIBIPC_EXPORT(ipc_ctx_queue_limit, (&result, ctx, bytes),
	NEED(ctx, IPC_ERROR_CTX_QUEUE_LIMIT__NO_CTX_PARAM),
	struct ipc_ctx *ctx, size_t bytes)
LIBIPC_SHARED(ipc_add, libipc_add(&result, ctx, pollfd->fd, cinfo->type, cinfo->spath),
	NEED(ctx, IPC_ERROR_ADD__NO_PARAM_CLIENTS) NEED(cinfo, IPC_ERROR_ADD__NO_PARAM_CLIENT) NEED(pollfd, IPC_ERROR_ADD__NO_PARAM_POLLFD),
	struct ipc_ctx *ctx, struct ipc_connection_info *cinfo, struct pollfd *pollfd)
LIBIPC_EXPORT(ipc_del, (&result, ctx, index), NEED(ctx, IPC_ERROR_DEL__NO_CLIENTS_PARAM), struct ipc_ctx *ctx, uint32_t index)
LIBIPC_SHARED(ipc_add_fd, libipc_add(&result, ctx, fd, IPC_CONNECTION_TYPE_EXTERNAL, NULL),
	NEED(ctx, IPC_ERROR_ADD_FD__NO_PARAM_CINFOS),
	struct ipc_ctx *ctx, int fd)
LIBIPC_SHARED(ipc_add_fd_switched, libipc_add(&result, ctx, fd, IPC_CONNECTION_TYPE_SWITCHED, NULL),
	NEED(ctx, IPC_ERROR_ADD_FD__NO_PARAM_CINFOS),
	struct ipc_ctx *ctx, int fd)
LIBIPC_EXPORT(ipc_del_fd, (&result, ctx, fd), NEED(ctx, IPC_ERROR_DEL_FD__NO_PARAM_CINFOS), struct ipc_ctx *ctx, int fd)
LIBIPC_EXPORT(ipc_wait_event, (&result, ctx, event, timer),
	NEED(ctx, IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM) NEED(event, IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM),
	struct ipc_ctx *ctx, struct ipc_event *event, int *_Nullable timer)
LIBIPC_EXPORT(ipc_read, (&result, ctx, index, m),
	NEED(m, IPC_ERROR_READ__NO_MESSAGE_PARAM) NEED(ctx, IPC_ERROR_READ__NO_MESSAGE_PARAM),
	const struct ipc_ctx *ctx, uint32_t index, struct ipc_message *m)
LIBIPC_EXPORT(ipc_read_fd, (&result, fd, m), NEED(m, IPC_ERROR_READ__NO_MESSAGE_PARAM), int32_t fd, struct ipc_message *m)
LIBIPC_EXPORT(ipc_write, (&result, ctx, m),
	NEED(m, IPC_ERROR_WRITE__NO_MESSAGE_PARAM) WHOLE(m) NEED(ctx, IPC_ERROR_WRITE__FD_NOT_FOUND),
	struct ipc_ctx *ctx, const struct ipc_message *m)
LIBIPC_EXPORT(ipc_write_fd, (&result, fd, m), NEED(m, IPC_ERROR_WRITE__NO_MESSAGE_PARAM) WHOLE(m), int fd, const struct ipc_message *m)
LIBIPC_SHARED(handle_writing_message, libipc_step_by_hand(&result, event, ctx, index, LIBIPC_STEP_WRITE),
	NEED(event, IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM) NEED(ctx, IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM),
	struct ipc_event *event, struct ipc_ctx *ctx, uint32_t index)
LIBIPC_SHARED(fd_switching_read, libipc_step_by_hand(&result, event, ctx, (uint32_t)index, LIBIPC_STEP_SWITCH_READ),
	NEED(event, IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM) NEED(ctx, IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM),
	struct ipc_event *event, struct ipc_ctx *ctx, int index)
LIBIPC_SHARED(fd_switching_write, libipc_step_by_hand(&result, event, ctx, (uint32_t)index, LIBIPC_STEP_SWITCH_WRITE),
	NEED(event, IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM) NEED(ctx, IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM),
	struct ipc_event *event, struct ipc_ctx *ctx, int index)
LIBIPC_EXPORT(ipc_ctx_status, (&result, ctx, connections, messages),
	NEED(ctx, IPC_ERROR_CTX_ENTRY__NO_PARAM),
	struct ipc_ctx *ctx, size_t *_Nullable connections, size_t *_Nullable messages)
LIBIPC_EXPORT(ipc_ctx_entry, (&result, ctx, fd, entry),
	NEED(ctx, IPC_ERROR_CTX_ENTRY__NO_PARAM) NEED(entry, IPC_ERROR_CTX_ENTRY__NO_PARAM),
	struct ipc_ctx *ctx, int fd, struct ipc_entry *entry)
LIBIPC_EXPORT(ipc_ctx_entries, (&result, ctx, entries, count),
	NEED(ctx, IPC_ERROR_CTX_ENTRY__NO_PARAM) NEED(entries, IPC_ERROR_CTX_ENTRY__NO_PARAM) NEED(count, IPC_ERROR_CTX_ENTRY__NO_PARAM),
	struct ipc_ctx *ctx, struct ipc_entry *_Nullable *_Nonnull entries, size_t *count)
LIBIPC_EXPORT(ipc_close_fd, (&result, ctx, fd), NEED(ctx, IPC_ERROR_CLOSE__NO_CTX_PARAM), struct ipc_ctx *ctx, int fd)
LIBIPC_EXPORT(ipc_ctx_release, (&result, ctx), NEED(ctx, IPC_ERROR_CTX_ENTRY__NO_PARAM), struct ipc_ctx *ctx)
LIBIPC_EXPORT(ipc_message_format_read, (&result, m, buf, msize),
	NEED(m, IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_MESSAGE)
	NEED(buf, IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_BUFFER)
	REFUSE_IF(msize > IPC_HEADER_SIZE + IPC_MAX_MESSAGE_SIZE, IPC_ERROR_MESSAGE_FORMAT_READ__PARAM_MESSAGE_SIZE,
		"too many bytes for a frame")
	REFUSE_IF(msize < IPC_HEADER_SIZE, IPC_ERROR_MESSAGE_FORMAT_READ__READ_MESSAGE_SIZE, "too few bytes for a frame"),
	struct ipc_message *m, const char *buf, size_t msize)
LIBIPC_EXPORT(ipc_message_format_write, (&result, m, buf, msize),
	NEED(m, IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MESSAGE)
	NEED(msize, IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MSIZE)
	NEED(buf, IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_BUFFER)
	WHOLE(m),
	const struct ipc_message *m, char *_Nullable *_Nonnull buf, size_t *msize)
LIBIPC_EXPORT(ipc_message_format, (&result, m, type, utype, payload, length),
	NEED(m, IPC_ERROR_MESSAGE_FORMAT__NO_MESSAGE_PARAM) FITTING(payload, length),
	struct ipc_message *m, char type, char utype, const char *_Nullable payload, size_t length)
LIBIPC_SHARED(ipc_message_format_data, ipc_message_format_into(&result, m, MSG_TYPE_DATA, utype, payload, length),
	NEED(m, IPC_ERROR_MESSAGE_FORMAT__NO_MESSAGE_PARAM) FITTING(payload, length),
	struct ipc_message *m, char utype, const char *_Nullable payload, size_t length)
LIBIPC_SHARED(ipc_message_format_server_close, ipc_message_format_into(&result, m, MSG_TYPE_SERVER_CLOSE, 0, NULL, 0),
	NEED(m, IPC_ERROR_MESSAGE_FORMAT__NO_MESSAGE_PARAM),
	struct ipc_message *m)
LIBIPC_EXPORT(ipc_message_empty, (&result, m), NEED(m, IPC_ERROR_MESSAGE_EMPTY__EMPTY_MESSAGE_LIST), struct ipc_message *m)
LIBIPC_EXPORT(ipc_messages_add, (&result, messages, message),
	NEED(messages, IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGES) NEED(message, IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGE),
	struct ipc_messages *messages, const struct ipc_message *message)
LIBIPC_EXPORT(ipc_messages_del, (&result, messages, index),
	NEED(messages, IPC_ERROR_DEL_MESSAGE_TO_SEND__NO_PARAM_MESSAGES)
	REFUSE_IF(messages->size == 0 || messages->messages == NULL, IPC_ERROR_MESSAGE_DEL__EMPTY_LIST, "the list is empty")
	REFUSE_IF(index >= messages->size, IPC_ERROR_MESSAGE_DEL__INDEX_ERROR, "the list has no such message"),
	struct ipc_messages *messages, uint32_t index)
LIBIPC_EXPORT(service_path, (&result, path, sname),
	NEED(path, IPC_ERROR_SERVICE_PATH__NO_PATH) NEED(sname, IPC_ERROR_SERVICE_PATH__NO_SERVICE_NAME),
	char *path, const char *sname)
LIBIPC_EXPORT(ipc_contact_ipcd, (&result, pfd, sname),
	NEED(pfd, IPC_ERROR_CONTACT_IPCD__NO_FD_PARAM) (*pfd = 0); NEED(sname, IPC_ERROR_CONTACT_IPCD__NO_SERVICE_NAME_PARAM),
	int *pfd, const char *sname)
LIBIPC_EXPORT(ipc_receive_fd, (&result, sock, fd), NEED(fd, IPC_ERROR_RECEIVE_FD__NO_PARAM_FD), int sock, int *fd)
LIBIPC_EXPORT(ipc_provide_fd, (&result, sock, fd), , int sock, int fd)

/* usocket.h */
LIBIPC_EXPORT(usock_send, (&result, fd, buf, len, sent),
	NEED(buf, IPC_ERROR_USOCK_SEND),
	const int32_t fd, const char *buf, size_t len, size_t *_Nullable sent)
LIBIPC_EXPORT(usock_recv, (&result, fd, buf, len),
	NEED(buf, IPC_ERROR_USOCK_RECV__NO_BUFFER) NEED(len, IPC_ERROR_USOCK_RECV__NO_LENGTH),
	int32_t fd, char *_Nullable *_Nonnull buf, size_t *len)
LIBIPC_EXPORT(usock_close, (&result, fd), , int32_t fd)
LIBIPC_EXPORT(usock_connect, (&result, fd, path),
	NEED(fd, IPC_ERROR_USOCK_CONNECT__WRONG_FILE_DESCRIPTOR) NEED_TEXT(path, IPC_ERROR_USOCK_CONNECT__EMPTY_PATH),
	int32_t *fd, const char *path)
LIBIPC_EXPORT(usock_init, (&result, fd, path),
	NEED(fd, IPC_ERROR_USOCK_INIT__EMPTY_FILE_DESCRIPTOR) NEED_TEXT(path, IPC_ERROR_USOCK_INIT__EMPTY_PATH),
	int32_t *fd, const char *path)
LIBIPC_EXPORT(usock_accept, (&result, fd, pfd), NEED(pfd, IPC_ERROR_USOCK_ACCEPT__PATH_FILE_DESCRIPTOR), int32_t fd, int32_t *pfd)
LIBIPC_EXPORT(usock_remove, (&result, path), NEED_TEXT(path, IPC_ERROR_USOCK_REMOVE__NO_FILE), const char *path)

/* fs.h */
LIBIPC_EXPORT(mkdir_p_, (&result, path), NEED_TEXT(path, IPC_ERROR_MKDIR__CANNOT_CREATE_DIR), const char *path)
LIBIPC_EXPORT(directory_setup_, (&result, path), NEED_TEXT(path, IPC_ERROR_DIRECTORY_SETUP__PATH_PARAM), const char *path)
#pragma clang assume_nonnull end

#undef LIBIPC_EXPORT
#undef LIBIPC_SHARED
