/*
 * threads_claims.c - a call that waits on one direction of a descriptor has that direction for itself, and no more: what another
 * thread queues or writes goes on, and each call ends when its own work is done.
 */
#include "threads.h"
#include "system.h"

#include <stdatomic.h>
#include <sys/syscall.h>

static struct ipc_ctx ctx;
static struct ipc_event event;
static int ends[2];

enum { LARGE = 1500000 };

static void open_end(void) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	make_pair(ends);
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = ends[0]}));
}
static void close_end(void) {
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
	close(ends[0]);
	close(ends[1]);
}

/* ---- a reader, while another thread writes ---- */

static int by_index;
static struct ipc_message answer;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int is_there;
static __thread int is_reader;

/* The reader is about to wait: all that it looks at without waiting has been looked at. */
static void arrive(void) {
	if (!is_reader) return;
	pthread_mutex_lock(&mutex);
	is_there = 1;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}
static void await_reader(void) {
	pthread_mutex_lock(&mutex);
	while (!is_there) pthread_cond_wait(&changed, &mutex);
	is_there = 0;
	pthread_mutex_unlock(&mutex);
}
int poll(struct pollfd *entries, nfds_t count, int timeout) {
	if (timeout != 0) arrive();
	return system_poll(entries, count, timeout);
}
ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
	if ((flags & MSG_DONTWAIT) == 0) arrive();
	return syscall(SYS_recvmsg, fd, message, flags);
}

static void *read_answer(void *unused) {
	(void)unused;
	is_reader = 1;
	struct ipc_error *e = malloc(sizeof *e);
	*e = by_index ? ipc_read(&ctx, 0, &answer) : ipc_read_fd(ends[0], &answer);
	CHECK_EQUAL(e->error_code, 0);
	free(e);
	return NULL;
}
static void check_answer(pthread_t reader) {
	CHECK_EQUAL(pthread_join(reader, NULL), 0);
	CHECK(answer.length == 6 && memcmp(answer.payload, "answer", 6) == 0);
	ipc_message_empty(&answer);
	answer.payload = NULL;
}

TEST(message_queued_while_a_thread_reads_is_sent_and_the_reader_gets_the_answer) {
	char *large = pattern(LARGE, 3);
	for (by_index = 0; by_index < 2; by_index++) {
		for (int size = 10; size <= LARGE; size += LARGE - 10) {
			open_end();
			pthread_t reader = start_thread(read_answer, NULL);
			await_reader();
			queue(&ctx, ends[0], 'q', large, (uint32_t)size);
			/* Nobody waits for events: the reader sends the rest. */
			read_frame(ends[1], 'q', large, (uint32_t)size);
			write_frame(ends[1], 'a', "answer", 6);
			check_answer(reader);
			ready(&ctx, &event, IPC_EVENT_TYPE_TX);
			CHECK_EQUAL(ctx.tx.size, 0);
			close_end();
		}
	}
	free(large);
}

static char *written;
static void *write_directly(void *unused) {
	struct ipc_message m = message_of(ends[0], 'q', written, LARGE);
	(void)unused;
	CHECK_OK(ipc_write_fd(ends[0], &m));
	return NULL;
}
TEST(message_written_directly_while_a_thread_reads_is_sent_and_the_reader_gets_the_answer) {
	written = pattern(LARGE, 3);
	for (by_index = 0; by_index < 2; by_index++) {
		open_end();
		pthread_t reader = start_thread(read_answer, NULL);
		await_reader();
		pthread_t writer = start_thread(write_directly, NULL);
		read_frame(ends[1], 'q', written, LARGE);
		CHECK_EQUAL(pthread_join(writer, NULL), 0);
		write_frame(ends[1], 'a', "answer", 6);
		check_answer(reader);
		nothing_to_tell(&ctx, &event);
		close_end();
	}
	free(written);
}

/* ---- writers ---- */

/* Frames are queued behind that of a writer that waits: it returns when its own is sent. */
TEST(direct_write_returns_when_its_frame_is_sent_though_more_is_queued_behind_it) {
	static char part[65536];
	written = pattern(LARGE, 3);
	open_end();
	pthread_t writer = start_thread(write_directly, NULL);
	/* The writer has begun. */
	CHECK_EQUAL(read_bytes(ends[1], part, 1000), 1000);
	for (int i = 0; i < 4; i++) queue(&ctx, ends[0], (char)('0' + i), written, LARGE);
	for (size_t left = FRAME_SIZE(LARGE) - 1000; left > 0;) {
		size_t n = read_bytes(ends[1], part, left < sizeof part ? left : sizeof part);
		CHECK(n > 0);
		left -= n;
	}
	/* Exactly its frame is read: nobody reads on. */
	CHECK_EQUAL(pthread_join(writer, NULL), 0);
	for (int i = 0, told = 0; i < 4; i++) {
		char header[IPC_HEADER_SIZE];
		size_t have = 0;
		char *frame = malloc(FRAME_SIZE(LARGE));
		while (have < FRAME_SIZE(LARGE)) {
			int timer = 0;
			CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
			told += event.type == IPC_EVENT_TYPE_TX;
			ssize_t n = recv(ends[1], frame + have, FRAME_SIZE(LARGE) - have, MSG_DONTWAIT);
			if (n > 0) have += (size_t)n;
		}
		put_header(header, MSG_TYPE_DATA, LARGE, (char)('0' + i));
		CHECK(memcmp(frame, header, sizeof header) == 0 && memcmp(frame + sizeof header, written, LARGE) == 0);
		free(frame);
		CHECK(told <= i + 1);
		if (i == 3)
			for (; told < 4; told++) ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	}
	nothing_to_tell(&ctx, &event);
	free(written);
	close_end();
}

