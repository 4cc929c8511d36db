/*
 * scaling.c - what one step costs beside many entries that have nothing to do with it, for a count of instructions
 * (valgrind --tool=callgrind --toggle-collect=measured). scaling.sh compiles it with the number of steps, STEPS.
 *
 *   scaling CASE COUNT
 *
 * Makes COUNT of what the case names, takes some steps, and then takes the same steps again in `measured`. Exits 0 only when each
 * step did what it should.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ipc.h>

#include "clock.h"

#define ELSEWHERE 500000 /* numbers of descriptors that no context has */
#define MUST(condition)                                                                 \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                        \
		}                                                                       \
	} while (0)
#define MUST_IPC(call) TEST_IPC_Q(call, 1)

static struct ipc_ctx ctx, other;
static struct ipc_event event;
static int spoken, heard; /* the ends of a connection: outside of the context, and in it */
static int queued; /* a descriptor of the context with a long queue */

/* ---- sockets ---- */

/* One end, in the context's process; `*far` becomes the other end. */
static int make_pair(int *far) {
	int ends[2];
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	*far = ends[1];
	return ends[0];
}

static void send_frame(int fd, const void *payload, uint32_t length) {
	char frame[IPC_HEADER_SIZE + 64];
	ssize_t size = IPC_HEADER_SIZE + (ssize_t)length;
	unsigned char header[IPC_HEADER_SIZE] = {MSG_TYPE_DATA, 0, 0, 0, (unsigned char)length, 'u'};
	MUST(length <= 64);
	memcpy(frame, header, sizeof header);
	memcpy(frame + sizeof header, payload, length);
	MUST(send(fd, frame, (size_t)size, MSG_NOSIGNAL) == size);
}

/* ---- the context ---- */

static int next_event(void) {
	int timer = 0;
	struct ipc_error error = ipc_wait_event(&ctx, &event, &timer);
	MUST(error.error_code == IPC_ERROR_NONE || error.error_code == IPC_ERROR_FD_SWITCHING__NO_FD_RECORD);
	return (int)event.type;
}

/* Until nothing is left to tell. */
static void tell_all(void) {
	while (next_event() != IPC_EVENT_TYPE_TIMER) {}
}

/* A connection whose messages are MESSAGE events. */
static void add_speaker(void) {
	heard = make_pair(&spoken);
	MUST_IPC(ipc_add_fd(&ctx, heard));
	MUST(ipc_ctx_fd_type(&ctx, heard, IPC_CONNECTION_TYPE_IPC) == 0);
}

static void add_idle(int count) {
	for (int i = 0, far; i < count; i++) MUST_IPC(ipc_add_fd(&ctx, make_pair(&far)));
}

/* ---- steps ---- */

static void receive_message(void) {
	int timer = 1000;
	send_frame(spoken, "hi", 2);
	MUST_IPC(ipc_wait_event(&ctx, &event, &timer));
	MUST(event.type == IPC_EVENT_TYPE_MESSAGE && event.origin == heard);
}

static void ask_for_entry(void) {
	struct ipc_entry entry;
	MUST_IPC(ipc_ctx_entry(&ctx, queued, &entry));
	MUST(entry.pending > 0);
}

