/* SPDX-License-Identifier: MIT
 *
 * Small values that all processes of a generation share, numbered from 0: variables of
 * the scope proc. They are in a mapping of their own, not in the region: made by the
 * master with the generation, inherited by its children, so that a reload begins with
 * none of them. Writers take turns under a robust lock and fill the copy that nobody
 * is sent to, before they send everybody there: one that is killed leaves the old value.
 */
#ifndef WEIR_SHM_CELLS_H
#define WEIR_SHM_CELLS_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/region.h"

enum { SHM_CELL_BYTES = 240 };

struct shm_cell_value {
	uint32_t tag; /* the user's; 0: nothing is kept */
	uint32_t n;   /* bytes */
	char bytes[SHM_CELL_BYTES];
};

struct shm_cell;

/* Empty cells; NULL for n == 0. Master. */
struct shm_cell *shm_cells_new(uint32_t n);
/* The value one begins with, before anybody else knows it. Master. */
void shm_cell_begin(struct shm_cell *cells, uint32_t i,
		    const struct shm_cell_value *value);
void shm_cells_free(struct shm_cell **cells, uint32_t n);

void shm_cell_get(const struct shm_cell *cells, uint32_t i, struct shm_cell_value *out);
/* false: it is too long, or another process is at it and does not run; nothing has
 * changed. */
bool shm_cell_set(struct shm *s, struct shm_cell *cells, uint32_t i, uint32_t tag,
		  const char *bytes, size_t n);

#endif
