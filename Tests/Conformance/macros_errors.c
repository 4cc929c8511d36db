/*
 * macros_errors.c - the macros that make, test and hand on a struct ipc_error: every form that programs use, and its effect. C and
 * C++ (macros.sh). In their names T is a test, I an instruction that runs when it holds, P prints on stderr, R returns,
 * RR returns the error itself, Q exits.
 */
#include "kinds_of_functions.h"

static int calls, instructions;
#define REASON "what happened: the reason"

static struct ipc_error outcome(int code) {
	struct ipc_error e = success();
	e.error_code = (enum ipc_error_code)code;
	if (code != 0) strcpy(e.error_message, REASON);
	calls++;
	return e;
}

/* The error is `code`, with this text and zeros behind it. */
static void check_error(struct ipc_error e, int code, const char *text) {
	CHECK_CODE(e, code);
	if (strcmp(e.error_message, text) != 0) FAIL("the text is '%.100s', not '%s'", e.error_message, text);
}
/* The text begins and ends like this. */
static void check_appended(struct ipc_error e, int code, const char *end) {
	CHECK_CODE(e, code);
	size_t length = strlen(e.error_message), tail = strlen(end);
	CHECK(length >= strlen(REASON) + tail && memcmp(e.error_message, REASON, strlen(REASON)) == 0);
	CHECK(strcmp(e.error_message + length - tail, end) == 0);
}

/* ---- made ---- */

static const char *variable_format = "%d of %s", *variable_text = "plain";

static struct ipc_error made(int form) {
	if (form == 0) IPC_RETURN_NO_ERROR
	if (form == 1) IPC_RETURN_NO_ERROR;
	if (form == 2) IPC_RETURN_ERROR(IPC_ERROR_USOCK_CONNECT__CONNECT)
	if (form == 3) IPC_RETURN_ERROR(44);
	if (form == 4) IPC_RETURN_ERROR_FORMAT(IPC_ERROR_CLOSED_RECIPIENT, "plain");
	if (form == 5) IPC_RETURN_ERROR_FORMAT(IPC_ERROR_CLOSED_RECIPIENT, "%d of %s", 1, "two") else if (form == 6) IPC_RETURN_ERROR_FORMAT(4, variable_format, 1, "two");
	if (form == 7) IPC_RETURN_ERROR_FORMAT(form - 3, variable_text);
	IPC_RETURN_ERROR(IPC_ERROR_POLLER)
}
static struct ipc_error return_too_long(const char *text) { IPC_RETURN_ERROR_FORMAT(IPC_ERROR_CLOSED_RECIPIENT, "%s!", text); }

TEST(ipc_return_macros_return_success_or_the_code_with_its_text_or_the_one_given) {
	for (int form = 0; form <= 1; form++) check_error(made(form), 0, "");
	check_error(made(2), IPC_ERROR_USOCK_CONNECT__CONNECT, ipc_errors_get(IPC_ERROR_USOCK_CONNECT__CONNECT));
	check_error(made(3), 44, ipc_errors_get((enum ipc_error_code)44));
	check_error(made(4), IPC_ERROR_CLOSED_RECIPIENT, "plain");
	for (int form = 5; form <= 6; form++) check_error(made(form), IPC_ERROR_CLOSED_RECIPIENT, "1 of two");
	check_error(made(7), IPC_ERROR_CLOSED_RECIPIENT, "plain");
	check_error(made(8), IPC_ERROR_POLLER, ipc_errors_get(IPC_ERROR_POLLER));
	char text[BUFSIZ * 2];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	struct ipc_error e = return_too_long(text);
	CHECK_CODE(e, IPC_ERROR_CLOSED_RECIPIENT); /* cut, and ended by a NUL */
	CHECK_EQUAL(strlen(e.error_message), BUFSIZ - 1);
}

static char filled[BUFSIZ];
KINDS(fill, if (n == IPC_ERROR_USOCK_CONNECT__CONNECT) IPC_FILL_DEFAULT_ERROR_MESSAGE(filled, IPC_ERROR_USOCK_CONNECT__CONNECT) else IPC_FILL_DEFAULT_ERROR_MESSAGE(filled, n)
            if (strcmp(filled, ipc_errors_get((enum ipc_error_code)n)) == 0) exit(3);)
