/*
 * threads_waiters.c - an echo service in which WAITERS threads wait for events of one context, and 64 clients that each
 * have one message on the way. What do more waiters bring, when a handler takes its time?
 *
 * How long the handler takes is in the message, so that one program serves for all times.
 */
#include <pthread.h>
#include <sys/epoll.h>

#include "ours.h"
#include "workloads.h"

#define CLIENTS 64
#define CALIBRATIONS 200
#define CALIBRATION_STEPS 20000

static struct ipc_ctx ctx;
static double steps_in_microsecond;

/* What a payload says. */
struct request {
	uint64_t number; /* of the message within its connection */
	uint64_t work; /* for the handler, in microseconds */
};

/* ---- the service ---- */

/* Each step needs the one before, so nothing shortens them. A handler that looked at the clock until its time is up
 * would also count the time in which another thread has its core: with more threads than cores it would do less. */
static void work(uint64_t steps) {
	uint64_t value = steps;
	for (; steps > 0; steps--) {
		value = value * 6364136223846793005u + 1;
		__asm__ volatile("" : "+r"(value));
	}
}

/* The least time is the one in which nobody disturbed. */
static void calibrate(void) {
	uint64_t least = UINT64_MAX;
	for (int i = 0; i < CALIBRATIONS; i++) {
		uint64_t begin = now();
		work(CALIBRATION_STEPS);
		uint64_t taken = now() - begin;
		if (taken < least) least = taken;
	}
	steps_in_microsecond = CALIBRATION_STEPS * (double)MICROSECOND / (double)least;
}

static void *wait_and_answer(void *unused) {
	struct ipc_event event = {0};
	struct request request;
	(void)unused;
	for (;;) {
		ours_wait(&ctx, &event);
		if (event.type != IPC_EVENT_TYPE_MESSAGE) continue;
		struct ipc_message *message = event.m;
		if (message->length != sizeof request) DIE("a message of %u bytes", (unsigned)message->length);
		memcpy(&request, message->payload, sizeof request);
		work((uint64_t)((double)request.work * steps_in_microsecond));
		MUST_IPC(ipc_write(&ctx, message));
	}
	return NULL;
}

static void serve(void) {
	pthread_t thread;
	calibrate();
	MUST_IPC(ipc_server_init(&ctx, bench_name));
	for (int i = 1; i < WAITERS; i++) MUST(pthread_create(&thread, NULL, wait_and_answer, NULL) == 0);
	ready();
	wait_and_answer(NULL);
}

/* ---- the clients, all in one thread ---- */

static struct {
	int fd;
	struct request request;
} clients[CLIENTS];
static int poller;
static uint64_t echoes;

static void fill_frame(const struct request *request) { memcpy(frame + HEADER_SIZE, request, sizeof *request); }

static void send_request(int client) {
	fill_frame(&clients[client].request);
	send_all(clients[client].fd, frame, frame_size);
}

static void open_clients(uint64_t work) {
	poller = epoll_create1(EPOLL_CLOEXEC);
	MUST(poller >= 0);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
		clients[i].fd = connect_to();
		clients[i].request.work = work;
		MUST(epoll_ctl(poller, EPOLL_CTL_ADD, clients[i].fd, &event) == 0);
	}
	for (int i = 0; i < CLIENTS; i++) send_request(i);
}

static void take_echo(int client) {
	char echo[HEADER_SIZE + sizeof(struct request)];
	receive_all(clients[client].fd, echo, frame_size);
	fill_frame(&clients[client].request);
	if (memcmp(echo, frame, frame_size) != 0)
		DIE("client %d: this is not echo %llu", client, (unsigned long long)clients[client].request.number);
	clients[client].request.number++;
	echoes++;
}

/* Takes the echoes that are there; who has had one asks again, if it is to go on. Returns how many there were. */
static int take_echoes(int go_on) {
	struct epoll_event events[CLIENTS];
	int count = epoll_wait(poller, events, CLIENTS, -1);
	if (count < 0 && errno == EINTR) return 0;
	MUST(count > 0);
	for (int i = 0; i < count; i++) {
		take_echo((int)events[i].data.u32);
		if (go_on) send_request((int)events[i].data.u32);
	}
	return count;
}

void run_workload(const char *workload, long milliseconds, long server, long idle) {
	unsigned long microseconds;
	uint64_t duration = (uint64_t)milliseconds * MILLISECOND;
	(void)server, (void)idle;
	if (sscanf(workload, "handlers-%lu", &microseconds) != 1) DIE("%s: no such workload", workload);
	if (payload_size != sizeof(struct request)) DIE("a message has %zu bytes", sizeof(struct request));

	open_clients(microseconds);
	for (uint64_t until = now() + duration / 10; now() < until;) take_echoes(1);
	echoes = 0;
	uint64_t begin = now();
	while (now() - begin < duration) take_echoes(1);
	printf("echoes_per_s %.1f\n", (double)echoes * 1e9 / (double)(now() - begin));
	/* The last ones are waited for: an echo that was lost would not be seen before. */
	for (int left = CLIENTS; left > 0;) left -= take_echoes(0);
}

const struct peer peer = {.name = PEER_NAME, .serve = serve};
