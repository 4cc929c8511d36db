/*
 * messages.c - messages in memory: filled, encoded, decoded, copied, emptied, and kept in a list.
 * One test or more for each function; what goes wrong leaves the message, the buffer and the list as they were.
 */
#include "peers.h"

static const char coucou[] = "\2\0\0\0\7acoucou"; /* the frame that the contract spells out, with its NUL */

static void check_message(const struct ipc_message *m, int type, int user_type, const void *payload, uint32_t length) {
	CHECK_EQUAL(m->type, type);
	CHECK_EQUAL(m->user_type, user_type);
	CHECK_EQUAL(m->length, length);
	if (payload == NULL) CHECK(m->payload == NULL);
	else CHECK(m->payload != NULL && m->payload != payload && memcmp(m->payload, payload, length) == 0);
}

TEST(ipc_message_format_fills_the_message_with_a_copy) {
	struct ipc_message m = {0};
	char text[] = "a\0b";
	CHECK_OK(ipc_message_format(&m, MSG_TYPE_ERR, 'u', text, 4));
	memset(text, 'x', sizeof text);
	check_message(&m, MSG_TYPE_ERR, 'u', "a\0b", 4);
	CHECK_OK(ipc_message_format(&m, (char)200, (char)255, "longer than it was", 18)); /* frees the former payload */
	check_message(&m, (char)200, (char)255, "longer than it was", 18);
	CHECK_OK(ipc_message_format(&m, 9, 8, NULL, 0));
	check_message(&m, 9, 8, NULL, 0);
}

TEST(ipc_message_format_data_is_of_type_2_and_server_close_of_type_0_and_empty) {
	struct ipc_message m = {0};
	CHECK_OK(ipc_message_format_data(&m, 'd', "data", 4));
	check_message(&m, 2, 'd', "data", 4);
	CHECK_OK(ipc_message_format_data(&m, 'e', NULL, 0));
	check_message(&m, 2, 'e', NULL, 0);
	CHECK_OK(ipc_message_format_data(&m, 'd', "data", 4));
	CHECK_OK(ipc_message_format_server_close(&m));
	CHECK_EQUAL(m.type, 0);
	CHECK(m.length == 0 && m.payload == NULL);
}

TEST(ipc_message_format_names_what_is_wrong_and_changes_nothing) {
	struct ipc_message m = {0};
	char *large = pattern(IPC_MAX_MESSAGE_SIZE + 1, 1);
	CHECK_OK(ipc_message_format(&m, MSG_TYPE_ERR, 'u', "kept", 4));
	char *kept = m.payload;
	CHECK_CODE(ipc_message_format(&m, 2, 'a', large, IPC_MAX_MESSAGE_SIZE + 1), IPC_ERROR_MESSAGE_FORMAT__MESSAGE_SIZE);
	CHECK_CODE(ipc_message_format_data(&m, 'a', large, IPC_MAX_MESSAGE_SIZE + 1), IPC_ERROR_MESSAGE_FORMAT__MESSAGE_SIZE);
	const size_t lengths[] = {
		(size_t)1 << 31,
		SIZE_MAX / 2 + 1,
		SIZE_MAX,
#if SIZE_MAX > UINT32_MAX
		(size_t)1 << 32,
		((size_t)1 << 32) + 4,
#endif
	};
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		CHECK_CODE(ipc_message_format(&m, 2, 'a', "x", lengths[i]), IPC_ERROR_MESSAGE_FORMAT__MESSAGE_SIZE);
		CHECK_CODE(ipc_message_format_data(&m, 'a', "x", lengths[i]), IPC_ERROR_MESSAGE_FORMAT__MESSAGE_SIZE);
	}
	CHECK_CODE(ipc_message_format(&m, 2, 'a', "x", 0), IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS);
	CHECK_CODE(ipc_message_format(&m, 2, 'a', NULL, 5), IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS);
	CHECK_CODE(ipc_message_format_data(&m, 'a', NULL, 5), IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS);
	CHECK(m.payload == kept);
	check_message(&m, MSG_TYPE_ERR, 'u', "kept", 4);
	CHECK_OK(ipc_message_format_data(&m, 'a', large, IPC_MAX_MESSAGE_SIZE));
	check_message(&m, 2, 'a', large, IPC_MAX_MESSAGE_SIZE);
	free(m.payload);
	free(large);
}

TEST(ipc_message_format_write_encodes_the_frame_of_the_contract) {
	char buffer[32], *given = buffer, *made = NULL;
	size_t size = 0;
	struct ipc_message m = message_of(0, 'a', "coucou", 7), empty = message_of(0, 'e', NULL, 0);
	CHECK_OK(ipc_message_format_write(&m, &made, &size));
	CHECK_EQUAL(size, 13);
	CHECK(memcmp(made, coucou, 13) == 0);
	free(made);
	memset(buffer, 'x', sizeof buffer);
	size = 0;
	CHECK_OK(ipc_message_format_write(&m, &given, &size));
	CHECK(given == buffer && size == 13);
	CHECK(memcmp(buffer, coucou, 13) == 0);
	CHECK_EQUAL(buffer[13], 'x');
	CHECK_OK(ipc_message_format_write(&empty, &given, &size));
	CHECK_EQUAL(size, 6);
	CHECK(memcmp(buffer, "\2\0\0\0\0e", 6) == 0);
	CHECK_EQUAL(buffer[6], 'c'); /* what was there */
}

