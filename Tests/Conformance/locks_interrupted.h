/*
 * locks_interrupted.h - signals in the middle of the library's work with locks, always at the same place: the program's own functions,
 * which the library calls instead of libc's, raise the signal, or wait, when they are armed.
 */
#ifndef LOCKS_INTERRUPTED_H
#define LOCKS_INTERRUPTED_H

#include "peers.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>

enum place { NOWHERE, LOCKED, UNLOCKING, RECEIVING, TRYING, INITIALISING };

/* Where the thread's next call is interrupted, after so many others of the same kind. */
static _Thread_local volatile enum place armed;
static _Thread_local volatile int others;
static void (*interrupt)(void);
static atomic_int pauses, taken;
static _Thread_local int is_counting;

static inline void pass(enum place here) {
	if (armed != here || others-- > 0) return;
	armed = NOWHERE;
	interrupt();
}

#define REAL(name)                     \
	static __typeof__(&name) real; \
	if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, #name)

int pthread_mutex_lock(pthread_mutex_t *mutex) {
	REAL(pthread_mutex_lock);
	int result = real(mutex);
	taken += is_counting;
	pass(LOCKED);
	return result;
}
int pthread_mutex_trylock(pthread_mutex_t *mutex) {
	REAL(pthread_mutex_trylock);
	int result = real(mutex);
	if (result == 0) taken += is_counting;
	if (result == 0) pass(TRYING);
	return result;
}
int pthread_mutex_unlock(pthread_mutex_t *mutex) {
	REAL(pthread_mutex_unlock);
	pass(UNLOCKING);
	return real(mutex);
}
int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) {
	REAL(pthread_mutex_init);
	pass(INITIALISING);
	return real(mutex, attributes);
}
ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
	pass(RECEIVING);
	return syscall(SYS_recvmsg, fd, message, flags);
}
int nanosleep(const struct timespec *time, struct timespec *rest) {
	pauses++;
	return (int)syscall(SYS_nanosleep, time, rest);
}

/* ---- a service with a client, and a second context ---- */

static struct ipc_ctx ctx, other;
static struct ipc_event event;
static int origin, peer, other_ends[2];

static inline void start_service(void) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	peer = join(&ctx, &event, "pong", &origin);
	nothing_to_tell(&ctx, &event);
	make_pair(other_ends);
	CHECK_OK(ipc_add_fd(&other, other_ends[0]));
}

static inline void check_service(void) {
	struct ipc_entry entry;
	write_frame(peer, 'a', "after", 5);
	ready_message(&ctx, &event, origin, 'a', "after", 5);
	CHECK_OK(ipc_ctx_entry(&other, other_ends[0], &entry));
}

static inline void end_service(void) {
	check_service();
	close(peer);
	finish(&ctx, &event);
	ipc_ctx_free(&other);
	close(other_ends[0]), close(other_ends[1]);
}

/* A call of this thread in which the signal comes. */
static inline void call_and_be_interrupted(enum place place) {
	struct ipc_entry entry;
	if (place == RECEIVING) write_frame(peer, 'm', "message", 7);
	others = 0;
	armed = place;
	if (place == RECEIVING) ready_message(&ctx, &event, origin, 'm', "message", 7);
	else CHECK_OK(ipc_ctx_entry(&ctx, origin, &entry));
	CHECK_EQUAL(armed, NOWHERE);
}

static inline void handle_with(void (*handler)(int number)) {
	struct sigaction action = {.sa_handler = handler};
	CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
}
static inline void raise_signal(void) { raise(SIGUSR1); }

static inline void fork_and_await(void (*deed)(void)) {
	int status;
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		limit_time();
		armed = NOWHERE;
		deed();
		_exit(0);
	}
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	CHECK_EQUAL(status, 0);
}

static inline void does_nothing(void) {}
static inline void closes_both(void) {
	CHECK_OK(ipc_close_all(&ctx));
	CHECK_OK(ipc_close_all(&other));
	ipc_ctx_free(&ctx);
	ipc_ctx_free(&other);
	CHECK(ctx.size == 0 && other.size == 0);
}
static inline void uses_both(void) {
	struct ipc_entry entry;
	CHECK_OK(ipc_ctx_entry(&ctx, origin, &entry));
	CHECK_OK(ipc_ctx_entry(&other, other_ends[0], &entry));
	closes_both();
}
/* Only the context in whose middle the other thread was is inconsistent. */
static inline void uses_the_other(void) {
	struct ipc_entry entry;
	CHECK_CODE(ipc_ctx_entry(&ctx, origin, &entry), IPC_ERROR_CONTEXT__CALLED_IN_HANDLER);
	CHECK_OK(ipc_ctx_entry(&other, other_ends[0], &entry));
	closes_both();
}

#endif
