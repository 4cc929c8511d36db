/*
 * layout.c - the binary shape that programs were compiled with: sizes, offsets, numbers of enums,
 * constants, and the error codes of frozen.h. Programs never ask for these again, so a change breaks them in silence.
 */
#include "peers.h"

#include <utils.h>

#include "frozen.h"

#include <stddef.h>

/* By the width of pointers: 64 or 32 bits. */
#define BY_WIDTH(wide, narrow) (sizeof(void *) == 8 ? (wide) : (narrow))
/* BUFSIZ, which is a part of the ABI: 8192 with glibc, 1024 with musl. */
#ifdef __GLIBC__
enum { TEXT_SIZE = 8192 };
#else
enum { TEXT_SIZE = 1024 };
#endif

#define SIZE(type, size, align)                     \
	do {                                        \
		CHECK_EQUAL(sizeof(type), size);    \
		CHECK_EQUAL(_Alignof(type), align); \
	} while (0)
#define FIELD(type, field, offset, size)                       \
	do {                                                   \
		CHECK_EQUAL(offsetof(type, field), offset);    \
		CHECK_EQUAL(sizeof(((type *)0)->field), size); \
	} while (0)

TEST(layout_of_struct_ipc_error) {
	SIZE(struct ipc_error, 4 + TEXT_SIZE, 4);
	FIELD(struct ipc_error, error_code, 0, 4);
	FIELD(struct ipc_error, error_message, 4, TEXT_SIZE);
}

TEST(layout_of_struct_ipc_connection_info) {
	SIZE(struct ipc_connection_info, BY_WIDTH(16, 12), BY_WIDTH(8, 4));
	FIELD(struct ipc_connection_info, type, 0, 4);
	FIELD(struct ipc_connection_info, more_to_read, 4, 2);
	FIELD(struct ipc_connection_info, spath, 8, BY_WIDTH(8, 4));
}

TEST(layout_of_struct_ipc_message) {
	SIZE(struct ipc_message, BY_WIDTH(24, 16), BY_WIDTH(8, 4));
	FIELD(struct ipc_message, type, 0, 1);
	FIELD(struct ipc_message, user_type, 1, 1);
	FIELD(struct ipc_message, fd, 4, 4);
	FIELD(struct ipc_message, length, 8, 4);
	FIELD(struct ipc_message, payload, BY_WIDTH(16, 12), BY_WIDTH(8, 4));
}

TEST(layout_of_struct_ipc_messages) {
	SIZE(struct ipc_messages, BY_WIDTH(16, 8), BY_WIDTH(8, 4));
	FIELD(struct ipc_messages, messages, 0, BY_WIDTH(8, 4));
	FIELD(struct ipc_messages, size, BY_WIDTH(8, 4), BY_WIDTH(8, 4));
}

TEST(layout_of_struct_ipc_switching) {
	SIZE(struct ipc_switching, BY_WIDTH(40, 24), BY_WIDTH(8, 4));
	FIELD(struct ipc_switching, orig, 0, 4);
	FIELD(struct ipc_switching, dest, 4, 4);
	FIELD(struct ipc_switching, orig_in, 8, BY_WIDTH(8, 4));
	FIELD(struct ipc_switching, orig_out, BY_WIDTH(16, 12), BY_WIDTH(8, 4));
	FIELD(struct ipc_switching, dest_in, BY_WIDTH(24, 16), BY_WIDTH(8, 4));
	FIELD(struct ipc_switching, dest_out, BY_WIDTH(32, 20), BY_WIDTH(8, 4));
}

TEST(layout_of_struct_ipc_switchings) {
	SIZE(struct ipc_switchings, BY_WIDTH(16, 8), BY_WIDTH(8, 4));
	FIELD(struct ipc_switchings, collection, 0, BY_WIDTH(8, 4));
	FIELD(struct ipc_switchings, size, BY_WIDTH(8, 4), BY_WIDTH(8, 4));
}

TEST(layout_of_struct_ipc_ctx) {
	SIZE(struct ipc_ctx, BY_WIDTH(56, 28), BY_WIDTH(8, 4));
	FIELD(struct ipc_ctx, cinfos, 0, BY_WIDTH(8, 4));
	FIELD(struct ipc_ctx, pollfd, BY_WIDTH(8, 4), BY_WIDTH(8, 4));
	FIELD(struct ipc_ctx, size, BY_WIDTH(16, 8), BY_WIDTH(8, 4));
	FIELD(struct ipc_ctx, tx, BY_WIDTH(24, 12), BY_WIDTH(16, 8));
	FIELD(struct ipc_ctx, switchdb, BY_WIDTH(40, 20), BY_WIDTH(16, 8));
}

TEST(layout_of_struct_ipc_event) {
	SIZE(struct ipc_event, BY_WIDTH(24, 16), BY_WIDTH(8, 4));
	FIELD(struct ipc_event, type, 0, 4);
	FIELD(struct ipc_event, index, 4, 4);
	FIELD(struct ipc_event, origin, 8, 4);
	FIELD(struct ipc_event, m, BY_WIDTH(16, 12), BY_WIDTH(8, 4));
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

TEST(values_of_enum_ipc_error_code) {
	static const struct {
		int number, value;
	} codes[] = {
#define CODE(number, name) {number, IPC_ERROR_##name},
	    FROZEN_CODES
#undef CODE
	};
	size_t count = sizeof codes / sizeof codes[0];
	CHECK_EQUAL(sizeof(enum ipc_error_code), 4);
	CHECK(count >= 115);
	for (size_t i = 0; i < count; i++) CHECK_EQUAL(codes[i].value, codes[i].number);
}
