/*
 * wrong_arguments.c - NULL for every pointer, indices out of range, descriptors that are none and names that
 * lead elsewhere: each is answered with the error that belongs to it, and changes nothing.
 */
#include "peers.h"

#include <utils.h>

static struct ipc_ctx service, empty;
static struct ipc_event event;
static int peer, origin;

static void start_service(void) {
	CHECK_OK(ipc_server_init(&service, "pong"));
	peer = join(&service, &event, "pong", &origin);
}

/* The context is what it was, and serves. */
static void end_service(void) {
	CHECK_EQUAL(service.size, 2);
	CHECK_EQUAL(service.tx.size, 0);
	CHECK_EQUAL(service.switchdb.size, 0);
	CHECK_EQUAL(service.cinfos[0].type, IPC_CONNECTION_TYPE_SERVER);
	CHECK_EQUAL(service.cinfos[1].type, IPC_CONNECTION_TYPE_IPC);
	CHECK_EQUAL(service.pollfd[1].fd, origin);
	CHECK_EQUAL(empty.size, 0);
	write_frame(peer, 'a', "still served", 12);
	next_message(&service, &event, origin, 'a', "still served", 12);
	queue(&service, origin, 'b', "yes", 3);
	next(&service, &event, IPC_EVENT_TYPE_TX);
	read_frame(peer, 'b', "yes", 3);
	close(peer);
	finish(&service, &event);
	finish(&empty, &event);
}

TEST(a_context_that_is_missing) {
	struct ipc_ctx *taken = &service;
	struct ipc_message m = message_of(0, 'a', NULL, 0), got = {0};
	struct ipc_connection_info info = {0};
	struct pollfd pollfd = {0};
	int fd = -1, timer = 0;
	CHECK_CODE(ipc_ctx_init(NULL), IPC_ERROR_CTX_INIT__NO_CONTEXT_PARAM);
	CHECK_CODE(ipc_ctx_init(&taken), IPC_ERROR_CTX_INIT__CONTEXT_ALREADY_INIT);
	CHECK(taken == &service);
	CHECK_CODE(ipc_ctx_new_alloc(NULL), IPC_ERROR_ADD__NO_PARAM_CLIENTS);
	CHECK_CODE(ipc_server_init(NULL, "pong"), IPC_ERROR_SERVER_INIT__NO_SERVICE_PARAM);
	CHECK_CODE(ipc_connection(NULL, "pong", &fd), IPC_ERROR_CONNECTION__NO_CTX);
	CHECK_CODE(ipc_connection_switched(NULL, "pong", 0, &fd), IPC_ERROR_CONNECTION__NO_CTX);
	CHECK_CODE(ipc_close(NULL, 0), IPC_ERROR_CLOSE__NO_CTX_PARAM);
	CHECK_CODE(ipc_close_all(NULL), IPC_ERROR_CLOSE_ALL__NO_CTX_PARAM);
	CHECK_CODE(ipc_accept_add(&event, NULL, 0), IPC_ERROR_HANDLE_NEW_CONNECTION__NO_CINFOS_PARAM);
	CHECK_CODE(ipc_add(NULL, &info, &pollfd), IPC_ERROR_ADD__NO_PARAM_CLIENTS);
	CHECK_CODE(ipc_del(NULL, 0), IPC_ERROR_DEL__NO_CLIENTS_PARAM);
	CHECK_CODE(ipc_add_fd(NULL, 0), IPC_ERROR_ADD_FD__NO_PARAM_CINFOS);
	CHECK_CODE(ipc_add_fd_switched(NULL, 0), IPC_ERROR_ADD_FD__NO_PARAM_CINFOS);
	CHECK_CODE(ipc_del_fd(NULL, 0), IPC_ERROR_DEL_FD__NO_PARAM_CINFOS);
	CHECK_CODE(ipc_wait_event(NULL, &event, &timer), IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM);
	CHECK(ipc_read(NULL, 0, &got).error_code != 0);
	CHECK_CODE(ipc_write(NULL, &m), IPC_ERROR_WRITE__FD_NOT_FOUND);
	CHECK_CODE(handle_writing_message(&event, NULL, 0), IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM);
	CHECK_CODE(fd_switching_read(&event, NULL, 0), IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM);
	CHECK_CODE(fd_switching_write(&event, NULL, 0), IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM);
	CHECK_EQUAL(ipc_ctx_fd_type(NULL, 0, IPC_CONNECTION_TYPE_IPC), -1);
	CHECK_EQUAL(ipc_ctx_switching_del(NULL, 0), -1);
	CHECK(fd == -1 && got.payload == NULL);
}

