/*
 * external_writes.c - "ipc_write takes any descriptor of the context, EXTERNAL ones too": frames for a pipe, a FIFO, a
 * terminal and a regular file arrive whole, are told with TX, and keep nobody waiting.
 */
#include "kinds.h"

#include <sys/resource.h>

static struct ipc_ctx ctx;
static struct ipc_event event;
enum { LARGE = 300000 };

static struct ipc_error write_directly(int fd, char user_type, const void *payload, uint32_t length) {
	struct ipc_message m = message_of(fd, user_type, payload, length);
	return ipc_write_fd(fd, &m);
}

/* Takes `size` bytes out of `fd` while the context sends them; TX is told once for each of `messages`. */
static char *drain(int fd, size_t size, int messages) {
	char *got = malloc(size);
	size_t done = 0;
	int told = 0;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	while (done < size || told < messages) {
		int timer = 0;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK(event.type == IPC_EVENT_TYPE_TX || event.type == IPC_EVENT_TYPE_TIMER);
		told += event.type == IPC_EVENT_TYPE_TX;
		ssize_t n = read(fd, got + done, size - done);
		CHECK(n > 0 || errno == EAGAIN || done == size);
		if (n > 0) done += (size_t)n;
	}
	CHECK_EQUAL(told, messages);
	CHECK_EQUAL(ctx.tx.size, 0);
	return got;
}

static void check_frame(const char *frame, char user_type, const void *payload, uint32_t length) {
	char header[IPC_HEADER_SIZE];
	put_header(header, MSG_TYPE_DATA, length, user_type);
	CHECK(memcmp(frame, header, IPC_HEADER_SIZE) == 0);
	CHECK(length == 0 || memcmp(frame + IPC_HEADER_SIZE, payload, length) == 0);
}

/* Small, large, empty and small again, queued at once for `out`, whose other end is `in`. */
static void three_frames_cross(int out, int in) {
	char *payload = pattern(LARGE, 1);
	CHECK_OK(ipc_add_fd(&ctx, out));
	queue(&ctx, out, 'a', payload, 3);
	queue(&ctx, out, 'b', payload, LARGE);
	queue(&ctx, out, 'c', NULL, 0);
	queue(&ctx, out, 'd', payload, 4000);
	size_t size = FRAME_SIZE(3) + FRAME_SIZE(LARGE) + FRAME_SIZE(0) + FRAME_SIZE(4000);
	char *got = drain(in, size, 4);
	check_frame(got, 'a', payload, 3);
	check_frame(got + FRAME_SIZE(3), 'b', payload, LARGE);
	check_frame(got + FRAME_SIZE(3) + FRAME_SIZE(LARGE), 'c', NULL, 0);
	check_frame(got + size - FRAME_SIZE(4000), 'd', payload, 4000);
	CHECK_EQUAL(fcntl(out, F_GETFL) & O_NONBLOCK, 0);
	CHECK_OK(ipc_del_fd(&ctx, out));
	free(got);
	free(payload);
	close(out);
	close(in);
}

TEST(frames_for_a_pipe) {
	int ends[2];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK(pipe(ends) == 0);
	three_frames_cross(ends[1], ends[0]);
	finish(&ctx, &event);
}

