/*
 * batches.c - ipc_wait_events: the same events in the same order as single calls give, with any room; timers; what ends a batch; and what
 * the array holds.
 */
#include "batches.h"

#include <sys/time.h>

TEST(missing_arguments_are_named_and_the_count_becomes_0) {
	int timer = 0;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < 5; i++) {
		count = 77;
		enum ipc_error_code code = ipc_wait_events(i == 0 ? NULL : &ctx, i == 1 ? NULL : events,
		    i == 2       ? 0
			: i == 4 ? SIZE_MAX
				 : ROOM,
		    i == 3 ? NULL : &count, &timer);
		CHECK_EQUAL(code, IPC_ERROR_CTX_ENTRY__NO_PARAM);
		CHECK(strlen(ipc_last_error()) > 0);
		CHECK_EQUAL(count, i == 3 ? 77 : 0);
		CHECK_EQUAL(timer, 0);
	}
	/* The timer may be missing. */
	int peer = raw_connect("pong");
	CHECK_EQUAL(ipc_wait_events(&ctx, events, ROOM, &count, NULL), 0);
	CHECK_EQUAL(count, 1);
	check_event(0, IPC_EVENT_TYPE_CONNECTION, -1);
	close(peer);
	end();
}

/* ---- batches and single calls ---- */

static char story[4096];
static int peers[6], numbers[6], known;

static void tell(const struct ipc_event *e, const char *reason) {
	char line[200];
	const struct ipc_message *m = e->m;
	int who = known - 1;
	if (e->type == IPC_EVENT_TYPE_CONNECTION) {
		who = known;
		numbers[known++] = e->origin;
	}
	/* The youngest one of this number. */
	while (who >= 0 && numbers[who] != e->origin) who--;
	snprintf(line, sizeof line, "%s %d at %u %c%u%s\n", name_of_type(e->type), who, e->index, m != NULL ? m->user_type : '-',
	    m != NULL ? m->length : 0, reason);
	strncat(story, line, sizeof story - strlen(story) - 1);
}

/* All events that are there, by single calls (room 0) or by batches. */
static void tell_all(size_t room) {
	do {
		int timer = 0;
		count = 1;
		if (room == 0) {
			struct ipc_error e = ipc_wait_event(&ctx, &event, &timer);
			CHECK_EQUAL(e.error_code, 0);
			if (event.type == IPC_EVENT_TYPE_TIMER) return;
			tell(&event, e.error_message[0] != 0 ? " with a reason" : "");
			continue;
		}
		CHECK_EQUAL(ipc_wait_events(&ctx, events, room, &count, &timer), 0);
		check_batch(0, room);
		for (size_t i = 0; i < count && events[0].type != IPC_EVENT_TYPE_TIMER; i++)
			tell(&events[i], events[i].type == IPC_EVENT_TYPE_ERROR ? " with a reason" : "");
	} while (events[0].type != IPC_EVENT_TYPE_TIMER);
}

/* Few turns: the poller is asked once, and so everything about the order is certain. */
static void play(size_t room) {
	story[0] = 0, known = 0;
	events[0].type = IPC_EVENT_TYPE_NOT_SET;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < 6; i++) peers[i] = raw_connect("pong");
	tell_all(room);
	CHECK_EQUAL(known, 6);
	for (int i = 0; i < 3; i++) queue(&ctx, numbers[i], 'q', "queued", 6);
	tell_all(room);
	char frames[3 * 7];
	for (int i = 0; i < 3; i++) put_header(frames + 7 * i, 2, 1, (char)('a' + i)), frames[7 * i + 6] = 'x';
	write_bytes(peers[0], frames, sizeof frames);
	write_frame(peers[1], 'm', "message", 7);
	write_bytes(peers[2], frames, 10);
	close(peers[3]);
	write_frame(peers[4], 'n', "", 0);
	close(peers[4]);
	put_header(frames, 2, 0x7fffffff, 'z');
	write_bytes(peers[5], frames, 6);
	tell_all(room);
	for (int i = 0; i < 3; i++) close(peers[i]);
	tell_all(room);
	close(peers[5]);
	end();
	unlink(address_of("pong").sun_path);
}

