/*
 * closed_servers.c - the end of a service: closing one that has failed, and removing its socket file, which only the process that
 * listened does, and none of its children in any PID namespace.
 */
#include "peers.h"

#include <sched.h>

static struct ipc_ctx ctx, other;
static struct ipc_event event;

static int file_exists(const char *name) { return access(address_of(name).sun_path, F_OK) == 0; }

/* A service whose accept(2) fails permanently: one ERROR event, and the entry stays. */
static int start_and_fail_by(int how) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int fd = ctx.pollfd[0].fd;
	CHECK_EQUAL(shutdown(fd, how), 0);
	ready(&ctx, &event, IPC_EVENT_TYPE_ERROR);
	CHECK_EQUAL(event.origin, fd);
	nothing_to_tell(&ctx, &event);
	CHECK(ctx.size == 1 && ctx.pollfd[0].fd == fd && is_open(fd) && file_exists("pong"));
	return fd;
}

static int start_and_fail(void) { return start_and_fail_by(SHUT_RDWR); }

TEST(accepting_by_hand_on_a_failed_server_is_an_error) {
	const int ways[] = {SHUT_RD, SHUT_RDWR};
	for (int i = 0; i < 2; i++) {
		int fd = start_and_fail_by(ways[i]), accepted = -1;
		CHECK_CODE(usock_accept(fd, &accepted), IPC_ERROR_USOCK_ACCEPT);
		CHECK_CODE(ipc_accept_add(&event, &ctx, 0), IPC_ERROR_USOCK_ACCEPT);
		finish(&ctx, &event);
		CHECK(!is_open(fd) && !file_exists("pong"));
	}
}

TEST(failed_server_is_closed_with_its_file) {
	int fd = start_and_fail();
	CHECK_OK(ipc_close(&ctx, 0));
	CHECK(!is_open(fd) && !file_exists("pong"));
	CHECK(ctx.size == 1 && ctx.cinfos[0].spath == NULL);
	CHECK_CODE(ipc_close(&ctx, 0), IPC_ERROR_USOCK_CLOSE);
	nothing_to_tell(&ctx, &event);
	finish(&ctx, &event);
}

TEST(failed_server_is_closed_by_ipc_close_fd_and_ipc_close_all) {
	int fd = start_and_fail();
	CHECK_OK(ipc_close_fd(&ctx, fd));
	CHECK(!is_open(fd) && !file_exists("pong") && ctx.size == 0);
	fd = start_and_fail();
	CHECK_OK(ipc_close_all(&ctx));
	CHECK(!is_open(fd) && !file_exists("pong") && ctx.cinfos[0].spath == NULL);
	ipc_ctx_free(&ctx);
}

TEST(closing_a_failed_server_closes_no_file_that_got_its_number) {
	int fd = start_and_fail(), ends[2];
	close(fd);
	make_pair(ends);
	CHECK(ends[0] == fd || ends[1] == fd);
	CHECK_CODE(ipc_close(&ctx, 0), IPC_ERROR_USOCK_CLOSE);
	CHECK(is_open(fd) && !file_exists("pong") && ctx.cinfos[0].spath == NULL);
	ipc_ctx_free(&ctx);
	close(ends[0]), close(ends[1]);
}

/* The program has closed the listening socket itself: that is error 48, but the name is free again. */
TEST(server_that_the_program_has_closed_leaves_no_file) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	close(ctx.pollfd[0].fd);
	struct ipc_error e = ipc_close(&ctx, 0);
	CHECK(e.error_code == 0 || e.error_code == IPC_ERROR_USOCK_CLOSE);
	CHECK(!file_exists("pong") && ctx.cinfos[0].spath == NULL);
	ipc_ctx_free(&ctx);
}

/* ---- children ---- */

static void closes_its_copy(void) {
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
}

TEST(child_in_a_pid_namespace_of_its_own_leaves_the_file) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	if (unshare(CLONE_NEWPID) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) {
		CHECK_OK(ipc_close_all(&ctx));
		SKIP("no PID namespace can be made");
	}
	in_a_child(closes_its_copy);
	CHECK(file_exists("pong"));
	close(join(&ctx, &event, "pong", NULL));
	CHECK_OK(ipc_close_all(&ctx));
	CHECK(!file_exists("pong"));
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
}

/* Listens, leaves a child behind that has a copy, and ends: by exit, as a zombie that its parent has not waited for. */
static void service_with_a_child(int gate) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	if (fork() != 0) _exit(0);
	char byte;
	CHECK_EQUAL(read_bytes(gate, &byte, 1), 1); /* the service is gone, or a zombie */
	closes_its_copy();
	write_bytes(gate, "c", 1);
	_exit(0);
}

TEST(child_of_a_service_that_is_gone_leaves_a_stale_file_which_the_next_service_replaces) {
	for (int waited = 0; waited < 2; waited++) {
		int gate, status;
		char byte;
		siginfo_t info;
		pid_t service = start(service_with_a_child, &gate);
		CHECK_EQUAL(waitid(P_PID, (id_t)service, &info, WEXITED | WNOWAIT), 0);
		if (waited) CHECK_EQUAL(waitpid(service, &status, 0), service);
		write_bytes(gate, "g", 1);
		CHECK_EQUAL(read_bytes(gate, &byte, 1), 1);
		CHECK(file_exists("pong"));
		if (!waited) CHECK_EQUAL(waitpid(service, &status, 0), service);
		close(gate);
		CHECK_OK(ipc_server_init(&other, "pong"));
		close(join(&other, &event, "pong", NULL));
		finish(&other, &event);
		CHECK(!file_exists("pong"));
	}
}

static void listens_itself(void) {
	CHECK_OK(ipc_server_init(&other, "child"));
	CHECK_OK(ipc_close_all(&other));
	CHECK(!file_exists("child"));
	ipc_ctx_free(&other);
}
TEST(child_that_listens_itself_removes_its_file) { in_a_child(listens_itself); }

/* ---- usock_init ---- */

TEST(usock_init_makes_the_directory_that_is_missing) {
	struct sockaddr_un address = address_of("made/for/it");
	struct stat status;
	int fd = -1;
	umask(022);
	CHECK_OK(usock_init(&fd, address.sun_path));
	CHECK(stat(address_of("made/for").sun_path, &status) == 0 && status.st_mode == (S_IFDIR | 01750));
	CHECK_OK(usock_close(fd));
	CHECK_OK(usock_remove(address.sun_path));
	/* if the directory cannot be made it is the error of that call, with the reason */
	close(open(address_of("file").sun_path, O_CREAT | O_WRONLY, 0600));
	address = address_of("file/below/it");
	struct ipc_error e = usock_init(&fd, address.sun_path);
	CHECK_CODE(e, IPC_ERROR_USOCK_INIT__BIND);
	CHECK(strstr(e.error_message, address_of("file/below").sun_path) != NULL);
}
