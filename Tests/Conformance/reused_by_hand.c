/*
 * reused_by_hand.c - a program closes a descriptor with close(2), gets its number again, and adds that: the new entry is the
 * one that speaks, and the old one keeps nothing of it.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

/* A pair whose first end has the number `wanted`. */
static void make_pair_at(int wanted, int ends[2]) {
	make_pair(ends);
	if (ends[0] == wanted) return;
	CHECK(dup2(ends[0], wanted) == wanted);
	close(ends[0]);
	ends[0] = wanted;
}

TEST(a_descriptor_added_again_after_the_program_closed_it_is_told) {
	for (int external = 0; external < 2; external++) {
		int old[2], new[2], timer = 0;
		struct ipc_connection_info info = {external ? IPC_CONNECTION_TYPE_EXTERNAL : IPC_CONNECTION_TYPE_IPC, 0, NULL};
		make_pair(old);
		struct pollfd entry = {old[0], POLLIN, 0};
		CHECK_OK(ipc_add(&ctx, &info, &entry));
		write_bytes(old[1], "\2\0\0\0\4ab", 8); /* half a frame, which must not reach the next socket */
		if (!external) nothing_to_tell(&ctx, &event);
		close(old[0]);
		for (int i = 0; i < 2; i++) {
			CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
			timer = 0;
		}
		make_pair_at(old[0], new);
		CHECK_OK(ipc_add(&ctx, &info, &entry));
		CHECK_EQUAL(ctx.size, 2);
		nothing_to_tell(&ctx, &event);
		write_frame(new[1], 'n', "new", 3);
		ready(&ctx, &event, external ? IPC_EVENT_TYPE_EXTRA_SOCKET : IPC_EVENT_TYPE_MESSAGE);
		CHECK_EQUAL(event.index, 1);
		CHECK_EQUAL(event.origin, new[0]);
		queue(&ctx, new[0], 'o', "back", 4);
		for (int told = 0; told < 2 && ctx.tx.size > 0; told++) {
			timer = 0;
			CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		}
		CHECK_EQUAL(ctx.tx.size, 0);
		read_frame(new[1], 'o', "back", 4);
		IPC_EVENT_CLEAN(&event);
		CHECK_OK(ipc_del(&ctx, 1));
		CHECK_OK(ipc_del(&ctx, 0));
		close(old[1]);
		close(new[0]);
		close(new[1]);
	}
}

enum { LARGE = 1000000 };

static void read_large_and_small(int peer) {
	char *payload = pattern(LARGE, 1);
	read_frame(peer, 'l', payload, LARGE);
	read_frame(peer, 's', "small", 5);
	write_frame(peer, 'n', "new", 3);
	free(payload);
}

/* An entry whose descriptor, which is returned, the program has closed: one message was read ahead. */
static int close_with_a_message_left(int *far) {
	int old[2];
	struct ipc_connection_info info = {IPC_CONNECTION_TYPE_IPC, 0, NULL};
	make_pair(old);
	struct pollfd entry = {old[0], POLLIN, 0};
	CHECK_OK(ipc_add(&ctx, &info, &entry));
	write_frame(old[1], 'a', "first", 5);
	write_frame(old[1], 'b', "second", 6);
	next_message(&ctx, &event, old[0], 'a', "first", 5); /* the second one is here, too */
	close(old[0]);
	*far = old[1];
	return old[0];
}

/* Nobody has told the library: what it read ahead from the old one is not the new one's, in either direction. */
TEST(a_number_that_came_again_is_written_to_and_read_as_the_new_one) {
	for (int again = 0; again < 2; again++) {
		int far, gate, number = close_with_a_message_left(&far);
		struct ipc_message sent = {MSG_TYPE_DATA, 'l', number, LARGE, pattern(LARGE, 1)}, answer = {0};
		pid_t child = start(read_large_and_small, &gate);
		CHECK(dup2(gate, number) == number);
		CHECK_OK(ipc_write_fd(number, &sent)); /* more than the socket holds */
		free(sent.payload);
		CHECK_OK(ipc_write_fd(number, &(struct ipc_message){MSG_TYPE_DATA, 's', number, 5, "small"}));
		CHECK_OK(ipc_read_fd(number, &answer));
		CHECK_EQUAL(answer.user_type, 'n');
		CHECK_EQUAL(answer.length, 3);
		free(answer.payload);
		close(number), close(far);
		CHECK_OK(ipc_del(&ctx, 0));
		join_process(child, gate);
		IPC_EVENT_CLEAN(&event);
	}
}

/* A number says nothing of the entry, but an index does: what came for it is its own, as it is for who waits for events. */
TEST(ipc_read_hands_out_what_came_before_the_program_closed_the_descriptor) {
	struct ipc_message answer = {0};
	int far, number = close_with_a_message_left(&far);
	CHECK_OK(ipc_read(&ctx, 0, &answer));
	CHECK_EQUAL(answer.user_type, 'b');
	CHECK_EQUAL(answer.length, 6);
	CHECK(ipc_read(&ctx, 0, &answer).error_code != IPC_ERROR_NONE);
	CHECK_EQUAL(answer.fd, number);
	free(answer.payload);
	IPC_EVENT_CLEAN(&event);
	CHECK_OK(ipc_del(&ctx, 0));
	close(far);
}
