/*
 * context.c - the life of a context: made, filled by services and connections, closed, freed.
 * One test for each row of the contract's table of calls that concerns a whole context.
 */
#include "peers.h"

static struct ipc_ctx ctx, zeroed;
static struct ipc_event event;

static void check_path_in_run_directory(const char *path, const char *name) {
	char wanted[PATH_MAX];
	snprintf(wanted, sizeof wanted, "%s/%s", run_directory, name);
	CHECK(path != NULL && strcmp(path, wanted) == 0);
}

static int socket_file_is_there(const char *name) {
	struct sockaddr_un address = address_of(name);
	struct stat status;
	return stat(address.sun_path, &status) == 0 && S_ISSOCK(status.st_mode);
}

TEST(ipc_ctx_init_allocates_a_zeroed_context) {
	struct ipc_ctx *made = NULL;
	CHECK_OK(ipc_ctx_init(&made));
	CHECK(made != NULL && memcmp(made, &zeroed, sizeof zeroed) == 0);
	CHECK_OK(ipc_server_init(made, "pong"));
	CHECK_EQUAL(made->size, 1);
	finish(made, &event);
	free(made);
}

TEST(ipc_ctx_init_names_its_missing_arguments) {
	struct ipc_ctx *made = &ctx;
	CHECK_CODE(ipc_ctx_init(NULL), IPC_ERROR_CTX_INIT__NO_CONTEXT_PARAM);
	CHECK_CODE(ipc_ctx_init(&made), IPC_ERROR_CTX_INIT__CONTEXT_ALREADY_INIT);
	CHECK(made == &ctx);
}

TEST(ipc_ctx_new_alloc_adds_a_zeroed_entry_for_the_program_to_fill) {
	int external[2], peer[2];
	make_pair(external);
	make_pair(peer);
	CHECK_CODE(ipc_ctx_new_alloc(NULL), IPC_ERROR_ADD__NO_PARAM_CLIENTS);
	int filled[2] = {external[1], peer[1]};
	enum ipc_connection_type types[2] = {IPC_CONNECTION_TYPE_EXTERNAL, IPC_CONNECTION_TYPE_IPC};
	for (size_t i = 0; i < 2; i++) {
		CHECK_OK(ipc_ctx_new_alloc(&ctx));
		CHECK_EQUAL(ctx.size, i + 1);
		/* field by field: struct ipc_connection_info has padding, which nobody has to zero */
		CHECK_EQUAL(ctx.cinfos[i].type, 0);
		CHECK_EQUAL(ctx.cinfos[i].more_to_read, 0);
		CHECK(ctx.cinfos[i].spath == NULL);
		CHECK(ctx.pollfd[i].fd == 0 && ctx.pollfd[i].events == 0 && ctx.pollfd[i].revents == 0);
		ctx.pollfd[i].fd = filled[i];
		ctx.cinfos[i].type = types[i];
	}
	nothing_to_tell(&ctx, &event);
	write_bytes(external[0], "x", 1);
	next(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
	CHECK_EQUAL(event.index, 0);
	CHECK_EQUAL(event.origin, external[1]);
	char byte;
	CHECK_EQUAL(read_bytes(external[1], &byte, 1), 1);
	write_frame(peer[0], 'a', "hello", 5);
	next_message(&ctx, &event, peer[1], 'a', "hello", 5);
	queue(&ctx, peer[1], 'b', "bye", 3);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(peer[0], 'b', "bye", 3);
	finish(&ctx, &event);
	close(external[0]);
	close(external[1]);
	close(peer[0]);
}

TEST(ipc_ctx_free_closes_nothing_and_leaves_the_context_as_if_zeroed) {
	int ends[2], client, origin;
	make_pair(ends);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	client = join(&ctx, &event, "pong", &origin);
	ipc_ctx_switching_add(&ctx, origin, ends[0]);
	queue(&ctx, origin, 'a', "pending", 7);
	int server = ctx.pollfd[0].fd;
	ipc_ctx_free(&ctx);
	CHECK(memcmp(&ctx, &zeroed, sizeof zeroed) == 0);
	CHECK(is_open(server) && is_open(origin) && is_open(ends[0]));
	ipc_ctx_free(&ctx);
	ipc_ctx_free(NULL);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	CHECK_EQUAL(ctx.size, 1);
	nothing_to_tell(&ctx, &event);
	ipc_ctx_free(&ctx);
	int opened[] = {server, origin, client, ends[0], ends[1]};
	for (size_t i = 0; i < 5; i++) close(opened[i]);
}

TEST(ipc_server_init_listens_and_adds_a_server_entry) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(ctx.size, 1);
	CHECK_EQUAL(ctx.cinfos[0].type, IPC_CONNECTION_TYPE_SERVER);
	check_path_in_run_directory(ctx.cinfos[0].spath, "pong");
	CHECK(socket_file_is_there("pong"));
	CHECK_OK(ipc_server_init(&ctx, "ping"));
	CHECK_EQUAL(ctx.size, 2);
	check_path_in_run_directory(ctx.cinfos[1].spath, "ping");
	int client = join(&ctx, &event, "ping", NULL);
	CHECK(ctx.cinfos[event.index].spath == NULL);
	close(client);
	finish(&ctx, &event);
}

