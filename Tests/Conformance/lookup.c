/*
 * lookup.c - the way to a service through the network daemon, as IPC_NETWORK routes it. A process of the test plays the
 * daemon `network`: it checks what it is asked and answers as told (lookup.h). Faults 16 and 22 are in faults_names.c.
 */
#include "lookup.h"

static void answers_byte_by_byte(int client) {
	int fd = real_connection();
	for (int i = 0; i < 8; i++) write_bytes(client, "\3\0\0\0\2\3OK" + i, 1);
	send_with(client, "", 1, fd, 1);
	close(fd);
}

static void answers_with_many_descriptors(int client) {
	int fd = real_connection();
	send_with(client, "\3\0\0\0\2\3OK", 8, fd, 3); /* nobody asked for these */
	send_with(client, "", 1, fd, 5);
	close(fd);
}

static void answers_with_many_descriptors_at_once(int client) {
	int fd = real_connection();
	send_with(client, "\3\0\0\0\2\3OK", 9, fd, 20);
	close(fd);
}

static void refuses_without_a_reason(int client) { write_bytes(client, "\3\0\0\0\0\3", 6); }
static void refuses_and_sends_a_descriptor(int client) { send_with(client, "\3\0\0\0\3\3NO!", 9, 0, 2); }
static void hangs_up(int client) { (void)client; }
static void breaks_off(int client) { write_bytes(client, "\3\0\0\0\2\3O", 7); }
static void talks_nonsense(int client) { write_bytes(client, "\3\377\377\377\377\3garbage", 13); }

static void contact(const char *name, const char *routes, void (*how)(int)) { contact_as(name, routes, routes, how); }

TEST(a_route_is_an_entry_with_the_name_whole_and_blanks_around_it_ignored) {
	const char *routes[] = {"pong tcp://there", "  pong tcp://there  ", "a x;pong y", "a x ; pong y ; b z", ";;pong y;;",
	    "pong2 x;pong y", "xpong x;  pong  y", "a pong;pong x"};
	CHECK_OK(ipc_server_init(&service, "real"));
	for (int i = 0; i < 8; i++) contact("pong", routes[i], answers_with_a_descriptor);
	contact("a/b.c-d", "a x;a/b.c-d y", answers_with_a_descriptor);
	finish(&service, &event);
}

TEST(without_a_route_nobody_is_asked) {
	const char *routes[] = {
	    "", " ", ";", "pong2 x", "xpong x", "pon x", "a pong", "a x;b pong;c pong", "a;b pong", "PONG x", "a pong x"};
	for (int i = 0; i < 11; i++) {
		int fd = 77;
		setenv("IPC_NETWORK", routes[i], 1);
		struct ipc_error e = ipc_contact_ipcd(&fd, "pong");
		if (e.error_code != 0) FAIL("'%s': %s", routes[i], e.error_message);
		CHECK_EQUAL(fd, 0);
	}
	unsetenv("IPC_NETWORK");
	int fd = 77;
	CHECK_OK(ipc_contact_ipcd(&fd, "pong"));
	CHECK_EQUAL(fd, 0);
}

TEST(the_answer_may_come_in_pieces_and_with_descriptors_that_nobody_asked_for) {
	CHECK_OK(ipc_server_init(&service, "real"));
	contact("pong", "pong x", answers_byte_by_byte);
	contact("pong", "pong x", answers_with_many_descriptors);
	contact("pong", "pong x", answers_with_many_descriptors_at_once);
	finish(&service, &event);
}

TEST(ipc_connection_goes_through_the_daemon) {
	int gate, fd = -1, origin;
	CHECK_OK(ipc_server_init(&service, "real"));
	pid_t child = start_daemon("pong", "pong tcp://there", answers_with_a_descriptor, &gate);
	CHECK_OK(ipc_connection(&ctx, "pong", &fd));
	join_process(child, gate);
	CHECK(ctx.size == 1 && ctx.pollfd[0].fd == fd && ctx.cinfos[0].type == IPC_CONNECTION_TYPE_IPC);
	next(&service, &event, IPC_EVENT_TYPE_CONNECTION);
	origin = event.origin;
	queue(&ctx, fd, 'a', "question", 8);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	next_message(&service, &event, origin, 'a', "question", 8);
	queue(&service, origin, 'b', "answer", 6);
	next(&service, &event, IPC_EVENT_TYPE_TX);
	next_message(&ctx, &event, fd, 'b', "answer", 6);
	finish(&ctx, &event);
	next(&service, &event, IPC_EVENT_TYPE_DISCONNECTION);
	finish(&service, &event);
}

