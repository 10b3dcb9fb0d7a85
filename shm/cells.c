/* SPDX-License-Identifier: MIT
 *
 * Cells (cells.h): a lock, the number of changes so far, whose lowest bit says which of
 * two copies is read, and these copies. Any process.
 */
#include "shm/cells.h"

#include <string.h>
#include <sys/mman.h>

#include "shm/layout.h"
#include "shm/seq.h"

struct shm_cell {
	_Atomic uint32_t lock;
	_Atomic uint32_t changes;
	struct shm_cell_value copies[2];
	uint8_t pad[8];
};
_Static_assert(sizeof(struct shm_cell) % SHM_LINE == 0, "cells share no line");

struct shm_cell *
shm_cells_new(uint32_t n)
{
	if (n == 0)
		return NULL;
	struct shm_cell *cells = mmap(NULL, n * sizeof(*cells), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(cells != MAP_FAILED);
	return cells;
}

void
shm_cell_begin(struct shm_cell *cells, uint32_t i, const struct shm_cell_value *value)
{
	struct shm_cell *cell = &cells[i];
	uint32_t changes = atomic_load_explicit(&cell->changes, memory_order_relaxed);
	shm_words_put(&cell->copies[changes & 1], value, sizeof(*value));
}

void
shm_cells_free(struct shm_cell **cells, uint32_t n)
{
	if (*cells)
		(void)munmap(*cells, n * sizeof(**cells));
	*cells = NULL;
}

/* The copy that is read is written after the next change at the earliest. */
void
shm_cell_get(const struct shm_cell *cells, uint32_t i, struct shm_cell_value *out)
{
	const struct shm_cell *cell = &cells[i];
	uint32_t changes,
		after = atomic_load_explicit(&cell->changes, memory_order_acquire);
	do {
		changes = after;
		shm_words_get(out, &cell->copies[changes & 1], sizeof(*out));
		after = atomic_load_explicit(&cell->changes, memory_order_acquire);
	} while (after != changes);
	if (out->n > SHM_CELL_BYTES)
		out->n = SHM_CELL_BYTES;
}

bool
shm_cell_set(struct shm *s, struct shm_cell *cells, uint32_t i, uint32_t tag,
	     const char *bytes, size_t n)
{
	struct shm_cell *cell = &cells[i];
	struct shm_cell_value value = {.tag = tag, .n = (uint32_t)n};
	if (n > SHM_CELL_BYTES)
		return false;
	if (n)
		memcpy(value.bytes, bytes, n);
	if (shm_lock_take(&s->lock, &cell->lock) == SHM_LOCK_BUSY)
		return false;
	uint32_t next = atomic_load_explicit(&cell->changes, memory_order_relaxed) + 1;
	shm_words_put(&cell->copies[next & 1], &value, sizeof(value));
	atomic_store_explicit(&cell->changes, next, memory_order_release);
	shm_lock_give(&s->lock, &cell->lock);
	return true;
}
