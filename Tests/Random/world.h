/*
 * world.h - what the random tester knows of contexts, sockets and messages while it calls the library.
 *
 * A link is a connected pair of sockets. Each of its ends is near (the library reads and writes it) or raw (a peer that the steps
 * drive with send(2) and recv(2)). A stream is one direction of a link: the messages that were sent into it, in order. Every message
 * has a number of 16 bits, which is its type and user type, and a payload that follows from it. So a receiver knows which message it
 * has got, whatever its length.
 */
#ifndef WORLD_H
#define WORLD_H

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fs.h>
#include <ipc.h>
#include <message.h>
#include <utils.h>

enum { CONTEXTS = 3, LINKS = 16, LISTENERS = 6, NAMES = 3, MAXIMUM = IPC_MAX_MESSAGE_SIZE };
enum { UNKNOWN = 0x10000, PASSED = 0x10001 }; /* in place of a message's number: not known which; a descriptor with one byte */

struct bytes {
	char *at;
	size_t length, room;
};

/* What the receiver of a stream must get. Clean: each message once, whole, in order. Vague: whole messages that were sent once.
 * Garbage: nothing is known, because the program itself has broken the stream. */
enum trust { CLEAN, VAGUE, GARBAGE };

struct item {
	uint32_t number;
	size_t end; /* of its bytes in the stream, if a raw end wrote it */
	unsigned order; /* of ipc_write, among all contexts */
	signed char writer; /* the context with whose queue it was sent, or -1 */
	char sent; /* the kernel has it */
	char optional; /* its queue was dropped before that was known */
};

struct stream {
	struct item *items;
	size_t count, room, next; /* next: the first one that was not received */
	size_t poison; /* from this item on nothing is known: a frame that is none */
	enum trust trust;
};

struct end {
	int fd;
	ino_t inode;
	char open, raw, shut, saw_end; /* shut: stopped writing; saw_end: has read the end of the stream */
	char is_small; /* its socket has a small buffer */
	struct bytes incoming, outgoing;
	size_t flushed; /* bytes of outgoing that the kernel took, in all */
	int descriptors; /* received by a raw end, and not accounted for yet; sent along to a near one */
	signed char answer; /* of its next callback, if not negative */
};

struct link {
	int used, listener; /* listener: whose queue of clients it is in, or -1 */
	struct end ends[2];
	struct stream streams[2]; /* [i]: what ends[i] sends */
};

struct listener {
	int fd, name, bound; /* name: -1 when the file is not there any more */
	ino_t inode;
	char open, is_weak; /* weak: its number is also that of an entry whose file the program has closed */
	int clients[LINKS], waiting; /* links that nobody has accepted yet, in order */
};

struct entry {
	int fd, type;
	struct end *end; /* or NULL */
	struct listener *listener; /* or NULL */
	char dead; /* ipc_close has closed it */
	char owned; /* the library knows the socket's path */
};

enum { BATCH = 40 };

struct context {
	struct ipc_ctx ctx;
	struct ipc_event event;
	struct ipc_event batch[BATCH]; /* of ipc_wait_events; each of them is judged as `event` */
	char in_batch; /* what ends is closed by the next wait */
	uint32_t quiet; /* of ipc_ctx_quiet */
	char was_quiet; /* messages may be queued that ctx->tx does not have */
	int loop; /* of ipc_ctx_fd, if not 0 */
	char is_changed; /* the steps have written to the public arrays: `loop` does not tell that */
	int idle_turns; /* waits in a row without an event, although that was readable */
	int timer, left; /* what the last event left, and the last one that left some time */
	struct entry *entries;
	size_t count, room;
	int refused; /* waits in a row that failed */
	char is_limited; /* its queues have a small limit */
};

extern struct context contexts[CONTEXTS];
extern struct link links[LINKS];
extern struct listener listeners[LISTENERS];
extern int verbose, step_number;
extern int excused; /* descriptors that the library may still keep for an end that it was not told of */
extern char run_directory[64];

