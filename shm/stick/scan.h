/* SPDX-License-Identifier: MIT
 *
 * Looking into the memory of a stick table: places, tags, values. Shared by stick.c and
 * stick_read.c.
 */
#ifndef WEIR_SHM_STICK_SCAN_H
#define WEIR_SHM_STICK_SCAN_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <string.h>

#include "lib/base/hash.h"
#include "shm/stick/stick.h"
#include "shm/stick/memory.h"

/* Times in a table: the monotonic clock, begun long before the machine was, so that what
 * came out of a file may be older than that. */
static inline uint64_t
stick_time(uint64_t mono_ms)
{
	return mono_ms + (1ULL << 42);
}

static inline uint64_t
stick_hash(const struct shm_stick *t, const void *key)
{
	return hash_bytes(key, t->spec.key_bytes, SHM_STICK_MAGIC);
}

/* The upper bits choose the bucket, the lower ones the tag. */
static inline uint64_t
stick_bucket_of(const struct shm_stick *t, uint64_t hash)
{
	uint64_t high = hash >> 32; /* STICK_SIZE_MAX keeps buckets_n below 2^32 */
	return high * t->spec.buckets_n >> 32;
}

static inline uint8_t
stick_tag_of(uint64_t hash)
{
	return (uint8_t)(1 + hash % 255);
}

/* Where a key goes if there is room: most are there, and fetched early. */
static inline uint32_t
stick_home_of(const struct shm_stick *t, uint64_t hash)
{
	return (uint32_t)(hash >> 8 & 0xffffff) % t->spec.ways;
}

static inline struct stick_bucket *
stick_bucket_at(const struct shm_stick *t, uint64_t bucket)
{
	return (struct stick_bucket *)(void *)(t->memory + STICK_HEAD_BYTES +
					       bucket * t->spec.bucket_bytes);
}

/* Beside the lock and the tags: the processor fetches them together. */
static inline unsigned char *
stick_spare(const struct stick_bucket *b)
{
	return (unsigned char *)(uintptr_t)b + sizeof(*b);
}

static inline unsigned char *
stick_way(const struct shm_stick *t, const struct stick_bucket *b, uint32_t way)
{
	return stick_spare(b) + (size_t)(way + 1) * t->spec.entry_bytes;
}

/* Entries as others see them change: in whole words, of which readers make sense by the
 * sequence number. */
typedef uint64_t __attribute__((may_alias)) stick_word;

static inline void
stick_put(void *shared, const void *from, uint32_t bytes)
{
	stick_word *to = shared;
	const stick_word *words = from;
	for (uint32_t i = 0; i < bytes / 8; i++)
		__atomic_store_n(&to[i], words[i], __ATOMIC_RELEASE);
}

static inline void
stick_get(void *to, const void *shared, uint32_t bytes)
{
	stick_word *words = to;
	const stick_word *from = shared;
	for (uint32_t i = 0; i < bytes / 8; i++)
		words[i] = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
}

static inline const struct stick_entry *
stick_entry_at(const struct shm_stick *t, const struct stick_bucket *b, uint32_t way)
{
	return (const struct stick_entry *)(const void *)stick_way(t, b, way);
}

static inline uint64_t *
stick_cells(const struct shm_stick *t, unsigned char *entry)
{
	return (uint64_t *)(void *)(entry + t->spec.cells_off);
}

static inline bool
stick_is_expired(const struct shm_stick *t, const struct stick_entry *e, uint64_t now_ms)
{
	return t->spec.expire_ms && !e->refs && now_ms > e->used_ms &&
	       now_ms - e->used_ms >= t->spec.expire_ms;
}

/* Bit per way whose tag is this one. */
static inline uint64_t
stick_match(const struct stick_bucket *b, uint8_t tag)
{
	uint64_t found = 0;
#if defined(__SSE2__) && !defined(__SANITIZE_THREAD__)
	const __m128i wanted = _mm_set1_epi8((char)tag);
	for (unsigned i = 0; i < STICK_WAYS; i += 16) {
		const __m128i *at = (const __m128i *)(const void *)(b->tags + i);
		__m128i equal = _mm_cmpeq_epi8(_mm_load_si128(at), wanted);
		found |= (uint64_t)(unsigned)_mm_movemask_epi8(equal) << i;
	}
#else
	for (unsigned i = 0; i < STICK_WAYS; i++)
		found |= (uint64_t)(atomic_load_explicit(&b->tags[i],
							 memory_order_relaxed) == tag)
			 << i;
#endif
	return found;
}

static inline bool
stick_is_key(const struct shm_stick *t, const struct stick_entry *e, const void *key)
{
	uint32_t address; /* what most keys are */
	if (t->spec.key_bytes != sizeof(address))
		return memcmp(e->key, key, t->spec.key_bytes) == 0;
	memcpy(&address, key, sizeof(address));
	return memcmp(e->key, &address, sizeof(address)) == 0;
}

/* One of the ways that matched, which is then left out: the home first, whose bytes are
 * fetched already; others may have the same tag by chance. */
static inline uint32_t
stick_next(uint64_t *found, uint32_t home)
{
	uint32_t way = *found >> home & 1 ? home : (uint32_t)__builtin_ctzll(*found);
	*found &= ~(1ULL << way);
	return way;
}

/* The way of a key, STICK_WAYS: none. Under the lock. */
static inline uint32_t
stick_find(const struct shm_stick *t, const struct stick_bucket *b, uint64_t hash,
	   const void *key)
{
	for (uint64_t found = stick_match(b, stick_tag_of(hash)); found;) {
		uint32_t way = stick_next(&found, stick_home_of(t, hash));
		if (way < t->spec.ways && stick_is_key(t, stick_entry_at(t, b, way), key))
			return way;
	}
	return STICK_WAYS;
}

/* An entry may lie in two lines; where it is larger, what is behind comes by itself. */
static inline void
stick_fetch_entry(const struct shm_stick *t, const unsigned char *entry)
{
	__builtin_prefetch(entry, 1);
	__builtin_prefetch(entry + t->spec.entry_bytes - 1, 1);
}

/* Fetches what a look for a key will need, all at once. */
static inline void
stick_fetch(const struct shm_stick *t, const struct stick_bucket *b, uint64_t hash)
{
	stick_fetch_entry(t, stick_way(t, b, stick_home_of(t, hash)));
	__builtin_prefetch(b, 1);
	__builtin_prefetch(b->tags, 1);
}

/* stick_read.c: values of an entry in private memory. */
void stick_values(const struct shm_stick *t, unsigned char *entry, uint64_t now_ms,
		  uint64_t *values);

#endif
