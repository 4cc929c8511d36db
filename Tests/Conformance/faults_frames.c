/*
 * faults_frames.c - what the old library did to frames, and this one must not: faults 1 to 9 and 25,
 * which lost, mixed or cut what a peer sent, or what a program queued.
 */
#include "peers.h"

static struct ipc_ctx service;
static struct ipc_event event;

static int start_service(int *origin) {
	CHECK_OK(ipc_server_init(&service, "pong"));
	return join(&service, &event, "pong", origin);
}

TEST(fault_01_two_frames_in_one_read_dropped_the_client) {
	int origin, peer = start_service(&origin);
	char frames[2 * FRAME_SIZE(3)];
	put_header(frames, MSG_TYPE_DATA, 3, 'a');
	memcpy(frames + 6, "one", 3);
	put_header(frames + 9, MSG_TYPE_DATA, 3, 'b');
	memcpy(frames + 15, "two", 3);
	write_bytes(peer, frames, sizeof frames);
	next_message(&service, &event, origin, 'a', "one", 3);
	next_message(&service, &event, origin, 'b', "two", 3);
	nothing_to_tell(&service, &event);
	CHECK_EQUAL(service.size, 2);
	close(peer);
	finish(&service, &event);
}

TEST(fault_01_two_frames_in_one_read_from_a_descriptor) {
	int ends[2];
	struct ipc_message m = {0};
	make_pair(ends);
	write_frame(ends[0], 'a', "one", 3);
	write_frame(ends[0], 'b', "three", 5);
	CHECK_OK(ipc_read_fd(ends[1], &m));
	CHECK(m.user_type == 'a' && m.length == 3 && memcmp(m.payload, "one", 3) == 0);
	CHECK_OK(ipc_read_fd(ends[1], &m));
	CHECK(m.user_type == 'b' && m.length == 5 && memcmp(m.payload, "three", 5) == 0);
	free(m.payload);
	close(ends[0]);
	close(ends[1]);
}

TEST(fault_02_an_empty_frame_swallowed_the_next) {
	int origin, peer = start_service(&origin);
	write_bytes(peer, "\2\0\0\0\0a\2\0\0\0\0b\2\0\0\0\1cx\2\0\0\0\0d", 25);
	next_message(&service, &event, origin, 'a', "", 0);
	next_message(&service, &event, origin, 'b', "", 0);
	next_message(&service, &event, origin, 'c', "x", 1);
	next_message(&service, &event, origin, 'd', "", 0);
	nothing_to_tell(&service, &event);
	close(peer);
	finish(&service, &event);
}

static const uint32_t large[] = {210000, 212992, 220000, 500000, 1000000, IPC_MAX_MESSAGE_SIZE};
#define LARGE_COUNT (sizeof large / sizeof large[0])

static void send_large_frames_and_read_them_back(int gate) {
	meet(gate);
	int fd = raw_connect("pong");
	for (unsigned i = 0; i < LARGE_COUNT; i++) {
		char *payload = pattern(large[i], i);
		write_frame(fd, (char)('a' + i), payload, large[i]);
		read_frame(fd, (char)('A' + i), payload, large[i]);
		free(payload);
	}
	close(fd);
}

TEST(fault_03_large_frames_were_corrupted) {
	int gate;
	pid_t child = start(send_large_frames_and_read_them_back, &gate);
	CHECK_OK(ipc_server_init(&service, "pong"));
	meet(gate);
	next(&service, &event, IPC_EVENT_TYPE_CONNECTION);
	int origin = event.origin;
	for (unsigned i = 0; i < LARGE_COUNT; i++) {
		char *payload = pattern(large[i], i);
		next_message(&service, &event, origin, (char)('a' + i), payload, large[i]);
		queue(&service, origin, (char)('A' + i), payload, large[i]);
		next(&service, &event, IPC_EVENT_TYPE_TX);
		free(payload);
	}
	next(&service, &event, IPC_EVENT_TYPE_DISCONNECTION);
	join_process(child, gate);
	finish(&service, &event);
}

