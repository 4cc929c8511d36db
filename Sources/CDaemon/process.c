/*
 * process.c - what the daemons want of the system for their process as a whole, and the text of libipc's errors.
 */
#include "systems.h"

static char reason[256];

const char *cd_reason(void) { return reason; }

/* An event of a bad peer comes with a text and no code. */
enum ipc_error_code cd_note(const struct ipc_error *result) {
	if (result->error_code != IPC_ERROR_NONE || result->error_message[0] != 0) {
		snprintf(reason, sizeof reason, "%.*s", (int)sizeof reason - 1, result->error_message);
	}
	return result->error_code;
}

enum ipc_error_code cd_watch_server(struct ipc_ctx *ctx, int fd, const char *path) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_SERVER, .spath = path != NULL ? strdup(path) : NULL};
	struct pollfd entry = {.fd = fd, .events = POLLIN};
	const struct ipc_error result = ipc_add(ctx, &info, &entry);
	if (result.error_code != IPC_ERROR_NONE) {
		free(info.spath);
	}
	return cd_note(&result);
}

const char *cd_version(void) { return CD_VERSION; }

int64_t cd_nanoseconds(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t cd_now(void) { return cd_nanoseconds() / 1000000; }

void cd_open_standard(void) {
	int fd;
	do fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2) {
		close(fd);
	}
}

void cd_hold_hangup(void) {
	sigset_t hangup;
	sigemptyset(&hangup);
	sigaddset(&hangup, SIGHUP);
	sigprocmask(SIG_BLOCK, &hangup, NULL);
}

int cd_signals(void) {
	struct sigaction forgetting = {.sa_handler = SIG_IGN, .sa_flags = SA_NOCLDWAIT};
	sigset_t ends;
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGCHLD, &forgetting, NULL);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	sigaddset(&ends, SIGUSR1);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	return cd_watch_signals(&ends);
}

/* sd_notify(3) describes it: a path, or with @ a name without a file. */
int cd_notify(const void *text, size_t count) {
	static int fd = -1;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *place = getenv("NOTIFY_SOCKET");
	size_t length = place != NULL ? strlen(place) : 0;
	if (length < 2 || length >= sizeof address.sun_path || (place[0] != '/' && place[0] != '@')) {
		return 0;
	}
	/* Kept: later there may be no descriptor free. */
	if (fd < 0 && (fd = cd_make_socket(AF_UNIX, SOCK_DGRAM)) < 0) {
		return 0;
	}
	memcpy(address.sun_path, place, length);
	if (place[0] == '@') {
		address.sun_path[0] = 0;
	}
	length += offsetof(struct sockaddr_un, sun_path);
	return sendto(fd, text, count, MSG_NOSIGNAL, (const struct sockaddr *)&address, (socklen_t)length) == (ssize_t)count;
}

int64_t cd_raise_descriptor_limit(int64_t wanted) {
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
		return wanted;
	}
	if (limit.rlim_cur < (rlim_t)wanted) {
		rlim_t former = limit.rlim_cur;
		limit.rlim_cur = limit.rlim_max < (rlim_t)wanted ? limit.rlim_max : (rlim_t)wanted;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
			limit.rlim_cur = former;
		}
	}
	return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)limit.rlim_cur;
}

static char *give_up(int fd, char *text, int number) {
	close(fd);
	free(text);
	errno = number;
	return NULL;
}

/* A pipe that nobody writes to would make this wait, and cannot be read a second time: only regular files. */
char *cd_read_file(const char *path, size_t limit, ssize_t *size) {
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text = fd < 0 ? NULL : malloc(limit + 1);
	size_t count = 0;
	ssize_t piece;
	if (fd < 0) {
		return NULL;
	}
	if (text == NULL || fstat(fd, &status) != 0) {
		return give_up(fd, text, errno);
	}
	if (!S_ISREG(status.st_mode)) {
		return give_up(fd, text, S_ISDIR(status.st_mode) ? EISDIR : EINVAL);
	}
	while ((piece = CD_RETRYING(read(fd, text + count, limit + 1 - count))) > 0) {
		count += (size_t)piece;
	}
	if (piece < 0 || count > limit) {
		return give_up(fd, text, piece < 0 ? errno : EFBIG);
	}
	close(fd);
	text[count] = 0;
	*size = (ssize_t)count;
	return text;
}

int cd_is_group(const char *text) {
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == 0) {
		/* The highest one means "as it is" (chown(2)). */
		return number < UINT32_MAX;
	}
	return getgrnam(text) != NULL;
}

/* sd_listen_fds(3) describes it. */
int cd_inherited(void) {
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	int found = 0;
	if (pid != NULL && count != NULL && strtol(pid, NULL, 10) == getpid()) {
		long asked = strtol(count, NULL, 10);
		while (found < asked && cd_is_open(3 + found)) {
			fcntl(3 + found++, F_SETFD, FD_CLOEXEC);
		}
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return found;
}

void cd_log_line(const void *line, size_t count) {
	struct pollfd entry = {.fd = 2, .events = POLLOUT};
	if (poll(&entry, 1, 0) == 1 && (entry.revents & POLLOUT) != 0) {
		(void)!write(2, line, count);
	}
}
