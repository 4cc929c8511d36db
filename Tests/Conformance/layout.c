/*
 * layout.c - the binary shape that programs were compiled with: sizes, offsets, numbers of enums,
 * constants, and every error code. Programs never ask for these again, so a change breaks them in silence.
 */
#include "peers.h"

#include <limits.h>
#include <stddef.h>

#define SIZE(type, size, align)                                                           \
	do {                                                                              \
		CHECK_EQUAL(sizeof(type), size);                                          \
		CHECK_EQUAL(_Alignof(type), align);                                       \
	} while (0)
#define FIELD(type, field, offset, size)                                                  \
	do {                                                                              \
		CHECK_EQUAL(offsetof(type, field), offset);                               \
		CHECK_EQUAL(sizeof(((type *)0)->field), size);                            \
	} while (0)

TEST(layout_of_struct_ipc_error) {
	SIZE(struct ipc_error, 8196, 4);
	FIELD(struct ipc_error, error_code, 0, 4);
	FIELD(struct ipc_error, error_message, 4, 8192);
}

TEST(layout_of_struct_ipc_connection_info) {
	SIZE(struct ipc_connection_info, 16, 8);
	FIELD(struct ipc_connection_info, type, 0, 4);
	FIELD(struct ipc_connection_info, more_to_read, 4, 2);
	FIELD(struct ipc_connection_info, spath, 8, 8);
}

TEST(layout_of_struct_ipc_message) {
	SIZE(struct ipc_message, 24, 8);
	FIELD(struct ipc_message, type, 0, 1);
	FIELD(struct ipc_message, user_type, 1, 1);
	FIELD(struct ipc_message, fd, 4, 4);
	FIELD(struct ipc_message, length, 8, 4);
	FIELD(struct ipc_message, payload, 16, 8);
}

TEST(layout_of_struct_ipc_messages) {
	SIZE(struct ipc_messages, 16, 8);
	FIELD(struct ipc_messages, messages, 0, 8);
	FIELD(struct ipc_messages, size, 8, 8);
}

TEST(layout_of_struct_ipc_switching) {
	SIZE(struct ipc_switching, 40, 8);
	FIELD(struct ipc_switching, orig, 0, 4);
	FIELD(struct ipc_switching, dest, 4, 4);
	FIELD(struct ipc_switching, orig_in, 8, 8);
	FIELD(struct ipc_switching, orig_out, 16, 8);
	FIELD(struct ipc_switching, dest_in, 24, 8);
	FIELD(struct ipc_switching, dest_out, 32, 8);
}

TEST(layout_of_struct_ipc_switchings) {
	SIZE(struct ipc_switchings, 16, 8);
	FIELD(struct ipc_switchings, collection, 0, 8);
	FIELD(struct ipc_switchings, size, 8, 8);
}

TEST(layout_of_struct_ipc_ctx) {
	SIZE(struct ipc_ctx, 56, 8);
	FIELD(struct ipc_ctx, cinfos, 0, 8);
	FIELD(struct ipc_ctx, pollfd, 8, 8);
	FIELD(struct ipc_ctx, size, 16, 8);
	FIELD(struct ipc_ctx, tx, 24, 16);
	FIELD(struct ipc_ctx, switchdb, 40, 16);
}

TEST(layout_of_struct_ipc_event) {
	SIZE(struct ipc_event, 24, 8);
	FIELD(struct ipc_event, type, 0, 4);
	FIELD(struct ipc_event, index, 4, 4);
	FIELD(struct ipc_event, origin, 8, 4);
	FIELD(struct ipc_event, m, 16, 8);
}

TEST(values_of_enum_msg_types) {
	CHECK_EQUAL(sizeof(enum msg_types), 4);
	CHECK_EQUAL(MSG_TYPE_SERVER_CLOSE, 0);
	CHECK_EQUAL(MSG_TYPE_ERR, 1);
	CHECK_EQUAL(MSG_TYPE_DATA, 2);
	CHECK_EQUAL(MSG_TYPE_NETWORK_LOOKUP, 3);
}

