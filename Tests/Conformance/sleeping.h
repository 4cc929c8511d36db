/*
 * sleeping.h - waits until another thread sleeps in the kernel.
 */
#ifndef SLEEPING_H
#define SLEEPING_H

#include "peers.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>

struct sleeper {
	atomic_int tid;
};

static inline void note_thread(struct sleeper *sleeper) { sleeper->tid = (int)syscall(SYS_gettid); }

/* What the kernel shows of the system call in which the thread sleeps; empty when it runs. */
static inline void read_call(struct sleeper *sleeper, char text[200]) {
	char path[64];
	memset(text, 0, 200);
	if (sleeper->tid == 0) return;
	snprintf(path, sizeof path, "/proc/self/task/%d/syscall", sleeper->tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, 199) < 0) SKIP("the system does not show in which call a thread is");
	close(fd);
	if (strncmp(text, "running", 7) == 0) text[0] = 0;
}

/* The kernel has no event for this. A thread counts as asleep when it is in the same call at 20 looks, each after other threads have
 * had the processor. */
static inline void until_asleep(struct sleeper *sleeper) {
	char before[200] = "", now[200];
	for (int same = 0; same < 20; same++) {
		sched_yield();
		usleep(500);
		read_call(sleeper, now);
		if (now[0] == 0 || strcmp(before, now) != 0) same = 0;
		memcpy(before, now, sizeof before);
	}
}

#endif
