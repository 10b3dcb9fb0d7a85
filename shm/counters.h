/* SPDX-License-Identifier: MIT
 *
 * Counters: one cell per object and lane. A process adds to the cells of its lane
 * (relaxed atomic: generations that overlap share a lane), readers sum the lanes.
 * Count before the act that others can see.
 */
#ifndef WEIR_SHM_COUNTERS_H
#define WEIR_SHM_COUNTERS_H

#include <stdio.h>

#include "shm/object.h"

/* SHM_FRONTEND_stot, SHM_SERVER_bin ...: position within the object's cells. */
#include "shm/counters_enum.h"

/* The cells of this process's lane; valid after shm_child_enter(). */
extern _Atomic uint64_t *shm_lane;

static inline void
shm_count(const struct shm_object *o, unsigned counter, uint64_t n)
{
	atomic_fetch_add_explicit(&shm_lane[o->cells + counter], n, memory_order_relaxed);
}

/* The sum over all lanes. */
uint64_t shm_total(const struct shm *s, const struct shm_object *o, unsigned counter);

struct shm_counter_desc {
	char name[32], unit[8], help[88];
};
/* Descriptions as they stand in the region (made by the daemon's build). */
uint32_t shm_counters_n(const struct shm *s, enum shm_kind kind);
bool shm_counter_desc(const struct shm *s, enum shm_kind kind, uint32_t i,
		      struct shm_counter_desc *out);
/* Position of a counter of that name in the region's own table, -1: unknown there. */
int shm_counter_index(const struct shm *s, enum shm_kind kind, const char *name);
/* Writes docs/counters.md. */
void shm_counters_markdown(FILE *out);

#endif
