/*
 * bench.h - what every peer of the benchmark shares: the frame, the message and its check, buffers, and
 * the few functions that a peer's file defines.
 *
 * A peer is a program that links its own file with bench.c and raw_client.c. Its file says how one
 * connection sends and receives and how its server echoes; the workloads and the clock are the same
 * for all, in bench.c.
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HEADER_SIZE 6 /* of libipc's frame: type, length (big-endian), user type */
#define MESSAGE_TYPE 2
#define USER_TYPE 42
#define BUFFER_SIZE (2 * 1024 * 1024) /* holds the largest frame of the benchmark and what came behind it */
#define BACKLOG 4096
/* Milliseconds. Programs have something to do from time to time, and so every wait of a loop is one with a timer. None runs
 * out during a workload. */
#define TIMER 10000

#define MICROSECOND UINT64_C(1000)
#define MILLISECOND UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

#define DIE(...)                                    \
	do {                                        \
		fprintf(stderr, "%s: ", peer.name); \
		fprintf(stderr, __VA_ARGS__);       \
		fputc('\n', stderr);                \
		exit(1);                            \
	} while (0)
#define MUST(condition)                                                                                  \
	do {                                                                                             \
		if (!(condition)) DIE("%s:%d: %s: %s", __FILE__, __LINE__, #condition, strerror(errno)); \
	} while (0)

/* How a client talks over one connection. What open returns is handed to the others. */
struct client {
	void *(*open)(void);
	void (*close)(void *);
	/* Sends the message of stamp_message(), or keeps it for collect to send with others. */
	void (*submit)(void *);
	/* Waits until at least one echo is there; hands each one to check_echo(); returns how many. */
	size_t (*collect)(void *);
};

struct peer {
	const char *name;
	void (*serve)(void); /* listens, calls ready(), echoes every message for ever */
	struct client one_by_one; /* for round trips, and for connecting */
	struct client in_flight; /* for many messages at once: sends together what it can, by the peer's own means */
	void (*open_idle)(void); /* connects, has one message echoed, and leaves the connection open */
};

extern const struct peer peer; /* the peer's file defines it */

extern const char *bench_name; /* of the service */
extern struct sockaddr_un bench_at; /* where it lives: $IPC_RUNDIR/NAME */

/* The message: a whole libipc frame, for peers with a framing of their own only its payload counts. */
extern char frame[BUFFER_SIZE];
extern size_t payload_size, frame_size;
extern uint64_t messages_sent, echoes_received;

void prepare_message(size_t size); /* makes the frame of a payload of that size; a client has one already */

/* By the monotonic clock, which is the same for all processes; in nanoseconds. */
static inline uint64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* For qsort(3) of nanoseconds. */
static inline int compare_times(const void *a, const void *b) {
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* Numbers the next message, so that an echo that is lost, doubled or overtaken is seen. */
static inline const char *stamp_message(void) {
	memcpy(frame + HEADER_SIZE, &messages_sent, sizeof messages_sent);
	messages_sent++;
	return frame + HEADER_SIZE;
}

static inline void check_echo(const char *payload, size_t length) {
	uint64_t number;
	if (length != payload_size) DIE("an echo of %zu bytes, not %zu", length, payload_size);
	memcpy(&number, payload, sizeof number);
	if (number != echoes_received || payload[length - 1] != frame[HEADER_SIZE + length - 1])
		DIE("echo %llu came as %llu", (unsigned long long)echoes_received, (unsigned long long)number);
	echoes_received++;
}

/* The size of the frame that begins here, header included. */
static inline size_t size_of_frame(const char *header) {
	const unsigned char *b = (const unsigned char *)header;
	return HEADER_SIZE + ((size_t)b[1] << 24 | (size_t)b[2] << 16 | (size_t)b[3] << 8 | b[4]);
}

/* How many of these bytes are whole frames. */
static inline size_t whole_frames(const char *bytes, size_t length) {
	size_t whole = 0;
	while (length - whole >= HEADER_SIZE) {
		size_t size = size_of_frame(bytes + whole);
		if (size > BUFFER_SIZE) DIE("a frame of %zu bytes", size);
		if (length - whole < size) break;
		whole += size;
	}
	return whole;
}

/* Buffers for servers that read by hand. A connection holds one only while a frame is incomplete or an
 * echo is not sent yet: thousands of idle ones cost nothing, and no byte is copied aside. */
char *take_buffer(void);
void give_buffer(char *buffer);

int listen_at(int flags); /* a listening socket at bench_at; flags for socket(2) */
int connect_to(void); /* a blocking socket connected to bench_at */
void send_all(int fd, const char *bytes, size_t length);
void receive_all(int fd, char *bytes, size_t length);
void ready(void); /* tells the runner that clients may come */

/* raw_client.c: send(2) and recv(2), one send for each message; the same with all messages in one send;
 * an idle connection that speaks libipc's frames. */
#define RAW_CLIENT \
	{ raw_open, raw_close, raw_submit, raw_collect }
#define RAW_BATCHING_CLIENT \
	{ raw_open, raw_close, raw_keep, raw_send_and_collect }
void *raw_open(void);
void raw_close(void *);
void raw_submit(void *);
size_t raw_collect(void *);
void raw_keep(void *);
size_t raw_send_and_collect(void *);
void raw_open_idle(void);

#endif
