/*
 * libuv.c - a server of pipe handles: each message is answered by uv_try_write, what does not fit by uv_write. Its
 * client for many messages writes each likewise: libuv does not gather writes. Round trips are measured with the
 * raw client.
 *
 * Each loop has a timer that repeats. It runs on while messages come, as that of the programs with libipc does: nothing arms it
 * anew for a message (uv_timer_again).
 */
#include <uv.h>

#include "bench.h"

struct connection {
	uv_pipe_t pipe;
	char *buffer; /* NULL while there is nothing to hold */
	size_t have, whole;
	uv_write_t rest;
};

static void on_timer(uv_timer_t *timer) { (void)timer; }

static void start_timer(uv_loop_t *loop, uv_timer_t *timer) {
	MUST(uv_timer_init(loop, timer) == 0 && uv_timer_start(timer, on_timer, TIMER, TIMER) == 0);
}

static void on_closed(uv_handle_t *handle) {
	struct connection *connection = handle->data;
	if (connection->buffer != NULL) give_buffer(connection->buffer);
	free(connection);
}

static void release(struct connection *c) {
	c->have -= c->whole;
	if (c->have > 0) memmove(c->buffer, c->buffer + c->whole, c->have);
	c->whole = 0;
	if (c->have > 0) return;
	give_buffer(c->buffer);
	c->buffer = NULL;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room) {
	struct connection *c = handle->data;
	(void)suggested;
	if (c->buffer == NULL) c->buffer = take_buffer();
	*room = uv_buf_init(c->buffer + c->have, (unsigned)(BUFFER_SIZE - c->have));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *room);

static void on_written(uv_write_t *request, int status) {
	struct connection *c = request->data;
	if (status < 0) return; /* it is being closed */
	release(c);
	MUST(uv_read_start((uv_stream_t *)&c->pipe, on_room, on_read) == 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *room) {
	struct connection *c = stream->data;
	(void)room;
	if (n < 0) {
		uv_close((uv_handle_t *)stream, on_closed);
		return;
	}
	c->have += (size_t)n;
	c->whole = whole_frames(c->buffer, c->have);
	for (size_t at = 0; at < c->whole;) {
		size_t size = size_of_frame(c->buffer + at);
		uv_buf_t echo = uv_buf_init(c->buffer + at, (unsigned)size);
		int sent = uv_try_write(stream, &echo, 1);
		if (sent == (int)size) {
			at += size;
			continue;
		}
		/* No room, or the peer is gone: uv_write will tell. */
		if (sent > 0) at += (size_t)sent;
		echo = uv_buf_init(c->buffer + at, (unsigned)(c->whole - at));
		c->rest.data = c;
		uv_read_stop(stream);
		if (uv_write(&c->rest, stream, &echo, 1, on_written) < 0) uv_close((uv_handle_t *)stream, on_closed);
		return;
	}
	release(c);
}

static void on_client(uv_stream_t *listening, int status) {
	struct connection *c = calloc(1, sizeof *c);
	MUST(status == 0 && c != NULL);
	MUST(uv_pipe_init(listening->loop, &c->pipe, 0) == 0);
	c->pipe.data = c;
	if (uv_accept(listening, (uv_stream_t *)&c->pipe) != 0) uv_close((uv_handle_t *)&c->pipe, on_closed);
	else MUST(uv_read_start((uv_stream_t *)&c->pipe, on_room, on_read) == 0);
}

static void serve(void) {
	uv_pipe_t listening;
	uv_timer_t timer;
	uv_loop_t *loop = uv_default_loop();
	start_timer(loop, &timer);
	MUST(uv_pipe_init(loop, &listening, 0) == 0);
	MUST(uv_pipe_bind(&listening, bench_at.sun_path) == 0);
	MUST(uv_listen((uv_stream_t *)&listening, BACKLOG, on_client) == 0);
	ready();
	uv_run(loop, UV_RUN_DEFAULT);
}

/* The client for many messages: one at a time, so its state is static. */
static struct {
	uv_loop_t loop;
	uv_timer_t timer;
	uv_pipe_t pipe;
	size_t have, kept, echoes;
} client;
static char received[BUFFER_SIZE], unsent[BUFFER_SIZE];

static void on_room_for_echoes(uv_handle_t *handle, size_t suggested, uv_buf_t *room) {
	(void)handle, (void)suggested;
	*room = uv_buf_init(received + client.have, (unsigned)(BUFFER_SIZE - client.have));
}

static void on_echoes(uv_stream_t *stream, ssize_t n, const uv_buf_t *room) {
	(void)stream, (void)room;
	if (n < 0) DIE("the server left: %s", uv_strerror((int)n));
	client.have += (size_t)n;
	size_t whole = whole_frames(received, client.have);
	for (size_t at = 0; at < whole; client.echoes++) {
		size_t size = size_of_frame(received + at);
		check_echo(received + at + HEADER_SIZE, size - HEADER_SIZE);
		at += size;
	}
	client.have -= whole;
	memmove(received, received + whole, client.have);
}

static void *client_open(void) {
	MUST(uv_loop_init(&client.loop) == 0 && uv_pipe_init(&client.loop, &client.pipe, 0) == 0);
	start_timer(&client.loop, &client.timer);
	MUST(uv_pipe_open(&client.pipe, connect_to()) == 0);
	MUST(uv_read_start((uv_stream_t *)&client.pipe, on_room_for_echoes, on_echoes) == 0);
	return &client;
}

static void client_close(void *unused) {
	(void)unused;
	uv_close((uv_handle_t *)&client.timer, NULL);
	uv_close((uv_handle_t *)&client.pipe, NULL);
	uv_run(&client.loop, UV_RUN_DEFAULT);
	MUST(uv_loop_close(&client.loop) == 0);
}

/* Writes what is kept, as far as there is room. */
static void flush(void) {
	uv_buf_t messages = uv_buf_init(unsent, (unsigned)client.kept);
	int sent = uv_try_write((uv_stream_t *)&client.pipe, &messages, 1);
	if (sent < 0 && sent != UV_EAGAIN) DIE("write: %s", uv_strerror(sent));
	if (sent <= 0) return;
	client.kept -= (size_t)sent;
	memmove(unsent, unsent + sent, client.kept);
}

static void client_submit(void *unused) {
	(void)unused;
	stamp_message();
	memcpy(unsent + client.kept, frame, frame_size);
	client.kept += frame_size;
	flush();
}

static size_t client_collect(void *unused) {
	(void)unused;
	client.echoes = 0;
	while (client.echoes == 0) {
		if (client.kept > 0) flush();
		uv_run(&client.loop, client.kept > 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
	}
	return client.echoes;
}

const struct peer peer = {"libuv", serve, RAW_CLIENT, {client_open, client_close, client_submit, client_collect}, raw_open_idle};
