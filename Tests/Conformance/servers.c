/*
 * servers.c - who owns a name (fault 26, further): "a live service is refused (error 54), a stale socket is replaced, any
 * other file is left alone", also when the live one is too busy to answer and when several start at once.
 */
#include "peers.h"

static struct ipc_ctx first, second;
static struct ipc_event event;

static mode_t kind_of(const char *name) {
	struct stat status;
	return lstat(address_of(name).sun_path, &status) == 0 ? status.st_mode & S_IFMT : 0;
}

static void refused(void) {
	CHECK_CODE(ipc_server_init(&second, "pong"), IPC_ERROR_USOCK_INIT__BIND);
	CHECK_EQUAL(second.size, 0);
}

TEST(other_files_of_that_name_are_left_alone) {
	struct sockaddr_un address = address_of("pong");
	CHECK_EQUAL(mkdir(address.sun_path, 0700), 0);
	refused();
	CHECK_EQUAL(kind_of("pong"), S_IFDIR);
	CHECK_EQUAL(rmdir(address.sun_path), 0);
	CHECK_EQUAL(mkfifo(address.sun_path, 0600), 0);
	refused();
	CHECK_EQUAL(kind_of("pong"), S_IFIFO);
	CHECK_EQUAL(unlink(address.sun_path), 0);
	CHECK_EQUAL(symlink("nowhere", address.sun_path), 0);
	refused();
	CHECK_EQUAL(kind_of("pong"), S_IFLNK);
	CHECK_EQUAL(kind_of("nowhere"), 0);
	CHECK_EQUAL(unlink(address.sun_path), 0);
	close(raw_listen("stale")); /* a link to a stale socket is no socket either */
	CHECK_EQUAL(symlink("stale", address.sun_path), 0);
	refused();
	CHECK(kind_of("pong") == S_IFLNK && kind_of("stale") == S_IFSOCK);
	finish(&second, &event);
}

TEST(a_live_service_whose_backlog_is_full_is_refused) {
	struct sockaddr_un address = address_of("pong");
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), clients[4], count = 0;
	CHECK_EQUAL(bind(listening, (struct sockaddr *)&address, sizeof address), 0);
	CHECK_EQUAL(listen(listening, 0), 0);
	do clients[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	while (connect(clients[count], (struct sockaddr *)&address, sizeof address) == 0 && ++count < 3);
	CHECK(errno == EAGAIN || count == 3);
	refused();
	CHECK_EQUAL(kind_of("pong"), S_IFSOCK);
	for (int i = 0; i < count; i++) {
		int client = accept(listening, NULL, NULL);
		CHECK(client >= 0);
		close(client);
	}
	int fd = raw_connect("pong"); /* it is still where it was */
	close(fd);
	for (int i = 0; i <= (count < 3 ? count : 2); i++) close(clients[i]);
	close(listening);
	finish(&second, &event);
}

TEST(a_socket_that_never_listened_or_speaks_datagrams_is_no_live_service_of_ours) {
	struct sockaddr_un address = address_of("pong");
	int bound = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQUAL(bind(bound, (struct sockaddr *)&address, sizeof address), 0);
	close(bound);
	CHECK_OK(ipc_server_init(&first, "pong"));
	close(join(&first, &event, "pong", NULL));
	finish(&first, &event);
	int datagrams = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK_EQUAL(bind(datagrams, (struct sockaddr *)&address, sizeof address), 0);
	refused(); /* somebody lives there */
	CHECK_EQUAL(kind_of("pong"), S_IFSOCK);
	close(datagrams);
	finish(&second, &event);
}

/* ---- several at once ---- */

enum { STARTERS = 4, ROUNDS = 25 };

/* Tries to become the service each time that it is told to; answers whether it did, and serves until told to stop. */
static void starter(int gate) {
	char byte;
	while (read_bytes(gate, &byte, 1) == 1) {
		struct ipc_ctx ctx = {0};
		struct ipc_error e = ipc_server_init(&ctx, "pong");
		if (e.error_code != 0) CHECK_CODE(e, IPC_ERROR_USOCK_INIT__BIND);
		CHECK_EQUAL(ctx.size, e.error_code == 0);
		write_bytes(gate, e.error_code == 0 ? "y" : "n", 1);
		CHECK_EQUAL(read_bytes(gate, &byte, 1), 1);
		if (byte == 'f') ipc_ctx_free(&ctx); /* leaves a stale socket */
		CHECK_OK(ipc_close_all(&ctx));
		ipc_ctx_free(&ctx);
		write_bytes(gate, ".", 1);
	}
}

