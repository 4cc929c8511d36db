/*
 * own_malloc.c - a program with a malloc(3) of its own, as some have: blocks are exactly as large as was asked for, a byte written
 * behind one ends the process when it is freed, and malloc_usable_size(3) ends it at once. The library does not take sizes from
 * there, and writes only into memory that it asked for.
 */
#include "peers.h"
#include "system.h"

/* In front of each block: its size, and a mark; behind it: red bytes. */
struct head {
	size_t size;
	uint64_t mark;
};
enum { RED = 16, COLOUR = 0xA5 };
#define MARK 0x6f776e6d616c6c6fULL

static void die(const char *why) {
	if (write(2, why, strlen(why)) < 0) abort();
	abort();
}
static long blocks; /* number of live blocks */

void *malloc(size_t size) {
	if (size > SIZE_MAX / 2) return errno = ENOMEM, NULL;
	struct head *head = __libc_malloc(sizeof *head + size + RED);
	if (head == NULL) return NULL;
	*head = (struct head){size, MARK};
	memset((char *)(head + 1) + size, COLOUR, RED);
	__atomic_fetch_add(&blocks, 1, __ATOMIC_RELAXED);
	return head + 1;
}
static struct head *checked(void *block) {
	struct head *head = (struct head *)block - 1;
	if (head->mark != MARK) die("own_malloc: what is freed is no block\n");
	for (size_t i = 0; i < RED; i++) {
		if (((unsigned char *)block + head->size)[i] != COLOUR) die("own_malloc: a byte behind a block was written\n");
	}
	return head;
}
void free(void *block) {
	if (block == NULL) return;
	struct head *head = checked(block);
	memset(block, 0xDD, head->size);
	head->mark = 0;
	__atomic_fetch_sub(&blocks, 1, __ATOMIC_RELAXED);
	__libc_free(head);
}
void *calloc(size_t count, size_t size) {
	if (size != 0 && count > SIZE_MAX / 2 / size) return errno = ENOMEM, NULL;
	void *block = malloc(count * size);
	return block != NULL ? memset(block, 0, count * size) : NULL;
}
/* Always moves the block, which shows uses of the former address. */
void *realloc(void *block, size_t size) {
	if (block == NULL) return malloc(size);
	struct head *head = checked(block);
	void *moved = malloc(size);
	if (moved == NULL) return NULL;
	memcpy(moved, block, size < head->size ? size : head->size);
	free(block);
	return moved;
}
void *aligned_alloc(size_t alignment, size_t size) {
	if (alignment <= 16) return malloc(size);
	die("own_malloc: large alignments are not for this program\n");
	return NULL;
}
void *memalign(size_t alignment, size_t size) { return aligned_alloc(alignment, size); }
int posix_memalign(void **block, size_t alignment, size_t size) {
	*block = aligned_alloc(alignment, size);
	return *block != NULL ? 0 : ENOMEM;
}
size_t malloc_usable_size(void *block) {
	(void)block;
	die("own_malloc: malloc_usable_size was asked\n");
	return 0;
}

static struct ipc_ctx ctx;
static struct ipc_event event;

static const uint32_t sizes[] = {0, 1, 60, 66, 67, 119, 120, 121, 255, 256, 1000, 1024, 4096, 4097, 65535, 65536, 65536, 65536, 70000,
    65536, 300000, 300001, 300000, 1999994, 1999994, 5};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void answers_echoes(int gate) {
	struct ipc_ctx service = {0};
	struct ipc_event at = {0};
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	int timer = -1;
	CHECK_OK(ipc_server_init(&service, "keeps"));
	CHECK_OK(ipc_add(&service, &info, &(struct pollfd){.fd = gate}));
	do {
		CHECK_OK(ipc_wait_event(&service, &at, &timer));
		if (at.type == IPC_EVENT_TYPE_MESSAGE) CHECK_OK(ipc_write(&service, at.m));
	} while (at.type != IPC_EVENT_TYPE_DISCONNECTION);
	finish(&service, &at);
}

