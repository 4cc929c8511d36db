/*
 * ipc.h - messages between programs of one machine (libipc).
 *
 * A service has a name. Clients connect to it by that name. Both loop over events (ipc_wait_event)
 * and send messages: a type, a user type, and up to 1,999,994 bytes.
 *
 * This file is the reference. `make` turns its comments into manual pages: ipc(7) for the concepts,
 * and a page in section 3 for each function or small family. Each example is a whole program
 * without its first line, #include <libipc/ipc.h>.
 *
 * ERRORS
 *
 * Most functions return a struct ipc_error by value. Its `error_code` is IPC_ERROR_NONE, which is 0,
 * after a success. Any other value of enum ipc_error_code is a failure, and `error_message` says
 * what failed, on what, and the reason of the system. Functions since 1.2 return the code alone, or
 * -1 in place of a descriptor, and ipc_last_error has the text. The library prints nothing, except in
 * the functions that are there to print, and with LIBIPC_DEBUG=1 (see ENVIRONMENT).
 *
 * Initialise a variable with the result (struct ipc_error error = ipc_write(...)): it is filled in
 * place. An assignment to a variable that exists copies 8 KiB. The macros TEST_IPC_... are as fast.
 *
 * COMMON ERRORS
 *
 * Any call on a context may fail with these. The last one concerns direct calls, too.
 *   IPC_ERROR_ADD__NOT_ENOUGH_MEMORY      there is no memory for the context or for an entry; or the
 *                                         number of a descriptor is above 1,048,575, the most that
 *                                         Linux allows unless told otherwise (fs.nr_open)
 *   IPC_ERROR_POLLER                      the kernel refuses to watch a descriptor, as a rule because
 *                                         memory or free descriptors are missing
 *   IPC_ERROR_WAIT_EVENT__CONTEXT_FREED   another thread has freed the context: do not use it again
 *   IPC_ERROR_CONTEXT__CALLED_IN_HANDLER  the caller is a signal handler that has interrupted another
 *                                         call (see SIGNALS), or a child process that cannot use the
 *                                         context (see FORK). Nothing was done.
 *
 * MEMORY
 *
 * Zero struct ipc_ctx, struct ipc_event and struct ipc_message before their first use. The library
 * allocates with malloc(3). What a comment calls the caller's, the caller frees with free(3).
 *
 * LIMITS
 *
 * - Payload of a message: IPC_MAX_MESSAGE_SIZE bytes. A longer one is refused by the calls that
 *   send. A peer that announces a longer one is disconnected, with an ERROR event.
 * - Queue of one receiver: 64 MiB of memory, or the limit that ipc_ctx_queue_limit sets. A message
 *   takes its bytes and about 200 more. When the queue is full ipc_write fails with
 *   IPC_ERROR_WRITE__QUEUE_FULL, and what is queued stays.
 * - Received for one connection: the part of one message that has come, and one receive (256 KiB).
 *   The rest waits in the kernel.
 * - Between switched ends: 256 KiB and one message may wait for a slow end. Beyond that the library
 *   does not read the other end until there is room.
 * - Descriptors received: one for each connection is kept for ipc_receive_fd, or one for each message
 *   where ipc_ctx_accept_fds allows them; others are closed.
 * - Connections: as many as the process may have descriptors. When none is free new clients wait in
 *   the backlog (4096, or the limit of the kernel), and are accepted when one is free again.
 * - Path of a socket: 107 bytes.
 * - The library's own descriptors: one for each context that waits (none for a client with one
 *   connection); two in a process with several threads. Without them a service does not start;
 *   other waits work, but more slowly.
 * - Connecting to a service whose backlog is full: 10 seconds in all, also when signals come. The
 *   look-up through the network daemon: 10 seconds for all its steps.
 * - A peer that only stopped writing (shutdown(2)) has 5 seconds to read what is queued for it. Then
 *   comes its DISCONNECTION, and the rest is dropped.
 * - Memory that a context keeps for messages to come: 2 large blocks (at most 2 MB each), 64 of up
 *   to 4 KB, and 64 small ones.
 * - Stack: a call takes less than 64 KB.
 *
 * DIRECT CALLS
 *
 * ipc_read, ipc_read_fd, ipc_write_fd, usock_recv, usock_send, ipc_receive_fd and ipc_provide_fd
 * wait for one descriptor, as read(2) and write(2) do.
 * - With O_NONBLOCK on the descriptor they do not wait at all. The library never sets or clears that
 *   flag on a descriptor that a program or another process uses.
 * - Without a time limit they wait in the system call. A signal handler that was installed without
 *   SA_RESTART ends the call, one with SA_RESTART does not. (While such a call also has messages of
 *   a context to send, a handler ends it unless all handlers of the process have SA_RESTART.)
 * - SO_RCVTIMEO and SO_SNDTIMEO (socket(7)) limit the whole call. Handlers then do not end the call,
 *   and do not restart the limit.
 *
 * A call that ends like this returns IPC_ERROR_USOCK_RECV or IPC_ERROR_RECEIVE_FD__RECVMSG when it
 * receives, and IPC_ERROR_USOCK_SEND, IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA or
 * IPC_ERROR_PROVIDE_FD__SENDMSG when it sends. The text says "Resource temporarily unavailable", or
 * "Interrupted system call" after a handler. Nothing is lost: what was received stays for the next
 * call. IPC_ERROR_USOCK_SEND means that no byte of the message was sent.
 * IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA means that a part was sent; the library keeps the rest and
 * sends it first in the next call or wait, so do not send the message again.
 *
 * While one thread waits to send to a descriptor, other threads that send to it wait for that
 * thread. A handler that has interrupted such a wait cannot send to the same descriptor: the error
 * says "Resource deadlock avoided". Nor can it receive the rest of a message when the call that it
 * has interrupted has a part of it; ipc_wait_event leaves that message to the call.
 *
 * A direct call first takes what a context has already read from the descriptor, and first sends
 * what a context has queued for it. A read(2) of the program's own does not see what the library
 * has read. Descriptors that the program reads itself (EXTERNAL, or with a switching callback) are
 * never read ahead.
 *
 * SOCKETS AND TERMINALS
 *
 * Messages need a stream of bytes. A socket of another type (SOCK_SEQPACKET, SOCK_DGRAM) gives an
 * ERROR event, or IPC_ERROR_USOCK_RECV or IPC_ERROR_USOCK_SEND, with the text "Protocol wrong type
 * for socket".
 *
 * The library writes to a terminal through a second open file of it, which does not block. The
 * master side of a pseudo terminal has no second one: it gets single bytes, and when it takes none
 * even ipc_wait_event may wait.
 *
 * Listening sockets of the library do not block, so that several processes may share one; all its
 * other sockets do. usock_accept and ipc_accept_add wait for a client all the same. A listener of
 * the program's own, added as a SERVER, keeps its flags: set O_NONBLOCK on it if several processes
 * accept from it.
 *
 * SIGNALS
 *
 * A signal handler may call any function while its thread waits in a call, or is outside of the
 * library, unless it has interrupted malloc(3). In the middle of a call, calls on the same context or
 * descriptor (in a process with several threads: on any) fail with
 * IPC_ERROR_CONTEXT__CALLED_IN_HANDLER and do nothing, except ipc_close_all, ipc_ctx_free and
 * ipc_wake.
 *
 * - A handler that has run ends ipc_wait_event with IPC_ERROR_WAIT_EVENT__POLL. Stopping and
 *   continuing (SIGSTOP, Ctrl-Z and fg), a debugger that attaches or detaches, and ignored signals
 *   do not end a wait.
 * - In the middle of a call a handler may call ipc_close_all and ipc_ctx_free, and then exit or
 *   return: the interrupted call does the rest when it ends. It may also call fork(2).
 * - ipc_close_all neither allocates nor frees memory. A handler that has interrupted malloc(3) must
 *   call nothing that does, such as ipc_ctx_free and fork(2): use ipc_wake, ipc_close_all, _Fork(3),
 *   _exit(2).
 * - A handler may leave a waiting call with siglongjmp(3). Elsewhere that may leave the context half
 *   changed.
 * - The library never raises SIGPIPE.
 *
 * THREADS
 *
 * Any thread may call any function at any time, on any context and any descriptor. A call sees the
 * changes of another call completely or not at all.
 *
 * Contexts do not block each other. Not locked are: the public arrays of struct ipc_ctx, tables and
 * lists that a program keeps of its own (ipc_switching_add, ipc_messages_add), and one struct
 * ipc_event or struct ipc_message in two calls at once. Instead of the public arrays use
 * ipc_ctx_status, ipc_ctx_entry and ipc_ctx_entries. Name entries by descriptor: an index may mean
 * another entry after any call of another thread. Do not free the memory of a context while another
 * thread may still begin a call on it. A thread that is cancelled (pthread_cancel(3)) inside a call
 * ends when the call does.
 *
 * Several threads may wait for events of one context. Each event goes to one of them, which then has
 * a claim on the connection of the event (on both ends of a switched pair): no other thread gets its
 * next event until this thread calls ipc_wait_event on the context again, calls ipc_ctx_release, or
 * ends. So what belongs to one connection needs no lock, and the number of a closed descriptor is
 * not used again before. A CONNECTION claims the client, not the server.
 *
 * While one thread waits, what another one writes is sent at once. A process with one thread takes
 * no locks.
 *
 * FORK
 *
 * A child of fork(2) may use, close or leave its copy of a context; the parent is not affected. Only
 * the process that listened removes the socket file. What is left behind is replaced by the next
 * service of that name. A child that closes a connection does not send what its parent has queued.
 *
 * fork(2) waits until other threads have finished their changes: at most two seconds, and 50 ms in
 * a signal handler that has interrupted a call.
 *
 * The same holds for children of _Fork(3) and clone(2) (since Linux 4.14), which do not wait. A
 * context that another thread is still changing at that moment can only be closed (ipc_close_all)
 * and freed in the child; other calls on it fail with IPC_ERROR_CONTEXT__CALLED_IN_HANDLER.
 *
 * All sockets that the library makes or accepts are close-on-exec (FD_CLOEXEC, fcntl(2)), so a
 * program that a service starts keeps neither the service's name nor its clients.
 *
 * A daemon may close every descriptor that it does not know (close_range(2)): the library notices,
 * and makes new ones of its own.
 *
 * ENVIRONMENT
 *
 * An empty variable counts as unset. A process with raised privileges (set-user-ID, set-group-ID,
 * file capabilities; AT_SECURE in getauxval(3)) ignores all of them, because an untrusted caller
 * sets them.
 *   IPC_RUNDIR        directory of the sockets, /run/ipc by default. A service makes it if it is
 *                     missing, with mode 1750 less the umask(2), so that other users cannot search it.
 *   IPC_SOCKET_MODE   mode of a service's socket, in octal digits, at most 777; by default 777 less
 *                     the umask. Connecting needs write permission on the socket, and search
 *                     permission on the directories above it.
 *   IPC_SOCKET_GROUP  group of a service's socket, by name or number. Mode and group are set before
 *                     anybody can connect. A value that is invalid or refused is
 *                     IPC_ERROR_USOCK_INIT__SOCKET_MODE.
 *   IPC_NETWORK       routes through the network daemon, ipcd(8): `service uri`, with `;` between
 *                     them. When the daemon cannot help, ipc_connection tries the service of this
 *                     machine, except for a strict route, which ends in ` !`
 *                     (`pong tcp://host:9000/pong !`).
 *   LIBIPC_DEBUG      1: one line on descriptor 2 for each event and each error. It may be a
 *                     terminal, a pipe, a file opened for writing only or with O_APPEND, or the
 *                     socket with which the program started. Once it was closed nothing is written
 *                     to what gets its number.
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

/* Code 0 is success; 1, 2, 14 and 17 are not used. The name says which function and which argument an error belongs to. Codes that
 * are never returned are those of the old library, which this one has no use for. */
