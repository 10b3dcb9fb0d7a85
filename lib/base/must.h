/* SPDX-License-Identifier: MIT
 *
 * must(): what cannot happen. Kept in every build: a process that finds itself
 * in an impossible state logs where and aborts; the master replaces it. Never
 * use it on input from outside.
 */
#ifndef WEIR_BASE_MUST_H
#define WEIR_BASE_MUST_H

#define must(expr)                                              \
	do {                                                    \
		if (__builtin_expect(!(expr), 0))               \
			must_failed(#expr, __FILE__, __LINE__); \
	} while (0)

/* Writes one line to stderr and aborts. */
_Noreturn void must_failed(const char *expr, const char *file, int line);

/* malloc/calloc/realloc that abort when memory runs out: for start-up only. */
void *must_alloc(unsigned long bytes);
void *must_calloc(unsigned long n, unsigned long bytes);
void *must_realloc(void *p, unsigned long bytes);

#endif
