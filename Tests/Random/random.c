/*
 * random.c - random sequences of all calls, with a model of what must come of them.
 *
 *   random --seed N [--steps K] [--print]   makes K steps from the seed and takes them; --print only prints them
 *   random --replay FILE                    takes the steps of a file, one a line: NAME A B C
 *
 * --verbose writes on stderr what is called, and with which result. RANDOM_WITHOUT names steps that are not taken, RANDOM_PATIENCE is
 * the limit for one step in seconds. The exit status is 0, or that of the sanitizer, or 1 with the reason on stderr.
 */
#include "calls.h"

enum { MOST_STEPS = 100000 };

int verbose, step_number;
char run_directory[64];

static struct step { int operation, operands[3]; } steps[MOST_STEPS];
static int step_count;
static uint64_t state;

static void remove_run_directory(void);

void fail(const char *format, ...) {
	va_list arguments;
	fprintf(stderr, "FAILED in step %d: ", step_number);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	remove_run_directory();
	_exit(1);
}

static void remove_run_directory(void) {
	char path[200];
	for (int i = 0; i < NAMES; i++) {
		path_of(i, path);
		unlink(path);
	}
	rmdir(run_directory);
}

void abandon(const char *why) {
	say("abandoned: %s", why);
	remove_run_directory();
	_exit(0);
}

void say(const char *format, ...) {
	va_list arguments;
	if (!verbose) return;
	va_start(arguments, format);
	fprintf(stderr, "%4d  ", step_number);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
}

int expect(struct ipc_error e, const char *call, const int *codes) {
	for (const int *code = codes; *code >= 0; code++) {
		if ((int)e.error_code == *code) return *code;
	}
	fail("%s gave %d: %.200s", call, (int)e.error_code, e.error_message);
}

static uint64_t random64(void) { /* splitmix64 */
	uint64_t z = state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static int is_left_out(const char *name) {
	char list[1000], wanted[64];
	snprintf(list, sizeof list, " %s ", getenv("RANDOM_WITHOUT") != NULL ? getenv("RANDOM_WITHOUT") : "");
	snprintf(wanted, sizeof wanted, " %s ", name);
	return strstr(list, wanted) != NULL;
}

/* Each seed has its own weights: some steps not at all, some often. So sequences differ in kind. */
static void make_steps(uint64_t seed, int count) {
	static const int factors[] = {0, 1, 2, 2, 2, 4, 10};
	int weights[100], total = 0;
	state = seed * 1000003;
	for (int i = 0; i < operation_count; i++) {
		weights[i] = operations[i].weight * factors[random64() % 7];
		if (is_left_out(operations[i].name)) weights[i] = 0;
		total += weights[i];
	}
	for (step_count = 0; step_count < count && total > 0; step_count++) {
		struct step *s = &steps[step_count];
		int dice = (int)(random64() % (unsigned)total);
		for (s->operation = 0; dice >= weights[s->operation]; s->operation++) dice -= weights[s->operation];
		for (int i = 0; i < 3; i++) s->operands[i] = (int)(random64() % 1000);
	}
}

static void read_steps(const char *path) {
	char line[200], name[64];
	FILE *file = fopen(path, "r");
	if (file == NULL) fail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof line, file) != NULL) {
		struct step s = {-1, {0}};
		if (line[0] == '#' || sscanf(line, "%63s %d %d %d", name, &s.operands[0], &s.operands[1], &s.operands[2]) != 4) continue;
		for (int i = 0; i < operation_count; i++) {
			if (strcmp(operations[i].name, name) == 0) s.operation = i;
		}
		if (s.operation < 0) fail("no step is called %s", name);
		if (step_count < MOST_STEPS) steps[step_count++] = s;
	}
	fclose(file);
}

static void hang(int signal) {
	static const char text[] = "FAILED: a call does not return\n";
	(void)signal;
	(void)!write(2, text, sizeof text - 1);
	_exit(1);
}

static void take_steps(void) {
	unsigned patience = getenv("RANDOM_PATIENCE") != NULL ? (unsigned)atoi(getenv("RANDOM_PATIENCE")) : 20;
	for (step_number = 1; step_number <= step_count; step_number++) {
		struct step *s = &steps[step_number - 1];
		alarm(patience);
		operations[s->operation].run(s->operands[0], s->operands[1], s->operands[2]);
		check_numbers();
		check_world();
	}
	alarm(3 * patience);
	finish();
	alarm(0);
}

static void begin(void) {
	snprintf(run_directory, sizeof run_directory, "%.40s/ipc-random-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(run_directory) == NULL) fail("no run directory: %s", strerror(errno));
	setenv("IPC_RUNDIR", run_directory, 1);
	unsetenv("IPC_NETWORK");
	signal(SIGALRM, hang);
	/* The listings of ipc_ctx_print and the like. */
	if (freopen("/dev/null", "w", stdout) == NULL) fail("/dev/null: %s", strerror(errno));
	struct ipc_message m;
	new_message(0, &m);
	note_open_files();
	finish(); /* counts the open files */
}

int main(int count, char **arguments) {
	int print = 0, wanted = 300;
	uint64_t seed = 1;
	const char *file = NULL;
	for (int i = 1; i < count; i++) {
		const char *value = i + 1 < count ? arguments[i + 1] : "";
		if (strcmp(arguments[i], "--print") == 0) print = 1;
		if (strcmp(arguments[i], "--verbose") == 0) verbose = 1;
		if (strcmp(arguments[i], "--seed") == 0) seed = strtoull(value, NULL, 0);
		if (strcmp(arguments[i], "--steps") == 0) wanted = atoi(value);
		if (strcmp(arguments[i], "--replay") == 0) file = value;
	}
	if (file != NULL) read_steps(file);
	else make_steps(seed, wanted < MOST_STEPS ? wanted : MOST_STEPS);
	for (int i = 0; print && i < step_count; i++) {
		printf(
		    "%s %d %d %d\n", operations[steps[i].operation].name, steps[i].operands[0], steps[i].operands[1], steps[i].operands[2]);
	}
	if (print) return 0;
	begin();
	take_steps();
	remove_run_directory();
	return 0;
}