TEST(fault_04_a_split_header_became_an_empty_message) {
	int origin, peer = start_service(&origin);
	const char frame[] = "\2\0\0\0\4zabcd";
	for (size_t cut = 1; cut < 10; cut++) {
		write_bytes(peer, frame, cut);
		nothing_to_tell(&service, &event);
		write_bytes(peer, frame + cut, 10 - cut);
		next_message(&service, &event, origin, 'z', "abcd", 4);
	}
	for (size_t i = 0; i < 10; i++) {
		nothing_to_tell(&service, &event);
		write_bytes(peer, frame + i, 1);
	}
	next_message(&service, &event, origin, 'z', "abcd", 4);
	close(peer);
	finish(&service, &event);
}

static void send_byte_by_byte(int gate) {
	for (int i = 0; i < 10; i++) write_bytes(gate, "\2\0\0\0\4zabcd" + i, 1);
}

TEST(fault_04_a_split_header_read_from_a_descriptor) {
	int gate;
	struct ipc_message m = {0};
	pid_t child = start(send_byte_by_byte, &gate);
	CHECK_OK(ipc_read_fd(gate, &m));
	CHECK(m.user_type == 'z' && m.length == 4 && memcmp(m.payload, "abcd", 4) == 0);
	free(m.payload);
	join_process(child, gate);
}

TEST(fault_05_a_peer_leaving_mid_message_made_an_endless_loop) {
	int origin, peer = start_service(&origin);
	write_bytes(peer, "\2\0\0\0\4zab", 8);
	nothing_to_tell(&service, &event);
	close(peer);
	next(&service, &event, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.index, 1);
	CHECK_EQUAL(event.origin, origin);
	CHECK_EQUAL(service.size, 1);
	CHECK(!is_open(origin));
	nothing_to_tell(&service, &event);
	finish(&service, &event);
}

TEST(fault_05_a_descriptor_closed_mid_message) {
	for (size_t cut = 0; cut < 10; cut++) {
		int ends[2];
		struct ipc_message m = {0};
		make_pair(ends);
		write_bytes(ends[0], "\2\0\0\0\4zabcd", cut);
		close(ends[0]);
		CHECK_CODE(ipc_read_fd(ends[1], &m), IPC_ERROR_CLOSED_RECIPIENT);
		free(m.payload);
		close(ends[1]);
	}
}

TEST(fault_06_a_stalled_sender_blocked_the_service) {
	int stalled = start_service(NULL), origin;
	write_bytes(stalled, "\2\0\0\1\0zab", 8);
	int peer = join(&service, &event, "pong", &origin);
	write_frame(peer, 'a', "hello", 5);
	next_message(&service, &event, origin, 'a', "hello", 5);
	nothing_to_tell(&service, &event);
	close(stalled);
	close(peer);
	finish(&service, &event);
}

