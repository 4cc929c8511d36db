/*
 * descriptor_table.h - the table of descriptors that all threads of the process share.
 */
#ifndef LIBIPC_DESCRIPTOR_TABLE_H
#define LIBIPC_DESCRIPTOR_TABLE_H

#include "threads.h"

#pragma clang assume_nonnull begin
/* The process-wide table of descriptors (DescriptorTable.swift): as many entries as Linux gives a process descriptors by default
 * (fs.nr_open). Only the used parts take memory. An entry is read without a lock, and written under the lock of its stripe. */
enum { LIBIPC_TABLE_SIZE = 1 << 20, LIBIPC_STRIPES = 64 };
struct libipc_table_entry {
	void *_Nullable owner; /* the monitor whose lock guards the stream */
	void *_Nullable stream; /* Stream.swift */
	uint32_t listener; /* hash of the file, if it is a listening socket that the library made; else 0 (names.c) */
	uint32_t use; /* 0: nothing is known. 1: a hint, the descriptor carries a stream of bytes (libipc_note_stream).
	                         * Even: the mark of a descriptor of the library's own (libipc_take_number) */
};
extern struct libipc_table_entry libipc_table[LIBIPC_TABLE_SIZE];
extern int libipc_table_end; /* this entry and all behind it were never used */
extern struct libipc_monitor libipc_stripes[LIBIPC_STRIPES];
static inline int libipc_fits_table(int fd) { return fd >= 0 && fd < LIBIPC_TABLE_SIZE; }
static inline struct libipc_monitor *libipc_stripe(int fd) { return libipc_stripes + (unsigned)fd % LIBIPC_STRIPES; }
static inline struct libipc_monitor *_Nullable libipc_owner(int fd) {
	return libipc_fits_table(fd) ? (struct libipc_monitor *)libipc_load(&libipc_table[fd].owner) : NULL;
}
/* The stream of the descriptor, if it belongs to `owner`; only a thread with the owner's lock changes that. libipc_set_table_entry sets the
 * owner to NULL first. So if the owner is the same before and after the stream is read, the stream belonged to it. */
static inline void *_Nullable libipc_stream_of(int fd, const struct libipc_monitor *owner) {
	if (libipc_owner(fd) != owner || !libipc_fits_table(fd)) return NULL;
	void *_Nullable stream = libipc_load(&libipc_table[fd].stream);
	return libipc_owner(fd) == owner ? stream : NULL;
}
LIBIPC_ATOMIC int libipc_end_of_table(void) { return __atomic_load_n(&libipc_table_end, __ATOMIC_RELAXED); }
LIBIPC_ATOMIC void libipc_grow_table(int end) {
	int known = libipc_end_of_table();
	while (known < end && !__atomic_compare_exchange_n(&libipc_table_end, &known, end, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
}
/* Writes an entry. The caller has the lock of the stripe. */
static inline void libipc_set_table_entry(int fd, struct libipc_monitor *_Nullable owner, void *_Nullable stream) {
	if (!libipc_fits_table(fd)) return;
	if (fd >= libipc_end_of_table()) libipc_grow_table(fd + 1);
	libipc_store(&libipc_table[fd].owner, NULL);
	libipc_store(&libipc_table[fd].stream, stream);
	libipc_store(&libipc_table[fd].owner, owner);
}
/* A hint for calls without a context: the number's descriptor carried a stream of bytes when it was checked last. */
LIBIPC_ATOMIC int libipc_is_known_stream(int fd) {
	return libipc_fits_table(fd) && __atomic_load_n(&libipc_table[fd].use, __ATOMIC_RELAXED) == 1;
}
/* Sets the hint, or removes it. */
LIBIPC_ATOMIC void libipc_note_stream(int fd, int is_stream) {
	uint32_t former = !is_stream;
	if (libipc_fits_table(fd))
		__atomic_compare_exchange_n(&libipc_table[fd].use, &former, (uint32_t)is_stream, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* Numbers of the library's own descriptors (epoll sets, eventfds). The program may close one, and another context may get its number
 * for a descriptor of the same kind. Their inodes are all the same, so fstat(2) cannot tell the two. So a context takes the number: it
 * stores an even mark of its own in the table, and compares that before it uses the number. A number that is taken before it was
 * returned was closed by the program: then all contexts are told to compare theirs (libipc_note_pair_change).
 * libipc_take_number returns the mark. */
uint32_t libipc_take_number(int fd);
LIBIPC_ATOMIC void libipc_return_number(int fd, uint32_t mark) {
	if (libipc_fits_table(fd)) __atomic_compare_exchange_n(&libipc_table[fd].use, &mark, 0, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}
/* Whether nobody has taken the number since. */
LIBIPC_ATOMIC int libipc_has_number(int fd, uint32_t mark) {
	return libipc_fits_table(fd) && __atomic_load_n(&libipc_table[fd].use, __ATOMIC_RELAXED) == mark;
}
#pragma clang assume_nonnull end
#endif