/* "any other length means no, with the reason as payload" */
TEST(a_refusal_is_error_4_with_the_reason_and_descriptor_0) {
	void (*const refusals[])(int) = {refuses, refuses_without_a_reason, refuses_and_sends_a_descriptor};
	const char *reasons[] = {"no route", "", "NO!"};
	for (int i = 0; i < 3; i++) {
		int gate, fd = 77;
		pid_t child = start_daemon("pong", "pong x", refusals[i], &gate);
		struct ipc_error e = ipc_contact_ipcd(&fd, "pong");
		CHECK_CODE(e, IPC_ERROR_CLOSED_RECIPIENT);
		CHECK(strstr(e.error_message, reasons[i]) != NULL);
		CHECK_EQUAL(fd, 0);
		join_process(child, gate);
	}
}

static void refuses_at_length(int client) {
	char *reason = malloc(100000);
	memset(reason, 'r', 100000);
	put_header(reason, MSG_TYPE_NETWORK_LOOKUP, 100000 - IPC_HEADER_SIZE, 3);
	write_bytes(client, reason, 100000);
	free(reason);
}

TEST(after_a_refusal_ipc_connection_connects_here_or_gives_both_reasons) {
	int ends[2];
	make_pair(ends);
	for (int here = 0; here < 2; here++) {
		if (here) CHECK_OK(ipc_server_init(&service, "pong"));
		for (int switched = 0; switched < 2; switched++) {
			int gate;
			pid_t child = start_daemon("pong", "pong x", refuses, &gate);
			struct ipc_error e = connect_as(switched, ends);
			CHECK_CODE(e, here ? 0 : IPC_ERROR_USOCK_CONNECT__CONNECT);
			if (!here) {
				CHECK(strstr(e.error_message, "no route") != NULL &&
				    strstr(e.error_message, address_of("pong").sun_path) != NULL);
				CHECK(strstr(e.error_message, strerror(ENOENT)) != NULL);
			}
			join_process(child, gate);
		}
	}
	CHECK_EQUAL(ctx.size, 3);
	close(ends[1]);
	next(&service, &event, IPC_EVENT_TYPE_CONNECTION);
	finish(&ctx, &event);
	finish(&service, &event);
}

TEST(a_long_refusal_leaves_room_for_the_other_reason) {
	int gate;
	pid_t child = start_daemon("pong", "pong x", refuses_at_length, &gate);
	struct ipc_error e = ipc_connection(&ctx, "pong", NULL);
	CHECK_CODE(e, IPC_ERROR_USOCK_CONNECT__CONNECT);
	CHECK(strstr(e.error_message, "refused: rrrr") != NULL && strstr(e.error_message, strerror(ENOENT)) != NULL);
	join_process(child, gate);
	unlink(address_of("network").sun_path);
	e = ipc_connection(&ctx, "pong", NULL); /* no daemon */
	CHECK_CODE(e, IPC_ERROR_USOCK_CONNECT__CONNECT);
	CHECK(strstr(e.error_message, address_of("network").sun_path) != NULL &&
	    strstr(e.error_message, address_of("pong").sun_path) != NULL);
	ipc_ctx_free(&ctx);
}

TEST(a_daemon_that_breaks_off_or_talks_nonsense_is_an_error) {
	void (*const ways[])(int) = {hangs_up, breaks_off, talks_nonsense};
	for (int i = 0; i < 3; i++) {
		int gate, fd = 77;
		pid_t child = start_daemon("pong", "pong x", ways[i], &gate);
		struct ipc_error e = ipc_contact_ipcd(&fd, "pong");
		CHECK(e.error_code != 0 && e.error_message[0] != '\0');
		CHECK(fd <= 0 || fd == 77);
		join_process(child, gate);
	}
	int fd = 77;
	struct ipc_error e = ipc_contact_ipcd(&fd, "pong"); /* and when there is none */
	CHECK(e.error_code != 0 && e.error_message[0] != '\0');
	CHECK_CODE(ipc_contact_ipcd(NULL, "pong"), IPC_ERROR_CONTACT_IPCD__NO_FD_PARAM);
	CHECK_CODE(ipc_contact_ipcd(&fd, NULL), IPC_ERROR_CONTACT_IPCD__NO_SERVICE_NAME_PARAM);
}

/* "no route: success with fd 0": a descriptor that came is never 0, also in a program that has closed its stdin. */
TEST(a_descriptor_that_came_is_not_0) {
	int saved = fcntl(0, F_DUPFD_CLOEXEC, 100);
	CHECK_OK(ipc_server_init(&service, "real"));
	for (int i = 0; i < 2; i++) {
		int gate, fd = -1;
		pid_t child = start_daemon("pong", "pong x", answers_with_a_descriptor, &gate);
		close(0);
		struct ipc_error e = ipc_contact_ipcd(&fd, "pong");
		CHECK_EQUAL(dup2(saved, 0), 0);
		CHECK_OK(e);
		CHECK(fd > 0 && is_open(fd));
		close(fd);
		join_process(child, gate);
	}
	close(saved);
	finish(&service, &event);
}