enum ipc_error_code {
	IPC_ERROR_NONE = 0, /* success */
	IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY = 3, /* no memory for the message that is being received; it stays for the next call */
	IPC_ERROR_CLOSED_RECIPIENT = 4, /* the peer has left; from ipc_wait_event: an end of a switched pair; the network daemon says no */
	IPC_ERROR_SERVICE_PATH__NO_PATH = 5, /* NULL instead of a place for the path */
	IPC_ERROR_SERVICE_PATH__NO_SERVICE_NAME = 6, /* NULL instead of a name of a service */
	IPC_ERROR_SERVER_INIT__NO_ENVIRONMENT_PARAM = 7, /* never returned */
	IPC_ERROR_SERVER_INIT__NO_SERVICE_PARAM = 8, /* NULL instead of a context */
	IPC_ERROR_SERVER_INIT__NO_SERVER_NAME_PARAM = 9, /* NULL instead of a name of a service */
	IPC_ERROR_SERVER_INIT__MALLOC = 10, /* never returned */
	IPC_ERROR_WRITE__NO_MESSAGE_PARAM = 11, /* NULL instead of a message */
	IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA = 12, /* only a part of the message was sent; see DIRECT CALLS in ipc(7) */
	IPC_ERROR_READ__NO_MESSAGE_PARAM = 13, /* NULL instead of a message or a context */
	IPC_ERROR_CONNECTION__NO_SERVICE_NAME = 15, /* NULL instead of a name of a service */
	IPC_ERROR_CONNECTION__NO_ENVIRONMENT_PARAM = 16, /* never returned */
	IPC_ERROR_ACCEPT__NO_SERVICE_PARAM = 18, /* never returned */
	IPC_ERROR_ACCEPT__NO_CLIENT_PARAM = 19, /* never returned */
	IPC_ERROR_HANDLE_NEW_CONNECTION__NO_CINFO_PARAM = 20, /* never returned */
	IPC_ERROR_HANDLE_NEW_CONNECTION__NO_CINFOS_PARAM = 21, /* NULL instead of a context */
	IPC_ERROR_WAIT_EVENT__SELECT = 22, /* never returned */
	IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM = 23, /* NULL instead of a context */
	IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM = 24, /* NULL instead of an event */
	IPC_ERROR_HANDLE_NEW_CONNECTION__MALLOC = 25, /* never returned */
	IPC_ERROR_ADD__EMPTY_LIST = 26, /* never returned */
	IPC_ERROR_ADD__NO_PARAM_CLIENTS = 27, /* NULL instead of a context */
	IPC_ERROR_ADD__NO_PARAM_CLIENT = 28, /* NULL instead of a struct ipc_connection_info */
	IPC_ERROR_ADD__MALLOC = 29, /* never returned */
	IPC_ERROR_ADD_FD__NO_PARAM_CINFOS = 30, /* NULL instead of a context */
	IPC_ERROR_ADD_FD__NOT_ENOUGH_MEMORY = 31, /* never returned */
	IPC_ERROR_DEL_FD__NO_PARAM_CINFOS = 32, /* NULL instead of a context */
	IPC_ERROR_DEL_FD__EMPTIED_LIST = 33, /* never returned */
	IPC_ERROR_DEL_FD__EMPTY_LIST = 34, /* the context is empty */
	IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT = 35, /* the context does not have the descriptor */
	IPC_ERROR_CONTACT_IPCD__NO_SERVICE_NAME_PARAM = 36, /* NULL instead of a name of a service */
	IPC_ERROR_CONTACT_IPCD__NO_SERVER_PARAM = 37, /* IPC_NETWORK is too long for a message, or there is no memory */
	IPC_ERROR_DEL__EMPTY_LIST = 38, /* the context is empty */
	IPC_ERROR_DEL__EMPTIED_LIST = 39, /* never returned */
	IPC_ERROR_DEL__CANNOT_FIND_CLIENT = 40, /* the context has no entry with this index, or its descriptor is closed */
	IPC_ERROR_DEL__NO_CLIENTS_PARAM = 41, /* NULL instead of a context */
	IPC_ERROR_DEL__NO_CLIENT_PARAM = 42, /* never returned */
	IPC_ERROR_USOCK_SEND = 43, /* sending has failed, or would have to wait; nothing was sent */
	IPC_ERROR_USOCK_CONNECT__SOCKET = 44, /* socket(2) has failed, as a rule for want of a free descriptor */
	IPC_ERROR_USOCK_CONNECT__WRONG_FILE_DESCRIPTOR = 45, /* NULL instead of a place for the descriptor */
	IPC_ERROR_USOCK_CONNECT__EMPTY_PATH = 46, /* NULL instead of a path, or an empty one */
	IPC_ERROR_USOCK_CONNECT__CONNECT = 47, /* nobody listens there, permission is missing, or the backlog was full for 10 seconds */
	IPC_ERROR_USOCK_CLOSE = 48, /* close(2) has failed: the descriptor is not open */
	IPC_ERROR_USOCK_REMOVE__UNLINK = 49, /* the file cannot be removed */
	IPC_ERROR_USOCK_REMOVE__NO_FILE = 50, /* there is no such file; or NULL instead of a path, or an empty one */
	IPC_ERROR_USOCK_INIT__EMPTY_FILE_DESCRIPTOR = 51, /* NULL instead of a place for the descriptor */
	IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR = 52, /* socket(2) has failed, as a rule for want of a free descriptor */
	IPC_ERROR_USOCK_INIT__EMPTY_PATH = 53, /* NULL instead of a path, or an empty one */
	IPC_ERROR_USOCK_INIT__BIND = 54, /* bind(2) has failed; or a live service, or a file that is no socket, has the path */
	IPC_ERROR_USOCK_INIT__LISTEN = 55, /* listen(2) has failed */
	IPC_ERROR_USOCK_ACCEPT__PATH_FILE_DESCRIPTOR = 56, /* NULL instead of a place for the descriptor */
	IPC_ERROR_USOCK_ACCEPT = 57, /* accept(2) has failed, would have to wait, or a signal handler has run */
	IPC_ERROR_USOCK_RECV__NO_BUFFER = 58, /* NULL instead of a place for the buffer */
	IPC_ERROR_USOCK_RECV__NO_LENGTH = 59, /* NULL instead of a place for the length */
	IPC_ERROR_USOCK_RECV = 60, /* receiving has failed, or would have to wait; what was received stays for the next call */
	IPC_ERROR_USOCK_RECV__UNRECOGNIZED_ERROR = 61, /* never returned */
	IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION = 62, /* no memory to receive with; nothing is lost */
	IPC_ERROR_USOCK_RECV__MESSAGE_SIZE = 63, /* the peer announces more than a frame may have, or than the buffer */
	IPC_ERROR_RECEIVE_FD__NO_PARAM_FD = 64, /* NULL instead of a place for the descriptor */
	IPC_ERROR_RECEIVE_FD__RECVMSG = 65, /* no descriptor came, the peer has left, the call would have to wait, or no number is free */
	IPC_ERROR_PROVIDE_FD__SENDMSG = 66, /* passing the descriptor has failed, or would have to wait */
	IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH = 67, /* the message is longer than IPC_MAX_MESSAGE_SIZE */
	IPC_ERROR_MESSAGE_FORMAT__MESSAGE_SIZE = 68, /* the payload is longer than IPC_MAX_MESSAGE_SIZE */
	IPC_ERROR_MESSAGE_FORMAT__NO_MESSAGE_PARAM = 69, /* NULL instead of a message */
	IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS = 70, /* a length without a payload, or a payload with length 0 */
	IPC_ERROR_MESSAGE_FORMAT__HEAP_ALLOCATION = 71, /* no memory */
	IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MESSAGE = 72, /* NULL instead of a message */
	IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MSIZE = 73, /* NULL instead of a place for the size */
	IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_BUFFER = 74, /* NULL instead of a place for the buffer */
	IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_MESSAGE = 75, /* NULL instead of a message */
	IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_BUFFER = 76, /* NULL instead of a buffer */
	IPC_ERROR_MESSAGE_FORMAT_READ__PARAM_MESSAGE_SIZE = 77, /* more bytes than a frame may have */
	IPC_ERROR_MESSAGE_FORMAT_READ__READ_MESSAGE_SIZE = 78, /* the frame announces another length than there are bytes */
	IPC_ERROR_MESSAGE_FORMAT_READ__MESSAGE_TOO_LONG = 79, /* the frame announces more than IPC_MAX_MESSAGE_SIZE bytes */
	IPC_ERROR_MESSAGE_EMPTY__EMPTY_MESSAGE_LIST = 80, /* NULL instead of a message */
	IPC_ERROR_MKDIR__CANNOT_CREATE_DIR = 81, /* the directory cannot be made */
	IPC_ERROR_MKDIR__NAME_TOO_LONG = 82, /* the path has PATH_MAX bytes or more */
	IPC_ERROR_DIR_SETUP__NOT_A_DIRECTORY = 83, /* what should be the directory is another file */
	IPC_ERROR_DIR_SETUP__DIRECTORY_NOT_WRITABLE = 84, /* the process may not write in the directory */
	IPC_ERROR_DIRECTORY_SETUP__PATH_PARAM = 85, /* NULL instead of a path, or an empty one */
	IPC_ERROR_SERVER_INIT__NOT_ENOUGH_MEMORY = 86, /* no memory for the path of the socket */
	IPC_ERROR_CONNECTION__NOT_ENOUGH_MEMORY = 87, /* never returned */
	IPC_ERROR_CTX_INIT__NO_CONTEXT_PARAM = 88, /* NULL instead of a place for the context */
	IPC_ERROR_CTX_INIT__CONTEXT_ALREADY_INIT = 89, /* there is a context already: the pointer is not NULL */
	IPC_ERROR_ADD__MALLOC_POLLFD = 90, /* never returned */
	IPC_ERROR_ADD_MESSAGE_TO_SEND__EMPTY_LIST = 91, /* never returned */
	IPC_ERROR_ADD_MESSAGE_TO_SEND__MALLOC = 92, /* no memory for the copy of the message */
	IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGE = 93, /* NULL instead of a message */
	IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGES = 94, /* NULL instead of a list */
	IPC_ERROR_CONNECTION__NO_CTX = 95, /* NULL instead of a context */
	IPC_ERROR_CTX_INIT__MALLOC_CTX = 96, /* no memory */
	IPC_ERROR_CTX_INIT__MALLOC_POLLFD = 97, /* never returned */
	IPC_ERROR_CONTACT_IPCD__NO_FD_PARAM = 98, /* NULL instead of a place for the descriptor */
	IPC_ERROR_HANDLE_NEW_CONNECTION__INCONSISTENT_INDEX = 99, /* the context has no entry with this index, or its descriptor is closed */
	IPC_ERROR_DEL_MESSAGE_TO_SEND__NO_PARAM_MESSAGES = 100, /* NULL instead of a list */
	IPC_ERROR_MESSAGE_DEL__INDEX_ERROR = 101, /* the list has no message with this index */
	IPC_ERROR_MESSAGE_DEL__EMPTY_LIST = 102, /* the list is empty */
	IPC_ERROR_ADD__NO_PARAM_POLLFD = 103, /* NULL instead of a struct pollfd */
	IPC_ERROR_WRITE__FD_NOT_FOUND = 104, /* the context does not have the receiver's descriptor, or NULL instead of a context */
	IPC_ERROR_ADD__NOT_ENOUGH_MEMORY = 105, /* no memory for the context or an entry; or the number of the descriptor is too large */
	IPC_ERROR_WAIT_EVENT__POLL = 106, /* a signal handler has run; no event is lost */
	IPC_ERROR_FD_SWITCHING__NO_FD_RECORD = 107, /* the SWITCHED descriptor is in no pair */
	IPC_ERROR_CLOSE_ALL__NO_CTX_PARAM = 108, /* NULL instead of a context */
	IPC_ERROR_CLOSE__NO_CTX_PARAM = 109, /* NULL instead of a context */
	IPC_ERROR_WRITE__QUEUE_FULL = 110, /* the queue of this receiver is full, nothing was queued (since 1.0) */
	IPC_ERROR_SERVICE_PATH__INVALID_NAME = 111, /* an empty name, one with a component `.` or `..`, or too long a path (since 1.0) */
	IPC_ERROR_CTX_QUEUE_LIMIT__NO_CTX_PARAM = 112, /* NULL instead of a context (since 1.0) */
	IPC_ERROR_POLLER = 113, /* the kernel refuses to watch a descriptor, as a rule for want of memory or of a free one (since 1.0) */
	IPC_ERROR_WAIT_EVENT__CONTEXT_FREED = 114, /* another thread has freed the context meanwhile (since 1.1) */
	IPC_ERROR_CTX_ENTRY__NO_PARAM = 115, /* NULL instead of a context, or of a place for the answer (since 1.1) */
	IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND = 116, /* the context does not have this descriptor (since 1.1) */
	IPC_ERROR_USOCK_INIT__SOCKET_MODE = 117, /* IPC_SOCKET_MODE or IPC_SOCKET_GROUP makes no sense, or is refused (since 1.2) */
	IPC_ERROR_CONTEXT__CALLED_IN_HANDLER = 118, /* a signal handler has interrupted another call of its thread (since 1.2) */
	IPC_ERROR_CTX_FD__UNAVAILABLE = 119, /* the library was built for poll(2), which has no descriptor for other loops (since 1.2) */
	IPC_ERROR_CTX_QUIET__EVENT_TYPE = 120, /* only TX and SWITCH can be left out (since 1.2) */
	IPC_ERROR_WRITE_WITH_FD__DESCRIPTOR = 121, /* the descriptor cannot be copied, or the receiver is no Unix socket (since 1.2) */
	IPC_ERROR_PEER__UNKNOWN = 122, /* the descriptor is no Unix socket, or it is not connected (since 1.2) */
	IPC_ERROR_WAKE__EMPTY_CONTEXT = 123, /* the context has neither an entry nor a descriptor for other loops (since 1.2) */
	IPC_ERROR_CTX_ADD__NOT_LISTENING = 124, /* the descriptor is no Unix stream socket that listens (since 1.2) */
	IPC_ERROR_FLUSH__UNSENT = 125, /* the time is up, and messages are still queued (since 1.2) */
	IPC_ERROR_CTX_LIMIT__VALUE = 126, /* there is no such limit, or the value is out of range (since 1.2) */
};

/* The result of most functions: a code, and a text that ends in a NUL. After a failure every byte behind the NUL is zero, too; after a
 * success only the first byte of the text is set. BUFSIZ is 8192 with glibc, and 1024 with musl, on the BSDs and on macOS. */
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

/* A message. The payload, any bytes, was allocated with malloc(3) by the library or by the program; whoever holds the message frees it.
 * A payload that was received is not NULL, also with length 0, and has a NUL behind it that `length` does not count: text can be printed
 * as it is, but a peer may have sent a NUL in the middle, too. Both ends must agree what
 * type and user type mean: the library passes them on as they are. */
struct ipc_message {
	char type;       /* enum msg_types */
	char user_type;  /* the program's own */
	int fd;          /* the peer: whom it came from, or whom it goes to */
	uint32_t length; /* of the payload, in bytes */
	char *payload;
};

/* A list of messages: that of a context, or one that a program keeps of its own (ipc_messages_add). */
struct ipc_messages {
	struct ipc_message *messages;
	size_t size;
};

/* A pair of descriptors whose messages go from one to the other, and the four callbacks (ipc_switching_callbacks): *_in reads from that
 * end and fills the message, *_out writes the message to it. NULL means libipc frames for that direction. */
struct ipc_switching {
	int orig;
	int dest;
	enum ipccb (*orig_in)(int origin_fd, struct ipc_message *m, short int *more_to_read);
	enum ipccb (*orig_out)(int origin_fd, struct ipc_message *m);
	enum ipccb (*dest_in)(int origin_fd, struct ipc_message *m, short int *more_to_read);
	enum ipccb (*dest_out)(int origin_fd, struct ipc_message *m);
};

/* A table of pairs: that of a context, or one that a program keeps of its own (ipc_switching_add). */
struct ipc_switchings {
	struct ipc_switching *collection;
	size_t size;
};

/* A context: what a program listens to and talks with. Zero it before the first use. Both arrays share their indices and have `size`
 * entries: pollfd[i].fd is the descriptor of cinfos[i]. A program with one thread reads them, and leaves them to the library, except
 * for cinfos[i].type, which it may change. A program with several threads calls ipc_ctx_entry and ipc_ctx_entries instead. */
struct ipc_ctx {
	struct ipc_connection_info *cinfos;
	struct pollfd *pollfd;
	size_t size;
	struct ipc_messages tx;         /* queued messages that the kernel does not have yet, oldest first */
	struct ipc_switchings switchdb; /* the live table of switched pairs */
};

/* Filled by ipc_wait_event. Zero it before the first use. `m` is a struct ipc_message *, or NULL. It is the library's until the next
 * call with this event; IPC_EVENT_CLEAN frees it earlier. To keep a message take its payload, and set the payload in `m` to NULL and the
 * length to 0. */
struct ipc_event {
	enum ipc_event_type type;
	uint32_t index; /* of the entry, in the context */
	int origin;     /* its descriptor */
	void *m;
};

/* ---- the life of a context ---- */

/* ipc_ctx_init - allocate a context
 *
 * Allocates a zeroed context. A variable is as good: struct ipc_ctx ctx = {0}.
 *
 * ctx  becomes the context; the pointer must be NULL before
 *
 * Ownership: the context is the caller's. To give it back call ipc_close_all, ipc_ctx_free, and
 *   free(3).
 * Errors:
 *   IPC_ERROR_CTX_INIT__NO_CONTEXT_PARAM      `ctx` is NULL
 *   IPC_ERROR_CTX_INIT__CONTEXT_ALREADY_INIT  the pointer is not NULL
 *   IPC_ERROR_CTX_INIT__MALLOC_CTX            there is no memory
 * Threads: Any thread may call it at any time.
 * Signals: It allocates memory: a signal handler that may have interrupted malloc(3) must not call it.
 * Since: 1.0
 * See: ipc_close_all, ipc_ctx_free
 * Example:
 *     int main(void) {
 *         struct ipc_ctx *ctx = NULL;
 *
 *         TEST_IPC_Q(ipc_ctx_init(&ctx), 1);
 *         TEST_IPC_Q(ipc_server_init(ctx, "greeter"), 1);
 *         ipc_ctx_print(ctx);
 *         TEST_IPC_Q(ipc_close_all(ctx), 1);
 *         ipc_ctx_free(ctx);
 *         free(ctx);
 *         return 0;
 *     }
 */
struct ipc_error ipc_ctx_init(struct ipc_ctx **ctx);

/* ipc_ctx_new_alloc - add an entry that the program fills in
 *
 * Adds one zeroed entry at the end of the public arrays. The program writes the descriptor into
 * pollfd[size - 1].fd and the type into cinfos[size - 1].type; the entry counts from the next call
 * on. New programs use ipc_add.
 *
 * ctx  the context
 *
 * Ownership: the arrays stay the library's. The descriptor becomes the context's, unless it is
 *   EXTERNAL.
 * Errors:
 *   IPC_ERROR_ADD__NO_PARAM_CLIENTS   `ctx` is NULL
 * Threads: The public arrays are not locked: only for programs with one thread.
 * Since: 1.0
 * See: ipc_add, ipc_add_fd
 * Example:
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         int fd = 0;
 *
 *         TEST_IPC_Q(ipc_ctx_new_alloc(&ctx), 1);
 *         ctx.pollfd[ctx.size - 1].fd = fd;
 *         ctx.cinfos[ctx.size - 1].type = IPC_CONNECTION_TYPE_EXTERNAL;
 *         if (ipc_ctx_fd_type(&ctx, fd, IPC_CONNECTION_TYPE_EXTERNAL) != 0) return 1;
 *         TEST_IPC_Q(ipc_del(&ctx, 0), 1);
 *         return (int)ctx.size;
 *     }
 */
