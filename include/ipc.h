/*
 * ipc.h - messages between programs of one machine (libipc).
 *
 * A service has a name; clients connect to it by that name; both loop over events
 * (ipc_wait_event) and send messages: a type, a user type, and up to 1,999,994 bytes.
 * All functions exist since 1.0, unless their comment says otherwise.
 *
 * Errors. Functions return a struct ipc_error by value. error_code 0 is success; any other value
 * is one of enum ipc_error_code, and error_message says what failed, on what, and the system's
 * reason. The comments below give these codes as numbers. The library prints nothing, except in
 * the *_print functions and with LIBIPC_DEBUG=1 (see Environment).
 *
 * Memory. Zero struct ipc_ctx, struct ipc_event and struct ipc_message before first use. The
 * library allocates with malloc(3). The caller frees what is said to be its own with free(3).
 *
 * Limits.
 * - Payload: IPC_MAX_MESSAGE_SIZE bytes.
 * - Queue of one receiver: 64 MiB of memory, or the limit that ipc_ctx_queue_limit sets. A message
 *   takes its bytes and about 200 more. When the queue is full ipc_write fails with 110.
 * - Received descriptors: one for each connection is kept for ipc_receive_fd; others are closed.
 * - Connections: as many as the process may have descriptors. When none is free new clients wait in
 *   the backlog, and are accepted when one is free again.
 * - Switched pair: 256 KiB and one message may wait for a slow end. Beyond that the library does not
 *   read the other end until there is room.
 *
 * Direct calls (ipc_read, ipc_read_fd, ipc_write_fd, usock_recv, usock_send, ipc_receive_fd,
 * ipc_provide_fd) wait for one descriptor, as read(2) and write(2) do.
 * - With O_NONBLOCK on the descriptor they do not wait at all. The library never sets or clears that
 *   flag on a descriptor that a program or another process uses.
 * - Without a time limit they wait in the system call. A signal handler that was installed without
 *   SA_RESTART ends the call, one with SA_RESTART does not. (While such a call also has messages of
 *   a context to send, a handler ends it unless all handlers of the process have SA_RESTART.)
 * - SO_RCVTIMEO and SO_SNDTIMEO (socket(7)) limit the whole call. Handlers then do not end the call,
 *   and do not restart the limit.
 * A call that ends like this returns 60 or 65 (receiving), 43, 12 or 66 (sending), with the text
 * "Resource temporarily unavailable", or "Interrupted system call" after a handler. Nothing is lost.
 * What was received stays for the next call. 43: no byte of the message was sent. 12: a part was
 * sent; the library keeps the rest and sends it first in the next call or wait, so do not send the
 * message again. While one thread waits to send to a descriptor, other threads that send to it wait
 * for that thread. A handler that has interrupted such a wait cannot send to the same descriptor:
 * 43 or 66, "Resource deadlock avoided".
 *
 * Sockets and terminals. Messages need a stream of bytes. A socket of another type (SOCK_SEQPACKET,
 * SOCK_DGRAM) gives an ERROR event, or error 60 or 43, with the text "Protocol wrong type for
 * socket". The library writes to a terminal through a second open file of it, which does not block.
 * The master side of a pseudo terminal has no second one: it gets single bytes, and when it takes
 * none even ipc_wait_event may wait.
 *
 * Signals. A handler that has run ends ipc_wait_event with 106. Stopping and continuing (SIGSTOP,
 * Ctrl-Z and fg), a debugger that attaches or detaches, and ignored signals do not end a wait.
 * - While a call waits, a handler of its thread may call any function.
 * - In the middle of a call a handler may call ipc_close_all and ipc_ctx_free, and then exit, or
 *   return: the interrupted call does the rest when it ends. It may also call fork(2). All other
 *   calls on the context fail with 118 and do nothing; in a process with several threads, so do
 *   calls on any other context or descriptor.
 * - ipc_close_all neither allocates nor frees memory. A handler that has interrupted malloc(3) must
 *   call nothing that does, such as ipc_ctx_free and fork(2): use ipc_close_all, _Fork(3), _exit(2).
 * - A handler may leave a waiting call with siglongjmp(3). Elsewhere that may leave the context half
 *   changed.
 *
 * Threads. Any function may be called on any context and any descriptor from any thread at any time.
 * A call sees the changes of another call completely or not at all. Contexts do not block each other.
 * Not locked are: the public arrays of struct ipc_ctx, tables and lists that a program keeps of its
 * own (ipc_switching_*, ipc_messages_*), and one struct ipc_event or ipc_message in two calls at once.
 * Instead of the public arrays use ipc_ctx_status, ipc_ctx_entry and ipc_ctx_entries. Name entries by
 * descriptor: an index may mean another entry after any call of another thread. Do not free the
 * memory of a context while another thread may still begin a call on it.
 *
 * Several threads may wait for events of one context. Each event goes to one of them, which then has
 * a claim on the event's connection (on both ends of a switched pair): no other thread gets its next
 * event until this thread calls ipc_wait_event on the context again, calls ipc_ctx_release, or ends.
 * So what belongs to one connection needs no lock, and the number of a closed descriptor is not used
 * again before. A CONNECTION claims the client, not the server.
 *
 * fork(2). A child may use, close or leave its copy of a context; the parent is not affected. Only
 * the process that listened removes the socket file. What is left behind is replaced by the next
 * service of that name. A child that closes a connection does not send what its parent has queued.
 * The same holds for children of _Fork(3) and clone(2) (since Linux 4.14), with one exception: a
 * context that another thread was changing at that moment can only be closed (ipc_close_all) and
 * freed in the child; other calls on it fail with 118.
 *
 * Programs that are started. All sockets that the library makes or accepts are close-on-exec
 * (FD_CLOEXEC, fcntl(2)), so a program that a service starts keeps neither the service's name nor
 * its clients. Listening sockets do not block; all others do.
 *
 * Environment. An empty variable counts as unset. A process with raised privileges (set-user-ID,
 * set-group-ID, file capabilities; AT_SECURE in getauxval(3)) ignores all of them.
 *   IPC_RUNDIR        directory of the sockets, RUNDIR by default. A service makes it if it is missing,
 *                     with mode 1750 less the umask(2), so that other users cannot search it.
 *   IPC_SOCKET_MODE   mode of a service's socket, in octal digits, at most 777; by default 777 less
 *                     the umask. Connecting needs write permission on the socket, and search
 *                     permission on the directories above it.
 *   IPC_SOCKET_GROUP  group of a service's socket, by name or number. Mode and group are set before
 *                     anybody can connect. A value that is invalid or refused is error 117.
 *   IPC_NETWORK       routes through the network daemon: `service uri`, with `;` between them. When
 *                     the daemon cannot help, ipc_connection tries the service of this machine, except
 *                     for a strict route, which ends in ` !` (`pong tcp://host:9000/pong !`).
 *   LIBIPC_DEBUG      1: one line on descriptor 2 for each event and each error. It may be a
 *                     terminal, a pipe, a file opened for writing only or with O_APPEND, or the socket
 *                     with which the program started. Once it was closed nothing is written to what
 *                     gets its number.
 */
#ifndef __IPC_H__
#define __IPC_H__

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where services live; the environment variable IPC_RUNDIR takes precedence. */
#define RUNDIR "/run/ipc/"

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

/* A frame: type (1 byte), length (4 bytes, big-endian), user type (1 byte), payload. */
#define __IPC_BASE_SIZE 2000000 /* bytes of the largest frame */
#define IPC_HEADER_SIZE 6
#define IPC_MAX_MESSAGE_SIZE 1999994 /* bytes of payload: __IPC_BASE_SIZE - IPC_HEADER_SIZE */
#define IPC_VERSION 4

/* Programs of the old library choose between these two; this library takes no notice. */
#if !defined IPC_WITH_ERRORS && !defined IPC_WITHOUT_ERRORS
#define IPC_WITH_ERRORS 2
#endif
#define IPC_WITH_UNIX_SOCKETS

/* The message's type. Other values travel as given. */
enum msg_types {
	MSG_TYPE_SERVER_CLOSE = 0,
	MSG_TYPE_ERR = 1,
	MSG_TYPE_DATA = 2,
	MSG_TYPE_NETWORK_LOOKUP = 3
};

