/*
 * injected_quiet.c - the injector once more (injected.c), counting the calls of waits in which nothing can be done: a switch
 * that is held back, ends and descriptors that are gone, copies that live on, receivers of every kind that do not read.
 */
#include "kinds.h"
#include "quiet.h"

static struct ipc_ctx ctx;
static int near[2], far[2];

static void make_switch(void) {
	for (int i = 0; i < 2; i++) {
		int ends[2];
		add_pair(&ctx, ends, IPC_CONNECTION_TYPE_SWITCHED);
		near[i] = ends[0];
		far[i] = ends[1];
	}
	ipc_ctx_switching_add(&ctx, near[0], near[1]);
}

/* Speaks until nothing more goes. */
static void stuff(int fd) {
	char *payload = pattern(50000, 1), *frame = malloc(FRAME_SIZE(50000));
	struct ipc_event event = {0};
	size_t done = 0;
	put_header(frame, MSG_TYPE_DATA, 50000, 's');
	memcpy(frame + IPC_HEADER_SIZE, payload, 50000);
	for (int refused = 0; refused < 2;) {
		ssize_t n = send(fd, frame + done, FRAME_SIZE(50000) - done, MSG_DONTWAIT | MSG_NOSIGNAL);
		refused = n > 0 ? 0 : refused + 1;
		if (n > 0) done = (done + (size_t)n) % FRAME_SIZE(50000);
		do {
			int timer = 0;
			CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		} while (event.type != IPC_EVENT_TYPE_TIMER);
	}
	free(frame);
	free(payload);
}

TEST(a_switch_that_is_held_back_does_not_spin) {
	begin();
	make_switch();
	stuff(far[0]);
	check_quiet(&ctx, 100, 0);
	stuff(far[1]);
	check_quiet(&ctx, 100, 0);
	close(far[0]);
	close(far[1]);
	end(&ctx);
}

/* The end that spoke has left, which its descriptor says for ever; its last messages wait for the other one. */
TEST(a_switched_end_that_left_while_the_other_does_not_read_does_not_spin) {
	for (int half = 0; half < 2; half++) {
		begin();
		make_switch();
		stuff(far[0]);
		if (half) shutdown(far[0], SHUT_WR);
		else close(far[0]);
		check_quiet(&ctx, 100, 0);
		CHECK_EQUAL(ctx.size, 2);
		if (half) close(far[0]);
		close(far[1]);
		end(&ctx);
	}
}

TEST(a_switched_end_without_a_pair_does_not_spin) {
	struct ipc_event event = {0};
	int ends[2], timer = 0;
	begin();
	add_pair(&ctx, ends, IPC_CONNECTION_TYPE_SWITCHED);
	write_bytes(ends[1], "\2\0\0\0\1xy", 7);
	CHECK_CODE(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)), IPC_ERROR_FD_SWITCHING__NO_FD_RECORD);
	check_quiet(&ctx, 100, 0);
	close(ends[1]);
	end(&ctx);
}

static void told_once_and_quiet(int fd) {
	CHECK_EQUAL(next_event(&ctx).type, IPC_EVENT_TYPE_DISCONNECTION);
	check_quiet(&ctx, 100, 0);
	CHECK_OK(ipc_del_fd(&ctx, fd));
	close(fd);
}

