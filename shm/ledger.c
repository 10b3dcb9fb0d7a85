/* SPDX-License-Identifier: MIT
 *
 * Ledgers of references into stick tables: one array per process slot. Workers write
 * their own; the master reads that of a dead process and gives everything back.
 */
#include "shm/ledger.h"

#include <stdlib.h>

#include "shm/layout.h"

static uint64_t
what_of(const struct shm_ledger_change *c)
{
	return c->is_held ? (uint64_t)(c->table + 1) << 32 | c->birth : 0;
}

static uint64_t
where_of(const struct shm_ledger_change *c)
{
	return c->is_held ? c->bucket << 8 | c->way : 0;
}

struct shm_ledger_record *
shm_ledger_at(const struct shm *s, uint32_t slot, uint32_t record)
{
	must(slot < s->at.slots_n &&
	     record < s->at.ledger_bytes / sizeof(struct shm_ledger_record));
	unsigned char *ledger = s->base + s->at.ledgers_off + slot * s->at.ledger_bytes;
	return (struct shm_ledger_record *)(void *)ledger + record;
}

bool
shm_ledger_read(const struct shm_ledger_record *r, struct shm_ledger_change *out)
{
	uint64_t what = atomic_load_explicit(&r->what, memory_order_acquire);
	uint64_t where = atomic_load_explicit(&r->where, memory_order_acquire);
	if (!what)
		return false;
	*out = (struct shm_ledger_change){
		.is_held = true,
		.table = (uint32_t)(what >> 32) - 1,
		.birth = (uint32_t)what,
		.bucket = where >> 8,
		.way = (uint32_t)(where & 0xff),
	};
	return true;
}

/* --- where a change is under way ------------------------------------------------------
 */

void
shm_ledger_note(struct shm *s, uint32_t table, uint64_t bucket)
{
	atomic_store_explicit(&shm_slot(s, s->slot)->bucket,
			      (uint64_t)(table + 1) << 32 | bucket, memory_order_release);
}

bool
shm_ledger_noted(const struct shm *s, uint32_t slot, uint32_t *table, uint64_t *bucket)
{
	uint64_t at =
		atomic_load_explicit(&shm_slot(s, slot)->bucket, memory_order_acquire);
	*table = (uint32_t)(at >> 32) - 1;
	*bucket = (uint32_t)at;
	return at >> 32 != 0;
}

void
shm_ledger_forget(struct shm *s, uint32_t slot)
{
	atomic_store_explicit(&shm_slot(s, slot)->bucket, 0, memory_order_release);
}

/* --- which are free: private -----------------------------------------------------------
 */

uint32_t
shm_ledger_records_n(const struct shm *s)
{
	uint32_t n = atomic_load_explicit(&shm_header(s)->ledger_n, memory_order_relaxed);
	uint32_t most = (uint32_t)(s->at.ledger_bytes / sizeof(struct shm_ledger_record));
	return n < most ? n : most;
}

int64_t
shm_ledger_take(struct shm *s)
{
	if (s->ledger_free_n > 0)
		return s->ledger_free[--s->ledger_free_n];
	return s->ledger_used_n < shm_ledger_records_n(s) ? (int64_t)s->ledger_used_n++
							  : -1;
}

void
shm_ledger_give(struct shm *s, uint32_t record)
{
	uint32_t records_n =
		(uint32_t)(s->at.ledger_bytes / sizeof(struct shm_ledger_record));
	if (!s->ledger_free) /* address space; a page is used when it is needed */
		s->ledger_free = must_calloc(records_n, sizeof(*s->ledger_free));
	s->ledger_free[s->ledger_free_n++] = record;
}

/* --- records
 * ---------------------------------------------------------------------------- */

static void
put(struct shm_ledger_record *r, uint64_t what, uint64_t where)
{
	/* Never a record that names another place than it had or gets: `what` is 0 in
	 * between. */
	atomic_store_explicit(&r->what, 0, memory_order_release);
	atomic_store_explicit(&r->where, where, memory_order_release);
	SHM_FAULT(ledger_where);
	atomic_store_explicit(&r->what, what, memory_order_release);
}

void
shm_ledger_save(const struct shm *s, const struct shm_ledger_change *c,
		_Atomic uint64_t held[2])
{
	const struct shm_ledger_record *r = shm_ledger_at(s, c->slot, c->record);
	atomic_store_explicit(&held[0], atomic_load(&r->what), memory_order_release);
	atomic_store_explicit(&held[1], atomic_load(&r->where), memory_order_release);
}

void
shm_ledger_apply(struct shm *s, const struct shm_ledger_change *c)
{
	put(shm_ledger_at(s, c->slot, c->record), what_of(c), where_of(c));
}

void
shm_ledger_restore(struct shm *s, uint32_t slot, uint32_t record,
		   const _Atomic uint64_t held[2])
{
	if (slot >= s->at.slots_n ||
	    record >= s->at.ledger_bytes / sizeof(struct shm_ledger_record))
		return; /* damage */
	put(shm_ledger_at(s, slot, record), atomic_load(&held[0]), atomic_load(&held[1]));
}

void
shm_ledger_clear(struct shm *s, uint32_t slot, uint32_t record)
{
	put(shm_ledger_at(s, slot, record), 0, 0);
}
