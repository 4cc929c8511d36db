/* client.c - the client of scenarios.md in C: the reference for those of other languages. */
#include "common.h"

#define PLENTY 2000000

static struct ipc_ctx ctx;
static struct ipc_event event;
static int fd;
static char pattern[PLENTY];

/* The next event, which must be of this kind. */
static struct ipc_message *expect(struct ipc_ctx *context, enum ipc_event_type type, int origin) {
	int timer = 20000;
	struct ipc_error result = ipc_wait_event(context, &event, &timer);
	if (result.error_code != IPC_ERROR_NONE) fail(__FILE__, __LINE__, "ipc_wait_event", result.error_message);
	if (event.type != type) fail(__FILE__, __LINE__, "an event of another kind", result.error_message);
	CHECK(origin < 0 || event.origin == origin);
	return event.m;
}

static bool same(const struct ipc_message *m, char user_type, const char *payload, size_t size) {
	return m->user_type == user_type && m->length == size && memcmp(m->payload, payload, size) == 0;
}

/* Sends a command; its reply must be this. */
static void ask(int to, char user_type, const char *payload, size_t size, const char *reply, size_t reply_size) {
	send_message(&ctx, to, user_type, payload, size);
	expect(&ctx, IPC_EVENT_TYPE_TX, to);
	struct ipc_message *m = expect(&ctx, IPC_EVENT_TYPE_MESSAGE, to);
	CHECK(same(m, user_type, reply, reply_size) && m->type == MSG_TYPE_DATA && m->fd == to);
}

static void round_trip(int to, char user_type, const char *payload, size_t size) { ask(to, user_type, payload, size, payload, size); }
static void text(char command, const char *payload) { round_trip(fd, command, payload, strlen(payload)); }

static int connected(const char *name) {
	int result;
	CHECK_ERROR(ipc_connection(&ctx, name, &result), IPC_ERROR_NONE);
	return result;
}

/* A connection that knows nothing of messages. */
static int raw_connection(void) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%s/matrix", getenv("IPC_RUNDIR"));
	int result = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(result >= 0 && connect(result, (struct sockaddr *)&address, sizeof address) == 0);
	return result;
}

static void echo(void) {
	static const char commands[] = "qtxwdDskvm";
	char all[256];
	for (int i = 0; i < 256; i++) all[i] = (char)i;
	text('e', "hello");
	text('e', "");
	round_trip(fd, 'e', "\0in the\0middle\0", 15);
	round_trip(fd, 'e', all, 256);
	for (int i = 0; i < 256; i++) {
		if (i == 0 || strchr(commands, i) == NULL) round_trip(fd, (char)i, "x", 1);
	}
}

static void sizes(void) {
	static const size_t each[] = {0, 1, 5, 6, 7, 255, 256, 65535, 65536, 262144, 1000000, 1999993, 1999994};
	for (size_t i = 0; i < sizeof each / sizeof *each; i++) round_trip(fd, 'e', pattern, each[i]);
	struct ipc_message m = {.type = MSG_TYPE_DATA, .user_type = 'e', .fd = fd, .length = 1999995, .payload = pattern};
	CHECK_ERROR(ipc_write(&ctx, &m), IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH);
	text('e', "small");
}

static bool counts_are_right(const char *counts) {
	const char *tx = strstr(counts, " tx=");
	return strstr(counts, "connection=3 disconnection=1 error=1 external=1 ") == counts && strstr(counts, " timer=1 ") != NULL &&
	    tx != NULL && atoi(tx + 4) >= 4 && strstr(counts, " wake=1") != NULL;
}

static void events(void) {
	round_trip(fd, 'x', pattern, 4096);
	text('w', "");
	text('t', "1");
	int second = connected("matrix");
	round_trip(second, 'e', "second", 6);
	CHECK_ERROR(ipc_close_fd(&ctx, second), IPC_ERROR_NONE);
	int raw = raw_connection();
	write_all(raw, "\2\377\377\377\377e", 6);
	char byte;
	CHECK(read(raw, &byte, 1) <= 0);
	close(raw);
	for (int i = 0; i < 10000; i++) {
		send_message(&ctx, fd, 'v', NULL, 0);
		expect(&ctx, IPC_EVENT_TYPE_TX, fd);
		struct ipc_message *m = expect(&ctx, IPC_EVENT_TYPE_MESSAGE, fd);
		char counts[256];
		snprintf(counts, sizeof counts, "%.*s", (int)m->length, m->payload);
		if (counts_are_right(counts)) return;
	}
	CHECK(!"the service counts other events");
}