TEST(values_of_enum_ipc_event_type) {
	CHECK_EQUAL(sizeof(enum ipc_event_type), 4);
	CHECK_EQUAL(IPC_EVENT_TYPE_NOT_SET, 0);
	CHECK_EQUAL(IPC_EVENT_TYPE_ERROR, 1);
	CHECK_EQUAL(IPC_EVENT_TYPE_EXTRA_SOCKET, 2);
	CHECK_EQUAL(IPC_EVENT_TYPE_SWITCH, 3);
	CHECK_EQUAL(IPC_EVENT_TYPE_CONNECTION, 4);
	CHECK_EQUAL(IPC_EVENT_TYPE_DISCONNECTION, 5);
	CHECK_EQUAL(IPC_EVENT_TYPE_MESSAGE, 6);
	CHECK_EQUAL(IPC_EVENT_TYPE_LOOKUP, 7);
	CHECK_EQUAL(IPC_EVENT_TYPE_TIMER, 8);
	CHECK_EQUAL(IPC_EVENT_TYPE_TX, 9);
}

TEST(values_of_enum_ipccb) {
	CHECK_EQUAL(sizeof(enum ipccb), 4);
	CHECK_EQUAL(IPC_CB_NO_ERROR, 0);
	CHECK_EQUAL(IPC_CB_FD_CLOSING, 1);
	CHECK_EQUAL(IPC_CB_FD_ERROR, 2);
	CHECK_EQUAL(IPC_CB_PARSING_ERROR, 3);
	CHECK_EQUAL(IPC_CB_IGNORE, 4);
}

TEST(values_of_enum_ipc_connection_type) {
	CHECK_EQUAL(sizeof(enum ipc_connection_type), 4);
	CHECK_EQUAL(IPC_CONNECTION_TYPE_IPC, 0);
	CHECK_EQUAL(IPC_CONNECTION_TYPE_EXTERNAL, 1);
	CHECK_EQUAL(IPC_CONNECTION_TYPE_SERVER, 2);
	CHECK_EQUAL(IPC_CONNECTION_TYPE_SWITCHED, 3);
}

TEST(values_of_the_constants) {
	CHECK(strcmp(RUNDIR, "/run/ipc/") == 0);
	CHECK_EQUAL(PATH_MAX, 4096);
	CHECK_EQUAL(IPC_HEADER_SIZE, 6);
	CHECK_EQUAL(IPC_MAX_MESSAGE_SIZE, 1999994);
	CHECK_EQUAL(IPC_VERSION, 4);
	CHECK_EQUAL(LISTEN_BACKLOG, 128);
	CHECK_EQUAL(IPC_WITH_ERRORS, 2);
#ifndef IPC_WITH_UNIX_SOCKETS
	FAIL("IPC_WITH_UNIX_SOCKETS is not defined");
#endif
}

