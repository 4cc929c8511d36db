/*
 * copies.c - counts the copies of whole results that macros make: gcc -mmemcpy-strategy=libcall calls the memcpy below for each
 * copy of a structure (macros.sh). On success there is none.
 */
#include <ipc.h>

static int whole_results;
void *memcpy(void *__restrict to, const void *__restrict from, size_t size) {
	if (size >= BUFSIZ) whole_results++;
	for (size_t i = 0; i < size; i++) ((volatile char *)to)[i] = ((const char *)from)[i];
	return to;
}

__attribute__((noinline)) static struct ipc_error call(int code) {
	struct ipc_error e;
	e.error_code = (enum ipc_error_code)code;
	e.error_message[0] = '\0';
	return e;
}

static struct ipc_error uses(int n) {
	TEST_IPC_RETURN_ON_ERROR(call(n));
	TEST_IPC_RETURN_ON_ERROR_FREE(call(n), NULL);
	TEST_IPC_RR(call(n), "mine");
	TEST_IPC_RR_F(call(n), "%d", n);
	TEST_IPC_I_RR(call(n), n++);
	TEST_IPC_T_I_RR(call(n), ret.error_code != 0, n++);
	TEST_IPC_T_P_I_R(call(n), ret.error_code != 0, n++, return ret);
	TEST_IPC_T_I_P_Q(call(n), ret.error_code != 0, n++, , 1);
	TEST_IPC_P(call(n), "mine");
	TEST_IPC_Q(call(n), 1);
	TEST_IPC_QUIT_ON_ERROR(call(n), 1);
	TEST_IPC_WAIT_EVENT_RR(call(n), 1);
	TEST_IPC_WAIT_EVENT_Q(call(n), 1);
	IPC_RETURN_NO_ERROR;
}

int main(void) {
	if (uses(0).error_code != 0 || whole_results != 0) {
		fprintf(stderr, "copies of whole results on success: %d\n", whole_results);
		return 1;
	}
	/* On failure there is one at least: the count works. */
	return uses(43).error_code == 43 && whole_results > 0 ? 0 : 2;
}
