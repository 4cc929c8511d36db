/*
 * frozen.h - what programs have been linked with: each function with its version and prototype, and the number of each error code.
 *
 * Frozen: an addition does not touch this file. A release appends what it brings, under a version of its own; nothing above is ever
 * changed or removed. headers.sh, library.sh and layout.c hold the headers and the library against it. The headers come before it.
 */
#ifdef __cplusplus
extern "C" {
#endif
/* LIBIPC_1.0 */
struct ipc_error ipc_ctx_init(struct ipc_ctx **ctx);
struct ipc_error ipc_ctx_new_alloc(struct ipc_ctx *ctx);
void ipc_ctx_free(struct ipc_ctx *ctx);
void ipc_ctx_print(struct ipc_ctx *ctx);
struct ipc_error ipc_server_init(struct ipc_ctx *ctx, const char *sname);
struct ipc_error ipc_connection(struct ipc_ctx *ctx, const char *sname, int *fd);
struct ipc_error ipc_connection_switched(struct ipc_ctx *ctx, const char *sname, int clientfd, int *serverfd);
struct ipc_error ipc_close(struct ipc_ctx *ctx, uint32_t index);
struct ipc_error ipc_close_all(struct ipc_ctx *ctx);
struct ipc_error ipc_accept_add(struct ipc_event *event, struct ipc_ctx *ctx, uint32_t index);
struct ipc_error ipc_add(struct ipc_ctx *ctx, struct ipc_connection_info *cinfo, struct pollfd *pollfd);
struct ipc_error ipc_del(struct ipc_ctx *ctx, uint32_t index);
struct ipc_error ipc_add_fd(struct ipc_ctx *ctx, int fd);
struct ipc_error ipc_add_fd_switched(struct ipc_ctx *ctx, int fd);
struct ipc_error ipc_del_fd(struct ipc_ctx *ctx, int fd);
int ipc_ctx_fd_type(struct ipc_ctx *ctx, int fd, enum ipc_connection_type type);
struct ipc_error ipc_wait_event(struct ipc_ctx *ctx, struct ipc_event *event, int *timer);
struct ipc_error ipc_read(const struct ipc_ctx *ctx, uint32_t index, struct ipc_message *m);
struct ipc_error ipc_read_fd(int32_t fd, struct ipc_message *m);
struct ipc_error ipc_write(struct ipc_ctx *ctx, const struct ipc_message *m);
struct ipc_error ipc_write_fd(int fd, const struct ipc_message *m);
struct ipc_error handle_writing_message(struct ipc_event *event, struct ipc_ctx *ctx, uint32_t index);
struct ipc_error fd_switching_read(struct ipc_event *event, struct ipc_ctx *ctx, int index);
struct ipc_error fd_switching_write(struct ipc_event *event, struct ipc_ctx *ctx, int index);
uint32_t ipc_message_raw_serialize(char *buffer, char type, char user_type, char *message, uint32_t message_size);
struct ipc_error ipc_message_format_read(struct ipc_message *m, const char *buf, size_t msize);
struct ipc_error ipc_message_format_write(const struct ipc_message *m, char **buf, size_t *msize);
struct ipc_error ipc_message_format(struct ipc_message *m, char type, char utype, const char *payload, size_t length);
struct ipc_error ipc_message_format_data(struct ipc_message *m, char utype, const char *payload, size_t length);
struct ipc_error ipc_message_format_server_close(struct ipc_message *m);
struct ipc_error ipc_message_empty(struct ipc_message *m);
void ipc_message_copy(struct ipc_message *m, uint32_t fd, uint8_t type, uint8_t utype, char *payload, uint32_t paylen);
struct ipc_error ipc_messages_add(struct ipc_messages *messages, const struct ipc_message *message);
struct ipc_error ipc_messages_del(struct ipc_messages *messages, uint32_t index);
void ipc_messages_free(struct ipc_messages *messages);
void ipc_ctx_switching_add(struct ipc_ctx *ctx, int orig, int dest);
int ipc_ctx_switching_del(struct ipc_ctx *ctx, int fd);
void ipc_switching_add(struct ipc_switchings *is, int orig, int dest);
int ipc_switching_del(struct ipc_switchings *is, int fd);
int ipc_switching_get(struct ipc_switchings *is, int fd);
void ipc_switching_free(struct ipc_switchings *is);
void ipc_switching_print(struct ipc_switchings *is);
void ipc_switching_callbacks(struct ipc_ctx *ctx, int fd, enum ipccb (*cb_in)(int fd, struct ipc_message *m, short int *more_to_read), enum ipccb (*cb_out)(int fd, struct ipc_message *m));
void ipc_switching_callbacks_(struct ipc_ctx *ctx, int fd, enum ipccb (*cb_in)(int fd, struct ipc_message *m, short int *more_to_read));
struct ipc_error service_path(char *path, const char *sname);
struct ipc_error ipc_contact_ipcd(int *pfd, const char *sname);
struct ipc_error ipc_receive_fd(int sock, int *fd);
struct ipc_error ipc_provide_fd(int sock, int fd);
const char *ipc_errors_get(enum ipc_error_code e);
struct ipc_error usock_send(const int32_t fd, const char *buf, size_t len, size_t *sent);
struct ipc_error usock_recv(int32_t fd, char **buf, size_t *len);
struct ipc_error usock_close(int32_t fd);
struct ipc_error usock_connect(int32_t *fd, const char *path);
struct ipc_error usock_init(int32_t *fd, const char *path);
struct ipc_error usock_accept(int32_t fd, int32_t *pfd);
struct ipc_error usock_remove(const char *path);
void ipc_message_print(const struct ipc_message *m);
void error_message_format(char *formatted_message, const char *tag, const char *message, ...);
void print_hexa(const char *prefix, uint8_t *payload, size_t size);
int exists_(const char *path, struct stat *status);
int is_directory_(struct stat *status);
int is_writable_(struct stat *status);
int dirname_(const char *path, char *dname);
struct ipc_error mkdir_p_(const char *path);
struct ipc_error directory_setup_(const char *path);
struct ipc_error ipc_ctx_queue_limit(struct ipc_ctx *ctx, size_t bytes);
/* LIBIPC_1.1 */
struct ipc_error ipc_ctx_status(struct ipc_ctx *ctx, size_t *connections, size_t *messages);
struct ipc_error ipc_ctx_entry(struct ipc_ctx *ctx, int fd, struct ipc_entry *entry);
struct ipc_error ipc_ctx_entries(struct ipc_ctx *ctx, struct ipc_entry **entries, size_t *count);
struct ipc_error ipc_close_fd(struct ipc_ctx *ctx, int fd);
struct ipc_error ipc_ctx_release(struct ipc_ctx *ctx);
#ifdef __cplusplus
}
#endif