TEST(of_several_that_start_at_once_one_is_the_service) {
	int gates[STARTERS];
	pid_t children[STARTERS];
	char answer;
	for (int i = 0; i < STARTERS; i++) children[i] = start(starter, &gates[i]);
	for (int round = 0; round < ROUNDS; round++) {
		int winners = 0;
		if (round % 2) close(raw_listen("pong")); /* one time there is a stale socket, the other time none */
		for (int i = 0; i < STARTERS; i++) write_bytes(gates[i], "s", 1);
		for (int i = 0; i < STARTERS; i++) {
			CHECK_EQUAL(read_bytes(gates[i], &answer, 1), 1);
			winners += answer == 'y';
		}
		CHECK_EQUAL(winners, 1);
		close(raw_connect("pong")); /* and it can be reached */
		for (int i = 0; i < STARTERS; i++) {
			write_bytes(gates[i], "e", 1);
			CHECK_EQUAL(read_bytes(gates[i], &answer, 1), 1);
		}
		CHECK_EQUAL(kind_of("pong"), 0);
	}
	for (int i = 0; i < STARTERS; i++) {
		shutdown(gates[i], SHUT_WR);
		join_process(children[i], gates[i]);
	}
}

/* ---- what happens to the file ---- */

TEST(deleting_or_freeing_a_service_closes_nothing_and_leaves_the_file) {
	for (int how = 0; how < 2; how++) {
		CHECK_OK(ipc_server_init(&first, "pong"));
		int listening = first.pollfd[0].fd;
		if (how == 0) CHECK_OK(ipc_del(&first, 0));
		else ipc_ctx_free(&first);
		CHECK(is_open(listening) && kind_of("pong") == S_IFSOCK);
		close(raw_connect("pong"));
		close(listening);
	}
}

/* A socket of the program's own, added as a SERVER with its path, is treated like one of the library's. */
TEST(closing_a_service_that_the_program_added_removes_its_file) {
	for (int stolen = 0; stolen < 2; stolen++) {
		struct sockaddr_un address = address_of("pong");
		int listening = raw_listen("pong"), other = -1;
		struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_SERVER, .spath = strdup(address.sun_path)};
		CHECK_OK(ipc_add(&first, &info, &(struct pollfd){.fd = listening}));
		close(join(&first, &event, "pong", NULL));
		next(&first, &event, IPC_EVENT_TYPE_DISCONNECTION);
		if (stolen) {
			CHECK_EQUAL(unlink(address.sun_path), 0);
			other = raw_listen("pong");
		}
		CHECK_OK(ipc_close(&first, 0));
		CHECK(first.cinfos[0].spath == NULL && !is_open(listening));
		CHECK_EQUAL(kind_of("pong"), stolen ? S_IFSOCK : 0);
		if (stolen) close(other);
		finish(&first, &event);
	}
}

TEST(a_service_in_a_directory_of_its_own_name_space) {
	CHECK_OK(ipc_server_init(&first, "deep/er/pong"));
	CHECK_OK(ipc_connection(&second, "deep/er/pong", NULL));
	next(&first, &event, IPC_EVENT_TYPE_CONNECTION);
	finish(&second, &event);
	finish(&first, &event);
	CHECK_EQUAL(kind_of("deep/er/pong"), 0);
	CHECK_EQUAL(kind_of("deep/er"), S_IFDIR);
}

/* Daemons close their stdin: then the service, or a client, has the descriptor 0, which is one like any other. */
TEST(descriptor_0_is_a_descriptor_like_any_other) {
	int saved = fcntl(0, F_DUPFD_CLOEXEC, 100);
	for (int which = 0; which < 2; which++) {
		if (which == 0) close(0);
		CHECK_OK(ipc_server_init(&first, "pong"));
		nothing_to_tell(&first, &event); /* and what it takes to wait is there */
		int peer = raw_connect("pong");
		if (which == 1) close(0);
		next(&first, &event, IPC_EVENT_TYPE_CONNECTION);
		int origin = event.origin;
		CHECK_EQUAL(which == 0 ? first.pollfd[0].fd : origin, 0);
		write_frame(peer, 'a', "hello", 5);
		ready_message(&first, &event, origin, 'a', "hello", 5);
		queue(&first, origin, 'b', "hello", 5);
		ready(&first, &event, IPC_EVENT_TYPE_TX);
		CHECK_EQUAL(event.origin, origin);
		read_frame(peer, 'b', "hello", 5);
		struct ipc_message m = message_of(0, 'c', "direct", 6);
		CHECK_OK(ipc_write_fd(origin, &m));
		read_frame(peer, 'c', "direct", 6);
		nothing_to_tell(&first, &event);
		close(peer);
		ready(&first, &event, IPC_EVENT_TYPE_DISCONNECTION);
		CHECK_EQUAL(event.origin, origin);
		finish(&first, &event);
		CHECK_EQUAL(dup2(saved, 0), 0);
	}
	close(saved);
}
