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

#pragma clang assume_nonnull end
#endif