KINDS(fill_with_semicolon, IPC_FILL_DEFAULT_ERROR_MESSAGE(filled, n); if (strcmp(filled, ipc_errors_get((enum ipc_error_code)n)) == 0) exit(3);)

TEST(ipc_fill_default_error_message_writes_the_text_of_the_code) {
	memset(filled, 'x', sizeof filled);
	KINDS_END_WITH(fill, IPC_ERROR_USOCK_CONNECT__CONNECT, 3, NULL);
	KINDS_END_WITH(fill, IPC_ERROR_POLLER, 3, NULL);
	KINDS_END_WITH(fill_with_semicolon, IPC_ERROR_POLLER, 3, NULL);
}

/* ---- returned errors: the error with code `n`; with code 0 the function goes on ---- */

static char *buffer;
static struct ipc_error on_error(int n) { TEST_IPC_RETURN_ON_ERROR(outcome(n)); IPC_RETURN_NO_ERROR }
static struct ipc_error on_error_bare(int n) { if (n == 0) TEST_IPC_RETURN_ON_ERROR(outcome(n)) else TEST_IPC_RETURN_ON_ERROR(outcome(n)) IPC_RETURN_NO_ERROR }
static struct ipc_error on_error_free(int n) { TEST_IPC_RETURN_ON_ERROR_FREE(outcome(n), buffer); IPC_RETURN_NO_ERROR }
static struct ipc_error on_error_free_null(int n) { TEST_IPC_RETURN_ON_ERROR_FREE(outcome(n), NULL) IPC_RETURN_NO_ERROR }
static struct ipc_error rr(int n) { TEST_IPC_RR(outcome(n), "mine"); IPC_RETURN_NO_ERROR }
static struct ipc_error rr_bare(int n) { TEST_IPC_RR(outcome(n), variable_text) IPC_RETURN_NO_ERROR }
static struct ipc_error rr_f(int n) { TEST_IPC_RR_F(outcome(n), "%s %d", "mine", 7); IPC_RETURN_NO_ERROR }
static struct ipc_error rr_f_plain(int n) { TEST_IPC_RR_F(outcome(n), "mine"); IPC_RETURN_NO_ERROR }
static struct ipc_error rr_f_variable(int n) { TEST_IPC_RR_F(outcome(n), variable_format, 7, "nine") IPC_RETURN_NO_ERROR }
static struct ipc_error rr_f_variable_text(int n) { TEST_IPC_RR_F(outcome(n), variable_text) IPC_RETURN_NO_ERROR }
static struct ipc_error i_rr(int n) { TEST_IPC_I_RR(outcome(n), instructions++); IPC_RETURN_NO_ERROR }
static struct ipc_error i_rr_bare(int n) { TEST_IPC_I_RR(outcome(n), ) TEST_IPC_I_RR(outcome(n), {}) IPC_RETURN_NO_ERROR }
static struct ipc_error t_i_rr(int n) { TEST_IPC_T_I_RR(outcome(n), ret.error_code == 43, instructions++); IPC_RETURN_NO_ERROR }
static struct ipc_error t_i_rr_bare(int n) { TEST_IPC_T_I_RR(outcome(n), (ret.error_code > 3), ) IPC_RETURN_NO_ERROR }
static struct ipc_error wait_rr(int n) { TEST_IPC_WAIT_EVENT_RR(outcome(n), -5); IPC_RETURN_NO_ERROR }
static struct ipc_error wait_rr_bare(int n) { TEST_IPC_WAIT_EVENT_RR(outcome(n), ) IPC_RETURN_NO_ERROR }
static struct ipc_error t_p_i_r(int n) { TEST_IPC_T_P_I_R(outcome(n), ret.error_code != IPC_ERROR_NONE, instructions++, return ret); IPC_RETURN_NO_ERROR }

