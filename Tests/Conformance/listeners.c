/*
 * listeners.c - listening sockets: they and all other sockets of the library are close-on-exec; a process that shares one never
 * blocks for a client that another process has accepted; and accepting by hand (usock_accept, ipc_accept_add) waits for a client as
 * accept(2) does.
 */
#include "peers.h"
#include "system.h"

#include <sched.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "ticks.h"

static struct ipc_ctx ctx, client;
static struct ipc_event event;

static int is_close_on_exec(int fd) { return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }
static int is_nonblocking(int fd) { return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

TEST(all_sockets_are_close_on_exec_and_accepted_ones_block) {
	struct sockaddr_un address = address_of("alone");
	int listening = -1, connected = -1, accepted = -1, fd = -1;
	CHECK_OK(usock_init(&listening, address.sun_path));
	CHECK_OK(usock_connect(&connected, address.sun_path));
	CHECK_OK(usock_accept(listening, &accepted));
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_OK(ipc_connection(&client, "pong", &fd));
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	const int all[] = {listening, connected, accepted, ctx.pollfd[0].fd, fd, event.origin};
	for (int i = 0; i < 6; i++) CHECK(is_close_on_exec(all[i]) && (i % 3 == 0 || !is_nonblocking(all[i])));
	int peer = raw_connect("pong");
	CHECK_OK(ipc_accept_add(&event, &ctx, 0));
	CHECK(is_close_on_exec(event.origin) && !is_nonblocking(event.origin));
	for (int i = 0; i < 3; i++) close(all[i]);
	close(peer);
	finish(&client, &event);
	finish(&ctx, &event);
}

TEST(program_that_a_service_has_started_keeps_neither_its_name_nor_its_clients) {
	int ends[2];
	char byte;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", NULL);
	CHECK(pipe(ends) == 0);
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[0], 0);
		close(ends[1]);
		execlp("cat", "cat", (char *)NULL); /* until the pipe ends */
		_exit(9);
	}
	close(ends[0]);
	fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	/* It has executed that when its memory is no copy of this one: here, when its name is another. */
	char path[64], name[32] = "";
	snprintf(path, sizeof path, "/proc/%d/comm", (int)child);
	while (strcmp(name, "cat\n") != 0) {
		FILE *file = fopen(path, "re");
		CHECK(file != NULL && fgets(name, sizeof name, file) != NULL);
		fclose(file);
		sched_yield();
	}
	/* As a crash would: nothing is shut down, nothing is removed. */
	close(ctx.pollfd[1].fd), close(ctx.pollfd[0].fd);
	CHECK_EQUAL(read_bytes(peer, &byte, 1), 0);
	ipc_ctx_free(&ctx);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	close(ends[1]);
	CHECK_EQUAL(waitpid(child, NULL, 0), child);
	close(peer);
	finish(&ctx, &event);
}

/* ---- another process accepts first ---- */

static int stolen_from = -1; /* after a poll(2) that found a client here, that client is accepted elsewhere, once */
static int after_theft = -1; /* a process that is to connect then */

static void steal(void) {
	struct pollfd entry = {stolen_from, POLLIN, 0};
	if (stolen_from < 0 || system_poll(&entry, 1, 0) != 1) return;
	int taken = (int)syscall(SYS_accept4, stolen_from, NULL, NULL, SOCK_CLOEXEC);
	stolen_from = -1;
	close(taken);
	if (after_theft >= 0) write_bytes(after_theft, "g", 1);
}

/* In place of the C library's. */
int poll(struct pollfd *entries, nfds_t count, int timeout) {
	int found = system_poll(entries, count, timeout);
	if (found > 0) steal();
	return found;
}
struct epoll_event;
int epoll_wait(int set, struct epoll_event *events, int count, int timeout) {
	int found = (int)syscall(SYS_epoll_pwait, set, events, count, timeout, NULL, 8);
	if (found > 0) steal();
	return found;
}

