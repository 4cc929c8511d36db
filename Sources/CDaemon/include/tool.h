/*
 * tool.h - what the tool `ipc` (Sources/ipc-tool) sees of C beyond CDaemon.h, which includes this file.
 */
#ifndef CDAEMON_TOOL_H
#define CDAEMON_TOOL_H

#include <dirent.h>
#include <pwd.h>
#include <sys/wait.h>

#pragma clang assume_nonnull begin

CD_CALL(cd_connect, ipc_connection(ctx, name, fd), struct ipc_ctx *ctx, const char *name, int *fd)

/* ---- time ---- */

/* What the clock on the wall says: `03:04:05.123456` of this place, or with the date in UTC (RFC 3339). */
void cd_print_time(int in_utc, char *text, size_t size);
/* After so many milliseconds the process writes the text to stderr and ends with the status; 0: it does not. */
void cd_end_after(int64_t milliseconds, const char *text, size_t count, int status);

/* ---- files ---- */

/* The name in an entry of a directory: in Swift the array is a tuple. */
static inline const char *cd_name(const struct dirent *entry) { return entry->d_name; }
static inline int cd_is_socket(const struct stat *status) { return S_ISSOCK(status->st_mode); }
static inline int cd_is_directory(const struct stat *status) { return S_ISDIR(status->st_mode); }
static inline int cd_permissions(const struct stat *status) { return (int)(status->st_mode & 07777); }
static inline int cd_same_file(const struct stat *one, const struct stat *other) {
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* ---- who listens (listeners.c) ---- */

/* A Unix stream socket that listens: its file as the kernel numbers it, and how many clients wait to be accepted. */
struct cd_listening {
	uint32_t device, file;
	uint32_t waiting;
};
/* All of this network namespace, to be freed; -1: this system does not tell. Nobody is disturbed. */
int cd_all_listening(struct cd_listening *_Nullable *_Nonnull list, size_t *count);
/* Whether this is the socket of that file. */
int cd_listens_at(const struct cd_listening *listening, const struct stat *status);

/* ---- processes ---- */

/* As cd_signals, and SIGCHLD as well; children are waited for. */
int cd_signals_and_children(void);
/* Runs `sh -c command`, with this on its stdin, and a pipe that does not block for its stdout: its process, or -1. */
pid_t cd_run(const char *command, const void *input, size_t size, int *output);
/* A child that has ended, and its status (negative: the signal); 0: none further. */
pid_t cd_next_child(int *status);
/*
 * A child that puts the file `kept` at `place` when this process ends, however that happens, if the file at `place` is still `ours`, or
 * is not there. The descriptor that keeps it waiting, or -1.
 */
int cd_guard(const char *kept, const char *place, const struct stat *ours, pid_t *guard);
/* Lets it do that now; whether it has. */
int cd_let_go(int descriptor, pid_t guard);

/* ---- peers ---- */

static inline void cd_set_errno(int number) { errno = number; }
/* Who is at the other end of a Unix socket; -1: not known. */
void cd_peer_ids(int fd, int64_t *user, int64_t *group, int64_t *process);
/* Connects to the socket at `path` as the user of `client`: root becomes that user meanwhile; anybody else fails with EPERM unless both
 * are the same. A descriptor that does not block, or -1. */
int cd_connect_as_peer(const char *path, int client);

/* Receives without waiting, with up to CD_PASSED descriptors. */
ssize_t cd_receive_passed(int fd, void *bytes, size_t count, int *descriptors, int *number);

#pragma clang assume_nonnull end

#endif
