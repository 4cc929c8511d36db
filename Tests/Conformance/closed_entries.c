/*
 * closed_entries.c - calls that name an entry by its index when the entry is dead: its descriptor was closed by ipc_close, or could
 * never be watched. The number may belong to another entry by now, which such a call must neither read, nor write, nor accept from.
 */
#include "peers.h"

#include <sys/epoll.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

static void add(int fd, enum ipc_connection_type type) {
	struct ipc_connection_info info = {.type = type};
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = fd}));
}

/* ---- a pair of which one end was closed, and its number is an IPC entry by now ---- */

static int keeper[2], partner[2], reused[2];

/* Entry 0 is a keeper, 1 is dead, 2 its partner, 3 has the number of entry 1. */
static void close_and_reuse(enum ipc_connection_type type) {
	int closed[2];
	make_pair(keeper);
	make_pair(closed);
	make_pair(partner);
	add(keeper[0], IPC_CONNECTION_TYPE_EXTERNAL);
	add(closed[0], IPC_CONNECTION_TYPE_SWITCHED);
	add(partner[0], IPC_CONNECTION_TYPE_SWITCHED);
	ipc_ctx_switching_add(&ctx, closed[0], partner[0]);
	CHECK_OK(ipc_close(&ctx, 1));
	close(closed[1]);
	CHECK(!is_open(closed[0]));
	make_pair(reused);
	CHECK(reused[0] == closed[0] || reused[1] == closed[0]);
	if (reused[1] == closed[0]) reused[1] = reused[0], reused[0] = closed[0];
	add(reused[0], type);
	CHECK_EQUAL(ctx.pollfd[3].fd, closed[0]);
}

static void end_reuse(void) {
	IPC_EVENT_CLEAN(&event);
	ipc_close_all(&ctx);
	ipc_ctx_free(&ctx);
	if (is_open(reused[0])) close(reused[0]);
	if (is_open(partner[0])) close(partner[0]);
	close(reused[1]);
	close(partner[1]);
	close(keeper[0]);
	close(keeper[1]);
}

/* The new owner's message is told as its own, and its partner of former times has got nothing. */
static void check_untouched(void) {
	int timer;
	do {
		timer = 1000;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK(event.type != IPC_EVENT_TYPE_TIMER);
	} while (event.origin != reused[0]);
	CHECK_EQUAL(event.index, 3);
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
	check_message_event(&event, reused[0], 'p', "private", 7);
	CHECK(!is_readable(partner[1]));
}

TEST(reading_step_on_a_closed_entry_is_refused_and_reads_nothing_of_its_numbers_owner) {
	close_and_reuse(IPC_CONNECTION_TYPE_IPC);
	write_frame(reused[1], 'p', "private", 7);
	CHECK_CODE(fd_switching_read(&event, &ctx, 1), IPC_ERROR_DEL__CANNOT_FIND_CLIENT);
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_NOT_SET);
	check_untouched();
	end_reuse();
}

TEST(ipc_read_of_a_closed_entry_reads_nothing_of_its_numbers_owner) {
	struct ipc_message m = {0};
	close_and_reuse(IPC_CONNECTION_TYPE_IPC);
	write_frame(reused[1], 'p', "private", 7);
	struct ipc_error e = ipc_read(&ctx, 1, &m);
	if (e.error_code == 0) FAIL("ipc_read gave %u bytes of another entry", m.length);
	check_untouched();
	end_reuse();
}

/* A socket that is read ahead holds a second message for its entry. */
TEST(ipc_read_of_a_closed_entry_reads_nothing_that_its_numbers_owner_has_received) {
	struct ipc_message m = {0};
	close_and_reuse(IPC_CONNECTION_TYPE_IPC);
	write_frame(reused[1], 'p', "private", 7);
	write_frame(reused[1], 'p', "private", 7);
	check_untouched();
	CHECK(ipc_read(&ctx, 1, &m).error_code != 0);
	CHECK(m.payload == NULL);
	check_untouched();
	end_reuse();
}

TEST(writing_steps_on_a_closed_entry_send_nothing_of_its_numbers_owner) {
	close_and_reuse(IPC_CONNECTION_TYPE_IPC);
	queue(&ctx, reused[0], 'o', "owner", 5);
	handle_writing_message(&event, &ctx, 1);
	CHECK(event.type != IPC_EVENT_TYPE_TX && !is_readable(reused[1]));
	fd_switching_write(&event, &ctx, 1);
	CHECK(event.type != IPC_EVENT_TYPE_TX && !is_readable(reused[1]));
	CHECK_EQUAL(ctx.tx.size, 1);
	CHECK_OK(handle_writing_message(&event, &ctx, 3));
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(event.index, 3);
	read_frame(reused[1], 'o', "owner", 5);
	end_reuse();
}

