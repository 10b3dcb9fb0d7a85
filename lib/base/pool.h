/* SPDX-License-Identifier: MIT
 *
 * Fixed-size objects of one worker: a free list over slabs that are never given
 * back to the system (an anonymous page fault costs 2 us). No malloc while the
 * free list is not empty. Not for shared memory.
 */
#ifndef WEIR_BASE_POOL_H
#define WEIR_BASE_POOL_H

#include <stddef.h>

struct pool {
	void *free_list;
	size_t object_bytes; /* rounded up to 16 */
	size_t slab_n;	     /* objects made at once */
	size_t used_n;	     /* handed out now */
	size_t total_n;	     /* made so far */
	size_t limit_n;	     /* 0: none */
};

/* Slabs of about `slab_bytes`; at most limit_n objects (0: no limit). */
void pool_init(struct pool *p, size_t object_bytes, size_t slab_bytes, size_t limit_n);
/* An object with undefined content, or NULL when the limit or memory is reached. */
void *pool_get(struct pool *p);
/* Gives an object back; NULL is accepted. */
void pool_put(struct pool *p, void *object);

#endif