/* Serves the client that is left, then a wait finds no other. */
static void check_theft(int listening) {
	int gone = raw_connect("pong");
	stolen_from = listening;
	nothing_to_tell(&ctx, &event);
	CHECK_EQUAL(stolen_from, -1);
	close(gone);
	close(join(&ctx, &event, "pong", NULL));
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
}

TEST(service_does_not_wait_for_a_client_that_another_has_taken) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	check_theft(ctx.pollfd[0].fd);
	finish(&ctx, &event);
}

/* A listener of the program's own blocks, and stays so: other processes may share it. */
TEST(server_of_the_program_does_not_wait_for_a_client_that_another_has_taken) {
	int listening = raw_listen("pong");
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_SERVER};
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = listening}));
	check_theft(listening);
	CHECK(!is_nonblocking(listening));
	finish(&ctx, &event);
}

/* ---- accepting by hand ---- */

static int to_tell = -1; /* a process that is to connect, once an accept has found nobody */

static int accept_and_tell(int fd, int flags) {
	if (to_tell >= 0 && !is_nonblocking(fd)) write_bytes(to_tell, "g", 1), to_tell = -1;
	int accepted = (int)syscall(SYS_accept4, fd, NULL, NULL, flags);
	if (to_tell >= 0 && accepted < 0 && errno == EAGAIN) write_bytes(to_tell, "g", 1), to_tell = -1, errno = EAGAIN;
	return accepted;
}
/* In place of the C library's. */
int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict size, int flags) {
	return address == NULL && size == NULL ? accept_and_tell(fd, flags) : -1;
}
int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict size) { return accept4(fd, address, size, 0); }

/* Connects once for each byte that it is sent; runs until the gate is closed. */
static void connects(int gate) {
	char byte;
	while (read_bytes(gate, &byte, 1) == 1) raw_connect("pong");
}

/* Accepts in this way on the descriptor. No client is there until the call has found none. */
static void accept_late(int listening, int by_index, int gate) {
	int accepted = -1;
	to_tell = gate;
	if (by_index < 0) {
		CHECK_OK(usock_accept(listening, &accepted));
	} else {
		CHECK_OK(ipc_accept_add(&event, &ctx, (uint32_t)by_index));
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_CONNECTION);
		accepted = event.origin;
		CHECK_OK(ipc_del_fd(&ctx, accepted));
	}
	CHECK(to_tell < 0 && !is_nonblocking(accepted) && is_close_on_exec(accepted));
	close(accepted);
}

static pid_t start_client(int *gate) { return start(connects, gate); }
static void end_client(pid_t child, int gate) {
	shutdown(gate, SHUT_WR);
	join_process(child, gate);
}

TEST(accepting_by_hand_waits_on_a_listener_of_the_librarys_under_any_number_and_in_a_child) {
	struct sockaddr_un address = address_of("pong");
	int listening = -1, gate;
	pid_t peer = start_client(&gate);
	CHECK_OK(usock_init(&listening, address.sun_path));
	accept_late(listening, -1, gate);
	int copy = fcntl(listening, F_DUPFD_CLOEXEC, 50);
	accept_late(copy, -1, gate);
	pid_t child = fork_process();
	if (child == 0) {
		accept_late(listening, -1, gate);
		_exit(0);
	}
	await_process(child);
	CHECK_OK(usock_close(copy));
	CHECK_OK(usock_close(listening));
	CHECK_OK(usock_remove(address.sun_path));
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	accept_late(ctx.pollfd[0].fd, -1, gate);
	accept_late(-1, 0, gate);
	end_client(peer, gate);
	finish(&ctx, &event);
}

TEST(accepting_by_hand_waits_on_a_blocking_listener_of_the_programs) {
	int listening = raw_listen("pong"), gate;
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_SERVER};
	pid_t peer = start_client(&gate);
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = listening}));
	accept_late(listening, -1, gate);
	accept_late(-1, 0, gate);
	end_client(peer, gate);
	finish(&ctx, &event);
}

