/*
 * models.cpp - models of what threads do without a lock, for Relacy. It tries each order of their steps, and each value that C11's memory
 * model lets a load give, also those that no x86-64 shows. Sources/memory-order.md has the reasons for each order.
 *
 * Each model has numbered steps that can be weakened. Without that it is the library as it is, and must pass. With each weakened step it
 * must fail, or the model would prove nothing. Variables have the names of the sources.
 */
#include <cstdio>
#include <iostream>
#include <relacy/relacy.hpp>

namespace {

constexpr rl::memory_order relaxed = rl::mo_relaxed, acquire = rl::mo_acquire, release = rl::mo_release, ordered = rl::mo_seq_cst;
/* The step that is weakened; 0: none. */
int weak;
/* The order of this step: the strong one, unless it is weakened. */
rl::memory_order order(int step, rl::memory_order strong, rl::memory_order weaker = relaxed) { return weak == step ? weaker : strong; }

/* ipc_wake, and a wait that begins (wakes.c): the waiting thread sees the wake, or ipc_wake sees the number that ends the sleep. With the
 * number it sees that its mark is there (libipc_has_number). */
struct wake : rl::test_suite<wake, 2> {
	rl::atomic<int> waker, woken_life, use;
	bool is_seen, is_written;

	void before() {
		waker($) = 0, woken_life($) = 0, use($) = 0;
		is_seen = is_written = false;
	}
	void thread(unsigned index) {
		if (index == 0) {
			use($).exchange(2, relaxed);
			waker($).store(1, order(1, ordered, release));
			is_seen = woken_life($).load(order(2, ordered, acquire)) != 0;
		} else {
			woken_life($).store(1, order(3, ordered, release));
			if (waker($).load(order(4, ordered)) == 0) return;
			RL_ASSERT(use($).load(relaxed) == 2);
			is_written = true;
		}
	}
	void after() { RL_ASSERT(is_seen || is_written); }
};

/* A look-up that takes a reference before it has the lock, while another thread frees the context and a third one gets the monitor for its
 * own (ContextLock.swift, threads.h): if the structure still leads there afterwards, the reference was taken in time. */
struct look_up : rl::test_suite<look_up, 3> {
	rl::atomic<int> cinfos, references;
	rl::var<int> header, monitor; /* 1: made for the first context; 2: for the second one */
	rl::mutex lists;
	rl::var<bool> is_free;

	void before() {
		cinfos($) = 0, references($) = 0;
		is_free($) = false;
		header($) = 0, monitor($) = 0;
	}
	void recycle() {
		references($).store(0, release);
		lists.lock($);
		is_free($) = true;
		lists.unlock($);
	}
	void thread(unsigned index) {
		if (index == 0) { /* makes and frees the first context */
			header($) = 1, monitor($) = 1;
			references($).store(1, release);
			cinfos($).store(1, order(1, release));
			cinfos($).store(0, release);
			if (references($).fetch_sub(1, order(2, ordered)) == 1) recycle();
		} else if (index == 1) { /* looks it up */
			if (cinfos($).load(order(3, acquire)) == 0) return;
			RL_ASSERT(header($) == 1);
			int known = references($).load(relaxed);
			do
				if (known == 0) return;
			while (!references($).compare_exchange_weak(known, known + 1, order(4, ordered), relaxed));
			if (cinfos($).load(acquire) == 1) RL_ASSERT(monitor($) == 1);
			if (references($).fetch_sub(1, ordered) == 1) recycle();
		} else { /* makes the second one */
			lists.lock($);
			bool is_there = is_free($);
			is_free($) = false;
			if (is_there) {
				monitor($) = 2;
				references($).store(1, order(5, release));
			}
			lists.unlock($);
		}
	}
};

/* An entry of the table of descriptors goes from owner 1 with stream 1 to owner 2 with stream 2 (descriptor_table.h). A reader without the
 * lock gets the stream only with its owner. */
struct table_entry : rl::test_suite<table_entry, 3> {
	rl::atomic<int> owner, stream;