TEST(fault_06_a_receiver_that_does_not_read_blocked_the_service) {
	int slow_origin, slow = start_service(&slow_origin), origin;
	char *payload = pattern(1000000, 6);
	for (int i = 0; i < 3; i++) queue(&service, slow_origin, 's', payload, 1000000);
	int peer = join(&service, &event, "pong", &origin);
	write_frame(peer, 'a', "hello", 5);
	next_message(&service, &event, origin, 'a', "hello", 5);
	queue(&service, origin, 'b', "hello", 5);
	next(&service, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(event.origin, origin);
	read_frame(peer, 'b', "hello", 5);
	CHECK_EQUAL(service.tx.size, 3);
	/* and once it reads, it gets all */
	size_t total = 3 * FRAME_SIZE(1000000), done = 0;
	char *received = malloc(total);
	while (done < total) {
		int timer = 0;
		CHECK_OK(ipc_wait_event(&service, &event, &timer));
		ssize_t n = recv(slow, received + done, total - done, MSG_DONTWAIT);
		if (n > 0) done += (size_t)n;
	}
	for (int i = 0; i < 3; i++) CHECK(memcmp(received + (size_t)i * FRAME_SIZE(1000000) + IPC_HEADER_SIZE, payload, 1000000) == 0);
	free(received);
	free(payload);
	close(slow);
	close(peer);
	finish(&service, &event);
}

TEST(fault_07_queued_payloads_were_cut_at_the_first_nul) {
	int origin, peer = start_service(&origin);
	queue(&service, origin, 'a', "a\0b\0\0c", 6);
	queue(&service, origin, 'b', "\0", 1);
	next(&service, &event, IPC_EVENT_TYPE_TX);
	next(&service, &event, IPC_EVENT_TYPE_TX);
	read_frame(peer, 'a', "a\0b\0\0c", 6);
	read_frame(peer, 'b', "\0", 1);
	close(peer);
	finish(&service, &event);
}

TEST(fault_08_queued_messages_were_reordered) {
	int first_origin, first = start_service(&first_origin), second_origin;
	int second = join(&service, &event, "pong", &second_origin);
	for (int i = 0; i < 40; i++) queue(&service, i % 2 ? second_origin : first_origin, (char)('A' + i), &i, sizeof i);
	CHECK_EQUAL(service.tx.size, 40);
	for (int i = 0; i < 40; i++) {
		next(&service, &event, IPC_EVENT_TYPE_TX);
		CHECK(service.tx.size <= (size_t)(39 - i));
	}
	for (int i = 0; i < 40; i++) read_frame(i % 2 ? second : first, (char)('A' + i), &i, sizeof i);
	nothing_to_tell(&service, &event);
	close(first);
	close(second);
	finish(&service, &event);
}

TEST(fault_09_a_too_long_write_reported_success) {
	int origin, peer = start_service(&origin);
	char *payload = pattern(2100000, 9), *frame = NULL;
	struct ipc_message m = message_of(origin, 'a', payload, IPC_MAX_MESSAGE_SIZE + 1), copy = {0};
	size_t size = 0;
	for (; m.length < 2100000; m.length += m.length < 2000010 ? 1 : 50000) {
		CHECK_CODE(ipc_write(&service, &m), IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH);
		CHECK_CODE(ipc_write_fd(origin, &m), IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH);
		CHECK_CODE(ipc_message_format_write(&m, &frame, &size), IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH);
		CHECK_CODE(ipc_message_format_data(&copy, 'a', payload, m.length), IPC_ERROR_MESSAGE_FORMAT__MESSAGE_SIZE);
		CHECK(frame == NULL && copy.payload == NULL);
	}
	CHECK_EQUAL(service.tx.size, 0);
	nothing_to_tell(&service, &event);
	CHECK(!is_readable(peer));
	for (m.length = IPC_MAX_MESSAGE_SIZE - 8; m.length <= IPC_MAX_MESSAGE_SIZE; m.length++) {
		CHECK_OK(ipc_message_format_write(&m, &frame, &size));
		CHECK_EQUAL(size, FRAME_SIZE(m.length));
		CHECK(memcmp(frame + IPC_HEADER_SIZE, payload, m.length) == 0);
		free(frame);
		frame = NULL;
	}
	free(payload);
	close(peer);
	finish(&service, &event);
}

TEST(fault_25_formatting_an_empty_message_kept_the_old_payload) {
	struct ipc_message m = {0};
	CHECK_OK(ipc_message_format(&m, MSG_TYPE_DATA, 'a', "old", 3));
	CHECK_OK(ipc_message_format(&m, MSG_TYPE_ERR, 'b', NULL, 0));
	CHECK(m.payload == NULL && m.length == 0 && m.type == MSG_TYPE_ERR && m.user_type == 'b');
	CHECK_OK(ipc_message_format_data(&m, 'c', "old", 3));
	CHECK_OK(ipc_message_format_server_close(&m));
	CHECK(m.payload == NULL && m.length == 0 && m.type == MSG_TYPE_SERVER_CLOSE);
}
