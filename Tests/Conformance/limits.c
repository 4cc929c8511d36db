/*
 * limits.c - connecting and looking up take at most ten seconds in all, however many signals come. The tests that wait so long run at
 * the same time, each in a process of its own.
 */
#include "peers.h"

#include "ticks.h"

static struct ipc_ctx ctx;
static void (*play)(void);

static void plays(int gate) {
	limit_time();
	meet(gate);
	start_ticking(50, SA_RESTART);
	play();
	stop_ticking();
	CHECK(ticks > 0);
}

/* A service that accepts nobody, and has no room in its backlog. */
static int listen_with_a_full_backlog(const char *name, int *clients) {
	struct sockaddr_un address = address_of(name);
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQUAL(bind(listening, (struct sockaddr *)&address, sizeof address), 0);
	CHECK_EQUAL(listen(listening, 0), 0);
	for (int i = 0; i < 2; i++) clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK_EQUAL(connect(clients[0], (struct sockaddr *)&address, sizeof address), 0);
	CHECK(connect(clients[1], (struct sockaddr *)&address, sizeof address) != 0 && errno == EAGAIN);
	return listening;
}

static void connects(void) {
	struct ipc_error e = ipc_connection(&ctx, "full", NULL);
	CHECK_CODE(e, IPC_ERROR_USOCK_CONNECT__CONNECT);
	CHECK(strstr(e.error_message, strerror(EAGAIN)) != NULL && ctx.size == 0);
}

static void connects_alone(void) {
	int fd = -1;
	CHECK_CODE(usock_connect(&fd, address_of("full").sun_path), IPC_ERROR_USOCK_CONNECT__CONNECT);
	CHECK_EQUAL(fd, -1);
}

static void looks_up(void) {
	int fd = 77;
	setenv("IPC_NETWORK", "far x !", 1);
	struct ipc_error e = ipc_contact_ipcd(&fd, "far");
	CHECK_CODE(e, IPC_ERROR_USOCK_RECV);
	CHECK(strstr(e.error_message, strerror(ETIMEDOUT)) != NULL && fd == 0);
}

/* The steps of a look-up share the limit: the answer comes, byte by byte, in time each, but the descriptor never. */
static void waits_for_a_descriptor(void) {
	int fd = 77;
	setenv("IPC_NETWORK", "slow x !", 1);
	CHECK_CODE(ipc_contact_ipcd(&fd, "slow"), IPC_ERROR_RECEIVE_FD__RECVMSG);
	CHECK_EQUAL(fd, 0);
}

/* Does not answer a look-up of `far`; answers one of `slow` with `OK`, without a descriptor. */
static void network_daemon(int gate) {
	int listening = raw_listen("network"), clients[2];
	meet(gate);
	for (int i = 0; i < 2; i++) {
		char question[64];
		clients[i] = accept(listening, NULL, NULL);
		CHECK(recv(clients[i], question, sizeof question, 0) > IPC_HEADER_SIZE);
		if (question[IPC_HEADER_SIZE] == 's') write_bytes(clients[i], "\3\0\0\0\2\3OK", 8);
	}
	char byte;
	read_bytes(gate, &byte, 1);
}

TEST(connecting_and_looking_up_end_after_their_limit_under_a_periodic_signal) {
	void (*const plays_of[])(void) = {connects, connects_alone, looks_up, waits_for_a_descriptor};
	int clients[2], daemon_gate, gates[4];
	pid_t children[4], daemon = start(network_daemon, &daemon_gate);
	meet(daemon_gate);
	int listening = listen_with_a_full_backlog("full", clients);
	for (int i = 0; i < 4; i++) {
		play = plays_of[i];
		children[i] = start(plays, &gates[i]);
		meet(gates[i]);
	}
	for (int i = 0; i < 4; i++) join_process(children[i], gates[i]);
	shutdown(daemon_gate, SHUT_WR);
	join_process(daemon, daemon_gate);
	close(clients[0]), close(clients[1]), close(listening);
}

static void connects_when_there_is_room(void) {
	CHECK_OK(ipc_connection(&ctx, "full", NULL));
	int flags = fcntl(ctx.pollfd[0].fd, F_GETFL);
	struct timeval limit = {1, 1};
	socklen_t size = sizeof limit;
	CHECK_EQUAL(getsockopt(ctx.pollfd[0].fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &size), 0);
	CHECK((flags & O_NONBLOCK) == 0 && limit.tv_sec == 0 && limit.tv_usec == 0);
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
}

/* A signal neither ends the wait nor prolongs it. */
TEST(connecting_goes_on_under_a_periodic_signal_until_there_is_room) {
	int clients[2], gate;
	int listening = listen_with_a_full_backlog("full", clients);
	play = connects_when_there_is_room;
	pid_t child = start(plays, &gate);
	meet(gate);
	/* until it has connected, all that come are taken */
	struct pollfd entry = {gate, POLLIN, 0};
	while (poll(&entry, 1, 200) == 0) {
		int taken = accept(listening, NULL, NULL);
		CHECK(taken >= 0);
		close(taken);
		if (poll(&(struct pollfd){listening, POLLIN, 0}, 1, 1000) == 0) break;
	}
	join_process(child, gate);
	close(clients[0]), close(clients[1]), close(listening);
}
