/* SPDX-License-Identifier: MIT
 *
 * Looking a sample up in a pattern list. Worker, for every request: no allocation.
 */
#include <arpa/inet.h>

#include "lib/expr/live.h"
#include "lib/expr/pattern_list.h"

/* v begins with the key, which is in lower case when the list is caseless. */
static inline bool
same(const char *v, struct span key, bool caseless)
{
	if (key.n == 0)
		return true;
	if (!caseless)
		return v[0] == key.p[0] && memcmp(v, key.p, key.n) == 0;
	for (size_t i = 0; i < key.n; i++)
		if (v[i] != key.p[i] && pattern_lower(v[i]) != (unsigned char)key.p[i])
			return false;
	return true;
}

/* The first byte in [p, end) that is c but for the bits of `fold`; end: there is none.
 * Steps of a constant size are what compilers make vectors of. */
static const char *
find_folded(const char *p, const char *end, char c, char fold)
{
	enum { STEP = 16 };
	for (; end - p >= STEP; p += STEP) {
		unsigned char any = 0;
		for (int i = 0; i < STEP; i++)
			any |= (p[i] | fold) == c;
		if (any)
			break;
	}
	while (p < end && (*p | fold) != c)
		p++;
	return p;
}

static bool
contains(struct span v, struct span key, bool caseless)
{
	if (key.n == 0 || v.n < key.n)
		return key.n == 0;
	if (!caseless)
		return memmem(v.p, v.n, key.p, key.n) != NULL;
	/* both cases of a letter are one with bit 5 set */
	char first = key.p[0], fold = first >= 'a' && first <= 'z' ? 32 : 0;
	const char *end = v.p + v.n - key.n + 1;
	for (const char *at = v.p; (at = find_folded(at, end, first, fold)) < end; at++)
		if (same(at, key, true))
			return true;
	return false;
}

static bool
is_delimiter(char c, const char *delimiters)
{
	return c && strchr(delimiters, c) != NULL;
}

/* The key as a whole word between delimiters, its own outer ones left aside. */
static bool
has_word(struct span v, struct span key, const char *delimiters, bool caseless)
{
	while (key.n && is_delimiter(key.p[0], delimiters))
		key = span_of(key.p + 1, key.n - 1);
	while (key.n && is_delimiter(key.p[key.n - 1], delimiters))
		key.n--;
	if (key.n == 0)
		return false;
	for (size_t i = 0; i + key.n <= v.n; i++) {
		bool begins = i == 0 || is_delimiter(v.p[i - 1], delimiters);
		bool ends = i + key.n == v.n || is_delimiter(v.p[i + key.n], delimiters);
		if (begins && ends && same(v.p + i, key, caseless))
			return true;
	}
	return false;
}

static bool
found_it(const struct expr_patterns *p, const struct pattern *pat,
	 struct expr_found *found)
{
	if (!found)
		return true;
	found->value = pattern_bytes(p, pat->value_off, pat->value_n);
	found->text = pattern_bytes(p, pat->text_off, pat->text_n);
	found->rank = pat->rank;
	found->order = pat->order;
	return true;
}

static bool
found_range(const struct expr_patterns *p, const struct pattern_range *r,
	    struct expr_found *found)
{
	if (!found)
		return true;
	found->value = pattern_bytes(p, r->value_off, r->value_n);
	found->text = pattern_bytes(p, r->text_off, r->text_n);
	found->rank = 0;
	found->order = r->order;
	return true;
}

static inline bool
is_dead(const struct expr_patterns *p, uint32_t order)
{
	return p->dead_n && pattern_is_dead(p, order);
}

/* --- one by one
 * -------------------------------------------------------------------------- */

typedef bool matches_fn(struct span v, struct span key, bool caseless);

static inline bool
is_equal(struct span v, struct span key, bool caseless)
{
	return v.n == key.n && same(v.p, key, caseless);
}

static inline bool
begins(struct span v, struct span key, bool caseless)
{
	return v.n >= key.n && same(v.p, key, caseless);
}

static inline bool
ends(struct span v, struct span key, bool caseless)
{
	return v.n >= key.n && same(v.p + v.n - key.n, key, caseless);
}

static bool
has_directory(struct span v, struct span key, bool caseless)
{
	return has_word(v, key, "/?", caseless);
}

static bool
has_domain(struct span v, struct span key, bool caseless)
{
	return has_word(v, key, "/?.:", caseless);
}