/* number and name of every error of the contract, and those that came with this library */
static const struct {
	int number, value;
} error_codes[] = {
#define CODE(number, name) {number, IPC_ERROR_##name}
	CODE(0, NONE), CODE(3, HANDLE_MESSAGE__NOT_ENOUGH_MEMORY), CODE(4, CLOSED_RECIPIENT),
	CODE(5, SERVICE_PATH__NO_PATH), CODE(6, SERVICE_PATH__NO_SERVICE_NAME),
	CODE(7, SERVER_INIT__NO_ENVIRONMENT_PARAM), CODE(8, SERVER_INIT__NO_SERVICE_PARAM),
	CODE(9, SERVER_INIT__NO_SERVER_NAME_PARAM), CODE(10, SERVER_INIT__MALLOC), CODE(11, WRITE__NO_MESSAGE_PARAM),
	CODE(12, WRITE_FD__NOT_ENOUGH_DATA), CODE(13, READ__NO_MESSAGE_PARAM), CODE(15, CONNECTION__NO_SERVICE_NAME),
	CODE(16, CONNECTION__NO_ENVIRONMENT_PARAM), CODE(18, ACCEPT__NO_SERVICE_PARAM),
	CODE(19, ACCEPT__NO_CLIENT_PARAM), CODE(20, HANDLE_NEW_CONNECTION__NO_CINFO_PARAM),
	CODE(21, HANDLE_NEW_CONNECTION__NO_CINFOS_PARAM), CODE(22, WAIT_EVENT__SELECT),
	CODE(23, WAIT_EVENT__NO_CLIENTS_PARAM), CODE(24, WAIT_EVENT__NO_EVENT_PARAM),
	CODE(25, HANDLE_NEW_CONNECTION__MALLOC), CODE(26, ADD__EMPTY_LIST), CODE(27, ADD__NO_PARAM_CLIENTS),
	CODE(28, ADD__NO_PARAM_CLIENT), CODE(29, ADD__MALLOC), CODE(30, ADD_FD__NO_PARAM_CINFOS),
	CODE(31, ADD_FD__NOT_ENOUGH_MEMORY), CODE(32, DEL_FD__NO_PARAM_CINFOS), CODE(33, DEL_FD__EMPTIED_LIST),
	CODE(34, DEL_FD__EMPTY_LIST), CODE(35, DEL_FD__CANNOT_FIND_CLIENT),
	CODE(36, CONTACT_IPCD__NO_SERVICE_NAME_PARAM), CODE(37, CONTACT_IPCD__NO_SERVER_PARAM),
	CODE(38, DEL__EMPTY_LIST), CODE(39, DEL__EMPTIED_LIST), CODE(40, DEL__CANNOT_FIND_CLIENT),
	CODE(41, DEL__NO_CLIENTS_PARAM), CODE(42, DEL__NO_CLIENT_PARAM), CODE(43, USOCK_SEND),
	CODE(44, USOCK_CONNECT__SOCKET), CODE(45, USOCK_CONNECT__WRONG_FILE_DESCRIPTOR),
	CODE(46, USOCK_CONNECT__EMPTY_PATH), CODE(47, USOCK_CONNECT__CONNECT), CODE(48, USOCK_CLOSE),
	CODE(49, USOCK_REMOVE__UNLINK), CODE(50, USOCK_REMOVE__NO_FILE), CODE(51, USOCK_INIT__EMPTY_FILE_DESCRIPTOR),
	CODE(52, USOCK_INIT__WRONG_FILE_DESCRIPTOR), CODE(53, USOCK_INIT__EMPTY_PATH), CODE(54, USOCK_INIT__BIND),
	CODE(55, USOCK_INIT__LISTEN), CODE(56, USOCK_ACCEPT__PATH_FILE_DESCRIPTOR), CODE(57, USOCK_ACCEPT),
	CODE(58, USOCK_RECV__NO_BUFFER), CODE(59, USOCK_RECV__NO_LENGTH), CODE(60, USOCK_RECV),
	CODE(61, USOCK_RECV__UNRECOGNIZED_ERROR), CODE(62, USOCK_RECV__HEAP_ALLOCATION),
	CODE(63, USOCK_RECV__MESSAGE_SIZE), CODE(64, RECEIVE_FD__NO_PARAM_FD), CODE(65, RECEIVE_FD__RECVMSG),
	CODE(66, PROVIDE_FD__SENDMSG), CODE(67, MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH),
	CODE(68, MESSAGE_FORMAT__MESSAGE_SIZE), CODE(69, MESSAGE_FORMAT__NO_MESSAGE_PARAM),
	CODE(70, MESSAGE_FORMAT__INCONSISTENT_PARAMS), CODE(71, MESSAGE_FORMAT__HEAP_ALLOCATION),
	CODE(72, MESSAGE_FORMAT_WRITE__EMPTY_MESSAGE), CODE(73, MESSAGE_FORMAT_WRITE__EMPTY_MSIZE),
	CODE(74, MESSAGE_FORMAT_WRITE__EMPTY_BUFFER), CODE(75, MESSAGE_FORMAT_READ__EMPTY_MESSAGE),
	CODE(76, MESSAGE_FORMAT_READ__EMPTY_BUFFER), CODE(77, MESSAGE_FORMAT_READ__PARAM_MESSAGE_SIZE),
	CODE(78, MESSAGE_FORMAT_READ__READ_MESSAGE_SIZE), CODE(79, MESSAGE_FORMAT_READ__MESSAGE_TOO_LONG),
	CODE(80, MESSAGE_EMPTY__EMPTY_MESSAGE_LIST), CODE(81, MKDIR__CANNOT_CREATE_DIR),
	CODE(82, MKDIR__NAME_TOO_LONG), CODE(83, DIR_SETUP__NOT_A_DIRECTORY),
	CODE(84, DIR_SETUP__DIRECTORY_NOT_WRITABLE), CODE(85, DIRECTORY_SETUP__PATH_PARAM),
	CODE(86, SERVER_INIT__NOT_ENOUGH_MEMORY), CODE(87, CONNECTION__NOT_ENOUGH_MEMORY),
	CODE(88, CTX_INIT__NO_CONTEXT_PARAM), CODE(89, CTX_INIT__CONTEXT_ALREADY_INIT), CODE(90, ADD__MALLOC_POLLFD),
	CODE(91, ADD_MESSAGE_TO_SEND__EMPTY_LIST), CODE(92, ADD_MESSAGE_TO_SEND__MALLOC),
	CODE(93, ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGE), CODE(94, ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGES),
	CODE(95, CONNECTION__NO_CTX), CODE(96, CTX_INIT__MALLOC_CTX), CODE(97, CTX_INIT__MALLOC_POLLFD),
	CODE(98, CONTACT_IPCD__NO_FD_PARAM), CODE(99, HANDLE_NEW_CONNECTION__INCONSISTENT_INDEX),
	CODE(100, DEL_MESSAGE_TO_SEND__NO_PARAM_MESSAGES), CODE(101, MESSAGE_DEL__INDEX_ERROR),
	CODE(102, MESSAGE_DEL__EMPTY_LIST), CODE(103, ADD__NO_PARAM_POLLFD), CODE(104, WRITE__FD_NOT_FOUND),
	CODE(105, ADD__NOT_ENOUGH_MEMORY), CODE(106, WAIT_EVENT__POLL), CODE(107, FD_SWITCHING__NO_FD_RECORD),
	CODE(108, CLOSE_ALL__NO_CTX_PARAM), CODE(109, CLOSE__NO_CTX_PARAM), CODE(110, WRITE__QUEUE_FULL),
	CODE(111, SERVICE_PATH__INVALID_NAME), CODE(112, CTX_QUEUE_LIMIT__NO_CTX_PARAM), CODE(113, POLLER),
	CODE(114, WAIT_EVENT__CONTEXT_FREED), CODE(115, CTX_ENTRY__NO_PARAM), CODE(116, CTX_ENTRY__FD_NOT_FOUND),
	CODE(117, USOCK_INIT__SOCKET_MODE),
	CODE(118, CONTEXT__CALLED_IN_HANDLER),
};
#undef CODE
#define CODES (sizeof error_codes / sizeof error_codes[0])

