/*
 * steps.c - one step of the loop by hand, "as ipc_wait_event would take it": handle_writing_message, fd_switching_read and
 * fd_switching_write set the event, send or read what is next for their entry, and leave the others alone.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static int near[2], far[2]; /* entries 1 and 2 */
static int in_calls, out_calls;

static void open_switch(void) {
	make_switched(&ctx, near, far, 2);
	in_calls = out_calls = 0;
}

static void close_switch(void) {
	for (int i = 0; i < 2; i++) {
		if (is_open(near[i])) close(near[i]);
		if (is_open(far[i])) close(far[i]);
	}
	finish(&ctx, &event);
}

static void check_event(enum ipc_event_type type, uint32_t index, int origin) {
	CHECK_EQUAL(event.type, type);
	CHECK_EQUAL(event.index, index);
	CHECK_EQUAL(event.origin, origin);
	CHECK(event.m == NULL);
}

TEST(handle_writing_message_sends_what_is_queued_next_for_the_entry) {
	int origins[2], peers[2];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < 2; i++) peers[i] = join(&ctx, &event, "pong", &origins[i]);
	queue(&ctx, origins[0], 'a', "for the other", 13);
	queue(&ctx, origins[1], 'b', "first", 5);
	queue(&ctx, origins[1], 'c', "second", 6);
	CHECK_OK(handle_writing_message(&event, &ctx, 2));
	check_event(IPC_EVENT_TYPE_TX, 2, origins[1]);
	CHECK(!is_readable(peers[0]));
	CHECK_OK(handle_writing_message(&event, &ctx, 2));
	check_event(IPC_EVENT_TYPE_TX, 2, origins[1]);
	read_frame(peers[1], 'b', "first", 5);
	read_frame(peers[1], 'c', "second", 6);
	CHECK_EQUAL(ctx.tx.size, 1);
	CHECK_OK(handle_writing_message(&event, &ctx, 1));
	check_event(IPC_EVENT_TYPE_TX, 1, origins[0]);
	read_frame(peers[0], 'a', "for the other", 13);
	nothing_to_tell(&ctx, &event); /* nothing is told twice */
	for (int i = 0; i < 2; i++) close(peers[i]);
	finish(&ctx, &event);
}

TEST(handle_writing_message_does_not_wait_and_cleans_the_event) {
	int origin;
	char *payload = pattern(1500000, 1);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	write_frame(peer, 'm', "message", 7);
	next_message(&ctx, &event, origin, 'm', "message", 7);
	CHECK_OK(handle_writing_message(&event, &ctx, 1)); /* nothing is queued */
	check_event(IPC_EVENT_TYPE_NOT_SET, 0, 0);
	queue(&ctx, origin, 'l', payload, 1500000); /* more than the kernel takes */
	CHECK_OK(handle_writing_message(&event, &ctx, 1));
	check_event(IPC_EVENT_TYPE_NOT_SET, 0, 0);
	CHECK_EQUAL(ctx.tx.size, 1);
	size_t size = FRAME_SIZE(1500000), done = 0;
	char *got = malloc(size);
	while (done < size) {
		ssize_t n = recv(peer, got + done, size - done, MSG_DONTWAIT);
		CHECK(n > 0 || errno == EAGAIN);
		if (n > 0) done += (size_t)n;
		if (event.type != IPC_EVENT_TYPE_TX) CHECK_OK(handle_writing_message(&event, &ctx, 1));
	}
	check_event(IPC_EVENT_TYPE_TX, 1, origin);
	CHECK(memcmp(got + IPC_HEADER_SIZE, payload, 1500000) == 0);
	nothing_to_tell(&ctx, &event);
	free(got);
	free(payload);
	close(peer);
	finish(&ctx, &event);
}

