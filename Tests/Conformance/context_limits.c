/*
 * context_limits.c - ipc_ctx_limit, ipc_peer, ipc_ctx_add and ipc_flush.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

#define CHECK_NONE(call) CHECK_EQUAL(call, IPC_ERROR_NONE)

TEST(a_frame_over_the_limit_is_an_error_event) {
	int origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_NONE(ipc_ctx_limit(&ctx, IPC_LIMIT_FRAME, 10));
	int peer = join(&ctx, &event, "pong", &origin);
	write_frame(peer, 'a', "0123456789", 10);
	next_message(&ctx, &event, origin, 'a', "0123456789", 10);
	write_frame(peer, 'a', "0123456789a", 11);
	next(&ctx, &event, IPC_EVENT_TYPE_ERROR);
	CHECK_EQUAL(ctx.size, 1);
	close(peer);
	CHECK_NONE(ipc_ctx_limit(&ctx, IPC_LIMIT_FRAME, (size_t)-1));
	finish(&ctx, &event);
}

TEST(values_out_of_range_are_refused) {
	CHECK_EQUAL(ipc_ctx_limit(NULL, IPC_LIMIT_FRAME, 1), IPC_ERROR_CTX_ENTRY__NO_PARAM);
	CHECK_EQUAL(ipc_ctx_limit(&ctx, IPC_LIMIT_FRAME, IPC_MAX_MESSAGE_SIZE + 1), IPC_ERROR_CTX_LIMIT__VALUE);
	CHECK_EQUAL(ipc_ctx_limit(&ctx, IPC_LIMIT_CONNECT_TIME, (size_t)INT32_MAX + 1), IPC_ERROR_CTX_LIMIT__VALUE);
	CHECK_EQUAL(ipc_ctx_limit(&ctx, (enum ipc_limit)6, 1), IPC_ERROR_CTX_LIMIT__VALUE);
	CHECK(strlen(ipc_last_error()) > 0);
	CHECK_NONE(ipc_ctx_limit(&ctx, IPC_LIMIT_FRAME, IPC_MAX_MESSAGE_SIZE));
	ipc_ctx_free(&ctx);
}

TEST(queues_are_limited_by_messages) {
	int origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_NONE(ipc_ctx_limit(&ctx, IPC_LIMIT_QUEUE_MESSAGES, 3));
	int peer = join(&ctx, &event, "pong", &origin);
	struct ipc_message message = message_of(origin, 'a', "x", 1);
	for (int i = 0; i < 3; i++) CHECK_OK(ipc_write(&ctx, &message));
	CHECK_CODE(ipc_write(&ctx, &message), IPC_ERROR_WRITE__QUEUE_FULL);
	CHECK_NONE(ipc_ctx_limit(&ctx, IPC_LIMIT_QUEUE_BYTES, 14));
	CHECK_NONE(ipc_ctx_limit(&ctx, IPC_LIMIT_QUEUE_MESSAGES, (size_t)-1));
	CHECK_CODE(ipc_write(&ctx, &message), IPC_ERROR_WRITE__QUEUE_FULL);
	CHECK_NONE(ipc_ctx_limit(&ctx, IPC_LIMIT_QUEUE_BYTES, (size_t)-1));
	CHECK_OK(ipc_write(&ctx, &message));
	close(peer);
	finish(&ctx, &event);
}

TEST(connections_over_the_limit_wait_until_one_leaves) {
	int origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_NONE(ipc_ctx_limit(&ctx, IPC_LIMIT_CONNECTIONS, 2));
	int first = join(&ctx, &event, "pong", &origin), second = join(&ctx, &event, "pong", &origin);
	int third = raw_connect("pong");
	write_frame(third, 'a', "3", 1);
	nothing_to_tell(&ctx, &event);
	close(first);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	origin = event.origin;
	next_message(&ctx, &event, origin, 'a', "3", 1);
	int fourth = raw_connect("pong");
	nothing_to_tell(&ctx, &event);
	CHECK_OK(ipc_close_fd(&ctx, origin));
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	int fifth = raw_connect("pong");
	nothing_to_tell(&ctx, &event);
	CHECK_NONE(ipc_ctx_limit(&ctx, IPC_LIMIT_CONNECTIONS, 10));
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	close(second), close(third), close(fourth), close(fifth);
	finish(&ctx, &event);
}

TEST(connections_of_one_user_over_the_limit_are_closed) {
	int origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_NONE(ipc_ctx_limit(&ctx, IPC_LIMIT_CONNECTIONS_OF_USER, 1));
	int first = join(&ctx, &event, "pong", &origin), second = raw_connect("pong");
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(read_bytes(second, (char[1]){0}, 1), 0);
	close(first);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	int third = join(&ctx, &event, "pong", &origin);
	close(second), close(third);
	finish(&ctx, &event);
}

/* With a backlog that is full, connecting fails at once. */
TEST(connecting_need_not_wait) {
	struct sockaddr_un address = address_of("pong");
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), clients[4], count = 0;
	CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 0) == 0);
	for (; count < 4; count++) {
		clients[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(clients[count], (struct sockaddr *)&address, sizeof address) != 0) break;
	}
	CHECK(count < 4);
	CHECK_NONE(ipc_ctx_limit(&ctx, IPC_LIMIT_CONNECT_TIME, 0));
	CHECK_CODE(ipc_connection(&ctx, "pong", NULL), IPC_ERROR_USOCK_CONNECT__CONNECT);
	CHECK_NONE(ipc_ctx_limit(&ctx, IPC_LIMIT_CONNECT_TIME, 20));
	CHECK_CODE(ipc_connection(&ctx, "pong", NULL), IPC_ERROR_USOCK_CONNECT__CONNECT);
	for (int i = 0; i <= count; i++) close(clients[i]);
	close(listener);
	ipc_ctx_free(&ctx);
}

