/*
 * injected.c - nothing lost, doubled or reordered, and nothing spinning, while the system fails.
 *
 * Runs under libinject.so (injector.c): INJECTOR is its path; without it every test is skipped.
 * SEED repeats a run.
 */
#include "injected.h"

enum { CLIENTS = 4, WINDOW = 24 };

static size_t length_of(int client, int number) {
	if (number % 311 == 7) return 300000;
	if (number % 47 == 3) return 20000 + (size_t)number;
	return 8 + (size_t)(client * 53 + number * 29) % 500;
}
static void fill(struct ipc_message *m, int client, int number) {
	size_t length = length_of(client, number);
	char *payload = malloc(length);
	CHECK(payload != NULL);
	for (size_t i = 0; i < length; i++) payload[i] = (char)((size_t)client * 31 + (size_t)number * 7 + i);
	memcpy(payload, &client, 4);
	memcpy(payload + 4, &number, 4);
	*m = (struct ipc_message){MSG_TYPE_DATA, (char)number, -1, (uint32_t)length, payload};
}
static void check_content(const struct ipc_message *m, int client, int number) {
	struct ipc_message wanted;
	fill(&wanted, client, number);
	if (m->length != wanted.length || m->user_type != wanted.user_type || memcmp(m->payload, wanted.payload, m->length) != 0) {
		int is[2] = {-1, -1};
		if (m->length >= 8) memcpy(is, m->payload, 8);
		FAIL("client %d: message %d of client %d (%u bytes) in place of %d (%u bytes)", client, is[1], is[0], m->length, number,
		    wanted.length);
	}
	free(wanted.payload);
}

/* Queues, or says that the message was not queued. */
static int queued(struct ipc_ctx *ctx, const struct ipc_message *m) {
	int code = (int)ARMED(FULL, ipc_write(ctx, m)).error_code;
	CHECK(code == 0 || code == 92 || code == 110);
	return code == 0;
}
/* 43: no byte of the frame was sent. 12: a part was, and the library sends the rest. */
static void send_directly(int fd, const struct ipc_message *m) {
	struct ipc_error e;
	do e = ARMED(FULL, ipc_write_fd(fd, m));
	while (e.error_code == IPC_ERROR_USOCK_SEND);
	CHECK(e.error_code == 0 || e.error_code == IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA);
}

/* One client: sends with ipc_write and ipc_write_fd in turn, reads the echo with ipc_wait_event and ipc_read. */
static void run_client(int client, int messages) {
	struct ipc_ctx ctx = {0};
	struct ipc_event event = {0};
	struct ipc_message m = {0};
	int fd = -1, sent = 0, received = 0, wrote = 0, told = 0, forever = -1;
	CHECK_OK(ipc_connection(&ctx, "injected", &fd));
	/* What the kernel has is not in tx any more, and may still have to be told of. */
	while (received < messages || ctx.tx.size > 0 || told < wrote) {
		if (sent < messages && sent - received < WINDOW && random() % 4 != 0) {
			struct ipc_message out;
			fill(&out, client, sent);
			out.fd = fd;
			if (random() % 3 == 0) send_directly(fd, &out), sent++;
			else if (queued(&ctx, &out)) sent++, wrote++;
			free(out.payload);
			continue;
		}
		if (received == sent && told == wrote) continue;
		if (received < sent && ctx.tx.size == 0 && random() % 3 == 0) { /* nothing of ours waits, so an echo must come */
			struct ipc_error e = ARMED(FULL, ipc_read(&ctx, 0, &m));
			if (is_passing(e)) continue;
			CHECK_EQUAL(e.error_code, 0);
			check_content(&m, client, received++);
			continue;
		}
		struct ipc_error e = ARMED(FULL, ipc_wait_event(&ctx, &event, &forever));
		if (is_passing(e)) continue;
		CHECK_EQUAL(e.error_code, 0);
		if (event.type == IPC_EVENT_TYPE_TX) {
			told++;
			continue;
		}
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
		check_content(event.m, client, received++);
	}
	CHECK_EQUAL(told, wrote);
	CHECK_EQUAL(received, sent);
	free(m.payload);
	IPC_EVENT_CLEAN(&event);
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
}

