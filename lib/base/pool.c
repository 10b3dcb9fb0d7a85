/* SPDX-License-Identifier: MIT
 *
 * Pool of fixed-size objects. Any process, single-threaded.
 */
#include "lib/base/pool.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"

enum { POOL_ALIGN = 16 };

void
pool_init(struct pool *p, size_t object_bytes, size_t slab_bytes, size_t limit_n)
{
	object_bytes = (object_bytes + POOL_ALIGN - 1) & ~(size_t)(POOL_ALIGN - 1);
	*p = (struct pool){.object_bytes = object_bytes,
			   .slab_n = slab_bytes / object_bytes ? slab_bytes / object_bytes
							       : 1,
			   .limit_n = limit_n};
}

/* In test builds nobody gets zeroes, or what he had before, by luck. */
static void
spoil(const struct pool *p, void *object)
{
#ifdef WEIR_FAULTS
	memset(object, 0xa5, p->object_bytes);
#else
	(void)p;
	(void)object;
#endif
}

static int
pool_grow(struct pool *p)
{
	size_t n = p->slab_n;
	if (p->limit_n && p->total_n + n > p->limit_n)
		n = p->limit_n - p->total_n;
	if (n == 0)
		return -1;
	char *slab = aligned_alloc(POOL_ALIGN, n * p->object_bytes);
	if (!slab)
		return -1;
	for (size_t i = n; i-- > 0;) {
		void **object = (void **)(void *)(slab + i * p->object_bytes);
		spoil(p, object);
		*object = p->free_list;
		p->free_list = object;
	}
	p->total_n += n;
	return 0;
}

void *
pool_get(struct pool *p)
{
	if (!p->free_list && pool_grow(p) < 0)
		return NULL;
	void **object = p->free_list;
	p->free_list = *object;
	p->used_n++;
	return object;
}

void
pool_put(struct pool *p, void *object)
{
	if (!object)
		return;
	must(p->used_n > 0);
	p->used_n--;
	spoil(p, object);
	*(void **)object = p->free_list;
	p->free_list = object;
}
