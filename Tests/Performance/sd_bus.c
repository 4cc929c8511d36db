/*
 * sd_bus.c - D-Bus without a broker: the server is the other end of each connection and answers method calls, an array
 * of bytes each; the client calls, or has many calls under way. The server's loop has a timer, and each call a time limit.
 */
#define _GNU_SOURCE /* accept4 */
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "bench.h"

#define LIMIT (UINT64_C(1000) * TIMER) /* in microseconds */
#define LOCAL "org.freedesktop.DBus.Local" /* messages that the library makes itself */

#define MUST_BUS(call)                                           \
	do {                                                     \
		int e_ = (call);                                 \
		if (e_ < 0) DIE("%s: %s", #call, strerror(-e_)); \
	} while (0)

static int on_message(sd_bus_message *call, void *unused, sd_bus_error *error) {
	sd_bus *bus = sd_bus_message_get_bus(call);
	sd_bus_message *reply = NULL;
	const void *bytes;
	size_t length;
	(void)unused, (void)error;
	if (sd_bus_message_is_signal(call, LOCAL, "Disconnected") > 0) {
		sd_bus_detach_event(bus);
		sd_bus_unref(bus);
		return 1;
	}
	if (sd_bus_message_is_method_call(call, NULL, NULL) <= 0) return 0;
	MUST_BUS(sd_bus_message_read_array(call, 'y', &bytes, &length));
	MUST_BUS(sd_bus_message_new_method_return(call, &reply));
	MUST_BUS(sd_bus_message_append_array(reply, 'y', bytes, length));
	sd_bus_send(bus, reply, NULL); /* fails when the client has left */
	sd_bus_message_unref(reply);
	return 1;
}

static int on_client(sd_event_source *source, int listening, uint32_t events, void *unused) {
	sd_id128_t id;
	sd_bus *bus;
	(void)events, (void)unused;
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) return 0;
	MUST_BUS(sd_id128_randomize(&id));
	MUST_BUS(sd_bus_new(&bus));
	MUST_BUS(sd_bus_set_fd(bus, fd, fd));
	MUST_BUS(sd_bus_set_server(bus, 1, id));
	MUST_BUS(sd_bus_set_anonymous(bus, 1));
	MUST_BUS(sd_bus_add_filter(bus, NULL, on_message, NULL));
	MUST_BUS(sd_bus_start(bus));
	MUST_BUS(sd_bus_attach_event(bus, sd_event_source_get_event(source), 0));
	return 0;
}

static int on_timer(sd_event_source *timer, uint64_t time, void *unused) {
	(void)time, (void)unused;
	MUST_BUS(sd_event_source_set_time_relative(timer, LIMIT));
	MUST_BUS(sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT));
	return 0;
}

static void serve(void) {
	sd_event *loop;
	MUST_BUS(sd_event_default(&loop));
	MUST_BUS(sd_event_add_time_relative(loop, NULL, CLOCK_MONOTONIC, LIMIT, 0, on_timer, NULL));
	MUST_BUS(sd_event_add_io(loop, NULL, listen_at(SOCK_NONBLOCK), EPOLLIN, on_client, NULL));
	ready();
	MUST_BUS(sd_event_loop(loop));
}

static size_t echoes;
static sd_bus_message *waiting; /* the call that collect makes */

static void *client_open(void) {
	sd_bus *bus;
	char address[sizeof bench_at.sun_path + 16];
	snprintf(address, sizeof address, "unix:path=%s", bench_at.sun_path);
	MUST_BUS(sd_bus_new(&bus));
	MUST_BUS(sd_bus_set_address(bus, address));
	MUST_BUS(sd_bus_set_anonymous(bus, 1));
	MUST_BUS(sd_bus_start(bus));
	return bus;
}

static void client_close(void *bus) { sd_bus_close_unref(bus); }

static sd_bus_message *make_call(sd_bus *bus) {
	sd_bus_message *call;
	MUST_BUS(sd_bus_message_new_method_call(bus, &call, NULL, "/", "org.example.Bench", "Echo"));
	MUST_BUS(sd_bus_message_append_array(call, 'y', stamp_message(), payload_size));
	return call;
}

static void check_reply(sd_bus_message *reply) {
	const void *bytes;
	size_t length;
	MUST_BUS(sd_bus_message_read_array(reply, 'y', &bytes, &length));
	check_echo(bytes, length);
}

static void prepare(void *bus) { waiting = make_call(bus); }

static size_t call(void *bus) {
	sd_bus_message *reply;
	MUST_BUS(sd_bus_call(bus, waiting, LIMIT, NULL, &reply));
	check_reply(reply);
	sd_bus_message_unref(reply);
	sd_bus_message_unref(waiting);
	return 1;
}

static int on_reply(sd_bus_message *reply, void *unused, sd_bus_error *error) {
	(void)unused, (void)error;
	check_reply(reply);
	echoes++;
	return 1;
}

static void submit(void *bus) {
	sd_bus_message *message = make_call(bus);
	MUST_BUS(sd_bus_call_async(bus, NULL, message, on_reply, NULL, LIMIT));
	sd_bus_message_unref(message);
}

static size_t collect(void *bus) {
	echoes = 0;
	while (echoes == 0) {
		int progress = sd_bus_process(bus, NULL);
		MUST_BUS(progress);
		if (progress == 0) MUST_BUS(sd_bus_wait(bus, LIMIT));
	}
	return echoes;
}

static void open_idle(void) {
	sd_bus *bus = client_open();
	prepare(bus);
	call(bus);
}

const struct peer peer = {
    "sd-bus", serve, {client_open, client_close, prepare, call}, {client_open, client_close, submit, collect}, open_idle};
