/*
 * freeing.c - a context that is freed while other threads are inside of calls on it: each waiter returns with a clear error
 * (114), the memory of struct ipc_ctx is the program's again as soon as ipc_ctx_free has returned, and the context can be
 * used again.
 */
#include "crew.h"

enum { MOST = 8, ROUNDS = 50, CLIENTS = 3 };

static struct ipc_ctx ctx;
static struct ipc_event event;
static struct wait waits[MOST];

/* ---- what a full context has, and what of it is left to close after it was freed ---- */

struct filling {
	int server, origins[CLIENTS], peers[CLIENTS], pipe[2], near[2], far[2];
};

static void fill(struct ipc_ctx *to, struct filling *f) {
	struct ipc_entry *entries;
	size_t number;
	CHECK_OK(ipc_server_init(to, "full"));
	CHECK_OK(ipc_ctx_entries(to, &entries, &number));
	CHECK_EQUAL(number, 1);
	f->server = entries[0].fd;
	free(entries);
	for (int i = 0; i < CLIENTS; i++) f->peers[i] = join(to, &event, "full", &f->origins[i]);
	CHECK_OK(ipc_ctx_release(to));
	CHECK_EQUAL(pipe2(f->pipe, O_CLOEXEC), 0);
	CHECK_OK(ipc_add_fd(to, f->pipe[0]));
	for (int i = 0; i < 2; i++) {
		int ends[2];
		make_pair(ends);
		f->near[i] = ends[0];
		f->far[i] = ends[1];
		CHECK_OK(ipc_add_fd_switched(to, ends[0]));
	}
	ipc_ctx_switching_add(to, f->near[0], f->near[1]);
}

/* "closes nothing": each is still open here. */
static void close_filling(const struct filling *f) {
	CHECK_EQUAL(close(f->server), 0);
	unlink(address_of("full").sun_path);
	for (int i = 0; i < CLIENTS; i++) CHECK(close(f->origins[i]) == 0 && close(f->peers[i]) == 0);
	for (int i = 0; i < 2; i++) CHECK(close(f->pipe[i]) == 0 && close(f->near[i]) == 0 && close(f->far[i]) == 0);
}

/* ---- under waiters that are known to be inside ---- */

static const int timers[] = {-1, 50000, -1, 40000}; /* longer than a test may last */

static void begin_waits(struct ipc_ctx *on, int number) {
	for (int i = 0; i < number; i++) begin_wait(&waits[i], on, timers[i % 4]);
	until_asleep(waits, number);
}

static void end_freed_waits(int number) {
	for (int i = 0; i < number; i++) {
		end_wait(&waits[i], IPC_ERROR_WAIT_EVENT__CONTEXT_FREED, IPC_EVENT_TYPE_NOT_SET, -1);
		CHECK(timers[i % 4] < 0 ? waits[i].timer == timers[i % 4] : waits[i].timer > 0);
	}
}

static void free_under(int number, int is_full) {
	for (int round = 0; round < ROUNDS; round++) {
		struct ipc_ctx *made = NULL;
		struct filling filling;
		CHECK_OK(ipc_ctx_init(&made));
		if (is_full) fill(made, &filling);
		begin_waits(made, number);
		ipc_ctx_free(made);
		memset(made, 0xA5, sizeof *made);
		free(made);
		end_freed_waits(number);
		if (is_full) close_filling(&filling);
	}
	IPC_EVENT_CLEAN(&event);
}

TEST(an_empty_context_freed_under_1_waiter) { free_under(1, 0); }
TEST(a_full_context_freed_under_1_waiter) { free_under(1, 1); }
TEST(an_empty_context_freed_under_8_waiters) { free_under(8, 0); }
TEST(a_full_context_freed_under_8_waiters) { free_under(8, 1); }

/* As if zeroed: the same struct is a service again, with other waiters. */
TEST(a_context_works_again_after_it_was_freed_under_waiters) {
	for (int round = 0; round < ROUNDS; round++) {
		struct filling filling;
		int origin;
		fill(&ctx, &filling);
		begin_waits(&ctx, 4);
		ipc_ctx_free(&ctx);
		CHECK(ctx.size == 0 && ctx.cinfos == NULL && ctx.pollfd == NULL && ctx.tx.size == 0 && ctx.switchdb.size == 0);
		CHECK_OK(ipc_server_init(&ctx, "again"));
		int peer = join(&ctx, &event, "again", &origin);
		end_freed_waits(4);
		close_filling(&filling);
		write_frame(peer, 'a', "again", 5);
		next_message(&ctx, &event, origin, 'a', "again", 5);
		close(peer);
		finish(&ctx, &event);
	}
}

