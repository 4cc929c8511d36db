/*
 * macros.c - the macros for variables, memory, conditions, cases and events: every form that programs use, and its effect. C and
 * C++ (macros.sh). Those that take a struct ipc_error are in macros_errors.c and macros_ret.c.
 */
#include "kinds_of_functions.h"

/* ---- declarations ---- */

static __attribute__((noinline)) void dirty_the_stack(void) {
	volatile char dirt[4096];
	for (size_t i = 0; i < sizeof dirt; i++) dirt[i] = (char)(i | 1);
}
static void check_zeros(const void *memory, size_t size) {
	for (size_t i = 0; i < size; i++) CHECK(((const char *)memory)[i] == 0);
}
static int evaluations;
static int counted(int n) { return evaluations++, n; }

#define DECLARATIONS(end)                                                                                 \
	SECURE_DECLARATION(struct ipc_ctx, ctx) end                                                       \
	SECURE_DECLARATION(int, number) end                                                               \
	SECURE_DECLARATION(const char *, pointer) end                                                     \
	SECURE_BUFFER_DECLARATION(char, bytes, 300) end                                                   \
	SECURE_BUFFER_DECLARATION(struct ipc_message, messages, 20) end                                   \
	SECURE_BUFFER_DECLARATION(struct ipc_message, some, counted(n)) end                               \
	CHECK(number == 0 && pointer == NULL && sizeof bytes == 300 && sizeof messages == 20 * sizeof messages[0]); \
	check_zeros(&ctx, sizeof ctx);                                                                    \
	check_zeros(bytes, sizeof bytes);                                                                 \
	check_zeros(messages, sizeof messages);                                                           \
	check_zeros(some, (size_t)n * sizeof some[0]);                                                    \
	CHECK_EQUAL(evaluations, 1);
#define NOTHING
KINDS(declared, DECLARATIONS(NOTHING))
KINDS(declared_with_semicolons, DECLARATIONS(;))
KINDS(declared_last, SECURE_DECLARATION(int, number) SECURE_BUFFER_DECLARATION(char, bytes, 300))

TEST(secure_declarations_declare_and_zero) {
	dirty_the_stack();
	KINDS_END_WITH(declared, 7, WENT_ON, NULL);
	KINDS_END_WITH(declared_with_semicolons, 7, WENT_ON, NULL);
	KINDS_END_WITH(declared_last, 7, WENT_ON, NULL);
}

/* ---- memory ---- */

static int instructions;
/* More than any machine has, and no more than valgrind takes for a negative number; on 32 bits, more than malloc(3) gives. */
static size_t size_of(int n) { return n < 0 ? SIZE_MAX / (sizeof(size_t) == 8 ? 4 : 2) + 1 : (size_t)n; }

/* Not inlined: a compiler that sees all uses of an allocation may leave it out, and it cannot fail then. */
static __attribute__((noinline)) void use(void *memory, size_t size) {
	check_zeros(memory, size);
	memset(memory, 'x', size); /* so that the next allocation of this size is not zero by chance */
	free(memory);
}
#ifdef __cplusplus
#define REGISTER
#else
#define REGISTER register
#endif

#define ALLOCATE(type, n, ...)                                                                            \
	REGISTER type p = NULL;                                                                           \
	SECURE_BUFFER_HEAP_ALLOCATION(p, size_of(n), instructions++, __VA_ARGS__);                        \
	use((void *)p, size_of(n));
static int allocate_number(int n) { ALLOCATE(char *, n, return -1) return 1; }
static struct ipc_error allocate_error(int n) { ALLOCATE(uint64_t *, n, IPC_RETURN_ERROR(IPC_ERROR_SERVER_INIT__MALLOC)) return success(); }
static const char *allocate_text(int n) { ALLOCATE(void *, n, return "none") return "some"; }
static void allocate_nothing(int n) { ALLOCATE(struct ipc_message *, n, return) instructions += 10; }
static int allocate_bare(int n) {
	char *volatile p;
	if (n == 0) SECURE_BUFFER_HEAP_ALLOCATION(p, 5, , ) else SECURE_BUFFER_HEAP_ALLOCATION(p, size_of(n), , return -1)
	use(p, 5);
	return 1;
}
static struct ipc_error allocate_r(int n) {
	REGISTER uint8_t *p;
	SECURE_BUFFER_HEAP_ALLOCATION_R(p, size_of(n), instructions++, IPC_ERROR_SERVER_INIT__MALLOC);
	use(p, size_of(n));
	SECURE_BUFFER_HEAP_ALLOCATION_R(p, 3, , IPC_ERROR_SERVER_INIT__MALLOC)
	use(p, 3);
	return success();
}
static void *allocate_r_null(int n) {
	struct ipc_message m;
	SECURE_BUFFER_HEAP_ALLOCATION_R_NULL(m.payload, size_of(n), instructions++);
	use(m.payload, size_of(n));
	SECURE_BUFFER_HEAP_ALLOCATION_R_NULL(m.payload, size_of(n), )
	return m.payload;
}
#define ALLOCATE_Q(p, end) SECURE_BUFFER_HEAP_ALLOCATION_Q(p, size_of(n), fputs("no memory", stderr), 61) end use(p, size_of(n));
KINDS(allocate_q, REGISTER char *p; ALLOCATE_Q(p, ;) ALLOCATE_Q(p, NOTHING))