struct ipc_error ipc_ctx_new_alloc(struct ipc_ctx *ctx);

/* ipc_ctx_free - free what the library holds for a context
 *
 * Frees entries, queued messages and tables, but not `ctx` itself, and closes nothing: call
 * ipc_close_all first. The context can then be used again as if zeroed. It may be called twice, and
 * with NULL.
 *
 * ctx  the context
 *
 * Ownership: queued messages are dropped. The descriptors of the context become the caller's. `ctx`
 *   stays the caller's.
 * Threads: Threads that wait on the context, or in any call for its lock, return with
 *   IPC_ERROR_WAIT_EVENT__CONTEXT_FREED, and do not touch `ctx` any more. A thread that handles an
 *   event is not told: its next wait is one on an empty context. No thread may begin a call on a
 *   context whose memory is gone.
 * Signals: A handler may call it at any moment, also in the middle of a call, unless it has
 *   interrupted malloc(3). The interrupted call does the rest when it ends.
 * Since: 1.0
 * See: ipc_close_all, ipc_ctx_init
 * Example: as ipc_ctx_init
 */
void ipc_ctx_free(struct ipc_ctx *ctx);

/* ipc_ctx_print - print the entries of a context
 *
 * Prints each entry with its index, descriptor, type and path on stdout, for people to read.
 *
 * ctx  the context; NULL prints nothing
 *
 * Since: 1.0
 * See: ipc_ctx_entries, ipc_message_print, ipc_switching_print
 * Example: as ipc_ctx_init
 */
void ipc_ctx_print(struct ipc_ctx *ctx);

/* ipc_server_init - offer a service
 *
 * Listens as the service `sname`, and adds a SERVER entry to the context. Clients that connect are
 * accepted by ipc_wait_event, which tells of each with a CONNECTION event. A context may offer
 * several services, and be connected to others at the same time.
 *
 * The socket is the file `sname` in the run directory (IPC_RUNDIR, ENVIRONMENT in ipc(7)), which is
 * made if it is missing. A stale socket of a service that has ended is replaced. IPC_SOCKET_MODE and
 * IPC_SOCKET_GROUP say who may connect.
 *
 * ctx    the context
 * sname  the name of the service: a file name, or a relative path without the components `.` and `..`
 *
 * Ownership: the context closes the socket. ipc_close and ipc_close_all remove its file. `sname` is
 *   copied.
 * Errors:
 *   IPC_ERROR_SERVER_INIT__NO_SERVICE_PARAM      `ctx` is NULL
 *   IPC_ERROR_SERVER_INIT__NO_SERVER_NAME_PARAM  `sname` is NULL
 *   IPC_ERROR_SERVICE_PATH__INVALID_NAME         the name is empty, has a component `.` or `..`, or makes
 *                                                a path of more than 107 bytes
 *   IPC_ERROR_MKDIR__CANNOT_CREATE_DIR           the run directory cannot be made
 *   IPC_ERROR_DIR_SETUP__NOT_A_DIRECTORY         what should be the run directory is a file
 *   IPC_ERROR_DIR_SETUP__DIRECTORY_NOT_WRITABLE  the process may not write there
 *   IPC_ERROR_USOCK_INIT__BIND                   a live service has the name, or another file, which
 *                                                is left alone
 *   IPC_ERROR_USOCK_INIT__SOCKET_MODE            IPC_SOCKET_MODE or IPC_SOCKET_GROUP is invalid, or
 *                                                the system refuses it
 *   IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR  there is no socket, as a rule for want of a free
 *                                                descriptor
 *   IPC_ERROR_USOCK_INIT__LISTEN                 listen(2) has failed
 *   IPC_ERROR_SERVER_INIT__NOT_ENOUGH_MEMORY     there is no memory for the path
 * Since: 1.0
 * See: ipc_close, ipc_connection, ipc_wait_event, usock_init, ipcd(8)
 * Example: as ipc_wait_event
 */
struct ipc_error ipc_server_init(struct ipc_ctx *ctx, const char *sname);

/* ipc_connection - connect to a service
 *
 * Connects to the service `sname` of this machine, or of another one when IPC_NETWORK has a route
 * for it (ENVIRONMENT in ipc(7)), and adds an IPC entry to the context.
 *
 * A service that runs but does not answer is connected to all the same: the kernel does that while
 * there is room in the backlog. When that is full the call waits 10 seconds at most; a look-up takes
 * 10 seconds at most for all its steps. Signals do not change that. Nothing connects again when the
 * service leaves: that is a DISCONNECTION.
 *
 * ctx    the context
 * sname  the name of the service
 * fd     becomes the descriptor of the connection; may be NULL
 *
 * Ownership: the descriptor stays the context's, which closes it.
 * Errors:
 *   IPC_ERROR_CONNECTION__NO_CTX              `ctx` is NULL
 *   IPC_ERROR_CONNECTION__NO_SERVICE_NAME     `sname` is NULL
 *   IPC_ERROR_SERVICE_PATH__INVALID_NAME      the name is empty, has a component `.` or `..`, or makes a
 *                                             path of more than 107 bytes
 *   IPC_ERROR_USOCK_CONNECT__CONNECT          no such service runs ("No such file or directory",
 *                                             "Connection refused"), the caller may not connect
 *                                             ("Permission denied"), or the backlog stayed full
 *   IPC_ERROR_USOCK_CONNECT__SOCKET           there is no socket, as a rule for want of a free
 *                                             descriptor
 *   IPC_ERROR_CLOSED_RECIPIENT                with a strict route: the network daemon refuses, and
 *                                             the text has its reason. With such a route the other
 *                                             errors of ipc_contact_ipcd are possible, too.
 * Since: 1.0
 * See: ipc_connection_switched, ipc_contact_ipcd, ipc_server_init, ipcd(8)
 * Example: as ipc_wait_event
 */
struct ipc_error ipc_connection(struct ipc_ctx *ctx, const char *sname, int *fd);

/* ipc_connection_switched - connect a client of this program to another service
 *
 * Connects to the service `sname` as ipc_connection does, and ties that connection to `clientfd`:
 * what one end sends goes to the other. Both are SWITCHED entries from then on; `clientfd` is added
 * to the context if it is not there.
 *
 * ctx       the context
 * sname     the name of the service
 * clientfd  a descriptor, as a rule that of a client of this program
 * serverfd  becomes the descriptor of the connection to the service; may be NULL
 *
 * Ownership: both descriptors are the context's while they are tied. When one end leaves, both
 *   entries are removed, and the program closes both descriptors (see ipc_wait_event).
 * Errors:
 *   IPC_ERROR_CONNECTION__NO_CTX              `ctx` is NULL
 *   IPC_ERROR_CONNECTION__NO_SERVICE_NAME     `sname` is NULL
 *   IPC_ERROR_SERVICE_PATH__INVALID_NAME      as of ipc_connection, and so the next three
 *   IPC_ERROR_USOCK_CONNECT__CONNECT          no such service runs, or the caller may not connect
 *   IPC_ERROR_USOCK_CONNECT__SOCKET           there is no socket
 *   IPC_ERROR_CLOSED_RECIPIENT                with a strict route: the network daemon refuses
 * Since: 1.0
 * See: ipc_connection, ipc_ctx_switching_add, ipc_switching_callbacks
 * Example, which prints "answer from the back":
 *     int main(void) {
 *         struct ipc_ctx front = {0}, back = {0}, client = {0};
 *         struct ipc_event event = {0};
 *         struct ipc_message m = {0};
 *         int timer = 0, fd;
 *
 *         TEST_IPC_Q(ipc_server_init(&front, "front"), 1);
 *         TEST_IPC_Q(ipc_server_init(&back, "back"), 1);
 *         TEST_IPC_Q(ipc_connection(&client, "front", &fd), 1);
 *         TEST_IPC_Q(ipc_message_format_data(&m, 0, "question", 9), 1);
 *         TEST_IPC_Q(ipc_write_fd(fd, &m), 1);
 *         do {
 *             TEST_IPC_WAIT_EVENT_Q(ipc_wait_event(&front, &event, &timer), 1);
 *             if (event.type == IPC_EVENT_TYPE_CONNECTION)
 *                 TEST_IPC_Q(ipc_connection_switched(&front, "back", event.origin, NULL), 1);
 *         } while (event.type != IPC_EVENT_TYPE_TIMER);
 *         do {
 *             TEST_IPC_WAIT_EVENT_Q(ipc_wait_event(&back, &event, &timer), 1);
 *         } while (event.type != IPC_EVENT_TYPE_MESSAGE);
 *         TEST_IPC_Q(ipc_message_format_data(&m, 0, "answer from the back", 21), 1);
 *         TEST_IPC_Q(ipc_write_fd(event.origin, &m), 1);
 *         do {
 *             TEST_IPC_WAIT_EVENT_Q(ipc_wait_event(&front, &event, &timer), 1);
 *         } while (event.type != IPC_EVENT_TYPE_TX);
 *         TEST_IPC_Q(ipc_read_fd(fd, &m), 1);
 *         puts(m.payload);
 *         return 0;
 *     }
 */
struct ipc_error ipc_connection_switched(struct ipc_ctx *ctx, const char *sname, int clientfd, int *serverfd);

/* ipc_close - close the descriptor of an entry
 *
 * Closes the descriptor of entry `index`, unless that is EXTERNAL. First it offers the queued
 * messages to the kernel once, without waiting and without a TX event, and drops the rest. The entry
 * stays: ipc_del drops it. ipc_close_fd does both.
 *
 * It removes the socket file of a SERVER, also of one that had an ERROR event, if this process
 * listened, and if the file is still the one that it made.
 *
 * ctx    the context
 * index  of the entry, from 0
 *
 * Errors:
 *   IPC_ERROR_CLOSE__NO_CTX_PARAM         `ctx` is NULL
 *   IPC_ERROR_DEL__CANNOT_FIND_CLIENT     there is no such entry
 *   IPC_ERROR_USOCK_CLOSE                 the descriptor was not open
 * Threads: A thread that waits for the descriptor in ipc_read, ipc_read_fd or ipc_write_fd returns
 *   with an error. Programs with several threads call ipc_close_fd, because an index may mean another
 *   entry after any call of another thread.
 * Since: 1.0
 * See: ipc_close_all, ipc_close_fd, ipc_del
 * Example: as ipc_add
 */
struct ipc_error ipc_close(struct ipc_ctx *ctx, uint32_t index);

/* ipc_close_all - close all descriptors of a context
 *
 * Does what ipc_close does for each entry, and closes the library's own descriptors of the context,
 * too. The entries stay: ipc_ctx_free drops them.
 *
 * ctx  the context
 *
 * Errors:
 *   IPC_ERROR_CLOSE_ALL__NO_CTX_PARAM   `ctx` is NULL
 * Signals: A handler may call it at any moment, also in the middle of another call, and also if it
 *   has interrupted malloc(3): it neither allocates nor frees memory. The interrupted call does the
 *   rest when it ends.
 * Since: 1.0
 * See: ipc_close, ipc_ctx_free
 * Example: as ipc_ctx_init
 */
struct ipc_error ipc_close_all(struct ipc_ctx *ctx);

/* ipc_accept_add - accept a client by hand
 *
 * Accepts a client on the SERVER entry `index`, and waits for it as usock_accept does. Adds an IPC
 * entry at the end, and makes `event` a CONNECTION. Programs that wait for events do not need it:
 * ipc_wait_event accepts.
 *
 * event  becomes the event: `index` and `origin` are the client's
 * ctx    the context
 * index  of the SERVER entry, from 0
 *
 * Ownership: the context closes the descriptor. The message that `event` has is freed first.
 * Errors:
 *   IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM                 `event` is NULL
 *   IPC_ERROR_HANDLE_NEW_CONNECTION__NO_CINFOS_PARAM     `ctx` is NULL
 *   IPC_ERROR_HANDLE_NEW_CONNECTION__INCONSISTENT_INDEX  there is no such entry, or it is closed
 *   IPC_ERROR_USOCK_ACCEPT                               the entry is no listener, a signal handler
 *                                                        has run, or there is no free descriptor
 * Threads: Any thread may call it at any time. Other threads use the context while it waits. When
 *   one of them closes the entry the call fails.
 * Since: 1.0
 * See: ipc_server_init, ipc_wait_event, usock_accept
 * Example, which prints "hello":
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_event event = {0};
 *         struct ipc_message m = {0};
 *         int fd;
 *
 *         TEST_IPC_Q(ipc_server_init(&ctx, "greeter"), 1);
 *         TEST_IPC_Q(ipc_connection(&ctx, "greeter", &fd), 1);
 *         TEST_IPC_Q(ipc_accept_add(&event, &ctx, 0), 1);
 *         TEST_IPC_Q(ipc_message_format_data(&m, 0, "hello", 6), 1);
 *         TEST_IPC_Q(ipc_write_fd(fd, &m), 1);
 *         TEST_IPC_Q(ipc_read(&ctx, event.index, &m), 1);
 *         puts(m.payload);
 *         free(m.payload);
 *         TEST_IPC_Q(ipc_close_all(&ctx), 1);
 *         ipc_ctx_free(&ctx);
 *         return 0;
 *     }
 */
struct ipc_error ipc_accept_add(struct ipc_event *event, struct ipc_ctx *ctx, uint32_t index);

/* ipc_ctx_queue_limit - limit what may be queued for one receiver
 *
 * Limits the queue of each receiver of the context. The limit counts the frames and the memory that
 * they take, which is about 200 bytes more for each message. While that memory is below 4 KiB only
 * the bytes of the frames count. What is queued already stays. Beyond the limit ipc_write fails with
 * IPC_ERROR_WRITE__QUEUE_FULL; wait for TX events of that receiver before you try again.
 *
 * The limit lasts until ipc_ctx_free, or until the last entry is deleted.
 *
 * ctx    the context
 * bytes  the limit in bytes; 67,108,864 (64 MiB) by default
 *
 * Errors:
 *   IPC_ERROR_CTX_QUEUE_LIMIT__NO_CTX_PARAM   `ctx` is NULL
 * Since: 1.0
 * See: ipc_write
 * Example, which prints "queued 10 messages":
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_message m = {0};
 *         int count = 0;
 *
 *         TEST_IPC_Q(ipc_server_init(&ctx, "slow"), 1);
 *         TEST_IPC_Q(ipc_connection(&ctx, "slow", &m.fd), 1);
 *         TEST_IPC_Q(ipc_ctx_queue_limit(&ctx, 100), 1);
 *         TEST_IPC_Q(ipc_message_format_data(&m, 0, "four", 4), 1);
 *         for (;;) {
 *             struct ipc_error error = ipc_write(&ctx, &m);
 *             if (error.error_code == IPC_ERROR_WRITE__QUEUE_FULL) break;
 *             TEST_IPC_Q(error, 1);
 *             count++;
 *         }
 *         printf("queued %d messages\n", count);
 *         return 0;
 *     }
 */
struct ipc_error ipc_ctx_queue_limit(struct ipc_ctx *ctx, size_t bytes);

/* ---- what a context watches ---- */

