/*
 * injected_memory.c - allocations that fail, also those by posix_memalign(3) and similar functions, which compilers use for temporary
 * buffers: each call returns an error, or works without the memory; none ends the process.
 */
#include "injected.h"
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;

static void without_aligned_memory(void) {
	begin();
	inject_rule("posix_memalign", ENOMEM, 1000, 0, 0);
	inject_rule("aligned_alloc", ENOMEM, 1000, 0, 0);
	inject_rule("memalign", ENOMEM, 1000, 0, 0);
}
static void without_memory(void) {
	begin();
	inject_rule("memory", ENOMEM, 1000, 0, 0);
}

TEST(directories_are_made_and_looked_at_without_aligned_memory) {
	char path[200], parent[PATH_MAX];
	without_aligned_memory();
	snprintf(path, sizeof path, "%s/a/b/c/socket", run_directory);
	CHECK_OK(ARMED(FULL, directory_setup_(path)));
	snprintf(path, sizeof path, "%s/d/e/f", run_directory);
	CHECK_OK(ARMED(FULL, mkdir_p_(path)));
	struct stat status;
	inject_arm(FULL);
	int is_there = exists_(path, &status), is_directory = is_directory_(&status), is_writable = is_writable_(&status);
	dirname_(path, parent);
	status.st_uid = status.st_gid = 54321; /* so that all groups are looked at */
	is_writable_(&status);
	inject_arm(OFF);
	CHECK(is_there && is_directory && is_writable);
}

TEST(a_service_starts_and_serves_without_aligned_memory) {
	without_aligned_memory();
	CHECK_OK(ARMED(FULL, ipc_server_init(&ctx, "pong")));
	int peer = raw_connect("pong"), timer = -1;
	CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_CONNECTION);
	int origin = event.origin;
	/* Many frames in one send, of one part and of two. */
	char *payload = pattern(5000, 1);
	for (int i = 0; i < 200; i++) {
		struct ipc_message m = message_of(origin, 'm', payload, i % 7 == 0 ? 5000 : 10);
		CHECK_OK(ARMED(FULL, ipc_write(&ctx, &m)));
	}
	for (int told = 0; told < 200;) {
		timer = 0;
		CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)));
		told += event.type == IPC_EVENT_TYPE_TX;
		char bytes[65536];
		while (recv(peer, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {}
	}
	struct ipc_error e = ARMED(FULL, ipc_close(&ctx, 17));
	CHECK_CODE(e, IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
	free(payload);
	close(peer);
	finish(&ctx, &event);
}

TEST(without_any_memory_calls_fail_and_work_again_later) {
	char path[200];
	struct ipc_message out, in = {0};
	int ends[2], fd = -1;
	make_pair(ends);
	out = message_of(ends[0], 'o', "out", 3);
	without_memory();
	snprintf(path, sizeof path, "%s/a/b/c/socket", run_directory);
	CHECK_OK(ARMED(FULL, directory_setup_(path)));
	CHECK(ARMED(FULL, ipc_server_init(&ctx, "pong")).error_code != 0);
	CHECK(ARMED(FULL, ipc_connection(&ctx, "nobody", &fd)).error_code != 0);
	CHECK(ARMED(FULL, ipc_write_fd(ends[0], &out)).error_code != 0);
	write_frame(ends[1], 'i', "in", 2);
	CHECK(ARMED(FULL, ipc_read_fd(ends[0], &in)).error_code != 0);
	CHECK(ARMED(FULL, ipc_receive_fd(ends[0], &fd)).error_code != 0);
	CHECK_OK(ipc_read_fd(ends[0], &in));
	CHECK(in.length == 2 && memcmp(in.payload, "in", 2) == 0);
	CHECK_OK(ipc_write_fd(ends[0], &out));
	read_frame(ends[1], 'o', "out", 3);
	free(in.payload);
	ipc_ctx_free(&ctx);
	CHECK_OK(usock_close(ends[0]));
	close(ends[1]);
}

/* If a large frame was sent in part when its call ends, its rest is kept in a copy. The memory for that is there before the first byte is
 * sent: otherwise the call fails, and has sent nothing. */
TEST(the_rest_of_a_frame_is_kept_whatever_memory_is_missing) {
	enum { LARGE = 1000000, ALL = LARGE + 6 + 9 };
	int ends[2];
	char *payload = pattern(LARGE, 1), *bytes = malloc(ALL);
	make_pair(ends);
	CHECK_EQUAL(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	struct ipc_message m = message_of(-1, 'l', payload, LARGE), next = message_of(-1, 'n', "new", 3);
	begin();
	struct ipc_error e = {0};
	for (long nth = 1; nth < 9; nth++) {
		inject_clear();
		inject_rule("memory", ENOMEM, 0, nth, 1000);
		e = ARMED(FULL, ipc_write_fd(ends[0], &m));
		if (e.error_code == IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA) break;
		CHECK(!is_readable(ends[1]));
	}
	CHECK_EQUAL(e.error_code, IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA);
	inject_clear();
	size_t have = 0;
	do {
		for (ssize_t n; (n = recv(ends[1], bytes + have, ALL - have, MSG_DONTWAIT)) > 0;) have += (size_t)n;
		e = ipc_write_fd(ends[0], &next);
	} while (e.error_code == IPC_ERROR_USOCK_SEND);
	CHECK_OK(e);
	have += read_bytes(ends[1], bytes + have, ALL - have);
	CHECK_EQUAL(have, ALL);
	CHECK(memcmp(bytes + 6, payload, LARGE) == 0 && memcmp(bytes + LARGE + 12, "new", 3) == 0);
	free(payload);
	free(bytes);
	CHECK_OK(usock_close(ends[0]));
	close(ends[1]);
}
