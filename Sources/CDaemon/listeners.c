/*
 * listeners.c - which Unix sockets listen, as the kernel tells it, without connecting to any of them.
 *
 * /proc/net/unix has the path with which a socket was bound: relative, through a link, of a file that was renamed or replaced since.
 * sock_diag(7) has the file itself, so nothing is taken for another.
 */
#include "systems.h"

#ifdef __linux__
#include <sys/sysmacros.h>

/* As in linux/netlink.h, linux/sock_diag.h and linux/unix_diag.h, which a C library need not come with. */
enum { NETLINK_SOCK_DIAG = 4, BY_FAMILY = 20, REQUEST = 1, DUMP = 0x300, ERROR = 2, DONE = 3 };
enum { SHOW_FILE = 2, SHOW_QUEUE = 16, ATTRIBUTE_FILE = 1, ATTRIBUTE_QUEUE = 4 };
enum { LISTENING = 10 }; /* TCP_LISTEN, of Unix sockets, too */

struct netlink {
	uint32_t length;
	uint16_t type, flags;
	uint32_t sequence, port;
};
struct request {
	uint8_t family, protocol;
	uint16_t padding;
	uint32_t states, file, show, cookie[2];
};
struct answer {
	uint8_t family, type, state, padding;
	uint32_t inode, cookie[2];
};
struct attribute {
	uint16_t length, type;
	uint32_t values[]; /* of FILE: file, device; of QUEUE: clients that wait, backlog */
};

static size_t aligned(size_t size) { return (size + 3) & ~(size_t)3; }

/* Adds the socket of one answer to the list. Returns 0, or -1 if there is no memory. */
static int add(const char *bytes, size_t size, struct cd_listening **list, size_t *count, size_t *room) {
	const struct answer *answer = (const void *)bytes;
	struct cd_listening found = {0, 0, 0};
	int has_file = 0;
	if (size < sizeof *answer || answer->type != SOCK_STREAM || answer->state != LISTENING) {
		return 0;
	}
	for (size_t at = sizeof *answer; at + sizeof(struct attribute) <= size;) {
		const struct attribute *attribute = (const void *)(bytes + at);
		if (attribute->length < sizeof *attribute || attribute->length > size - at) {
			break;
		}
		int has_both = attribute->length >= sizeof *attribute + 2 * sizeof(uint32_t);
		if (attribute->type == ATTRIBUTE_FILE && has_both) {
			found.file = attribute->values[0];
			found.device = attribute->values[1];
			has_file = 1;
		}
		if (attribute->type == ATTRIBUTE_QUEUE && has_both) {
			found.waiting = attribute->values[0];
		}
		at += aligned(attribute->length);
	}
	if (!has_file) {
		return 0;
	}
	if (*count == *room) {
		size_t larger = *room == 0 ? 64 : 2 * *room;
		struct cd_listening *grown = realloc(*list, larger * sizeof *grown);
		if (grown == NULL) {
			return -1;
		}
		*list = grown;
		*room = larger;
	}
	(*list)[(*count)++] = found;
	return 0;
}

/* Takes the answers of one receive. Returns 1 after the last one, 0 if more answers follow, -1 on an error. */
static int take(const char *answers, size_t size, struct cd_listening **list, size_t *count, size_t *room) {
	const struct netlink *header;
	for (size_t at = 0; at + sizeof *header <= size; at += aligned(header->length)) {
		header = (const void *)(answers + at);
		if (header->length < sizeof *header || header->length > size - at || header->type == ERROR) {
			return -1;
		}
		if (header->type == DONE) {
			return 1;
		}
		if (add(answers + at + sizeof *header, header->length - sizeof *header, list, count, room) != 0) {
			return -1;
		}
	}
	return 0;
}

int cd_all_listening(struct cd_listening **list, size_t *count) {
	const struct {
		struct netlink header;
		struct request request;
	} question = {
	    {sizeof question, BY_FAMILY, REQUEST | DUMP, 1, 0},
	    {.family = AF_UNIX, .states = 1 << LISTENING, .show = SHOW_FILE | SHOW_QUEUE, .cookie = {UINT32_MAX, UINT32_MAX}},
	};
	/* The kernel sends at most 32 KiB in one answer. The structures in it are aligned to 4 bytes. */
	static char answers[32768] __attribute__((aligned(4)));
	/* A kernel without sock_diag(7) refuses the request at once. This limit is for one that never answers. */
	const struct timeval patience = {2, 0};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), result = -1;
	size_t room = 0;
	*list = NULL;
	*count = 0;
	if (fd < 0) {
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (CD_RETRYING(send(fd, &question, sizeof question, 0)) == sizeof question) {
		ssize_t size;
		do {
			size = CD_RETRYING(recv(fd, answers, sizeof answers, 0));
			result = size <= 0 ? -1 : take(answers, (size_t)size, list, count, &room);
		} while (result == 0);
	}
	close(fd);
	if (result < 0) {
		free(*list);
		*list = NULL;
		*count = 0;
		return -1;
	}
	return 0;
}

/* In the kernel's form of a device number the minor number has 20 bits. The kernel tells 32 bits of an inode number. */
int cd_listens_at(const struct cd_listening *listening, const struct stat *status) {
	return listening->file == (uint32_t)status->st_ino &&
	    listening->device == ((uint32_t)major(status->st_dev) << 20 | (uint32_t)minor(status->st_dev));
}
#else
int cd_all_listening(struct cd_listening **list, size_t *count) {
	*list = NULL;
	*count = 0;
	return -1;
}

int cd_listens_at(const struct cd_listening *listening, const struct stat *status) {
	(void)listening, (void)status;
	return 0;
}
#endif
