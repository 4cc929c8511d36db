/*
 * sockets.c - the steps of a Unix socket, alone (usock_*), and what every socket of the library must be: AF_UNIX,
 * SOCK_STREAM, close-on-exec, and blocking unless it listens; with a backlog of 128 or more.
 */
#include "peers.h"

#include <sys/resource.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

static int option_of(int fd, int option) {
	int value = -1;
	socklen_t length = sizeof value;
	CHECK_EQUAL(getsockopt(fd, SOL_SOCKET, option, &value, &length), 0);
	return value;
}

/* "AF_UNIX, SOCK_STREAM, ..., blocking", a listening one excepted: also no limit of time on what programs do with it themselves. */
static void check_plain(int fd) {
	CHECK_EQUAL(option_of(fd, SO_DOMAIN), AF_UNIX);
	CHECK_EQUAL(option_of(fd, SO_TYPE), SOCK_STREAM);
	int flags = fcntl(fd, F_GETFL);
	CHECK(flags >= 0 && (flags & O_NONBLOCK) == (option_of(fd, SO_ACCEPTCONN) ? O_NONBLOCK : 0));
	for (int i = 0; i < 2; i++) {
		struct timeval limit = {1, 1};
		socklen_t length = sizeof limit;
		CHECK_EQUAL(getsockopt(fd, SOL_SOCKET, i ? SO_SNDTIMEO : SO_RCVTIMEO, &limit, &length), 0);
		CHECK(limit.tv_sec == 0 && limit.tv_usec == 0);
	}
}

TEST(usock_steps_lead_from_a_path_to_a_connection) {
	int listening = -1, client = -1, accepted = -1;
	struct sockaddr_un address = address_of("steps");
	CHECK_OK(usock_init(&listening, address.sun_path));
	CHECK_OK(usock_connect(&client, address.sun_path));
	CHECK_OK(usock_accept(listening, &accepted));
	check_plain(listening);
	check_plain(client);
	check_plain(accepted);
	size_t sent = 0;
	CHECK_OK(usock_send(client, "abc", 3, &sent));
	CHECK_EQUAL(sent, 3);
	CHECK_OK(usock_send(accepted, "defg", 4, NULL));
	char bytes[4];
	CHECK(read_bytes(accepted, bytes, 3) == 3 && memcmp(bytes, "abc", 3) == 0);
	CHECK(read_bytes(client, bytes, 4) == 4 && memcmp(bytes, "defg", 4) == 0);
	CHECK_OK(usock_close(client));
	CHECK(!is_open(client));
	CHECK_CODE(usock_close(client), IPC_ERROR_USOCK_CLOSE);
	CHECK_OK(usock_close(accepted));
	CHECK_OK(usock_close(listening));
	CHECK_EQUAL(access(address.sun_path, F_OK), 0); /* closing is not removing */
	CHECK_OK(usock_remove(address.sun_path));
	CHECK(access(address.sun_path, F_OK) != 0);
}

TEST(usock_init_names_what_is_wrong) {
	int listening = -1, fd = -1;
	struct sockaddr_un address = address_of("live"), nowhere = address_of("live/below");
	CHECK_OK(usock_init(&listening, address.sun_path));
	CHECK_CODE(usock_init(&fd, address.sun_path), IPC_ERROR_USOCK_INIT__BIND);
	CHECK_CODE(usock_init(&fd, nowhere.sun_path), IPC_ERROR_USOCK_INIT__BIND);
	CHECK_CODE(usock_init(NULL, address.sun_path), IPC_ERROR_USOCK_INIT__EMPTY_FILE_DESCRIPTOR);
	CHECK_CODE(usock_init(&fd, NULL), IPC_ERROR_USOCK_INIT__EMPTY_PATH);
	CHECK_CODE(usock_init(&fd, ""), IPC_ERROR_USOCK_INIT__EMPTY_PATH);
	CHECK_EQUAL(fd, -1);
	CHECK_OK(usock_connect(&fd, address.sun_path)); /* the live one is untouched */
	CHECK_OK(usock_close(fd));
	CHECK_OK(usock_close(listening));
}

