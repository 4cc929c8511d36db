/*
 * echo.h - an echo service and its client, each a process with one context in the loop of an adapter.
 *
 * The service is a child of the test; both meet where one has to wait for the other. An error that the library or a loop
 * returns (EBADF, say) ends the process, and with it the test.
 */
#ifndef ECHO_H
#define ECHO_H

#include "../Conformance/peers.h"
#include "loop.h"

#include <pthread.h>
#include <semaphore.h>

enum { WINDOW = 64, LARGEST = IPC_MAX_MESSAGE_SIZE };

static struct ipc_ctx ctx;
static struct ipc_event events[64];
static size_t room = 64; /* events that one call takes */
static long wakeups, happened, ticks;
static void (*on_event)(struct ipc_event *event);
static void (*on_tick)(void);

/* ---- what the loop calls ---- */

int handle_events(void) {
	size_t count;
	int timer = 0;
	wakeups++;
	enum ipc_error_code code = ipc_wait_events(&ctx, events, room, &count, &timer);
	if (code != IPC_ERROR_NONE) FAIL("ipc_wait_events: %d, %s", (int)code, ipc_last_error());
	if (events[0].type == IPC_EVENT_TYPE_TIMER) return 0;
	for (size_t i = 0; i < count; i++) on_event(&events[i]);
	happened += (long)count;
	return 1;
}

void handle_tick(void) {
	ticks++;
	if (on_tick != NULL) on_tick();
}

/* ---- messages: a number, and bytes that depend on it ---- */

static char *filling;

static struct ipc_message make(int fd, char kind, uint32_t number, uint32_t size) {
	struct ipc_message m = message_of(fd, kind, malloc(size), size);
	memcpy(m.payload, &number, sizeof number);
	memcpy(m.payload + sizeof number, filling + number % 256, size - sizeof number);
	return m;
}

static void put(int fd, char kind, uint32_t number, uint32_t size) {
	struct ipc_message m = make(fd, kind, number, size);
	if (ipc_write_take(&ctx, &m) != IPC_ERROR_NONE) FAIL("message %u: %s", number, ipc_last_error());
}

/* The event's message is this one. */
static void check(const struct ipc_event *event, uint32_t number, uint32_t size) {
	const struct ipc_message *m = event->m;
	uint32_t is;
	CHECK_EQUAL(m->length, size);
	memcpy(&is, m->payload, sizeof is);
	CHECK_EQUAL(is, number);
	CHECK(memcmp(m->payload + sizeof is, filling + number % 256, size - sizeof is) == 0);
}

/* ---- the service ---- */

static int expected, arrived, left; /* clients */
static long answered, sent; /* messages; those of which TX has told */
static int some_do_not_stay; /* an answer to them may come too late */

static void answer(struct ipc_message *m) {
	enum ipc_error_code code = ipc_write_take(&ctx, m);
	if (some_do_not_stay && code == IPC_ERROR_WRITE__FD_NOT_FOUND) return;
	if (code != IPC_ERROR_NONE) FAIL("answer: %s", ipc_last_error());
	answered++;
}

static void serve(struct ipc_event *event) {
	switch (event->type) {
	case IPC_EVENT_TYPE_CONNECTION: arrived++; return;
	case IPC_EVENT_TYPE_MESSAGE: answer(event->m); return;
	case IPC_EVENT_TYPE_TX: sent++; return;
	case IPC_EVENT_TYPE_ERROR: CHECK(some_do_not_stay); /* fall through */
	case IPC_EVENT_TYPE_DISCONNECTION:
		if (!some_do_not_stay) CHECK_EQUAL(sent, answered);
		if (++left == expected) stop_loop();
		return;
	default: FAIL("event %d of descriptor %d", (int)event->type, event->origin);
	}
}

/* ---- processes ---- */

static int gate; /* where the two meet */
static pid_t service;
static void (*body_of_service)(void);
static int interval = 5; /* of the loop's timer, in milliseconds */

static void run(void) {
	int fd = ipc_ctx_fd(&ctx);
	if (fd < 0) FAIL("ipc_ctx_fd: %s", ipc_last_error());
	run_loop(fd, interval);
	CHECK_EQUAL(ipc_ctx_fd(&ctx), fd);
}

static void end(void) {
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
	for (size_t i = 0; i < 64; i++) IPC_EVENT_CLEAN(&events[i]);
	free(filling);
}

static void run_service(int inherited) {
	limit_time();
	gate = inherited;
	int before = count_descriptors();
	on_event = serve;
	CHECK_OK(ipc_server_init(&ctx, "echo"));
	meet(gate);
	body_of_service();
	CHECK_EQUAL(left, expected);
	CHECK_EQUAL(arrived, expected);
	end();
	CHECK_EQUAL(count_descriptors(), before);
}

/* Starts the service for so many clients, which can connect from now on. `body` runs its loop. */
static void start_service(int clients, void (*body)(void)) {
	filling = pattern(LARGEST + 256, 7);
	expected = clients;
	body_of_service = body;
	service = start(run_service, &gate);
	meet(gate);
}

/* The client has finished; so has the service. */
static void end_both(void) {
	end();
	join_process(service, gate);
}

#endif
