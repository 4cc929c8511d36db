/*
 * addresses.c - addresses of IP and of local peers: what limits, proxies and the log go by.
 */
#include <arpa/inet.h>
#include <netdb.h>

#include "systems.h"

static const struct in6_addr *v6(const struct cd_address *address) { return &((const struct sockaddr_in6 *)&address->storage)->sin6_addr; }

/* The IPv4 address, also where it is written as an IPv6 one. */
static int v4(const struct cd_address *address, uint32_t *host) {
	if (address->storage.ss_family == AF_INET) {
		*host = ntohl(((const struct sockaddr_in *)&address->storage)->sin_addr.s_addr);
		return 1;
	}
	if (address->storage.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6(address))) {
		memcpy(host, v6(address)->s6_addr + 12, 4);
		*host = ntohl(*host);
		return 1;
	}
	return 0;
}

int cd_is_loopback(const struct cd_address *address) {
	uint32_t host;
	if (v4(address, &host)) {
		return host >> 24 == 127;
	}
	return address->storage.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(v6(address));
}

void cd_print_address(const struct cd_address *address, char *text, size_t size) {
	char host[INET6_ADDRSTRLEN + 32], port[16];
	if (getnameinfo((const struct sockaddr *)&address->storage, address->length, host, sizeof host, port, sizeof port,
		NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		snprintf(text, size, "an unknown address");
	} else {
		snprintf(text, size, address->storage.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	}
}

uint64_t cd_address_key(const struct cd_address *address) {
	uint32_t host;
	uint64_t network;
	if (v4(address, &host)) {
		return (uint64_t)1 << 32 | host;
	}
	if (address->storage.ss_family != AF_INET6) {
		return 0;
	}
	memcpy(&network, v6(address)->s6_addr, sizeof network);
	return network;
}

uint64_t cd_peer_key(int fd) {
	struct cd_address address;
	struct cd_user user;
	if (!cd_address_of(fd, 1, &address)) {
		return 0;
	}
	if (address.storage.ss_family == AF_INET || address.storage.ss_family == AF_INET6) {
		return cd_address_key(&address);
	}
	return cd_find_user(fd, &user) ? (uint64_t)2 << 32 | user.user : 0;
}

void cd_print_peer(int fd, char *text, size_t size) {
	struct cd_address address;
	struct cd_user user;
	if (cd_family(fd) == AF_UNIX && cd_find_user(fd, &user)) {
		snprintf(text, size, "uid %u gid %u pid %d", user.user, user.group, user.process);
	} else if (cd_address_of(fd, 1, &address)) {
		cd_print_address(&address, text, size);
	} else {
		snprintf(text, size, "an unknown peer");
	}
}

int cd_is_same_host(const struct cd_address *one, const struct cd_address *other) {
	uint32_t first, second;
	int is_v4 = v4(one, &first);
	if (is_v4 != v4(other, &second) || is_v4) {
		return is_v4 && v4(other, &second) && first == second;
	}
	return one->storage.ss_family == AF_INET6 && other->storage.ss_family == AF_INET6 &&
	    memcmp(v6(one), v6(other), sizeof *v6(one)) == 0;
}

void cd_make_address(const void *host, size_t size, uint16_t port, struct cd_address *address) {
	memset(address, 0, sizeof *address);
	if (size == 4) {
		struct sockaddr_in *inet = (struct sockaddr_in *)&address->storage;
		*inet = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		memcpy(&inet->sin_addr, host, size);
		address->length = sizeof *inet;
	} else {
		struct sockaddr_in6 *inet = (struct sockaddr_in6 *)&address->storage;
		*inet = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
		memcpy(&inet->sin6_addr, host, sizeof inet->sin6_addr);
		address->length = sizeof *inet;
	}
}
