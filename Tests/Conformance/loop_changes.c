/*
 * loop_changes.c - ipc_ctx_fd, and what happens to a context beside its loop: other threads, children, numbers that the program closes,
 * batches, events that are left out.
 */
#include "loops.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>

static int origin_of_peer;

static void *write_some(void *unused) {
	for (int i = 0; i < 2000; i++) queue(&ctx, origin_of_peer, 't', &i, sizeof i);
	return unused;
}

TEST(an_edge_triggered_loop_is_told_what_another_thread_has_sent) {
	int told = 0, fd, set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event wanted = {.events = EPOLLIN | EPOLLET}, got;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin_of_peer);
	fd = loop_descriptor();
	CHECK(epoll_ctl(set, EPOLL_CTL_ADD, fd, &wanted) == 0);
	pthread_t writer;
	CHECK_EQUAL(pthread_create(&writer, NULL, write_some, NULL), 0);
	for (int next_frame = 0; told < 2000;) {
		CHECK_EQUAL(epoll_wait(set, &got, 1, -1), 1);
		while (look() != IPC_EVENT_TYPE_TIMER) {
			CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TX);
			told++;
			read_frame(peer, 't', &next_frame, sizeof next_frame);
			next_frame++;
		}
	}
	pthread_join(writer, NULL);
	close(set);
	close(peer);
	end();
}

/* The program has closed a number whose copy lives on: the library replaces its epoll set, and the descriptor stays. */
TEST(the_descriptor_survives_a_new_epoll_set) {
	int ends[2], fd;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	fd = loop_descriptor();
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	int copy = dup(ends[0]);
	close(ends[0]);
	CHECK_OK(ipc_del_fd(&ctx, ends[0]));
	write_bytes(ends[1], "x", 1);
	settle(fd);
	int peer = raw_connect("pong");
	next_by(fd, IPC_EVENT_TYPE_CONNECTION);
	CHECK_EQUAL(ipc_ctx_fd(&ctx), fd);
	settle(fd);
	close(peer), close(copy), close(ends[1]);
	next_by(fd, IPC_EVENT_TYPE_DISCONNECTION);
	end();
}

/* A child leaves its parent's descriptor alone, and gets another one. */
TEST(a_child_asks_again) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int fd = loop_descriptor(), peer = raw_connect("pong"), status;
	next_by(fd, IPC_EVENT_TYPE_CONNECTION);
	settle(fd);
	pid_t child = fork();
	if (child == 0) {
		int own = ipc_ctx_fd(&ctx);
		CHECK(own >= 0);
		write_frame(peer, 'x', "1", 1);
		next_by(own, IPC_EVENT_TYPE_MESSAGE);
		ipc_ctx_free(&ctx);
		_exit(0);
	}
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	CHECK_EQUAL(status, 0);
	settle(fd);
	write_frame(peer, 'x', "2", 1);
	next_by(fd, IPC_EVENT_TYPE_MESSAGE);
	close(peer);
	next_by(fd, IPC_EVENT_TYPE_DISCONNECTION);
	end();
}

/* Nothing tells a loop of a type that the program changes in place. The next waits see it, also where the timer of the loop has caused
 * them: a server that lacks a descriptor is tried again. */
TEST(a_type_that_changes_in_place_is_seen_by_a_wait_that_the_timer_has_caused) {
	struct rlimit limit, low;
	int ends[2];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	make_pair(ends);
	CHECK_OK(ipc_add_fd_switched(&ctx, ends[0]));
	int fd = loop_descriptor();
	write_frame(ends[1], 'm', "message", 7);
	next_code(&ctx, &event, IPC_EVENT_TYPE_ERROR, IPC_ERROR_FD_SWITCHING__NO_FD_RECORD);
	int peer = raw_connect("pong");
	CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = (struct rlimit){3, limit.rlim_max};
	CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &low), 0);
	CHECK_EQUAL(look(), IPC_EVENT_TYPE_TIMER);
	CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK(becomes_readable(fd, -1));
	/* valgrind accepts first, and closes the client when that is over the limit. */
	if (recv(peer, &(char){0}, 1, MSG_DONTWAIT) == 0) close(peer), peer = raw_connect("pong");
	ctx.cinfos[1].type = IPC_CONNECTION_TYPE_IPC;
	/* The timer may have been that of the server, or an earlier one: so one comes first, or the other. Of the message nothing tells. */
	for (int left = 2; left > 0;) {
		if (look() == IPC_EVENT_TYPE_TIMER) continue;
		if (event.type == IPC_EVENT_TYPE_MESSAGE) check_message_event(&event, ends[0], 'm', "message", 7);
		else CHECK_EQUAL(event.type, IPC_EVENT_TYPE_CONNECTION);
		left--;
	}
	close(peer), close(ends[1]);
	end();
}

