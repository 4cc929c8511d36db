/*
 * keeping.c - a thread keeps the connection of its last event until it waits on that context again, releases it, or ends:
 * meanwhile other threads are given the events of all other connections, and none of this one.
 *
 * That something is not told is shown without any time: a pipe that is always readable is told to the other thread, in
 * turn with whatever else is ready, so often that all the rest would have had its turn.
 */
#include "holding.h"

enum { TURNS = 40, ROUNDS = 20 };

static struct ipc_ctx ctx;
static struct ipc_event event;
static int busy[2];

/* Handlers that stay away: each is given one event, tells that it has it, and does as `leaving` says when it may. */
enum leaving { WAITS_AGAIN, RELEASES, RETURNS, EXITS };

struct handler {
	pthread_t thread;
	enum leaving leaving;
	struct signal has_it, may_leave, has_left;
	struct ipc_event event; /* of the first wait, then of the second one */
};

static void *handle_and_leave(void *argument) {
	struct handler *handler = argument;
	CHECK_OK(ipc_wait_event(&ctx, &handler->event, NULL));
	give(&handler->has_it);
	await(&handler->may_leave, 1);
	if (handler->leaving == RELEASES) CHECK_OK(ipc_ctx_release(&ctx));
	if (handler->leaving == WAITS_AGAIN) CHECK_OK(ipc_wait_event(&ctx, &handler->event, NULL));
	if (handler->leaving == EXITS) pthread_exit(NULL);
	give(&handler->has_left);
	if (handler->leaving == RELEASES) await(&handler->may_leave, 2);
	return NULL;
}

/* A handler in another thread has an event of this type and descriptor; nobody else waits. */
static void hand_over(struct handler *handler, enum leaving leaving, enum ipc_event_type type, int origin) {
	*handler = (struct handler){.leaving = leaving, .has_it = SIGNAL, .may_leave = SIGNAL, .has_left = SIGNAL};
	handler->thread = begin(handle_and_leave, handler);
	await(&handler->has_it, 1);
	CHECK_EQUAL(handler->event.type, type);
	CHECK_EQUAL(handler->event.origin, origin);
}

static void let_leave(struct handler *handler) { give(&handler->may_leave); }

static void end_handler(struct handler *handler) {
	if (handler->leaving == RELEASES) give(&handler->may_leave);
	end(handler->thread);
	IPC_EVENT_CLEAN(&handler->event);
}

