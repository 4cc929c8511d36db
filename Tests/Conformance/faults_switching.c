/*
 * faults_switching.c - what the old library did wrong with switched pairs: faults 13, 14 and 15,
 * callbacks that wandered, crashed or were not called, and ends that were left over.
 */
#include "peers.h"

#include <ctype.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

static enum ipccb text_in(int fd, struct ipc_message *m, short int *more) {
	char text[64];
	ssize_t n = recv(fd, text, sizeof text, 0);
	if (n <= 0) return n == 0 ? IPC_CB_FD_CLOSING : IPC_CB_FD_ERROR;
	*more = 0;
	m->type = MSG_TYPE_DATA;
	m->user_type = 't';
	m->length = (uint32_t)n;
	m->payload = malloc((size_t)n);
	memcpy(m->payload, text, (size_t)n);
	return IPC_CB_NO_ERROR;
}

static enum ipccb shout_in(int fd, struct ipc_message *m, short int *more) {
	enum ipccb answer = text_in(fd, m, more);
	for (uint32_t i = 0; answer == IPC_CB_NO_ERROR && i < m->length; i++) m->payload[i] = (char)toupper((unsigned char)m->payload[i]);
	return answer;
}

static enum ipccb text_out(int fd, struct ipc_message *m) {
	write_bytes(fd, m->payload, m->length);
	return IPC_CB_NO_ERROR;
}

/* A switched pair: the context holds near[0] and near[1], the test far[0] and far[1]. */
struct pair {
	int near[2], far[2];
};

static struct pair add_pair(void) {
	struct pair pair;
	for (int i = 0; i < 2; i++) {
		int ends[2];
		make_pair(ends);
		pair.near[i] = ends[0];
		pair.far[i] = ends[1];
		CHECK_OK(ipc_add_fd_switched(&ctx, ends[0]));
	}
	ipc_ctx_switching_add(&ctx, pair.near[0], pair.near[1]);
	return pair;
}

static void close_pair(struct pair *pair) {
	for (int i = 0; i < 2; i++) close(pair->near[i]), close(pair->far[i]);
}

/* Lets the context work until `fd` can be read and nothing is left to do. */
static void pass_on_to(int fd) {
	do {
		int timer = 0;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK(event.type == IPC_EVENT_TYPE_SWITCH || event.type == IPC_EVENT_TYPE_TX || event.type == IPC_EVENT_TYPE_TIMER);
	} while (event.type != IPC_EVENT_TYPE_TIMER || !is_readable(fd));
}

/* Sends "abc" from one far end: as text or as a frame; the other gets `text`, as text or as a frame. */
static void crosses(int from, int as_text, int to, int to_text, const char *text) {
	char received[3];
	if (as_text) write_bytes(from, "abc", 3);
	else write_frame(from, 't', "abc", 3);
	pass_on_to(to);
	if (!to_text) return read_frame(to, 't', text, 3);
	CHECK_EQUAL(read_bytes(to, received, 3), 3);
	CHECK(memcmp(received, text, 3) == 0);
}

TEST(fault_13_deleting_a_switch_left_its_callbacks_on_another) {
	struct pair pairs[3];
	for (int i = 0; i < 3; i++) pairs[i] = add_pair();
	ipc_switching_callbacks(&ctx, pairs[0].near[0], shout_in, text_out);
	ipc_switching_callbacks(&ctx, pairs[1].near[0], text_in, text_out);
	ipc_switching_callbacks_(&ctx, pairs[2].near[1], shout_in);
	for (int removed = 0; removed < 2; removed++) {
		int *near = pairs[removed].near;
		CHECK_EQUAL(ipc_ctx_switching_del(&ctx, near[1]), near[0]);
		CHECK_EQUAL(ctx.switchdb.size, 2 - removed);
		CHECK_OK(ipc_del_fd(&ctx, near[0]));
		CHECK_OK(ipc_del_fd(&ctx, near[1]));
		if (removed == 0) crosses(pairs[1].far[0], 1, pairs[1].far[1], 0, "abc");
		if (removed == 0) crosses(pairs[1].far[1], 0, pairs[1].far[0], 1, "abc");
		crosses(pairs[2].far[1], 1, pairs[2].far[0], 0, "ABC");
		crosses(pairs[2].far[0], 0, pairs[2].far[1], 0, "abc");
	}
	/* a new pair has no callbacks, also with the old numbers */
	ipc_switching_add(&ctx.switchdb, pairs[0].near[0], pairs[0].near[1]);
	struct ipc_switching *last = &ctx.switchdb.collection[ctx.switchdb.size - 1];
	CHECK_EQUAL(last->orig, pairs[0].near[0]);
	CHECK(last->orig_in == NULL && last->orig_out == NULL && last->dest_in == NULL && last->dest_out == NULL);
	for (int i = 0; i < 3; i++) close_pair(&pairs[i]);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
}

