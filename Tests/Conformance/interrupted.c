/*
 * interrupted.c - direct calls and signals: a handler without SA_RESTART ends a wait, one with it does not; a time limit
 * (SO_RCVTIMEO, SO_SNDTIMEO) ends it on time, however many signals come. Nothing is lost.
 */
#include "waiting.h"

enum { LARGE = 1000000 };
enum call { READ, RECEIVE, RECEIVE_FD, WRITE, PROVIDE_FD, SEND, CALLS };
static const int codes[] = {IPC_ERROR_USOCK_RECV, IPC_ERROR_USOCK_RECV, IPC_ERROR_RECEIVE_FD__RECVMSG, IPC_ERROR_USOCK_SEND,
    IPC_ERROR_PROVIDE_FD__SENDMSG, IPC_ERROR_USOCK_SEND};

static int passed_fd;
static struct ipc_error do_call(enum call call) {
	struct ipc_message in = {0}, out = message_of(near, 'w', "written", 7);
	struct ipc_error e;
	char *buffer = NULL;
	size_t size = 0;
	switch (call) {
	case READ:
		e = ipc_read_fd(near, &in);
		free(in.payload);
		return e;
	case RECEIVE:
		e = usock_recv(near, &buffer, &size);
		free(buffer);
		return e;
	case RECEIVE_FD:
		e = ipc_receive_fd(near, &passed_fd);
		if (e.error_code == 0) close(passed_fd);
		return e;
	case WRITE: return ipc_write_fd(near, &out);
	case PROVIDE_FD: return ipc_provide_fd(near, 0);
	default: return usock_send(near, "\2\0\0\0\1wx", 7, NULL);
	}
}

/* What the peer does so that the call comes to its end. */
static enum call waiting_call;
static void satisfy(void) {
	if (waiting_call == RECEIVE_FD) {
		char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
		struct iovec part = {&byte, 1};
		struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		int fd = 0;
		c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
		if (sendmsg(far, &m, MSG_NOSIGNAL) != 1) _exit(1);
	} else if (waiting_call < WRITE) {
		if (send(far, "\2\0\0\0\4zabcd", 10, MSG_NOSIGNAL) != 10) _exit(1);
	} else {
		take_all();
	}
}
static void satisfy_at_the_fifth(void) {
	if (ticks == 5) satisfy();
}

TEST(a_handler_without_restart_ends_each_call_and_nothing_is_lost) {
	for (int place = 0; place < PLACES; place++) {
		for (int call = 0; call < CALLS; call++) {
			open_place(place);
			waiting_call = call;
			size_t filled = call >= WRITE ? fill() : 0;
			tick(10, 0, NULL);
			for (int i = 0; i < 3; i++) check_failed(do_call(call), codes[call], EINTR);
			tick(0, 0, NULL);
			if (call < WRITE) satisfy();
			else skip_bytes(filled);
			CHECK(!is_readable(far));
			CHECK_OK(do_call(call));
			CHECK_EQUAL(is_readable(far), call >= WRITE);
			take_all();
			close_place(place);
		}
	}
}

TEST(a_handler_with_restart_ends_no_call) {
	for (int place = 0; place < PLACES; place++) {
		for (int call = 0; call < CALLS; call++) {
			open_place(place);
			waiting_call = call;
			if (call >= WRITE) fill();
			tick(5, SA_RESTART, satisfy_at_the_fifth);
			CHECK_OK(do_call(call));
			CHECK(ticks >= 5);
			tick(0, 0, NULL);
			close_place(place);
		}
	}
}

/* ---- limits ---- */

TEST(a_limit_ends_each_call_on_time_whatever_signals_come) {
	for (int place = 0; place < PLACES; place++) {
		for (int call = 0; call < CALLS; call++) {
			if (call == SEND) continue; /* one send(2), as the kernel does it */
			for (int flags = 0; flags < 3; flags++) {
				open_place(place);
				size_t filled = call >= WRITE ? fill() : 0;
				set_limit(call >= WRITE ? SO_SNDTIMEO : SO_RCVTIMEO, 150);
				double begin = seconds();
				if (flags < 2) tick(10, flags == 0 ? SA_RESTART : 0, NULL);
				check_failed(do_call(call), codes[call], EAGAIN);
				CHECK(seconds() - begin > 0.140);
				tick(0, 0, NULL);
				waiting_call = call;
				if (call < WRITE) satisfy();
				else skip_bytes(filled);
				CHECK_OK(do_call(call));
				take_all();
				close_place(place);
			}
		}
	}
}

static void send_one_byte(void) {
	if (send(far, "x", 1, MSG_NOSIGNAL) != 1) _exit(1);
}

TEST(a_limit_is_one_in_all_for_a_message_that_comes_byte_by_byte) {
	for (int place = 0; place < PLACES; place++) {
		struct ipc_message m = {0};
		open_place(place);
		write_bytes(far, "\2\0\17\102\100z", 6); /* 1,000,000 bytes */
		set_limit(SO_RCVTIMEO, 150);
		tick(10, SA_RESTART, send_one_byte);
		check_failed(ipc_read_fd(near, &m), IPC_ERROR_USOCK_RECV, EAGAIN);
		tick(0, 0, NULL);
		close_place(place);
	}
}

static size_t taken;
static void take_a_little(void) {
	char bytes[20000];
	ssize_t n = recv(far, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n > 0) taken += (size_t)n;
}

