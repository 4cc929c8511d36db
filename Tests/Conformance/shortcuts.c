/*
 * shortcuts.c - the short ways through a wait that receives: one whole small message that comes alone, and messages that were read
 * ahead. In each test a condition of the short way is just not met.
 */
#include "shortcuts.h"

enum { FRAMES = 5, STREAM = 200 };
static const char *const texts[FRAMES] = {"", "a", "seven..", "", "the last one"};

/* All frames, one behind the other. */
static size_t put_all(char *stream) {
	size_t size = 0;
	for (int i = 0; i < FRAMES; i++) {
		size_t length = strlen(texts[i]);
		put_header(stream + size, MSG_TYPE_DATA, (uint32_t)length, (char)('a' + i));
		memcpy(stream + size + IPC_HEADER_SIZE, texts[i], length);
		size += FRAME_SIZE(length);
	}
	return size;
}

/* How many frames are whole in so many bytes. */
static int whole_in(size_t bytes) {
	int count = 0;
	for (size_t size = 0; count < FRAMES; count++) {
		size += FRAME_SIZE(strlen(texts[count]));
		if (size > bytes) break;
	}
	return count;
}

static int told;
static void tell_up_to(int count) {
	for (; told < count; told++) {
		ready(&ctx, &event, IPC_EVENT_TYPE_MESSAGE);
		check_message_event(&event, near, (char)('a' + told), texts[told], (uint32_t)strlen(texts[told]));
	}
	nothing_to_tell(&ctx, &event);
}

TEST(messages_that_are_cut_at_any_two_bytes) {
	char stream[STREAM];
	size_t size = put_all(stream);
	for (int place = 0; place < PLACES; place++) {
		open_place(place);
		for (size_t first = 0; first <= size; first++) {
			for (size_t second = first; second <= size; second++) {
				told = 0;
				if (first > 0) write_bytes(far, stream, first);
				tell_up_to(whole_in(first));
				if (second > first) write_bytes(far, stream + first, second - first);
				tell_up_to(whole_in(second));
				if (size > second) write_bytes(far, stream + second, size - second);
				tell_up_to(FRAMES);
			}
		}
		close_place();
	}
}

TEST(messages_of_which_each_receive_gives_few_bytes) {
	char stream[STREAM];
	size_t size = put_all(stream);
	for (int place = 0; place < PLACES; place++) {
		open_place(place);
		for (most = 1; most <= size; most++) {
			write_bytes(far, stream, size);
			short_receives = 1000;
			told = 0;
			tell_up_to(FRAMES);
			short_receives = 0;
		}
		close_place();
	}
}

/* Each message is answered as soon as it is told. Answers and TX are as many as messages, in their order. */
TEST(messages_that_are_cut_anywhere_and_answered) {
	char stream[STREAM], answers[STREAM];
	size_t size = put_all(stream);
	for (int place = 0; place < PLACES; place++) {
		open_place(place);
		for (size_t cut = 0; cut <= size; cut++) {
			int sent = 0;
			told = 0;
			if (cut > 0) write_bytes(far, stream, cut);
			for (int part = 0; part < 2; part++) {
				int timer = 0;
				if (part == 1 && cut < size) write_bytes(far, stream + cut, size - cut);
				while (CHECK_OK(ipc_wait_event(&ctx, &event, &timer)), event.type != IPC_EVENT_TYPE_TIMER) {
					if (event.type == IPC_EVENT_TYPE_TX) {
						CHECK_EQUAL(event.origin, near);
						CHECK(++sent <= told);
						continue;
					}
					CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
					check_message_event(&event, near, (char)('a' + told), texts[told], (uint32_t)strlen(texts[told]));
					CHECK_OK(ipc_write(&ctx, event.m));
					told++;
				}
				CHECK_EQUAL(told, whole_in(part == 0 ? cut : size));
				CHECK_EQUAL(sent, told);
				CHECK_EQUAL(ctx.tx.size, 0);
			}
			CHECK_EQUAL(read_bytes(far, answers, size), size);
			CHECK(memcmp(answers, stream, size) == 0 && !is_readable(far));
		}
		close_place();
	}
}

/* ---- headers that announce too much ---- */

TEST(an_oversize_header_behind_any_messages_that_is_cut_anywhere) {
	static const uint32_t lengths[] = {IPC_MAX_MESSAGE_SIZE + 1, 0x7fffffff, 0x80000000, 0xffffffff};
	for (int place = 0; place < PLACES; place++) {
		for (int i = 0; i < 4; i++) {
			for (int before = 0; before < 3; before++) {
				for (size_t cut = 0; cut <= IPC_HEADER_SIZE; cut++) {
					char header[IPC_HEADER_SIZE];
					open_place(place);
					int count = ctx.size, fd = near;
					put_header(header, MSG_TYPE_DATA, lengths[i], 'x');
					for (int k = 0; k < before; k++) write_frame(far, 'g', "good", 4);
					if (cut > 0) write_bytes(far, header, cut);
					for (int k = 0; k < before; k++) ready_message(&ctx, &event, near, 'g', "good", 4);
					if (cut < IPC_HEADER_SIZE) {
						nothing_to_tell(&ctx, &event);
						write_bytes(far, header + cut, IPC_HEADER_SIZE - cut);
					}
					ready(&ctx, &event, IPC_EVENT_TYPE_ERROR);
					CHECK(event.origin == fd && (int)ctx.size == count - 1 && !is_open(fd));
					nothing_to_tell(&ctx, &event);
					close_place();
				}
			}
		}
	}
}

