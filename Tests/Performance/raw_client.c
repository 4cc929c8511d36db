/*
 * raw_client.c - the client that a program would write without any library, and the same with its sends
 * collected. Peers whose wire is a plain stream of frames are measured with it, so that round trips
 * compare their servers alone.
 *
 * One connection at a time: the state is static, so that opening and closing costs what the kernel takes.
 */
#include "bench.h"

static struct {
	int fd;
	size_t have; /* bytes in `received` */
	size_t kept; /* bytes in `unsent` */
} connection;
static char received[BUFFER_SIZE];
static char unsent[BUFFER_SIZE];

void *raw_open(void) {
	connection.fd = connect_to();
	connection.have = connection.kept = 0;
	return &connection;
}

void raw_close(void *client) {
	(void)client;
	close(connection.fd);
}

void raw_submit(void *client) {
	(void)client;
	stamp_message();
	send_all(connection.fd, frame, frame_size);
}

size_t raw_collect(void *client) {
	size_t whole, echoes = 0;
	(void)client;
	do {
		ssize_t n = recv(connection.fd, received + connection.have, BUFFER_SIZE - connection.have, 0);
		if (n <= 0) DIE("the server left: %s", n < 0 ? strerror(errno) : "end of stream");
		connection.have += (size_t)n;
		whole = whole_frames(received, connection.have);
	} while (whole == 0);
	for (size_t at = 0; at < whole; echoes++) {
		size_t size = size_of_frame(received + at);
		check_echo(received + at + HEADER_SIZE, size - HEADER_SIZE);
		at += size;
	}
	connection.have -= whole;
	memmove(received, received + whole, connection.have);
	return echoes;
}

void raw_keep(void *client) {
	(void)client;
	stamp_message();
	memcpy(unsent + connection.kept, frame, frame_size);
	connection.kept += frame_size;
}

size_t raw_send_and_collect(void *client) {
	send_all(connection.fd, unsent, connection.kept);
	connection.kept = 0;
	return raw_collect(client);
}

void raw_open_idle(void) {
	int fd = connect_to();
	stamp_message();
	send_all(fd, frame, frame_size);
	receive_all(fd, received, frame_size);
	check_echo(received + HEADER_SIZE, payload_size);
}
