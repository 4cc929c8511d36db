/*
 * utils.h - small helpers and the macros that need no other header (libipc).
 *
 * ipc.h does not include this file, and this file does not include ipc.h. ipc.h defines the macros below as well, with the
 * same text: a program gets them from either header, or from both. Those of their family that return a struct ipc_error
 * (T_R, T_PERROR_RIPC, SECURE_BUFFER_HEAP_ALLOCATION_R) are in ipc.h alone.
 */
#ifndef __IPC_UTIL_H__
#define __IPC_UTIL_H__

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* error_message_format - make a line for a log
 *
 * Writes "YYYY-MM-DD_HH-MM-SS:tag:message" with the local time, and a newline. The text is cut to fit.
 * The compiler does not check the format: `message` may be a variable without arguments, also under
 * -Werror=format-security.
 *
 * formatted_message  room for BUFSIZ bytes (8192)
 * tag                what the line is about
 * message            a format of printf(3)
 * ...                its arguments
 *
 * Threads: Any thread may call it at any time.
 * Signals: It asks for the local time: a handler must not call it.
 * Since: 1.0
 * See: printf(3)
 * Example, which prints "pong: 3 clients":
 *     int main(void) {
 *         char line[BUFSIZ];
 *
 *         error_message_format(line, "pong", " %d clients", 3);
 *         fputs(strstr(line, "pong"), stdout);
 *         return 0;
 *     }
 */
void error_message_format(char *formatted_message, const char *tag, const char *message, ...);

/* print_hexa - print bytes in hexadecimal
 *
 * Prints bytes on stdout, 16 a line. Each line begins with the prefix and the total.
 *
 * prefix   in front of each line; may be NULL
 * payload  the bytes
 * size     their number
 *
 * Threads: Any thread may call it at any time.
 * Signals: It calls printf(3): a handler must not call it.
 * Since: 1.0
 * See: ipc_message_print
 * Example, which prints "two bytes (2) 68 65":
 *     int main(void) {
 *         uint8_t bytes[] = {104, 101};
 *
 *         print_hexa("two bytes", bytes, sizeof bytes);
 *         return 0;
 *     }
 */
void print_hexa(const char *prefix, uint8_t *payload, size_t size);

#ifdef __cplusplus
}
#endif

/* ---- macros; ipc.h has a copy of this section ----
 *
 * Each is a block, or a declaration, that is complete without a semicolon; a semicolon may follow. So under an `if` without
 * braces, `else` follows the macro directly. Each argument is evaluated once at the most, unless it is said otherwise. */

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
/* ---- end of the macros that ipc.h has too ---- */

#endif
