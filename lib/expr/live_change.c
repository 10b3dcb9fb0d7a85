/* SPDX-License-Identifier: MIT
 *
 * Changing pattern lists while they are used (live.h): a change makes a new block beside
 * the old one and then stores its place. Runs in whoever holds the lock.
 *
 * A block has what was changed since the block below it was made, so one change costs as
 * much as there are such entries. When there are many the next block has everything, and
 * nothing below it.
 */
#include <stdlib.h>

#include "lib/expr/live_edit.h"
#include "lib/expr/parts.h"

enum {
	ABOVE_MIN = 512,   /* so many entries may lie above others */
	ABOVE_SHARE = 256, /* or one for so many below */
	LOOKS_MAX = 16,
};

/* --- beginning ------------------------------------------------------------------------
 */

static uint32_t
config_next_order(const struct expr_source *source)
{
	return source->lists->next_order;
}

/* The block has everything, and that is much. */
static bool
is_large(const struct edit *e)
{
	struct expr_patterns top;
	return e->blocks.top.below == LIVE_BELOW_NOTHING &&
	       live_view(e->source->lists, e->blocks.top_off, e->source->lists_n, &top) &&
	       expr_patterns_n(&top) > ABOVE_MIN;
}

static bool
edit_begin(struct edit *e, struct expr_source *source)
{
	*e = (struct edit){.source = source, .root = expr_live_root(source)};
	if (!source->root || source->lists_n > LIVE_LISTS_MAX)
		return false;
	e->is_first = e->root == 0;
	if (e->is_first)
		e->blocks.top =
			(struct live_block){.below = LIVE_BELOW_CONFIG,
					    .next_order = config_next_order(source)};
	else if (!live_blocks_read(source, e->root, &e->blocks))
		return false;
	e->is_stacked = !e->is_first && is_large(e);
	e->env.arena = arena_new();
	e->head = (struct live_block){
		.version = e->blocks.top.version,
		.next_order = e->blocks.top.next_order,
		.below = e->is_stacked ? LIVE_BELOW_BLOCK : e->blocks.top.below,
		.below_off = e->is_stacked ? e->blocks.top_off : e->blocks.below_off,
		.lists_n = source->lists_n};
	uint32_t i = 0;
	for (struct expr_patterns *p = source->lists; p; p = p->of_same, i++) {
		e->made[i] = expr_patterns_new(&e->env, p->match, p->is_caseless);
		e->made[i]->are_versions = p->are_versions;
		e->made[i]->values = p->values;
	}
	return true;
}

static void
edit_end(struct edit *e)
{
	expr_regex_free_all(&e->env);
	arena_free(&e->env.arena);
}

/* The layers of a list as it is; of one that nobody has changed, only what is below. */
static bool
layers_of(const struct edit *e, const struct expr_patterns *p, struct live_layers *out)
{
	if (!e->is_first)
		return live_layers(p, &e->blocks, out);
	out->n = 1;
	out->at[0] = *p;
	return true;
}

/* The layer that lies above; NULL: there is none yet. */
static const struct expr_patterns *
above(const struct edit *e, const struct live_layers *l)
{
	return e->is_first || e->is_stacked ? NULL : &l->at[0];
}

static const struct expr_patterns *
below(const struct edit *e, const struct live_layers *l)
{
	return e->is_first || e->is_stacked ? &l->at[0] : l->n > 1 ? &l->at[1] : NULL;
}

/* --- which entries are meant
 * ------------------------------------------------------------
 */

static int
by_number(const void *pa, const void *pb)
{
	const uint32_t *a = pa, *b = pb;
	return *a < *b ? -1 : *a > *b;
}

static bool
has_order(const uint32_t *orders, uint32_t n, uint32_t order)
{
	return n && bsearch(&order, orders, n, sizeof(order), by_number) != NULL;
}

/* An entry of a list: one of both is NULL. */
struct found {
	const struct expr_patterns *in;
	const struct pattern *pattern;
	const struct pattern_range *range;
};

static uint32_t
order_of(const struct found *f)
{
	return f->pattern ? f->pattern->order : f->range->order;
}

static struct span
text_of(const struct found *f)
{
	return f->pattern ? pattern_bytes(f->in, f->pattern->text_off, f->pattern->text_n)
			  : pattern_bytes(f->in, f->range->text_off, f->range->text_n);
}

