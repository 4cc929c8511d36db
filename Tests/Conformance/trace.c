/*
 * trace.c - where the trace (LIBIPC_DEBUG=1) goes: to descriptor 2 while that is the program's error output, and nowhere else; and
 * writing it never ends the process. Most of this depends on descriptor 2 when the library is loaded. So a test starts this program
 * again in a role, with descriptor 2 prepared.
 */
#include "peers.h"

#include "capture.h"

#include <sys/resource.h>

static struct ipc_ctx ctx;
static struct ipc_event event;

/* Events and errors, each of which is a line of the trace. */
static void use_the_library(void) {
	int timer = 0, fd = -1;
	ipc_connection(&ctx, "nobody", &fd);
	CHECK_OK(ipc_wait_event(&ctx, &event, &timer));
}

/* A client, whose socket has number 2 in the service, gets frames and nothing else. */
static void serve_a_client_as_number_2(void) {
	int number;
	CHECK_OK(ipc_server_init(&ctx, "traced"));
	CHECK(ctx.pollfd[0].fd != 2);
	close(2);
	int client = join(&ctx, &event, "traced", NULL), saved = event.origin;
	number = event.origin == 2 || client == 2 ? 2 : -1;
	write_frame(client, 'a', "question", 8);
	next_message(&ctx, &event, saved, 'a', "question", 8);
	use_the_library();
	queue(&ctx, saved, 'b', "answer", 6);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	read_frame(client, 'b', "answer", 6);
	if (number != 2 || is_readable(client)) exit(3);
	close(client);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	finish(&ctx, &event);
}

static off_t size_of(const char *name) {
	struct stat status;
	return stat(address_of(name).sun_path, &status) == 0 ? status.st_size : -1;
}

static int open_in_rundir(const char *name, int flags) { return open(address_of(name).sun_path, flags | O_CREAT, 0600); }

/* ---- roles ---- */

static void role_serves_as_2(void) {
	/* 2 was closed when the library was loaded. A first file takes it, so that the listening socket does not. */
	int first = open("/dev/null", O_RDONLY);
	if (first != 2) exit(4);
	serve_a_client_as_number_2();
}

static void role_opens_data_as_2(void) {
	if (open_in_rundir("data", O_WRONLY) != 2) exit(4);
	use_the_library();
	exit(size_of("data") == 0 ? 0 : 3);
}

static void role_uses_the_library(void) {
	use_the_library();
	use_the_library();
}

static void role_has_no_room(void) {
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, 0});
	use_the_library();
}

static void role_is_blocking_the_signal(void) {
	sigset_t set, pending;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGPIPE); /* the program's own: it is still there afterwards */
	use_the_library();
	sigpending(&pending);
	exit(sigismember(&pending, SIGPIPE) ? 0 : 3);
}

__attribute__((constructor)) static void play(void) {
	const struct {
		const char *name;
		void (*play)(void);
	} roles[] = {{"serves_as_2", role_serves_as_2}, {"opens_data_as_2", role_opens_data_as_2}, {"uses", role_uses_the_library},
	    {"no_room", role_has_no_room}, {"blocks", role_is_blocking_the_signal}};
	const char *role = getenv("TRACE_ROLE");
	if (role == NULL) return;
	snprintf(run_directory, sizeof run_directory, "%s", getenv("IPC_RUNDIR"));
	alarm(60);
	for (int i = 0; i < 5; i++)
		if (strcmp(role, roles[i].name) == 0) roles[i].play();
	exit(0);
}

