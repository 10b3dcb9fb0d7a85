/* SPDX-License-Identifier: MIT
 *
 * Pattern lists: what an ACL or a map compares samples with (configuration.txt 7.1.3).
 *
 * Where a match allows it, patterns are put into classes (all of one length for beg and
 * end, of one prefix length for networks, one class for whole texts and numbers), the
 * most specific one first; within a class a hash table finds the one that is equal. So a
 * lookup costs one probe per class, whatever the size of the list. Few patterns are
 * compared one by one. Parts, words and regular expressions are tried in their order.
 *
 * Built by the master at load, immutable once sealed, shared through fork.
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
const char *expr_match_name(enum expr_match m); /* "beg" */
/* What samples are cast to before they are compared. */
enum expr_type expr_match_type(enum expr_match m);
/* The match of that name; -1: none. */
int expr_match_find(struct span name);
const char *expr_match_help(enum expr_match m);

struct expr_patterns;

/* An empty list. */
struct expr_patterns *expr_patterns_new(struct expr_env *env, enum expr_match match,
					bool is_caseless);
/* Its numbers may be versions: 1.2 is 65536 + 2. */
void expr_patterns_are_versions(struct expr_patterns *p);
/* Adds a pattern; `value` is what a map gives for it. Of equal ones the first counts. 0,
 * or -1 with err (at: 0). */
int expr_patterns_add(struct expr_patterns *p, struct span pattern, struct span value,
		      struct expr_error *err);
/* INT and LEN: all numbers from..to, both included. */
void expr_patterns_add_range(struct expr_patterns *p, int64_t from, int64_t to,
			     struct span value);
/* pattern_file.c: a pattern on each line; values other than EXPR_ANY: "pattern value",
 * each value being of that type. Blanks in front, empty lines and lines that begin with
 * '#' do not count. An error names the file and the line. */
int expr_patterns_read(struct expr_patterns *p, struct span path, enum expr_type values,
		       struct expr_error *err);
/* Whether a map's value is of the type its converter gives. 0, or -1 with err. */
int expr_value_check(struct span value, enum expr_type type, struct expr_error *err);
void expr_patterns_seal(struct expr_patterns *p);
enum expr_match expr_patterns_match(const struct expr_patterns *p);
enum expr_type expr_patterns_values(const struct expr_patterns *p);
bool expr_patterns_is_caseless(const struct expr_patterns *p);
/* The next list of the same source (live.h). */
const struct expr_patterns *expr_patterns_next(const struct expr_patterns *p);
size_t expr_patterns_n(const struct expr_patterns *p);
/* Memory of the sealed list. */
size_t expr_patterns_bytes(const struct expr_patterns *p);

/* What was found: the value of a map, and for `regm` what the groups caught. */
struct expr_found {
	struct span value;
	size_t *groups; /* where to put offsets, or NULL */
	int groups_n;	/* room; then how many */
	bool wants_text;
	struct span text; /* the pattern as it was written */
	uint32_t rank, order;
};
/* Whether s, of the match's type, is in the list; found: NULL or where to say what. */
bool expr_patterns_find(const struct expr_patterns *p, const struct expr_context *c,
			const struct expr_sample *s, struct expr_found *found);

/* --- regex.c ------------------------------------------------------------------------ */

/* PCRE2 with JIT; a match costs a bounded time. Compiled at load, shared through fork. */
struct expr_regex;
struct expr_regex *expr_regex_new(struct expr_env *env, struct span pattern,
				  bool is_caseless, size_t at, struct expr_error *err);
/* The same for a pattern that came at run time, compiled when it is first looked for and
 * kept for some time; NULL: it does not compile. The one case where looking something up
 * allocates: a process can't run what another one has compiled. */
const struct expr_regex *expr_regex_cached(struct expr_env *env, struct span pattern,
					   bool is_caseless);
/* Matches at `from` or behind it; what lies before it is seen by ^, \b and lookbehind.
 * groups: offsets of up to groups_n groups (2 per group, SIZE_MAX: unset); returns the
 * number of groups set (>= 1: it matches), 0: no match, -1: limits reached (counts as no
 * match; the host's complain() is told). */
int expr_regex_match(const struct expr_regex *r, const struct expr_context *c,
		     struct span subject, size_t from, size_t *groups, int groups_n);

#endif
