/*
 * batches_numbers.c - the number of a connection that ended in a batch is not used again before the next call, whatever the program does
 * with the batch meanwhile; and calls in the middle of a batch, in callbacks of switched pairs.
 */
#include "batches.h"

#include <pthread.h>

enum { PEERS = 6 };

static int peers[PEERS], origins[PEERS];

static void start_peers(void) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < PEERS; i++) peers[i] = join(&ctx, &event, "pong", &origins[i]);
}

/* The program opens whatever it can: none of these numbers is the connection's. */
static void open_all_kinds(int number) {
	int opened[6], client, origin;
	opened[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	opened[1] = dup(0);
	CHECK_EQUAL(pipe2(opened + 2, O_CLOEXEC), 0);
	opened[4] = raw_connect("pong");
	CHECK_OK(ipc_connection(&ctx, "pong", &client));
	opened[5] = client;
	(void)origin;
	for (int i = 0; i < 6; i++) CHECK(opened[i] >= 0 && opened[i] != number);
	CHECK_OK(ipc_close_fd(&ctx, client));
	for (int i = 0; i < 5; i++) close(opened[i]);
	/* A reply to the connection finds nobody. */
	struct ipc_message m = message_of(number, 'r', "reply", 5);
	CHECK_CODE(ipc_write(&ctx, &m), IPC_ERROR_WRITE__FD_NOT_FOUND);
	CHECK_EQUAL(ipc_write_take(&ctx, &m), IPC_ERROR_WRITE__FD_NOT_FOUND);
}

static void ends_in_batches_of(size_t room) {
	start_peers();
	for (int i = 0; i < PEERS; i++) close(peers[i]);
	for (size_t ended = 0; ended < PEERS;) {
		CHECK_EQUAL(batch_code(room), 0);
		for (size_t i = 0; i < count; i++) {
			int number = events[i].origin;
			if (events[i].type == IPC_EVENT_TYPE_CONNECTION) continue;
			if (events[i].type == IPC_EVENT_TYPE_TIMER) continue;
			if (events[i].type == IPC_EVENT_TYPE_DISCONNECTION && ended < PEERS) {
				ended++;
				open_all_kinds(number);
				if (i + 1 == count) break;
			}
		}
	}
	clean_events();
	end();
	unlink(address_of("pong").sun_path);
}

TEST(the_program_gets_no_number_that_ended_in_its_batch) { ends_in_batches_of(ROOM); }
TEST(nor_in_a_batch_of_two) { ends_in_batches_of(2); }
TEST(nor_in_a_batch_of_one) { ends_in_batches_of(1); }

/* Clients that come in the same batch get other numbers. */
TEST(a_client_that_is_accepted_in_the_batch_gets_another_number) {
	int late[3];
	start_peers();
	write_frame(peers[1], 'm', "before", 6);
	for (int i = 0; i < 3; i++) close(peers[i]);
	for (int i = 0; i < 3; i++) late[i] = raw_connect("pong");
	int ended[PEERS], gone = 0, connected = 0;
	while (gone < 3 || connected < 3) {
		CHECK_EQUAL(batch_code(ROOM), 0);
		int first = gone;
		for (size_t i = 0; i < count; i++) {
			if (events[i].type == IPC_EVENT_TYPE_DISCONNECTION) ended[gone++] = events[i].origin;
			if (events[i].type != IPC_EVENT_TYPE_CONNECTION) continue;
			connected++;
			for (int k = first; k < gone; k++) CHECK(events[i].origin != ended[k]);
		}
	}
	for (int i = 0; i < 3; i++) close(peers[3 + i]), close(late[i]);
	end();
}

TEST(what_ended_is_closed_by_the_next_wait_a_release_a_close_or_a_free) {
	for (int way = 0; way < 6; way++) {
		start_peers();
		int server = ctx.pollfd[0].fd;
		for (int i = 0; i < PEERS; i++) close(peers[i]);
		batch(ROOM, PEERS);
		for (int i = 0; i < PEERS; i++) check_event((size_t)i, IPC_EVENT_TYPE_DISCONNECTION, -1);
		if (way == 0) nothing_more();
		if (way == 1) CHECK_OK(ipc_ctx_release(&ctx));
		if (way == 2) nothing_to_tell(&ctx, &event);
		if (way == 3) CHECK_OK(ipc_close_all(&ctx));
		if (way == 4) ipc_ctx_free(&ctx);
		if (way == 5) in_a_child(end); /* the parent's are its own */
		for (int i = 0; i < PEERS; i++) CHECK_EQUAL(is_open(origins[i]), way == 5);
		if (way == 4) close(server);
		end();
		unlink(address_of("pong").sun_path);
	}
}

/* Also when it was the last entry, with which all else is freed. */
TEST(the_number_of_the_last_entry_is_not_used_again_either) {
	for (size_t room = 1; room < 4; room++) {
		int client, peer = join_raw(&ctx, "pong", &client), other;
		write_frame(peer, 'm', "last", 4);
		close(peer);
		if (room == 1) batch(room, 1), check_event(0, IPC_EVENT_TYPE_MESSAGE, client);
		do CHECK_EQUAL(batch_code(room), 0);
		while (events[count - 1].type != IPC_EVENT_TYPE_DISCONNECTION);
		CHECK_EQUAL(ctx.size, 0);
		/* Another connection of the same context, with which the program goes on. */
		unlink(address_of("pong").sun_path);
		peer = join_raw(&ctx, "pong", &other);
		CHECK(other != client && peer != client);
		close(peer);
		batch(room, 1);
		check_event(0, IPC_EVENT_TYPE_DISCONNECTION, other);
		CHECK(!is_open(client));
		CHECK(is_open(other));
		if (room == 1) CHECK_OK(ipc_ctx_release(&ctx));
		if (room == 2) nothing_more();
		if (room == 3) ipc_ctx_free(&ctx);
		CHECK(!is_open(other));
		CHECK(ctx.cinfos == NULL && ctx.pollfd == NULL);
		clean_events();
		unlink(address_of("pong").sun_path);
	}
}

/* A daemon that starts closes every descriptor that it does not know; the numbers are then its own. */
TEST(numbers_that_the_program_has_closed_and_opened_itself_stay_open) {
	int files[PEERS];
	start_peers();
	for (int i = 0; i < PEERS; i++) close(peers[i]);
	batch(ROOM, PEERS);
	for (int i = 0; i < PEERS; i++) {
		int file = i % 2 ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : open("/dev/null", O_RDONLY | O_CLOEXEC);
		CHECK_EQUAL(dup3(file, origins[i], O_CLOEXEC), origins[i]);
		close(file);
		files[i] = origins[i];
	}
	nothing_more();
	for (int i = 0; i < PEERS; i++) {
		CHECK(is_open(files[i]));
		close(files[i]);
	}
	end();
}

/* ---- a callback that waits, in the middle of a batch ---- */

static int near[2], far[2], depth;
static size_t inner_room;

/* What it is told of: one connection, which is then its own no more. */
static enum ipccb wait_in_callback(int fd, struct ipc_message *m, short int *more) {
	struct ipc_event inner[4] = {{0}};
	size_t inner_count = 0;
	char byte;
	int timer = 0;
	(void)more;
	CHECK_EQUAL(recv(fd, &byte, 1, MSG_DONTWAIT), 1);
	if (depth++ == 0 && inner_room == 0) CHECK_OK(ipc_wait_event(&ctx, &inner[0], &timer));
	else if (depth == 1) CHECK_EQUAL(ipc_wait_events(&ctx, inner, inner_room, &inner_count, &timer), 0);
	for (int i = 0; i < 4; i++) IPC_EVENT_CLEAN(&inner[i]);
	*m = message_of(fd, byte, strdup("abc"), 3);
	return IPC_CB_NO_ERROR;
}

static void *hear_the_rest(void *wanted) {
	struct ipc_event own = {0};
	for (int heard = 0; heard < *(int *)wanted;) {
		CHECK_OK(ipc_wait_event(&ctx, &own, NULL));
		heard += own.type == IPC_EVENT_TYPE_MESSAGE;
	}
	CHECK_OK(ipc_ctx_release(&ctx));
	IPC_EVENT_CLEAN(&own);
	return NULL;
}

/* Afterwards this thread has a claim on no connection: another thread hears all of them. */
TEST(a_callback_that_waits_leaves_no_claim_and_no_descriptor_behind) {
	for (inner_room = 0; inner_room < 4; inner_room++) {
		start_peers();
		add_switched(&ctx, near, far, 2);
		ipc_ctx_switching_add(&ctx, near[0], near[1]);
		ipc_switching_callbacks(&ctx, near[0], wait_in_callback, NULL);
		nothing_more();
		depth = 0;
		write_bytes(far[0], "x", 1);
		for (int i = 0; i < 3; i++) write_frame(peers[i], 'm', "one", 3);
		for (int i = 3; i < PEERS; i++) close(peers[i]);
		do CHECK_EQUAL(batch_code(ROOM), 0);
		while (events[0].type != IPC_EVENT_TYPE_TIMER);
		CHECK_EQUAL(depth, 1);
		for (int i = 3; i < PEERS; i++) CHECK(!is_open(origins[i]));
		for (int i = 0; i < 3; i++) write_frame(peers[i], 'm', "two", 3);
		pthread_t other;
		int wanted = 3;
		CHECK_EQUAL(pthread_create(&other, NULL, hear_the_rest, &wanted), 0);
		CHECK_EQUAL(pthread_join(other, NULL), 0);
		for (int i = 0; i < 3; i++) close(peers[i]);
		for (int i = 0; i < 2; i++) close(far[i]), close(near[i]);
		end();
		unlink(address_of("pong").sun_path);
	}
}

/* ---- all claims of a batch end together ---- */

static void *hear_and_stay(void *wanted) {
	int timer = 0;
	size_t number = 0;
	struct ipc_event *own = calloc(PEERS, sizeof *own);
	CHECK_EQUAL(ipc_wait_events(&ctx, own, PEERS, &number, &timer), 0);
	CHECK_EQUAL(number, *(size_t *)wanted);
	for (size_t i = 0; i < number; i++) IPC_EVENT_CLEAN(&own[i]);
	free(own);
	return NULL;
}

TEST(a_batch_claims_all_its_connections_until_the_thread_releases_or_ends) {
	size_t none = 1, all = PEERS;
	pthread_t other;
	start_peers();
	CHECK_OK(ipc_ctx_release(&ctx));
	for (int i = 0; i < PEERS; i++) write_frame(peers[i], 'a', "one", 3);
	batch(ROOM, PEERS);
	for (int i = 0; i < PEERS; i++) write_frame(peers[i], 'b', "two", 3);
	/* For the other thread there is a timer alone. */
	CHECK_EQUAL(pthread_create(&other, NULL, hear_and_stay, &none), 0);
	pthread_join(other, NULL);
	CHECK_OK(ipc_ctx_release(&ctx));
	/* It takes all, and ends: its claims end, too. */
	CHECK_EQUAL(pthread_create(&other, NULL, hear_and_stay, &all), 0);
	pthread_join(other, NULL);
	for (int i = 0; i < PEERS; i++) write_frame(peers[i], 'c', "three", 5);
	batch(ROOM, PEERS);
	for (int i = 0; i < PEERS; i++) check_message_event(&events[i], -1, 'c', "three", 5);
	for (int i = 0; i < PEERS; i++) close(peers[i]);
	end();
}