TEST(ipc_message_format_write_names_what_is_wrong_and_changes_nothing) {
	char *made = NULL;
	size_t size = 77;
	struct ipc_message m = message_of(0, 'a', "x", IPC_MAX_MESSAGE_SIZE + 1);
	CHECK_CODE(ipc_message_format_write(&m, &made, &size), IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH);
	m.length = UINT32_MAX; /* and the frame's size must not wrap round */
	CHECK_CODE(ipc_message_format_write(&m, &made, &size), IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH);
	CHECK_CODE(ipc_message_format_write(NULL, &made, &size), IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MESSAGE);
	m.length = 1;
	CHECK_CODE(ipc_message_format_write(&m, &made, NULL), IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MSIZE);
	CHECK_CODE(ipc_message_format_write(&m, NULL, &size), IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_BUFFER);
	CHECK(made == NULL && size == 77);
}

TEST(ipc_message_format_read_decodes_one_whole_frame) {
	struct ipc_message m = {0};
	char frame[13];
	memcpy(frame, coucou, sizeof frame);
	CHECK_OK(ipc_message_format_read(&m, frame, sizeof frame));
	memset(frame, 'x', sizeof frame);
	check_message(&m, 2, 'a', "coucou", 7);
	CHECK_OK(ipc_message_format_read(&m, "\310\0\0\0\1\377\0", 7)); /* frees the former payload */
	check_message(&m, (char)200, (char)255, "", 1);
	CHECK_OK(ipc_message_format_read(&m, "\1\0\0\0\0z", 6));
	CHECK_EQUAL(m.type, 1);
	CHECK_EQUAL(m.length, 0);
	CHECK(m.payload != NULL); /* an empty payload is received as one that can be freed */
	free(m.payload);
}

TEST(ipc_message_format_read_names_what_is_wrong_and_changes_nothing) {
	struct ipc_message m = {0};
	char *frame = pattern(FRAME_SIZE(IPC_MAX_MESSAGE_SIZE) + 1, 1);
	CHECK_OK(ipc_message_format(&m, MSG_TYPE_ERR, 'u', "kept", 4));
	put_header(frame, 2, IPC_MAX_MESSAGE_SIZE + 1, 'a');
	CHECK_CODE(
	    ipc_message_format_read(&m, frame, FRAME_SIZE(IPC_MAX_MESSAGE_SIZE) + 1), IPC_ERROR_MESSAGE_FORMAT_READ__PARAM_MESSAGE_SIZE);
	CHECK_CODE(ipc_message_format_read(&m, frame, SIZE_MAX), IPC_ERROR_MESSAGE_FORMAT_READ__PARAM_MESSAGE_SIZE);
	CHECK_CODE(ipc_message_format_read(&m, frame, 100), IPC_ERROR_MESSAGE_FORMAT_READ__MESSAGE_TOO_LONG);
	CHECK_CODE(ipc_message_format_read(&m, "\2\377\377\377\377a", 6), IPC_ERROR_MESSAGE_FORMAT_READ__MESSAGE_TOO_LONG);
	for (size_t size = 0; size < 16; size++) {
		if (size == 13) continue;
		char bytes[16] = "";
		memcpy(bytes, coucou, size < 13 ? size : 13);
		CHECK_CODE(ipc_message_format_read(&m, bytes, size), IPC_ERROR_MESSAGE_FORMAT_READ__READ_MESSAGE_SIZE);
	}
	CHECK_CODE(ipc_message_format_read(NULL, coucou, 13), IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_MESSAGE);
	CHECK_CODE(ipc_message_format_read(&m, NULL, 13), IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_BUFFER);
	check_message(&m, MSG_TYPE_ERR, 'u', "kept", 4);
	put_header(frame, 2, IPC_MAX_MESSAGE_SIZE, 'a');
	CHECK_OK(ipc_message_format_read(&m, frame, FRAME_SIZE(IPC_MAX_MESSAGE_SIZE)));
	check_message(&m, 2, 'a', frame + IPC_HEADER_SIZE, IPC_MAX_MESSAGE_SIZE);
	free(m.payload);
	free(frame);
}

TEST(ipc_message_raw_serialize_encodes_and_returns_the_size) {
	char buffer[32];
	memset(buffer, 'x', sizeof buffer);
	CHECK_EQUAL(ipc_message_raw_serialize(buffer, 2, 'a', (char *)coucou + 6, 7), 13);
	CHECK(memcmp(buffer, coucou, 13) == 0);
	CHECK_EQUAL(buffer[13], 'x');
	CHECK_EQUAL(ipc_message_raw_serialize(buffer, (char)200, (char)255, NULL, 0), 6);
	CHECK(memcmp(buffer, "\310\0\0\0\0\377co", 8) == 0);
}