/* ---- under waiters that are at the lock ---- */

static void *print_once(void *printer) {
	swap(&((struct wait *)printer)->tid, (int)syscall(SYS_gettid));
	ipc_ctx_print(((struct wait *)printer)->ctx);
	return NULL;
}

static void *free_once(void *freer) {
	struct wait *self = freer;
	swap(&self->tid, (int)syscall(SYS_gettid));
	ipc_ctx_free(self->ctx);
	memset(self->ctx, 0xA5, sizeof *self->ctx);
	free(self->ctx);
	return NULL;
}

/* One thread prints the context, and stdout takes nothing more: all others wait for it. */
TEST(a_context_freed_under_waiters_at_its_lock) {
	int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0), full[2];
	char page[4096] = {0};
	CHECK_EQUAL(pipe2(full, O_CLOEXEC), 0);
	CHECK_EQUAL(dup2(full[1], STDOUT_FILENO), STDOUT_FILENO);
	for (int round = 0; round < ROUNDS; round++) {
		struct filling filling;
		struct wait printer = {0}, freer = {0};
		int pages = 0;
		fcntl(full[1], F_SETFL, O_NONBLOCK);
		while (write(full[1], page, sizeof page) == sizeof page) pages++;
		fcntl(full[1], F_SETFL, 0);
		CHECK_OK(ipc_ctx_init(&printer.ctx));
		freer.ctx = printer.ctx;
		fill(printer.ctx, &filling);
		printer.thread = begin(print_once, &printer);
		until_asleep(&printer, 1);
		if (round % 2 == 0) begin_waits(printer.ctx, MOST);
		freer.thread = begin(free_once, &freer);
		until_asleep(&freer, 1);
		if (round % 2 != 0) begin_waits(printer.ctx, MOST);
		while (pages-- > 0) CHECK_EQUAL(read(full[0], page, sizeof page), sizeof page);
		CHECK(read(full[0], page, sizeof page) > 0);
		end(printer.thread);
		end(freer.thread);
		end_freed_waits(MOST);
		close_filling(&filling);
	}
	CHECK_EQUAL(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
	close(out), close(full[0]), close(full[1]);
	IPC_EVENT_CLEAN(&event);
}

/* ---- by a callback, by a handler ---- */

static enum ipccb free_in(int fd, struct ipc_message *m, short int *more) {
	char byte;
	(void)m, (void)more;
	CHECK_EQUAL(recv(fd, &byte, 1, MSG_DONTWAIT), 1);
	ipc_ctx_free(&ctx);
	return IPC_CB_IGNORE;
}

/* One waiter calls the callback: its own wait has seen no other thread free the context, and may end without an event. */
TEST(a_context_freed_by_a_callback_under_8_waiters) {
	for (int round = 0; round < ROUNDS; round++) {
		struct filling filling;
		int itself = 0;
		fill(&ctx, &filling);
		ipc_switching_callbacks_(&ctx, filling.near[0], free_in);
		begin_waits(&ctx, MOST);
		write_bytes(filling.far[0], "x", 1);
		for (int i = 0; i < MOST; i++) {
			end(waits[i].thread);
			CHECK_EQUAL(waits[i].type, IPC_EVENT_TYPE_NOT_SET);
			CHECK(waits[i].code == IPC_ERROR_WAIT_EVENT__CONTEXT_FREED || waits[i].code == 0);
			itself += waits[i].code == 0;
		}
		CHECK(itself <= 1);
		CHECK_EQUAL(ctx.size, 0);
		close_filling(&filling);
	}
	IPC_EVENT_CLEAN(&event);
}

/* The handler's thread is in no call. What it has of the event is its own, and its calls find an empty context. */
TEST(a_context_freed_while_a_handler_has_a_message) {
	struct filling filling;
	struct ipc_message m = message_of(0, 'a', "answer", 6);
	fill(&ctx, &filling);
	write_frame(filling.peers[0], 'q', "question", 8);
	next_message(&ctx, &event, filling.origins[0], 'q', "question", 8);
	begin_waits(&ctx, 2);
	ipc_ctx_free(&ctx);
	end_freed_waits(2);
	check_message_event(&event, filling.origins[0], 'q', "question", 8);
	m.fd = event.origin;
	CHECK_CODE(ipc_write(&ctx, &m), IPC_ERROR_WRITE__FD_NOT_FOUND);
	CHECK_OK(ipc_ctx_release(&ctx));
	nothing_to_tell(&ctx, &event);
	close_filling(&filling);
}

