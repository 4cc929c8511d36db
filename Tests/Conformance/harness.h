/*
 * harness.h - what every conformance program shares.
 *
 * A program is a list of TEST(name) { ... }. Each test runs in a process of its own, with its own
 * run directory and a limit of 60 seconds, and fails when a CHECK fails, when it dies, or when it
 * ends with more open descriptors than it began with. Printed: one line a test,
 * "ok NAME", "not ok NAME", or "skipped NAME: why"; the runner counts these lines.
 * An argument runs the one test of that name; `--list` prints the names. TEST_LIMITS names tests that this system cannot pass
 * (Tests/Targets): "limit NAME", or "not ok NAME" when one passes after all. With ~ in front of its name a test is not run: it may pass.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ipc.h>
#include <fs.h>
#include <message.h>

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

static struct test *first_test;
static struct test **last_test = &first_test;
static char run_directory[64]; /* IPC_RUNDIR of the running test, without a slash at the end */

#define TEST(name)                                                       \
	static void name(void);                                          \
	__attribute__((constructor)) static void register_##name(void) { \
		static struct test entry = {#name, name, NULL};          \
		*last_test = &entry;                                     \
		last_test = &entry.next;                                 \
	}                                                                \
	static void name(void)

#define FAIL(...)                                               \
	do {                                                    \
		fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
		fprintf(stderr, __VA_ARGS__);                   \
		fputc('\n', stderr);                            \
		exit(1);                                        \
	} while (0)
#define CHECK(condition)                                                 \
	do {                                                             \
		if (!(condition)) FAIL("does not hold: %s", #condition); \
	} while (0)
#define CHECK_EQUAL(is, wanted)                                                      \
	do {                                                                         \
		long long is_ = (long long)(is), wanted_ = (long long)(wanted);      \
		if (is_ != wanted_) FAIL("%s is %lld, not %lld", #is, is_, wanted_); \
	} while (0)
/* The call returns this code, with the text that belongs to it: none and empty, or a reason followed by zeros alone.
 * (A wait may tell of a bad peer: it succeeds, with a reason.) */
#define CHECK_CODE(call, wanted) check_code(__FILE__, __LINE__, #call, (call), (wanted))
#define CHECK_OK(call) CHECK_CODE(call, 0)
/* exit status that a test uses to say that it cannot run here; the reason goes to stdout */
#define SKIP(reason)                  \
	do {                          \
		printf("%s", reason); \
		fflush(stdout);       \
		_exit(77);            \
	} while (0)

static inline void check_code(const char *file, int line, const char *call, struct ipc_error e, int wanted) {
	if ((int)e.error_code != wanted) {
		fprintf(stderr, "%s:%d: %s: code %d (%.200s), not %d\n", file, line, call, (int)e.error_code, e.error_message, wanted);
		exit(1);
	}
	size_t length = strnlen(e.error_message, sizeof e.error_message);
	int fits = wanted == 0 || (length > 0 && length < sizeof e.error_message);
	for (size_t i = length; wanted != 0 && fits && i < sizeof e.error_message; i++) fits = e.error_message[i] == 0;
	if (!fits) {
		fprintf(stderr, "%s:%d: %s: the text is empty or not followed by zeros alone\n", file, line, call);
		exit(1);
	}
	if (wanted == 0 && length > 0 && strstr(call, "ipc_wait_event") == NULL) {
		fprintf(stderr, "%s:%d: %s: success with the text: %.200s\n", file, line, call, e.error_message);
		exit(1);
	}
}

static inline int count_descriptors(void) {
	int count = 0;
	DIR *directory = opendir("/proc/self/fd");
	if (directory == NULL) return -1;
	while (readdir(directory) != NULL) count++;
	closedir(directory);
	return count;
}

static inline void remove_tree(const char *path) {
	DIR *directory = opendir(path);
	struct dirent *entry;
	char inner[PATH_MAX];
	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
		if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >= (int)sizeof inner) continue;
		if (unlink(inner) != 0) remove_tree(inner);
	}
	if (directory != NULL) closedir(directory);
	rmdir(path);
}

static int must_fail; /* the running test is expected to */

/* A test that runs longer than a minute, or TEST_PATIENCE minutes, hangs. One that is expected to fail gets 5 s. A child does not inherit
 * this limit (alarm(2)). */
static inline void limit_time(void) {
	if (must_fail) alarm(5);
	else alarm(60 * (getenv("TEST_PATIENCE") != NULL ? (unsigned)atoi(getenv("TEST_PATIENCE")) : 1));
}

/* Runs in the child: 0 passed, 77 skipped, else failed. */
static inline void run_here(struct test *test) {
	setenv("IPC_RUNDIR", run_directory, 1);
	unsetenv("IPC_NETWORK");
	limit_time();
	if (must_fail && freopen("/dev/null", "w", stderr) == NULL) exit(1);
	int before = count_descriptors();
	test->run();
	int after = count_descriptors();
	if (after != before) FAIL("%s leaks descriptors: %d open, %d before", test->name, after, before);
	exit(0);
}

static inline int run_test(struct test *test) {
	int status, out[2];
	char reason[256] = "";
	snprintf(run_directory, sizeof run_directory, "/tmp/ipc-test-XXXXXX");
	if (mkdtemp(run_directory) == NULL || pipe(out) != 0) FAIL("no run directory: %s", strerror(errno));
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		if (must_fail) setpgid(0, 0);
		dup2(out[1], 1);
		close(out[0]);
		close(out[1]);
		run_here(test);
	}
	close(out[1]);
	if (must_fail) {
		/* Processes that it leaves would keep the pipe open, perhaps for ever. */
		waitpid(child, &status, 0);
		kill(-child, SIGKILL);
	}
	ssize_t length = 0, n;
	char drain[4096];
	while ((n = read(out[0], drain, sizeof drain)) > 0) {
		if (length == 0) {
			length = n < 255 ? n : 255;
			memcpy(reason, drain, (size_t)length);
		}
	}
	close(out[0]);
	if (!must_fail) waitpid(child, &status, 0);
	remove_tree(run_directory);
	if (must_fail && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return printf("not ok %s passes: take its line out\n", test->name), 1;
	if (must_fail) return printf("limit %s\n", test->name), 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return printf("skipped %s: %s\n", test->name, reason), 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return printf("ok %s\n", test->name), 0;
	if (WIFSIGNALED(status)) fprintf(stderr, "%s: died of signal %d\n", test->name, WTERMSIG(status));
	return printf("not ok %s\n", test->name), 1;
}

/* Whether TEST_LIMITS names the test with this mark: there is a blank on both sides of a name. */
static inline int is_limit(const char *mark, const char *name) {
	char line[256];
	const char *limits = getenv("TEST_LIMITS");
	snprintf(line, sizeof line, " %s%s ", mark, name);
	return limits != NULL && strstr(limits, line) != NULL;
}

int main(int count, char **arguments) {
	int failed = 0, list = count > 1 && strcmp(arguments[1], "--list") == 0;
	for (struct test *test = first_test; test != NULL; test = test->next) {
		if (list) printf("%s\n", test->name);
		if (count > 1 && strcmp(arguments[1], test->name) != 0) continue;
		must_fail = is_limit("", test->name);
		if (is_limit("~", test->name)) printf("limit %s\n", test->name);
		else failed |= run_test(test);
	}
	return failed;
}

#endif
