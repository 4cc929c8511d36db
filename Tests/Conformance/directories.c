/*
 * directories.c - the files around a service: where its socket lies, who makes the directory and how, what a client
 * does not need, and the small functions about paths. What the kernel allows is asked of the kernel.
 */
#include "peers.h"

#include <grp.h>

static struct ipc_ctx ctx, other;
static struct ipc_event event;

static char *in_rundir(const char *name) {
	static char path[4][PATH_MAX];
	static int next_place;
	char *place = path[next_place++ % 4];
	snprintf(place, PATH_MAX, "%s/%s", run_directory, name);
	return place;
}

static mode_t mode_of(const char *path) {
	struct stat status;
	CHECK_EQUAL(stat(path, &status), 0);
	return status.st_mode;
}

/* From here on an ordinary user, who owns the run directory; a test process ends with its test. */
static void become_ordinary(void) {
	const uid_t nobody = 65534;
	if (geteuid() != 0) return;
	CHECK_EQUAL(chown(run_directory, nobody, nobody), 0);
	CHECK(setgroups(0, NULL) == 0 && setresgid(nobody, nobody, nobody) == 0 && setresuid(nobody, nobody, nobody) == 0);
	prctl(PR_SET_DUMPABLE, 1); /* or /proc/self/fd could not be counted any more */
}

TEST(service_path_is_in_the_run_directory) {
	char path[PATH_MAX];
	memset(path, 'x', sizeof path);
	CHECK_OK(service_path(path, "pong"));
	CHECK(strcmp(path, in_rundir("pong")) == 0);
	setenv("IPC_RUNDIR", "/some/where", 1);
	CHECK_OK(service_path(path, "a/b"));
	CHECK(strcmp(path, "/some/where/a/b") == 0);
	unsetenv("IPC_RUNDIR");
	CHECK_OK(service_path(path, "pong"));
	CHECK(strcmp(path, "/run/ipc//pong") == 0);
	CHECK_CODE(service_path(NULL, "pong"), IPC_ERROR_SERVICE_PATH__NO_PATH);
	CHECK_CODE(service_path(path, NULL), IPC_ERROR_SERVICE_PATH__NO_SERVICE_NAME);
}

TEST(a_service_makes_its_directory_and_the_parents_with_mode_01750) {
	umask(022);
	setenv("IPC_RUNDIR", in_rundir("made/for/it"), 1);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(mode_of(in_rundir("made")), S_IFDIR | 01750);
	CHECK_EQUAL(mode_of(in_rundir("made/for")), S_IFDIR | 01750);
	CHECK_EQUAL(mode_of(in_rundir("made/for/it")), S_IFDIR | 01750);
	CHECK(S_ISSOCK(mode_of(in_rundir("made/for/it/pong"))));
	CHECK_OK(ipc_connection(&other, "pong", NULL));
	finish(&other, &event);
	finish(&ctx, &event);
}

TEST(a_directory_that_is_there_keeps_its_mode) {
	chmod(run_directory, 0711);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(mode_of(run_directory), S_IFDIR | 0711);
	finish(&ctx, &event);
}

TEST(a_service_is_refused_where_no_directory_can_be) {
	FILE *file = fopen(in_rundir("file"), "w");
	CHECK(file != NULL && fclose(file) == 0);
	setenv("IPC_RUNDIR", in_rundir("file"), 1);
	CHECK_CODE(ipc_server_init(&ctx, "pong"), IPC_ERROR_DIR_SETUP__NOT_A_DIRECTORY);
	setenv("IPC_RUNDIR", in_rundir("file/below"), 1);
	CHECK_CODE(ipc_server_init(&ctx, "pong"), IPC_ERROR_MKDIR__CANNOT_CREATE_DIR);
	CHECK_EQUAL(ctx.size, 0);
	CHECK(S_ISREG(mode_of(in_rundir("file"))));
	finish(&ctx, &event);
}

TEST(connecting_does_not_make_the_directory) {
	setenv("IPC_RUNDIR", in_rundir("none"), 1);
	CHECK_CODE(ipc_connection(&ctx, "pong", NULL), IPC_ERROR_USOCK_CONNECT__CONNECT);
	CHECK_CODE(ipc_connection_switched(&ctx, "pong", 0, NULL), IPC_ERROR_USOCK_CONNECT__CONNECT);
	CHECK(access(in_rundir("none"), F_OK) != 0);
	finish(&ctx, &event);
}

TEST(connecting_does_not_need_to_write_in_the_directory) {
	become_ordinary();
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(chmod(run_directory, 0500), 0);
	CHECK_OK(ipc_connection(&other, "pong", NULL));
	next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	CHECK_EQUAL(chmod(run_directory, 0700), 0);
	finish(&other, &event);
	finish(&ctx, &event);
}

TEST(a_service_needs_a_directory_that_can_be_written) {
	become_ordinary();
	CHECK_EQUAL(chmod(run_directory, 0500), 0);
	CHECK_CODE(ipc_server_init(&ctx, "pong"), IPC_ERROR_DIR_SETUP__DIRECTORY_NOT_WRITABLE);
	CHECK_CODE(directory_setup_(in_rundir("pong")), IPC_ERROR_DIR_SETUP__DIRECTORY_NOT_WRITABLE);
	CHECK_EQUAL(chmod(run_directory, 0700), 0);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	finish(&ctx, &event);
}

/* "must ask the kernel (access), not compare owner ids": /tmp is another's, and everybody may write in it. */
TEST(a_directory_of_another_that_everybody_may_write_in_will_do) {
	char name[64];
	become_ordinary();
	snprintf(name, sizeof name, "%.50s", strrchr(run_directory, '/') + 1);
	strcat(name, ".sock");
	setenv("IPC_RUNDIR", "/tmp", 1);
	CHECK_OK(ipc_server_init(&ctx, name));
	CHECK_OK(ipc_connection(&other, name, NULL));
	finish(&other, &event);
	finish(&ctx, &event);
}