TEST(the_peer_is_this_process) {
	int origin, pipe_ends[2];
	struct ipc_peer_info peer;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int client = join(&ctx, &event, "pong", &origin);
	CHECK_NONE(ipc_peer(&ctx, origin, &peer));
	CHECK(peer.uid == getuid() && peer.gid == getgid() && peer.pid == getpid());
	if (peer.pidfd >= 0) {
		CHECK((fcntl(peer.pidfd, F_GETFD) & FD_CLOEXEC) != 0);
		close(peer.pidfd);
	}
	CHECK_EQUAL(ipc_peer(&ctx, 99, &peer), IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND);
	CHECK_EQUAL(peer.pidfd, -1);
	CHECK_EQUAL(ipc_peer(&ctx, origin, NULL), IPC_ERROR_CTX_ENTRY__NO_PARAM);
	CHECK(pipe(pipe_ends) == 0);
	CHECK_OK(ipc_add_fd(&ctx, pipe_ends[0]));
	CHECK_EQUAL(ipc_peer(&ctx, pipe_ends[0], &peer), IPC_ERROR_PEER__UNKNOWN);
	CHECK_OK(ipc_del_fd(&ctx, pipe_ends[0]));
	close(pipe_ends[0]), close(pipe_ends[1]), close(client);
	finish(&ctx, &event);
}

TEST(an_inherited_listener_becomes_the_service) {
	int listener = raw_listen("pong");
	struct sockaddr_un address = address_of("pong");
	CHECK_EQUAL(ipc_ctx_add(&ctx, "pong", 0), IPC_ERROR_CTX_ADD__NOT_LISTENING);
	CHECK_EQUAL(ipc_ctx_add(&ctx, "../pong", listener), IPC_ERROR_SERVICE_PATH__INVALID_NAME);
	CHECK_EQUAL(ipc_ctx_add(&ctx, NULL, listener), IPC_ERROR_SERVER_INIT__NO_SERVER_NAME_PARAM);
	CHECK_NONE(ipc_ctx_add(&ctx, "pong", listener));
	CHECK_EQUAL(ctx.cinfos[ctx.size - 1].type, IPC_CONNECTION_TYPE_SERVER);
	CHECK(strcmp(ctx.cinfos[ctx.size - 1].spath, address.sun_path) == 0);
	CHECK((fcntl(listener, F_GETFD) & FD_CLOEXEC) != 0);
	int origin, peer = join(&ctx, &event, "pong", &origin);
	write_frame(peer, 'a', "x", 1);
	next_message(&ctx, &event, origin, 'a', "x", 1);
	close(peer);
	finish(&ctx, &event);
	CHECK(access(address.sun_path, F_OK) == 0); /* its file stays */
	CHECK(!is_open(listener));
}

TEST(flushing_waits_until_the_peer_has_read) {
	enum { SIZE = 600000 };
	int origin, status;
	char *payload = pattern(SIZE, 1);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_NONE(ipc_flush(&ctx, -1, -1));
	int peer = join(&ctx, &event, "pong", &origin);
	for (int i = 0; i < 3; i++) queue(&ctx, origin, 'm', payload, SIZE);
	CHECK_EQUAL(ipc_flush(&ctx, origin, 0), IPC_ERROR_FLUSH__UNSENT);
	CHECK_EQUAL(ipc_flush(&ctx, 99, 0), IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND);
	CHECK_EQUAL(ipc_flush(&ctx, -1, 5), IPC_ERROR_FLUSH__UNSENT);
	pid_t reader = fork_process();
	if (reader == 0) {
		for (int i = 0; i < 3; i++) read_frame(peer, 'm', payload, SIZE);
		_exit(0);
	}
	CHECK_NONE(ipc_flush(&ctx, -1, -1));
	CHECK_EQUAL(waitpid(reader, &status, 0), reader);
	CHECK_EQUAL(status, 0);
	for (int i = 0; i < 3; i++) next(&ctx, &event, IPC_EVENT_TYPE_TX);
	queue(&ctx, origin, 'm', payload, SIZE);
	close(peer);
	CHECK_EQUAL(ipc_flush(&ctx, -1, -1), IPC_ERROR_CLOSED_RECIPIENT);
	free(payload);
	finish(&ctx, &event);
}
