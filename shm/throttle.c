/* SPDX-License-Identifier: MIT
 *
 * Events per second. Any process with the region mapped for writing.
 */
#include "shm/throttle.h"

/* second:24 | events of the second before:20 | of this one:20 */
struct throttle {
	uint32_t second, previous, current;
};

enum { SECOND_MASK = (1 << 24) - 1, EVENTS_MASK = (1 << 20) - 1 };
_Static_assert((int)SHM_THROTTLE_MAX <= (int)EVENTS_MASK, "the limit fits");

static uint64_t
pack(struct throttle t)
{
	return (uint64_t)t.second << 40 | (uint64_t)t.previous << 20 | t.current;
}

/* What the word says of now. A clock that is behind another's counts into his second. */
static struct throttle
unpack(uint64_t word, uint64_t now_ms)
{
	struct throttle t = {(uint32_t)(word >> 40), (uint32_t)(word >> 20) & EVENTS_MASK,
			     (uint32_t)word & EVENTS_MASK};
	uint32_t second = (uint32_t)(now_ms / 1000) & SECOND_MASK;
	uint32_t passed = (second - t.second) & SECOND_MASK;
	if (passed == 0 || passed > SECOND_MASK / 2)
		return t;
	return (struct throttle){second, passed == 1 ? t.current : 0, 0};
}

bool
shm_throttle_take(_Atomic uint64_t *word, uint32_t limit, uint64_t now_ms)
{
	uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
	for (;;) {
		struct throttle t = unpack(seen, now_ms);
		uint64_t left_ms = 1000 - now_ms % 1000;
		/* rounded up: nothing more passes than the rate allows */
		if (t.current + (t.previous * left_ms + 999) / 1000 >= limit)
			return false;
		t.current++;
		if (atomic_compare_exchange_weak_explicit(word, &seen, pack(t),
							  memory_order_relaxed,
							  memory_order_relaxed))
			return true;
	}
}

/* The rest of a second with which `previous` events count as no more than `most`. */
static uint64_t
left_with(uint64_t previous, uint64_t most)
{
	return previous > most ? most * 1000 / previous : 1000;
}

uint64_t
shm_throttle_wait_ms(const _Atomic uint64_t *word, uint32_t limit, uint64_t now_ms)
{
	struct throttle t =
		unpack(atomic_load_explicit(word, memory_order_relaxed), now_ms);
	uint64_t left_ms = 1000 - now_ms % 1000, wait_ms;
	if (t.current < limit) {
		uint64_t then_ms = left_with(t.previous, limit - 1 - t.current);
		wait_ms = left_ms > then_ms ? left_ms - then_ms : 0;
	} else {
		wait_ms = left_ms + 1000 - left_with(t.current, limit - 1);
	}
	return wait_ms ? wait_ms : 1;
}

void
shm_throttle_give(_Atomic uint64_t *word, uint64_t now_ms)
{
	uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
	for (;;) {
		struct throttle t = unpack(seen, now_ms);
		if (t.current == 0)
			return;
		t.current--;
		if (atomic_compare_exchange_weak_explicit(word, &seen, pack(t),
							  memory_order_relaxed,
							  memory_order_relaxed))
			return;
	}
}
