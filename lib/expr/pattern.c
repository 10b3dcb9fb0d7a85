/* SPDX-License-Identifier: MIT
 *
 * Making pattern lists. Master only (at load).
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "lib/expr/parts.h"
#include "lib/expr/pattern_list.h"

struct match_row {
	const char *name;
	enum expr_type type;
	const char *help;
};

static const struct match_row matches[] = {
#define MATCH(id, name, type, help) {name, type, help},
#include "lib/expr/match.def"
#undef MATCH
};

const char *
expr_match_name(enum expr_match m)
{
	return matches[m].name;
}

enum expr_type
expr_match_type(enum expr_match m)
{
	return matches[m].type;
}

const char *
expr_match_help(enum expr_match m)
{
	return matches[m].help;
}

int
expr_match_find(struct span name)
{
	for (int i = 0; i < EXPR_MATCHES_N; i++)
		if (span_eq(name, span_str(matches[i].name)))
			return i;
	return -1;
}

struct expr_patterns *
expr_patterns_new(struct expr_env *env, enum expr_match match, bool is_caseless)
{
	struct expr_patterns *p = arena_alloc(env->arena, sizeof(*p));
	*p = (struct expr_patterns){
		.env = env, .match = match, .is_caseless = is_caseless};
	return p;
}

/* --- one pattern
 * ------------------------------------------------------------------------ */

/* A copy at the end of `bytes`; its offset. */
static uint32_t
keep(struct expr_patterns *p, struct span s)
{
	if (p->cap - p->used < s.n) {
		size_t cap = p->cap ? p->cap * 2 : 256;
		while (cap - p->used < s.n)
			cap *= 2;
		char *bigger = arena_alloc(p->env->arena, cap);
		if (p->used)
			memcpy(bigger, p->bytes, p->used);
		p->bytes = bigger;
		p->cap = cap;
	}
	if (s.n)
		memcpy(p->bytes + p->used, s.p, s.n);
	p->used += s.n;
	return (uint32_t)(p->used - s.n);
}

/* What is added, beside its key. */
struct entry {
	struct span text, value;
	uint32_t order;
};

static void
add_key(struct expr_patterns *p, struct span key, uint32_t rank, struct entry e)
{
	p->patterns = arena_grow(p->env->arena, p->patterns, p->n, sizeof(*p->patterns));
	struct pattern *pat = &p->patterns[p->n];
	*pat = (struct pattern){.key_off = keep(p, key),
				.key_n = (uint32_t)key.n,
				.value_off = keep(p, e.value),
				.value_n = (uint32_t)e.value.n,
				.text_n = (uint32_t)e.text.n,
				.rank = rank,
				.order = e.order};
	p->n++;
	for (uint32_t i = 0; p->is_caseless && i < pat->key_n; i++)
		p->bytes[pat->key_off + i] =
			(char)pattern_lower(p->bytes[pat->key_off + i]);
	bool is_key = span_eq(pattern_key(p, pat), e.text);
	pat->text_off = is_key ? pat->key_off : keep(p, e.text);
}

static void
add_range(struct expr_patterns *p, int64_t from, int64_t to, struct entry e)
{
	if (from == to) {
		add_key(p, span_of((const char *)&from, sizeof(from)), 0, e);
		return;
	}
	p->ranges = arena_grow(p->env->arena, p->ranges, p->ranges_n, sizeof(*p->ranges));
	p->ranges[p->ranges_n] = (struct pattern_range){from,
							to,
							keep(p, e.value),
							(uint32_t)e.value.n,
							keep(p, e.text),
							(uint32_t)e.text.n,
							e.order};
	p->ranges_n++;
}

void
expr_patterns_add_range(struct expr_patterns *p, int64_t from, int64_t to,
			struct span value)
{
	char text[48];
	size_t n = from == INT64_MIN ? 0 : expr_put_int(text, from);
	if (from != to)
		text[n++] = ':';
	if (from != to && to != INT64_MAX)
		n += expr_put_int(text + n, to);
	add_range(p, from, to, (struct entry){span_of(text, n), value, p->next_order++});
}

void
expr_patterns_are_versions(struct expr_patterns *p)
{
	p->are_versions = true;
}

/* "5"; of versions "1.2" as well. */
static bool
parse_number(const struct expr_patterns *p, struct span text, int64_t *out)
{
	struct span minor = text;
	struct span major = span_cut(&minor, '.');
	int64_t high, low;
	if (!p->are_versions || major.n == text.n)
		return expr_parse_int(text, out);
	if (!expr_parse_int(major, &high) || !expr_parse_int(minor, &low))
		return false;
	*out = high * 65536 + low;
	return true;
}

/* As other languages write them. */
static bool
is_comparison(struct span text)
{
	return text.n && text.n <= 2 && strchr("<>=!", text.p[0]);
}

