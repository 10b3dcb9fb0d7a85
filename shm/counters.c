/* SPDX-License-Identifier: MIT
 *
 * Counters: their descriptions in the region, sums over lanes, docs/counters.md. Any
 * process; the descriptions are written by the master when it makes or adopts a region.
 */
#include "shm/counters.h"

#include <stdio.h>
#include <string.h>

#include "shm/layout.h"

_Atomic uint64_t *shm_lane;

static const struct {
	enum shm_kind kind;
	struct shm_counter_desc desc;
} rows[] = {
#define COUNTER(kind, name, unit, help) {SHM_##kind, {#name, unit, help}},
#include "shm/counters.def"
#undef COUNTER
};
enum { ROWS_N = sizeof(rows) / sizeof(rows[0]) };

/* clang-format off */
#define COUNTER(kind, name, unit, help)                                                  \
	_Static_assert(sizeof(#name) <= 32 && sizeof(unit) <= 8 && sizeof(help) <= 88,   \
		       "counter " #kind "." #name ": a text is too long");
#include "shm/counters.def"
#undef COUNTER
/* clang-format on */

_Static_assert(sizeof(struct shm_counter_desc) == 128, "layout of a description");
_Static_assert((int)SHM_GLOBAL_COUNTERS_N <= (int)SHM_CELLS, "cells of the daemon");
_Static_assert((int)SHM_FRONTEND_COUNTERS_N <= (int)SHM_CELLS, "cells of a frontend");
_Static_assert((int)SHM_LISTENER_COUNTERS_N <= (int)SHM_CELLS, "cells of a listener");
_Static_assert((int)SHM_BACKEND_COUNTERS_N <= (int)SHM_CELLS, "cells of a backend");
_Static_assert((int)SHM_SERVER_COUNTERS_N <= (int)SHM_CELLS, "cells of a server");
_Static_assert((int)SHM_TABLE_COUNTERS_N <= (int)SHM_CELLS, "cells of a table");

static const char *const kind_names[] = {"global",  "frontend", "listener",
					 "backend", "server",	"table"};
_Static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == SHM_KINDS_N, "a name each");

uint64_t
shm_total(const struct shm *s, const struct shm_object *o, unsigned counter)
{
	if (o->index >= s->at.objects_max || counter >= s->at.cells_n)
		return 0;
	uint32_t workers_n =
		atomic_load_explicit(&shm_header(s)->workers_n, memory_order_acquire);
	uint64_t cell = (uint64_t)o->index * s->at.cells_n + counter, sum = 0;
	for (uint32_t lane = 0; lane < s->at.lanes_n; lane++) {
		/* a lane nobody used yet is a hole: reading would allocate it */
		if (lane >= workers_n && lane < s->at.workers_max)
			lane = s->at.workers_max;
		sum += atomic_load_explicit(&shm_cells(s, lane)[cell],
					    memory_order_relaxed);
	}
	return sum;
}

uint32_t
shm_counters_n(const struct shm *s, enum shm_kind kind)
{
	if ((unsigned)kind >= SHM_KINDS_N)
		return 0;
	uint32_t n = atomic_load_explicit(&shm_header(s)->counters_n[kind],
					  memory_order_acquire);
	return n < s->at.cells_n ? n : s->at.cells_n;
}

bool
shm_counter_desc(const struct shm *s, enum shm_kind kind, uint32_t i,
		 struct shm_counter_desc *out)
{
	if (i >= shm_counters_n(s, kind))
		return false;
	memcpy(out, shm_desc(s, kind, i), sizeof(*out));
	out->name[sizeof(out->name) - 1] = '\0';
	out->unit[sizeof(out->unit) - 1] = '\0';
	out->help[sizeof(out->help) - 1] = '\0';
	return true;
}

int
shm_counter_index(const struct shm *s, enum shm_kind kind, const char *name)
{
	struct shm_counter_desc d;
	for (uint32_t i = 0; shm_counter_desc(s, kind, i, &d); i++)
		if (strcmp(d.name, name) == 0)
			return (int)i;
	return -1;
}

/* Another process may be reading: texts first, then their number. A region made by a
 * newer build keeps what we do not know. */
void
shm_counters_describe(struct shm *s)
{
	uint32_t n[SHM_KINDS_N] = {0};
	for (unsigned i = 0; i < ROWS_N; i++)
		*shm_desc(s, rows[i].kind, n[rows[i].kind]++) = rows[i].desc;
	for (unsigned kind = 0; kind < SHM_KINDS_N; kind++)
		if (n[kind] > shm_counters_n(s, (enum shm_kind)kind))
			atomic_store_explicit(&shm_header(s)->counters_n[kind], n[kind],
					      memory_order_release);
}

bool
shm_counters_agree(const struct shm *s, char err[SHM_ERROR_BYTES])
{
	uint32_t n[SHM_KINDS_N] = {0};
	for (unsigned i = 0; i < ROWS_N; i++) {
		enum shm_kind kind = rows[i].kind;
		struct shm_counter_desc d;
		uint32_t at = n[kind]++;
		if (at >= s->at.cells_n) {
			shm_fail(err, "has no room for the counter %s.%s",
				 kind_names[kind], rows[i].desc.name);
			return false;
		}
		if (!shm_counter_desc(s, kind, at, &d) ||
		    strcmp(d.name, rows[i].desc.name) == 0)
			continue;
		shm_fail(err, "has other counters than this build (%s %u is %s, not %s)",
			 kind_names[kind], at, d.name, rows[i].desc.name);
		return false;
	}
	return true;
}

void
shm_counters_markdown(FILE *out)
{
	static const char *const of[] = {
		"the daemon",	"each frontend", "each listener (bind)",
		"each backend", "each server",	 "each stick table",
	};
	fputs("# Counters\n\n"
	      "Generated from `shm/counters.def` by `./dev docs`; do not edit.\n\n"
	      "All are totals since the region was made: they survive the death of a "
	      "worker, reloads and\nrestarts, and never decrease. `weirctl counters "
	      "[glob]` shows them.\n",
	      out);
	for (unsigned kind = 0; kind < SHM_KINDS_N; kind++) {
		fprintf(out,
			"\n## Of %s (`%s`)\n\n| name | unit | meaning |\n|---|---|---|\n",
			of[kind], kind_names[kind]);
		for (unsigned i = 0; i < ROWS_N; i++)
			if ((unsigned)rows[i].kind == kind)
				fprintf(out, "| `%s` | %s | %s |\n", rows[i].desc.name,
					rows[i].desc.unit, rows[i].desc.help);
	}
}