TEST(secure_buffer_heap_allocation_allocates_zeroed) {
	for (int size = 1; size < 3000; size += 200) {
		CHECK_EQUAL(allocate_number(size), 1);
		CHECK_OK(allocate_error(size));
		CHECK(strcmp(allocate_text(size), "some") == 0);
		allocate_nothing(size);
		CHECK_EQUAL(allocate_bare(size + 5), 1);
		CHECK_OK(allocate_r(size));
		use(allocate_r_null(size), (size_t)size);
	}
	CHECK_EQUAL(allocate_bare(0), 1);
	KINDS_END_WITH(allocate_q, 300, WENT_ON, NULL);
	CHECK_EQUAL(instructions, 150);
}

TEST(secure_buffer_heap_allocation_without_memory_runs_what_it_was_told) {
	CHECK_EQUAL(allocate_number(-1), -1);
	CHECK_CODE(allocate_error(-1), IPC_ERROR_SERVER_INIT__MALLOC);
	CHECK(strcmp(allocate_text(-1), "none") == 0);
	allocate_nothing(-1);
	CHECK_EQUAL(instructions, 4);
	CHECK_EQUAL(allocate_bare(-1), -1);
	struct ipc_error e = allocate_r(-1);
	CHECK_CODE(e, IPC_ERROR_SERVER_INIT__MALLOC);
	CHECK(strcmp(e.error_message, ipc_errors_get(IPC_ERROR_SERVER_INIT__MALLOC)) == 0);
	CHECK(allocate_r_null(-1) == NULL);
	CHECK_EQUAL(instructions, 6);
	KINDS_END_WITH(allocate_q, -1, 61, "no memory");
}

/* ---- conditions ---- */

static struct ipc_error t_r(int n) { T_R((n < 0), IPC_ERROR_USOCK_SEND); T_R((counted(n) == 7), 44) return success(); }
static const char *t_r_null(int n) { T_R_NULL((n < 0 || counted(n) > 9)); T_R_NULL((n == 7)) return "fine"; }
static void t_r_nothing(int n) { T_R_NOTHING((n < 0)); T_R_NOTHING((counted(n) == 7)) instructions++; }
static int t_perror_r(int n) { T_PERROR_R((n < 0), "mine", -3); T_PERROR_R((counted(n) == 7), "mine", n - 11) return 3; }
static const char *t_perror_r_text(int n) { T_PERROR_R((n < 0), "mine", NULL); return "fine"; }
static struct ipc_error t_perror_ripc(int n) {
	T_PERROR_RIPC((n < 0), "mine", IPC_ERROR_USOCK_SEND);
	if (n < 8) T_PERROR_RIPC((counted(n) == 7), "mine", 44) else return success();
	return success();
}
KINDS(t_perror_q, T_PERROR_Q((n < 0), "mine", 71); T_PERROR_Q((n == 7), "mine", n + 65))

static void check_default_error(struct ipc_error e, int code) {
	CHECK_CODE(e, code);
	CHECK(strcmp(e.error_message, code != 0 ? ipc_errors_get((enum ipc_error_code)code) : "") == 0);
}

TEST(t_macros_return_when_the_condition_holds) {
	check_default_error(t_r(-1), IPC_ERROR_USOCK_SEND);
	check_default_error(t_r(7), 44);
	check_default_error(t_r(0), 0);
	CHECK(t_r_null(-1) == NULL && t_r_null(7) == NULL && t_r_null(10) == NULL && strcmp(t_r_null(0), "fine") == 0);
	t_r_nothing(-1);
	t_r_nothing(7);
	CHECK_EQUAL(instructions, 0);
	t_r_nothing(0);
	CHECK_EQUAL(instructions, 1);
	CHECK_EQUAL(evaluations, 7);
}

/* The functions that are named here run with an errno, in a process that ends with the status 91 when they returned the right value. */
static int argument;
static void perror_r(void) { errno = ENOTTY; exit(t_perror_r(argument) == (argument < 0 ? -3 : argument == 7 ? -4 : 3) ? 91 : 92); }
static void perror_r_text(void) { errno = ENOTTY; exit((t_perror_r_text(argument) == NULL) == (argument < 0) ? 91 : 92); }
static void perror_ripc(void) {
	errno = ENOTTY;
	check_default_error(t_perror_ripc(argument), argument < 0 ? (int)IPC_ERROR_USOCK_SEND : argument == 7 ? 44 : 0);
	exit(91);
}