TEST(batches_of_any_room_give_what_single_calls_give_in_their_order) {
	char wanted[sizeof story];
	play(0);
	strcpy(wanted, story);
	static const size_t rooms[] = {1, 2, 3, 4, 5, 7, 12, 64, ROOM};
	for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
		play(rooms[i]);
		if (strcmp(story, wanted) != 0) FAIL("room %zu:\n%s\nsingle calls:\n%s", rooms[i], story, wanted);
	}
}

/* More than one receive brings, from two peers: each one's order holds, and neither starves the other. */
TEST(a_thousand_messages_of_each_peer_come_in_their_order) {
	enum { EACH = 20000 };
	int origins[2], ends[2], next_of[2] = {0}, sent[2] = {0};
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < 2; i++) {
		ends[i] = join(&ctx, &event, "pong", &origins[i]);
		fcntl(ends[i], F_SETFL, O_NONBLOCK);
	}
	while (next_of[0] < EACH || next_of[1] < EACH) {
		for (int i = 0; i < 2; i++) {
			char frame[10];
			put_header(frame, 2, 4, 'n');
			for (; sent[i] < EACH; sent[i]++) {
				memcpy(frame + 6, &sent[i], 4);
				if (send(ends[i], frame, sizeof frame, MSG_NOSIGNAL) < 0) break;
			}
		}
		CHECK_EQUAL(batch_code(ROOM), 0);
		for (size_t i = 0; i < count && events[0].type != IPC_EVENT_TYPE_TIMER; i++) {
			check_event(i, IPC_EVENT_TYPE_MESSAGE, -1);
			int who = events[i].origin == origins[1];
			check_message_event(&events[i], origins[who], 'n', &next_of[who], 4);
			next_of[who]++;
			if (next_of[!who] < EACH) CHECK(next_of[who] - next_of[!who] < 2 * ROOM);
		}
	}
	for (int i = 0; i < 2; i++) close(ends[i]);
	end();
}

/* ---- what ends a batch ---- */

TEST(an_error_with_a_reason_is_the_last_of_its_batch) {
	int origins[3], ends[3];
	char bad[6];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	for (int i = 0; i < 3; i++) ends[i] = join(&ctx, &event, "pong", &origins[i]);
	put_header(bad, 2, 0x7fffffff, 'z');
	write_frame(ends[0], 'a', "one", 3);
	write_bytes(ends[1], bad, 6);
	write_frame(ends[2], 'c', "two", 3);
	CHECK_EQUAL(ipc_wait_events(NULL, NULL, 0, NULL, NULL), IPC_ERROR_CTX_ENTRY__NO_PARAM);
	char former[512];
	strcpy(former, ipc_last_error());
	batch(ROOM, 2);
	check_event(0, IPC_EVENT_TYPE_MESSAGE, origins[0]);
	check_event(1, IPC_EVENT_TYPE_ERROR, origins[1]);
	CHECK(strlen(ipc_last_error()) > 0 && strcmp(ipc_last_error(), former) != 0);
	batch(ROOM, 1);
	check_event(0, IPC_EVENT_TYPE_MESSAGE, origins[2]);
	nothing_more();
	for (int i = 0; i < 3; i++) close(ends[i]);
	end();
}

