/*
 * macros.c - the other macros that programs use: zeroed variables and memory, conditions that return or exit, a case that
 * reports, and the fields of an event; and what ipc.h brings along. Those about errors are in macros_errors.c.
 */
#include "capture.h"

#include <malloc.h>

static __attribute__((noinline)) void dirty_the_stack(void) {
	volatile char dirt[4096];
	for (size_t i = 0; i < sizeof dirt; i++) dirt[i] = (char)(i | 1);
}

static __attribute__((noinline)) void check_declared(void) {
	SECURE_DECLARATION(struct ipc_ctx, ctx);
	SECURE_DECLARATION(struct ipc_event, event);
	SECURE_BUFFER_DECLARATION(char, bytes, 300);
	SECURE_BUFFER_DECLARATION(struct ipc_message, messages, 20);
	const char zeros[sizeof messages] = {0};
	CHECK(memcmp(&ctx, zeros, sizeof ctx) == 0);
	CHECK(memcmp(&event, zeros, sizeof event) == 0);
	CHECK_EQUAL(sizeof bytes, 300);
	CHECK(memcmp(bytes, zeros, 300) == 0);
	CHECK_EQUAL(sizeof messages, 20 * sizeof messages[0]);
	CHECK(memcmp(messages, zeros, sizeof messages) == 0);
}

TEST(secure_declarations_declare_and_zero) {
	dirty_the_stack();
	check_declared();
}

static int instructions;

/* Not inlined: a compiler that sees all uses of an allocation may leave it out, and it cannot fail then. */
#define APART static __attribute__((noinline))
APART int allocate(char **place, size_t size) {
	char *p = *place;
	SECURE_BUFFER_HEAP_ALLOCATION(p, size, instructions++, return -1);
	*place = p;
	return 1;
}
APART int allocate_r(uint64_t **place, size_t size) {
	uint64_t *p = *place;
	SECURE_BUFFER_HEAP_ALLOCATION_R(p, size, instructions++, -2);
	*place = p;
	return 2;
}
APART void *allocate_r_null(size_t size) {
	struct ipc_message *p;
	SECURE_BUFFER_HEAP_ALLOCATION_R_NULL(p, size);
	return p;
}
APART void *allocate_q(size_t size) {
	void *p;
	SECURE_BUFFER_HEAP_ALLOCATION_Q(p, size, fputs("no memory", stderr), 61);
	return p;
}

static void check_zeroed(void *p, size_t size) {
	CHECK(p != NULL && malloc_usable_size(p) >= size);
	for (size_t i = 0; i < size; i++) CHECK(((char *)p)[i] == 0);
	memset(p, 'x', size); /* for who gets this memory next */
	free(p);
}

TEST(secure_buffer_heap_allocation_allocates_zeroed) {
	char *bytes = NULL;
	uint64_t *words = NULL;
	for (size_t size = 1; size < 3000; size += 200) {
		CHECK_EQUAL(allocate(&bytes, size), 1);
		check_zeroed(bytes, size);
		CHECK_EQUAL(allocate_r(&words, size), 2);
		check_zeroed(words, size);
		check_zeroed(allocate_r_null(size), size);
		check_zeroed(allocate_q(size), size);
	}
	CHECK_EQUAL(instructions, 0);
}

static size_t too_much(void) { return (size_t)1 << 62; }
static void quit_without_memory(void) { free(allocate_q(too_much())); }

TEST(secure_buffer_heap_allocation_without_memory_runs_what_it_was_told) {
	char *bytes = NULL;
	uint64_t *words = NULL;
	CHECK_EQUAL(allocate(&bytes, too_much()), -1);
	CHECK_EQUAL(instructions, 1);
	CHECK_EQUAL(allocate_r(&words, too_much()), -2);
	CHECK_EQUAL(instructions, 2);
	CHECK(bytes == NULL && words == NULL && allocate_r_null(too_much()) == NULL);
	ENDS_WITH(quit_without_memory, 61, "no memory");
}

/* ---- conditions ---- */