/* What ipc_wait_event saw; see there. */
enum ipc_event_type {
	IPC_EVENT_TYPE_NOT_SET = 0,
	IPC_EVENT_TYPE_ERROR = 1,         /* a peer broke the protocol, or its socket failed */
	IPC_EVENT_TYPE_EXTRA_SOCKET = 2,  /* an EXTERNAL descriptor is readable */
	IPC_EVENT_TYPE_SWITCH = 3,        /* a message went from one switched end to the other */
	IPC_EVENT_TYPE_CONNECTION = 4,    /* a client was accepted */
	IPC_EVENT_TYPE_DISCONNECTION = 5, /* a peer left */
	IPC_EVENT_TYPE_MESSAGE = 6,       /* a whole message came: event.m */
	IPC_EVENT_TYPE_LOOKUP = 7,        /* never sent */
	IPC_EVENT_TYPE_TIMER = 8,         /* the time is up */
	IPC_EVENT_TYPE_TX = 9,            /* a queued message was handed to the kernel */
	IPC_EVENT_TYPE_WAKE = 10          /* ipc_wake was called (since 1.2) */
};

/* What a switching callback answers. */
enum ipccb {
	IPC_CB_NO_ERROR = 0,      /* the message is whole (in), or was sent (out) */
	IPC_CB_FD_CLOSING = 1,    /* the descriptor hung up */
	IPC_CB_FD_ERROR = 2,      /* the descriptor failed */
	IPC_CB_PARSING_ERROR = 3, /* what was read makes no sense */
	IPC_CB_IGNORE = 4         /* nothing to pass on */
};

/* What an entry of a context is. A program may change cinfos[i].type in place. */
enum ipc_connection_type {
	IPC_CONNECTION_TYPE_IPC = 0,      /* libipc frames; the library reads it */
	IPC_CONNECTION_TYPE_EXTERNAL = 1, /* the program reads it; anything poll(2) takes */
	IPC_CONNECTION_TYPE_SERVER = 2,   /* a listening socket */
	IPC_CONNECTION_TYPE_SWITCHED = 3  /* one end of a switched pair */
};

/* Code 0 is success; 1, 2, 14 and 17 are not used. */
enum ipc_error_code {
	IPC_ERROR_NONE = 0,
	IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY = 3,
	IPC_ERROR_CLOSED_RECIPIENT = 4,
	IPC_ERROR_SERVICE_PATH__NO_PATH = 5,
	IPC_ERROR_SERVICE_PATH__NO_SERVICE_NAME = 6,
	IPC_ERROR_SERVER_INIT__NO_ENVIRONMENT_PARAM = 7,
	IPC_ERROR_SERVER_INIT__NO_SERVICE_PARAM = 8,
	IPC_ERROR_SERVER_INIT__NO_SERVER_NAME_PARAM = 9,
	IPC_ERROR_SERVER_INIT__MALLOC = 10,
	IPC_ERROR_WRITE__NO_MESSAGE_PARAM = 11,
	IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA = 12,
	IPC_ERROR_READ__NO_MESSAGE_PARAM = 13,
	IPC_ERROR_CONNECTION__NO_SERVICE_NAME = 15,
	IPC_ERROR_CONNECTION__NO_ENVIRONMENT_PARAM = 16,
	IPC_ERROR_ACCEPT__NO_SERVICE_PARAM = 18,
	IPC_ERROR_ACCEPT__NO_CLIENT_PARAM = 19,
	IPC_ERROR_HANDLE_NEW_CONNECTION__NO_CINFO_PARAM = 20,
	IPC_ERROR_HANDLE_NEW_CONNECTION__NO_CINFOS_PARAM = 21,
	IPC_ERROR_WAIT_EVENT__SELECT = 22,
	IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM = 23,
	IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM = 24,
	IPC_ERROR_HANDLE_NEW_CONNECTION__MALLOC = 25,
	IPC_ERROR_ADD__EMPTY_LIST = 26,
	IPC_ERROR_ADD__NO_PARAM_CLIENTS = 27,
	IPC_ERROR_ADD__NO_PARAM_CLIENT = 28,
	IPC_ERROR_ADD__MALLOC = 29,
	IPC_ERROR_ADD_FD__NO_PARAM_CINFOS = 30,
	IPC_ERROR_ADD_FD__NOT_ENOUGH_MEMORY = 31,
	IPC_ERROR_DEL_FD__NO_PARAM_CINFOS = 32,
	IPC_ERROR_DEL_FD__EMPTIED_LIST = 33,
	IPC_ERROR_DEL_FD__EMPTY_LIST = 34,
	IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT = 35,
	IPC_ERROR_CONTACT_IPCD__NO_SERVICE_NAME_PARAM = 36,
	IPC_ERROR_CONTACT_IPCD__NO_SERVER_PARAM = 37,
	IPC_ERROR_DEL__EMPTY_LIST = 38,
	IPC_ERROR_DEL__EMPTIED_LIST = 39,
	IPC_ERROR_DEL__CANNOT_FIND_CLIENT = 40,
	IPC_ERROR_DEL__NO_CLIENTS_PARAM = 41,
	IPC_ERROR_DEL__NO_CLIENT_PARAM = 42,
	IPC_ERROR_USOCK_SEND = 43,
	IPC_ERROR_USOCK_CONNECT__SOCKET = 44,
	IPC_ERROR_USOCK_CONNECT__WRONG_FILE_DESCRIPTOR = 45,
	IPC_ERROR_USOCK_CONNECT__EMPTY_PATH = 46,
	IPC_ERROR_USOCK_CONNECT__CONNECT = 47,
	IPC_ERROR_USOCK_CLOSE = 48,
	IPC_ERROR_USOCK_REMOVE__UNLINK = 49,
	IPC_ERROR_USOCK_REMOVE__NO_FILE = 50,
	IPC_ERROR_USOCK_INIT__EMPTY_FILE_DESCRIPTOR = 51,
	IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR = 52,
	IPC_ERROR_USOCK_INIT__EMPTY_PATH = 53,
	IPC_ERROR_USOCK_INIT__BIND = 54,
	IPC_ERROR_USOCK_INIT__LISTEN = 55,
	IPC_ERROR_USOCK_ACCEPT__PATH_FILE_DESCRIPTOR = 56,
	IPC_ERROR_USOCK_ACCEPT = 57,
	IPC_ERROR_USOCK_RECV__NO_BUFFER = 58,
	IPC_ERROR_USOCK_RECV__NO_LENGTH = 59,
	IPC_ERROR_USOCK_RECV = 60,
	IPC_ERROR_USOCK_RECV__UNRECOGNIZED_ERROR = 61,
	IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION = 62,
	IPC_ERROR_USOCK_RECV__MESSAGE_SIZE = 63,
	IPC_ERROR_RECEIVE_FD__NO_PARAM_FD = 64,
	IPC_ERROR_RECEIVE_FD__RECVMSG = 65,
	IPC_ERROR_PROVIDE_FD__SENDMSG = 66,
	IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH = 67,
	IPC_ERROR_MESSAGE_FORMAT__MESSAGE_SIZE = 68,
	IPC_ERROR_MESSAGE_FORMAT__NO_MESSAGE_PARAM = 69,
	IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS = 70,
	IPC_ERROR_MESSAGE_FORMAT__HEAP_ALLOCATION = 71,
	IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MESSAGE = 72,
	IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MSIZE = 73,
	IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_BUFFER = 74,
	IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_MESSAGE = 75,
	IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_BUFFER = 76,
	IPC_ERROR_MESSAGE_FORMAT_READ__PARAM_MESSAGE_SIZE = 77,
	IPC_ERROR_MESSAGE_FORMAT_READ__READ_MESSAGE_SIZE = 78,
	IPC_ERROR_MESSAGE_FORMAT_READ__MESSAGE_TOO_LONG = 79,
	IPC_ERROR_MESSAGE_EMPTY__EMPTY_MESSAGE_LIST = 80,
	IPC_ERROR_MKDIR__CANNOT_CREATE_DIR = 81,
	IPC_ERROR_MKDIR__NAME_TOO_LONG = 82,
	IPC_ERROR_DIR_SETUP__NOT_A_DIRECTORY = 83,
	IPC_ERROR_DIR_SETUP__DIRECTORY_NOT_WRITABLE = 84,
	IPC_ERROR_DIRECTORY_SETUP__PATH_PARAM = 85,
	IPC_ERROR_SERVER_INIT__NOT_ENOUGH_MEMORY = 86,
	IPC_ERROR_CONNECTION__NOT_ENOUGH_MEMORY = 87,
	IPC_ERROR_CTX_INIT__NO_CONTEXT_PARAM = 88,
	IPC_ERROR_CTX_INIT__CONTEXT_ALREADY_INIT = 89,
	IPC_ERROR_ADD__MALLOC_POLLFD = 90,
	IPC_ERROR_ADD_MESSAGE_TO_SEND__EMPTY_LIST = 91,
	IPC_ERROR_ADD_MESSAGE_TO_SEND__MALLOC = 92,
	IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGE = 93,
	IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGES = 94,
	IPC_ERROR_CONNECTION__NO_CTX = 95,
	IPC_ERROR_CTX_INIT__MALLOC_CTX = 96,
	IPC_ERROR_CTX_INIT__MALLOC_POLLFD = 97,
	IPC_ERROR_CONTACT_IPCD__NO_FD_PARAM = 98,
	IPC_ERROR_HANDLE_NEW_CONNECTION__INCONSISTENT_INDEX = 99,
	IPC_ERROR_DEL_MESSAGE_TO_SEND__NO_PARAM_MESSAGES = 100,
	IPC_ERROR_MESSAGE_DEL__INDEX_ERROR = 101,
	IPC_ERROR_MESSAGE_DEL__EMPTY_LIST = 102,
	IPC_ERROR_ADD__NO_PARAM_POLLFD = 103,
	IPC_ERROR_WRITE__FD_NOT_FOUND = 104,
	IPC_ERROR_ADD__NOT_ENOUGH_MEMORY = 105,
	IPC_ERROR_WAIT_EVENT__POLL = 106,
	IPC_ERROR_FD_SWITCHING__NO_FD_RECORD = 107,
	IPC_ERROR_CLOSE_ALL__NO_CTX_PARAM = 108,
	IPC_ERROR_CLOSE__NO_CTX_PARAM = 109,
	IPC_ERROR_WRITE__QUEUE_FULL = 110, /* the queue of this receiver is full, nothing was queued (since 1.0) */
	IPC_ERROR_SERVICE_PATH__INVALID_NAME = 111, /* a service name that is empty, has a . or .. component or makes too long a path (since 1.0) */
	IPC_ERROR_CTX_QUEUE_LIMIT__NO_CTX_PARAM = 112, /* ipc_ctx_queue_limit without a context (since 1.0) */
	IPC_ERROR_POLLER = 113, /* the kernel refused to watch a descriptor (since 1.0) */
	IPC_ERROR_WAIT_EVENT__CONTEXT_FREED = 114, /* another thread freed the context meanwhile (since 1.1) */
	IPC_ERROR_CTX_ENTRY__NO_PARAM = 115, /* a call of 1.1 or later without a context, or without a place for its answer (since 1.1) */
	IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND = 116, /* a call of 1.1 or later for a descriptor that the context does not have (since 1.1) */
	IPC_ERROR_USOCK_INIT__SOCKET_MODE = 117, /* IPC_SOCKET_MODE or IPC_SOCKET_GROUP makes no sense, or is refused (since 1.2) */
	IPC_ERROR_CONTEXT__CALLED_IN_HANDLER = 118, /* a signal handler has interrupted another call of its thread (since 1.2) */
	IPC_ERROR_CTX_FD__UNAVAILABLE = 119, /* ipc_ctx_fd: the library was built for poll(2), which has no descriptor (since 1.2) */
	IPC_ERROR_CTX_QUIET__EVENT_TYPE = 120, /* ipc_ctx_quiet: only TX and SWITCH can be left out (since 1.2) */
	IPC_ERROR_WRITE_WITH_FD__DESCRIPTOR = 121, /* ipc_write_with_fd: not an open descriptor, or not a Unix socket to send it over (since 1.2) */
	IPC_ERROR_PEER__UNKNOWN = 122, /* ipc_peer: the kernel knows no peer of this descriptor (since 1.2) */
	IPC_ERROR_WAKE__EMPTY_CONTEXT = 123, /* ipc_wake: the context is empty (since 1.2) */
	IPC_ERROR_CTX_ADD__NOT_LISTENING = 124, /* ipc_ctx_add: not a listening Unix socket (since 1.2) */
	IPC_ERROR_FLUSH__UNSENT = 125, /* ipc_flush: the time is up, and messages are still queued (since 1.2) */
	IPC_ERROR_CTX_LIMIT__VALUE = 126, /* ipc_ctx_limit: there is no such limit, or the value is out of range (since 1.2) */
};