	void before() { owner($) = 1, stream($) = 1; }
	int stream_of(int wanted) {
		if (owner($).load(order(1, acquire)) != wanted) return 0;
		int found = stream($).load(order(2, acquire));
		return owner($).load(acquire) == wanted ? found : 0;
	}
	void thread(unsigned index) {
		if (index == 0) {
			if (weak != 3) owner($).store(0, release);
			stream($).store(2, order(4, release));
			owner($).store(2, order(5, release));
		} else {
			int found = stream_of((int)index);
			RL_ASSERT(found == 0 || found == (int)index);
		}
	}
};

/* A word that counts changes, and what was changed before it (process.c, monitors.c): whoever has taken notice of the count sees the
 * change, and need not look again. The mark of a number (libipc_take_number); what a child resets (begin_child). */
struct changes : rl::test_suite<changes, 2> {
	rl::atomic<int> count, use;
	rl::var<int> reset;

	void before() {
		count($) = 0, use($) = 2;
		reset($) = 0;
	}
	void thread(unsigned index) {
		if (index == 0) {
			reset($) = 1;
			use($).exchange(4, relaxed);
			count($).fetch_add(1, order(1, release));
		} else {
			if (count($).load(relaxed) == 0) return;
			if (count($).load(order(2, acquire)) != 1) return;
			RL_ASSERT(use($).load(relaxed) == 4);
			RL_ASSERT(reset($) == 1);
		}
	}
};

/* What signal handlers leave to do (handlers.c, Interrupting.swift). Two threads leave work, each for its own context, and end their calls.
 * Each call that ends and sees the flag clears it, and does what is there. A third call ends beside them. */
struct pending : rl::test_suite<pending, 3> {
	rl::atomic<int> work[2], is_anything_pending;

	void before() {
		for (auto &one : work) one($) = 0;
		is_anything_pending($) = 0;
	}
	void end_call() {
		if (is_anything_pending($).load(relaxed) == 0) return;
		if (weak == 1) is_anything_pending($).store(0, relaxed);
		else is_anything_pending($).exchange(0, order(2, acquire));
		for (int i = 0; i < 2; i++) {
			if (work[i]($).load(relaxed) != 0) work[i]($).exchange(0, relaxed);
		}
	}
	void thread(unsigned index) {
		if (index < 2) {
			work[index]($).fetch_or(1, relaxed);
			if (weak == 3) is_anything_pending($).store(1, release);
			else is_anything_pending($).exchange(1, order(4, release));
		}
		end_call();
	}
	void after() {
		for (auto &one : work) RL_ASSERT(one($).load(relaxed) == 0);
	}
};

bool failed;

template <typename model> bool passes(std::ostream &report) {
	rl::test_params parameters;
	/* All orders in which the system interrupts threads so often. */
	parameters.search_type = rl::fair_context_bound_scheduler_type;
	parameters.context_bound = 3;
	std::ostream nowhere(nullptr);
	parameters.output_stream = &report;
	parameters.progress_stream = &nowhere;
	return rl::simulate<model>(parameters);
}

/* Prints whether the model passes as it is, and fails with each weakened step; if not, what Relacy says. */
template <typename model> void check(const char *name, int steps) {
	for (weak = 0; weak <= steps; weak++) {
		std::ostream nowhere(nullptr);
		bool is_right = passes<model>(nowhere) == (weak == 0);
		printf("%s memory_order.%s", is_right ? "ok" : "not ok", name);
		if (weak != 0) printf("_fails_when_step_%d_is_weaker", weak);
		printf("\n");
		fflush(stdout);
		failed |= !is_right;
		if (!is_right) passes<model>(std::cerr);
	}
}

} // namespace

int main() {
	check<wake>("ipc_wake_ends_a_wait", 4);
	check<look_up>("a_look_up_takes_its_reference_in_time", 5);
	check<table_entry>("an_entry_gives_a_stream_to_its_owner", 5);
	check<changes>("who_sees_the_count_sees_the_change", 2);
	check<pending>("what_handlers_leave_is_done", 4);
	return failed;
}
