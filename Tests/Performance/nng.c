/*
 * nng.c - request and reply sockets in raw mode, so that many requests can be under way on one connection; over
 * nng's own wire protocol and threads. Waiting for a message ends after a time.
 */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "bench.h"

#define REQUEST UINT32_C(0x80000000) /* the bit that ends the way back in a raw header */

#define MUST_NNG(call)                                               \
	do {                                                         \
		int e_ = (call);                                     \
		if (e_ != 0) DIE("%s: %s", #call, nng_strerror(e_)); \
	} while (0)

static const char *url(void) {
	static char text[sizeof bench_at.sun_path + 8];
	snprintf(text, sizeof text, "ipc://%s", bench_at.sun_path);
	return text;
}

static void serve(void) {
	nng_socket socket;
	nng_msg *message;
	MUST_NNG(nng_rep0_open_raw(&socket));
	MUST_NNG(nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, 0));
	MUST_NNG(nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, TIMER));
	MUST_NNG(nng_listen(socket, url(), NULL, 0));
	ready();
	for (;;) {
		int error = nng_recvmsg(socket, &message, 0);
		if (error == NNG_ETIMEDOUT) continue;
		MUST_NNG(error);
		if (nng_sendmsg(socket, message, 0) != 0) nng_msg_free(message);
	}
}

static void *client_open(void) {
	static nng_socket socket;
	MUST_NNG(nng_req0_open_raw(&socket));
	MUST_NNG(nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, 0));
	MUST_NNG(nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, TIMER));
	MUST_NNG(nng_dial(socket, url(), NULL, 0));
	return &socket;
}

static void client_close(void *socket) { nng_close(*(nng_socket *)socket); }

static void client_submit(void *socket) {
	nng_msg *message;
	MUST_NNG(nng_msg_alloc(&message, 0));
	MUST_NNG(nng_msg_append(message, stamp_message(), payload_size));
	MUST_NNG(nng_msg_header_append_u32(message, REQUEST | (uint32_t)messages_sent));
	MUST_NNG(nng_sendmsg(*(nng_socket *)socket, message, 0));
}

static size_t client_collect(void *socket) {
	nng_msg *echo;
	MUST_NNG(nng_recvmsg(*(nng_socket *)socket, &echo, 0));
	check_echo(nng_msg_body(echo), nng_msg_len(echo));
	nng_msg_free(echo);
	return 1;
}

/* A raw request socket spreads its messages over its connections: the idle ones speak SP over IPC by hand: a
 * header with the protocol's number (48: REQ), then type 1, the length in 64 bits, the request's number, the message. */
static void open_idle(void) {
	static const char hello[8] = "\0SP\0\0\x30\0";
	char message[9 + 4 + 255] = {1}, from_server[sizeof message];
	int fd = connect_to();
	if (payload_size > 255 - 4) DIE("idle connections send short messages");
	send_all(fd, hello, sizeof hello);
	receive_all(fd, from_server, sizeof hello);
	message[8] = (char)(4 + payload_size);
	message[9] = (char)0x80;
	memcpy(message + 13, stamp_message(), payload_size);
	send_all(fd, message, 13 + payload_size);
	receive_all(fd, from_server, 13 + payload_size);
	check_echo(from_server + 13, payload_size);
}

#define NNG \
	{ client_open, client_close, client_submit, client_collect }
const struct peer peer = {"nng", serve, NNG, NNG, open_idle};
