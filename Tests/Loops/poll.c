/* poll.c - a library that waits with poll(2) has no descriptor for other loops, and says so. */
#include "../Conformance/harness.h"

TEST(there_is_no_descriptor) {
	struct ipc_ctx ctx = {0};
	CHECK_OK(ipc_server_init(&ctx, "echo"));
	CHECK_EQUAL(ipc_ctx_fd(&ctx), -1);
	CHECK(strstr(ipc_last_error(), "poll(2)") != NULL);
	CHECK_OK(ipc_close_all(&ctx));
	ipc_ctx_free(&ctx);
}
