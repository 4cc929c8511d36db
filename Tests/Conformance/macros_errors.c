/*
 * macros_errors.c - the macros that make, test and hand on a struct ipc_error. In their names T is a further test, I an
 * instruction that runs on failure, P prints the text on stderr, R returns a value, RR the error itself, Q exits.
 */
#include "capture.h"

static int calls, instructions;

static struct ipc_error outcome(int code) {
	struct ipc_error e = {.error_code = (enum ipc_error_code)code};
	if (code != 0) strcpy(e.error_message, "what happened: the reason, which is longer than what replaces it");
	calls++;
	return e;
}

/* The error is `code`, with this text and zeros behind it. */
static void check_error(struct ipc_error e, int code, const char *text) {
	CHECK_CODE(e, code);
	if (strcmp(e.error_message, text) != 0) FAIL("the text is '%.100s', not '%s'", e.error_message, text);
}

#define REASON "what happened: the reason, which is longer than what replaces it"

/* ---- made ---- */

static struct ipc_error return_no_error(void) { IPC_RETURN_NO_ERROR; }
static struct ipc_error return_error(void) { IPC_RETURN_ERROR(IPC_ERROR_USOCK_CONNECT__CONNECT); }
static struct ipc_error return_formatted(int n) { IPC_RETURN_ERROR_FORMAT(IPC_ERROR_CLOSED_RECIPIENT, "%d of %s", n, "two"); }
static struct ipc_error return_too_long(const char *text) { IPC_RETURN_ERROR_FORMAT(IPC_ERROR_CLOSED_RECIPIENT, "%s!", text); }

TEST(ipc_return_no_error_returns_success_without_a_text) {
	check_error(return_no_error(), 0, "");
}

TEST(ipc_return_error_returns_the_code_with_its_text) {
	check_error(return_error(), IPC_ERROR_USOCK_CONNECT__CONNECT, ipc_errors_get(IPC_ERROR_USOCK_CONNECT__CONNECT));
}

TEST(ipc_return_error_format_returns_the_code_with_the_text_given) {
	check_error(return_formatted(1), IPC_ERROR_CLOSED_RECIPIENT, "1 of two");
	char *text = calloc(1, 20001);
	memset(text, 'x', 20000);
	struct ipc_error e = return_too_long(text);
	CHECK_CODE(e, IPC_ERROR_CLOSED_RECIPIENT); /* cut, and ended by a NUL */
	CHECK_EQUAL(strlen(e.error_message), BUFSIZ - 1);
	free(text);
}

TEST(ipc_fill_default_error_message_writes_the_text_of_the_code) {
	char text[BUFSIZ];
	memset(text, 'x', sizeof text);
	IPC_FILL_DEFAULT_ERROR_MESSAGE(text, IPC_ERROR_WAIT_EVENT__POLL);
	CHECK(strcmp(text, ipc_errors_get(IPC_ERROR_WAIT_EVENT__POLL)) == 0);
}

/* ---- handed on: none of these may go on when the call fails, and all must when it does not ---- */

#define GOES_ON IPC_RETURN_ERROR_FORMAT(IPC_ERROR_POLLER, "%s", "went on")
static char *buffer;

static struct ipc_error on_error(int code) { TEST_IPC_RETURN_ON_ERROR(outcome(code)); GOES_ON; }
static struct ipc_error on_error_free(int code) { TEST_IPC_RETURN_ON_ERROR_FREE(outcome(code), buffer); GOES_ON; }
static struct ipc_error rr(int code) { TEST_IPC_RR(outcome(code), "mine"); GOES_ON; }
static struct ipc_error rr_f(int code) { TEST_IPC_RR_F(outcome(code), "%s %d", "mine", 7); GOES_ON; }
static struct ipc_error i_rr(int code) { TEST_IPC_I_RR(outcome(code), instructions++, "mine"); GOES_ON; }
static int further;
static struct ipc_error t_i_rr(int code) { TEST_IPC_T_I_RR(outcome(code), (further == 1), instructions++, "mine"); GOES_ON; }

/* `f` called once evaluates its call once. */
static void check_handed_on(struct ipc_error (*f)(int), const char *text) {
	calls = 0;
	check_error(f(IPC_ERROR_USOCK_SEND), IPC_ERROR_USOCK_SEND, text);
	check_error(f(IPC_ERROR_CLOSED_RECIPIENT), IPC_ERROR_CLOSED_RECIPIENT, text);
	CHECK_EQUAL(calls, 2);
}

static void check_goes_on(struct ipc_error (*f)(int), int code) {
	calls = instructions = 0;
	check_error(f(code), IPC_ERROR_POLLER, "went on");
	CHECK_EQUAL(calls, 1);
	CHECK_EQUAL(instructions, 0);
}

TEST(test_ipc_return_on_error_returns_the_error) {
	check_handed_on(on_error, REASON);
	check_goes_on(on_error, 0);
}

/* Freed when it fails, and only then: the checker of memory sees both. */
TEST(test_ipc_return_on_error_free_frees_the_buffer_first) {
	buffer = malloc(100);
	check_error(on_error_free(IPC_ERROR_USOCK_SEND), IPC_ERROR_USOCK_SEND, REASON);
	buffer = malloc(100);
	check_goes_on(on_error_free, 0);
	memset(buffer, 'x', 100);
	free(buffer);
}

TEST(test_ipc_rr_returns_the_error_with_another_text) {
	check_handed_on(rr, "mine");
	check_goes_on(rr, 0);
}