/* The result of most functions. Of the text every byte after the NUL is zero on failure. */
struct ipc_error {
	enum ipc_error_code error_code;
	char error_message[BUFSIZ];
};

#include "usocket.h" /* needs struct ipc_error */

/* One entry of ctx->cinfos. */
struct ipc_connection_info {
	enum ipc_connection_type type;
	short int more_to_read; /* a switching callback holds more */
	char *spath;            /* the socket's path of a SERVER, else NULL; the library's */
};

/* A message. The payload was malloc'ed; whoever holds the message frees it. */
struct ipc_message {
	char type;       /* enum msg_types */
	char user_type;  /* the program's own */
	int fd;          /* the peer: whom it came from, or whom it goes to */
	uint32_t length; /* of the payload, in bytes */
	char *payload;
};

struct ipc_messages {
	struct ipc_message *messages;
	size_t size;
};

/* A pair of descriptors whose messages go from one to the other, and the four callbacks:
 * *_in reads from that end and fills the message, *_out writes the message to it. NULL means
 * libipc frames for that direction. */
struct ipc_switching {
	int orig;
	int dest;
	enum ipccb (*orig_in)(int origin_fd, struct ipc_message *m, short int *more_to_read);
	enum ipccb (*orig_out)(int origin_fd, struct ipc_message *m);
	enum ipccb (*dest_in)(int origin_fd, struct ipc_message *m, short int *more_to_read);
	enum ipccb (*dest_out)(int origin_fd, struct ipc_message *m);
};

struct ipc_switchings {
	struct ipc_switching *collection;
	size_t size;
};

/* A context: what a program listens to and talks with. Both arrays share their indices and
 * have `size` entries; read them, and leave them to the library (cinfos[i].type excepted). */
struct ipc_ctx {
	struct ipc_connection_info *cinfos;
	struct pollfd *pollfd;
	size_t size;
	struct ipc_messages tx;         /* queued messages that the kernel does not have yet, oldest first */
	struct ipc_switchings switchdb; /* the live table of switched pairs */
};

/* Filled by ipc_wait_event. m (struct ipc_message *) is the library's until the next call
 * with this event; IPC_EVENT_CLEAN frees it earlier. */
struct ipc_event {
	enum ipc_event_type type;
	uint32_t index; /* of the entry, in the context */
	int origin;     /* its descriptor */
	void *m;
};

/* ---- the life of a context ---- */

/* Allocates a zeroed context into `*ctx`, which must be NULL; ipc_ctx_free, then free(3) it.
 * 88, 89, 96. */
struct ipc_error ipc_ctx_init(struct ipc_ctx **ctx);

/* Adds one zeroed entry at the end, which the program fills by hand
 * (pollfd[size-1].fd, cinfos[size-1].type); it counts from the next call on. 27, 105. */
struct ipc_error ipc_ctx_new_alloc(struct ipc_ctx *ctx);

/* Frees all that the library holds for the context, but not `ctx` itself, and closes nothing. Queued
 * messages are dropped. The context can then be used again as if zeroed. It may be called twice, and
 * with NULL. Threads that wait on the context, or in any call for its lock, return with 114, and do
 * not touch `ctx` any more. A thread that handles an event is not told: its next wait is one on an
 * empty context. */
void ipc_ctx_free(struct ipc_ctx *ctx);