TEST(fd_switching_read_takes_one_message_from_its_end) {
	open_switch();
	write_bytes(far[0], "\2\0\0\0\3aone\2\0\0\0\3btwo", 18);
	CHECK_OK(fd_switching_read(&event, &ctx, 1));
	check_event(IPC_EVENT_TYPE_SWITCH, 1, near[0]);
	CHECK_EQUAL(ctx.tx.size, 1);
	CHECK(!is_readable(far[1]));
	CHECK_OK(fd_switching_write(&event, &ctx, 2));
	check_event(IPC_EVENT_TYPE_TX, 2, near[1]);
	read_frame(far[1], 'a', "one", 3);
	CHECK_OK(fd_switching_read(&event, &ctx, 1));
	check_event(IPC_EVENT_TYPE_SWITCH, 1, near[0]);
	CHECK_OK(fd_switching_write(&event, &ctx, 2));
	check_event(IPC_EVENT_TYPE_TX, 2, near[1]);
	read_frame(far[1], 'b', "two", 3);
	nothing_to_tell(&ctx, &event);
	close_switch();
}

TEST(fd_switching_read_tells_the_end_and_the_failure) {
	open_switch();
	close(far[1]);
	CHECK_CODE(fd_switching_read(&event, &ctx, 2), IPC_ERROR_CLOSED_RECIPIENT);
	check_event(IPC_EVENT_TYPE_DISCONNECTION, 2, near[1]);
	CHECK(ctx.size == 1 && ctx.switchdb.size == 0 && is_open(near[0]) && is_open(near[1]));
	close_switch();
	open_switch();
	write_bytes(far[0], "\2\377\377\377\377x", 6);
	CHECK_CODE(fd_switching_read(&event, &ctx, 1), IPC_ERROR_CLOSED_RECIPIENT);
	check_event(IPC_EVENT_TYPE_ERROR, 1, near[0]);
	CHECK(ctx.size == 1 && ctx.switchdb.size == 0 && is_open(near[0]) && is_open(near[1]));
	close_switch();
}

static enum ipccb cb_in(int fd, struct ipc_message *m, short int *more) {
	char text[4];
	(void)more;
	in_calls++;
	CHECK_EQUAL(read_bytes(fd, text, 4), 4);
	*m = (struct ipc_message){3, 'i', -1, 4, malloc(4)};
	memcpy(m->payload, text, 4);
	return IPC_CB_NO_ERROR;
}

static enum ipccb cb_out(int fd, struct ipc_message *m) {
	out_calls++;
	write_bytes(fd, m->payload, m->length);
	return IPC_CB_NO_ERROR;
}

TEST(steps_call_the_callbacks) {
	char text[4];
	open_switch();
	ipc_switching_callbacks(&ctx, near[0], cb_in, NULL);
	ipc_switching_callbacks(&ctx, near[1], NULL, cb_out);
	write_bytes(far[0], "text", 4);
	CHECK_OK(fd_switching_read(&event, &ctx, 1));
	check_event(IPC_EVENT_TYPE_SWITCH, 1, near[0]);
	CHECK(in_calls == 1 && out_calls == 0);
	CHECK_OK(fd_switching_write(&event, &ctx, 2));
	check_event(IPC_EVENT_TYPE_TX, 2, near[1]);
	CHECK(in_calls == 1 && out_calls == 1);
	CHECK(read_bytes(far[1], text, 4) == 4 && memcmp(text, "text", 4) == 0);
	CHECK_EQUAL(ctx.tx.size, 0);
	close_switch();
}

TEST(steps_name_what_is_wrong) {
	open_switch();
	struct ipc_ctx none = {0};
	CHECK_CODE(handle_writing_message(NULL, &ctx, 1), IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM);
	CHECK_CODE(handle_writing_message(&event, NULL, 1), IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM);
	CHECK_CODE(handle_writing_message(&event, &ctx, 3), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
	CHECK_CODE(handle_writing_message(&event, &none, 0), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
	CHECK_CODE(fd_switching_read(&event, &ctx, -1), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
	CHECK_CODE(fd_switching_write(&event, &ctx, 3), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
	ipc_ctx_switching_del(&ctx, near[0]);
	CHECK_CODE(fd_switching_read(&event, &ctx, 1), IPC_ERROR_FD_SWITCHING__NO_FD_RECORD);
	CHECK_CODE(fd_switching_write(&event, &ctx, 1), IPC_ERROR_FD_SWITCHING__NO_FD_RECORD);
	CHECK_EQUAL(ctx.size, 3);
	close_switch();
}