TEST(accepting_by_hand_goes_on_when_another_takes_the_client) {
	struct sockaddr_un address = address_of("pong");
	int listening = -1, accepted = -1, gate;
	pid_t peer = start_client(&gate);
	CHECK_OK(usock_init(&listening, address.sun_path));
	to_tell = gate;
	stolen_from = listening;
	after_theft = gate;
	CHECK_OK(usock_accept(listening, &accepted));
	CHECK_EQUAL(stolen_from, -1);
	close(accepted);
	end_client(peer, gate);
	CHECK_OK(usock_close(listening));
}

/* "not at all when the program has set O_NONBLOCK" */
TEST(accepting_by_hand_does_not_wait_on_a_nonblocking_listener_of_the_programs) {
	int listening = raw_listen("pong"), fd = -1;
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_SERVER};
	CHECK_EQUAL(fcntl(listening, F_SETFL, O_NONBLOCK), 0);
	struct ipc_error e = usock_accept(listening, &fd);
	CHECK_CODE(e, IPC_ERROR_USOCK_ACCEPT);
	CHECK(strstr(e.error_message, strerror(EAGAIN)) != NULL && fd == -1);
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = listening}));
	CHECK_CODE(ipc_accept_add(&event, &ctx, 0), IPC_ERROR_USOCK_ACCEPT);
	int peer = raw_connect("pong");
	CHECK_OK(ipc_accept_add(&event, &ctx, 0));
	CHECK(!is_nonblocking(event.origin));
	close(peer);
	finish(&ctx, &event);
}

/* On the library's listener any handler ends it; on another the kernel decides. */
TEST(accepting_by_hand_is_ended_by_a_handler) {
	struct sockaddr_un address = address_of("alone");
	int own = -1, theirs = raw_listen("theirs"), fd = -1;
	CHECK_OK(usock_init(&own, address.sun_path));
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int restarting = 0; restarting < 2; restarting++) {
		start_ticking(50, restarting ? SA_RESTART : 0);
		struct ipc_error e[] = {usock_accept(own, &fd), ipc_accept_add(&event, &ctx, 0), {0}};
		if (!restarting) e[2] = usock_accept(theirs, &fd);
		stop_ticking();
		for (int i = 0; i < 3 - restarting; i++) {
			CHECK_CODE(e[i], IPC_ERROR_USOCK_ACCEPT);
			CHECK(strstr(e[i].error_message, strerror(EINTR)) != NULL);
		}
		CHECK(fd == -1 && ctx.size == 1);
	}
	CHECK_OK(usock_close(own));
	close(theirs);
	finish(&ctx, &event);
}

/* A limit of the program's (SO_RCVTIMEO) is one in all, whatever signals come. */
TEST(accepting_by_hand_ends_with_the_listeners_limit) {
	struct sockaddr_un address = address_of("alone");
	struct timeval limit = {0, 300000};
	int own = -1, theirs = raw_listen("theirs"), fd = -1;
	CHECK_OK(usock_init(&own, address.sun_path));
	CHECK_EQUAL(setsockopt(own, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
	CHECK_EQUAL(setsockopt(theirs, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
	struct ipc_error e = usock_accept(own, &fd);
	CHECK_CODE(e, IPC_ERROR_USOCK_ACCEPT);
	CHECK(strstr(e.error_message, strerror(EAGAIN)) != NULL);
	start_ticking(50, SA_RESTART);
	e = usock_accept(theirs, &fd);
	stop_ticking();
	CHECK_CODE(e, IPC_ERROR_USOCK_ACCEPT);
	CHECK(strstr(e.error_message, strerror(EAGAIN)) != NULL && fd == -1);
	CHECK_OK(usock_close(own));
	close(theirs);
}