/* How the role ends, with this descriptor as number 2; negative: closed. */
static int status_of(const char *role, int standard_error) {
	char path[PATH_MAX] = "";
	int status;
	/* A checker that runs this program is not what is started: the link's text names the program. */
	CHECK(readlink("/proc/self/exe", path, sizeof path - 1) > 0);
	pid_t child = fork();
	if (child == 0) {
		setenv("LIBIPC_DEBUG", "1", 1);
		setenv("TRACE_ROLE", role, 1);
		if (standard_error < 0) close(2);
		else dup2(standard_error, 2);
		/* only the first three are inherited */
		for (int fd = 3; fd < 64; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
		execl(path, "trace", NULL);
		_exit(9);
	}
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	if (standard_error >= 0) close(standard_error);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* ---- tests ---- */

TEST(trace_goes_to_descriptor_2) {
	int file = open_in_rundir("log", O_RDWR);
	CHECK_EQUAL(status_of("uses", file), 0);
	char text[2000] = "";
	file = open_in_rundir("log", O_RDONLY);
	CHECK(read(file, text, sizeof text - 1) > 0);
	close(file);
	CHECK(strstr(text, "libipc: error 47: connect to ") != NULL);
}

static void traces_into_what_it_has_put_there(void) {
	setenv("LIBIPC_DEBUG", "1", 1);
	use_the_library();
}
static void traces_into_a_log_that_was_reopened(void) {
	setenv("LIBIPC_DEBUG", "1", 1);
	CHECK(freopen(address_of("log").sun_path, "a", stderr) != NULL);
	use_the_library();
	exit(size_of("log") > 0 ? 0 : 3);
}

TEST(trace_goes_to_a_log_that_the_program_puts_there) {
	ENDS_WITH(traces_into_what_it_has_put_there, 0, "libipc: error 47");
	ENDS_WITH(traces_into_a_log_that_was_reopened, 0, NULL);
}

static void closes_2_and_serves(void) {
	setenv("LIBIPC_DEBUG", "1", 1);
	serve_a_client_as_number_2();
}

TEST(trace_goes_to_no_client_when_descriptor_2_was_closed_at_start) { CHECK_EQUAL(status_of("serves_as_2", -1), 0); }
TEST(trace_goes_to_no_client_when_descriptor_2_was_closed_later) { ENDS_WITH(closes_2_and_serves, 0, NULL); }
TEST(trace_goes_to_no_file_that_got_the_number_when_2_was_closed_at_start) { CHECK_EQUAL(status_of("opens_data_as_2", -1), 0); }

static void opens_data_as_2(int flags, int notices) {
	setenv("LIBIPC_DEBUG", "1", 1);
	close(2);
	if (notices) use_the_library();
	if (open_in_rundir("data", flags) != 2) exit(4);
	use_the_library();
	exit(size_of("data") == 0 ? 0 : 3);
}
static void opens_a_database(void) { opens_data_as_2(O_RDWR, 0); }
static void opens_a_private_file(void) { opens_data_as_2(O_WRONLY | O_CLOEXEC, 0); }
static void opens_a_file_after_a_trace(void) { opens_data_as_2(O_WRONLY, 1); }

TEST(trace_goes_to_no_data_file_that_got_the_number) {
	ENDS_WITH(opens_a_database, 0, NULL);
	ENDS_WITH(opens_a_private_file, 0, NULL);
	ENDS_WITH(opens_a_file_after_a_trace, 0, NULL);
}

/* A socket that is descriptor 2 from the start (a service manager's log) gets text, until a context has it. */
static void adds_2(void) {
	int ends[2];
	setenv("LIBIPC_DEBUG", "1", 1);
	make_pair(ends);
	dup2(ends[0], 2);
	CHECK_OK(ipc_add_fd(&ctx, 2));
	use_the_library();
	exit(is_readable(ends[1]) ? 3 : 0);
}
TEST(trace_goes_to_no_socket_of_a_context) { ENDS_WITH(adds_2, 0, NULL); }

TEST(trace_goes_to_a_socket_that_was_there_at_start) {
	int ends[2];
	make_pair(ends);
	CHECK_EQUAL(status_of("uses", ends[0]), 0);
	CHECK(is_readable(ends[1]));
	close(ends[1]);
}

TEST(trace_to_a_reader_that_has_left_ends_no_process) {
	int ends[2];
	CHECK(pipe(ends) == 0);
	close(ends[0]);
	CHECK_EQUAL(status_of("uses", ends[1]), 0);
	make_pair(ends);
	close(ends[1]);
	CHECK_EQUAL(status_of("uses", ends[0]), 0);
}

TEST(trace_leaves_a_sigpipe_of_the_program_pending) {
	int ends[2];
	CHECK(pipe(ends) == 0);
	close(ends[0]);
	CHECK_EQUAL(status_of("blocks", ends[1]), 0);
}

TEST(trace_to_a_file_at_its_limit_ends_no_process) { CHECK_EQUAL(status_of("no_room", open_in_rundir("log", O_WRONLY)), 0); }
