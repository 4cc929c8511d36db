/* service.c - the service of scenarios.md in C: the reference for those of other languages. */
#include "common.h"

static struct ipc_ctx ctx;
static unsigned counts[IPC_EVENT_TYPE_WAKE + 1];
static int timer = -1, pipe_ends[2];
static int quitting = -1, killing = -1; /* who asked for that */
static int timer_for, wake_for;
static struct ipc_message timer_payload;
static struct {
	int fd;
	size_t size;
} external[64]; /* what went into the pipe, and for whom, oldest first */
static int externals;
static int lines_fd = -1, back_fd = -1; /* the pair, and what came without a line feed yet */
static char pending[65536];
static size_t held;

/* One line at a time; the rest waits in `pending`. */
static enum ipccb read_line(int fd, struct ipc_message *m, short *more) {
	char *end = memchr(pending, '\n', held);
	if (end == NULL) {
		ssize_t count = read(fd, pending + held, sizeof pending - held);
		if (count <= 0) return count == 0 ? IPC_CB_FD_CLOSING : IPC_CB_FD_ERROR;
		held += (size_t)count;
		end = memchr(pending, '\n', held);
		if (end == NULL) return IPC_CB_IGNORE;
	}
	size_t size = (size_t)(end - pending);
	ipc_message_copy(m, (uint32_t)fd, MSG_TYPE_DATA, 'l', pending, (uint32_t)size);
	held -= size + 1;
	memmove(pending, end + 1, held);
	*more = memchr(pending, '\n', held) != NULL;
	return IPC_CB_NO_ERROR;
}

static enum ipccb write_line(int fd, struct ipc_message *m) {
	write_all(fd, m->payload, m->length);
	write_all(fd, "\n", 1);
	return IPC_CB_NO_ERROR;
}

static void tie(int fd, struct ipc_message *m) {
	char name[256];
	snprintf(name, sizeof name, "%.*s", (int)m->length, m->payload);
	CHECK_ERROR(ipc_connection_switched(&ctx, name, fd, &back_fd), IPC_ERROR_NONE);
	lines_fd = fd;
	ipc_switching_callbacks(&ctx, fd, read_line, write_line);
}

static void take_descriptor(struct ipc_event *event, struct ipc_message *m) {
	int fd = ipc_event_take_fd(event);
	if (fd >= 0) {
		write_all(fd, m->payload, m->length);
		close(fd);
	}
	const char *text = fd >= 0 ? "written" : "none";
	send_message(&ctx, m->fd, 'd', text, strlen(text));
}

static void give_descriptor(struct ipc_message *m) {
	int ends[2];
	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	write_all(ends[1], m->payload, m->length);
	struct ipc_message reply = {.type = MSG_TYPE_DATA, .user_type = 'D', .fd = m->fd, .length = 4, .payload = "here"};
	CHECK_CODE(ipc_write_with_fd(&ctx, &reply, ends[0]));
	close(ends[0]);
	close(ends[1]);
}

static void tell_counts(int fd) {
	char text[256];
	int size =
	    snprintf(text, sizeof text, "connection=%u disconnection=%u error=%u external=%u message=%u switch=%u timer=%u tx=%u wake=%u",
		counts[IPC_EVENT_TYPE_CONNECTION], counts[IPC_EVENT_TYPE_DISCONNECTION], counts[IPC_EVENT_TYPE_ERROR],
		counts[IPC_EVENT_TYPE_EXTRA_SOCKET], counts[IPC_EVENT_TYPE_MESSAGE], counts[IPC_EVENT_TYPE_SWITCH],
		counts[IPC_EVENT_TYPE_TIMER], counts[IPC_EVENT_TYPE_TX], counts[IPC_EVENT_TYPE_WAKE]);
	send_message(&ctx, fd, 'v', text, (size_t)size);
}

