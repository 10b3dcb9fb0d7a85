/* SPDX-License-Identifier: MIT
 *
 * Pattern lists that change while they are used (live.h): their names, and looking into
 * them. Nothing here writes to shared memory, and nothing believes what is in it: a block
 * may be written anew while it is read.
 */
#include "lib/expr/live.h"

#include "lib/expr/live_block.h"
#include "lib/expr/parts.h"

enum { LIVE_BYTES_MIN = 1 << 30 };

/* --- refs ----------------------------------------------------------------------------
 */

static struct expr_source *
ref_new(struct expr_env *env)
{
	struct expr_source *r = arena_alloc(env->arena, sizeof(*r)),
			   **end = &env->sources;
	while (*end)
		end = &(*end)->next;
	*end = r;
	return r;
}

struct expr_source *
expr_source_file(struct expr_env *env, struct span path, bool is_map)
{
	for (struct expr_source *r = env->sources; r; r = r->next)
		if (r->is_map == is_map && r->name.n && span_eq(r->name, path))
			return r;
	struct expr_source *r = ref_new(env);
	r->name = span_of(arena_span(env->arena, path), path.n);
	r->is_map = is_map;
	return r;
}

struct expr_source *
expr_source_inline(struct expr_env *env, struct span what, int64_t id)
{
	for (struct expr_source *r = env->sources; r; r = r->next)
		if (id >= 0 && r->has_id && r->id == (uint32_t)id)
			return NULL;
	struct expr_source *r = ref_new(env);
	r->what = span_of(arena_span(env->arena, what), what.n);
	r->has_id = id >= 0;
	r->id = id >= 0 ? (uint32_t)id : 0;
	return r;
}

struct expr_patterns *
expr_source_list(const struct expr_source *source, enum expr_match match,
		 enum expr_type values, bool is_caseless, bool are_versions)
{
	for (struct expr_patterns *p = source->lists; p; p = p->of_same)
		if (p->match == match && p->values == values &&
		    p->is_caseless == is_caseless && p->are_versions == are_versions)
			return p;
	return NULL;
}

void
expr_source_add_list(struct expr_source *source, struct expr_patterns *list)
{
	struct expr_patterns **end = &source->lists;
	while (*end)
		end = &(*end)->of_same;
	*end = list;
	list->source = source;
	list->place = source->lists_n++;
}

static bool
is_taken(const struct expr_env *env, uint32_t id)
{
	for (const struct expr_source *r = env->sources; r; r = r->next)
		if (r->has_id && r->id == id)
			return true;
	return false;
}

uint32_t
expr_sources_number(struct expr_env *env)
{
	uint32_t n = 0, id = 0;
	for (struct expr_source *r = env->sources; r; r = r->next, n++) {
		if (r->has_id)
			continue;
		while (is_taken(env, id))
			id++;
		r->id = id++;
	}
	return n;
}

/* A number in decimal and nothing else; -1: it is none. */
static int64_t
id_of(struct span word)
{
	int64_t id;
	bool is_id = word.n > 1 && word.p[0] == '#' &&
		     expr_parse_int(span_of(word.p + 1, word.n - 1), &id);
	return is_id ? id : -1;
}

struct expr_source *
expr_source_find(const struct expr_env *env, bool is_map, struct span word)
{
	int64_t id = id_of(word);
	for (struct expr_source *r = env->sources; r; r = r->next) {
		bool is_it = word.n && word.p[0] == '#' ? id == (int64_t)r->id
							: span_eq(r->name, word);
		if (is_it && word.n && r->is_map == is_map && r->lists)
			return r;
	}
	return NULL;
}

enum expr_match
expr_patterns_match(const struct expr_patterns *p)
{
	return p->match;
}

enum expr_type
expr_patterns_values(const struct expr_patterns *p)
{
	return p->values;
}

bool
expr_patterns_is_caseless(const struct expr_patterns *p)
{
	return p->is_caseless;
}

const struct expr_patterns *
expr_patterns_next(const struct expr_patterns *p)
{
	return p->of_same;
}

/* --- memory --------------------------------------------------------------------------
 */

static uint64_t
heap_off(uint32_t sources_n)
{
	uint64_t off = sizeof(struct live_head) + sources_n * sizeof(uint64_t);
	return (off + LIVE_UNIT - 1) / LIVE_UNIT * LIVE_UNIT;
}

