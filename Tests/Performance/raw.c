/*
 * raw.c - what a programmer gets from the kernel alone: blocking send(2) and recv(2), one send for each
 * message. The measure of all others.
 *
 * A server of threads that each accept a client, serve it until it leaves, and accept the next: no thread
 * is made for a connection, so connecting too costs what the kernel takes. At most THREADS clients.
 */
#define _GNU_SOURCE /* accept4 */
#include <pthread.h>

#include "bench.h"

#define THREADS 32

static int listening;

static void echo_all(int fd, char *buffer) {
	size_t have = 0;
	for (;;) {
		ssize_t n = recv(fd, buffer + have, BUFFER_SIZE - have, 0);
		if (n <= 0) return;
		have += (size_t)n;
		size_t whole = whole_frames(buffer, have);
		for (size_t at = 0; at < whole;) {
			size_t left = size_of_frame(buffer + at);
			while (left > 0) {
				ssize_t sent = send(fd, buffer + at, left, MSG_NOSIGNAL);
				if (sent < 0) return;
				at += (size_t)sent;
				left -= (size_t)sent;
			}
		}
		have -= whole;
		memmove(buffer, buffer + whole, have);
	}
}

static void *serve_one_after_another(void *buffer) {
	for (;;) {
		int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
		MUST(fd >= 0);
		echo_all(fd, buffer);
		close(fd);
	}
	return NULL;
}

static void serve(void) {
	pthread_t thread;
	listening = listen_at(0);
	for (int i = 1; i < THREADS; i++) {
		char *buffer = malloc(BUFFER_SIZE);
		MUST(buffer != NULL && pthread_create(&thread, NULL, serve_one_after_another, buffer) == 0);
	}
	ready();
	serve_one_after_another(take_buffer());
}

const struct peer peer = {"raw", serve, RAW_CLIENT, RAW_CLIENT, raw_open_idle};