#define FROZEN_CODES \
	CODE(0, NONE) CODE(3, HANDLE_MESSAGE__NOT_ENOUGH_MEMORY) CODE(4, CLOSED_RECIPIENT) CODE(5, SERVICE_PATH__NO_PATH) \
	CODE(6, SERVICE_PATH__NO_SERVICE_NAME) CODE(7, SERVER_INIT__NO_ENVIRONMENT_PARAM) CODE(8, SERVER_INIT__NO_SERVICE_PARAM) \
	CODE(9, SERVER_INIT__NO_SERVER_NAME_PARAM) CODE(10, SERVER_INIT__MALLOC) CODE(11, WRITE__NO_MESSAGE_PARAM) \
	CODE(12, WRITE_FD__NOT_ENOUGH_DATA) CODE(13, READ__NO_MESSAGE_PARAM) CODE(15, CONNECTION__NO_SERVICE_NAME) \
	CODE(16, CONNECTION__NO_ENVIRONMENT_PARAM) CODE(18, ACCEPT__NO_SERVICE_PARAM) CODE(19, ACCEPT__NO_CLIENT_PARAM) \
	CODE(20, HANDLE_NEW_CONNECTION__NO_CINFO_PARAM) CODE(21, HANDLE_NEW_CONNECTION__NO_CINFOS_PARAM) CODE(22, WAIT_EVENT__SELECT) \
	CODE(23, WAIT_EVENT__NO_CLIENTS_PARAM) CODE(24, WAIT_EVENT__NO_EVENT_PARAM) CODE(25, HANDLE_NEW_CONNECTION__MALLOC) \
	CODE(26, ADD__EMPTY_LIST) CODE(27, ADD__NO_PARAM_CLIENTS) CODE(28, ADD__NO_PARAM_CLIENT) CODE(29, ADD__MALLOC) \
	CODE(30, ADD_FD__NO_PARAM_CINFOS) CODE(31, ADD_FD__NOT_ENOUGH_MEMORY) CODE(32, DEL_FD__NO_PARAM_CINFOS) \
	CODE(33, DEL_FD__EMPTIED_LIST) CODE(34, DEL_FD__EMPTY_LIST) CODE(35, DEL_FD__CANNOT_FIND_CLIENT) \
	CODE(36, CONTACT_IPCD__NO_SERVICE_NAME_PARAM) CODE(37, CONTACT_IPCD__NO_SERVER_PARAM) CODE(38, DEL__EMPTY_LIST) \
	CODE(39, DEL__EMPTIED_LIST) CODE(40, DEL__CANNOT_FIND_CLIENT) CODE(41, DEL__NO_CLIENTS_PARAM) CODE(42, DEL__NO_CLIENT_PARAM) \
	CODE(43, USOCK_SEND) CODE(44, USOCK_CONNECT__SOCKET) CODE(45, USOCK_CONNECT__WRONG_FILE_DESCRIPTOR) \
	CODE(46, USOCK_CONNECT__EMPTY_PATH) CODE(47, USOCK_CONNECT__CONNECT) CODE(48, USOCK_CLOSE) CODE(49, USOCK_REMOVE__UNLINK) \
	CODE(50, USOCK_REMOVE__NO_FILE) CODE(51, USOCK_INIT__EMPTY_FILE_DESCRIPTOR) CODE(52, USOCK_INIT__WRONG_FILE_DESCRIPTOR) \
	CODE(53, USOCK_INIT__EMPTY_PATH) CODE(54, USOCK_INIT__BIND) CODE(55, USOCK_INIT__LISTEN) \
	CODE(56, USOCK_ACCEPT__PATH_FILE_DESCRIPTOR) CODE(57, USOCK_ACCEPT) CODE(58, USOCK_RECV__NO_BUFFER) \
	CODE(59, USOCK_RECV__NO_LENGTH) CODE(60, USOCK_RECV) CODE(61, USOCK_RECV__UNRECOGNIZED_ERROR) \
	CODE(62, USOCK_RECV__HEAP_ALLOCATION) CODE(63, USOCK_RECV__MESSAGE_SIZE) CODE(64, RECEIVE_FD__NO_PARAM_FD) \
	CODE(65, RECEIVE_FD__RECVMSG) CODE(66, PROVIDE_FD__SENDMSG) CODE(67, MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH) \
	CODE(68, MESSAGE_FORMAT__MESSAGE_SIZE) CODE(69, MESSAGE_FORMAT__NO_MESSAGE_PARAM) CODE(70, MESSAGE_FORMAT__INCONSISTENT_PARAMS) \
	CODE(71, MESSAGE_FORMAT__HEAP_ALLOCATION) CODE(72, MESSAGE_FORMAT_WRITE__EMPTY_MESSAGE) \
	CODE(73, MESSAGE_FORMAT_WRITE__EMPTY_MSIZE) CODE(74, MESSAGE_FORMAT_WRITE__EMPTY_BUFFER) \
	CODE(75, MESSAGE_FORMAT_READ__EMPTY_MESSAGE) CODE(76, MESSAGE_FORMAT_READ__EMPTY_BUFFER) \
	CODE(77, MESSAGE_FORMAT_READ__PARAM_MESSAGE_SIZE) CODE(78, MESSAGE_FORMAT_READ__READ_MESSAGE_SIZE) \
	CODE(79, MESSAGE_FORMAT_READ__MESSAGE_TOO_LONG) CODE(80, MESSAGE_EMPTY__EMPTY_MESSAGE_LIST) CODE(81, MKDIR__CANNOT_CREATE_DIR) \
	CODE(82, MKDIR__NAME_TOO_LONG) CODE(83, DIR_SETUP__NOT_A_DIRECTORY) CODE(84, DIR_SETUP__DIRECTORY_NOT_WRITABLE) \
	CODE(85, DIRECTORY_SETUP__PATH_PARAM) CODE(86, SERVER_INIT__NOT_ENOUGH_MEMORY) CODE(87, CONNECTION__NOT_ENOUGH_MEMORY) \
	CODE(88, CTX_INIT__NO_CONTEXT_PARAM) CODE(89, CTX_INIT__CONTEXT_ALREADY_INIT) CODE(90, ADD__MALLOC_POLLFD) \
	CODE(91, ADD_MESSAGE_TO_SEND__EMPTY_LIST) CODE(92, ADD_MESSAGE_TO_SEND__MALLOC) CODE(93, ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGE) \
	CODE(94, ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGES) CODE(95, CONNECTION__NO_CTX) CODE(96, CTX_INIT__MALLOC_CTX) \
	CODE(97, CTX_INIT__MALLOC_POLLFD) CODE(98, CONTACT_IPCD__NO_FD_PARAM) CODE(99, HANDLE_NEW_CONNECTION__INCONSISTENT_INDEX) \
	CODE(100, DEL_MESSAGE_TO_SEND__NO_PARAM_MESSAGES) CODE(101, MESSAGE_DEL__INDEX_ERROR) CODE(102, MESSAGE_DEL__EMPTY_LIST) \
	CODE(103, ADD__NO_PARAM_POLLFD) CODE(104, WRITE__FD_NOT_FOUND) CODE(105, ADD__NOT_ENOUGH_MEMORY) CODE(106, WAIT_EVENT__POLL) \
	CODE(107, FD_SWITCHING__NO_FD_RECORD) CODE(108, CLOSE_ALL__NO_CTX_PARAM) CODE(109, CLOSE__NO_CTX_PARAM) \
	CODE(110, WRITE__QUEUE_FULL) CODE(111, SERVICE_PATH__INVALID_NAME) CODE(112, CTX_QUEUE_LIMIT__NO_CTX_PARAM) CODE(113, POLLER) \
	CODE(114, WAIT_EVENT__CONTEXT_FREED) CODE(115, CTX_ENTRY__NO_PARAM) CODE(116, CTX_ENTRY__FD_NOT_FOUND) \
	CODE(117, USOCK_INIT__SOCKET_MODE) CODE(118, CONTEXT__CALLED_IN_HANDLER)