/* ---- what the program does to the library's descriptors ---- */

/* A daemon closes every descriptor that it does not know, and opens files of its own. The next wait goes on as if nothing were. */
static void closes_what_it_does_not_know(int keeps_an_entry) {
	int origin = -1, peer = -1, server = -1, opened[8];
	char was_open[100];
	for (int number = 0; number < 100; number++) was_open[number] = (char)is_open(number);
	if (keeps_an_entry) {
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		server = ctx.pollfd[0].fd;
		peer = join(&ctx, &event, "pong", &origin);
	}
	int fd = loop_descriptor();
	for (int number = 0; number < 100; number++)
		if (!was_open[number] && number != origin && number != peer && number != server) close(number);
	for (int i = 0; i < 8; i += 2) make_pair(opened + i);
	for (int i = 0; i < 3; i++) CHECK_EQUAL(look(), IPC_EVENT_TYPE_TIMER);
	if (keeps_an_entry) {
		queue(&ctx, origin, 'q', "queued", 6);
		write_frame(peer, 'm', "message", 7);
		next(&ctx, &event, IPC_EVENT_TYPE_TX);
		next_message(&ctx, &event, origin, 'm', "message", 7);
		read_frame(peer, 'q', "queued", 6);
	}
	/* Nothing was written to the program's files, and none of them was closed. */
	for (int i = 0; i < 8; i++) CHECK(is_open(opened[i]) && !is_readable(opened[i]));
	fd = ipc_ctx_fd(&ctx);
	CHECK(fd >= 0);
	settle(fd);
	if (keeps_an_entry) {
		write_frame(peer, 'm', "message", 7);
		next_by(fd, IPC_EVENT_TYPE_MESSAGE);
		close(peer);
	}
	end();
	for (int i = 0; i < 8; i++) CHECK(is_open(opened[i]));
	for (int i = 0; i < 8; i++) close(opened[i]);
}
TEST(a_daemon_that_closes_what_it_does_not_know_gets_another_one) { closes_what_it_does_not_know(1); }
TEST(a_daemon_with_an_empty_context_does_too) { closes_what_it_does_not_know(0); }

/* Only the epoll set is closed, before there is a descriptor for loops. Its number becomes that of one of the descriptors which the library
 * makes now, of a file of the program's, or of none. */
TEST(the_descriptor_comes_when_the_program_has_closed_the_epoll_set) {
	for (int lower = 0; lower < 5; lower++) {
		int before[3], ends[2], set = -1, opened = -1;
		char was_open[100];
		for (int i = 0; i < 3; i++) before[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		for (int number = 0; number < 100; number++) was_open[number] = (char)is_open(number);
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		for (int number = 0; number < 100; number++)
			if (!was_open[number] && is_open(number) && number != ctx.pollfd[0].fd) set = number;
		if (set >= 0) close(set);
		if (lower == 4) {
			make_pair(ends);
			write_bytes(ends[1], "x", 1);
			opened = ends[0];
		}
		/* So many descriptors get a lower number. */
		for (int i = 0; i < 3 && i < lower; i++) close(before[i]);
		int fd = loop_descriptor();
		settle(fd);
		int peer = raw_connect("pong");
		next_by(fd, IPC_EVENT_TYPE_CONNECTION);
		settle(fd);
		close(peer);
		next_by(fd, IPC_EVENT_TYPE_DISCONNECTION);
		end();
		for (int i = lower; i < 3; i++) close(before[i]);
		if (opened < 0) continue;
		CHECK(is_open(opened) && is_readable(opened));
		close(ends[0]), close(ends[1]);
	}
}

TEST(after_ipc_close_all_and_ipc_ctx_free_there_is_another_one) {
	for (int way = 0; way < 2; way++) {
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		int fd = loop_descriptor();
		CHECK_OK(ipc_close_all(&ctx));
		CHECK(!is_open(fd));
		if (way == 1) ipc_ctx_free(&ctx);
		CHECK_OK(ipc_server_init(&ctx, "ping"));
		fd = ipc_ctx_fd(&ctx);
		settle(fd);
		int peer = raw_connect("ping");
		next_by(fd, IPC_EVENT_TYPE_CONNECTION);
		close(peer);
		next_by(fd, IPC_EVENT_TYPE_DISCONNECTION);
		settle(fd);
		end();
		unlink(address_of("pong").sun_path);
	}
}

TEST(a_context_that_moves_in_memory_keeps_it) {
	struct ipc_ctx moved;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int fd = loop_descriptor(), peer = raw_connect("pong");
	moved = ctx;
	memset(&ctx, 0, sizeof ctx);
	CHECK(becomes_readable(fd, -1));
	CHECK_EQUAL(ipc_ctx_fd(&moved), fd);
	int timer = 0;
	CHECK_OK(ipc_wait_event(&moved, &event, &timer));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_CONNECTION);
	close(peer);
	ctx = moved;
	next_by(fd, IPC_EVENT_TYPE_DISCONNECTION);
	end();
}

