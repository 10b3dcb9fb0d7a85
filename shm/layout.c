/* SPDX-License-Identifier: MIT
 *
 * Where things lie in the region: planned once from the geometry by the master, and
 * checked by everybody who meets a region that is already there.
 */
#include "shm/layout.h"

#include <stdio.h>

#include "lib/base/hash.h"

enum {
	OBJECTS_MIN = 16384, /* room for objects, at least; address space only */
	WORKERS_MIN = 64,
	SLOTS_MIN = 128,
	LEDGER_MIN = 65536,
};
#define AREAS_MIN (1ULL << 31)

static uint64_t
round_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) / to * to;
}

/* Room to grow at a reload: twice the objects, nbproc up to 64 or twice what it is. */
static bool
plan_limits(const struct shm_geometry *g, struct shm_layout *at,
	    char err[SHM_ERROR_BYTES])
{
	uint64_t objects = OBJECTS_MIN;
	while (objects < (uint64_t)g->objects_n * 2)
		objects *= 2;
	uint64_t workers = g->workers_n * 2ULL;
	if (workers < WORKERS_MIN)
		workers = WORKERS_MIN;
	uint64_t slots = round_up(g->workers_n * (g->generations_max + 1ULL) + 8, 64);
	if (slots < SLOTS_MIN)
		slots = SLOTS_MIN;
	if (objects > SHM_OBJECTS_LIMIT) {
		shm_fail(err,
			 "global.shm: %zu proxies, binds and servers are more than the "
			 "%d a region can hold",
			 g->objects_n, SHM_OBJECTS_LIMIT / 2);
		return false;
	}
	if (workers + SHM_LANES_EXTRA > SHM_LANES_LIMIT || slots > SHM_SLOTS_LIMIT) {
		shm_fail(err,
			 "global.nbproc: %u workers with drain.max_generations %u need "
			 "%llu process slots, a region has at most %d",
			 g->workers_n, g->generations_max, (unsigned long long)slots,
			 SHM_SLOTS_LIMIT);
		return false;
	}
	at->objects_max = (uint32_t)objects;
	at->workers_max = (uint32_t)workers;
	at->lanes_n = at->workers_max + SHM_LANES_EXTRA;
	at->slots_n = (uint32_t)slots;
	return true;
}

/* Twice what is needed now, for reloads; address space only. */
static uint64_t
plan_ledger(const struct shm_geometry *g)
{
	uint64_t records = LEDGER_MIN;
	while (records < g->ledger_n * 2ULL && records < SHM_LEDGER_LIMIT)
		records *= 2;
	return records * sizeof(struct shm_ledger_record);
}

static uint64_t
areas_of(const struct shm_geometry *g)
{
	uint64_t sum = 0;
	for (size_t i = 0; g->objects && i < g->objects_n; i++)
		sum += round_up(g->objects[i].area_bytes, SHM_PAGE);
	return sum;
}

static uint64_t
plan_areas(const struct shm_geometry *g)
{
	uint64_t sum = areas_of(g), areas = AREAS_MIN;
	while (areas < sum * 2)
		areas *= 2;
	return areas;
}

bool
shm_layout_plan(const struct shm_geometry *g, struct shm_layout *out,
		char err[SHM_ERROR_BYTES])
{
	struct shm_layout at = {
		.identity_bytes = sizeof(struct shm_identity),
		.entry_bytes = sizeof(struct shm_entry),
		.slot_bytes = sizeof(struct shm_slot),
		.gauge_off = sizeof(struct shm_record),
		.cells_n = SHM_CELLS,
	};
	if (!plan_limits(g, &at, err))
		return false;
	at.record_bytes = (uint32_t)round_up(
		at.gauge_off + sizeof(struct shm_gauge) + at.slots_n * 4ULL, SHM_LINE);
	at.lane_bytes = round_up((uint64_t)at.objects_max * at.cells_n * 8, SHM_PAGE);
	at.ledger_bytes = plan_ledger(g);
	at.areas_bytes = plan_areas(g);

	uint64_t off = SHM_PAGE; /* the header */
	const struct {
		uint64_t *off, bytes;
	} parts[] = {
		{&at.leases_off, sizeof(struct shm_leases)},
		{&at.identities_off, (uint64_t)at.slots_n * at.identity_bytes},
		{&at.descs_off,
		 (uint64_t)SHM_KINDS_N * at.cells_n * sizeof(struct shm_counter_desc)},
		{&at.reload_off, sizeof(struct shm_reload)},
		{&at.entries_off, (uint64_t)at.objects_max * at.entry_bytes},
		{&at.slots_off, (uint64_t)at.slots_n * at.slot_bytes},
		{&at.records_off, (uint64_t)at.objects_max * at.record_bytes},
		{&at.lanes_off, (uint64_t)at.lanes_n * at.lane_bytes},
		{&at.ledgers_off, (uint64_t)at.slots_n * at.ledger_bytes},
		{&at.areas_off, at.areas_bytes},
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		*parts[i].off = off;
		off = round_up(off + parts[i].bytes, SHM_PAGE);
	}
	at.trusted_bytes = at.slots_off;
	at.size_bytes = off;
	*out = at;
	return true;
}

