/*
 * half_sent.c - a message of which the kernel has a part when its queue is dropped, or when somebody else begins to write:
 * "Messages arrive whole, in order, once". The descriptor lives on, and whatever is written to it next must begin at a
 * frame's beginning, as it always did with the old library, which never left a frame half sent. So the begun message is
 * finished, and only what was behind it is dropped.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
enum { LARGE = 1500000 };
static int ends_with_text; /* the last is written by a callback, as text */

/* Gets the large frame whole, none that was queued behind it, and the new one. Stopped at first: nobody reads. */
static void reader(int gate) {
	char *payload = pattern(LARGE, 2), text[4];
	raise(SIGSTOP);
	read_frame(gate, 'l', payload, LARGE);
	if (ends_with_text) CHECK(read_bytes(gate, text, 4) == 4 && memcmp(text, "text", 4) == 0);
	else read_frame(gate, 'n', "new", 3);
	CHECK_EQUAL(read_bytes(gate, text, 1), 0);
	free(payload);
}

/* The large message is half sent, a small one waits behind it; the service keeps the context alive. */
static pid_t start_half_sent(enum ipc_connection_type type, int *fd) {
	struct ipc_connection_info info = {.type = type};
	char *payload = pattern(LARGE, 2);
	int status;
	pid_t child = start(reader, fd);
	CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = *fd, .events = POLLIN}));
	queue(&ctx, *fd, 'l', payload, LARGE);
	nothing_to_tell(&ctx, &event);
	free(payload);
	if (!ends_with_text) queue(&ctx, *fd, 's', "dropped", 7);
	CHECK_EQUAL(ctx.tx.size, ends_with_text ? 1 : 2);
	return child;
}

static void go_on(pid_t child) { CHECK_EQUAL(kill(child, SIGCONT), 0); }

static void end_half_sent(pid_t child, int fd) {
	shutdown(fd, SHUT_WR);
	join_process(child, fd);
	finish(&ctx, &event);
}

static void write_new(int fd) {
	struct ipc_message m = message_of(fd, 'n', "new", 3);
	CHECK_OK(ipc_write_fd(fd, &m));
}

static void send_new(struct ipc_ctx *to, int fd) {
	queue(to, fd, 'n', "new", 3);
	next(to, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(event.origin, fd);
	CHECK_EQUAL(to->tx.size, 0);
}

TEST(after_ipc_close_of_an_external_entry) {
	for (int directly = 0; directly < 2; directly++) {
		int fd;
		pid_t child = start_half_sent(IPC_CONNECTION_TYPE_EXTERNAL, &fd);
		CHECK_OK(ipc_close(&ctx, 1));
		CHECK_EQUAL(ctx.tx.size, 0);
		go_on(child);
		if (directly) write_new(fd);
		else send_new(&ctx, fd);
		end_half_sent(child, fd);
	}
}

TEST(after_ipc_del_and_a_direct_write) {
	for (int type = IPC_CONNECTION_TYPE_IPC; type <= IPC_CONNECTION_TYPE_EXTERNAL; type++) {
		int fd;
		pid_t child = start_half_sent((enum ipc_connection_type)type, &fd);
		CHECK_OK(ipc_del_fd(&ctx, fd));
		CHECK_EQUAL(ctx.tx.size, 0);
		go_on(child);
		write_new(fd);
		end_half_sent(child, fd);
	}
}

TEST(after_ipc_del_and_a_write_in_another_context) {
	for (int again = 0; again < 2; again++) {
		struct ipc_ctx other = {0}, *to = again ? &ctx : &other;
		int fd;
		pid_t child = start_half_sent(IPC_CONNECTION_TYPE_EXTERNAL, &fd);
		CHECK_OK(ipc_del_fd(&ctx, fd));
		CHECK_OK(ipc_add_fd(to, fd));
		go_on(child);
		send_new(to, fd);
		CHECK_OK(ipc_del_fd(to, fd));
		end_half_sent(child, fd);
	}
}

TEST(after_ipc_ctx_free_and_a_direct_write) {
	int fd;
	pid_t child = start_half_sent(IPC_CONNECTION_TYPE_EXTERNAL, &fd);
	int listening = ctx.pollfd[0].fd;
	ipc_ctx_free(&ctx);
	close(listening);
	go_on(child);
	write_new(fd);
	end_half_sent(child, fd);
}

/* The type that is found when the queue is dropped is EXTERNAL by now: dropped, not closed. */
TEST(a_type_that_changes_in_the_middle_of_a_message) {
	for (int in_place = 0; in_place < 2; in_place++) {
		int fd;
		pid_t child = start_half_sent(IPC_CONNECTION_TYPE_IPC, &fd);
		if (in_place) ctx.cinfos[1].type = IPC_CONNECTION_TYPE_EXTERNAL;
		else CHECK_EQUAL(ipc_ctx_fd_type(&ctx, fd, IPC_CONNECTION_TYPE_EXTERNAL), 0);
		nothing_to_tell(&ctx, &event);
		CHECK_EQUAL(ctx.tx.size, 2);
		CHECK_OK(ipc_close(&ctx, 1));
		CHECK(is_open(fd));
		go_on(child);
		send_new(&ctx, fd);
		end_half_sent(child, fd);
	}
}

static enum ipccb text_out(int fd, struct ipc_message *m) {
	write_bytes(fd, m->payload, m->length);
	return IPC_CB_NO_ERROR;
}

/* An out callback that is set in the middle of a message writes the next one, behind it. */
TEST(a_callback_that_is_set_in_the_middle_of_a_message) {
	int fd, ends[2];
	ends_with_text = 1;
	make_pair(ends);
	pid_t child = start_half_sent(IPC_CONNECTION_TYPE_SWITCHED, &fd);
	CHECK_OK(ipc_add_fd_switched(&ctx, ends[0]));
	ipc_ctx_switching_add(&ctx, ends[0], fd);
	ipc_switching_callbacks(&ctx, fd, NULL, text_out);
	queue(&ctx, fd, 't', "text", 4);
	nothing_to_tell(&ctx, &event);
	go_on(child);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(ctx.tx.size, 0);
	close(ends[1]);
	CHECK_OK(ipc_del_fd(&ctx, fd));
	end_half_sent(child, fd);
}
