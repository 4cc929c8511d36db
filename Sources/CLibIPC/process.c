/*
 * process.c - what the library does when the process is copied (fork(2) and its kin), when a thread ends, and when it is unloaded.
 *
 * fork(2). Handlers of pthread_atfork(3) take all locks before the process is copied, so that no call is in the middle of a change,
 * and release them afterwards. What guards a lock that another thread held is half changed: in the child its context is
 * `is_inconsistent`. No fork waits for a lock without a limit, because a signal handler may keep the holder in the middle of its call
 * (handlers.c), and may fork itself:
 *  - A thread that is in no call retries a lock for 10 ms. Then it releases all that it has taken, so that other threads go on, and
 *    begins again, a hundred times (2 seconds in all).
 *  - A handler that has interrupted a call skips the locks that its thread has, and cannot release those. All forks in the middle of
 *    one call pause for at most 50 ms in all. So the call goes on also when signals come faster than that. The interrupted call may
 *    go on in both processes.
 * Signals are blocked while a thread takes or releases the locks: a handler would find a lock without a holder, and wait for itself.
 *
 * _Fork(3), clone(2). Those run no handlers. The library recognises a child by memory that the kernel wipes in a child only
 * (MADV_WIPEONFORK, Linux 4.14): `libipc_changes` points there, and its word is never 0 otherwise. A process id would not do: it
 * costs a system call, and in another PID namespace it may be the same. The child begins with fresh locks at its first call; a
 * context that another thread was changing at that moment is inconsistent. vfork(2), posix_spawn(3) and clone(CLONE_VM) share their memory
 * with the parent, which is not wiped: there is no copy. Where the kernel does not have MADV_WIPEONFORK, only children of fork(2)
 * are recognised.
 *
 * An inconsistent context can be closed (ipc_close_all) and freed in the child, which leaves its memory; all other calls fail.
 *
 * Unloading. The shared library stays loaded (-z nodelete). The static one may be part of a plugin: then dlclose(3) runs
 * `end_library`, and no pointer to unloaded code may remain: the thread key and its destructor are deleted here, and the C
 * library drops the handlers of pthread_atfork(3) itself, which it knows by object. At the end of the process nothing is freed:
 * other threads may be in a call.
 */
#include "thread.h"

#include <sys/mman.h>

/* ---- threads that end ---- */

static pthread_key_t thread_key;
static int has_thread_key;

static void end_thread(void *thread) { libipc_thread_ended((uintptr_t)thread); }
void libipc_watch_thread(void) {
	if (has_thread_key) pthread_setspecific(thread_key, (void *)libipc_this_thread());
}

/* ---- the word that is 0 in a new child ---- */

#define ONE_FORK ((uint64_t)1 << LIBIPC_FORK_SHIFT)
static libipc_word unwiped = ONE_FORK;
libipc_word *libipc_changes = &unwiped;
static uint64_t forks = ONE_FORK; /* value of the word when this process began */
static long page_size;

static void make_page(void) {
#ifdef MADV_WIPEONFORK
	page_size = sysconf(_SC_PAGESIZE);
	if (page_size <= 0) return;
	void *page = mmap(NULL, (size_t)page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED) return;
	if (madvise(page, (size_t)page_size, MADV_WIPEONFORK) != 0) {
		munmap(page, (size_t)page_size);
		return;
	}
	*(libipc_word *)page = unwiped;
	libipc_changes = page;
#endif
}

/* ---- before and after fork(2) ---- */

enum { TRIES_OF_ROUND = 10, ROUNDS = 100 };

