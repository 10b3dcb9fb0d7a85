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
	uint32_t rank;	/* its class; lower ones are looked at first */
	uint32_t order; /* of adding, among ranges and all */
};

struct pattern_range {
	int64_t from, to;
	uint32_t value_off, value_n;
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
	enum expr_match match;
	bool is_caseless; /* keys are in lower case */
	bool is_few;
	bool are_versions;
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
};

static inline struct span
pattern_key(const struct expr_patterns *p, const struct pattern *pat)
{
	return span_of(p->bytes + pat->key_off, pat->key_n);
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
	for (uint32_t i = 0; i < bytes; i++) {
		uint32_t left = bits > i * 8 ? bits - i * 8 : 0;
		if (left < 8)
			address[i] &= (unsigned char)(0xff00 >> left);
	}
}

#endif