int
shm_layout_each(const struct shm_layout *at, const struct shm_extent *use,
		int (*fn)(void *arg, uint64_t off, uint64_t bytes), void *arg)
{
	int rc = fn(arg, 0, at->entries_off + use->objects_n * at->entry_bytes);
	if (rc == 0)
		rc = fn(arg, at->slots_off, (uint64_t)at->slots_n * at->slot_bytes);
	if (rc == 0)
		rc = fn(arg, at->records_off, use->objects_n * at->record_bytes);
	for (uint32_t lane = 0; rc == 0 && lane < at->lanes_n; lane++) {
		if (lane >= use->workers_n && lane < at->workers_max)
			continue;
		rc = fn(arg, at->lanes_off + lane * at->lane_bytes,
			use->objects_n * at->cells_n * 8);
	}
	uint64_t ledger = use->ledger_n * sizeof(struct shm_ledger_record);
	for (uint32_t slot = 0; rc == 0 && ledger && slot < at->slots_n; slot++)
		rc = fn(arg, at->ledgers_off + slot * at->ledger_bytes, ledger);
	return rc;
}

static int
add_pages(void *arg, uint64_t off, uint64_t bytes)
{
	(void)off;
	*(uint64_t *)arg += round_up(bytes, SHM_PAGE);
	return 0;
}

uint64_t
shm_layout_used(const struct shm_layout *at, const struct shm_extent *use)
{
	uint64_t sum = 0;
	shm_layout_each(at, use, add_pages, &sum);
	return sum;
}

uint64_t
shm_bytes_needed(const struct shm_geometry *g)
{
	struct shm_layout at;
	char err[SHM_ERROR_BYTES];
	if (!shm_layout_plan(g, &at, err))
		return UINT64_MAX;
	struct shm_extent use = {g->objects_n, g->workers_n, g->ledger_n};
	return shm_layout_used(&at, &use) + areas_of(g);
}

uint64_t
shm_header_checksum(const struct shm_header *h)
{
	return hash_bytes(h, offsetof(struct shm_header, checksum), SHM_MAGIC);
}

/* Whether n things of `stride` bytes from *at on end before `end`; moves *at. The
 * limits checked before keep n * stride far from overflow. */
static bool
fits(uint64_t off, uint64_t n, uint64_t stride, uint64_t *at, uint64_t end)
{
	if (off % SHM_PAGE || off < *at || off > end || n * stride > end - off)
		return false;
	*at = off + n * stride;
	return true;
}

static bool
stride_ok(uint32_t stride, uint64_t least)
{
	return stride % SHM_LINE == 0 && stride >= least && stride <= 1 << 20;
}

static bool
layout_ok(const struct shm_layout *l, uint64_t file_bytes)
{
	if (l->lanes_n > SHM_LANES_LIMIT || l->slots_n > SHM_SLOTS_LIMIT ||
	    l->objects_max > SHM_OBJECTS_LIMIT || l->objects_max == 0 || l->slots_n == 0)
		return false;
	if (l->lanes_n < SHM_LANES_EXTRA ||
	    l->workers_max != l->lanes_n - SHM_LANES_EXTRA)
		return false;
	if (l->cells_n == 0 || l->cells_n > 1024 || l->lane_bytes % SHM_PAGE ||
	    l->lane_bytes < (uint64_t)l->objects_max * l->cells_n * 8 ||
	    l->lane_bytes > 1ULL << 40)
		return false;
	if (l->gauge_off % SHM_LINE || l->gauge_off < sizeof(struct shm_record) ||
	    l->gauge_off > 1 << 20)
		return false;
	if (!stride_ok(l->identity_bytes, sizeof(struct shm_identity)) ||
	    !stride_ok(l->entry_bytes, sizeof(struct shm_entry)) ||
	    !stride_ok(l->slot_bytes, sizeof(struct shm_slot)) ||
	    !stride_ok(l->record_bytes,
		       l->gauge_off + sizeof(struct shm_gauge) + l->slots_n * 4ULL))
		return false;
	if (l->ledger_bytes % SHM_PAGE ||
	    l->ledger_bytes / sizeof(struct shm_ledger_record) > SHM_LEDGER_LIMIT ||
	    l->areas_bytes % SHM_PAGE || l->areas_bytes > 1ULL << 46)
		return false;
	uint64_t at = SHM_PAGE, end = l->trusted_bytes;
	if (l->size_bytes > file_bytes || end > l->size_bytes || end % SHM_PAGE)
		return false;
	if (!fits(l->leases_off, 1, sizeof(struct shm_leases), &at, end) ||
	    !fits(l->identities_off, l->slots_n, l->identity_bytes, &at, end) ||
	    !fits(l->descs_off, (uint64_t)SHM_KINDS_N * l->cells_n,
		  sizeof(struct shm_counter_desc), &at, end) ||
	    !fits(l->reload_off, 1, sizeof(struct shm_reload), &at, end) ||
	    !fits(l->entries_off, l->objects_max, l->entry_bytes, &at, end))
		return false;
	at = end;
	end = l->size_bytes;
	return fits(l->slots_off, l->slots_n, l->slot_bytes, &at, end) &&
	       fits(l->records_off, l->objects_max, l->record_bytes, &at, end) &&
	       fits(l->lanes_off, l->lanes_n, l->lane_bytes, &at, end) &&
	       fits(l->ledgers_off, l->slots_n, l->ledger_bytes, &at, end) &&
	       fits(l->areas_off, 1, l->areas_bytes, &at, end);
}

bool
shm_header_check(const struct shm_header *h, uint64_t file_bytes,
		 char err[SHM_ERROR_BYTES])
{
	if (h->magic != SHM_MAGIC) {
		shm_fail(err, "is not a region of weir");
		return false;
	}
	if (h->major != SHM_MAJOR) {
		shm_fail(err,
			 "was made by another weir: its layout is %u, this one knows %d",
			 h->major, SHM_MAJOR);
		return false;
	}
	if (h->header_bytes < SHM_HEADER_BYTES_MIN || h->header_bytes > SHM_PAGE ||
	    h->checksum != shm_header_checksum(h) || !layout_ok(&h->layout, file_bytes)) {
		shm_fail(err, "is damaged (header)");
		return false;
	}
	return true;
}
