/*
 * faults_names.c - what the old library did wrong on the way to a service: faults 12, 16, 19, 22 and 26,
 * about paths, the network daemon's look-up, failed connections, and who owns a socket file.
 */
#include "peers.h"

static struct ipc_ctx first, second;
static struct ipc_event event;

static int exists_in_rundir(const char *name) {
	struct stat status;
	return lstat(address_of(name).sun_path, &status) == 0;
}

TEST(fault_12_a_long_path_smashed_the_stack) {
	char name[6000], path[PATH_MAX];
	int fd = -1;
	const size_t lengths[] = {108, 109, 120, 255, 256, 4000, 4095, 4096, 5999};
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		memset(name, 'x', sizeof name);
		name[lengths[i]] = '\0';
		CHECK_CODE(service_path(path, name), IPC_ERROR_SERVICE_PATH__INVALID_NAME);
		CHECK_CODE(ipc_server_init(&first, name), IPC_ERROR_SERVICE_PATH__INVALID_NAME);
		CHECK_CODE(ipc_connection(&first, name, &fd), IPC_ERROR_SERVICE_PATH__INVALID_NAME);
		name[0] = '/';
		CHECK(usock_connect(&fd, name).error_code != 0);
		CHECK(usock_init(&fd, name).error_code != 0);
		CHECK_EQUAL(first.size, 0);
	}
	CHECK_EQUAL(rmdir(run_directory), 0); /* nothing was left in it */
}

TEST(fault_12_the_longest_path_that_fits_is_served) {
	struct sockaddr_un address;
	char name[sizeof address.sun_path], path[PATH_MAX];
	size_t room = sizeof address.sun_path - 1 - strlen(run_directory) - 1;
	memset(name, 'y', sizeof name);
	name[room] = '\0';
	CHECK_OK(service_path(path, name));
	CHECK_EQUAL(strlen(path), sizeof address.sun_path - 1);
	CHECK_OK(ipc_server_init(&first, name));
	CHECK_OK(ipc_connection(&second, name, NULL));
	next(&first, &event, IPC_EVENT_TYPE_CONNECTION);
	finish(&second, &event);
	finish(&first, &event);
	name[room] = 'y';
	name[room + 1] = '\0';
	CHECK_CODE(service_path(path, name), IPC_ERROR_SERVICE_PATH__INVALID_NAME);
}

TEST(fault_12_a_path_without_a_slash_became_a_directory) {
	struct stat status;
	int fd = -1;
	CHECK_EQUAL(chdir(run_directory), 0);
	CHECK_OK(directory_setup_("lonely"));
	CHECK(lstat("lonely", &status) != 0);
	CHECK_OK(usock_init(&fd, "lonely"));
	CHECK(lstat("lonely", &status) == 0 && S_ISSOCK(status.st_mode));
	CHECK_OK(usock_close(fd));
	CHECK_OK(usock_remove("lonely"));
}

/* ---- the network daemon, as far as these tests need it ---- */

#define ROUTES "pongping tcp://elsewhere ; pong tcp://there"
enum reply { ONE_SEND, TWO_SENDS, NO_DESCRIPTOR, HANG_UP, REFUSE };
static enum reply reply;
static int rounds;

static void send_with_descriptor(int sock, const char *bytes, size_t size, int fd) {
	char control[CMSG_SPACE(sizeof fd)] = {0};
	struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	CHECK_EQUAL(sendmsg(sock, &m, MSG_NOSIGNAL), size);
}

static void network_daemon(int gate) {
	const char wanted[] = "\3\0\0\0\60\3pong;" ROUTES, ok[] = "\3\0\0\0\2\3OK";
	char request[sizeof wanted - 1];
	int listening = raw_listen("network");
	meet(gate);
	for (int i = 0; i < rounds; i++) {
		int client = accept4(listening, NULL, NULL, SOCK_CLOEXEC), ends[2];
		CHECK_EQUAL(read_bytes(client, request, sizeof request), sizeof request);
		CHECK(memcmp(request, wanted, sizeof request) == 0);
		make_pair(ends);
		write_bytes(ends[0], "through", 7);
		if (reply == ONE_SEND) send_with_descriptor(client, ok, 9, ends[1]); /* with the byte 0 behind */
		if (reply == TWO_SENDS || reply == NO_DESCRIPTOR || reply == HANG_UP) write_bytes(client, ok, 8);
		if (reply == TWO_SENDS) send_with_descriptor(client, "", 1, ends[1]);
		if (reply == NO_DESCRIPTOR) write_bytes(client, "", 1);
		if (reply == REFUSE) write_bytes(client, "\3\0\0\0\10\3no route", 14);
		close(client);
		close(ends[0]);
		close(ends[1]);
	}
	close(listening);
}

