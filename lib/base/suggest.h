/* SPDX-License-Identifier: MIT
 *
 * "Did you mean": the nearest of some names by edit distance (insert, delete, replace,
 * swap of neighbours, one each), without regard to case or to '-' for '_'.
 */
#ifndef WEIR_BASE_SUGGEST_H
#define WEIR_BASE_SUGGEST_H

#include <stddef.h>

#include "lib/base/span.h"

/* Longer names are never suggested for. */
enum { SUGGEST_BYTES = 64 };

struct suggest {
	struct span wrong;
	const char *best; /* NULL: nothing is near */
	size_t distance;
};

/* Edits between a and b; more than `limit` gives limit + 1. */
size_t suggest_distance(struct span a, struct span b, size_t limit);
/* A search: begin with what was written, offer each candidate (borrowed, must stay),
 * read `best`. The first of equals wins. */
struct suggest suggest_begin(struct span wrong);
void suggest_offer(struct suggest *s, const char *candidate);

#endif
