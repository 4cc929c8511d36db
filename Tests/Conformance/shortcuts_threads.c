/*
 * shortcuts_threads.c - the short ways through a wait, beside another thread that has the connection in hand, or a call that has claimed
 * it; and with a signal handler in the middle of the wait.
 */
#include "shortcuts.h"
#include "system.h"

#include "sleeping.h"

static void short_write(int fd, char user_type) { queue(&ctx, fd, user_type, "small", 5); }

/* ---- another thread has an event of the connection in hand ---- */

struct holder {
	pthread_t thread;
	atomic_int has_event, may_go_on;
	int next_type, next_origin;
};

static void *hold_a_message(void *argument) {
	struct holder *holder = argument;
	struct ipc_event own = {0};
	int timer = 0;
	next(&ctx, &own, IPC_EVENT_TYPE_MESSAGE);
	CHECK_EQUAL(own.origin, near);
	holder->has_event = 1;
	while (!holder->may_go_on) sched_yield();
	CHECK_OK(ipc_wait_event(&ctx, &own, &timer));
	holder->next_type = (int)own.type;
	holder->next_origin = own.origin;
	IPC_EVENT_CLEAN(&own);
	return NULL;
}

static void begin_holding(struct holder *holder) {
	memset(holder, 0, sizeof *holder);
	CHECK_EQUAL(pthread_create(&holder->thread, NULL, hold_a_message, holder), 0);
	while (!holder->has_event) sched_yield();
}
static void end_holding(struct holder *holder, enum ipc_event_type wanted) {
	holder->may_go_on = 1;
	CHECK_EQUAL(pthread_join(holder->thread, NULL), 0);
	CHECK_EQUAL(holder->next_type, wanted);
	if (wanted != IPC_EVENT_TYPE_TIMER) CHECK_EQUAL(holder->next_origin, near);
}

TEST(a_small_frame_to_a_connection_that_another_thread_has_in_hand_is_sent_and_told_afterwards) {
	for (int place = 0; place < PLACES; place++) {
		struct holder holder;
		open_place(place);
		write_frame(far, 'm', "message", 7);
		begin_holding(&holder);
		short_write(near, 'a');
		nothing_to_tell(&ctx, &event);
		read_frame(far, 'a', "small", 5);
		end_holding(&holder, IPC_EVENT_TYPE_TX);
		nothing_to_tell(&ctx, &event);
		close_place();
	}
}

TEST(messages_of_a_connection_that_another_thread_has_in_hand_are_told_afterwards) {
	for (int place = 0; place < PLACES; place++) {
		for (int together = 0; together < 2; together++) {
			struct holder holder;
			char stream[2 * FRAME_SIZE(7)];
			open_place(place);
			for (int i = 0; i < 2; i++) {
				put_header(stream + i * FRAME_SIZE(7), MSG_TYPE_DATA, 7, 'm');
				memcpy(stream + i * FRAME_SIZE(7) + IPC_HEADER_SIZE, "message", 7);
			}
			write_bytes(far, stream, together ? sizeof stream : sizeof stream / 2);
			begin_holding(&holder);
			if (!together) write_bytes(far, stream, sizeof stream / 2);
			nothing_to_tell(&ctx, &event);
			nothing_to_tell(&ctx, &event);
			end_holding(&holder, IPC_EVENT_TYPE_MESSAGE);
			nothing_to_tell(&ctx, &event);
			close_place();
		}
	}
}

/* ---- a call has claimed one direction ---- */

static void *read_directly(void *sleeper) {
	struct ipc_message m = {0};
	note_thread(sleeper);
	CHECK_OK(ipc_read_fd(near, &m));
	CHECK(m.user_type == 'r' && m.length == 4 && memcmp(m.payload, "read", 4) == 0);
	free(m.payload);
	return NULL;
}

TEST(messages_of_a_connection_that_a_call_reads_are_that_calls_and_the_next_is_told) {
	for (int place = 0; place < PLACES; place++) {
		for (size_t cut = 0; cut < FRAME_SIZE(4); cut++) {
			struct sleeper sleeper = {0};
			pthread_t thread;
			char frame[FRAME_SIZE(4)];
			open_place(place);
			put_header(frame, MSG_TYPE_DATA, 4, 'r');
			memcpy(frame + IPC_HEADER_SIZE, "read", 4);
			if (cut > 0) write_bytes(far, frame, cut);
			CHECK_EQUAL(pthread_create(&thread, NULL, read_directly, &sleeper), 0);
			until_asleep(&sleeper);
			nothing_to_tell(&ctx, &event);
			short_write(near, 'a');
			ready(&ctx, &event, IPC_EVENT_TYPE_TX);
			write_bytes(far, frame + cut, sizeof frame - cut);
			CHECK_EQUAL(pthread_join(thread, NULL), 0);
			write_frame(far, 'n', "next", 4);
			ready_message(&ctx, &event, near, 'n', "next", 4);
			nothing_to_tell(&ctx, &event);
			read_frame(far, 'a', "small", 5);
			close_place();
			if (cut > 0) cut += 2;
		}
	}
}

enum { LARGE = 600000 };
static char *payload;

static void *write_directly(void *sleeper) {
	struct ipc_message m = message_of(near, 'd', payload, LARGE);
	note_thread(sleeper);
	CHECK_OK(ipc_write_fd(near, &m));
	return NULL;
}