TEST(descriptors_of_every_kind_that_hung_up_do_not_spin) {
	int ends[2];
	begin();
	CHECK_OK(ipc_server_init(&ctx, "quiet"));
	CHECK(pipe(ends) == 0);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	close(ends[1]);
	told_once_and_quiet(ends[0]);
	CHECK(pipe(ends) == 0); /* the writing end, which nobody reads from any more */
	CHECK_OK(ipc_add_fd(&ctx, ends[1]));
	close(ends[0]);
	told_once_and_quiet(ends[1]);
	CHECK_EQUAL(mkfifo(in_rundir("fifo"), 0600), 0);
	ends[0] = open(in_rundir("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	check_quiet(&ctx, 20, 0);
	close(open(in_rundir("fifo"), O_WRONLY | O_CLOEXEC));
	told_once_and_quiet(ends[0]);
	make_terminal(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[1]));
	close(ends[0]);
	told_once_and_quiet(ends[1]);
	end(&ctx);
}

TEST(a_terminal_whose_user_has_gone_does_not_spin) {
	int ends[2];
	begin();
	CHECK_OK(ipc_server_init(&ctx, "quiet"));
	make_terminal(ends);
	CHECK_OK(ipc_add_fd(&ctx, ends[0]));
	close(ends[1]);
	/* poll(2) reports it as readable; a program that reads the end removes it. */
	CHECK_EQUAL(next_event(&ctx).type, IPC_EVENT_TYPE_EXTRA_SOCKET);
	CHECK_OK(ipc_del_fd(&ctx, ends[0]));
	check_quiet(&ctx, 100, 0);
	close(ends[0]);
	end(&ctx);
}

/* What was closed goes on in a copy (dup, fork, SCM_RIGHTS), into which bytes come: nobody hears them. */
TEST(a_copy_of_a_closed_descriptor_does_not_spin) {
	for (int how = 0; how < 3; how++) {
		int ends[2], other[2];
		begin();
		add_pair(&ctx, other, IPC_CONNECTION_TYPE_IPC);
		add_pair(&ctx, ends, how == 2 ? IPC_CONNECTION_TYPE_EXTERNAL : IPC_CONNECTION_TYPE_IPC);
		check_quiet(&ctx, 10, 0);
		int copy = dup(ends[0]);
		if (how == 0) CHECK_OK(ipc_close(&ctx, 1));
		else CHECK_EQUAL(close(ends[0]), 0);
		if (how == 2) CHECK_OK(ipc_del(&ctx, 1));
		write_bytes(ends[1], "\2\0\0\0\1xy", 7);
		if (how == 1) { /* closed behind its back: told once at most */
			struct ipc_event event = {0};
			int timer = 0;
			CHECK_OK(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)));
			IPC_EVENT_CLEAN(&event);
		}
		check_quiet(&ctx, 100, 0);
		write_bytes(other[1], "\2\0\0\0\1xy", 7);
		struct ipc_event event = next_event(&ctx);
		CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
		IPC_EVENT_CLEAN(&event);
		close(copy);
		close(ends[1]);
		close(other[1]);
		end(&ctx);
	}
}

static void full_and_quiet(int fd) {
	char *payload = pattern(300000, 1);
	CHECK_OK(ipc_add_fd(&ctx, fd));
	queue(&ctx, fd, 'f', payload, 300000);
	struct ipc_event event = {0};
	for (int i = 0; i < 3; i++) nothing_to_tell(&ctx, &event); /* what the kernel takes has gone */
	check_quiet(&ctx, 100, 0);
	CHECK_EQUAL(ctx.tx.size, 1);
	CHECK_OK(ipc_del_fd(&ctx, fd));
	free(payload);
}

TEST(receivers_of_every_kind_that_do_not_read_do_not_spin) {
	int ends[2];
	begin();
	CHECK_OK(ipc_server_init(&ctx, "quiet"));
	make_pair(ends);
	full_and_quiet(ends[0]);
	close(ends[0]), close(ends[1]);
	CHECK(pipe(ends) == 0);
	full_and_quiet(ends[1]);
	close(ends[0]), close(ends[1]);
	make_terminal(ends);
	full_and_quiet(ends[0]);
	close(ends[0]), close(ends[1]);
	end(&ctx);
}

/* A send that failed for good is given up, not tried again and again. */
TEST(a_send_that_fails_for_good_does_not_spin) {
	int ends[2];
	begin();
	CHECK_OK(ipc_server_init(&ctx, "quiet"));
	CHECK(pipe(ends) == 0);
	CHECK_OK(ipc_add_fd(&ctx, ends[0])); /* the reading end takes nothing */
	queue(&ctx, ends[0], 'x', "nowhere to go", 13);
	queue(&ctx, ctx.pollfd[0].fd, 'x', "a listening socket", 18);
	for (int i = 0; i < 5; i++) {
		struct ipc_event event = {0};
		int timer = 0;
		long before = inject_calls();
		CHECK_EQUAL(ARMED(FULL, ipc_wait_event(&ctx, &event, &timer)).error_code, 0);
		CHECK(event.type != IPC_EVENT_TYPE_TX && inject_calls() - before <= CALLS_OF_A_WAIT);
	}
	check_quiet(&ctx, 100, 0);
	close(ends[0]), close(ends[1]);
	end(&ctx);
}
