/*
 * stolen_names.c - closing a service removes its socket file, and never that of another service, also one whose file has got the same
 * inode number. (A file system uses the number again once the former file and the socket that was bound to it are gone.)
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

/* The number that the library finds in place of a new one: so it does not depend on the file system. */
static ino_t used_again;

int lstat(const char *path, struct stat *status) {
	int result = fstatat(AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW);
	if (result == 0 && used_again != 0) status->st_ino = used_again;
	return result;
}

static struct stat file_of(const char *name) {
	struct stat status;
	CHECK_EQUAL(fstatat(AT_FDCWD, address_of(name).sun_path, &status, AT_SYMLINK_NOFOLLOW), 0);
	return status;
}
static int file_exists(const char *name) { return access(address_of(name).sun_path, F_OK) == 0; }

/* The name of a service whose socket is gone gets another one, made at another time. */
static int steal(const char *name) {
	struct stat former = file_of(name), now;
	int other = -1;
	do {
		if (other >= 0) close(other);
		CHECK_EQUAL(unlink(address_of(name).sun_path), 0);
		other = raw_listen(name);
		now = file_of(name);
	} while (now.st_mtim.tv_sec == former.st_mtim.tv_sec && now.st_mtim.tv_nsec == former.st_mtim.tv_nsec);
	used_again = former.st_ino;
	return other;
}

TEST(a_service_that_the_program_has_closed_leaves_the_file_of_the_next_one_with_the_same_inode) {
	for (int how = 0; how < 3; how++) {
		used_again = 0;
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		int listener = ctx.pollfd[0].fd;
		close(listener);
		int other = fcntl(steal("pong"), F_DUPFD_CLOEXEC, listener + 10);
		close(listener); /* raw_listen's */
		if (how == 0) CHECK_CODE(ipc_close(&ctx, 0), IPC_ERROR_USOCK_CLOSE);
		else if (how == 1) CHECK_CODE(ipc_close_fd(&ctx, listener), IPC_ERROR_USOCK_CLOSE);
		else CHECK_OK(ipc_close_all(&ctx));
		CHECK(file_exists("pong"));
		close(raw_connect("pong"));
		ipc_ctx_free(&ctx);
		close(other);
		CHECK_EQUAL(unlink(address_of("pong").sun_path), 0);
	}
}

/* While the service listens nothing else can have the number. */
TEST(a_service_removes_its_file_also_when_its_time_was_changed) {
	const struct timespec times[2] = {{1, 0}, {2, 0}};
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(utimensat(AT_FDCWD, address_of("pong").sun_path, times, 0), 0);
	finish(&ctx, &event);
	CHECK(!file_exists("pong"));
}

static void lives_on(int gate) {
	char byte;
	CHECK_EQUAL(read_bytes(gate, &byte, 1), 1);
}

TEST(a_service_that_the_program_has_closed_removes_its_file_also_while_a_child_has_a_copy) {
	int gate;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	pid_t child = start(lives_on, &gate);
	close(ctx.pollfd[0].fd);
	CHECK_CODE(ipc_close(&ctx, 0), IPC_ERROR_USOCK_CLOSE);
	CHECK(!file_exists("pong"));
	write_bytes(gate, "g", 1);
	join_process(child, gate);
	ipc_ctx_free(&ctx);
}