/* The pipe is told again and again, and nothing else; then this thread holds nothing. */
static void only_the_pipe_is_told(void) {
	CHECK_OK(ipc_add_fd(&ctx, busy[0]));
	for (int i = 0; i < TURNS; i++) {
		next(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
		CHECK_EQUAL(event.origin, busy[0]);
	}
	CHECK_OK(ipc_del_fd(&ctx, busy[0]));
	CHECK_OK(ipc_ctx_release(&ctx));
}

static void start_service(int *peers, int *origins, int number) {
	CHECK_EQUAL(pipe2(busy, O_CLOEXEC), 0);
	CHECK_EQUAL(write(busy[1], "x", 1), 1);
	CHECK_OK(ipc_server_init(&ctx, "keep"));
	for (int i = 0; i < number; i++) peers[i] = join(&ctx, &event, "keep", &origins[i]);
	CHECK_OK(ipc_ctx_release(&ctx));
}

static void end_service(int *peers, int number) {
	for (int i = 0; i < number; i++) close(peers[i]);
	finish(&ctx, &event);
	close(busy[0]);
	close(busy[1]);
}

TEST(a_handler_that_does_not_come_back_stops_nobody_else) {
	struct handler handler;
	int peers[3], origins[3];
	start_service(peers, origins, 3);
	write_frame(peers[0], '1', "first", 5);
	hand_over(&handler, WAITS_AGAIN, IPC_EVENT_TYPE_MESSAGE, origins[0]);
	write_frame(peers[0], '2', "second", 6);
	for (int i = 0; i < 200; i++) {
		int other = 1 + i % 2;
		write_frame(peers[other], 'q', &i, sizeof i);
		next_message(&ctx, &event, origins[other], 'q', &i, sizeof i);
		CHECK_OK(ipc_write(&ctx, event.m));
		next(&ctx, &event, IPC_EVENT_TYPE_TX);
		CHECK_EQUAL(event.origin, origins[other]);
		read_frame(peers[other], 'q', &i, sizeof i);
	}
	int joined, late = join(&ctx, &event, "keep", &joined);
	only_the_pipe_is_told();
	let_leave(&handler); /* what it waits for now has been there for long */
	await(&handler.has_left, 1);
	check_message_event(&handler.event, origins[0], '2', "second", 6);
	end_handler(&handler);
	close(late);
	end_service(peers, 3);
}

/* What the handler kept is told when it has let go: to a thread that has been asleep in its wait for long, to one that was
 * told of other things meanwhile, or to one that comes later. */
static void passes_on(enum leaving leaving) {
	int peer, origin;
	start_service(&peer, &origin, 1);
	for (int i = 0; i < ROUNDS; i++) {
		struct handler handler;
		struct wait waiting;
		write_frame(peer, '1', "first", 5);
		hand_over(&handler, leaving, IPC_EVENT_TYPE_MESSAGE, origin);
		if (i % 3 == 0) {
			begin_wait(&waiting, &ctx, -1);
			until_asleep(&waiting, 1);
		}
		write_frame(peer, '2', "second", 6);
		if (i % 3 == 0) until_asleep(&waiting, 1);
		if (i % 3 == 1) only_the_pipe_is_told();
		let_leave(&handler);
		if (leaving == RELEASES) await(&handler.has_left, 1); /* it does not end before the message has come */
		if (i % 3 != 0) begin_wait(&waiting, &ctx, -1);
		end_wait(&waiting, 0, IPC_EVENT_TYPE_MESSAGE, origin);
		end_handler(&handler);
	}
	end_service(&peer, 1);
}

TEST(a_thread_that_releases_passes_the_connection_on) { passes_on(RELEASES); }
TEST(a_thread_that_returns_passes_the_connection_on) { passes_on(RETURNS); }
TEST(a_thread_that_exits_passes_the_connection_on) { passes_on(EXITS); }

TEST(a_wait_on_another_context_keeps_the_connection) {
	struct ipc_ctx other = {0};
	struct handler handler;
	int peers[2], origins[2];
	start_service(peers, origins, 2);
	write_frame(peers[0], '1', "first", 5);
	next(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
	for (int i = 0; i < 2; i++) {
		struct ipc_event elsewhere = {0};
		if (i == 1) CHECK_OK(ipc_add_fd(&other, busy[0]));
		int timer = 0;
		CHECK_OK(ipc_wait_event(&other, &elsewhere, &timer));
		CHECK_EQUAL(elsewhere.type, i == 0 ? IPC_EVENT_TYPE_TIMER : IPC_EVENT_TYPE_EXTRA_SOCKET);
	}
	CHECK_OK(ipc_ctx_release(&other));
	write_frame(peers[0], '2', "second", 6);
	/* it comes to this thread, which waits after the other one has been given what comes after it */
	write_frame(peers[1], 'o', "other", 5);
	hand_over(&handler, RELEASES, IPC_EVENT_TYPE_MESSAGE, origins[1]);
	next_message(&ctx, &event, origins[0], '2', "second", 6);
	let_leave(&handler);
	end_handler(&handler);
	ipc_ctx_free(&other);
	end_service(peers, 2);
}

/* That a peer has left is an event like the others. */
TEST(a_disconnection_waits_for_the_handler_as_well) {
	struct handler handler;
	struct wait waiting;
	int peers[2], origins[2];
	start_service(peers, origins, 2);
	write_frame(peers[0], '1', "first", 5);
	hand_over(&handler, RELEASES, IPC_EVENT_TYPE_MESSAGE, origins[0]);
	close(peers[0]);
	only_the_pipe_is_told();
	CHECK(is_open(origins[0]));
	begin_wait(&waiting, &ctx, -1);
	until_asleep(&waiting, 1);
	let_leave(&handler);
	end_wait(&waiting, 0, IPC_EVENT_TYPE_DISCONNECTION, origins[0]);
	end_handler(&handler);
	end_service(peers + 1, 1);
}

/* What is written to a kept connection goes to the peer at once; that it went is told later. */
TEST(a_message_to_a_kept_connection_is_sent_and_told_afterwards) {
	struct handler handler;
	struct wait waiting;
	int peer, origin;
	start_service(&peer, &origin, 1);
	write_frame(peer, '1', "first", 5);
	hand_over(&handler, RELEASES, IPC_EVENT_TYPE_MESSAGE, origin);
	begin_wait(&waiting, &ctx, -1);
	until_asleep(&waiting, 1);
	queue(&ctx, origin, 'a', "answer", 6);
	read_frame(peer, 'a', "answer", 6);
	until_asleep(&waiting, 1);
	let_leave(&handler);
	end_wait(&waiting, 0, IPC_EVENT_TYPE_TX, origin);
	end_handler(&handler);
	end_service(&peer, 1);
}

/* "both ends of a switched pair" */
TEST(both_ends_of_a_pair_are_kept) {
	struct handler handler;
	int near[2], far[2], peer, origin;
	start_service(&peer, &origin, 1);
	add_switched(&ctx, near, far, 2);
	ipc_ctx_switching_add(&ctx, near[0], near[1]);
	for (int from = 0; from < 2; from++) {
		write_frame(far[from], 's', "there", 5);
		hand_over(&handler, RELEASES, IPC_EVENT_TYPE_SWITCH, near[from]);
		write_frame(far[!from], 'b', "back", 4);
		only_the_pipe_is_told();
		let_leave(&handler);
		await(&handler.has_left, 1);
		/* the former message was sent meanwhile or is sent now; the latter one is heard */
		int told = 0;
		while (told != 7) {
			CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
			int is_sent = event.type == IPC_EVENT_TYPE_TX;
			CHECK(is_sent || event.type == IPC_EVENT_TYPE_SWITCH);
			CHECK(is_sent || event.origin == near[!from]);
			told |= !is_sent ? 1 : event.origin == near[!from] ? 2 : 4;
		}
		read_frame(far[!from], 's', "there", 5);
		read_frame(far[from], 'b', "back", 4);
		CHECK_OK(ipc_ctx_release(&ctx));
		end_handler(&handler);
	}
	for (int i = 0; i < 2; i++) CHECK_OK(ipc_close_fd(&ctx, near[i]));
	for (int i = 0; i < 2; i++) close(far[i]);
	end_service(&peer, 1);
}

/* A handler of a disconnection still cleans up what it keeps under this number when the next clients come: none of them is
 * told of under that number meanwhile. */
TEST(a_number_that_comes_again_waits_for_the_handler_of_its_disconnection) {
	enum { LATER = 6 };
	struct handler handler;
	struct connection *held;
	int peers[2], origins[2], later[LATER];
	start_service(peers, origins, 2);
	close(peers[0]);
	hand_over(&handler, RELEASES, IPC_EVENT_TYPE_DISCONNECTION, origins[0]);
	take_hold(origins[0]);
	for (int i = 0; i < LATER; i++) { /* out of the way: the low numbers are for the service's ends */
		int low = raw_connect("keep");
		later[i] = fcntl(low, F_DUPFD_CLOEXEC, 300);
		close(low);
	}
	CHECK_OK(ipc_add_fd(&ctx, busy[0]));
	for (int i = 0; i < TURNS; i++) {
		CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
		held = take_hold(event.origin);
		let_go(&held);
	}
	CHECK_OK(ipc_del_fd(&ctx, busy[0]));
	CHECK_OK(ipc_ctx_release(&ctx));
	held = &connections[origins[0]];
	let_go(&held);
	let_leave(&handler);
	end_handler(&handler);
	/* and all of them are heard */
	for (int i = 0; i < LATER; i++) write_frame(later[i], 'n', "new", 3);
	for (int heard = 0; heard < LATER; heard += event.type == IPC_EVENT_TYPE_MESSAGE) CHECK_OK(ipc_wait_event(&ctx, &event, NULL));
	for (int i = 0; i < LATER; i++) close(later[i]);
	end_service(peers + 1, 1);
}
