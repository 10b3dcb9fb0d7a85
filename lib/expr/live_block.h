/* SPDX-License-Identifier: MIT
 *
 * What lies in the memory of changed lists: live.c reads it, live_change.c writes it.
 * Offsets count from its beginning.
 */
#ifndef WEIR_EXPR_LIVE_BLOCK_H
#define WEIR_EXPR_LIVE_BLOCK_H

#include "lib/expr/live.h"
#include "lib/expr/pattern_list.h"

/* A root: number of changes << 40 | offset in units; 0: nothing was changed. */
enum { LIVE_UNIT = 64, LIVE_OFFSET_BITS = 40 };

/* The front of the memory; roots and blocks follow. */
struct live_head {
	_Atomic uint32_t lock;
	uint8_t pad[60];
};

enum live_below {
	LIVE_BELOW_CONFIG, /* the lists of the configuration */
	LIVE_BELOW_NOTHING,
	LIVE_BELOW_BLOCK,
};

/* A sealed list. */
struct live_image {
	uint64_t n, used, ranges_n, classes_n, mask;
	uint64_t patterns_off, bytes_off, ranges_off, classes_off, table_off;
	uint32_t is_few, has_twins, has_table, reserved;
};

struct live_block {
	uint64_t bytes; /* with everything in it */
	uint64_t below_off;
	uint32_t below; /* enum live_below */
	uint32_t version, next_order, lists_n;
	uint32_t dead_n, reserved;
	uint64_t dead_off; /* ascending orders */
			   /* then a struct live_image for each list */
};

/* Private to the process, in the arena of the environment. */
enum { LIVE_REGEXES = 1024 };
struct expr_live_memory {
	unsigned char *base;
	uint64_t bytes, heap_off;
	struct expr_regex_place regexes[LIVE_REGEXES]; /* by hash */
};

/* A block's own copy of its head, checked; false: there is none (it is being written
 * anew, or damaged). */
struct live_blocks {
	struct live_block top, below; /* without their images */
	uint64_t top_off, below_off;
};
bool live_blocks_read(const struct expr_source *source, uint64_t root,
		      struct live_blocks *out);
/* The list of a block, as one to look into; false: as above. */
bool live_view(const struct expr_patterns *p, uint64_t block_off, uint32_t lists_n,
	       struct expr_patterns *out);
/* Both parts of a list: what was added, and what is left of what lies below. */
enum { LIVE_LAYERS = 2 };
struct live_layers {
	struct expr_patterns at[LIVE_LAYERS];
	uint32_t n;
};
bool live_layers(const struct expr_patterns *p, const struct live_blocks *b,
		 struct live_layers *out);

static inline uint64_t
live_root_off(uint64_t root)
{
	return (root & ((1ULL << LIVE_OFFSET_BITS) - 1)) * LIVE_UNIT;
}

static inline struct expr_live_memory *
live_memory(const struct expr_source *source)
{
	return source->lists->env->live;
}

#endif
