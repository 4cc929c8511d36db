/*
 * webpong - the demo's WebSocket client, without a browser: it connects to ipc-websocketd, sends messages to an echo
 * service, and checks that each comes back as it went.
 *
 * It is here to show how little a client on the web needs: a handshake, and frames (RFC 6455).
 *
 * webpong PORT [NAME]    on 127.0.0.1; NAME is the service's, `pong` if not given. Exits 0 only when all was right.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { TEXT = 1, BINARY = 2, FINAL = 0x80, MASKED = 0x80, PATIENCE = 10 /* seconds */, LARGEST = 70000 };

static int fail(const char *what) {
	fprintf(stderr, "webpong: %s\n", what);
	exit(1);
}

static void put(int fd, const void *bytes, size_t size) {
	for (const char *at = bytes; size > 0;) {
		ssize_t count = send(fd, at, size, MSG_NOSIGNAL);
		if (count <= 0) fail("cannot send");
		at += count;
		size -= (size_t)count;
	}
}

static void get(int fd, void *bytes, size_t size) {
	if (size > 0 && recv(fd, bytes, size, MSG_WAITALL) != (ssize_t)size) fail("the answer is cut, or late");
}

/* The key of RFC 6455, 1.3, and what the server must make of it. */
static void shake_hands(int fd, const char *name) {
	char head[1024];
	size_t size = 0;
	int length = snprintf(head, sizeof head,
	    "GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	    name);
	if (length < 0 || (size_t)length >= sizeof head) fail("the name is too long");
	put(fd, head, (size_t)length);
	while (size < 4 || memcmp(head + size - 4, "\r\n\r\n", 4) != 0) {
		if (size == sizeof head - 1) fail("the answer to the handshake has no end");
		get(fd, head + size++, 1);
	}
	head[size] = 0;
	if (strncmp(head, "HTTP/1.1 101 ", 13) != 0 || strstr(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == NULL) fail(head);
}

/* Header, mask, masked payload: a client must (RFC 6455, 5.3). */
static void send_message(int fd, int opcode, const uint8_t *payload, size_t size) {
	static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
	static uint8_t frame[14 + LARGEST];
	size_t used = 0;
	frame[used++] = (uint8_t)(FINAL | opcode);
	if (size < 126) {
		frame[used++] = (uint8_t)(MASKED | size);
	} else {
		frame[used++] = MASKED | 127;
		for (int shift = 56; shift >= 0; shift -= 8) frame[used++] = (uint8_t)((uint64_t)size >> shift);
	}
	memcpy(frame + used, mask, sizeof mask);
	used += sizeof mask;
	for (size_t i = 0; i < size; i++) frame[used + i] = payload[i] ^ mask[i % 4];
	put(fd, frame, used + size);
}

static void expect_message(int fd, int opcode, const uint8_t *payload, size_t size) {
	static uint8_t echo[LARGEST];
	uint8_t head[2], length[8];
	uint64_t announced;
	get(fd, head, 2);
	if (head[0] != (FINAL | opcode)) fail("the echo is another kind of message");
	announced = head[1];
	if (head[1] >= 126) {
		size_t bytes = head[1] == 126 ? 2 : 8;
		announced = 0;
		get(fd, length, bytes);
		for (size_t i = 0; i < bytes; i++) announced = announced << 8 | length[i];
	}
	if (announced != size) fail("the echo is longer or shorter");
	get(fd, echo, size);
	if (memcmp(echo, payload, size) != 0) fail("the echo is another message");
}

int main(int argc, char **argv) {
	static uint8_t binary[LARGEST];
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {PATIENCE, 0};
	const char *text = "hello from the web: \xc3\xa4\xe2\x82\xac";
	if (argc < 2) fail("webpong PORT [NAME]");
	address.sin_port = htons((uint16_t)atoi(argv[1]));
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) fail("no socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("nobody listens there");
	shake_hands(fd, argc > 2 ? argv[2] : "pong");
	for (size_t i = 0; i < sizeof binary; i++) binary[i] = (uint8_t)(i * 7 >> 3);
	struct {
		const char *name;
		int opcode;
		const uint8_t *payload;
		size_t size;
	} messages[] = {
	    {"text", TEXT, (const uint8_t *)text, strlen(text)},
	    {"empty", TEXT, NULL, 0},
	    {"binary", BINARY, binary, sizeof binary},
	};
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		send_message(fd, messages[i].opcode, messages[i].payload, messages[i].size);
		expect_message(fd, messages[i].opcode, messages[i].payload != NULL ? messages[i].payload : binary, messages[i].size);
		printf("  %-10s 1 message, %10zu bytes each way\n", messages[i].name, messages[i].size);
	}
	close(fd);
	return 0;
}
