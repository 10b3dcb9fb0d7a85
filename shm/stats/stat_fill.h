/* SPDX-License-Identifier: MIT
 *
 * Between the two halves of the snapshot: stat.c picks and sorts the rows, stat_fill.c
 * fills them. Not for others.
 */
#ifndef WEIR_SHM_STATS_STAT_FILL_H
#define WEIR_SHM_STATS_STAT_FILL_H

#include "shm/stats/stat.h"

/* A field that is a counter, for one type of row. */
struct stat_cell {
	enum shm_stat_field field;
	unsigned counter;
	bool needs_http, needs_check; /* else it is always filled */
};

/* What a snapshot needs to know while it is made. */
struct stat_taking {
	const struct shm *s;
	uint64_t boot_s;
	bool is_running;
	struct stat_cell cells[SHM_KINDS_N][SHM_STAT_FIELDS_N];
	size_t cells_n[SHM_KINDS_N];
};

/* Finds the counters by name in the region's own table. */
void stat_find_counters(struct stat_taking *k);
/* Rows are sorted: a backend comes right behind its servers. */
void stat_fill_rows(const struct stat_taking *k, struct shm_stat *st);

static inline bool
stat_has_parent(const struct shm_stat_row *r)
{
	return r->type == SHM_STAT_SERVER || r->type == SHM_STAT_LISTENER;
}

static inline const char *
stat_proxy_of(const struct shm_stat_row *r)
{
	return stat_has_parent(r) ? r->facts.parent : r->facts.name;
}

static inline uint32_t
stat_iid_of(const struct shm_stat_row *r)
{
	return stat_has_parent(r) ? r->facts.parent_id : r->facts.id;
}

static inline uint32_t
stat_sid_of(const struct shm_stat_row *r)
{
	return stat_has_parent(r) ? r->facts.id : 0;
}

#endif
