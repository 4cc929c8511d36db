/*
 * lookup.h - a process that plays the daemon `network`, for tests of look-ups: it checks what it is asked, and answers as told.
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include "peers.h"

#include "capture.h"

static struct ipc_ctx ctx, service;
static struct ipc_event event;

static const char *asked; /* the payload that must come */
static void (*answer)(int client); /* what the daemon does then */

/* A connection to the service "real", which the daemon knows. */
static int real_connection(void) { return raw_connect("real"); }

static void answers_with_a_descriptor(int client) {
	int fd = real_connection();
	write_bytes(client, "\3\0\0\0\2\3OK", 8);
	send_with(client, "", 1, fd, 1);
	close(fd);
}

static void refuses(int client) { write_bytes(client, "\3\0\0\0\10\3no route", 14); }

static void network_daemon(int gate) {
	int listening = raw_listen("network");
	meet(gate);
	int client = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	char *request = malloc(FRAME_SIZE(strlen(asked))), header[IPC_HEADER_SIZE];
	put_header(header, MSG_TYPE_NETWORK_LOOKUP, (uint32_t)strlen(asked), 3);
	CHECK_EQUAL(read_bytes(client, request, FRAME_SIZE(strlen(asked))), FRAME_SIZE(strlen(asked)));
	CHECK(memcmp(request, header, IPC_HEADER_SIZE) == 0);
	CHECK(memcmp(request + IPC_HEADER_SIZE, asked, strlen(asked)) == 0);
	answer(client);
	free(request);
	close(client);
	close(listening);
	unlink(address_of("network").sun_path);
}

/* The daemon is asked for `name` once with these routes, and gets them in this form. */
static pid_t start_daemon_as(const char *name, const char *routes, const char *told, void (*how)(int), int *gate) {
	static char payload[4096];
	snprintf(payload, sizeof payload, "%s;%s", name, told);
	asked = payload;
	answer = how;
	pid_t child = start(network_daemon, gate);
	meet(*gate);
	setenv("IPC_NETWORK", routes, 1);
	return child;
}

static pid_t start_daemon(const char *name, const char *routes, void (*how)(int), int *gate) {
	return start_daemon_as(name, routes, routes, how, gate);
}

static void contact_as(const char *name, const char *routes, const char *told, void (*how)(int)) {
	int gate, fd = -1;
	pid_t child = start_daemon_as(name, routes, told, how, &gate);
	CHECK_OK(ipc_contact_ipcd(&fd, name));
	CHECK(fd > 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	next(&service, &event, IPC_EVENT_TYPE_CONNECTION);
	write_frame(fd, 'a', "hello", 5);
	next_message(&service, &event, event.origin, 'a', "hello", 5);
	close(fd);
	next(&service, &event, IPC_EVENT_TYPE_DISCONNECTION); /* so that no copy of it was kept */
	join_process(child, gate);
}

static struct ipc_error connect_as(int switched, int *ends) {
	return switched ? ipc_connection_switched(&ctx, "pong", ends[0], NULL) : ipc_connection(&ctx, "pong", NULL);
}

#endif