/* Inlined, so that each way to compare has a loop of its own. */
static inline __attribute__((always_inline)) bool
find_in_order(const struct expr_patterns *p, struct span v, struct expr_found *found,
	      matches_fn *matches)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct pattern *pat = &p->patterns[i];
		if (matches(v, pattern_key(p, pat), p->is_caseless) &&
		    !is_dead(p, pat->order))
			return found_it(p, pat, found);
	}
	return false;
}

/* How a list is looked into; one for each match, so that each is a short function. */
typedef bool find_fn(const struct expr_patterns *p, const struct expr_context *c,
		     const struct expr_sample *s, struct expr_found *found);
#define FIND(name)                                                                    \
	static bool name(const struct expr_patterns *p, const struct expr_context *c, \
			 const struct expr_sample *s, struct expr_found *found)
#define FIND_IN_ORDER(name, matches)                             \
	FIND(name)                                               \
	{                                                        \
		(void)c;                                         \
		return find_in_order(p, s->str, found, matches); \
	}
FIND_IN_ORDER(find_equal, is_equal)
FIND_IN_ORDER(find_begin, begins)
FIND_IN_ORDER(find_end, ends)
FIND_IN_ORDER(find_part, contains)
FIND_IN_ORDER(find_directory, has_directory)
FIND_IN_ORDER(find_domain, has_domain)

FIND(find_regex)
{
	size_t none[2];
	size_t *groups = found && found->groups ? found->groups : none;
	int room = found && found->groups ? found->groups_n : 1;
	for (size_t i = 0; i < p->n; i++) {
		const struct pattern *pat = &p->patterns[i];
		if (is_dead(p, pat->order))
			continue;
		const struct expr_regex *r =
			p->regexes ? p->regexes[i]
				   : expr_regex_cached(p->env, pattern_key(p, pat),
						       p->is_caseless);
		int n = r ? expr_regex_match(r, c, s->str, 0, groups, room) : 0;
		if (n <= 0)
			continue;
		if (found)
			found->groups_n = n;
		return found_it(p, pat, found);
	}
	return false;
}

/* --- by classes
 * -------------------------------------------------------------------------- */

const struct pattern *
pattern_probe(const struct expr_patterns *p, uint32_t class_index, struct span key)
{
	const struct pattern_class *k = &p->classes[class_index];
	uint32_t slot = pattern_hash(class_index, key) & p->mask, entry;
	for (uint32_t n = 0; n <= p->mask && (entry = p->table[slot]); n++) {
		uint32_t i = entry - 1;
		if (i >= k->first && i - k->first < k->n && i < p->n &&
		    span_eq(pattern_key(p, &p->patterns[i]), key))
			return &p->patterns[i];
		slot = (slot + 1) & p->mask;
	}
	return NULL;
}

static const struct pattern *
probe(const struct expr_patterns *p, uint32_t class_index, struct span key)
{
	const struct pattern *pat = pattern_probe(p, class_index, key);
	return pat && !is_dead(p, pat->order) ? pat : NULL;
}

static const struct pattern *
look(const struct expr_patterns *p, uint32_t class_index, struct span key)
{
	const struct pattern_class *k = &p->classes[class_index];
	if (!p->is_few)
		return probe(p, class_index, key);
	for (uint32_t i = k->first; i < k->first + k->n && i < p->n; i++)
		if (span_eq(pattern_key(p, &p->patterns[i]), key) &&
		    !is_dead(p, p->patterns[i].order))
			return &p->patterns[i];
	return NULL;
}

/* v in lower case, in the scratch; *v is empty when there is no room. */
static void
fold(const struct expr_context *c, struct span *v)
{
	char *p = expr_scratch_take(c->scratch, v->n);
	for (size_t i = 0; p && i < v->n; i++)
		p[i] = (char)pattern_lower(v->p[i]);
	*v = span_of(p, p ? v->n : 0);
}

FIND(find_text)
{
	const struct pattern *first = NULL;
	struct span v = s->str;
	if (p->is_caseless)
		fold(c, &v);
	for (uint32_t k = 0; k < p->classes_n; k++) {
		struct span key = v;
		uint32_t n = p->classes[k].key_n;
		if (p->match == EXPR_MATCH_BEG || p->match == EXPR_MATCH_END) {
			if (v.n < n)
				continue;
			key = span_of(p->match == EXPR_MATCH_BEG ? v.p : v.p + v.n - n,
				      n);
		}
		const struct pattern *pat = probe(p, k, key);
		if (pat && (!first || pat->order < first->order))
			first = pat;
		if (first && (p->match != EXPR_MATCH_END || !found))
			break;
	}
	return first && found_it(p, first, found);
}

