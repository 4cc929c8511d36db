/*
 * message.h - showing a message (libipc).
 */
#ifndef __IPC_MSG_H__
#define __IPC_MSG_H__

#include "ipc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ipc_message_print - print a message
 *
 * Prints the fields of `m` and a hexadecimal dump of its payload on stdout, for people to read.
 *
 * m  the message; NULL prints nothing
 *
 * Threads: Not while another call changes the message.
 * Signals: It calls printf(3): a handler must not call it.
 * Since: 1.0
 * See: ipc_ctx_print, print_hexa
 * Example, which prints "message: descriptor 3, type 2, user type 42, bytes 5\n   (5) 68 65 6c 6c 6f":
 *     int main(void) {
 *         char text[] = "hello";
 *         struct ipc_message m = {MSG_TYPE_DATA, 42, 3, 5, text};
 *
 *         ipc_message_print(&m);
 *         return 0;
 *     }
 */
void ipc_message_print(const struct ipc_message *m);

#ifdef __cplusplus
}
#endif

#endif
