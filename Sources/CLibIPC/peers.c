/*
 * peers.c - who is at the other end of a Unix socket. It cannot include CLibIPC.h, as names.c.
 */
#define _GNU_SOURCE
#include "../../include/ipc.h"
#include "peers.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#if defined __linux__ && !defined SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5; the headers may be older */
#endif

int libipc_peer(int fd, struct ipc_peer_info *peer) {
	peer->pidfd = -1;
#ifdef __linux__
	struct ucred known;
	socklen_t size = sizeof known;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &known, &size) != 0) return -1;
	/* What no process has connected has the user and group -1. */
	if (known.uid == (uid_t)-1) {
		errno = ENOTCONN;
		return -1;
	}
	peer->uid = known.uid, peer->gid = known.gid, peer->pid = known.pid;
	/* Without this option, or when the process is gone and nobody has waited for it, there is none. */
	size = sizeof peer->pidfd;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &peer->pidfd, &size) != 0) peer->pidfd = -1;
	return 0;
#else
	uid_t user;
	gid_t group;
	if (getpeereid(fd, &user, &group) != 0) return -1;
	peer->uid = user, peer->gid = group, peer->pid = 0;
	return 0;
#endif
}

int64_t libipc_peer_user(int fd) {
#ifdef __linux__
	struct ucred known;
	socklen_t size = sizeof known;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &known, &size) == 0 ? (int64_t)known.uid : -1;
#else
	uid_t user;
	gid_t group;
	return getpeereid(fd, &user, &group) == 0 ? (int64_t)user : -1;
#endif
}

int libipc_is_listening_stream(int fd, struct sockaddr_un *address) {
	int is_listening = 0, type = 0;
	socklen_t size = sizeof type, length = sizeof *address;
	memset(address, 0, sizeof *address);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return 0;
	size = sizeof is_listening;
	return type == SOCK_STREAM && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) == 0 && is_listening &&
	    getsockname(fd, (struct sockaddr *)address, &length) == 0 && address->sun_family == AF_UNIX;
}

void libipc_close_on_exec(int fd) {
	int flags = fcntl(fd, F_GETFD);
	if (flags >= 0) fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

int libipc_is_local_socket(int fd) {
	struct sockaddr_un address;
	socklen_t size = sizeof address;
	return getsockname(fd, (struct sockaddr *)&address, &size) == 0 && address.sun_family == AF_UNIX;
}

int libipc_duplicate(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 0); }
