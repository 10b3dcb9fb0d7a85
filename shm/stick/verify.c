/* SPDX-License-Identifier: MIT
 *
 * The invariant of stick tables: an entry has as many references as the ledgers of all
 * processes say. Everybody; without locks.
 *
 * Ledgers change inside the critical section of the bucket they name: while its sequence
 * number stands still, both are what they are. All ledgers are gone through once for all
 * entries; those whose bucket was busy meanwhile are looked at again, some times.
 */
#include <stdlib.h>

#include "lib/base/must.h"
#include "shm/layout.h"
#include "shm/ledger.h"
#include "shm/stick/scan.h"

enum { ROUNDS_MAX = 16 };

struct suspect {
	uint64_t bucket;
	uint32_t way, seq;
};

/* What ledgers hold of a table: places (bucket, way), sorted. */
struct holds {
	uint64_t *places;
	size_t n, cap;
};

static uint64_t
place_of(uint64_t bucket, uint32_t way)
{
	return bucket * STICK_WAYS + way;
}

static int
by_place(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;
	return *a < *b ? -1 : *a > *b;
}

static void
collect_slot(const struct shm *s, uint32_t table, uint32_t slot, struct holds *h)
{
	uint32_t records_n = shm_ledger_records_n(s);
	for (uint32_t i = 0; i < records_n; i++) {
		struct shm_ledger_change c;
		if (!shm_ledger_read(shm_ledger_at(s, slot, i), &c) || c.table != table ||
		    c.way >= STICK_WAYS)
			continue;
		if (h->n == h->cap) {
			h->cap = h->cap ? 2 * h->cap : 64;
			h->places = must_realloc(h->places, h->cap * sizeof(*h->places));
		}
		h->places[h->n++] = place_of(c.bucket, c.way);
	}
}

static void
collect(const struct shm *s, uint32_t table, struct holds *h)
{
	struct shm_identity_data d;
	h->n = 0;
	for (uint32_t slot = 0; slot < s->at.slots_n; slot++) {
		shm_identity_read(s, slot, &d);
		if (d.epoch) /* else its ledger was given back */
			collect_slot(s, table, slot, h);
	}
	if (h->n)
		qsort(h->places, h->n, sizeof(*h->places), by_place);
}

static uint32_t
held(const struct holds *h, uint64_t place)
{
	size_t low = 0, high = h->n;
	uint32_t n = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (h->places[middle] < place)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + n < h->n && h->places[low + n] == place)
		n++;
	return n;
}

static uint32_t
refs_of(const struct shm_stick *t, const struct stick_bucket *b, uint32_t way)
{
	const struct stick_entry *e = stick_entry_at(t, b, way);
	bool is_there = atomic_load_explicit(&b->tags[way], memory_order_acquire);
	return is_there ? __atomic_load_n(&e->refs, __ATOMIC_ACQUIRE) : 0;
}

/* All entries that are referred to. */
static struct suspect *
find_suspects(const struct shm_stick *t, size_t *n)
{
	struct suspect *all = NULL;
	size_t cap = 0;
	*n = 0;
	for (uint64_t bucket = 0; bucket < t->spec.buckets_n; bucket++) {
		for (uint32_t way = 0; way < t->spec.ways; way++) {
			if (!refs_of(t, stick_bucket_at(t, bucket), way))
				continue;
			if (*n == cap) {
				cap = cap ? 2 * cap : 64;
				all = must_realloc(all, cap * sizeof(*all));
			}
			all[(*n)++] = (struct suspect){.bucket = bucket, .way = way};
		}
	}
	return all;
}

/* Clears those that are right, reports those that are not; returns how many remain.
 * Records of entries that were removed stay until their holder lets go: only what is
 * missing in the ledgers counts. */
static size_t
judge(const struct shm_stick *t, const struct holds *h, struct suspect *all, size_t n,
      void (*report)(void *arg, const struct shm_stick_odd *odd), void *arg)
{
	size_t left_n = 0;
	for (size_t i = 0; i < n; i++) {
		const struct stick_bucket *b = stick_bucket_at(t, all[i].bucket);
		struct shm_stick_odd odd = {
			.bucket = all[i].bucket,
			.way = all[i].way,
			.refs = refs_of(t, b, all[i].way),
			.held = held(h, place_of(all[i].bucket, all[i].way))};
		bool is_still =
			!(all[i].seq & 1) &&
			atomic_load_explicit(&b->seq, memory_order_acquire) == all[i].seq;
		if (is_still && odd.refs > odd.held)
			report(arg, &odd);
		else if (!is_still)
			all[left_n++] = all[i];
	}
	return left_n;
}

void
shm_stick_verify(const struct shm *s, const struct shm_object *o,
		 void (*report)(void *arg, const struct shm_stick_odd *odd), void *arg)
{
	struct holds h = {.n = 0};
	struct shm_stick t;
	size_t n;
	if (!shm_stick_open(&t, o))
		return;
	struct suspect *all = find_suspects(&t, &n);
	for (int round = 0; round < ROUNDS_MAX && n; round++) {
		for (size_t i = 0; i < n; i++)
			all[i].seq = atomic_load_explicit(
				&stick_bucket_at(&t, all[i].bucket)->seq,
				memory_order_acquire);
		collect(s, t.table, &h);
		n = judge(&t, &h, all, n, report, arg);
	}
	free(h.places);
	free(all);
	shm_stick_fini(&t);
}
