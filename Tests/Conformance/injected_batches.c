/*
 * injected_batches.c - memory, descriptors and system calls fail under ipc_wait_events, ipc_write_take, ipc_ctx_quiet and ipc_ctx_fd:
 * nothing is lost, nothing comes twice, nothing leaks.
 */
#include "injected.h"
#include "system.h"
#include "batches.h"

enum { PEERS = 5, MESSAGES = 4, LARGE = 70000 };

static int peers[PEERS], origins[PEERS];
static char *payload;

static void start_peers(void) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	memset(origins, -1, sizeof origins);
	for (int i = 0; i < PEERS; i++) peers[i] = raw_connect("pong");
}

/* One armed batch; its code is 0 or passing trouble. The time is for what is tried again after a pause. */
static enum ipc_error_code armed_batch(size_t room) {
	int timer = 200;
	count = 777;
	inject_arm(FULL);
	enum ipc_error_code code = ipc_wait_events(&ctx, events, room, &count, &timer);
	inject_arm(OFF);
	check_batch(code, room);
	if (code != 0 && !is_passing((struct ipc_error){.error_code = code})) FAIL("code %d: %s", (int)code, ipc_last_error());
	return code;
}

/* The last one of this number, which comes again when a peer has left. */
static int who_is(int fd) {
	for (int i = PEERS - 1; i >= 0; i--)
		if (origins[i] == fd) return i;
	FAIL("nobody is %d", fd);
}

/* Clients connect, speak, are answered, leave. Everything happens once and in order. */
static long play(size_t room, const char *what, int failure, long nth, long times) {
	int connected = 0, heard[PEERS] = {0}, told = 0, left = 0, waits = 0, failed = 0;
	start_peers();
	inject_clear();
	inject_rule(what, failure, 0, nth, times);
	for (; left < PEERS; waits++) {
		if (waits == 400) FAIL("%s, %ld-th: %d connected, %d told, %d left", what, nth, connected, told, left);
		failed += armed_batch(room) != 0;
		for (size_t i = 0; i < count; i++) {
			const struct ipc_event *e = &events[i];
			switch (e->type) {
			case IPC_EVENT_TYPE_CONNECTION:
				origins[connected] = e->origin;
				for (int k = 0; k < MESSAGES; k++)
					write_frame(peers[connected], (char)k, payload, k == 2 ? LARGE : (uint32_t)k * 2000);
				connected++;
				break;
			case IPC_EVENT_TYPE_MESSAGE: {
				struct ipc_message *m = e->m;
				int who = who_is(e->origin), k = heard[who]++;
				uint32_t length = k == 2 ? LARGE : (uint32_t)k * 2000;
				check_message_event(e, e->origin, (char)k, payload, length);
				inject_arm(FULL);
				enum ipc_error_code code = ipc_write_take(&ctx, m);
				inject_arm(OFF);
				if (code != 0) {
					CHECK(is_passing((struct ipc_error){.error_code = code}));
					CHECK(m->length == length && memcmp(m->payload, payload, length) == 0);
					CHECK_EQUAL(ipc_write_take(&ctx, m), 0);
				}
				break;
			}
			case IPC_EVENT_TYPE_TX: {
				int who = who_is(e->origin);
				told++;
				/* After its last answer was sent the peer reads all, and leaves. */
				static int sent[PEERS];
				if (told == 1) memset(sent, 0, sizeof sent);
				if (++sent[who] < MESSAGES) break;
				for (int k = 0; k < MESSAGES; k++)
					read_frame(peers[who], (char)k, payload, k == 2 ? LARGE : (uint32_t)k * 2000);
				close(peers[who]);
				break;
			}
			case IPC_EVENT_TYPE_DISCONNECTION: left++; break;
			case IPC_EVENT_TYPE_TIMER: break;
			default: FAIL("event %s", name_of_type(e->type));
			}
		}
	}
	CHECK_EQUAL(connected, PEERS);
	CHECK_EQUAL(told, PEERS * MESSAGES);
	for (int i = 0; i < PEERS; i++) CHECK_EQUAL(heard[i], MESSAGES);
	long failures = inject_failures();
	inject_clear();
	end();
	unlink(address_of("pong").sun_path);
	return failures;
}

static void fail_everywhere(const char *what, int failure, long times) {
	begin();
	payload = pattern(LARGE, 9);
	static const size_t rooms[] = {2, ROOM};
	for (int r = 0; r < 2; r++) {
		long nth = 1;
		for (; nth < 300; nth++) {
			long failures = play(rooms[r], what, failure, nth, times);
			/* The same again takes more only if something leaks; musl does not tell. */
			size_t before = memory_in_use();
			play(rooms[r], what, failure, nth, times);
			if (memory_in_use() > before)
				FAIL("%s, %ld-th, room %zu: %zu bytes leak", what, nth, rooms[r], memory_in_use() - before);
			if (failures == 0) break;
		}
		if (nth < 3 && strcmp(what, "watching") != 0) FAIL("%s never failed", what); /* poll(2) watches nothing */
	}
	free(payload);
}

TEST(one_allocation_fails) { fail_everywhere("memory", ENOMEM, 1); }
TEST(ten_allocations_fail) { fail_everywhere("memory", ENOMEM, 10); }
TEST(one_client_cannot_be_accepted) { fail_everywhere("accepting", EMFILE, 1); }
TEST(one_registration_fails) { fail_everywhere("watching", ENOMEM, 1); }
TEST(one_receive_fails) { fail_everywhere("in", ENOMEM, 1); }
TEST(one_send_fails) { fail_everywhere("out", ENOBUFS, 1); }

