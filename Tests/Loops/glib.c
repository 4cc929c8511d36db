/* glib.c - a context in GLib's main loop, and so in that of GTK: a source watches its descriptor. */
#include "loop.h"

#include <glib-unix.h>

static GMainLoop *loop;

static gboolean on_readable(gint fd, GIOCondition condition, gpointer unused) {
	(void)fd, (void)unused;
	MUST(condition == G_IO_IN);
	handle_events();
	return G_SOURCE_CONTINUE;
}

static gboolean on_timer(gpointer unused) {
	(void)unused;
	handle_tick();
	return G_SOURCE_CONTINUE;
}

void run_loop(int fd, int interval) {
	GMainContext *main_context = g_main_context_new();
	GSource *readable = g_unix_fd_source_new(fd, G_IO_IN);
	GSource *timer = g_timeout_source_new((guint)interval);
	loop = g_main_loop_new(main_context, FALSE);
	g_source_set_callback(readable, G_SOURCE_FUNC(on_readable), NULL, NULL);
	g_source_set_callback(timer, on_timer, NULL, NULL);
	g_source_attach(readable, main_context);
	g_source_attach(timer, main_context);
	g_main_loop_run(loop);
	g_source_destroy(readable);
	g_source_destroy(timer);
	g_source_unref(readable);
	g_source_unref(timer);
	g_main_loop_unref(loop);
	g_main_context_unref(main_context);
}

void stop_loop(void) { g_main_loop_quit(loop); }
