/*
 * ownership.c - who owns which memory: the public arrays of a context and what they show, the message of an event, the
 * copies that calls make, and the payloads that they free. Leaks and double frees are found where a checker runs this.
 */
#include "peers.h"

#include <malloc.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

static int start_service(int *origin) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	return join(&ctx, &event, "pong", origin);
}

/* "malloc'ed by the library": a block of its own, large enough, from the allocator of the program. */
static void check_own_block(const void *p, size_t size) { CHECK(p != NULL && malloc_usable_size((void *)p) >= size); }

TEST(a_context_may_lie_on_the_stack_or_on_the_heap) {
	struct ipc_ctx on_stack = {0}, *on_heap = calloc(1, sizeof *on_heap);
	struct ipc_event on_stack_event = {0}, *on_heap_event = calloc(1, sizeof *on_heap_event);
	int fd = -1;
	CHECK_OK(ipc_server_init(&on_stack, "pong"));
	CHECK_OK(ipc_connection(on_heap, "pong", &fd));
	next(&on_stack, on_heap_event, IPC_EVENT_TYPE_CONNECTION);
	queue(on_heap, fd, 'a', "hello", 5);
	next(on_heap, &on_stack_event, IPC_EVENT_TYPE_TX);
	next_message(&on_stack, on_heap_event, -1, 'a', "hello", 5);
	finish(on_heap, &on_stack_event);
	finish(&on_stack, on_heap_event);
	free(on_heap);
	free(on_heap_event);
}

TEST(the_public_arrays_hold_exactly_the_live_entries) {
	int origins[40], peers[40];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (size_t i = 0; i < 40; i++) {
		peers[i] = join(&ctx, &event, "pong", &origins[i]);
		CHECK_EQUAL(ctx.size, i + 2);
		for (size_t k = 0; k <= i; k++) {
			CHECK_EQUAL(ctx.pollfd[k + 1].fd, origins[k]);
			CHECK_EQUAL(ctx.cinfos[k + 1].type, IPC_CONNECTION_TYPE_IPC);
			CHECK(ctx.cinfos[k + 1].spath == NULL);
		}
	}
	for (size_t left = 40; left > 0; left--) { /* the first goes, and the last one takes its place */
		close(peers[0]);
		next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
		CHECK_EQUAL(event.index, 1);
		CHECK_EQUAL(ctx.size, left);
		origins[0] = origins[left - 1];
		peers[0] = peers[left - 1];
		if (left > 1) CHECK_EQUAL(ctx.pollfd[1].fd, origins[0]);
	}
	CHECK(ctx.pollfd[0].fd >= 0 && ctx.cinfos[0].type == IPC_CONNECTION_TYPE_SERVER && ctx.cinfos[0].spath != NULL);
	finish(&ctx, &event);
}

TEST(the_messages_that_are_queued_can_be_read) {
	const char *texts[] = {"one", "t\0wo", "", "four"};
	const uint32_t lengths[] = {3, 4, 0, 4};
	int origin, peer = start_service(&origin);
	CHECK(ctx.tx.size == 0);
	for (size_t i = 0; i < 4; i++) {
		queue(&ctx, origin, (char)('a' + i), texts[i], lengths[i]);
		CHECK_EQUAL(ctx.tx.size, i + 1);
	}
	for (size_t i = 0; i < 4; i++) {
		const struct ipc_message *m = &ctx.tx.messages[i];
		CHECK(m->type == MSG_TYPE_DATA && m->user_type == (char)('a' + i) && m->fd == origin && m->length == lengths[i]);
		CHECK(m->length == 0 || (m->payload != texts[i] && memcmp(m->payload, texts[i], lengths[i]) == 0));
	}
	for (size_t left = 3; left + 1 > 0; left--) { /* whichever are left, each of them once */
		int seen = 0;
		next(&ctx, &event, IPC_EVENT_TYPE_TX);
		CHECK(ctx.tx.size <= left);
		for (size_t i = 0; i < ctx.tx.size; i++) {
			int number = ctx.tx.messages[i].user_type - 'a';
			CHECK(number > 3 - (int)left && number < 4 && (seen & 1 << number) == 0);
			CHECK_EQUAL(ctx.tx.messages[i].length, lengths[number]);
			CHECK(lengths[number] == 0 || memcmp(ctx.tx.messages[i].payload, texts[number], lengths[number]) == 0);
			seen |= 1 << number;
		}
	}
	for (int i = 0; i < 4; i++) read_frame(peer, (char)('a' + i), texts[i], lengths[i]);
	close(peer);
	finish(&ctx, &event);
}

TEST(ipc_write_makes_a_deep_copy) {
	int origin, peer = start_service(&origin);
	for (int i = 0; i < 3; i++) {
		struct ipc_message *m = calloc(1, sizeof *m);
		CHECK_OK(ipc_message_format_data(m, 'a', "the caller may free at once", 27));
		m->fd = origin;
		CHECK_OK(ipc_write(&ctx, m));
		memset(m->payload, 'x', 27);
		free(m->payload);
		memset(m, 'x', sizeof *m);
		free(m);
	}
	for (int i = 0; i < 3; i++) next(&ctx, &event, IPC_EVENT_TYPE_TX);
	for (int i = 0; i < 3; i++) read_frame(peer, 'a', "the caller may free at once", 27);
	close(peer);
	finish(&ctx, &event);
}

