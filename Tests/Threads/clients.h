/*
 * clients.h - many raw clients in a few threads: each keeps several messages on the way and checks that every one comes
 * back to it, whole, once and in order. What comes back to a client is what its partner sent: of an echo that is itself.
 *
 * The sockets are never waited for one by one, so that neither side can stop the other by not reading.
 */
#ifndef CLIENTS_H
#define CLIENTS_H

#include "crew.h"

enum { MOST_CLIENTS = 64, WINDOW = 8, LARGEST_FILLING = 60000, FILLINGS = 2 * LARGEST_FILLING };

/* What a message begins with; the rest of it is a filling. */
struct label {
	uint32_t client, sequence;
	uint64_t sum; /* of the filling */
};

struct client {
	int fd;
	uint32_t number, partner; /* whose messages come to it */
	long wanted; /* messages in one life, or -1: until `stopping` is set */
	int lives;
	long sent, got;
	char *out, *in;
	size_t out_size, out_done, in_size;
};

struct client_thread {
	pthread_t thread;
	struct client *clients;
	int count;
	const char *service; /* where a client connects that has another life */
	long answers;
};

static uint64_t filling_seed;
static char *fillings;
static atomic_int stopping;

/* Before any thread: what the messages are made of. */
static inline void make_fillings(uint64_t seed) {
	filling_seed = seed;
	fillings = pattern(FILLINGS, (unsigned)seed);
}

/* Mostly small, sometimes larger, rarely larger than a socket takes at once. */
static inline uint32_t filling_size(uint32_t client, uint32_t sequence) {
	uint64_t drawn = mix(filling_seed, client, sequence);
	uint32_t limit = drawn % 1024 == 0 ? LARGEST_FILLING : drawn % 8 == 0 ? 4000 : 200;
	return (uint32_t)(drawn >> 32) % limit;
}

static inline const char *filling_of(uint32_t client, uint32_t sequence) {
	return fillings + mix(filling_seed, client, ~(uint64_t)sequence) % LARGEST_FILLING;
}

static inline uint64_t sum_of(const char *bytes, size_t size) {
	uint64_t sum = size, part;
	for (; size >= sizeof part; bytes += sizeof part, size -= sizeof part) {
		memcpy(&part, bytes, sizeof part);
		sum = (sum ^ part) * 0x100000001B3u;
	}
	while (size-- > 0) sum = (sum ^ (unsigned char)*bytes++) * 0x100000001B3u;
	return sum;
}

static inline size_t make_message(char *frame, uint32_t client, uint32_t sequence) {
	uint32_t size = filling_size(client, sequence);
	const char *filling = filling_of(client, sequence);
	struct label label = {client, sequence, sum_of(filling, size)};
	put_header(frame, MSG_TYPE_DATA, (uint32_t)sizeof label + size, (char)client);
	memcpy(frame + IPC_HEADER_SIZE, &label, sizeof label);
	memcpy(frame + IPC_HEADER_SIZE + sizeof label, filling, size);
	return IPC_HEADER_SIZE + sizeof label + size;
}

/* A payload agrees with itself: nothing of another message is in it. */
static inline struct label check_sum(const void *payload, size_t length) {
	struct label label;
	CHECK(length >= sizeof label);
	memcpy(&label, payload, sizeof label);
	CHECK(label.sum == sum_of((const char *)payload + sizeof label, length - sizeof label));
	return label;
}

static inline void start_life(struct client *client, int fd) {
	client->fd = fd;
	client->sent = client->got = 0;
	client->out_size = client->out_done = client->in_size = 0;
	if (client->out != NULL) return;
	client->out = malloc(FRAME_SIZE(sizeof(struct label) + LARGEST_FILLING));
	client->in = malloc(FRAME_SIZE(sizeof(struct label) + LARGEST_FILLING));
}

static inline int has_to_send(struct client *client) {
	if (client->out_done < client->out_size) return 1;
	if (client->wanted < 0 && is_set(&stopping)) client->wanted = client->sent;
	return (client->wanted < 0 || client->sent < client->wanted) && client->sent - client->got < WINDOW;
}

