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

/* Writes the time of day: `03:04:05.123456` in local time, or with the date in UTC (RFC 3339). */
void cd_print_time(int in_utc, char *text, size_t size);
/* After this time the process writes the text to stderr and ends with the status. 0 milliseconds: stops the timer. */
void cd_end_after(int64_t milliseconds, const char *text, size_t count, int status);

/* ---- files ---- */

/* The name in a directory entry, which is an array, and so a tuple in Swift. */
static inline const char *cd_name(const struct dirent *entry) { return entry->d_name; }
static inline int cd_is_socket(const struct stat *status) { return S_ISSOCK(status->st_mode); }
static inline int cd_is_directory(const struct stat *status) { return S_ISDIR(status->st_mode); }
static inline int cd_permissions(const struct stat *status) { return (int)(status->st_mode & 07777); }
static inline int cd_same_file(const struct stat *one, const struct stat *other) {
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* ---- who listens (listeners.c) ---- */

/* A listening Unix stream socket: the device and inode of its file, and how many clients wait to be accepted. */
struct cd_listening {
	uint32_t device, file;
	uint32_t waiting;
};
/* Lists those of this network namespace, without connecting to them. The caller frees the list. Returns -1 where the system cannot tell. */
int cd_all_listening(struct cd_listening *_Nullable *_Nonnull list, size_t *count);
/* Whether the socket is bound to that file. */
int cd_listens_at(const struct cd_listening *listening, const struct stat *status);

/* ---- processes ---- */

/* Does what cd_signals does, also for SIGCHLD. The caller waits for its children. */
int cd_signals_and_children(void);
/* Runs `sh -c command` with these bytes as its stdin. Stores a non-blocking descriptor of its stdout. Returns its process, or -1. */
pid_t cd_run(const char *command, const void *input, size_t size, int *output);
/* Returns a child that has ended, and stores its status (negative: the signal that ended it). Returns 0 if there is none. */
pid_t cd_next_child(int *status);
/*
 * Starts a child that renames `kept` to `place` when this process ends, even by SIGKILL, unless another file than `ours` is at `place` by
 * then. Returns the descriptor whose end the child waits for, or -1.
 */
int cd_guard(const char *kept, const char *place, const struct stat *ours, pid_t *guard);
/* Closes that descriptor, and waits for the child. Returns whether it has renamed the file. */
int cd_let_go(int descriptor, pid_t guard);

/* ---- peers ---- */

static inline void cd_set_errno(int number) { errno = number; }
/* Stores who is at the other end of a Unix socket; -1 where that is not known. */
void cd_peer_ids(int fd, int64_t *user, int64_t *group, int64_t *process);
/* Connects to the socket at `path` with the user and groups of `client`. Only root can become another user: otherwise it fails with EPERM.
 * Returns a non-blocking descriptor, or -1. */
int cd_connect_as_peer(const char *path, int client);

/* Receives without waiting, with up to CD_PASSED descriptors. */
ssize_t cd_receive_passed(int fd, void *bytes, size_t count, int *descriptors, int *number);

#pragma clang assume_nonnull end

#endif
