/*
 * printing.c - what the library prints and what it must not: the functions whose job it is write readable listings to
 * stdout, error_message_format writes a line into memory, and everything else is silent, whatever goes wrong.
 */
#include "peers.h" /* first: _GNU_SOURCE */
#include "capture.h"

#include <utils.h>
#include <ctype.h>

enum { DUMPED = 300 }; /* three digits: not to be taken for a byte */
static uint8_t dumped[DUMPED];

static void dump(void) { print_hexa("the prefix", dumped, DUMPED); }
static void dump_little(void) { print_hexa("p", dumped, 16); }
static void dump_nothing(void) { print_hexa("p", dumped, 0); }
static void dump_without_prefix(void) { print_hexa(NULL, dumped, 17); }

static int count_lines(const char *text) {
	int lines = 0;
	for (; *text != '\0'; text++) lines += *text == '\n';
	return lines;
}

/* The bytes of a line, two hexadecimal digits each, which begin at `number`; returns how many. */
static int check_bytes(const char *line, int number) {
	int found = 0;
	for (const char *at = line; *at != '\0' && *at != '\n'; at++) {
		int alone = (at == line || isspace((unsigned char)at[-1]) || ispunct((unsigned char)at[-1])) &&
		    isxdigit((unsigned char)at[0]) && isxdigit((unsigned char)at[1]) && !isalnum((unsigned char)at[2]);
		if (!alone) continue;
		CHECK_EQUAL(strtol(at, NULL, 16), dumped[number + found]);
		found++;
		at++;
	}
	return found;
}

TEST(print_hexa_prints_16_bytes_a_line_with_the_prefix_and_the_total) {
	for (int i = 0; i < DUMPED; i++) dumped[i] = (uint8_t)(i * 7);
	const struct captured *c = capture(dump);
	CHECK(c->status == 0 && c->err[0] == '\0');
	CHECK_EQUAL(count_lines(c->out), 19);
	int number = 0;
	for (const char *line = c->out; *line != '\0'; line = strchr(line, '\n') + 1) {
		CHECK(strncmp(line, "the prefix", 10) == 0);
		const char *total = strstr(line, "300");
		CHECK(total != NULL && total < strchr(line, '\n'));
		int bytes = check_bytes(line + 10, number);
		number += bytes;
		CHECK_EQUAL(bytes, number < DUMPED ? 16 : DUMPED % 16);
	}
	CHECK_EQUAL(number, DUMPED);
	CHECK_EQUAL(count_lines(capture(dump_little)->out), 1);
	CHECK_EQUAL(count_lines(capture(dump_without_prefix)->out), 2);
	CHECK_EQUAL(capture(dump_nothing)->status, 0);
}

static struct ipc_ctx ctx;
static struct ipc_event event;
static int pair[2];

static void print_context(void) { ipc_ctx_print(&ctx); }
static void print_switching(void) { ipc_switching_print(&ctx.switchdb); }

/* "readable listings": every entry with its descriptor, and a service with its path, on lines of their own. */
static void check_listed(const char *text, int number) {
	char digits[16];
	size_t length = (size_t)snprintf(digits, sizeof digits, "%d", number);
	for (const char *at = text; (at = strstr(at, digits)) != NULL; at++)
		if ((at == text || !isdigit((unsigned char)at[-1])) && !isdigit((unsigned char)at[length])) return;
	FAIL("%d is not in: %s", number, text);
}

TEST(ipc_ctx_print_and_ipc_switching_print_list_what_is_there) {
	char path[PATH_MAX];
	make_pair(pair);
	CHECK_OK(ipc_server_init(&ctx, "printed"));
	CHECK_OK(ipc_add_fd_switched(&ctx, pair[0]));
	CHECK_OK(ipc_add_fd_switched(&ctx, pair[1]));
	ipc_ctx_switching_add(&ctx, pair[0], pair[1]);
	CHECK_OK(service_path(path, "printed"));
	const struct captured *c = capture(print_context);
	CHECK(c->status == 0 && c->err[0] == '\0' && count_lines(c->out) >= 3);
	for (size_t i = 0; i < ctx.size; i++) check_listed(c->out, ctx.pollfd[i].fd);
	CHECK(strstr(c->out, path) != NULL);
	c = capture(print_switching);
	CHECK(c->status == 0 && c->err[0] == '\0' && count_lines(c->out) >= 1);
	check_listed(c->out, pair[0]);
	check_listed(c->out, pair[1]);
	finish(&ctx, &event);
	c = capture(print_context); /* an empty one is listed as well */
	CHECK(c->status == 0 && c->err[0] == '\0');
}

static struct ipc_message printed = {.type = 2, .user_type = 77, .fd = 12345, .length = 300, .payload = (char *)dumped};
static void print_message(void) { ipc_message_print(&printed); }

TEST(ipc_message_print_lists_the_message) {
	for (int i = 0; i < DUMPED; i++) dumped[i] = (uint8_t)(i * 7);
	const struct captured *c = capture(print_message);
	CHECK(c->status == 0 && c->err[0] == '\0' && count_lines(c->out) >= 1);
	const int fields[] = {2, 77, 12345, 300};
	for (int i = 0; i < 4; i++) check_listed(c->out, fields[i]);
	printed.length = 0;
	printed.payload = NULL;
	c = capture(print_message);
	CHECK(c->status == 0 && c->err[0] == '\0');
	check_listed(c->out, 12345);
}

