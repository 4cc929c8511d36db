/*
 * strict_routes.c - a route that ends in ` !`: when the network daemon cannot help, the service of this machine is not tried.
 */
#include "lookup.h"

static const char *const strict[][2] = {
    /* IPC_NETWORK, and what the daemon is told of it */
    {"pong tcp://there !", "pong tcp://there"},
    {"a x ! ; pong  y \t!  ;b z", "a x; pong  y;b z"},
    {";pong x !;pong y", ";pong x;pong y"},
    {"pong !", "pong"},
};

TEST(a_strict_route_is_taken_without_its_mark) {
	CHECK_OK(ipc_server_init(&service, "real"));
	for (int i = 0; i < 4; i++) contact_as("pong", strict[i][0], strict[i][1], answers_with_a_descriptor);
	contact_as("pong", "pong x;a y !", "pong x;a y", answers_with_a_descriptor);
	contact_as("pong", "pong x!;b !c", "pong x!;b !c", answers_with_a_descriptor); /* no marks */
	finish(&service, &event);
}

TEST(the_refusal_of_a_strict_route_is_the_calls_error) {
	int ends[2], gate, fd = -1;
	make_pair(ends);
	CHECK_OK(ipc_server_init(&service, "pong"));
	for (int i = 0; i < 4; i++) {
		for (int switched = 0; switched < 2; switched++) {
			pid_t child = start_daemon_as("pong", strict[i][0], strict[i][1], refuses, &gate);
			struct ipc_error e = connect_as(switched, ends);
			CHECK_CODE(e, IPC_ERROR_CLOSED_RECIPIENT);
			CHECK(strstr(e.error_message, "no route") != NULL && ctx.size == 0);
			join_process(child, gate);
		}
		pid_t child = start_daemon_as("pong", strict[i][0], strict[i][1], refuses, &gate);
		CHECK_CODE(ipc_contact_ipcd(&fd, "pong"), IPC_ERROR_CLOSED_RECIPIENT);
		CHECK_EQUAL(fd, 0);
		join_process(child, gate);
		/* also where no daemon is */
		CHECK_CODE(ipc_connection(&ctx, "pong", NULL), IPC_ERROR_USOCK_CONNECT__CONNECT);
		CHECK_EQUAL(ctx.size, 0);
	}
	nothing_to_tell(&service, &event); /* the local service got no connection */
	close(ends[0]), close(ends[1]);
	finish(&service, &event);
}

/* A strict route of another service, or a second route of this service, has no effect. */
TEST(a_strict_route_holds_for_its_service_alone) {
	const char *const routes[][2] = {
	    {"a x !; pong y", "a x; pong y"}, {"pong y;pong x !", "pong y;pong x"}, {"pong y! ; a !", "pong y! ; a"}};
	int gate;
	CHECK_OK(ipc_server_init(&service, "pong"));
	for (int i = 0; i < 3; i++) {
		pid_t child = start_daemon_as("pong", routes[i][0], routes[i][1], refuses, &gate);
		CHECK_OK(ipc_connection(&ctx, "pong", NULL));
		next(&service, &event, IPC_EVENT_TYPE_CONNECTION);
		join_process(child, gate);
	}
	finish(&ctx, &event);
	finish(&service, &event);
}

static void connects_here(void) {
	setenv("LIBIPC_DEBUG", "1", 1);
	CHECK_OK(ipc_connection(&ctx, "pong", NULL));
}
TEST(a_trace_says_that_the_service_here_answers_instead) {
	int gate;
	CHECK_OK(ipc_server_init(&service, "pong"));
	pid_t child = start_daemon("pong", "pong x", refuses, &gate);
	ENDS_WITH(connects_here, 0, "libipc: pong: connected to the service of this machine: the network daemon refused: no route\n");
	join_process(child, gate);
	finish(&service, &event);
}