TEST(values_of_enum_ipc_error_code) {
	CHECK_EQUAL(sizeof(enum ipc_error_code), 4);
	CHECK_EQUAL(CODES, 115);
	for (size_t i = 0; i < CODES; i++) CHECK_EQUAL(error_codes[i].value, error_codes[i].number);
}

TEST(ipc_errors_get_has_a_text_for_every_code) {
	for (size_t i = 0; i < CODES; i++) {
		const char *text = ipc_errors_get((enum ipc_error_code)error_codes[i].number);
		if (text == NULL || strlen(text) == 0) FAIL("no text for code %d", error_codes[i].number);
		CHECK(strchr(text, '\n') == NULL);
		CHECK(text == ipc_errors_get((enum ipc_error_code)error_codes[i].number));
	}
}

TEST(ipc_errors_get_has_none_for_other_numbers) {
	for (int number = -3; number < 300; number++) {
		size_t i = 0;
		while (i < CODES && error_codes[i].number != number) i++;
		if (i == CODES && ipc_errors_get((enum ipc_error_code)number) != NULL) FAIL("a text for %d", number);
	}
	CHECK(ipc_errors_get((enum ipc_error_code)INT_MAX) == NULL);
	CHECK(ipc_errors_get((enum ipc_error_code)INT_MIN) == NULL);
}
