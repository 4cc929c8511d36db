/*
 * forks.c - fork(2) under load: while threads wait, write and read on contexts another one forks again and again. A child
 * ends at once, closes or frees its copies, or goes on with one of them, and the parent notices nothing: no message is
 * lost or doubled, nobody is seen to leave, and the service's socket file stays. THREADS_SECONDS long.
 */
#include "service.h"

enum { CLIENTS = 8, TALKERS = 2, FORKERS = 2, MESSAGES_OF_A_CHILD = 20, FEWEST = 10 };

static struct client clients[CLIENTS];
static struct client_thread threads[1];
static struct ipc_ctx talking[TALKERS], idle;
static struct timespec begun;
static atomic_long newcomers, forks, talked;

/* ---- a client by the library's own calls, in the parent or in a child ---- */

/* Each message by one of the two ways; what comes back is what went. */
static void talk_once(struct ipc_ctx *ctx, struct ipc_event *event, int fd, uint32_t client, uint32_t number, char *frame) {
	size_t size = make_message(frame, client, number) - IPC_HEADER_SIZE;
	struct ipc_message m = message_of(fd, (char)client, frame + IPC_HEADER_SIZE, (uint32_t)size);
	if (number % 2 == 0) CHECK_OK(ipc_write(ctx, &m));
	else CHECK_OK(ipc_write_fd(fd, &m));
	do {
		CHECK_OK(ipc_wait_event(ctx, event, NULL));
		CHECK(event->type == IPC_EVENT_TYPE_TX || event->type == IPC_EVENT_TYPE_MESSAGE);
	} while (event->type != IPC_EVENT_TYPE_MESSAGE);
	check_message_event(event, fd, (char)client, m.payload, m.length);
}

static void be_a_client(struct ipc_ctx *ctx, const char *name, uint32_t client, long messages) {
	struct ipc_event event = {0};
	int fd;
	char *frame = malloc(FRAME_SIZE(sizeof(struct label) + LARGEST_FILLING));
	CHECK_OK(ipc_connection(ctx, name, &fd));
	for (uint32_t i = 0; messages < 0 ? !is_set(&stopping) : (long)i < messages; i++) {
		talk_once(ctx, &event, fd, client, i, frame);
		if (messages < 0) count(&talked);
	}
	IPC_EVENT_CLEAN(&event);
	CHECK_OK(ipc_close_fd(ctx, fd));
	free(frame);
}

static void *be_a_talker(void *argument) {
	int number = (int)(intptr_t)argument;
	be_a_client(&talking[number], "forks", (uint32_t)(100 + number), -1);
	return NULL;
}

/* ---- what a child does with its copies ---- */

static struct ipc_ctx *const all[] = {&service.ctx, &talking[0], &talking[1], &idle};
enum { ALL = sizeof all / sizeof *all };

static void check_socket_file(void) { CHECK_EQUAL(access(address_of("forks").sun_path, F_OK), 0); }

static void leaves(void) {}

static void frees_all(void) {
	for (int i = 0; i < ALL; i++) ipc_ctx_free(all[i]);
}

static void closes_all(void) {
	for (int i = 0; i < ALL; i++) {
		CHECK_OK(ipc_close_all(all[i]));
		ipc_ctx_free(all[i]);
	}
	check_socket_file();
}

static void becomes_a_client_of_its_parent(void) { be_a_client(&idle, "forks", 120, MESSAGES_OF_A_CHILD); }

static void drop_entries(struct ipc_ctx *ctx, int closing) {
	struct ipc_entry *entries;
	size_t number;
	CHECK_OK(ipc_ctx_entries(ctx, &entries, &number));
	CHECK(number >= 1);
	for (size_t i = 0; i < number; i++) CHECK_OK(closing ? ipc_close_fd(ctx, entries[i].fd) : ipc_del_fd(ctx, entries[i].fd));
	free(entries);
	CHECK_OK(ipc_ctx_entries(ctx, &entries, &number));
	CHECK(number == 0 && entries == NULL);
}

/* The busy context without the parent's entries; it knows nobody then, and is an empty one. */
static void uses_the_services_copy_as_a_client(void) {
	drop_entries(&service.ctx, 0);
	be_a_client(&service.ctx, "forks", 121, MESSAGES_OF_A_CHILD);
	check_socket_file();
}

