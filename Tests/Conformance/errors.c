/*
 * errors.c - the texts of errors: "a text that says what failed, on what, and the system's reason", and what one call's
 * error has to do with the next call's success: nothing.
 */
#include "peers.h"

#include <ctype.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

/* `number` as a word of its own. */
static int names_number(const char *text, int number) {
	char digits[16];
	size_t length = (size_t)snprintf(digits, sizeof digits, "%d", number);
	for (const char *at = text; (at = strstr(at, digits)) != NULL; at++)
		if ((at == text || !isdigit((unsigned char)at[-1])) && !isdigit((unsigned char)at[length])) return 1;
	return 0;
}

/* The text names the path or the descriptor, says something in front of it, and ends with the system's reason. */
static void check_text(const struct ipc_error *e, int code, const char *path, int fd, int reason) {
	CHECK_CODE(*e, code);
	const char *text = e->error_message, *why = strerror(reason);
	int named = path != NULL ? strstr(text, path) != NULL : names_number(text, fd);
	int said = isalpha((unsigned char)text[0]) && strlen(text) > strlen(why) + 4;
	int reasoned = strlen(text) > strlen(why) && strcmp(text + strlen(text) - strlen(why), why) == 0;
	if (!named || !said || !reasoned) FAIL("'%s' for %s %d: %s", text, path != NULL ? path : "descriptor", fd, why);
}
#define CHECK_TEXT(call, code, path, fd, reason)                    \
	do {                                                        \
		struct ipc_error text_ = (call);                    \
		check_text(&text_, (code), (path), (fd), (reason)); \
	} while (0)

TEST(errors_about_paths_name_the_path_and_the_reason) {
	int fd = -1;
	struct sockaddr_un nobody = address_of("nobody"), directory = address_of("directory"), below = address_of("file/below");
	FILE *file = fopen(address_of("file").sun_path, "w");
	CHECK(file != NULL && fclose(file) == 0);
	CHECK_EQUAL(mkdir(directory.sun_path, 0700), 0);
	CHECK_TEXT(ipc_connection(&ctx, "nobody", &fd), IPC_ERROR_USOCK_CONNECT__CONNECT, nobody.sun_path, 0, ENOENT);
	CHECK_TEXT(ipc_connection_switched(&ctx, "nobody", 0, &fd), IPC_ERROR_USOCK_CONNECT__CONNECT, nobody.sun_path, 0, ENOENT);
	CHECK_TEXT(usock_connect(&fd, nobody.sun_path), IPC_ERROR_USOCK_CONNECT__CONNECT, nobody.sun_path, 0, ENOENT);
	CHECK_TEXT(usock_init(&fd, below.sun_path), IPC_ERROR_USOCK_INIT__BIND, below.sun_path, 0, ENOTDIR);
	CHECK_TEXT(usock_remove(nobody.sun_path), IPC_ERROR_USOCK_REMOVE__NO_FILE, nobody.sun_path, 0, ENOENT);
	CHECK_TEXT(usock_remove(directory.sun_path), IPC_ERROR_USOCK_REMOVE__UNLINK, directory.sun_path, 0, EISDIR);
	close(raw_listen("stale"));
	CHECK_TEXT(ipc_connection(&ctx, "stale", &fd), IPC_ERROR_USOCK_CONNECT__CONNECT, address_of("stale").sun_path, 0, ECONNREFUSED);
	CHECK_EQUAL(ctx.size, 0);
	ipc_ctx_free(&ctx);
}

TEST(errors_about_descriptors_name_the_descriptor_and_the_reason) {
	int ends[2], fd = -1, gone = 777;
	struct ipc_message m = message_of(gone, 'a', "x", 1), got = {0};
	char *frame = NULL;
	size_t size = 0;
	make_pair(ends);
	CHECK_TEXT(usock_close(gone), IPC_ERROR_USOCK_CLOSE, NULL, gone, EBADF);
	CHECK_TEXT(usock_send(gone, "x", 1, NULL), IPC_ERROR_USOCK_SEND, NULL, gone, EBADF);
	CHECK_TEXT(usock_recv(gone, &frame, &size), IPC_ERROR_USOCK_RECV, NULL, gone, EBADF);
	CHECK_TEXT(usock_accept(gone, &fd), IPC_ERROR_USOCK_ACCEPT, NULL, gone, EBADF);
	CHECK_TEXT(ipc_write_fd(gone, &m), IPC_ERROR_USOCK_SEND, NULL, gone, EBADF);
	CHECK_TEXT(ipc_read_fd(gone, &got), IPC_ERROR_USOCK_RECV, NULL, gone, EBADF);
	CHECK_TEXT(ipc_provide_fd(gone, 0), IPC_ERROR_PROVIDE_FD__SENDMSG, NULL, gone, EBADF);
	CHECK_TEXT(ipc_receive_fd(gone, &fd), IPC_ERROR_RECEIVE_FD__RECVMSG, NULL, gone, EBADF);
	CHECK_OK(ipc_add_fd_switched(&ctx, ends[0]));
	close(ends[0]);
	CHECK_TEXT(ipc_close(&ctx, 0), IPC_ERROR_USOCK_CLOSE, NULL, ends[0], EBADF);
	struct ipc_error e = ipc_write(&ctx, &m);
	CHECK_CODE(e, IPC_ERROR_WRITE__FD_NOT_FOUND);
	CHECK(names_number(e.error_message, gone));
	e = ipc_del_fd(&ctx, gone);
	CHECK_CODE(e, IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT);
	CHECK(names_number(e.error_message, gone));
	ipc_ctx_free(&ctx);
	close(ends[1]);
}

/* Paths as long as may be, and longer, make no text without an end. */
TEST(errors_about_long_names_are_cut) {
	char name[3000], path[PATH_MAX];
	int fd = -1;
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	CHECK_CODE(ipc_server_init(&ctx, name), IPC_ERROR_SERVICE_PATH__INVALID_NAME);
	CHECK_CODE(service_path(path, name), IPC_ERROR_SERVICE_PATH__INVALID_NAME);
	CHECK_CODE(usock_connect(&fd, name), IPC_ERROR_USOCK_CONNECT__CONNECT);
	CHECK_CODE(usock_init(&fd, name), IPC_ERROR_USOCK_INIT__BIND);
	CHECK(usock_remove(name).error_message[0] != '\0');
	CHECK(mkdir_p_(name).error_code != 0);
	ipc_ctx_free(&ctx);
}

/* Whatever lies in the caller's memory: a success has an empty text, an error zeros behind its own. */
TEST(a_result_does_not_depend_on_what_was_there_before) {
	struct ipc_error e;
	int timer = 0;
	memset(&e, 'x', sizeof e);
	e = ipc_close_all(&ctx);
	CHECK(e.error_code == 0 && e.error_message[0] == '\0');
	memset(&e, 'x', sizeof e);
	e = usock_close(-1);
	CHECK_CODE(e, IPC_ERROR_USOCK_CLOSE);
	memset(&e, 'x', sizeof e);
	e = ipc_wait_event(&ctx, &event, &timer);
	CHECK(e.error_code == 0 && e.error_message[0] == '\0');
	ipc_ctx_free(&ctx);
}