TEST(the_message_of_an_event_can_be_taken_over_and_freed_with_free) {
	const uint32_t sizes[] = {0, 1, 4096, 100000};
	int origin, peer = start_service(&origin);
	char *payload = pattern(100000, 1);
	struct ipc_message *kept[4];
	for (int i = 0; i < 4; i++) {
		write_frame(peer, 'k', payload, sizes[i]);
		next_message(&ctx, &event, origin, 'k', payload, sizes[i]);
		kept[i] = event.m;
		event.m = NULL; /* the program's from now on */
		check_own_block(kept[i], sizeof *kept[i]);
		check_own_block(kept[i]->payload, sizes[i]);
	}
	nothing_to_tell(&ctx, &event);
	close(peer);
	finish(&ctx, &event);
	for (int i = 0; i < 4; i++) {
		CHECK(kept[i]->length == sizes[i] && memcmp(kept[i]->payload, payload, sizes[i]) == 0);
		free(kept[i]->payload);
		free(kept[i]);
	}
	free(payload);
}

/* "ipc_wait_event first cleans the event that it is handed": whatever comes then, and wherever the message is from. */
TEST(a_message_lives_until_the_next_call) {
	int origin, peer = start_service(&origin), timer = 0;
	for (int i = 0; i < 3; i++) write_frame(peer, (char)('a' + i), "message", 7);
	for (int i = 0; i < 3; i++) next_message(&ctx, &event, origin, (char)('a' + i), "message", 7);
	struct ipc_message *m = event.m;
	queue(&ctx, origin, 'z', "others may come between", 23);
	write_frame(peer, 'd', "unread", 6);
	CHECK(event.m == m && m->user_type == 'c' && memcmp(m->payload, "message", 7) == 0);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK(event.m == NULL);
	next_message(&ctx, &event, origin, 'd', "unread", 6);
	nothing_to_tell(&ctx, &event);
	CHECK(event.m == NULL);
	m = calloc(1, sizeof *m); /* one that the program made: malloc'ed like the library's */
	CHECK_OK(ipc_message_format_data(m, 'p', "mine", 4));
	IPC_EVENT_SET(&event, IPC_EVENT_TYPE_MESSAGE, 1, origin, m);
	nothing_to_tell(&ctx, &event);
	CHECK(event.m == NULL && event.index == 0 && event.origin == 0);
	m = calloc(1, sizeof *m);
	event.m = m; /* without a payload */
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	CHECK(event.m == NULL);
	close(peer);
	finish(&ctx, &event);
}

/* "ipc_read* and ipc_message_format_read free the payload that the message still holds and put a new one in" */
TEST(what_reads_a_message_frees_the_payload_that_it_holds) {
	int origin, peer = start_service(&origin);
	struct ipc_message m = {0};
	for (int i = 0; i < 3; i++) {
		write_frame(peer, 'a', "first", 5);
		write_frame(peer, 'b', "second", 6);
		CHECK_OK(ipc_read(&ctx, 1, &m));
		CHECK(m.user_type == 'a' && m.length == 5 && memcmp(m.payload, "first", 5) == 0);
		CHECK_OK(ipc_read_fd(origin, &m));
		CHECK(m.user_type == 'b' && m.length == 6 && memcmp(m.payload, "second", 6) == 0);
		check_own_block(m.payload, 6);
		CHECK_OK(ipc_message_format_read(&m, "\2\0\0\0\5cthird", 11));
		CHECK(m.user_type == 'c' && m.length == 5 && memcmp(m.payload, "third", 5) == 0);
		check_own_block(m.payload, 5);
		CHECK_OK(ipc_message_format_data(&m, 'd', "fourth", 6));
	}
	free(m.payload);
	close(peer);
	finish(&ctx, &event);
}

/* "at size 0 everything is freed as by ipc_ctx_free": nothing is left, also of what a program had set. */
TEST(deleting_the_last_entry_frees_everything) {
	static const struct ipc_ctx zeroed;
	for (int how = 0; how < 4; how++) {
		int ends[2];
		make_pair(ends);
		if (how == 3) CHECK_OK(ipc_ctx_queue_limit(&ctx, 1000));
		CHECK_OK(ipc_add_fd(&ctx, ends[0]));
		if (how == 1) queue(&ctx, ends[0], 'a', "dropped", 7);
		if (how == 2) ipc_ctx_switching_add(&ctx, ends[0], ends[1]);
		if (how % 2) CHECK_OK(ipc_del_fd(&ctx, ends[0]));
		else CHECK_OK(ipc_del(&ctx, 0));
		CHECK_EQUAL(ctx.size, 0);
		CHECK(memcmp(&ctx, &zeroed, sizeof ctx) == 0);
		close(ends[0]);
		close(ends[1]);
	}
}
