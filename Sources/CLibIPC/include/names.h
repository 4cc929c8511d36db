/*
 * names.h - how services are named, found and listened for: the environment, and the calls on sockets that need C (names.c).
 */
#ifndef LIBIPC_NAMES_H
#define LIBIPC_NAMES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "../../../include/ipc.h"

#pragma clang assume_nonnull begin
/* The value of an environment variable; NULL when it is missing or empty, or when the process has raised privileges
 * (AT_SECURE, secure_getenv(3)): then the environment is that of a less privileged caller. The library asks nowhere else. */
const char *_Nullable libipc_environment(const char *name);
/* The library's names, which Swift would make a String of, with a kilobyte of code for each use. */
static inline const char *_Nullable libipc_run_directory(void) { return libipc_environment("IPC_RUNDIR"); }
static inline const char *_Nullable libipc_network_routes(void) { return libipc_environment("IPC_NETWORK"); }
static inline const char *_Nullable libipc_socket_mode(void) { return libipc_environment("IPC_SOCKET_MODE"); }
static inline const char *_Nullable libipc_socket_group(void) { return libipc_environment("IPC_SOCKET_GROUP"); }
static inline const char *libipc_default_directory(void) { return RUNDIR; }
static inline const char *libipc_network_service(void) { return "network"; }

/* The frame payload of a look-up, `service;routes`, without the marks of strict routes; malloc'ed. Returns its length, or -1. */
int libipc_make_lookup(char *_Nullable *_Nonnull lookup, const char *service, const char *routes);
/* Where the mark of a strict route, blanks and `!`, begins in an entry of so many bytes; negative: it has none. */
ssize_t libipc_strict_mark(const char *entry, size_t length);

/* Both once: EINTR is the caller's business. The accepted socket is close-on-exec and blocks, whatever its listener does. */
int libipc_accept(int server);
int libipc_connect_once(int fd, const struct sockaddr_un *address);
/* The limit of accept(2) on this socket (SO_RCVTIMEO, socket(7)), in milliseconds; -1: none. */
int libipc_accept_limit(int server);
/* An error of accept(2) that is about one client, or its network, and not about the listener (accept(2), "Error handling"). */
int libipc_is_of_a_client(int error);
/* The socket listens (SO_ACCEPTCONN, socket(7)). */
int libipc_is_listening(int fd);

/* Remembers which file this number means: a listening socket that the library made. */
void libipc_note_listener(int fd);
/* The descriptor, whatever its number, means a listening socket that the library made. */
int libipc_is_own_listener(int fd);

/* Whether any process has a socket bound to the path; -1: it cannot be found out. Unlike a connection attempt this does not depend on
 * room in a backlog, and no service notices it. */
int libipc_is_bound(const struct sockaddr_un *address);
/* Changes the mode of a socket file, of nothing else, and follows no symbolic link. */
int libipc_change_socket_mode(const char *path, mode_t mode);
/* 0, or an error number; ENOENT: there is no such group. */
int libipc_find_group(const char *name, gid_t *group);
#pragma clang assume_nonnull end
#endif
