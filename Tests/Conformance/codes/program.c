/*
 * program.c - the text of each error code. codes.sh makes codes.h, a line CODE(NAME) for each code of ipc.h.
 */
#include "../peers.h"

#include <limits.h>

static const int codes[] = {
#define CODE(name) name,
#include "codes.h"
#undef CODE
};
enum { CODES = sizeof codes / sizeof codes[0] };

static int is_code(int number) {
	for (int i = 0; i < CODES; i++) {
		if (codes[i] == number) return 1;
	}
	return 0;
}

TEST(ipc_errors_get_has_a_text_for_every_code) {
	CHECK(CODES >= 115);
	for (int i = 0; i < CODES; i++) {
		const char *text = ipc_errors_get((enum ipc_error_code)codes[i]);
		if (text == NULL || strlen(text) == 0) FAIL("no text for code %d", codes[i]);
		CHECK(strchr(text, '\n') == NULL);
		CHECK(text == ipc_errors_get((enum ipc_error_code)codes[i]));
	}
}

TEST(ipc_errors_get_has_none_for_other_numbers) {
	for (int number = -3; number < 1000; number++) {
		if (!is_code(number) && ipc_errors_get((enum ipc_error_code)number) != NULL) FAIL("a text for %d", number);
	}
	CHECK(ipc_errors_get((enum ipc_error_code)INT_MAX) == NULL);
	CHECK(ipc_errors_get((enum ipc_error_code)INT_MIN) == NULL);
}

TEST(the_codes_ascend) {
	for (int i = 1; i < CODES; i++) {
		if (codes[i] <= codes[i - 1]) FAIL("%d comes after %d", codes[i], codes[i - 1]);
	}
}
