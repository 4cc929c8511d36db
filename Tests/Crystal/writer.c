/*
 * writer.c - the second thread of threads.cr: a plain C one, which knows nothing of Crystal. It writes on a context on
 * which Crystal's main fiber waits.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ipc.h>

/* Whether the main thread is in a wait: the only sign of it is what the kernel shows. Where that shows nothing: yes. */
static int main_thread_waits(void) {
	char path[64], text[32] = "";
	snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)getpid());
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0) return 1;
	ssize_t count = read(file, text, sizeof text - 1);
	close(file);
	long number = count > 0 ? strtol(text, NULL, 10) : -1;
#ifdef SYS_epoll_wait
	if (number == SYS_epoll_wait || number == SYS_poll) return 1;
#endif
	return number == SYS_epoll_pwait || number == SYS_ppoll;
}

struct work {
	struct ipc_ctx *ctx;
	int fd, messages, written;
	pthread_t thread;
};

static void *write_all(void *argument) {
	struct work *work = argument;
	for (int i = 0; i < work->messages; i++) {
		char text[32];
		int size = snprintf(text, sizeof text, "message %d", i);
		struct ipc_message m = {.type = MSG_TYPE_DATA, .user_type = 't', .fd = work->fd, .length = (uint32_t)size, .payload = text};
		while (!main_thread_waits()) sched_yield();
		if (ipc_write(work->ctx, &m).error_code == IPC_ERROR_NONE) work->written++;
	}
	return NULL;
}

/* Begins a thread that writes so many messages to the descriptor. NULL: there was no thread. */
struct work *writer_begin(struct ipc_ctx *ctx, int fd, int messages) {
	struct work *work = calloc(1, sizeof *work);
	if (work == NULL) return NULL;
	work->ctx = ctx;
	work->fd = fd;
	work->messages = messages;
	if (pthread_create(&work->thread, NULL, write_all, work) == 0) return work;
	free(work);
	return NULL;
}

/* Waits for its end. Returns how many messages it could write. */
int writer_end(struct work *work) {
	pthread_join(work->thread, NULL);
	int written = work->written;
	free(work);
	return written;
}
