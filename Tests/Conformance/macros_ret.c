/*
 * macros_ret.c - `ret` in the macros that take a struct ipc_error. In the first argument it is a variable of the program; in the others
 * it is the result that the macro has at hand. C and C++ (macros.sh).
 */
#include "kinds_of_functions.h"

static struct ipc_error of(int code, const char *text) {
	struct ipc_error e = success();
	e.error_code = (enum ipc_error_code)code;
	strcpy(e.error_message, text);
	return e;
}
static void check_error(struct ipc_error e, int code, const char *text) {
	CHECK_CODE(e, code);
	if (strcmp(e.error_message, text) != 0) FAIL("the text is '%.100s', not '%s'", e.error_message, text);
}

/* ---- a variable of the program ---- */

#define HERE(code) struct ipc_error ret = of(code, (code) != 0 ? "here" : "");
static struct ipc_error on_error(int n) { HERE(n) TEST_IPC_RETURN_ON_ERROR(ret); return success(); }
static struct ipc_error on_error_free(int n) { HERE(n) TEST_IPC_RETURN_ON_ERROR_FREE(ret, malloc(1)); return success(); }
static struct ipc_error i_rr(int n) { HERE(n) TEST_IPC_I_RR(ret, (void)n); return success(); }
static struct ipc_error t_i_rr(int n) { HERE(n) TEST_IPC_T_I_RR(ret, ret.error_code != 0, (void)n); return success(); }
static struct ipc_error t_p_i_r(int n) { HERE(n) TEST_IPC_T_P_I_R(ret, ret.error_code != 0, (void)n, return ret); return success(); }
static struct ipc_error wait_rr(int n) { HERE(n) TEST_IPC_WAIT_EVENT_RR(ret, ret); return success(); }
static struct ipc_error rr(int n) { HERE(n) TEST_IPC_RR(ret, "there"); return success(); }
static struct ipc_error rr_f(int n) { HERE(n) TEST_IPC_RR_F(ret, "%s", "there"); return success(); }

TEST(a_macro_sees_the_value_of_a_variable_called_ret_and_returns_it) {
	static struct ipc_error (*const all[])(int) = {on_error, i_rr, t_i_rr, t_p_i_r, wait_rr};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		check_error(all[i](43), 43, "here");
		check_error(all[i](0), 0, "");
	}
	check_error(on_error_free(43), 43, "here");
	CHECK(strncmp(rr(43).error_message, "here", 4) == 0 && strstr(rr(43).error_message, "there") != NULL);
	CHECK(strncmp(rr_f(43).error_message, "here", 4) == 0 && strstr(rr_f(43).error_message, "there") != NULL);
	check_error(rr(0), 0, "");
	check_error(rr_f(0), 0, "");
}

KINDS(p, HERE(n) TEST_IPC_P(ret, "mine"))
KINDS(q, HERE(n) TEST_IPC_Q(ret, 31))
KINDS(quit, HERE(n) TEST_IPC_QUIT_ON_ERROR(ret, 31);)
KINDS(wait_q, HERE(n) TEST_IPC_WAIT_EVENT_Q(ret, 31))
KINDS(i_p_q, HERE(n) TEST_IPC_T_I_P_Q(ret, ret.error_code != 0, , , 31))

TEST(a_macro_sees_the_value_of_a_variable_called_ret_and_prints_or_exits) {
	KINDS_END_WITH(p, 43, WENT_ON, "here");
	KINDS_END_WITH(q, 43, 31, "here");
	KINDS_END_WITH(quit, 43, 31, "here");
	KINDS_END_WITH(wait_q, 43, 31, NULL);
	KINDS_END_WITH(i_p_q, 43, 31, NULL);
	static const struct kinds *const all[] = {&p, &q, &quit, &wait_q, &i_p_q};
	for (int i = 0; i < 5; i++) KINDS_END_WITH(*all[i], 0, WENT_ON, NULL);
}

