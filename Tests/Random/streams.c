/*
 * streams.c - messages with numbers, the order in which they must come, and bytes.
 */
#include "world.h"

enum { MESSAGES = 0x10000, STRETCH = 65521 };

static uint32_t lengths[MESSAGES];
static uint32_t message_count;

/* One pattern for all: the payload of message n is a stretch of it that begins at n % STRETCH. */
static const char *payload_of(uint32_t number) {
	static char *pattern;
	if (pattern == NULL) {
		uint32_t state = 12345;
		pattern = malloc(MAXIMUM + STRETCH);
		for (size_t i = 0; i < MAXIMUM + STRETCH; i++) {
			state = state * 1664525u + 1013904223u;
			pattern[i] = (char)(state >> 24);
		}
	}
	return pattern + number % STRETCH;
}

uint32_t new_message(size_t length, struct ipc_message *m) {
	/* Spread over all types: any of them travels as given. */
	uint32_t number = message_count * 259 % MESSAGES;
	if (++message_count >= MESSAGES) fail("the tester has no more numbers for messages");
	lengths[number] = (uint32_t)length;
	*m = (struct ipc_message){.type = (char)(number >> 8),
	    .user_type = (char)number,
	    .fd = -1,
	    .length = (uint32_t)length,
	    .payload = length == 0 ? NULL : (char *)payload_of(number)};
	return number;
}

size_t length_of(uint32_t number) { return number < MESSAGES ? lengths[number] : 1; }

size_t any_length(int dice) {
	static const size_t some[] = {0, 1, 5, 0, 100, 7, 4096, 30 * 1024, 1, 0, 60, 200 * 1024, 2000, 65536, 30000, 300};
	int count = sizeof some / sizeof *some;
	if (dice % 61 == 60) return MAXIMUM;
	return some[dice % count];
}

struct item *push(struct stream *s, uint32_t number, int writer) {
	static unsigned order;
	if (s->count == s->room) {
		s->room = s->room * 2 + 16;
		s->items = realloc(s->items, s->room * sizeof *s->items);
	}
	struct item *item = &s->items[s->count++];
	*item = (struct item){.number = number, .order = ++order, .writer = (signed char)writer};
	return item;
}

void distrust(struct stream *s, enum trust trust) {
	if (s->trust < trust) s->trust = trust;
}

static int is_poisoned(const struct stream *s) {
	size_t i = s->next;
	while (i < s->count && i < s->poison && s->items[i].optional) i++;
	return i >= s->poison;
}

int has_passed(const struct stream *s) {
	for (size_t i = s->next; i < s->count; i++) {
		if (s->items[i].number == PASSED) return 1;
	}
	return 0;
}

/* The stream has come to this message. */
void deliver(struct stream *s, const struct ipc_message *m, const char *how) {
	uint32_t number = (uint32_t)(unsigned char)m->type << 8 | (unsigned char)m->user_type;
	if (s->trust == GARBAGE) return;
	size_t i = s->next;
	while (i < s->count && i < s->poison && s->items[i].number != number) i++;
	for (size_t k = s->next; k <= i && k < s->count; k++) {
		/* The byte of a descriptor was taken for a frame's. */
		if (s->items[k].number == PASSED) return distrust(s, GARBAGE);
	}
	if (i == s->count || i >= s->poison) {
		if (is_poisoned(s)) return;
		if (s->trust == VAGUE && m->length == lengths[number]) return;
		for (size_t k = 0; k < s->next; k++) {
			if (s->items[k].number == number)
				fail("%s: a message came again, or too late: %u of %u bytes", how, number, m->length);
		}
		fail("%s: a message that was not sent there: %u of %u bytes", how, number, m->length);
	}
	if (m->length != lengths[number]) fail("%s: message %u has %u bytes, not %u", how, number, m->length, lengths[number]);
	if (m->payload == NULL) fail("%s: a payload is NULL", how);
	if (memcmp(m->payload, payload_of(number), m->length) != 0) fail("%s: the payload of message %u is damaged", how, number);
	if (s->trust == VAGUE) return;
	for (size_t k = s->next; k < i; k++) {
		if (!s->items[k].optional) fail("%s: message %u came before message %u", how, number, s->items[k].number);
	}
	s->next = i + 1;
}

int knows_next(const struct stream *s) {
	return s->trust == CLEAN && s->next < s->count && s->next < s->poison && s->items[s->next].sent && !s->items[s->next].optional &&
	    s->items[s->next].number < MESSAGES;
}

/* The first item that must have come and has not, or NULL. queued: also what waited in a queue. */
const struct item *missing(const struct stream *s, int queued) {
	if (s->trust != CLEAN) return NULL;
	for (size_t i = s->next; i < s->count && i < s->poison; i++) {
		if (s->items[i].optional || (!queued && !s->items[i].sent)) continue;
		return s->items[i].number == PASSED ? NULL : &s->items[i];
	}
	return NULL;
}

void check_received(const struct stream *s, int queued, const char *when) {
	const struct item *item = missing(s, queued);
	if (item == NULL) return;
	fail("%s: message %u of %zu bytes did not come (%zu came, %zu were sent)", when, item->number, length_of(item->number), s->next,
	    s->count);
}

void append(struct bytes *b, const void *from, size_t length) {
	if (b->length + length > b->room) {
		b->room = (b->length + length) * 2;
		b->at = realloc(b->at, b->room);
	}
	if (length > 0) memcpy(b->at + b->length, from, length);
	b->length += length;
}

void consume(struct bytes *b, size_t length) {
	b->length -= length;
	if (b->length > 0) memmove(b->at, b->at + length, b->length);
	if (b->length == 0) {
		free(b->at);
		*b = (struct bytes){0};
	}
}

void put_frame(struct bytes *b, const struct ipc_message *m) {
	unsigned char header[IPC_HEADER_SIZE] = {(unsigned char)m->type, (unsigned char)(m->length >> 24), (unsigned char)(m->length >> 16),
	    (unsigned char)(m->length >> 8), (unsigned char)m->length, (unsigned char)m->user_type};
	append(b, header, sizeof header);
	append(b, m->payload, m->length);
}
