/*
 * stack.c - functions that use a macro once, or ten times with -DTEN: gcc tells how large their stack is (macros.sh).
 */
#include <ipc.h>

struct ipc_error call(int n);
int run(int n);

#ifdef TEN
#define USES(...) __VA_ARGS__ __VA_ARGS__ __VA_ARGS__ __VA_ARGS__ __VA_ARGS__ __VA_ARGS__ __VA_ARGS__ __VA_ARGS__ __VA_ARGS__ __VA_ARGS__
#else
#define USES(...) __VA_ARGS__
#endif
#define NUMBER(name, ...) \
	int name(int n);  \
	int name(int n) { USES(__VA_ARGS__) return n; }
#define ERROR(name, ...)                                                 \
	struct ipc_error name(int n, char *p, struct ipc_event *event);  \
	struct ipc_error name(int n, char *p, struct ipc_event *event) { \
		(void)p;                                                 \
		(void)event;                                             \
		USES(__VA_ARGS__) return call(n);                        \
	}

ERROR(use_return_on_error, TEST_IPC_RETURN_ON_ERROR(call(n)))
ERROR(use_return_on_error_free, TEST_IPC_RETURN_ON_ERROR_FREE(call(n), p))
ERROR(use_rr, TEST_IPC_RR(call(n), "mine"))
ERROR(use_rr_f, TEST_IPC_RR_F(call(n), "%d", n) TEST_IPC_RR_F(call(n), "mine"))
ERROR(use_i_rr, TEST_IPC_I_RR(call(n), run(n)))
ERROR(use_i_rr_that_exits, TEST_IPC_I_RR(call(n), exit(3)))
ERROR(use_t_i_rr, TEST_IPC_T_I_RR(call(n), ret.error_code == 3, run(n)))
ERROR(use_wait_event_rr, TEST_IPC_WAIT_EVENT_RR(call(n), ))
ERROR(use_t_r, T_R((n == 3), 3) T_PERROR_RIPC((n == 4), "mine", 4))
ERROR(use_allocation, SECURE_BUFFER_HEAP_ALLOCATION_R(p, 10, run(n), 3) SECURE_BUFFER_HEAP_ALLOCATION_Q(p, 10, run(n), 3))
ERROR(use_events, IPC_EVENT_SET(event, IPC_EVENT_TYPE_TIMER, 0, 0, NULL) IPC_EVENT_CLEAN(event))
ERROR(use_returns, if (n == 5) IPC_RETURN_ERROR(5) if (n == 6) IPC_RETURN_ERROR_FORMAT(6, p) if (n == 7) IPC_RETURN_NO_ERROR)
NUMBER(use_t_p_i_r, TEST_IPC_T_P_I_R(call(n), ret.error_code == 3, run(n), return 3))
NUMBER(use_t_p_i_r_that_exits, TEST_IPC_T_P_I_R(call(n), ret.error_code == 3, run(n), exit(3)))
NUMBER(use_t_i_p_q, TEST_IPC_T_I_P_Q(call(n), ret.error_code == 4, run(n), , 4))
NUMBER(use_p, TEST_IPC_P(call(n), "mine"))
NUMBER(use_q, TEST_IPC_Q(call(n), 1) TEST_IPC_QUIT_ON_ERROR(call(n), ret.error_code))
NUMBER(use_wait_event_q, TEST_IPC_WAIT_EVENT_Q(call(n), 1))
NUMBER(use_perror, T_PERROR_R((n == 4), "mine", 4) T_PERROR_Q((n == 5), "mine", 5))
NUMBER(use_all,
    TEST_IPC_WAIT_EVENT_Q(call(n), 1) TEST_IPC_Q(call(n), 1) TEST_IPC_P(call(n), "mine")
	TEST_IPC_T_I_P_Q(call(n), ret.error_code == 4, , , 1))