/* ---- sizes at which another way begins: of a large message, and of one receive ---- */

/* Sends as much as there is room for, and waits in between. */
static void pass_large(char user_type, const char *payload, uint32_t length) {
	char *frame = malloc(FRAME_SIZE(length));
	put_header(frame, MSG_TYPE_DATA, length, user_type);
	memcpy(frame + IPC_HEADER_SIZE, payload, length);
	for (size_t done = 0; done < FRAME_SIZE(length);) {
		ssize_t n = send(far, frame + done, FRAME_SIZE(length) - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) done += (size_t)n;
		if (done < FRAME_SIZE(length)) nothing_to_tell(&ctx, &event);
	}
	ready_message(&ctx, &event, near, user_type, payload, length);
	free(frame);
}

TEST(small_and_large_messages_in_turn) {
	enum { LARGEST = 300000 };
	static const uint32_t sizes[] = {
	    65535, 65536, 0, 65537, 70000, 65536, 1, 262138, 262137, 262139, 2, 262144, LARGEST, 3, LARGEST, LARGEST - 1};
	char *payload = pattern(LARGEST + sizeof sizes, 5);
	for (int place = 0; place < PLACES; place++) {
		open_place(place);
		for (int round = 0; round < 2; round++) {
			for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) pass_large((char)i, payload + i, sizes[i]);
		}
		/* Two behind a large one, which come together. */
		write_frame(far, 'o', "one", 3);
		write_frame(far, 't', "two", 3);
		ready_message(&ctx, &event, near, 'o', "one", 3);
		ready_message(&ctx, &event, near, 't', "two", 3);
		nothing_to_tell(&ctx, &event);
		close_place();
	}
	free(payload);
}

/* ---- descriptors that come along ---- */

TEST(a_descriptor_that_nobody_asked_for_comes_with_any_byte) {
	char stream[STREAM];
	size_t size = put_all(stream);
	for (int place = 0; place < PLACES; place++) {
		open_place(place);
		int before = count_descriptors();
		for (size_t cut = 1; cut <= size; cut++) {
			told = 0;
			send_with(far, stream, cut, 0, 1);
			tell_up_to(whole_in(cut));
			if (cut < size) write_bytes(far, stream + cut, size - cut);
			tell_up_to(FRAMES);
			CHECK_EQUAL(count_descriptors(), before);
		}
		close_place();
	}
}

TEST(a_descriptor_comes_with_a_byte_of_its_own_behind_messages) {
	for (int place = 0; place < PLACES; place++) {
		for (int messages = 0; messages < 4; messages++) {
			int passed = -1;
			open_place(place);
			for (int i = 0; i < messages; i++) write_frame(far, 'm', "message", 7);
			send_with(far, "", 1, 0, 1);
			write_frame(far, 'b', "behind", 6);
			for (int i = 0; i < messages; i++) ready_message(&ctx, &event, near, 'm', "message", 7);
			CHECK_OK(ipc_receive_fd(near, &passed));
			CHECK(is_open(passed));
			close(passed);
			ready_message(&ctx, &event, near, 'b', "behind", 6);
			nothing_to_tell(&ctx, &event);
			close_place();
		}
	}
}

/* ---- no memory ---- */

TEST(a_message_for_which_there_is_no_memory_comes_later) {
	for (int place = 0; place < PLACES; place++) {
		open_place(place);
		for (int together = 1; together < 4; together++) {
			for (int which = 1; which < 8; which++) {
				for (int i = 0; i < together; i++) write_frame(far, (char)('a' + i), "message", 7);
				failing_allocations = which;
				for (int i = 0; i < together;) {
					int timer = 0;
					struct ipc_error e = ipc_wait_event(&ctx, &event, &timer);
					if (failing_allocations == 0 && e.error_code != 0) continue;
					CHECK_EQUAL(e.error_code, 0);
					if (event.type == IPC_EVENT_TYPE_TIMER) continue;
					CHECK_EQUAL(event.type, IPC_EVENT_TYPE_MESSAGE);
					check_message_event(&event, near, (char)('a' + i), "message", 7);
					i++;
				}
				failing_allocations = 0;
				nothing_to_tell(&ctx, &event);
			}
		}
		close_place();
	}
}
