/*
 * churn.h - teams of threads that do everything at once to the same few descriptors of contexts on which others wait.
 *
 * A team opens its descriptors together, lets loose its members on them, and closes them together when all are done: a
 * descriptor is never closed under a member's call by the team itself, which would be the program's fault. For the same
 * reason what a handler or callback does with a descriptor it does only while that still is of the kind it was made for.
 */
#ifndef CHURN_H
#define CHURN_H

#include "crew.h"

enum { MOST_CONTEXTS = 3, SLOTS = 6, MEMBERS = 3, DEEDS = 40, LENGTH = 60, MOST_DESCRIPTORS = 1024 };

/* EXTERNAL alone; SWITCHED alone, two slots a pair; IPC, and EXTERNAL now and then. */
enum kind { NOT_OURS, OUTSIDE, TIED, FRAMED };
static const enum kind kinds[SLOTS] = {OUTSIDE, OUTSIDE, TIED, TIED, FRAMED, FRAMED};

struct slot {
	enum kind kind;
	int near, far, at; /* contexts[at] */
};

struct team {
	pthread_t threads[MEMBERS];
	pthread_barrier_t barrier;
	struct slot slots[SLOTS];
	int is_over; /* between the barriers */
	uint64_t seed;
	atomic_int ranks;
};

static struct ipc_ctx contexts[MOST_CONTEXTS];
static int contexts_count;
static struct timespec begun;

/* What each number is now, and the lock under which a team closes. */
static pthread_mutex_t owners = PTHREAD_MUTEX_INITIALIZER;
static enum kind kind_of[MOST_DESCRIPTORS];

static void own(int fd, enum kind kind) {
	CHECK(fd < MOST_DESCRIPTORS);
	pthread_mutex_lock(&owners);
	kind_of[fd] = kind;
	pthread_mutex_unlock(&owners);
}

/* Reads from a descriptor without waiting, if it still is of this kind; else as if there were nothing. */
static ssize_t receive_if(int fd, enum kind kind, void *bytes, size_t size) {
	pthread_mutex_lock(&owners);
	ssize_t n = kind_of[fd] == kind ? recv(fd, bytes, size, MSG_DONTWAIT) : -1;
	pthread_mutex_unlock(&owners);
	return n;
}

static void send_if(int fd, enum kind kind, const void *bytes, size_t size) {
	pthread_mutex_lock(&owners);
	if (kind_of[fd] == kind) send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	pthread_mutex_unlock(&owners);
}

/* ---- callbacks: every frame to a tied end has the same size, and is there as a whole or not at all ---- */

static enum ipccb frame_in(int fd, struct ipc_message *m, short int *more) {
	char frame[FRAME_SIZE(LENGTH)];
	(void)more;
	if (receive_if(fd, TIED, frame, sizeof frame) != sizeof frame) return IPC_CB_IGNORE;
	*m = (struct ipc_message){.type = frame[0], .user_type = frame[5], .length = LENGTH, .payload = malloc(LENGTH)};
	memcpy(m->payload, frame + IPC_HEADER_SIZE, LENGTH);
	return IPC_CB_NO_ERROR;
}

static enum ipccb frame_out(int fd, struct ipc_message *m) {
	char frame[FRAME_SIZE(LENGTH)];
	if (m->length != LENGTH) return IPC_CB_IGNORE;
	put_header(frame, m->type, LENGTH, m->user_type);
	memcpy(frame + IPC_HEADER_SIZE, m->payload, LENGTH);
	send_if(fd, TIED, frame, sizeof frame);
	return IPC_CB_NO_ERROR;
}

/* ---- a waiter's handler, for the waiters and for a member that looks for an event ---- */

/* A client's question is answered; nobody but this thread closes or deletes a client's connection. */
static void handle(struct ipc_ctx *ctx, const struct ipc_event *event) {
	struct ipc_message *m = event->m;
	char byte;
	if (event->type == IPC_EVENT_TYPE_EXTRA_SOCKET) receive_if(event->origin, OUTSIDE, &byte, 1);
	if (event->type != IPC_EVENT_TYPE_MESSAGE) return;
	if (m->user_type == 'x') CHECK_OK(ipc_close_fd(ctx, event->origin));
	if (m->user_type != 'q') return;
	m->user_type = 'a';
	CHECK_OK(ipc_write(ctx, m));
}

