/*
 * control_data.c - control data: that of the program's own socket options makes the library lose or leak no descriptor; and
 * descriptors for which the process has no free number.
 */
#include "peers.h"

#include <sys/resource.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76 /* Linux 6.5 */
#endif

static struct ipc_ctx ctx;
static struct ipc_event event;
static int near, far;

static const int options[] = {0, SO_PASSCRED, SO_PASSPIDFD, SO_TIMESTAMP, SO_TIMESTAMPNS};
enum { OPTIONS = 1 << 4 };

/* One of all sets of the options, as far as the system has them. */
static void open_with(int set) {
	int ends[2], one = 1;
	make_pair(ends);
	near = ends[0], far = ends[1];
	for (int i = 0; i < 4; i++) {
		if (set >> i & 1) (void)setsockopt(near, SOL_SOCKET, options[1 + i], &one, sizeof one);
	}
}
static void add_near(void) {
	struct ipc_connection_info info = {.type = IPC_CONNECTION_TYPE_IPC};
	CHECK_OK(ipc_add(&ctx, &info, &(struct pollfd){.fd = near}));
}
static void close_both(void) {
	IPC_EVENT_CLEAN(&event);
	ipc_ctx_free(&ctx);
	CHECK_OK(usock_close(near));
	close(far);
}

TEST(a_descriptor_is_received_whatever_else_the_socket_brings) {
	for (int set = 0; set < OPTIONS; set++) {
		for (int in_context = 0; in_context < 2; in_context++) {
			int got = -1, passed[2];
			char byte = 'x';
			open_with(set);
			if (in_context) add_near();
			CHECK_EQUAL(pipe(passed), 0);
			for (int i = 0; i < 5; i++) {
				int before = count_descriptors();
				CHECK_OK(ipc_provide_fd(far, passed[1]));
				CHECK_OK(ipc_receive_fd(near, &got));
				CHECK((fcntl(got, F_GETFD) & FD_CLOEXEC) != 0);
				CHECK_EQUAL(write(got, &byte, 1), 1);
				CHECK_EQUAL(read(passed[0], &byte, 1), 1);
				close(got);
				CHECK_EQUAL(count_descriptors(), before);
			}
			close(passed[0]);
			close(passed[1]);
			close_both();
		}
	}
}