/* Without a handler in between. */
static void run_undisturbed(void (*act)(void)) {
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	act();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void lock_for_fork(struct libipc_monitor *monitor) {
	if (libipc_lock_holder(monitor) == libipc_this_thread()) {
		/* A handler in the middle of a fork forks. */
		if (monitor->is_for_fork) monitor->is_for_fork++;
		return;
	}
	if (!libipc_try_mutex(monitor, &libipc_thread.tries)) {
		libipc_thread.has_missed = 1;
		return;
	}
	/* A child of another thread sees no holder without this. */
	monitor->is_for_fork = 1;
	libipc_set_holder(monitor, libipc_this_thread());
}
static void unlock_after_fork(struct libipc_monitor *monitor) {
	if (libipc_lock_holder(monitor) != libipc_this_thread() || !monitor->is_for_fork) return;
	if (monitor->is_for_fork > 1) {
		monitor->is_for_fork--;
		return;
	}
	libipc_set_holder(monitor, 0);
	monitor->is_for_fork = 0;
	pthread_mutex_unlock(&monitor->mutex);
}

static void lock_all(void) {
	libipc_thread.has_missed = 0;
	if (libipc_thread.count == 0) libipc_thread.tries = TRIES_OF_ROUND;
	libipc_for_all_monitors(lock_for_fork);
}
static void unlock_all(void) { libipc_for_all_monitors(unlock_after_fork); }

static uint64_t forks_before; /* `forks` when the last fork began */

static void before_fork(void) {
	const struct timespec pause = {0, 10000000};
	forks_before = forks;
	if (libipc_is_alone()) return;
	int before = libipc_forbid_cancelling();
	run_undisturbed(lock_all);
	for (int rounds = ROUNDS; libipc_thread.has_missed && libipc_thread.count == 0 && rounds > 0; rounds--) {
		run_undisturbed(unlock_all);
		nanosleep(&pause, NULL);
		run_undisturbed(lock_all);
	}
	libipc_allow_cancelling(before);
}
static void after_fork_in_parent(void) { run_undisturbed(unlock_all); }

static void begin_child(void) {
	libipc_for_all_monitors(libipc_reset_in_child);
	libipc_drop_inconsistent_stripes();
	forks += ONE_FORK;
	__atomic_store_n(libipc_changes, forks, __ATOMIC_RELEASE);
}

static void after_fork_in_child(void) {
	/* A fork handler of another library may have called this library already: then `forks` counts this fork. An emulator of Linux
	 * may accept MADV_WIPEONFORK without doing it (QEMU does). */
	if (libipc_changes == &unwiped || forks == forks_before || __atomic_load_n(libipc_changes, __ATOMIC_RELAXED) == 0)
		run_undisturbed(begin_child);
}

static void begin_child_once(void) {
	/* In the same page as the word, and wiped with it. */
	libipc_word *is_noticed = libipc_changes + 1;
	if (__atomic_exchange_n(is_noticed, 1, __ATOMIC_ACQUIRE) != 0) return;
	begin_child();
	__atomic_store_n(is_noticed, 0, __ATOMIC_RELEASE);
}
uint64_t libipc_notice_child(void) {
	uint64_t noted;
	run_undisturbed(begin_child_once);
	/* Another thread of the child may be doing this. */
	while ((noted = __atomic_load_n(libipc_changes, __ATOMIC_ACQUIRE)) == 0) sched_yield();
	return noted;
}

/* ---- beginning and end of the library ---- */

static int is_process_ending;
/* exit(3) calls this before any destructor; dlclose(3) after those of this object. */
static void note_end_of_process(void) { is_process_ending = 1; }

__attribute__((constructor)) static void begin_library(void) {
	libipc_for_all_monitors(libipc_prepare_monitor);
	make_page();
	has_thread_key = pthread_key_create(&thread_key, end_thread) == 0;
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
	atexit(note_end_of_process);
}

__attribute__((destructor)) static void end_library(void) {
	if (is_process_ending) return;
	if (has_thread_key) pthread_key_delete(thread_key);
	has_thread_key = 0;
	libipc_free_unused_memory();
	if (libipc_changes == &unwiped) return;
	void *page = libipc_changes;
	unwiped = *libipc_changes;
	libipc_changes = &unwiped;
	munmap(page, (size_t)page_size);
}