static void write_directly(void) {
	char bytes[IPC_HEADER_SIZE + 2];
	struct ipc_message message = {MSG_TYPE_DATA, 'u', heard, 2, "hi"};
	MUST_IPC(ipc_write_fd(heard, &message));
	MUST(recv(spoken, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes);
}

/* Through the queue of the context, whose youngest message it is. */
static void write_queued(void) {
	char bytes[IPC_HEADER_SIZE + 2];
	struct ipc_message message = {MSG_TYPE_DATA, 'u', heard, 2, "hi"};
	MUST_IPC(ipc_write(&ctx, &message));
	MUST(next_event() == IPC_EVENT_TYPE_TX && event.origin == heard);
	MUST(recv(spoken, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes);
}

static void add_and_close(void) {
	int peer, fd = make_pair(&peer);
	MUST_IPC(ipc_add_fd(&ctx, fd));
	MUST(ipc_ctx_fd_type(&ctx, fd, IPC_CONNECTION_TYPE_IPC) == 0);
	MUST_IPC(ipc_close_fd(&ctx, fd));
	close(peer);
}

/* A message through a pair, and one back. */
static int near[2], far[2];
static void echo_through_pair(void) {
	for (int from = 0; from < 2; from++) {
		char bytes[IPC_HEADER_SIZE + 2];
		send_frame(far[from], "hi", 2);
		do MUST(next_event() != IPC_EVENT_TYPE_TIMER);
		while (event.type != IPC_EVENT_TYPE_SWITCH);
		/* The wait that told it has queued it: this one sends. */
		while (recv(far[1 - from], bytes, sizeof bytes, MSG_DONTWAIT) < 0) MUST(errno == EAGAIN && next_event() >= 0);
	}
}

/* ---- cases ---- */

static void idle_entries(int count) {
	add_idle(count);
	add_speaker();
}

static void add_unpaired(int count) {
	for (int i = 0, peer; i < count; i++) {
		MUST_IPC(ipc_add_fd_switched(&ctx, make_pair(&peer)));
		send_frame(peer, "hi", 2);
	}
}

/* Switched ends that have something to say and no partner; once told (error 107) they wait for one. */
static void unpaired_ends(int count) {
	add_unpaired(count);
	add_speaker();
	tell_all();
}

/* The same, and a table of as many pairs. */
static void unpaired_ends_and_pairs(int count) {
	unpaired_ends(count);
	for (int i = 0; i < count; i++) ipc_ctx_switching_add(&ctx, ELSEWHERE + 2 * i, ELSEWHERE + 2 * i + 1);
}

/* A pair that works, beside ends whose partners left the context because they do not read: what a gateway to the web does with
 * slow clients. */
static void parked_ends(int count) {
	for (int i = 0; i < 2; i++) MUST_IPC(ipc_add_fd_switched(&ctx, near[i] = make_pair(&far[i])));
	ipc_ctx_switching_add(&ctx, near[0], near[1]);
	for (int i = 0; i < count; i++) {
		int service, client, peer;
		MUST_IPC(ipc_add_fd_switched(&ctx, service = make_pair(&peer)));
		send_frame(peer, "hi", 2);
		MUST_IPC(ipc_add_fd_switched(&ctx, client = make_pair(&peer)));
		ipc_ctx_switching_add(&ctx, client, service);
		ipc_ctx_switching_del(&ctx, client);
		MUST_IPC(ipc_del_fd(&ctx, client));
	}
	tell_all();
}

/* A pair that works, beside pairs whose partners do not read: what is to be sent to them waits for room. */
static void slow_partners(int count) {
	enum { SIZE = 64 * 1024, MESSAGES = 12 };
	static char frame[IPC_HEADER_SIZE + SIZE] = {MSG_TYPE_DATA, 0, SIZE >> 16, (char)(SIZE >> 8), (char)SIZE, 'u'};
	for (int i = 0; i < 2; i++) MUST_IPC(ipc_add_fd_switched(&ctx, near[i] = make_pair(&far[i])));
	ipc_ctx_switching_add(&ctx, near[0], near[1]);
	for (int i = 0; i < count; i++) {
		int service, client, server, peer, sent = 0;
		MUST_IPC(ipc_add_fd_switched(&ctx, service = make_pair(&server)));
		MUST_IPC(ipc_add_fd_switched(&ctx, client = make_pair(&peer)));
		ipc_ctx_switching_add(&ctx, client, service);
		int full = 0;
		for (int m = 0; m < MESSAGES; m++) {
			for (ssize_t n = 0; sent < (int)sizeof frame; sent += (int)n) {
				n = send(server, frame + sent, sizeof frame - (size_t)sent, MSG_DONTWAIT | MSG_NOSIGNAL);
				if (n < 0) {
					MUST(errno == EAGAIN);
					full = 1; /* the service is not read any more */
					break;
				}
			}
			if (sent == (int)sizeof frame) sent = 0;
			tell_all();
		}
		MUST(full);
	}
}

/* A descriptor that is in two contexts, beside entries of the first. */
static void two_contexts(int count) {
	idle_entries(count);
	MUST_IPC(ipc_add_fd(&other, heard));
}

/* A switched end has spoken whose partner is not in the context. */
static void partner_elsewhere(int count) {
	int peer, absent, end = make_pair(&peer);
	add_idle(count);
	absent = make_pair(&absent);
	MUST_IPC(ipc_add_fd_switched(&ctx, end));
	ipc_ctx_switching_add(&ctx, end, absent);
	send_frame(peer, "hi", 2);
	next_event();
	add_speaker();
}

/* A receiver that does not read; COUNT messages for it. */
static void long_queue(int count) {
	static char payload[2000];
	int peer, size = 1;
	queued = make_pair(&peer);
	MUST(setsockopt(queued, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
	MUST_IPC(ipc_add_fd(&ctx, queued));
	MUST(ipc_ctx_fd_type(&ctx, queued, IPC_CONNECTION_TYPE_IPC) == 0);
	while (send(queued, payload, 1, MSG_DONTWAIT) > 0) {}
	add_speaker();
	for (int i = 0; i < count; i++) {
		struct ipc_message message = {MSG_TYPE_DATA, 'u', queued, sizeof payload, payload};
		MUST_IPC(ipc_write(&ctx, &message));
	}
	tell_all();
	MUST(ctx.tx.size == (size_t)count);
}

static const struct {
	const char *name;
	void (*prepare)(int count);
	void (*step)(void);
} cases[] = {
    {"idle_entries", idle_entries, receive_message},
    {"idle_entries_add_and_close", idle_entries, add_and_close},
    {"unpaired_ends", unpaired_ends, receive_message},
    {"unpaired_ends_and_pairs", unpaired_ends_and_pairs, receive_message},
    {"parked_ends", parked_ends, echo_through_pair},
    {"slow_partners", slow_partners, echo_through_pair},
    {"descriptor_in_two_contexts", two_contexts, receive_message},
    {"partner_elsewhere", partner_elsewhere, receive_message},
    {"long_queue_entry", long_queue, ask_for_entry},
    {"long_queue_direct_write", long_queue, write_directly},
    {"long_queue_write", long_queue, write_queued},
    {"long_queue_other_connection", long_queue, receive_message},
};

__attribute__((noinline, noclone)) static void measured(void (*step)(void)) {
	for (int i = 0; i < STEPS; i++) step();
}

int main(int count, char **arguments) {
	struct rlimit descriptors;
	MUST(count == 3);
	MUST(getrlimit(RLIMIT_NOFILE, &descriptors) == 0);
	descriptors.rlim_cur = descriptors.rlim_max;
	MUST(setrlimit(RLIMIT_NOFILE, &descriptors) == 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (strcmp(cases[i].name, arguments[1]) != 0) continue;
		cases[i].prepare(atoi(arguments[2]));
		for (int j = 0; j < STEPS; j++) cases[i].step();
		measured(cases[i].step);
		return 0;
	}
	fprintf(stderr, "there is no case %s\n", arguments[1]);
	return 2;
}
