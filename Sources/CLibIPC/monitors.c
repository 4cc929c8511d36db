/*
 * monitors.c - free lists of monitors and of blocks. They are kept for later contexts and not freed, because a late thread may
 * still read them (threads.h).
 */
#include "CLibIPC.h"

/* The lock of the two free lists below. It is the innermost lock: a thread that has it takes no other. */
static struct libipc_monitor births, shelf;
static struct libipc_monitor *put_away;
static struct block {
	char stays[16]; /* see threads.h */
	struct block *next;
} *given_back[8 * sizeof(size_t)];
static void *newest; /* read without a lock */

struct libipc_monitor *libipc_births(void) { return &births; }
struct libipc_monitor *libipc_newest_monitor(void) { return libipc_load(&newest); }

static int is_shelf_taken;
/* Returns 0 in a handler that has interrupted a call which has this lock. */
static int take_shelf(void) {
	if (libipc_is_alone() && is_shelf_taken) return 0;
	libipc_lock(&shelf);
	is_shelf_taken = 1;
	LIBIPC_IN_ORDER();
	return 1;
}
static void leave_shelf(void) {
	LIBIPC_IN_ORDER();
	is_shelf_taken = 0;
	libipc_unlock(&shelf);
}

struct libipc_monitor *libipc_take_monitor(size_t size) {
	if (!take_shelf()) return NULL;
	struct libipc_monitor *monitor = put_away;
	if (monitor != NULL) {
		put_away = monitor->next_put_away;
	} else if ((monitor = malloc(size)) != NULL) {
		memset(monitor, 0, sizeof *monitor);
		libipc_prepare_monitor(monitor);
		monitor->maker = &births;
		monitor->earlier = newest;
		libipc_store(&newest, monitor);
	}
	leave_shelf();
	return monitor;
}

void libipc_put_away_monitor(struct libipc_monitor *monitor) {
	if (!take_shelf()) return;
	monitor->next_put_away = put_away;
	put_away = monitor;
	leave_shelf();
}

void *libipc_take_block(unsigned order) {
	struct block *block = NULL;
	if (take_shelf()) {
		block = given_back[order];
		if (block != NULL) given_back[order] = block->next;
		leave_shelf();
	}
	return block != NULL ? block : malloc((size_t)1 << order);
}

void libipc_give_back_block(void *given, unsigned order) {
	struct block *block = given;
	if (!take_shelf()) return;
	block->next = given_back[order];
	given_back[order] = block;
	leave_shelf();
}

/* ---- for process.c ---- */

void libipc_for_all_monitors(void (*act)(struct libipc_monitor *)) {
	act(&births);
	for (struct libipc_monitor *monitor = libipc_newest_monitor(); monitor != NULL; monitor = monitor->earlier) act(monitor);
	for (int i = 0; i < LIBIPC_STRIPES; i++) act(libipc_stripes + i);
	act(&shelf);
}

/* Forgets what a torn stripe guards, because it may be half changed. */
void libipc_forget_torn_stripes(void) {
	for (int i = 0; i < LIBIPC_STRIPES; i++) {
		struct libipc_monitor *stripe = libipc_stripes + i;
		for (int fd = i; stripe->is_torn && fd < libipc_registry_end; fd += LIBIPC_STRIPES)
			if (libipc_owner(fd) == stripe) libipc_register(fd, NULL, NULL);
		stripe->is_torn = 0;
	}
	births.is_torn = shelf.is_torn = is_shelf_taken = 0;
}

/* Frees what no context uses. No other thread may be in the library. */
void libipc_free_what_is_put_away(void) {
	for (unsigned order = 0; order < sizeof given_back / sizeof *given_back; order++) {
		for (struct block *block = given_back[order], *next; block != NULL; block = next) {
			next = block->next;
			free(block);
		}
		given_back[order] = NULL;
	}
	for (struct libipc_monitor *monitor = put_away, *next; monitor != NULL; monitor = next) {
		next = monitor->next_put_away;
		/* A program that also uses the shared library may have passed a context from one to the other. */
		if (monitor->maker == &births) free(monitor);
	}
	put_away = NULL;
	libipc_store(&newest, NULL);
}
