/*
 * names.h - the environment, and the calls on listening and connecting sockets that need C (names.c).
 */
#ifndef LIBIPC_NAMES_H
#define LIBIPC_NAMES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

#include "../../../include/ipc.h"

#pragma clang assume_nonnull begin
/* The value of an environment variable; NULL when it is missing or empty, or when the process has raised privileges
 * (AT_SECURE, secure_getenv(3)): then a less privileged caller has set the environment. The library reads the environment only here. */
const char *_Nullable libipc_environment(const char *name);
/* These names are in C, because passing a String from Swift to C takes a kilobyte of code for each use. */
static inline const char *_Nullable libipc_run_directory(void) { return libipc_environment("IPC_RUNDIR"); }
static inline const char *_Nullable libipc_network_routes(void) { return libipc_environment("IPC_NETWORK"); }
static inline const char *_Nullable libipc_socket_mode(void) { return libipc_environment("IPC_SOCKET_MODE"); }
static inline const char *_Nullable libipc_socket_group(void) { return libipc_environment("IPC_SOCKET_GROUP"); }
static inline const char *libipc_default_directory(void) { return RUNDIR; }
static inline const char *libipc_network_service(void) { return "network"; }

/* Makes the payload of a look-up, `service;routes`, without the marks of strict routes. The caller frees it. Returns its length, or -1. */
int libipc_make_lookup(char *_Nullable *_Nonnull lookup, const char *service, const char *routes);
/* Returns the offset of the mark of a strict route (blanks and `!`) in an entry of `length` bytes; negative: no mark. */
ssize_t libipc_strict_mark(const char *entry, size_t length);

/* Makes a stream socket that does not block. It is close-on-exec: a program that a service starts must not keep the service's name, or
 * its clients, alive. */
int libipc_make_socket(void);
/* None of these functions retries after EINTR. The accepted socket is close-on-exec and blocking, also if its listener does not block. */
int libipc_accept(int server);
/* EAGAIN: the backlog of the listener is full. */
int libipc_connect_once(int fd, const struct sockaddr_un *address);
/* Waits for room in the backlog, at most so many milliseconds. The socket blocks, and has no time limit of its own (SO_SNDTIMEO). */
int libipc_connect_within(int fd, const struct sockaddr_un *address, int milliseconds);
/* Whether an error of accept(2) concerns one client, or its network, and not the listener (accept(2), "Error handling"). */
int libipc_concerns_one_client(int error);
/* Whether the socket listens (SO_ACCEPTCONN, socket(7)). */
int libipc_is_listening(int fd);

/* Registers the descriptor as a listening socket that the library made, and remembers its file. */
void libipc_note_listener(int fd);
/* Whether the descriptor, also a copy with another number, is a listening socket that the library made. */
int libipc_is_own_listener(int fd);

static inline char *libipc_entry_path(struct ipc_entry *entry) { return entry->path; }
static inline const char *libipc_path(const struct sockaddr_un *address) { return address->sun_path; }
/* Whether any process has a socket bound to the path; -1: there is no free descriptor to find out. Unlike a connection attempt this
 * needs no room in a backlog, and the service does not notice it. */
int libipc_is_bound(const struct sockaddr_un *address);
/* A listening socket, and the file to which it is bound. */
struct libipc_socket_file {
	dev_t device;
	ino_t inode;
	int64_t made_seconds, made_nanoseconds; /* a struct timespec may have padding, which Swift does not copy as bytes */
	dev_t socket_device;
	ino_t socket;
};
/* Returns 0 when there is no such file. */
int libipc_find_socket_file(struct libipc_socket_file *file, const char *path, int listener);
/* Whether path and listener still mean this file. While the socket is open no other file has the inode number. After that another one
 * may get it, and the time when it was made tells the two apart. */
int libipc_is_same_socket_file(const struct libipc_socket_file *file, const char *path, int listener);
/* Changes the mode of a socket file; of no other kind of file, and not through a symbolic link. */
int libipc_change_socket_mode(const char *path, mode_t mode);
/* The value of a text that has only digits; negative for other text, and for more than 32 bits. */
int64_t libipc_parse_number(const char *text, int base);
/* Finds a group by its name or number. Returns 0, or an error number; ENOENT: no such group. */
int libipc_find_group(const char *name, gid_t *group);
#pragma clang assume_nonnull end
#endif
