/*
 * calls_outside.c - what a program does to a context from outside: children, descriptors that it closes or replaces, wrong
 * arguments; and the functions on memory.
 */
#include "calls.h"

#include <dirent.h>

/* A child closes or frees its copy of a context, and ends. */
void step_fork(int a, int b, int c) {
	struct context *context = pick_context(a);
	int status = -1;
	(void)c;
	say("fork: the child %s", b % 3 == 0 ? "frees its copy" : b % 3 == 1 ? "closes and frees its copy" : "ends");
	pid_t child = fork();
	if (child == 0) {
		alarm(20);
		if (b % 3 == 1) ipc_close_all(&context->ctx);
		if (b % 3 < 2) ipc_ctx_free(&context->ctx);
		_exit(b % 3 < 2 && context->ctx.size != 0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0) fail("a child ended with %d", status);
}

static struct end *pick_near_in_context(int which) {
	for (int i = 0; i < 2 * LINKS; i++) {
		struct end *e = pick_end(which + i, 0);
		if (e != NULL && is_anywhere(e) > 0) return e;
	}
	return NULL;
}

void step_close_behind(int a, int b, int c) {
	struct end *e = pick_near_in_context(a);
	(void)b, (void)c;
	if (e == NULL) return;
	say("close(2) of %s", shown(e));
	close(e->fd);
	close_end(e);
}

void step_dup2(int a, int b, int c) {
	struct end *e = pick_near_in_context(a);
	struct link *l = new_link();
	int ends[2];
	(void)b, (void)c;
	if (e == NULL || l == NULL || link_of(e) == l || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
	say("dup2(2) of a new socket to %s", shown(e));
	dup2(ends[0], e->fd);
	close(ends[0]);
	close_end(e);
	open_end(&l->ends[0], e->fd, 0);
	open_end(&l->ends[1], ends[1], 1);
}

enum { FILES = 1024 };

static char was_open[FILES]; /* before the first step */

void note_open_files(void) {
	for (int fd = 0; fd < FILES; fd++) was_open[fd] = fcntl(fd, F_GETFD) >= 0;
}

static int is_ours(int fd) {
	for (int i = 0; i < 2 * LINKS; i++) {
		struct end *e = &links[i / 2].ends[i % 2];
		if (links[i / 2].used && e->open && e->fd == fd) return 1;
	}
	return (fd < FILES && was_open[fd]) || listener_with(fd) != NULL;
}

/* The library has got a number for a file of its own that still stands in a context for a file that the program has closed. What that
 * context does to it is the program's fault. */
void check_numbers(void) {
	for (int i = 0; i < CONTEXTS; i++) {
		for (size_t k = 0; k < contexts[i].count; k++) {
			const struct entry *entry = &contexts[i].entries[k];
			int is_stale = (entry->end != NULL && !entry->end->open) || (entry->listener != NULL && !entry->listener->open);
			if (is_stale && !entry->dead && fcntl(entry->fd, F_GETFD) >= 0 && !is_ours(entry->fd))
				abandon("a number is the library's own now");
		}
	}
}

static int occupied[FILES], occupied_count;

/* /dev/null, which is what peers send along. */
static int is_null(int fd) {
	struct stat status, null;
	return fstat(fd, &status) == 0 && stat("/dev/null", &null) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == null.st_rdev;
}

/* The library closes a received descriptor that nobody asks for. Its number may not become that of a file which the steps use. */
static void occupy(int fd) {
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (file != fd) {
		dup3(file, fd, O_CLOEXEC);
		close(file);
	}
	was_open[fd] = 1;
	occupied[occupied_count++ % FILES] = fd;
}

int is_occupied(int fd) {
	for (int i = 0; i < occupied_count; i++) {
		if (occupied[i] == fd) return 1;
	}
	return 0;
}

void release_occupied(void) {
	for (int i = 0; i < occupied_count; i++) close(occupied[i]);
}

/* A daemon that starts closes every descriptor that it does not know. */
void step_close_unknown(int a, int b, int c) {
	(void)a, (void)b, (void)c;
	for (int i = 0; i < CONTEXTS; i++) contexts[i].loop = 0;
	for (int fd = 3; fd < FILES; fd++) {
		int was_received = is_null(fd);
		if (is_ours(fd) || close(fd) != 0) continue;
		say("close(2) of the library's %d", fd);
		if (was_received) occupy(fd);
	}
}

void step_wrong(int a, int b, int c) {
	struct context *context = pick_context(a);
	struct ipc_ctx *ctx = &context->ctx;
	struct ipc_message m = {.fd = 998},
			   long_one = {.fd = context->count > 0 ? context->entries[0].fd : 0, .length = MAXIMUM + 1, .payload = "x"};
	struct ipc_event event = {0};
	int timer = 0, fd;
	char path[PATH_MAX];
	(void)c;
	switch (b % 16) {
	case 0: EXPECT(ipc_wait_event(NULL, &event, &timer), 23); break;
	case 1: EXPECT(ipc_wait_event(ctx, NULL, &timer), 24); break;
	case 2: EXPECT(ipc_write(ctx, NULL), 11); break;
	case 3: EXPECT(ipc_write(ctx, &m), 104); break;
	case 4: EXPECT(ipc_write(ctx, &long_one), 67, 104); break;
	case 5:
		EXPECT(ipc_close(ctx, 1000), 40);
		EXPECT(ipc_close(NULL, 0), 109);
		break;
	case 6:
		EXPECT(ipc_del(ctx, 1000), 38, 40);
		EXPECT(ipc_del_fd(ctx, 998), 34, 35);
		break;
	case 7:
		EXPECT(ipc_read(ctx, 1000, &m), 40);
		EXPECT(ipc_read_fd(998, NULL), 13);
		break;
	case 8:
		EXPECT(ipc_read_fd(998, &m), 60);
		EXPECT(ipc_write_fd(998, &m), 43);
		break;
	case 9:
		EXPECT(ipc_server_init(NULL, "x"), 8);
		EXPECT(ipc_server_init(ctx, "../x"), 111);
		break;
	case 10:
		EXPECT(ipc_connection(NULL, "x", &fd), 95);
		EXPECT(ipc_connection(ctx, "nobody", &fd), 47);
		break;
	case 11: EXPECT(ipc_connection_switched(ctx, "nobody", 0, &fd), 47); break;
	case 12:
		EXPECT(ipc_accept_add(&event, ctx, 1000), 99);
		EXPECT(ipc_close_fd(ctx, 998), 116);
		break;
	case 13:
		EXPECT(handle_writing_message(&event, ctx, 1000), 40);
		EXPECT(fd_switching_read(&event, ctx, 1000), 40);
		break;
	case 14:
		EXPECT(ipc_receive_fd(998, &fd), 65);
		EXPECT(ipc_provide_fd(998, 0), 66);
		EXPECT(usock_close(998), 48);
		break;
	default:
		EXPECT(service_path(path, name_of(a)), 0);
		EXPECT(service_path(path, "."), 111);
		break;
	}
}

static void list_and_table(int a, int b) {
	struct ipc_messages list = {0};
	struct ipc_switchings table = {0};
	struct ipc_message m;
	for (int i = 0; i <= a % 4; i++) {
		new_message(any_length(b + i) % 5000, &m);
		EXPECT(ipc_messages_add(&list, &m), 0);
		ipc_switching_add(&table, 900 + i, 950 + i);
	}
	char *payload = list.messages[0].payload;
	EXPECT(ipc_messages_del(&list, 0), 0);
	free(payload);
	ipc_messages_free(&list);
	if (ipc_switching_get(&table, 900) != 950 || ipc_switching_del(&table, 950) != 900) fail("a table of pairs is wrong");
	ipc_switching_print(&table);
	ipc_switching_free(&table);
}

void step_memory(int a, int b, int c) {
	struct ipc_message m, read = {0}, copy = {0};
	char *frame = NULL;
	size_t size = 0;
	new_message(any_length(c) % 70000, &m);
	EXPECT(ipc_message_format_write(&m, &frame, &size), 0);
	EXPECT(ipc_message_format_read(&read, frame, size), 0);
	if (size != m.length + IPC_HEADER_SIZE || read.length != m.length || memcmp(read.payload, frame + IPC_HEADER_SIZE, m.length) != 0)
		fail("a message encoded and decoded is another");
	ipc_message_copy(&copy, 1, 2, 3, read.payload, read.length);
	ipc_message_raw_serialize(frame, m.type, m.user_type, m.payload, m.length);
	EXPECT(ipc_message_format_data(&copy, 1, m.payload, m.length), 0);
	if (b % 8 == 0) ipc_message_print(&copy);
	EXPECT(ipc_message_format_server_close(&copy), 0);
	EXPECT(ipc_message_empty(&read), 0);
	ipc_ctx_print(&pick_context(a)->ctx);
	ipc_switching_print(&pick_context(a)->ctx.switchdb);
	free(frame);
	list_and_table(a, b);
}
