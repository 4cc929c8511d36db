/*
 * threads.c - every call works in a thread with a stack of 128 KB, the largest messages included (fault 27:
 * the old library took 2 MB of stack for each read and each write), and contexts do not disturb each other.
 */
#include "threads.h"

#include <utils.h>

#define LARGEST IPC_MAX_MESSAGE_SIZE

/* ---- a service and a client, each in a small thread, with the largest messages ---- */

struct talk {
	char name[16];
	pthread_barrier_t ready;
	int rounds;
};

static void meet_thread(struct talk *talk) { pthread_barrier_wait(&talk->ready); }

static void *echo_service(void *argument) {
	struct talk *talk = argument;
	struct ipc_ctx ctx = {0};
	struct ipc_event event = {0};
	CHECK_OK(ipc_server_init(&ctx, talk->name));
	meet_thread(talk);
	do {
		CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
		CHECK(event.type != IPC_EVENT_TYPE_ERROR);
		if (event.type == IPC_EVENT_TYPE_MESSAGE) CHECK_OK(ipc_write(&ctx, event.m));
	} while (event.type != IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(ctx.tx.size, 0);
	finish(&ctx, &event);
	return NULL;
}

static void *talking_client(void *argument) {
	struct talk *talk = argument;
	struct ipc_ctx ctx = {0};
	struct ipc_event event = {0};
	struct ipc_message got = {0};
	int fd = -1;
	meet_thread(talk);
	CHECK_OK(ipc_connection(&ctx, talk->name, &fd));
	for (int i = 0; i < talk->rounds; i++) {
		uint32_t size = LARGEST - 1000 * (uint32_t)(i / 6);
		char *payload = pattern(size, (unsigned)i);
		struct ipc_message m = message_of(fd, (char)i, payload, size);
		if (i & 1) {
			CHECK_OK(ipc_write(&ctx, &m));
			next(&ctx, &event, IPC_EVENT_TYPE_TX);
		} else {
			CHECK_OK(ipc_write_fd(fd, &m));
		}
		if (i % 3 == 0) next_message(&ctx, &event, fd, (char)i, payload, size);
		if (i % 3 == 1) CHECK_OK(ipc_read(&ctx, 0, &got));
		if (i % 3 == 2) CHECK_OK(ipc_read_fd(fd, &got));
		if (i % 3 != 0) CHECK(got.length == size && memcmp(got.payload, payload, size) == 0);
		free(payload);
	}
	free(got.payload);
	finish(&ctx, &event);
	return NULL;
}

static void pairs_talk(int pairs, int rounds) {
	struct talk talks[8];
	pthread_t threads[16];
	for (int i = 0; i < pairs; i++) {
		snprintf(talks[i].name, sizeof talks[i].name, "pong%d", i);
		talks[i].rounds = rounds;
		CHECK_EQUAL(pthread_barrier_init(&talks[i].ready, NULL, 2), 0);
		threads[2 * i] = start_thread(echo_service, &talks[i]);
		threads[2 * i + 1] = start_thread(talking_client, &talks[i]);
	}
	for (int i = 0; i < 2 * pairs; i++) CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < pairs; i++) pthread_barrier_destroy(&talks[i].ready);
}

TEST(fault_27_reading_and_writing_took_2_megabytes_of_stack) { pairs_talk(1, 12); }
TEST(different_contexts_in_different_threads_at_once) { pairs_talk(8, 6); }

/* ---- every other call ---- */

static struct ipc_ctx ctx;
static struct ipc_event event;
static struct ipc_message message;
static char *payload;
static int fd, ends[2];

STEP make_and_free_a_context(void) {
	struct ipc_ctx *made = NULL;
	CHECK_OK(ipc_ctx_init(&made));
	CHECK_OK(ipc_ctx_new_alloc(made));
	CHECK_EQUAL(made->size, 1);
	made->pollfd[0].fd = ends[0];
	made->cinfos[0].type = IPC_CONNECTION_TYPE_EXTERNAL;
	ipc_ctx_print(made);
	CHECK_OK(ipc_ctx_queue_limit(made, 1000));
	ipc_ctx_free(made);
	free(made);
}

STEP add_and_delete_entries(void) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_EXTERNAL};
	struct pollfd pollfd = {.fd = ends[0], .events = POLLIN};
	CHECK_OK(ipc_add(&ctx, &info, &pollfd));
	CHECK_OK(ipc_del(&ctx, 0));
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, ends[0], IPC_CONNECTION_TYPE_IPC), 0);
	CHECK_OK(ipc_del_fd(&ctx, ends[0]));
	CHECK_EQUAL(ctx.size, 0);
}

STEP accept_by_hand(void) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	fd = raw_connect("pong");
	CHECK_OK(ipc_accept_add(&event, &ctx, 0));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_CONNECTION);
}

STEP write_by_hand(void) {
	queue(&ctx, event.origin, 'h', "by hand", 7);
	CHECK_OK(handle_writing_message(&event, &ctx, 1));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TX);
	read_frame(fd, 'h', "by hand", 7);
	nothing_to_tell(&ctx, &event);
}