/* ipc_add - add a descriptor of any kind
 *
 * Adds an entry for the descriptor `pollfd->fd` with the type `cinfo->type`:
 *   IPC_CONNECTION_TYPE_IPC       a stream with libipc frames, which the library reads
 *   IPC_CONNECTION_TYPE_EXTERNAL  anything that poll(2) takes; the program reads it
 *   IPC_CONNECTION_TYPE_SERVER    a listening socket, whose clients the library accepts
 *   IPC_CONNECTION_TYPE_SWITCHED  one end of a pair: tie it with ipc_ctx_switching_add
 *
 * If the number is there already, the new entry counts: the program may have closed the descriptor
 * of the other, and got the number again.
 *
 * ctx     the context
 * cinfo   the type; and the path of the socket, malloc'ed, if ipc_close is to remove it, else NULL
 * pollfd  the descriptor; `events` and `revents` do not count
 *
 * Ownership: `cinfo->spath` becomes the library's when the call succeeds. The context closes the
 *   descriptor, unless it is EXTERNAL.
 * Errors:
 *   IPC_ERROR_ADD__NO_PARAM_CLIENTS   `ctx` is NULL
 *   IPC_ERROR_ADD__NO_PARAM_CLIENT    `cinfo` is NULL
 *   IPC_ERROR_ADD__NO_PARAM_POLLFD    `pollfd` is NULL
 * Since: 1.0
 * See: ipc_add_fd, ipc_ctx_fd_type, ipc_del
 * Example, which prints "hello":
 *     #include <sys/socket.h>
 *
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_event event = {0};
 *         struct ipc_connection_info info = {IPC_CONNECTION_TYPE_IPC, 0, NULL};
 *         struct pollfd entry = {0};
 *         struct ipc_message m = {0};
 *         int ends[2];
 *
 *         if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 1;
 *         entry.fd = ends[0];
 *         TEST_IPC_Q(ipc_add(&ctx, &info, &entry), 1);
 *         TEST_IPC_Q(ipc_message_format_data(&m, 0, "hello", 6), 1);
 *         TEST_IPC_Q(ipc_write_fd(ends[1], &m), 1);
 *         TEST_IPC_Q(ipc_wait_event(&ctx, &event, NULL), 1);
 *         puts(((struct ipc_message *)event.m)->payload);
 *         TEST_IPC_Q(ipc_close(&ctx, 0), 1);
 *         TEST_IPC_Q(ipc_del(&ctx, 0), 1);
 *         return 0;
 *     }
 */
struct ipc_error ipc_add(struct ipc_ctx *ctx, struct ipc_connection_info *cinfo, struct pollfd *pollfd);

/* ipc_del - drop an entry
 *
 * Drops entry `index`. It first offers the queued messages to the kernel once, without waiting and
 * without a TX event, and drops the rest. The last entry moves into its place. It closes nothing:
 * call ipc_close first. When no entry is left all is freed as by ipc_ctx_free.
 *
 * ctx    the context
 * index  of the entry, from 0
 *
 * Ownership: a descriptor that is open becomes the caller's.
 * Errors:
 *   IPC_ERROR_DEL__NO_CLIENTS_PARAM       `ctx` is NULL
 *   IPC_ERROR_DEL__EMPTY_LIST             the context is empty
 *   IPC_ERROR_DEL__CANNOT_FIND_CLIENT     there is no such entry
 * Threads: Programs with several threads call ipc_del_fd or ipc_close_fd, because an index may mean
 *   another entry after any call of another thread.
 * Since: 1.0
 * See: ipc_close, ipc_close_fd, ipc_del_fd
 * Example: as ipc_add
 */
struct ipc_error ipc_del(struct ipc_ctx *ctx, uint32_t index);

/* ipc_add_fd, ipc_add_fd_switched - add a descriptor of the program
 *
 * ipc_add_fd adds `fd` as EXTERNAL: the program reads it when it is told EXTRA_SOCKET. Anything that
 * poll(2) takes will do: stdin, a terminal, a pipe, a socket, a timer (timerfd_create(2)), signals
 * (signalfd(2)).
 *
 * ipc_add_fd_switched adds `fd` as SWITCHED: tie it with ipc_ctx_switching_add.
 *
 * ctx  the context
 * fd   the descriptor
 *
 * Ownership: an EXTERNAL descriptor stays the caller's, who closes it after ipc_del_fd. A SWITCHED
 *   one is the context's while it is there.
 * Errors:
 *   IPC_ERROR_ADD_FD__NO_PARAM_CINFOS   `ctx` is NULL
 * Since: 1.0
 * See: ipc_add, ipc_ctx_switching_add, ipc_del_fd, ipc_wait_event
 * Example, which prints "read 5 bytes":
 *     #include <unistd.h>
 *
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_event event = {0};
 *         char bytes[64];
 *         int ends[2], both[2];
 *
 *         if (pipe(ends) != 0 || pipe(both) != 0) return 1;
 *         if (write(ends[1], "hello", 5) != 5) return 1;
 *         TEST_IPC_Q(ipc_add_fd(&ctx, ends[0]), 1);
 *         TEST_IPC_Q(ipc_add_fd_switched(&ctx, both[0]), 1);
 *         TEST_IPC_Q(ipc_wait_event(&ctx, &event, NULL), 1);
 *         if (event.type == IPC_EVENT_TYPE_EXTRA_SOCKET && event.origin == ends[0])
 *             printf("read %d bytes\n", (int)read(ends[0], bytes, sizeof bytes));
 *         TEST_IPC_Q(ipc_del_fd(&ctx, ends[0]), 1);
 *         close(ends[0]);
 *         return 0;
 *     }
 */
struct ipc_error ipc_add_fd(struct ipc_ctx *ctx, int fd);
struct ipc_error ipc_add_fd_switched(struct ipc_ctx *ctx, int fd);

/* ipc_del_fd - drop the entry of a descriptor
 *
 * Does what ipc_del does, for the entry that has this descriptor. It closes nothing: ipc_close_fd
 * closes, too.
 *
 * ctx  the context
 * fd   the descriptor
 *
 * Ownership: the descriptor becomes the caller's.
 * Errors:
 *   IPC_ERROR_DEL_FD__NO_PARAM_CINFOS      `ctx` is NULL
 *   IPC_ERROR_DEL_FD__EMPTY_LIST           the context is empty
 *   IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT   the context does not have the descriptor
 * Since: 1.0
 * See: ipc_add_fd, ipc_close_fd, ipc_del
 * Example: as ipc_add_fd
 */
struct ipc_error ipc_del_fd(struct ipc_ctx *ctx, int fd);

/* ipc_ctx_fd_type - change the type of an entry
 *
 * Changes the type of the entry that has this descriptor. To write cinfos[i].type is the same, in a
 * program with one thread. When the program has closed the number and it means another file now, the
 * library notices that here, else in a later wait.
 *
 * ctx   the context
 * fd    the descriptor
 * type  the new type: see ipc_add
 *
 * Returns: 0, or -1 when there is no such entry, no such type, or no context.
 * Since: 1.0
 * See: ipc_add, ipc_ctx_entry
 * Example: as ipc_ctx_new_alloc
 */
int ipc_ctx_fd_type(struct ipc_ctx *ctx, int fd, enum ipc_connection_type type);

/* ---- events and messages ---- */

/* ipc_wait_event - wait for the next event of a context
 *
 * Waits until something happens, and tells of it: one event a call. Connections take turns. First it
 * sends what ipc_write has queued.
 *   MESSAGE        a message came: `event->m`, a struct ipc_message * whose `fd` is the sender
 *   CONNECTION     a client of a service was accepted; `index` and `origin` are the client's
 *   DISCONNECTION  a peer has left, after its last whole message; the entry is removed, and the
 *                  descriptor closed. Of a switched end: with IPC_ERROR_CLOSED_RECIPIENT; both entries
 *                  are removed, and the program closes both descriptors. Of an EXTERNAL descriptor,
 *                  which hung up and is not readable: entry and descriptor stay, and the event comes
 *                  once for each hang-up (a FIFO gets new writers).
 *   ERROR          a peer broke the protocol, or its socket failed; the entry is removed, and the
 *                  descriptor closed. The code is IPC_ERROR_NONE, because one bad peer must not end a
 *                  service; the text has the reason. Of a switched end: with
 *                  IPC_ERROR_CLOSED_RECIPIENT; both entries are removed, and both descriptors closed
 *                  if writing failed.
 *   EXTRA_SOCKET   an EXTERNAL descriptor is readable as poll(2) defines it, also at its end, where
 *                  read(2) returns 0; or a socket has a pending error. The event repeats as long as
 *                  that is so: read the descriptor, or delete its entry.
 *   TX             a message that was queued has been handed to the kernel: one event for each.
 *                  `origin` is the receiver. It comes before the event with which the receiver goes.
 *   SWITCH         a message went from one switched end to the other; `origin` is the sender
 *   TIMER          the time is up
 *   WAKE           ipc_wake was called
 *
 * The names are those of enum ipc_event_type without IPC_EVENT_TYPE_. A program ignores events that
 * it does not know: later versions may have more.
 *
 * The timer is in milliseconds. 0 looks and returns; a negative value waits for ever. It is never
 * early. An event leaves in it what remains, rounded up; TIMER leaves 0. A program that passes the
 * value that was left goes on towards the same moment, also when messages come without a pause. Any
 * other value is a new timer: set it again after TIMER.
 *
 * A peer that only stopped writing (shutdown(2)) has 5 seconds to read what is queued for it before
 * its DISCONNECTION. A descriptor that cannot be written for want of space or memory is tried again
 * within a second; others are served meanwhile.
 *
 * ctx    the context; without entries it waits for the timer alone
 * event  becomes the event; zeroed before its first use. The message that it still has is freed.
 * timer  milliseconds, and what remains of them; NULL waits for ever
 *
 * Ownership: the message in `event->m` is the library's until the next call with this event. To keep
 *   it take its payload: copy the pointer, set it to NULL in the message, and free(3) it yourself.
 * Returns: an event may come together with a failure (IPC_ERROR_CLOSED_RECIPIENT), and an ERROR comes
 *   with a text and IPC_ERROR_NONE. After any other failure there is no event: its type is
 *   IPC_EVENT_TYPE_NOT_SET.
 * Errors:
 *   IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM       `ctx` is NULL
 *   IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM         `event` is NULL
 *   IPC_ERROR_CLOSED_RECIPIENT                   an end of a switched pair has left or failed: see
 *                                                DISCONNECTION and ERROR. Go on.
 *   IPC_ERROR_WAIT_EVENT__POLL                   a signal handler has run; `*timer` is what remains.
 *                                                Call again, or end.
 *   IPC_ERROR_FD_SWITCHING__NO_FD_RECORD         a SWITCHED descriptor has something to read, and is
 *                                                in no pair; `event` is an ERROR
 *   IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY  the system is short of memory: nothing is lost, call
 *                                                again. So are the next two.
 *   IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION        there is no memory to receive with
 *   IPC_ERROR_USOCK_RECV                         the kernel has none
 * Threads: Any number of threads may wait on a context, each with an event and a timer of its own:
 *   see THREADS in ipc(7). When an event ends a connection of a context with several threads, the
 *   descriptor is closed when the thread that has the event is done with it: its number cannot be
 *   used again before.
 * Signals: A handler that has run ends the wait of its thread, if that is the one that asks the
 *   kernel. Stopping and continuing the process, and debuggers, do not. A handler may call any function
 *   while its thread waits here, unless it has interrupted malloc(3).
 * Since: 1.0
 * See: ipc_connection, ipc_ctx_release, ipc_read, ipc_server_init, ipc_write
 * Example, which prints "the service got: hello\nthe client got: hello\nnothing more":
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_event event = {0};
 *         struct ipc_message m = {0};
 *         int timer = 100;
 *
 *         TEST_IPC_Q(ipc_server_init(&ctx, "echo"), 1);
 *         TEST_IPC_Q(ipc_connection(&ctx, "echo", &m.fd), 1);
 *         TEST_IPC_Q(ipc_message_format_data(&m, 0, "hello", 6), 1);
 *         TEST_IPC_Q(ipc_write(&ctx, &m), 1);
 *         do {
 *             struct ipc_message *got;
 *             TEST_IPC_Q(ipc_wait_event(&ctx, &event, &timer), 1);
 *             got = event.m;
 *             if (event.type != IPC_EVENT_TYPE_MESSAGE) continue;
 *             if (event.origin == m.fd) {
 *                 printf("the client got: %s\n", got->payload);
 *             } else {
 *                 printf("the service got: %s\n", got->payload);
 *                 TEST_IPC_Q(ipc_write(&ctx, got), 1);
 *             }
 *         } while (event.type != IPC_EVENT_TYPE_TIMER);
 *         puts("nothing more");
 *         free(m.payload);
 *         TEST_IPC_Q(ipc_close_all(&ctx), 1);
 *         ipc_ctx_free(&ctx);
 *         return 0;
 *     }
 */
struct ipc_error ipc_wait_event(struct ipc_ctx *ctx, struct ipc_event *event, int *timer);

/* ipc_read, ipc_read_fd - receive one message, and wait for it
 *
 * They receive the next message of a connection: of entry `index`, or of a descriptor, which need not
 * be in a context. They wait as read(2) would: see DIRECT CALLS in ipc(7). For a time limit set
 * SO_RCVTIMEO on the descriptor (setsockopt(2)), or wait with ipc_wait_event and a timer.
 *
 * Bytes that a context has already received come first. What a context has queued for the descriptor
 * is sent meanwhile.
 *
 * ctx    the context
 * index  of the entry, from 0
 * fd     the descriptor
 * m      becomes the message; its `fd` is the descriptor. The payload that it has is freed.
 *
 * Ownership: the new payload is the caller's, or is freed by the next call with this message. A
 *   failure leaves `m` as it was.
 * Errors:
 *   IPC_ERROR_READ__NO_MESSAGE_PARAM             `m` or `ctx` is NULL
 *   IPC_ERROR_DEL__CANNOT_FIND_CLIENT            there is no such entry
 *   IPC_ERROR_CLOSED_RECIPIENT                   the peer has left
 *   IPC_ERROR_USOCK_RECV                         receiving has failed; or O_NONBLOCK, a time limit or
 *                                                a signal handler has ended the call. What was
 *                                                received stays for the next call.
 *   IPC_ERROR_USOCK_RECV__MESSAGE_SIZE           the peer announces more than a frame may have
 *   IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION        there is no memory to receive with
 *   IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY  there is no memory for the message
 *   IPC_ERROR_USOCK_SEND                         the system is short of memory for what is queued
 * Threads: Any thread may call them at any time. Of several threads each gets whole messages. While
 *   one waits here ipc_wait_event does not read the descriptor.
 * Since: 1.0
 * See: ipc_wait_event, ipc_write_fd, usock_recv
 * Example, which prints "1: hello\n2: hello":
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_event event = {0};
 *         struct ipc_message m = {0};
 *         int fd;
 *
 *         TEST_IPC_Q(ipc_server_init(&ctx, "twice"), 1);
 *         TEST_IPC_Q(ipc_connection(&ctx, "twice", &fd), 1);
 *         TEST_IPC_Q(ipc_wait_event(&ctx, &event, NULL), 1);
 *         TEST_IPC_Q(ipc_message_format_data(&m, 0, "hello", 6), 1);
 *         TEST_IPC_Q(ipc_write_fd(event.origin, &m), 1);
 *         TEST_IPC_Q(ipc_write_fd(event.origin, &m), 1);
 *         TEST_IPC_Q(ipc_read(&ctx, 1, &m), 1);
 *         printf("1: %s\n", m.payload);
 *         TEST_IPC_Q(ipc_read_fd(fd, &m), 1);
 *         printf("2: %s\n", m.payload);
 *         free(m.payload);
 *         return 0;
 *     }
 */
struct ipc_error ipc_read(const struct ipc_ctx *ctx, uint32_t index, struct ipc_message *m);
struct ipc_error ipc_read_fd(int32_t fd, struct ipc_message *m);

