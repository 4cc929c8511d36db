/*
 * loop_speaker.c - in the loop of a program a wait of 0 ms first tries the connection that sent last, when that was right before. Nobody
 * else waits for long because of that, and nothing is lost when the guess is wrong.
 */
#include "loops.h"

static int fd;

static int join_loop(int *origin) {
	int peer = raw_connect("pong");
	next_by(fd, IPC_EVENT_TYPE_CONNECTION);
	*origin = event.origin;
	return peer;
}

static void start_loop(void) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	fd = loop_descriptor();
}

/* One message comes, and nothing else is there: so the guess is right each time. */
static void speak(int peer, int origin, int times) {
	for (int i = 0; i < times; i++) {
		write_frame(peer, 's', "speak", 5);
		next_by(fd, IPC_EVENT_TYPE_MESSAGE);
		check_message_event(&event, origin, 's', "speak", 5);
	}
}

TEST(others_are_heard_while_one_speaks_all_the_time) {
	int origins[2], peers[2], turns = 0;
	start_loop();
	for (int i = 0; i < 2; i++) peers[i] = join_loop(&origins[i]);
	speak(peers[0], origins[0], 10);
	write_frame(peers[1], 'o', "other", 5);
	do {
		write_frame(peers[0], 's', "speak", 5);
		next_by(fd, IPC_EVENT_TYPE_MESSAGE);
		turns++;
	} while (event.origin == origins[0] && turns < 1000);
	check_message_event(&event, origins[1], 'o', "other", 5);
	CHECK(turns <= 80);
	/* Neither a new client, nor the speaker's messages that are left. */
	int third = raw_connect("pong");
	for (turns = 0; turns < 1000; turns++) {
		write_frame(peers[0], 's', "speak", 5);
		do CHECK(becomes_readable(fd, -1));
		while (look() == IPC_EVENT_TYPE_TIMER);
		if (event.type == IPC_EVENT_TYPE_CONNECTION) break;
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
	}
	CHECK(turns <= 80);
	close(third);
	for (int i = 0; i < 2; i++) close(peers[i]);
	end();
}

TEST(a_wrong_guess_loses_nothing) {
	int origins[2], peers[2];
	start_loop();
	for (int i = 0; i < 2; i++) peers[i] = join_loop(&origins[i]);
	for (int round = 0; round < 20; round++) {
		speak(peers[0], origins[0], 5);
		write_frame(peers[1], 'o', "other", 5);
		next_by(fd, IPC_EVENT_TYPE_MESSAGE);
		check_message_event(&event, origins[1], 'o', "other", 5);
		speak(peers[0], origins[0], round % 4);
		CHECK_EQUAL(look(), IPC_EVENT_TYPE_TIMER);
		settle(fd);
	}
	for (int i = 0; i < 2; i++) close(peers[i]);
	end();
}

TEST(the_speaker_sends_a_part_and_the_rest_later) {
	int origin, peer;
	char bytes[6 + 5];
	start_loop();
	peer = join_loop(&origin);
	put_header(bytes, 2, 5, 's');
	memcpy(bytes + 6, "speak", 5);
	for (size_t part = 1; part < sizeof bytes; part++) {
		speak(peer, origin, 5);
		write_bytes(peer, bytes, part);
		CHECK(becomes_readable(fd, -1));
		CHECK_EQUAL(look(), IPC_EVENT_TYPE_TIMER);
		write_bytes(peer, bytes + part, sizeof bytes - part);
		next_by(fd, IPC_EVENT_TYPE_MESSAGE);
		check_message_event(&event, origin, 's', "speak", 5);
	}
	close(peer);
	end();
}

TEST(the_speaker_leaves) {
	for (int resets = 0; resets < 2; resets++) {
		int origin, peer;
		start_loop();
		peer = join_loop(&origin);
		speak(peer, origin, 5);
		if (resets) queue(&ctx, origin, 'u', "unread", 6); /* bytes that nobody reads: the end is a reset */
		close(peer);
		do next_by(fd, resets && event.type == IPC_EVENT_TYPE_MESSAGE ? IPC_EVENT_TYPE_TX : IPC_EVENT_TYPE_DISCONNECTION);
		while (event.type == IPC_EVENT_TYPE_TX);
		CHECK_EQUAL(event.origin, origin);
		CHECK_EQUAL(ctx.size, 1);
		end();
	}
}

TEST(the_speaker_is_removed_or_changes_its_type) {
	int origin, peer;
	start_loop();
	peer = join_loop(&origin);
	speak(peer, origin, 5);
	CHECK_OK(ipc_del_fd(&ctx, origin));
	write_frame(peer, 'a', "away", 4);
	CHECK_EQUAL(look(), IPC_EVENT_TYPE_TIMER);
	read_frame(origin, 'a', "away", 4);
	CHECK_OK(usock_close(origin));
	close(peer);

	peer = join_loop(&origin);
	speak(peer, origin, 5);
	CHECK_EQUAL(ipc_ctx_fd_type(&ctx, origin, IPC_CONNECTION_TYPE_EXTERNAL), 0);
	write_frame(peer, 'e', "external", 8);
	next_by(fd, IPC_EVENT_TYPE_EXTRA_SOCKET);
	CHECK_EQUAL(event.origin, origin);
	read_frame(origin, 'e', "external", 8);
	close(peer);
	CHECK_OK(ipc_del_fd(&ctx, origin));
	CHECK_OK(usock_close(origin));
	end();
}
