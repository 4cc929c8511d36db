/*
 * injected_calls.c - how many system calls it takes to read and to write one message: counted by the injector, which makes
 * none of them fail.
 */
#include "injected.h"
#include "peers.h"

static struct ipc_ctx client;
static struct ipc_message message;
static int fd, peer; /* the client's end, and the service's */

static void begin_talk(void) {
	begin();
	peer = join_raw(&client, "calls", &fd);
}

static void end_talk(void) {
	free(message.payload);
	close(peer);
	CHECK_OK(ipc_close_all(&client));
	ipc_ctx_free(&client);
}

/* How many calls it took to read this message. */
static long calls_to_read(const char *text) {
	long before = inject_calls();
	CHECK_EQUAL(ARMED(FULL, ipc_read(&client, 0, &message)).error_code, 0);
	CHECK_EQUAL(message.fd, fd);
	CHECK_EQUAL(message.length, strlen(text));
	CHECK(memcmp(message.payload, text, message.length) == 0);
	return inject_calls() - before;
}

TEST(messages_that_came_together_are_read_with_one_system_call) {
	char frames[64];
	size_t size = 0;
	begin_talk();
	for (const char **text = (const char *[]){"one", "two", "three", NULL}; *text != NULL; text++)
		size += ipc_message_raw_serialize(frames + size, MSG_TYPE_DATA, 1, (char *)*text, (uint32_t)strlen(*text));
	write_bytes(peer, frames, size);
	CHECK_EQUAL(calls_to_read("one"), 2); /* what file it is, asked once for a descriptor for which bytes are kept */
	CHECK_EQUAL(calls_to_read("two"), 0);
	CHECK_EQUAL(calls_to_read("three"), 0);
	write_bytes(peer, frames, size);
	CHECK_EQUAL(calls_to_read("one"), 1);
	CHECK_EQUAL(calls_to_read("two"), 0);
	CHECK_EQUAL(calls_to_read("three"), 0);
	end_talk();
}

TEST(a_message_whose_rest_comes_later_is_read_whole) {
	char frame[16];
	size_t size = ipc_message_raw_serialize(frame, MSG_TYPE_DATA, 1, "later", 5);
	begin_talk();
	write_frame(peer, 'a', "first", 5);
	write_bytes(peer, frame, 8);
	CHECK(calls_to_read("first") >= 1);
	write_bytes(peer, frame + 8, size - 8);
	CHECK(calls_to_read("later") >= 1);
	end_talk();
}

TEST(a_message_is_written_with_one_system_call) {
	begin_talk();
	for (int i = 0; i < 4; i++) {
		if (i == 2) { /* whatever is here to be read */
			write_frame(peer, 'a', "one", 3);
			write_frame(peer, 'b', "two", 3);
			CHECK(calls_to_read("one") >= 1);
		}
		struct ipc_message sent = {MSG_TYPE_DATA, 'w', fd, 5, "hello"};
		long before = inject_calls();
		CHECK_EQUAL(ARMED(FULL, ipc_write_fd(fd, &sent)).error_code, 0);
		CHECK_EQUAL(inject_calls() - before, 1);
		read_frame(peer, 'w', "hello", 5);
	}
	end_talk();
}
