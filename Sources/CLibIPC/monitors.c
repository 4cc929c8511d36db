/*
 * monitors.c - memory of contexts: free lists of monitors and of blocks. Both are kept for later contexts and not freed, because a
 * late thread may still read them (threads.h). And the table of descriptors.
 */
#include "CLibIPC.h"

struct libipc_table_entry libipc_table[LIBIPC_TABLE_SIZE];
int libipc_table_end;
struct libipc_monitor libipc_stripes[LIBIPC_STRIPES];

/* The lock of the two free lists below is the innermost lock: a thread that has it takes no other. */
static struct libipc_monitor creation_lock, lists_lock;
static struct libipc_monitor *free_monitors;
static struct block {
	char stays[16]; /* see threads.h */
	struct block *next;
} * free_blocks[8 * sizeof(size_t)]; /* by order */
static void *newest; /* the monitor that was made last; read without a lock */

uint32_t libipc_take_number(int fd) {
	static uint32_t last;
	uint32_t mark = __atomic_add_fetch(&last, 2, __ATOMIC_RELAXED);
	if (!libipc_fits_table(fd)) return mark;
	if (__atomic_exchange_n(&libipc_table[fd].use, mark, __ATOMIC_RELAXED) > 1) libipc_note_pair_change();
	return mark;
}

struct libipc_monitor *libipc_creation_lock(void) {
	return &creation_lock;
}
struct libipc_monitor *libipc_newest_monitor(void) {
	return libipc_load(&newest);
}

static int are_lists_locked; /* for a process with one thread, where the lock is not taken */
/* Returns 0 in a signal handler that has interrupted a call which has this lock. */
int libipc_lock_lists(void) {
	if (libipc_is_alone() && are_lists_locked) return 0;
	libipc_lock(&lists_lock);
	are_lists_locked = 1;
	LIBIPC_IN_ORDER();
	return 1;
}
void libipc_unlock_lists(void) {
	LIBIPC_IN_ORDER();
	are_lists_locked = 0;
	libipc_unlock(&lists_lock);
}

struct libipc_monitor *libipc_allocate_monitor(size_t size) {
	if (!libipc_lock_lists()) return NULL;
	struct libipc_monitor *monitor = free_monitors;
	if (monitor != NULL) {
		free_monitors = monitor->next_free;
	} else if ((monitor = malloc(size)) != NULL) {
		memset(monitor, 0, sizeof *monitor);
		libipc_prepare_monitor(monitor);
		monitor->maker = &creation_lock;
		monitor->earlier = newest;
		libipc_store(&newest, monitor);
	}
	if (monitor != NULL) libipc_set_references(monitor, 1);
	libipc_unlock_lists();
	return monitor;
}

void libipc_recycle_monitor(struct libipc_monitor *monitor) {
	libipc_set_references(monitor, 0);
	if (!libipc_lock_lists()) return;
	monitor->next_free = free_monitors;
	free_monitors = monitor;
	libipc_unlock_lists();
}

void *libipc_allocate_block(unsigned order) {
	struct block *block = NULL;
	if (libipc_lock_lists()) {
		block = free_blocks[order];
		if (block != NULL) free_blocks[order] = block->next;
		libipc_unlock_lists();
	}
	return block != NULL ? block : malloc((size_t)1 << order);
}

void libipc_recycle_block(void *memory, unsigned order) {
	struct block *block = memory;
	if (!libipc_lock_lists()) return;
	block->next = free_blocks[order];
	free_blocks[order] = block;
	libipc_unlock_lists();
}

/* A call that makes a context takes this lock too (libipc_allocate_monitor) and reads the structure afterwards: so it sees what is
 * written here. */
void libipc_unpublish(struct ipc_ctx *ctx, struct ipc_switchings switchings) {
	int is_locked = libipc_lock_lists();
	libipc_publish(ctx, NULL, NULL, 0, switchings);
	libipc_publish_messages(ctx, (struct ipc_messages){0});
	if (is_locked) libipc_unlock_lists();
}

/* ---- for process.c ---- */

void libipc_for_all_monitors(void (*act)(struct libipc_monitor *)) {
	act(&creation_lock);
	for (struct libipc_monitor *monitor = libipc_newest_monitor(); monitor != NULL; monitor = monitor->earlier) act(monitor);
	for (int i = 0; i < LIBIPC_STRIPES; i++) act(libipc_stripes + i);
	act(&lists_lock);
}

/* Drops what an inconsistent stripe guards, because it may be half changed. */
void libipc_drop_inconsistent_stripes(void) {
	for (int i = 0; i < LIBIPC_STRIPES; i++) {
		struct libipc_monitor *stripe = libipc_stripes + i;
		for (int fd = i; stripe->is_inconsistent && fd < libipc_table_end; fd += LIBIPC_STRIPES)
			if (libipc_owner(fd) == stripe) libipc_set_table_entry(fd, NULL, NULL);
		stripe->is_inconsistent = 0;
	}
	creation_lock.is_inconsistent = lists_lock.is_inconsistent = are_lists_locked = 0;
}

/* Frees what no context uses. No other thread may be in the library. */
void libipc_free_unused_memory(void) {
	for (unsigned order = 0; order < sizeof free_blocks / sizeof *free_blocks; order++) {
		for (struct block *block = free_blocks[order], *next; block != NULL; block = next) {
			next = block->next;
			free(block);
		}
		free_blocks[order] = NULL;
	}
	for (struct libipc_monitor *monitor = free_monitors, *next; monitor != NULL; monitor = next) {
		next = monitor->next_free;
		/* A program that also uses the shared library may have passed a context from one to the other. */
		if (monitor->maker == &creation_lock) free(monitor);
	}
	free_monitors = NULL;
	libipc_store(&newest, NULL);
}