/* Prints the entries of the context on stdout. */
void ipc_ctx_print(struct ipc_ctx *ctx);

/* Listens as the service `sname` and adds a SERVER entry. The run directory is made if missing.
 * Who may connect: see Environment above (IPC_RUNDIR, IPC_SOCKET_MODE, IPC_SOCKET_GROUP). 8, 9
 * missing argument, 54 a live service has that name, 111 bad name, 117 mode or group, 81-84 run
 * directory, 113 no free descriptor to watch it with; 55, 86. */
struct ipc_error ipc_server_init(struct ipc_ctx *ctx, const char *sname);

/* Connects to the service `sname`, through the network daemon when IPC_NETWORK routes it, and
 * adds an IPC entry. `*fd` (may be NULL) becomes the descriptor, which stays the context's.
 * It waits at most 10 seconds for a look-up, and 10 more for a service whose backlog is full;
 * signals do not change that. 95, 15 missing argument, 47 no service is there, or permission is
 * missing, 111 bad name; 44, 87. With a strict route also the errors of ipc_contact_ipcd. */
struct ipc_error ipc_connection(struct ipc_ctx *ctx, const char *sname, int *fd);

/* Connects to `sname` and ties that connection to `clientfd`: both become SWITCHED entries of
 * the context (clientfd is added if it is not there). `*serverfd` (may be NULL) becomes the
 * service's descriptor. 95, 15, 47, 111. */
struct ipc_error ipc_connection_switched(struct ipc_ctx *ctx, const char *sname, int clientfd, int *serverfd);

/* Closes the descriptor of entry `index` unless it is EXTERNAL. First it offers the queued messages
 * to the kernel once, without waiting and without a TX event, and drops the rest. It removes the
 * socket file of a SERVER (also of one that had an ERROR event) if this process listened, and if the
 * file is still the one that it made. The entry stays: ipc_del drops it. A thread that waits for the
 * descriptor in ipc_read, ipc_read_fd or ipc_write_fd returns with an error. 109 no context,
 * 40 no such index, 48. */
struct ipc_error ipc_close(struct ipc_ctx *ctx, uint32_t index);

/* ipc_close on every entry; closes the library's own descriptors of the context, too. 108. */
struct ipc_error ipc_close_all(struct ipc_ctx *ctx);

/* Accepts a client on the SERVER entry `index`, adds an IPC entry at the end, sets a CONNECTION
 * event. Waits for the client as usock_accept does. 24, 21 missing argument, 99 no such index, 57. */
struct ipc_error ipc_accept_add(struct ipc_event *event, struct ipc_ctx *ctx, uint32_t index);

/* Limits what may be queued for each receiver of the context, in bytes (64 MiB by default): the frames
 * and the memory that they take, which is about 200 bytes more for each. While that memory is below
 * 4 KiB only the bytes of the frames count. What is queued already stays. The limit lasts until
 * ipc_ctx_free, or until the last entry is deleted. 112, 105. */
struct ipc_error ipc_ctx_queue_limit(struct ipc_ctx *ctx, size_t bytes);

/* ---- what a context watches ---- */

/* Adds an entry as described by `cinfo` and `pollfd` (its fd counts). cinfo->spath becomes the
 * library's. 27, 28, 103 missing argument, 29, 90, 105 no memory, 113. */
struct ipc_error ipc_add(struct ipc_ctx *ctx, struct ipc_connection_info *cinfo, struct pollfd *pollfd);

/* Drops entry `index`, and offers its queued messages to the kernel once, as ipc_close does. The last
 * entry moves into its place. It closes nothing. When no entry is left all is freed as by
 * ipc_ctx_free. 41 no context, 38 empty, 40. */
struct ipc_error ipc_del(struct ipc_ctx *ctx, uint32_t index);

/* Adds `fd` as EXTERNAL: the program reads it when told EXTRA_SOCKET. 30, 31. */
struct ipc_error ipc_add_fd(struct ipc_ctx *ctx, int fd);

/* Adds `fd` as SWITCHED; tie it with ipc_ctx_switching_add. 30, 31. */
struct ipc_error ipc_add_fd_switched(struct ipc_ctx *ctx, int fd);

/* ipc_del of the entry that has this descriptor. 32 no context, 34 empty, 35 not there. */
struct ipc_error ipc_del_fd(struct ipc_ctx *ctx, int fd);

/* Changes the type of the entry with this descriptor: 0, or -1 when there is none. When the program has
 * closed the number and it means another file now, the library notices that here, else in a later wait. */
int ipc_ctx_fd_type(struct ipc_ctx *ctx, int fd, enum ipc_connection_type type);

/* ---- events and messages ---- */

/* Waits for the next event, one a call; connections take turns. First frees the message that `event`
 * still has. 23, 24 missing argument, 106 a signal handler has run (no event; `*timer` is
 * what remains), 107 a switched end without a pair, 3, 57, 60, 113 the system is short of memory or
 * descriptors (nothing is lost: call again), 114 another thread has freed the context.
 *
 * `*timer` is in milliseconds. 0 looks and returns; a negative value, or a NULL timer, waits for ever.
 * A timer is never early. An event leaves what remains, rounded up; TIMER leaves 0. A program that
 * passes the value that was left goes on towards the same moment, also when messages come without a
 * pause. Any other value is a new timer.
 *
 * - CONNECTION: index and origin are the client's.
 * - DISCONNECTION of an IPC peer: the entry is removed and the descriptor closed. Of a switched end:
 *   error 4; both entries are removed, and the program closes both descriptors. Of an EXTERNAL
 *   descriptor, which hung up and is not readable: entry and descriptor stay, and the event comes once
 *   for each hang-up (a FIFO gets new writers).
 * - EXTRA_SOCKET: an EXTERNAL descriptor is readable as poll(2) defines it (also at its end, where
 *   read(2) returns 0), or a socket has a pending error. The event repeats as long as that is so.
 * - ERROR of an IPC peer: the entry is removed and the descriptor closed; error_code is 0, and
 *   error_message has the reason. Of a switched end: error 4; both entries are removed, and both
 *   descriptors closed if writing failed.
 * - TX: it comes for each message sent to an end before the event with which that end goes.
 *
 * A peer that only stopped writing (shutdown(2)) has 5 seconds to read what is queued for it before
 * its DISCONNECTION. A descriptor that cannot be written for want of space or memory is tried again
 * within a second; others are served meanwhile.
 *
 * Any number of threads may wait, each with its own event and timer (see Threads above). A signal ends
 * the wait of the thread that handled it if that is the one that asks the kernel. When an event ends
 * a connection of a context with several threads, the descriptor is closed when the thread that has
 * the event is done with it: its number cannot be used again before. */
struct ipc_error ipc_wait_event(struct ipc_ctx *ctx, struct ipc_event *event, int *timer);

/* Receives one message from entry `index`, or from a descriptor, and waits for it (see Direct calls
 * above). Frees the payload of `m`; the new one is the caller's. Bytes that the context has already
 * received come first. Of several threads each gets whole messages; while one waits here
 * ipc_wait_event does not read the descriptor. 13, 40, 4 the peer left, 60 failed, or would have to
 * wait, 62, 63 longer than a frame may be. */
struct ipc_error ipc_read(const struct ipc_ctx *ctx, uint32_t index, struct ipc_message *m);
struct ipc_error ipc_read_fd(int32_t fd, struct ipc_message *m);

/* Queues a deep copy of `m` for the descriptor m->fd of the context, whatever its type. The next
 * ipc_wait_event sends it and reports TX. While another thread waits on the context it is sent at
 * once, and a waiting thread reports TX. Messages of several threads are sent one after the other.
 * 11 no message, 104 not in the context, 67 too long, 70 length without payload, 92 no memory,
 * 110 the receiver's queue is full. */
struct ipc_error ipc_write(struct ipc_ctx *ctx, const struct ipc_message *m);

/* Sends `m` to `fd` before it returns, after what a context has queued for that descriptor, and waits
 * for that (see Direct calls above). 11, 67, 70; 43 no byte of it was sent; 12 only a part was sent.
 * After 12 with a temporary reason (a signal, no room, no memory) the library keeps the rest and sends
 * it first: do not send the message again. */
