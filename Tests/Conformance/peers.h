/*
 * peers.h - peers for the tests that need one beside the library.
 *
 * Raw peers speak frames byte by byte over plain sockets, so that they can also break the rules;
 * `next` and its sisters say in one line which event a context must tell now. Nothing here waits
 * for a time to pass: what does not come is ended by the harness's alarm.
 */
#ifndef PEERS_H
#define PEERS_H

#define _GNU_SOURCE /* accept4, prlimit */

#include "harness.h"

#include <sys/prctl.h>

#define FRAME_SIZE(payload) (IPC_HEADER_SIZE + (size_t)(payload))

/* ---- bytes ---- */

static inline void write_bytes(int fd, const void *bytes, size_t size) {
	for (size_t done = 0; done < size;) {
		ssize_t n = send(fd, (const char *)bytes + done, size - done, MSG_NOSIGNAL);
		if (n <= 0) FAIL("cannot send %zu bytes: %s", size - done, strerror(errno));
		done += (size_t)n;
	}
}

/* Waits for exactly `size` bytes; less only at the end of the stream. */
static inline size_t read_bytes(int fd, void *bytes, size_t size) {
	size_t done = 0;
	while (done < size) {
		ssize_t n = recv(fd, (char *)bytes + done, size - done, 0);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) break;
		done += (size_t)n;
	}
	return done;
}

static inline void put_header(void *to, char type, uint32_t length, char user_type) {
	unsigned char *bytes = to;
	bytes[0] = (unsigned char)type;
	for (int i = 0; i < 4; i++) bytes[1 + i] = (unsigned char)(length >> (24 - 8 * i));
	bytes[5] = (unsigned char)user_type;
}

/* One frame of type DATA, in one send as far as the kernel allows. */
static inline void write_frame(int fd, char user_type, const void *payload, uint32_t length) {
	char *frame = malloc(FRAME_SIZE(length));
	put_header(frame, MSG_TYPE_DATA, length, user_type);
	if (length > 0) memcpy(frame + IPC_HEADER_SIZE, payload, length);
	write_bytes(fd, frame, FRAME_SIZE(length));
	free(frame);
}

/* The next bytes of the stream are this frame of type DATA. */
static inline void read_frame(int fd, char user_type, const void *payload, uint32_t length) {
	char *frame = calloc(1, FRAME_SIZE(length)), wanted[IPC_HEADER_SIZE];
	put_header(wanted, MSG_TYPE_DATA, length, user_type);
	CHECK_EQUAL(read_bytes(fd, frame, FRAME_SIZE(length)), FRAME_SIZE(length));
	CHECK(memcmp(frame, wanted, IPC_HEADER_SIZE) == 0);
	CHECK(length == 0 || memcmp(frame + IPC_HEADER_SIZE, payload, length) == 0);
	free(frame);
}

/* Any bytes, zeros among them, which differ from place to place and from seed to seed. */
static inline char *pattern(size_t size, unsigned seed) {
	unsigned char *bytes = malloc(size + 1);
	uint32_t state = seed * 2654435761u + 12345;
	for (size_t i = 0; i < size; i++) {
		state = state * 1664525u + 1013904223u;
		bytes[i] = (unsigned char)(state >> 24);
	}
	return (char *)bytes;
}

/* ---- sockets ---- */

static inline struct sockaddr_un address_of(const char *name) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%.60s/%.40s", run_directory, name);
	return address;
}

static inline int raw_connect(const char *name) {
	struct sockaddr_un address = address_of(name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) FAIL("%s: %s", name, strerror(errno));
	return fd;
}

static inline int raw_listen(const char *name) {
	struct sockaddr_un address = address_of(name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
	CHECK(listen(fd, 128) == 0);
	return fd;
}

/* Connects a client to a service that is spoken by hand; returns that one's end. */
static inline int join_raw(struct ipc_ctx *client, const char *name, int *fd) {
	int listening = raw_listen(name);
	CHECK_OK(ipc_connection(client, name, fd));
	int peer = accept(listening, NULL, NULL);
	CHECK(peer >= 0);
	close(listening);
	return peer;
}

static inline void make_pair(int ends[2]) { CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0); }

static inline int is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }
static inline int is_readable(int fd) { return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 1; }

/* ---- a context ---- */

static inline struct ipc_message message_of(int fd, char user_type, const void *payload, uint32_t length) {
	return (struct ipc_message){.type = MSG_TYPE_DATA, .user_type = user_type, .fd = fd, .length = length, .payload = (char *)payload};
}

static inline void queue(struct ipc_ctx *ctx, int fd, char user_type, const void *payload, uint32_t length) {
	struct ipc_message m = message_of(fd, user_type, payload, length);
	CHECK_OK(ipc_write(ctx, &m));
}

/* Waits for the next event, which is of this type and comes with this code. */
static inline void next_code(struct ipc_ctx *ctx, struct ipc_event *event, enum ipc_event_type type, int code) {
	CHECK_CODE(ipc_wait_event(ctx, event, NULL), code);
	CHECK_EQUAL(event->type, type);
}

static inline void next(struct ipc_ctx *ctx, struct ipc_event *event, enum ipc_event_type type) { next_code(ctx, event, type, 0); }

