/* SPDX-License-Identifier: MIT
 *
 * Pattern lists that change while they are used: ACLs and maps at run time.
 *
 * A source is what people call such a list: a file, or the patterns that stand in one
 * ACL. Its lists (one for each match it is used with) have the same entries. As long as
 * nobody has changed it, the lists that were made at load are the whole truth.
 *
 * What was changed lies in memory that all processes of a generation share. A block holds
 * what one version of a source adds and which entries below it are gone; below it is
 * another block, the lists of the configuration, or nothing. Blocks never change. One
 * word per source, its root, names the block that counts: whoever stores it publishes the
 * change to all workers and the checker at once, and whoever is killed before leaves
 * everything as it was. Readers take no lock: they copy what they have found and look at
 * the root again.
 *
 * Free memory is what no root leads to; nothing else is kept of it, so there is nothing
 * to repair. Writers take turns under a lock that is the caller's affair.
 */
#ifndef WEIR_EXPR_LIVE_H
#define WEIR_EXPR_LIVE_H

#include <stdatomic.h>

#include "lib/expr/pattern.h"

struct expr_source {
	struct expr_source *next; /* of the environment, in order of their ids */
	uint32_t id;
	bool is_map, has_id; /* has_id: the configuration says it (-u) */
	struct span name;    /* of the file; empty: patterns of an ACL */
	struct span what;    /* the ACL's: "path_beg" */
	struct expr_patterns *lists;
	uint32_t lists_n;
	_Atomic uint64_t *root;
};

/* --- while the configuration is loaded ------------------------------------------------
 */

/* The source of a file, of keys or of keys and values. */
struct expr_source *expr_source_file(struct expr_env *env, struct span path, bool is_map);
/* A new one; id: -1 or what -u says. NULL: that id is taken. */
struct expr_source *expr_source_inline(struct expr_env *env, struct span what,
				       int64_t id);
/* A list of the source that is like that; NULL: none. */
struct expr_patterns *expr_source_list(const struct expr_source *source,
				       enum expr_match match, enum expr_type values,
				       bool is_caseless, bool are_versions);
void expr_source_add_list(struct expr_source *source, struct expr_patterns *list);

/* The number of sources; they get their ids. */
uint32_t expr_sources_number(struct expr_env *env);
/* Bytes of zeroed memory that changes of all sources reasonably need: address space. */
uint64_t expr_live_bytes(const struct expr_env *env);
/* Changes go there from now on. */
void expr_live_begin(struct expr_env *env, void *memory, uint64_t bytes);
/* Frees what this process has made for itself. */
void expr_live_end(struct expr_env *env);
/* The word to lock; NULL: there is no memory. */
_Atomic uint32_t *expr_live_lock(const struct expr_env *env);

/* --- looking ---------------------------------------------------------------------------
 */

static inline uint64_t
expr_live_root(const struct expr_source *source)
{
	return source && source->root
		       ? atomic_load_explicit(source->root, memory_order_acquire)
		       : 0;
}
/* expr_patterns_find() for a list that was changed. The value is a copy in the scratch.
 */
bool expr_live_find(const struct expr_patterns *p, const struct expr_context *c,
		    const struct expr_sample *s, struct expr_found *found);

/* "#3", or the name of a file; NULL: none. */
struct expr_source *expr_source_find(const struct expr_env *env, bool is_map,
				     struct span word);

/* A place of this process for a regular expression that came at run time (regex.c). */
struct expr_regex_place {
	struct expr_regex *regex; /* NULL: none */
	struct arena *arena;
	bool is_caseless;
};
struct expr_regex_place *expr_live_regex(const struct expr_env *env, uint32_t hash);

/* --- changing: under the lock ----------------------------------------------------------
 */

enum expr_live {
	EXPR_LIVE_DONE,
	EXPR_LIVE_NOT_FOUND,
	EXPR_LIVE_WRONG, /* err says what */
	EXPR_LIVE_FULL,	 /* no memory */
};

/* An entry, as text. */
struct expr_entry {
	struct span text, value;
	uint32_t order; /* of listing; stays while it exists */
};

/* Which entries are meant: those of that text, or (text.p NULL) the one of that order. */
struct expr_which {
	struct span text;
	uint32_t order;
};

/* One more, whether or not there is one like it. */
enum expr_live expr_live_add(struct expr_source *source, struct span text,
			     struct span value, struct expr_error *err);
enum expr_live expr_live_set(struct expr_source *source, struct expr_which which,
			     struct span value, struct expr_error *err);
enum expr_live expr_live_delete(struct expr_source *source, struct expr_which which);
/* These and no others, as that version. */
enum expr_live expr_live_replace(struct expr_source *source,
				 const struct expr_entry *entries, size_t n,
				 uint32_t version, struct expr_error *err);
/* Whether an entry could be added, without doing it. 0, or -1 with err. */
int expr_live_check(const struct expr_source *source, struct span text, struct span value,
		    struct expr_error *err);
bool expr_live_has(struct expr_source *source, struct span text);

/* --- listing: without the lock
 * ---------------------------------------------------------- */

struct expr_live_state {
	uint32_t version; /* 0, or what the last expr_live_replace() said */
	size_t entries_n;
};
void expr_live_state(struct expr_source *source, struct expr_live_state *out);
/* A copy of all entries, in their order; *n of them. NULL: it changes too fast. */
struct expr_entry *expr_live_entries(struct expr_source *source, struct arena *a,
				     size_t *n);

#endif