static inline void send_some(struct client *client) {
	while (has_to_send(client)) {
		if (client->out_done == client->out_size) {
			client->out_size = make_message(client->out, client->number, (uint32_t)client->sent++);
			client->out_done = 0;
		}
		size_t left = client->out_size - client->out_done;
		ssize_t n = send(client->fd, client->out + client->out_done, left, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) return;
		if (n <= 0) FAIL("client %u cannot send: %s", client->number, strerror(errno));
		client->out_done += (size_t)n;
	}
}

static inline size_t take_message(struct client *client, const char *frame, size_t size) {
	if (size < IPC_HEADER_SIZE) return 0;
	const unsigned char *bytes = (const unsigned char *)frame;
	size_t length = (size_t)bytes[1] << 24 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 8 | bytes[4];
	uint32_t sequence = (uint32_t)client->got;
	CHECK(bytes[0] == MSG_TYPE_DATA && bytes[5] == client->partner);
	CHECK_EQUAL(length, sizeof(struct label) + filling_size(client->partner, sequence));
	if (size < FRAME_SIZE(length)) return 0;
	struct label label = check_sum(frame + IPC_HEADER_SIZE, length);
	CHECK_EQUAL(label.client, client->partner);
	CHECK_EQUAL(label.sequence, sequence);
	client->got++;
	return FRAME_SIZE(length);
}

static inline void receive_some(struct client *client) {
	size_t room = FRAME_SIZE(sizeof(struct label) + LARGEST_FILLING) - client->in_size;
	ssize_t n = recv(client->fd, client->in + client->in_size, room, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN) return;
	if (n == 0) FAIL("client %u is cut off after %ld messages", client->number, client->got);
	if (n < 0) FAIL("client %u cannot receive: %s", client->number, strerror(errno));
	client->in_size += (size_t)n;
	size_t done = 0, size;
	while ((size = take_message(client, client->in + done, client->in_size - done)) > 0) done += size;
	client->in_size -= done;
	memmove(client->in, client->in + done, client->in_size);
}

static inline int has_all(const struct client *client) {
	return client->wanted >= 0 && client->got == client->wanted && client->sent == client->wanted &&
	    client->out_done == client->out_size && client->in_size == 0;
}

/* True: it lives on, after a new connection. */
static inline int end_life(struct client *client, const char *service) {
	close(client->fd);
	if (--client->lives > 0) return start_life(client, raw_connect(service)), 1;
	free(client->out);
	free(client->in);
	return 0;
}

/* Until each client has had all its lives. */
static inline void *talk(void *argument) {
	struct client_thread *thread = argument;
	struct pollfd polled[MOST_CLIENTS];
	struct client *working[MOST_CLIENTS];
	int count = thread->count;
	for (int i = 0; i < count; i++) working[i] = &thread->clients[i];
	while (count > 0) {
		for (int i = 0; i < count; i++) {
			short events = (short)(POLLIN | (has_to_send(working[i]) ? POLLOUT : 0));
			polled[i] = (struct pollfd){.fd = working[i]->fd, .events = events};
			if (!has_all(working[i])) continue;
			thread->answers += working[i]->got;
			if (!end_life(working[i], thread->service)) working[i] = working[--count];
			i--;
		}
		if (count == 0) break;
		CHECK(poll(polled, (nfds_t)count, -1) >= 0 || errno == EINTR);
		for (int i = 0; i < count; i++) {
			if (polled[i].revents & POLLOUT) send_some(working[i]);
			if (polled[i].revents & (POLLIN | POLLHUP | POLLERR)) receive_some(working[i]);
		}
	}
	return NULL;
}

/* The clients are dealt out to the threads in equal parts, next to each other. */
static inline void begin_clients(struct client_thread *threads, int count, struct client *clients, int clients_count, const char *service) {
	int share = clients_count / count;
	for (int i = 0; i < count; i++) {
		int size = i == count - 1 ? clients_count - i * share : share;
		threads[i] = (struct client_thread){.clients = clients + i * share, .count = size, .service = service};
	}
	for (int i = 0; i < count; i++) threads[i].thread = begin(talk, &threads[i]);
}

/* Waits for their end. How many messages came back to them all. */
static inline long end_clients(struct client_thread *threads, int count) {
	long answers = 0;
	for (int i = 0; i < count; i++) {
		end(threads[i].thread);
		answers += threads[i].answers;
	}
	return answers;
}

#endif
