/*
 * old_program.c - what an existing program does: a service, a client, an echo of every size, contents compared.
 *
 * Linked against the stand-in (old_binary.sh) and against libipc.a (library.sh). Says nothing and exits with 0
 * when all is well. The layout that such programs were compiled with is written out in numbers.
 */
#include <ipc.h>

#include <stddef.h>
#include <unistd.h>

#define LAYOUT(type, size, field, offset) \
	_Static_assert(sizeof(struct type) == (size) && offsetof(struct type, field) == (offset), #type "." #field)
LAYOUT(ipc_error, 8196, error_message, 4);
LAYOUT(ipc_connection_info, 16, spath, 8);
LAYOUT(ipc_connection_info, 16, more_to_read, 4);
LAYOUT(ipc_message, 24, fd, 4);
LAYOUT(ipc_message, 24, length, 8);
LAYOUT(ipc_message, 24, payload, 16);
LAYOUT(ipc_messages, 16, size, 8);
LAYOUT(ipc_switching, 40, dest_out, 32);
LAYOUT(ipc_ctx, 56, pollfd, 8);
LAYOUT(ipc_ctx, 56, size, 16);
LAYOUT(ipc_ctx, 56, tx, 24);
LAYOUT(ipc_ctx, 56, switchdb, 40);
LAYOUT(ipc_event, 24, origin, 8);
LAYOUT(ipc_event, 24, m, 16);

static int wrong(const char *what, const char *reason) {
	fprintf(stderr, "%s: %s\n", what, reason);
	exit(1);
}
#define OK(call)                                                                                              \
	do {                                                                                                  \
		struct ipc_error e = call;                                                                    \
		if (e.error_code != IPC_ERROR_NONE || e.error_message[0] != 0) wrong(#call, e.error_message); \
	} while (0)
#define HOLDS(condition) ((condition) ? 0 : wrong(#condition, "does not hold"))

/* The next event of this context; there must be one. */
static void next(struct ipc_ctx *ctx, struct ipc_event *event, enum ipc_event_type type) {
	int timer = 20000;
	OK(ipc_wait_event(ctx, event, &timer));
	if (event->type != type) {
		fprintf(stderr, "event %d, not %d\n", (int)event->type, (int)type);
		exit(1);
	}
}

static void echo(struct ipc_ctx *service, struct ipc_ctx *client, int fd, size_t length) {
	struct ipc_event event;
	struct ipc_message m;
	char *payload = malloc(length + 1);
	HOLDS(payload != NULL);
	memset(&event, 0, sizeof event);
	memset(&m, 0, sizeof m);
	for (size_t i = 0; i < length; i++) payload[i] = (char)(i * 7 + length);

	OK(ipc_message_format_data(&m, 'e', length > 0 ? payload : NULL, length));
	m.fd = fd;
	OK(ipc_write(client, &m));
	OK(ipc_message_empty(&m));
	HOLDS(client->tx.size == 1 && client->tx.messages[0].length == length);
	next(client, &event, IPC_EVENT_TYPE_TX);
	HOLDS(client->tx.size == 0 && event.origin == fd);

	next(service, &event, IPC_EVENT_TYPE_MESSAGE);
	struct ipc_message *in = event.m;
	HOLDS(in->type == MSG_TYPE_DATA && in->user_type == 'e' && in->fd == event.origin && in->length == length);
	HOLDS(in->payload != NULL && memcmp(in->payload, payload, length) == 0);
	OK(ipc_write(service, in));
	next(service, &event, IPC_EVENT_TYPE_TX);

	OK(ipc_read(client, 0, &m));
	HOLDS(m.type == MSG_TYPE_DATA && m.user_type == 'e' && m.length == length);
	HOLDS(m.payload != NULL && memcmp(m.payload, payload, length) == 0);
	free(m.payload);
	free(payload);
	IPC_EVENT_CLEAN(&event);
}

int main(void) {
	struct ipc_ctx service, client;
	struct ipc_event event;
	static const size_t lengths[] = {0, 1, 7, 4096, 100000};
	int fd = -1;
	memset(&service, 0, sizeof service);
	memset(&client, 0, sizeof client);
	memset(&event, 0, sizeof event);
	alarm(30);
	OK(ipc_server_init(&service, "old"));
	HOLDS(service.size == 1 && service.cinfos[0].type == IPC_CONNECTION_TYPE_SERVER && service.cinfos[0].spath != NULL);
	OK(ipc_connection(&client, "old", &fd));
	HOLDS(client.size == 1 && client.pollfd[0].fd == fd && client.cinfos[0].type == IPC_CONNECTION_TYPE_IPC);
	next(&service, &event, IPC_EVENT_TYPE_CONNECTION);
	HOLDS(service.size == 2 && event.index == 1 && service.pollfd[1].fd == event.origin);
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) echo(&service, &client, fd, lengths[i]);

	struct ipc_error e = ipc_del_fd(&client, -7);
	HOLDS(e.error_code == IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT && e.error_message[0] != 0);
	HOLDS(ipc_errors_get(IPC_ERROR_WAIT_EVENT__POLL) != NULL && ipc_errors_get((enum ipc_error_code)17) == NULL);

	OK(ipc_close_all(&client));
	ipc_ctx_free(&client);
	next(&service, &event, IPC_EVENT_TYPE_DISCONNECTION);
	HOLDS(service.size == 1);
	IPC_EVENT_CLEAN(&event);
	OK(ipc_close_all(&service));
	ipc_ctx_free(&service);
	return 0;
}