struct ipc_error ipc_write_fd(int fd, const struct ipc_message *m);

/* One step of the loop for entry `index`, as ipc_wait_event would take it: sends what is queued
 * next; reads from, or writes to, a switched end. They set `event`. 23, 24, 40, 107. */
struct ipc_error handle_writing_message(struct ipc_event *event, struct ipc_ctx *ctx, uint32_t index);
struct ipc_error fd_switching_read(struct ipc_event *event, struct ipc_ctx *ctx, int index);
struct ipc_error fd_switching_write(struct ipc_event *event, struct ipc_ctx *ctx, int index);

/* ---- for programs with several threads: all since 1.1 ---- */

/* One entry of a context, as ipc_ctx_entry and ipc_ctx_entries show it. */
struct ipc_entry {
	int fd;
	enum ipc_connection_type type;
	uint32_t pending; /* messages queued for it whose TX event has not been told yet */
	char path[108];   /* the socket's path of a SERVER, with its NUL; else empty */
};

/* How many entries the context has, and how many messages wait in it to be sent or to be told of
 * (TX), at one moment. Either pointer may be NULL. 115. */
struct ipc_error ipc_ctx_status(struct ipc_ctx *ctx, size_t *connections, size_t *messages);

/* Type, path and pending messages of the entry with this descriptor. 115, 116. */
struct ipc_error ipc_ctx_entry(struct ipc_ctx *ctx, int fd, struct ipc_entry *entry);

/* All entries at one moment, in an array of `*count` that is the caller's: free(3) it. Without
 * entries it is NULL. 115, 105. */
struct ipc_error ipc_ctx_entries(struct ipc_ctx *ctx, struct ipc_entry **entries, size_t *count);

/* ipc_close and ipc_del_fd of the entry with this descriptor, in one step: between the two
 * another thread could get the number for something else. An EXTERNAL descriptor stays
 * open. 109 no context, 116, 48 (the entry goes all the same). */
struct ipc_error ipc_close_fd(struct ipc_ctx *ctx, int fd);

/* Ends the calling thread's claim on the connection of its last event: other threads may get the next
 * event of it. ipc_wait_event does this first. 115. */
struct ipc_error ipc_ctx_release(struct ipc_ctx *ctx);

/* ---- for foreign loops and other languages, batches, limits: all since 1.2 ----
 *
 * These functions return an error code alone; some return a descriptor, or -1 when they fail. ipc_last_error has the text. */

/* Why the calling thread's last function of this part failed, in at most 511 bytes; "" before the first failure. Never NULL. Valid until
 * the thread's next failure. After ipc_wait_events it is also the reason of an ERROR event. */
const char *ipc_last_error(void);

/* A descriptor for other event loops: poll(2), epoll(7), libuv, GLib and others wait until it is readable. It is readable whenever
 * ipc_wait_event with timer 0 would give an event: what the kernel has, what the library has read already, TX to be told, what other
 * threads and later calls of the program did. It stays the context's, and the same, until ipc_ctx_free or ipc_close_all; also while the
 * context has no entry. Only watch it: do not read, write or close it.
 *
 * When it is readable, call ipc_wait_event or ipc_wait_events with timer 0. A level-triggered loop may do that once, or as often as it
 * likes. An edge-triggered one goes on until TIMER. From this call on ipc_write sends at once, because no wait may follow. After fork(2)
 * the child calls ipc_ctx_fd again and gets another descriptor.
 *
 * -1: IPC_ERROR_CTX_ENTRY__NO_PARAM without a context; IPC_ERROR_POLLER without free descriptors (it takes three) or memory;
 * IPC_ERROR_CTX_FD__UNAVAILABLE. */
int ipc_ctx_fd(struct ipc_ctx *ctx);

/* Waits as ipc_wait_event does, and takes all events that are there, at most `room`. `*count` becomes their number: 0 after an error,
 * at least 1 otherwise. TIMER comes alone. Zero the array before the first call; each call first frees the messages that its `room`
 * elements hold. The events keep the order that single calls would give, and the thread has a claim on all their connections. An index
 * is that of the moment when its event was found: name connections by `origin`. The number of a connection that ended in a batch is not
 * used again before the next call, so that a reply cannot go to somebody else.
 *
 * An event with a reason (ERROR), or with IPC_ERROR_CLOSED_RECIPIENT (the end of a switched pair), is the last one of its batch. */
enum ipc_error_code ipc_wait_events(struct ipc_ctx *ctx, struct ipc_event *events, size_t room, size_t *count, int *timer);

/* Bits for ipc_ctx_quiet. */
#define IPC_QUIET_TX (1u << IPC_EVENT_TYPE_TX)
#define IPC_QUIET_SWITCH (1u << IPC_EVENT_TYPE_SWITCH)

/* Leaves out events: IPC_QUIET_TX, IPC_QUIET_SWITCH, or both; 0 tells all again. Without TX the messages that are queued from now on are
 * not in ctx->tx either. Other events cannot be left out: IPC_ERROR_CTX_QUIET__EVENT_TYPE. Lasts until ipc_ctx_free. */
enum ipc_error_code ipc_ctx_quiet(struct ipc_ctx *ctx, uint32_t kinds);

/* ipc_write, but takes the payload over instead of copying it. The payload was malloc'ed. On success m->payload is NULL and m->length 0; a
 * failure leaves the message as it was. `m` may be the message of an event: forwarding copies nothing. The same errors as ipc_write. */
enum ipc_error_code ipc_write_take(struct ipc_ctx *ctx, struct ipc_message *m);

/* Ends a wait: one call of ipc_wait_event or ipc_wait_events on the context returns with the event WAKE (index and origin 0); the one that
 * waits now, else the next one, before other events, and after what is queued was sent once. Several calls before that count as one. For any
 * thread and any signal handler, at any time: the way to stop a loop. A wait that a handler has interrupted gives WAKE, not
 * IPC_ERROR_WAIT_EVENT__POLL. ipc_wake sets no text for ipc_last_error. IPC_ERROR_CTX_ENTRY__NO_PARAM without a context;
 * IPC_ERROR_WAKE__EMPTY_CONTEXT: the context has no entry and no ipc_ctx_fd, so nothing of it can be found.
 *
 *     static void stop(int signal) { (void)signal; ipc_wake(&ctx); }
 */
enum ipc_error_code ipc_wake(struct ipc_ctx *ctx);

/* ipc_write, and a descriptor that the receiver gets with this message. The library makes a copy of `fd` (dup(2)): `fd` stays the caller's, who may
 * close it at once. The receiver's program must have called ipc_ctx_accept_fds for the connection; otherwise the descriptor is closed there,
 * or given to ipc_receive_fd. The same errors as ipc_write, and IPC_ERROR_WRITE_WITH_FD__DESCRIPTOR: `fd` is not open, the process has no free
 * number for the copy, or m->fd is no Unix socket. */
enum ipc_error_code ipc_write_with_fd(struct ipc_ctx *ctx, const struct ipc_message *m, int fd);

/* Whether messages of the connection `fd` may bring descriptors: 1 yes, 0 no (the default). Call it when the CONNECTION event comes, or after
 * ipc_connection. IPC_ERROR_CTX_ENTRY__NO_PARAM, IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND. */
enum ipc_error_code ipc_ctx_accept_fds(struct ipc_ctx *ctx, int fd, int on);

/* The descriptor that came with the message of this event. It is the caller's, and close-on-exec. One that nobody takes is closed when the
 * thread waits on the context again (SO_LINGER is switched off first), and so are others than the first of a message, and descriptors of
 * messages that go to the other end of a switched pair or that ipc_read and ipc_read_fd take. -1: none came; or the process had no free number
 * for it: then ipc_last_error says so. */
int ipc_event_take_fd(struct ipc_event *event);

/* Who is at the other end of a connection: what the kernel noted when that process connected (of a client's connection), or listened (of a
 * service's). `pidfd` is a descriptor of that process (pidfd_open(2)): it does not pass to another process that gets the number `pid` later. It
 * is the caller's to close(2); -1 where the kernel has none (before Linux 6.5, or the process is gone). `pid` is 0 if this process cannot see
 * it (PID namespaces). IPC_ERROR_CTX_ENTRY__NO_PARAM, IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND, IPC_ERROR_PEER__UNKNOWN: not a Unix socket, or not
 * connected. */
