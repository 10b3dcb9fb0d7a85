/* SPDX-License-Identifier: MIT
 *
 * A robust lock with a list of the words that its owner has changed: for critical
 * sections that change more than a fixed record. Every store goes through shm_undo_set(),
 * which notes the old value first; an heir puts the noted values back, the last one
 * first. Killed at any instruction, everything under the lock is as it was before the
 * section.
 */
#ifndef WEIR_SHM_UNDO_H
#define WEIR_SHM_UNDO_H

#include "shm/layout.h"

/* The first line is the lock, then `words_n` notes. */
enum { SHM_UNDO_WORDS = 124 };
struct shm_undo {
	_Atomic uint32_t lock;
	_Atomic uint32_t seq;	  /* odd: inside a section, the notes are valid */
	_Atomic uint32_t words_n; /* notes taken */
	uint32_t reserved[13];
	struct {
		_Atomic uint64_t off, old; /* place in the region; value before */
	} words[SHM_UNDO_WORDS];
};
_Static_assert(sizeof(struct shm_undo) == 32 * SHM_LINE, "two KB");

/* Enters a section; false: the lock is busy. What a dead owner left is repaired. */
bool shm_undo_open(struct shm *s, struct shm_undo *u);
void shm_undo_close(struct shm *s, struct shm_undo *u);

static inline uint64_t
shm_undo_get(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* Release: the kernel publishes our death after our last store; among themselves the
 * stores must stay in this order. */
static inline void
shm_undo_set(struct shm *s, struct shm_undo *u, _Atomic uint64_t *word, uint64_t value)
{
	uint32_t n = atomic_load_explicit(&u->words_n, memory_order_relaxed);
	uint64_t old = shm_undo_get(word);
	if (old == value)
		return;
	must(n < SHM_UNDO_WORDS);
	atomic_store_explicit(&u->words[n].off,
			      (uint64_t)((unsigned char *)word - s->base),
			      memory_order_relaxed);
	atomic_store_explicit(&u->words[n].old, old, memory_order_relaxed);
	SHM_FAULT(undo_written);
	atomic_store_explicit(&u->words_n, n + 1, memory_order_release);
	SHM_FAULT(undo_noted);
	atomic_store_explicit(word, value, memory_order_release);
	SHM_FAULT(undo_changed);
}

#endif