TEST(the_end_of_a_pair_is_the_last_of_its_batch_with_code_4_and_nothing_is_closed) {
	int near[2], far[2], origin;
	make_switched(&ctx, near, far, 2);
	int peer = join(&ctx, &event, "pong", &origin);
	write_frame(peer, 'm', "one", 3);
	close(far[0]);
	int messages = 0, told = 0;
	while (told == 0) {
		enum ipc_error_code code = batch_code(ROOM);
		messages += events[0].type == IPC_EVENT_TYPE_MESSAGE;
		told = events[count - 1].type == IPC_EVENT_TYPE_DISCONNECTION;
		CHECK_EQUAL(code, told ? IPC_ERROR_CLOSED_RECIPIENT : 0);
	}
	check_event(count - 1, IPC_EVENT_TYPE_DISCONNECTION, near[0]);
	CHECK(strlen(ipc_last_error()) > 0);
	if (messages == 0) batch(ROOM, 1), check_event(0, IPC_EVENT_TYPE_MESSAGE, origin);
	CHECK(is_open(near[0]) && is_open(near[1]));
	nothing_more();
	close(near[0]), close(near[1]), close(far[1]), close(peer);
	end();
}

/* A regular file is always ready, and told once a batch; others are told beside it. */
TEST(a_file_that_is_always_ready_does_not_fill_a_batch) {
	char path[200];
	int files[2], origin, pipes[2];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	CHECK_EQUAL(pipe2(pipes, O_CLOEXEC), 0);
	write_bytes(peer, "", 0);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/file%d", run_directory, i);
		files[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		CHECK_OK(ipc_add_fd(&ctx, files[i]));
	}
	CHECK_OK(ipc_add_fd(&ctx, pipes[0]));
	CHECK_EQUAL(write(pipes[1], "x", 1), 1);
	for (int round = 0; round < 50; round++) {
		int told[4] = {0}, all = 0;
		write_frame(peer, 'm', &round, sizeof round);
		for (int i = 0; i < 12 && all != 15; i++) { /* 12 turns without a question to the kernel */
			int in_this[4] = {0};
			CHECK_EQUAL(batch_code(ROOM), 0);
			CHECK(count <= 4);
			for (size_t k = 0; k < count; k++) {
				int fd = events[k].origin, who = fd == files[0] ? 0 : fd == files[1] ? 1 : fd == pipes[0] ? 2 : 3;
				check_event(k, who < 3 ? IPC_EVENT_TYPE_EXTRA_SOCKET : IPC_EVENT_TYPE_MESSAGE, who < 3 ? fd : origin);
				CHECK_EQUAL(in_this[who]++, 0);
				told[who]++;
				all |= 1 << who;
			}
		}
		if (all != 15) FAIL("told %d %d %d %d times", told[0], told[1], told[2], told[3]);
		CHECK_EQUAL(told[3], 1);
	}
	close(peer);
	for (int i = 0; i < 2; i++) CHECK_OK(ipc_del_fd(&ctx, files[i])), close(files[i]);
	CHECK_OK(ipc_del_fd(&ctx, pipes[0])), close(pipes[0]), close(pipes[1]);
	end();
}

/* ---- the array ---- */

TEST(messages_that_the_array_still_holds_are_freed_as_far_as_the_room_goes) {
	int origin;
	char *payload = pattern(70000, 1);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int peer = join(&ctx, &event, "pong", &origin);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 6; i++) write_frame(peer, (char)('a' + i), payload, i == 3 ? 70000 : (uint32_t)i);
		for (size_t have = 0; have < 6; have += count) {
			CHECK_EQUAL(batch_code(6), 0);
			if (events[0].type == IPC_EVENT_TYPE_TIMER) count = 0;
			for (size_t i = 0; i < count; i++)
				check_message_event(
				    &events[i], origin, (char)('a' + have + i), payload, have + i == 3 ? 70000 : (uint32_t)(have + i));
		}
	}
	/* What lies behind the room stays the program's. One that it has taken, or replaced, is no fault. */
	for (int i = 0; i < 3; i++) write_frame(peer, 'd', "data", 4);
	batch(3, 3);
	struct ipc_message *kept = events[2].m, *taken = events[1].m;
	events[1].m = NULL;
	free(((struct ipc_message *)events[0].m)->payload);
	((struct ipc_message *)events[0].m)->payload = strdup("another");
	batch(2, 1);
	CHECK(events[2].m == kept && memcmp(kept->payload, "data", 4) == 0);
	free(taken->payload), free(taken);
	free(payload);
	close(peer);
	end();
}