struct ipc_peer_info {
	uint32_t uid;
	uint32_t gid;
	int32_t pid;
	int pidfd;
};
enum ipc_error_code ipc_peer(struct ipc_ctx *ctx, int fd, struct ipc_peer_info *peer);

/* Adds a listening Unix stream socket that somebody else has made as the service `sname`: a socket of systemd's (LISTEN_FDS, sd_listen_fds(3)),
 * or of a parent process. The entry is a SERVER with the socket's own path. The socket becomes the context's, and close-on-exec. Its file is
 * never removed. Errors: those of ipc_server_init for the arguments (IPC_ERROR_SERVER_INIT__NO_SERVICE_PARAM and __NO_SERVER_NAME_PARAM,
 * IPC_ERROR_SERVICE_PATH__INVALID_NAME), IPC_ERROR_CTX_ADD__NOT_LISTENING, IPC_ERROR_POLLER, and no memory. */
enum ipc_error_code ipc_ctx_add(struct ipc_ctx *ctx, const char *sname, int fd);

/* Sends what is queued for the connection `fd`, or for all (-1), and waits until the kernel has it, at most so many milliseconds (-1: for ever;
 * 0: does not wait). For the end of a program. TX is told by later waits. What a switching callback writes stays queued: only waits call it.
 * IPC_ERROR_FLUSH__UNSENT: the time is up; IPC_ERROR_CLOSED_RECIPIENT: a receiver has left, and its queue was dropped;
 * IPC_ERROR_WAIT_EVENT__POLL: a signal handler has run; IPC_ERROR_CTX_ENTRY__NO_PARAM, IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND. */
enum ipc_error_code ipc_flush(struct ipc_ctx *ctx, int fd, int milliseconds);

/* What ipc_ctx_limit limits, and the default. */
enum ipc_limit {
	IPC_LIMIT_FRAME = 0,         /* payload of a received message, in bytes: IPC_MAX_MESSAGE_SIZE. More: an ERROR event */
	IPC_LIMIT_QUEUE_BYTES = 1,   /* queue of one receiver, as ipc_ctx_queue_limit counts: 64 MiB. More: IPC_ERROR_WRITE__QUEUE_FULL */
	IPC_LIMIT_QUEUE_MESSAGES = 2, /* the same in messages: none */
	IPC_LIMIT_CONNECTIONS = 3,   /* accepted connections that are open: none. More wait in the backlog until others leave */
	IPC_LIMIT_CONNECTIONS_OF_USER = 4, /* those of one user (uid): none. More are closed at once */
	IPC_LIMIT_CONNECT_TIME = 5   /* milliseconds that ipc_connection may wait, for a look-up and for a full backlog each: 10,000. 0: it fails
	                                at once, with "Resource temporarily unavailable"; for loops that must not stop */
};

/* Sets a limit of the context; (size_t)-1: the default. What exceeds it already stays. A limit lasts until ipc_ctx_free.
 * IPC_ERROR_CTX_ENTRY__NO_PARAM; IPC_ERROR_CTX_LIMIT__VALUE: no such limit, or out of range (a frame over IPC_MAX_MESSAGE_SIZE, a time over
 * INT_MAX). */
enum ipc_error_code ipc_ctx_limit(struct ipc_ctx *ctx, enum ipc_limit limit, size_t value);

/* ---- messages in memory ---- */

/* Encodes a frame into `buffer`, which has room for it; returns 6 + message_size. */
uint32_t ipc_message_raw_serialize(char *buffer, char type, char user_type, char *message, uint32_t message_size);

/* Decodes one whole frame of `msize` bytes into `m`, as ipc_read does. 75, 76, 77, 78, 79, 71. */
struct ipc_error ipc_message_format_read(struct ipc_message *m, const char *buf, size_t msize);

/* Encodes `m` into `*buf`, allocated for the caller when NULL; `*msize` becomes the frame's size.
 * 67 too long, 70, 72, 73, 74, 71. */
struct ipc_error ipc_message_format_write(const struct ipc_message *m, char **buf, size_t *msize);

/* Fills `m` with a copy of `length` bytes, freeing the payload that it held. Length 0 goes with a NULL
 * payload. _data: type 2. _server_close: type 0, empty. 68 too long, 69, 70, 71. */
struct ipc_error ipc_message_format(struct ipc_message *m, char type, char utype, const char *payload, size_t length);
struct ipc_error ipc_message_format_data(struct ipc_message *m, char utype, const char *payload, size_t length);
struct ipc_error ipc_message_format_server_close(struct ipc_message *m);

/* Frees the payload of `m` and sets its length to 0. 80. */
struct ipc_error ipc_message_empty(struct ipc_message *m);

/* Fills all fields of `m` with a copy, freeing the payload that it held. */
void ipc_message_copy(struct ipc_message *m, uint32_t fd, uint8_t type, uint8_t utype, char *payload, uint32_t paylen);

/* A list that a program keeps of its own. Adds a deep copy (94, 93, 92); removes entry `index`, whose
 * payload becomes the caller's, the last takes its place (100, 102, 101); frees all. */
struct ipc_error ipc_messages_add(struct ipc_messages *messages, const struct ipc_message *message);
struct ipc_error ipc_messages_del(struct ipc_messages *messages, uint32_t index);
void ipc_messages_free(struct ipc_messages *messages);

/* ---- switching ---- */

/* Ties two descriptors of a context; unties the pair that `fd` is in and returns the other end,
 * or -1. */
void ipc_ctx_switching_add(struct ipc_ctx *ctx, int orig, int dest);
int ipc_ctx_switching_del(struct ipc_ctx *ctx, int fd);

/* The same on a table, a program's own or a context's; _get returns the other end or -1, _free
 * frees the table, _print shows it on stdout. */
void ipc_switching_add(struct ipc_switchings *is, int orig, int dest);
int ipc_switching_del(struct ipc_switchings *is, int fd);
int ipc_switching_get(struct ipc_switchings *is, int fd);
void ipc_switching_free(struct ipc_switchings *is);
void ipc_switching_print(struct ipc_switchings *is);

/* Sets the callbacks of the end `fd` of its pair: both, or the in callback alone. NULL: libipc frames.
 * Without such a pair: nothing. A callback may call the library, but not wait or read on this context. */
void ipc_switching_callbacks(
    struct ipc_ctx *ctx, int fd, enum ipccb (*cb_in)(int fd, struct ipc_message *m, short int *more_to_read),
    enum ipccb (*cb_out)(int fd, struct ipc_message *m));
void ipc_switching_callbacks_(
    struct ipc_ctx *ctx, int fd, enum ipccb (*cb_in)(int fd, struct ipc_message *m, short int *more_to_read));

/* ---- names, look-up, passing of descriptors, errors ---- */

/* Writes the path of the service's socket into the PATH_MAX bytes of `path`. 5, 6, 111. */
struct ipc_error service_path(char *path, const char *sname);

/* Asks the network daemon for a connection to `sname`, for at most 10 seconds. `*pfd` becomes the
 * caller's descriptor, or 0 (a success) when IPC_NETWORK has no route. 4 refused, with the daemon's
 * reason; 98, 36; 37, 43, 44, 47, 60, 65 the daemon cannot be reached, or does not answer. */
struct ipc_error ipc_contact_ipcd(int *pfd, const char *sname);

/* Receive (64, 65) and send (66) a descriptor over a Unix socket, and wait for that (see Direct calls
 * above). The received one is the caller's, and close-on-exec. Further descriptors of one message are
 * closed, and so are pidfds (SO_PASSPIDFD). 65 with "Too many open files": the process has no free
 * number; the byte and its descriptor stay in the kernel, unless they were read ahead with messages. */
struct ipc_error ipc_receive_fd(int sock, int *fd);
struct ipc_error ipc_provide_fd(int sock, int fd);

/* What the code means, in one line that stays the library's; NULL for a number that is no code. */
const char *ipc_errors_get(enum ipc_error_code e);

/* ---- for the macros below: not to be called by programs ---- */