/* ---- into memory ---- */

/* `YYYY-MM-DD_HH-MM-SS:` in front of the rest */
static const char *behind_the_time(const char *text) {
	const char *shape = "dddd-dd-dd_dd-dd-dd:";
	for (int i = 0; shape[i] != '\0'; i++) {
		if (shape[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i]) FAIL("the time is '%.30s'", text);
	}
	return text + strlen(shape);
}

static time_t time_in(const char *text) {
	struct tm tm = {.tm_isdst = -1};
	CHECK_EQUAL(sscanf(text, "%d-%d-%d_%d-%d-%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec), 6);
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return mktime(&tm);
}

TEST(error_message_format_writes_the_time_the_tag_and_the_message) {
	char text[BUFSIZ];
	time_t before = time(NULL);
	error_message_format(text, "tag", "%s is %d", "answer", 42);
	time_t after = time(NULL);
	CHECK(strcmp(behind_the_time(text), "tag:answer is 42\n") == 0);
	CHECK(time_in(text) >= before && time_in(text) <= after);
	error_message_format(text, "t", "plain");
	CHECK(strcmp(behind_the_time(text), "t:plain\n") == 0);
}

TEST(error_message_format_cuts_what_does_not_fit_into_bufsiz) {
	char text[BUFSIZ + 16], *tag = malloc(2 * BUFSIZ);
	memset(tag, 't', 2 * BUFSIZ - 1);
	tag[2 * BUFSIZ - 1] = '\0';
	for (int width = BUFSIZ - 40; width < BUFSIZ + 40; width++) {
		memset(text, '#', sizeof text);
		error_message_format(text, "tag", "%*d", width, 7);
		size_t length = strnlen(text, sizeof text);
		CHECK(length < BUFSIZ && text[length - 1] == '\n' && text[BUFSIZ] == '#');
		CHECK(strncmp(behind_the_time(text), "tag:", 4) == 0);
	}
	memset(text, '#', sizeof text);
	error_message_format(text, tag, "message");
	size_t length = strnlen(text, sizeof text);
	CHECK(length < BUFSIZ && text[length - 1] == '\n' && text[BUFSIZ] == '#');
	free(tag);
}

/* ---- "The library never prints." ---- */

static void fail_in_many_ways(void) {
	struct ipc_message m = {0}, wrong = message_of(-1, 'a', "x", 1);
	int fd = -1, ends[2], timer = 0;
	char path[PATH_MAX], *frame = NULL;
	size_t size = 0;
	unsetenv("LIBIPC_DEBUG");
	ipc_server_init(NULL, NULL);
	ipc_connection(&ctx, "nobody", &fd);
	ipc_connection(&ctx, "../..", &fd);
	setenv("IPC_NETWORK", "nobody tcp://nowhere", 1);
	ipc_connection(&ctx, "nobody", &fd);
	ipc_contact_ipcd(&fd, "nobody");
	ipc_write(&ctx, &wrong);
	ipc_write_fd(-1, &wrong);
	ipc_read_fd(-1, &m);
	ipc_wait_event(&ctx, NULL, &timer);
	ipc_del(&ctx, 3);
	ipc_close(&ctx, 3);
	ipc_receive_fd(-1, &fd);
	ipc_provide_fd(-1, 0);
	service_path(path, "");
	mkdir_p_("/dev/null/x");
	directory_setup_("/dev/null/x/y");
	usock_init(&fd, "/dev/null/x");
	usock_recv(-1, &frame, &size);
	ipc_message_format_read(&m, "\2\377\377\377\377x", 6);
	ipc_message_format(&m, 2, 'a', NULL, 3);
	make_pair(ends);
	ipc_add_fd_switched(&ctx, ends[0]);
	write_bytes(ends[1], "\2\377\377\377\377x", 6);
	ipc_wait_event(&ctx, &event, &timer);
}

static void serve_good_and_bad_peers(void) {
	int origin;
	unsetenv("LIBIPC_DEBUG");
	CHECK_OK(ipc_server_init(&ctx, "silent"));
	int bad = join(&ctx, &event, "silent", NULL), good = join(&ctx, &event, "silent", &origin);
	write_bytes(bad, "\2\377\377\377\377x", 6);
	next(&ctx, &event, IPC_EVENT_TYPE_ERROR);
	write_frame(good, 'a', "hello", 5);
	next_message(&ctx, &event, origin, 'a', "hello", 5);
	queue(&ctx, origin, 'b', "bye", 3);
	next(&ctx, &event, IPC_EVENT_TYPE_TX);
	close(good);
	next(&ctx, &event, IPC_EVENT_TYPE_DISCONNECTION);
	finish(&ctx, &event);
}

TEST(the_library_is_silent_whatever_goes_wrong) { ENDS_WITH(fail_in_many_ways, 0, NULL); }
TEST(the_library_is_silent_when_all_is_well) { ENDS_WITH(serve_good_and_bad_peers, 0, NULL); }
