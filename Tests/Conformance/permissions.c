/*
 * permissions.c - who may connect to a service: mode and group of its socket, as IPC_SOCKET_MODE and IPC_SOCKET_GROUP of its
 * environment say, before anybody can connect; else as bind(2) and the umask give.
 */
#include "peers.h"

#include <grp.h>
#include <sys/syscall.h>

static struct ipc_ctx ctx, other;
static struct ipc_event event;
static mode_t mode_at_listen = 07777;
static int could_connect;

static struct stat status_of(const char *name) {
	struct stat status;
	memset(&status, 0, sizeof status);
	CHECK_EQUAL(lstat(address_of(name).sun_path, &status), 0);
	return status;
}

/* In place of the C library's listen(2): records mode and group of the file at the moment from which clients can connect. */
int listen(int fd, int backlog) {
	struct sockaddr_un address;
	socklen_t size = sizeof address;
	struct stat status;
	if (getsockname(fd, (struct sockaddr *)&address, &size) == 0 && lstat(address.sun_path, &status) == 0)
		mode_at_listen = status.st_mode & 07777;
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	could_connect = connect(client, (struct sockaddr *)&address, sizeof address) == 0;
	close(client);
	return (int)syscall(SYS_listen, fd, backlog);
}

static void become_ordinary(void) {
	const uid_t nobody = 65534;
	if (geteuid() != 0) return;
	CHECK_EQUAL(chown(run_directory, nobody, nobody), 0);
	CHECK(setgroups(0, NULL) == 0 && setresgid(nobody, nobody, nobody) == 0 && setresuid(nobody, nobody, nobody) == 0);
	prctl(PR_SET_DUMPABLE, 1); /* or /proc/self/fd could not be counted any more */
}

/* Listens in both ways; the file of each is at the path of that name. */
static void check_both(mode_t mode, gid_t group) {
	int fd = -1;
	struct sockaddr_un address = address_of("alone");
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK(mode_at_listen == mode && !could_connect);
	CHECK_OK(usock_init(&fd, address.sun_path));
	CHECK(mode_at_listen == mode && !could_connect);
	CHECK(S_ISSOCK(status_of("pong").st_mode) && S_ISSOCK(status_of("alone").st_mode));
	CHECK_EQUAL(status_of("pong").st_mode & 07777, mode);
	CHECK_EQUAL(status_of("alone").st_mode & 07777, mode);
	CHECK_EQUAL(status_of("pong").st_gid, group);
	CHECK_EQUAL(status_of("alone").st_gid, group);
	CHECK_OK(usock_close(fd));
	CHECK_OK(usock_remove(address.sun_path));
	finish(&ctx, &event);
}

TEST(socket_has_the_mode_of_the_environment_whatever_the_umask) {
	const struct {
		const char *text;
		mode_t mode;
	} modes[] = {{"600", 0600}, {"0660", 0660}, {"0666", 0666}, {"777", 0777}, {"00700", 0700}};
	for (int i = 0; i < 5; i++) {
		setenv("IPC_SOCKET_MODE", modes[i].text, 1);
		umask(i % 2 ? 077 : 0);
		check_both(modes[i].mode, getegid());
	}
}

TEST(without_the_variables_or_with_empty_ones_mode_and_group_are_the_systems) {
	for (int i = 0; i < 2; i++) {
		umask(i ? 027 : 0);
		if (i) setenv("IPC_SOCKET_MODE", "", 1), setenv("IPC_SOCKET_GROUP", "", 1);
		check_both(i ? 0750 : 0777, getegid());
	}
}

TEST(socket_has_the_group_of_the_environment_by_number_or_by_name) {
	if (geteuid() != 0) SKIP("only root may give a file to any group");
	umask(022);
	struct group *named = NULL;
	const char *names[] = {"nogroup", "nobody", "daemon", "users"};
	for (int i = 0; i < 4 && named == NULL; i++) named = getgrnam(names[i]);
	setenv("IPC_SOCKET_GROUP", "54321", 1);
	check_both(0755, 54321);
	setenv("IPC_SOCKET_MODE", "660", 1);
	check_both(0660, 54321);
	if (named == NULL) return;
	setenv("IPC_SOCKET_GROUP", named->gr_name, 1);
	check_both(0660, named->gr_gid);
}

/* Error 117 in both ways, and nothing is left: no socket, no file, no entry. A stale socket file is not touched before mode and group
 * are known to be valid. */
static void refused(const char *part) {
	int fd = -1, before = count_descriptors();
	struct sockaddr_un address = address_of("pong");
	struct ipc_error e = ipc_server_init(&ctx, "pong");
	CHECK_CODE(e, IPC_ERROR_USOCK_INIT__SOCKET_MODE);
	CHECK(strstr(e.error_message, part) != NULL);
	CHECK_CODE(usock_init(&fd, address.sun_path), IPC_ERROR_USOCK_INIT__SOCKET_MODE);
	CHECK(fd == -1 && ctx.size == 0 && access(address.sun_path, F_OK) != 0);
	CHECK_EQUAL(count_descriptors(), before);
}

TEST(senseless_mode_or_group_is_error_117_and_leaves_nothing) {
	const char *modes[] = {
	    "abc", "0999", "8", "-1", "1777", "77777", "4755", "rw-", " 660", "660 ", "0x1b0", "37777777777777777777777"};
	const char *groups[] = {"no-such-group-of-this-test", "-1", "4294967295", "99999999999999999999", " 0", "0 0"};
	for (int i = 0; i < 12; i++) {
		setenv("IPC_SOCKET_MODE", modes[i], 1);
		refused("IPC_SOCKET_MODE");
	}
	unsetenv("IPC_SOCKET_MODE");
	for (int i = 0; i < 6; i++) {
		setenv("IPC_SOCKET_GROUP", groups[i], 1);
		refused("IPC_SOCKET_GROUP");
	}
	ipc_ctx_free(&ctx);
}

TEST(group_that_the_system_refuses_is_error_117_with_the_reason_and_leaves_nothing) {
	if (geteuid() != 0) SKIP("an ordinary user may be a member of any group");
	become_ordinary();
	setenv("IPC_SOCKET_GROUP", "0", 1);
	refused(strerror(EPERM));
	unsetenv("IPC_SOCKET_GROUP");
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	finish(&ctx, &event);
}

TEST(connecting_needs_write_permission_on_the_socket) {
	int fd = -1;
	become_ordinary();
	setenv("IPC_SOCKET_MODE", "555", 1);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	struct ipc_error e = ipc_connection(&other, "pong", &fd);
	CHECK_CODE(e, IPC_ERROR_USOCK_CONNECT__CONNECT);
	CHECK(strstr(e.error_message, "write permission") != NULL && strstr(e.error_message, strerror(EACCES)) != NULL);
	ipc_ctx_free(&other);
	finish(&ctx, &event);
}

/* The mode may deny access to the service's own user; it still finds out whether a service is live. */
TEST(service_whose_mode_shuts_itself_out_can_be_started_anew) {
	become_ordinary();
	setenv("IPC_SOCKET_MODE", "060", 1);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_CODE(ipc_server_init(&other, "pong"), IPC_ERROR_USOCK_INIT__BIND);
	CHECK_EQUAL(status_of("pong").st_mode & 07777, 060);
	int listening = ctx.pollfd[0].fd;
	ipc_ctx_free(&ctx);
	close(listening); /* as a crash would leave it */
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(status_of("pong").st_mode & 07777, 060);
	finish(&ctx, &event);
	ipc_ctx_free(&other);
}