static void timers(void) {
	text('t', "0");
	text('t', "1");
	text('t', "30");
	struct timespec begin, end;
	int timer = 20;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	CHECK_ERROR(ipc_wait_event(&ctx, &event, &timer), IPC_ERROR_NONE);
	clock_gettime(CLOCK_MONOTONIC, &end);
	CHECK(event.type == IPC_EVENT_TYPE_TIMER && timer == 0);
	CHECK((end.tv_sec - begin.tv_sec) * 1000000000L + end.tv_nsec - begin.tv_nsec >= 20000000);
	send_message(&ctx, fd, 'e', "for ever", 8);
	CHECK_ERROR(ipc_wait_event(&ctx, &event, NULL), IPC_ERROR_NONE);
	CHECK(event.type == IPC_EVENT_TYPE_TX);
	CHECK_ERROR(ipc_wait_event(&ctx, &event, NULL), IPC_ERROR_NONE);
	CHECK(event.type == IPC_EVENT_TYPE_MESSAGE);
}

static void services(void) {
	int second = connected("matrix-2"), third = connected("matrix-3");
	for (int i = 0; i < 3; i++) {
		round_trip(fd, 'e', "one", 3);
		round_trip(second, 'e', "two", 3);
		round_trip(third, 'e', "three", 5);
	}
}

static void descriptor(void) {
	static char bytes[8192];
	int ends[2];
	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	struct ipc_message m = {.type = MSG_TYPE_DATA, .user_type = 'd', .fd = fd, .length = 1000, .payload = pattern};
	CHECK_CODE(ipc_write_with_fd(&ctx, &m, ends[1]));
	close(ends[1]);
	expect(&ctx, IPC_EVENT_TYPE_TX, fd);
	CHECK(same(expect(&ctx, IPC_EVENT_TYPE_MESSAGE, fd), 'd', "written", 7));
	CHECK(read_all(ends[0], bytes, sizeof bytes) == 1000 && memcmp(bytes, pattern, 1000) == 0);
	close(ends[0]);
	ask(fd, 'd', "x", 1, "none", 4);
	CHECK_CODE(ipc_ctx_accept_fds(&ctx, fd, 1));
	ask(fd, 'D', pattern, 4096, "here", 4);
	int got = ipc_event_take_fd(&event);
	CHECK(got >= 0 && read_all(got, bytes, sizeof bytes) == 4096 && memcmp(bytes, pattern, 4096) == 0);
	close(got);
}

static void switching(void) {
	struct ipc_ctx back = {0};
	static char bytes[8192], payload[5000];
	CHECK_ERROR(ipc_server_init(&back, "matrix-back"), IPC_ERROR_NONE);
	int raw = raw_connection();
	write_all(raw, "\2\0\0\0\13smatrix-back", 17);
	expect(&back, IPC_EVENT_TYPE_CONNECTION, -1);
	int end = event.origin;
	write_all(raw, "one\ntw", 6);
	write_all(raw, "o\n\n", 3);
	write_all(raw, "end\n", 4);
	static const char *const lines[] = {"one", "two", "", "end"};
	for (int i = 0; i < 4; i++) CHECK(same(expect(&back, IPC_EVENT_TYPE_MESSAGE, end), 'l', lines[i], strlen(lines[i])));
	for (int i = 0; i < 5000; i++) payload[i] = pattern[i] == '\n' ? '\13' : pattern[i];
	send_message(&back, end, 'l', "back", 4);
	send_message(&back, end, 'l', NULL, 0);
	send_message(&back, end, 'l', payload, sizeof payload);
	for (int i = 0; i < 3; i++) expect(&back, IPC_EVENT_TYPE_TX, end);
	CHECK(read_all(raw, bytes, 5007) == 5007 && memcmp(bytes, "back\n\n", 6) == 0);
	CHECK(memcmp(bytes + 6, payload, 5000) == 0 && bytes[5006] == '\n');
	close(raw);
	expect(&back, IPC_EVENT_TYPE_DISCONNECTION, end);
	CHECK_ERROR(ipc_close_all(&back), IPC_ERROR_NONE);
	ipc_ctx_free(&back);
}

static bool ends_in(const struct ipc_error *error, const char *end) {
	size_t size = strlen(error->error_message), wanted = strlen(end);
	return size >= wanted && strcmp(error->error_message + size - wanted, end) == 0;
}

static void killed(void) {
	text('k', "last words");
	expect(&ctx, IPC_EVENT_TYPE_DISCONNECTION, fd);
	struct ipc_message m = {.type = MSG_TYPE_DATA, .user_type = 'e', .fd = fd};
	CHECK_ERROR(ipc_write(&ctx, &m), IPC_ERROR_WRITE__FD_NOT_FOUND);
	/* The kernel closes the descriptors of a killed program one after the other: the listener may be there a little longer. */
	struct ipc_error result;
	for (time_t end = time(NULL) + 20;;) {
		int other;
		result = ipc_connection(&ctx, "matrix", &other);
		if (result.error_code != IPC_ERROR_NONE || time(NULL) > end) break;
		CHECK_ERROR(ipc_close_fd(&ctx, other), IPC_ERROR_NONE);
	}
	CHECK(result.error_code == IPC_ERROR_USOCK_CONNECT__CONNECT && ends_in(&result, "Connection refused"));
}

