/*
 * slow_lookup.c - preloaded into ipc-tcpd: looking up a host whose name begins with `slow` never ends, as where a name server is gone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found) {
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	while (strncmp(host, "slow", 4) == 0 && !(hints->ai_flags & AI_NUMERICHOST)) {
		pause();
	}
	return real(host, port, hints, found);
}