static pid_t start_daemon(enum reply how, int count, int *gate) {
	reply = how;
	rounds = count;
	pid_t child = start(network_daemon, gate);
	meet(*gate);
	setenv("IPC_NETWORK", ROUTES, 1);
	return child;
}

static void descriptor_comes(enum reply how) {
	int gate;
	pid_t child = start_daemon(how, 20, &gate);
	for (int i = 0; i < 20; i++) {
		int fd = -1;
		char words[7];
		CHECK_OK(ipc_contact_ipcd(&fd, "pong"));
		CHECK(fd > 0);
		CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		CHECK_EQUAL(read_bytes(fd, words, 7), 7);
		CHECK(memcmp(words, "through", 7) == 0);
		close(fd);
	}
	join_process(child, gate);
}

TEST(fault_16_reply_and_descriptor_in_one_send_lost_the_descriptor) { descriptor_comes(ONE_SEND); }
TEST(fault_16_reply_and_descriptor_in_two_sends) { descriptor_comes(TWO_SENDS); }

TEST(fault_16_a_reply_without_a_descriptor_crashed) {
	for (int how = NO_DESCRIPTOR; how <= HANG_UP; how++) {
		int gate, fd = -1;
		pid_t child = start_daemon((enum reply)how, 1, &gate);
		struct ipc_error e = ipc_contact_ipcd(&fd, "pong");
		if (how == NO_DESCRIPTOR) CHECK_CODE(e, IPC_ERROR_RECEIVE_FD__RECVMSG);
		CHECK(e.error_code != 0);
		CHECK(fd <= 0);
		join_process(child, gate);
		unlink(address_of("network").sun_path);
	}
}

TEST(fault_16_a_message_without_a_descriptor) {
	int ends[2], fd = -1;
	make_pair(ends);
	write_bytes(ends[0], "", 1);
	CHECK_CODE(ipc_receive_fd(ends[1], &fd), IPC_ERROR_RECEIVE_FD__RECVMSG);
	CHECK_EQUAL(fd, -1);
	close(ends[0]);
	CHECK(ipc_receive_fd(ends[1], &fd).error_code != 0);
	close(ends[1]);
}

TEST(fault_16_a_message_and_a_descriptor_read_one_after_the_other) {
	int ends[2], passed[2], origin, fd = -1;
	struct ipc_message m = message_of(0, 'a', "here it is", 10), got = {0};
	make_pair(ends);
	make_pair(passed);
	CHECK_OK(ipc_write_fd(ends[0], &m));
	CHECK_OK(ipc_provide_fd(ends[0], passed[0]));
	CHECK_OK(ipc_read_fd(ends[1], &got));
	CHECK_OK(ipc_receive_fd(ends[1], &fd));
	CHECK(is_open(fd) && fd != passed[0]);
	free(got.payload);
	close(fd);
	/* the same from a context that may have received both at once */
	CHECK_OK(ipc_server_init(&first, "pong"));
	int peer = join(&first, &event, "pong", &origin);
	write_frame(peer, 'a', "here it is", 10);
	CHECK_OK(ipc_provide_fd(peer, passed[0]));
	next_message(&first, &event, origin, 'a', "here it is", 10);
	CHECK_OK(ipc_receive_fd(origin, &fd));
	write_bytes(fd, "x", 1);
	CHECK(is_readable(passed[1]));
	write_frame(peer, 'b', "and on", 6);
	next_message(&first, &event, origin, 'b', "and on", 6);
	close(fd);
	close(peer);
	finish(&first, &event);
	for (int i = 0; i < 2; i++) close(ends[i]), close(passed[i]);
}