/* ipc_write - queue a message for a connection
 *
 * Queues a copy of `m` for the descriptor `m->fd` of the context, whatever the type of its entry. It
 * does not wait. The next ipc_wait_event sends it, and then tells TX. While another thread waits on
 * the context the message is sent at once, and a waiting thread is told TX. A program that does not
 * wait for events again calls ipc_write_fd instead.
 *
 * Messages to one receiver arrive in the order of the calls, also those of several threads, and also
 * those of ipc_write_fd.
 *
 * ctx  the context
 * m    the message; `m->fd` is the receiver. An answer goes to the sender: the `fd` of the message
 *      that came.
 *
 * Ownership: `m` and its payload stay the caller's, who may free them at once.
 * Errors:
 *   IPC_ERROR_WRITE__NO_MESSAGE_PARAM               `m` is NULL
 *   IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH  `m->length` is more than IPC_MAX_MESSAGE_SIZE
 *   IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS   there is a length, and no payload
 *   IPC_ERROR_WRITE__FD_NOT_FOUND                   `m->fd` is not in the context, or `ctx` is NULL.
 *                                                   The peer may have left meanwhile.
 *   IPC_ERROR_WRITE__QUEUE_FULL                     the queue of this receiver is full: wait for TX
 *                                                   events (ipc_ctx_queue_limit)
 *   IPC_ERROR_ADD_MESSAGE_TO_SEND__MALLOC           there is no memory for the copy
 * Since: 1.0
 * See: ipc_ctx_queue_limit, ipc_wait_event, ipc_write_fd
 * Example: as ipc_wait_event
 */
struct ipc_error ipc_write(struct ipc_ctx *ctx, const struct ipc_message *m);

/* ipc_write_fd - send a message, and wait until it is sent
 *
 * Sends `m` to the descriptor `fd`, which need not be in a context, before it returns. What a context
 * has queued for the descriptor goes first. It waits for room as write(2) would: see DIRECT CALLS in
 * ipc(7).
 *
 * fd  the descriptor
 * m   the message; `m->fd` does not count
 *
 * Ownership: `m` and its payload stay the caller's.
 * Errors:
 *   IPC_ERROR_WRITE__NO_MESSAGE_PARAM               `m` is NULL
 *   IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH  `m->length` is more than IPC_MAX_MESSAGE_SIZE
 *   IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS   there is a length, and no payload
 *   IPC_ERROR_USOCK_SEND                            no byte was sent: the peer has left, there is no
 *                                                   memory, or the call would have to wait
 *   IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA             only a part was sent. After a temporary reason (a
 *                                                   signal, no room, no memory) the library keeps the
 *                                                   rest and sends it first: do not send the message
 *                                                   again.
 *   IPC_ERROR_CONTEXT__CALLED_IN_HANDLER            see SIGNALS in ipc(7)
 * Since: 1.0
 * See: ipc_read_fd, ipc_write, usock_send
 * Example: as ipc_read
 */
struct ipc_error ipc_write_fd(int fd, const struct ipc_message *m);

/* handle_writing_message, fd_switching_read, fd_switching_write - take one step of the loop by hand
 *
 * Each does for entry `index` what ipc_wait_event would do when it is the entry's turn, without
 * waiting. handle_writing_message sends what is queued, and tells of the oldest message that was sent.
 * fd_switching_read reads from a switched end, and queues the message for the other one.
 * fd_switching_write sends what is queued for a switched end. New programs do not need them.
 *
 * event  becomes the event, as of ipc_wait_event; IPC_EVENT_TYPE_NOT_SET if there is none. The message
 *        that it has is freed first.
 * ctx    the context
 * index  of the entry, from 0
 *
 * Ownership: as of ipc_wait_event.
 * Errors:
 *   IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM       `ctx` is NULL
 *   IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM         `event` is NULL
 *   IPC_ERROR_DEL__CANNOT_FIND_CLIENT            there is no such entry, or its descriptor is closed
 *   IPC_ERROR_FD_SWITCHING__NO_FD_RECORD         the descriptor is in no pair
 *   IPC_ERROR_CLOSED_RECIPIENT                   an end of the pair has left or failed: see
 *                                                ipc_wait_event
 *   IPC_ERROR_USOCK_SEND                         the system is short of memory or space: what is queued
 *                                                stays
 *   IPC_ERROR_USOCK_RECV                         the system is short of memory: nothing is lost
 *   IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION        there is no memory to receive with
 *   IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY  there is no memory for the message
 * Since: 1.0
 * See: ipc_ctx_switching_add, ipc_wait_event
 * Example, which prints "sent to 1\npassed on to 0":
 *     #include <sys/socket.h>
 *
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_event event = {0};
 *         struct ipc_message m = {0}, got = {0};
 *         int a[2], b[2];
 *
 *         if (socketpair(AF_UNIX, SOCK_STREAM, 0, a) != 0) return 1;
 *         if (socketpair(AF_UNIX, SOCK_STREAM, 0, b) != 0) return 1;
 *         TEST_IPC_Q(ipc_add_fd_switched(&ctx, a[0]), 1);
 *         TEST_IPC_Q(ipc_add_fd_switched(&ctx, b[0]), 1);
 *         ipc_ctx_switching_add(&ctx, a[0], b[0]);
 *         TEST_IPC_Q(ipc_message_format_data(&m, 0, "hello", 6), 1);
 *         m.fd = b[0];
 *         TEST_IPC_Q(ipc_write(&ctx, &m), 1);
 *         TEST_IPC_Q(handle_writing_message(&event, &ctx, 1), 1);
 *         if (event.type == IPC_EVENT_TYPE_TX) puts("sent to 1");
 *         TEST_IPC_Q(ipc_write_fd(b[1], &m), 1);
 *         TEST_IPC_Q(fd_switching_read(&event, &ctx, 1), 1);
 *         TEST_IPC_Q(fd_switching_write(&event, &ctx, 0), 1);
 *         TEST_IPC_Q(ipc_read_fd(a[1], &got), 1);
 *         if (event.type == IPC_EVENT_TYPE_TX) puts("passed on to 0");
 *         return 0;
 *     }
 */
struct ipc_error handle_writing_message(struct ipc_event *event, struct ipc_ctx *ctx, uint32_t index);
struct ipc_error fd_switching_read(struct ipc_event *event, struct ipc_ctx *ctx, int index);
struct ipc_error fd_switching_write(struct ipc_event *event, struct ipc_ctx *ctx, int index);

/* ---- for programs with several threads: all since 1.1 ---- */

/* One entry of a context, as ipc_ctx_entry and ipc_ctx_entries show it. */
struct ipc_entry {
	int fd;
	enum ipc_connection_type type;
	uint32_t pending; /* messages queued for it that the kernel does not have yet, as in ctx->tx; also without TX (ipc_ctx_quiet) */
	char path[108];   /* the socket's path of a SERVER, with its NUL; else empty */
};

/* ipc_ctx_status, ipc_ctx_entry, ipc_ctx_entries - what a context has, at one moment
 *
 * ipc_ctx_status counts the entries, and the messages that wait to be sent or to be told of (TX).
 * ipc_ctx_entry describes the entry with this descriptor. ipc_ctx_entries describes all entries.
 *
 * They replace the public arrays of struct ipc_ctx in programs with several threads.
 *
 * ctx          the context
 * connections  becomes the number of entries; may be NULL
 * messages     becomes the number of messages; may be NULL
 * fd           the descriptor
 * entry        becomes the description
 * entries      becomes an array of descriptions; NULL when there is no entry
 * count        becomes the size of the array
 *
 * Ownership: the array of ipc_ctx_entries is the caller's: free(3) it.
 * Errors:
 *   IPC_ERROR_CTX_ENTRY__NO_PARAM       a pointer is NULL that may not be
 *   IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND   the context does not have the descriptor
 * Since: 1.1
 * See: ipc_close_fd, ipc_ctx_print
 * Example, which prints "2 entries, 0 messages":
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_entry one, *all;
 *         size_t count, messages;
 *         int fd;
 *
 *         TEST_IPC_Q(ipc_server_init(&ctx, "greeter"), 1);
 *         TEST_IPC_Q(ipc_connection(&ctx, "greeter", &fd), 1);
 *         TEST_IPC_Q(ipc_ctx_status(&ctx, &count, &messages), 1);
 *         printf("%d entries, %d messages\n", (int)count, (int)messages);
 *         TEST_IPC_Q(ipc_ctx_entry(&ctx, fd, &one), 1);
 *         TEST_IPC_Q(ipc_ctx_entries(&ctx, &all, &count), 1);
 *         if (count != 2 || one.type != all[1].type) return 1;
 *         free(all);
 *         TEST_IPC_Q(ipc_close_fd(&ctx, fd), 1);
 *         TEST_IPC_Q(ipc_close_all(&ctx), 1);
 *         ipc_ctx_free(&ctx);
 *         return 0;
 *     }
 */
struct ipc_error ipc_ctx_status(struct ipc_ctx *ctx, size_t *connections, size_t *messages);
struct ipc_error ipc_ctx_entry(struct ipc_ctx *ctx, int fd, struct ipc_entry *entry);
struct ipc_error ipc_ctx_entries(struct ipc_ctx *ctx, struct ipc_entry **entries, size_t *count);

/* ipc_close_fd - close a descriptor and drop its entry
 *
 * Does what ipc_close and ipc_del_fd do, in one step: between the two another thread could get the
 * number for something else. An EXTERNAL descriptor stays open.
 *
 * ctx  the context
 * fd   the descriptor
 *
 * Errors:
 *   IPC_ERROR_CLOSE__NO_CTX_PARAM       `ctx` is NULL
 *   IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND   the context does not have the descriptor
 *   IPC_ERROR_USOCK_CLOSE               the descriptor was not open; the entry goes all the same
 * Threads: Any thread may call it at any time. A thread that waits for the descriptor in ipc_read,
 *   ipc_read_fd or ipc_write_fd returns with an error.
 * Since: 1.1
 * See: ipc_close, ipc_del_fd
 * Example: as ipc_ctx_status
 */
struct ipc_error ipc_close_fd(struct ipc_ctx *ctx, int fd);

/* ipc_ctx_release - let other threads have the events of this thread's connection
 *
 * Ends the calling thread's claim on the connection of its last event: other threads may get the next
 * event of it. ipc_wait_event does this first, so a thread calls it only when it does something else
 * for a while. See THREADS in ipc(7).
 *
 * ctx  the context
 *
 * Errors, and no others:
 *   IPC_ERROR_CTX_ENTRY__NO_PARAM   `ctx` is NULL
 * Since: 1.1
 * See: ipc_wait_event
 * Example, which prints "a message after the release":
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_event event = {0};
 *         struct ipc_message m = {0};
 *         int fd;
 *
 *         TEST_IPC_Q(ipc_server_init(&ctx, "greeter"), 1);
 *         TEST_IPC_Q(ipc_connection(&ctx, "greeter", &fd), 1);
 *         TEST_IPC_Q(ipc_wait_event(&ctx, &event, NULL), 1);
 *         TEST_IPC_Q(ipc_ctx_release(&ctx), 1);
 *         TEST_IPC_Q(ipc_message_format_data(&m, 0, "hello", 6), 1);
 *         TEST_IPC_Q(ipc_write_fd(fd, &m), 1);
 *         TEST_IPC_Q(ipc_wait_event(&ctx, &event, NULL), 1);
 *         if (event.type == IPC_EVENT_TYPE_MESSAGE) puts("a message after the release");
 *         return 0;
 *     }
 */
struct ipc_error ipc_ctx_release(struct ipc_ctx *ctx);

/* ---- for foreign loops and other languages, batches, limits: all since 1.2 ----
 *
 * These functions return an error code alone; some return a descriptor, or -1 when they fail. ipc_last_error has the text. */

/* ipc_last_error - why a call has failed
 *
 * Gives the text of the calling thread's last failure in a function that returns no struct ipc_error:
 * what failed, on what, and the reason of the system. After ipc_wait_events it is also the reason of an
 * ERROR event.
 *
 * Ownership: the text is the library's, and valid until the thread's next failure.
 * Returns: at most 511 bytes, and a NUL; "" before the first failure. Never NULL.
 * Threads: Each thread has a text of its own.
 * Signals: A handler may call it; a failure in a handler replaces the text.
 * Since: 1.2
 * See: ipc_errors_get
 * Example: as ipc_ctx_fd
 */
const char *ipc_last_error(void);

/* ipc_ctx_fd - one descriptor for other event loops
 *
 * Gives a descriptor that is readable whenever ipc_wait_event with timer 0 would give an event: for what
 * the kernel has, what the library has read already, TX to be told, what other threads and later calls
 * of the program did. Any loop can watch it: poll(2), epoll(7), libuv, GLib and others. It does not show
 * what a program itself writes to ctx->cinfos or ctx->switchdb: use ipc_ctx_fd_type and its kin.
 *
 * When it is readable call ipc_wait_event or ipc_wait_events with timer 0. A level-triggered loop does
 * that once, or as often as it likes. An edge-triggered one goes on until TIMER. From this call on
 * ipc_write sends at once, because no wait may follow.
 *
 * It stays the same until ipc_ctx_free or ipc_close_all, also while the context has no entry. After
 * fork(2) the child calls ipc_ctx_fd again, and gets another descriptor.
 *
 * ctx  the context
 *
 * Ownership: the descriptor is the context's. Only watch it: do not read, write or close it.
 * Returns: the descriptor, or -1 for a failure: ipc_last_error has the text.
 * Errors:
 *   IPC_ERROR_CTX_ENTRY__NO_PARAM   `ctx` is NULL
 *   IPC_ERROR_CTX_FD__UNAVAILABLE   the library was built for poll(2), which has no such descriptor
 *   IPC_ERROR_POLLER                there is no memory, or no free descriptor: it takes three
 * Since: 1.2
 * See: ipc_wait_event, ipc_wait_events, ipc_wake
 * Example, which prints "hello":
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_event event = {0};
 *         struct ipc_message m = {0};
 *         struct pollfd watched = {0};
 *
 *         TEST_IPC_Q(ipc_server_init(&ctx, "greeter"), 1);
 *         TEST_IPC_Q(ipc_connection(&ctx, "greeter", &m.fd), 1);
 *         TEST_IPC_Q(ipc_message_format_data(&m, 0, "hello", 6), 1);
 *         TEST_IPC_Q(ipc_write(&ctx, &m), 1);
 *         watched.fd = ipc_ctx_fd(&ctx);
 *         watched.events = POLLIN;
 *         if (watched.fd < 0) {
 *             fprintf(stderr, "%s\n", ipc_last_error());
 *             return 1;
 *         }
 *         while (event.type != IPC_EVENT_TYPE_MESSAGE && poll(&watched, 1, 5000) == 1) {
 *             int timer = 0;
 *             TEST_IPC_Q(ipc_wait_event(&ctx, &event, &timer), 1);
 *         }
 *         if (event.type == IPC_EVENT_TYPE_MESSAGE)
 *             puts(((struct ipc_message *)event.m)->payload);
 *         free(m.payload);
 *         TEST_IPC_Q(ipc_close_all(&ctx), 1);
 *         ipc_ctx_free(&ctx);
 *         return 0;
 *     }
 */
int ipc_ctx_fd(struct ipc_ctx *ctx);

