/*
 * printing.c - the functions that print on stdout. They are in C because printf(3) is variadic, and stdout a macro.
 */
#include "CLibIPC.h"

/* The library does not call print_hexa itself: a program may have a function of that name, with other parameters. */
static void dump(const char *prefix, const uint8_t *payload, size_t size) {
	for (size_t start = 0; payload != NULL && start < size; start += 16) {
		printf("%s (%zu)", prefix != NULL ? prefix : "", size);
		for (size_t i = start; i < size && i < start + 16; i++) printf(" %02x", payload[i]);
		putchar('\n');
	}
	fflush(stdout);
}

void print_hexa(const char *prefix, uint8_t *payload, size_t size) { dump(prefix, payload, size); }

void ipc_message_print(const struct ipc_message *m) {
	if (m == NULL) return;
	printf("message: descriptor %d, type %d, user type %d, bytes %u\n", m->fd, m->type, m->user_type, m->length);
	dump("  ", (const uint8_t *)m->payload, m->length);
}

void ipc_switching_print(struct ipc_switchings *is) {
	if (is == NULL) return;
	printf("switched pairs %zu\n", is->size);
	for (size_t i = 0; is->collection != NULL && i < is->size; i++)
		printf("  %d <-> %d\n", is->collection[i].orig, is->collection[i].dest);
	fflush(stdout);
}

/* The caller, ipc_ctx_print in Swift, has the lock of the context. */
void libipc_print_context(const struct ipc_ctx *ctx) {
	static const char names[][10] = {"ipc", "external", "server", "switched"};
	printf("context: entries %zu, messages to send %zu, switched pairs %zu\n", ctx->size, ctx->tx.size, ctx->switchdb.size);
	for (size_t i = 0; ctx->cinfos != NULL && ctx->pollfd != NULL && i < ctx->size; i++) {
		const struct ipc_connection_info *info = ctx->cinfos + i;
		const char *name = (unsigned)info->type < sizeof names / sizeof *names ? names[info->type] : "unknown";
		const char *path = info->spath != NULL ? info->spath : "";
		printf("  %zu: descriptor %d %s%s%s\n", i, ctx->pollfd[i].fd, name, *path != 0 ? " " : "", path);
	}
	fflush(stdout);
}