/* "5", "1:10", "10:", ":3" */
static int
add_numbers(struct expr_patterns *p, struct entry e, struct expr_error *err)
{
	struct span text = e.text, last = text;
	struct span first = span_cut(&last, ':');
	bool has_colon = first.n < text.n, ok = first.n || last.n;
	int64_t ends[2] = {INT64_MIN, INT64_MAX};
	if (first.n)
		ok &= parse_number(p, first, &ends[0]);
	if (last.n)
		ok &= parse_number(p, last, &ends[1]);
	if (!ok || (has_colon && ends[0] > ends[1]))
		return expr_fail(
			err, 0, "'%.*s' is not a number or a range such as 1:10%s",
			(int)text.n, text.p,
			is_comparison(text) ? "; comparisons are eq, ge, gt, le and lt"
					    : "");
	add_range(p, ends[0], has_colon ? ends[1] : ends[0], e);
	return 0;
}

/* "24", or "255.255.255.0"; -1: no such mask. */
static int
parse_bits(struct span text, int most)
{
	char word[32];
	struct in_addr mask;
	int64_t v;
	if (expr_parse_int(text, &v))
		return v >= 0 && v <= most ? (int)v : -1;
	if (most != 32 || text.n >= sizeof(word))
		return -1;
	memcpy(word, text.p, text.n);
	word[text.n] = '\0';
	if (inet_pton(AF_INET, word, &mask) != 1)
		return -1;
	uint32_t host = ntohl(mask.s_addr);
	int bits = host ? 32 - __builtin_ctz(host) : 0;
	return bits == __builtin_popcount(host) ? bits : -1;
}

static int
add_network(struct expr_patterns *p, struct entry e, struct expr_error *err)
{
	struct span text = e.text, mask = text;
	struct span host = span_cut(&mask, '/');
	bool has_mask = host.n < text.n, is_v6 = memchr(text.p, ':', text.n) != NULL;
	unsigned char address[16];
	char word[INET6_ADDRSTRLEN];
	uint32_t bytes = is_v6 ? 16 : 4;
	int bits = has_mask ? parse_bits(mask, (int)bytes * 8) : (int)bytes * 8;
	bool ok = host.n < sizeof(word);
	if (ok) {
		memcpy(word, host.p, host.n);
		word[host.n] = '\0';
		ok = inet_pton(is_v6 ? AF_INET6 : AF_INET, word, address) == 1;
	}
	if (!ok || bits < 0)
		return expr_fail(
			err, 0,
			"'%.*s' is not an address or network; expected one such "
			"as 10.0.0.0/8 or 2001:db8::/32 (names are not resolved)",
			(int)text.n, text.p);
	pattern_mask(address, bytes, (uint32_t)bits);
	uint32_t rank = 256 - (uint32_t)bits + (is_v6 ? 256 : 0);
	add_key(p, span_of((const char *)address, bytes), rank, e);
	return 0;
}

static int
add_bytes(struct expr_patterns *p, struct entry e, struct expr_error *err)
{
	struct span text = e.text;
	char *bytes = arena_alloc(p->env->arena, text.n / 2 + 1);
	for (size_t i = 0; i < text.n; i++) {
		char c = (char)pattern_lower(text.p[i]);
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;
		if (digit < 0 || text.n % 2)
			return expr_fail(err, 0,
					 "'%.*s' is not hexadecimal; expected two digits "
					 "for each byte",
					 (int)text.n, text.p);
		bytes[i / 2] = (char)(i % 2 ? bytes[i / 2] | digit : digit << 4);
	}
	add_key(p, span_of(bytes, text.n / 2), 0, e);
	return 0;
}

static int
add_regex(struct expr_patterns *p, struct entry e, struct expr_error *err)
{
	const struct expr_regex *r =
		expr_regex_new(p->env, e.text, p->is_caseless, 0, err);
	if (!r)
		return -1;
	/* what changes is compiled where it is looked for (expr_regex_cached()) */
	if (p->regexes || p->n == 0) {
		p->regexes =
			arena_grow(p->env->arena, p->regexes, p->n, sizeof(*p->regexes));
		p->regexes[p->n] = r;
	}
	add_key(p, e.text, 0, e);
	return 0;
}

static int
add_entry(struct expr_patterns *p, struct entry e, struct expr_error *err)
{
	switch (p->match) {
	case EXPR_MATCH_FOUND:
		return expr_fail(err, 0,
				 "'-m found' takes no patterns; expected the end");
	case EXPR_MATCH_BOOL:
	case EXPR_MATCH_INT:
	case EXPR_MATCH_LEN:
		return add_numbers(p, e, err);
	case EXPR_MATCH_IP:
		return add_network(p, e, err);
	case EXPR_MATCH_BIN:
		return add_bytes(p, e, err);
	case EXPR_MATCH_REG:
		return add_regex(p, e, err);
	case EXPR_MATCH_BEG:
	case EXPR_MATCH_END:
		add_key(p, e.text, UINT32_MAX - (uint32_t)e.text.n, e);
		return 0;
	case EXPR_MATCH_STR:
	case EXPR_MATCH_SUB:
	case EXPR_MATCH_DIR:
	case EXPR_MATCH_DOM:
	case EXPR_MATCHES_N:
		break;
	}
	add_key(p, e.text, 0, e);
	return 0;
}

int
expr_patterns_add(struct expr_patterns *p, struct span pattern, struct span value,
		  struct expr_error *err)
{
	return add_entry(p, (struct entry){pattern, value, p->next_order++}, err);
}