TEST(fault_13_deleting_from_a_table_of_the_programs_own) {
	for (int removed = 0; removed < 8; removed++) {
		struct ipc_switchings table = {0};
		for (int i = 0; i < 4; i++) ipc_switching_add(&table, 100 + 2 * i, 101 + 2 * i);
		for (size_t k = 0; k < 4; k++) {
			struct ipc_switching *s = &table.collection[k];
			int i = (s->orig - 100) / 2;
			CHECK(s->orig_in == NULL && s->orig_out == NULL && s->dest_in == NULL && s->dest_out == NULL);
			s->orig_in = i & 1 ? text_in : NULL;
			s->dest_in = shout_in;
			s->dest_out = i & 2 ? text_out : NULL;
		}
		CHECK_EQUAL(ipc_switching_del(&table, 100 + removed), 100 + (removed ^ 1));
		CHECK_EQUAL(ipc_switching_get(&table, 100 + removed), -1);
		CHECK_EQUAL(table.size, 3);
		for (size_t k = 0; k < 3; k++) {
			struct ipc_switching *s = &table.collection[k];
			int i = (s->orig - 100) / 2;
			CHECK(i != removed / 2 && s->dest == s->orig + 1);
			CHECK(s->orig_in == (i & 1 ? text_in : NULL) && s->orig_out == NULL);
			CHECK(s->dest_in == shout_in && s->dest_out == (i & 2 ? text_out : NULL));
		}
		ipc_switching_free(&table);
		CHECK(table.size == 0 && table.collection == NULL);
	}
}

TEST(fault_14_one_callback_set_and_the_other_null_crashed_or_was_ignored) {
	for (int which = 0; which < 8; which++) {
		struct pair pair = add_pair();
		int in = which & 1, out = (which & 2) != 0, end = (which & 4) != 0;
		ipc_switching_callbacks(&ctx, pair.near[end], in ? text_in : NULL, out ? text_out : NULL);
		for (int i = 0; i < 2; i++) {
			crosses(pair.far[end], in, pair.far[!end], 0, "abc");
			crosses(pair.far[!end], 0, pair.far[end], out, "abc");
		}
		CHECK_OK(ipc_del_fd(&ctx, pair.near[0]));
		CHECK_OK(ipc_del_fd(&ctx, pair.near[1]));
		ipc_ctx_switching_del(&ctx, pair.near[0]);
		close_pair(&pair);
	}
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
}

TEST(fault_14_the_in_callback_set_alone_leaves_the_out_callback) {
	struct pair pair = add_pair();
	ipc_switching_callbacks(&ctx, pair.near[0], NULL, text_out);
	ipc_switching_callbacks_(&ctx, pair.near[0], text_in);
	crosses(pair.far[0], 1, pair.far[1], 0, "abc");
	crosses(pair.far[1], 0, pair.far[0], 1, "abc");
	ipc_switching_callbacks(&ctx, pair.near[0], NULL, NULL);
	crosses(pair.far[0], 0, pair.far[1], 0, "abc");
	crosses(pair.far[1], 0, pair.far[0], 0, "abc");
	close_pair(&pair);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
}

/* One end leaves after `words` frames: they arrive, then both entries go and nothing more is told. */
static void one_end_leaves(int service_first, int words) {
	int listening = raw_listen("routed"), client[2], server = -1;
	CHECK_OK(ipc_server_init(&ctx, "pong")); /* keeps the context alive when the pair has gone */
	make_pair(client);
	CHECK_OK(ipc_connection_switched(&ctx, "routed", client[0], &server));
	int service = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	CHECK(service >= 0);
	CHECK_EQUAL(ctx.size, 3);
	CHECK_EQUAL(ipc_switching_get(&ctx.switchdb, server), client[0]);
	int leaving = service_first ? service : client[1], staying = service_first ? client[1] : service;
	for (int i = 0; i < words; i++) write_frame(leaving, (char)('a' + i), "words", 5);
	close(leaving);
	int told = 0;
	do {
		int timer = -1;
		struct ipc_error e = ipc_wait_event(&ctx, &event, &timer);
		int gone = event.type == IPC_EVENT_TYPE_DISCONNECTION;
		CHECK_EQUAL(e.error_code, gone ? IPC_ERROR_CLOSED_RECIPIENT : 0);
		CHECK(gone || event.type == IPC_EVENT_TYPE_SWITCH || event.type == IPC_EVENT_TYPE_TX);
		told += event.type == IPC_EVENT_TYPE_SWITCH;
	} while (event.type != IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(told, words);
	CHECK_EQUAL(event.origin, service_first ? server : client[0]);
	CHECK_EQUAL(ctx.size, 1);
	CHECK_EQUAL(ctx.switchdb.size, 0);
	CHECK(is_open(client[0]) && is_open(server));
	nothing_to_tell(&ctx, &event);
	for (int i = 0; i < words; i++) read_frame(staying, (char)('a' + i), "words", 5);
	close(client[0]);
	close(server);
	close(staying);
	nothing_to_tell(&ctx, &event);
	close(listening);
	finish(&ctx, &event);
}

TEST(fault_15_the_service_end_left_first_and_the_client_end_looped) { one_end_leaves(1, 0); }
TEST(fault_15_the_service_end_left_after_some_messages) { one_end_leaves(1, 3); }
TEST(fault_15_the_client_end_left_first) { one_end_leaves(0, 0); }
TEST(fault_15_the_client_end_left_after_some_messages) { one_end_leaves(0, 3); }