TEST(usock_connect_names_what_is_wrong) {
	int fd = -1;
	struct sockaddr_un address = address_of("nobody");
	CHECK_CODE(usock_connect(&fd, address.sun_path), IPC_ERROR_USOCK_CONNECT__CONNECT);
	struct ipc_error e = usock_connect(&fd, address.sun_path);
	CHECK(strstr(e.error_message, address.sun_path) != NULL && strstr(e.error_message, strerror(ENOENT)) != NULL);
	close(raw_listen("nobody"));
	e = usock_connect(&fd, address.sun_path);
	CHECK_CODE(e, IPC_ERROR_USOCK_CONNECT__CONNECT);
	CHECK(strstr(e.error_message, address.sun_path) != NULL && strstr(e.error_message, strerror(ECONNREFUSED)) != NULL);
	CHECK_CODE(usock_connect(NULL, address.sun_path), IPC_ERROR_USOCK_CONNECT__WRONG_FILE_DESCRIPTOR);
	CHECK_CODE(usock_connect(&fd, NULL), IPC_ERROR_USOCK_CONNECT__EMPTY_PATH);
	CHECK_CODE(usock_connect(&fd, ""), IPC_ERROR_USOCK_CONNECT__EMPTY_PATH);
	CHECK_EQUAL(fd, -1);
}

TEST(usock_accept_and_remove_name_what_is_wrong) {
	int fd = -1, ends[2];
	struct sockaddr_un address = address_of("directory");
	make_pair(ends);
	CHECK_CODE(usock_accept(ends[0], NULL), IPC_ERROR_USOCK_ACCEPT__PATH_FILE_DESCRIPTOR);
	CHECK_CODE(usock_accept(ends[0], &fd), IPC_ERROR_USOCK_ACCEPT);
	CHECK_CODE(usock_accept(-1, &fd), IPC_ERROR_USOCK_ACCEPT);
	CHECK_EQUAL(fd, -1);
	CHECK_CODE(usock_remove(address.sun_path), IPC_ERROR_USOCK_REMOVE__NO_FILE);
	CHECK_EQUAL(mkdir(address.sun_path, 0700), 0);
	CHECK_CODE(usock_remove(address.sun_path), IPC_ERROR_USOCK_REMOVE__UNLINK);
	close(ends[0]);
	close(ends[1]);
}

TEST(without_free_descriptors_no_socket_is_made) {
	struct rlimit limit;
	int fd = -1, first_free = dup(0);
	struct sockaddr_un address = address_of("full");
	close(first_free);
	CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	rlim_t usual = limit.rlim_cur;
	limit.rlim_cur = (rlim_t)first_free;
	CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
	struct ipc_error connected = usock_connect(&fd, address.sun_path);
	struct ipc_error listened = usock_init(&fd, address.sun_path);
	limit.rlim_cur = usual;
	CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_CODE(connected, IPC_ERROR_USOCK_CONNECT__SOCKET);
	CHECK_CODE(listened, IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR);
	CHECK_EQUAL(fd, -1);
	CHECK(access(address.sun_path, F_OK) != 0);
}

TEST(usock_send_to_a_peer_that_has_left_is_error_43_without_a_signal) {
	int ends[2];
	size_t sent = 0;
	make_pair(ends);
	close(ends[1]);
	CHECK_CODE(usock_send(ends[0], "abc", 3, &sent), IPC_ERROR_USOCK_SEND);
	CHECK_EQUAL(sent, 0);
	close(ends[0]);
	CHECK_CODE(usock_send(ends[0], "abc", 3, &sent), IPC_ERROR_USOCK_SEND);
}

/* "one send": what does not fit is not waited for when the program has made the socket non-blocking */
TEST(usock_send_is_one_send) {
	int ends[2];
	size_t total = 0, sent = 0, length = 4000000;
	char *bytes = pattern(length, 1);
	make_pair(ends);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	CHECK_OK(usock_send(ends[0], bytes, length, &sent));
	CHECK(sent > 0 && sent < length);
	char *got = malloc(sent);
	total = read_bytes(ends[1], got, sent);
	CHECK(total == sent && memcmp(got, bytes, sent) == 0);
	CHECK(!is_readable(ends[1]));
	free(got);
	free(bytes);
	close(ends[0]);
	close(ends[1]);
}

