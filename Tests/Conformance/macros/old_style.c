/*
 * old_style.c - a program as those of the old library were written: ipc.h alone, inside extern "C"; functions of its own that are
 * called as two of the library's are; `ret` everywhere; a bare macro between if and else. C and C++; exits with 0 when all is well.
 */
#ifdef __cplusplus
extern "C" {
#endif
#include <ipc.h>
#include <message.h>
#ifdef __cplusplus
}
#define REGISTER
#else
#define REGISTER register
#endif

#ifdef __IPC_UTIL_H__
#error "ipc.h brings utils.h"
#endif

/* Not the library's: other parameters, other results. ipc_message_print, and ipc_server_init, which makes a directory, must not end
 * up here. */
#ifdef __cplusplus
extern "C" {
#endif
const char *error_message_format(int number);
int print_hexa(int number);
void mkdir_p_(int number);
double exists_(const char *name);
#ifdef __cplusplus
}
#endif
const char *error_message_format(int number) { return number > 0 ? "positive" : "negative"; }
int print_hexa(int number) {
	printf("%x\n", (unsigned)number);
	exit(9);
}

void mkdir_p_(int number) { exit(number); }
double exists_(const char *name) { exit(*name == 0 ? 16 : 17); }

static struct ipc_error start(struct ipc_ctx *ctx, const char *name) {
	struct ipc_error ret = ipc_server_init(ctx, name);
	TEST_IPC_RR(ret, "cannot start");
	if (ctx->size != 1) IPC_RETURN_ERROR(IPC_ERROR_CLOSED_RECIPIENT)
	else IPC_RETURN_NO_ERROR
}

static struct ipc_error receive(struct ipc_ctx *ctx, struct ipc_event *event, int *timer) {
	TEST_IPC_T_P_I_R(ipc_wait_event(ctx, event, timer),
	    ret.error_code != IPC_ERROR_NONE && ret.error_code != IPC_ERROR_CLOSED_RECIPIENT,
	    fprintf(stderr, "%s\n", error_message_format(1)),
	    IPC_RETURN_ERROR_FORMAT(ret.error_code, "received nothing: %s", ret.error_message));
	IPC_RETURN_NO_ERROR;
}

static char *copy(const char *text) {
	REGISTER char *ret;
	size_t length = strlen(text) + 1;
	SECURE_BUFFER_HEAP_ALLOCATION_R_NULL(ret, length, fprintf(stderr, "%s", error_message_format(-1)))
	memcpy(ret, text, length);
	return ret;
}

int main(void) {
	SECURE_DECLARATION(struct ipc_ctx, service)
	SECURE_DECLARATION(struct ipc_ctx, client)
	SECURE_DECLARATION(struct ipc_event, event);
	SECURE_DECLARATION(struct ipc_message, m);
	SECURE_BUFFER_DECLARATION(char, path, PATH_MAX)
	int timer = 20000, fd;
	struct ipc_error ret = start(&service, "old");
	TEST_IPC_Q(ret, 1);
	TEST_IPC_Q(start(&client, "old2"), 2)
	TEST_IPC_Q(ipc_connection(&client, "old", &fd), 3);
	T_PERROR_Q((service_path(path, "old").error_code != 0), "no path", 4);
	TEST_IPC_Q(receive(&service, &event, &timer), 5);
	if (event.type == IPC_EVENT_TYPE_CONNECTION) IPC_EVENT_CLEAN(&event)
	else return 6;

	char *text = copy("hello");
	T_PERROR_R((text == NULL), "no memory", 7);
	TEST_IPC_Q(ipc_message_format_data(&m, 'a', text, strlen(text) + 1), 8);
	ipc_message_print(&m);
	m.fd = fd;
	TEST_IPC_Q(ipc_write_fd(fd, &m), 10);
	TEST_IPC_WAIT_EVENT_Q(ipc_wait_event(&service, &event, &timer), 11);
	if (event.type != IPC_EVENT_TYPE_MESSAGE || strcmp(((struct ipc_message *)event.m)->payload, "hello") != 0) return 12;
	IPC_EVENT_CLEAN(&event);
	free(text);
	TEST_IPC_P(ipc_message_empty(&m), "cannot empty");
	ret = ipc_close_all(&client);
	TEST_IPC_QUIT_ON_ERROR(ret, ret.error_code == 48 ? 13 : 14);
	TEST_IPC_Q(ipc_close_all(&service), 15);
	ipc_ctx_free(&client);
	ipc_ctx_free(&service);
	return 0;
}
