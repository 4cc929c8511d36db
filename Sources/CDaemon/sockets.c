/*
 * sockets.c - sockets and their addresses: what libipc does not do, because it only knows Unix sockets.
 *
 * Nothing here waits, except cd_lookup when it is not numeric.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>

#include "systems.h"

static int option(int fd, int level, int name) {
	int value = 0;
	socklen_t size = sizeof value;
	return getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

static void set(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof value); }

int cd_is_listening(int fd) { return option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1; }
int cd_dialled(int fd) { return option(fd, SOL_SOCKET, SO_ERROR); }

int cd_address_of(int fd, int peer, struct cd_address *address) {
	memset(address, 0, sizeof *address);
	address->length = sizeof address->storage;
	return (peer ? getpeername : getsockname)(fd, (struct sockaddr *)&address->storage, &address->length) == 0;
}

int cd_lookup(const char *host, const char *port, int numeric, struct cd_address *addresses, int room) {
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | (numeric ? AI_NUMERICHOST : 0)};
	struct addrinfo *found = NULL;
	int code = getaddrinfo(host, port, &hints, &found), count = 0;
	if (code != 0) {
		return code < 0 ? code : -code;
	}
	for (struct addrinfo *each = found; each != NULL && count < room; each = each->ai_next) {
		memset(addresses + count, 0, sizeof *addresses);
		memcpy(&addresses[count].storage, each->ai_addr, each->ai_addrlen);
		addresses[count++].length = each->ai_addrlen;
	}
	freeaddrinfo(found);
	return count;
}

/*
 * Takes `count` of the addresses: the first one's family first, then the families in turn (RFC 8305 4), so that a family with many
 * addresses leaves room for the other one.
 */
static void alternate(const struct cd_address *found, int total, struct cd_address *addresses, int count) {
	int next[2] = {0, 0};
	for (int taken = 0, turn = 0; taken < count && (next[0] < total || next[1] < total); turn = !turn) {
		while (next[turn] < total && (found[next[turn]].storage.ss_family != found[0].storage.ss_family) != turn) {
			next[turn]++;
		}
		if (next[turn] < total) {
			addresses[taken++] = found[next[turn]++];
		}
	}
}

/* Names are looked up by calls that wait for others. The child has nothing of ours but its end of a pair. */
int cd_lookup_in_child(const char *host, const char *port, int seconds) {
	struct cd_address found[64], addresses[8];
	const int room = sizeof addresses / sizeof *addresses;
	int ends[2];
	if (cd_make_record_pair(ends) != 0) {
		return -1;
	}
	pid_t child = fork();
	if (child == 0) {
		sigset_t none;
		dup2(ends[1], 0);
		cd_close_from(1);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGALRM, SIG_DFL);
		signal(SIGIO, SIG_DFL);
		/* Nobody waits for longer than that; and SIGIO ends this when our side has closed the pair. */
		alarm((unsigned)seconds);
		fcntl(0, F_SETOWN, getpid());
		fcntl(0, F_SETFL, O_ASYNC);
		int total = cd_lookup(host, port, 0, found, sizeof found / sizeof *found), count = total < room ? total : room;
		alternate(found, total, addresses, count);
		_exit(count > 0 && send(0, addresses, (size_t)count * sizeof *addresses, MSG_NOSIGNAL) > 0 ? 0 : 1);
	}
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return -1;
	}
	return ends[0];
}

int cd_listen(const struct cd_address *address) {
	int fd = cd_make_socket(address->storage.ss_family, SOCK_STREAM);
	if (fd < 0) {
		return -1;
	}
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (address->storage.ss_family == AF_INET6) {
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	}
	if (bind(fd, (const struct sockaddr *)&address->storage, address->length) == 0 && listen(fd, 4096) == 0) {
		return fd;
	}
	int number = errno;
	close(fd);
	errno = number;
	return -1;
}

static int reach(int family, const struct sockaddr *address, socklen_t length) {
	int fd = cd_make_socket(family, SOCK_STREAM);
	if (fd < 0 || connect(fd, address, length) == 0 || errno == EINPROGRESS) {
		return fd;
	}
	int number = errno;
	close(fd);
	errno = number;
	return -1;
}

int cd_dial(const struct cd_address *address) {
	return reach(address->storage.ss_family, (const struct sockaddr *)&address->storage, address->length);
}

int cd_connect_local(const char *path) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	int fd = reach(AF_UNIX, (const struct sockaddr *)&address, sizeof address);
	if (fd >= 0) {
		cd_set_blocking(fd, 1);
	}
	return fd;
}

static int peer_timeout;

void cd_set_peer_timeout(int milliseconds) { peer_timeout = milliseconds; }

static int at_least_one(int seconds) { return seconds < 1 ? 1 : seconds; }

/*
 * Keep-alive probes notice a peer that vanished while nothing was on its way. With something on its way there are no probes but
 * retransmissions, by default for some 15 minutes: TCP_USER_TIMEOUT limits them (tcp(7), RFC 5482). The probes are spread so that both
 * take about as long.
 */
void cd_tune(int fd) {
	int seconds = peer_timeout > 0 ? peer_timeout / 1000 : 120;
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	cd_set_idle_time(fd, at_least_one(seconds / 2));
	cd_set_probes(fd, at_least_one(seconds / 12), 6);
	if (peer_timeout > 0) {
		cd_set_user_timeout(fd, peer_timeout);
	}
}

ssize_t cd_send_passed(int fd, const void *bytes, size_t count, const int *descriptors, int number) {
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(CD_PASSED * sizeof(int))];
	} control;
	struct iovec piece = {(void *)bytes, count};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
	if (number > 0) {
		size_t size = (size_t)number * sizeof(int);
		memset(&control, 0, CMSG_SPACE(size));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(size);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(header), descriptors, size);
	}
	return CD_RETRYING(sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

ssize_t cd_send(int fd, const void *bytes, size_t count, int passed) { return cd_send_passed(fd, bytes, count, &passed, passed >= 0); }

ssize_t cd_send_two(int fd, const void *first, size_t first_count, const void *second, size_t second_count) {
	struct iovec pieces[] = {{(void *)first, first_count}, {(void *)second, second_count}};
	struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
	return CD_RETRYING(sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

ssize_t cd_receive(int fd, void *bytes, size_t count, int peek) {
	return CD_RETRYING(recv(fd, bytes, count, MSG_DONTWAIT | (peek ? MSG_PEEK : 0)));
}