TEST(a_small_frame_behind_one_that_a_call_is_writing) {
	payload = pattern(LARGE, 1);
	for (int place = 0; place < PLACES; place++) {
		struct sleeper sleeper = {0};
		pthread_t thread;
		open_place(place);
		CHECK_EQUAL(pthread_create(&thread, NULL, write_directly, &sleeper), 0);
		until_asleep(&sleeper);
		short_write(near, 'a');
		nothing_to_tell(&ctx, &event);
		CHECK_EQUAL(ctx.tx.size, 1);
		read_frame(far, 'd', payload, LARGE);
		CHECK_EQUAL(pthread_join(thread, NULL), 0);
		next(&ctx, &event, IPC_EVENT_TYPE_TX);
		CHECK_EQUAL(event.origin, near);
		read_frame(far, 'a', "small", 5);
		nothing_to_tell(&ctx, &event);
		close_place();
	}
	free(payload);
}

/* ---- a signal handler in the middle of a wait for one connection ---- */

static int is_armed;
int poll(struct pollfd *entries, nfds_t count, int timeout) {
	if (is_armed) {
		is_armed = 0;
		raise(SIGUSR1);
		return errno = EINTR, -1;
	}
	return system_poll(entries, count, timeout);
}

static int ends[2];
static void (*deed)(void);
static void handle(int number) {
	(void)number;
	deed();
}

static void writes(void) { short_write(near, 'h'); }
static void waits(void) {
	struct ipc_event own = {0};
	ready_message(&ctx, &own, near, 'm', "message", 7);
	IPC_EVENT_CLEAN(&own);
}
static void adds(void) { CHECK_OK(ipc_add_fd(&ctx, ends[0])); }
static void closes(void) { CHECK_OK(ipc_close_fd(&ctx, near)); }
static void deletes(void) {
	CHECK_OK(ipc_del_fd(&ctx, near));
	close(near);
}
static void replaces(void) {
	int pair[2];
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	CHECK_OK(ipc_close_fd(&ctx, near));
	close(far);
	make_pair(pair);
	CHECK_EQUAL(pair[0], near < pair[1] ? near : pair[0]);
	near = pair[0], far = pair[1];
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = near}));
}
static void frees(void) {
	ipc_ctx_free(&ctx);
	close(near);
}
static void closes_all(void) { CHECK_OK(ipc_close_all(&ctx)); }

TEST(a_handler_does_something_while_a_wait_for_one_connection_sleeps) {
	void (*const deeds[])(void) = {writes, waits, adds, replaces, closes, deletes, frees, closes_all};
	struct sigaction action = {.sa_handler = handle};
	CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
	for (int i = 0; i < 8; i++) {
		open_place(CLIENT);
		make_pair(ends);
		if (deeds[i] == waits) write_frame(far, 'm', "message", 7);
		deed = deeds[i];
		is_armed = 1;
		CHECK_CODE(ipc_wait_event(&ctx, &event, NULL), IPC_ERROR_WAIT_EVENT__POLL);
		if (deeds[i] == writes) {
			ready(&ctx, &event, IPC_EVENT_TYPE_TX);
			read_frame(far, 'h', "small", 5);
		}
		if (i < 4) {
			write_frame(far, 'l', "later", 5);
			ready_message(&ctx, &event, near, 'l', "later", 5);
		}
		if (deeds[i] == adds) {
			write_bytes(ends[1], "x", 1);
			ready(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
			CHECK_EQUAL(read_bytes(ends[0], &(char){0}, 1), 1);
			CHECK_OK(ipc_del_fd(&ctx, ends[0]));
		}
		nothing_to_tell(&ctx, &event);
		close(ends[0]), close(ends[1]);
		close_place();
	}
}

/* ---- a signal handler in the middle of a call that reads ---- */

static char frame[FRAME_SIZE(4)];
static size_t cut;
static int receives;

/* The call has what came before the cut, and is about to wait for more. */
static void interrupt_the_second(void) {
	if (++receives != 1 + (cut > 0)) return;
	before_receiving = NULL;
	raise(SIGUSR1);
}
static void send_the_rest(void) { write_bytes(far, frame + cut, sizeof frame - cut); }

static void wait_in_the_middle(void) {
	send_the_rest();
	if (cut > 0) return nothing_to_tell(&ctx, &event);
	ready_message(&ctx, &event, near, 'r', "read", 4);
	write_bytes(far, frame, sizeof frame);
}
static void read_in_the_middle(void) {
	struct ipc_message m = {0};
	send_the_rest();
	struct ipc_error e = ipc_read_fd(near, &m);
	CHECK_CODE(e, cut > 0 ? IPC_ERROR_USOCK_RECV : 0);
	if (cut > 0) CHECK(strstr(e.error_message, strerror(EDEADLK)) != NULL);
	else write_bytes(far, frame, sizeof frame);
	free(m.payload);
}

TEST(a_handler_gets_no_rest_of_a_message_that_its_thread_has_a_part_of) {
	void (*const deeds[])(void) = {wait_in_the_middle, read_in_the_middle};
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
	CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
	put_header(frame, MSG_TYPE_DATA, 4, 'r');
	memcpy(frame + IPC_HEADER_SIZE, "read", 4);
	for (int place = 0; place < PLACES; place++) {
		for (int i = 0; i < 4; i++) {
			for (cut = 0; cut < sizeof frame; cut++) {
				struct ipc_message m = {0};
				open_place(place);
				if (cut > 0) write_bytes(far, frame, cut);
				deed = deeds[i % 2];
				receives = 0;
				before_receiving = interrupt_the_second;
				CHECK_OK(i < 2 ? ipc_read_fd(near, &m) : ipc_read(&ctx, place == CLIENT ? 0 : 1, &m));
				CHECK(m.user_type == 'r' && m.length == 4 && memcmp(m.payload, "read", 4) == 0);
				CHECK(before_receiving == NULL);
				write_frame(far, 'n', "next", 4);
				ready_message(&ctx, &event, near, 'n', "next", 4);
				nothing_to_tell(&ctx, &event);
				free(m.payload);
				close_place();
			}
		}
	}
}
