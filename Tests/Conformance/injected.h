/*
 * injected.h - running under the injector: the program starts itself anew with libinject.so preloaded.
 */
#ifndef INJECTED_H
#define INJECTED_H

#define _GNU_SOURCE
#include "harness.h"

#include <dlfcn.h>

enum { SHORT = -1, OFF = 0, MILD = 1, FULL = 2 };

static void (*inject_seed)(uint64_t seed), (*inject_arm)(int level), (*inject_clear)(void);
static void (*inject_rule)(const char *call, int failure, long chance, long first, long count);
static long (*inject_calls)(void), (*inject_failures)(void);

/* The call with the rules armed around it, and the whole result. */
#define ARMED(level, call)                        \
	({                                        \
		inject_arm(level);                \
		struct ipc_error armed_ = (call); \
		inject_arm(OFF);                  \
		armed_;                           \
	})

__attribute__((constructor(101))) static void start_anew(int count, char **arguments) {
	const char *injector = getenv("INJECTOR"), *before = getenv("LD_PRELOAD");
	char preload[2 * PATH_MAX];
	(void)count;
	if (injector == NULL || getenv("INJECTED") != NULL) return;
	snprintf(preload, sizeof preload, "%s%s%s", injector, before != NULL ? ":" : "", before != NULL ? before : "");
	setenv("LD_PRELOAD", preload, 1);
	setenv("INJECTED", "1", 1);
	/* Otherwise mallinfo2(3) counts some free blocks as used. */
	setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 0);
	execv("/proc/self/exe", arguments);
	FAIL("cannot start anew: %s", strerror(errno));
}

static inline void *exported(const char *name) {
	void *place = dlsym(RTLD_DEFAULT, name);
	if (place == NULL) FAIL("%s is not there: is INJECTOR the path of libinject.so?", name);
	return place;
}

static inline void begin(void) {
	if (getenv("INJECTOR") == NULL) SKIP("INJECTOR does not say where libinject.so is");
	*(void **)&inject_seed = exported("inject_seed");
	*(void **)&inject_arm = exported("inject_arm");
	*(void **)&inject_clear = exported("inject_clear");
	*(void **)&inject_rule = exported("inject_rule");
	*(void **)&inject_calls = exported("inject_calls");
	*(void **)&inject_failures = exported("inject_failures");
	inject_clear();
	const char *text = getenv("SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
	fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
	inject_seed(seed);
	srandom((unsigned)seed);
}

/* What ipc_wait_event may answer when the system is short of something, or a call was interrupted: call again. */
static inline int is_passing(struct ipc_error e) {
	switch ((int)e.error_code) {
	case 3:
	case 22:
	case 25:
	case 43:
	case 57:
	case 60:
	case 62:
	case 92:
	case 105:
	case 106:
	case 113: return 1;
	default: return 0;
	}
}

#endif
