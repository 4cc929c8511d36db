/*
 * process.c - what the daemons want of the system for their process as a whole, and the text of libipc's errors.
 */
#include "CDaemon.h"

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

int64_t cd_now(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void cd_open_standard(void) {
	int fd;
	do fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2) {
		close(fd);
	}
}

int cd_signals(void) {
	struct sigaction forgetting = {.sa_handler = SIG_IGN, .sa_flags = SA_NOCLDWAIT};
	sigset_t ends;
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGCHLD, &forgetting, NULL);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	return signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
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