static void check_handed_on(struct ipc_error (*f)(int), const char *end, int code) {
	check_appended(f(IPC_ERROR_USOCK_SEND), IPC_ERROR_USOCK_SEND, end);
	if (code != 0) check_appended(f(code), code, end);
	check_error(f(0), 0, "");
}

TEST(test_ipc_return_on_error_returns_the_error) {
	check_handed_on(on_error, "", 4);
	check_handed_on(on_error_bare, "", 4);
	CHECK_EQUAL(calls, 6);
	check_error(on_error(43), 43, REASON);
}

/* Freed when it fails, and only then: the checker of memory sees both. */
TEST(test_ipc_return_on_error_free_frees_the_buffer_first) {
	buffer = (char *)malloc(100);
	check_error(on_error_free(IPC_ERROR_USOCK_SEND), IPC_ERROR_USOCK_SEND, REASON);
	buffer = (char *)malloc(100);
	check_error(on_error_free(0), 0, "");
	memset(buffer, 'x', 100);
	free(buffer);
	check_handed_on(on_error_free_null, "", 4);
}

TEST(test_ipc_rr_appends_to_the_reason) {
	check_handed_on(rr, "mine", 4);
	check_handed_on(rr_bare, "plain", 4);
	check_handed_on(rr_f, "mine 7", 4);
	check_handed_on(rr_f_plain, "mine", 4);
	check_handed_on(rr_f_variable, "7 of nine", 4);
	check_handed_on(rr_f_variable_text, "plain", 4);
	CHECK_EQUAL(calls, 18);
}

static struct ipc_error full(int n) {
	struct ipc_error e = outcome(n);
	memset(e.error_message, 'x', BUFSIZ - 1);
	return e;
}
static struct ipc_error rr_full(void) { TEST_IPC_RR(full(43), "mine"); IPC_RETURN_NO_ERROR }
static struct ipc_error rr_f_full(void) { TEST_IPC_RR_F(full(43), "mine"); IPC_RETURN_NO_ERROR }

TEST(test_ipc_rr_cuts_what_does_not_fit) {
	struct ipc_error e = rr_full();
	CHECK_EQUAL(strlen(e.error_message), BUFSIZ - 1);
	e = rr_f_full();
	CHECK_EQUAL(strlen(e.error_message), BUFSIZ - 1);
}

TEST(test_ipc_i_rr_and_t_i_rr_run_the_instruction_and_return_the_error) {
	check_handed_on(i_rr, "", 4);
	CHECK_EQUAL(instructions, 2);
	check_handed_on(i_rr_bare, "", 4);
	check_handed_on(t_i_rr, "", 0);
	CHECK_EQUAL(instructions, 3);
	check_error(t_i_rr(4), 0, "");
	check_handed_on(t_i_rr_bare, "", 4);
	check_handed_on(t_p_i_r, "", 4);
	CHECK_EQUAL(instructions, 5);
	CHECK_EQUAL(calls, 16);
}

TEST(test_ipc_wait_event_rr_returns_the_error_unless_it_is_0_or_4) {
	check_handed_on(wait_rr, "", 0);
	check_handed_on(wait_rr_bare, "", 0);
	check_error(wait_rr(IPC_ERROR_CLOSED_RECIPIENT), 0, "");
	check_error(wait_rr_bare(IPC_ERROR_CLOSED_RECIPIENT), 0, "");
	CHECK_EQUAL(calls, 6);
}

/* r is a statement, and fits any function; when the test does not hold the function goes on. */
static int t_p_i_r_number(int n) { TEST_IPC_T_P_I_R(outcome(n), (ret.error_code == 43), instructions++, return -6) return 6; }
static const char *t_p_i_r_text(int n) { TEST_IPC_T_P_I_R(outcome(n), (ret.error_code == 43), , return NULL); return "fine"; }
static void t_p_i_r_nothing(int n) { TEST_IPC_T_P_I_R(outcome(n), (ret.error_code == 43), instructions++, return); instructions += 10; }
static int t_p_i_r_loop(int n) { for (;;) TEST_IPC_T_P_I_R(outcome(n), 1, instructions++, break) return 8; }

