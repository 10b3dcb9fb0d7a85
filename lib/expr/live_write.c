/* SPDX-License-Identifier: MIT
 *
 * Blocks of changed lists: finding room, writing, publishing (live.h). Under the lock.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "lib/expr/live_edit.h"

enum { ROOMY = 1 << 20 }; /* such memory is given back at once */

/* --- memory ----------------------------------------------------------------------------
 */

struct stretch {
	uint64_t from, to;
};

static int
by_place(const void *pa, const void *pb)
{
	const struct stretch *a = pa, *b = pb;
	return a->from < b->from ? -1 : a->from > b->from;
}

/* What roots lead to, ascending. */
static struct stretch *
stretches(struct edit *e, const struct expr_live_memory *m, size_t *n)
{
	size_t sources_n = 0;
	const struct expr_source *first = e->source->lists->env->sources;
	for (const struct expr_source *r = first; r; r = r->next)
		sources_n++;
	struct stretch *s = arena_alloc(e->env.arena, (2 * sources_n + 1) * sizeof(*s));
	*n = 0;
	for (const struct expr_source *r = first; r; r = r->next) {
		struct live_blocks b;
		uint64_t root = expr_live_root(r);
		if (!root || !live_blocks_read(r, root, &b))
			continue;
		s[(*n)++] = (struct stretch){b.top_off, b.top_off + b.top.bytes};
		if (b.top.below == LIVE_BELOW_BLOCK)
			s[(*n)++] = (struct stretch){b.below_off,
						     b.below_off + b.below.bytes};
	}
	qsort(s, *n, sizeof(*s), by_place);
	s[*n] = (struct stretch){m->bytes, m->bytes};
	return s;
}

/* The first gap of so many bytes; 0: none. */
static uint64_t
find_gap(struct edit *e, const struct expr_live_memory *m, uint64_t bytes)
{
	size_t n;
	struct stretch *used = stretches(e, m, &n);
	uint64_t at = m->heap_off;
	for (size_t i = 0; i <= n; i++) {
		if (used[i].from >= at && used[i].from - at >= bytes)
			return at;
		if (used[i].to > at)
			at = (used[i].to + LIVE_UNIT - 1) / LIVE_UNIT * LIVE_UNIT;
	}
	return 0;
}

/* --- writing ---------------------------------------------------------------------------
 */

/* Goes through the block twice: to measure it, and to write it. */
struct writer {
	unsigned char *base; /* NULL: only measures */
	uint64_t off;
};

static uint64_t
put(struct writer *w, const void *p, uint64_t bytes)
{
	uint64_t off = w->off;
	if (w->base && bytes)
		memcpy(w->base + off, p, bytes);
	w->off += (bytes + LIVE_UNIT - 1) / LIVE_UNIT * LIVE_UNIT;
	return off;
}

static struct live_image
put_list(struct writer *w, const struct expr_patterns *p)
{
	struct live_image i = {.n = p->n,
			       .used = p->used,
			       .ranges_n = p->ranges_n,
			       .classes_n = p->classes_n,
			       .mask = p->mask,
			       .is_few = p->is_few,
			       .has_twins = p->has_twins,
			       .has_table = p->table != NULL};
	i.patterns_off = put(w, p->patterns, p->n * sizeof(*p->patterns));
	i.bytes_off = put(w, p->bytes, p->used);
	i.ranges_off = put(w, p->ranges, p->ranges_n * sizeof(*p->ranges));
	i.classes_off = put(w, p->classes, p->classes_n * sizeof(*p->classes));
	i.table_off =
		put(w, p->table, p->table ? (p->mask + 1ULL) * sizeof(*p->table) : 0);
	return i;
}

/* Returns the bytes it takes. */
static uint64_t
put_block(struct edit *e, unsigned char *base, uint64_t at, uint64_t bytes)
{
	uint64_t front = sizeof(struct live_block) +
			 e->source->lists_n * sizeof(struct live_image);
	struct writer w = {base, at};
	struct live_image images[LIVE_LISTS_MAX];
	w.off += (front + LIVE_UNIT - 1) / LIVE_UNIT * LIVE_UNIT;
	e->head.dead_n = e->dead_n;
	e->head.dead_off = put(&w, e->dead, e->dead_n * sizeof(*e->dead));
	for (uint32_t i = 0; i < e->source->lists_n; i++)
		images[i] = put_list(&w, e->made[i]);
	e->head.bytes = bytes;
	if (base) {
		memcpy(base + at, &e->head, sizeof(e->head));
		memcpy(base + at + sizeof(e->head), images,
		       e->source->lists_n * sizeof(images[0]));
	}
	return w.off - at;
}

/* Memory that nothing leads to any more. */
static void
give_back(const struct edit *e, const struct expr_live_memory *m)
{
	const struct live_blocks *b = &e->blocks;
	bool keeps_below = e->head.below == LIVE_BELOW_BLOCK || e->is_stacked;
	const struct stretch gone[] = {
		{b->top_off, b->top_off + (e->is_stacked ? 0 : b->top.bytes)},
		{b->below_off, b->below_off + (keeps_below ? 0 : b->below.bytes)},
	};
	for (size_t i = 0; !e->is_first && i < 2; i++) {
		uint64_t from = (gone[i].from + 4095) & ~4095ULL;
		uint64_t to = gone[i].to & ~4095ULL;
		if (to > from && to - from >= ROOMY)
			(void)madvise(m->base + from, to - from, MADV_REMOVE);
	}
}

enum expr_live
live_publish(struct edit *e)
{
	struct expr_live_memory *m = live_memory(e->source);
	for (uint32_t i = 0; i < e->source->lists_n; i++)
		expr_patterns_seal(e->made[i]);
	uint64_t bytes = put_block(e, NULL, 0, 0), at = find_gap(e, m, bytes);
	uint64_t changes = (e->root >> LIVE_OFFSET_BITS) + 1;
	if (at == 0)
		return EXPR_LIVE_FULL;
	put_block(e, m->base, at, bytes);
	/* 0 stands for "never changed" */
	atomic_store_explicit(e->source->root,
			      changes << LIVE_OFFSET_BITS | at / LIVE_UNIT,
			      memory_order_release);
	give_back(e, m);
	return EXPR_LIVE_DONE;
}