/* What is queued while a direct write waits goes on when that is over, although nobody asks for events anew. */
static void *wait_for_tx(void *unused) {
	(void)unused;
	CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TX);
	return NULL;
}
TEST(waiting_thread_sends_what_was_queued_when_a_direct_write_is_over) {
	static char part[1000];
	written = pattern(LARGE, 3);
	open_end();
	pthread_t writer = start_thread(write_directly, NULL);
	CHECK_EQUAL(read_bytes(ends[1], part, sizeof part), sizeof part);
	pthread_t waiter = start_thread(wait_for_tx, NULL);
	queue(&ctx, ends[0], 'b', "behind", 6);
	char *rest = malloc(FRAME_SIZE(LARGE));
	CHECK_EQUAL(read_bytes(ends[1], rest, FRAME_SIZE(LARGE) - sizeof part), FRAME_SIZE(LARGE) - sizeof part);
	read_frame(ends[1], 'b', "behind", 6);
	CHECK_EQUAL(pthread_join(writer, NULL), 0);
	CHECK_EQUAL(pthread_join(waiter, NULL), 0);
	free(rest);
	free(written);
	close_end();
}

/* A direct write takes along what was queued before it: that stays pending until it is sent. */
static atomic_int writer_tid;
static void *write_and_say_who(void *unused) {
	atomic_store(&writer_tid, (int)syscall(SYS_gettid));
	return write_directly(unused);
}
static int sleeps(void) {
	char path[64], text[512] = "";
	int tid = atomic_load(&writer_tid);
	if (tid == 0) return 0;
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
	FILE *file = fopen(path, "r");
	CHECK(file != NULL && fgets(text, sizeof text, file) != NULL);
	fclose(file);
	return strrchr(text, ')')[2] == 'S';
}
STEP check_pending(uint32_t pending, size_t waiting) {
	struct ipc_entry entry;
	size_t messages;
	CHECK_OK(ipc_ctx_entry(&ctx, ends[0], &entry));
	CHECK_EQUAL(entry.pending, pending);
	CHECK_OK(ipc_ctx_status(&ctx, NULL, &messages));
	CHECK_EQUAL(messages, waiting);
}
TEST(message_that_a_direct_write_has_taken_along_is_pending_until_it_is_sent) {
	written = pattern(LARGE, 3);
	open_end();
	for (int i = 0; i < 2; i++) queue(&ctx, ends[0], (char)('0' + i), written, LARGE);
	nothing_to_tell(&ctx, &event);
	check_pending(2, 2);
	pthread_t writer = start_thread(write_and_say_who, NULL);
	do check_pending(2, 2);
	while (!sleeps());
	check_pending(2, 2);
	queue(&ctx, ends[0], '2', "behind", 6);
	check_pending(3, 3);
	for (int i = 0; i < 2; i++) read_frame(ends[1], (char)('0' + i), written, LARGE);
	read_frame(ends[1], 'q', written, LARGE);
	CHECK_EQUAL(pthread_join(writer, NULL), 0);
	for (int left = 3; left > 0; left--) ready(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(ends[1], '2', "behind", 6);
	check_pending(0, 0);
	free(written);
	close_end();
}

/* Large messages are handed to the kernel inside ipc_write, but not in front of a frame that a direct call has begun. */
TEST(large_message_queued_while_a_direct_write_waits_comes_behind_its_frame) {
	static char part[1000];
	char *large = pattern(100000, 8);
	written = pattern(LARGE, 3);
	open_end();
	pthread_t writer = start_thread(write_directly, NULL);
	CHECK_EQUAL(read_bytes(ends[1], part, sizeof part), sizeof part);
	queue(&ctx, ends[0], 'l', large, 100000);
	CHECK_EQUAL(ctx.tx.size, 1);
	char *rest = malloc(FRAME_SIZE(LARGE));
	CHECK_EQUAL(read_bytes(ends[1], rest, FRAME_SIZE(LARGE) - sizeof part), FRAME_SIZE(LARGE) - sizeof part);
	CHECK(memcmp(rest, written + sizeof part - IPC_HEADER_SIZE, LARGE - (sizeof part - IPC_HEADER_SIZE)) == 0);
	CHECK_EQUAL(pthread_join(writer, NULL), 0);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(ends[1], 'l', large, 100000);
	nothing_to_tell(&ctx, &event);
	free(rest);
	free(written);
	free(large);
	close_end();
}