TEST(usock_recv_takes_one_whole_frame_into_an_allocated_or_a_given_buffer) {
	int ends[2];
	const char frames[] = "\2\0\0\0\3aone\1\0\0\0\0b\377\0\0\0\2c\0z";
	const size_t start[] = {0, 9, 15, 23};
	make_pair(ends);
	for (int given = 0; given < 3; given++) { /* allocated; just large enough; "0: the maximum" */
		write_bytes(ends[1], frames, 23);
		for (int i = 0; i < 3; i++) {
			size_t size = start[i + 1] - start[i], length = given == 1 ? size : 0;
			char *buffer = given ? malloc(FRAME_SIZE(IPC_MAX_MESSAGE_SIZE)) : NULL, *before = buffer;
			CHECK_OK(usock_recv(ends[0], &buffer, &length));
			CHECK(!given || buffer == before);
			CHECK_EQUAL(length, size);
			CHECK(memcmp(buffer, frames + start[i], size) == 0);
			free(buffer);
		}
	}
	CHECK(!is_readable(ends[0]));
	close(ends[0]);
	close(ends[1]);
}

TEST(usock_recv_names_what_is_wrong) {
	int ends[2];
	char *buffer = NULL, small[8] = "", *place = small;
	size_t length = 0;
	make_pair(ends);
	CHECK_CODE(usock_recv(ends[0], NULL, &length), IPC_ERROR_USOCK_RECV__NO_BUFFER);
	CHECK_CODE(usock_recv(ends[0], &buffer, NULL), IPC_ERROR_USOCK_RECV__NO_LENGTH);
	write_bytes(ends[1], "\2\0\0\0\3aone", 9);
	length = sizeof small;
	CHECK_CODE(usock_recv(ends[0], &place, &length), IPC_ERROR_USOCK_RECV__MESSAGE_SIZE);
	length = 0;
	CHECK_OK(usock_recv(ends[0], &buffer, &length)); /* it is still there */
	CHECK(length == 9 && memcmp(buffer, "\2\0\0\0\3aone", 9) == 0);
	free(buffer);
	buffer = NULL;
	length = 0;
	write_bytes(ends[1], "\2\377\377\377\377a", 6);
	CHECK_CODE(usock_recv(ends[0], &buffer, &length), IPC_ERROR_USOCK_RECV__MESSAGE_SIZE);
	close(ends[0]);
	close(ends[1]);
	make_pair(ends);
	write_bytes(ends[1], "\2\0\0\0\3ao", 7);
	close(ends[1]);
	CHECK_CODE(usock_recv(ends[0], &buffer, &length), IPC_ERROR_CLOSED_RECIPIENT);
	close(ends[0]);
	CHECK_CODE(usock_recv(-1, &buffer, &length), IPC_ERROR_USOCK_RECV);
	CHECK(buffer == NULL);
}

TEST(every_socket_of_a_context_is_a_blocking_unix_stream) {
	struct ipc_ctx client = {0};
	int fd = -1, routed = -1, ends[2];
	make_pair(ends);
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	CHECK_OK(ipc_connection(&client, "pong", &fd));
	CHECK_OK(ipc_connection_switched(&client, "pong", ends[0], &routed));
	for (int i = 0; i < 2; i++) {
		next(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
		check_plain(event.origin);
	}
	/* also when both directions are stuffed */
	char *payload = pattern(1500000, 1);
	queue(&ctx, ctx.pollfd[1].fd, 's', payload, 1500000);
	queue(&client, fd, 's', payload, 1500000);
	nothing_to_tell(&ctx, &event);
	nothing_to_tell(&client, &event);
	check_plain(ctx.pollfd[0].fd);
	check_plain(ctx.pollfd[1].fd);
	check_plain(fd);
	check_plain(routed);
	check_plain(ends[0]);
	free(payload);
	close(ends[1]);
	finish(&client, &event);
	finish(&ctx, &event);
}

TEST(at_least_128_clients_wait_in_the_backlog) {
	int clients[128];
	CHECK_OK(ipc_server_init(&ctx, "pong"));
	struct sockaddr_un address = address_of("pong");
	for (int i = 0; i < 128; i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		CHECK_EQUAL(connect(clients[i], (struct sockaddr *)&address, sizeof address), 0);
	}
	for (int i = 0; i < 128; i++) ready(&ctx, &event, IPC_EVENT_TYPE_CONNECTION);
	CHECK_EQUAL(ctx.size, 129);
	for (int i = 0; i < 128; i++) close(clients[i]);
	finish(&ctx, &event);
}
