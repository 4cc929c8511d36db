/*
 * counting.c - preloaded into a daemon: how many allocations of its malloc are in use, in a file that a test can read at any time.
 *
 * COUNTING_FILE names the file: 8 bytes, in the machine's order. A child of the process counts for itself. Allocations before the file is
 * open are counted as well.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static int64_t own;
static int64_t *in_use = &own;

static void add(int64_t change) { __atomic_add_fetch(in_use, change, __ATOMIC_RELAXED); }

static void in_child(void) { in_use = &own; }

__attribute__((constructor)) static void begin(void) {
	const char *path = getenv("COUNTING_FILE");
	int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (fd < 0 || ftruncate(fd, sizeof own) != 0) _exit(99);
	int64_t *shared = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (shared == MAP_FAILED) _exit(99);
	*shared = own;
	in_use = shared;
	if (pthread_atfork(NULL, NULL, in_child) != 0) _exit(99);
}

void *malloc(size_t size) {
	void *place = __libc_malloc(size);
	if (place != NULL) add(1);
	return place;
}

void *calloc(size_t count, size_t size) {
	void *place = __libc_calloc(count, size);
	if (place != NULL) add(1);
	return place;
}

void *realloc(void *place, size_t size) {
	void *moved = __libc_realloc(place, size);
	if (place == NULL && moved != NULL) add(1);
	if (place != NULL && size == 0) add(-1);
	return moved;
}

void free(void *place) {
	if (place != NULL) add(-1);
	__libc_free(place);
}

void *memalign(size_t alignment, size_t size) {
	void *place = __libc_memalign(alignment, size);
	if (place != NULL) add(1);
	return place;
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **place, size_t alignment, size_t size) {
	void *made = memalign(alignment, size);
	if (made == NULL) return ENOMEM;
	*place = made;
	return 0;
}
