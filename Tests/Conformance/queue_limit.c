/*
 * queue_limit.c - what may wait for one receiver has a limit, the default one or the program's: at the limit
 * ipc_write fails with 110 and changes nothing, and what is queued stays and arrives.
 */
#include "peers.h"

static struct ipc_ctx service;
static struct ipc_event event;

static int start_service(int *origin) {
	CHECK_OK(ipc_server_init(&service, "pong"));
	return join(&service, &event, "pong", origin);
}

static struct ipc_error try_to_queue(int origin, char user_type, const char *payload, uint32_t length) {
	struct ipc_message m = message_of(origin, user_type, payload, length);
	return ipc_write(&service, &m);
}

TEST(a_limit_of_the_program_counts_whole_frames) {
	char payload[1000] = "limited";
	int origin, peer = start_service(&origin);
	CHECK_OK(ipc_ctx_queue_limit(&service, 300));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++) CHECK_OK(try_to_queue(origin, (char)('a' + i), payload, 94));
		CHECK_CODE(try_to_queue(origin, 'x', payload, 94), IPC_ERROR_WRITE__QUEUE_FULL);
		CHECK_CODE(try_to_queue(origin, 'x', NULL, 0), IPC_ERROR_WRITE__QUEUE_FULL);
		CHECK_EQUAL(service.tx.size, 3);
		for (int i = 0; i < 3; i++) next(&service, &event, IPC_EVENT_TYPE_TX);
		nothing_to_tell(&service, &event);
		for (int i = 0; i < 3; i++) read_frame(peer, (char)('a' + i), payload, 94);
		CHECK(!is_readable(peer));
	}
	CHECK_CODE(try_to_queue(origin, 'x', payload, 295), IPC_ERROR_WRITE__QUEUE_FULL);
	CHECK_OK(try_to_queue(origin, 'y', payload, 294));
	next(&service, &event, IPC_EVENT_TYPE_TX);
	read_frame(peer, 'y', payload, 294);
	close(peer);
	finish(&service, &event);
}

TEST(each_receiver_has_a_queue_of_its_own) {
	int first_origin, first = start_service(&first_origin), second_origin;
	int second = join(&service, &event, "pong", &second_origin);
	CHECK_OK(ipc_ctx_queue_limit(&service, 20));
	CHECK_OK(try_to_queue(first_origin, 'a', "0123456789", 10));
	CHECK_CODE(try_to_queue(first_origin, 'b', "0123456789", 10), IPC_ERROR_WRITE__QUEUE_FULL);
	CHECK_OK(try_to_queue(second_origin, 'c', "0123456789", 10));
	CHECK_CODE(try_to_queue(second_origin, 'd', "0123456789", 10), IPC_ERROR_WRITE__QUEUE_FULL);
	next(&service, &event, IPC_EVENT_TYPE_TX);
	next(&service, &event, IPC_EVENT_TYPE_TX);
	read_frame(first, 'a', "0123456789", 10);
	read_frame(second, 'c', "0123456789", 10);
	close(first);
	close(second);
	finish(&service, &event);
}

TEST(a_lower_limit_leaves_what_is_queued) {
	int origin, peer = start_service(&origin);
	for (int i = 0; i < 10; i++) CHECK_OK(try_to_queue(origin, (char)('a' + i), "0123456789", 10));
	CHECK_OK(ipc_ctx_queue_limit(&service, 40));
	CHECK_CODE(try_to_queue(origin, 'x', "0", 1), IPC_ERROR_WRITE__QUEUE_FULL);
	CHECK_OK(ipc_ctx_queue_limit(&service, 167));
	CHECK_OK(try_to_queue(origin, 'k', "0", 1));
	CHECK_CODE(try_to_queue(origin, 'x', "0", 1), IPC_ERROR_WRITE__QUEUE_FULL);
	for (int i = 0; i < 11; i++) next(&service, &event, IPC_EVENT_TYPE_TX);
	for (int i = 0; i < 10; i++) read_frame(peer, (char)('a' + i), "0123456789", 10);
	read_frame(peer, 'k', "0", 1);
	CHECK(!is_readable(peer));
	close(peer);
	finish(&service, &event);
}

