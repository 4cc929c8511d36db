/*
 * recorded.c - the binary interface of the last release, for abidiff: `sh Tests/ABI/abi.sh --record include` makes it from the headers.
 * Additions need no new record until they are released; nothing that is here is ever changed or removed.
 */
enum msg_types {
 MSG_TYPE_SERVER_CLOSE = 0,
 MSG_TYPE_ERR = 1,
 MSG_TYPE_DATA = 2,
 MSG_TYPE_NETWORK_LOOKUP = 3
};
enum ipc_event_type {
 IPC_EVENT_TYPE_NOT_SET = 0,
 IPC_EVENT_TYPE_ERROR = 1,
 IPC_EVENT_TYPE_EXTRA_SOCKET = 2,
 IPC_EVENT_TYPE_SWITCH = 3,
 IPC_EVENT_TYPE_CONNECTION = 4,
 IPC_EVENT_TYPE_DISCONNECTION = 5,
 IPC_EVENT_TYPE_MESSAGE = 6,
 IPC_EVENT_TYPE_LOOKUP = 7,
 IPC_EVENT_TYPE_TIMER = 8,
 IPC_EVENT_TYPE_TX = 9,
 IPC_EVENT_TYPE_WAKE = 10
};
enum ipccb {
 IPC_CB_NO_ERROR = 0,
 IPC_CB_FD_CLOSING = 1,
 IPC_CB_FD_ERROR = 2,
 IPC_CB_PARSING_ERROR = 3,
 IPC_CB_IGNORE = 4
};
enum ipc_connection_type {
 IPC_CONNECTION_TYPE_IPC = 0,
 IPC_CONNECTION_TYPE_EXTERNAL = 1,
 IPC_CONNECTION_TYPE_SERVER = 2,
 IPC_CONNECTION_TYPE_SWITCHED = 3
};
enum ipc_error_code {
 IPC_ERROR_NONE = 0,
 IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY = 3,
 IPC_ERROR_CLOSED_RECIPIENT = 4,
 IPC_ERROR_SERVICE_PATH__NO_PATH = 5,
 IPC_ERROR_SERVICE_PATH__NO_SERVICE_NAME = 6,
 IPC_ERROR_SERVER_INIT__NO_ENVIRONMENT_PARAM = 7,
 IPC_ERROR_SERVER_INIT__NO_SERVICE_PARAM = 8,
 IPC_ERROR_SERVER_INIT__NO_SERVER_NAME_PARAM = 9,
 IPC_ERROR_SERVER_INIT__MALLOC = 10,
 IPC_ERROR_WRITE__NO_MESSAGE_PARAM = 11,
 IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA = 12,
 IPC_ERROR_READ__NO_MESSAGE_PARAM = 13,
 IPC_ERROR_CONNECTION__NO_SERVICE_NAME = 15,
 IPC_ERROR_CONNECTION__NO_ENVIRONMENT_PARAM = 16,
 IPC_ERROR_ACCEPT__NO_SERVICE_PARAM = 18,
 IPC_ERROR_ACCEPT__NO_CLIENT_PARAM = 19,
 IPC_ERROR_HANDLE_NEW_CONNECTION__NO_CINFO_PARAM = 20,
 IPC_ERROR_HANDLE_NEW_CONNECTION__NO_CINFOS_PARAM = 21,
 IPC_ERROR_WAIT_EVENT__SELECT = 22,
 IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM = 23,
 IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM = 24,
 IPC_ERROR_HANDLE_NEW_CONNECTION__MALLOC = 25,
 IPC_ERROR_ADD__EMPTY_LIST = 26,
 IPC_ERROR_ADD__NO_PARAM_CLIENTS = 27,
 IPC_ERROR_ADD__NO_PARAM_CLIENT = 28,
 IPC_ERROR_ADD__MALLOC = 29,
 IPC_ERROR_ADD_FD__NO_PARAM_CINFOS = 30,
 IPC_ERROR_ADD_FD__NOT_ENOUGH_MEMORY = 31,
 IPC_ERROR_DEL_FD__NO_PARAM_CINFOS = 32,
 IPC_ERROR_DEL_FD__EMPTIED_LIST = 33,
 IPC_ERROR_DEL_FD__EMPTY_LIST = 34,
 IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT = 35,
 IPC_ERROR_CONTACT_IPCD__NO_SERVICE_NAME_PARAM = 36,
 IPC_ERROR_CONTACT_IPCD__NO_SERVER_PARAM = 37,
 IPC_ERROR_DEL__EMPTY_LIST = 38,
 IPC_ERROR_DEL__EMPTIED_LIST = 39,
 IPC_ERROR_DEL__CANNOT_FIND_CLIENT = 40,
 IPC_ERROR_DEL__NO_CLIENTS_PARAM = 41,
 IPC_ERROR_DEL__NO_CLIENT_PARAM = 42,
 IPC_ERROR_USOCK_SEND = 43,
 IPC_ERROR_USOCK_CONNECT__SOCKET = 44,
 IPC_ERROR_USOCK_CONNECT__WRONG_FILE_DESCRIPTOR = 45,
 IPC_ERROR_USOCK_CONNECT__EMPTY_PATH = 46,
 IPC_ERROR_USOCK_CONNECT__CONNECT = 47,
 IPC_ERROR_USOCK_CLOSE = 48,
 IPC_ERROR_USOCK_REMOVE__UNLINK = 49,
 IPC_ERROR_USOCK_REMOVE__NO_FILE = 50,
 IPC_ERROR_USOCK_INIT__EMPTY_FILE_DESCRIPTOR = 51,
 IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR = 52,
 IPC_ERROR_USOCK_INIT__EMPTY_PATH = 53,
 IPC_ERROR_USOCK_INIT__BIND = 54,
 IPC_ERROR_USOCK_INIT__LISTEN = 55,
 IPC_ERROR_USOCK_ACCEPT__PATH_FILE_DESCRIPTOR = 56,
 IPC_ERROR_USOCK_ACCEPT = 57,
 IPC_ERROR_USOCK_RECV__NO_BUFFER = 58,
 IPC_ERROR_USOCK_RECV__NO_LENGTH = 59,
 IPC_ERROR_USOCK_RECV = 60,
 IPC_ERROR_USOCK_RECV__UNRECOGNIZED_ERROR = 61,
 IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION = 62,
 IPC_ERROR_USOCK_RECV__MESSAGE_SIZE = 63,
 IPC_ERROR_RECEIVE_FD__NO_PARAM_FD = 64,
 IPC_ERROR_RECEIVE_FD__RECVMSG = 65,
 IPC_ERROR_PROVIDE_FD__SENDMSG = 66,
 IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH = 67,
 IPC_ERROR_MESSAGE_FORMAT__MESSAGE_SIZE = 68,
 IPC_ERROR_MESSAGE_FORMAT__NO_MESSAGE_PARAM = 69,
 IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS = 70,
 IPC_ERROR_MESSAGE_FORMAT__HEAP_ALLOCATION = 71,
 IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MESSAGE = 72,
 IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MSIZE = 73,
 IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_BUFFER = 74,
 IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_MESSAGE = 75,
 IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_BUFFER = 76,
 IPC_ERROR_MESSAGE_FORMAT_READ__PARAM_MESSAGE_SIZE = 77,
 IPC_ERROR_MESSAGE_FORMAT_READ__READ_MESSAGE_SIZE = 78,
 IPC_ERROR_MESSAGE_FORMAT_READ__MESSAGE_TOO_LONG = 79,
 IPC_ERROR_MESSAGE_EMPTY__EMPTY_MESSAGE_LIST = 80,
 IPC_ERROR_MKDIR__CANNOT_CREATE_DIR = 81,
 IPC_ERROR_MKDIR__NAME_TOO_LONG = 82,
 IPC_ERROR_DIR_SETUP__NOT_A_DIRECTORY = 83,
 IPC_ERROR_DIR_SETUP__DIRECTORY_NOT_WRITABLE = 84,
 IPC_ERROR_DIRECTORY_SETUP__PATH_PARAM = 85,
 IPC_ERROR_SERVER_INIT__NOT_ENOUGH_MEMORY = 86,
 IPC_ERROR_CONNECTION__NOT_ENOUGH_MEMORY = 87,
 IPC_ERROR_CTX_INIT__NO_CONTEXT_PARAM = 88,
 IPC_ERROR_CTX_INIT__CONTEXT_ALREADY_INIT = 89,
 IPC_ERROR_ADD__MALLOC_POLLFD = 90,
 IPC_ERROR_ADD_MESSAGE_TO_SEND__EMPTY_LIST = 91,
 IPC_ERROR_ADD_MESSAGE_TO_SEND__MALLOC = 92,
 IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGE = 93,
 IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGES = 94,
 IPC_ERROR_CONNECTION__NO_CTX = 95,
 IPC_ERROR_CTX_INIT__MALLOC_CTX = 96,
 IPC_ERROR_CTX_INIT__MALLOC_POLLFD = 97,
 IPC_ERROR_CONTACT_IPCD__NO_FD_PARAM = 98,
 IPC_ERROR_HANDLE_NEW_CONNECTION__INCONSISTENT_INDEX = 99,
 IPC_ERROR_DEL_MESSAGE_TO_SEND__NO_PARAM_MESSAGES = 100,
 IPC_ERROR_MESSAGE_DEL__INDEX_ERROR = 101,
 IPC_ERROR_MESSAGE_DEL__EMPTY_LIST = 102,
 IPC_ERROR_ADD__NO_PARAM_POLLFD = 103,
 IPC_ERROR_WRITE__FD_NOT_FOUND = 104,
 IPC_ERROR_ADD__NOT_ENOUGH_MEMORY = 105,
 IPC_ERROR_WAIT_EVENT__POLL = 106,
 IPC_ERROR_FD_SWITCHING__NO_FD_RECORD = 107,
 IPC_ERROR_CLOSE_ALL__NO_CTX_PARAM = 108,
 IPC_ERROR_CLOSE__NO_CTX_PARAM = 109,
 IPC_ERROR_WRITE__QUEUE_FULL = 110,
 IPC_ERROR_SERVICE_PATH__INVALID_NAME = 111,
 IPC_ERROR_CTX_QUEUE_LIMIT__NO_CTX_PARAM = 112,
 IPC_ERROR_POLLER = 113,
 IPC_ERROR_WAIT_EVENT__CONTEXT_FREED = 114,
 IPC_ERROR_CTX_ENTRY__NO_PARAM = 115,
 IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND = 116,
 IPC_ERROR_USOCK_INIT__SOCKET_MODE = 117,
 IPC_ERROR_CONTEXT__CALLED_IN_HANDLER = 118,
 IPC_ERROR_CTX_FD__UNAVAILABLE = 119,
 IPC_ERROR_CTX_QUIET__EVENT_TYPE = 120,
 IPC_ERROR_WRITE_WITH_FD__DESCRIPTOR = 121,
 IPC_ERROR_PEER__UNKNOWN = 122,
 IPC_ERROR_WAKE__EMPTY_CONTEXT = 123,
 IPC_ERROR_CTX_ADD__NOT_LISTENING = 124,
 IPC_ERROR_FLUSH__UNSENT = 125,
 IPC_ERROR_CTX_LIMIT__VALUE = 126,
};
struct ipc_error {
 enum ipc_error_code error_code;
 char error_message[8192];
};
struct ipc_error usock_send(const int32_t fd, const char *buf, size_t len, size_t *sent) {}
struct ipc_error usock_recv(int32_t fd, char **buf, size_t *len) {}
struct ipc_error usock_close(int32_t fd) {}
struct ipc_error usock_connect(int32_t *fd, const char *path) {}
struct ipc_error usock_init(int32_t *fd, const char *path) {}
struct ipc_error usock_accept(int32_t fd, int32_t *pfd) {}
struct ipc_error usock_remove(const char *path) {}
struct ipc_connection_info {
 enum ipc_connection_type type;
 short int more_to_read;
 char *spath;
};
struct ipc_message {
 char type;
 char user_type;
 int fd;
 uint32_t length;
 char *payload;
};
struct ipc_messages {
 struct ipc_message *messages;
 size_t size;
};
struct ipc_switching {
 int orig;
 int dest;
 enum ipccb (*orig_in)(int origin_fd, struct ipc_message *m, short int *more_to_read);
 enum ipccb (*orig_out)(int origin_fd, struct ipc_message *m);
 enum ipccb (*dest_in)(int origin_fd, struct ipc_message *m, short int *more_to_read);
 enum ipccb (*dest_out)(int origin_fd, struct ipc_message *m);
};
struct ipc_switchings {
 struct ipc_switching *collection;
 size_t size;
};
struct ipc_ctx {
 struct ipc_connection_info *cinfos;
 struct pollfd *pollfd;
 size_t size;
 struct ipc_messages tx;
 struct ipc_switchings switchdb;
};
struct ipc_event {
 enum ipc_event_type type;
 uint32_t index;
 int origin;
 void *m;
};
struct ipc_error ipc_ctx_init(struct ipc_ctx **ctx) {}
struct ipc_error ipc_ctx_new_alloc(struct ipc_ctx *ctx) {}
void ipc_ctx_free(struct ipc_ctx *ctx) {}
void ipc_ctx_print(struct ipc_ctx *ctx) {}
struct ipc_error ipc_server_init(struct ipc_ctx *ctx, const char *sname) {}
struct ipc_error ipc_connection(struct ipc_ctx *ctx, const char *sname, int *fd) {}
struct ipc_error ipc_connection_switched(struct ipc_ctx *ctx, const char *sname, int clientfd, int *serverfd) {}
struct ipc_error ipc_close(struct ipc_ctx *ctx, uint32_t index) {}
struct ipc_error ipc_close_all(struct ipc_ctx *ctx) {}
struct ipc_error ipc_accept_add(struct ipc_event *event, struct ipc_ctx *ctx, uint32_t index) {}
struct ipc_error ipc_ctx_queue_limit(struct ipc_ctx *ctx, size_t bytes) {}
struct ipc_error ipc_add(struct ipc_ctx *ctx, struct ipc_connection_info *cinfo, struct pollfd *pollfd) {}
struct ipc_error ipc_del(struct ipc_ctx *ctx, uint32_t index) {}
struct ipc_error ipc_add_fd(struct ipc_ctx *ctx, int fd) {}
struct ipc_error ipc_add_fd_switched(struct ipc_ctx *ctx, int fd) {}
struct ipc_error ipc_del_fd(struct ipc_ctx *ctx, int fd) {}
int ipc_ctx_fd_type(struct ipc_ctx *ctx, int fd, enum ipc_connection_type type) {}
struct ipc_error ipc_wait_event(struct ipc_ctx *ctx, struct ipc_event *event, int *timer) {}
struct ipc_error ipc_read(const struct ipc_ctx *ctx, uint32_t index, struct ipc_message *m) {}
struct ipc_error ipc_read_fd(int32_t fd, struct ipc_message *m) {}
struct ipc_error ipc_write(struct ipc_ctx *ctx, const struct ipc_message *m) {}
struct ipc_error ipc_write_fd(int fd, const struct ipc_message *m) {}
struct ipc_error handle_writing_message(struct ipc_event *event, struct ipc_ctx *ctx, uint32_t index) {}
struct ipc_error fd_switching_read(struct ipc_event *event, struct ipc_ctx *ctx, int index) {}
struct ipc_error fd_switching_write(struct ipc_event *event, struct ipc_ctx *ctx, int index) {}
struct ipc_entry {
 int fd;
 enum ipc_connection_type type;
 uint32_t pending;
 char path[108];
};
struct ipc_error ipc_ctx_status(struct ipc_ctx *ctx, size_t *connections, size_t *messages) {}
struct ipc_error ipc_ctx_entry(struct ipc_ctx *ctx, int fd, struct ipc_entry *entry) {}
struct ipc_error ipc_ctx_entries(struct ipc_ctx *ctx, struct ipc_entry **entries, size_t *count) {}
struct ipc_error ipc_close_fd(struct ipc_ctx *ctx, int fd) {}
struct ipc_error ipc_ctx_release(struct ipc_ctx *ctx) {}
const char *ipc_last_error(void) {}
int ipc_ctx_fd(struct ipc_ctx *ctx) {}
enum ipc_error_code ipc_wait_events(struct ipc_ctx *ctx, struct ipc_event *events, size_t room, size_t *count, int *timer) {}
enum ipc_error_code ipc_ctx_quiet(struct ipc_ctx *ctx, uint32_t kinds) {}
enum ipc_error_code ipc_write_take(struct ipc_ctx *ctx, struct ipc_message *m) {}
enum ipc_error_code ipc_wake(struct ipc_ctx *ctx) {}
enum ipc_error_code ipc_write_with_fd(struct ipc_ctx *ctx, const struct ipc_message *m, int fd) {}
enum ipc_error_code ipc_ctx_accept_fds(struct ipc_ctx *ctx, int fd, int on) {}
int ipc_event_take_fd(struct ipc_event *event) {}
struct ipc_peer_info {
 uint32_t uid;
 uint32_t gid;
 int32_t pid;
 int pidfd;
};
enum ipc_error_code ipc_peer(struct ipc_ctx *ctx, int fd, struct ipc_peer_info *peer) {}
enum ipc_error_code ipc_ctx_add(struct ipc_ctx *ctx, const char *sname, int fd) {}
enum ipc_error_code ipc_flush(struct ipc_ctx *ctx, int fd, int milliseconds) {}
enum ipc_limit {
 IPC_LIMIT_FRAME = 0,
 IPC_LIMIT_QUEUE_BYTES = 1,
 IPC_LIMIT_QUEUE_MESSAGES = 2,
 IPC_LIMIT_CONNECTIONS = 3,
 IPC_LIMIT_CONNECTIONS_OF_USER = 4,
 IPC_LIMIT_CONNECT_TIME = 5
};
enum ipc_error_code ipc_ctx_limit(struct ipc_ctx *ctx, enum ipc_limit limit, size_t value) {}
uint32_t ipc_message_raw_serialize(char *buffer, char type, char user_type, char *message, uint32_t message_size) {}
struct ipc_error ipc_message_format_read(struct ipc_message *m, const char *buf, size_t msize) {}
struct ipc_error ipc_message_format_write(const struct ipc_message *m, char **buf, size_t *msize) {}
struct ipc_error ipc_message_format(struct ipc_message *m, char type, char utype, const char *payload, size_t length) {}
struct ipc_error ipc_message_format_data(struct ipc_message *m, char utype, const char *payload, size_t length) {}
struct ipc_error ipc_message_format_server_close(struct ipc_message *m) {}
struct ipc_error ipc_message_empty(struct ipc_message *m) {}
void ipc_message_copy(struct ipc_message *m, uint32_t fd, uint8_t type, uint8_t utype, char *payload, uint32_t paylen) {}
struct ipc_error ipc_messages_add(struct ipc_messages *messages, const struct ipc_message *message) {}
struct ipc_error ipc_messages_del(struct ipc_messages *messages, uint32_t index) {}
void ipc_messages_free(struct ipc_messages *messages) {}
void ipc_ctx_switching_add(struct ipc_ctx *ctx, int orig, int dest) {}
int ipc_ctx_switching_del(struct ipc_ctx *ctx, int fd) {}
void ipc_switching_add(struct ipc_switchings *is, int orig, int dest) {}
int ipc_switching_del(struct ipc_switchings *is, int fd) {}
int ipc_switching_get(struct ipc_switchings *is, int fd) {}
void ipc_switching_free(struct ipc_switchings *is) {}
void ipc_switching_print(struct ipc_switchings *is) {}
void ipc_switching_callbacks( struct ipc_ctx *ctx, int fd, enum ipccb (*cb_in)(int fd, struct ipc_message *m, short int *more_to_read), enum ipccb (*cb_out)(int fd, struct ipc_message *m)) {}
void ipc_switching_callbacks_( struct ipc_ctx *ctx, int fd, enum ipccb (*cb_in)(int fd, struct ipc_message *m, short int *more_to_read)) {}
struct ipc_error service_path(char *path, const char *sname) {}
struct ipc_error ipc_contact_ipcd(int *pfd, const char *sname) {}
struct ipc_error ipc_receive_fd(int sock, int *fd) {}
struct ipc_error ipc_provide_fd(int sock, int fd) {}
const char *ipc_errors_get(enum ipc_error_code e) {}
int exists_(const char *path, struct stat *status) {}
int is_directory_(struct stat *status) {}
int is_writable_(struct stat *status) {}
int dirname_(const char *path, char *dname) {}
struct ipc_error mkdir_p_(const char *path) {}
struct ipc_error directory_setup_(const char *path) {}
void ipc_message_print(const struct ipc_message *m) {}
void error_message_format(char *formatted_message, const char *tag, const char *message, ...) {}
void print_hexa(const char *prefix, uint8_t *payload, size_t size) {}
