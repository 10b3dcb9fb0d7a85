/* SPDX-License-Identifier: MIT
 *
 * The inside of a pattern list, shared by pattern.c (makes it) and pattern_find.c (looks
 * into it).
 */
#ifndef WEIR_EXPR_PATTERN_LIST_H
#define WEIR_EXPR_PATTERN_LIST_H

#include "lib/base/hash.h"
#include "lib/expr/pattern.h"

enum { PATTERNS_FEW = 8 }; /* up to here comparing one by one is cheaper */

struct pattern {
	uint32_t key_off, key_n; /* bytes that are compared, in `bytes` */
	uint32_t value_off, value_n;
	uint32_t text_off, text_n; /* as it was written; most often the key itself */
	uint32_t rank;		   /* its class; lower ones are looked at first */
	uint32_t order;		   /* of adding, among ranges and all */
};

struct pattern_range {
	int64_t from, to;
	uint32_t value_off, value_n;
	uint32_t text_off, text_n;
	uint32_t order;
};

/* Patterns of one rank, and what the key of a sample is there: its first or last key_n
 * bytes, or the address with that many bits. */
struct pattern_class {
	uint32_t first, n;
	uint32_t key_n; /* of all its keys */
	uint32_t bits;	/* networks */
};

struct expr_patterns {
	struct expr_env *env;
	const struct expr_source *source; /* what people call it; NULL: nothing */
	struct expr_patterns *of_same;	  /* the next list of that source */
	uint32_t place;			  /* among those of the source */
	enum expr_match match;
	enum expr_type values; /* EXPR_ANY: none */
	bool is_caseless;      /* keys are in lower case */
	bool is_few;
	bool are_versions;
	bool has_twins; /* keys that are there twice; only the first is in the table */
	uint32_t next_order;
	struct pattern *patterns;
	size_t n;
	char *bytes;
	size_t used, cap;
	struct pattern_range *ranges; /* INT, LEN: what is not one number */
	size_t ranges_n;
	const struct expr_regex **regexes; /* REG: one for each pattern */
	struct pattern_class *classes;
	size_t classes_n;
	uint32_t *table; /* index + 1 by hash, 0: empty */
	uint32_t mask;
	/* a view of a list that was changed (live.c): orders that are not there any more,
	 * ascending */
	const uint32_t *dead;
	uint32_t dead_n;
};

/* Bytes of the list. In memory that is being written anew offsets may be anything: what
 * is found there is not used (live.c), but it must not lead astray. */
static inline struct span
pattern_bytes(const struct expr_patterns *p, uint32_t off, uint32_t n)
{
	bool fits = off <= p->used && n <= p->used - off;
	return span_of(p->bytes + (fits ? off : 0), fits ? n : 0);
}

static inline struct span
pattern_key(const struct expr_patterns *p, const struct pattern *pat)
{
	return pattern_bytes(p, pat->key_off, pat->key_n);
}

static inline uint32_t
pattern_hash(uint32_t class_index, struct span key)
{
	return (uint32_t)hash_bytes(key.p, key.n, class_index);
}

static inline unsigned char
pattern_lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* The first `bits` bits of an address; the others 0. */
static inline void
pattern_mask(unsigned char *address, uint32_t bytes, uint32_t bits)
{
	for (uint32_t i = bits / 8; i < bytes; i++)
		address[i] &= (unsigned char)(i == bits / 8 ? 0xff00 >> bits % 8 : 0);
}

/* live.c: whether a view leaves that one out. */
bool pattern_is_dead(const struct expr_patterns *p, uint32_t order);
/* Where the pattern with that key is, among those of its class; NULL: nowhere. */
const struct pattern *pattern_probe(const struct expr_patterns *p, uint32_t class_index,
				    struct span key);

/* --- pattern.c, for lists that are made of others --------------------------------- */

/* The same as expr_patterns_add(), as number `order`. */
int pattern_add(struct expr_patterns *p, struct span text, struct span value,
		uint32_t order, struct expr_error *err);
/* A copy of one of another list, with that value. */
void pattern_copy(struct expr_patterns *p, const struct expr_patterns *from,
		  const struct pattern *pat, struct span value);
void pattern_copy_range(struct expr_patterns *p, const struct expr_patterns *from,
			const struct pattern_range *r, struct span value);
bool pattern_is_hashed(const struct expr_patterns *p);
/* pattern_find.c: as expr_patterns_find(), in this list alone. step: of IPv4 and IPv6
 * each its own kind of networks first (0), then the other (1). */
enum { PATTERN_STEPS = 2 };
bool pattern_find_in(const struct expr_patterns *p, const struct expr_context *c,
		     const struct expr_sample *s, unsigned step,
		     struct expr_found *found);

#endif