uint64_t
expr_live_bytes(const struct expr_env *env)
{
	uint64_t sum = LIVE_BYTES_MIN;
	for (const struct expr_source *r = env->sources; r; r = r->next)
		for (const struct expr_patterns *p = r->lists; p; p = p->of_same)
			sum += 4 * expr_patterns_bytes(p);
	return sum;
}

void
expr_live_begin(struct expr_env *env, void *memory, uint64_t bytes)
{
	struct expr_live_memory *m = arena_alloc(env->arena, sizeof(*m));
	_Atomic uint64_t *roots =
		(void *)((unsigned char *)memory + sizeof(struct live_head));
	*m = (struct expr_live_memory){.base = memory,
				       .bytes = bytes,
				       .heap_off = heap_off(expr_sources_number(env))};
	env->live = m;
	for (struct expr_source *r = env->sources; r; r = r->next)
		r->root = roots++;
}

_Atomic uint32_t *
expr_live_lock(const struct expr_env *env)
{
	return env->live ? &((struct live_head *)(void *)env->live->base)->lock : NULL;
}

void
expr_live_end(struct expr_env *env)
{
	for (size_t i = 0; env->live && i < LIVE_REGEXES; i++)
		arena_free(&env->live->regexes[i].arena);
	env->live = NULL;
}

struct expr_regex_place *
expr_live_regex(const struct expr_env *env, uint32_t hash)
{
	return &env->live->regexes[hash % LIVE_REGEXES];
}

/* --- blocks --------------------------------------------------------------------------
 */

/* Memory of n things at off, inside of the heap. */
static bool
lies_within(const struct expr_live_memory *m, uint64_t off, uint64_t n, uint64_t each)
{
	return off >= m->heap_off && off <= m->bytes && off % 8 == 0 &&
	       n <= (m->bytes - off) / each;
}

static bool
block_read(const struct expr_live_memory *m, uint64_t off, uint32_t lists_n,
	   struct live_block *out)
{
	if (!lies_within(m, off, 1, sizeof(*out)))
		return false;
	memcpy(out, m->base + off, sizeof(*out));
	return out->lists_n == lists_n && lies_within(m, off, out->bytes, 1) &&
	       out->bytes >= sizeof(*out) + lists_n * sizeof(struct live_image) &&
	       (out->dead_n == 0 ||
		lies_within(m, out->dead_off, out->dead_n, sizeof(uint32_t)));
}

bool
live_blocks_read(const struct expr_source *source, uint64_t root, struct live_blocks *out)
{
	const struct expr_live_memory *m = live_memory(source);
	out->top_off = live_root_off(root);
	if (!block_read(m, out->top_off, source->lists_n, &out->top))
		return false;
	out->below_off = out->top.below_off;
	return out->top.below != LIVE_BELOW_BLOCK ||
	       block_read(m, out->below_off, source->lists_n, &out->below);
}

bool
live_view(const struct expr_patterns *p, uint64_t block_off, uint32_t lists_n,
	  struct expr_patterns *out)
{
	const struct expr_live_memory *m = p->env->live;
	struct live_image i;
	if (p->place >= lists_n)
		return false;
	memcpy(&i, m->base + block_off + sizeof(struct live_block) + p->place * sizeof(i),
	       sizeof(i));
	bool fits =
		lies_within(m, i.patterns_off, i.n, sizeof(struct pattern)) &&
		lies_within(m, i.bytes_off, i.used, 1) &&
		lies_within(m, i.ranges_off, i.ranges_n, sizeof(struct pattern_range)) &&
		lies_within(m, i.classes_off, i.classes_n,
			    sizeof(struct pattern_class)) &&
		i.mask < UINT32_MAX && (i.mask & (i.mask + 1)) == 0 &&
		lies_within(m, i.table_off, i.has_table ? i.mask + 1 : 0, 4) &&
		(i.has_table || i.is_few);
	if (!fits)
		return false;
	*out = *p;
	out->regexes = NULL;
	out->patterns = (void *)(m->base + i.patterns_off);
	out->n = i.n;
	out->bytes = (char *)m->base + i.bytes_off;
	out->used = i.used;
	out->ranges = (void *)(m->base + i.ranges_off);
	out->ranges_n = i.ranges_n;
	out->classes = (void *)(m->base + i.classes_off);
	out->classes_n = i.classes_n;
	out->table = i.has_table ? (void *)(m->base + i.table_off) : NULL;
	out->mask = (uint32_t)i.mask;
	out->is_few = i.is_few;
	out->has_twins = i.has_twins;
	out->dead_n = 0;
	return true;
}