TEST(closing_a_closed_entry_again_leaves_its_numbers_owner_open) {
	close_and_reuse(IPC_CONNECTION_TYPE_IPC);
	CHECK_CODE(ipc_close(&ctx, 1), IPC_ERROR_USOCK_CLOSE);
	CHECK(is_open(reused[0]));
	write_frame(reused[1], 'p', "private", 7);
	check_untouched();
	end_reuse();
}

TEST(deleting_a_closed_entry_leaves_its_numbers_owner_in_place) {
	close_and_reuse(IPC_CONNECTION_TYPE_IPC);
	queue(&ctx, reused[0], 'o', "owner", 5);
	CHECK_OK(ipc_del(&ctx, 1)); /* the last one moves into its place */
	CHECK_EQUAL(ctx.pollfd[1].fd, reused[0]);
	CHECK_EQUAL(ctx.tx.size, 1);
	write_frame(reused[1], 'p', "private", 7);
	int seen = 0;
	while (seen < 2) {
		int timer = 1000;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK(event.type != IPC_EVENT_TYPE_TIMER);
		if (event.origin != reused[0]) continue;
		CHECK_EQUAL(event.index, 1);
		seen++;
	}
	read_frame(reused[1], 'o', "owner", 5);
	end_reuse();
}

TEST(accepting_on_a_closed_server_is_refused_and_accepts_nothing_of_its_numbers_owner) {
	CHECK_OK(ipc_server_init(&ctx, "first"));
	int number = ctx.pollfd[0].fd;
	CHECK_OK(ipc_close(&ctx, 0));
	CHECK_OK(ipc_server_init(&ctx, "second"));
	CHECK_EQUAL(ctx.pollfd[1].fd, number);
	int client = raw_connect("second");
	CHECK_CODE(ipc_accept_add(&event, &ctx, 0), IPC_ERROR_HANDLE_NEW_CONNECTION__INCONSISTENT_INDEX);
	CHECK_EQUAL(ctx.size, 2);
	CHECK_OK(ipc_accept_add(&event, &ctx, 1));
	CHECK_EQUAL(event.index, 2);
	close(client);
	finish(&ctx, &event);
}

/* A dead entry that takes a step must get into no queue of the context: it is freed when it is deleted. */
TEST(closed_entry_that_took_steps_and_is_deleted_leaves_nothing_behind) {
	for (int steps = 1; steps < 16; steps++) {
		int switched[2], other[2];
		make_pair(switched);
		make_pair(other);
		add(other[0], IPC_CONNECTION_TYPE_EXTERNAL);
		add(switched[0], IPC_CONNECTION_TYPE_SWITCHED);
		CHECK_OK(ipc_close(&ctx, 1));
		if (steps & 1) CHECK(fd_switching_read(&event, &ctx, 1).error_code != 0);
		if (steps & 2) (void)fd_switching_write(&event, &ctx, 1);
		if (steps & 4) (void)handle_writing_message(&event, &ctx, 1);
		if (steps & 8) {
			ipc_ctx_switching_add(&ctx, ctx.pollfd[1].fd, other[0]);
			(void)fd_switching_read(&event, &ctx, 1);
			ipc_ctx_switching_del(&ctx, other[0]);
		}
		CHECK_OK(ipc_del(&ctx, 1));
		write_bytes(other[1], "x", 1);
		for (int i = 0; i < 3; i++) {
			ready(&ctx, &event, IPC_EVENT_TYPE_EXTRA_SOCKET);
			CHECK_EQUAL(event.origin, other[0]);
		}
		IPC_EVENT_CLEAN(&event);
		ipc_ctx_free(&ctx);
		close(switched[1]);
		close(other[0]);
		close(other[1]);
	}
}

/* ---- entries that the kernel refuses to watch: too deep a nest of epoll sets (epoll_ctl(2), ELOOP) ---- */

enum { DEEP = 8 };
static int nest[DEEP];