/* ipc_wait_events - wait for several events at once
 *
 * Waits as ipc_wait_event does, and takes all events that are there, at most `room`. They keep the order
 * that single calls would give. TIMER comes alone. An ERROR, and an event with
 * IPC_ERROR_CLOSED_RECIPIENT, is the last one of its batch: code and ipc_last_error belong to it.
 *
 * An index is that of the moment when its event was found: name connections by `origin`. The number of a
 * connection that ended in a batch is not used again before the next call, so that a reply cannot go to
 * somebody else.
 *
 * ctx     the context
 * events  becomes the events; an array, zeroed before its first use. The messages of the last batch that
 *         its elements still have are freed, or their memory is used again. Elements behind the batch are
 *         empty, unless the program has put events there itself.
 * room    the size of the array, at least 1
 * count   becomes the number of events: at least 1 after a success
 * timer   milliseconds, and what remains of them, as of ipc_wait_event; NULL waits for ever
 *
 * Ownership: each message is the library's until the next call with this array.
 * Returns: IPC_ERROR_CLOSED_RECIPIENT comes with events. After any other failure `*count` is 0, except for
 *   the event of IPC_ERROR_FD_SWITCHING__NO_FD_RECORD.
 * Errors:
 *   IPC_ERROR_CTX_ENTRY__NO_PARAM                `ctx`, `events` or `count` is NULL, or `room` is 0
 *   IPC_ERROR_CLOSED_RECIPIENT                   an end of a switched pair has left or failed: go on
 *   IPC_ERROR_WAIT_EVENT__POLL                   a signal handler has run: call again, or end
 *   IPC_ERROR_FD_SWITCHING__NO_FD_RECORD         a SWITCHED descriptor is in no pair
 *   IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY  the system is short of memory: nothing is lost, call
 *                                                again. So are the next two.
 *   IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION        there is no memory to receive with
 *   IPC_ERROR_USOCK_RECV                         the kernel has none
 * Threads: As of ipc_wait_event. The thread has a claim on the connections of all its events until it
 *   waits again, calls ipc_ctx_release, or ends.
 * Since: 1.2
 * See: ipc_ctx_quiet, ipc_wait_event, ipc_write_take
 * Example, which prints "64 messages came back":
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_event events[32] = {{0}};
 *         struct ipc_message m = {0};
 *         size_t count, back = 0;
 *
 *         TEST_IPC_Q(ipc_server_init(&ctx, "echo"), 1);
 *         TEST_IPC_Q(ipc_connection(&ctx, "echo", &m.fd), 1);
 *         if (ipc_ctx_quiet(&ctx, IPC_QUIET_TX) != IPC_ERROR_NONE) return 1;
 *         TEST_IPC_Q(ipc_message_format_data(&m, 0, "hello", 6), 1);
 *         for (int i = 0; i < 64; i++) TEST_IPC_Q(ipc_write(&ctx, &m), 1);
 *         while (back < 64) {
 *             if (ipc_wait_events(&ctx, events, 32, &count, NULL) != IPC_ERROR_NONE) {
 *                 fprintf(stderr, "%s\n", ipc_last_error());
 *                 return 1;
 *             }
 *             for (size_t i = 0; i < count; i++) {
 *                 if (events[i].type != IPC_EVENT_TYPE_MESSAGE) continue;
 *                 if (events[i].origin == m.fd) back++;
 *                 else if (ipc_write_take(&ctx, events[i].m) != IPC_ERROR_NONE) return 1;
 *             }
 *         }
 *         printf("%d messages came back\n", (int)back);
 *         free(m.payload);
 *         TEST_IPC_Q(ipc_close_all(&ctx), 1);
 *         ipc_ctx_free(&ctx);
 *         return 0;
 *     }
 */
enum ipc_error_code ipc_wait_events(struct ipc_ctx *ctx, struct ipc_event *events, size_t room, size_t *count, int *timer);

/* Kinds of events for ipc_ctx_quiet. */
#define IPC_QUIET_TX (1u << IPC_EVENT_TYPE_TX)
#define IPC_QUIET_SWITCH (1u << IPC_EVENT_TYPE_SWITCH)

/* ipc_ctx_quiet - leave out events
 *
 * Leaves out events that the program does not need, and the work for them: IPC_QUIET_TX, IPC_QUIET_SWITCH,
 * or both. 0 tells all again. Without TX the messages that are queued from now on are not in ctx->tx
 * either, and are never told. Nor is TX told of a message that was queued before, if the kernel has got it
 * by then or gets it meanwhile. It lasts until ipc_ctx_free.
 *
 * ctx    the context
 * kinds  which events are left out
 *
 * Errors:
 *   IPC_ERROR_CTX_ENTRY__NO_PARAM       `ctx` is NULL
 *   IPC_ERROR_CTX_QUIET__EVENT_TYPE     another kind of event cannot be left out
 * Since: 1.2
 * See: ipc_wait_event, ipc_wait_events
 * Example: as ipc_wait_events
 */
enum ipc_error_code ipc_ctx_quiet(struct ipc_ctx *ctx, uint32_t kinds);

/* ipc_write_take - queue a message without a copy
 *
 * Does what ipc_write does, but takes the payload over instead of copying it. `m` may be the message of an
 * event: forwarding copies nothing.
 *
 * ctx  the context
 * m    the message; `m->fd` is the receiver. The payload was allocated with malloc(3).
 *
 * Ownership: after a success the payload is the library's: `m->payload` is NULL, and `m->length` 0. A
 *   failure leaves `m` as it was.
 * Errors:
 *   IPC_ERROR_WRITE__NO_MESSAGE_PARAM               `m` is NULL
 *   IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH  `m->length` is more than IPC_MAX_MESSAGE_SIZE
 *   IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS   there is a length, and no payload
 *   IPC_ERROR_WRITE__FD_NOT_FOUND                   `m->fd` is not in the context, or `ctx` is NULL
 *   IPC_ERROR_WRITE__QUEUE_FULL                     the queue of this receiver is full
 *   IPC_ERROR_ADD_MESSAGE_TO_SEND__MALLOC           there is no memory
 * Since: 1.2
 * See: ipc_wait_events, ipc_write
 * Example: as ipc_wait_events
 */
enum ipc_error_code ipc_write_take(struct ipc_ctx *ctx, struct ipc_message *m);

/* ipc_wake - end a wait
 *
 * One call of ipc_wait_event or ipc_wait_events on the context returns with the event WAKE (`index` and
 * `origin` 0): the one that waits now, else the next one, before other events, and after what is queued
 * was sent once. Several calls before that count as one. It is the way to stop a loop.
 *
 * ctx  the context
 *
 * Errors, and no others:
 *   IPC_ERROR_CTX_ENTRY__NO_PARAM     `ctx` is NULL
 *   IPC_ERROR_WAKE__EMPTY_CONTEXT     the context has no entry, and ipc_ctx_fd was not called: nothing can
 *                                     wait on it
 * Signals: A handler may call it at any moment, also in the middle of another call, and also if it has
 *   interrupted malloc(3). It sets no text for ipc_last_error, and keeps errno. A wait that the handler has
 *   interrupted gives WAKE, not IPC_ERROR_WAIT_EVENT__POLL.
 * Since: 1.2
 * See: ipc_wait_event, signal(7)
 * Example, which prints "the service ends":
 *     #include <signal.h>
 *
 *     static struct ipc_ctx ctx;
 *
 *     static void stop(int signal) {
 *         (void)signal;
 *         ipc_wake(&ctx);
 *     }
 *
 *     int main(void) {
 *         struct ipc_event event = {0};
 *
 *         signal(SIGTERM, stop);
 *         TEST_IPC_Q(ipc_server_init(&ctx, "greeter"), 1);
 *         raise(SIGTERM);
 *         do {
 *             TEST_IPC_WAIT_EVENT_Q(ipc_wait_event(&ctx, &event, NULL), 1);
 *         } while (event.type != IPC_EVENT_TYPE_WAKE);
 *         puts("the service ends");
 *         TEST_IPC_Q(ipc_close_all(&ctx), 1);
 *         ipc_ctx_free(&ctx);
 *         return 0;
 *     }
 */
enum ipc_error_code ipc_wake(struct ipc_ctx *ctx);

/* ipc_write_with_fd - queue a message and a descriptor
 *
 * Does what ipc_write does, and sends a copy of the descriptor `fd` (dup(2)) with the message: a file, a
 * pipe, a socket. The receiver gets both in order with other messages. Its program must have called
 * ipc_ctx_accept_fds for the connection, and calls ipc_event_take_fd; otherwise the descriptor is closed
 * there, or given to ipc_receive_fd.
 *
 * ctx  the context
 * m    the message; `m->fd` is the receiver
 * fd   the descriptor
 *
 * Ownership: `m`, its payload and `fd` stay the caller's, who may free and close them at once.
 * Errors:
 *   IPC_ERROR_WRITE__NO_MESSAGE_PARAM               `m` is NULL
 *   IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH  `m->length` is more than IPC_MAX_MESSAGE_SIZE
 *   IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS   there is a length, and no payload
 *   IPC_ERROR_WRITE__FD_NOT_FOUND                   `m->fd` is not in the context, or `ctx` is NULL
 *   IPC_ERROR_WRITE__QUEUE_FULL                     the queue of this receiver is full
 *   IPC_ERROR_ADD_MESSAGE_TO_SEND__MALLOC           there is no memory for the copy of the message
 *   IPC_ERROR_WRITE_WITH_FD__DESCRIPTOR             `fd` is not open, no number is free for its copy, or
 *                                                   `m->fd` is no Unix socket
 * Since: 1.2
 * See: ipc_ctx_accept_fds, ipc_event_take_fd, ipc_provide_fd, ipc_write
 * Example, which prints "the message is a pipe, and it works":
 *     #include <unistd.h>
 *
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_event event = {0};
 *         struct ipc_message m = {0};
 *         int ends[2], taken = -1;
 *         char text[16];
 *
 *         TEST_IPC_Q(ipc_server_init(&ctx, "files"), 1);
 *         TEST_IPC_Q(ipc_connection(&ctx, "files", &m.fd), 1);
 *         if (pipe(ends) != 0) return 1;
 *         TEST_IPC_Q(ipc_message_format_data(&m, 0, "pipe", 5), 1);
 *         if (ipc_write_with_fd(&ctx, &m, ends[1]) != IPC_ERROR_NONE) return 1;
 *         close(ends[1]);
 *         do {
 *             TEST_IPC_Q(ipc_wait_event(&ctx, &event, NULL), 1);
 *             if (event.type == IPC_EVENT_TYPE_CONNECTION)
 *                 ipc_ctx_accept_fds(&ctx, event.origin, 1);
 *         } while (event.type != IPC_EVENT_TYPE_MESSAGE);
 *         taken = ipc_event_take_fd(&event);
 *         if (write(taken, "it works", 9) != 9 || read(ends[0], text, 9) != 9) return 1;
 *         printf("the message is a %s, and %s\n", ((struct ipc_message *)event.m)->payload, text);
 *         close(taken);
 *         free(m.payload);
 *         TEST_IPC_Q(ipc_close_all(&ctx), 1);
 *         ipc_ctx_free(&ctx);
 *         return 0;
 *     }
 */
enum ipc_error_code ipc_write_with_fd(struct ipc_ctx *ctx, const struct ipc_message *m, int fd);

/* ipc_ctx_accept_fds - let messages of a connection bring descriptors
 *
 * Says whether messages of the connection may bring descriptors. Call it when the CONNECTION event comes,
 * or after ipc_connection. Without it descriptors that come are kept for ipc_receive_fd, one for each
 * connection.
 *
 * ctx  the context
 * fd   the descriptor of the connection
 * on   1 yes, 0 no, which is the default
 *
 * Errors:
 *   IPC_ERROR_CTX_ENTRY__NO_PARAM      `ctx` is NULL
 *   IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND  the context does not have the descriptor
 * Since: 1.2
 * See: ipc_event_take_fd, ipc_write_with_fd
 * Example: as ipc_write_with_fd
 */
enum ipc_error_code ipc_ctx_accept_fds(struct ipc_ctx *ctx, int fd, int on);

/* ipc_event_take_fd - take the descriptor that came with a message
 *
 * Gives the descriptor that came with the message of this event. One that nobody takes is closed when the
 * thread waits on the context again (SO_LINGER is switched off first). So are others than the first of a
 * message, and those of messages that go to the other end of a switched pair, or that ipc_read and
 * ipc_read_fd take.
 *
 * event  the event, as ipc_wait_event or ipc_wait_events filled it in
 *
 * Ownership: the descriptor is the caller's, and close-on-exec.
 * Returns: the descriptor; -1 when none came, or the process had no free number for it: then ipc_last_error
 *   says so.
 * Since: 1.2
 * See: ipc_ctx_accept_fds, ipc_write_with_fd
 * Example: as ipc_write_with_fd
 */
int ipc_event_take_fd(struct ipc_event *event);

/* Who is at the other end of a connection, as ipc_peer says. */
struct ipc_peer_info {
	uint32_t uid;
	uint32_t gid;
	int32_t pid; /* 0: this process cannot see it (PID namespaces) */
	int pidfd;   /* a descriptor of that process, the caller's; -1: there is none */
};

/* ipc_peer - who is at the other end of a connection
 *
 * Says which process is the peer: what the kernel noted when that process connected (of the connection of
 * a client) or listened (of that to a service). A descriptor that was passed on since tells of the first
 * one. `pidfd` (pidfd_open(2)) cannot come to mean another process, as the number `pid` can; there is none
 * before Linux 6.5, and none when the process has ended.
 *
 * ctx   the context
 * fd    the descriptor of the connection
 * peer  becomes the answer
 *
 * Ownership: `peer->pidfd` is the caller's: close(2) it.
 * Errors:
 *   IPC_ERROR_CTX_ENTRY__NO_PARAM      `ctx` or `peer` is NULL
 *   IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND  the context does not have the descriptor
 *   IPC_ERROR_PEER__UNKNOWN            it is no Unix socket, or it is not connected
 * Since: 1.2
 * See: ipc_server_init, unix(7)
 * Example, which prints "the client is of the same user":
 *     #include <unistd.h>
 *
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_event event = {0};
 *         struct ipc_peer_info peer;
 *
 *         TEST_IPC_Q(ipc_server_init(&ctx, "greeter"), 1);
 *         TEST_IPC_Q(ipc_connection(&ctx, "greeter", NULL), 1);
 *         TEST_IPC_Q(ipc_wait_event(&ctx, &event, NULL), 1);
 *         if (ipc_peer(&ctx, event.origin, &peer) != IPC_ERROR_NONE) {
 *             fprintf(stderr, "%s\n", ipc_last_error());
 *             return 1;
 *         }
 *         if (peer.uid == getuid()) puts("the client is of the same user");
 *         if (peer.pidfd >= 0) close(peer.pidfd);
 *         TEST_IPC_Q(ipc_close_all(&ctx), 1);
 *         ipc_ctx_free(&ctx);
 *         return 0;
 *     }
 */
enum ipc_error_code ipc_peer(struct ipc_ctx *ctx, int fd, struct ipc_peer_info *peer);

/* ipc_ctx_add - offer a service over a socket that is there already
 *
 * Adds a listening Unix stream socket that somebody else has made, as the service `sname`: a socket of
 * systemd's (LISTEN_FDS, sd_listen_fds(3)), or of a parent process. The entry is a SERVER with the
 * socket's own path. Its file is never removed.
 *
 * ctx    the context
 * sname  the name of the service, as of ipc_server_init
 * fd     the socket
 *
 * Ownership: after a success the socket is the context's, and close-on-exec.
 * Errors:
 *   IPC_ERROR_SERVER_INIT__NO_SERVICE_PARAM      `ctx` is NULL
 *   IPC_ERROR_SERVER_INIT__NO_SERVER_NAME_PARAM  `sname` is NULL
 *   IPC_ERROR_SERVICE_PATH__INVALID_NAME         as of ipc_server_init
 *   IPC_ERROR_CTX_ADD__NOT_LISTENING             `fd` is no Unix stream socket that listens
 *   IPC_ERROR_SERVER_INIT__NOT_ENOUGH_MEMORY     there is no memory for the path
 * Since: 1.2
 * See: ipc_add, ipc_server_init
 * Example, which prints "a client":
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_event event = {0};
 *         char path[PATH_MAX];
 *         int inherited;
 *
 *         TEST_IPC_Q(service_path(path, "greeter"), 1);
 *         TEST_IPC_Q(usock_init(&inherited, path), 1);
 *         if (ipc_ctx_add(&ctx, "greeter", inherited) != IPC_ERROR_NONE) {
 *             fprintf(stderr, "%s\n", ipc_last_error());
 *             return 1;
 *         }
 *         TEST_IPC_Q(ipc_connection(&ctx, "greeter", NULL), 1);
 *         TEST_IPC_Q(ipc_wait_event(&ctx, &event, NULL), 1);
 *         if (event.type == IPC_EVENT_TYPE_CONNECTION) puts("a client");
 *         TEST_IPC_Q(ipc_close_all(&ctx), 1);
 *         ipc_ctx_free(&ctx);
 *         return 0;
 *     }
 */