/* A statement that names `ret` behind the macro means the program's, with the value that it had. */
static int stays(int n) {
	HERE(0)
	TEST_IPC_P(of(n, "there"), "mine");
	TEST_IPC_T_P_I_R(of(n, "there"), ret.error_code == 44, ret = success(), return -1);
	return (int)ret.error_code;
}
static void stays_zero(void) { exit(stays(43) == 0 && stays(44) == -1 ? 91 : 92); }

TEST(a_variable_called_ret_is_the_programs_own_behind_the_macro) {
	ENDS_WITH(stays_zero, 91, "there");
}

/* ---- the result, in the other arguments ---- */

static struct ipc_error changes(int n) { TEST_IPC_I_RR(of(n, "there"), ret.error_code = IPC_ERROR_POLLER); return success(); }
static struct ipc_error changes_and_returns(int n) { TEST_IPC_T_I_RR(of(n, "there"), ret.error_message[0] == 't', ret.error_message[0] = 'w'); return success(); }
static struct ipc_error appends_itself(int n) { TEST_IPC_RR(of(n, "there"), ret.error_message); return success(); }
static struct ipc_error appends_its_code(int n) { TEST_IPC_RR_F(of(n, "there"), "%d %s", (int)ret.error_code, ret.error_message); return success(); }
static int returns_its_code(int n) { TEST_IPC_T_P_I_R(of(n, "there"), ret.error_code > 1, n = (int)strlen(ret.error_message), return n + (int)ret.error_code) return 1; }

TEST(instructions_and_messages_name_the_result) {
	check_error(changes(43), IPC_ERROR_POLLER, "there");
	check_error(changes_and_returns(43), 43, "where");
	struct ipc_error e = appends_itself(43);
	CHECK(strncmp(e.error_message, "there", 5) == 0 && strcmp(e.error_message + strlen(e.error_message) - 5, "there") == 0);
	CHECK(strlen(e.error_message) >= 10);
	e = appends_its_code(43);
	CHECK(strncmp(e.error_message, "there", 5) == 0 && strstr(e.error_message, "43 there") != NULL);
	CHECK_EQUAL(returns_its_code(43), 48);
	CHECK_EQUAL(returns_its_code(0), 1);
}

KINDS(p_message, TEST_IPC_P(of(n, "there"), ret.error_message))
KINDS(q_status, TEST_IPC_Q(of(n, "there"), (int)ret.error_code))
KINDS(wait_q_status, TEST_IPC_WAIT_EVENT_Q(of(n, "there"), (int)ret.error_code))
KINDS(i_p_q_status, TEST_IPC_T_I_P_Q(of(n, "there"), ret.error_code == 43, fputs(ret.error_message, stderr), ret.error_message, (int)ret.error_code))

TEST(exit_statuses_name_the_result) {
	KINDS_END_WITH(p_message, 43, WENT_ON, "there: there");
	KINDS_END_WITH(q_status, 43, 43, "there");
	KINDS_END_WITH(wait_q_status, 43, 43, NULL);
	KINDS_END_WITH(i_p_q_status, 43, 43, "there");
}

/* A success may have a text: ipc_wait_event tells why a peer was an ERROR. The test sees it, and it is returned. */
static struct ipc_error success_with_a_text(int n) { TEST_IPC_T_I_RR(of(n, "a bad peer"), ret.error_code == 0 && strstr(ret.error_message, "bad") != NULL, ); return of(43, "not seen"); }

TEST(a_test_that_holds_for_a_success_sees_and_returns_its_text) {
	struct ipc_error e = success_with_a_text(0);
	CHECK(e.error_code == 0 && strcmp(e.error_message, "a bad peer") == 0);
}

/* Macros in the arguments of macros. */
static struct ipc_error nested(int n) {
	TEST_IPC_I_RR(of(n, "outer"), TEST_IPC_T_P_I_R(ret, ret.error_code == 44, , return of(45, "inner")));
	return success();
}

TEST(a_macro_stands_in_the_instruction_of_another) {
	check_error(nested(43), 43, "outer");
	check_error(nested(44), 45, "inner");
	check_error(nested(0), 0, "");
}
