/* SPDX-License-Identifier: MIT
 *
 * Sections that can be undone: entering, leaving, and the heir's work. Any process with
 * the region mapped for writing.
 */
#include "shm/undo.h"

/* Killed in here, the next heir does it again: words are put back in the same order to
 * the same values, and seq becomes even last. A note that makes no sense (damage) is
 * passed over. */
static void
repair(struct shm *s, struct shm_undo *u)
{
	uint32_t seq = atomic_load_explicit(&u->seq, memory_order_relaxed);
	uint32_t n = atomic_load_explicit(&u->words_n, memory_order_acquire);
	if (!(seq & 1))
		return;
	if (n > SHM_UNDO_WORDS)
		n = SHM_UNDO_WORDS;
	while (n-- > 0) {
		uint64_t off = shm_undo_get(&u->words[n].off);
		if (off < s->at.trusted_bytes || off > s->at.size_bytes - 8 || off % 8)
			continue;
		_Atomic uint64_t *word = (void *)(s->base + off);
		atomic_store_explicit(word, shm_undo_get(&u->words[n].old),
				      memory_order_release);
		SHM_FAULT(undo_restored);
	}
	atomic_store_explicit(&u->seq, seq + 1, memory_order_release);
	SHM_FAULT(undo_repaired);
}

static void
count(unsigned counter)
{
	atomic_fetch_add_explicit(&shm_lane[counter], 1, memory_order_relaxed);
}

bool
shm_undo_open(struct shm *s, struct shm_undo *u)
{
	enum shm_lock got = shm_lock_take(&s->lock, &u->lock);
	if (got == SHM_LOCK_BUSY) {
		count(SHM_GLOBAL_lock_busy);
		return false;
	}
	if (got == SHM_LOCK_HEIR) {
		repair(s, u);
		count(SHM_GLOBAL_lock_repaired);
	}
	uint32_t odd = atomic_load_explicit(&u->seq, memory_order_relaxed) | 1;
	atomic_store_explicit(&u->words_n, 0, memory_order_release);
	atomic_store_explicit(&u->seq, odd, memory_order_release);
	SHM_FAULT(undo_opened);
	return true;
}

void
shm_undo_close(struct shm *s, struct shm_undo *u)
{
	uint32_t odd = atomic_load_explicit(&u->seq, memory_order_relaxed);
	atomic_store_explicit(&u->seq, odd + 1, memory_order_release);
	SHM_FAULT(undo_closed);
	shm_lock_give(&s->lock, &u->lock);
}
