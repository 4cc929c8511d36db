/*
 * write_take.c - ipc_write_take: a failure leaves the message untouched, a success empties it; what arrives is the same as by ipc_write.
 */
#include "batches.h"

#include <pthread.h>

enum { LARGEST = IPC_MAX_MESSAGE_SIZE };

static const uint32_t sizes[] = {0, 1, 5, 100, 120, 4089, 4090, 4095, 4096, 4097, 8192, 65535, 65536, 65537, 262144, 1000000, LARGEST};
enum { SIZES = sizeof sizes / sizeof *sizes };

static struct ipc_message own_message(int fd, char user_type, uint32_t length) {
	struct ipc_message m = message_of(fd, user_type, NULL, length);
	m.payload = pattern(length, length + (unsigned char)user_type);
	return m;
}

/* The library has it, and the message is empty, but for what names it. */
static void take(struct ipc_message *m) {
	struct ipc_message before = *m;
	CHECK_EQUAL(ipc_write_take(&ctx, m), 0);
	CHECK(m->payload == NULL && m->length == 0);
	CHECK(m->type == before.type && m->user_type == before.user_type && m->fd == before.fd);
}

/* Waits, and reads the frame as far as it is there. */
static void receive(int peer, char user_type, uint32_t length) {
	static char frame[FRAME_SIZE(LARGEST)];
	char wanted[IPC_HEADER_SIZE], *payload = pattern(length, length + (unsigned char)user_type);
	for (size_t have = 0; have < FRAME_SIZE(length);) {
		int timer = 0;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		ssize_t n = recv(peer, frame + have, FRAME_SIZE(length) - have, MSG_DONTWAIT);
		if (n > 0) have += (size_t)n;
	}
	put_header(wanted, MSG_TYPE_DATA, length, user_type);
	CHECK(memcmp(frame, wanted, IPC_HEADER_SIZE) == 0 && memcmp(frame + IPC_HEADER_SIZE, payload, length) == 0);
	free(payload);
}

TEST(messages_of_all_sizes_arrive_and_leave_an_empty_message) {
	int origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	for (int quiet = 0; quiet < 2; quiet++) {
		CHECK_EQUAL(ipc_ctx_quiet(&ctx, quiet ? IPC_QUIET_TX : 0), 0);
		for (int i = 0; i < SIZES; i++) {
			struct ipc_message m = own_message(origin, 's', sizes[i]);
			take(&m);
			CHECK_EQUAL(ctx.tx.size, !quiet);
			if (!quiet) CHECK(ctx.tx.messages[0].length == sizes[i] && ctx.tx.messages[0].fd == origin);
			receive(peer, 's', sizes[i]);
			while (event.type != IPC_EVENT_TYPE_TIMER) CHECK_OK(ipc_wait_event(&ctx, &event, &(int){0}));
		}
		/* All at once, in order, with copies between them. */
		for (int round = 0; round < 3; round++) {
			for (int i = 0; i < SIZES; i++) {
				struct ipc_message m = own_message(origin, (char)i, sizes[i]);
				if (i % 3 == round) {
					CHECK_OK(ipc_write(&ctx, &m));
					CHECK(m.length == sizes[i]);
					free(m.payload);
				} else {
					take(&m);
				}
			}
			for (int i = 0; i < SIZES; i++) receive(peer, (char)i, sizes[i]);
		}
	}
	close(peer);
	end();
}

/* A length of 0 goes with any payload; the second time the message is empty, and so is what is sent. */
TEST(the_same_message_twice_is_an_empty_one_the_second_time) {
	int origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	struct ipc_message m = own_message(origin, 'a', 70000);
	take(&m);
	take(&m);
	m.payload = malloc(100);
	take(&m);
	receive(peer, 'a', 70000);
	read_frame(peer, 'a', "", 0);
	read_frame(peer, 'a', "", 0);
	close(peer);
	end();
}

/* ---- failures ---- */