/* So that strict C90 compiles them too: it has no inline, and stdio.h does not declare snprintf for it. */
#define LIBIPC_INLINE_ static __inline__

/* Writes the default text of the error `code` into the BUFSIZ bytes of `text`. */
LIBIPC_INLINE_ void libipc_default_text_(char *text, enum ipc_error_code code) {
	const char *known = ipc_errors_get(code);
	__builtin_snprintf(text, BUFSIZ, "%s", known != NULL ? known : "unknown error");
}

/* The error `code` with its default text, followed by zeros; 0: success, without a text. */
LIBIPC_INLINE_ struct ipc_error libipc_error_(enum ipc_error_code code) {
	struct ipc_error result;
	memset((void *)&result, 0, sizeof result);
	result.error_code = code;
	if (code != IPC_ERROR_NONE) libipc_default_text_(result.error_message, code);
	return result;
}

/* The next two do not have the attribute "format": a format that is a variable, without arguments, is allowed under
 * -Werror=format-security. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

/* The error `code` with this text, followed by zeros. */
LIBIPC_INLINE_ struct ipc_error libipc_error_format_(enum ipc_error_code code, const char *format, ...) {
	struct ipc_error result;
	va_list arguments;
	memset((void *)&result, 0, sizeof result);
	result.error_code = code;
	va_start(arguments, format);
	__builtin_vsnprintf(result.error_message, BUFSIZ, format, arguments);
	va_end(arguments);
	return result;
}

/* Puts the formatted text behind the one that `text`, of BUFSIZ bytes, holds. */
LIBIPC_INLINE_ void libipc_append_(char *text, const char *format, ...) {
	size_t length = strlen(text);
	va_list arguments;
	va_start(arguments, format);
	__builtin_vsnprintf(text + length, BUFSIZ - length, format, arguments);
	va_end(arguments);
}
#pragma GCC diagnostic pop

/* Copies a result for a condition to look at. Of a success only the first 1,024 bytes: copying 8 KiB takes longer than many
 * calls do, and the text of a success is empty, or short. */
LIBIPC_INLINE_ void libipc_copy_result_(struct ipc_error *copy, const struct ipc_error *result) {
	size_t size = result->error_code != IPC_ERROR_NONE ? sizeof *copy : 1024;
	memcpy((void *)copy, (const void *)result, size);
	copy->error_message[size - sizeof copy->error_code - 1] = '\0';
}

LIBIPC_INLINE_ void libipc_set_event_(struct ipc_event *event, enum ipc_event_type type, uint32_t index, int fd, void *m) {
	event->type = type;
	event->index = index;
	event->origin = fd;
	event->m = m;
}

LIBIPC_INLINE_ void libipc_clean_event_(struct ipc_event *event) {
	struct ipc_message *m = (struct ipc_message *)event->m;
	if (m != NULL) free(m->payload);
	free(m);
	libipc_set_event_(event, IPC_EVENT_TYPE_NOT_SET, 0, 0, NULL);
}

#ifdef __cplusplus
}
#endif

/* ---- macros ----
 *
 * In their names T is a test, I an instruction that runs when the test holds, P prints on stderr, R returns, RR returns the
 * struct ipc_error, Q exits.
 *
 * Each is a block, or a declaration, that is complete without a semicolon; a semicolon may follow. So under an `if` without
 * braces, `else` follows the macro directly. Each argument is evaluated once at the most, unless it is said otherwise. */

/* ---- results ---- */

/* Writes the default text of the error `code` into the BUFSIZ bytes at `ptr`. */
#define IPC_FILL_DEFAULT_ERROR_MESSAGE(ptr, code) \
	{ libipc_default_text_((ptr), (enum ipc_error_code)(code)); }

/* Returns success, without a text. */
#define IPC_RETURN_NO_ERROR \
	{ return libipc_error_(IPC_ERROR_NONE); }

/* Returns the error `code` with its default text. */
#define IPC_RETURN_ERROR(code) \
	{ return libipc_error_((enum ipc_error_code)(code)); }

/* IPC_RETURN_ERROR_FORMAT(code, format, ...) returns the error `code` with the formatted text. `format` may be a variable. */
#define IPC_RETURN_ERROR_FORMAT(code, ...) \
	{ return libipc_error_format_((enum ipc_error_code)(code), __VA_ARGS__); }

/* A case of a switch: for the value `e` prints "function f: m" on stderr; `f` and `m` are strings. */
#define ERROR_CASE(e, f, m) \
	case e: \
		fprintf(stderr, "function %s: %s\n", f, m); \
		break;

/* ---- variables, memory and conditions: a copy of the macros of utils.h ---- */

/* Sets `p` to `len` zeroed bytes. C++ wants a conversion to the type of `p`; that of the conditional has no qualifiers. */
#ifndef LIBIPC_ALLOCATE_
#ifdef __cplusplus
#define LIBIPC_ALLOCATE_(p, len) (p) = (__typeof__(1 ? (p) : NULL))calloc(1, (len));
#else
#define LIBIPC_ALLOCATE_(p, len) (p) = calloc(1, (len));
#endif
#endif

/* Declares the variable `v` of type `t` and sets it to zeros. */
#ifndef SECURE_DECLARATION
#define SECURE_DECLARATION(t, v) \
	t v; \
	memset((void *)&v, 0, sizeof v);
#endif

/* clang++ accepts arrays whose size is known at run time only, with a warning that -Wall enables (since clang 18). */
#ifndef LIBIPC_ALLOW_VLA_
#if defined __clang__ && defined __cplusplus
#define LIBIPC_ALLOW_VLA_ _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \"-Wvla-extension\"")
#define LIBIPC_END_VLA_ _Pragma("clang diagnostic pop")
#else
#define LIBIPC_ALLOW_VLA_
#define LIBIPC_END_VLA_
#endif
#endif

/* Declares the array `name` of `size` elements and sets it to zeros. `size` may be known at run time only. */
#ifndef SECURE_BUFFER_DECLARATION
#define SECURE_BUFFER_DECLARATION(type, name, size) \
	LIBIPC_ALLOW_VLA_ type name[size]; LIBIPC_END_VLA_ \
	memset((void *)name, 0, sizeof name);
#endif

/* Sets `p` to `len` zeroed bytes, which are the program's to free(3). Without memory `p` is NULL, and the statements `instr` and
 * `r` run; both may be empty. `p` is evaluated twice. */
#ifndef SECURE_BUFFER_HEAP_ALLOCATION
#define SECURE_BUFFER_HEAP_ALLOCATION(p, len, instr, r) \
	{ \
		LIBIPC_ALLOCATE_(p, len) \
		if ((p) == NULL) { \
			instr; \
			r; \
		} \
	}
#endif

/* The same; without memory `instr` runs, and the function returns NULL. */
#ifndef SECURE_BUFFER_HEAP_ALLOCATION_R_NULL
#define SECURE_BUFFER_HEAP_ALLOCATION_R_NULL(p, len, instr) \
	{ \
		LIBIPC_ALLOCATE_(p, len) \
		if ((p) == NULL) { \
			instr; \
			return NULL; \
		} \
	}
#endif

/* The same; without memory `instr` runs, and the program exits with the status `r`. */
#ifndef SECURE_BUFFER_HEAP_ALLOCATION_Q
#define SECURE_BUFFER_HEAP_ALLOCATION_Q(p, len, instr, r) \
	{ \
		LIBIPC_ALLOCATE_(p, len) \
		if ((p) == NULL) { \
			instr; \
			exit(r); \
		} \
	}
#endif

/* When the condition `t` holds, the function returns NULL. Programs give `t` parentheses of its own: T_R_NULL((p == NULL)). */
#ifndef T_R_NULL
#define T_R_NULL(t) \
	{ \
		if (t) { return NULL; } \
	}
#endif

/* When `t` holds, the function returns; it has no result. */
#ifndef T_R_NOTHING
#define T_R_NOTHING(t) \
	{ \
		if (t) { return; } \
	}
#endif

/* When `t` holds, prints `m` and the system's reason (perror(3)) and returns `r`. */
#ifndef T_PERROR_R
#define T_PERROR_R(t, m, r) \
	{ \
		if (t) { \
			perror(m); \
			return (r); \
		} \
	}
