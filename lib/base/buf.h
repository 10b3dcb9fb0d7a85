/* SPDX-License-Identifier: MIT
 *
 * Byte buffers in a few sizes, pooled per process under one bound. A connection holds
 * one only while it holds bytes that could not be passed on or parsed yet.
 */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/pool.h"
#include "lib/base/span.h"

enum { BUF_CLASSES_N = 5, BUF_CLASS_NONE = BUF_CLASSES_N };

struct buf {
	uint32_t cap;
	uint32_t from, to; /* bytes[from, to) is content */
	uint8_t class;
	char bytes[];
};

struct buf_pools {
	struct pool classes[BUF_CLASSES_N];
	size_t used_bytes, limit_bytes;
};

/* limit_bytes: of all buffers together; 0: none. */
void buf_pools_init(struct buf_pools *b, size_t limit_bytes);
/* An empty buffer with room for `need` bytes or more; NULL when the bound is reached. */
struct buf *buf_get(struct buf_pools *b, size_t need);
void buf_put_held(struct buf_pools *b, struct buf **buf);
/* Gives *buf back and sets it to NULL; accepts NULL. */
static inline void
buf_put(struct buf_pools *b, struct buf **buf)
{
	if (*buf)
		buf_put_held(b, buf);
}
/* Appends bytes to *buf, which may be NULL and may be replaced by a larger one. false
 * (nothing changed) when the bound is reached. */
bool buf_append(struct buf_pools *b, struct buf **buf, const char *p, size_t n);

static inline struct span
buf_span(const struct buf *b)
{
	return b ? span_of(b->bytes + b->from, b->to - b->from) : span_of(NULL, 0);
}

static inline size_t
buf_len(const struct buf *b)
{
	return b ? b->to - b->from : 0;
}

#endif