static struct span
value_of(const struct found *f)
{
	return f->pattern
		       ? pattern_bytes(f->in, f->pattern->value_off, f->pattern->value_n)
		       : pattern_bytes(f->in, f->range->value_off, f->range->value_n);
}

/* The i-th entry of a list. */
static struct found
entry_at(const struct expr_patterns *p, size_t i)
{
	return (struct found){p, i < p->n ? &p->patterns[i] : NULL,
			      i < p->n ? NULL : &p->ranges[i - p->n]};
}

static bool
is_alive(const struct found *f)
{
	return !f->in->dead_n || !pattern_is_dead(f->in, order_of(f));
}

typedef void found_fn(struct edit *e, const struct found *f);

static void
offer(struct edit *e, struct found f, found_fn *fn)
{
	const struct expr_which *w = e->which;
	bool is_meant =
		w->text.p ? span_eq(text_of(&f), w->text) : order_of(&f) == w->order;
	if (is_meant && is_alive(&f))
		fn(e, &f);
}

/* By the index, for a list without twins: one entry at most has that key. false: ranges
 * are not in it. */
static bool
probe(struct edit *e, const struct expr_patterns *p, found_fn *fn)
{
	struct expr_error err;
	struct expr_patterns *one = expr_patterns_new(&e->env, p->match, p->is_caseless);
	one->are_versions = p->are_versions;
	if (pattern_add(one, e->which->text, span_of(NULL, 0), 0, &err) < 0)
		return true;
	if (one->n == 0)
		return false;
	for (uint32_t k = 0; k < p->classes_n; k++) {
		uint32_t first = p->classes[k].first;
		if (first >= p->n || p->patterns[first].rank != one->patterns[0].rank)
			continue;
		const struct pattern *pat =
			pattern_probe(p, k, pattern_key(one, &one->patterns[0]));
		if (pat)
			offer(e, (struct found){.in = p, .pattern = pat}, fn);
	}
	/* "5:5" is a range by its text alone */
	return p->ranges_n == 0;
}

/* Calls fn for the entries of p that are meant. */
static void
find_in(struct edit *e, const struct expr_patterns *p, found_fn *fn)
{
	size_t from = 0;
	if (e->which->text.p && p->table && !p->has_twins) {
		if (probe(e, p, fn))
			return;
		from = p->n;
	}
	for (size_t i = from; i < p->n + p->ranges_n; i++)
		offer(e, entry_at(p, i), fn);
}

static void
hit(struct edit *e, const struct found *f)
{
	e->hits = arena_grow(e->env.arena, e->hits, e->hits_n, sizeof(*e->hits));
	e->hits[e->hits_n++] = order_of(f);
}

/* All lists have the same entries: the first one tells. */
static bool
find_entries(struct edit *e, const struct expr_which *which)
{
	struct live_layers l;
	e->which = which;
	if (!layers_of(e, e->source->lists, &l))
		return false;
	for (uint32_t i = 0; i < l.n; i++)
		find_in(e, &l.at[i], hit);
	if (e->hits_n)
		qsort(e->hits, e->hits_n, sizeof(*e->hits), by_number);
	return true;
}

/* --- what the new block has ----------------------------------------------------------
 */

static void
copy_entry(struct expr_patterns *to, const struct found *f, struct span value)
{
	if (f->pattern)
		pattern_copy(to, f->in, f->pattern, value);
	else
		pattern_copy_range(to, f->in, f->range, value);
}

/* Entries of p that stay. */
static void
copy_list(struct edit *e, struct expr_patterns *to, const struct expr_patterns *p)
{
	for (size_t i = 0; i < p->n + p->ranges_n; i++) {
		struct found f = entry_at(p, i);
		bool is_hit = has_order(e->hits, e->hits_n, order_of(&f));
		if (is_alive(&f) && (!is_hit || e->fate.is_kept))
			copy_entry(to, &f, is_hit ? e->fate.value : value_of(&f));
	}
}

static void
copy_hit(struct edit *e, const struct found *f)
{
	copy_entry(e->to, f, e->fate.value);
}