/* The event is this message, from `origin` when that is not negative. */
static inline void check_message_event(const struct ipc_event *event, int origin, char user_type, const void *payload, uint32_t length) {
	struct ipc_message *m = event->m;
	if (origin >= 0) CHECK_EQUAL(event->origin, origin);
	CHECK_EQUAL(m->fd, event->origin);
	CHECK_EQUAL(m->type, MSG_TYPE_DATA);
	CHECK_EQUAL(m->user_type, user_type);
	CHECK_EQUAL(m->length, length);
	CHECK(m->payload != NULL);
	CHECK(length == 0 || memcmp(m->payload, payload, length) == 0);
}

static inline void next_message(
    struct ipc_ctx *ctx, struct ipc_event *event, int origin, char user_type, const void *payload, uint32_t length) {
	next(ctx, event, IPC_EVENT_TYPE_MESSAGE);
	check_message_event(event, origin, user_type, payload, length);
}

static inline void nothing_to_tell(struct ipc_ctx *ctx, struct ipc_event *event) {
	int timer = 0;
	CHECK_OK(ipc_wait_event(ctx, event, &timer));
	CHECK_EQUAL(event->type, IPC_EVENT_TYPE_TIMER);
	CHECK_EQUAL(timer, 0);
}

/* The event is there already: a wait that only looks finds it. What has been sent or closed is ready at once. */
static inline void ready_code(struct ipc_ctx *ctx, struct ipc_event *event, enum ipc_event_type type, int code) {
	int timer = 0;
	CHECK_CODE(ipc_wait_event(ctx, event, &timer), code);
	CHECK_EQUAL(event->type, type);
	CHECK_EQUAL(timer, 0);
}

static inline void ready(struct ipc_ctx *ctx, struct ipc_event *event, enum ipc_event_type type) { ready_code(ctx, event, type, 0); }

static inline void ready_message(
    struct ipc_ctx *ctx, struct ipc_event *event, int origin, char user_type, const void *payload, uint32_t length) {
	ready(ctx, event, IPC_EVENT_TYPE_MESSAGE);
	check_message_event(event, origin, user_type, payload, length);
}

/* A raw peer that the service has accepted; `*origin` (may be NULL) becomes the service's descriptor. */
static inline int join(struct ipc_ctx *ctx, struct ipc_event *event, const char *name, int *origin) {
	int fd = raw_connect(name);
	next(ctx, event, IPC_EVENT_TYPE_CONNECTION);
	CHECK_EQUAL(ctx->pollfd[event->index].fd, event->origin);
	if (origin != NULL) *origin = event->origin;
	return fd;
}

static inline void finish(struct ipc_ctx *ctx, struct ipc_event *event) {
	IPC_EVENT_CLEAN(event);
	CHECK_OK(ipc_close_all(ctx));
	ipc_ctx_free(ctx);
}

/* ---- another process ---- */

/* fork(2), for a child that ends with this process, and has a time limit of its own. */
static inline pid_t fork_process(void) {
	fflush(NULL);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		limit_time();
	}
	return child;
}

/* Waits until the process has ended well. */
static inline void await_process(pid_t child) {
	int status;
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	CHECK_EQUAL(status, 0);
}

static inline void in_a_child(void (*body)(void)) {
	pid_t child = fork_process();
	if (child == 0) {
		body();
		exit(0);
	}
	await_process(child);
}

/* Runs `body(gate)` in a process that ends with this one; `*gate` is this side's end of a socket pair. */
static inline pid_t start(void (*body)(int gate), int *gate) {
	int ends[2];
	make_pair(ends);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		body(ends[1]);
		close(ends[1]);
		exit(0);
	}
	close(ends[1]);
	*gate = ends[0];
	return child;
}

static inline void join_process(pid_t child, int gate) {
	await_process(child);
	close(gate);
}

/* Both sides come here before either goes on. */
static inline void meet(int gate) {
	char byte = '.';
	write_bytes(gate, &byte, 1);
	CHECK_EQUAL(read_bytes(gate, &byte, 1), 1);
}

/* Bytes with `count` copies of a descriptor. */
static inline void send_with(int sock, const void *bytes, size_t size, int fd, int count) {
	char control[CMSG_SPACE(100 * sizeof fd)] = {0};
	struct iovec part = {(void *)bytes, size};
	struct msghdr m = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE((size_t)count * sizeof fd)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN((size_t)count * sizeof fd);
	for (int i = 0; i < count; i++) memcpy(CMSG_DATA(c) + (size_t)i * sizeof fd, &fd, sizeof fd);
	CHECK_EQUAL(sendmsg(sock, &m, MSG_NOSIGNAL), size);
}

/* Adds `count` switched ends: near[i] is in the context, far[i] is its other end. */
static inline void add_switched(struct ipc_ctx *ctx, int *near, int *far, int count) {
	for (int i = 0; i < count; i++) {
		int ends[2];
		make_pair(ends);
		near[i] = ends[0];
		far[i] = ends[1];
		CHECK_OK(ipc_add_fd_switched(ctx, near[i]));
	}
}

/* The same with a service, which keeps the context alive; the first two ends are tied. */
static inline void make_switched(struct ipc_ctx *ctx, int *near, int *far, int count) {
	CHECK_OK(ipc_server_init(ctx, "pong"));
	add_switched(ctx, near, far, count);
	ipc_ctx_switching_add(ctx, near[0], near[1]);
}

#endif