TEST(messages_of_all_sizes_cross_by_every_call) {
	int gate;
	pid_t child = start(answers_echoes, &gate);
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = gate}));
	struct ipc_message in = {0};
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < SIZES; i++) {
			char *payload = pattern(sizes[i], (unsigned)i);
			struct ipc_message out = message_of(gate, (char)i, payload, sizes[i]);
			if (round % 2 == 0) CHECK_OK(ipc_write(&ctx, &out));
			else CHECK_OK(ipc_write_fd(gate, &out));
			if (round < 2) {
				do CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
				while (event.type == IPC_EVENT_TYPE_TX);
				CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
				const struct ipc_message *m = event.m;
				CHECK(m->length == sizes[i] && m->payload[sizes[i]] == 0 && memcmp(m->payload, payload, sizes[i]) == 0);
			} else {
				CHECK_OK(ipc_read(&ctx, 0, &in));
				CHECK(in.length == sizes[i] && in.payload[sizes[i]] == 0 && memcmp(in.payload, payload, sizes[i]) == 0);
			}
			free(payload);
		}
	}
	free(in.payload);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
	shutdown(gate, SHUT_RDWR);
	join_process(child, gate);
}

/* A payload that a program has replaced has just the size that its message says: the library uses no more of it. */
TEST(a_payload_that_the_program_has_put_in_place_is_not_taken_for_a_larger_one) {
	int ends[2];
	struct ipc_message m = {0};
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	make_pair(ends);
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = ends[0]}));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < SIZES; i++) {
			if (sizes[i] > 100000) continue; /* so that it fits the socket */
			char *payload = pattern(sizes[i], 7);
			free(m.payload);
			m.payload = malloc(sizes[i]);
			m.length = sizes[i];
			write_frame(ends[1], 'a', payload, sizes[i]);
			CHECK_OK(ipc_read(&ctx, 0, &m));
			CHECK(m.length == sizes[i] && memcmp(m.payload, payload, sizes[i]) == 0);
			write_frame(ends[1], 'b', payload, sizes[i]);
			ready(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
			struct ipc_message *mine = event.m;
			free(mine->payload);
			mine->payload = malloc(sizes[i]);
			free(payload);
		}
	}
	free(m.payload);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
	close(ends[0]);
	close(ends[1]);
}

TEST(tables_and_lists_that_the_program_has_made_itself_grow) {
	for (size_t size = 1; size < 40; size++) {
		struct ipc_switchings table = {calloc(size, sizeof *table.collection), size};
		struct ipc_messages list = {calloc(size, sizeof *list.messages), size};
		struct ipc_message m = message_of(-1, 'm', "m", 1);
		for (size_t i = 0; i < size; i++) table.collection[i].orig = table.collection[i].dest = -1;
		for (int i = 0; i < 20; i++) {
			ipc_switching_add(&table, 2 * i, 2 * i + 1);
			CHECK_OK(ipc_messages_add(&list, &m));
		}
		CHECK_EQUAL(table.size, size + 20);
		CHECK_EQUAL(list.size, size + 20);
		for (int i = 0; i < 20; i++) CHECK_EQUAL(ipc_switching_get(&table, 2 * i), 2 * i + 1);
		ipc_switching_free(&table);
		ipc_messages_free(&list);
	}
}

TEST(a_service_with_pairs_and_many_entries_leaves_nothing_behind) {
	long before = blocks;
	int near[20], far[20];
	for (int round = 0; round < 2; round++) {
		make_switched(&ctx, near, far, 20);
		for (int i = 2; i < 20; i += 2) ipc_ctx_switching_add(&ctx, near[i], near[i + 1]);
		for (int i = 0; i < 20; i += 2) {
			char *payload = pattern(70000, 1);
			int told = 0;
			write_frame(far[i], 's', payload, 70000);
			while (told++ < 2) CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
			read_frame(far[i + 1], 's', payload, 70000);
			free(payload);
		}
		for (int i = 0; i < 20; i++) close(far[i]);
		finish(&ctx, &event);
	}
	CHECK(blocks - before < 100);
}
