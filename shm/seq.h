/* SPDX-License-Identifier: MIT
 *
 * A sequence lock around plain data: odd while its one writer is at it. Words are
 * stored with release and loaded with acquire, which orders them against the sequence
 * number without fences (and is free on x86). Sizes are multiples of 4.
 */
#ifndef WEIR_SHM_SEQ_H
#define WEIR_SHM_SEQ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint32_t __attribute__((may_alias)) shm_word;

enum { SHM_SEQ_TRIES = 1000 };

static inline void
shm_words_put(void *shared, const void *from, size_t bytes)
{
	shm_word *to = shared;
	for (size_t i = 0; i < bytes / 4; i++) {
		uint32_t w;
		memcpy(&w, (const char *)from + i * 4, 4);
		__atomic_store_n(&to[i], w, __ATOMIC_RELEASE);
	}
}

static inline void
shm_words_get(void *to, const void *shared, size_t bytes)
{
	const shm_word *from = shared;
	for (size_t i = 0; i < bytes / 4; i++) {
		uint32_t w = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
		memcpy((char *)to + i * 4, &w, 4);
	}
}

/* A writer that was killed leaves the number odd; the next one goes on from there. */
static inline uint32_t
shm_seq_open(_Atomic uint32_t *seq)
{
	uint32_t odd = atomic_load_explicit(seq, memory_order_relaxed) | 1;
	atomic_store_explicit(seq, odd, memory_order_relaxed);
	return odd;
}

static inline void
shm_seq_close(_Atomic uint32_t *seq, uint32_t odd)
{
	atomic_store_explicit(seq, odd + 1, memory_order_release);
}

static inline void
shm_seq_write(_Atomic uint32_t *seq, void *shared, const void *from, size_t bytes)
{
	uint32_t odd = shm_seq_open(seq);
	shm_words_put(shared, from, bytes);
	shm_seq_close(seq, odd);
}

/* false: never at rest (its writer was stopped or killed); *to holds what was there. */
static inline bool
shm_seq_read(const _Atomic uint32_t *seq, void *to, const void *shared, size_t bytes)
{
	for (int i = 0; i < SHM_SEQ_TRIES; i++) {
		uint32_t before = atomic_load_explicit(seq, memory_order_acquire);
		shm_words_get(to, shared, bytes);
		uint32_t after = atomic_load_explicit(seq, memory_order_relaxed);
		if (before == after && !(before & 1))
			return true;
	}
	return false;
}

#endif