TEST(frames_for_a_fifo) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_EQUAL(mkfifo(in_rundir("fifo"), 0600), 0);
	int in = open(in_rundir("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	three_frames_cross(open(in_rundir("fifo"), O_WRONLY | O_CLOEXEC), in);
	finish(&ctx, &event);
}

TEST(frames_for_a_terminal) {
	int ends[2];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	make_terminal(ends);
	three_frames_cross(ends[0], ends[1]);
	finish(&ctx, &event);
}

TEST(frames_for_a_regular_file) {
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int out = make_file("", O_WRONLY), in = open(in_rundir("file"), O_RDONLY | O_CLOEXEC);
	char *payload = pattern(LARGE, 1);
	CHECK_OK(ipc_add_fd(&ctx, out));
	/* always ready it is told in between: that is its kind */
	const uint32_t sizes[] = {3, 4000, 4096, LARGE, 0, 20000};
	for (int i = 0; i < 6; i++) {
		queue(&ctx, out, (char)i, payload, sizes[i]);
		for (int told = 0; told < 8 && ctx.tx.size > 0; told++) {
			int timer = 0;
			CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
			CHECK(event.type == IPC_EVENT_TYPE_TX || event.type == IPC_EVENT_TYPE_EXTRA_SOCKET);
			CHECK_EQUAL(event.origin, out);
		}
		CHECK_EQUAL(ctx.tx.size, 0);
		char *got = malloc(FRAME_SIZE(sizes[i]));
		CHECK_EQUAL(read(in, got, FRAME_SIZE(sizes[i])), FRAME_SIZE(sizes[i]));
		check_frame(got, (char)i, payload, sizes[i]);
		free(got);
	}
	free(payload);
	close(in);
	close(out);
	finish(&ctx, &event);
}

TEST(direct_writes_to_a_pipe_and_a_regular_file) {
	int ends[2];
	char *payload = pattern(60000, 1), *got = malloc(FRAME_SIZE(60000));
	CHECK(pipe(ends) == 0);
	CHECK_OK(write_directly(ends[1], 'a', payload, 60000)); /* a pipe holds 64 KiB */
	CHECK_EQUAL(read(ends[0], got, FRAME_SIZE(60000)), FRAME_SIZE(60000));
	check_frame(got, 'a', payload, 60000);
	int out = make_file("", O_WRONLY), in = open(in_rundir("file"), O_RDONLY | O_CLOEXEC);
	CHECK_OK(write_directly(out, 'b', payload, 60000));
	CHECK_OK(write_directly(out, 'c', NULL, 0));
	CHECK_EQUAL(read(in, got, FRAME_SIZE(60000)), FRAME_SIZE(60000));
	check_frame(got, 'b', payload, 60000);
	CHECK_EQUAL(read(in, got, 100), FRAME_SIZE(0));
	check_frame(got, 'c', NULL, 0);
	free(got);
	free(payload);
	close(in);
	close(out);
	close(ends[0]);
	close(ends[1]);
}

static volatile sig_atomic_t broken_pipes;
static void on_sigpipe(int number) { (void)number, broken_pipes++; }

TEST(a_pipe_that_nobody_reads_any_more_ends_no_process) {
	int ends[2];
	struct sigaction action = {.sa_handler = on_sigpipe};
	sigset_t pending;
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	sigaction(SIGPIPE, &action, NULL);
	CHECK(pipe(ends) == 0);
	close(ends[0]);
	CHECK_CODE(write_directly(ends[1], 'a', "x", 1), IPC_ERROR_USOCK_SEND);
	CHECK_OK(ipc_add_fd(&ctx, ends[1]));
	queue(&ctx, ends[1], 'a', "too late", 8);
	for (int i = 0; i < 5; i++) {
		int timer = 0;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK(event.type == IPC_EVENT_TYPE_DISCONNECTION || event.type == IPC_EVENT_TYPE_TIMER);
	}
	CHECK_EQUAL(ctx.tx.size, 0);
	CHECK_EQUAL(broken_pipes, 0);
	CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGPIPE));
	close(ends[1]);
	finish(&ctx, &event);
}

/* Fault 6, "non-reading receiver blocked the whole service", whatever the receiver is. */
static void others_are_served_while_nobody_reads(int out) {
	int origin, peer = join(&ctx, &event, "pong", &origin);
	char *payload = pattern(LARGE, 1);
	CHECK_OK(ipc_add_fd(&ctx, out));
	for (int i = 0; i < 3; i++) {
		queue(&ctx, out, 'a', payload, LARGE);
		write_frame(peer, 'a', "hello", 5);
		next_message(&ctx, &event, origin, 'a', "hello", 5);
		queue(&ctx, origin, 'b', "hello", 5);
		next(&ctx, &event, IPC_EVENT_TYPE_TX);
		CHECK_EQUAL(event.origin, origin);
		read_frame(peer, 'b', "hello", 5);
	}
	CHECK_EQUAL(ctx.tx.size, 3);
	CHECK_OK(ipc_del_fd(&ctx, out));
	CHECK_EQUAL(ctx.tx.size, 0);
	close(peer);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	free(payload);
}

TEST(a_pipe_that_nobody_reads_blocks_nobody) {
	int ends[2];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK(pipe(ends) == 0);
	others_are_served_while_nobody_reads(ends[1]);
	close(ends[0]);
	close(ends[1]);
	finish(&ctx, &event);
}

TEST(a_terminal_that_nobody_reads_blocks_nobody) {
	int ends[2];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	const size_t before[] = {0, 10, 300, 1000, 3000}; /* so that the room is no multiple of any block size */
	char prompt[3000] = "";
	for (int i = 0; i < 5; i++) {
		make_terminal(ends);
		if (before[i] > 0) put_bytes(ends[0], prompt, before[i]);
		others_are_served_while_nobody_reads(ends[0]);
		close(ends[0]);
		close(ends[1]);
	}
	finish(&ctx, &event);
}

/* "One event for each": a message that could not be handed to the kernel is not one of them (fault 18). */
TEST(a_file_that_takes_no_more_gives_no_tx) {
	struct rlimit limit = {4096, 4096};
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	int out = make_file("", O_WRONLY);
	signal(SIGXFSZ, SIG_IGN);
	CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
	char *payload = pattern(5000, 1);
	CHECK_OK(ipc_add_fd(&ctx, out));
	queue(&ctx, out, 'a', payload, 5000);
	queue(&ctx, out, 'b', payload, 10);
	for (int i = 0; i < 10; i++) {
		int timer = 0;
		struct ipc_error e = ipc_wait_event(&ctx, &event, &timer);
		CHECK_EQUAL(e.error_code, 0);
		CHECK(event.type != IPC_EVENT_TYPE_TX);
	}
	CHECK_CODE(write_directly(out, 'b', payload, 10), IPC_ERROR_USOCK_SEND);
	free(payload);
	close(out);
	finish(&ctx, &event);
}