static bool
find_number(const struct expr_patterns *p, int64_t v, struct expr_found *found)
{
	const struct pattern *pat =
		p->classes_n ? look(p, 0, span_of((const char *)&v, sizeof(v))) : NULL;
	for (size_t i = 0; i < p->ranges_n; i++) {
		const struct pattern_range *r = &p->ranges[i];
		if (pat && (!found || pat->order < r->order))
			break;
		if (v >= r->from && v <= r->to && !is_dead(p, r->order))
			return found_range(p, r, found);
	}
	return pat && found_it(p, pat, found);
}

static bool
find_address(const struct expr_patterns *p, const void *address, uint32_t bytes,
	     struct expr_found *found)
{
	for (uint32_t k = 0; k < p->classes_n; k++) {
		unsigned char key[16];
		if (p->classes[k].key_n != bytes)
			continue;
		memcpy(key, address, bytes);
		pattern_mask(key, bytes, p->classes[k].bits);
		const struct pattern *pat = look(p, k, span_of((const char *)key, bytes));
		if (pat)
			return found_it(p, pat, found);
	}
	return false;
}

/* IPv4 and IPv6 meet where one stands for the other: ::ffff:a.b.c.d, and 2002::/16. */
static bool
find_ip_step(const struct expr_patterns *p, const struct expr_sample *s, unsigned step,
	     struct expr_found *found)
{
	unsigned char v6[16] = {[10] = 0xff, [11] = 0xff};
	if (s->type == EXPR_IPV4) {
		memcpy(v6 + 12, &s->ipv4, 4);
		return step == 0 ? find_address(p, &s->ipv4, 4, found)
				 : find_address(p, v6, 16, found);
	}
	const unsigned char *a = s->ipv6.s6_addr;
	if (step == 0)
		return find_address(p, a, 16, found);
	if (memcmp(a, v6, 12) == 0)
		return find_address(p, a + 12, 4, found);
	return a[0] == 0x20 && a[1] == 0x02 && find_address(p, a + 2, 4, found);
}

FIND(find_ip)
{
	(void)c;
	return find_ip_step(p, s, 0, found) || find_ip_step(p, s, 1, found);
}

/* --- by match ----------------------------------------------------------------------- */

FIND(find_any)
{
	(void)p, (void)c, (void)s, (void)found;
	return true;
}

FIND(find_int)
{
	(void)c;
	return find_number(p, s->integer, found);
}

FIND(find_bool)
{
	(void)c;
	return expr_patterns_n(p) ? find_number(p, s->integer, found) : s->integer != 0;
}

FIND(find_length)
{
	(void)c;
	return find_number(p, (int64_t)s->str.n, found);
}

/* Of many patterns, of few. */
static find_fn *const finders[EXPR_MATCHES_N][2] = {
	[EXPR_MATCH_FOUND] = {find_any, find_any},
	[EXPR_MATCH_BOOL] = {find_bool, find_bool},
	[EXPR_MATCH_INT] = {find_int, find_int},
	[EXPR_MATCH_IP] = {find_ip, find_ip},
	[EXPR_MATCH_BIN] = {find_text, find_equal},
	[EXPR_MATCH_LEN] = {find_length, find_length},
	[EXPR_MATCH_STR] = {find_text, find_equal},
	[EXPR_MATCH_BEG] = {find_text, find_begin},
	[EXPR_MATCH_END] = {find_text, find_end},
	[EXPR_MATCH_SUB] = {find_part, find_part},
	[EXPR_MATCH_DIR] = {find_directory, find_directory},
	[EXPR_MATCH_DOM] = {find_domain, find_domain},
	[EXPR_MATCH_REG] = {find_regex, find_regex},
};

bool
pattern_find_in(const struct expr_patterns *p, const struct expr_context *c,
		const struct expr_sample *s, unsigned step, struct expr_found *found)
{
	if (p->match == EXPR_MATCH_IP)
		return find_ip_step(p, s, step, found);
	return step == 0 && p->match < EXPR_MATCHES_N &&
	       finders[p->match][p->is_few](p, c, s, found);
}

bool
expr_patterns_find(const struct expr_patterns *p, const struct expr_context *c,
		   const struct expr_sample *s, struct expr_found *found)
{
	if (__builtin_expect(expr_live_root(p->source) != 0, 0))
		return expr_live_find(p, c, s, found);
	return finders[p->match][p->is_few](p, c, s, found);
}
