/* SPDX-License-Identifier: MIT
 *
 * What a reload would change: the objects of a configuration against those of the region.
 */
#ifndef WEIR_MASTER_DIFF_H
#define WEIR_MASTER_DIFF_H

#include "shm/region.h"
#include "shm/stats/text.h"

/* Appends one line, or one JSON object in an array, per object that would be added,
 * removed, changed or begun anew. Returns their number. */
size_t diff_text(const struct shm *s, const struct shm_geometry *g, bool is_json,
		 struct shm_text *out);

#endif