static void names(void) {
	char end[PATH_MAX], many[201] = "";
	memset(many, 'x', 200);
	snprintf(end, sizeof end, "%s/nobody: No such file or directory", getenv("IPC_RUNDIR"));
	struct ipc_error result = ipc_connection(&ctx, "nobody", NULL);
	CHECK(result.error_code == IPC_ERROR_USOCK_CONNECT__CONNECT && ends_in(&result, end));
	const char *bad[] = {"", ".", "..", "a/../b", many};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK_ERROR(ipc_connection(&ctx, bad[i], NULL), IPC_ERROR_SERVICE_PATH__INVALID_NAME);
		CHECK_ERROR(ipc_server_init(&ctx, bad[i]), IPC_ERROR_SERVICE_PATH__INVALID_NAME);
	}
	CHECK_ERROR(ipc_server_init(&ctx, "matrix"), IPC_ERROR_USOCK_INIT__BIND);
	struct ipc_ctx own = {0};
	CHECK_ERROR(ipc_server_init(&own, "\377\376-1"), IPC_ERROR_NONE);
	int client = connected("\377\376-1");
	expect(&own, IPC_EVENT_TYPE_CONNECTION, -1);
	CHECK_ERROR(ipc_close_fd(&ctx, client), IPC_ERROR_NONE);
	CHECK_ERROR(ipc_close_all(&own), IPC_ERROR_NONE);
	ipc_ctx_free(&own);
}

static void queue_number(int number) {
	char digits[16];
	send_message(&ctx, fd, 'e', digits, (size_t)snprintf(digits, sizeof digits, "%d", number));
}

static void flight(void) {
	enum { MESSAGES = 10000, IN_FLIGHT = 64 };
	int queued = 0, sent = 0, received = 0;
	while (queued < IN_FLIGHT) queue_number(queued++);
	while (received < MESSAGES || sent < MESSAGES) {
		int timer = 20000;
		CHECK_ERROR(ipc_wait_event(&ctx, &event, &timer), IPC_ERROR_NONE);
		CHECK(event.type == IPC_EVENT_TYPE_TX || event.type == IPC_EVENT_TYPE_MESSAGE);
		sent += event.type == IPC_EVENT_TYPE_TX;
		if (event.type != IPC_EVENT_TYPE_MESSAGE) continue;
		char digits[16];
		CHECK(same(event.m, 'e', digits, (size_t)snprintf(digits, sizeof digits, "%d", received++)));
		if (queued < MESSAGES) queue_number(queued++);
	}
	CHECK(sent == MESSAGES);
}

/* Descriptors and memory of the service and of this program. */
static void measure(long *all) {
	send_message(&ctx, fd, 'm', NULL, 0);
	expect(&ctx, IPC_EVENT_TYPE_TX, fd);
	struct ipc_message *m = expect(&ctx, IPC_EVENT_TYPE_MESSAGE, fd);
	char numbers[64];
	snprintf(numbers, sizeof numbers, "%.*s", (int)m->length, m->payload);
	CHECK(sscanf(numbers, "%ld %ld", &all[0], &all[1]) == 2);
	all[2] = descriptors();
	all[3] = resident();
}

static void leaks(void) {
	const char *wanted = getenv("MATRIX_LEAKS");
	long before[4], after[4], count = wanted != NULL ? atol(wanted) : 100000;
	int other = connected("matrix");
	for (int i = 0; i < 20000; i++) round_trip(other, 'e', pattern, 100);
	measure(before);
	for (long i = 1; i <= count; i++) {
		round_trip(other, 'e', pattern, 100);
		if (i % 1000 != 0 || i == count) continue;
		CHECK_ERROR(ipc_close_fd(&ctx, other), IPC_ERROR_NONE);
		other = connected("matrix");
	}
	measure(after);
	CHECK(after[0] == before[0] && after[1] < before[1] + 8192);
	CHECK(after[2] == before[2] && after[3] < before[3] + 8192);
}

int main(int argc, char **argv) {
	static const struct {
		const char *name;
		void (*run)(void);
	} scenarios[] = {{"echo", echo}, {"sizes", sizes}, {"events", events}, {"timer", timers}, {"services", services},
	    {"descriptor", descriptor}, {"switch", switching}, {"killed", killed}, {"names", names}, {"flight", flight}, {"leaks", leaks}};
	CHECK(argc == 2);
	for (unsigned i = 0; i < PLENTY; i++) pattern[i] = (char)(i * 31 + (i >> 8));
	fd = connected("matrix");
	size_t chosen = 0;
	while (chosen < sizeof scenarios / sizeof *scenarios && strcmp(scenarios[chosen].name, argv[1]) != 0) chosen++;
	CHECK(chosen < sizeof scenarios / sizeof *scenarios);
	scenarios[chosen].run();
	if (scenarios[chosen].run != killed) text('q', "");
	CHECK_ERROR(ipc_close_all(&ctx), IPC_ERROR_NONE);
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
}
