/*
 * pairs.c - switched pairs under several waiters: what one end says comes to the other one whole, once and in order, in
 * both directions at once; the events of a pair, of either end, are handled by one thread at a time, and so are its
 * callbacks. A callback whose pair has gone meanwhile has no say any more.
 */
#include "clients.h"
#include "holding.h"

enum { PAIRS = 16, ENDS = 2 * PAIRS, CLIENT_THREADS = 2, MOST_WAITERS = 8 };

static struct ipc_ctx ctx;
static struct poison poison;
static struct client clients[ENDS];
static struct client_thread threads[CLIENT_THREADS];
static int near[ENDS], end_of[MOST_DESCRIPTORS]; /* ends 2n and 2n + 1 are a pair */
static atomic_long switched, sent, read_back, written_back;
static struct signal left = SIGNAL;

static int first_of_pair(int fd) { return near[end_of[fd] & ~1]; }

/* ---- callbacks, which do what the library does without them ---- */

/* What the in callback of an end has read, but not given out. One thread at a time has it, without a lock. */
static char *kept[MOST_DESCRIPTORS];
static size_t kept_size[MOST_DESCRIPTORS];

static enum ipccb frame_in(int fd, struct ipc_message *m, short int *more) {
	size_t room = FRAME_SIZE(sizeof(struct label) + LARGEST_FILLING);
	if (kept[fd] == NULL) kept[fd] = malloc(room);
	ssize_t n = recv(fd, kept[fd] + kept_size[fd], room - kept_size[fd], MSG_DONTWAIT);
	if (n == 0 && kept_size[fd] == 0) return IPC_CB_FD_CLOSING;
	if (n > 0) kept_size[fd] += (size_t)n;
	const unsigned char *bytes = (const unsigned char *)kept[fd];
	size_t length = kept_size[fd] < IPC_HEADER_SIZE ? 0 : (size_t)bytes[2] << 16 | (size_t)bytes[3] << 8 | bytes[4];
	*more = 0;
	if (kept_size[fd] < IPC_HEADER_SIZE || kept_size[fd] < FRAME_SIZE(length)) return IPC_CB_IGNORE;
	*m = (struct ipc_message){.type = (char)bytes[0], .user_type = (char)bytes[5], .length = (uint32_t)length};
	m->payload = malloc(length);
	memcpy(m->payload, kept[fd] + IPC_HEADER_SIZE, length);
	kept_size[fd] -= FRAME_SIZE(length);
	memmove(kept[fd], kept[fd] + FRAME_SIZE(length), kept_size[fd]);
	*more = kept_size[fd] > 0;
	count(&read_back);
	return IPC_CB_NO_ERROR;
}

/* The far end always reads, so that waiting here stops nobody for long. */
static enum ipccb frame_out(int fd, struct ipc_message *m) {
	char *frame = malloc(FRAME_SIZE(m->length));
	put_header(frame, m->type, m->length, m->user_type);
	memcpy(frame + IPC_HEADER_SIZE, m->payload, m->length);
	write_bytes(fd, frame, FRAME_SIZE(m->length));
	free(frame);
	count(&written_back);
	return IPC_CB_NO_ERROR;
}

/* ---- the handlers ---- */

/* Both entries are gone; the descriptors are the program's to close. */
static void close_pair(int fd) {
	int first = end_of[fd] & ~1;
	give(&left);
	for (int i = first; i < first + 2; i++) {
		free(kept[near[i]]);
		kept[near[i]] = NULL;
		shutdown(near[i], SHUT_RDWR); /* closed at the end: until then the number is this pair's */
	}
}

/* A pair has one state; it lies under its first end. */
static void *handle_pairs(void *unused) {
	struct ipc_event event = {0};
	struct connection *held = NULL;
	while (1) {
		let_go(&held);
		int code = CODE_AMONG(ipc_wait_event(&ctx, &event, NULL), IPC_ERROR_CLOSED_RECIPIENT, 0);
		if (is_poisoned(&poison, &ctx, &event)) return unused;
		CHECK(event.origin >= 0 && event.origin < MOST_DESCRIPTORS);
		held = take_hold(first_of_pair(event.origin));
		sched_yield(); /* so that another one comes by if it can */
		CHECK_EQUAL(code != 0, event.type == IPC_EVENT_TYPE_DISCONNECTION);
		if (event.type == IPC_EVENT_TYPE_DISCONNECTION) {
			CHECK(held->is_known);
			held->is_known = 0;
			close_pair(event.origin);
		} else if (event.type == IPC_EVENT_TYPE_SWITCH) {
			held->written++;
			count(&switched);
		} else {
			CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TX);
			held->told++;
			count(&sent);
		}
	}
}