TEST(a_descriptor_behind_a_frame_is_received_whatever_else_the_socket_brings) {
	for (int set = 0; set < OPTIONS; set++) {
		int got = -1;
		open_with(set);
		add_near();
		int before = count_descriptors();
		send_with(far, "\2\0\0\0\2fok", 8, 0, 1); /* with the last byte of the frame: no call asks for this one */
		CHECK_OK(ipc_provide_fd(far, 0));
		ready(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
		CHECK_OK(ipc_receive_fd(near, &got));
		close(got);
		CHECK_EQUAL(count_descriptors(), before);
		close_both();
	}
}

TEST(frames_leak_no_descriptor_whatever_the_socket_brings) {
	for (int set = 0; set < OPTIONS; set++) {
		for (int way = 0; way < 3; way++) {
			open_with(set);
			if (way < 2) add_near();
			int before = count_descriptors();
			for (int i = 0; i < 10; i++) {
				struct ipc_message m = {0};
				if (i % 2 == 0) send_with(far, "\2\0\0\0\3uone", 9, 0, 1 + i * 3);
				else write_frame(far, 'u', "one", 3);
				if (way == 0) {
					ready(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
				} else {
					CHECK_OK(way == 1 ? ipc_read(&ctx, 0, &m) : ipc_read_fd(near, &m));
					CHECK(m.length == 3 && memcmp(m.payload, "one", 3) == 0);
					free(m.payload);
				}
				/* One may be kept for ipc_receive_fd, until the next frame. */
				if (i % 2 == 1) CHECK_EQUAL(count_descriptors(), before);
			}
			close_both();
		}
	}
}

TEST(switched_ends_leak_no_descriptor_whatever_the_sockets_bring) {
	for (int set = 0; set < OPTIONS; set++) {
		int one[2], two[2];
		open_with(set);
		one[0] = near, one[1] = far;
		open_with(set);
		two[0] = near, two[1] = far;
		CHECK_OK(ipc_add_fd_switched(&ctx, one[0]));
		CHECK_OK(ipc_add_fd_switched(&ctx, two[0]));
		ipc_ctx_switching_add(&ctx, one[0], two[0]);
		int before = count_descriptors();
		for (int i = 0; i < 5; i++) {
			int told = 0, timer = 0;
			if (i % 2 == 0) send_with(one[1], "\2\0\0\0\3uone", 9, 0, 2);
			else write_frame(one[1], 'u', "one", 3);
			while (told < 2) {
				CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
				told += event.type != IPC_EVENT_TYPE_TIMER;
			}
			read_frame(two[1], 'u', "one", 3);
		}
		CHECK_EQUAL(count_descriptors(), before);
		ipc_ctx_free(&ctx);
		close(one[0]);
		close(one[1]);
		close_both();
	}
}

/* ---- no free number ---- */

static struct rlimit usual;
/* valgrind does not really set a limit of its process: the kernel then still finds a number. */
static int limits_are_pretended(void) {
	struct rlimit limit, kernels;
	char line[200];
	FILE *list = fopen("/proc/self/limits", "r");
	CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	kernels = limit;
	while (list != NULL && fgets(line, sizeof line, list) != NULL) {
		unsigned long soft;
		if (sscanf(line, "Max open files %lu", &soft) == 1) kernels.rlim_cur = soft;
	}
	if (list != NULL) fclose(list);
	return kernels.rlim_cur != limit.rlim_cur;
}
static void use_up_all_numbers(void) {
	CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &usual), 0);
	int highest = fcntl(0, F_DUPFD, 100);
	close(highest);
	for (int fd = 99; fd > 2; fd--) {
		if (is_open(fd)) continue;
		CHECK_EQUAL(dup2(0, fd), fd);
	}
	CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &(struct rlimit){100, usual.rlim_max}), 0);
	CHECK_EQUAL(dup(0), -1);
}
static void have_numbers_again(const char *was_open) {
	CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &usual), 0);
	for (int fd = 3; fd < 100; fd++) {
		if (!was_open[fd] && is_open(fd)) close(fd);
	}
}
static void note_numbers(char *open) {
	for (int fd = 0; fd < 100; fd++) open[fd] = (char)is_open(fd);
}
static void check_no_number(struct ipc_error e) {
	CHECK_CODE(e, IPC_ERROR_RECEIVE_FD__RECVMSG);
	CHECK(strstr(e.error_message, strerror(EMFILE)) != NULL);
}

TEST(receive_fd_returns_65_without_a_free_number_and_the_descriptor_stays) {
	if (limits_are_pretended()) return;
	for (int set = 0; set < OPTIONS; set++) {
		for (int in_context = 0; in_context < 2; in_context++) {
			int got = -1;
			char open[100];
			open_with(set & 1); /* a pidfd wants a number too: other sets end differently */
			if (in_context) add_near();
			CHECK_OK(ipc_provide_fd(far, 0));
			note_numbers(open);
			use_up_all_numbers();
			for (int i = 0; i < 3; i++) check_no_number(ipc_receive_fd(near, &got));
			CHECK_EQUAL(got, -1);
			have_numbers_again(open);
			CHECK_OK(ipc_receive_fd(near, &got));
			close(got);
			CHECK(!is_readable(near));
			close_both();
		}
	}
}

TEST(a_descriptor_that_was_read_ahead_without_a_free_number_is_65_with_the_reason) {
	if (limits_are_pretended()) return;
	int got = -1;
	char open[100];
	open_with(0);
	add_near();
	nothing_to_tell(&ctx, &event);
	note_numbers(open);
	use_up_all_numbers();
	/* In one receive with a frame, whose bytes cannot stay in the kernel. */
	send_with(far, "\2\0\0\0\2fok\0", 9, 0, 1);
	ready(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
	check_no_number(ipc_receive_fd(near, &got));
	have_numbers_again(open);
	CHECK_OK(ipc_provide_fd(far, 0));
	CHECK_OK(ipc_receive_fd(near, &got));
	close(got);
	close_both();
}
