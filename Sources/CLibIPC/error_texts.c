/*
 * error_texts.c - a line for each code of enum ipc_error_code.
 *
 * All texts are in one structure, and a table has their offsets of 16 bits. A table of pointers would need 30 bytes more for each text:
 * the dynamic linker has to relocate every pointer in a shared library.
 */
#include "CLibIPC.h"

#define TEXTS(TEXT)                                                                                            \
	TEXT(IPC_ERROR_NONE, "no error")                                                                       \
	TEXT(IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY, "handle message: not enough memory")                 \
	TEXT(IPC_ERROR_CLOSED_RECIPIENT, "the peer has left")                                                  \
	TEXT(IPC_ERROR_SERVICE_PATH__NO_PATH, "service path: no path")                                         \
	TEXT(IPC_ERROR_SERVICE_PATH__NO_SERVICE_NAME, "service path: no service name")                         \
	TEXT(IPC_ERROR_SERVER_INIT__NO_ENVIRONMENT_PARAM, "server init: no environment param")                 \
	TEXT(IPC_ERROR_SERVER_INIT__NO_SERVICE_PARAM, "server init: no service param")                         \
	TEXT(IPC_ERROR_SERVER_INIT__NO_SERVER_NAME_PARAM, "server init: no server name param")                 \
	TEXT(IPC_ERROR_SERVER_INIT__MALLOC, "server init: malloc")                                             \
	TEXT(IPC_ERROR_WRITE__NO_MESSAGE_PARAM, "write: no message param")                                     \
	TEXT(IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA, "write fd: not enough data")                                 \
	TEXT(IPC_ERROR_READ__NO_MESSAGE_PARAM, "read: no message param")                                       \
	TEXT(IPC_ERROR_CONNECTION__NO_SERVICE_NAME, "connection: no service name")                             \
	TEXT(IPC_ERROR_CONNECTION__NO_ENVIRONMENT_PARAM, "connection: no environment param")                   \
	TEXT(IPC_ERROR_ACCEPT__NO_SERVICE_PARAM, "accept: no service param")                                   \
	TEXT(IPC_ERROR_ACCEPT__NO_CLIENT_PARAM, "accept: no client param")                                     \
	TEXT(IPC_ERROR_HANDLE_NEW_CONNECTION__NO_CINFO_PARAM, "handle new connection: no cinfo param")         \
	TEXT(IPC_ERROR_HANDLE_NEW_CONNECTION__NO_CINFOS_PARAM, "handle new connection: no cinfos param")       \
	TEXT(IPC_ERROR_WAIT_EVENT__SELECT, "wait event: select")                                               \
	TEXT(IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM, "wait event: no clients param")                           \
	TEXT(IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM, "wait event: no event param")                               \
	TEXT(IPC_ERROR_HANDLE_NEW_CONNECTION__MALLOC, "handle new connection: malloc")                         \
	TEXT(IPC_ERROR_ADD__EMPTY_LIST, "add: empty list")                                                     \
	TEXT(IPC_ERROR_ADD__NO_PARAM_CLIENTS, "add: no param clients")                                         \
	TEXT(IPC_ERROR_ADD__NO_PARAM_CLIENT, "add: no param client")                                           \
	TEXT(IPC_ERROR_ADD__MALLOC, "add: malloc")                                                             \
	TEXT(IPC_ERROR_ADD_FD__NO_PARAM_CINFOS, "add fd: no param cinfos")                                     \
	TEXT(IPC_ERROR_ADD_FD__NOT_ENOUGH_MEMORY, "add fd: not enough memory")                                 \
	TEXT(IPC_ERROR_DEL_FD__NO_PARAM_CINFOS, "del fd: no param cinfos")                                     \
	TEXT(IPC_ERROR_DEL_FD__EMPTIED_LIST, "del fd: emptied list")                                           \
	TEXT(IPC_ERROR_DEL_FD__EMPTY_LIST, "del fd: empty list")                                               \
	TEXT(IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT, "del fd: cannot find client")                               \
	TEXT(IPC_ERROR_CONTACT_IPCD__NO_SERVICE_NAME_PARAM, "contact ipcd: no service name param")             \
	TEXT(IPC_ERROR_CONTACT_IPCD__NO_SERVER_PARAM, "contact ipcd: no server param")                         \
	TEXT(IPC_ERROR_DEL__EMPTY_LIST, "del: empty list")                                                     \
	TEXT(IPC_ERROR_DEL__EMPTIED_LIST, "del: emptied list")                                                 \
	TEXT(IPC_ERROR_DEL__CANNOT_FIND_CLIENT, "del: cannot find client")                                     \
	TEXT(IPC_ERROR_DEL__NO_CLIENTS_PARAM, "del: no clients param")                                         \
	TEXT(IPC_ERROR_DEL__NO_CLIENT_PARAM, "del: no client param")                                           \
	TEXT(IPC_ERROR_USOCK_SEND, "usock send")                                                               \
	TEXT(IPC_ERROR_USOCK_CONNECT__SOCKET, "usock connect: socket")                                         \
	TEXT(IPC_ERROR_USOCK_CONNECT__WRONG_FILE_DESCRIPTOR, "usock connect: wrong file descriptor")           \
	TEXT(IPC_ERROR_USOCK_CONNECT__EMPTY_PATH, "usock connect: empty path")                                 \
	TEXT(IPC_ERROR_USOCK_CONNECT__CONNECT, "cannot connect")                                               \
	TEXT(IPC_ERROR_USOCK_CLOSE, "usock close")                                                             \
	TEXT(IPC_ERROR_USOCK_REMOVE__UNLINK, "usock remove: unlink")                                           \
	TEXT(IPC_ERROR_USOCK_REMOVE__NO_FILE, "usock remove: no file")                                         \
	TEXT(IPC_ERROR_USOCK_INIT__EMPTY_FILE_DESCRIPTOR, "usock init: empty file descriptor")                 \
	TEXT(IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR, "usock init: wrong file descriptor")                 \
	TEXT(IPC_ERROR_USOCK_INIT__EMPTY_PATH, "usock init: empty path")                                       \
	TEXT(IPC_ERROR_USOCK_INIT__BIND, "cannot bind, or a live service has the name")                        \
	TEXT(IPC_ERROR_USOCK_INIT__LISTEN, "usock init: listen")                                               \
	TEXT(IPC_ERROR_USOCK_ACCEPT__PATH_FILE_DESCRIPTOR, "usock accept: path file descriptor")               \
	TEXT(IPC_ERROR_USOCK_ACCEPT, "usock accept")                                                           \
	TEXT(IPC_ERROR_USOCK_RECV__NO_BUFFER, "usock recv: no buffer")                                         \
	TEXT(IPC_ERROR_USOCK_RECV__NO_LENGTH, "usock recv: no length")                                         \
	TEXT(IPC_ERROR_USOCK_RECV, "usock recv")                                                               \
	TEXT(IPC_ERROR_USOCK_RECV__UNRECOGNIZED_ERROR, "usock recv: unrecognized error")                       \
	TEXT(IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION, "usock recv: heap allocation")                             \
	TEXT(IPC_ERROR_USOCK_RECV__MESSAGE_SIZE, "the frame is too long")                                      \
	TEXT(IPC_ERROR_RECEIVE_FD__NO_PARAM_FD, "receive fd: no param fd")                                     \
	TEXT(IPC_ERROR_RECEIVE_FD__RECVMSG, "receive fd: recvmsg")                                             \
	TEXT(IPC_ERROR_PROVIDE_FD__SENDMSG, "provide fd: sendmsg")                                             \
	TEXT(IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH, "message format write: message length")           \
	TEXT(IPC_ERROR_MESSAGE_FORMAT__MESSAGE_SIZE, "message format: message size")                           \
	TEXT(IPC_ERROR_MESSAGE_FORMAT__NO_MESSAGE_PARAM, "message format: no message param")                   \
	TEXT(IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS, "message format: inconsistent params")             \
	TEXT(IPC_ERROR_MESSAGE_FORMAT__HEAP_ALLOCATION, "message format: heap allocation")                     \
	TEXT(IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MESSAGE, "message format write: empty message")             \
	TEXT(IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MSIZE, "message format write: empty msize")                 \
	TEXT(IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_BUFFER, "message format write: empty buffer")               \
	TEXT(IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_MESSAGE, "message format read: empty message")               \
	TEXT(IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_BUFFER, "message format read: empty buffer")                 \
	TEXT(IPC_ERROR_MESSAGE_FORMAT_READ__PARAM_MESSAGE_SIZE, "message format read: param message size")     \
	TEXT(IPC_ERROR_MESSAGE_FORMAT_READ__READ_MESSAGE_SIZE, "message format read: read message size")       \
	TEXT(IPC_ERROR_MESSAGE_FORMAT_READ__MESSAGE_TOO_LONG, "message format read: message too long")         \
	TEXT(IPC_ERROR_MESSAGE_EMPTY__EMPTY_MESSAGE_LIST, "message empty: empty message list")                 \
	TEXT(IPC_ERROR_MKDIR__CANNOT_CREATE_DIR, "mkdir: cannot create dir")                                   \
	TEXT(IPC_ERROR_MKDIR__NAME_TOO_LONG, "mkdir: name too long")                                           \
	TEXT(IPC_ERROR_DIR_SETUP__NOT_A_DIRECTORY, "dir setup: not a directory")                               \
	TEXT(IPC_ERROR_DIR_SETUP__DIRECTORY_NOT_WRITABLE, "dir setup: directory not writable")                 \
	TEXT(IPC_ERROR_DIRECTORY_SETUP__PATH_PARAM, "directory setup: path param")                             \
	TEXT(IPC_ERROR_SERVER_INIT__NOT_ENOUGH_MEMORY, "server init: not enough memory")                       \
	TEXT(IPC_ERROR_CONNECTION__NOT_ENOUGH_MEMORY, "connection: not enough memory")                         \
	TEXT(IPC_ERROR_CTX_INIT__NO_CONTEXT_PARAM, "ctx init: no context param")                               \
	TEXT(IPC_ERROR_CTX_INIT__CONTEXT_ALREADY_INIT, "ctx init: context already init")                       \
	TEXT(IPC_ERROR_ADD__MALLOC_POLLFD, "add: malloc pollfd")                                               \
	TEXT(IPC_ERROR_ADD_MESSAGE_TO_SEND__EMPTY_LIST, "add message to send: empty list")                     \
	TEXT(IPC_ERROR_ADD_MESSAGE_TO_SEND__MALLOC, "add message to send: malloc")                             \
	TEXT(IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGE, "add message to send: no param message")         \
	TEXT(IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGES, "add message to send: no param messages")       \
	TEXT(IPC_ERROR_CONNECTION__NO_CTX, "connection: no ctx")                                               \
	TEXT(IPC_ERROR_CTX_INIT__MALLOC_CTX, "ctx init: malloc ctx")                                           \
	TEXT(IPC_ERROR_CTX_INIT__MALLOC_POLLFD, "ctx init: malloc pollfd")                                     \
	TEXT(IPC_ERROR_CONTACT_IPCD__NO_FD_PARAM, "contact ipcd: no fd param")                                 \
	TEXT(IPC_ERROR_HANDLE_NEW_CONNECTION__INCONSISTENT_INDEX, "handle new connection: inconsistent index") \
	TEXT(IPC_ERROR_DEL_MESSAGE_TO_SEND__NO_PARAM_MESSAGES, "del message to send: no param messages")       \
	TEXT(IPC_ERROR_MESSAGE_DEL__INDEX_ERROR, "message del: index error")                                   \
	TEXT(IPC_ERROR_MESSAGE_DEL__EMPTY_LIST, "message del: empty list")                                     \
	TEXT(IPC_ERROR_ADD__NO_PARAM_POLLFD, "add: no param pollfd")                                           \
	TEXT(IPC_ERROR_WRITE__FD_NOT_FOUND, "no such descriptor in the context")                               \
	TEXT(IPC_ERROR_ADD__NOT_ENOUGH_MEMORY, "add: not enough memory")                                       \
	TEXT(IPC_ERROR_WAIT_EVENT__POLL, "waiting was interrupted")                                            \
	TEXT(IPC_ERROR_FD_SWITCHING__NO_FD_RECORD, "the descriptor is in no switched pair")                    \
	TEXT(IPC_ERROR_CLOSE_ALL__NO_CTX_PARAM, "close all: no ctx param")                                     \
	TEXT(IPC_ERROR_CLOSE__NO_CTX_PARAM, "close: no ctx param")                                             \
	TEXT(IPC_ERROR_WRITE__QUEUE_FULL, "the receiver's queue is full")                                      \
	TEXT(IPC_ERROR_SERVICE_PATH__INVALID_NAME, "the service name cannot be used")                          \
	TEXT(IPC_ERROR_CTX_QUEUE_LIMIT__NO_CTX_PARAM, "ctx queue limit: no ctx param")                         \
	TEXT(IPC_ERROR_POLLER, "the descriptor cannot be watched")                                             \
	TEXT(IPC_ERROR_WAIT_EVENT__CONTEXT_FREED, "the context was freed meanwhile")                           \
	TEXT(IPC_ERROR_CTX_ENTRY__NO_PARAM, "ctx entry: no param")                                             \
	TEXT(IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND, "the context has no such descriptor")                          \
	TEXT(IPC_ERROR_USOCK_INIT__SOCKET_MODE, "mode or group of the socket")                                 \
	TEXT(IPC_ERROR_CONTEXT__CALLED_IN_HANDLER, "called by a signal handler in the middle of another call") \
	TEXT(IPC_ERROR_CTX_FD__UNAVAILABLE, "this library has no descriptor for other loops")                  \
	TEXT(IPC_ERROR_CTX_QUIET__EVENT_TYPE, "only TX and SWITCH events can be left out")                     \
	TEXT(IPC_ERROR_WRITE_WITH_FD__DESCRIPTOR, "the descriptor cannot be sent")                             \
	TEXT(IPC_ERROR_PEER__UNKNOWN, "the kernel knows no peer")                                              \
	TEXT(IPC_ERROR_WAKE__EMPTY_CONTEXT, "the context is empty")                                            \
	TEXT(IPC_ERROR_CTX_ADD__NOT_LISTENING, "not a listening Unix socket")                                  \
	TEXT(IPC_ERROR_FLUSH__UNSENT, "messages are still queued")                                             \
	TEXT(IPC_ERROR_CTX_LIMIT__VALUE, "no such limit, or not in its range")

#define MEMBER(code, text) char code##_text[sizeof text];
#define VALUE(code, text) text,
/* Offset 0 means that a code has no text, so one byte lies before the texts. */
static const struct texts {
	char none;
	TEXTS(MEMBER)
} texts = {0, TEXTS(VALUE)};

#define OFFSET(code, text) [code] = offsetof(struct texts, code##_text),
static const uint16_t offsets[] = {TEXTS(OFFSET)};

const char *ipc_errors_get(enum ipc_error_code e) {
	if ((size_t)e >= sizeof offsets / sizeof offsets[0] || offsets[e] == 0) return NULL;
	return (const char *)&texts + offsets[e];
}
