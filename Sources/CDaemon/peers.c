/*
 * peers.c - what the tool `ipc` does for the clients of a service that it stands in front of: connects as the user that they are, and
 * passes their descriptors on.
 */
#include "systems.h"

void cd_peer_ids(int fd, int64_t *user, int64_t *group, int64_t *process) {
	struct cd_user known;
	int is_known = cd_find_user(fd, &known);
	*user = is_known ? (int64_t)known.user : -1;
	*group = is_known ? (int64_t)known.group : -1;
	*process = is_known && known.process > 0 ? (int64_t)known.process : -1;
}

enum { GROUPS = 1024 };

/* Stores the supplementary groups of the peer's process. Returns their number. */
static int groups_of(int client, gid_t main_group, gid_t *groups) {
#ifdef SO_PEERGROUPS
	socklen_t size = GROUPS * sizeof *groups;
	if (getsockopt(client, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0) {
		return (int)(size / sizeof *groups);
	}
#endif
	(void)client;
	groups[0] = main_group;
	return 1;
}

/*
 * The kernel notes the user and the groups of whoever connects, and services trust that (SO_PEERCRED, ipc_peer(3)): a client must not get
 * the rights of the user who runs the monitor. As root, this process becomes the client's user for this one call.
 */
int cd_connect_as_peer(const char *path, int client) {
	static gid_t own[GROUPS], theirs[GROUPS];
	struct cd_user peer;
	if (!cd_find_user(client, &peer)) {
		errno = EPERM;
		return -1;
	}
	if (geteuid() != 0) {
		if (peer.user != geteuid()) {
			errno = EPERM;
			return -1;
		}
		int fd = cd_connect_local(path);
		return fd >= 0 && cd_set_blocking(fd, 0) == 0 ? fd : -1;
	}
	gid_t group = getegid();
	int count = getgroups(GROUPS, own), number, fd = -1;
	int others = groups_of(client, peer.group, theirs);
	if (count < 0) {
		return -1;
	}
	if (setgroups((size_t)others, theirs) == 0 && setegid(peer.group) == 0 && seteuid(peer.user) == 0) {
		fd = cd_connect_local(path);
	}
	number = errno;
	/* The process cannot go on with the rights of another user. */
	if (seteuid(0) != 0 || setegid(group) != 0 || setgroups((size_t)count, own) != 0) {
		abort();
	}
	if (fd >= 0) {
		cd_set_blocking(fd, 0);
	}
	errno = number;
	return fd;
}

/* ---- descriptors ---- */

ssize_t cd_receive_passed(int fd, void *bytes, size_t count, int *descriptors, int *number) {
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(CD_PASSED * sizeof(int))];
	} control;
	struct iovec piece = {bytes, count};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	int flags = MSG_DONTWAIT;
#ifdef MSG_CMSG_CLOEXEC
	flags |= MSG_CMSG_CLOEXEC;
#endif
	ssize_t result = CD_RETRYING(recvmsg(fd, &message, flags));
	*number = 0;
	if (result < 0) {
		return result;
	}
	/* There is one header at most: nothing else was asked for (SO_PASSCRED and the like). */
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
		size_t size = header->cmsg_len - CMSG_LEN(0);
		memcpy(descriptors, CMSG_DATA(header), size);
		*number = (int)(size / sizeof(int));
	}
	return result;
}