static void becomes_a_service_itself(void) {
	struct ipc_event event = {0};
	char name[32];
	int origin;
	drop_entries(&service.ctx, 1);
	check_socket_file();
	snprintf(name, sizeof name, "child-%d", (int)getpid());
	CHECK_OK(ipc_server_init(&service.ctx, name));
	int peer = join(&service.ctx, &event, name, &origin);
	for (int i = 0; i < MESSAGES_OF_A_CHILD; i++) {
		write_frame(peer, 'c', &i, sizeof i);
		next_message(&service.ctx, &event, origin, 'c', &i, sizeof i);
		CHECK_OK(ipc_write(&service.ctx, event.m));
		next(&service.ctx, &event, IPC_EVENT_TYPE_TX);
		read_frame(peer, 'c', &i, sizeof i);
	}
	finish(&service.ctx, &event);
	CHECK(access(address_of(name).sun_path, F_OK) != 0);
	check_socket_file();
}

static const struct {
	void (*run)(void);
	int is_client; /* of the parent's service */
} lives[] = {
    {leaves, 0},
    {closes_all, 0},
    {becomes_a_client_of_its_parent, 1},
    {frees_all, 0},
    {uses_the_services_copy_as_a_client, 1},
    {becomes_a_service_itself, 0},
};
enum { LIVES = sizeof lives / sizeof *lives };

static void fork_once(long number) {
	int status;
	pid_t child = fork_process();
	if (child == 0) {
		lives[number % LIVES].run();
		_exit(0);
	}
	if (lives[number % LIVES].is_client) count(&newcomers);
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	if (status != 0) FAIL("a child of kind %ld ended with status %#x", number % LIVES, (unsigned)status);
	check_socket_file();
}

static void *fork_again_and_again(void *unused) {
	long number;
	do fork_once(number = count(&forks));
	while (goes_on(&begun, number_from("THREADS_SECONDS", 5)) || number < FEWEST);
	return unused;
}

/* ---- the whole ---- */

static void fork_under_load(const char *test, int forkers) {
	pthread_t talkers[TALKERS], forking[FORKERS];
	struct wait waiting;
	int ends[2];
	make_fillings(take_seed(test));
	start_service("forks", 2, QUEUED);
	make_pair(ends);
	CHECK_OK(ipc_add_fd(&idle, ends[0]));
	begin_wait(&waiting, &idle, -1);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){.number = (uint32_t)i, .partner = (uint32_t)i, .lives = 1, .wanted = -1};
		start_life(&clients[i], raw_connect("forks"));
	}
	for (int i = 0; i < TALKERS; i++) talkers[i] = begin(be_a_talker, (void *)(intptr_t)i);
	await(&service.connected, CLIENTS + TALKERS);
	begin_clients(threads, 1, clients, CLIENTS, NULL);
	goes_on(&begun, 1);
	for (int i = 0; i < forkers; i++) forking[i] = begin(fork_again_and_again, NULL);
	for (int i = 0; i < forkers; i++) end(forking[i]);
	/* only those children have left that were clients themselves */
	await(&service.disconnected, newcomers);
	CHECK_EQUAL(given_until_now(&service.disconnected), newcomers);
	swap(&stopping, 1);
	long answers = end_clients(threads, 1);
	for (int i = 0; i < TALKERS; i++) end(talkers[i]);
	int late = raw_connect("forks");
	await(&service.connected, CLIENTS + TALKERS + newcomers + 1);
	close(late);
	await(&service.disconnected, CLIENTS + TALKERS + newcomers + 1);
	write_bytes(ends[1], "x", 1);
	end_wait(&waiting, 0, IPC_EVENT_TYPE_EXTRA_SOCKET, ends[0]);
	stop_waiters();
	CHECK_EQUAL(service.messages, answers + talked + newcomers * MESSAGES_OF_A_CHILD);
	CHECK_EQUAL(service.sent, service.messages);
	CHECK_EQUAL(given_until_now(&service.connected), CLIENTS + TALKERS + newcomers + 1);
	end_service();
	for (int i = 0; i < TALKERS; i++) ipc_ctx_free(&talking[i]);
	ipc_ctx_free(&idle);
	close(ends[0]);
	close(ends[1]);
	free(fillings);
}

TEST(one_thread_forks_under_load) { fork_under_load(__func__, 1); }
TEST(two_threads_fork_under_load) { fork_under_load(__func__, 2); }