TEST(ipc_server_init_names_what_is_wrong) {
	struct ipc_ctx other = {0};
	CHECK_CODE(ipc_server_init(NULL, "pong"), IPC_ERROR_SERVER_INIT__NO_SERVICE_PARAM);
	CHECK_CODE(ipc_server_init(&ctx, NULL), IPC_ERROR_SERVER_INIT__NO_SERVER_NAME_PARAM);
	CHECK_CODE(ipc_server_init(&ctx, ""), IPC_ERROR_SERVICE_PATH__INVALID_NAME);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_CODE(ipc_server_init(&other, "pong"), IPC_ERROR_USOCK_INIT__BIND);
	CHECK_EQUAL(other.size, 0);
	finish(&ctx, &event);
	ipc_ctx_free(&other);
}

TEST(ipc_connection_adds_an_ipc_entry) {
	int fd = -1, listening = raw_listen("pong");
	CHECK_OK(ipc_connection(&ctx, "pong", &fd));
	CHECK_OK(ipc_connection(&ctx, "pong", NULL));
	CHECK_EQUAL(ctx.size, 2);
	CHECK_EQUAL(ctx.pollfd[0].fd, fd);
	CHECK_EQUAL(ctx.cinfos[0].type, IPC_CONNECTION_TYPE_IPC);
	CHECK_EQUAL(ctx.cinfos[1].type, IPC_CONNECTION_TYPE_IPC);
	CHECK(ctx.cinfos[0].spath == NULL);
	int peer = accept(listening, NULL, NULL);
	write_frame(peer, 'a', "hello", 5);
	next_message(&ctx, &event, fd, 'a', "hello", 5);
	close(peer);
	finish(&ctx, &event);
	close(listening);
}

TEST(ipc_connection_names_what_is_wrong) {
	int fd = -1;
	CHECK_CODE(ipc_connection(NULL, "pong", &fd), IPC_ERROR_CONNECTION__NO_CTX);
	CHECK_CODE(ipc_connection(&ctx, NULL, &fd), IPC_ERROR_CONNECTION__NO_SERVICE_NAME);
	CHECK_CODE(ipc_connection(&ctx, "", &fd), IPC_ERROR_SERVICE_PATH__INVALID_NAME);
	CHECK_CODE(ipc_connection(&ctx, "pong", &fd), IPC_ERROR_USOCK_CONNECT__CONNECT);
	struct ipc_error e = ipc_connection(&ctx, "pong", &fd);
	CHECK(strstr(e.error_message, run_directory) != NULL && strstr(e.error_message, strerror(ENOENT)) != NULL);
	CHECK_EQUAL(ctx.size, 0);
	ipc_ctx_free(&ctx);
}

TEST(ipc_close_closes_a_connection_and_keeps_the_entry) {
	int origin, client;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	client = join(&ctx, &event, "pong", &origin);
	queue(&ctx, origin, 'a', "last words", 10);
	CHECK_OK(ipc_close(&ctx, event.index));
	CHECK_EQUAL(ctx.size, 2);
	CHECK_EQUAL(ctx.tx.size, 0);
	CHECK(!is_open(origin));
	char byte;
	read_frame(client, 'a', "last words", 10);
	CHECK_EQUAL(read_bytes(client, &byte, 1), 0);
	CHECK_OK(ipc_del(&ctx, 1));
	close(client);
	finish(&ctx, &event);
}

TEST(ipc_close_removes_the_socket_file_of_a_server) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int fd = ctx.pollfd[0].fd;
	CHECK_OK(ipc_close(&ctx, 0));
	CHECK_EQUAL(ctx.size, 1);
	CHECK(ctx.cinfos[0].spath == NULL);
	CHECK(!socket_file_is_there("pong"));
	CHECK(!is_open(fd));
	CHECK_OK(ipc_del(&ctx, 0));
	ipc_ctx_free(&ctx);
}