/* The innermost is left out: the last set that can hold the others. */
static int make_nest(void) {
	int made = 0;
	nest[made++] = epoll_create1(EPOLL_CLOEXEC);
	while (made < DEEP) {
		struct epoll_event readable = {.events = EPOLLIN};
		int outer = epoll_create1(EPOLL_CLOEXEC);
		CHECK(outer >= 0);
		nest[made++] = outer;
		if (epoll_ctl(outer, EPOLL_CTL_ADD, nest[made - 2], &readable) != 0) break;
	}
	CHECK(made < DEEP);
	/* The last one could not take its predecessor, which is as deep as can be. */
	for (int i = made; i < DEEP; i++) nest[i] = -1;
	return nest[made - 2];
}

static void close_nest(void) {
	for (int i = 0; i < DEEP; i++)
		if (nest[i] >= 0) close(nest[i]);
}

static int told; /* how often a call said that an entry cannot be watched */

/* The call may be the one that notices the entry before. */
static void fill_by_hand(int fd) {
	struct ipc_error e = ipc_ctx_new_alloc(&ctx);
	if (e.error_code == IPC_ERROR_POLLER) {
		told++;
		CHECK_OK(ipc_ctx_new_alloc(&ctx));
	} else {
		CHECK_OK(e);
	}
	ctx.pollfd[ctx.size - 1].fd = fd;
	ctx.cinfos[ctx.size - 1].type = IPC_CONNECTION_TYPE_EXTERNAL;
}

TEST(entry_filled_by_hand_that_cannot_be_watched_is_told_once_stays_dead_and_is_deleted) {
	for (int count = 1; count <= 2; count++) {
		int live[2], deep = make_nest(), copy = fcntl(deep, F_DUPFD_CLOEXEC, 0);
		make_pair(live);
		add(live[0], IPC_CONNECTION_TYPE_IPC);
		struct ipc_error e = ipc_add_fd(&ctx, deep);
		if (e.error_code == 0) {
			/* poll(2) can watch it. */
			CHECK_OK(ipc_del_fd(&ctx, deep));
		} else {
			CHECK_CODE(e, IPC_ERROR_POLLER);
		}
		int refused = e.error_code != 0;
		told = 0;
		CHECK_EQUAL(ctx.size, 1);
		fill_by_hand(deep);
		if (count == 2) fill_by_hand(copy);
		CHECK_EQUAL(ctx.size, (size_t)1 + (size_t)count);
		/* Each is told with the first call that looks at it; the others work. */
		for (int i = 0; i < 4; i++) {
			int timer = 0;
			e = ipc_wait_event(&ctx, &event, &timer);
			told += e.error_code != 0;
			if (e.error_code != 0) CHECK_CODE(e, IPC_ERROR_POLLER);
		}
		CHECK_EQUAL(told, refused ? count : 0);
		write_frame(live[1], 'l', "live", 4);
		ready_message(&ctx, &event, live[0], 'l', "live", 4);
		queue(&ctx, live[0], 'r', "reply", 5);
		ready(&ctx, &event, IPC_EVENT_TYPE_TX);
		read_frame(live[1], 'r', "reply", 5);
		struct ipc_entry entry;
		CHECK_OK(ipc_ctx_entry(&ctx, deep, &entry));
		CHECK_EQUAL(ctx.size, (size_t)1 + (size_t)count);
		CHECK_OK(ipc_del(&ctx, 1));
		if (count == 2) CHECK_OK(ipc_del_fd(&ctx, copy));
		CHECK(is_open(deep) && is_open(copy));
		CHECK_OK(ipc_del(&ctx, 0));
		CHECK_EQUAL(ctx.size, 0);
		IPC_EVENT_CLEAN(&event);
		close(live[0]);
		close(live[1]);
		close(copy);
		close_nest();
	}
}

TEST(two_entries_that_cannot_be_watched_are_deleted_before_any_wait) {
	int live[2], deep = make_nest(), copy = fcntl(deep, F_DUPFD_CLOEXEC, 0);
	make_pair(live);
	add(live[0], IPC_CONNECTION_TYPE_IPC);
	fill_by_hand(deep);
	fill_by_hand(copy);
	/* The call that notices an entry says that it cannot be watched; the next one works. */
	for (int left = 3; left > 0;) {
		struct ipc_error e = {0};
		int calls = 0;
		do e = ipc_del(&ctx, (uint32_t)left - 1);
		while (e.error_code == IPC_ERROR_POLLER && ++calls < 3);
		CHECK_OK(e);
		CHECK_EQUAL(ctx.size, --left);
	}
	close(live[0]);
	close(live[1]);
	close(copy);
	close_nest();
}
