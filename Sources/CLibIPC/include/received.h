/*
 * received.h - descriptors that came with messages, until the program takes them (received.c).
 */
#ifndef LIBIPC_RECEIVED_H
#define LIBIPC_RECEIVED_H

#include "threads.h"

#pragma clang assume_nonnull begin
/* How many there are. */
extern unsigned libipc_received_count __attribute__((visibility("hidden")));
LIBIPC_ATOMIC int libipc_has_received(void) { return __atomic_load_n(&libipc_received_count, __ATOMIC_RELAXED) != 0; }

/* Keeps a descriptor, or a negated error number, for this message of an event. `owner`: whoever closes what nobody has taken. 0: no
 * memory. */
int libipc_keep_received(const void *message, int descriptor, const void *owner);
/* Takes it; -1: there is none. */
int libipc_take_received(const void *message);
/* Closes those of the owner. */
void libipc_close_received(const void *owner);
#pragma clang assume_nonnull end

#endif