static void obey(struct ipc_event *event) {
	struct ipc_message *m = event->m;
	char text[64];
	switch (m->user_type) {
	case 'q':
		quitting = m->fd;
		send_message(&ctx, m->fd, 'q', NULL, 0);
		break;
	case 't':
		snprintf(text, sizeof text, "%.*s", (int)m->length, m->payload);
		timer = atoi(text);
		timer_for = m->fd;
		ipc_message_copy(&timer_payload, 0, MSG_TYPE_DATA, 't', m->payload, m->length);
		break;
	case 'x':
		external[externals].fd = m->fd;
		external[externals++].size = m->length;
		write_all(pipe_ends[1], m->payload, m->length);
		break;
	case 'w':
		wake_for = m->fd;
		CHECK_CODE(ipc_wake(&ctx));
		break;
	case 'd': take_descriptor(event, m); break;
	case 'D': give_descriptor(m); break;
	case 's': tie(m->fd, m); break;
	case 'k':
		killing = m->fd;
		send_message(&ctx, m->fd, 'k', m->payload, m->length);
		break;
	case 'v': tell_counts(m->fd); break;
	case 'm': send_message(&ctx, m->fd, 'm', text, (size_t)snprintf(text, sizeof text, "%d %ld", descriptors(), resident())); break;
	default: CHECK_ERROR(ipc_write(&ctx, m), IPC_ERROR_NONE);
	}
}

static void read_pipe(void) {
	char bytes[4096];
	CHECK(externals > 0 && read_all(pipe_ends[0], bytes, external[0].size) == external[0].size);
	send_message(&ctx, external[0].fd, 'x', bytes, external[0].size);
	memmove(external, external + 1, (size_t)--externals * sizeof external[0]);
}

static void handle(struct ipc_event *event) {
	switch (event->type) {
	case IPC_EVENT_TYPE_CONNECTION: CHECK_CODE(ipc_ctx_accept_fds(&ctx, event->origin, 1)); break;
	case IPC_EVENT_TYPE_DISCONNECTION:
		if (event->origin == lines_fd || event->origin == back_fd) {
			close(lines_fd);
			close(back_fd);
			lines_fd = back_fd = -1;
		}
		break;
	case IPC_EVENT_TYPE_MESSAGE: obey(event); break;
	case IPC_EVENT_TYPE_EXTRA_SOCKET: read_pipe(); break;
	case IPC_EVENT_TYPE_TIMER:
		timer = -1;
		send_message(&ctx, timer_for, 't', timer_payload.payload, timer_payload.length);
		break;
	case IPC_EVENT_TYPE_WAKE: send_message(&ctx, wake_for, 'w', NULL, 0); break;
	case IPC_EVENT_TYPE_TX:
		if (event->origin == killing) kill(getpid(), SIGKILL);
		break;
	case IPC_EVENT_TYPE_ERROR:
	case IPC_EVENT_TYPE_SWITCH: break;
	default: CHECK(!"an event that is never sent");
	}
}

int main(void) {
	int before = descriptors();
	const char *names[] = {"matrix", "matrix-2", "matrix-3"};
	for (int i = 0; i < 3; i++) CHECK_ERROR(ipc_server_init(&ctx, names[i]), IPC_ERROR_NONE);
	CHECK(pipe2(pipe_ends, O_CLOEXEC) == 0);
	CHECK_ERROR(ipc_add_fd(&ctx, pipe_ends[0]), IPC_ERROR_NONE);
	puts("ready");
	fflush(stdout);
	struct ipc_event event = {0};
	do {
		struct ipc_error result = ipc_wait_event(&ctx, &event, &timer);
		if (result.error_code != IPC_ERROR_NONE && result.error_code != IPC_ERROR_CLOSED_RECIPIENT) {
			fail(__FILE__, __LINE__, "ipc_wait_event", result.error_message);
		}
		counts[event.type]++;
		handle(&event);
	} while (quitting < 0 || event.type != IPC_EVENT_TYPE_DISCONNECTION || event.origin != quitting);
	IPC_EVENT_CLEAN(&event);
	CHECK_ERROR(ipc_close_all(&ctx), IPC_ERROR_NONE);
	ipc_ctx_free(&ctx);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	free(timer_payload.payload);
	printf("left %d\n", descriptors() - before);
}
