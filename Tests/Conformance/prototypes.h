/*
 * prototypes.h - every function of the contract as its list gives it, and the one that came with this library. Behind the
 * public headers (headers.sh) a prototype that differs there from the one here does not compile, in C or in C++.
 */
#ifdef __cplusplus
extern "C" {
#endif
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
const char * ipc_errors_get(enum ipc_error_code e);
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
struct ipc_error ipc_ctx_status(struct ipc_ctx *ctx, size_t *connections, size_t *messages);
struct ipc_error ipc_ctx_entry(struct ipc_ctx *ctx, int fd, struct ipc_entry *entry);
struct ipc_error ipc_ctx_entries(struct ipc_ctx *ctx, struct ipc_entry **entries, size_t *count);
struct ipc_error ipc_close_fd(struct ipc_ctx *ctx, int fd);
struct ipc_error ipc_ctx_release(struct ipc_ctx *ctx);
#ifdef __cplusplus
}
#endif