int
pattern_add(struct expr_patterns *p, struct span text, struct span value, uint32_t order,
	    struct expr_error *err)
{
	return add_entry(p, (struct entry){text, value, order}, err);
}

void
pattern_copy(struct expr_patterns *p, const struct expr_patterns *from,
	     const struct pattern *pat, struct span value)
{
	struct entry e = {pattern_bytes(from, pat->text_off, pat->text_n), value,
			  pat->order};
	add_key(p, pattern_key(from, pat), pat->rank, e);
}

void
pattern_copy_range(struct expr_patterns *p, const struct expr_patterns *from,
		   const struct pattern_range *r, struct span value)
{
	struct entry e = {pattern_bytes(from, r->text_off, r->text_n), value, r->order};
	add_range(p, r->from, r->to, e);
}

/* --- the finished list
 * ------------------------------------------------------------------- */

static int
by_rank(const void *pa, const void *pb)
{
	const struct pattern *a = pa, *b = pb;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static int
by_order(const void *pa, const void *pb)
{
	const struct pattern *a = pa, *b = pb;
	return a->order < b->order ? -1 : a->order > b->order;
}

static int
ranges_by_order(const void *pa, const void *pb)
{
	const struct pattern_range *a = pa, *b = pb;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool
is_in_order(const struct expr_patterns *p)
{
	for (size_t i = 1; i < p->n; i++)
		if (p->patterns[i].order < p->patterns[i - 1].order)
			return false;
	return true;
}

static void
make_classes(struct expr_patterns *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct pattern_class *last = NULL;
		if (i > 0 && p->patterns[i].rank == p->patterns[i - 1].rank) {
			last = &p->classes[p->classes_n - 1];
			last->n++;
			continue;
		}
		p->classes = arena_grow(p->env->arena, p->classes, p->classes_n,
					sizeof(*p->classes));
		uint32_t bits = p->patterns[i].key_n == 16 ? 512 - p->patterns[i].rank
							   : 256 - p->patterns[i].rank;
		p->classes[p->classes_n++] =
			(struct pattern_class){.first = (uint32_t)i,
					       .n = 1,
					       .key_n = p->patterns[i].key_n,
					       .bits = bits};
	}
}

static bool
is_listed_before(const struct expr_patterns *p, uint32_t slot, uint32_t class_index,
		 struct span key)
{
	const struct pattern_class *k = &p->classes[class_index];
	uint32_t i = p->table[slot] - 1;
	return i >= k->first && i - k->first < k->n &&
	       span_eq(pattern_key(p, &p->patterns[i]), key);
}

static void
make_table(struct expr_patterns *p)
{
	uint32_t size = 16;
	while (size < p->n * 2)
		size *= 2;
	p->mask = size - 1;
	p->table = arena_alloc(p->env->arena, size * sizeof(*p->table));
	for (uint32_t k = 0; k < p->classes_n; k++) {
		const struct pattern_class *class = &p->classes[k];
		for (uint32_t i = class->first; i < class->first + class->n; i++) {
			struct span key = pattern_key(p, &p->patterns[i]);
			uint32_t slot = pattern_hash(k, key) & p->mask;
			while (p->table[slot] && !is_listed_before(p, slot, k, key))
				slot = (slot + 1) & p->mask;
			if (p->table[slot])
				p->has_twins = true;
			else
				p->table[slot] = i + 1;
		}
	}
}

bool
pattern_is_hashed(const struct expr_patterns *p)
{
	return p->match != EXPR_MATCH_SUB && p->match != EXPR_MATCH_DIR &&
	       p->match != EXPR_MATCH_DOM && p->match != EXPR_MATCH_REG;
}

void
expr_patterns_seal(struct expr_patterns *p)
{
	bool is_hashed = pattern_is_hashed(p);
	p->is_few = p->n <= PATTERNS_FEW || !is_hashed;
	/* those of a list that was changed come from two places */
	if (p->n && !p->regexes && !is_in_order(p))
		qsort(p->patterns, p->n, sizeof(*p->patterns), by_order);
	if (p->ranges_n)
		qsort(p->ranges, p->ranges_n, sizeof(*p->ranges), ranges_by_order);
	if (!is_hashed)
		return;
	/* which of two that are found is meant: of ends the first, as with numbers; of
	 * beginnings and networks the longest */
	bool in_order = p->is_few && p->match == EXPR_MATCH_END;
	if (p->n && !in_order)
		qsort(p->patterns, p->n, sizeof(*p->patterns), by_rank);
	make_classes(p);
	if (!p->is_few)
		make_table(p);
}

size_t
expr_patterns_n(const struct expr_patterns *p)
{
	return p->n + p->ranges_n;
}

size_t
expr_patterns_bytes(const struct expr_patterns *p)
{
	return p->n * sizeof(*p->patterns) + p->used + p->ranges_n * sizeof(*p->ranges) +
	       p->classes_n * sizeof(*p->classes) +
	       (p->table ? (p->mask + 1ULL) * sizeof(*p->table) : 0);
}
