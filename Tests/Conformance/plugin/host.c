/*
 * host.c - a program that loads a plugin, has its threads use it, and unloads it while they still run.
 *
 *   host PLUGIN.so
 *
 * Exits 0 when nothing of the plugin was needed afterwards: not when the process forks, nor when the threads end, nor at its
 * own end; and when loading it again and again takes no more memory.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 3, LOADS = 50 };

#define CHECK(condition)                                                                                                  \
	do {                                                                                                              \
		if (!(condition)) fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition), exit(1); \
	} while (0)

static int (*use)(void);
static pthread_barrier_t used, unloaded;

static void *load(const char *path) {
	void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (plugin == NULL) fprintf(stderr, "%s\n", dlerror()), exit(1);
	*(void **)&use = dlsym(plugin, "use_the_library");
	CHECK(use != NULL);
	return plugin;
}

static void unload(void *plugin, const char *path) {
	CHECK(dlclose(plugin) == 0);
	CHECK(dlopen(path, RTLD_NOW | RTLD_NOLOAD) == NULL);
}

static void *use_and_outlive(void *unused) {
	CHECK(use() == 0);
	pthread_barrier_wait(&used);
	pthread_barrier_wait(&unloaded);
	return unused;
}

static void fork_once(void) {
	int status;
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) _exit(0);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int count, char **arguments) {
	pthread_t threads[THREADS];
	CHECK(count == 2);
	alarm(60);
	pthread_barrier_init(&used, NULL, THREADS + 1);
	pthread_barrier_init(&unloaded, NULL, THREADS + 1);
	void *plugin = load(arguments[1]);
	for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, use_and_outlive, NULL) == 0);
	pthread_barrier_wait(&used);
	fork_once();
	unload(plugin, arguments[1]);
	fork_once();
	pthread_barrier_wait(&unloaded);
	for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
	fork_once();

	size_t before = 0;
	for (int i = 0; i < LOADS; i++) {
		plugin = load(arguments[1]);
		CHECK(use() == 0);
		unload(plugin, arguments[1]);
		if (i == LOADS / 2) before = mallinfo2().uordblks;
	}
	CHECK(mallinfo2().uordblks <= before);

	/* This one is still there when the process ends. */
	load(arguments[1]);
	CHECK(use() == 0);
	return 0;
}
