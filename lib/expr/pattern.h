/* SPDX-License-Identifier: MIT
 *
 * Pattern lists: what an ACL or a map compares samples with (configuration.txt 7.1.3), in
 * the structure that suits the match: hash table (str, int of big lists), radix tree (ip,
 * beg), sorted table (ranges), list (sub, end, dir, dom, reg). Built once, laid out flat
 * (offsets, no pointers) so that a list can live in shared memory and be replaced as a
 * whole; a million entries load in seconds, one lookup takes less than a microsecond.
 */
#ifndef WEIR_EXPR_PATTERN_H
#define WEIR_EXPR_PATTERN_H

#include "lib/expr/program.h"

enum expr_match {
#define MATCH(id, name, type, help) EXPR_MATCH_##id,
#include "lib/expr/match.def"
#undef MATCH
	EXPR_MATCHES_N
};

struct expr_patterns; /* immutable once sealed */

/* Collects patterns; `value` is what a map gives for it (empty span: none). The order of
 * adding is the order of precedence where the match has none of its own (longest prefix,
 * most specific network, first regex). 0 or -1 with err (at: 0). */
struct expr_patterns *expr_patterns_new(struct expr_env *env, enum expr_match match,
					bool is_caseless);
int expr_patterns_add(struct expr_patterns *p, struct span pattern, struct span value,
		      struct expr_error *err);
/* Reads "pattern" or "pattern value" lines as HAProxy does ('#' comments, blanks); an
 * error names the file and the line. */
int expr_patterns_read(struct expr_patterns *p, const char *path, bool with_values,
		       struct expr_error *err);
void expr_patterns_seal(struct expr_patterns *p);
size_t expr_patterns_n(const struct expr_patterns *p);
size_t expr_patterns_bytes(const struct expr_patterns *p); /* memory of the sealed list */

/* Whether s (cast by the caller to the match's type) is in the list; *value: the map's
 * value of what was found, untouched without. */
bool expr_patterns_find(const struct expr_patterns *p, const struct expr_context *c,
			const struct expr_sample *s, struct span *value);

/* Regular expressions: PCRE2 with JIT, match and depth limits. Compiled at load, shared
 * through fork. */
struct expr_regex;
struct expr_regex *expr_regex_new(struct expr_env *env, struct span pattern,
				  bool is_caseless, size_t at, struct expr_error *err);
/* groups: offsets of up to groups_n groups (2 per group, SIZE_MAX: unset); returns the
 * number of groups set (>= 1: it matches), 0: no match, -1: limits reached (counts as no
 * match; the host's complain() is told). */
int expr_regex_match(const struct expr_regex *r, const struct expr_context *c,
		     struct span subject, size_t *groups, int groups_n);

#endif
