/* SPDX-License-Identifier: MIT
 *
 * Budgets of retries. Workers.
 */
#include "shm/budget.h"

enum {
	RETRY = 100,
	KEPT = 100 * RETRY, /* at most, unless a second adds more */
};

/* second:32 | hundredths of a retry:32 */
struct budget {
	uint32_t second, left;
};

static uint64_t
pack(struct budget b)
{
	return (uint64_t)b.second << 32 | b.left;
}

static struct budget
unpack(uint64_t word)
{
	return (struct budget){(uint32_t)(word >> 32), (uint32_t)word};
}

void
shm_budget_earn(_Atomic uint64_t *word, uint32_t percent)
{
	uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
	for (;;) {
		struct budget b = unpack(seen);
		if (b.left >= KEPT)
			return;
		b.left += percent;
		if (atomic_compare_exchange_weak(word, &seen, pack(b)))
			return;
	}
}

/* What the seconds since the last look add. */
static void
refill(struct budget *b, uint32_t min_rate, uint32_t second)
{
	uint64_t per_second = (uint64_t)min_rate * RETRY;
	uint64_t most = per_second > KEPT ? per_second : KEPT;
	if (second <= b->second)
		return; /* another process was ahead of us */
	uint64_t left = b->left + per_second * (second - b->second);
	b->second = second;
	if (left > b->left)
		b->left = (uint32_t)(left < most      ? left
				     : b->left > most ? b->left
						      : most);
}

bool
shm_budget_spend(_Atomic uint64_t *word, uint32_t min_rate, uint64_t now_ms)
{
	uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
	for (;;) {
		struct budget b = unpack(seen);
		refill(&b, min_rate, (uint32_t)(now_ms / 1000));
		if (b.left < RETRY)
			return false;
		b.left -= RETRY;
		if (atomic_compare_exchange_weak(word, &seen, pack(b)))
			return true;
	}
}
