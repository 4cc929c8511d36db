/*
 * entries.c - what a context watches: adding, dropping and retyping its entries, and how much may
 * wait for one of them. Descriptors are never closed here: dropping an entry is not closing it.
 */
#include "peers.h"

static struct ipc_ctx ctx, zeroed;
static struct ipc_event event;

static void check_entry(size_t index, int fd, enum ipc_connection_type type) {
	CHECK(index < ctx.size);
	CHECK_EQUAL(ctx.pollfd[index].fd, fd);
	CHECK_EQUAL(ctx.cinfos[index].type, type);
}

static void close_both(int ends[2]) {
	close(ends[0]);
	close(ends[1]);
}

TEST(ipc_add_adds_the_entry_described) {
	int ends[2], listening = raw_listen("pong");
	make_pair(ends);
	struct ipc_connection_info external = {.type = IPC_CONNECTION_TYPE_EXTERNAL};
	struct ipc_connection_info server = {.type = IPC_CONNECTION_TYPE_SERVER, .spath = strdup("a path")};
	CHECK_OK(ipc_add(&ctx, &external, &(struct pollfd){.fd = ends[0], .events = POLLIN}));
	CHECK_OK(ipc_add(&ctx, &server, &(struct pollfd){.fd = listening}));
	CHECK_EQUAL(ctx.size, 2);
	check_entry(0, ends[0], IPC_CONNECTION_TYPE_EXTERNAL);
	check_entry(1, listening, IPC_CONNECTION_TYPE_SERVER);
	CHECK(strcmp(ctx.cinfos[1].spath, "a path") == 0);
	int client = join(&ctx, &event, "pong", NULL);
	CHECK_EQUAL(event.index, 2);
	close(client);
	finish(&ctx, &event);
	close_both(ends);
}

TEST(ipc_add_names_its_missing_arguments) {
	struct ipc_connection_info info = {0};
	struct pollfd pollfd = {.fd = 0};
	CHECK_CODE(ipc_add(NULL, &info, &pollfd), IPC_ERROR_ADD__NO_PARAM_CLIENTS);
	CHECK_CODE(ipc_add(&ctx, NULL, &pollfd), IPC_ERROR_ADD__NO_PARAM_CLIENT);
	CHECK_CODE(ipc_add(&ctx, &info, NULL), IPC_ERROR_ADD__NO_PARAM_POLLFD);
	CHECK_EQUAL(ctx.size, 0);
	ipc_ctx_free(&ctx);
}

