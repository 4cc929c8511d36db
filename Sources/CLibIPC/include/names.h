/*
 * names.h - how services are named, found and listened for: the environment, and the calls on sockets that need C (names.c).
 */
#ifndef LIBIPC_NAMES_H
#define LIBIPC_NAMES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#pragma clang assume_nonnull begin
/* The value of an environment variable; NULL when it is missing or empty, or when the process has raised privileges
 * (AT_SECURE, secure_getenv(3)): then the environment is that of a less privileged caller. The library asks nowhere else. */
const char *_Nullable libipc_environment(const char *name);

/* The frame payload of a look-up, `service;routes`, without the marks of strict routes; malloc'ed. Returns its length, or -1. */
int libipc_make_lookup(char *_Nullable *_Nonnull lookup, const char *service, const char *routes);
/* Where the mark of a strict route, blanks and `!`, begins in an entry of so many bytes; negative: it has none. */
ssize_t libipc_strict_mark(const char *entry, size_t length);

/* Once: EINTR is the caller's business. */
int libipc_connect_once(int fd, const struct sockaddr_un *address);
/* What poll(2) reports of one descriptor; 0 when the time is up, -1 for an error. */
int libipc_poll_interruptibly(int fd, int events, int timeout);
#pragma clang assume_nonnull end
#endif