TEST(another_pointer_that_is_missing) {
	struct ipc_connection_info info = {0};
	struct pollfd pollfd = {.fd = 0};
	int timer = 0, fd = -1;
	start_service();
	CHECK_CODE(ipc_server_init(&empty, NULL), IPC_ERROR_SERVER_INIT__NO_SERVER_NAME_PARAM);
	CHECK_CODE(ipc_connection(&empty, NULL, &fd), IPC_ERROR_CONNECTION__NO_SERVICE_NAME);
	CHECK_CODE(ipc_connection_switched(&empty, NULL, 0, &fd), IPC_ERROR_CONNECTION__NO_SERVICE_NAME);
	CHECK_CODE(ipc_accept_add(NULL, &service, 0), IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM);
	CHECK_CODE(ipc_add(&service, NULL, &pollfd), IPC_ERROR_ADD__NO_PARAM_CLIENT);
	CHECK_CODE(ipc_add(&service, &info, NULL), IPC_ERROR_ADD__NO_PARAM_POLLFD);
	CHECK_CODE(ipc_wait_event(&service, NULL, &timer), IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM);
	CHECK_CODE(handle_writing_message(NULL, &service, 1), IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM);
	CHECK_CODE(fd_switching_read(NULL, &service, 1), IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM);
	CHECK_CODE(fd_switching_write(NULL, &service, 1), IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM);
	CHECK_CODE(ipc_read(&service, 1, NULL), IPC_ERROR_READ__NO_MESSAGE_PARAM);
	CHECK_CODE(ipc_read_fd(origin, NULL), IPC_ERROR_READ__NO_MESSAGE_PARAM);
	CHECK_CODE(ipc_write(&service, NULL), IPC_ERROR_WRITE__NO_MESSAGE_PARAM);
	CHECK_CODE(ipc_write_fd(origin, NULL), IPC_ERROR_WRITE__NO_MESSAGE_PARAM);
	CHECK(!is_readable(peer));
	end_service();
}

