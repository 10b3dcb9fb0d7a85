/* SPDX-License-Identifier: MIT
 *
 * Memory that is freed all at once: one arena per configuration, per command.
 * Allocations are zeroed, aligned to 16 bytes, and abort when memory runs out.
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include <stddef.h>

#include "lib/base/span.h"

struct arena;

struct arena *arena_new(void);
/* Frees the arena and everything in it; *a becomes NULL. NULL is accepted. */
void arena_free(struct arena **a);
void *arena_alloc(struct arena *a, size_t bytes);
char *arena_strdup(struct arena *a, const char *s);
/* A C string with the bytes of s. */
char *arena_span(struct arena *a, struct span s);
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), nonnull(2)));
/* A copy of an array that grows: room for `n` + 1 elements at least. Returns the
 * array to use from now on. Grows by doubling at powers of two. */
void *arena_grow(struct arena *a, void *array, size_t n, size_t elem_bytes);

#endif
