/*
 * calls.h - the steps, which operations.c lists. Each takes three numbers, which it reduces to what is there; when nothing is, it
 * does nothing. So any part of a list of steps is a list of steps.
 */
#ifndef CALLS_H
#define CALLS_H

#include "world.h"

operation_function step_accept_add;
operation_function step_add;
operation_function step_add_fd;
operation_function step_add_fd_switched;
operation_function step_add_listener;
operation_function step_answer;
operation_function step_batch;
operation_function step_callbacks;
operation_function step_close;
operation_function step_close_all;
operation_function step_close_behind;
operation_function step_close_fd;
operation_function step_close_unknown;
operation_function step_connection;
operation_function step_connection_switched;
operation_function step_del;
operation_function step_del_fd;
operation_function step_dup2;
operation_function step_echo;
operation_function step_fork;
operation_function step_free;
operation_function step_handle_writing;
operation_function step_limit_in_time;
operation_function step_loop;
operation_function step_memory;
operation_function step_new_alloc;
operation_function step_pair;
operation_function step_peer_accept;
operation_function step_peer_break;
operation_function step_peer_close;
operation_function step_peer_connect;
operation_function step_peer_flush;
operation_function step_peer_pair;
operation_function step_peer_pass;
operation_function step_peer_read;
operation_function step_peer_send;
operation_function step_peer_shut;
operation_function step_provide;
operation_function step_queue_limit;
operation_function step_quiet;
operation_function step_read;
operation_function step_receive;
operation_function step_server_init;
operation_function step_small_buffer;
operation_function step_snapshot;
operation_function step_switch;
operation_function step_switching_read;
operation_function step_switching_write;
operation_function step_type;
operation_function step_unpair;
operation_function step_usock_accept;
operation_function step_usock_connect;
operation_function step_usock_init;
operation_function step_usock_remove;
operation_function step_usock_send;
operation_function step_wait;
operation_function step_write;
operation_function step_write_fd;
operation_function step_wrong;

void check_numbers(void); /* ends the sequence when the program has misled the library too far */
int is_occupied(int fd); /* the library had it, and the program has closed it */
void release_occupied(void);
void note_open_files(void); /* those are not the library's */

#endif
