/*
 * loop_descriptor.c - ipc_ctx_fd: the descriptor is readable exactly when ipc_wait_event with timer 0 would give something. Watched by
 * poll(2), select(2), and level- and edge-triggered epoll(7).
 */
#include "loops.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>

TEST(it_is_silent_while_there_is_nothing) {
	int fd = loop_descriptor();
	settle(fd);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	settle(fd);
	CHECK_EQUAL(ipc_ctx_fd(&ctx), fd);
	end();
}

TEST(it_stays_when_the_last_entry_goes) {
	int ends[2], fd;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	fd = loop_descriptor();
	for (int i = 0; i < 3; i++) {
		CHECK_OK(ipc_add_fd(&ctx, ends[0]));
		settle(fd);
		write_bytes(ends[1], "x", 1);
		next_by(fd, IPC_EVENT_TYPE_EXTRA_SOCKET);
		CHECK_EQUAL(read_bytes(ends[0], (char[1]){0}, 1), 1);
		settle(fd);
		CHECK_OK(ipc_del_fd(&ctx, ends[0]));
		CHECK_EQUAL(ctx.size, 0);
		CHECK_EQUAL(ipc_ctx_fd(&ctx), fd);
		CHECK(!becomes_readable(fd, 0));
	}
	end();
	CHECK(fcntl(fd, F_GETFD) < 0);
	close(ends[0]), close(ends[1]);
}

TEST(every_kind_of_event_makes_it_readable) {
	int fd, origin, timer = 0;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	fd = loop_descriptor();
	int peer = raw_connect("pong");
	next_by(fd, IPC_EVENT_TYPE_CONNECTION);
	origin = event.origin;
	settle(fd);
	write_frame(peer, 'a', "one", 3);
	next_by(fd, IPC_EVENT_TYPE_MESSAGE);
	settle(fd);
	/* A write goes at once, and is told. */
	queue(&ctx, origin, 'b', "two", 3);
	read_frame(peer, 'b', "two", 3);
	next_by(fd, IPC_EVENT_TYPE_TX);
	settle(fd);
	/* Two frames in one piece: the second one is in the library. */
	char frames[18];
	for (int i = 0; i < 2; i++) put_header(frames + 9 * i, 2, 3, 'c'), memcpy(frames + 9 * i + 6, "abc", 3);
	write_bytes(peer, frames, sizeof frames);
	next_by(fd, IPC_EVENT_TYPE_MESSAGE);
	CHECK(becomes_readable(fd, 0));
	CHECK_EQUAL(look(), IPC_EVENT_TYPE_MESSAGE);
	settle(fd);
	/* Half a frame is no event, but is taken. */
	write_bytes(peer, frames, 5);
	CHECK(becomes_readable(fd, -1));
	CHECK_EQUAL(look(), IPC_EVENT_TYPE_TIMER);
	settle(fd);
	close(peer);
	next_by(fd, IPC_EVENT_TYPE_DISCONNECTION);
	settle(fd);
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
	end();
}

/* What does not fit stays; when the peer reads there is room, and TX comes. */
TEST(back_pressure_ends_through_the_descriptor) {
	enum { SIZE = 400000 };
	char *payload = pattern(SIZE, 3);
	int fd, origin, sent = 0;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	fd = loop_descriptor();
	for (int i = 0; i < 5; i++) queue(&ctx, origin, 'm', payload, SIZE);
	while (becomes_readable(fd, 0)) sent += look() == IPC_EVENT_TYPE_TX;
	CHECK(sent < 5);
	for (int i = 0; i < 5; i++) {
		pid_t reader = fork();
		if (reader == 0) {
			read_frame(peer, 'm', payload, SIZE);
			_exit(0);
		}
		int status;
		while (waitpid(reader, &status, WNOHANG) == 0)
			if (becomes_readable(fd, 20)) sent += look() == IPC_EVENT_TYPE_TX;
		CHECK_EQUAL(status, 0);
	}
	while (sent < 5) {
		next_by(fd, IPC_EVENT_TYPE_TX);
		sent++;
	}
	settle(fd);
	close(peer);
	next_by(fd, IPC_EVENT_TYPE_DISCONNECTION);
	free(payload);
	end();
}

/* A server without a free descriptor tries again by itself. */
TEST(a_starved_server_comes_back) {
	struct rlimit limit, low;
	int fd;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	fd = loop_descriptor();
	int peer = raw_connect("pong");
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	low = limit;
	low.rlim_cur = (rlim_t)peer + 1;
	CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
	int spare = dup(0);
	CHECK(spare < 0);
	CHECK(becomes_readable(fd, -1));
	while (becomes_readable(fd, 0)) CHECK_EQUAL(look(), IPC_EVENT_TYPE_TIMER);
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	/* valgrind accepts first, and closes the client when that is over the limit. */
	if (recv(peer, &(char){0}, 1, MSG_DONTWAIT) == 0) close(peer), peer = raw_connect("pong");
	next_by(fd, IPC_EVENT_TYPE_CONNECTION);
	close(peer);
	next_by(fd, IPC_EVENT_TYPE_DISCONNECTION);
	end();
}