enum ipc_error_code ipc_ctx_add(struct ipc_ctx *ctx, const char *sname, int fd);

/* ipc_flush - send what is queued, and wait until it is sent
 *
 * Sends what is queued for one connection, or for all, and waits until the kernel has it: for the end of a
 * program. TX is told by later waits. What a switching callback writes stays queued, because only waits
 * call it.
 *
 * ctx           the context
 * fd            the descriptor of the connection; -1 for all
 * milliseconds  how long it waits at most; -1 for ever, 0 not at all
 *
 * Errors:
 *   IPC_ERROR_CTX_ENTRY__NO_PARAM      `ctx` is NULL
 *   IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND  the context does not have the descriptor
 *   IPC_ERROR_FLUSH__UNSENT            the time is up, and messages are still queued
 *   IPC_ERROR_CLOSED_RECIPIENT         a receiver has left, and its queue was dropped
 *   IPC_ERROR_WAIT_EVENT__POLL         a signal handler has run: call again, or end
 * Threads: Any thread may call it at any time. Other threads use the context while it waits.
 * Since: 1.2
 * See: ipc_close_all, ipc_write, ipc_write_fd
 * Example, which prints "sent":
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_message m = {0};
 *
 *         TEST_IPC_Q(ipc_server_init(&ctx, "greeter"), 1);
 *         TEST_IPC_Q(ipc_connection(&ctx, "greeter", &m.fd), 1);
 *         TEST_IPC_Q(ipc_message_format_data(&m, 0, "good-bye", 9), 1);
 *         TEST_IPC_Q(ipc_write(&ctx, &m), 1);
 *         if (ipc_flush(&ctx, -1, 1000) == IPC_ERROR_NONE) puts("sent");
 *         free(m.payload);
 *         TEST_IPC_Q(ipc_close_all(&ctx), 1);
 *         ipc_ctx_free(&ctx);
 *         return 0;
 *     }
 */
enum ipc_error_code ipc_flush(struct ipc_ctx *ctx, int fd, int milliseconds);

/* What ipc_ctx_limit limits, and the default. */
enum ipc_limit {
	IPC_LIMIT_FRAME = 0,               /* payload of a received message, in bytes: IPC_MAX_MESSAGE_SIZE */
	IPC_LIMIT_QUEUE_BYTES = 1,         /* queue of one receiver, as ipc_ctx_queue_limit counts: 64 MiB */
	IPC_LIMIT_QUEUE_MESSAGES = 2,      /* the same in messages: none */
	IPC_LIMIT_CONNECTIONS = 3,         /* accepted connections that are open: none */
	IPC_LIMIT_CONNECTIONS_OF_USER = 4, /* those of one user (uid): none */
	IPC_LIMIT_CONNECT_TIME = 5         /* milliseconds that ipc_connection may wait: 10,000 */
};

/* ipc_ctx_limit - set a limit of a context
 *
 * Sets one of the limits. What exceeds it already stays. It lasts until ipc_ctx_free.
 *   IPC_LIMIT_FRAME                 payload of a message that comes, in bytes, at most
 *                                   IPC_MAX_MESSAGE_SIZE, which is the default. A peer that announces more
 *                                   is disconnected, with an ERROR event.
 *   IPC_LIMIT_QUEUE_BYTES           queue of one receiver in bytes, as ipc_ctx_queue_limit counts; 64 MiB.
 *                                   Beyond it ipc_write gives IPC_ERROR_WRITE__QUEUE_FULL.
 *   IPC_LIMIT_QUEUE_MESSAGES        the same in messages; no limit
 *   IPC_LIMIT_CONNECTIONS           accepted connections that are open; no limit. Further clients wait in
 *                                   the backlog until others leave.
 *   IPC_LIMIT_CONNECTIONS_OF_USER   those of one user (uid); no limit. Further ones are closed at once.
 *   IPC_LIMIT_CONNECT_TIME          milliseconds that ipc_connection may wait, for a look-up and for a full
 *                                   backlog each; 10,000. With 0 it fails at once, with "Resource
 *                                   temporarily unavailable": for loops that must not stop.
 *
 * ctx    the context
 * limit  which limit
 * value  its value; SIZE_MAX for the default
 *
 * Errors:
 *   IPC_ERROR_CTX_ENTRY__NO_PARAM   `ctx` is NULL
 *   IPC_ERROR_CTX_LIMIT__VALUE      there is no such limit, a frame is larger than IPC_MAX_MESSAGE_SIZE, or
 *                                   a time longer than INT_MAX
 * Since: 1.2
 * See: ipc_connection, ipc_ctx_queue_limit, ipc_write
 * Example, which prints "the second message has no room":
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_message m = {0};
 *
 *         if (ipc_ctx_limit(&ctx, IPC_LIMIT_QUEUE_MESSAGES, 1) != IPC_ERROR_NONE) return 1;
 *         TEST_IPC_Q(ipc_server_init(&ctx, "slow"), 1);
 *         TEST_IPC_Q(ipc_connection(&ctx, "slow", &m.fd), 1);
 *         TEST_IPC_Q(ipc_write(&ctx, &m), 1);
 *         if (ipc_write(&ctx, &m).error_code == IPC_ERROR_WRITE__QUEUE_FULL)
 *             puts("the second message has no room");
 *         TEST_IPC_Q(ipc_close_all(&ctx), 1);
 *         ipc_ctx_free(&ctx);
 *         return 0;
 *     }
 */
enum ipc_error_code ipc_ctx_limit(struct ipc_ctx *ctx, enum ipc_limit limit, size_t value);

/* ---- messages in memory ---- */

/* ipc_message_raw_serialize - encode a frame into a buffer
 *
 * Writes a frame: type (1 byte), length (4 bytes, big-endian), user type (1 byte), payload. For
 * programs that send frames over something that is no descriptor of the library.
 *
 * buffer        room for IPC_HEADER_SIZE + `message_size` bytes
 * type          see enum msg_types
 * user_type     the program's own
 * message       the payload; NULL counts as an empty one
 * message_size  of the payload, in bytes; it is not checked against IPC_MAX_MESSAGE_SIZE
 *
 * Returns: the size of the frame, IPC_HEADER_SIZE + `message_size`; 0 when `buffer` is NULL.
 * Threads: Not two calls at once with one buffer.
 * Signals: A handler may call it at any moment.
 * Since: 1.0
 * See: ipc_message_format_write
 * Example: as ipc_message_format_write
 */
uint32_t ipc_message_raw_serialize(char *buffer, char type, char user_type, char *message, uint32_t message_size);

/* ipc_message_format_read - decode a frame
 *
 * Decodes one whole frame into a message. The payload that `m` has is freed.
 *
 * m      becomes the message; its `fd` stays as it is
 * buf    the frame
 * msize  its size in bytes, header included
 *
 * Ownership: the new payload is a copy, and the caller's. `buf` stays the caller's.
 * Errors:
 *   IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_MESSAGE       `m` is NULL
 *   IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_BUFFER        `buf` is NULL
 *   IPC_ERROR_MESSAGE_FORMAT_READ__PARAM_MESSAGE_SIZE  `msize` is more than a frame may have
 *   IPC_ERROR_MESSAGE_FORMAT_READ__READ_MESSAGE_SIZE   the frame announces another size
 *   IPC_ERROR_MESSAGE_FORMAT_READ__MESSAGE_TOO_LONG    the frame announces too long a payload
 *   IPC_ERROR_MESSAGE_FORMAT__HEAP_ALLOCATION          there is no memory
 * Threads: Not two calls at once with one message.
 * Signals: It allocates memory: a signal handler that may have interrupted malloc(3) must not call it.
 * Since: 1.0
 * See: ipc_message_format_write
 * Example: as ipc_message_format_write
 */
struct ipc_error ipc_message_format_read(struct ipc_message *m, const char *buf, size_t msize);

/* ipc_message_format_write - encode a message as a frame
 *
 * Writes the frame of `m` into a buffer: a new one when `*buf` is NULL, else the one that `*buf` points
 * to, which must have room for IPC_HEADER_SIZE + `m->length` bytes.
 *
 * m      the message
 * buf    the buffer; becomes the new one when it is NULL
 * msize  becomes the size of the frame, in bytes
 *
 * Ownership: a new buffer is the caller's: free(3) it. `m` stays the caller's.
 * Errors:
 *   IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MESSAGE   `m` is NULL
 *   IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MSIZE     `msize` is NULL
 *   IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_BUFFER    `buf` is NULL
 *   IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH  `m->length` is more than IPC_MAX_MESSAGE_SIZE
 *   IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS   there is a length, and no payload
 *   IPC_ERROR_MESSAGE_FORMAT__HEAP_ALLOCATION       there is no memory
 * Threads: Not two calls at once with one buffer.
 * Signals: It allocates memory: a signal handler that may have interrupted malloc(3) must not call it.
 * Since: 1.0
 * See: ipc_message_format, ipc_message_format_read, ipc_message_raw_serialize
 * Example, which prints "the same 13 bytes\ncoucou":
 *     int main(void) {
 *         struct ipc_message m = {0}, copy = {0};
 *         char text[] = "coucou", raw[64], *frame = NULL;
 *         size_t size;
 *
 *         TEST_IPC_Q(ipc_message_format_data(&m, 'a', text, sizeof text), 1);
 *         TEST_IPC_Q(ipc_message_format_write(&m, &frame, &size), 1);
 *         ipc_message_raw_serialize(raw, MSG_TYPE_DATA, 'a', text, sizeof text);
 *         if (memcmp(raw, frame, size) == 0) printf("the same %d bytes\n", (int)size);
 *         TEST_IPC_Q(ipc_message_format_read(&copy, frame, size), 1);
 *         puts(copy.payload);
 *         free(frame);
 *         free(m.payload);
 *         free(copy.payload);
 *         return 0;
 *     }
 */
struct ipc_error ipc_message_format_write(const struct ipc_message *m, char **buf, size_t *msize);

/* ipc_message_format, ipc_message_format_data, ipc_message_format_server_close - fill a message in
 *
 * ipc_message_format fills in the types, the length and a copy of the payload. ipc_message_format_data
 * does that with the type MSG_TYPE_DATA, ipc_message_format_server_close with MSG_TYPE_SERVER_CLOSE,
 * user type 0, and an empty payload. The payload that `m` has is freed: zero a new message first.
 *
 * They are a convenience: a program may fill the fields in itself.
 *
 * m        becomes the message; its `fd` stays as it is
 * type     see enum msg_types
 * utype    the user type: the program's own
 * payload  any bytes; NULL with length 0
 * length   in bytes, at most IPC_MAX_MESSAGE_SIZE; of a text with its NUL, if the peer is to have that
 *
 * Ownership: the copy is the caller's: free(3) it, or call ipc_message_empty. `payload` stays the
 *   caller's. A failure leaves `m` as it was.
 * Errors:
 *   IPC_ERROR_MESSAGE_FORMAT__NO_MESSAGE_PARAM     `m` is NULL
 *   IPC_ERROR_MESSAGE_FORMAT__MESSAGE_SIZE         `length` is more than IPC_MAX_MESSAGE_SIZE
 *   IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS  a length without a payload, or the reverse
 *   IPC_ERROR_MESSAGE_FORMAT__HEAP_ALLOCATION      there is no memory
 * Threads: Not two calls at once with one message.
 * Signals: It allocates memory: a signal handler that may have interrupted malloc(3) must not call it.
 * Since: 1.0
 * See: ipc_message_copy, ipc_message_empty, ipc_write
 * Example, which prints "type 2, user type 42, 6 bytes\ntype 0, user type 0, 0 bytes":
 *     static void show(const struct ipc_message *m) {
 *         printf("type %d, user type %d, %u bytes\n", m->type, m->user_type, m->length);
 *     }
 *
 *     int main(void) {
 *         struct ipc_message m = {0}, copy = {0};
 *
 *         TEST_IPC_Q(ipc_message_format(&m, MSG_TYPE_ERR, 1, "no", 3), 1);
 *         TEST_IPC_Q(ipc_message_format_data(&m, 42, "hello", 6), 1);
 *         show(&m);
 *         ipc_message_copy(&copy, 0, MSG_TYPE_DATA, 42, m.payload, m.length);
 *         TEST_IPC_Q(ipc_message_format_server_close(&m), 1);
 *         show(&m);
 *         TEST_IPC_Q(ipc_message_empty(&copy), 1);
 *         return 0;
 *     }
 */
struct ipc_error ipc_message_format(struct ipc_message *m, char type, char utype, const char *payload, size_t length);
struct ipc_error ipc_message_format_data(struct ipc_message *m, char utype, const char *payload, size_t length);
struct ipc_error ipc_message_format_server_close(struct ipc_message *m);

/* ipc_message_empty - free the payload of a message
 *
 * Frees the payload, and sets it to NULL and the length to 0. The other fields stay.
 *
 * m  the message
 *
 * Errors:
 *   IPC_ERROR_MESSAGE_EMPTY__EMPTY_MESSAGE_LIST   `m` is NULL
 * Threads: Not two calls at once with one message.
 * Signals: It frees memory: a signal handler that may have interrupted malloc(3) must not call it.
 * Since: 1.0
 * See: ipc_message_format
 * Example: as ipc_message_format
 */
struct ipc_error ipc_message_empty(struct ipc_message *m);

/* ipc_message_copy - fill in all fields of a message
 *
 * Fills in all fields, with a copy of the payload. The payload that `m` has is freed. Without memory
 * the message is empty: the function cannot report an error. ipc_message_format can.
 *
 * m        becomes the message; NULL does nothing
 * fd       the receiver
 * type     see enum msg_types
 * utype    the user type: the program's own
 * payload  any bytes, or NULL
 * paylen   in bytes
 *
 * Ownership: the copy is the caller's. `payload` stays the caller's.
 * Threads: Not two calls at once with one message.
 * Signals: It allocates memory: a signal handler that may have interrupted malloc(3) must not call it.
 * Since: 1.0
 * See: ipc_message_format
 * Example: as ipc_message_format
 */
void ipc_message_copy(struct ipc_message *m, uint32_t fd, uint8_t type, uint8_t utype, char *payload, uint32_t paylen);