bool
live_layers(const struct expr_patterns *p, const struct live_blocks *b,
	    struct live_layers *out)
{
	const struct expr_live_memory *m = p->env->live;
	out->n = 1;
	if (!live_view(p, b->top_off, b->top.lists_n, &out->at[0]))
		return false;
	if (b->top.below == LIVE_BELOW_NOTHING)
		return true;
	struct expr_patterns *below = &out->at[out->n++];
	if (b->top.below == LIVE_BELOW_CONFIG)
		*below = *p;
	else if (!live_view(p, b->below_off, b->below.lists_n, below))
		return false;
	below->dead = (const uint32_t *)(const void *)(m->base + b->top.dead_off);
	below->dead_n = b->top.dead_n;
	return true;
}

bool
pattern_is_dead(const struct expr_patterns *p, uint32_t order)
{
	uint32_t from = 0, to = p->dead_n;
	while (from < to) {
		uint32_t mid = from + (to - from) / 2;
		if (p->dead[mid] == order)
			return true;
		if (p->dead[mid] < order)
			from = mid + 1;
		else
			to = mid;
	}
	return false;
}

/* --- looking -------------------------------------------------------------------------
 */

/* Of two entries that match, the one a single list would give. */
static bool
is_before(enum expr_match match, const struct expr_found *a, const struct expr_found *b)
{
	bool by_rank = match == EXPR_MATCH_BEG || match == EXPR_MATCH_IP;
	return by_rank && a->rank != b->rank ? a->rank < b->rank : a->order < b->order;
}

static bool
find_step(const struct live_layers *l, const struct expr_context *c,
	  const struct expr_sample *s, unsigned step, struct expr_found *found)
{
	struct expr_found best = *found;
	bool is_found = false;
	for (uint32_t i = 0; i < l->n; i++) {
		size_t groups[20];
		struct expr_found f = *found;
		if (expr_patterns_n(&l->at[i]) == 0)
			continue;
		if (is_found && f.groups)
			f.groups = groups;
		if (!pattern_find_in(&l->at[i], c, s, step, &f) ||
		    (is_found && !is_before(l->at[0].match, &f, &best)))
			continue;
		if (f.groups == groups) {
			memcpy(found->groups, groups,
			       2 * (size_t)f.groups_n * sizeof(groups[0]));
			f.groups = found->groups;
		}
		best = f;
		is_found = true;
	}
	*found = best;
	return is_found;
}

/* No entries at all: a boolean is compared with nothing. */
static bool
is_bare(const struct live_layers *l)
{
	size_t n = 0;
	for (uint32_t i = 0; i < l->n; i++)
		n += expr_patterns_n(&l->at[i]) - l->at[i].dead_n;
	return n == 0;
}

static bool
find_once(const struct expr_patterns *p, uint64_t root, const struct expr_context *c,
	  const struct expr_sample *s, struct expr_found *found)
{
	struct live_blocks blocks;
	struct live_layers l;
	if (!live_blocks_read(p->source, root, &blocks) || !live_layers(p, &blocks, &l))
		return false;
	if (p->match == EXPR_MATCH_FOUND)
		return true;
	if (p->match == EXPR_MATCH_BOOL && is_bare(&l))
		return s->integer != 0;
	return find_step(&l, c, s, 0, found) || find_step(&l, c, s, 1, found);
}

static bool
copy(const struct expr_context *c, struct span *s)
{
	char *p = s->n ? expr_scratch_take(c->scratch, s->n) : NULL;
	if (p)
		memcpy(p, s->p, s->n);
	bool has_room = p || s->n == 0;
	*s = span_of(p, p ? s->n : 0);
	return has_room;
}

bool
expr_live_find(const struct expr_patterns *p, const struct expr_context *c,
	       const struct expr_sample *s, struct expr_found *found)
{
	size_t used = c->scratch->used;
	uint64_t root = expr_live_root(p->source), now;
	struct expr_found own = {.groups = NULL}, asked = found ? *found : own;
	bool is_found;
	for (;; root = now) {
		struct expr_found f = asked;
		is_found = find_once(p, root, c, s, &f);
		if (is_found && found)
			is_found =
				copy(c, &f.value) && (!f.wants_text || copy(c, &f.text));
		atomic_thread_fence(memory_order_acquire);
		now = expr_live_root(p->source);
		if (now == root) {
			if (found)
				*found = f;
			return is_found;
		}
		c->scratch->used = used;
	}
}