TEST(fault_19_a_failed_connect_leaked_the_socket) {
	int fd = -1, before = 0;
	CHECK_OK(ipc_server_init(&second, "pong"));
	struct sockaddr_un stale = address_of("stale");
	close(raw_listen("stale"));
	for (int i = 0; i < 20; i++) {
		CHECK_CODE(ipc_connection(&first, "nobody", &fd), IPC_ERROR_USOCK_CONNECT__CONNECT);
		CHECK_CODE(ipc_connection(&first, "stale", NULL), IPC_ERROR_USOCK_CONNECT__CONNECT);
		CHECK_CODE(ipc_connection_switched(&first, "nobody", 0, NULL), IPC_ERROR_USOCK_CONNECT__CONNECT);
		CHECK_CODE(usock_connect(&fd, stale.sun_path), IPC_ERROR_USOCK_CONNECT__CONNECT);
		CHECK_CODE(ipc_server_init(&first, "pong"), IPC_ERROR_USOCK_INIT__BIND);
		CHECK_EQUAL(first.size, 0);
		CHECK_EQUAL(first.switchdb.size, 0);
		if (i == 0) before = count_descriptors();
		CHECK_EQUAL(count_descriptors(), before);
	}
	finish(&first, &event);
	finish(&second, &event);
}

TEST(fault_22_ipc_network_was_matched_by_prefix) {
	const char *others[] = {"pongping tcp://x", "po tcp://x", "pongpong tcp://x;pin tcp://y", "  pong2 tcp://x ;", "p", ""};
	for (int i = 0; i < 6; i++) { /* nobody plays the network daemon: to ask it would fail */
		int fd = 77;
		setenv("IPC_NETWORK", others[i], 1);
		CHECK_OK(ipc_contact_ipcd(&fd, "pong"));
		CHECK_EQUAL(fd, 0);
	}
	CHECK_OK(ipc_server_init(&first, "pong"));
	CHECK_OK(ipc_connection(&second, "pong", NULL));
	finish(&second, &event);
	/* the right name is asked for, blanks around it or not, and after a refusal it is looked for here */
	int gate, fd = 77;
	pid_t child = start_daemon(REFUSE, 2, &gate);
	struct ipc_error e = ipc_contact_ipcd(&fd, "pong");
	CHECK_CODE(e, IPC_ERROR_CLOSED_RECIPIENT);
	CHECK(strstr(e.error_message, "no route") != NULL);
	CHECK_EQUAL(fd, 0);
	CHECK_OK(ipc_connection(&second, "pong", &fd));
	CHECK_EQUAL(second.size, 1);
	CHECK_EQUAL(second.pollfd[0].fd, fd);
	join_process(child, gate);
	finish(&second, &event);
	finish(&first, &event);
}

TEST(fault_26_a_second_server_stole_a_live_services_socket) {
	CHECK_OK(ipc_server_init(&first, "pong"));
	CHECK_CODE(ipc_server_init(&second, "pong"), IPC_ERROR_USOCK_INIT__BIND);
	CHECK_CODE(ipc_server_init(&first, "pong"), IPC_ERROR_USOCK_INIT__BIND);
	CHECK_EQUAL(second.size, 0);
	CHECK_EQUAL(first.size, 1);
	/* being asked whether it lives is no client; a real one is still served */
	int peer = raw_connect("pong");
	write_frame(peer, 'a', "to the first", 12);
	do CHECK_OK(ipc_wait_event(&first, &event, NULL));
	while (event.type == IPC_EVENT_TYPE_CONNECTION || event.type == IPC_EVENT_TYPE_DISCONNECTION);
	CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
	close(peer);
	finish(&first, &event);
	CHECK(!exists_in_rundir("pong"));
	finish(&second, &event);
}

TEST(fault_26_a_regular_file_of_that_name_was_deleted) {
	FILE *file = fopen(address_of("pong").sun_path, "w");
	CHECK(file != NULL && fputs("precious", file) >= 0 && fclose(file) == 0);
	CHECK_CODE(ipc_server_init(&first, "pong"), IPC_ERROR_USOCK_INIT__BIND);
	struct stat status;
	CHECK(lstat(address_of("pong").sun_path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 8);
	CHECK_EQUAL(first.size, 0);
	finish(&first, &event);
}

TEST(fault_26_a_stale_socket_is_replaced) {
	close(raw_listen("pong"));
	CHECK(exists_in_rundir("pong"));
	CHECK_OK(ipc_server_init(&first, "pong"));
	close(join(&first, &event, "pong", NULL));
	finish(&first, &event);
	CHECK(!exists_in_rundir("pong"));
}

TEST(fault_26_the_first_servers_exit_removed_the_seconds_socket) {
	CHECK_OK(ipc_server_init(&first, "pong"));
	CHECK_EQUAL(unlink(address_of("pong").sun_path), 0);
	CHECK_OK(ipc_server_init(&second, "pong"));
	finish(&first, &event);
	CHECK(exists_in_rundir("pong"));
	close(join(&second, &event, "pong", NULL));
	finish(&second, &event);
	CHECK(!exists_in_rundir("pong"));
}
