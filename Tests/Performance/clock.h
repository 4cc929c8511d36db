/*
 * clock.h - a clock that advances with each reading, in place of the C library's, for the program that includes this and for libipc.
 *
 * The programs that count instructions run under valgrind, where a call takes some fifty times as long. With the real clock the
 * library, which sends replies together as long as they are young, would take other ways; which ones would also depend on what
 * else the machine does. With this one a count is the same each time.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

/* From one reading to the next, in nanoseconds: about what a wait for a message that is there takes. */
#define CLOCK_STEP 250
#define COARSE_TICK 4000000 /* of CLOCK_MONOTONIC_COARSE */

int clock_gettime(clockid_t clock, struct timespec *time) {
	static int64_t nanoseconds = INT64_C(1000000000);
	nanoseconds += CLOCK_STEP;
	int64_t shown = nanoseconds;
#ifdef CLOCK_MONOTONIC_COARSE
	if (clock == CLOCK_MONOTONIC_COARSE) shown -= shown % COARSE_TICK;
#else
	(void)clock;
#endif
	time->tv_sec = (time_t)(shown / 1000000000);
	time->tv_nsec = (long)(shown % 1000000000);
	return 0;
}

#endif