STEP throw_out_a_bad_peer(void) {
	write_bytes(fd, "\2\377\377\377\377x", 6);
	next(&ctx, &event, IPC_EVENT_TYPE_ERROR);
	close(fd);
	CHECK_OK(ipc_close(&ctx, 0));
	CHECK_OK(ipc_del(&ctx, 0));
	finish(&ctx, &event);
}

STEP find_a_path(void) {
	char path[PATH_MAX], directory[PATH_MAX];
	CHECK_OK(service_path(path, "pong"));
	CHECK_EQUAL(dirname_(path, directory), 0);
	CHECK(strcmp(directory, run_directory) == 0);
}

STEP make_directories(void) {
	char path[128];
	struct stat status;
	snprintf(path, sizeof path, "%s/a/b", run_directory);
	CHECK_OK(mkdir_p_(path));
	CHECK(exists_(path, &status) && is_directory_(&status) && is_writable_(&status));
	snprintf(path, sizeof path, "%s/c/d/e", run_directory);
	CHECK_OK(directory_setup_(path));
	snprintf(path, sizeof path, "%s/c/d", run_directory);
	CHECK(exists_(path, &status));
}

STEP open_sockets_step_by_step(void) {
	int listening = -1, client = -1, accepted = -1;
	struct sockaddr_un address = address_of("steps");
	CHECK_OK(usock_init(&listening, address.sun_path));
	CHECK_OK(usock_connect(&client, address.sun_path));
	CHECK_OK(usock_accept(listening, &accepted));
	CHECK_OK(usock_send(client, "\2\0\0\0\1ax", 7, NULL));
	char *frame = NULL;
	size_t size = 0;
	CHECK_OK(usock_recv(accepted, &frame, &size));
	CHECK(size == 7 && memcmp(frame, "\2\0\0\0\1ax", 7) == 0);
	free(frame);
	CHECK_OK(usock_close(client));
	CHECK_OK(usock_close(accepted));
	CHECK_OK(usock_close(listening));
	CHECK_OK(usock_remove(address.sun_path));
}

STEP pass_a_descriptor(void) {
	CHECK_OK(ipc_provide_fd(ends[0], 0));
	CHECK_OK(ipc_receive_fd(ends[1], &fd));
	close(fd);
	CHECK_OK(ipc_contact_ipcd(&fd, "pong"));
	CHECK_EQUAL(fd, 0);
}

STEP fail_to_connect(void) {
	CHECK_CODE(ipc_connection(&ctx, "nobody", NULL), IPC_ERROR_USOCK_CONNECT__CONNECT);
	CHECK_CODE(ipc_connection_switched(&ctx, "nobody", 0, NULL), IPC_ERROR_USOCK_CONNECT__CONNECT);
	finish(&ctx, &event);
}

STEP encode_and_decode(void) {
	char *frame = NULL;
	size_t size = 0;
	CHECK_OK(ipc_message_format_data(&message, 'm', payload, LARGEST));
	CHECK_OK(ipc_message_format_write(&message, &frame, &size));
	CHECK_EQUAL(size, FRAME_SIZE(LARGEST));
	CHECK_OK(ipc_message_format_read(&message, frame, size));
	CHECK(message.length == LARGEST && memcmp(message.payload, payload, LARGEST) == 0);
	CHECK_EQUAL(ipc_message_raw_serialize(frame, 2, 'm', payload, LARGEST), FRAME_SIZE(LARGEST));
	free(frame);
}

STEP keep_a_list(void) {
	struct ipc_messages list = {0};
	CHECK_OK(ipc_messages_add(&list, &message));
	CHECK_OK(ipc_messages_add(&list, &message));
	char *removed = list.messages[0].payload;
	CHECK_OK(ipc_messages_del(&list, 0));
	free(removed);
	ipc_messages_free(&list);
	ipc_message_copy(&message, 3, 2, 'c', payload, LARGEST);
	CHECK(message.length == LARGEST && memcmp(message.payload, payload, LARGEST) == 0);
}

STEP print_and_empty(void) {
	char text[BUFSIZ];
	CHECK_OK(ipc_message_format_data(&message, 'p', payload, 5000));
	ipc_message_print(&message);
	print_hexa("threads", (uint8_t *)payload, 5000);
	error_message_format(text, "tag", "%*d", BUFSIZ / 2, 7);
	CHECK(strlen(text) > BUFSIZ / 2 && ipc_errors_get(IPC_ERROR_POLLER) != NULL);
	CHECK_OK(ipc_message_empty(&message));
	CHECK_OK(ipc_message_format_server_close(&message));
}

TEST(every_call_about_contexts_in_a_small_thread) {
	make_pair(ends);
	IN_A_SMALL_THREAD(
	    make_and_free_a_context, add_and_delete_entries, accept_by_hand, write_by_hand, throw_out_a_bad_peer, fail_to_connect);
	close(ends[0]);
	close(ends[1]);
}

TEST(every_call_about_files_and_sockets_in_a_small_thread) {
	make_pair(ends);
	IN_A_SMALL_THREAD(find_a_path, make_directories, open_sockets_step_by_step, pass_a_descriptor);
	close(ends[0]);
	close(ends[1]);
}

TEST(every_call_about_messages_in_a_small_thread) {
	payload = pattern(LARGEST, 27);
	IN_A_SMALL_THREAD(encode_and_decode, keep_a_list, print_and_empty);
	free(payload);
}