TEST(mkdir_p__makes_all_of_a_path_once) {
	char too_long[PATH_MAX + 10];
	umask(022);
	CHECK_OK(mkdir_p_(in_rundir("a/b/c")));
	CHECK_EQUAL(mode_of(in_rundir("a/b/c")), S_IFDIR | 01750);
	CHECK_EQUAL(mode_of(in_rundir("a")), S_IFDIR | 01750);
	CHECK_OK(mkdir_p_(in_rundir("a/b/c")));
	CHECK_OK(mkdir_p_(in_rundir("a//d/")));
	CHECK(S_ISDIR(mode_of(in_rundir("a/d"))));
	CHECK_EQUAL(chdir(run_directory), 0);
	CHECK_OK(mkdir_p_("x/y"));
	CHECK_OK(mkdir_p_("z"));
	CHECK(S_ISDIR(mode_of(in_rundir("x/y"))) && S_ISDIR(mode_of(in_rundir("z"))));
	FILE *file = fopen("file", "w");
	CHECK(file != NULL && fclose(file) == 0);
	CHECK_CODE(mkdir_p_("file"), IPC_ERROR_MKDIR__CANNOT_CREATE_DIR);
	CHECK_CODE(mkdir_p_("file/below"), IPC_ERROR_MKDIR__CANNOT_CREATE_DIR);
	memset(too_long, 'x', sizeof too_long - 1);
	too_long[sizeof too_long - 1] = '\0';
	CHECK_CODE(mkdir_p_(too_long), IPC_ERROR_MKDIR__NAME_TOO_LONG);
}

TEST(directory_setup__makes_the_directory_that_a_path_lies_in) {
	struct stat status;
	CHECK_OK(directory_setup_(in_rundir("a/b/socket")));
	CHECK(S_ISDIR(mode_of(in_rundir("a/b"))));
	CHECK(lstat(in_rundir("a/b/socket"), &status) != 0);
	CHECK_OK(directory_setup_(in_rundir("a/b/socket")));
	FILE *file = fopen(in_rundir("file"), "w");
	CHECK(file != NULL && fclose(file) == 0);
	CHECK_CODE(directory_setup_(in_rundir("file/socket")), IPC_ERROR_DIR_SETUP__NOT_A_DIRECTORY);
	CHECK_CODE(directory_setup_(in_rundir("file/below/socket")), IPC_ERROR_MKDIR__CANNOT_CREATE_DIR);
	CHECK_CODE(directory_setup_(NULL), IPC_ERROR_DIRECTORY_SETUP__PATH_PARAM);
}

TEST(exists__and_is_directory__say_what_stat_says) {
	struct stat status;
	memset(&status, 0, sizeof status);
	CHECK_EQUAL(exists_(in_rundir("none"), &status), 0);
	CHECK_EQUAL(exists_(run_directory, &status), 1);
	CHECK(S_ISDIR(status.st_mode));
	CHECK_EQUAL(is_directory_(&status), 1);
	FILE *file = fopen(in_rundir("file"), "w");
	CHECK(file != NULL && fputs("seven b", file) >= 0 && fclose(file) == 0);
	CHECK_EQUAL(exists_(in_rundir("file"), &status), 1);
	CHECK_EQUAL(status.st_size, 7);
	CHECK_EQUAL(is_directory_(&status), 0);
	CHECK_EQUAL(symlink("nowhere", in_rundir("dangling")), 0);
	CHECK_EQUAL(exists_(in_rundir("dangling"), &status), 0); /* "stat succeeds", not lstat */
	CHECK_EQUAL(symlink(run_directory, in_rundir("there")), 0);
	CHECK(exists_(in_rundir("there"), &status) == 1 && is_directory_(&status) == 1);
}

TEST(is_writable__is_for_the_effective_user) {
	struct stat status;
	become_ordinary();
	FILE *file = fopen(in_rundir("file"), "w");
	CHECK(file != NULL && fclose(file) == 0);
	const struct {
		mode_t mode;
		int writable;
	} cases[] = {{0600, 1}, {0200, 1}, {0400, 0}, {0077, 0}};
	for (int i = 0; i < 4; i++) {
		CHECK_EQUAL(chmod(in_rundir("file"), cases[i].mode), 0);
		CHECK_EQUAL(exists_(in_rundir("file"), &status), 1);
		CHECK_EQUAL(is_writable_(&status), cases[i].writable);
	}
	CHECK_EQUAL(exists_("/tmp", &status), 1);
	CHECK_EQUAL(is_writable_(&status), 1);
	CHECK_EQUAL(exists_("/", &status), 1);
	CHECK_EQUAL(is_writable_(&status), access("/", W_OK) == 0);
}

TEST(dirname__is_the_part_before_the_last_slash) {
	const char *paths[][2] = {{"/run/ipc/pong", "/run/ipc"}, {"/run/ipc//pong", "/run/ipc/"}, {"a/b", "a"}, {"a/b/", "a/b"}, {"/a", ""},
	    {"lonely", ""}, {"", ""}};
	char directory[PATH_MAX];
	for (int i = 0; i < 7; i++) {
		memset(directory, 'x', sizeof directory);
		CHECK_EQUAL(dirname_(paths[i][0], directory), 0);
		if (strcmp(directory, paths[i][1]) != 0) FAIL("%s: '%.100s', not '%s'", paths[i][0], directory, paths[i][1]);
	}
}