/* The service: echoes in order; a client may leave only after its last echo. */
static void run_service(struct ipc_ctx *ctx, int messages) {
	struct ipc_event event = {0};
	int expected[CLIENTS] = {0}, joined = 0, left = 0, forever = -1;
	long told = 0, echoed = 0;
	while (left < CLIENTS) {
		struct ipc_error e = ARMED(FULL, ipc_wait_event(ctx, &event, &forever));
		if (is_passing(e)) continue;
		CHECK_EQUAL(e.error_code, 0);
		switch (event.type) {
		case IPC_EVENT_TYPE_CONNECTION: joined++; break;
		case IPC_EVENT_TYPE_TX: told++; break;
		case IPC_EVENT_TYPE_DISCONNECTION: left++; break;
		case IPC_EVENT_TYPE_MESSAGE: {
			struct ipc_message *m = event.m;
			int client = -1;
			CHECK(m->length >= 8);
			memcpy(&client, m->payload, 4);
			CHECK(client >= 0 && client < CLIENTS);
			check_content(m, client, expected[client]++);
			m->fd = event.origin;
			while (!queued(ctx, m)) {}
			echoed++;
			break;
		}
		default: FAIL("event %d: %s", (int)event.type, e.error_message);
		}
	}
	for (int i = 0; i < CLIENTS; i++) CHECK_EQUAL(expected[i], messages);
	CHECK_EQUAL(joined, CLIENTS);
	CHECK_EQUAL(told, echoed);
	CHECK(inject_failures() > 100);
	IPC_EVENT_CLEAN(&event);
}

static void traffic(int messages) {
	struct ipc_ctx ctx = {0};
	pid_t children[CLIENTS];
	CHECK_OK(ipc_server_init(&ctx, "injected"));
	for (int i = 0; i < CLIENTS; i++) {
		if ((children[i] = fork()) != 0) continue;
		alarm(55);
		close(ctx.pollfd[0].fd);
		ipc_ctx_free(&ctx); /* the parent's */
		inject_seed((uint64_t)random() + (uint64_t)i);
		srandom((unsigned)(random() + i));
		run_client(i, messages);
		_exit(0);
	}
	run_service(&ctx, messages);
	for (int i = 0; i < CLIENTS; i++) {
		int status;
		CHECK(waitpid(children[i], &status, 0) == children[i]);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
}

static void mild(long thousandths) {
	inject_rule("in", SHORT, thousandths, 0, 0);
	inject_rule("out", SHORT, thousandths, 0, 0);
	inject_rule("in", EINTR, 60, 0, 0);
	inject_rule("out", EINTR, 60, 0, 0);
	inject_rule("in", EAGAIN, 100, 0, 0);
	inject_rule("out", EAGAIN, 100, 0, 0);
	inject_rule("waiting", EINTR, 60, 0, 0);
	inject_rule("waiting", SHORT, 200, 0, 0);
	inject_rule("accepting", EINTR, 200, 0, 0);
}

TEST(short_and_interrupted_calls_lose_double_and_reorder_nothing) {
	begin();
	mild(400);
	traffic(2000);
}

TEST(every_transfer_cut_short_loses_doubles_and_reorders_nothing) {
	begin();
	inject_rule("in", SHORT, 1000, 0, 0);
	inject_rule("out", SHORT, 1000, 0, 0);
	traffic(500);
}

TEST(a_system_short_of_memory_and_descriptors_loses_doubles_and_reorders_nothing) {
	begin();
	for (int i = 0; i < 4; i++) {
		static const int none_left[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS};
		inject_rule("accepting", none_left[i], 150, 0, 0);
	}
	inject_rule("in", ENOMEM, 20, 0, 0);
	inject_rule("in", ENOBUFS, 20, 0, 0);
	inject_rule("out", ENOMEM, 20, 0, 0);
	inject_rule("out", ENOBUFS, 20, 0, 0);
	inject_rule("watching", ENOMEM, 50, 0, 0);
	inject_rule("memory", ENOMEM, 30, 0, 0);
	mild(200);
	traffic(1500);
}

TEST(an_interrupted_wait_tells_106_and_loses_nothing) {
	struct ipc_ctx ctx = {0};
	struct ipc_event event = {0};
	struct ipc_message out = {0};
	int pair[2], timer = 1000;
	struct ipc_connection_info info = {IPC_CONNECTION_TYPE_IPC, 0, NULL};
	begin();
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	struct pollfd entry = {pair[0], POLLIN, 0};
	CHECK_OK(ipc_add(&ctx, &info, &entry));
	CHECK_OK(ipc_message_format_data(&out, 1, "once", 4));
	inject_rule("waiting", EINTR, 0, 1, 3);
	for (int i = 0; i < 3; i++) {
		CHECK_CODE(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)), 106);
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_NOT_SET);
		CHECK(timer > 0 && timer <= 1000);
	}
	CHECK_OK(ipc_write_fd(pair[1], &out));
	timer = -1;
	CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
	CHECK_EQUAL(inject_failures(), 3);
	IPC_EVENT_CLEAN(&event);
	free(out.payload);
	close(pair[1]);
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
}