/* An end that has no pair now is told with a code. */
static void wait_and_handle(struct ipc_ctx *ctx, struct ipc_event *event, int *timer) {
	CODE_AMONG(ipc_wait_event(ctx, event, timer), IPC_ERROR_FD_SWITCHING__NO_FD_RECORD, IPC_ERROR_CLOSED_RECIPIENT);
}

/* ---- what a member may do to a slot ---- */

static void add(struct ipc_ctx *ctx, const struct slot *slot) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	if (slot->kind == OUTSIDE) CHECK_OK(ipc_add_fd(ctx, slot->near));
	if (slot->kind == TIED) CHECK_OK(ipc_add_fd_switched(ctx, slot->near));
	if (slot->kind == FRAMED) CHECK_OK(ipc_add(ctx, &info, &(struct pollfd){.fd = slot->near, .events = POLLIN}));
}

static void retype(struct ipc_ctx *ctx, const struct slot *slot, uint32_t drawn) {
	enum ipc_connection_type type = IPC_CONNECTION_TYPE_IPC;
	if (slot->kind == OUTSIDE) type = IPC_CONNECTION_TYPE_EXTERNAL;
	if (slot->kind == TIED) type = IPC_CONNECTION_TYPE_SWITCHED;
	if (slot->kind == FRAMED && drawn % 2 == 0) type = IPC_CONNECTION_TYPE_EXTERNAL;
	int answer = ipc_ctx_fd_type(ctx, slot->near, type);
	CHECK(answer == 0 || answer == -1);
}

static void change_pair(struct ipc_ctx *ctx, const struct slot *slot, const struct slot *other, uint32_t drawn) {
	if (slot->kind != TIED) return;
	if (drawn % 4 == 0) ipc_ctx_switching_del(ctx, slot->near);
	else if (drawn % 4 == 1) ipc_switching_callbacks(ctx, slot->near, NULL, NULL);
	else if (drawn % 4 == 2) ipc_switching_callbacks(ctx, slot->near, frame_in, drawn % 8 == 2 ? frame_out : NULL);
	else ipc_ctx_switching_add(ctx, slot->near, other->near);
}

static void write_to(struct ipc_ctx *ctx, const struct slot *slot, const char *payload, uint32_t drawn) {
	struct ipc_message m = message_of(slot->near, 's', payload, LENGTH);
	if (drawn % 4 == 0) CHECK_OK(ipc_write_fd(m.fd, &m));
	else CODE_AMONG(ipc_write(ctx, &m), IPC_ERROR_WRITE__FD_NOT_FOUND, IPC_ERROR_WRITE__QUEUE_FULL);
}