TEST(receives_and_sends_are_short_and_interrupted_at_random) {
	begin();
	payload = pattern(LARGE, 9);
	for (int round = 0; round < 20; round++) {
		inject_clear();
		size_t room = (size_t)(1 + random() % 20);
		start_peers();
		inject_rule("in", SHORT, 300, 0, 0);
		inject_rule("out", SHORT, 300, 0, 0);
		inject_rule("in", EAGAIN, 100, 0, 0);
		int heard[PEERS] = {0}, all = 0, connected = 0;
		while (all < PEERS * MESSAGES) {
			CHECK_EQUAL(armed_batch(room), 0);
			for (size_t i = 0; i < count; i++) {
				if (events[i].type == IPC_EVENT_TYPE_CONNECTION) {
					origins[connected] = events[i].origin;
					for (int k = 0; k < MESSAGES; k++)
						write_frame(peers[connected], (char)k, payload, (uint32_t)k * 2000);
					connected++;
				}
				if (events[i].type != IPC_EVENT_TYPE_MESSAGE) continue;
				int k = heard[who_is(events[i].origin)]++;
				check_message_event(&events[i], -1, (char)k, payload, (uint32_t)k * 2000);
				all++;
			}
		}
		inject_clear();
		for (int i = 0; i < PEERS; i++) close(peers[i]);
		end();
		unlink(address_of("pong").sun_path);
	}
	free(payload);
}

/* ---- calls that make a context, or a descriptor ---- */

TEST(a_context_cannot_be_made_for_want_of_memory_and_can_later) {
	begin();
	for (long nth = 1; nth < 10; nth++) {
		inject_clear();
		inject_rule("memory", ENOMEM, 0, nth, 1);
		inject_arm(FULL);
		enum ipc_error_code code = ipc_ctx_quiet(&ctx, IPC_QUIET_TX);
		inject_arm(OFF);
		CHECK((code == 0) == (inject_failures() == 0));
		if (code != 0) CHECK(strlen(ipc_last_error()) > 0 && ctx.cinfos == NULL);
		ipc_ctx_free(&ctx);
		if (code == 0) return;
	}
	FAIL("it never succeeds");
}

TEST(the_descriptor_for_loops_fails_whole_and_comes_later) {
	static const char *const whats[] = {"memory", "watching"};
	begin();
	for (int w = 0; w < 2; w++) {
		for (long nth = 1; nth < 12; nth++) {
			int origin, fd;
			CHECK_OK(ipc_server_init(&ctx, "pong"));
			int peer = join(&ctx, &event, "pong", &origin), before = count_descriptors();
			inject_clear();
			inject_rule(whats[w], ENOMEM, 0, nth, 1);
			inject_arm(FULL);
			fd = ipc_ctx_fd(&ctx);
			inject_arm(OFF);
			int failures = (int)inject_failures();
			inject_clear();
			if (fd < 0 && strstr(ipc_last_error(), "poll(2)") != NULL) exit(0); /* there is none with poll(2) */
			CHECK((fd < 0) == (failures > 0));
			/* What a failed call has made is at most the epoll set, which the next wait needs, too. */
			if (fd < 0) CHECK(count_descriptors() <= before + 1 && strlen(ipc_last_error()) > 0);
			write_frame(peer, 'm', "one", 3);
			ready_message(&ctx, &event, origin, 'm', "one", 3);
			CHECK(ipc_ctx_fd(&ctx) >= 0);
			close(peer);
			end();
			unlink(address_of("pong").sun_path);
			if (failures == 0) break;
			CHECK(nth < 11);
		}
	}
}

/* The library replaces its epoll set, because a number was closed while a copy lives on; and the new one cannot be watched at once. */
TEST(a_new_set_comes_behind_the_descriptor_for_loops_though_watching_it_has_failed) {
	begin();
	for (long nth = 1; nth < 12; nth++) {
		int ends[2], origin, fd;
		CHECK_OK(ipc_server_init(&ctx, "pong"));
		int peer = join(&ctx, &event, "pong", &origin);
		fd = ipc_ctx_fd(&ctx);
		if (fd < 0) exit(0); /* there is none with poll(2) */
		make_pair(ends);
		CHECK_OK(ipc_add_fd(&ctx, ends[0]));
		int copy = dup(ends[0]);
		close(ends[0]);
		CHECK_OK(ipc_del_fd(&ctx, ends[0]));
		write_bytes(ends[1], "x", 1);
		inject_clear();
		inject_rule("watching", ENOMEM, 0, nth, 1);
		for (int i = 0; i < 4; i++) {
			int timer = 0;
			struct ipc_error e = ARMED(FULL, ipc_wait_event(&ctx, &event, &timer));
			CHECK(e.error_code == 0 || is_passing(e));
		}
		long failures = inject_failures();
		inject_clear();
		for (int i = 0; i < 10 && is_readable(fd); i++) nothing_to_tell(&ctx, &event);
		CHECK(!is_readable(fd));
		write_frame(peer, 'm', "one", 3);
		CHECK(is_readable(fd));
		ready_message(&ctx, &event, origin, 'm', "one", 3);
		close(peer), close(copy), close(ends[1]);
		end();
		unlink(address_of("pong").sun_path);
		if (failures == 0) return;
	}
	FAIL("it never succeeds");
}