/* With callbacks there may be more SWITCH events than messages: of what was not a whole one yet. */
static void exchange(const char *test, int waiter_count, int by_callbacks) {
	pthread_t waiters[MOST_WAITERS];
	long part = number_from("THREADS_MESSAGES", 1000000) / 20 / ENDS + 1;
	make_fillings(take_seed(test));
	make_poison(&poison);
	for (int i = 0; i < ENDS; i++) {
		int ends[2];
		make_pair(ends);
		near[i] = ends[0];
		CHECK(near[i] < MOST_DESCRIPTORS);
		end_of[near[i]] = i;
		clients[i] = (struct client){.number = (uint32_t)i, .partner = (uint32_t)(i ^ 1), .lives = 1, .wanted = part};
		start_life(&clients[i], ends[1]);
		CHECK_OK(ipc_add_fd_switched(&ctx, near[i]));
	}
	for (int i = 0; i < ENDS; i += 2) {
		connections[near[i]].is_known = 1;
		ipc_ctx_switching_add(&ctx, near[i], near[i + 1]);
		if (by_callbacks) ipc_switching_callbacks(&ctx, near[i], frame_in, frame_out);
	}
	for (int i = 0; i < waiter_count; i++) waiters[i] = begin(handle_pairs, NULL);
	begin_clients(threads, CLIENT_THREADS, clients, ENDS, NULL);
	CHECK_EQUAL(end_clients(threads, CLIENT_THREADS), ENDS * part);
	await(&left, PAIRS);
	pour(&poison, &ctx);
	for (int i = 0; i < waiter_count; i++) end(waiters[i]);
	clear_poison(&poison, &ctx);
	CHECK_EQUAL(given_until_now(&left), PAIRS);
	CHECK_EQUAL(sent, ENDS * part);
	CHECK(by_callbacks ? switched >= ENDS * part : switched == ENDS * part);
	CHECK_EQUAL(read_back, by_callbacks ? PAIRS * part : 0);
	CHECK_EQUAL(written_back, by_callbacks ? PAIRS * part : 0);
	for (int i = 0; i < ENDS; i++) close(near[i]);
	ipc_ctx_free(&ctx);
	free(fillings);
}

TEST(pairs_with_1_waiter) { exchange(__func__, 1, 0); }
TEST(pairs_with_4_waiters) { exchange(__func__, 4, 0); }
TEST(pairs_with_8_waiters) { exchange(__func__, 8, 0); }
TEST(pairs_with_callbacks_and_4_waiters) { exchange(__func__, 4, 1); }

/* ---- a callback that comes back late: its end was closed, and its number is another's by now ---- */

static struct signal inside, may_return;
static enum ipccb late_answer;

static enum ipccb late_in(int fd, struct ipc_message *m, short int *more) {
	char byte;
	CHECK_EQUAL(recv(fd, &byte, 1, MSG_DONTWAIT), 1);
	give(&inside);
	await(&may_return, 1);
	*m = (struct ipc_message){.type = MSG_TYPE_DATA, .user_type = 'l', .length = 4, .payload = strdup("late")};
	*more = 1;
	return late_answer;
}

static enum ipccb late_out(int fd, struct ipc_message *m) {
	(void)fd, (void)m;
	give(&inside);
	await(&may_return, 1);
	return late_answer;
}

/* The waiter is inside of the callback of near[0] when this returns. */
static void call_back(struct wait *waiting, int far[2], int by_out) {
	inside = may_return = (struct signal)SIGNAL;
	ipc_switching_callbacks(&ctx, near[0], by_out ? NULL : late_in, by_out ? late_out : NULL);
	begin_wait(waiting, &ctx, -1);
	if (by_out) {
		write_frame(far[1], 'w', "written", 7);
		end_wait(waiting, 0, IPC_EVENT_TYPE_SWITCH, near[1]);
		begin_wait(waiting, &ctx, -1);
	} else {
		write_bytes(far[0], "x", 1);
	}
	await(&inside, 1);
}

/* A pair of sockets of which one end has this number, which was just closed, and is an entry. The other end. */
static int add_as(int number) {
	int ends[2];
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	make_pair(ends);
	if (ends[0] != number) {
		CHECK_EQUAL(fcntl(ends[0], F_DUPFD_CLOEXEC, number), number);
		close(ends[0]);
	}
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = number, .events = POLLIN}));
	return ends[1];
}

static void come_back_late(int by_out, enum ipccb answer) {
	struct ipc_event event = {0};
	struct wait waiting;
	int far[2];
	CHECK_OK(ipc_server_init(&ctx, "late"));
	add_switched(&ctx, near, far, 2);
	ipc_ctx_switching_add(&ctx, near[0], near[1]);
	late_answer = answer;
	call_back(&waiting, far, by_out);
	CHECK_EQUAL(ipc_ctx_switching_del(&ctx, near[0]), near[1]);
	for (int i = 0; i < 2; i++) CHECK_OK(ipc_close_fd(&ctx, near[i]));
	int client = add_as(near[0]);
	give(&may_return);
	write_frame(client, 'q', "question", 8);
	end_wait(&waiting, 0, IPC_EVENT_TYPE_MESSAGE, near[0]);
	queue(&ctx, near[0], 'a', "answer", 6);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(client, 'a', "answer", 6);
	close(client);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	nothing_to_tell(&ctx, &event);
	finish(&ctx, &event);
	for (int i = 0; i < 2; i++) close(far[i]);
}

TEST(an_in_callback_that_comes_back_late_has_no_say) {
	for (int answer = IPC_CB_NO_ERROR; answer <= IPC_CB_IGNORE; answer++) come_back_late(0, (enum ipccb)answer);
}

TEST(an_out_callback_that_comes_back_late_has_no_say) {
	for (int answer = IPC_CB_NO_ERROR; answer <= IPC_CB_IGNORE; answer++) come_back_late(1, (enum ipccb)answer);
}