TEST(ipc_close_leaves_the_socket_file_of_another) {
	struct sockaddr_un address = address_of("pong");
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(unlink(address.sun_path), 0);
	int other = raw_listen("pong");
	CHECK_OK(ipc_close(&ctx, 0));
	CHECK(ctx.cinfos[0].spath == NULL);
	CHECK(socket_file_is_there("pong"));
	CHECK_OK(ipc_del(&ctx, 0));
	close(other);
	ipc_ctx_free(&ctx);
}

TEST(ipc_close_leaves_an_external_descriptor_open) {
	int ends[2];
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	queue(&ctx, ends[0], 'a', "never sent", 10);
	CHECK_OK(ipc_close(&ctx, 0));
	CHECK(is_open(ends[0]));
	CHECK_EQUAL(ctx.size, 1);
	CHECK_EQUAL(ctx.tx.size, 0);
	finish(&ctx, &event);
	CHECK(is_open(ends[0]));
	close(ends[0]);
	close(ends[1]);
}

TEST(ipc_close_names_what_is_wrong) {
	int ends[2];
	make_pair(ends);
	CHECK_CODE(ipc_close(NULL, 0), IPC_ERROR_CLOSE__NO_CTX_PARAM);
	CHECK_OK(ipc_add_fd_switched(&ctx, ends[0]));
	CHECK_CODE(ipc_close(&ctx, 1), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
	CHECK_CODE(ipc_close(&ctx, UINT32_MAX), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
	close(ends[0]);
	CHECK_CODE(ipc_close(&ctx, 0), IPC_ERROR_USOCK_CLOSE);
	ipc_ctx_free(&ctx);
	close(ends[1]);
}

TEST(ipc_close_all_closes_every_entry_and_returns_success) {
	int ends[2], origin, client;
	make_pair(ends);
	CHECK_CODE(ipc_close_all(NULL), IPC_ERROR_CLOSE_ALL__NO_CTX_PARAM);
	CHECK_OK(ipc_close_all(&ctx));
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	client = join(&ctx, &event, "pong", &origin);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	CHECK_OK(ipc_add_fd_switched(&ctx, ends[1]));
	int server = ctx.pollfd[0].fd;
	close(origin);
	CHECK_OK(ipc_close_all(&ctx));
	CHECK_EQUAL(ctx.size, 4);
	CHECK(!is_open(server) && is_open(ends[0]) && !is_open(ends[1]));
	CHECK(!socket_file_is_there("pong"));
	ipc_ctx_free(&ctx);
	close(client);
	close(ends[0]);
}

TEST(ipc_accept_add_adds_the_client_at_the_end) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int client = raw_connect("pong");
	CHECK_OK(ipc_accept_add(&event, &ctx, 0));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_CONNECTION);
	CHECK_EQUAL(ctx.size, 2);
	CHECK_EQUAL(event.index, 1);
	CHECK_EQUAL(event.origin, ctx.pollfd[1].fd);
	CHECK_EQUAL(ctx.cinfos[1].type, IPC_CONNECTION_TYPE_IPC);
	write_frame(client, 'a', "hello", 5);
	next_message(&ctx, &event, ctx.pollfd[1].fd, 'a', "hello", 5);
	close(client);
	finish(&ctx, &event);
}

TEST(ipc_accept_add_names_what_is_wrong) {
	int ends[2];
	make_pair(ends);
	struct ipc_connection_info server = {.type = IPC_CONNECTION_TYPE_SERVER};
	CHECK_OK(ipc_add(&ctx, &server, &(struct pollfd){.fd = ends[0]}));
	CHECK_CODE(ipc_accept_add(NULL, &ctx, 0), IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM);
	CHECK_CODE(ipc_accept_add(&event, NULL, 0), IPC_ERROR_HANDLE_NEW_CONNECTION__NO_CINFOS_PARAM);
	CHECK_CODE(ipc_accept_add(&event, &ctx, 1), IPC_ERROR_HANDLE_NEW_CONNECTION__INCONSISTENT_INDEX);
	CHECK_CODE(ipc_accept_add(&event, &ctx, 0), IPC_ERROR_USOCK_ACCEPT);
	CHECK_EQUAL(ctx.size, 1);
	finish(&ctx, &event);
	close(ends[1]);
}