TEST(the_limit_lasts_until_the_context_is_freed) {
	int origin, peer;
	CHECK_CODE(ipc_ctx_queue_limit(NULL, 10), IPC_ERROR_CTX_QUEUE_LIMIT__NO_CTX_PARAM);
	CHECK_OK(ipc_ctx_queue_limit(&service, 10)); /* before anything is in the context */
	peer = start_service(&origin);
	CHECK_CODE(try_to_queue(origin, 'x', "0123456789", 10), IPC_ERROR_WRITE__QUEUE_FULL);
	close(peer);
	finish(&service, &event);
	peer = start_service(&origin);
	CHECK_OK(try_to_queue(origin, 'a', "0123456789", 10));
	next(&service, &event, IPC_EVENT_TYPE_TX);
	read_frame(peer, 'a', "0123456789", 10);
	close(peer);
	finish(&service, &event);
}

/* ---- the default: 64 MiB ---- */

#define MEGABYTE 1000000
enum { FITTING = (64 << 20) / (MEGABYTE + IPC_HEADER_SIZE) };

static void read_all_that_was_queued(int gate) {
	meet(gate);
	int fd = raw_connect("pong");
	meet(gate); /* reads nothing before the queue is full */
	char *payload = pattern(MEGABYTE, 64);
	for (int i = 0; i < FITTING; i++) {
		memcpy(payload, &i, sizeof i);
		read_frame(fd, (char)i, payload, MEGABYTE);
	}
	read_frame(fd, 'e', "end", 3);
	free(payload);
	close(fd);
}

TEST(the_default_limit_is_64_mebibytes_and_all_of_them_arrive) {
	int gate;
	pid_t child = start(read_all_that_was_queued, &gate);
	CHECK_OK(ipc_server_init(&service, "pong"));
	meet(gate);
	next(&service, &event, IPC_EVENT_TYPE_CONNECTION);
	int origin = event.origin;
	char *payload = pattern(MEGABYTE, 64);
	for (int i = 0; i < FITTING; i++) {
		memcpy(payload, &i, sizeof i);
		CHECK_OK(try_to_queue(origin, (char)i, payload, MEGABYTE));
	}
	CHECK_CODE(try_to_queue(origin, 'x', payload, MEGABYTE), IPC_ERROR_WRITE__QUEUE_FULL);
	CHECK(service.tx.size <= FITTING); /* the kernel has some */
	free(payload);
	meet(gate);
	for (int i = 0; i < FITTING; i++) {
		next(&service, &event, IPC_EVENT_TYPE_TX);
		CHECK((int)service.tx.size <= FITTING - 1 - i);
	}
	CHECK_OK(try_to_queue(origin, 'e', "end", 3));
	next(&service, &event, IPC_EVENT_TYPE_TX);
	next(&service, &event, IPC_EVENT_TYPE_DISCONNECTION);
	join_process(child, gate);
	finish(&service, &event);
}

TEST(a_full_queue_is_written_by_the_direct_call_too) {
	int origin, peer = start_service(&origin);
	CHECK_OK(ipc_ctx_queue_limit(&service, 16));
	CHECK_OK(try_to_queue(origin, 'a', "0123456789", 10));
	struct ipc_message m = message_of(origin, 'b', "after it", 8);
	CHECK_CODE(ipc_write(&service, &m), IPC_ERROR_WRITE__QUEUE_FULL);
	CHECK_OK(ipc_write_fd(origin, &m));
	read_frame(peer, 'a', "0123456789", 10);
	read_frame(peer, 'b', "after it", 8);
	next(&service, &event, IPC_EVENT_TYPE_TX);
	nothing_to_tell(&service, &event);
	CHECK_OK(ipc_write(&service, &m));
	next(&service, &event, IPC_EVENT_TYPE_TX);
	read_frame(peer, 'b', "after it", 8);
	close(peer);
	finish(&service, &event);
}