static void t_p_i_r_everywhere(void) {
	CHECK(t_p_i_r_number(43) == -6 && t_p_i_r_number(0) == 6 && t_p_i_r_number(4) == 6 && instructions == 1);
	CHECK(t_p_i_r_text(43) == NULL && strcmp(t_p_i_r_text(0), "fine") == 0);
	t_p_i_r_nothing(43);
	CHECK_EQUAL(instructions, 2);
	t_p_i_r_nothing(0);
	CHECK_EQUAL(instructions, 12);
	CHECK_EQUAL(t_p_i_r_loop(0), 8);
	exit(91);
}

TEST(test_ipc_t_p_i_r_runs_two_statements_and_prints_nothing) {
	ENDS_WITH(t_p_i_r_everywhere, 91, NULL);
}

/* ---- printed, and the program's end ---- */

KINDS(p, TEST_IPC_P(outcome(n), "mine"); exit(calls);)
KINDS(p_bare, if (n == 0) TEST_IPC_P(outcome(n), "mine") else TEST_IPC_P(outcome(n), variable_text) TEST_IPC_P(outcome(0), "x"))
KINDS(q, TEST_IPC_Q(outcome(n), calls + 30);)
KINDS(q_bare, TEST_IPC_Q(outcome(n), 31))
KINDS(quit, TEST_IPC_QUIT_ON_ERROR(outcome(n), 31);)
KINDS(quit_bare, TEST_IPC_QUIT_ON_ERROR(outcome(n), 31))
KINDS(wait_q, TEST_IPC_WAIT_EVENT_Q(outcome(n), calls + 40);)
KINDS(wait_q_bare, TEST_IPC_WAIT_EVENT_Q(outcome(n), 41))
KINDS(i_p_q, TEST_IPC_T_I_P_Q(outcome(n), (ret.error_code == 43), fputs("first;", stderr), "not used", calls + 50);)
KINDS(i_p_q_bare, TEST_IPC_T_I_P_Q(outcome(n), (ret.error_code == 43), fputs("first;", stderr), , 51))

TEST(test_ipc_p_prints_reason_and_message_and_goes_on) {
	KINDS_END_WITH(p, 43, 1, REASON);
	KINDS_END_WITH(p, 4, 1, "mine");
	KINDS_END_WITH(p, 0, 1, NULL);
	KINDS_END_WITH(p_bare, 43, WENT_ON, REASON);
	KINDS_END_WITH(p_bare, 43, WENT_ON, "plain");
	KINDS_END_WITH(p_bare, 0, WENT_ON, NULL);
}

TEST(test_ipc_q_and_test_ipc_quit_on_error_print_the_reason_and_exit) {
	static const struct kinds *const all[] = {&q, &q_bare, &quit, &quit_bare};
	for (int i = 0; i < 4; i++) {
		KINDS_END_WITH(*all[i], 43, 31, REASON);
		KINDS_END_WITH(*all[i], IPC_ERROR_CLOSED_RECIPIENT, 31, REASON);
		KINDS_END_WITH(*all[i], 0, WENT_ON, NULL);
	}
}

TEST(test_ipc_wait_event_q_exits_unless_the_code_is_0_or_4) {
	static const struct kinds *const both[] = {&wait_q, &wait_q_bare};
	for (int i = 0; i < 2; i++) {
		KINDS_END_WITH(*both[i], 43, 41, NULL);
		KINDS_END_WITH(*both[i], IPC_ERROR_CLOSED_RECIPIENT, WENT_ON, NULL);
		KINDS_END_WITH(*both[i], 0, WENT_ON, NULL);
	}
}

TEST(test_ipc_t_i_p_q_runs_the_instruction_and_exits) {
	static const struct kinds *const both[] = {&i_p_q, &i_p_q_bare};
	for (int i = 0; i < 2; i++) {
		KINDS_END_WITH(*both[i], 43, 51, "first;");
		CHECK(strcmp(capture(run_kind)->err, "first;") == 0);
		KINDS_END_WITH(*both[i], 4, WENT_ON, NULL);
		KINDS_END_WITH(*both[i], 0, WENT_ON, NULL);
	}
}
