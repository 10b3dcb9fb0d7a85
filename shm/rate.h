/* SPDX-License-Identifier: MIT
 *
 * Events per period over a sliding window of two periods, as HAProxy computes them: what
 * the current period has, and of the one before as much as still lies within the window.
 * The first event starts the first period. Three cells, changed under somebody's lock.
 */
#ifndef WEIR_SHM_RATE_H
#define WEIR_SHM_RATE_H

#include <stdint.h>

enum { SHM_RATE_CELLS = 3 };

struct shm_rate {
	uint64_t start_ms; /* of the current period */
	uint64_t current, previous;
};

/* What it looks like at now_ms. A clock that is behind counts as no time passed. */
static inline struct shm_rate
shm_rate_at(struct shm_rate r, uint64_t period_ms, uint64_t now_ms)
{
	uint64_t passed_ms = now_ms > r.start_ms ? now_ms - r.start_ms : 0;
	if (passed_ms < period_ms)
		return r;
	if (passed_ms < 2 * period_ms)
		return (struct shm_rate){r.start_ms + period_ms, 0, r.current};
	return (struct shm_rate){now_ms, 0, 0};
}

static inline struct shm_rate
shm_rate_add(struct shm_rate r, uint64_t period_ms, uint64_t now_ms, uint64_t n)
{
	if (r.start_ms == 0)
		r.start_ms = now_ms;
	r = shm_rate_at(r, period_ms, now_ms);
	r.current += n;
	return r;
}

/* Events per period. A single event of the period before counts as one until it leaves
 * the window, so that very low rates do not flap. */
static inline uint64_t
shm_rate_read(struct shm_rate r, uint64_t period_ms, uint64_t now_ms)
{
	r = shm_rate_at(r, period_ms, now_ms);
	uint64_t passed_ms = now_ms > r.start_ms ? now_ms - r.start_ms : 0;
	uint64_t left_ms = period_ms - passed_ms;
	if (r.previous == 0 || (r.current == 0 && r.previous == 1))
		return r.current + r.previous;
	return r.current + r.previous / period_ms * left_ms +
	       r.previous % period_ms * left_ms / period_ms;
}

#endif
