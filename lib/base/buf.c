/* SPDX-License-Identifier: MIT
 *
 * Buffers. Any process, single-threaded.
 */
#include "lib/base/buf.h"

#include <stdlib.h>
#include <string.h>

/* Whole object sizes; what a buffer holds is a header less. The smallest one is for the
 * head of a request in flight. */
static const uint32_t class_bytes[BUF_CLASSES_N] = {1024, 4096, 17 * 1024, 34 * 1024,
						    68 * 1024};

void
buf_pools_init(struct buf_pools *b, size_t limit_bytes)
{
	*b = (struct buf_pools){.limit_bytes = limit_bytes};
	for (unsigned i = 0; i < BUF_CLASSES_N; i++)
		pool_init(&b->classes[i], class_bytes[i], 64 * 1024, 0);
}

struct buf *
buf_get(struct buf_pools *b, size_t need)
{
	size_t bytes = need + sizeof(struct buf);
	unsigned class = 0;
	while (class < BUF_CLASSES_N && class_bytes[class] < bytes)
		class ++;
	if (class < BUF_CLASSES_N)
		bytes = class_bytes[class];
	if (bytes > UINT32_MAX ||
	    (b->limit_bytes && b->used_bytes + bytes > b->limit_bytes))
		return NULL;
	struct buf *buf =
		class < BUF_CLASSES_N ? pool_get(&b->classes[class]) : malloc(bytes);
	if (!buf)
		return NULL;
	buf->cap = (uint32_t)(bytes - sizeof(*buf));
	buf->from = buf->to = 0;
	buf->class = (uint8_t) class;
	b->used_bytes += bytes;
	return buf;
}

void
buf_put_held(struct buf_pools *b, struct buf **buf)
{
	b->used_bytes -= (*buf)->cap + sizeof(**buf);
	if ((*buf)->class < BUF_CLASSES_N)
		pool_put(&b->classes[(*buf)->class], *buf);
	else
		free(*buf);
	*buf = NULL;
}

bool
buf_append(struct buf_pools *b, struct buf **buf, const char *p, size_t n)
{
	struct buf *old = *buf;
	size_t len = buf_len(old);
	if (old && old->cap - old->to >= n) {
		memcpy(old->bytes + old->to, p, n);
		old->to += (uint32_t)n;
		return true;
	}
	if (old && old->cap >= len + n) {
		memmove(old->bytes, old->bytes + old->from, len);
		old->from = 0;
		old->to = (uint32_t)len;
		memcpy(old->bytes + len, p, n);
		old->to += (uint32_t)n;
		return true;
	}
	struct buf *bigger = buf_get(b, len + n);
	if (!bigger)
		return false;
	if (len)
		memcpy(bigger->bytes, old->bytes + old->from, len);
	memcpy(bigger->bytes + len, p, n);
	bigger->to = (uint32_t)(len + n);
	buf_put(b, buf);
	*buf = bigger;
	return true;
}
