/*
 * zeromq.c - a ROUTER that returns what it gets, and DEALERs; over ZeroMQ's own wire protocol and its I/O thread. Waiting for a
 * message ends after a time (ZMQ_RCVTIMEO).
 */
#include <zmq.h>

#include "bench.h"

static void *context;

static const char *endpoint(void) {
	static char text[sizeof bench_at.sun_path + 8];
	snprintf(text, sizeof text, "ipc://%s", bench_at.sun_path);
	return text;
}

static void limit_waits(void *socket) {
	int milliseconds = TIMER;
	MUST(zmq_setsockopt(socket, ZMQ_RCVTIMEO, &milliseconds, sizeof milliseconds) == 0);
}

static void serve(void) {
	context = zmq_ctx_new();
	void *socket = zmq_socket(context, ZMQ_ROUTER);
	int backlog = BACKLOG;
	zmq_msg_t sender, message;
	MUST(socket != NULL && zmq_setsockopt(socket, ZMQ_BACKLOG, &backlog, sizeof backlog) == 0);
	limit_waits(socket);
	MUST(zmq_bind(socket, endpoint()) == 0);
	MUST(zmq_msg_init(&sender) == 0 && zmq_msg_init(&message) == 0);
	ready();
	for (;;) {
		if (zmq_msg_recv(&sender, socket, 0) < 0 && errno == EAGAIN) continue; /* the time is up */
		MUST(zmq_msg_recv(&message, socket, 0) >= 0);
		MUST(zmq_msg_send(&sender, socket, ZMQ_SNDMORE) >= 0 && zmq_msg_send(&message, socket, 0) >= 0);
	}
}

static void *client_open(void) {
	if (context == NULL) context = zmq_ctx_new();
	void *socket = zmq_socket(context, ZMQ_DEALER);
	int linger = 0;
	MUST(socket != NULL && zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger) == 0);
	limit_waits(socket);
	MUST(zmq_connect(socket, endpoint()) == 0);
	return socket;
}

static void client_close(void *socket) { zmq_close(socket); }

static void client_submit(void *socket) { MUST(zmq_send(socket, stamp_message(), payload_size, 0) >= 0); }

static size_t client_collect(void *socket) {
	zmq_msg_t echo;
	MUST(zmq_msg_init(&echo) == 0 && zmq_msg_recv(&echo, socket, 0) >= 0);
	check_echo(zmq_msg_data(&echo), zmq_msg_size(&echo));
	zmq_msg_close(&echo);
	return 1;
}

/* A socket of ZeroMQ's own takes two descriptors and a DEALER connects once: the idle ones speak ZMTP 3.0
 * (rfc.zeromq.org/spec/23) by hand. */
static void open_idle(void) {
	static const char ready_command[] = "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06"
					    "DEALER";
	char greeting[64] = "\xff\0\0\0\0\0\0\0\0\x7f\3\0NULL", message[2 + 255], from_server[256] = {0};
	int fd = connect_to();
	send_all(fd, greeting, sizeof greeting);
	send_all(fd, ready_command, sizeof ready_command - 1);
	receive_all(fd, from_server, sizeof greeting);
	receive_all(fd, from_server, 2);
	receive_all(fd, from_server, (unsigned char)from_server[1]);
	if (payload_size > 255) DIE("idle connections send short messages");
	message[0] = 0; /* the last frame of a message, short */
	message[1] = (char)payload_size;
	memcpy(message + 2, stamp_message(), payload_size);
	send_all(fd, message, 2 + payload_size);
	receive_all(fd, from_server, 2);
	receive_all(fd, from_server, (unsigned char)from_server[1]);
	check_echo(from_server, payload_size);
}

#define ZEROMQ \
	{ client_open, client_close, client_submit, client_collect }
const struct peer peer = {"ZeroMQ", serve, ZEROMQ, ZEROMQ, open_idle};
