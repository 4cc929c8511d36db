/*
 * churn.c - connections that come and go in one thread while another one waits, beside COUNT idle ones.
 *
 *   churn COUNT TIMES
 *
 * Prints how often the library made an epoll set meanwhile. A new set costs a call for each entry; the set that is there can be
 * changed by one call.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ipc.h>

static struct ipc_ctx ctx;
static atomic_int sets, waits;

/* In place of the C library's, also for libipc. */
int epoll_create1(int flags) {
	atomic_fetch_add(&sets, 1);
	return (int)syscall(SYS_epoll_create1, flags);
}

static void *wait_for_ever(void *unused) {
	struct ipc_event event = {0};
	for (;;) {
		int timer = -1;
		struct ipc_error error = ipc_wait_event(&ctx, &event, &timer);
		if (error.error_code != IPC_ERROR_NONE) break;
		atomic_fetch_add(&waits, 1);
	}
	return unused;
}

static int pair(int *far) {
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) exit(1);
	*far = ends[1];
	return ends[0];
}

int main(int count, char **arguments) {
	struct rlimit descriptors;
	pthread_t waiter;
	int far;
	if (count != 3 || getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return 2;
	descriptors.rlim_cur = descriptors.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &descriptors) != 0) return 1;
	for (int i = atoi(arguments[1]); i > 0; i--) TEST_IPC_Q(ipc_add_fd(&ctx, pair(&far)), 1);
	/* One that is told: from then on the waiter's set is there. */
	int first = pair(&far);
	if (write(far, "x", 1) != 1) return 1;
	TEST_IPC_Q(ipc_add_fd(&ctx, first), 1);
	if (pthread_create(&waiter, NULL, wait_for_ever, NULL) != 0) return 1;
	while (atomic_load(&waits) == 0) {}
	TEST_IPC_Q(ipc_close_fd(&ctx, first), 1);
	atomic_store(&sets, 0);
	for (int i = atoi(arguments[2]); i > 0; i--) {
		int fd = pair(&far);
		TEST_IPC_Q(ipc_add_fd(&ctx, fd), 1);
		if (write(far, "x", 1) != 1) return 1;
		TEST_IPC_Q(ipc_close_fd(&ctx, fd), 1);
		close(far);
		close(fd);
	}
	printf("%d\n", atomic_load(&sets));
	fflush(stdout);
	_exit(0); /* the other thread waits on */
}
