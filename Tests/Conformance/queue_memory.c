/*
 * queue_memory.c - the limit of a queue counts the memory that a message takes, not only its bytes.
 */
#include "peers.h"
#include "system.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

/* Queues until the queue is full. Returns how many messages it holds. */
static size_t fill_queue(int fd, uint32_t length) {
	char payload[1000] = "";
	struct ipc_message m = message_of(fd, 'q', payload, length);
	size_t count = 0;
	struct ipc_error e;
	while ((e = ipc_write(&ctx, &m)).error_code == 0) count++;
	CHECK_CODE(e, IPC_ERROR_WRITE__QUEUE_FULL);
	CHECK_EQUAL(ctx.tx.size, count);
	return count;
}

TEST(small_messages_take_no_more_memory_than_the_limit_says) {
	static const uint32_t lengths[] = {0, 1, 16, 66, 67, 100, 200, 1000};
	static const size_t limits[] = {64 << 20, 1 << 20, 100000};
	NEED_MEMORY_IN_USE();
	for (int l = 0; l < 3; l++) {
		for (int i = 0; i < 8; i++) {
			int ends[2];
			make_pair(ends);
			CHECK_OK(ipc_add_fd(&ctx, ends[0]));
			CHECK_OK(ipc_ctx_queue_limit(&ctx, limits[l]));
			size_t before = memory_in_use(), count = fill_queue(ends[0], lengths[i]);
			if (memory_in_use() - before > limits[l] + limits[l] / 2)
				FAIL("%zu messages of %u bytes take %zu bytes", count, lengths[i], memory_in_use() - before);
			/* And not much less: in larger messages most of the memory is the payload. */
			CHECK(count >= limits[l] / (lengths[i] + 6 + 250));
			ipc_ctx_free(&ctx);
			close(ends[0]);
			close(ends[1]);
		}
	}
}

TEST(room_comes_back_with_each_message_that_is_sent_or_dropped) {
	int ends[2];
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	CHECK_OK(ipc_ctx_queue_limit(&ctx, 20000));
	size_t count = fill_queue(ends[0], 10);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < count; i++) next(&ctx, &event, IPC_EVENT_TYPE_TX);
		for (size_t i = 0; i < count; i++) read_frame(ends[1], 'q', "\0\0\0\0\0\0\0\0\0", 10);
		CHECK_EQUAL(fill_queue(ends[0], 10), count);
		CHECK_OK(ipc_close(&ctx, 0)); /* an EXTERNAL entry: only what is queued goes */
		CHECK_EQUAL(fill_queue(ends[0], 10), count);
	}
	ipc_ctx_free(&ctx);
	close(ends[0]);
	close(ends[1]);
}