#endif

/* When `t` holds, prints `m` and the system's reason (perror(3)) and exits with the status `r`. */
#ifndef T_PERROR_Q
#define T_PERROR_Q(t, m, r) \
	{ \
		if (t) { \
			perror(m); \
			exit(r); \
		} \
	}
#endif

/* ---- the same family, with a struct ipc_error as result ---- */

/* SECURE_BUFFER_HEAP_ALLOCATION; without memory `instr` runs, and the function returns the error `r` with its default text. */
#ifndef SECURE_BUFFER_HEAP_ALLOCATION_R
#define SECURE_BUFFER_HEAP_ALLOCATION_R(p, len, instr, r) \
	{ \
		LIBIPC_ALLOCATE_(p, len) \
		if ((p) == NULL) { \
			instr; \
			IPC_RETURN_ERROR(r) \
		} \
	}
#endif

/* When `t` holds, the function returns the error `r` with its default text. */
#ifndef T_R
#define T_R(t, r) \
	{ \
		if (t) IPC_RETURN_ERROR(r) \
	}
#endif

/* The same after `m` and the system's reason were printed (perror(3)). */
#ifndef T_PERROR_RIPC
#define T_PERROR_RIPC(t, m, r) \
	{ \
		if (t) { \
			perror(m); \
			IPC_RETURN_ERROR(r) \
		} \
	}
#endif

/* ---- what a call returned ----
 *
 * `f` is a call, or any expression of type struct ipc_error. It is evaluated once, in an outer block that declares libipc_result_
 * alone: a program may call its own variable `ret`, and name it in `f`. `ret` in the other arguments is the result: a variable of
 * an inner block, which exists where an argument may name it, and when `f` failed. Only the macros with a test need it
 * for a success too; see libipc_copy_result_. The user's arguments go through no second macro, which would split them at commas.
 */
#define LIBIPC_FAILED_ libipc_result_.error_code != IPC_ERROR_NONE
#define LIBIPC_FAILED_AND_NOT_CLOSED_ LIBIPC_FAILED_ && libipc_result_.error_code != IPC_ERROR_CLOSED_RECIPIENT
#define LIBIPC_DECLARE_RET_ \
	struct ipc_error ret = libipc_result_; \
	(void)ret;
#define LIBIPC_DECLARE_RET_FOR_TEST_ \
	struct ipc_error ret; \
	libipc_copy_result_(&ret, &libipc_result_);
/* Before a statement that may be exit(3). gcc merges calls of exit that are alike, and then no longer sees that the variables of
 * two uses are not in use at the same time: each use would take 16 KiB of the stack. A use of its own variable makes them differ. */
#define LIBIPC_KEEP_APART_ __asm__ __volatile__("" : : "r"(&libipc_result_));

/* When `f` fails, returns the error. */
#define TEST_IPC_RETURN_ON_ERROR(f) \
	{ \
		struct ipc_error libipc_result_ = f; \
		if (LIBIPC_FAILED_) { return libipc_result_; } \
	}

/* When `f` fails, frees `buffer`, which may be NULL, and returns the error. */
#define TEST_IPC_RETURN_ON_ERROR_FREE(f, buffer) \
	{ \
		struct ipc_error libipc_result_ = f; \
		if (LIBIPC_FAILED_) { \
			free(buffer); \
			return libipc_result_; \
		} \
	}

/* When `f` fails, puts `message` behind the reason and returns the error. */
#define TEST_IPC_RR(f, message) \
	{ \
		struct ipc_error libipc_result_ = f; \
		if (LIBIPC_FAILED_) { \
			LIBIPC_DECLARE_RET_ \
			libipc_append_(libipc_result_.error_message, ": %s", message); \
			return libipc_result_; \
		} \
	}

/* TEST_IPC_RR_F(f, format, ...): when `f` fails, puts the formatted text behind the reason and returns the error. */
#define TEST_IPC_RR_F(f, ...) \
	{ \
		struct ipc_error libipc_result_ = f; \
		if (LIBIPC_FAILED_) { \
			LIBIPC_DECLARE_RET_ \
			libipc_append_(libipc_result_.error_message, "%s", ": "); \
			libipc_append_(libipc_result_.error_message, __VA_ARGS__); \
			return libipc_result_; \
		} \
	}

/* When `f` fails, runs `instr` and returns `ret`. */
#define TEST_IPC_I_RR(f, instr) \
	{ \
		struct ipc_error libipc_result_ = f; \
		if (LIBIPC_FAILED_) { \
			LIBIPC_DECLARE_RET_ \
			LIBIPC_KEEP_APART_ \
			instr; \
			return ret; \
		} \
	}

/* Calls `f`; when `test` holds, runs `instr` and returns `ret`. */
#define TEST_IPC_T_I_RR(f, test, instr) \
	{ \
		struct ipc_error libipc_result_ = f; \
		{ \
			LIBIPC_DECLARE_RET_FOR_TEST_ \
			if (test) { \
				LIBIPC_KEEP_APART_ \
				instr; \
				return ret; \
			} \
		} \
	}

/* Calls `f`; when `test` holds, runs the statements `instr` and `r`, where `r` is a return as a rule. It prints nothing. */
#define TEST_IPC_T_P_I_R(f, test, instr, r) \
	{ \
		struct ipc_error libipc_result_ = f; \
		{ \
			LIBIPC_DECLARE_RET_FOR_TEST_ \
			if (test) { \
				LIBIPC_KEEP_APART_ \
				instr; \
				LIBIPC_KEEP_APART_ \
				r; \
			} \
		} \
	}

/* Calls `f`; when `t` holds, runs `instr` and exits with the status `r`. `err` is not used and may be empty. */
#define TEST_IPC_T_I_P_Q(f, t, instr, err, r) \
	{ \
		struct ipc_error libipc_result_ = f; \
		{ \
			LIBIPC_DECLARE_RET_FOR_TEST_ \
			if (t) { \
				LIBIPC_KEEP_APART_ \
				instr; \
				LIBIPC_KEEP_APART_ \
				exit(r); \
			} \
		} \
	}

/* When `f` fails, prints the reason and `message` on stderr, and goes on. */
#define TEST_IPC_P(f, message) \
	{ \
		struct ipc_error libipc_result_ = f; \
		if (LIBIPC_FAILED_) { \
			LIBIPC_DECLARE_RET_ \
			fprintf(stderr, "%s: %s\n", message, libipc_result_.error_message); \
		} \
	}

/* When `f` fails, prints the reason on stderr and exits with the status `e`. */
#define TEST_IPC_Q(f, e) \
	{ \
		struct ipc_error libipc_result_ = f; \
		if (LIBIPC_FAILED_) { \
			LIBIPC_DECLARE_RET_ \
			fprintf(stderr, "%s\n", libipc_result_.error_message); \
			exit(e); \
		} \
	}
#define TEST_IPC_QUIT_ON_ERROR TEST_IPC_Q

/* When `f` fails, but not with 4 (closed by the peer), exits with the status `e`. It prints nothing. */
#define TEST_IPC_WAIT_EVENT_Q(f, e) \
	{ \
		struct ipc_error libipc_result_ = f; \
		if (LIBIPC_FAILED_AND_NOT_CLOSED_) { \
			LIBIPC_DECLARE_RET_ \
			LIBIPC_KEEP_APART_ \
			exit(e); \
		} \
	}

/* When `f` fails, but not with 4, returns the error. `r` is not used and may be empty. */
#define TEST_IPC_WAIT_EVENT_RR(f, r) \
	{ \
		struct ipc_error libipc_result_ = f; \
		if (LIBIPC_FAILED_AND_NOT_CLOSED_) { return libipc_result_; } \
	}

/* ---- events ---- */

/* Sets the four fields of an event; the message that it held is not freed. */
#define IPC_EVENT_SET(pevent, type, index, fd, message) \
	{ libipc_set_event_((pevent), (enum ipc_event_type)(type), (index), (fd), (message)); }

/* Frees the message of an event and its payload, and sets the fields to NOT_SET, 0, 0 and NULL. */
#define IPC_EVENT_CLEAN(pevent) \
	{ libipc_clean_event_(pevent); }

#endif
