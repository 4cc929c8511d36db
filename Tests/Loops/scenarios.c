/* scenarios.c - what a loop has to carry, with whichever adapter it is linked. */
#include "echo.h"

static int server; /* the client's connection */
static uint32_t begun, done; /* messages */

static void connect_to_service(void (*handler)(struct ipc_event *event)) {
	on_event = handler;
	CHECK_OK(ipc_connection(&ctx, "echo", &server));
}

static void leave(void) {
	CHECK_OK(ipc_close_fd(&ctx, server));
	stop_loop();
}

/* ---- many messages at once ---- */

enum { MANY = 20000 };

static uint32_t size_of(uint32_t number) { return number % 8 == 0 ? 1024 : 16; }

static void refill(uint32_t wanted) {
	for (; begun < wanted && begun - done < WINDOW; begun++) put(server, 'm', begun, size_of(begun));
}

static void take_echo(struct ipc_event *event) {
	if (event->type == IPC_EVENT_TYPE_TX) return;
	CHECK_EQUAL(event->type, IPC_EVENT_TYPE_MESSAGE);
	check(event, done, size_of(done));
	if (++done == MANY) leave();
	else refill(MANY);
}

static void exchange_many(size_t room_of_client) {
	start_service(1, run);
	room = room_of_client;
	connect_to_service(take_echo);
	refill(MANY);
	run();
	CHECK_EQUAL(done, MANY);
	end_both();
}
TEST(messages_in_flight_come_back_once_and_in_order) { exchange_many(64); }
TEST(one_event_for_each_turn_of_the_loop) { exchange_many(1); }

/* ---- large messages ---- */

enum { LARGE = 48, LARGE_AT_ONCE = 16 };

static void refill_large(void) {
	for (; begun < LARGE && begun - done < LARGE_AT_ONCE; begun++) put(server, 'l', begun, LARGEST);
}

static void take_large_echo(struct ipc_event *event) {
	if (event->type == IPC_EVENT_TYPE_TX) {
		sent++;
		return;
	}
	CHECK_EQUAL(event->type, IPC_EVENT_TYPE_MESSAGE);
	check(event, done, LARGEST);
	if (++done < LARGE) return refill_large();
	CHECK_EQUAL(sent, LARGE);
	leave();
}

TEST(large_messages_wait_for_room) {
	size_t entries, waiting;
	start_service(1, run);
	connect_to_service(take_large_echo);
	CHECK(ipc_ctx_fd(&ctx) >= 0);
	refill_large();
	CHECK_OK(ipc_ctx_status(&ctx, &entries, &waiting));
	CHECK(waiting >= LARGE_AT_ONCE - 1);
	run();
	CHECK_EQUAL(done, LARGE);
	end_both();
}

/* ---- peers that come and go ---- */

enum { PEERS = 600, PEERS_AT_ONCE = 24, MESSAGES_OF_PEER = 3, SIZE_OF_PEER = 40000 };
enum manners { STAYS, SHUTS_DOWN, WRITES_AND_GOES, SAYS_NOTHING, BREAKS_OFF, BREAKS_THE_PROTOCOL, MANNERS };

static struct peer {
	enum manners manners;
	uint32_t answers;
} peers[1024]; /* by descriptor */
static int came, present;

static void come(enum manners manners) {
	char header[IPC_HEADER_SIZE];
	int fd;
	if (manners >= SAYS_NOTHING) {
		fd = raw_connect("echo");
		put_header(header, MSG_TYPE_DATA, manners == BREAKS_OFF ? 100 : UINT32_MAX, 'p');
		if (manners != SAYS_NOTHING) write_bytes(fd, header, sizeof header);
		close(fd);
		return;
	}
	CHECK_OK(ipc_connection(&ctx, "echo", &fd));
	for (uint32_t i = 0; i < MESSAGES_OF_PEER; i++) put(fd, 'p', i, SIZE_OF_PEER);
	peers[fd] = (struct peer){manners, 0};
	if (manners == WRITES_AND_GOES) CHECK_OK(ipc_close_fd(&ctx, fd));
	else present++;
}

/* One wave after the other: between two of them the context has no entry. */
static void next_wave(void) {
	while (present == 0 && came < PEERS)
		for (int i = 0; i < PEERS_AT_ONCE; i++, came++) come((enum manners)(came % MANNERS));
	if (present == 0) stop_loop();
}

static void go(void) {
	if (--present > 0) return;
	CHECK_EQUAL(ctx.size, 0);
	next_wave();
}

static void take_answer(struct ipc_event *event) {
	struct peer *peer = &peers[event->origin];
	if (event->type == IPC_EVENT_TYPE_TX) return;
	if (event->type == IPC_EVENT_TYPE_DISCONNECTION) {
		CHECK_EQUAL(peer->manners, SHUTS_DOWN);
		CHECK_EQUAL(peer->answers, MESSAGES_OF_PEER);
		return go();
	}
	CHECK_EQUAL(event->type, IPC_EVENT_TYPE_MESSAGE);
	check(event, peer->answers, SIZE_OF_PEER);
	if (++peer->answers < MESSAGES_OF_PEER) return;
	if (peer->manners == SHUTS_DOWN) {
		CHECK(shutdown(event->origin, SHUT_WR) == 0);
		return;
	}
	CHECK_OK(ipc_close_fd(&ctx, event->origin));
	go();
}