/* ---- at any moment: the context is freed and filled again, while threads wait, write and ask ---- */

static atomic_int over, waiting_threads, origin_now;

/* A call that was in the middle of it when the context was freed is told so. */
#define CODE_UNLESS_FREED(call, other)                                                                    \
	do {                                                                                              \
		struct ipc_error result_ = (call);                                                        \
		if (result_.error_code != 0 && result_.error_code != IPC_ERROR_WAIT_EVENT__CONTEXT_FREED) \
			check_result(__FILE__, __LINE__, #call, &result_, (other));                       \
	} while (0)

static void *wait_again_and_again(void *unused) {
	struct ipc_event seen = {0};
	while (!is_set(&over)) CODE_UNLESS_FREED(ipc_wait_event(&ctx, &seen, NULL), 0);
	IPC_EVENT_CLEAN(&seen);
	atomic_fetch_sub_explicit(&waiting_threads, 1, memory_order_relaxed);
	return unused;
}

static void *write_again_and_again(void *unused) {
	while (!is_set(&over)) {
		struct ipc_message m = message_of(is_set(&origin_now), 'w', "written", 7);
		struct ipc_error e = ipc_write(&ctx, &m);
		if (e.error_code != IPC_ERROR_WRITE__QUEUE_FULL) CODE_UNLESS_FREED(e, IPC_ERROR_WRITE__FD_NOT_FOUND);
	}
	return unused;
}

static void *ask_again_and_again(void *unused) {
	while (!is_set(&over)) {
		struct ipc_entry *entries, entry;
		size_t number = 0, messages;
		CODE_UNLESS_FREED(ipc_ctx_status(&ctx, &number, &messages), 0);
		CHECK(number <= 2);
		CODE_UNLESS_FREED(ipc_ctx_entries(&ctx, &entries, &number), 0);
		CHECK(number <= 2 && (entries == NULL) == (number == 0));
		free(entries);
		CODE_UNLESS_FREED(ipc_ctx_entry(&ctx, is_set(&origin_now), &entry), IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND);
	}
	return unused;
}

/* The connection has a number that nothing else gets: a writer may be late with it. Who is on the way to a wait when the
 * context is freed for the last time waits on an empty one: it is freed until none is left. */
TEST(a_context_freed_at_any_moment) {
	pthread_t threads[8];
	swap(&waiting_threads, 4);
	swap(&origin_now, -1);
	for (int i = 0; i < 4; i++) threads[i] = begin(wait_again_and_again, NULL);
	for (int i = 4; i < 6; i++) threads[i] = begin(write_again_and_again, NULL);
	for (int i = 6; i < 8; i++) threads[i] = begin(ask_again_and_again, NULL);
	for (int round = 0; round < 4 * ROUNDS; round++) {
		int ends[2];
		struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
		make_pair(ends);
		int near = fcntl(ends[0], F_DUPFD_CLOEXEC, 200);
		close(ends[0]);
		CHECK_OK(ipc_server_init(&ctx, "free"));
		CHECK_OK(ipc_ctx_queue_limit(&ctx, 10000));
		CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = near, .events = POLLIN}));
		swap(&origin_now, near);
		read_frame(ends[1], 'w', "written", 7);
		if (round % 2 == 0) write_frame(ends[1], 'm', "a message", 9);
		struct ipc_entry *entries;
		size_t number;
		CHECK_OK(ipc_ctx_entries(&ctx, &entries, &number));
		CHECK_EQUAL(number, 2);
		int server = entries[0].type == IPC_CONNECTION_TYPE_SERVER ? entries[0].fd : entries[1].fd;
		free(entries);
		swap(&origin_now, -1);
		ipc_ctx_free(&ctx);
		close(server);
		unlink(address_of("free").sun_path);
		close(near);
		close(ends[1]);
	}
	swap(&over, 1);
	while (is_set(&waiting_threads) > 0) {
		ipc_ctx_free(&ctx);
		sched_yield();
	}
	for (int i = 0; i < 8; i++) end(threads[i]);
}