/* Those that are gone below: before, and now the ones meant. */
static void
bury(struct edit *e, const struct expr_patterns *p)
{
	e->dead = arena_alloc(e->env.arena,
			      (p->dead_n + (size_t)e->hits_n + 1) * sizeof(*e->dead));
	for (uint32_t i = 0; i < p->dead_n; i++)
		e->dead[e->dead_n++] = p->dead[i];
	for (uint32_t i = 0; i < e->hits_n; i++)
		if (!has_order(p->dead, p->dead_n, e->hits[i]))
			e->dead[e->dead_n++] = e->hits[i];
	qsort(e->dead, e->dead_n, sizeof(*e->dead), by_number);
}

/* Of two entries with one key the table knows the first: it can't be taken away. */
static bool
needs_whole(const struct edit *e, const struct expr_patterns *top,
	    const struct expr_patterns *low)
{
	if (!low || (low->has_twins && e->hits_n))
		return true;
	size_t above_n = (top ? expr_patterns_n(top) : 0) + low->dead_n + e->hits_n;
	return above_n > ABOVE_MIN + expr_patterns_n(low) / ABOVE_SHARE;
}

/* Everything that is to stay, as lists to be written. */
static bool
carry_over(struct edit *e)
{
	uint32_t i = 0;
	for (struct expr_patterns *p = e->source->lists; p; p = p->of_same, i++) {
		struct live_layers l;
		if (!layers_of(e, p, &l))
			return false;
		const struct expr_patterns *top = above(e, &l), *low = below(e, &l);
		if (i == 0)
			e->is_whole = needs_whole(e, top, low);
		if (i == 0 && !e->is_whole)
			bury(e, low);
		e->to = e->made[i];
		if (low && e->is_whole)
			copy_list(e, e->made[i], low);
		else if (low && e->hits_n && e->fate.is_kept)
			find_in(e, low, copy_hit);
		if (top)
			copy_list(e, e->made[i], top);
	}
	if (e->is_whole)
		e->head.below = LIVE_BELOW_NOTHING;
	return true;
}

/* --- the changes
 * ------------------------------------------------------------------------ */

static enum expr_live
add_to_all(struct edit *e, struct span text, struct span value, uint32_t order,
	   struct expr_error *err)
{
	for (uint32_t i = 0; i < e->source->lists_n; i++)
		if (expr_value_check(value, e->made[i]->values, err) < 0 ||
		    pattern_add(e->made[i], text, value, order, err) < 0)
			return EXPR_LIVE_WRONG;
	return EXPR_LIVE_DONE;
}

enum expr_live
expr_live_add(struct expr_source *source, struct span text, struct span value,
	      struct expr_error *err)
{
	struct edit e;
	if (!edit_begin(&e, source))
		return EXPR_LIVE_FULL;
	enum expr_live rc = carry_over(&e)
				    ? add_to_all(&e, text, value, e.head.next_order, err)
				    : EXPR_LIVE_FULL;
	e.head.next_order++;
	if (rc == EXPR_LIVE_DONE)
		rc = live_publish(&e);
	edit_end(&e);
	return rc;
}

static enum expr_live
change(struct expr_source *source, const struct expr_which *which, struct fate fate)
{
	struct edit e;
	if (!edit_begin(&e, source))
		return EXPR_LIVE_FULL;
	e.fate = fate;
	enum expr_live rc = find_entries(&e, which) ? EXPR_LIVE_DONE : EXPR_LIVE_FULL;
	if (rc == EXPR_LIVE_DONE && e.hits_n == 0)
		rc = EXPR_LIVE_NOT_FOUND;
	if (rc == EXPR_LIVE_DONE)
		rc = carry_over(&e) ? live_publish(&e) : EXPR_LIVE_FULL;
	edit_end(&e);
	return rc;
}

enum expr_live
expr_live_set(struct expr_source *source, struct expr_which which, struct span value,
	      struct expr_error *err)
{
	const struct fate fate = {true, value};
	for (const struct expr_patterns *p = source->lists; p; p = p->of_same)
		if (expr_value_check(value, p->values, err) < 0)
			return EXPR_LIVE_WRONG;
	return change(source, &which, fate);
}

enum expr_live
expr_live_delete(struct expr_source *source, struct expr_which which)
{
	const struct fate gone = {.is_kept = false};
	return change(source, &which, gone);
}

