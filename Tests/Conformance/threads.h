/*
 * threads.h - running calls in a thread with a stack of 128 KB.
 *
 * A struct ipc_error is 8 KB: here a check gives its own back at once, and the steps are short functions,
 * so that the tests leave the stack to the library.
 */
#ifndef THREADS_H
#define THREADS_H

#define _GNU_SOURCE /* as in peers.h, before the first header */
#include "harness.h"

#undef CHECK_CODE
#define CHECK_CODE(call, wanted)                                                \
	do {                                                                    \
		struct ipc_error error_ = (call);                               \
		check_by_pointer(__FILE__, __LINE__, #call, &error_, (wanted)); \
	} while (0)

static __attribute__((noinline)) void check_by_pointer(
    const char *file, int line, const char *call, const struct ipc_error *e, int wanted) {
	check_code(file, line, call, *e, wanted);
}

#include "peers.h"

#include <pthread.h>

#define STACK (128 * 1024)
#define STEP static __attribute__((noinline)) void

static inline pthread_t start_thread(void *(*body)(void *), void *argument) {
	pthread_t thread;
	pthread_attr_t attributes;
	CHECK_EQUAL(pthread_attr_init(&attributes), 0);
	CHECK_EQUAL(pthread_attr_setstacksize(&attributes, STACK), 0);
	CHECK_EQUAL(pthread_create(&thread, &attributes, body, argument), 0);
	pthread_attr_destroy(&attributes);
	return thread;
}

static inline void *run_steps(void *steps) {
	for (void (**step)(void) = steps; *step != NULL; step++) (*step)();
	return NULL;
}

/* Runs the steps one after the other in one small thread. */
#define IN_A_SMALL_THREAD(...)                                                      \
	do {                                                                        \
		void (*steps[])(void) = {__VA_ARGS__, NULL};                        \
		CHECK_EQUAL(pthread_join(start_thread(run_steps, steps), NULL), 0); \
	} while (0)

#endif