static void serve_passers_by(void) {
	some_do_not_stay = 1;
	run();
}

TEST(peers_come_and_go) {
	start_service(PEERS, serve_passers_by);
	on_event = take_answer;
	CHECK(ipc_ctx_fd(&ctx) >= 0);
	next_wave();
	run();
	CHECK_EQUAL(came, PEERS);
	end_both();
}

/* ---- a timer of the loop's own ---- */

enum { ENOUGH_TICKS = 100 };
static int ticks_of_service;

/* Each answer says how often the service's loop has ticked since its client came. */
static void serve_ticking(struct ipc_event *event) {
	if (event->type == IPC_EVENT_TYPE_CONNECTION) ticks = 0;
	if (event->type == IPC_EVENT_TYPE_MESSAGE)
		((struct ipc_message *)event->m)->user_type = (char)(ticks < ENOUGH_TICKS ? ticks : ENOUGH_TICKS);
	serve(event);
}

static void serve_while_it_ticks(void) {
	on_event = serve_ticking;
	run();
}

static void take_ticking_echo(struct ipc_event *event) {
	if (event->type == IPC_EVENT_TYPE_TX) return;
	CHECK_EQUAL(event->type, IPC_EVENT_TYPE_MESSAGE);
	check(event, done, size_of(done));
	ticks_of_service = ((struct ipc_message *)event->m)->user_type;
	done++;
	if (ticks < ENOUGH_TICKS || ticks_of_service < ENOUGH_TICKS) refill(UINT32_MAX);
	else if (done == begun) leave();
}

/* The traffic ends when both timers have ticked often enough: a loop that is kept from its timer goes on for ever. */
TEST(a_timer_ticks_under_full_traffic) {
	interval = 1;
	start_service(1, serve_while_it_ticks);
	connect_to_service(take_ticking_echo);
	refill(UINT32_MAX);
	run();
	end_both();
}

/* ---- a second thread ---- */

enum { ROUNDS = 300, FLOOD = 3000, ECHOES = 5000 };
static sem_t turn;
static int client_of_service;

/* First each message when the loop sleeps, then many at once. */
static void *write_beside_service(void *unused) {
	for (uint32_t i = 0; i < ROUNDS + FLOOD; i++) {
		if (i < ROUNDS) sem_wait(&turn);
		put(client_of_service, 't', i, 16);
	}
	return unused;
}

static void serve_beside_thread(struct ipc_event *event) {
	if (event->type == IPC_EVENT_TYPE_CONNECTION) client_of_service = event->origin;
	int is_answer = event->type == IPC_EVENT_TYPE_MESSAGE && ((struct ipc_message *)event->m)->user_type == 'a';
	/* What the thread writes is told, too. */
	if (event->type == IPC_EVENT_TYPE_DISCONNECTION) answered += ROUNDS + FLOOD;
	if (event->type == IPC_EVENT_TYPE_CONNECTION || is_answer) sem_post(&turn);
	if (!is_answer) serve(event);
}

static void serve_with_thread(void) {
	pthread_t writer;
	sem_init(&turn, 0, 0);
	on_event = serve_beside_thread;
	CHECK_EQUAL(pthread_create(&writer, NULL, write_beside_service, NULL), 0);
	run();
	pthread_join(writer, NULL);
	sem_destroy(&turn);
}

static pthread_t writer_of_client;
static uint32_t from_thread, of_thread;

static void *write_beside_client(void *unused) {
	for (uint32_t i = 0; i < FLOOD; i++) put(server, 'c', i, 16);
	return unused;
}

static void take_either(struct ipc_event *event) {
	if (event->type == IPC_EVENT_TYPE_TX) return;
	CHECK_EQUAL(event->type, IPC_EVENT_TYPE_MESSAGE);
	char kind = ((struct ipc_message *)event->m)->user_type;
	if (kind == 't') {
		check(event, from_thread, 16);
		if (++from_thread < ROUNDS) put(server, 'a', from_thread, 16);
		if (from_thread == ROUNDS) {
			CHECK_EQUAL(pthread_create(&writer_of_client, NULL, write_beside_client, NULL), 0);
			refill(ECHOES);
		}
	} else if (kind == 'c') {
		check(event, of_thread++, 16);
	} else {
		check(event, done, size_of(done));
		done++;
		refill(ECHOES);
	}
	if (from_thread == ROUNDS + FLOOD && of_thread == FLOOD && done == ECHOES) leave();
}

TEST(a_second_thread_writes) {
	start_service(1, serve_with_thread);
	connect_to_service(take_either);
	run();
	pthread_join(writer_of_client, NULL);
	end_both();
}
