/*
 * peers.h - who is at the other end of a socket, and sockets that somebody else has made (peers.c).
 */
#ifndef LIBIPC_PEERS_H
#define LIBIPC_PEERS_H

#include <stdint.h>
#include <sys/un.h>

#pragma clang assume_nonnull begin
struct ipc_peer_info;
/* As ipc_peer does. -1 and errno: the kernel knows no peer. */
int libipc_peer(int fd, struct ipc_peer_info *peer);
/* The user id of the process that connected; -1: unknown. */
int64_t libipc_peer_user(int fd);
/* Whether this is a Unix stream socket that listens. `address` becomes its own. */
int libipc_is_listening_stream(int fd, struct sockaddr_un *address);
void libipc_close_on_exec(int fd);
int libipc_is_local_socket(int fd);
/* A copy of the descriptor, close-on-exec. */
int libipc_duplicate(int fd);
#pragma clang assume_nonnull end

#endif