TEST(t_perror_macros_report_the_systems_reason_as_well) {
	char wanted[256];
	errno = ENOTTY;
	snprintf(wanted, sizeof wanted, "mine: %s\n", strerror(ENOTTY));
	for (argument = -1; argument <= 8; argument++) {
		const char *err = argument == -1 || argument == 7 ? wanted : NULL;
		ENDS_WITH(perror_r, 91, err);
		ENDS_WITH(perror_r_text, 91, argument == -1 ? wanted : NULL);
		ENDS_WITH(perror_ripc, 91, err);
	}
	errno = ENOTTY;
	KINDS_END_WITH(t_perror_q, -1, 71, wanted);
	KINDS_END_WITH(t_perror_q, 7, 72, wanted);
	KINDS_END_WITH(t_perror_q, 0, WENT_ON, NULL);
}

/* ---- cases ---- */

#define CASES(end)                                                                                        \
	switch (n) {                                                                                      \
		ERROR_CASE(1, "first_function", "first text") end                                         \
		ERROR_CASE(IPC_ERROR_CLOSED_RECIPIENT, "second_function", "second text") end              \
		default: exit(5);                                                                         \
	}                                                                                                 \
	fflush(NULL);
KINDS(cases, CASES(NOTHING))
KINDS(cases_with_semicolons, CASES(;))
KINDS(last_case, switch (n) { default: exit(5); ERROR_CASE(1, "first_function", "first text") })

TEST(error_case_reports_on_stderr_and_falls_into_no_other) {
	static const struct kinds *const both[] = {&cases, &cases_with_semicolons};
	for (int i = 0; i < 2; i++) {
		KINDS_END_WITH(*both[i], 1, WENT_ON, "function first_function: first text");
		CHECK(strstr(capture(run_kind)->err, "second") == NULL);
		KINDS_END_WITH(*both[i], 4, WENT_ON, "function second_function: second text");
		KINDS_END_WITH(*both[i], 3, 5, NULL);
	}
	KINDS_END_WITH(last_case, 1, WENT_ON, "function first_function: first text");
	KINDS_END_WITH(last_case, 2, 5, NULL);
}

/* ---- events ---- */

#define EVENTS(end)                                                                                       \
	struct ipc_event events[2], *next = events;                                                       \
	struct ipc_message *m = (struct ipc_message *)calloc(1, sizeof *m);                               \
	memset(events, 'x', sizeof events);                                                               \
	CHECK_OK(ipc_message_format_data(m, 'a', "payload", 7));                                          \
	IPC_EVENT_SET(next++, IPC_EVENT_TYPE_MESSAGE, n, 8, m) end                                        \
	CHECK_EQUAL(next - events, 1);                                                                    \
	CHECK(events[0].type == IPC_EVENT_TYPE_MESSAGE && events[0].index == 7 && events[0].origin == 8 && events[0].m == m); \
	IPC_EVENT_SET(next, IPC_EVENT_TYPE_TIMER, 1, 2, NULL) end                                         \
	CHECK(next->type == IPC_EVENT_TYPE_TIMER && next->index == 1 && next->origin == 2 && next->m == NULL); \
	if (n == 7) IPC_EVENT_CLEAN(next--) else IPC_EVENT_CLEAN(next)                                    \
	IPC_EVENT_CLEAN(next) end                                                                         \
	for (int i = 0; i < 2; i++) CHECK(events[i].type == IPC_EVENT_TYPE_NOT_SET && events[i].index == 0 && events[i].origin == 0 && events[i].m == NULL); \
	IPC_EVENT_CLEAN(next) end
KINDS(events_set, EVENTS(NOTHING))
KINDS(events_set_with_semicolons, EVENTS(;))

TEST(ipc_event_set_sets_four_fields_and_ipc_event_clean_frees_and_zeroes) {
	KINDS_END_WITH(events_set, 7, WENT_ON, NULL);
	KINDS_END_WITH(events_set_with_semicolons, 7, WENT_ON, NULL);
}

/* In this process: valgrind sees it when the message or its payload is not freed. */
TEST(ipc_event_clean_frees_the_message_and_its_payload) {
	struct ipc_event event;
	struct ipc_message *m = (struct ipc_message *)calloc(1, sizeof *m);
	CHECK_OK(ipc_message_format_data(m, 'a', "payload", 7));
	IPC_EVENT_SET(&event, IPC_EVENT_TYPE_MESSAGE, 7, 8, m);
	IPC_EVENT_CLEAN(&event);
	CHECK(event.m == NULL);
}
