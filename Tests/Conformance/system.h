/*
 * system.h - what a test asks of the kernel or of the C library beneath a function that it defines itself, on every Linux: newer
 * architectures lack some system calls, and musl has no second names of malloc(3) and its kin.
 */
#ifndef SYSTEM_H
#define SYSTEM_H

#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* arm64 and riscv64 have ppoll(2) alone. */
static inline int system_poll(struct pollfd *entries, nfds_t count, int timeout) {
#ifdef SYS_poll
	return (int)syscall(SYS_poll, entries, count, timeout);
#else
	struct timespec limit = {timeout / 1000, timeout % 1000 * 1000000L};
	return (int)syscall(SYS_ppoll, entries, count, timeout < 0 ? NULL : &limit, NULL, 8);
#endif
}

#ifdef __GLIBC__
#include <malloc.h>
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void __libc_free(void *block);
enum { TELLS_MEMORY = 1 };
/* Bytes that malloc(3) has given and not got back. */
static inline size_t memory_in_use(void) {
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}
#else
#include <dlfcn.h>
/* dlsym(3) of musl allocates nothing when the name is there. */
#define BENEATH(type, name, parameters, arguments)                                     \
	static inline type __libc_##name parameters {                                  \
		static type(*beneath) parameters;                                      \
		if (beneath == NULL) *(void **)&beneath = dlsym(((void *)-1L), #name); \
		return beneath arguments;                                              \
	}
BENEATH(void *, malloc, (size_t size), (size))
BENEATH(void *, calloc, (size_t count, size_t size), (count, size))
BENEATH(void *, realloc, (void *block, size_t size), (block, size))
BENEATH(void, free, (void *block), (block))
enum { TELLS_MEMORY = 0 };
static inline size_t memory_in_use(void) { return 0; }
#endif
/* At the beginning of a test that is about memory_in_use alone. */
#define NEED_MEMORY_IN_USE()                                                                      \
	do {                                                                                      \
		if (!TELLS_MEMORY) SKIP("this C library does not say how much memory is in use"); \
	} while (0)

#endif
