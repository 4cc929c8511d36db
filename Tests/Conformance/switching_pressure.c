/*
 * switching_pressure.c - a switched end that does not read: the other is held back instead of being stored without end,
 * nobody else waits, nothing is lost when it reads again, and either may leave at that point.
 */
#include "peers.h"

static struct ipc_ctx ctx;
static struct ipc_event event;
static int near[2], far[2];
enum { LENGTH = 50000, MOST = 64 << 20 }; /* what may wait for one receiver by default */
static char *payload;

static void make_switch(void) {
	payload = pattern(LENGTH, 8);
	make_switched(&ctx, near, far, 2);
}

static void close_switch(void) {
	for (int i = 0; i < 2; i++) {
		if (is_open(near[i])) close(near[i]);
		if (is_open(far[i])) close(far[i]);
	}
	free(payload);
	finish(&ctx, &event);
}

/* Lets the context do what can be done now; only SWITCH and TX may be told. */
static void settle(void) {
	do {
		int timer = 0;
		CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
		CHECK(event.type == IPC_EVENT_TYPE_SWITCH || event.type == IPC_EVENT_TYPE_TX || event.type == IPC_EVENT_TYPE_TIMER);
	} while (event.type != IPC_EVENT_TYPE_TIMER);
}

/* A stream of frames, of which `sent` bytes are gone; returns how many went now. */
static size_t push(int fd, size_t sent) {
	static char frame[FRAME_SIZE(LENGTH)];
	put_header(frame, MSG_TYPE_DATA, LENGTH, 'p');
	memcpy(frame + IPC_HEADER_SIZE, payload, LENGTH);
	size_t offset = sent % sizeof frame;
	ssize_t n = send(fd, frame + offset, sizeof frame - offset, MSG_DONTWAIT | MSG_NOSIGNAL);
	CHECK(n > 0 || errno == EAGAIN);
	return n > 0 ? (size_t)n : 0;
}

/* Speaks from the one end until nothing more goes, though the context has had its turns; returns how many bytes went. */
static size_t stuff(int from) {
	size_t sent = 0, now;
	do {
		now = push(far[from], sent);
		sent += now;
		if (now == 0) {
			settle();
			now = push(far[from], sent);
			sent += now;
		}
		CHECK(sent <= MOST);
	} while (now > 0);
	return sent;
}

static void others_are_served(void) {
	int origin, peer = join(&ctx, &event, "pong", &origin);
	write_frame(peer, 'a', "hello", 5);
	next_message(&ctx, &event, origin, 'a', "hello", 5);
	queue(&ctx, origin, 'b', "hello", 5);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	CHECK_EQUAL(event.origin, origin);
	read_frame(peer, 'b', "hello", 5);
	close(peer);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
}

TEST(a_switched_end_that_never_reads_holds_the_other_back_and_nobody_else) {
	make_switch();
	stuff(0);
	others_are_served();
	CHECK(ctx.tx.size > 0);
	write_frame(far[1], 'r', "the other way", 13); /* which is not held back */
	ready(&ctx, &event, IPC_EVENT_TYPE_SWITCH);
	CHECK_EQUAL(event.origin, near[1]);
	settle();
	read_frame(far[0], 'r', "the other way", 13);
	close_switch();
}

TEST(both_ends_may_be_held_back_at_once) {
	make_switch();
	stuff(0);
	stuff(1);
	others_are_served();
	close_switch();
}

TEST(what_was_held_back_arrives_whole_and_in_order) {
	make_switch();
	for (int from = 0; from < 2; from++) {
		size_t sent = stuff(from), got = 0, whole = sent - sent % FRAME_SIZE(LENGTH);
		char frame[IPC_HEADER_SIZE], *part = malloc(LENGTH);
		put_header(frame, MSG_TYPE_DATA, LENGTH, 'p');
		while (got < whole) { /* the next byte of the stream is the one of the frame at this place */
			settle();
			ssize_t n = recv(far[!from], part, LENGTH, MSG_DONTWAIT);
			CHECK(n > 0 || errno == EAGAIN);
			for (ssize_t i = 0; i < n; i++, got++) {
				size_t at = got % FRAME_SIZE(LENGTH);
				char wanted = at < IPC_HEADER_SIZE ? frame[at] : payload[at - IPC_HEADER_SIZE];
				if (part[i] != wanted) FAIL("byte %zu is %d, not %d", got, part[i], wanted);
			}
		}
		while (sent % FRAME_SIZE(LENGTH) != 0) { /* and the one that was cut goes on */
			sent += push(far[from], sent);
			settle();
			CHECK(recv(far[!from], part, LENGTH, MSG_DONTWAIT) > 0 || errno == EAGAIN);
		}
		while (recv(far[!from], part, LENGTH, MSG_DONTWAIT) > 0) settle();
		CHECK_EQUAL(ctx.tx.size, 0);
		free(part);
	}
	close_switch();
}

/* Told once, with code 4, after whatever could still be passed on. */
static void over_once(int end) {
	struct ipc_error e;
	do {
		e = ipc_wait_event(&ctx, &event, NULL);
	} while (event.type == IPC_EVENT_TYPE_SWITCH || event.type == IPC_EVENT_TYPE_TX);
	CHECK_CODE(e, IPC_ERROR_CLOSED_RECIPIENT);
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_DISCONNECTION);
	if (end >= 0) CHECK_EQUAL(event.origin, near[end]);
	CHECK(ctx.size == 1 && ctx.switchdb.size == 0 && ctx.tx.size == 0);
	CHECK(is_open(near[0]) && is_open(near[1]));
	for (int i = 0; i < 3; i++) nothing_to_tell(&ctx, &event);
}

TEST(the_end_that_did_not_read_leaves) {
	make_switch();
	stuff(0);
	close(far[1]);
	over_once(1);
	close_switch();
}

TEST(the_end_that_spoke_too_much_leaves_and_the_other_one_too) {
	make_switch();
	stuff(0);
	close(far[0]);
	settle(); /* its messages wait: it has not left yet for who does not read */
	others_are_served();
	CHECK_EQUAL(ctx.size, 3);
	close(far[1]);
	over_once(-1);
	close_switch();
}

TEST(both_ends_stuffed_and_gone) {
	make_switch();
	stuff(0);
	stuff(1);
	close(far[0]);
	close(far[1]);
	over_once(-1);
	close_switch();
}

/* One is gone as a speaker and still there as a reader, or the other way round: no dead end. */
TEST(half_closed_ends_come_to_an_end) {
	for (int which = 0; which < 4; which++) {
		make_switch();
		stuff(0);
		if (which & 1) stuff(1);
		shutdown(far[0], SHUT_WR);
		settle();
		if (which & 2) {
			char bytes[4096]; /* room for the sender, which then learns that nobody wants more */
			shutdown(far[1], SHUT_RD);
			while (recv(far[1], bytes, sizeof bytes, MSG_DONTWAIT) > 0) continue;
		} else {
			close(far[1]);
		}
		struct ipc_error e;
		do e = ipc_wait_event(&ctx, &event, NULL);
		while (event.type == IPC_EVENT_TYPE_SWITCH || event.type == IPC_EVENT_TYPE_TX);
		CHECK_CODE(e, IPC_ERROR_CLOSED_RECIPIENT);
		CHECK(ctx.size == 1 && ctx.switchdb.size == 0);
		nothing_to_tell(&ctx, &event);
		close_switch();
	}
}