/* ---- random.c ---- */

/* Ends the program: the library, or the model, is wrong. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Ends the program with success: from here on nothing can be demanded. */
void abandon(const char *why) __attribute__((noreturn));
/* One line of the trace. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- operations.c ---- */

typedef void operation_function(int a, int b, int c);
struct operation {
	const char *name;
	operation_function *run;
	int weight;
};
extern const struct operation operations[];
extern const int operation_count;

/* ---- streams.c ---- */

uint32_t new_message(size_t length, struct ipc_message *m); /* the payload is not the caller's */
size_t length_of(uint32_t number);
size_t any_length(int dice);
struct item *push(struct stream *s, uint32_t number, int writer);
void distrust(struct stream *s, enum trust trust);
void deliver(struct stream *s, const struct ipc_message *m, const char *how);
int has_passed(const struct stream *s); /* a descriptor is to come */
int knows_next(const struct stream *s); /* the next message is sure, and the kernel has it */
const struct item *missing(const struct stream *s, int queued);
void check_received(const struct stream *s, int queued, const char *when);
void append(struct bytes *b, const void *from, size_t length);
void consume(struct bytes *b, size_t length);
void put_frame(struct bytes *b, const struct ipc_message *m);

/* ---- links.c ---- */

struct link *link_of(const struct end *e);
struct end *other(const struct end *e);
struct stream *incoming(const struct end *e);
struct stream *outgoing(const struct end *e);
struct link *new_link(void); /* or NULL */
void open_end(struct end *e, int fd, int raw);
void close_end(struct end *e); /* its descriptor is closed already */
struct end *near_with(int fd); /* the open near end with this number, or NULL */
struct end *pick_end(int which, int raw);
struct link *connect_raw(int name);
struct link *make_pair(int first_is_raw, int second_is_raw);
int is_same(int fd, ino_t inode);
ino_t inode_of(int fd);
const char *shown(const struct end *e);

/* ---- peers.c ---- */

size_t flush_end(struct end *e, size_t limit, int with_descriptor);
size_t read_raw(struct end *e, size_t limit);
int is_gone(const struct end *e); /* this near end may be told to have left, or failed */

/* ---- listeners.c ---- */

struct listener *listener_with(int fd);
struct listener *listener_named(int name);
int can_listen(int name);
struct listener *new_listener(int fd, int name);
void close_listener(struct listener *l);
struct listener *pick_listener(int which);
struct end *accepted(struct listener *l, int fd);
void path_of(int name, char *path);
const char *name_of(int name);

/* ---- entries.c ---- */

struct context *pick_context(int which);
int index_of(const struct context *c);
struct entry *add_entry(struct context *c, int fd, int type);
void remove_entry(struct context *c, size_t index);
struct entry *entry_with(struct context *c, int fd);
int times(const struct context *c, int fd);
int is_anywhere(const struct end *e); /* in how many contexts */
void forget_queue(struct context *c, struct end *e);
void forget_context(struct context *c);
size_t queued_bytes(const struct context *c);
void check_world(void);

/* ---- events.c ---- */

void judge(struct context *c, struct ipc_error *e, const char *call, int is_step);
int has_stale(struct context *c);
void prepare(struct context *c); /* before a call that judge() is asked about */
void wait_once(struct context *c, int *timer);

/* ---- calls_batches.c ---- */

int may_be_ready(struct context *c);
void check_loop(struct context *c, int was_ready);
int write_take(struct context *c, const struct ipc_message *m);
extern struct callback_note {
	int fd, direction, answer;
	uint32_t number;
} note;

/* ---- calls_direct.c, finish.c ---- */

int read_directly(struct end *e, int way);
void read_external(struct end *e);

/* Fails unless the call returns one of the codes; returns it. */
#define EXPECT(call, ...) expect((call), #call, (const int[]){__VA_ARGS__, -1})
int expect(struct ipc_error e, const char *call, const int *codes);
void finish(void);

#endif
