/*
 * tool.c - what the tool `ipc` wants of the system: times, commands that answer, and the guard of a socket that is not at its place.
 */
#include <sys/time.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "systems.h"

/* ---- time ---- */

void cd_print_time(int in_utc, char *text, size_t size) {
	struct timespec now;
	struct tm parts;
	char micros[16];
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(micros, sizeof micros, ".%06ld%s", (long)(now.tv_nsec / 1000), in_utc ? "Z" : "");
	size_t count = strftime(text, size, in_utc ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S",
	    in_utc ? gmtime_r(&now.tv_sec, &parts) : localtime_r(&now.tv_sec, &parts));
	snprintf(text + count, size - count, "%s", micros);
}

static const char *last_words;
static size_t last_words_count;
static int last_status;

static void end(int number) {
	(void)number;
	(void)!write(2, last_words, last_words_count);
	_exit(last_status);
}

void cd_end_after(int64_t milliseconds, const char *text, size_t count, int status) {
	struct itimerval timer = {{0, 0}, {(time_t)(milliseconds / 1000), (suseconds_t)(milliseconds % 1000 * 1000)}};
	struct sigaction action = {.sa_handler = end};
	last_words = text;
	last_words_count = count;
	last_status = status;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* ---- processes ---- */

int cd_signals_and_children(void) {
	sigset_t signals;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return cd_watch_signals(&signals);
}

/* Makes a file without a name that holds these bytes, positioned at its start. Returns its descriptor, or -1. */
static int file_with(const void *bytes, size_t size) {
	int fd = -1;
#ifdef SYS_memfd_create
	fd = (int)syscall(SYS_memfd_create, "message", 1 /* MFD_CLOEXEC */);
#endif
	if (fd < 0) {
		FILE *file = tmpfile();
		fd = file != NULL ? fcntl(fileno(file), F_DUPFD_CLOEXEC, 3) : -1;
		if (file != NULL) {
			fclose(file);
		}
	}
	for (size_t done = 0; fd >= 0 && done < size;) {
		ssize_t count = CD_RETRYING(write(fd, (const char *)bytes + done, size - done));
		if (count <= 0) {
			close(fd);
			return -1;
		}
		done += (size_t)count;
	}
	if (fd >= 0) {
		lseek(fd, 0, SEEK_SET);
	}
	return fd;
}

/* The command's stdin is a file and no pipe: a command that does not read it blocks nobody. */
pid_t cd_run(const char *command, const void *input, size_t size, int *output) {
	int ends[2], file = file_with(input, size);
	if (file < 0) {
		return -1;
	}
	if (pipe(ends) != 0) {
		close(file);
		return -1;
	}
	fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	pid_t child = fork();
	if (child == 0) {
		sigset_t none;
		dup2(file, 0);
		dup2(ends[1], 1);
		signal(SIGPIPE, SIG_DFL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(file);
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return -1;
	}
	cd_set_blocking(ends[0], 0);
	*output = ends[0];
	return child;
}

pid_t cd_next_child(int *status) {
	int how;
	pid_t child = CD_RETRYING(waitpid(-1, &how, WNOHANG));
	if (child > 0) {
		*status = WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
	}
	return child > 0 ? child : 0;
}

/* ---- the guard ---- */

static void put_back(const char *kept, const char *place, const struct stat *ours) {
	struct stat now, real;
	int is_there = lstat(place, &now) == 0;
	/* The service's socket is still at its place: only its second name goes. */
	if (is_there && lstat(kept, &real) == 0 && cd_same_file(&now, &real)) {
		_exit(unlink(kept) == 0 ? 0 : 1);
	}
	/* Another process may have put its own socket there, the next service of that name for example: that one stays. */
	_exit((!is_there || cd_same_file(&now, ours)) && rename(kept, place) == 0 ? 0 : 1);
}

/* The guard has a session of its own, so that no signal of the terminal reaches it. It keeps only the pipe open. */
int cd_guard(const char *kept, const char *place, const struct stat *ours, pid_t *guard) {
	int ends[2];
	if (pipe(ends) != 0) {
		return -1;
	}
	fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	pid_t child = fork();
	if (child == 0) {
		char byte;
		sigset_t all;
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
		setsid();
		dup2(ends[0], 0);
		cd_close_from(1);
		while (CD_RETRYING(read(0, &byte, 1)) > 0) {}
		put_back(kept, place, ours);
	}
	close(ends[0]);
	if (child < 0) {
		close(ends[1]);
		return -1;
	}
	*guard = child;
	return ends[1];
}

int cd_let_go(int descriptor, pid_t guard) {
	int status = 1;
	close(descriptor);
	return CD_RETRYING(waitpid(guard, &status, 0)) == guard && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
