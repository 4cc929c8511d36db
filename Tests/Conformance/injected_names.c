/*
 * injected_names.c - services and errors of the kernel: an error of accept(2) about one client does not end the service, and an error
 * of connect(2) about a live service does not cost it its name.
 */
#include "injected.h"
#include "peers.h"

static struct ipc_ctx ctx, other;
static struct ipc_event event;

static const int passing[] = {EAGAIN, EINTR, ECONNABORTED, EPERM, ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
    EOPNOTSUPP, ENETUNREACH, ETIMEDOUT, ESOCKTNOSUPPORT, EPROTONOSUPPORT, ENOSR};
enum { PASSING = sizeof passing / sizeof *passing };

/* Each error, once and then several times in a row: it causes no event, and the waiting client is accepted. */
static void serve_after_each_error(void) {
	for (int i = 0; i < PASSING * 2; i++) {
		inject_clear();
		inject_rule("accepting", passing[i / 2], 0, 1, i % 2 ? 20 : 1);
		int peer = raw_connect("pong");
		CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, NULL)));
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_CONNECTION);
		write_frame(peer, 'a', "hello", 5);
		next_message(&ctx, &event, event.origin, 'a', "hello", 5);
		close(peer);
		next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	}
	inject_clear();
}

TEST(passing_errors_of_accept_are_no_end_of_a_service) {
	begin();
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	serve_after_each_error();
	finish(&ctx, &event);
}

TEST(passing_errors_of_accept_are_no_end_of_a_server_of_the_programs) {
	begin();
	int listening = raw_listen("pong");
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_SERVER};
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = listening}));
	serve_after_each_error();
	finish(&ctx, &event);
}

/* If the error repeats without end, the service pauses between attempts: others are served, and it does not spin. */
TEST(service_does_not_spin_on_a_passing_error_without_end) {
	const int failures[] = {ENETDOWN, EPROTO, ECONNABORTED, EOPNOTSUPP};
	int ends[2];
	begin();
	make_pair(ends);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	int peer = raw_connect("pong");
	for (int i = 0; i < 4; i++) {
		inject_clear();
		inject_rule("accepting", failures[i], 1000, 0, 0);
		int timer = 300;
		CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)));
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TIMER);
		CHECK(inject_failures() > 0 && inject_calls() < 3000);
		write_bytes(ends[1], "x", 1);
		CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, NULL)));
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_EXTRA_SOCKET);
		char byte;
		CHECK_EQUAL(read(ends[0], &byte, 1), 1);
	}
	inject_clear();
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	close(peer);
	close(ends[0]), close(ends[1]);
	finish(&ctx, &event);
}

/* On some file systems stat(2) of a path can be interrupted. */
TEST(interrupted_connect_is_tried_again) {
	begin();
	struct sockaddr_un address = address_of("pong");
	int fd = -1;
	close(raw_listen("pong")); /* stale */
	inject_rule("connecting", EINTR, 0, 1, 3);
	CHECK_OK(ARMED(FULL, ipc_server_init(&ctx, "pong")));
	CHECK_EQUAL(inject_failures(), 3);
	inject_clear();
	inject_rule("connecting", EINTR, 0, 1, 3);
	CHECK_OK(ARMED(FULL, usock_connect(&fd, address.sun_path)));
	CHECK_EQUAL(inject_failures(), 3);
	close(fd);
	finish(&ctx, &event);
}

/* Some systems return ECONNREFUSED for a full backlog: then only another test tells a busy service from a stale socket. */
TEST(live_service_whose_backlog_is_said_to_refuse_keeps_its_name) {
	struct stat before, after;
	int fd = -1;
	struct sockaddr_un address = address_of("pong");
	begin();
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(lstat(address.sun_path, &before), 0);
	inject_rule("connecting", ECONNREFUSED, 1000, 0, 0);
	CHECK_CODE(ARMED(FULL, ipc_server_init(&other, "pong")), IPC_ERROR_USOCK_INIT__BIND);
	CHECK_CODE(ARMED(FULL, usock_init(&fd, address.sun_path)), IPC_ERROR_USOCK_INIT__BIND);
	CHECK(inject_failures() >= 2 && fd == -1 && other.size == 0);
	CHECK(lstat(address.sun_path, &after) == 0 && after.st_ino == before.st_ino);
	inject_clear();
	close(join(&ctx, &event, "pong", NULL)); /* no probe was accepted as a client */
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	nothing_to_tell(&ctx, &event);
	/* and one that is gone leaves it */
	int listening = ctx.pollfd[0].fd;
	ipc_ctx_free(&ctx);
	close(listening);
	CHECK_OK(ipc_server_init(&other, "pong"));
	finish(&other, &event);
	ipc_ctx_free(&ctx);
}

/* A service that starts listens a moment after its socket is bound: another service must not take that socket either. */
TEST(socket_that_is_bound_and_does_not_listen_yet_keeps_its_name) {
	struct sockaddr_un address = address_of("pong");
	int bound = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQUAL(bind(bound, (struct sockaddr *)&address, sizeof address), 0);
	CHECK_CODE(ipc_server_init(&ctx, "pong"), IPC_ERROR_USOCK_INIT__BIND);
	CHECK(access(address.sun_path, F_OK) == 0);
	close(bound);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	finish(&ctx, &event);
}