static void fails_alike(struct ipc_ctx *context, struct ipc_message *m, int code) {
	struct ipc_message before = m != NULL ? *m : (struct ipc_message){0};
	CHECK_CODE(ipc_write(context, m), code);
	CHECK_EQUAL(ipc_write_take(context, m), code);
	CHECK(strlen(ipc_last_error()) > 0);
	if (m == NULL) return;
	CHECK(m->payload == before.payload && m->length == before.length && m->fd == before.fd);
	CHECK(m->type == before.type && m->user_type == before.user_type);
}

TEST(failures_are_those_of_ipc_write_and_leave_the_message_as_it_was) {
	int origin, number;
	struct ipc_ctx empty = {0};
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	struct ipc_message m = own_message(origin, 'f', 5000), small = own_message(origin, 'f', 10), wrong;
	char *payload = pattern(5000, 5000 + 'f');
	for (int i = 0; i < 2; i++) {
		struct ipc_message *which = i ? &m : &small;
		fails_alike(&ctx, NULL, IPC_ERROR_WRITE__NO_MESSAGE_PARAM);
		fails_alike(NULL, NULL, IPC_ERROR_WRITE__NO_MESSAGE_PARAM);
		fails_alike(NULL, which, IPC_ERROR_WRITE__FD_NOT_FOUND);
		fails_alike(&empty, which, IPC_ERROR_WRITE__FD_NOT_FOUND);
		wrong = *which, wrong.fd = 777;
		fails_alike(&ctx, &wrong, IPC_ERROR_WRITE__FD_NOT_FOUND);
		wrong.fd = -1;
		fails_alike(&ctx, &wrong, IPC_ERROR_WRITE__FD_NOT_FOUND);
		wrong = *which, wrong.length = LARGEST + 1;
		fails_alike(&ctx, &wrong, IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH);
		wrong.length = UINT32_MAX, wrong.payload = NULL;
		fails_alike(&ctx, &wrong, IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH);
		fails_alike(NULL, &wrong, IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH);
		wrong.length = 1;
		fails_alike(&ctx, &wrong, IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS);
		fails_alike(NULL, &wrong, IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS);
		CHECK_OK(ipc_ctx_queue_limit(&ctx, 5));
		fails_alike(&ctx, which, IPC_ERROR_WRITE__QUEUE_FULL);
		CHECK_OK(ipc_ctx_queue_limit(&ctx, 64 << 20));
	}
	CHECK(empty.size == 0 && empty.cinfos == NULL);
	CHECK(memcmp(m.payload, payload, 5000) == 0);
	/* And an entry that was closed. */
	number = origin;
	CHECK_OK(ipc_close(&ctx, 1));
	fails_alike(&ctx, &m, IPC_ERROR_WRITE__FD_NOT_FOUND);
	CHECK_EQUAL(m.fd, number);
	CHECK(memcmp(m.payload, payload, 5000) == 0);
	free(m.payload), free(small.payload), free(payload);
	close(peer);
	end();
}

/* ---- the text ---- */

static void *fail_elsewhere(void *first) {
	CHECK_EQUAL(strlen(ipc_last_error()), 0);
	CHECK_EQUAL(ipc_write_take(NULL, NULL), IPC_ERROR_WRITE__NO_MESSAGE_PARAM);
	CHECK(ipc_last_error() != first && strlen(ipc_last_error()) > 0);
	return NULL;
}
TEST(the_text_of_the_last_error_is_the_threads_own_and_stays_until_its_next_failure) {
	pthread_t other;
	char text[512];
	CHECK(ipc_last_error() != NULL && ipc_last_error()[0] == 0);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(ipc_ctx_quiet(&ctx, 1), IPC_ERROR_CTX_QUIET__EVENT_TYPE);
	strcpy(text, ipc_last_error());
	CHECK(strlen(text) > 0);
	CHECK_EQUAL(pthread_create(&other, NULL, fail_elsewhere, (void *)ipc_last_error()), 0);
	pthread_join(other, NULL);
	CHECK_EQUAL(ipc_ctx_quiet(&ctx, 0), 0);
	batch(ROOM, 1);
	CHECK(strcmp(ipc_last_error(), text) == 0);
	end();
}
