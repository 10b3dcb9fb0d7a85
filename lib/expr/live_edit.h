/* SPDX-License-Identifier: MIT
 *
 * A change of a source under way: live_change.c decides what is to be there, live_write.c
 * writes it into shared memory. Private memory of whoever holds the lock.
 */
#ifndef WEIR_EXPR_LIVE_EDIT_H
#define WEIR_EXPR_LIVE_EDIT_H

#include "lib/expr/live_block.h"

enum { LIVE_LISTS_MAX = 64 };

/* What becomes of the entries that are meant. */
struct fate {
	bool is_kept;
	struct span value;
};

/* A change under way. */
struct edit {
	struct expr_source *source;
	struct expr_env env; /* what is made meanwhile */
	uint64_t root;
	struct live_blocks blocks; /* of root */
	bool is_first;		   /* nobody has changed anything yet */
	bool is_stacked;	   /* the block of root will lie below the new one */
	struct expr_patterns *made[LIVE_LISTS_MAX];
	const struct expr_which *which;
	struct fate fate;
	struct expr_patterns *to; /* of copy_hit() */
	uint32_t *hits;		  /* orders of the entries that are meant, ascending */
	uint32_t hits_n;
	uint32_t *dead; /* of what lies below */
	uint32_t dead_n;
	bool is_whole; /* nothing below */
	struct live_block head;
};

/* Writes what was made and stores the root. */
enum expr_live live_publish(struct edit *e);

#endif