static int reached;
static int t_r(int fd) { T_R((fd < 0), -1); return 1; }
static const char *t_r_null(int fd) { T_R_NULL((fd < 0 || fd > 9)); return "fine"; }
static void t_r_nothing(int fd) { T_R_NOTHING((fd < 0)); reached++; }
static int t_perror_r(int fd) { T_PERROR_R((fd < 0), "mine", -3); return 3; }
static int t_perror_q(int fd) { T_PERROR_Q((fd < 0), "mine", 71); return 72; }
static struct ipc_error t_perror_ripc(int fd) { T_PERROR_RIPC((fd < 0), "mine", IPC_ERROR_USOCK_SEND); IPC_RETURN_NO_ERROR; }

TEST(t_macros_return_when_the_condition_holds) {
	CHECK_EQUAL(t_r(-1), -1);
	CHECK_EQUAL(t_r(0), 1);
	CHECK(t_r_null(-1) == NULL && t_r_null(10) == NULL && strcmp(t_r_null(0), "fine") == 0);
	t_r_nothing(-1);
	CHECK_EQUAL(reached, 0);
	t_r_nothing(0);
	CHECK_EQUAL(reached, 1);
}

static void perror_r(void) { errno = ENOTTY; exit(t_perror_r(-1) == -3 ? 81 : 82); }
static void perror_r_not(void) { exit(t_perror_r(0) == 3 ? 81 : 82); }
static void perror_q(void) { errno = ENOTTY; exit(t_perror_q(-1)); }
static void perror_q_not(void) { exit(t_perror_q(0)); }
static void perror_ripc(void) {
	errno = ENOTTY;
	struct ipc_error e = t_perror_ripc(-1);
	exit(e.error_code == IPC_ERROR_USOCK_SEND && strcmp(e.error_message, ipc_errors_get(IPC_ERROR_USOCK_SEND)) == 0 ? 91 : 92);
}
static void perror_ripc_not(void) { exit(t_perror_ripc(0).error_code == 0 ? 91 : 92); }

TEST(t_perror_macros_report_the_systems_reason_as_well) {
	char wanted[256];
	snprintf(wanted, sizeof wanted, "mine: %s\n", strerror(ENOTTY));
	ENDS_WITH(perror_r, 81, wanted);
	ENDS_WITH(perror_r_not, 81, NULL);
	ENDS_WITH(perror_q, 71, wanted);
	ENDS_WITH(perror_q_not, 72, NULL);
	ENDS_WITH(perror_ripc, 91, wanted);
	ENDS_WITH(perror_ripc_not, 91, NULL);
}

static int wanted_case;
static void report_case(void) {
	switch (wanted_case) {
		ERROR_CASE(1, "first_function", "first text");
		ERROR_CASE(2, "second_function", "second text");
		default: exit(5);
	}
	exit(4);
}

TEST(error_case_reports_on_stderr_and_falls_into_no_other) {
	wanted_case = 1;
	ENDS_WITH(report_case, 4, "first_function");
	ENDS_WITH(report_case, 4, "first text");
	CHECK(strstr(capture(report_case)->err, "second") == NULL);
	wanted_case = 2;
	ENDS_WITH(report_case, 4, "second_function");
	ENDS_WITH(report_case, 4, "second text");
	wanted_case = 3;
	ENDS_WITH(report_case, 5, NULL);
}

/* ---- events ---- */

TEST(ipc_event_set_sets_the_fields) {
	struct ipc_event event = {0}, *pointer = &event;
	struct ipc_message m = {0};
	IPC_EVENT_SET(pointer, IPC_EVENT_TYPE_MESSAGE, 7, 8, &m);
	CHECK(event.type == IPC_EVENT_TYPE_MESSAGE && event.index == 7 && event.origin == 8 && event.m == &m);
	IPC_EVENT_SET(&event, IPC_EVENT_TYPE_TIMER, 0, 0, NULL);
	CHECK(event.type == IPC_EVENT_TYPE_TIMER && event.index == 0 && event.origin == 0 && event.m == NULL);
}

TEST(ipc_event_clean_frees_the_message) {
	struct ipc_event event = {0};
	struct ipc_message *m = calloc(1, sizeof *m);
	CHECK_OK(ipc_message_format_data(m, 'a', "payload", 7));
	IPC_EVENT_SET(&event, IPC_EVENT_TYPE_MESSAGE, 7, 8, m);
	IPC_EVENT_CLEAN(&event);
	CHECK(event.type == IPC_EVENT_TYPE_NOT_SET && event.m == NULL);
	IPC_EVENT_CLEAN(&event);
	CHECK(event.m == NULL);
}
