/*
 * libevent.c - a server of bufferevents: whole frames move from the input's buffer to the output's. Its client for
 * many messages is one too; round trips are measured with the raw client. Each loop has a timer that repeats.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "bench.h"

/* The size of the frame at the front when it is whole, else 0. */
static size_t whole_frame(struct evbuffer *input) {
	char header[HEADER_SIZE];
	if (evbuffer_copyout(input, header, HEADER_SIZE) < HEADER_SIZE) return 0;
	size_t size = size_of_frame(header);
	return evbuffer_get_length(input) < size ? 0 : size;
}

static void on_read(struct bufferevent *peer_of_ours, void *unused) {
	struct evbuffer *input = bufferevent_get_input(peer_of_ours);
	size_t size;
	(void)unused;
	while ((size = whole_frame(input)) > 0)
		MUST(evbuffer_remove_buffer(input, bufferevent_get_output(peer_of_ours), size) == (int)size);
}

static void on_left(struct bufferevent *peer_of_ours, short what, void *unused) {
	(void)unused;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) bufferevent_free(peer_of_ours);
}

static void on_client(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int length, void *base) {
	(void)listener, (void)address, (void)length;
	struct bufferevent *peer_of_ours = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	MUST(peer_of_ours != NULL);
	bufferevent_setcb(peer_of_ours, on_read, NULL, on_left, NULL);
	bufferevent_enable(peer_of_ours, EV_READ | EV_WRITE);
}

static void on_timer(evutil_socket_t none, short what, void *unused) { (void)none, (void)what, (void)unused; }

/* The timer's event is the caller's to free, before the base. */
static struct event *start_timer(struct event_base *base) {
	struct timeval interval = {.tv_sec = TIMER / 1000};
	struct event *timer = event_new(base, -1, EV_PERSIST, on_timer, NULL);
	MUST(timer != NULL && event_add(timer, &interval) == 0);
	return timer;
}

/* The change list spares an epoll_ctl(2) where an event is removed and added again in one turn. */
static struct event_base *make_base(void) {
	struct event_config *config = event_config_new();
	MUST(config != NULL && event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0);
	struct event_base *base = event_base_new_with_config(config);
	MUST(base != NULL);
	event_config_free(config);
	return base;
}

static void serve(void) {
	struct event_base *base = make_base();
	struct evconnlistener *listener =
	    evconnlistener_new_bind(base, on_client, base, LEV_OPT_CLOSE_ON_EXEC, BACKLOG, (struct sockaddr *)&bench_at, sizeof bench_at);
	MUST(listener != NULL);
	start_timer(base);
	ready();
	event_base_dispatch(base);
}

static struct {
	struct event_base *base;
	struct event *timer;
	struct bufferevent *server;
	size_t echoes;
} client;

static void on_echoes(struct bufferevent *server, void *unused) {
	struct evbuffer *input = bufferevent_get_input(server);
	size_t size;
	(void)unused;
	for (; (size = whole_frame(input)) > 0; client.echoes++) {
		check_echo((char *)evbuffer_pullup(input, (ssize_t)size) + HEADER_SIZE, size - HEADER_SIZE);
		evbuffer_drain(input, size);
	}
}

static void on_server_left(struct bufferevent *server, short what, void *unused) {
	(void)server, (void)unused;
	DIE("the server left: %#x", (unsigned)what);
}

static void *client_open(void) {
	client.base = make_base();
	client.timer = start_timer(client.base);
	int fd = connect_to();
	MUST(evutil_make_socket_nonblocking(fd) == 0);
	client.server = bufferevent_socket_new(client.base, fd, BEV_OPT_CLOSE_ON_FREE);
	MUST(client.server != NULL);
	bufferevent_setcb(client.server, on_echoes, NULL, on_server_left, NULL);
	bufferevent_enable(client.server, EV_READ | EV_WRITE);
	return &client;
}

static void client_close(void *unused) {
	(void)unused;
	bufferevent_free(client.server);
	event_free(client.timer);
	event_base_free(client.base);
}

static void client_submit(void *unused) {
	(void)unused;
	stamp_message();
	MUST(bufferevent_write(client.server, frame, frame_size) == 0);
}

static size_t client_collect(void *unused) {
	(void)unused;
	client.echoes = 0;
	while (client.echoes == 0) event_base_loop(client.base, EVLOOP_ONCE);
	return client.echoes;
}

const struct peer peer = {"libevent", serve, RAW_CLIENT, {client_open, client_close, client_submit, client_collect}, raw_open_idle};