TEST(an_index_or_a_descriptor_that_is_not_there) {
	const uint32_t wrong[] = {2, 1000, INT32_MAX, (uint32_t)INT32_MAX + 1, UINT32_MAX};
	struct ipc_message got = {0};
	start_service();
	for (int i = 0; i < 5; i++) {
		CHECK_CODE(ipc_close(&service, wrong[i]), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
		CHECK_CODE(ipc_del(&service, wrong[i]), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
		CHECK_CODE(ipc_read(&service, wrong[i], &got), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
		CHECK_CODE(handle_writing_message(&event, &service, wrong[i]), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
		CHECK_CODE(fd_switching_read(&event, &service, (int)wrong[i]), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
		CHECK_CODE(fd_switching_write(&event, &service, (int)wrong[i]), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
		CHECK_CODE(ipc_accept_add(&event, &service, wrong[i]), IPC_ERROR_HANDLE_NEW_CONNECTION__INCONSISTENT_INDEX);
	}
	const int strangers[] = {-1, 900, INT32_MAX, INT32_MIN, peer};
	for (int i = 0; i < 5; i++) {
		struct ipc_message m = message_of(strangers[i], 'a', "x", 1);
		CHECK_CODE(ipc_write(&service, &m), IPC_ERROR_WRITE__FD_NOT_FOUND);
		CHECK_CODE(ipc_del_fd(&service, strangers[i]), IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT);
		CHECK_EQUAL(ipc_ctx_fd_type(&service, strangers[i], IPC_CONNECTION_TYPE_EXTERNAL), -1);
		CHECK_EQUAL(ipc_ctx_switching_del(&service, strangers[i]), -1);
		ipc_switching_callbacks(&service, strangers[i], NULL, NULL);
		ipc_switching_callbacks_(&service, strangers[i], NULL);
		if (strangers[i] == peer) continue;
		CHECK_CODE(ipc_write_fd(strangers[i], &m), IPC_ERROR_USOCK_SEND);
		CHECK_CODE(ipc_read_fd(strangers[i], &got), IPC_ERROR_USOCK_RECV);
		CHECK_CODE(ipc_provide_fd(strangers[i], 0), IPC_ERROR_PROVIDE_FD__SENDMSG);
		CHECK_CODE(usock_close(strangers[i]), IPC_ERROR_USOCK_CLOSE);
	}
	CHECK(got.payload == NULL && !is_readable(peer));
	CHECK_CODE(ipc_del(&empty, 0), IPC_ERROR_DEL__EMPTY_LIST);
	CHECK_CODE(ipc_del_fd(&empty, origin), IPC_ERROR_DEL_FD__EMPTY_LIST);
	end_service();
}

TEST(a_message_that_contradicts_itself) {
	start_service();
	struct ipc_message m = message_of(origin, 'a', NULL, 5), made = {0};
	struct ipc_messages list = {0};
	char *frame = NULL;
	size_t size = 77;
	CHECK_CODE(ipc_write(&service, &m), IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS);
	CHECK_CODE(ipc_write_fd(origin, &m), IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS);
	CHECK_CODE(ipc_message_format_write(&m, &frame, &size), IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS);
	CHECK_CODE(ipc_message_format_write(NULL, &frame, &size), IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MESSAGE);
	CHECK_CODE(ipc_message_format_write(&m, &frame, NULL), IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MSIZE);
	CHECK_CODE(ipc_message_format_write(&m, NULL, &size), IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_BUFFER);
	CHECK_CODE(ipc_message_format_read(NULL, "\2\0\0\0\0a", 6), IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_MESSAGE);
	CHECK_CODE(ipc_message_format_read(&made, NULL, 6), IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_BUFFER);
	CHECK_CODE(ipc_message_format_read(&made, "\2\0\0\0\1a", 6), IPC_ERROR_MESSAGE_FORMAT_READ__READ_MESSAGE_SIZE);
	CHECK_CODE(ipc_message_format(NULL, 2, 'a', "x", 1), IPC_ERROR_MESSAGE_FORMAT__NO_MESSAGE_PARAM);
	CHECK_CODE(ipc_message_format_data(NULL, 'a', "x", 1), IPC_ERROR_MESSAGE_FORMAT__NO_MESSAGE_PARAM);
	CHECK_CODE(ipc_message_format_server_close(NULL), IPC_ERROR_MESSAGE_FORMAT__NO_MESSAGE_PARAM);
	CHECK_CODE(ipc_message_format(&made, 2, 'a', NULL, 1), IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS);
	CHECK_CODE(ipc_message_format_data(&made, 'a', "x", 0), IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS);
	CHECK_CODE(ipc_message_empty(NULL), IPC_ERROR_MESSAGE_EMPTY__EMPTY_MESSAGE_LIST);
	CHECK_CODE(ipc_messages_add(NULL, &made), IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGES);
	CHECK_CODE(ipc_messages_add(&list, NULL), IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGE);
	CHECK_CODE(ipc_messages_del(NULL, 0), IPC_ERROR_DEL_MESSAGE_TO_SEND__NO_PARAM_MESSAGES);
	CHECK_CODE(ipc_messages_del(&list, 0), IPC_ERROR_MESSAGE_DEL__EMPTY_LIST);
	CHECK_OK(ipc_messages_add(&list, &made));
	CHECK_CODE(ipc_messages_del(&list, 1), IPC_ERROR_MESSAGE_DEL__INDEX_ERROR);
	CHECK_EQUAL(list.size, 1);
	ipc_messages_free(&list);
	CHECK(list.size == 0 && frame == NULL && size == 77 && made.payload == NULL && made.length == 0);
	CHECK(!is_readable(peer));
	end_service();
}

TEST(names_that_are_refused) {
	char path[PATH_MAX], too_long[5001];
	memset(too_long, 'n', sizeof too_long - 1);
	too_long[5000] = '\0';
	const char *names[] = {"", ".", "..", "../x", "a/..", "a/../b", "./a", "a/.", "a/./b", "/..", "/../../x", too_long};
	int fd = -1;
	start_service();
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		CHECK_CODE(service_path(path, names[i]), IPC_ERROR_SERVICE_PATH__INVALID_NAME);
		CHECK_CODE(ipc_server_init(&empty, names[i]), IPC_ERROR_SERVICE_PATH__INVALID_NAME);
		CHECK_CODE(ipc_connection(&empty, names[i], &fd), IPC_ERROR_SERVICE_PATH__INVALID_NAME);
		CHECK_CODE(ipc_connection_switched(&empty, names[i], 0, &fd), IPC_ERROR_SERVICE_PATH__INVALID_NAME);
		CHECK(empty.size == 0 && fd == -1);
	}
	CHECK_CODE(service_path(NULL, "pong"), IPC_ERROR_SERVICE_PATH__NO_PATH);
	CHECK_CODE(service_path(path, NULL), IPC_ERROR_SERVICE_PATH__NO_SERVICE_NAME);
	/* dots inside a component are a name like any other */
	const char *fine[] = {"a.b", "..a", "a..", "...", ".hidden"};
	for (int i = 0; i < 5; i++) {
		CHECK_OK(ipc_server_init(&empty, fine[i]));
		finish(&empty, &event);
	}
	end_service();
}

TEST(socket_and_descriptor_steps_with_an_argument_missing) {
	int fd = -1, ends[2];
	char *frame = NULL;
	size_t size = 0;
	make_pair(ends);
	CHECK_CODE(ipc_contact_ipcd(NULL, "pong"), IPC_ERROR_CONTACT_IPCD__NO_FD_PARAM);
	CHECK_CODE(ipc_contact_ipcd(&fd, NULL), IPC_ERROR_CONTACT_IPCD__NO_SERVICE_NAME_PARAM);
	CHECK_CODE(ipc_receive_fd(ends[0], NULL), IPC_ERROR_RECEIVE_FD__NO_PARAM_FD);
	CHECK_CODE(ipc_receive_fd(-1, &fd), IPC_ERROR_RECEIVE_FD__RECVMSG);
	CHECK_CODE(ipc_provide_fd(ends[0], -1), IPC_ERROR_PROVIDE_FD__SENDMSG);
	CHECK_CODE(usock_send(-1, "x", 1, &size), IPC_ERROR_USOCK_SEND);
	CHECK_CODE(usock_recv(ends[0], NULL, &size), IPC_ERROR_USOCK_RECV__NO_BUFFER);
	CHECK_CODE(usock_recv(ends[0], &frame, NULL), IPC_ERROR_USOCK_RECV__NO_LENGTH);
	CHECK_CODE(usock_recv(-1, &frame, &size), IPC_ERROR_USOCK_RECV);
	CHECK_CODE(usock_connect(NULL, "x"), IPC_ERROR_USOCK_CONNECT__WRONG_FILE_DESCRIPTOR);
	CHECK_CODE(usock_connect(&fd, NULL), IPC_ERROR_USOCK_CONNECT__EMPTY_PATH);
	CHECK_CODE(usock_init(NULL, "x"), IPC_ERROR_USOCK_INIT__EMPTY_FILE_DESCRIPTOR);
	CHECK_CODE(usock_init(&fd, NULL), IPC_ERROR_USOCK_INIT__EMPTY_PATH);
	CHECK_CODE(usock_accept(ends[0], NULL), IPC_ERROR_USOCK_ACCEPT__PATH_FILE_DESCRIPTOR);
	CHECK_CODE(usock_accept(-1, &fd), IPC_ERROR_USOCK_ACCEPT);
	CHECK_CODE(usock_remove(address_of("none").sun_path), IPC_ERROR_USOCK_REMOVE__NO_FILE);
	CHECK(usock_remove(NULL).error_code != 0);
	CHECK_CODE(directory_setup_(NULL), IPC_ERROR_DIRECTORY_SETUP__PATH_PARAM);
	CHECK(mkdir_p_(NULL).error_code != 0);
	CHECK(frame == NULL && fd <= 0 && !is_readable(ends[0]) && !is_readable(ends[1]));
	close(ends[0]);
	close(ends[1]);
}

TEST(null_where_nothing_can_be_answered_is_harmless) {
	struct stat status;
	ipc_ctx_free(NULL);
	ipc_ctx_print(NULL);
	ipc_messages_free(NULL);
	ipc_message_print(NULL);
	ipc_message_copy(NULL, 0, 2, 'a', NULL, 0);
	ipc_ctx_switching_add(NULL, 1, 2);
	ipc_switching_add(NULL, 1, 2);
	ipc_switching_free(NULL);
	ipc_switching_print(NULL);
	ipc_switching_callbacks(NULL, 1, NULL, NULL);
	ipc_switching_callbacks_(NULL, 1, NULL);
	print_hexa(NULL, NULL, 0);
	CHECK_EQUAL(ipc_switching_del(NULL, 1), -1);
	CHECK_EQUAL(ipc_switching_get(NULL, 1), -1);
	CHECK_EQUAL(exists_(NULL, &status), 0);
	CHECK_EQUAL(is_directory_(NULL), 0);
	CHECK_EQUAL(is_writable_(NULL), 0);
	const int no_codes[] = {-1, 1, 2, 14, 17, 1000, INT32_MAX, INT32_MIN};
	for (int i = 0; i < 8; i++) CHECK(ipc_errors_get((enum ipc_error_code)no_codes[i]) == NULL);
}
