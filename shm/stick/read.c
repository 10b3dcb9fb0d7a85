/* SPDX-License-Identifier: MIT
 *
 * Reading stick tables without locks: everybody, also weirctl over a region nobody
 * vouches for. An entry is copied and believed when the bucket's sequence number was even
 * and the same before and after.
 */
#include "shm/seq.h"
#include "shm/stick/scan.h"

void
stick_values(const struct shm_stick *t, unsigned char *entry, uint64_t now_ms,
	     uint64_t *values)
{
	const uint64_t *cells = stick_cells(t, entry);
	for (uint32_t i = 0; i < t->spec.values_n; i++) {
		const uint64_t *c = cells + t->cell_of[i];
		values[i] = t->period_of[i]
				    ? shm_rate_read((struct shm_rate){c[0], c[1], c[2]},
						    t->period_of[i], now_ms)
				    : *c;
	}
}

/* Copies way `way` into the scratch; false: it never held still. *tag: its tag then. */
static bool
copy_way(const struct shm_stick *t, const struct stick_bucket *b, uint32_t way,
	 uint8_t *tag)
{
	for (int i = 0; i < SHM_SEQ_TRIES; i++) {
		uint32_t before = atomic_load_explicit(&b->seq, memory_order_acquire);
		*tag = atomic_load_explicit(&b->tags[way], memory_order_acquire);
		if (*tag)
			stick_get(t->scratch, stick_way(t, b, way), t->spec.entry_bytes);
		if (!(before & 1) &&
		    atomic_load_explicit(&b->seq, memory_order_relaxed) == before)
			return true;
	}
	return false;
}

/* The scratch as a view; false: it has expired. */
static bool
fill_view(const struct shm_stick *t, uint64_t now_ms, struct shm_stick_view *out)
{
	const struct stick_entry *e = (const struct stick_entry *)(void *)t->scratch;
	now_ms = stick_time(now_ms);
	if (stick_is_expired(t, e, now_ms))
		return false;
	uint64_t age_ms = now_ms > e->used_ms ? now_ms - e->used_ms : 0;
	out->refs = e->refs;
	out->expires_in_ms = t->spec.expire_ms > age_ms ? t->spec.expire_ms - age_ms : 0;
	memcpy(out->key, e->key, t->spec.key_bytes);
	stick_values(t, t->scratch, now_ms, out->values);
	return true;
}

/* Copies the entry of the key into the scratch; OK, NONE or BUSY. */
static enum shm_stick_result
find_copy(const struct shm_stick *t, const struct stick_bucket *b, uint64_t hash,
	  const void *key)
{
	const struct stick_entry *e = (const struct stick_entry *)(void *)t->scratch;
	uint8_t tag = stick_tag_of(hash), seen;
	for (uint64_t found = stick_match(b, tag); found;) {
		uint32_t way = stick_next(&found, stick_home_of(t, hash));
		if (way >= t->spec.ways)
			break;
		if (!copy_way(t, b, way, &seen))
			return SHM_STICK_BUSY;
		if (seen == tag && stick_is_key(t, e, key))
			return SHM_STICK_OK;
	}
	return SHM_STICK_NONE;
}

enum shm_stick_result
shm_stick_read(const struct shm_stick *t, const void *key, uint64_t now_ms,
	       struct shm_stick_view *out)
{
	uint64_t hash = stick_hash(t, key);
	const struct stick_bucket *b = stick_bucket_at(t, stick_bucket_of(t, hash));
	stick_fetch(t, b, hash);
	for (int i = 0; i < SHM_SEQ_TRIES; i++) {
		uint32_t before = atomic_load_explicit(&b->seq, memory_order_acquire);
		switch (find_copy(t, b, hash, key)) {
		case SHM_STICK_OK:
			return fill_view(t, now_ms, out) ? SHM_STICK_OK : SHM_STICK_NONE;
		case SHM_STICK_NONE:
			/* unless it was moving while we looked */
			if (!(before & 1) &&
			    atomic_load_explicit(&b->seq, memory_order_acquire) == before)
				return SHM_STICK_NONE;
			break;
		case SHM_STICK_NEW:
		case SHM_STICK_FULL:
		case SHM_STICK_BUSY:
			return SHM_STICK_BUSY;
		}
	}
	return SHM_STICK_BUSY;
}

enum shm_stick_result
shm_stick_each(const struct shm_stick *t, uint64_t *at, uint64_t now_ms,
	       struct shm_stick_view *out)
{
	for (; *at < t->spec.buckets_n * t->spec.ways; ++*at) {
		const struct stick_bucket *b = stick_bucket_at(t, *at / t->spec.ways);
		uint32_t way = (uint32_t)(*at % t->spec.ways);
		uint8_t tag;
		if (!atomic_load_explicit(&b->tags[way], memory_order_relaxed))
			continue;
		if (!copy_way(t, b, way, &tag)) {
			++*at;
			return SHM_STICK_BUSY;
		}
		if (tag && fill_view(t, now_ms, out)) {
			++*at;
			return SHM_STICK_OK;
		}
	}
	return SHM_STICK_NONE;
}

uint64_t
shm_stick_used(const struct shm_stick *t)
{
	uint64_t n = 0;
	for (uint64_t i = 0; i < t->spec.buckets_n; i++) {
		const struct stick_bucket *b = stick_bucket_at(t, i);
		for (uint32_t way = 0; way < t->spec.ways; way++)
			n += atomic_load_explicit(&b->tags[way], memory_order_relaxed) !=
			     0;
	}
	return n;
}

uint64_t
shm_stick_live(const struct shm_stick *t, uint64_t now_ms)
{
	uint64_t n = 0, at_ms = stick_time(now_ms);
	for (uint64_t i = 0; i < t->spec.buckets_n; i++) {
		const struct stick_bucket *b = stick_bucket_at(t, i);
		for (uint32_t way = 0; way < t->spec.ways; way++) {
			struct stick_entry e;
			if (!atomic_load_explicit(&b->tags[way], memory_order_acquire))
				continue;
			stick_get(&e, stick_entry_at(t, b, way), STICK_ENTRY_BYTES);
			n += !stick_is_expired(t, &e, at_ms);
		}
	}
	return n;
}
