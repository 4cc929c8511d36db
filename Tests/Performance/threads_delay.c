/*
 * threads_delay.c - how long a message takes from ipc_write in one thread to a reader in another process, while another
 * thread waits for events of the context. With BY_HAND the same by send(2), on the same socket in the same program:
 * what differs is the one call.
 *
 * All stand still when a message goes: the waiting thread in ipc_wait_event, the reader in recv(2). The reader asks for
 * the next message by a message to the waiting thread, which tells the writing one.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/syscall.h>

#include "ours.h"
#include "workloads.h"

#define MOST_SAMPLES (1 << 20)

/* What the reader asks with. */
struct request {
	uint64_t number, process;
};

/* What it gets. */
struct answer {
	uint64_t number, sent_at;
};

/* ---- the service: one thread waits, one writes ---- */

static struct ipc_ctx ctx;
static sem_t waiter_started, asked;
static pid_t waiter;
/* Of the request; the semaphore is between the threads. */
static struct request request;
static int origin;

static void *wait_for_requests(void *unused) {
	struct ipc_event event = {0};
	(void)unused;
	waiter = (pid_t)syscall(SYS_gettid);
	sem_post(&waiter_started);
	for (;;) {
		ours_wait(&ctx, &event);
		if (event.type != IPC_EVENT_TYPE_MESSAGE) continue;
		struct ipc_message *message = event.m;
		if (message->length != sizeof request) DIE("a message of %u bytes", (unsigned)message->length);
		memcpy(&request, message->payload, sizeof request);
		origin = message->fd;
		sem_post(&asked);
	}
	return NULL;
}

static int open_state(unsigned long process) {
	char path[64];
	snprintf(path, sizeof path, "/proc/%lu/stat", process);
	int state = open(path, O_RDONLY | O_CLOEXEC);
	MUST(state >= 0);
	return state;
}

/* proc(5): number (name) state ... */
static int sleeps(int state) {
	char line[512];
	ssize_t n = pread(state, line, sizeof line - 1, 0);
	if (n <= 0) DIE("who waits is gone");
	line[n] = '\0';
	const char *end = strrchr(line, ')');
	return end != NULL && end[1] == ' ' && end[2] == 'S';
}

static void wait_until_asleep(int state) {
	while (!sleeps(state)) sched_yield();
}

static void answer_request(void) {
	struct answer answer = {.number = request.number};
#ifdef BY_HAND
	answer.sent_at = now();
	memcpy(frame + HEADER_SIZE, &answer, sizeof answer);
	send_all(origin, frame, frame_size);
#else
	struct ipc_message message = {MESSAGE_TYPE, USER_TYPE, origin, sizeof answer, (char *)&answer};
	answer.sent_at = now();
	MUST_IPC(ipc_write(&ctx, &message));
#endif
}

static void serve(void) {
	pthread_t thread;
	int waiter_state, reader_state = -1;
	prepare_message(sizeof(struct answer));
	MUST_IPC(ipc_server_init(&ctx, bench_name));
	MUST(sem_init(&waiter_started, 0, 0) == 0 && sem_init(&asked, 0, 0) == 0);
	MUST(pthread_create(&thread, NULL, wait_for_requests, NULL) == 0);
	while (sem_wait(&waiter_started) != 0) MUST(errno == EINTR);
	waiter_state = open_state((unsigned long)waiter);
	ready();
	for (;;) {
		while (sem_wait(&asked) != 0) MUST(errno == EINTR);
		if (reader_state < 0) reader_state = open_state((unsigned long)request.process);
		wait_until_asleep(reader_state);
		wait_until_asleep(waiter_state);
		answer_request();
	}
}

/* ---- the reader ---- */

static uint64_t samples[MOST_SAMPLES];

/* Asks for one message, and waits for it. Returns how long it was on the way, in nanoseconds. */
static uint64_t measure_delay(int fd) {
	static struct request asking;
	struct answer answer;
	char received[HEADER_SIZE + sizeof answer];
	asking.process = (uint64_t)getpid();
	asking.number++;
	memcpy(frame + HEADER_SIZE, &asking, sizeof asking);
	send_all(fd, frame, frame_size);
	receive_all(fd, received, frame_size);
	uint64_t here = now();
	memcpy(&answer, received + HEADER_SIZE, sizeof answer);
	if (memcmp(received, frame, HEADER_SIZE) != 0 || answer.number != asking.number)
		DIE("this is not message %llu", (unsigned long long)asking.number);
	return here - answer.sent_at;
}

void run_workload(const char *workload, long milliseconds, long server, long idle) {
	uint64_t duration = (uint64_t)milliseconds * MILLISECOND;
	size_t count = 0;
	(void)server, (void)idle;
	if (strcmp(workload, "delay") != 0) DIE("%s: no such workload", workload);
	if (payload_size != sizeof(struct answer)) DIE("a message has %zu bytes", sizeof(struct answer));
	int fd = connect_to();
	for (uint64_t until = now() + duration / 10; now() < until;) measure_delay(fd);
	for (uint64_t until = now() + duration; now() < until && count < MOST_SAMPLES;) samples[count++] = measure_delay(fd);
	qsort(samples, count, sizeof samples[0], compare_times);
	printf("p50_ns %llu p99_ns %llu count %zu\n", (unsigned long long)samples[count / 2], (unsigned long long)samples[count * 99 / 100],
	    count);
	close(fd);
}

const struct peer peer = {.name = PEER_NAME, .serve = serve};
