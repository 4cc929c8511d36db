/*
 * runtime.c - what only C can say: a variadic function, and what the process keeps once.
 */
#include "CLibIPC.h"

void error_message_format(char *formatted_message, const char *tag, const char *message, ...) {
	struct tm now;
	time_t seconds = time(NULL);
	va_list arguments;

	if (formatted_message == NULL) return;
	localtime_r(&seconds, &now);
	size_t used = strftime(formatted_message, BUFSIZ, "%Y-%m-%d_%H-%M-%S:", &now);
	int tagged = snprintf(formatted_message + used, BUFSIZ - used, "%s:", tag != NULL ? tag : "");
	/* One byte is kept for the newline, whatever the tag's and the message's length. */
	used = tagged < 0 || (size_t)tagged >= BUFSIZ - 1 - used ? BUFSIZ - 2 : used + (size_t)tagged;
	va_start(arguments, message);
	int length = message == NULL ? 0 : vsnprintf(formatted_message + used, BUFSIZ - 1 - used, message, arguments);
	va_end(arguments);
	if (length > 0) used = (size_t)length >= BUFSIZ - 1 - used ? BUFSIZ - 2 : used + (size_t)length;
	memcpy(formatted_message + used, "\n", 2);
}

/* A child shares its parent's epoll sets (fork(2)); a context that notices a fork makes its own. */
static uint32_t forks;
static void count_fork(void) { __atomic_add_fetch(&forks, 1, __ATOMIC_RELAXED); }
__attribute__((constructor)) static void watch_forks(void) { pthread_atfork(NULL, NULL, count_fork); }
uint32_t libipc_forks(void) { return __atomic_load_n(&forks, __ATOMIC_RELAXED); }

struct libipc_error_text *libipc_error_text(void) {
	static _Thread_local struct libipc_error_text text;
	return &text;
}

static uint32_t pair_changes;
uint32_t libipc_pair_changes(void) { return __atomic_load_n(&pair_changes, __ATOMIC_RELAXED); }
void libipc_note_pair_change(void) { __atomic_add_fetch(&pair_changes, 1, __ATOMIC_RELAXED); }

static void *registry;
void **libipc_registry(void) { return &registry; }

int libipc_debug(void) {
	static int answer = -1; /* asked twice at once, it is the same */
	int known = __atomic_load_n(&answer, __ATOMIC_RELAXED);
	if (known >= 0) return known;
	const char *value = getenv("LIBIPC_DEBUG");
	known = value != NULL && strcmp(value, "1") == 0;
	__atomic_store_n(&answer, known, __ATOMIC_RELAXED);
	return known;
}