TEST(test_ipc_rr_f_returns_the_error_with_a_formatted_text) {
	check_handed_on(rr_f, "mine 7");
	check_goes_on(rr_f, 0);
}

TEST(test_ipc_i_rr_runs_the_instruction_and_returns_the_error) {
	instructions = 0;
	check_handed_on(i_rr, "mine");
	CHECK_EQUAL(instructions, 2);
	check_goes_on(i_rr, 0);
}

TEST(test_ipc_t_i_rr_does_so_if_the_test_holds_as_well) {
	instructions = 0;
	further = 1;
	check_handed_on(t_i_rr, "mine");
	CHECK_EQUAL(instructions, 2);
	check_goes_on(t_i_rr, 0);
	further = 0;
	check_goes_on(t_i_rr, IPC_ERROR_USOCK_SEND);
}

static int wait_event_rr(int code) { TEST_IPC_WAIT_EVENT_RR(outcome(code), -5); return 5; }
static int t_p_i_r(int code) { TEST_IPC_T_P_I_R(outcome(code), (further == 1), "mine", instructions++, -6); return 6; }

TEST(test_ipc_wait_event_rr_returns_unless_the_error_is_0_or_4) {
	calls = 0;
	CHECK_EQUAL(wait_event_rr(IPC_ERROR_USOCK_SEND), -5);
	CHECK_EQUAL(wait_event_rr(IPC_ERROR_CLOSED_RECIPIENT), 5);
	CHECK_EQUAL(wait_event_rr(0), 5);
	CHECK_EQUAL(calls, 3);
}

static void p_i_r_fails(void) {
	further = 1;
	exit(t_p_i_r(IPC_ERROR_USOCK_SEND) == -6 && instructions == 1 ? 11 : 12);
}
static void p_i_r_goes_on(void) {
	int first = t_p_i_r(IPC_ERROR_USOCK_SEND);
	further = 1;
	exit(first == 6 && t_p_i_r(0) == 6 && instructions == 0 ? 11 : 12);
}
static void p_i_r_prints_mine(void) { further = 1; t_p_i_r(IPC_ERROR_CLOSED_RECIPIENT); }

TEST(test_ipc_t_p_i_r_prints_runs_the_instruction_and_returns) {
	ENDS_WITH(p_i_r_fails, 11, REASON);
	ENDS_WITH(p_i_r_goes_on, 11, NULL);
	ENDS_WITH(p_i_r_prints_mine, 0, "mine");
}

/* ---- printed, and the program's end ---- */

static void p_fails(void) { TEST_IPC_P(outcome(IPC_ERROR_USOCK_SEND), "mine"); exit(21); }
static void p_works(void) { TEST_IPC_P(outcome(0), "mine"); exit(21); }

TEST(test_ipc_p_prints_and_goes_on) {
	ENDS_WITH(p_fails, 21, "mine");
	ENDS_WITH(p_fails, 21, REASON);
	ENDS_WITH(p_works, 21, NULL);
}

static void q_fails(void) { TEST_IPC_Q(outcome(IPC_ERROR_CLOSED_RECIPIENT), 31); exit(32); }
static void q_works(void) { TEST_IPC_Q(outcome(0), 31); exit(32); }
static void quit_fails(void) { TEST_IPC_QUIT_ON_ERROR(outcome(IPC_ERROR_USOCK_SEND), 31); exit(32); }
static void quit_works(void) { TEST_IPC_QUIT_ON_ERROR(outcome(0), 31); exit(32); }

TEST(test_ipc_q_and_test_ipc_quit_on_error_print_and_exit) {
	ENDS_WITH(q_fails, 31, REASON);
	ENDS_WITH(q_works, 32, NULL);
	ENDS_WITH(quit_fails, 31, REASON);
	ENDS_WITH(quit_works, 32, NULL);
}

static void wait_q_fails(void) { TEST_IPC_WAIT_EVENT_Q(outcome(IPC_ERROR_WAIT_EVENT__POLL), 41); exit(42); }
static void wait_q_closed(void) { TEST_IPC_WAIT_EVENT_Q(outcome(IPC_ERROR_CLOSED_RECIPIENT), 41); exit(42); }
static void wait_q_works(void) { TEST_IPC_WAIT_EVENT_Q(outcome(0), 41); exit(42); }

TEST(test_ipc_wait_event_q_exits_unless_the_error_is_0_or_4) {
	ENDS_WITH(wait_q_fails, 41, REASON);
	ENDS_WITH(wait_q_closed, 42, NULL);
	ENDS_WITH(wait_q_works, 42, NULL);
}

static void i_p_q(int code) { TEST_IPC_T_I_P_Q(outcome(code), (further == 1), fputs("first;", stderr), "mine", 51); exit(52); }
static void i_p_q_fails(void) { further = 1; i_p_q(IPC_ERROR_USOCK_SEND); }
static void i_p_q_works(void) { further = 1; i_p_q(0); }
static void i_p_q_untested(void) { i_p_q(IPC_ERROR_USOCK_SEND); }

TEST(test_ipc_t_i_p_q_runs_the_instruction_prints_and_exits) {
	ENDS_WITH(i_p_q_fails, 51, "first;");
	ENDS_WITH(i_p_q_fails, 51, "mine");
	ENDS_WITH(i_p_q_fails, 51, REASON);
	ENDS_WITH(i_p_q_works, 52, NULL);
	ENDS_WITH(i_p_q_untested, 52, NULL);
}
