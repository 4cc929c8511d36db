/*
 * bench.c - the command line of every peer's program, and what the clients' workloads need in common:
 * sockets, buffers, the message.
 *
 *   bench-PEER server NAME
 *   bench-PEER client NAME WORKLOAD SIZE AMOUNT [SERVER_PID IDLE]
 *
 * The service lives at $IPC_RUNDIR/NAME. The server prints `ready PID` and runs until it is ended. The
 * client prints one line of `key value` pairs and exits 0, or says on stderr what went wrong and exits 1.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "bench.h"
#include "workloads.h"

const char *bench_name;
struct sockaddr_un bench_at = {.sun_family = AF_UNIX};
char frame[BUFFER_SIZE];
size_t payload_size, frame_size;
uint64_t messages_sent, echoes_received;

static char *spare; /* the buffer that was given back last */

char *take_buffer(void) {
	char *buffer = spare;
	spare = NULL;
	if (buffer == NULL) buffer = malloc(BUFFER_SIZE);
	MUST(buffer != NULL);
	return buffer;
}

void give_buffer(char *buffer) {
	if (spare == NULL) spare = buffer;
	else free(buffer);
}

int listen_at(int flags) {
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	MUST(fd >= 0);
	MUST(bind(fd, (struct sockaddr *)&bench_at, sizeof bench_at) == 0);
	MUST(listen(fd, BACKLOG) == 0);
	return fd;
}

int connect_to(void) {
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(fd >= 0);
	MUST(connect(fd, (struct sockaddr *)&bench_at, sizeof bench_at) == 0);
	return fd;
}

void send_all(int fd, const char *bytes, size_t length) {
	while (length > 0) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
		MUST(n > 0);
		bytes += n;
		length -= (size_t)n;
	}
}

void receive_all(int fd, char *bytes, size_t length) {
	while (length > 0) {
		ssize_t n = recv(fd, bytes, length, 0);
		if (n <= 0) DIE("the server left: %s", n < 0 ? strerror(errno) : "end of stream");
		bytes += n;
		length -= (size_t)n;
	}
}

void ready(void) {
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
}

void prepare_message(size_t size) {
	if (size < sizeof messages_sent || size > BUFFER_SIZE / 2) DIE("no size for a message: %zu", size);
	payload_size = size;
	frame_size = HEADER_SIZE + size;
	for (size_t i = 0; i < size; i++) frame[HEADER_SIZE + i] = (char)(i * 7 + 1);
	frame[0] = MESSAGE_TYPE;
	for (int i = 0; i < 4; i++) frame[1 + i] = (char)(size >> (24 - 8 * i));
	frame[5] = USER_TYPE;
}

int main(int count, char **arguments) {
	const char *directory = getenv("IPC_RUNDIR");
	struct rlimit descriptors;

	/* Nothing stays behind when the runner is killed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A client leaves while echoes are still under way to it; not every library sends without SIGPIPE. */
	signal(SIGPIPE, SIG_IGN);
	if (directory == NULL) DIE("IPC_RUNDIR is not set");
	if (count < 3) DIE("usage: server NAME | client NAME WORKLOAD SIZE AMOUNT [SERVER_PID IDLE]");
	bench_name = arguments[2];
	int length = snprintf(bench_at.sun_path, sizeof bench_at.sun_path, "%s/%s", directory, bench_name);
	if (length >= (int)sizeof bench_at.sun_path) DIE("the path of the socket is too long");
	MUST(getrlimit(RLIMIT_NOFILE, &descriptors) == 0);
	descriptors.rlim_cur = descriptors.rlim_max;
	MUST(setrlimit(RLIMIT_NOFILE, &descriptors) == 0);

	if (strcmp(arguments[1], "server") == 0) {
		peer.serve();
		return 1;
	}
	if (strcmp(arguments[1], "client") != 0 || count < 6) DIE("%s: what is this?", arguments[1]);
	prepare_message((size_t)atol(arguments[4]));
	run_workload(arguments[3], atol(arguments[5]), count > 6 ? atol(arguments[6]) : 0, count > 7 ? atol(arguments[7]) : 0);
	return 0;
}
