/*
 * slow_lookup.c - preloaded into ipc-tcpd: looking up a host whose name begins with `slow` never ends, as where a name server is gone;
 * the host `many` has the addresses in LOOKUP_ADDRESSES, in that order, with blanks between.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int lookup(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found);

static int look_up_many(lookup *real, const char *port, const struct addrinfo *hints, struct addrinfo **found) {
	char *text = strdup(getenv("LOOKUP_ADDRESSES")), *rest = text, *host;
	int code = EAI_NONAME;
	while ((host = strsep(&rest, " ")) != NULL && (code = real(host, port, hints, found)) == 0) {
		found = &(*found)->ai_next;
	}
	free(text);
	return code;
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found) {
	lookup *real;
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	while (strncmp(host, "slow", 4) == 0 && !(hints->ai_flags & AI_NUMERICHOST)) {
		pause();
	}
	if (strcmp(host, "many") == 0 && !(hints->ai_flags & AI_NUMERICHOST)) {
		return look_up_many(real, port, hints, found);
	}
	return real(host, port, hints, found);
}
