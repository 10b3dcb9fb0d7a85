/* SPDX-License-Identifier: MIT
 *
 * The invariant of stick tables: an entry has as many references as the ledgers of all
 * processes say. Everybody; without locks.
 */
#include <stdlib.h>

#include "lib/base/must.h"
#include "shm/layout.h"
#include "shm/ledger.h"
#include "shm/seq.h"
#include "shm/stick_scan.h"

/* Those of all ledgers that name the bucket, by way. */
static void
count_held(const struct shm *s, uint32_t table, uint64_t bucket,
	   uint32_t held[STICK_WAYS])
{
	uint32_t records_n = shm_ledger_records_n(s);
	memset(held, 0, STICK_WAYS * sizeof(*held));
	for (uint32_t slot = 0; slot < s->at.slots_n; slot++) {
		struct shm_ledger_change c;
		for (uint32_t i = 0; i < records_n; i++)
			if (shm_ledger_read(shm_ledger_at(s, slot, i), &c) &&
			    c.table == table && c.bucket == bucket && c.way < STICK_WAYS)
				held[c.way]++;
	}
}

static uint32_t
refs_of(const struct shm_stick *t, const struct stick_bucket *b, uint32_t way)
{
	const struct stick_entry *e = stick_entry_at(t, b, way);
	bool is_there = atomic_load_explicit(&b->tags[way], memory_order_acquire);
	return is_there ? __atomic_load_n(&e->refs, __ATOMIC_ACQUIRE) : 0;
}

/* Ledgers change inside the critical section of the bucket they name: while its sequence
 * number stands still, both are what they are. Records of entries that were removed stay
 * until their holder lets go: only what is missing in the ledgers counts then. */
static bool
is_odd(const struct shm *s, const struct shm_stick *t, struct shm_stick_odd *at)
{
	const struct stick_bucket *b = stick_bucket_at(t, at->bucket);
	uint32_t held[STICK_WAYS];
	for (int i = 0; i < SHM_SEQ_TRIES; i++) {
		uint32_t before = atomic_load_explicit(&b->seq, memory_order_acquire);
		count_held(s, t->table, at->bucket, held);
		at->held = held[at->way];
		at->refs = refs_of(t, b, at->way);
		if (!(before & 1) &&
		    atomic_load_explicit(&b->seq, memory_order_acquire) == before)
			return at->refs > at->held;
	}
	return false;
}

bool
shm_stick_verify(const struct shm *s, const struct shm_object *o,
		 struct shm_stick_odd *at)
{
	struct shm_stick t;
	bool is_found = false;
	if (!shm_stick_open(&t, o))
		return false;
	while (!is_found && at->at < t.spec.buckets_n * t.spec.ways) {
		at->bucket = at->at / t.spec.ways;
		at->way = (uint32_t)(at->at++ % t.spec.ways);
		is_found = refs_of(&t, stick_bucket_at(&t, at->bucket), at->way) > 0 &&
			   is_odd(s, &t, at);
	}
	shm_stick_fini(&t);
	return is_found;
}
