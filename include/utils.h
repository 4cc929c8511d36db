/*
 * utils.h - small helpers and the macros that programs use (libipc).
 *
 * In the macros' names T is a further test, I an instruction to run on failure,
 * P prints the text on stderr, R returns a value, RR returns the struct ipc_error,
 * Q exits. Conditions given to T_* stand in parentheses of their own:
 * T_R((fd < 0), -1). Since 1.0.
 */
#ifndef LIBIPC_UTILS_H
#define LIBIPC_UTILS_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes "YYYY-MM-DD_HH-MM-SS:tag:message\n" (local time, printf's formats) into the
 * BUFSIZ bytes of `formatted_message`, cut to fit. */
void error_message_format(char *formatted_message, const char *tag, const char *message, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* Prints `size` bytes on stdout in hexadecimal, 16 a line, each line opened by `prefix`
 * and the total. `prefix` may be NULL. */
void print_hexa(const char *prefix, uint8_t *payload, size_t size);

#ifdef __cplusplus
}
#endif

/* Declares a variable, or an array of n, and zeroes it. */
#define SECURE_DECLARATION(t, v) \
	t v; \
	memset(&v, 0, sizeof(t))
#define SECURE_BUFFER_DECLARATION(t, name, n) \
	t name[n]; \
	memset(&name, 0, sizeof(t) * (n))

/* Allocates `len` zeroed bytes into `p`; without memory runs `instr`, then `r`. */
#define SECURE_BUFFER_HEAP_ALLOCATION(p, len, instr, r) \
	{ \
		*(void **)&(p) = calloc(1, (len) ? (len) : 1); \
		if ((p) == NULL) { \
			instr; \
			r; \
		} \
	}
#define SECURE_BUFFER_HEAP_ALLOCATION_R(p, len, instr, r) SECURE_BUFFER_HEAP_ALLOCATION(p, len, instr, return (r))
#define SECURE_BUFFER_HEAP_ALLOCATION_R_NULL(p, len) SECURE_BUFFER_HEAP_ALLOCATION(p, len, , return NULL)
#define SECURE_BUFFER_HEAP_ALLOCATION_Q(p, len, instr, e) SECURE_BUFFER_HEAP_ALLOCATION(p, len, instr, exit(e))

/* Returns from the function when the condition `t` holds. */
#define T_R(t, r) \
	{ if (t) { return r; } }
#define T_R_NULL(t) \
	{ if (t) { return NULL; } }
#define T_R_NOTHING(t) \
	{ if (t) { return; } }
/* The same after perror(m): return r, exit with r, return the libipc error with code r. */
#define T_PERROR_R(t, m, r) \
	{ if (t) { perror(m); return r; } }
#define T_PERROR_Q(t, m, r) \
	{ if (t) { perror(m); exit(r); } }
#define T_PERROR_RIPC(t, m, r) \
	{ if (t) { perror(m); IPC_RETURN_ERROR(r); } }

#endif
