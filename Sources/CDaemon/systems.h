/*
 * systems.h - what the C of the daemons asks of each system, in one file for each: linux.c, bsd.c. (What Swift asks of them is in
 * CDaemon.h.)
 */
#ifndef CDAEMON_SYSTEMS_H
#define CDAEMON_SYSTEMS_H

#include "CDaemon.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: the daemons ignore SIGPIPE (cd_signals) */
#endif

/* A descriptor that is readable when one of the signals, which are blocked, has come. */
int cd_watch_signals(const sigset_t *signals);
/* A socket that does not block and is close-on-exec. */
int cd_make_socket(int family, int type);
/* Two sockets that keep the bounds of what is sent, block, and are close-on-exec. */
int cd_make_record_pair(int ends[2]);
/* Seconds without traffic after which keep-alive probes begin (SO_KEEPALIVE). */
void cd_set_idle_time(int fd, int seconds);
/* How many such probes, and the seconds between them, where the system lets a socket choose. */
void cd_set_probes(int fd, int seconds, int count);
/* How long sent data may stay without an acknowledgement, in milliseconds, where the system has such a limit. */
void cd_set_user_timeout(int fd, int milliseconds);
/* Closes all descriptors from this number on. */
void cd_close_from(int first);
struct cd_user {
	uid_t user;
	gid_t group;
	pid_t process; /* 0: the system does not tell */
};
/* Who is at the other end of a Unix socket; whether that is known. */
int cd_find_user(int fd, struct cd_user *user);

#endif
