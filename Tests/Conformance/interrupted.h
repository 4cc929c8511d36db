/*
 * interrupted.h - a signal that comes in the middle of a library call, always at the same place: the program's own send(2),
 * recvmsg(2) and close(2), which the library calls instead of libc's, raise it when armed. And calls of malloc(3) and its
 * kin that are counted.
 */
#ifndef INTERRUPTED_H
#define INTERRUPTED_H

#include "peers.h"
#include "system.h"

#include <pthread.h>
#include <sys/syscall.h>

enum place { NOWHERE, IN_SEND, IN_RECEIVE, IN_CLOSE };

static volatile enum place armed;
static volatile int allocations, is_counting;

static inline void interrupt(enum place here) {
	if (armed != here) return;
	armed = NOWHERE;
	raise(SIGUSR1);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags) {
	interrupt(IN_SEND);
	return syscall(SYS_sendto, fd, bytes, size, flags, NULL, 0);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
	interrupt(IN_RECEIVE);
	return syscall(SYS_recvmsg, fd, message, flags);
}

int close(int fd) {
	interrupt(IN_CLOSE);
	return (int)syscall(SYS_close, fd);
}

/* Not counted under valgrind, which replaces these functions. */
void *malloc(size_t size) {
	allocations += is_counting;
	return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
	allocations += is_counting;
	return __libc_calloc(count, size);
}
void *realloc(void *block, size_t size) {
	allocations += is_counting;
	return __libc_realloc(block, size);
}
void free(void *block) {
	if (block != NULL) allocations += is_counting;
	__libc_free(block);
}

/* ---- a service with one client, and a call that is interrupted ---- */

static struct ipc_ctx ctx;
static struct ipc_event event;
static int origin, peer;

static void *sleep_for_ever(void *unused) {
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	while (1) pause();
	return unused;
}

static inline void start_service(int with_second_thread) {
	pthread_t thread;
	if (with_second_thread) CHECK_EQUAL(pthread_create(&thread, NULL, sleep_for_ever, NULL), 0);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = join(&ctx, &event, "pong", &origin);
	nothing_to_tell(&ctx, &event);
}

static inline void handle_with(void (*handler)(int number)) {
	struct sigaction action = {.sa_handler = handler};
	CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
}

/* A wait for an event, in the middle of which the signal comes. Gives its code. */
static inline int wait_interrupted(enum place place) {
	int timer = 0;
	if (place == IN_SEND) queue(&ctx, origin, 'q', "queued", 6);
	if (place == IN_RECEIVE) write_frame(peer, 'm', "message", 7);
	if (place == IN_CLOSE) shutdown(peer, SHUT_RDWR);
	armed = place;
	struct ipc_error e = ipc_wait_event(&ctx, &event, &timer);
	CHECK_EQUAL(armed, NOWHERE);
	return (int)e.error_code;
}

/* Runs `body` in a process of its own, which must end well. */
static inline void in_a_process(void (*body)(int with_second_thread, enum place place), int with_second_thread, enum place place) {
	int status;
	pid_t child = fork_process();
	if (child == 0) {
		body(with_second_thread, place);
		exit(0);
	}
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	if (status != 0) FAIL("with %d threads, place %d: status %#x", 1 + with_second_thread, (int)place, (unsigned)status);
}

static inline void in_all_places(void (*body)(int with_second_thread, enum place place)) {
	for (int threads = 0; threads < 2; threads++) {
		for (enum place place = IN_SEND; place <= IN_CLOSE; place++) {
			in_a_process(body, threads, place);
			if (access(address_of("pong").sun_path, F_OK) == 0) FAIL("the socket file is still there: place %d", (int)place);
		}
	}
}

#endif
