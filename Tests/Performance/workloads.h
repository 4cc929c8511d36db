/*
 * workloads.h - what bench.c asks of workloads.c.
 */
#ifndef WORKLOADS_H
#define WORKLOADS_H

/* Runs one workload and prints its figures. AMOUNT is milliseconds, for `count` round trips. `idle` also
 * takes the server's process, whose memory it reads, and how many idle connections to open. */
void run_workload(const char *workload, long amount, long server, long idle);

#endif
