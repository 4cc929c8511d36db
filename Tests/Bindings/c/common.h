/* common.h - what the reference programs of scenarios.md share: checks that end the program, messages, and what a process has open. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ipc.h>

#define CHECK(condition)                                                    \
	do {                                                                \
		if (!(condition)) fail(__FILE__, __LINE__, #condition, ""); \
	} while (0)

/* The call, which returns a struct ipc_error, has this code. */
#define CHECK_ERROR(call, code)                                                                           \
	do {                                                                                              \
		struct ipc_error result_ = (call);                                                        \
		if (result_.error_code != (code)) fail(__FILE__, __LINE__, #call, result_.error_message); \
	} while (0)

/* The call, of the part since 1.2, returns a code alone. */
#define CHECK_CODE(call)                                                                         \
	do {                                                                                     \
		if ((call) != IPC_ERROR_NONE) fail(__FILE__, __LINE__, #call, ipc_last_error()); \
	} while (0)

__attribute__((noreturn)) static inline void fail(const char *file, int line, const char *what, const char *reason) {
	fprintf(stderr, "%s:%d: %s%s%s\n", file, line, what, *reason != '\0' ? ": " : "", reason);
	exit(1);
}

static inline int descriptors(void) {
	int count = 0;
	DIR *directory = opendir("/proc/self/fd");
	CHECK(directory != NULL);
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;) count += entry->d_name[0] != '.';
	closedir(directory);
	return count - 1;
}

static inline long resident(void) {
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	CHECK(file != NULL && fscanf(file, "%*d %ld", &pages) == 1);
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static inline void send_message(struct ipc_ctx *ctx, int fd, char user_type, const char *payload, size_t size) {
	struct ipc_message m = {
	    .type = MSG_TYPE_DATA, .user_type = user_type, .fd = fd, .length = (uint32_t)size, .payload = (char *)payload};
	CHECK_ERROR(ipc_write(ctx, &m), IPC_ERROR_NONE);
}

static inline void write_all(int fd, const char *bytes, size_t size) {
	for (ssize_t count; size > 0; bytes += count, size -= (size_t)count) {
		count = write(fd, bytes, size);
		CHECK(count > 0);
	}
}

/* Reads `size` bytes, or fewer up to the end. Returns how many. */
static inline size_t read_all(int fd, char *bytes, size_t size) {
	size_t done = 0;
	for (ssize_t count; done < size && (count = read(fd, bytes + done, size - done)) != 0; done += (size_t)count) CHECK(count > 0);
	return done;
}
