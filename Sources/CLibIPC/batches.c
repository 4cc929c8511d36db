/*
 * batches.c - see batches.h.
 */
#include "CLibIPC.h"

struct libipc_last_batch libipc_last_batch;