/* ipc_messages_add, ipc_messages_del, ipc_messages_free - a list of messages
 *
 * A list that a program keeps of its own; zero it before its first use. ipc_messages_add adds a deep
 * copy at the end. ipc_messages_del takes a message out; the last one moves into its place.
 * ipc_messages_free frees the list and all payloads. The list of a context, ctx->tx, is not for them.
 *
 * messages  the list
 * message   the message to add
 * index     of the message, from 0
 *
 * Ownership: `message` stays the caller's. The payload of a message that ipc_messages_del takes out
 *   becomes the caller's: remember the pointer before.
 * Errors:
 *   IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGES  `messages` of ipc_messages_add is NULL
 *   IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGE   `message` is NULL
 *   IPC_ERROR_ADD_MESSAGE_TO_SEND__MALLOC             there is no memory
 *   IPC_ERROR_DEL_MESSAGE_TO_SEND__NO_PARAM_MESSAGES  `messages` of ipc_messages_del is NULL
 *   IPC_ERROR_MESSAGE_DEL__EMPTY_LIST                 the list is empty
 *   IPC_ERROR_MESSAGE_DEL__INDEX_ERROR                the list has no such message
 * Threads: Not two calls at once with one list.
 * Signals: They allocate memory: a signal handler that may have interrupted malloc(3) must not call
 *   them.
 * Since: 1.0
 * See: ipc_message_format
 * Example, which prints "one left: two":
 *     int main(void) {
 *         struct ipc_messages list = {0};
 *         struct ipc_message m = {0};
 *         char *payload;
 *
 *         TEST_IPC_Q(ipc_message_format_data(&m, 0, "one", 4), 1);
 *         TEST_IPC_Q(ipc_messages_add(&list, &m), 1);
 *         TEST_IPC_Q(ipc_message_format_data(&m, 0, "two", 4), 1);
 *         TEST_IPC_Q(ipc_messages_add(&list, &m), 1);
 *         payload = list.messages[0].payload;
 *         TEST_IPC_Q(ipc_messages_del(&list, 0), 1);
 *         free(payload);
 *         if (list.size == 1) printf("one left: %s\n", list.messages[0].payload);
 *         ipc_messages_free(&list);
 *         free(m.payload);
 *         return 0;
 *     }
 */
struct ipc_error ipc_messages_add(struct ipc_messages *messages, const struct ipc_message *message);
struct ipc_error ipc_messages_del(struct ipc_messages *messages, uint32_t index);
void ipc_messages_free(struct ipc_messages *messages);

/* ---- switching ---- */

/* ipc_ctx_switching_add, ipc_ctx_switching_del - tie and untie two descriptors of a context
 *
 * ipc_ctx_switching_add ties two SWITCHED descriptors: what a peer sends to one goes out at the other,
 * message by message, without the program. ipc_wait_event does it, and tells SWITCH and TX. Both ends
 * speak libipc frames, unless ipc_switching_callbacks says otherwise. At most 256 KiB and one message
 * wait for a slow end; beyond that the other end is not read. ipc_ctx_switching_del unties the pair
 * that `fd` is in.
 *
 * The pair may be made before its descriptors are added. Without memory ipc_ctx_switching_add does
 * nothing.
 *
 * ctx   the context
 * orig  one descriptor
 * dest  the other one
 * fd    either of them
 *
 * Ownership: the descriptors stay the context's.
 * Returns: ipc_ctx_switching_del returns the other descriptor, or -1 when `fd` is in no pair.
 * Since: 1.0
 * See: ipc_add_fd_switched, ipc_connection_switched, ipc_switching_callbacks
 * Example: as ipc_switching_callbacks
 */
void ipc_ctx_switching_add(struct ipc_ctx *ctx, int orig, int dest);
int ipc_ctx_switching_del(struct ipc_ctx *ctx, int fd);

/* ipc_switching_add, ipc_switching_del, ipc_switching_get, ipc_switching_free, ipc_switching_print - a table of pairs
 *
 * A table that a program keeps of its own; zero it before its first use. The table of a context is
 * ctx->switchdb; for that call ipc_ctx_switching_add and ipc_ctx_switching_del instead.
 *
 * ipc_switching_add adds a pair without callbacks; without memory it does nothing. ipc_switching_del
 * removes the pair that `fd` is in. ipc_switching_get looks the pair up. ipc_switching_free frees the
 * table. ipc_switching_print shows it on stdout.
 *
 * is    the table
 * orig  one descriptor
 * dest  the other one
 * fd    either of them
 *
 * Returns: ipc_switching_del and ipc_switching_get return the other descriptor, or -1 when `fd` is in
 *   no pair.
 * Threads: Not two calls at once with one table.
 * Signals: They allocate memory: a signal handler that may have interrupted malloc(3) must not call
 *   them.
 * Since: 1.0
 * See: ipc_ctx_switching_add
 * Example, which prints "4\nswitched pairs 1\n  3 <-> 4":
 *     int main(void) {
 *         struct ipc_switchings table = {0};
 *
 *         ipc_switching_add(&table, 3, 4);
 *         ipc_switching_add(&table, 5, 6);
 *         if (ipc_switching_del(&table, 6) != 5) return 1;
 *         printf("%d\n", ipc_switching_get(&table, 3));
 *         ipc_switching_print(&table);
 *         ipc_switching_free(&table);
 *         return 0;
 *     }
 */
void ipc_switching_add(struct ipc_switchings *is, int orig, int dest);
int ipc_switching_del(struct ipc_switchings *is, int fd);
int ipc_switching_get(struct ipc_switchings *is, int fd);
void ipc_switching_free(struct ipc_switchings *is);
void ipc_switching_print(struct ipc_switchings *is);

/* ipc_switching_callbacks, ipc_switching_callbacks_ - translate at one end of a pair
 *
 * They set the functions that read and write one end of a switched pair, which speaks something else
 * than libipc frames. ipc_switching_callbacks sets both, ipc_switching_callbacks_ the first one alone.
 * Without such a pair they do nothing. Callbacks belong to one end of one pair, and go with it.
 *
 * `cb_in` is called when the descriptor is readable. It reads from `fd` what it likes, fills `m` in,
 * and answers with an enum ipccb. The payload is malloc'ed, and the library frees it. With
 * `*more_to_read` = 1 it is called again without waiting for the descriptor, because it has read more
 * than one message.
 *   IPC_CB_NO_ERROR       the message goes to the other end
 *   IPC_CB_IGNORE         there is no message (yet)
 *   IPC_CB_FD_CLOSING     the descriptor has hung up: the pair ends with a DISCONNECTION
 *   IPC_CB_FD_ERROR       the descriptor has failed: the pair ends with an ERROR
 *   IPC_CB_PARSING_ERROR  what was read makes no sense: the pair ends with an ERROR
 *
 * `cb_out` writes the message `m` to `fd`, and answers in the same way; IPC_CB_NO_ERROR gives a TX
 * event. It is called only when the descriptor takes bytes without waiting. The message stays the
 * library's.
 *
 * ctx     the context
 * fd      the descriptor of the end
 * cb_in   reads from the end; NULL: libipc frames
 * cb_out  writes to the end; NULL: libipc frames
 *
 * Threads: Any thread may call them at any time. A callback runs in the thread that waits, outside of
 *   the context's lock. It may call the library, but not wait or read on this context.
 * Since: 1.0
 * See: ipc_add_fd_switched, ipc_ctx_switching_add, ipc_wait_event
 * Example, which prints "6 bytes: hello":
 *     #include <sys/socket.h>
 *     #include <unistd.h>
 *
 *     static enum ipccb text_in(int fd, struct ipc_message *m, short int *more) {
 *         char *text = malloc(64);
 *         ssize_t size = text != NULL ? read(fd, text, 64) : -1;
 *
 *         *more = 0;
 *         m->type = MSG_TYPE_DATA;
 *         m->payload = text;
 *         m->length = size > 0 ? (uint32_t)size : 0;
 *         return size > 0 ? IPC_CB_NO_ERROR : IPC_CB_FD_CLOSING;
 *     }
 *
 *     static enum ipccb text_out(int fd, struct ipc_message *m) {
 *         ssize_t size = write(fd, m->payload, m->length);
 *
 *         return size == (ssize_t)m->length ? IPC_CB_NO_ERROR : IPC_CB_FD_ERROR;
 *     }
 *
 *     int main(void) {
 *         struct ipc_ctx ctx = {0};
 *         struct ipc_event event = {0};
 *         struct ipc_message m = {0};
 *         int text[2], frames[2];
 *
 *         if (socketpair(AF_UNIX, SOCK_STREAM, 0, text) != 0) return 1;
 *         if (socketpair(AF_UNIX, SOCK_STREAM, 0, frames) != 0) return 1;
 *         TEST_IPC_Q(ipc_add_fd_switched(&ctx, text[0]), 1);
 *         TEST_IPC_Q(ipc_add_fd_switched(&ctx, frames[0]), 1);
 *         ipc_ctx_switching_add(&ctx, text[0], frames[0]);
 *         ipc_switching_callbacks_(&ctx, text[0], text_in);
 *         ipc_switching_callbacks(&ctx, text[0], text_in, text_out);
 *         if (write(text[1], "hello", 6) != 6) return 1;
 *         do {
 *             TEST_IPC_WAIT_EVENT_Q(ipc_wait_event(&ctx, &event, NULL), 1);
 *         } while (event.type != IPC_EVENT_TYPE_TX);
 *         TEST_IPC_Q(ipc_read_fd(frames[1], &m), 1);
 *         printf("%u bytes: %s\n", m.length, m.payload);
 *         return ipc_ctx_switching_del(&ctx, text[0]) == frames[0] ? 0 : 1;
 *     }
 */
void ipc_switching_callbacks(
    struct ipc_ctx *ctx, int fd, enum ipccb (*cb_in)(int fd, struct ipc_message *m, short int *more_to_read),
    enum ipccb (*cb_out)(int fd, struct ipc_message *m));
void ipc_switching_callbacks_(
    struct ipc_ctx *ctx, int fd, enum ipccb (*cb_in)(int fd, struct ipc_message *m, short int *more_to_read));

/* ---- names, look-up, passing of descriptors, errors ---- */

/* service_path - where the socket of a service is
 *
 * Writes the path of the socket of the service `sname`: the run directory (IPC_RUNDIR, ENVIRONMENT in
 * ipc(7)), a slash, and the name. It does not look whether the service runs.
 *
 * path   room for PATH_MAX bytes (4096)
 * sname  the name of the service
 *
 * Errors:
 *   IPC_ERROR_SERVICE_PATH__NO_PATH          `path` is NULL
 *   IPC_ERROR_SERVICE_PATH__NO_SERVICE_NAME  `sname` is NULL
 *   IPC_ERROR_SERVICE_PATH__INVALID_NAME     the name is empty, has a component `.` or `..`, or makes a
 *                                            path of more than 107 bytes
 * Threads: Any thread may call it at any time, while no other changes the environment.
 * Signals: A handler must not call it while the environment is being changed.
 * Since: 1.0
 * See: ipc_connection, ipc_server_init, usock_connect
 * Example, which prints "the name is refused":
 *     int main(void) {
 *         char path[PATH_MAX];
 *         struct ipc_error error = service_path(path, "../echo");
 *
 *         if (error.error_code == IPC_ERROR_SERVICE_PATH__INVALID_NAME) puts("the name is refused");
 *         TEST_IPC_Q(service_path(path, "echo"), 1);
 *         return path[0] == '/' ? 0 : 1;
 *     }
 */
struct ipc_error service_path(char *path, const char *sname);

/* ipc_contact_ipcd - ask the network daemon for a connection
 *
 * Asks ipcd(8) for a connection to the service `sname`, if IPC_NETWORK has a route for it, and waits 10
 * seconds at most. ipc_connection does this first.
 *
 * pfd    becomes the descriptor; 0, which is a success, when IPC_NETWORK has no route
 * sname  the name of the service
 *
 * Ownership: the descriptor is the caller's, and close-on-exec.
 * Errors:
 *   IPC_ERROR_CONTACT_IPCD__NO_FD_PARAM            `pfd` is NULL
 *   IPC_ERROR_CONTACT_IPCD__NO_SERVICE_NAME_PARAM  `sname` is NULL
 *   IPC_ERROR_CLOSED_RECIPIENT                     the daemon refuses, and the text has its reason; or
 *                                                  it has left
 *   IPC_ERROR_CONTACT_IPCD__NO_SERVER_PARAM        IPC_NETWORK is too long for a message, or there is
 *                                                  no memory
 *   IPC_ERROR_SERVICE_PATH__INVALID_NAME           IPC_RUNDIR is too long
 *   IPC_ERROR_USOCK_CONNECT__SOCKET                there is no socket
 *   IPC_ERROR_USOCK_CONNECT__CONNECT               the daemon does not run, or may not be asked
 *   IPC_ERROR_USOCK_SEND                           the question cannot be sent
 *   IPC_ERROR_USOCK_RECV                           no answer came within the time
 *   IPC_ERROR_USOCK_RECV__MESSAGE_SIZE             the answer is no frame
 *   IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION          there is no memory to receive with
 *   IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY    there is no memory for the answer
 *   IPC_ERROR_ADD__NOT_ENOUGH_MEMORY               there is no memory for the question
 *   IPC_ERROR_RECEIVE_FD__RECVMSG                  no descriptor came behind the answer
 * Threads: Any thread may call it at any time, while no other changes the environment.
 * Since: 1.0
 * See: ipc_connection, ipc_receive_fd, ipcd(8)
 * Example, which prints "no route":
 *     int main(void) {
 *         int fd;
 *
 *         unsetenv("IPC_NETWORK");
 *         TEST_IPC_Q(ipc_contact_ipcd(&fd, "echo"), 1);
 *         if (fd == 0) puts("no route");
 *         return 0;
 *     }
 */
struct ipc_error ipc_contact_ipcd(int *pfd, const char *sname);

/* ipc_receive_fd, ipc_provide_fd - pass a descriptor over a Unix socket
 *
 * ipc_provide_fd sends a descriptor with one byte, after what is queued for the socket. ipc_receive_fd
 * receives one byte and the descriptor that comes with it. Both wait as read(2) and write(2) would:
 * see DIRECT CALLS in ipc(7). The receiver must know when to call ipc_receive_fd: as a rule after a
 * message that announces the descriptor.
 *
 * Further descriptors that come with the byte are closed, and so are pidfds (SO_PASSPIDFD).
 *
 * sock  the Unix socket, in a context or not
 * fd    of ipc_provide_fd the descriptor to pass; of ipc_receive_fd becomes the one received
 *
 * Ownership: the sender keeps `fd`, and may close it at once. The received one is the caller's, and
 *   close-on-exec.
 * Errors:
 *   IPC_ERROR_RECEIVE_FD__NO_PARAM_FD      `fd` of ipc_receive_fd is NULL
 *   IPC_ERROR_RECEIVE_FD__RECVMSG          the byte came without a descriptor, the peer has left, or
 *                                          the call would have to wait. With "Too many open files" the
 *                                          process has no free number: the byte and its descriptor stay
 *                                          in the kernel, unless they were read ahead with messages.
 *   IPC_ERROR_PROVIDE_FD__SENDMSG          `fd` is not open, `sock` is no Unix socket, the peer has
 *                                          left, or the call would have to wait
 *   IPC_ERROR_CONTEXT__CALLED_IN_HANDLER   see SIGNALS in ipc(7)
 * Since: 1.0
 * See: unix(7)
 * Example, which prints "hello":
 *     #include <sys/socket.h>
 *     #include <unistd.h>
 *
 *     int main(void) {
 *         int sockets[2], ends[2], received;
 *         char text[6];
 *
 *         if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0 || pipe(ends) != 0) return 1;
 *         TEST_IPC_Q(ipc_provide_fd(sockets[0], ends[1]), 1);
 *         TEST_IPC_Q(ipc_receive_fd(sockets[1], &received), 1);
 *         if (write(received, "hello", 6) != 6 || read(ends[0], text, 6) != 6) return 1;
 *         puts(text);
 *         return 0;
 *     }
 */
struct ipc_error ipc_receive_fd(int sock, int *fd);
struct ipc_error ipc_provide_fd(int sock, int fd);

/* ipc_errors_get - what an error code means
 *
 * Gives the meaning of a code in one line. The text of a failure, `error_message`, says more.
 *
 * e  the code
 *
 * Ownership: the text stays the library's.
 * Returns: the text; NULL for a number that is no code.
 * Threads: Any thread may call it at any time.
 * Signals: A handler may call it at any moment.
 * Since: 1.0
 * See: ipc-errors(7)
 * Example, which prints "the receiver's queue is full":
 *     int main(void) {
 *         puts(ipc_errors_get(IPC_ERROR_WRITE__QUEUE_FULL));
 *         return 0;
 *     }
 */
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
