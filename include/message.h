/*
 * message.h - showing a message (libipc). Since 1.0.
 */
#ifndef __IPC_MSG_H__
#define __IPC_MSG_H__

#include "ipc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Prints the fields of `m` and a hexadecimal dump of its payload on stdout. */
void ipc_message_print(const struct ipc_message *m);

#ifdef __cplusplus
}
#endif

#endif