TEST(ipc_add_fd_adds_an_external_entry) {
	int ends[2];
	make_pair(ends);
	CHECK_CODE(ipc_add_fd(NULL, ends[0]), IPC_ERROR_ADD_FD__NO_PARAM_CINFOS);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	check_entry(0, ends[0], IPC_CONNECTION_TYPE_EXTERNAL);
	CHECK(ctx.cinfos[0].spath == NULL);
	write_bytes(ends[1], "x", 1);
	next(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
	CHECK_EQUAL(event.origin, ends[0]);
	ipc_ctx_free(&ctx);
	close_both(ends);
}

TEST(ipc_add_fd_switched_adds_a_switched_entry) {
	int ends[2];
	make_pair(ends);
	CHECK_CODE(ipc_add_fd_switched(NULL, ends[0]), IPC_ERROR_ADD_FD__NO_PARAM_CINFOS);
	CHECK_OK(ipc_add_fd_switched(&ctx, ends[0]));
	check_entry(0, ends[0], IPC_CONNECTION_TYPE_SWITCHED);
	CHECK_EQUAL(ctx.switchdb.size, 0);
	nothing_to_tell(&ctx, &event);
	ipc_ctx_free(&ctx);
	close_both(ends);
}

TEST(ipc_del_moves_the_last_entry_into_the_gap_and_closes_nothing) {
	int ends[4][2];
	for (int i = 0; i < 4; i++) {
		make_pair(ends[i]);
		CHECK_OK(i == 3 ? ipc_add_fd_switched(&ctx, ends[i][0]) : ipc_add_fd(&ctx, ends[i][0]));
	}
	queue(&ctx, ends[1][0], 'a', "offered", 7);
	queue(&ctx, ends[2][0], 'b', "sent", 4);
	CHECK_EQUAL(ctx.tx.size, 2);
	CHECK_OK(ipc_del(&ctx, 1));
	CHECK_EQUAL(ctx.size, 3);
	CHECK_EQUAL(ctx.tx.size, 1);
	check_entry(0, ends[0][0], IPC_CONNECTION_TYPE_EXTERNAL);
	check_entry(1, ends[3][0], IPC_CONNECTION_TYPE_SWITCHED);
	check_entry(2, ends[2][0], IPC_CONNECTION_TYPE_EXTERNAL);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(event.index, 2);
	read_frame(ends[2][1], 'b', "sent", 4);
	read_frame(ends[1][1], 'a', "offered", 7);
	CHECK(!is_readable(ends[1][1]));
	write_bytes(ends[1][1], "not watched", 11);
	nothing_to_tell(&ctx, &event);
	ipc_ctx_free(&ctx);
	for (int i = 0; i < 4; i++) {
		CHECK(is_open(ends[i][0]));
		close_both(ends[i]);
	}
}

TEST(ipc_del_of_the_last_entry_frees_everything) {
	int ends[2];
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	queue(&ctx, ends[0], 'a', "dropped", 7);
	CHECK_OK(ipc_del(&ctx, 0));
	CHECK(memcmp(&ctx, &zeroed, sizeof zeroed) == 0);
	CHECK_OK(ipc_add_fd(&ctx, ends[1]));
	CHECK_OK(ipc_del_fd(&ctx, ends[1]));
	CHECK(memcmp(&ctx, &zeroed, sizeof zeroed) == 0);
	close_both(ends);
}

TEST(ipc_del_names_what_is_wrong) {
	int ends[2];
	make_pair(ends);
	CHECK_CODE(ipc_del(NULL, 0), IPC_ERROR_DEL__NO_CLIENTS_PARAM);
	CHECK_CODE(ipc_del(&ctx, 0), IPC_ERROR_DEL__EMPTY_LIST);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	CHECK_CODE(ipc_del(&ctx, 1), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
	CHECK_CODE(ipc_del(&ctx, UINT32_MAX), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
	CHECK_EQUAL(ctx.size, 1);
	ipc_ctx_free(&ctx);
	close_both(ends);
}

TEST(ipc_del_fd_drops_the_entry_of_the_descriptor) {
	int ends[2];
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	CHECK_OK(ipc_add_fd_switched(&ctx, ends[1]));
	queue(&ctx, ends[0], 'a', "dropped", 7);
	CHECK_OK(ipc_del_fd(&ctx, ends[0]));
	CHECK_EQUAL(ctx.size, 1);
	CHECK_EQUAL(ctx.tx.size, 0);
	check_entry(0, ends[1], IPC_CONNECTION_TYPE_SWITCHED);
	CHECK(is_open(ends[0]));
	ipc_ctx_free(&ctx);
	close_both(ends);
}

TEST(ipc_del_fd_names_what_is_wrong) {
	int ends[2];
	make_pair(ends);
	CHECK_CODE(ipc_del_fd(NULL, ends[0]), IPC_ERROR_DEL_FD__NO_PARAM_CINFOS);
	CHECK_CODE(ipc_del_fd(&ctx, ends[0]), IPC_ERROR_DEL_FD__EMPTY_LIST);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	CHECK_CODE(ipc_del_fd(&ctx, ends[1]), IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT);
	CHECK_CODE(ipc_del_fd(&ctx, -1), IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT);
	CHECK_EQUAL(ctx.size, 1);
	ipc_ctx_free(&ctx);
	close_both(ends);
}

TEST(ipc_ctx_fd_type_changes_how_an_entry_is_handled) {
	int ends[2];
	char frame[9];
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[1], IPC_CONNECTION_TYPE_IPC), -1);
	check_entry(0, ends[0], IPC_CONNECTION_TYPE_EXTERNAL);
	write_frame(ends[1], 'a', "one", 3);
	next(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[0], IPC_CONNECTION_TYPE_IPC), 0);
	check_entry(0, ends[0], IPC_CONNECTION_TYPE_IPC);
	next_message(&ctx, &event, ends[0], 'a', "one", 3);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[0], IPC_CONNECTION_TYPE_EXTERNAL), 0);
	write_frame(ends[1], 'b', "two", 3);
	next(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
	CHECK_EQUAL(read_bytes(ends[0], frame, sizeof frame), sizeof frame);
	nothing_to_tell(&ctx, &event);
	ipc_ctx_free(&ctx);
	close_both(ends);
}

TEST(a_type_written_in_place_counts_when_the_next_event_is_handled) {
	int ends[2];
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	nothing_to_tell(&ctx, &event);
	ctx.cinfos[0].type = IPC_CONNECTION_TYPE_IPC;
	write_frame(ends[1], 'a', "one", 3);
	next_message(&ctx, &event, ends[0], 'a', "one", 3);
	ctx.cinfos[0].type = IPC_CONNECTION_TYPE_EXTERNAL;
	write_bytes(ends[1], "x", 1);
	next(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
	CHECK_OK(ipc_close(&ctx, 0));
	CHECK(is_open(ends[0]));
	ipc_ctx_free(&ctx);
	close_both(ends);
}

TEST(ipc_ctx_queue_limit_refuses_what_does_not_fit_and_queues_nothing) {
	int ends[2], other[2];
	make_pair(ends);
	make_pair(other);
	CHECK_CODE(ipc_ctx_queue_limit(NULL, 20), IPC_ERROR_CTX_QUEUE_LIMIT__NO_CTX_PARAM);
	CHECK_OK(ipc_ctx_queue_limit(&ctx, FRAME_SIZE(14)));
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	CHECK_OK(ipc_add_fd(&ctx, other[0]));
	struct ipc_message m = message_of(ends[0], 'a', "fourteen bytes", 14);
	CHECK_OK(ipc_write(&ctx, &m));
	CHECK_CODE(ipc_write(&ctx, &m), IPC_ERROR_WRITE__QUEUE_FULL);
	CHECK_EQUAL(ctx.tx.size, 1);
	queue(&ctx, other[0], 'b', "fourteen bytes", 14);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK_OK(ipc_write(&ctx, &m));
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(ends[1], 'a', "fourteen bytes", 14);
	read_frame(ends[1], 'a', "fourteen bytes", 14);
	CHECK(!is_readable(ends[1]));
	ipc_ctx_free(&ctx);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	for (int i = 0; i < 3; i++) CHECK_OK(ipc_write(&ctx, &m));
	ipc_ctx_free(&ctx);
	close_both(ends);
	close_both(other);
}
