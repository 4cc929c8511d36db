/*
 * must_fail.c - tests of the harness: all but two of these must come out as `not ok` (harness.sh says which). None of them
 * is about the library, which has to be there all the same, because harness.h includes its headers.
 */
#include "../peers.h" /* first: _GNU_SOURCE */
#include "../capture.h"

TEST(passes) { CHECK_OK((struct ipc_error){0}); }
TEST(is_skipped) { SKIP("this one says so"); }

TEST(leaks_a_descriptor) { CHECK(dup(0) >= 0); }
TEST(closes_a_descriptor_that_is_not_its_own) { close(0); }
TEST(leaks_a_descriptor_of_a_context) {
	static struct ipc_ctx ctx;
	CHECK_OK(ipc_server_init(&ctx, "left_open"));
	ipc_ctx_free(&ctx);
}

TEST(fails_a_check) { CHECK(1 + 1 == 3); }
TEST(fails_an_equality) { CHECK_EQUAL(1 + 1, 3); }
TEST(fails) { FAIL("on purpose"); }
TEST(has_another_code) {
	struct ipc_error e = {.error_code = IPC_ERROR_USOCK_SEND, .error_message = "text"};
	CHECK_OK(e);
}
TEST(has_success_with_a_text) {
	struct ipc_error e = {.error_code = IPC_ERROR_NONE, .error_message = "text"};
	CHECK_OK(e);
}
TEST(has_an_error_without_a_text) { CHECK_CODE((struct ipc_error){.error_code = IPC_ERROR_USOCK_SEND}, IPC_ERROR_USOCK_SEND); }
TEST(has_an_error_with_something_behind_the_text) {
	struct ipc_error e = {.error_code = IPC_ERROR_USOCK_SEND, .error_message = "text"};
	e.error_message[BUFSIZ - 1] = 'x';
	CHECK_CODE(e, IPC_ERROR_USOCK_SEND);
}

TEST(crashes) { raise(SIGSEGV); }
TEST(aborts) { abort(); }
TEST(exits_with_a_status_of_its_own) { _exit(3); }
TEST(hangs) {
	alarm(1); /* as the harness does, only earlier */
	for (;;) pause();
}

static void exits_with_5(void) { exit(5); }
static void prints(void) { fputs("text", stderr); }
TEST(captures_another_status) { ENDS_WITH(exits_with_5, 0, NULL); }
TEST(captures_a_text_where_none_must_be) { ENDS_WITH(prints, 0, NULL); }
TEST(captures_another_text) { ENDS_WITH(prints, 0, "other"); }
static void fails_over_there(int gate) { FAIL("gate %d", gate); }
TEST(has_a_child_that_fails) {
	int gate;
	pid_t child = start(fails_over_there, &gate);
	join_process(child, gate);
}
