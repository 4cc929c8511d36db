/*
 * workloads.c - what is measured, the same for every peer, by the monotonic clock in the client.
 *
 * Each workload begins with a tenth of its time that is not counted: caches, allocators and the
 * scheduler settle.
 */
#include "workloads.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "bench.h"

#define IN_FLIGHT 64
#define BUSY_CLIENTS 16
#define MOST_SAMPLES (1 << 20)
#define OPENING_SECONDS 5 /* for the idle connections: some servers take the longer the more they have */
#define SPARE_DESCRIPTORS 64

static void round_trip(void *connection) {
	peer.one_by_one.submit(connection);
	if (peer.one_by_one.collect(connection) != 1) DIE("more than one echo");
}

static uint64_t samples[MOST_SAMPLES];

/* Fills `samples` with the nanoseconds of each round trip, sorted; returns how many there are. */
static size_t measure_round_trips(void *connection, uint64_t nanoseconds) {
	uint64_t begin = now(), before = begin;
	size_t count = 0;
	while (before - begin < nanoseconds / 10) {
		round_trip(connection);
		before = now();
	}
	begin = before;
	do {
		round_trip(connection);
		uint64_t after = now();
		samples[count++] = after - before;
		before = after;
	} while (before - begin < nanoseconds && count < MOST_SAMPLES);
	qsort(samples, count, sizeof samples[0], compare_times);
	return count;
}

static void run_round_trips(long milliseconds) {
	void *connection = peer.one_by_one.open();
	size_t count = measure_round_trips(connection, (uint64_t)milliseconds * MILLISECOND);
	printf("p50_ns %llu p99_ns %llu count %zu\n", (unsigned long long)samples[count / 2], (unsigned long long)samples[count * 99 / 100],
	    count);
	peer.one_by_one.close(connection);
}

/* A fixed number of round trips, for counting what the server does in them. */
static void run_count(long count) {
	void *connection = peer.one_by_one.open();
	for (long i = 0; i < count; i++) round_trip(connection);
	printf("count %ld\n", count);
	peer.one_by_one.close(connection);
}

/* Sends a message for each echo, until the time has come; adds up the echoes. */
static void keep_in_flight(void *connection, uint64_t until, _Atomic uint64_t *echoes) {
	while (now() < until) {
		size_t n = peer.in_flight.collect(connection);
		atomic_fetch_add_explicit(echoes, n, memory_order_relaxed);
		while (n-- > 0) peer.in_flight.submit(connection);
	}
}

static void run_in_flight(long milliseconds) {
	void *connection = peer.in_flight.open();
	uint64_t begin = now(), duration = (uint64_t)milliseconds * MILLISECOND;
	_Atomic uint64_t echoes = 0;
	for (int i = 0; i < IN_FLIGHT; i++) peer.in_flight.submit(connection);
	keep_in_flight(connection, begin + duration / 10, &echoes);
	begin = now();
	atomic_store(&echoes, 0);
	keep_in_flight(connection, begin + duration, &echoes);
	printf("echoes_per_s %.0f\n", (double)echoes * 1e9 / (double)(now() - begin));
	peer.in_flight.close(connection);
}

static uint64_t connect_until(uint64_t until) {
	uint64_t count = 0;
	for (; now() < until; count++) {
		void *connection = peer.one_by_one.open();
		round_trip(connection);
		peer.one_by_one.close(connection);
	}
	return count;
}

static void run_connect(long milliseconds) {
	uint64_t duration = (uint64_t)milliseconds * MILLISECOND;
	connect_until(now() + duration / 10);
	uint64_t begin = now(), count = connect_until(begin + duration);
	printf("connects_per_s %.0f\n", (double)count * 1e9 / (double)(now() - begin));
}

/* The bytes that no other process shares with this one. */
static long private_bytes(long process) {
	char path[64], line[256];
	long total = 0, kilobytes;
	snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", process);
	FILE *file = fopen(path, "r");
	if (file == NULL) DIE("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof line, file) != NULL) {
		if (sscanf(line, "Private_%*[A-Za-z]: %ld", &kilobytes) == 1) total += kilobytes * 1024;
	}
	fclose(file);
	return total;
}