TEST(select_sees_it_too) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int fd = loop_descriptor(), peer = raw_connect("pong");
	fd_set set;
	FD_ZERO(&set);
	FD_SET(fd, &set);
	CHECK_EQUAL(select(fd + 1, &set, NULL, NULL, NULL), 1);
	CHECK_EQUAL(look(), IPC_EVENT_TYPE_CONNECTION);
	close(peer);
	next_by(fd, IPC_EVENT_TYPE_DISCONNECTION);
	end();
}

static int received, sent;

static void *client(void *name) {
	struct ipc_ctx own = {0};
	struct ipc_event answer = {0};
	struct ipc_message message = {0};
	int fd, done = 0, under_way = 0, begun = 0;
	CHECK_OK(ipc_connection(&own, name, &fd));
	while (done < 3000) {
		while (under_way < 64 && begun < 3000) {
			CHECK_OK(ipc_message_format_data(&message, 'q', (char *)&begun, sizeof begun));
			message.fd = fd;
			CHECK_OK(ipc_write(&own, &message));
			begun++, under_way++;
		}
		CHECK_OK(ipc_wait_event(&own, &answer, NULL));
		if (answer.type != IPC_EVENT_TYPE_MESSAGE) continue;
		CHECK(memcmp(((struct ipc_message *)answer.m)->payload, &done, sizeof done) == 0);
		done++, under_way--;
	}
	ipc_message_empty(&message);
	IPC_EVENT_CLEAN(&answer);
	CHECK_OK(ipc_close_all(&own));
	ipc_ctx_free(&own);
	return NULL;
}

static int answer_event(int *left) {
	if (event.type == IPC_EVENT_TYPE_MESSAGE) {
		received++;
		CHECK_OK(ipc_write(&ctx, event.m));
	}
	if (event.type == IPC_EVENT_TYPE_TX) sent++;
	if (event.type == IPC_EVENT_TYPE_DISCONNECTION) *left -= 1;
	return event.type != IPC_EVENT_TYPE_TIMER;
}

/* Serves two clients with 64 messages under way; their threads are in the same process. */
static void serve(uint32_t events, int drains) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int fd = loop_descriptor(), left = 2, set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event wanted = {.events = events}, got;
	pthread_t clients[2];
	CHECK(epoll_ctl(set, EPOLL_CTL_ADD, fd, &wanted) == 0);
	for (int i = 0; i < 2; i++) CHECK_EQUAL(pthread_create(&clients[i], NULL, client, "pong"), 0);
	while (left > 0) {
		CHECK_EQUAL(epoll_wait(set, &got, 1, -1), 1);
		do look();
		while (answer_event(&left) && drains);
	}
	for (int i = 0; i < 2; i++) pthread_join(clients[i], NULL);
	CHECK_EQUAL(received, 6000);
	CHECK_EQUAL(sent, 6000);
	settle(fd);
	close(set);
	end();
}
TEST(a_level_triggered_loop_that_takes_one_event_a_turn) { serve(EPOLLIN, 0); }
TEST(a_level_triggered_loop_that_drains) { serve(EPOLLIN, 1); }
TEST(an_edge_triggered_loop_that_drains) { serve(EPOLLIN | EPOLLET, 1); }

/* ---- what the next wait ends ---- */

/* The number of a peer that has left is closed by the wait that follows its batch: the loop is asked to come again. */
TEST(the_end_of_a_peer_in_a_batch_is_closed_without_another_event) {
	struct ipc_event batch[8] = {0};
	size_t count;
	int timer = 0, fd;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", NULL);
	fd = loop_descriptor();
	CHECK(shutdown(peer, SHUT_WR) == 0);
	do {
		CHECK(becomes_readable(fd, -1));
		CHECK_EQUAL(ipc_wait_events(&ctx, batch, 8, &count, &timer), IPC_ERROR_NONE);
	} while (batch[0].type == IPC_EVENT_TYPE_TIMER);
	CHECK_EQUAL(batch[0].type, IPC_EVENT_TYPE_DISCONNECTION);
	CHECK(becomes_readable(fd, 0));
	CHECK_EQUAL(look(), IPC_EVENT_TYPE_TIMER);
	CHECK_EQUAL(read_bytes(peer, batch, 1), 0);
	settle(fd);
	close(peer);
	end();
}

/* Likewise a descriptor that came with a message, and that the program has not taken. */
TEST(a_descriptor_that_nobody_takes_is_closed_without_another_event) {
	char frame[FRAME_SIZE(1)] = "";
	int ends[2], origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin), fd = loop_descriptor();
	CHECK_EQUAL(ipc_ctx_accept_fds(&ctx, origin, 1), IPC_ERROR_NONE);
	CHECK(pipe(ends) == 0);
	put_header(frame, MSG_TYPE_DATA, 1, 'd');
	send_with(peer, frame, sizeof frame, ends[1], 1);
	close(ends[1]);
	next_by(fd, IPC_EVENT_TYPE_MESSAGE);
	CHECK(becomes_readable(fd, 0));
	CHECK_EQUAL(look(), IPC_EVENT_TYPE_TIMER);
	CHECK_EQUAL(read(ends[0], frame, 1), 0);
	settle(fd);
	close(ends[0]), close(peer);
	next_by(fd, IPC_EVENT_TYPE_DISCONNECTION);
	end();
}

TEST(without_a_context_there_is_none) {
	CHECK_EQUAL(ipc_ctx_fd(NULL), -1);
	CHECK(strlen(ipc_last_error()) > 0);
}
