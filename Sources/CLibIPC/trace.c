/*
 * trace.c - the trace: with LIBIPC_DEBUG=1 in the environment at the first check, a line on descriptor 2 for each event and each error.
 *
 * A line must go to the program's error output only. A program may start with descriptor 2 closed, or close it; then the next
 * file that is opened gets the number 2, which may be a client's socket. A private copy of descriptor 2 would be one more
 * descriptor that programs close, and would miss a log that is replaced (freopen(3), dup2(2)). So each line checks which file has
 * the number 2 at that moment. That costs one or two system calls, only in a process that writes a trace.
 */
#include "CLibIPC.h"

int libipc_traces = -1;

LIBIPC_ATOMIC int traces(void) {
	int known = __atomic_load_n(&libipc_traces, __ATOMIC_RELAXED); /* two threads may check at once: the result is the same */
	if (known >= 0) return known;
	const char *value = libipc_environment("LIBIPC_DEBUG");
	known = value != NULL && strcmp(value, "1") == 0;
	__atomic_store_n(&libipc_traces, known, __ATOMIC_RELAXED);
	return known;
}

/* Descriptor 2 as it was when the library was loaded, if it was open. */
static struct stat standard_error;
static int was_open;
/* Descriptor 2 was closed when the library was loaded, or when a line was to be written. A file that got the number later is no log,
 * unless it is the same file again. */
static int was_closed;

__attribute__((constructor)) static void remember_standard_error(void) {
	was_open = fstat(2, &standard_error) == 0;
	was_closed = !was_open;
}

/* Returns 1 for a file for text, 2 for a socket for text, and 0 when descriptor 2 is closed or may be a file with another purpose. */
static int kind_of_standard_error(void) {
	struct stat now;
	if (fstat(2, &now) != 0) {
		__atomic_store_n(&was_closed, 1, __ATOMIC_RELAXED);
		return 0;
	}
	int is_same = was_open && now.st_dev == standard_error.st_dev && now.st_ino == standard_error.st_ino;
	/* A service manager may log through a socket; a socket that is in a context is a connection. */
	if (S_ISSOCK(now.st_mode)) return is_same && libipc_owner(2) == NULL ? 2 : 0;
	if (is_same) return 1;
	/* Another file than at the start: a log that the program has put there, or a file that was opened for data and got the number 2.
	 * The flags tell most of the latter: they can be read, or are close-on-exec. */
	int flags = fcntl(2, F_GETFL), descriptor_flags = fcntl(2, F_GETFD);
	if (__atomic_load_n(&was_closed, __ATOMIC_RELAXED) || libipc_owner(2) != NULL || flags < 0) return 0;
	if ((flags & O_ACCMODE) == O_RDONLY || (descriptor_flags & FD_CLOEXEC) != 0) return 0;
	if (S_ISREG(now.st_mode)) return (flags & O_ACCMODE) == O_WRONLY || (flags & O_APPEND) != 0;
	return S_ISCHR(now.st_mode) || S_ISFIFO(now.st_mode);
}

/* When the reader has closed its end, or the file has its largest size, write(2) sends the thread a signal that would end the process
 * (SIGPIPE, SIGXFSZ). So the signal is blocked during the write, and removed unless it was pending before. */
static void write_without_signals(const char *bytes, size_t count) {
	sigset_t signals, before, pending;
	sigemptyset(&signals);
	sigaddset(&signals, SIGPIPE);
	sigaddset(&signals, SIGXFSZ);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &signals, &before);
	ssize_t written = write(2, bytes, count);
	int signal = written >= 0 ? 0 : errno == EPIPE ? SIGPIPE : errno == EFBIG ? SIGXFSZ : 0;
	if (signal != 0 && !sigismember(&pending, signal)) libipc_discard_signal(signal);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Writes a line in one call, because several processes may share the terminal, and without the lock of stdio. */
__attribute__((format(printf, 1, 2))) static void trace(const char *format, ...) {
	char line[512];
	int error = errno, kind = kind_of_standard_error();
	va_list arguments;
	va_start(arguments, format);
	int length = kind == 0 ? -1 : vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	if (length > 0) {
		size_t size = (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
		line[size - 1] = '\n';
		if (kind == 2) (void)!send(2, line, size, MSG_NOSIGNAL);
		else write_without_signals(line, size);
	}
	errno = error;
}

void libipc_write_trace(const struct ipc_event *event) {
	static const char names[][16] = {
	    "nothing", "error", "extra socket", "switch", "connection", "disconnection", "message", "lookup", "timer", "tx", "wake"};
	const struct ipc_message *message = event->m;
	if (!traces()) return;
	const char *name = names[(unsigned)event->type < sizeof names / sizeof *names ? event->type : 0];
	if (message == NULL) return trace("libipc: %s: entry %u, descriptor %d\n", name, event->index, event->origin);
	trace("libipc: %s: entry %u, descriptor %d, type %d, user type %d, %u bytes\n", name, event->index, event->origin,
	    (unsigned char)message->type, (unsigned char)message->user_type, message->length);
}

void libipc_trace_error(enum ipc_error_code code, const void *text, size_t count) {
	if (traces()) trace("libipc: error %d: %.*s\n", (int)code, (int)count, (const char *)text);
}

void libipc_trace_text(void) {
	const struct libipc_text *text = libipc_last_text();
	if (traces()) trace("libipc: %.*s\n", (int)text->length, text->bytes);
}
