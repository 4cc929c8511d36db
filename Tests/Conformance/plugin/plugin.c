/*
 * plugin.c - a plugin that has the static library in it: a service that has one event, and is gone again.
 */
#include <ipc.h>

#include <unistd.h>

int use_the_library(void);

int use_the_library(void) {
	struct ipc_ctx ctx = {0};
	struct ipc_event event = {0};
	int ends[2], timer = 1000;
	if (pipe(ends) != 0 || write(ends[1], "x", 1) != 1) return 1;
	if (ipc_add_fd(&ctx, ends[0]).error_code != IPC_ERROR_NONE) return 2;
	if (ipc_wait_event(&ctx, &event, &timer).error_code != IPC_ERROR_NONE) return 3;
	if (event.type != IPC_EVENT_TYPE_EXTRA_SOCKET) return 4;
	ipc_ctx_free(&ctx);
	close(ends[0]);
	close(ends[1]);
	return 0;
}