TEST(a_limit_is_one_in_all_for_a_peer_that_reads_little_by_little) {
	char *payload = pattern(LARGE, 3);
	for (int place = 0; place < PLACES; place++) {
		open_place(place);
		set_limit(SO_SNDTIMEO, 150);
		struct ipc_message m = message_of(near, 'l', payload, LARGE), small = message_of(near, 's', "small", 5);
		taken = 0;
		tick(10, SA_RESTART, take_a_little);
		check_failed(ipc_write_fd(near, &m), IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA, EAGAIN);
		/* The rest goes first. */
		tick(5, SA_RESTART, take_a_little);
		set_limit(SO_SNDTIMEO, 0);
		CHECK_OK(ipc_write_fd(near, &small));
		tick(0, 0, NULL);
		taken += take_all();
		CHECK_EQUAL(taken, FRAME_SIZE(LARGE) + FRAME_SIZE(5));
		close_place(place);
	}
	free(payload);
}

TEST(a_handler_ends_a_write_in_the_middle_and_the_rest_goes_first) {
	char *payload = pattern(LARGE, 4), *got = malloc(FRAME_SIZE(LARGE));
	for (int place = 0; place < PLACES; place++) {
		open_place(place);
		struct ipc_message m = message_of(near, 'l', payload, LARGE), small = message_of(near, 's', "small", 5);
		tick(10, 0, NULL);
		check_failed(ipc_write_fd(near, &m), IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA, EINTR);
		check_failed(ipc_write_fd(near, &small), IPC_ERROR_USOCK_SEND, EINTR);
		tick(0, 0, NULL);
		fflush(stdout);
		pid_t reader = fork();
		if (reader == 0) {
			read_frame(far, 'l', payload, LARGE);
			read_frame(far, 's', "small", 5);
			_exit(0);
		}
		int status;
		CHECK_OK(ipc_write_fd(near, &small));
		CHECK_EQUAL(waitpid(reader, &status, 0), reader);
		CHECK_EQUAL(status, 0);
		close_place(place);
	}
	free(payload);
	free(got);
}

/* ---- a handler that uses the descriptor while a call waits for it ---- */

static struct ipc_error in_handler;
static void write_from_the_handler(void) {
	struct ipc_message m = message_of(near, 'h', "handler", 7);
	if (ticks == 3) in_handler = ipc_write_fd(near, &m);
	if (ticks >= 5) take_all();
}

TEST(a_write_from_a_handler_cuts_no_frame_in_two) {
	struct ipc_message m = message_of(near, 'w', "waits", 5);
	for (int place = 0; place < PLACES; place++) {
		open_place(place);
		fill();
		memset(&in_handler, 0, sizeof in_handler);
		tick(5, SA_RESTART, write_from_the_handler);
		CHECK_OK(ipc_write_fd(near, &m));
		tick(0, 0, NULL);
		check_failed(in_handler, IPC_ERROR_USOCK_SEND, EDEADLK);
		close_place(place);
	}
}

/* ---- two threads at one descriptor ---- */

static void *call_in_thread(void *call) {
	struct ipc_error *result = malloc(sizeof *result);
	*result = do_call(*(enum call *)call);
	return result;
}
static void signal_does_nothing(int signal) { (void)signal; }

TEST(a_handler_ends_the_call_of_its_thread_while_another_one_waits_for_the_same) {
	static const enum call both[] = {READ, WRITE, PROVIDE_FD};
	struct sigaction handler = {.sa_handler = signal_does_nothing};
	CHECK_EQUAL(sigaction(SIGUSR2, &handler, NULL), 0);
	for (int place = 0; place < LOOSE_AMONG_THREADS; place++) {
		for (int i = 0; i < 3; i++) {
			for (int round = 0; round < 20; round++) {
				enum call call = both[i];
				pthread_t threads[2];
				struct ipc_error *results[2];
				int is_over;
				open_place(place);
				size_t filled = call >= WRITE ? fill() : 0;
				for (int t = 0; t < 2; t++) CHECK_EQUAL(pthread_create(&threads[t], NULL, call_in_thread, &call), 0);
				/* The one of the two that has the descriptor. */
				while ((is_over = pthread_tryjoin_np(threads[1], (void **)&results[1])) == EBUSY) {
					pthread_kill(threads[1], SIGUSR2);
					usleep(100);
				}
				CHECK_EQUAL(is_over, 0);
				/* The other thread may be sending this thread's message, which is first in the queue: then a part of it was sent. */
				int is_begun = call == WRITE && results[1]->error_code == IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA;
				check_failed(*results[1], is_begun ? IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA : codes[call], EINTR);
				waiting_call = call;
				if (call < WRITE) satisfy();
				else skip_bytes(filled);
				CHECK_EQUAL(pthread_join(threads[0], (void **)&results[0]), 0);
				CHECK_OK(*results[0]);
				for (int frames = 0; call == WRITE && frames < 1 + is_begun; frames++) read_frame(far, 'w', "written", 7);
				if (call == PROVIDE_FD) skip_bytes(1);
				CHECK(!is_readable(far));
				for (int t = 0; t < 2; t++) free(results[t]);
				close_place(place);
			}
		}
	}
}

TEST(a_limit_ends_the_call_of_a_thread_while_another_one_waits_for_the_same) {
	static const enum call both[] = {READ, WRITE};
	for (int place = 0; place < LOOSE_AMONG_THREADS; place++) {
		for (int i = 0; i < 2; i++) {
			enum call call = both[i];
			pthread_t threads[2];
			struct ipc_error *results[2];
			open_place(place);
			if (call >= WRITE) fill();
			set_limit(call >= WRITE ? SO_SNDTIMEO : SO_RCVTIMEO, 100);
			for (int t = 0; t < 2; t++) CHECK_EQUAL(pthread_create(&threads[t], NULL, call_in_thread, &call), 0);
			for (int t = 0; t < 2; t++) {
				CHECK_EQUAL(pthread_join(threads[t], (void **)&results[t]), 0);
				check_failed(*results[t], codes[call], EAGAIN);
				free(results[t]);
			}
			close_place(place);
		}
	}
}