enum expr_live
expr_live_replace(struct expr_source *source, const struct expr_entry *entries, size_t n,
		  uint32_t version, struct expr_error *err)
{
	struct edit e;
	if (!edit_begin(&e, source))
		return EXPR_LIVE_FULL;
	enum expr_live rc = EXPR_LIVE_DONE;
	e.head.below = LIVE_BELOW_NOTHING;
	e.head.version = version;
	for (size_t i = 0; i < n && rc == EXPR_LIVE_DONE; i++)
		rc = add_to_all(&e, entries[i].text, entries[i].value,
				e.head.next_order++, err);
	if (rc == EXPR_LIVE_DONE)
		rc = live_publish(&e);
	edit_end(&e);
	return rc;
}

int
expr_live_check(const struct expr_source *source, struct span text, struct span value,
		struct expr_error *err)
{
	struct expr_env env = {.arena = arena_new()};
	int rc = 0;
	for (struct expr_patterns *p = source->lists; p && rc == 0; p = p->of_same) {
		struct expr_patterns *one =
			expr_patterns_new(&env, p->match, p->is_caseless);
		one->are_versions = p->are_versions;
		rc = expr_value_check(value, p->values, err);
		if (rc == 0)
			rc = pattern_add(one, text, value, 0, err);
	}
	expr_regex_free_all(&env);
	arena_free(&env.arena);
	return rc;
}

/* --- all of them
 * ------------------------------------------------------------------------ */

bool
expr_live_has(struct expr_source *source, struct span text)
{
	struct edit e;
	const struct expr_which which = {.text = text};
	if (!edit_begin(&e, source))
		return false;
	bool has = find_entries(&e, &which) && e.hits_n;
	edit_end(&e);
	return has;
}

/* Calls fn with what there is now, until nobody has changed it meanwhile. */
static bool
look(struct expr_source *source,
     void (*fn)(struct edit *e, struct live_layers *l, void *arg), void *arg)
{
	for (unsigned tries = 0; tries < LOOKS_MAX; tries++) {
		struct edit e;
		struct live_layers l;
		if (!edit_begin(&e, source))
			continue;
		bool is_there = layers_of(&e, source->lists, &l);
		if (is_there)
			fn(&e, &l, arg);
		edit_end(&e);
		atomic_thread_fence(memory_order_acquire);
		if (is_there && expr_live_root(source) == e.root)
			return true;
	}
	return false;
}

static void
tell_state(struct edit *e, struct live_layers *l, void *arg)
{
	struct expr_live_state *out = arg;
	*out = (struct expr_live_state){.version = e->head.version};
	for (uint32_t i = 0; i < l->n; i++)
		out->entries_n += expr_patterns_n(&l->at[i]) - l->at[i].dead_n;
}

void
expr_live_state(struct expr_source *source, struct expr_live_state *out)
{
	*out = (struct expr_live_state){.entries_n = expr_patterns_n(source->lists)};
	(void)look(source, tell_state, out);
}

static int
entries_by_order(const void *pa, const void *pb)
{
	const struct expr_entry *a = pa, *b = pb;
	return a->order < b->order ? -1 : a->order > b->order;
}

static struct span
copied(struct arena *a, struct span s)
{
	return span_of(arena_span(a, s), s.n);
}

struct listing {
	struct arena *arena;
	struct expr_entry *at;
	size_t n;
};

static void
tell_entries(struct edit *e, struct live_layers *l, void *arg)
{
	struct listing *out = arg;
	struct expr_patterns *all = e->made[0];
	for (uint32_t i = 0; i < l->n; i++)
		copy_list(e, all, &l->at[i]);
	out->n = expr_patterns_n(all);
	out->at = arena_alloc(out->arena, (out->n + 1) * sizeof(*out->at));
	for (size_t i = 0; i < out->n; i++) {
		struct found f = entry_at(all, i);
		out->at[i] = (struct expr_entry){copied(out->arena, text_of(&f)),
						 copied(out->arena, value_of(&f)),
						 order_of(&f)};
	}
	qsort(out->at, out->n, sizeof(*out->at), entries_by_order);
}

struct expr_entry *
expr_live_entries(struct expr_source *source, struct arena *a, size_t *n)
{
	struct listing out = {.arena = a};
	bool is_whole = look(source, tell_entries, &out);
	*n = is_whole ? out.n : 0;
	return is_whole ? out.at : NULL;
}
