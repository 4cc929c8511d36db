/*
 * known.h - faults of the library that are known, and not mended yet: what they break is not demanded, unless RANDOM_STRICT is set.
 *
 * When a fault is mended its line goes, and with it every use of its name.
 */
#ifndef KNOWN_H
#define KNOWN_H

#include <stdlib.h>

enum known_fault {
	/* When one end of a pair leaves, what was read ahead from the other one is lost, and so is the rest of a frame that was sent in part. */
	SURVIVING_END_LOSES_BYTES,
	/* A step of the loop on an entry that ipc_close has closed is taken all the same. */
	STEP_ON_A_CLOSED_ENTRY,
	/* After ipc_ctx_queue_limit an empty context is none: ipc_del gives 40 for 38, ipc_del_fd 35 for 34. */
	LIMIT_MAKES_AN_ENTRY,
	/* What an event left is remembered beyond a wait with timer 0, so that a new timer of that value ends too early. */
	LOOK_KEEPS_THE_TIMER,
	/* The program closes the epoll set: when the new one gets the number of the old one it is closed again, and nothing is told any more;
	 * when a socket gets it, that one's entry is dead. */
	OWN_SET_IS_CLOSED,
	/* A socket file with the inode number of the former one is taken for that: another service's file is removed. */
	SOCKET_FILE_OF_ANOTHER,
	/* Two entries of one number, after its program closed the first one's file: no new epoll set can be made, waits give 113 for ever. */
	TWINS_ARE_NOT_WATCHED,
	/* Of three entries of one number the last one is removed: the first one, which ipc_close has closed, becomes live. */
	CLOSED_TWIN_LIVES_AGAIN,
};

static inline int is_known(enum known_fault fault) {
	(void)fault;
	return getenv("RANDOM_STRICT") == NULL;
}

#endif