TEST(ipc_message_empty_frees_the_payload_and_keeps_the_rest) {
	struct ipc_message m = {0};
	CHECK_OK(ipc_message_format_data(&m, 'a', "gone", 4));
	m.fd = 7;
	CHECK_OK(ipc_message_empty(&m));
	check_message(&m, MSG_TYPE_DATA, 'a', NULL, 0);
	CHECK_EQUAL(m.fd, 7);
	CHECK_OK(ipc_message_empty(&m));
	CHECK_CODE(ipc_message_empty(NULL), IPC_ERROR_MESSAGE_EMPTY__EMPTY_MESSAGE_LIST);
}

TEST(ipc_message_copy_fills_all_fields_with_a_copy) {
	struct ipc_message m = {0};
	char text[] = "te\0xt";
	ipc_message_copy(&m, 12, 3, 'c', text, sizeof text);
	memset(text, 'x', sizeof text);
	check_message(&m, 3, 'c', "te\0xt", 6);
	CHECK_EQUAL(m.fd, 12);
	ipc_message_copy(&m, 13, 255, 254, (char *)"other", 5); /* frees the former payload */
	check_message(&m, (char)255, (char)254, "other", 5);
	CHECK_EQUAL(m.fd, 13);
	ipc_message_copy(&m, 14, 1, 2, NULL, 0);
	CHECK(m.fd == 14 && m.type == 1 && m.user_type == 2 && m.length == 0);
	free(m.payload);
}

/* ---- a list of the program's own ---- */

static struct ipc_messages list;

static void fill_list(int count) {
	for (int i = 0; i < count; i++) {
		char text[8] = {(char)('a' + i), 0, 'z'};
		struct ipc_message m = {1, (char)i, 100 + i, sizeof text, text};
		CHECK_OK(ipc_messages_add(&list, &m));
		memset(text, 'x', sizeof text);
		CHECK_EQUAL(list.size, i + 1);
	}
}

static void check_listed(size_t index, int number) {
	const char text[8] = {(char)('a' + number), 0, 'z'};
	struct ipc_message *m = &list.messages[index];
	check_message(m, 1, number, text, sizeof text);
	CHECK_EQUAL(m->fd, 100 + number);
}

TEST(ipc_messages_add_appends_a_deep_copy) {
	fill_list(20);
	for (int i = 0; i < 20; i++) check_listed((size_t)i, i);
	struct ipc_message empty = {2, 'e', 3, 0, NULL};
	CHECK_OK(ipc_messages_add(&list, &empty));
	CHECK(list.messages[20].length == 0 && list.messages[20].user_type == 'e' && list.messages[20].fd == 3);
	CHECK_CODE(ipc_messages_add(NULL, &empty), IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGES);
	CHECK_CODE(ipc_messages_add(&list, NULL), IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGE);
	CHECK_EQUAL(list.size, 21);
	ipc_messages_free(&list);
}

TEST(ipc_messages_del_moves_the_last_one_and_leaves_the_payload_to_the_caller) {
	fill_list(4);
	char *removed = list.messages[1].payload;
	CHECK_OK(ipc_messages_del(&list, 1));
	CHECK_EQUAL(list.size, 3);
	check_listed(0, 0);
	check_listed(1, 3);
	check_listed(2, 2);
	CHECK(removed[0] == 'b' && removed[2] == 'z');
	free(removed);
	CHECK_CODE(ipc_messages_del(&list, 3), IPC_ERROR_MESSAGE_DEL__INDEX_ERROR);
	CHECK_CODE(ipc_messages_del(&list, UINT32_MAX), IPC_ERROR_MESSAGE_DEL__INDEX_ERROR);
	CHECK_CODE(ipc_messages_del(NULL, 0), IPC_ERROR_DEL_MESSAGE_TO_SEND__NO_PARAM_MESSAGES);
	CHECK_EQUAL(list.size, 3);
	while (list.size > 0) {
		removed = list.messages[list.size - 1].payload;
		CHECK_OK(ipc_messages_del(&list, (uint32_t)list.size - 1));
		free(removed);
	}
	CHECK_CODE(ipc_messages_del(&list, 0), IPC_ERROR_MESSAGE_DEL__EMPTY_LIST);
	fill_list(2); /* an emptied list can be filled again */
	check_listed(1, 1);
	ipc_messages_free(&list);
}

TEST(ipc_messages_free_frees_everything_and_the_list_can_be_used_again) {
	for (int round = 0; round < 2; round++) {
		fill_list(3);
		ipc_messages_free(&list);
		CHECK(list.size == 0 && list.messages == NULL);
	}
	ipc_messages_free(&list);
	CHECK_EQUAL(list.size, 0);
}