static void speak(const struct slot *slot, const char *payload) {
	char frame[FRAME_SIZE(LENGTH)];
	put_header(frame, MSG_TYPE_DATA, LENGTH, 's');
	memcpy(frame + IPC_HEADER_SIZE, payload, LENGTH);
	send(slot->far, frame, slot->kind == OUTSIDE ? 3 : sizeof frame, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void listen_to(const struct slot *slot) {
	char bytes[4096];
	while (recv(slot->far, bytes, sizeof bytes, MSG_DONTWAIT) > 0) continue;
}

/* Each answer is whole: of one moment, and of this slot. */
static void ask(struct ipc_ctx *ctx, const struct slot *slot) {
	struct ipc_entry *entries, entry;
	size_t number, messages, servers = 0;
	CHECK_OK(ipc_ctx_status(ctx, &number, &messages));
	CHECK(number >= 1);
	if (CODE_AMONG(ipc_ctx_entry(ctx, slot->near, &entry), IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND, 0) == 0) {
		CHECK(entry.fd == slot->near && entry.path[0] == '\0');
		CHECK(slot->kind != OUTSIDE || entry.type == IPC_CONNECTION_TYPE_EXTERNAL);
		CHECK(slot->kind != TIED || entry.type == IPC_CONNECTION_TYPE_SWITCHED);
		CHECK(slot->kind != FRAMED || entry.type == IPC_CONNECTION_TYPE_IPC || entry.type == IPC_CONNECTION_TYPE_EXTERNAL);
	}
	CHECK_OK(ipc_ctx_entries(ctx, &entries, &number));
	for (size_t i = 0; i < number; i++) {
		CHECK((entries[i].type == IPC_CONNECTION_TYPE_SERVER) == (entries[i].path[0] == '/'));
		servers += entries[i].type == IPC_CONNECTION_TYPE_SERVER;
	}
	CHECK_EQUAL(servers, 1);
	free(entries);
}

static void look(struct ipc_ctx *ctx, struct ipc_event *event) {
	int timer = 0;
	wait_and_handle(ctx, event, &timer);
	handle(ctx, event);
	CHECK_OK(ipc_ctx_release(ctx));
}

/* The slots 2n and 2n + 1 are of one kind. */
static void do_something(struct team *team, uint64_t *sequence, const char *payload, struct ipc_event *event) {
	int number = (int)draw(sequence, SLOTS);
	const struct slot *slot = &team->slots[number], *other = &team->slots[number ^ 1];
	struct ipc_ctx *ctx = &contexts[slot->at];
	uint32_t drawn = draw(sequence, 1000);
	switch (draw(sequence, 12)) {
	case 0:
	case 1: return add(ctx, slot);
	case 2: CODE_AMONG(ipc_del_fd(ctx, slot->near), IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT, 0); return;
	case 3: return retype(ctx, slot, drawn);
	case 4:
	case 5: return change_pair(ctx, slot, other, drawn);
	case 6: return write_to(ctx, slot, payload, drawn);
	case 7: return speak(slot, payload);
	case 8: return listen_to(slot);
	case 9: return ask(ctx, slot);
	case 10: CHECK_OK(ipc_ctx_queue_limit(ctx, drawn % 2 == 0 ? 100000 : 64 << 20)); return;
	default: /* an EXTERNAL descriptor stays open */
		if (slot->kind != OUTSIDE) return look(ctx, event);
		CODE_AMONG(ipc_close_fd(ctx, slot->near), IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND, 0);
	}
}

/* ---- a team ---- */

static void open_slots(struct team *team, uint64_t *sequence) {
	for (int i = 0; i < SLOTS; i++) {
		struct slot *slot = &team->slots[i];
		int ends[2];
		make_pair(ends);
		*slot = (struct slot){.kind = kinds[i], .near = ends[0], .far = ends[1]};
		slot->at = i % 2 == 1 ? team->slots[i - 1].at : (int)draw(sequence, (uint32_t)contexts_count);
		own(slot->near, slot->kind);
		add(&contexts[slot->at], slot);
	}
	ipc_ctx_switching_add(&contexts[team->slots[2].at], team->slots[2].near, team->slots[3].near);
}

/* The library has closed none of them: closing each works. */
static void close_slots(struct team *team) {
	for (int i = 0; i < SLOTS; i++) {
		struct slot *slot = &team->slots[i];
		struct ipc_ctx *ctx = &contexts[slot->at];
		while (ipc_ctx_switching_del(ctx, slot->near) != -1) continue;
		while (CODE_AMONG(ipc_del_fd(ctx, slot->near), IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT, 0) == 0) continue;
	}
	pthread_mutex_lock(&owners);
	for (int i = 0; i < SLOTS; i++) {
		kind_of[team->slots[i].near] = NOT_OURS;
		if (close(team->slots[i].near) != 0 || close(team->slots[i].far) != 0) FAIL("slot %d was closed by somebody else", i);
	}
	pthread_mutex_unlock(&owners);
}

static void *play(void *argument) {
	struct team *team = argument;
	int rank = atomic_fetch_add_explicit(&team->ranks, 1, memory_order_relaxed);
	uint64_t sequence = mix(team->seed, (uint64_t)rank, 7);
	struct ipc_event event = {0};
	char *payload = pattern(LENGTH, (unsigned)rank);
	while (1) {
		if (rank == 0) {
			team->is_over = !goes_on(&begun, number_from("THREADS_SECONDS", 5));
			if (!team->is_over) open_slots(team, &sequence);
		}
		pthread_barrier_wait(&team->barrier);
		if (team->is_over) break;
		for (int i = 0; i < DEEDS; i++) do_something(team, &sequence, payload, &event);
		pthread_barrier_wait(&team->barrier);
		if (rank == 0) close_slots(team);
	}
	free(payload);
	IPC_EVENT_CLEAN(&event);
	return NULL;
}

#endif