/* The same round trips alone and among idle connections, and what the server's memory grew by. */
static void run_idle(long milliseconds, long server, long idle) {
	struct rlimit descriptors;
	MUST(getrlimit(RLIMIT_NOFILE, &descriptors) == 0);
	if ((rlim_t)idle + SPARE_DESCRIPTORS > descriptors.rlim_cur) idle = (long)descriptors.rlim_cur - SPARE_DESCRIPTORS;

	void *connection = peer.one_by_one.open();
	uint64_t duration = (uint64_t)milliseconds * MILLISECOND;
	size_t count = measure_round_trips(connection, duration);
	uint64_t alone = samples[count / 2];
	long before = private_bytes(server), opened = 0;
	for (uint64_t until = now() + OPENING_SECONDS * SECOND; opened < idle && now() < until; opened++) peer.open_idle();
	long after = private_bytes(server);
	count = measure_round_trips(connection, duration);
	printf("alone_ns %llu among_ns %llu idle %ld memory %.1f\n", (unsigned long long)alone, (unsigned long long)samples[count / 2],
	    opened, (double)(after - before) / (double)opened);
}

/* One client of many, in a process of its own: tells that it is connected, waits for the start (the other
 * end of the pipe is closed), and is busy. */
static void be_busy(int connected, int start, uint64_t duration, _Atomic uint64_t *echoes) {
	char byte = 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	void *connection = peer.in_flight.open();
	MUST(write(connected, &byte, 1) == 1);
	MUST(read(start, &byte, 1) == 0);
	for (int i = 0; i < IN_FLIGHT; i++) peer.in_flight.submit(connection);
	keep_in_flight(connection, now() + duration, echoes);
	_exit(0);
}

/* The last one to connect is the one that a server which looks at its first connections first would starve. */
static void run_fairness(long milliseconds) {
	int connected[2], start[2];
	pid_t clients[BUSY_CLIENTS + 1];
	_Atomic uint64_t *echoes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char byte;
	uint64_t busy = 0, least;

	MUST(echoes != MAP_FAILED && pipe(connected) == 0 && pipe(start) == 0);
	for (int i = 0; i <= BUSY_CLIENTS; i++) {
		clients[i] = fork();
		MUST(clients[i] >= 0);
		if (clients[i] == 0) {
			close(start[1]);
			close(connected[0]);
			be_busy(connected[1], start[0], (uint64_t)milliseconds * MILLISECOND, &echoes[i]);
		}
		if (i == BUSY_CLIENTS) close(connected[1]);
		MUST(read(connected[0], &byte, 1) == 1);
	}
	close(start[1]);
	/* One that got no echo waits for ever. */
	usleep((useconds_t)milliseconds * 1000 + 200000);
	for (int i = 0; i <= BUSY_CLIENTS; i++) kill(clients[i], SIGKILL);
	for (int i = 0; i <= BUSY_CLIENTS; i++) waitpid(clients[i], NULL, 0);

	least = echoes[BUSY_CLIENTS];
	for (int i = 0; i < BUSY_CLIENTS; i++) {
		busy += echoes[i];
		if (echoes[i] < least) least = echoes[i];
	}
	if (busy == 0) DIE("no client had an echo");
	double mean = (double)busy / BUSY_CLIENTS;
	printf("share %.3f least %.3f mean_per_s %.0f\n", (double)echoes[BUSY_CLIENTS] / mean, (double)least / mean,
	    mean * 1000 / (double)milliseconds);
}

void run_workload(const char *workload, long amount, long server, long idle) {
	if (strcmp(workload, "roundtrip") == 0) run_round_trips(amount);
	else if (strcmp(workload, "count") == 0) run_count(amount);
	else if (strcmp(workload, "inflight") == 0) run_in_flight(amount);
	else if (strcmp(workload, "connect") == 0) run_connect(amount);
	else if (strcmp(workload, "fairness") == 0) run_fairness(amount);
	else if (strcmp(workload, "idle") == 0 && server > 0 && idle > 0) run_idle(amount, server, idle);
	else DIE("%s: no such workload", workload);
}