/* ---- batches ---- */

/* A level-triggered loop takes one batch a turn, of any room; nothing is left without the descriptor being readable. */
TEST(batches_of_any_room_leave_it_readable_while_there_is_more) {
	struct ipc_event events[16] = {{0}};
	for (int quiet = 0; quiet < 2; quiet++) {
		for (size_t room = 1; room <= 16; room += room < 3 ? 1 : 13) {
			int origins[3], peers[3], heard[3] = {0}, sent = 0, all = 0;
			CHECK_OK(ipc_server_init(&ctx, "pong"));
			int fd = loop_descriptor();
			CHECK_EQUAL(ipc_ctx_quiet(&ctx, quiet ? IPC_QUIET_TX : 0), 0);
			for (int i = 0; i < 3; i++) peers[i] = join(&ctx, &event, "pong", &origins[i]);
			for (int n = 0; n < 60; n++) write_frame(peers[n % 3], 'm', &(int){n / 3}, sizeof n);
			while (all < 60 || sent < (quiet ? 0 : 60)) {
				size_t count;
				int timer = 0;
				CHECK(becomes_readable(fd, -1));
				CHECK_EQUAL(ipc_wait_events(&ctx, events, room, &count, &timer), 0);
				for (size_t i = 0; i < count; i++) {
					sent += events[i].type == IPC_EVENT_TYPE_TX;
					if (events[i].type != IPC_EVENT_TYPE_MESSAGE) continue;
					int who = events[i].origin == origins[1] ? 1 : events[i].origin == origins[2] ? 2 : 0;
					check_message_event(&events[i], origins[who], 'm', &heard[who], sizeof(int));
					heard[who]++, all++;
					CHECK_EQUAL(ipc_write_take(&ctx, events[i].m), 0);
				}
			}
			for (int n = 0; n < 60; n++) read_frame(peers[n % 3], 'm', &(int){n / 3}, sizeof n);
			settle(fd);
			for (int i = 0; i < 3; i++) close(peers[i]);
			for (int i = 0; i < 16; i++) IPC_EVENT_CLEAN(&events[i]);
			end();
			unlink(address_of("pong").sun_path);
		}
	}
}

/* Events that are due when they are left out make it silent. */
TEST(it_is_silent_when_what_was_to_be_told_is_left_out) {
	int origin;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int fd = loop_descriptor(), peer = join(&ctx, &event, "pong", &origin);
	settle(fd);
	for (int i = 0; i < 3; i++) queue(&ctx, origin, 'q', "queued", 6);
	CHECK(becomes_readable(fd, 0));
	CHECK_EQUAL(ipc_ctx_quiet(&ctx, IPC_QUIET_TX), 0);
	CHECK(!becomes_readable(fd, 0));
	CHECK_EQUAL(look(), IPC_EVENT_TYPE_TIMER);
	for (int i = 0; i < 3; i++) read_frame(peer, 'q', "queued", 6);
	close(peer);
	next_by(fd, IPC_EVENT_TYPE_DISCONNECTION);
	end();
}
